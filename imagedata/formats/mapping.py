"""Memory-mapped values: a view of a file, of which only what is used is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataTypeError
from .contract import Source

__all__ = ['in_words', 'mapped', 'mode_of', 'reasons_of', 'refuse']

_MODES = {True: 'r', 'r': 'r', 'c': 'c'}


def mode_of(options: Mapping[str, Any]) -> str:
    """Return how a file is mapped, by the option `mmap`: 'r' (read-only) or 'c' (copy on write).

    Raises
    ------
    DataTypeError
        For any other value: the file itself is never changed.
    """
    mode = _MODES.get(options['mmap'])
    if mode is None:
        raise DataTypeError(f"mmap is True, 'r' (read-only) or 'c' (copy on write), got {options['mmap']!r}")
    return mode


def refuse(name: str, reasons: Mapping[str, bool]) -> None:
    """Raise an error with those of the reasons that hold, where any does.

    Raises
    ------
    DataTypeError
        When the values are not those that lie in the file.
    """
    found = [reason for reason, holds in reasons.items() if holds]
    if found:
        raise DataTypeError(f'{name} cannot be memory-mapped: {"; ".join(found)}. Or leave out mmap')


def reasons_of(source: Source, kind: np.dtype[Any], options: Mapping[str, Any]) -> dict[str, bool]:
    """Return the reasons against mapping that all formats have, and whether they hold."""
    wanted = options.get('dtype')
    return {
        'it does not lie on the local disk': source.path is None,
        f'its values are {kind}, and dtype={wanted} is asked for': (
            wanted is not None and np.dtype(wanted) != kind
        ),
    }


def mapped(
    source: Source, kind: np.dtype[Any], mode: str, offset: int, shape: tuple[int, ...]
) -> NDArray[Any]:
    """Return the values in a file from a byte on, in C order."""
    assert source.path is not None
    mapping: Any = np.memmap
    values: NDArray[Any] = mapping(source.path, kind, mode, offset, shape)
    return values


def in_words(mode: str) -> str:
    """Return what the report says of it."""
    return f'memory-mapped, {"read-only" if mode == "r" else "copy on write"}'
