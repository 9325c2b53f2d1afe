"""What an index expression does to the dimensions of an array.

`parse` reads a NumPy index once and says, for each dimension, which indices are picked and
whether the dimension stays. The header is worked out from that; NumPy itself moves the values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import Any

import numpy as np

from .axis import SPATIAL
from .header import Header, Pick

__all__ = ['PendingHeader', 'index_header', 'is_basic', 'resolve']

_BASIC = (int, slice, np.integer, EllipsisType, type(None))


def is_basic(key: Any) -> bool:
    """Return whether an index is made of integers, slices, Ellipsis and newaxis only.

    Such an index cannot change after it was given, so its effect may be worked out later.
    """
    if type(key) is tuple:
        return all(isinstance(item, _BASIC) and not isinstance(item, bool) for item in key)
    return isinstance(key, _BASIC) and not isinstance(key, bool)


@dataclass(frozen=True, slots=True)
class _Parsed:
    """Picked indices by dimension, and the names of the dimensions of the result."""

    picks: dict[str, Pick]
    dims: tuple[str, ...]


def _fresh_name(taken: Sequence[str]) -> str:
    """Return a name for a new dimension that is not taken."""
    number = 0
    while f'unknown{number}' in taken:
        number += 1
    return f'unknown{number}'


def _as_list(item: Any, n: int) -> list[int] | None:
    """Return the indices that a one-dimensional list, integer or boolean array picks of `n`."""
    array = np.asarray(item)
    if array.ndim != 1 or array.dtype.kind not in 'biu':
        if array.size or array.ndim != 1:
            return None
        array = array.astype(np.intp)
    return [int(i) for i in np.arange(n)[array]]


def _parse(key: Any, dims: tuple[str, ...], shape: Sequence[int]) -> _Parsed | None:
    """Return what `key` picks, None when the result is not made of whole, labelled axes."""
    items = list(key) if isinstance(key, tuple) else [key]
    used = sum(1 for item in items if item is not None and item is not Ellipsis)
    if not any(item is Ellipsis for item in items):
        items.append(Ellipsis)
    picks: dict[str, Pick] = {}
    kept: list[str] = []
    at, lists, integers, newaxes = 0, 0, 0, 0
    for item in items:
        if item is Ellipsis:
            rest = len(dims) - used
            kept += dims[at : at + rest]
            at += rest
            continue
        if item is None:
            kept.append(_fresh_name([*dims, *kept]))
            newaxes += 1
            continue
        name, n = dims[at], shape[at]
        at += 1
        if isinstance(item, slice):
            picks[name] = range(n)[item]
            kept.append(name)
        elif isinstance(item, (int, np.integer)) and not isinstance(item, (bool, np.bool_)):
            index = int(item) + (n if item < 0 else 0)
            picks[name] = range(index, index + 1)
            integers += 1
        else:
            chosen = _as_list(item, n)
            if chosen is None or (np.asarray(item).dtype == bool and np.shape(item) != (n,)):
                return None
            picks[name] = _even(chosen)
            kept.append(name)
            lists += 1
    if lists > 1 or (lists and (integers or newaxes)):
        # NumPy joins integers and lists into one index, whose dimension may move to the front.
        return None
    return _Parsed(picks, tuple(kept))


def _even(chosen: list[int]) -> Pick:
    """Return a range where the indices step evenly."""
    if len(chosen) == 1:
        return range(chosen[0], chosen[0] + 1)
    if len(chosen) > 1 and (step := chosen[1] - chosen[0]):
        even = range(chosen[0], chosen[-1] + (1 if step > 0 else -1), step)
        if list(even) == chosen:
            return even
    return chosen


def index_header(header: Header, key: Any, shape: Sequence[int]) -> Header | None:
    """Return the header of `array[key]`, None when its axes have no meaning left.

    Parameters
    ----------
    header : Header
        Header of the array.
    key : index expression
        As given to the array; NumPy has accepted it.
    shape : tuple of int
        Shape of the array.
    """
    parsed = _parse(key, header.dims, shape)
    if parsed is None:
        return None
    return header.picked(parsed.picks, parsed.dims)


class PendingHeader:
    """The header of a part of an array, worked out when first asked for.

    Slicing in a loop should cost microseconds; most slices are never asked for their axes.
    """

    __slots__ = ('_header', 'key', 'ndim', 'parent', 'shape')

    def __init__(self, parent: Header | PendingHeader, key: Any, shape: tuple[int, ...], ndim: int) -> None:
        self.parent: Header | PendingHeader | None = parent
        self.key = key
        self.shape = shape
        self.ndim = ndim
        self._header: Header | None = None


def resolve(state: Header | PendingHeader) -> Header:
    """Return the header that `state` stands for."""
    chain: list[PendingHeader] = []
    while isinstance(state, PendingHeader):
        if state._header is not None:
            state = state._header
            break
        chain.append(state)
        assert state.parent is not None
        state = state.parent
    for pending in reversed(chain):
        found = index_header(state, pending.key, pending.shape)
        if found is None:
            # Not reached for basic indices; kept so that a header never has a wrong rank.
            found = state.plain(plain_dims(pending.ndim))
        pending._header = state = found
        pending.parent = None
    return state


def plain_dims(ndim: int) -> tuple[str, ...]:
    """Return names for dimensions that have lost their meaning.

    Examples
    --------
    >>> plain_dims(2)
    ('unknown0', 'unknown1')
    """
    return tuple(f'unknown{i}' for i in range(ndim))


def canonical_order(dims: Sequence[str]) -> list[int]:
    """Return the order of dimensions that puts tags first, then slice, row, column.

    Examples
    --------
    >>> canonical_order(('column', 'time', 'row'))
    [1, 2, 0]
    """
    tags = [i for i, d in enumerate(dims) if d not in SPATIAL]
    return tags + [dims.index(d) for d in SPATIAL if d in dims]
