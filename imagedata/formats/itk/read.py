"""Reading through SimpleITK: headers are checked against sizes before voxels are read."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...axis import SPATIAL, Axis, UniformLengthAxis
from ...conversion import converted
from ...errors import CorruptFileError, DataTypeError, GeometryError, ImagedataWarning
from ...geometry import FloatArray, Geometry
from ...header import Identity, SeriesData
from ...notices import warn_user
from ..contract import ReadRequest, ReadResult, Source
from ..described import RGB, counted_axes, new_header, tag_axes
from ..mapping import in_words, mode_of
from ..nifti.diffusion import images_with_directions
from ..nifti.layout import axes_from_comment
from .companions import companions
from .diffusion import axis_of, gradients_of, is_anatomical
from .kinds import Kind, kind_of, kind_of_name
from .mapped import mapped_voxels, plain_voxels
from .units import nrrd_field, scale_of

__all__ = ['AXES', 'FRAME', 'XYZ', 'kept_metadata', 'read_sources']

AXES = 'imagedata'
"""Key of the metadata under which names and values of axes are kept."""

FRAME = '0020|0052'
"""Frame of Reference UID, as ITK's DICOM reader calls it."""

XYZ = [2, 1, 0, 3]
"""From columns for (slice, row, column, origin) to (column, row, slice, origin), or back."""

_FRAME_OF_GRADIENTS = 'NRRD_measurement frame'

_REMEDY = 'it is truncated or damaged: get it again from where it came from'

_DENSEST = 1040
"""Deflate packs at most 1032 bytes into one."""

_HEAD = 4096

_LAYOUT = re.compile(
    r'ITK_\w+|NRRD_(space|measurement frame|pixel_original_axis)|'
    r'NRRD_(kinds|centerings|thicknesses|units|labels)\[.*\]|MRCHeader|'
    r'dimension_order|storage_data_type|imagedata|0020\|0052'
)
"""Keys that describe the file, not the image."""

_SIZES = {'8-bit': 1, '16-bit': 2, '32-bit': 4, '64-bit': 8}
"""Words of SimpleITK's names of types, and the bytes of a value."""


def read_sources(sources: Sequence[Source], request: ReadRequest) -> ReadResult:
    """Read each file; see `ITKPlugin.read`."""
    series = []
    used: list[str] = []
    left = []
    for source in sources:
        with source.open() as file:
            head = file.read(_HEAD)
        kind = kind_of(source.basename, head)
        if kind is None:
            named = kind_of_name(source.basename)
            if named is not None and named.name not in ('HDF5', 'LSM', 'BioRad', 'Stimulate'):
                raise CorruptFileError(
                    f'{source.name}: the name says {named.name}, and the file begins otherwise; {_REMEDY}'
                )
            left.append((source, 'of no format that SimpleITK is asked for'))
            continue
        voxels = companions(source, kind.name)
        used += [file.name for file in voxels.values()]
        size = sum(file.size() for file in voxels.values()) if voxels else source.size()
        with source.local(*voxels) as path:
            series.append(_read(path, kind, source, size, request, list(voxels.values())))
    return ReadResult(series, left, used)


