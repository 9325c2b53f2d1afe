"""Functions for other processes, which import them from here."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np


def mean(series: Any) -> float:
    return float(np.mean(np.asarray(series)))


def end_on_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return number * number


def deaf(number: int) -> int:
    """Take long, and do not listen."""
    until = time.monotonic() + 600
    while number and time.monotonic() < until:
        with suppress(KeyboardInterrupt):
            time.sleep(1)
    return number


@dataclass(frozen=True)
class KilledOnce:
    """The mean of a series, but the first process that comes here is killed."""

    path: str

    def __call__(self, series: Any) -> float:
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            time.sleep(0.05)
            return mean(series)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


def killed_while_writing(path: str) -> None:
    """Have the first process that is about to put a second file into place killed there."""
    from imagedata.archives import filesystemarchive as archive

    real, moved = os.replace, []

    def replace(source: Any, target: Any) -> None:
        real(source, target)
        moved.append(target)
        if len(moved) == 2 and not os.path.exists(path):
            os.close(os.open(path, os.O_CREAT))
            os.kill(os.getpid(), signal.SIGKILL)

    archive.os = _Os(replace)  # type: ignore[attr-defined]


def failing_at_first(path: str) -> None:
    """Have the first file that is put into place fail."""
    from imagedata.archives import filesystemarchive as archive

    def replace(source: Any, target: Any) -> None:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            os.replace(source, target)
            return
        raise OSError(5, "the disk failed")

    archive.os = _Os(replace)  # type: ignore[attr-defined]


class _Os:
    """The module `os` for one module, with another way of moving files."""

    def __init__(self, replace: Any) -> None:
        self.replace = replace

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)
