"""Warnings that point at the user's own line."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

__all__ = ['user_level', 'warn_user']

_PACKAGE = str(Path(__file__).parent) + os.sep


def user_level() -> int:
    """Return the stack level, for the caller, of the first frame outside of this package."""
    level = 1
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
        level += 1
    return level


def warn_user(message: str, category: type[Warning]) -> None:
    """Warn of something in the line of the program that called this library."""
    warnings.warn(message, category, stacklevel=user_level())
