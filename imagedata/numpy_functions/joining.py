"""NumPy functions that put arrays together, or make one larger."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..axis import SPATIAL
from ..derive import joined, padded, stacked
from ..header import Header
from ..indexing import fresh_names
from ..ufuncs import compare_grids, is_series

if TYPE_CHECKING:
    from ..series import Series

__all__ = ['HANDLERS']


def _first(arrays: Sequence[Any]) -> Series | None:
    return next((a for a in arrays if is_series(a)), None)


def _compare(arrays: Sequence[Any], first: Series) -> None:
    for other in arrays:
        if is_series(other) and other is not first:
            compare_grids(first, other)


def _join(result: Any, arrays: Sequence[Any], axis: Any) -> Any:
    """Attach the header of arrays one after the other along `axis`."""
    first = _first(arrays)
    if first is None or axis is None or type(result) is not np.ndarray:
        return result
    axis = int(axis) % first.ndim
    headers = [a.header if is_series(a) else None for a in arrays]
    if first.header.dims[axis] not in SPATIAL:
        _compare(arrays, first)
    lengths = [np.shape(a)[axis] for a in arrays]
    known = [n for n, h in zip(lengths, headers, strict=True) if h is not None]
    header = joined(headers, known, axis)
    return first._attached(result, header, first._new_identity())


def _concatenate(result: Any, source: Any, given: Mapping[str, Any]) -> Any:
    return _join(result, given['arrays'], given['axis'])


def _append(result: Any, source: Any, given: Mapping[str, Any]) -> Any:
    return _join(result, (given['arr'], given['values']), given['axis'])


def _stack(result: Any, source: Any, given: Mapping[str, Any], at: int | None = None) -> Any:
    """Attach the header of arrays along a new axis."""
    arrays = given['arrays'] if 'arrays' in given else given['tup']
    first = _first(arrays)
    if first is None or type(result) is not np.ndarray:
        return result
    axis = int(given['axis'] if at is None else at) % result.ndim
    header = stacked([a.header if is_series(a) else None for a in arrays], axis)
    return first._attached(result, header, first._new_identity())


def _along(axis: int, result: Any, source: Any, given: Mapping[str, Any]) -> Any:
    """Join along `axis`, for arrays that have it; those of fewer dimensions become plain."""
    arrays = given['tup']
    dims = {np.ndim(a) for a in arrays}
    if dims == {1} and axis == 1 and result.ndim == 1:
        axis = 0
    if dims == {2} and axis == 2:
        return _stack(result, source, given, at=2)
    if len(dims) > 1 or min(dims) <= axis:
        return result
    if result.ndim != min(dims):
        return result
    return _join(result, arrays, axis)


def _pad(result: Any, source: Series | None, given: Mapping[str, Any]) -> Any:
    if source is None:
        return result
    ndim, shape = source.ndim, source.shape
    width = given['pad_width']
    if isinstance(width, dict):
        pairs = np.zeros((ndim, 2), dtype=int)
        for axis, one in width.items():
            pairs[axis] = one
    else:
        pairs = np.broadcast_to(np.asarray(width), (ndim, 2))

    def derive(header: Header) -> Header:
        named = {d: (int(p[0]), int(p[1])) for d, p in zip(header.dims, pairs, strict=True)}
        return padded(header, shape, named)

    return source._copied(result, derive)


def _tile(result: Any, source: Series | None, given: Mapping[str, Any]) -> Any:
    if source is None:
        return result
    shape = source.shape
    given_reps = [int(r) for r in np.atleast_1d(given['reps'])]
    reps = [1] * (len(shape) - len(given_reps)) + given_reps
    lead = len(reps) - len(shape)

    def derive(header: Header) -> Header:
        picks = {
            name: list(range(n)) * count
            for name, n, count in zip(header.dims, shape, reps[lead:], strict=True)
            if count != 1
        }
        if set(picks) & set(SPATIAL):
            header = header.with_geometry(None)
        new = header.picked(picks, header.dims)
        return replace(new, dims=(*fresh_names(header.taken_names, lead), *header.dims))

    return source._copied(result, derive)


HANDLERS: Mapping[Callable[..., Any], Callable[..., Any]] = {
    np.concatenate: _concatenate,
    np.append: _append,
    np.stack: _stack,
    np.vstack: partial(_along, 0),
    np.hstack: partial(_along, 1),
    np.column_stack: partial(_along, 1),
    np.dstack: partial(_along, 2),
    np.pad: _pad,
    np.tile: _tile,
}
