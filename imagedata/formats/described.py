"""What formats without room for it keep beside the values: axes and geometry, as one JSON text.

The text is an object under the key 'imagedata'::

    {"imagedata": {"axes": [{"name": "time", "values": [0.0, 2.5]}], "grid": [20, 128, 128],
                   "affine": [[0, 0, 1.5, -90], [0, 1.5, 0, -70], [3, 0, 0, 12], [0, 0, 0, 1]],
                   "positions": [[x, y, z], ...], "frame_of_reference": "1.2.3", "assumed": false}}

`axes` are those beside slice, row and column, in the order of the array (tags..., slice, row,
column); their values are numbers only, since a text might name a patient. `grid` counts slices,
rows and columns: other programs may cut the values, and leave the text as it was. `affine` takes (slice,
row, column, 1), counted from 0, to x, y, z in mm, LPS. `positions` are the places of the first
voxels of slices that are not evenly spaced. The text counts on reading only where it fits.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..axis import SPATIAL, Axis, UniformAxis, UniformLengthAxis, VariableAxis
from ..errors import GeometryError, ImagedataWarning, LossWarning, OrderNotFoundError
from ..geometry import Geometry, affine_from_parts
from ..header import Header, default_dims, new_uid
from ..notices import warn_user
from .nifti.layout import TIME_AXES, axes_from_comment, comment_from_axes

__all__ = [
    'RGB',
    'RGBA',
    'SECONDARY_CAPTURE',
    'Description',
    'assumed_geometry',
    'counted_axes',
    'described',
    'description',
    'even_values',
    'new_header',
    'tag_axes',
]

RGB = np.dtype([('R', 'u1'), ('G', 'u1'), ('B', 'u1')])
"""Colour, one voxel."""

RGBA = np.dtype([('R', 'u1'), ('G', 'u1'), ('B', 'u1'), ('A', 'u1')])
"""Colour and opacity, one voxel: read where a program asks for it (`alpha=True`)."""

SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7'
"""SOP Class of images whose origin is not known (PS3.4 B.5)."""


@dataclass(frozen=True)
class Description:
    """What a text said, where it fits the values.

    Parameters
    ----------
    axes : list of (str, list or None)
        Name and values of the axes beside slice, row and column.
    geometry : Geometry or None
    """

    axes: list[tuple[str, list[Any] | None]]
    geometry: Geometry | None


def described(header: Header, shape: Sequence[int], format_name: str) -> str:
    """Return the JSON text for an array of dimensions (tags..., slice, row, column).

    Warns
    -----
    LossWarning
        When the values of an axis are no numbers.
    """
    text, dropped = comment_from_axes(header.axes(shape)[:-3])
    for name in dropped:
        warn_user(
            f'{format_name}: the values of axis {name!r} are not numbers: its name alone is written',
            LossWarning)
    content = json.loads(text)
    content['imagedata']['grid'] = [int(n) for n in shape[-3:]]
    geometry = header.geometry
    if geometry is not None:
        content['imagedata']['affine'] = geometry.affine.tolist()
        content['imagedata']['assumed'] = geometry.assumed
        if geometry.positions is not None:
            content['imagedata']['positions'] = geometry.positions.tolist()
        if geometry.frame_of_reference is not None:
            content['imagedata']['frame_of_reference'] = geometry.frame_of_reference
    return json.dumps(content, separators=(',', ':'))


def description(text: str, shape: Sequence[int], name: str) -> Description | None:
    """Return what a text says of an array (tags..., slice, row, column), None where it does not fit.

    Warns
    -----
    ImagedataWarning
        When it does not: the values of file `name` are others than those it was written for.
    """
    found = _fitting(text, shape)
    if found is None and '"imagedata"' in text:
        warn_user(
            f'{name}: what imagedata stored beside the values does not fit {" x ".join(map(str, shape))} of '
            'them: axes and place are left out; give geometry=, or assign them',
            ImagedataWarning,
        )
    return found


def _fitting(text: str, shape: Sequence[int]) -> Description | None:
    axes = axes_from_comment(text, shape[:-3])
    if axes is None:
        return None
    try:
        content = json.loads(text)['imagedata']
        if list(content.get('grid', shape[-3:])) != list(shape[-3:]):
            return None
        geometry = None
        if 'affine' in content:
            frame = content.get('frame_of_reference')
            geometry = Geometry(
                np.array(content['affine'], dtype=np.float64),
                (shape[-3], shape[-2], shape[-1]),
                None if frame is None else str(frame),
                None if content.get('positions') is None else np.array(content['positions'], np.float64),
                bool(content.get('assumed', False)),
            )
    except (ValueError, TypeError, KeyError, GeometryError):
        return None
    return Description(axes, geometry)


def assumed_geometry(spacing: Sequence[float], shape: tuple[int, int, int]) -> Geometry:
    """Return the stand-in for an unknown place: axial, first voxel at 0, 0, 0.

    Parameters
    ----------
    spacing : (3,) sequence of float
        Slice, row and column spacing in mm.
    shape : tuple of int
        Slices, rows, columns.
    """
    return Geometry(affine_from_parts([1, 0, 0, 0, 1, 0], spacing, [0, 0, 0]), shape, assumed=True)


def tag_axes(
    order: str,
    lengths: Sequence[int],
    stored: Sequence[tuple[str, list[Any] | None]] | None,
    found: Sequence[Axis],
    name: str,
) -> list[Axis]:
    """Return the axes beside slice, row and column.

    Parameters
    ----------
    order : str
        As the user gave it: 'auto', 'none' or names.
    lengths : sequence of int
    stored : sequence of (str, list or None) or None
        Axes that this library stored in the file.
    found : sequence of Axis
        What the file says by itself; the same number.
    name : str
        Of the file, for messages.

    Raises
    ------
    OrderNotFoundError
        When `order` does not name as many axes as there are.
    """
    wanted = [] if order in ('', 'auto', 'none') else [part.strip() for part in order.split(',')]
    if not wanted and order != 'none' and stored is not None:
        return [
            axis.renamed(label) if values is None else VariableAxis(label, values)
            for (label, values), axis in zip(stored, found, strict=True)
        ]
    if not wanted and order != 'none':
        return list(found)
    if not wanted:
        names = default_dims(3 + len(lengths), 'none')[: len(lengths)]
        return [axis.renamed(label) for label, axis in zip(names, found, strict=True)]
    if len(wanted) != len(lengths):
        has = f'{len(lengths)} (of length {" x ".join(map(str, lengths))})' if lengths else 'none'
        raise OrderNotFoundError(
            f'{name}: order {order!r} names {len(wanted)} dimensions beside slice, row and column, '
            f'and the file has {has}: give as many names, or leave the order out'
        )
    if len(set(wanted)) != len(wanted) or set(wanted) & set(SPATIAL):
        raise OrderNotFoundError(f'order {order!r}: names must differ, and not be {", ".join(SPATIAL)}')
    known = dict(stored or ())
    return [_named(label, axis, known.get(label), name) for label, axis in zip(wanted, found, strict=True)]


def _named(label: str, found: Axis, values: list[Any] | None, name: str) -> Axis:
    """Return the axis of a name that the user gave."""
    if values is not None:
        return VariableAxis(label, values)
    axis = found.renamed(label)
    if found.name == 'time' and label not in TIME_AXES:
        # The file's times are no b values.
        axis = UniformLengthAxis(label, 0, len(found), 1)
    counted = isinstance(axis, UniformAxis) and (axis.start, axis.step) == (0, 1)
    if counted and axis.unit is not None:
        warn_user(
            f'{name}: the file has no values for axis {label!r}: 0 to {len(axis) - 1} stand for them; '
            'assign series.axes to give them',
            ImagedataWarning)
    return axis


def counted_axes(lengths: Sequence[int]) -> list[Axis]:
    """Return axes of which nothing is known but their lengths."""
    names = default_dims(3 + len(lengths), 'none')[: len(lengths)]
    return [UniformLengthAxis(label, 0, n, 1) for label, n in zip(names, lengths, strict=True)]


def even_values(axis: Axis) -> tuple[float, float] | None:
    """Return start and step of an axis, None where its values are not evenly spaced upwards."""
    try:
        values = np.asarray(axis.values, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        return None
    if len(values) == 1:
        return float(values[0]), 1.0
    step = float(values[-1] - values[0]) / (len(values) - 1)
    even = values[0] + step * np.arange(len(values))
    return (float(values[0]), step) if step > 0 and np.allclose(values, even, rtol=0, atol=1e-6) else None


def new_header(
    axes: Sequence[Axis],
    spatial: Sequence[str],
    geometry: Geometry,
    input_format: str,
    report: Sequence[str],
    **attributes: Any,
) -> Header:
    """Return the header of an image of which no patient is known."""
    return Header(
        dims=(*(axis.name for axis in axes), *spatial),
        geometry=geometry,
        tag_axes={axis.name: axis for axis in axes},
        attributes={
            'input_format': input_format,
            'studyInstanceUID': new_uid(),
            'SOPClassUID': SECONDARY_CAPTURE,
            **attributes,
        },
        report=tuple(report),
    )
