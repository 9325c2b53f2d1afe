"""Files that will be read next are asked for while the one before is looked at, where the disk is slow.

What lies in the memory of the system already needs no asking: it would cost more than it saves. So it is
done when the first files have kept their reader waiting.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice

from ..contract import Source

__all__ = ['read_ahead']

_SAMPLE = slice(4, 16)
"""Files that show whether there is waiting; with the first ones, modules are imported."""

_WINDOW = 32
"""Number of files that are asked for ahead: more could push the first ones out of memory again."""

_THREADS = 4


def read_ahead(items: Iterable[Source], sources: Sequence[Source]) -> Iterator[Source]:
    """Yield items one after the other, and have the system read those that follow, where that helps.

    Parameters
    ----------
    items : iterable of Source
    sources : sequence of Source
        All that the items will be.
    """
    rest = iter(items)
    if not hasattr(os, 'posix_fadvise') or len(sources) < 2 * _SAMPLE.stop:
        yield from rest
        return
    for _ in range(_SAMPLE.start):
        yield next(rest)
    count, before = _SAMPLE.stop - _SAMPLE.start, _waits()
    yield from islice(rest, count)
    if _waits() - before < count:
        yield from rest
        return
    pool = ThreadPoolExecutor(_THREADS)
    try:
        for source in sources[_SAMPLE.stop : _SAMPLE.stop + _WINDOW]:
            pool.submit(_ask_for, source)
        for number, source in enumerate(rest, _SAMPLE.stop + _WINDOW):
            if number < len(sources):
                pool.submit(_ask_for, sources[number])
            yield source
    finally:
        pool.shutdown(cancel_futures=True)


def _waits() -> int:
    """Return how often this thread has waited for something: for a processor it does not give its own up."""
    import resource

    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw


def _ask_for(source: Source) -> None:
    """Have the system read a file; whoever opens it finds out what is wrong with it."""
    if source.path is None:
        return
    with suppress(OSError):
        file = os.open(source.path, os.O_RDONLY)
        try:
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_WILLNEED)
        finally:
            os.close(file)