def _read(
    path: Path, kind: Kind, source: Source, size: int, request: ReadRequest, voxels: Sequence[Source]
) -> SeriesData:
    """Read the series of one file."""
    import SimpleITK

    sitk: Any = SimpleITK
    reader = sitk.ImageFileReader()
    reader.SetImageIO(kind.image_io)
    reader.SetFileName(str(path))
    array: NDArray[Any] = np.empty((), dtype=object)
    mmap = bool(request.options.get('mmap'))
    with _broken(source, kind):
        reader.ReadImageInformation()
        dims = [int(n) for n in reader.GetSize()]
        components = int(reader.GetNumberOfComponents())
        _check_size(reader, kind, source, size, path)
        if not request.options.get('headers_only') and not mmap:
            spans = abs(np.linalg.det(np.reshape(reader.GetDirection(), (len(dims), -1)))) > 0
            plain = plain_voxels(source, kind.name, voxels, dims) if spans else None
            array = sitk.GetArrayFromImage(reader.Execute()) if plain is None else plain
    if mmap and not request.options.get('headers_only'):
        array = mapped_voxels(source, kind.name, voxels, dims, request.options)
    metadata = _metadata(reader)
    colour = _is_colour(reader, components, metadata)
    if array.ndim:
        array = _arranged(array, len(dims), components, colour)
        if request.options.get('dtype') is not None and not mmap:
            array = converted(array, np.dtype(request.options['dtype']), DataTypeError)
    spatial = SPATIAL[3 - min(3, len(dims)) :]
    found: list[Axis] = []
    weighted = None
    if components > 1 and not colour and 'complex' not in _type(reader):
        found = [UniformLengthAxis('component', 0, components, 1)]
        if kind.name == 'NRRD' and len(dims) == 3 and not _says_components(metadata):
            weighted = gradients_of(source, metadata, components)
            found = [axis_of(request.order, *weighted)] if weighted is not None else found
    scale = scale_of(source, kind.name, len(dims), metadata)
    found = [*_extra_axes(reader, dims, float(scale[3])), *found]
    lengths = [len(axis) for axis in found]
    stored = axes_from_comment(metadata.get(AXES, ''), lengths) if AXES in metadata else None
    axes = tag_axes(request.order, lengths, stored, found, source.name)
    geometry = _geometry(reader, dims, metadata, source, scale[:3])
    if kind.name == 'NRRD' and not is_anatomical(source):
        geometry = _assumed(geometry, source)
    kept = _kept(metadata, weighted is not None, source)
    mapping = [in_words(mode_of(request.options))] if mmap else []
    header = new_header(
        axes, spatial, geometry, 'itk', [f'{source.name}: {kind.name}, read by SimpleITK', *mapping],
        **({'itk_metadata': kept} if kept else {}),
    )  # fmt: skip
    if weighted is not None and axes[0].name in ('b', 'dti', 'rsi', 'bvector'):
        header = replace(header, images=images_with_directions(axes, 0, weighted[1], geometry.shape[0]))
    return SeriesData(array, header, Identity())


@contextmanager
def _broken(source: Source, kind: Kind) -> Iterator[None]:
    """Turn what damaged files make SimpleITK raise into an error about the file."""
    try:
        yield
    except (RuntimeError, MemoryError, OverflowError, ValueError) as error:
        if isinstance(error, CorruptFileError):
            raise
        raise CorruptFileError(
            f'{source.name} cannot be read as {kind.name}: {_reason(error)}; {_REMEDY}'
        ) from error


def _assumed(geometry: Geometry, source: Source) -> Geometry:
    """Return the place in a space that is not a patient's: as good as not known."""
    if nrrd_field(source, 'space directions') or nrrd_field(source, 'space origin'):
        space = nrrd_field(source, 'space') or 'none'
        warn_user(
            f'{source.name}: its coordinates are not those of a patient (space: {space}): where the voxels '
            'lie in a patient is not known; assign series.transformationMatrix, or give geometry=',
            ImagedataWarning,
        )
    return replace(geometry, assumed=True)


def _kept(metadata: Mapping[str, str], used: bool, source: Source) -> dict[str, str]:
    """Return the metadata to keep: gradients are in the axis that they made, or need their frame."""
    kept = kept_metadata(metadata)
    if used or _FRAME_OF_GRADIENTS in metadata:
        gradients = [key for key in kept if key.startswith('DWMRI_')]
        for key in gradients:
            del kept[key]
        if gradients and not used:
            warn_user(
                f'{source.name}: its gradients (DWMRI_...) do not fit the images, or are not those of a '
                'patient: they are left out',
                ImagedataWarning,
            )
    if used:
        kept.pop('modality', None)
    return kept


