"""Images that follow each other in files that do not say of what they are: divided as the user says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from .axis import SPATIAL, UniformLengthAxis
from .errors import BadShapeGiven
from .geometry import Geometry
from .header import SeriesData, default_dims

__all__ = ['divided', 'wanted_shape']


def wanted_shape(options: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Return the option `input_shape` as numbers, None without: '10x20', or (10, 20).

    Raises
    ------
    BadShapeGiven
    """
    given = options.get('input_shape')
    if given in (None, '', ()):
        return None
    try:
        shape = tuple(int(n) for n in (given.lower().split('x') if isinstance(given, str) else given))
    except (TypeError, ValueError) as error:
        raise BadShapeGiven(f"input_shape={given!r} is not like '10x20': times x slices") from error
    if not shape or min(shape) < 1:
        raise BadShapeGiven(f"input_shape={given!r} is not like '10x20': times x slices, each at least 1")
    return shape


def divided(data: SeriesData, shape: tuple[int, ...], order: str, *, tags_first: bool) -> SeriesData:
    """Return a series whose images are divided into tags and slices.

    Parameters
    ----------
    data : SeriesData
        Of a format whose files hold images without saying what they are.
    shape : tuple of int
        Lengths of the tag axes and of the slice axis; rows and columns may follow.
    order : str
        Names of the tag axes, separated by commas; 'auto' or 'none': `none`, `unknown1`, ...
    tags_first : bool
        Whether the times of one slice follow each other, not the slices of one time.

    Returns
    -------
    SeriesData
        The volume of its first slices: their spacing, from the place of the first one.

    Raises
    ------
    BadShapeGiven
        When the shape is not that of the images, or the order does not name its axes.
    """
    header = data.header
    told = 'x'.join(map(str, shape))
    if header.attributes.get('input_format') == 'dicom':
        raise BadShapeGiven(f'input_shape={told} is for other formats: DICOM images tell what they are')
    if header.geometry is None:
        raise BadShapeGiven(f'input_shape={told}: what is to be divided has no rows and columns')
    slices, rows, columns = header.geometry.shape
    before = (*(len(header.tag_axes[name]) for name in header.tag_dims), slices)
    count = math.prod(before)
    if math.prod(shape) != count and shape[-2:] == (rows, columns):
        shape = shape[:-2]
    if math.prod(shape) != count or not shape:
        raise BadShapeGiven(f'input_shape={told} are {math.prod(shape)} images, and there are {count}')
    names = _names(order, len(shape) - 1, told)
    if shape == before and header.tag_dims == names:
        return data
    # Slices of one time, and times of one slice, lie where their first image does.
    step = math.prod(shape[:-1]) if tags_first else 1
    return replace(
        data,
        array=_reshaped(data.array, shape, (rows, columns), tags_first),
        header=replace(
            header,
            dims=(*names, *SPATIAL),
            geometry=_geometry(header.geometry, shape[-1], step),
            tag_axes={name: UniformLengthAxis(name, 0, n, 1) for name, n in zip(names, shape, strict=False)},
            images=None,
            report=(*header.report, f'{count} images divided into {told}, as input_shape says'),
        ),
    )


def _names(order: str, count: int, told: str) -> tuple[str, ...]:
    """Return the names of the tag axes."""
    if order in ('', 'auto', 'none'):
        return tuple(default_dims(3 + count, 'none')[:count])
    names = tuple(part.strip() for part in order.split(','))
    if len(names) != count or len(set(names)) != count or set(names) & set(SPATIAL):
        raise BadShapeGiven(
            f'input_shape={told} has {count} axes before the slices, and order {order!r} names {len(names)}: '
            'give as many different names'
        )
    return names


def _geometry(geometry: Geometry, slices: int, step: int) -> Geometry:
    positions = None if geometry.positions is None else geometry.positions[::step][:slices]
    return replace(geometry, shape=(slices, *geometry.shape[1:]), positions=positions)


def _reshaped(array: Any, shape: tuple[int, ...], plane: tuple[int, int], tags_first: bool) -> Any:
    """Return the images as (tags..., slice, row, column)."""
    if not array.ndim:
        return array  # headers only
    if not tags_first:
        return array.reshape(*shape, *plane)
    return np.moveaxis(array.reshape(shape[-1], *shape[:-1], *plane), 0, len(shape) - 1)
