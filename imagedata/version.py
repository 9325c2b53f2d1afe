"""Which version of the library this is."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version

__all__ = ['library_version']


@cache
def library_version() -> str:
    """Return the version of the installed distribution, such as '4.0.0'."""
    return version('imagedata')
