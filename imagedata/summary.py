"""A Series in a few lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .axis import SPATIAL, Axis

if TYPE_CHECKING:
    from .series import Series

__all__ = ['summary']


def summary(series: Series, *, values: bool = True) -> str:
    """Return what a person wants to know of a Series first: what, where, and how large.

    Patient name and ID are left to their properties: text ends up in logs. Without `values`, no
    voxel is looked at.
    """
    header = series.header
    lines = [repr(series)[1:-1]]
    for axis in header.axes(series._shape):
        if axis.name not in SPATIAL:
            lines.append(f'  {axis.name}: {_values(axis)}')
    grid = header.geometry
    if grid is not None:
        origin = ', '.join(f'{v:.2f}' for v in grid.origin[::-1])
        note = ' (assumed)' if grid.assumed else ''
        if grid.is_sheared and not grid.assumed:
            note = ', sheared'
            if grid.is_uniform and grid.shape[0] > 1:
                note += f' (planes {abs(float(grid.affine[:3, 0] @ grid.normal)):.4g} mm apart)'
        note += '' if grid.is_uniform else ', slices unevenly spaced'
        lines.append(f'  first voxel at z, y, x = {origin} mm{note}')
    else:
        lines.append('  no geometry')
    plain = np.asarray(series)
    if values and plain.size and plain.dtype.kind in 'buif':
        lines.append(f'  values {plain.min()} to {plain.max()}')
    return '\n'.join(lines)


def _values(axis: Axis) -> str:
    """Return the values of a tag axis, the middle ones left out when there are many."""
    shown = [_value(v) for v in axis.values]
    if len(shown) > 8:
        shown = [*shown[:4], '...', *shown[-2:]]
    return ', '.join(shown) + (f' {axis.unit}' if axis.unit else '')


def _value(value: Any) -> str:
    return f'{value:g}' if isinstance(value, (int, float)) else str(value)
