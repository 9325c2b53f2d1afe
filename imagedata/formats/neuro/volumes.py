"""What nibabel makes of each format: the image, its axes, and whether its place is known."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from itertools import pairwise
from typing import Any, BinaryIO, cast

import numpy as np

from ...axis import Axis, UniformLengthAxis, VariableAxis
from ...errors import ImagedataWarning
from ...notices import warn_user
from ..contract import Source, require
from ..hdf5 import check_inside
from ..units import SECONDS, factor
from .kinds import unpacked_head
from .parrec import volumes_of

__all__ = ['OPENERS', 'Files', 'Volumes', 'is_packed', 'opened']

_DENSEST = 1040


@dataclass(frozen=True)
class Files:
    """The files of one image.

    Parameters
    ----------
    header : Source
        The file itself where there is one only.
    voxels : Source or None
    matrix : Source or None
        SPM's `.mat`.
    """

    header: Source
    voxels: Source | None = None
    matrix: Source | None = None


@dataclass(frozen=True)
class Volumes:
    """An image of nibabel, and what it says in our terms.

    Parameters
    ----------
    image : nibabel.spatialimages.SpatialImage
    itemsize : int
        Bytes of a value in the file.
    axes : sequence of Axis or None
        Those of the dimensions that are not spatial; None: nothing is known of them.
    known : mapping of str to Axis
        What such a dimension would be, if the user names it so.
    directions : sequence of tuple or None
        Gradient directions (LPS) of the axis of diffusion.
    spatial : tuple of int
        Which dimensions are slice, row and column.
    assumed : bool
        Whether the place is a stand-in.
    report : sequence of str
    capacity : int
        Bytes that the file can hold, where its size does not tell; 0: it does.
    """

    image: Any
    itemsize: int
    axes: Sequence[Axis] | None = None
    known: Mapping[str, Axis] = field(default_factory=dict)
    directions: Sequence[tuple[float, ...]] | None = None
    spatial: tuple[int, int, int] = (2, 1, 0)
    assumed: bool = False
    report: Sequence[str] = ()
    capacity: int = 0


def is_packed(source: Source) -> bool:
    """Return whether a file is gzip."""
    return source.head().startswith(b'\x1f\x8b')


def opened(source: Source | None, stack: ExitStack) -> BinaryIO:
    """Return a file, decompressed where it is gzip; an empty one without."""
    if source is None:
        return io.BytesIO()
    file = stack.enter_context(source.open())
    if not is_packed(source):
        return file
    from isal import igzip

    unpacking: Any = igzip.IGzipFile
    return cast(BinaryIO, stack.enter_context(unpacking(fileobj=file, mode='rb')))


def _nibabel(module: str) -> Any:
    """Return a module of nibabel, whose functions mostly have no types."""
    return import_module(f'nibabel.{module}')


def _holder(file: Any) -> Any:
    return _nibabel('fileholders').FileHolder(fileobj=file)


def _mgh(files: Files, stack: ExitStack, options: Mapping[str, Any]) -> Volumes:
    """Open an MGH file. A repetition time makes no times of frames: they may be echoes, or anything."""
    holder = _holder(opened(files.header, stack))
    image = _nibabel('freesurfer').MGHImage.from_file_map({'image': holder}, mmap=False)
    frames, step = int(image.header['dims'][3]), float(image.header['tr'])
    # nibabel sets the flag, so that what the file said is no longer to be seen.
    (placed,) = struct.unpack('>h', unpacked_head(files.header.head())[28:30])
    known: dict[str, Axis] = {}
    report = []
    if frames > 1 and step > 0:
        known['time'] = UniformLengthAxis('time', 0, frames, step / 1000)
        report.append(
            "the file does not say what its frames are (input_order='time' would take the repetition time "
            f'of {step / 1000:g} s as their step)'
        )
    if not placed:
        report.append('the file does not say where its voxels lie')
    return Volumes(
        image, image.header.get_data_dtype().itemsize, known=known, assumed=not placed, report=report
    )


def _par_rec(files: Files, stack: ExitStack, options: Mapping[str, Any]) -> Volumes:
    """Open a PAR header with its REC file; volumes in nibabel's strict order."""
    parrec = _nibabel('parrec')
    text = io.TextIOWrapper(opened(files.header, stack), encoding='latin-1')
    permitted = bool(options.get('permit_truncated'))
    header = parrec.PARRECHeader.from_fileobj(text, permit_truncated=permitted, strict_sort=True)
    stack.callback(text.detach)
    axes, directions, report = volumes_of(header)
    complete = int(np.prod(header.get_data_shape()[2:]))
    if complete != len(header.image_defs):
        warn_user(
            f'{files.header.name}: {len(header.image_defs) - complete} of {len(header.image_defs)} slices '
            'belong to volumes that are not complete: they are left out',
            ImagedataWarning,
        )
    proxy = parrec.PARRECImage.ImageArrayProxy(opened(files.voxels, stack), header, mmap=False)
    image = parrec.PARRECImage(proxy, header.get_affine(), header=header)
    known: dict[str, Axis] = {}
    b_axis = next((axis for axis in axes if axis.name == 'b'), None)
    if b_axis is not None and directions is not None:
        known['bvector'] = VariableAxis('bvector', directions)
        known['dti'] = VariableAxis('dti', zip(b_axis.values, directions, strict=True))
    # The file holds the slices of volumes that are not complete too.
    slices = len(header.image_defs) / max(1, complete)
    return Volumes(
        image, int(np.ceil(header.get_data_dtype().itemsize * slices)), axes, known, directions,
        report=[*report, 'values are those that the console shows (DV)'],
    )  # fmt: skip


