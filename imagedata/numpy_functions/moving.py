"""NumPy functions that move, flip, pick or compare the voxels of one array."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..derive import broadcast, degraded, differenced, expanded, names_of, rolled
from ..header import Header
from ..indexing import even
from ..ufuncs import is_series, plain_state

if TYPE_CHECKING:
    from ..series import Series

__all__ = ['HANDLERS']


def _axes(axis: Any, ndim: int) -> list[int]:
    """Return axes as numbers from 0; all of them for None."""
    if axis is None:
        return list(range(ndim))
    return [int(a) % ndim for a in (axis if isinstance(axis, (tuple, list)) else (axis,))]


def _moveaxis(result: Any, source: Series | None, given: Mapping[str, Any]) -> Any:
    if source is None:
        return result
    ndim = source.ndim
    start, end = _axes(given['source'], ndim), _axes(given['destination'], ndim)
    order = [i for i in range(ndim) if i not in start]
    for place, axis in sorted(zip(end, start, strict=True)):
        order.insert(place, axis)
    return source._same(result, lambda h: h.transposed(order))


def _rollaxis(result: Any, source: Series | None, given: Mapping[str, Any]) -> Any:
    if source is None:
        return result
    ndim = source.ndim
    axis = int(given['axis']) % ndim
    start = int(given['start'])
    start += ndim if start < 0 else 0
    order = [i for i in range(ndim) if i != axis]
    order.insert(start - 1 if axis < start else start, axis)
    return source._same(result, lambda h: h.transposed(order))


def _flipped(header: Header, shape: tuple[int, ...], axes: list[int]) -> Header:
    picks = {header.dims[i]: range(shape[i] - 1, -1, -1) for i in axes}
    return header.picked(picks, header.dims)


def _flip(result: Any, source: Series | None, given: Mapping[str, Any], axis: Any = ...) -> Any:
    if source is None:
        return result
    axes = _axes(given['axis'] if axis is ... else axis, source.ndim)
    return source._same(result, partial(_flipped, shape=source.shape, axes=axes))


def _rot90(result: Any, source: Series | None, given: Mapping[str, Any]) -> Any:
    if source is None:
        return result
    shape, k = source.shape, int(given['k']) % 4
    a, b = _axes(tuple(given['axes']), source.ndim)
    order = list(range(source.ndim))
    if k % 2:
        order[a], order[b] = order[b], order[a]
    # Once round is flip, then transpose; three times is transpose, then flip.
    flips = {0: [], 1: [b], 2: [a, b], 3: [a]}[k]
    return source._same(result, lambda h: _flipped(h, shape, flips).transposed(order))


def _roll(result: Any, source: Series | None, given: Mapping[str, Any]) -> Any:
    if source is None:
        return result
    if given['axis'] is None and source.ndim != 1:
        return source._attached(result, plain_state(source, result.ndim), source._get_identity())
    axes = _axes(given['axis'], source.ndim)
    count = max(len(axes), np.size(given['shift']))
    shifts: dict[int, int] = {}
    for axis, shift in zip(
        np.broadcast_to(axes, count), np.broadcast_to(given['shift'], count), strict=True
    ):
        shifts[int(axis)] = shifts.get(int(axis), 0) + int(shift)
    shape = source.shape
    return source._same(
        result, lambda h: rolled(h, shape, {h.dims[a]: s for a, s in shifts.items()})
    )


def _expand_dims(result: Any, source: Series | None, given: Mapping[str, Any]) -> Any:
    if source is None:
        return result
    ndim = result.ndim
    places = _axes(given['axis'], ndim)
    return source._same(result, lambda h: expanded(h, places, ndim))


_AT_LEAST = {
    np.atleast_1d: {0: [0]},
    np.atleast_2d: {0: [0, 1], 1: [0]},
    np.atleast_3d: {0: [0, 1, 2], 1: [0, 2], 2: [2]},
}


def _at_least(function: Any, result: Any, source: Series | None, given: Mapping[str, Any]) -> Any:
    def one(array: Any, plain: Any) -> Any:
        if not is_series(array):
            return plain
        places = _AT_LEAST[function].get(array.ndim)
        if places is None:
            return array
        return array._same(plain, lambda h: expanded(h, places, plain.ndim))

    arrays = given['arys']
    if len(arrays) == 1:
        return one(arrays[0], result)
    return tuple(one(a, r) for a, r in zip(arrays, result, strict=True))


def _broadcast(array: Any, result: Any) -> Any:
    if not is_series(array):
        return result
    old, new = array.shape, result.shape
    return array._same(result, lambda h: broadcast(h, old, new))


def _broadcast_to(result: Any, source: Series | None, given: Mapping[str, Any]) -> Any:
    return _broadcast(source, result)


def _broadcast_arrays(result: Any, source: Series | None, given: Mapping[str, Any]) -> Any:
    return type(result)(_broadcast(a, r) for a, r in zip(given['args'], result, strict=True))


def _unlabelled(result: Any, source: Series | None, given: Mapping[str, Any]) -> Any:
    """One dimension loses its labels: its values stand in another order, or others are among them."""
    if source is None:
        return result
    axis = given['axis']
    if axis is None:
        return source._unknown(result)
    return source._derived(result, lambda h: degraded(h, names_of(h.dims, axis)))


def _delete(result: Any, source: Series | None, given: Mapping[str, Any]) -> Any:
    if source is None:
        return result
    if given['axis'] is None:
        return source._unknown(result)
    axis = int(given['axis']) % source.ndim
    left = even(np.delete(np.arange(source.shape[axis]), given['obj']).tolist())
    return source._same(result, lambda h: h.picked({h.dims[axis]: left}, h.dims))


def _gradient(result: Any, source: Series | None, given: Mapping[str, Any]) -> Any:
    if source is None:
        return result
    if isinstance(result, (list, tuple)):
        return type(result)(source._derived(r, None) for r in result)
    return source._derived(result, None)


def _diff(result: Any, source: Series | None, given: Mapping[str, Any]) -> Any:
    if source is None:
        return result
    axis, order = int(given['axis']) % source.ndim, int(given['n'])
    n = source.shape[axis]
    if order == 0:
        return source
    added = any(
        given[end] is not None and given[end] is not np._NoValue
        for end in ('prepend', 'append')
    )
    if added:
        return source._derived(result, lambda h: degraded(h, [h.dims[axis]]))
    return source._derived(result, lambda h: differenced(h, h.dims[axis], n, order))


HANDLERS: Mapping[Callable[..., Any], Callable[..., Any]] = {
    np.moveaxis: _moveaxis,
    np.rollaxis: _rollaxis,
    np.flip: _flip,
    np.flipud: partial(_flip, axis=0),
    np.fliplr: partial(_flip, axis=1),
    np.rot90: _rot90,
    np.roll: _roll,
    np.expand_dims: _expand_dims,
    **{function: partial(_at_least, function) for function in _AT_LEAST},
    np.broadcast_to: _broadcast_to,
    np.broadcast_arrays: _broadcast_arrays,
    np.sort: _unlabelled,
    np.partition: _unlabelled,
    np.delete: _delete,
    np.insert: _unlabelled,
    np.gradient: _gradient,
    np.diff: _diff,
}
