"""What an index expression does to the dimensions of an array.

A NumPy index is read once: which indices are picked along each dimension, and whether the
dimension stays. The header is worked out from that; NumPy itself moves the values.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import EllipsisType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .axis import SPATIAL
from .header import Header, Pick

__all__ = [
    'Derivation',
    'PendingHeader',
    'canonical_order',
    'even',
    'fresh_names',
    'index_header',
    'is_basic',
    'plain_dims',
    'resolve',
]

Derivation: TypeAlias = Callable[[Header], Header]

_BASIC = (int, slice, np.integer, EllipsisType, type(None))
_DEEPEST = 64
"""How many headers may wait to be worked out, each for the one before it."""

_QUICK = frozenset({int, slice, EllipsisType, type(None)})


def is_basic(key: Any) -> bool:
    """Return whether an index is made of integers, slices, Ellipsis and newaxis only.

    Such an index cannot change after it was given, so its effect may be worked out later.
    """
    if type(key) is tuple:
        for item in key:
            if type(item) not in _QUICK and (
                not isinstance(item, _BASIC) or isinstance(item, bool)
            ):
                return False
        return True
    return type(key) in _QUICK or (isinstance(key, _BASIC) and not isinstance(key, bool))


def fresh_names(taken: Sequence[str], count: int = 1) -> list[str]:
    """Return names for new dimensions that are not taken.

    Examples
    --------
    >>> fresh_names(['unknown1', 'row'], 2)
    ['unknown0', 'unknown2']
    """
    names: list[str] = []
    number = 0
    while len(names) < count:
        if f'unknown{number}' not in taken:
            names.append(f'unknown{number}')
        number += 1
    return names


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


def even(chosen: Sequence[int]) -> Pick:
    """Return a range where indices step evenly, else a list."""
    chosen = list(chosen)
    if not chosen:
        return range(0)
    if len(chosen) == 1:
        return range(chosen[0], chosen[0] + 1)
    if len(chosen) > 1 and (step := chosen[1] - chosen[0]):
        steady = range(chosen[0], chosen[-1] + (1 if step > 0 else -1), step)
        if len(steady) == len(chosen) and list(steady) == chosen:
            return steady
    return chosen


@dataclass(slots=True)
class _Reading:
    """An index expression as far as it was read.

    `dims` are the names of the result so far. The arrays of an advanced index share dimensions
    of their own; these go where the first of them stands, or, when a slice or newaxis stands
    between them, to the front.
    """

    picks: dict[str, Pick] = field(default_factory=dict)
    dims: list[str] = field(default_factory=list)
    arrays: list[tuple[str, NDArray[Any]]] = field(default_factory=list)
    at: int = 0
    together: bool = True
    gap: bool = False
    integers: list[int] = field(default_factory=list)

    def mark(self) -> None:
        """Note that an item of the advanced index stands here."""
        if not self.arrays and not self.integers:
            self.at = len(self.dims)
        elif self.gap:
            self.together = False
        self.gap = False

    def keep(self, *names: str) -> None:
        """Note dimensions that stay, between items of the advanced index perhaps."""
        self.dims += names
        self.gap = True


def _as_integer(item: Any) -> int | None:
    """Return an integer index, None when `item` is none."""
    if isinstance(item, (bool, np.bool_)):
        return None
    try:
        return operator.index(item)
    except TypeError:
        return None


def _read(
    key: Any, dims: tuple[str, ...], shape: Sequence[int], taken: Sequence[str] = ()
) -> _Reading | None:
    """Read an index, None when it is none of whole, labelled dimensions."""
    items = list(key) if isinstance(key, tuple) else [key]
    used = sum(1 for item in items if item is not None and item is not Ellipsis)
    if not any(item is Ellipsis for item in items):
        items.append(Ellipsis)
    got = _Reading()
    at = 0
    for item in items:
        if item is Ellipsis:
            rest = len(dims) - used
            got.keep(*dims[at : at + rest])
            at += rest
        elif item is None:
            got.keep(*fresh_names([*dims, *taken, *got.dims]))
        elif at >= len(dims):
            return None
        elif isinstance(item, slice):
            got.picks[dims[at]] = range(shape[at])[item]
            got.keep(dims[at])
            at += 1
        else:
            if not _read_advanced(got, item, dims[at], shape[at]):
                return None
            at += 1
    return got


def _read_advanced(got: _Reading, item: Any, name: str, n: int) -> bool:
    """Read an integer, or a list or array along one dimension of length `n`."""
    index = _as_integer(item)
    got.mark()
    if index is not None:
        index += n if index < 0 else 0
        got.picks[name] = range(index, index + 1)
        got.integers.append(index)
        return True
    array = np.asarray(item)
    if array.dtype.kind == 'b':
        if array.shape != (n,):
            return False
        array = np.flatnonzero(array)
    elif array.size == 0:
        array = array.astype(np.intp)
    if array.dtype.kind not in 'iu' or array.ndim == 0:
        return False
    got.arrays.append((name, array))
    return True


def _finish(got: _Reading, counts: dict[str, int]) -> tuple[str, ...] | None:
    """Put the dimensions of the advanced index in their place; None when they are points.

    Arrays of an open mesh (`np.ix_`) pick along one dimension each; one array alone is the
    simplest mesh.
    """
    k = len(got.arrays)
    if not k:
        return tuple(got.dims)
    names = []
    for i, (name, array) in enumerate(got.arrays):
        if array.shape != (1,) * i + (array.size,) + (1,) * (k - 1 - i):
            return None
        n = counts[name]
        if array.size and not -n <= array.min() <= array.max() < n:
            return None  # NumPy before 2.3 lets this pass where nothing is picked
        got.picks[name] = even([int(v) + (n if v < 0 else 0) for v in array.ravel()])
        names.append(name)
    at = got.at if got.together else 0
    return (*got.dims[:at], *names, *got.dims[at:])


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
    got = _read(key, header.dims, shape, header.taken_names)
    if got is None:
        return None
    dims = _finish(got, dict(zip(header.dims, shape, strict=True)))
    return None if dims is None else header.picked(got.picks, dims)


class PendingHeader:
    """The header of a part of an array, worked out when first asked for.

    Slicing in a loop should cost microseconds; most slices are never asked for their axes.

    Parameters
    ----------
    parent : Header or PendingHeader
        Header of the array that the operation was done on.
    key : index expression or Derivation
        The basic index, or a function from the header of the array to that of the result.
    shape : tuple of int
        Shape of the array.
    ndim : int
        Number of dimensions of the result.
    """

    __slots__ = ('_header', 'depth', 'key', 'ndim', 'parent', 'shape')

    def __init__(
        self, parent: Header | PendingHeader, key: Any, shape: tuple[int, ...], ndim: int
    ) -> None:
        self.parent: Header | PendingHeader | None = parent
        self.depth = 0
        if type(parent) is PendingHeader:
            self.depth = parent.depth + 1
            if self.depth > _DEEPEST:  # a loop that slices again and again
                self.parent = resolve(parent)
                self.depth = 0
        self.key = key
        self.shape = shape
        self.ndim = ndim
        self._header: Header | None = None


def resolve(state: Header | PendingHeader) -> Header:
    """Return the header that `state` stands for."""
    chain: list[PendingHeader] = []
    while isinstance(state, PendingHeader):
        # Read once: another thread may resolve the same header meanwhile.
        parent, found = state.parent, state._header
        if found is not None:
            state = found
            break
        chain.append(state)
        assert parent is not None
        state = parent
    for pending in reversed(chain):
        derived = _derived(state, pending)
        if derived is None or len(derived.dims) != pending.ndim:
            derived = state.plain(plain_dims(pending.ndim))
        pending._header = state = derived
        pending.parent = None
    return state


def _derived(header: Header, pending: PendingHeader) -> Header | None:
    if callable(pending.key):
        result: Header = pending.key(header)
        return result
    return index_header(header, pending.key, pending.shape)