def _afni(files: Files, stack: ExitStack, options: Mapping[str, Any]) -> Volumes:
    """Open an AFNI header with its bricks.

    Source: AFNI, README.attributes: TAXIS_NUMS[2] is the unit of TAXIS_FLOATS, 77001 ms, 77002 s.
    """
    brikhead = _nibabel('brikhead')
    text = io.TextIOWrapper(opened(files.header, stack), encoding='latin-1')
    header = brikhead.AFNIHeader.from_fileobj(text)
    stack.callback(text.detach)
    proxy = brikhead.AFNIImage.ImageArrayProxy(opened(files.voxels, stack), header, mmap=False)
    image = brikhead.AFNIImage(proxy, header.get_affine(), header=header)
    count = header.get_data_shape()[3]
    axes = None
    report = []
    numbers, floats = header.info.get('TAXIS_NUMS'), header.info.get('TAXIS_FLOATS')
    seconds = {77001: 1e-3, 77002: 1.0}.get(numbers[2] if numbers else 0)
    if count > 1 and floats and seconds is not None and floats[1] > 0:
        axes = [UniformLengthAxis('time', floats[0] * seconds, count, floats[1] * seconds)]
    if count > 1 and header.get_volume_labels():
        report.append(f'sub-bricks: {", ".join(header.get_volume_labels())}')
    return Volumes(image, header.get_data_dtype().itemsize, axes, report=report)


def _minc_axes(file: Any, name: str) -> tuple[list[Axis], tuple[int, int, int]]:
    """Return the axes that are not of space, and which dimensions are.

    nibabel has no public way to ask for the names of dimensions and the start of time.
    """
    names = list(file._dim_names)
    spatial = [i for i, dim in enumerate(names) if dim.endswith('space')]
    axes: list[Axis] = []
    for i, dim in enumerate(names):
        length = int(file.get_data_shape()[i])
        if i in spatial or length == 1:
            continue
        variable = file._dims[i]
        unit = getattr(variable, 'units', b'')
        unit = unit.decode('latin-1') if isinstance(unit, bytes) else str(unit)
        scale = factor(name, unit.rstrip('_\0 '), SECONDS) if dim == 'time' else 1.0
        step = float(getattr(variable, 'step', 1.0))
        if dim == 'time' and step > 0:
            start = float(getattr(variable, 'start', 0.0))
            axes.append(UniformLengthAxis('time', start * scale, length, step * scale))
        else:
            axes.append(UniformLengthAxis(dim.replace('_dimension', ''), 0, length, 1))
    slices, rows, columns = spatial
    return axes, (slices, rows, columns)


def _minc(image: Any, files: Files, capacity: int = 0) -> Volumes:
    file = image.dataobj.minc_file
    axes, spatial = _minc_axes(file, files.header.name)
    placed = any(hasattr(file._dims[i], 'start') for i in spatial)
    return Volumes(
        image, np.dtype(file.get_data_dtype()).itemsize, axes, spatial=spatial, assumed=not placed,
        capacity=capacity,
    )  # fmt: skip