def _metadata(reader: Any) -> dict[str, str]:
    """Return the metadata that are texts; damaged files have others."""
    keys = [key for key in reader.GetMetaDataKeys() if key.isprintable()]
    return {key: reader.GetMetaData(key).encode(errors='replace').decode() for key in keys}


def kept_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the metadata that say something of the image, without those of the file's layout."""
    return {
        key: value
        for key, value in metadata.items()
        if not _LAYOUT.fullmatch(key) and (key, value) != ('Modality', 'MET_MOD_UNKNOWN')
    }


def _type(reader: Any) -> str:
    """Return SimpleITK's name of the type of values: 'vector of 8-bit unsigned integer'."""
    import SimpleITK

    sitk: Any = SimpleITK
    return str(sitk.GetPixelIDValueAsString(reader.GetPixelIDValue()))


def _reason(error: BaseException) -> str:
    """Return the last sentence of what ITK says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[-1] if lines else type(error).__name__
    if text.startswith('Reason: '):
        # What the system said last, which often is 'Success'.
        return 'its voxels are not all there, or cannot be unpacked'
    return re.sub(r'^(sitk::ERROR|ITK ERROR): |\(0x[0-9a-f]+\)', '', text)


# --- size --------------------------------------------------------------------------------


def _check_size(reader: Any, kind: Kind, source: Source, size: int, path: Path) -> None:
    """Refuse a file that cannot hold the voxels that its header claims, before memory is taken."""
    dims = [int(n) for n in reader.GetSize()]
    if not dims or min(dims) < 1:
        raise CorruptFileError(f'{source.name}: the header gives the dimensions {dims}; {_REMEDY}')
    item = next((n for word, n in _SIZES.items() if word in _type(reader)), 1)
    values = math.prod(dims) * max(1, int(reader.GetNumberOfComponents()))
    needed = values * item
    capacity = size * _DENSEST if kind.compresses else size
    before = 0
    # ITK's readers of these three take what is there, and leave the rest of the memory as it was.
    if kind.name == 'GIPL':
        capacity, before = _unpacked_size(path, needed + 256), 256
    elif kind.name == 'MRC':
        before = _mrc_header(path)
    elif kind.name == 'VTK':
        before, needed = _vtk_header(path, needed, values)
    if before + needed > capacity:
        counts = ' x '.join(map(str, dims))
        raise CorruptFileError(
            f'{source.name}: the header claims {counts} voxels, {before + needed} bytes in all, and the file '
            f'has {size}; {_REMEDY}'
        )


def _unpacked_size(path: Path, enough: int) -> int:
    """Return the number of bytes in a file, decompressed where it is gzip; stops when there are enough."""
    with path.open('rb') as file:
        if file.read(2) != b'\x1f\x8b':
            return path.stat().st_size
        file.seek(0)
        unpacking = zlib.decompressobj(31)
        count = 0
        while count < enough:
            block = unpacking.unconsumed_tail or file.read(1 << 20)
            if not block:
                break
            try:
                count += len(unpacking.decompress(block, 1 << 24))
            except zlib.error as error:
                raise ValueError(f'the gzip data are broken ({error})') from error
        return count


def _mrc_header(path: Path) -> int:
    """Return the number of bytes before the voxels: 1024 and the extended header (MRC2014)."""
    with path.open('rb') as file:
        head = file.read(1024)
    order: Any = 'big' if head[212:214] == b'\x11\x11' else 'little'
    return 1024 + max(0, int.from_bytes(head[92:96], order, signed=True))


def _vtk_header(path: Path, needed: int, values: int) -> tuple[int, int]:
    """Return the number of bytes before the voxels, and that of the voxels at least."""
    with path.open('rb') as file:
        head = file.read(1 << 16)
    match = re.search(rb'^(SCALARS[^\n]*\n(LOOKUP_TABLE[^\n]*\n)?|COLOR_SCALARS[^\n]*\n|VECTORS[^\n]*\n|'
                      rb'TENSORS[^\n]*\n)', head, re.MULTILINE)  # fmt: skip
    if match is None:
        return 0, needed
    if re.search(rb'^ASCII', head[: match.start()], re.MULTILINE):
        words = _words(path, match.end(), values)
        # A number takes a digit and a blank at least: fewer words are missing ones.
        return (match.end(), 2 * values - 1) if words >= values else (match.end(), 1 << 62)
    return match.end(), needed


def _words(path: Path, start: int, enough: int) -> int:
    """Return the number of words in a file from a place on; stops when there are enough."""
    count = 0
    with path.open('rb') as file:
        file.seek(start)
        for line in file:
            count += len(line.split())
            if count >= enough:
                break
    return count


# --- what the header says ----------------------------------------------------------------


def _is_colour(reader: Any, components: int, metadata: Mapping[str, str]) -> bool:
    """Return whether three bytes are colour: unless the file says that they are not."""
    kind = metadata.get('NRRD_kinds[pixel]', 'RGB-color')
    if _says_components(metadata):
        return False
    return (
        components == 3
        and '8-bit unsigned' in _type(reader)
        and kind.lower() in ('rgb-color', 'vector', '3-color', '???')
    )


def _says_components(metadata: Mapping[str, str]) -> bool:
    """Return whether imagedata wrote the parts of a voxel as an axis of that name."""
    return '"name":"component"' in metadata.get(AXES, '')


def _arranged(array: NDArray[Any], ndim: int, components: int, colour: bool) -> NDArray[Any]:
    """Return values with dimensions (tags..., component, slice, row, column)."""
    if colour:
        return np.ascontiguousarray(array).view(RGB)[..., 0]
    if components > 1 and array.ndim > ndim:
        return np.ascontiguousarray(np.moveaxis(array, -1, max(0, ndim - 3)))
    return array


def _extra_axes(reader: Any, dims: Sequence[int], second: float) -> list[Axis]:
    """Return the axes after the third dimension: in time, evenly, unless there are several."""
    extra = list(range(3, len(dims)))[::-1]
    if len(extra) != 1:
        return counted_axes([dims[at] for at in extra])
    start, step = float(reader.GetOrigin()[3]), float(reader.GetSpacing()[3])
    return [UniformLengthAxis('time', start * second, dims[3], step * second)]


def _geometry(
    reader: Any, dims: Sequence[int], metadata: Mapping[str, str], source: Source, scale: FloatArray
) -> Geometry:
    """Return where the voxels are; assumed where that is ITK's stand-in, or where imagedata said so."""
    ndim = len(dims)
    direction: FloatArray = np.array(reader.GetDirection(), dtype=np.float64).reshape(ndim, ndim)
    spacing = np.array(reader.GetSpacing(), dtype=np.float64)
    origin = np.array(reader.GetOrigin(), dtype=np.float64)
    space = min(ndim, 3)
    if np.abs(direction[:space, space:]).max(initial=0) > 1e-6 or (
        np.abs(direction[space:, :space]).max(initial=0) > 1e-6
    ):
        raise CorruptFileError(
            f'{source.name}: its directions mix space with the dimension after the third: '
            'no volume of it has a place of its own'
        )
    affine = np.eye(4)
    affine[:space, :space] = direction[:space, :space] * spacing[:space]
    affine[:space, 3] = origin[:space]
    affine[:3] *= scale[:, np.newaxis]
    slices, rows, columns = (*dims[:space], 1)[:3][::-1]
    frame = metadata.get(FRAME)
    said = '"assumed": true' in metadata.get(AXES, '')
    unplaced = np.array_equal(direction, np.eye(ndim)) and not origin[:space].any() and frame is None
    assumed = bool(unplaced and (said or (spacing[:space] == 1).all()))
    try:
        return Geometry(affine[:, XYZ], (slices, rows, columns), frame, assumed=assumed)
    except GeometryError as error:
        raise CorruptFileError(f'{source.name}: {error}') from error
