"""Picking along axes by name: by index (`isel`), and by value (`sel`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .axis import Axis
from .derive import axis_number

if TYPE_CHECKING:
    from .series import Series

__all__ = ['isel', 'sel']


def isel(series: Series, picked: Mapping[str, Any]) -> Any:
    """Return a part of a Series, by indices along named axes.

    Lists pick along each axis by itself, not points as in NumPy.

    Raises
    ------
    AxisError
        When there is no axis of a name.
    """
    dims = series.header.dims
    lists = {}
    key: list[Any] = [slice(None)] * series.ndim
    for name, index in picked.items():
        at = axis_number(dims, str(name))
        if isinstance(index, (slice, int, np.integer)) and not isinstance(index, bool):
            key[at] = index
        else:
            lists[name] = index
    part = series[tuple(key)]
    for name, index in lists.items():
        at = axis_number(part.header.dims, name)
        part = part[(slice(None),) * at + (np.asarray(index),)]
    return part


def sel(
    series: Series, wanted: Mapping[str, Any], method: str | None, tolerance: float | None
) -> Any:
    """Return a part of a Series, by values along named axes."""
    if method not in (None, 'nearest'):
        raise ValueError(f"method is 'nearest' or None, got {method!r}")
    header = series.header
    picked = {}
    for name, label in wanted.items():
        at = axis_number(header.dims, str(name))
        axis = header.axis(name, series.shape[at])
        picked[name] = _indices(axis, label, method, tolerance)
    return isel(series, picked)


def _indices(axis: Axis, label: Any, method: str | None, tolerance: float | None) -> Any:
    """Return the index, or the indices, of values along an axis."""
    values = axis.values
    if isinstance(label, slice):
        return _between(axis, label)
    if isinstance(label, (list, np.ndarray)) and np.ndim(np.asarray(label, dtype=object)) > 0:
        chosen: list[int] = []
        for one in label:
            found = _equal(values, one) if method is None else []
            chosen += found or [_one(axis, one, method, tolerance)]
        return chosen
    return _one(axis, label, method, tolerance)


def _one(axis: Axis, label: Any, method: str | None, tolerance: float | None) -> int:
    """Return the index of one value: the same, to rounding, or the nearest."""
    values = axis.values
    same = _equal(values, label)
    if same:
        return same[0]
    try:
        apart = np.abs(np.asarray(values, dtype=float) - float(label))
    except (TypeError, ValueError):
        apart = np.empty(0)
    unit = f' {axis.unit}' if axis.unit else ''
    if apart.size == 0 or np.isnan(apart).all():
        raise KeyError(f'there is no {axis.name} {label!r}: the values are {_shown(values)}{unit}')
    nearest = int(np.nanargmin(apart))
    if method is None:
        # A value that was written down with fewer digits is still found.
        limit = tolerance if tolerance is not None else 1e-6 * max(abs(float(label)), 1e-6)
        if apart[nearest] <= limit:
            return nearest
        raise KeyError(
            f'there is no {axis.name} {label!r}: the nearest is {values[nearest]:g}{unit}. '
            "Give method='nearest' for that one"
        )
    if tolerance is not None and apart[nearest] > tolerance:
        raise KeyError(
            f'there is no {axis.name} within {tolerance:g} of {label!r}: '
            f'the nearest is {values[nearest]:g}{unit}'
        )
    return nearest


def _equal(values: list[Any], label: Any) -> list[int]:
    return [i for i, v in enumerate(values) if np.array_equal(v, label)]


def _shown(values: list[Any]) -> str:
    shown = [str(v) for v in values]
    return ', '.join(shown if len(shown) <= 8 else [*shown[:4], '...', *shown[-2:]])


def _between(axis: Axis, label: slice) -> list[int]:
    """Return the indices of the values from `start` to `stop`, both included."""
    if label.step is not None:
        raise ValueError('a range of values has no step: pick by index with isel()')
    values = np.asarray(axis.values, dtype=float)
    low = -np.inf if label.start is None else float(label.start)
    high = np.inf if label.stop is None else float(label.stop)
    return np.flatnonzero((values >= low) & (values <= high)).tolist()