def _minc1(files: Files, stack: ExitStack, options: Mapping[str, Any]) -> Volumes:
    """Open a MINC 1 file (netCDF)."""
    holder = _holder(opened(files.header, stack))
    return _minc(_nibabel('minc1').Minc1Image.from_file_map({'image': holder}, mmap=False), files)


def _minc2(files: Files, stack: ExitStack, options: Mapping[str, Any]) -> Volumes:
    """Open a MINC 2 file (HDF5), whose values all lie in it."""
    h5py = require('h5py', 'imagedata[hdf5]', 'MINC 2 files')
    minc2 = _nibabel('minc2')
    root = stack.enter_context(h5py.File(stack.enter_context(files.header.open()), 'r'))
    dataset = check_inside(h5py, root, 'minc-2.0/image/0/image', files.header)
    for name in ('image-max', 'image-min'):
        check_inside(h5py, root, f'minc-2.0/image/0/{name}', files.header)
    file = minc2.Minc2File(root)
    affine = file.get_affine()
    if affine.shape != (4, 4):
        raise minc2.MincError('it does not have three dimensions of space')
    header = minc2.Minc2Header(file.get_data_dtype(), file.get_data_shape(), file.get_zooms())
    image = minc2.Minc2Image(minc2.Minc2Image.ImageArrayProxy(file), affine, header)
    return _minc(image, files, dataset.id.get_storage_size() * _DENSEST)


def _analyze(files: Files, stack: ExitStack, options: Mapping[str, Any]) -> Volumes:
    """Open an ANALYZE header with its voxels, as SPM 2 takes it.

    ANALYZE has no place, and does not say whether its columns run to the left or to the right. SPM
    has both beside it (`.mat`), or a voxel that is the origin, and takes columns for running left.
    """
    matrix = b''
    if files.matrix is not None:
        with files.matrix.open() as file:
            matrix = file.read(1 << 20)
    places = {'header': files.header, 'image': files.voxels}
    holders = {key: _holder(opened(source, stack)) for key, source in places.items()}
    holders['mat'] = _holder(io.BytesIO(matrix))
    image = _nibabel('spm2analyze').Spm2AnalyzeImage.from_file_map(holders, mmap=False)
    origin = bool(np.any(image.header['origin'][:3]))
    if not matrix:
        warn_user(
            f'{files.header.name}: ANALYZE does not tell left from right: columns are taken to run to the '
            f'left, as SPM does{"" if origin else "; where the voxels lie is not known"}',
            ImagedataWarning,
        )
    source = 'the matrix of SPM' if matrix else 'the origin of SPM' if origin else 'the middle of the image'
    return Volumes(
        image, image.header.get_data_dtype().itemsize, assumed=not matrix and not origin,
        report=[f'place from {source}'],
    )  # fmt: skip


def _ecat(files: Files, stack: ExitStack, options: Mapping[str, Any]) -> Volumes:
    """Open an ECAT 7 file. Its offsets are those of the scanner's bed, which no patient is known by."""
    ecat = _nibabel('ecat')
    holder = _holder(opened(files.header, stack))
    image = ecat.EcatImage.from_file_map({'image': holder, 'header': holder}, mmap=False)
    order = ecat.get_frame_order(image.get_mlist())
    heads = [image.get_subheaders().subheaders[order[i][0]] for i in sorted(order)]
    begins = [float(head['frame_start_time']) / 1000 for head in heads]
    axes = None
    if len(begins) > 1 and all(a < b for a, b in pairwise(begins)):
        axes = [VariableAxis('time', begins)]
    return Volumes(
        image, 2, axes, assumed=True, report=['the place of the voxels in the patient is not known']
    )


OPENERS: Mapping[str, Callable[[Files, ExitStack, Mapping[str, Any]], Volumes]] = {
    'MGH': _mgh,
    'PAR/REC': _par_rec,
    'AFNI': _afni,
    'MINC-1': _minc1,
    'MINC-2': _minc2,
    'ANALYZE': _analyze,
    'ECAT': _ecat,
}
"""How each format is opened: files, what closes them, and the user's options."""
