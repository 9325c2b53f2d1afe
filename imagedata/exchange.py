"""Exchange in memory with SimpleITK, nibabel, medio and xarray; nothing is written to disk.

Each of them is imported when it is asked for. NumPy's own protocols (`np.asarray`, DLPack,
`torch.from_numpy`) share the values of a Series without copying, and need nothing from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .axis import SPATIAL, Axis, VariableAxis
from .errors import LossWarning, MissingDependencyError, WriteNotImplemented
from .geometry import FloatArray, Geometry, ras_from_lps
from .header import Header, Identity, SeriesData, default_dims, new_uid
from .notices import warn_user
from .spatial import canonical

if TYPE_CHECKING:
    from .medio.metadata.metadata import MetaData
    from .series import Series

__all__ = [
    'from_medio', 'from_nibabel', 'from_sitk', 'to_medio', 'to_nibabel', 'to_sitk', 'to_xarray',
]  # fmt: skip

_RGB = np.dtype([('R', 'u1'), ('G', 'u1'), ('B', 'u1')])
_XYZ = [2, 1, 0, 3]
"""From columns for (slice, row, column) to columns for (column, row, slice), or back."""

_COMPONENT = 'component'
"""The axis of the components of vectors."""

_FRAME = '0020|0052'
"""Frame of Reference UID, as ITK's DICOM reader calls it."""


def _series(array: NDArray[Any], header: Header) -> Series:
    from .series import Series

    made: Series = array.view(Series)
    made.header = header
    made._identity = Identity()
    return made


def _loss(message: str) -> None:
    warn_user(message, LossWarning)


def _supported(values: NDArray[Any], other: str) -> NDArray[Any]:
    """Return values of a type that other tools have too."""
    kind, size = values.dtype.kind, values.dtype.itemsize
    if not values.dtype.isnative and not values.dtype.names:
        values = values.astype(values.dtype.newbyteorder('='))
    if kind == 'b':
        return values.view(np.uint8)
    if kind == 'f' and size == 2:
        return values.astype(np.float32)
    if kind in 'iufc' and size <= (16 if kind == 'c' else 8):
        return values
    if values.dtype == _RGB:
        return values
    raise WriteNotImplemented(f'{other} has no values of type {values.dtype}: convert with astype()')


def _uneven(grid: Geometry, other: str) -> None:
    if not grid.is_uniform:
        _loss(f'{other} cannot hold slices that are not evenly spaced: they get their mean step')


# --- SimpleITK -----------------------------------------------------------------------------------


def to_sitk(series: Series) -> Any:
    """Return the Series as a SimpleITK image; see `Series.to_sitk`."""
    import SimpleITK

    sitk: Any = SimpleITK
    volume = canonical(series)
    grid = volume.header.geometry
    vector = _COMPONENT in volume.header.tag_dims and volume.dtype.names is None
    tags = volume.ndim - 3 - vector
    if tags > 1:
        raise WriteNotImplemented(
            f'a SimpleITK image has one dimension beside space, this Series has {tags}: '
            f'{", ".join(volume.header.tag_dims)}. Pick along them first'
        )
    values = _supported(volume.view(np.ndarray), 'SimpleITK')
    if values.dtype.names:
        values = np.ascontiguousarray(values).view(np.uint8).reshape(*values.shape, 3)
    elif vector:
        values = np.moveaxis(values, volume.header.dims.index(_COMPONENT), -1)
    image = sitk.GetImageFromArray(np.ascontiguousarray(values), isVector=values.ndim == 4 + tags)
    _uneven(grid, 'SimpleITK')
    spacing = grid.spacing[::-1].tolist()
    origin = grid.origin.tolist()
    direction = grid.directions[:, ::-1]
    if tags:
        name = next(name for name in volume.header.tag_dims if name != _COMPONENT or not vector)
        axis = volume.header.axis(name, volume.shape[volume.header.dims.index(name)])
        start, step = _even_values(axis, 'SimpleITK')
        spacing, origin = [*spacing, step], [*origin, start]
        whole = np.eye(4)
        whole[:3, :3] = direction
        direction = whole
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(direction.ravel().tolist())
    if grid.frame_of_reference:
        image.SetMetaData(_FRAME, grid.frame_of_reference)
    return image


