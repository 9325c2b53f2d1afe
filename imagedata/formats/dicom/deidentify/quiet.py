"""Values that are read without a word about them: what pydicom warns of, it quotes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

__all__ = ['quietly']

_lock = Lock()
_inside: list[int] = []
"""The mode before, once for each block that is under way."""


@contextmanager
def quietly() -> Iterator[None]:
    """Let pydicom read values that are not valid, and not tell them.

    Its mode holds for the process: the first block sets it, the last one that ends sets it back.
    """
    from pydicom import config

    with _lock:
        _inside.append(_inside[0] if _inside else config.settings.reading_validation_mode)
        config.settings.reading_validation_mode = config.IGNORE
    try:
        yield
    finally:
        with _lock:
            before = _inside.pop()
            if not _inside:
                config.settings.reading_validation_mode = before
