"""Writing through SimpleITK. Afterwards the header is read again: what it does not hold is told."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...axis import Axis
from ...errors import LossWarning, WriteNotImplemented
from ...geometry import POSITION_TOLERANCE, apply_affine
from ...header import Header, SeriesData
from ...notices import warn_user
from ..contract import WriteRequest
from ..described import RGB, even_values
from ..nifti.diffusion import diffusion_of
from ..nifti.layout import comment_from_axes
from .diffusion import keys_of
from .kinds import Kind, kind_of_name
from .read import AXES, FRAME

__all__ = ['write_file']

_MOST_DIMENSIONS = {'VTK': 3, 'MRC': 3, 'GIPL': 4}
_VECTORS = ('MetaImage', 'NRRD', 'VTK', 'HDF5')
_COLOURS = (*_VECTORS, 'MRC')


def write_file(data: SeriesData, request: WriteRequest) -> list[str]:
    """Write one file into `request.folder`; see `ITKPlugin.write`."""
    import SimpleITK

    sitk: Any = SimpleITK
    name = request.filename or f'Image{request.extension or ".mha"}'
    kind = kind_of_name(name)
    if kind is None or not kind.writes:
        raise WriteNotImplemented(
            f'{name}: {"files of this name" if kind is None else kind.name + " files"} cannot be written: '
            'name a file .mha, .mhd, .nrrd, .nhdr, .vtk, .mrc, .gipl or .h5'
        )
    values, header, vector = _components(data)
    weights = None
    if kind.name == 'NRRD' and not vector:
        weights = _weights(header, values.shape)
    if weights is not None:
        values, vector = np.moveaxis(values, 0, -1), True
    values = _supported(values, kind)
    image = _image(sitk, values, vector, kind, header)
    metadata = _set_place(image, header, values.shape, kind, vector)
    for key, value in (weights or {}).items():
        image.SetMetaData(key, value)
        metadata[key] = value
    if request.options.get('dimensions') == 2:
        image = _plane(image)
    writer = sitk.ImageFileWriter()
    writer.SetImageIO(kind.image_io)
    writer.SetFileName(str(request.folder / name))
    writer.SetUseCompression(bool(request.options.get('compression', False)))
    try:
        writer.Execute(image)
    except RuntimeError as error:
        _raise(error, kind, values.dtype)
    _tell_losses(sitk, request.folder / name, kind, image, metadata)
    return sorted(path.name for path in request.folder.iterdir())


def _raise(error: RuntimeError, kind: Kind, dtype: np.dtype[Any]) -> None:
    """Raise what the disk said, or that the format has no such values."""
    text = str(error).strip().splitlines()[-1]
    if 'type' in text.lower():
        raise WriteNotImplemented(
            f'{kind.name} cannot hold values of type {dtype}: convert them with astype(), or write .nrrd'
        ) from error
    raise OSError(f'SimpleITK: {text}') from error


def _components(data: SeriesData) -> tuple[NDArray[Any], Header, bool]:
    """Return the values, with an axis of components last, and whether there is one."""
    array = data.array.view(np.ndarray)
    tags = data.header.dims[:-3]
    if 'component' not in tags or array.shape[tags.index('component')] == 1 or array.dtype.names:
        return array, data.header, False
    at = tags.index('component')
    rest = [i for i in range(array.ndim) if i != at]
    # The header keeps them as the last tag, which is where they are read to.
    order = [*[i for i in rest if i < len(tags)], at, *range(len(tags), array.ndim)]
    return np.moveaxis(array, at, -1), data.header.transposed(order), True


def _weights(header: Header, shape: Sequence[int]) -> dict[str, str] | None:
    """Return the key/value pairs of diffusion images along the first dimension; None for others."""
    count = shape[0] if len(shape) == 4 else 0
    found = diffusion_of(header, count) if count > 1 else None
    return None if found is None else keys_of(*found)


def _supported(values: NDArray[Any], kind: Kind) -> NDArray[Any]:
    """Return values of a type that the format has."""
    dtype = values.dtype
    if dtype.names:
        if dtype == RGB and kind.name in _COLOURS:
            return values
        raise WriteNotImplemented(
            f'{kind.name} cannot hold values of type {dtype}: select one field, or write .nrrd'
        )
    if dtype.kind == 'b':
        return values.view(np.uint8)
    if dtype == np.float16:
        return values.astype(np.float32)
    if dtype.kind == 'c' and kind.name not in ('NRRD', 'MRC'):
        raise WriteNotImplemented(
            f'{kind.name} cannot hold complex values: write .nrrd, or their real and imaginary parts'
        )
    if dtype.kind in 'fc' and dtype.itemsize > (8 if dtype.kind == 'f' else 16):
        target = np.dtype('f8' if dtype.kind == 'f' else 'c16')
        _warn(kind, f'values of type {dtype} are written as {target}')
        return values.astype(target)
    if dtype.kind not in 'iufc':
        raise WriteNotImplemented(
            f'{kind.name} cannot hold values of type {dtype}: convert them with astype()'
        )
    return values if dtype.isnative else values.astype(dtype.newbyteorder('='))


def _image(sitk: Any, values: NDArray[Any], vector: bool, kind: Kind, header: Header) -> Any:
    """Return the values as an image."""
    ndim = values.ndim - vector
    most = _MOST_DIMENSIONS.get(kind.name, 5)
    # Without metadata, three bytes could not be told from colour.
    colour_like = kind.name == 'VTK' and values.dtype == np.uint8 and values.shape[-1] == 3
    if ndim > most or (vector and (kind.name not in _VECTORS or colour_like)):
        raise WriteNotImplemented(
            f'{kind.name} cannot hold these dimensions ({", ".join(header.dims)}): write parts of the '
            'series, or .nrrd or .mha'
        )
    if not values.size:
        raise WriteNotImplemented(f'an array of shape {values.shape} has no voxels to write')
    if values.dtype.names:
        values = np.ascontiguousarray(values).view(np.uint8).reshape(*values.shape, 3)
        vector = True
    return sitk.GetImageFromArray(np.ascontiguousarray(values), isVector=vector)


def _set_place(
    image: Any, header: Header, shape: tuple[int, ...], kind: Kind, vector: bool
) -> dict[str, str]:
    """Set origin, spacing, direction and metadata; return the metadata whose loss is to be told."""
    ndim = image.GetDimension()
    spacing, origin, direction = np.ones(ndim), np.zeros(ndim), np.eye(ndim)
    metadata = {str(k): str(v) for k, v in (header.attributes.get('itk_metadata') or {}).items()}
    grid = header.geometry
    if grid is None:
        _warn(kind, 'the place of the voxels is not known: unit voxels at the origin stand for it')
    else:
        if abs(np.linalg.det(grid.directions)) < 1e-6:
            raise WriteNotImplemented(f'{kind.name} cannot hold axes of voxels that do not span space')
        spacing[:3], origin[:3] = grid.spacing[::-1], grid.origin
        direction[:3, :3] = grid.directions[:, ::-1]
        if not grid.is_uniform:
            even = grid.origin + np.arange(grid.shape[0])[:, np.newaxis] * grid.affine[:3, 0]
            off = float(np.max(np.linalg.norm(grid.slice_positions - even, axis=1)))
            if off > POSITION_TOLERANCE:
                _warn(kind, f'slices are not evenly spaced: they are placed evenly, up to {off:.4g} mm from '
                            'where they are')  # fmt: skip
        if grid.frame_of_reference and not grid.assumed:
            image.SetMetaData(FRAME, grid.frame_of_reference)
    axes = _axes(header, shape, vector)
    extra = axes[:-1] if vector else axes
    if len(extra) == 1:
        even_steps = even_values(extra[0])
        if even_steps is not None:
            origin[3], spacing[3] = even_steps
        elif ndim > 3:
            _warn(kind, f'the values of axis {extra[0].name!r} are not evenly spaced numbers: '
                        'only imagedata reads them')  # fmt: skip
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(origin.tolist())
    image.SetDirection(direction.ravel().tolist())
    assumed = grid is None or grid.assumed
    if axes or assumed:
        text, dropped = comment_from_axes(axes)
        if assumed:
            text = json.dumps({'imagedata': {**json.loads(text)['imagedata'], 'assumed': True}})
        for label in dropped:
            _warn(kind, f'the values of axis {label!r} are not numbers: its name alone is written')
        image.SetMetaData(AXES, text)
        # ITK's own fields hold even times, and vectors hold components that are only counted.
        counted = vector and list(axes[-1].values) == list(range(len(axes[-1])))
        beside = axes[:-1] if counted else axes
        if beside and ([axis.name for axis in beside] != ['time'] or even_values(beside[0]) is None):
            metadata[AXES] = text
    _drop_stale(metadata, axes, kind)
    for key, value in metadata.items():
        image.SetMetaData(key, value)
    return metadata


def _plane(image: Any) -> Any:
    """Return an image of one slice as one of two dimensions."""
    if image.GetDimension() != 3 or image.GetDepth() != 1:
        raise WriteNotImplemented(f'dimensions=2 is for one slice, not for {image.GetSize()} voxels')
    plane = image[:, :, 0]
    for key in image.GetMetaDataKeys():
        plane.SetMetaData(key, image.GetMetaData(key))
    return plane


def _drop_stale(metadata: dict[str, str], axes: Sequence[Axis], kind: Kind) -> None:
    """Take away the gradients of diffusion images (DWMRI_...) that are not those of these components."""
    gradients = [key for key in metadata if key.startswith('DWMRI_gradient_')]
    components = next((list(axis.values) for axis in axes if axis.name == 'component'), [])
    if gradients and components != list(range(len(gradients))):
        for key in gradients:
            del metadata[key]
        _warn(kind, f'the {len(gradients)} gradients of the metadata are not written: the components are '
                    'others, or in another order')  # fmt: skip


def _axes(header: Header, shape: tuple[int, ...], vector: bool) -> list[Axis]:
    """Return the axes beside slice, row and column, in the order of the header."""
    if vector:
        shape = (*shape[:-4], shape[-1], *shape[-4:-1])
    return list(header.axes(shape)[:-3])


def _tell_losses(sitk: Any, path: Path, kind: Kind, image: Any, metadata: Mapping[str, str]) -> None:
    """Read the header of the written file, and warn of what it does not say."""
    reader = sitk.ImageFileReader()
    reader.SetImageIO(kind.image_io)
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    size, pixel_id = reader.GetSize(), reader.GetPixelIDValue()
    # Some leave out a third dimension of length 1.
    if (*size, 1, 1)[: image.GetDimension()] != image.GetSize() or pixel_id != image.GetPixelIDValue():
        raise WriteNotImplemented(
            f'{kind.name} cannot hold {image.GetPixelIDTypeAsString()} in '
            f'{" x ".join(map(str, image.GetSize()))}: it would be read as '
            f'{sitk.GetPixelIDValueAsString(pixel_id)} in {" x ".join(map(str, size))}; write .nrrd'
        )
    off = np.abs(_places(image) - _places(reader)).max()
    if off > POSITION_TOLERANCE:
        _warn(kind, f'the place of the voxels is not kept (directions, or where the first one is): in the '
                    f'file they are up to {off:.4g} mm from where they are')  # fmt: skip
    held = {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}
    lost = sorted(key for key, value in metadata.items() if held.get(key, '').strip() != value.strip())
    steps, held_steps = ((*i.GetOrigin()[3:], *i.GetSpacing()[3:]) for i in (image, reader))
    if AXES in lost or not np.allclose(steps, held_steps, rtol=1e-6):
        lost = [key for key in lost if key != AXES]
        _warn(kind, 'names and values of the axes beside slice, row and column are not kept')
    if lost:
        _warn(kind, f'the metadata {", ".join(lost)} are not kept')


def _places(image: Any) -> NDArray[np.float64]:
    """Return the places of the corners of a volume, and of the neighbours of a single voxel."""
    ndim = image.GetDimension()
    space = min(ndim, 3)
    affine = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(ndim, ndim)[:space, :space]
    affine[:space, :space] = direction * np.array(image.GetSpacing())[:space]
    affine[:space, 3] = image.GetOrigin()[:space]
    # Of one voxel at least, whose size and direction count too.
    ends = np.maximum(np.array((*image.GetSize(), 1)[:3]) - 1, 1)
    return apply_affine(affine, np.array(list(np.ndindex(2, 2, 2))) * ends)


def _warn(kind: Kind, message: str) -> None:
    warn_user(f'{kind.name}: {message}', LossWarning)