def _even_values(axis: Axis, other: str) -> tuple[float, float]:
    """Return start and step of a tag axis, 0 and 1 where its values are not evenly spaced."""
    step = getattr(axis, 'step', None)
    try:
        start = float(axis.values[0])
        if len(axis) == 1:
            return (start, 1.0) if np.isfinite(start) else (0.0, 1.0)
        if step is not None and step > 0:
            return start, float(step)
    except (TypeError, ValueError, IndexError):
        pass
    _loss(f'{other} cannot hold the values of axis {axis.name!r}: they are not evenly spaced')
    return 0.0, 1.0


def from_sitk(image: Any, input_order: str) -> Series:
    """Return a SimpleITK image as a Series; see `Series.from_sitk`."""
    import SimpleITK

    array = SimpleITK.GetArrayFromImage(image)
    components = image.GetNumberOfComponentsPerPixel()
    ndim = image.GetDimension()
    colour = components == 3 and array.dtype == np.uint8
    vector = components > 1 and array.ndim > ndim and not colour
    if colour:
        array = np.ascontiguousarray(array).view(_RGB)[..., 0]
    elif vector:
        # The last of the tags, as readers of files have it.
        array = np.moveaxis(array, -1, max(0, ndim - 3))
    spacing, origin = np.array(image.GetSpacing()), np.array(image.GetOrigin())
    direction = np.array(image.GetDirection()).reshape(ndim, ndim)
    affine = np.eye(4)
    space = min(ndim, 3)
    affine[:space, :space] = direction[:space, :space] * spacing[:space]
    affine[:space, 3] = origin[:space]
    if ndim == 2:
        array = array[..., np.newaxis, :, :]
    axes: dict[str, Axis] = {}
    dims = default_dims(array.ndim - vector, input_order)
    if ndim == 4:
        values = origin[3] + spacing[3] * np.arange(image.GetSize()[3])
        name = dims[0]
        axes[name] = VariableAxis(name, values.tolist())
    if vector:
        dims = (*dims[:-3], _COMPONENT, *dims[-3:])
    frame = image.GetMetaData(_FRAME) if image.HasMetaDataKey(_FRAME) else None
    return _series(array, _header(dims, array.shape, affine[:, _XYZ], axes, frame))


def _header(
    dims: tuple[str, ...],
    shape: Sequence[int],
    affine: FloatArray,
    axes: dict[str, Axis],
    frame: str | None = None,
) -> Header:
    """Return the header of an image; its frame of reference is often not known."""
    slices, rows, columns = shape[-3:]
    geometry = Geometry(affine, (slices, rows, columns), frame)
    for name, n in zip(dims, shape, strict=True):
        if name not in SPATIAL and name not in axes:
            axes[name] = VariableAxis(name, range(n))
    return Header(
        dims=dims,
        geometry=geometry,
        tag_axes=axes,
        attributes={'studyInstanceUID': new_uid(), 'SOPClassUID': '1.2.840.10008.5.1.4.1.1.7'},
    )


# --- nibabel --------------------------------------------------------------------------------------


def to_nibabel(series: Series) -> Any:
    """Return the Series as a NIfTI image of nibabel; see `Series.to_nibabel`."""
    import nibabel

    volume = canonical(series)
    grid = volume.header.geometry
    tags = volume.ndim - 3
    if tags > 4:
        raise WriteNotImplemented(f'NIfTI has four dimensions beside space, this Series has {tags}')
    values = _supported(volume.view(np.ndarray), 'NIfTI')
    # NIfTI counts column, row, slice, then the tags.
    values = values.transpose(*range(values.ndim)[: tags - 1 if tags else None : -1], *range(tags))
    _uneven(grid, 'NIfTI')
    affine = ras_from_lps(grid.affine[:, _XYZ])
    make: Any = nibabel.Nifti1Image
    image = make(values, affine, dtype=values.dtype)
    code = 0 if grid.assumed else 1
    image.set_sform(affine, code)
    image.set_qform(affine, 0 if grid.is_sheared else code)
    times = 'unknown'
    if tags:
        axis = volume.header.axis(volume.header.dims[0], volume.shape[0])
        _, step = _even_values(axis, 'NIfTI')
        times = {'s': 'sec', 'ms': 'msec'}.get(axis.unit or '', 'unknown')
        zooms = list(image.header.get_zooms())
        zooms[3] = step
        image.header.set_zooms(zooms)
    image.header.set_xyzt_units('mm', times)
    return image


