"""What NumPy's functions do to the header of a Series, in declared sets.

Every function computes on plain arrays; the header is attached once, afterwards. A function
that is in no set gives a plain array: without a claim, there is no wrong one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .header import Identity
from .indexing import plain_dims

if TYPE_CHECKING:
    from .series import Series

__all__ = ['REDUCTIONS', 'SAME_SHAPE', 'dispatch', 'reduced']

REDUCTIONS: frozenset[Callable[..., Any]] = frozenset({
    np.sum, np.mean, np.std, np.var, np.min, np.max, np.amin, np.amax, np.prod, np.any, np.all,
    np.median, np.average, np.ptp, np.nansum, np.nanmean, np.nanstd, np.nanvar, np.nanmin,
    np.nanmax, np.nanprod, np.nanmedian, np.count_nonzero,
})  # fmt: skip
"""Functions that drop the dimensions of their `axis`."""

SAME_SHAPE: frozenset[Callable[..., Any]] = frozenset({
    np.clip, np.round, np.around, np.nan_to_num, np.real, np.imag, np.angle, np.fix, np.where,
    np.zeros_like, np.ones_like, np.empty_like, np.full_like, np.copy, np.cumsum, np.cumprod,
    np.isclose, np.iscomplex, np.isreal, np.i0, np.real_if_close,
})  # fmt: skip
"""Functions whose result has a value for each voxel of its argument, where the shape is the same."""


def dispatch(func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Call a NumPy function on plain arrays, and attach the header that its result has."""
    found: list[Series] = []
    plain_args = tuple(_stripped(a, found) for a in args)
    plain_kwargs = {k: _stripped(v, found) for k, v in kwargs.items()}
    result = func(*plain_args, **plain_kwargs)
    out = kwargs.get('out')
    if out is not None and hasattr(out, 'header'):
        out._identity = Identity(values_changed=True)
        return out
    if not found or not isinstance(result, np.ndarray):
        return result
    if func in REDUCTIONS:
        bound = _signature(func).bind(*plain_args, **plain_kwargs).arguments
        keepdims = bound.get('keepdims', False)
        return reduced(found[0], result, bound.get('axis'), keepdims is True or keepdims == 1)
    if func in SAME_SHAPE:
        for series in found:
            if series.shape == result.shape:
                return series._attached(result, series.header, Identity(values_changed=True))
    return result


def reduced(series: Series, result: Any, axis: Any, keepdims: bool) -> Any:
    """Attach the header to a result of `series` reduced along `axis`."""
    if not isinstance(result, np.ndarray):
        return result
    header = series.header
    axes = range(series.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    names = [header.dims[int(i)] for i in axes]
    new = header.reduced(names, keepdims=keepdims)
    if len(new.dims) != result.ndim:
        new = header.plain(plain_dims(result.ndim))
    return series._attached(result, new, Identity(values_changed=True))


@lru_cache(maxsize=256)
def _signature(func: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(func)


def _stripped(value: Any, found: list[Series]) -> Any:
    """Return `value` with each Series in it as a plain array, and note the Series found."""
    if isinstance(value, np.ndarray) and hasattr(value, 'header'):
        found.append(value)  # type: ignore[arg-type]
        return value.view(np.ndarray)
    if isinstance(value, (list, tuple)) and any(isinstance(v, (np.ndarray, list, tuple)) for v in value):
        return type(value)(_stripped(v, found) for v in value)
    return value
