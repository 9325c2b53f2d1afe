"""Between this library's images and medio's: the order of axes, channels, orientation.

medio's arrays are indexed (x, y, z): column, row, slice, then time and other axes, then channels.
Its affine has its columns in that order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..axis import SPATIAL, VariableAxis
from ..errors import GeometryError
from ..formats.described import RGB, RGBA
from ..geometry import Geometry
from ..header import Header, Identity, SeriesData, new_uid
from .metadata.affine import Affine
from .metadata.convert_nib_itk import convert_affine
from .metadata.metadata import MetaData, check_ornt

__all__ = [
    'COMPONENT', 'flipped_rows', 'flipped_slices', 'from_medio', 'move_channels', 'pack_channels',
    'reoriented', 'to_medio',
]  # fmt: skip

Array = NDArray[Any]
COMPONENT = 'component'
"""The axis of the components of vectors, as the readers of vector images call it."""

_SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7'


def to_medio(data: SeriesData, channels_axis: int | None = -1) -> tuple[Array, Affine]:
    """Return an image as medio knows it.

    Parameters
    ----------
    data : SeriesData
    channels_axis : int or None
        Where colours, and components of vectors, go; None keeps colours as fields of a structured
        type, and components last.

    Returns
    -------
    array : (x, y), (x, y, z) or (x, y, z, tags..., components) array
        A view where it can be one.
    affine : Affine
        To LPS; 3x3 for an image without a slice axis.
    """
    header = data.header
    spatial = [name for name in reversed(SPATIAL) if name in header.dims]
    if spatial[:2] != ['column', 'row']:
        raise GeometryError(f'an image has rows and columns, this one only {", ".join(header.dims)}')
    array = data.array
    if array.ndim == len(header.dims):
        tags = sorted(header.tag_dims, key=COMPONENT.__eq__)
        array = array.transpose([header.dims.index(name) for name in [*spatial, *tags]])
        array = move_channels(array, channels_axis, components=COMPONENT in tags)
    return array, affine_of(header, len(spatial))


def flipped_rows(array: Array, affine: Affine, rows: int) -> tuple[Array, Affine]:
    """Return an image with its rows in the other direction: each voxel stays where it is.

    This library counts the rows of NIfTI files from the top, the files count from the bottom.

    Parameters
    ----------
    array : (x, y, ...) array
        Of shape () when only the affine matters.
    affine : Affine
    rows : int
    """
    return (array[:, ::-1] if array.ndim >= 2 else array), _turned(affine, 1, rows)


def flipped_slices(array: Array, affine: Affine, slices: int) -> tuple[Array, Affine]:
    """Return a volume with its slices in the other direction: each voxel stays where it is."""
    return (array[:, :, ::-1] if array.ndim >= 3 else array), _turned(affine, 2, slices)


def _turned(affine: Affine, axis: int, length: int) -> Affine:
    matrix = np.array(affine)
    matrix[:, -1] += matrix[:, axis] * (length - 1)
    matrix[:, axis] *= -1
    return Affine(matrix + 0.0)  # no -0.


def affine_of(header: Header, dims: int) -> Affine:
    """Return the affine to LPS of an image of 2 or 3 spatial axes."""
    geometry = header.geometry
    matrix = np.eye(4) if geometry is None else np.asarray(geometry.affine)[:, [2, 1, 0, 3]]
    return Affine(matrix if dims == 3 else matrix[np.ix_([0, 1, 3], [0, 1, 3])])


def spatial_shape(header: Header) -> tuple[int, ...]:
    """Return the number of columns, rows and slices."""
    geometry = header.geometry
    return tuple(reversed(geometry.shape)) if geometry is not None else ()


def move_channels(array: Array, axis: int | None, *, components: bool = False) -> Array:
    """Return colours as an axis of their own.

    Parameters
    ----------
    array : array
    axis : int or None
        Which one it becomes; None: colours stay fields of a structured type.
    components : bool
        Whether the last axis is that of the components of vectors, which moves as well.
    """
    if axis is None:
        return array
    if array.dtype.names is None:
        return np.moveaxis(array, -1, axis) if components else array
    kind = array.dtype[0]
    channels = len(array.dtype.names)
    plain = np.ascontiguousarray(array).view(kind).reshape(*array.shape, channels)
    return np.moveaxis(plain, -1, axis)


def pack_channels(array: Array, axis: int | None) -> Array:
    """Return an array whose axis of 3 or 4 channels became fields R, G, B and A.

    Raises
    ------
    ValueError
        For another type than uint8, or another number of channels.
    """
    if axis is None:
        return array
    last = np.ascontiguousarray(np.moveaxis(array, axis, -1))
    kind = {3: RGB, 4: RGBA}.get(last.shape[-1])
    if last.dtype != np.uint8 or kind is None:
        raise GeometryError(
            f'colours are 3 or 4 channels of uint8, not {last.shape[-1]} of {last.dtype}: write vectors as '
            '.nrrd, .mha or .vtk, or give channels_axis=None for an image without colours'
        )
    return last.view(kind)[..., 0]


def reoriented(array: Array, affine: Affine, code: str) -> tuple[Array, Affine]:
    """Return an image with its axes in another order and direction: each voxel stays where it is.

    Parameters
    ----------
    array : (x, y, z, ...) array
        Or one of shape (0,), when only the affine and the shape matter.
    affine : (4, 4) Affine
        To LPS.
    code : str
        Orientation in the convention of 'itk'.

    Returns
    -------
    array : view
    affine : Affine
    """
    check_ornt(code)
    if affine.dim != 3:
        raise GeometryError(
            f'an image of {affine.dim} dimensions has no orientation {code!r}: only volumes are turned'
        )
    now = MetaData(affine).ornt
    axes = [next(i for i, letter in enumerate(now) if _SIDES[letter] == _SIDES[new]) for new in code]
    turned = [now[axis] != new for axis, new in zip(axes, code, strict=True)]
    shape = np.asarray(array.shape[:3])
    matrix = np.asarray(affine)
    origin, columns = matrix[:3, 3].copy(), []
    for axis, turn in zip(axes, turned, strict=True):
        column = matrix[:3, axis]
        if turn:
            # The last voxel along that axis becomes voxel 0.
            origin += column * (shape[axis] - 1)
        columns.append(-column if turn else column)
    out = np.eye(4, dtype=matrix.dtype)
    out[:3, :3] = np.stack(columns, axis=1)
    out[:3, 3] = origin
    moved = array.transpose([*axes, *range(3, array.ndim)])
    view = moved[tuple(slice(None, None, -1) if turn else slice(None) for turn in turned)]
    return view, Affine(out + 0.0)  # no -0.


_SIDES = {letter: sides for sides in ('RL', 'AP', 'IS') for letter in sides}


def from_medio(
    array: Array,
    metadata: MetaData[Any],
    channels_axis: int | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> SeriesData:
    """Return medio's image as one of this library.

    Parameters
    ----------
    array : (x, y), (x, y, z) or (x, y, z, tags...) array
    metadata : MetaData
        In either coordinate system; it is not changed.
    channels_axis : int, optional
        Where the colours are: 3 of uint8. Other channels are the components of vectors, an axis
        of their own.
    attributes : mapping, optional

    Returns
    -------
    SeriesData
        Its array is a view where it can be one.

    Raises
    ------
    ValueError
        When affine and array do not fit.
    """
    values, components = np.asarray(array), False
    if channels_axis is not None:
        values = np.moveaxis(values, channels_axis, -1)
        if values.shape[-1] == 1:
            values = values[..., 0]
        elif values.shape[-1] == 3 and values.dtype == np.uint8:
            values = pack_channels(values, -1)
        else:
            components = True
    affine = metadata.affine if metadata.coord_sys == 'itk' else convert_affine(metadata.affine)
    dims = affine.dim
    tag_count = values.ndim - dims - components
    if tag_count < 0 or dims not in (2, 3):
        raise GeometryError(
            f'an affine of {dims} dimensions does not fit an array of shape {np.shape(array)}: '
            'its axes are (x, y, z, ...)'
        )
    tags = ('time',) if tag_count == 1 else tuple(f'axis{n}' for n in range(dims + 1, dims + tag_count + 1))
    tags += (COMPONENT,) * components
    natural = values.transpose([*range(dims, values.ndim), *range(dims - 1, -1, -1)])
    matrix = np.eye(4)
    keep = [*range(dims), 3]
    matrix[np.ix_(keep, keep)] = np.asarray(affine)
    grid = (1, *natural.shape[-2:]) if dims == 2 else natural.shape[-3:]
    geometry = Geometry(matrix[:, [2, 1, 0, 3]], (int(grid[0]), int(grid[1]), int(grid[2])), new_uid())
    header = Header(
        dims=(*tags, *SPATIAL[3 - dims :]),
        geometry=geometry,
        tag_axes={n: VariableAxis(n, range(c)) for n, c in zip(tags, natural.shape, strict=False)},
        attributes={
            'studyInstanceUID': new_uid(), 'SOPClassUID': _SECONDARY_CAPTURE, **(attributes or {}),
        },
    )  # fmt: skip
    return SeriesData(natural, header, Identity())