def from_nibabel(image: Any, input_order: str) -> Series:
    """Return an image of nibabel as a Series; see `Series.from_nibabel`."""
    array = np.asanyarray(image.dataobj)
    while array.ndim < 3:
        array = array[..., np.newaxis]
    tags = array.ndim - 3
    array = array.transpose(*range(3, array.ndim), 2, 1, 0)
    dims = default_dims(array.ndim, input_order)
    axes: dict[str, Axis] = {}
    zooms = image.header.get_zooms()
    if tags and len(zooms) > 3 and zooms[3] > 0:
        units = image.header.get_xyzt_units()[1] if hasattr(image.header, 'get_xyzt_units') else ''
        scale = {'msec': 1e-3, 'usec': 1e-6}.get(units, 1.0) if dims[0] == 'time' else 1.0
        axes[dims[0]] = VariableAxis(dims[0], (np.arange(array.shape[0]) * float(zooms[3]) * scale).tolist())
    affine = ras_from_lps(image.affine)[:, _XYZ]
    return _series(array, _header(dims, array.shape, affine, axes))


# --- medio --------------------------------------------------------------------------------------------


def to_medio(series: Series, channels_axis: int | None, coord_sys: str) -> tuple[NDArray[Any], MetaData[Any]]:
    """Return the Series as medio knows images; see `Series.to_medio`."""
    from .medio import images
    from .medio.metadata.metadata import MetaData

    header = series.header
    if header.geometry is not None:
        _uneven(header.geometry, 'medio')
    data = SeriesData(series.view(np.ndarray), header, Identity())
    array, affine = images.to_medio(data, channels_axis)
    metadata: MetaData[Any] = MetaData(affine, spatial_shape=array.shape[: affine.dim])
    metadata.orig_ornt = metadata.ornt
    metadata.convert(coord_sys)
    return array, metadata


def from_medio(array: NDArray[Any], metadata: MetaData[Any], channels_axis: int | None) -> Series:
    """Return an image of medio as a Series; see `Series.from_medio`."""
    from .medio import images

    data = images.from_medio(array, metadata, channels_axis)
    return _series(data.array, data.header)


# --- xarray -------------------------------------------------------------------------------------------


def to_xarray(series: Series) -> Any:
    """Return the Series as a labelled array of xarray; see `Series.to_xarray`."""
    try:
        import xarray
    except ImportError as error:
        raise MissingDependencyError('to_xarray needs xarray: pip install xarray') from error
    header = series.header
    coords = {}
    for axis in header.axes(series.shape):
        if axis.name in header.tag_axes or (axis.name in SPATIAL and header.geometry is not None):
            attributes = {'units': axis.unit} if axis.unit else {}
            coords[axis.name] = (axis.name, _offsets(header, axis), attributes)
    attrs: dict[str, Any] = {}
    if header.geometry is not None:
        attrs['affine'] = header.geometry.affine.tolist()
        attrs['space'] = 'LPS, mm; columns: slice, row, column, origin'
        if not header.geometry.is_uniform:
            attrs['slice_positions'] = header.geometry.slice_positions.tolist()
        if header.geometry.frame_of_reference:
            attrs['frame_of_reference'] = header.geometry.frame_of_reference
    name = header.attribute('seriesDescription')
    return xarray.DataArray(
        series.view(np.ndarray), dims=header.dims, coords=coords, attrs=attrs, name=name
    )


def _offsets(header: Header, axis: Axis) -> NDArray[Any]:
    """Return coordinates along an axis: of slices, rows and columns the distance from the first."""
    if axis.name not in SPATIAL:
        return np.asarray(axis)
    assert header.geometry is not None
    if axis.name == 'slice':
        places = header.geometry.slice_positions
        return np.asarray(np.linalg.norm(places - places[:1], axis=1))
    return np.arange(len(axis)) * float(header.geometry.spacing[SPATIAL.index(axis.name)])

