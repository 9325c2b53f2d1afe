"""Telling how far a long job is, to whoever wants to know; nothing is done when nobody does.

The loops that take long pass what they work on through `tracked`. A program that shows progress
runs them within `reporting`. The two meet in a context variable, so that no function between
them has to know, and two threads do not hear of each other.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TextIO, TypeAlias, TypeVar

__all__ = ['Bar', 'Report', 'reporting', 'told', 'tracked']

T = TypeVar('T')

Report: TypeAlias = Callable[[str, int, int], None]
"""Called with what is done ('Reading'), how many are done, and how many there are."""

_report: ContextVar[Report | None] = ContextVar('imagedata_progress', default=None)


def tracked(items: Sequence[T], what: str) -> Iterable[T]:
    """Return the items, one at a time, while their number is reported.

    Where nobody listens, they are returned as they are: a loop over them costs nothing more.

    Parameters
    ----------
    items : sequence
    what : str
        The job in one word: 'Reading'.
    """
    report = _report.get()
    return items if report is None else _counted(items, what, report)


def _counted(items: Sequence[T], what: str, report: Report) -> Iterator[T]:
    total = len(items)
    for number, item in enumerate(items):
        report(what, number, total)
        yield item
    report(what, total, total)


def told(what: str, done: int, total: int) -> None:
    """Report how far a job is that is no loop over items: so many bytes of a file.

    Parameters
    ----------
    what : str
        The job in one word: 'Fetching'.
    done, total : int
    """
    report = _report.get()
    if report is not None:
        report(what, done, total)


@contextmanager
def reporting(report: Report | None) -> Iterator[None]:
    """Have progress reported to a function while in this context.

    Parameters
    ----------
    report : callable or None
        Called for every file or image, so it must be quick. None: nobody is told.

    Examples
    --------
    >>> with reporting(lambda what, done, total: print(what, done, 'of', total)):
    ...     for name in tracked(['a', 'b'], 'Reading'):
    ...         pass
    Reading 0 of 2
    Reading 1 of 2
    Reading 2 of 2
    """
    token = _report.set(report)
    try:
        yield
    finally:
        _report.reset(token)


class Bar:
    """A bar on one line of a terminal, which is gone when the job is done.

    Parameters
    ----------
    stream : text file
        The terminal.
    delay : float
        Time in s before a bar appears: a quick job shows none.
    interval : float
        Least time in s between two states of it.
    """

    def __init__(self, stream: TextIO, delay: float = 0.3, interval: float = 0.1) -> None:
        self._stream = stream
        self._delay = delay
        self._interval = interval
        self._what = ''
        self._next = 0.0
        self._shown = False

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show a state, if it is time to."""
        if done >= total:
            self.clear()
            self._what = ''
            return
        now = time.monotonic()
        if what != self._what:
            self._what = what
            self._next = now + self._delay
        elif now >= self._next:
            self._next = now + self._interval
            self._draw(what, done, total)

    def clear(self) -> None:
        """Take the bar off the line, so that something else can be printed there."""
        if self._shown:
            self._stream.write('\r\x1b[K')
            self._stream.flush()
            self._shown = False

    def _draw(self, what: str, done: int, total: int) -> None:
        counts = f'{done}/{total}'
        # A line that fills the last column would wrap on some terminals, and pile up.
        room = self._columns() - len(what) - len(counts) - 12
        width = max(0, min(40, room))
        filled = width * done // total
        bar = f'[{"#" * filled}{"-" * (width - filled)}] ' if width else ''
        self._stream.write(f'\r{what} {bar}{100 * done // total:3d} % {counts}\x1b[K')
        self._stream.flush()
        self._shown = True

    def _columns(self) -> int:
        """Return the width of the terminal that the bar is on: stdout may be a file, or another one."""
        try:
            columns = os.get_terminal_size(self._stream.fileno()).columns
        except (OSError, ValueError):
            columns = 0
        return columns or shutil.get_terminal_size().columns
