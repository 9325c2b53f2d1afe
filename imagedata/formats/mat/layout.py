"""How a series lies in a MATLAB file.

The image is one variable, `A` unless another name is chosen, with the dimensions (row, column,
slice, tags...): `imagesc(A(:, :, 3))` shows the third slice. Colour has a last dimension of 3.

A struct `imagedata` stands beside it, with the fields

======================  ====================================================================
`variable`              name of the image variable
`dimensions`            names of its dimensions, separated by commas: 'row,column,slice,time'
`affine`                4 x 4; from (row, column, slice, 1), counted from 0, to x, y, z in mm,
                        LPS: the place of A(r, c, s) is affine * [r-1; c-1; s-1; 1]
`spacing`               row, column and slice spacing in mm
`positions`             slices x 3, places of the first voxel of each slice, where these are not
                        evenly spaced; else empty
`frame_of_reference`    UID, or empty
`assumed`               true where the place is not known, and `affine` stands for it
`axes`                  names and values of the tags, as JSON text (`formats.described`)
======================  ====================================================================

On reading, the struct counts where it fits the variable. A file without it is an array without
axes and place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...header import Header
from ..described import Description, described, description

__all__ = ['STRUCT', 'VARIABLE', 'described_by', 'is_colour', 'struct_of', 'version_of']

STRUCT = 'imagedata'
"""Name of the struct."""

VARIABLE = 'A'
"""Name of the image where none is chosen."""

_OUR_ORDER = [2, 0, 1, 3]
"""Which columns for (row, column, slice, origin) are those for (slice, row, column, origin)."""

_MATLAB_ORDER = [1, 2, 0, 3]
"""The other way round."""


def version_of(name: str, head: bytes) -> str | None:
    """Return '4', '5' (5 to 7) or '7.3', None where the file is not MATLAB's.

    Source: The MathWorks, MAT-File Format, for the text and the bytes 124 to 127 of level 5, and
    for the five numbers that begin a variable of level 4.
    """
    if head.startswith(b'MATLAB 7.3 MAT-file') or (
        head[124:128] in (b'\x00\x02IM', b'\x02\x00MI') and head[512:516] == b'\x89HDF'
    ):
        return '7.3'
    if head.startswith(b'MATLAB 5.0 MAT-file') or head[124:128] in (b'\x00\x01IM', b'\x01\x00MI'):
        return '5'
    if name.lower().endswith('.mat') and _is_version_4(head):
        return '4'
    return None


def _is_version_4(head: bytes) -> bool:
    if len(head) < 20:
        return False
    orders: tuple[Any, ...] = ('little', 'big')
    for order in orders:
        kind, rows, columns, imaginary, length = (
            int.from_bytes(head[at : at + 4], order, signed=True)
            for at in range(0, 20, 4)
        )
        digits = [kind // 1000 % 10, kind // 100 % 10, kind // 10 % 10, kind % 10]
        if (
            0 <= kind < 5000
            and digits[1] == 0
            and digits[2] <= 5
            and digits[3] <= 2
            and min(rows, columns) >= 0
            and imaginary in (0, 1)
            and 1 < length <= 256
        ):
            return True
    return False


def struct_of(header: Header, shape: Sequence[int], variable: str, colour: bool) -> dict[str, Any]:
    """Return the fields for an array of dimensions (tags..., slice, row, column)."""
    tags = header.dims[:-3]
    content = json.loads(described(header, shape, 'MATLAB'))['imagedata']
    fields: dict[str, Any] = {
        'variable': variable,
        'dimensions': ','.join(['row', 'column', 'slice', *tags, *(['rgb'] if colour else [])]),
        'axes': json.dumps({'imagedata': {key: content[key] for key in ('axes', 'grid')}}),
    }
    geometry = header.geometry
    if geometry is None:
        return fields
    positions = np.zeros((0, 3)) if geometry.positions is None else np.array(geometry.positions)
    return {
        **fields,
        'affine': geometry.affine[:, _MATLAB_ORDER],
        'spacing': geometry.spacing[_MATLAB_ORDER[:3]],
        'positions': positions,
        'frame_of_reference': geometry.frame_of_reference or '',
        'assumed': bool(geometry.assumed),
    }


def described_by(fields: Mapping[str, Any], shape: Sequence[int], name: str) -> Description | None:
    """Return what the fields say of an array (tags..., slice, row, column), None where they do not fit."""
    try:
        content = json.loads(str(fields['axes']))['imagedata']
        if 'affine' in fields:
            affine = np.asarray(fields['affine'], dtype=np.float64).reshape(4, 4)
            content['affine'] = affine[:, _OUR_ORDER].tolist()
            content['assumed'] = bool(np.asarray(fields['assumed']).ravel()[0])
            positions = np.asarray(fields['positions'], dtype=np.float64)
            if positions.size:
                content['positions'] = positions.reshape(-1, 3).tolist()
            content['frame_of_reference'] = str(fields['frame_of_reference']) or None
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return None
    return description(json.dumps({'imagedata': content}), shape, name)


def is_colour(fields: Mapping[str, Any]) -> bool:
    """Return whether the last dimension is that of colour."""
    return str(fields.get('dimensions', '')).endswith(',rgb')
