"""Reading through nibabel: which files, what nibabel makes of them, and that as a series."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from gzip import BadGzipFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...axis import SPATIAL, Axis, UniformLengthAxis
from ...conversion import converted
from ...errors import CorruptFileError, DataTypeError, GeometryError, ImagedataError
from ...geometry import Geometry, ras_from_lps
from ...header import Identity, SeriesData
from ..contract import HEAD, ReadRequest, ReadResult, Source
from ..described import counted_axes, new_header, tag_axes
from ..nifti.diffusion import images_with_directions
from .kinds import companion_names, header_names, kind_of, no_image
from .volumes import OPENERS, Files, Volumes, is_packed

__all__ = ['read_sources']

_REMEDY = 'it is truncated or damaged: get it again from where it came from'

_DENSEST = 1040
"""Deflate packs at most 1032 bytes into one."""

_BROKEN = (
    ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError, ArithmeticError, EOFError,
    OSError, MemoryError, RuntimeError, BadGzipFile, zlib.error,
)  # fmt: skip
"""What nibabel lets through from damaged files, beside its own errors."""


def read_sources(sources: Sequence[Source], request: ReadRequest) -> ReadResult:
    """Read each file; see `NibabelPlugin.read`."""
    series: list[SeriesData] = []
    left: list[tuple[Source, str]] = []
    used: list[str] = []
    read: set[str] = set()
    for source in sources:
        reason = no_image(source.head())
        header = source if reason else _header_of(source)
        kind = kind_of(header.basename, header.head()) if header else None
        if header is None or kind is None:
            left.append((source, reason or 'no header that nibabel is asked for'))
            continue
        if header.name in read:
            continue  # its voxels, which were read with it
        voxels = _beside(header, kind, request)
        matrix = header.beside(companion_names(header.basename, 'ANALYZE')[0][:-4] + '.mat')
        files = Files(header, voxels, matrix if kind == 'ANALYZE' else None)
        read.add(header.name)
        used += [file.name for file in (source, header, voxels, files.matrix) if file is not None]
        with _broken(header, kind), ExitStack() as stack:
            volumes = OPENERS[kind](files, stack, request.options)
            series.append(_series(volumes, kind, files, request))
    return ReadResult(series, left, used)


def _header_of(source: Source) -> Source | None:
    """Return the header of a file: itself, or the one beside it where it is a file of voxels."""
    names = header_names(source.basename)
    if not names or kind_of(source.basename, source.head()[:HEAD]) is not None:
        return source
    return next(filter(None, (source.beside(name) for name in names)), None)


def _beside(header: Source, kind: str, request: ReadRequest) -> Source | None:
    """Return the file with the voxels of a header.

    Raises
    ------
    CorruptFileError
        When there is none, and voxels are wanted.
    """
    names = companion_names(header.basename, kind)
    found = next(filter(None, (header.beside(name) for name in names)), None)
    if names and found is None and not request.options.get('headers_only'):
        raise CorruptFileError(
            f'{header.name}: its voxels should be in {names[0]}, which is not there: put it beside '
            f'the header, or read the header alone with headers_only=True'
        )
    return found


@contextmanager
def _broken(source: Source, kind: str) -> Iterator[None]:
    """Turn what damaged files make nibabel raise into an error about the file."""
    from nibabel.brikhead import AFNIImageError
    from nibabel.filebasedimages import ImageFileError
    from nibabel.freesurfer.mghformat import MGHError
    from nibabel.minc1 import MincError
    from nibabel.parrec import PARRECError
    from nibabel.spatialimages import HeaderDataError, HeaderTypeError
    from nibabel.wrapstruct import WrapStructError

    own = (
        AFNIImageError, ImageFileError, MGHError, MincError, PARRECError, HeaderDataError, HeaderTypeError,
        WrapStructError,
    )  # fmt: skip
    try:
        yield
    except ImagedataError:
        raise
    except (*_BROKEN, *own) as error:
        lines = str(error).splitlines()
        reason = lines[0] if lines else type(error).__name__
        hint = _REMEDY
        if isinstance(error, PARRECError) and ('inconsistency' in reason or 'partial' in reason):
            hint = 'permit_truncated=True reads the volumes that are complete'
        raise CorruptFileError(f'{source.name} cannot be read as {kind} ({reason}); {hint}') from error


def _series(volumes: Volumes, kind: str, files: Files, request: ReadRequest) -> SeriesData:
    """Return what nibabel read as a series."""
    name = files.header.name
    shape = [int(n) for n in volumes.image.shape]
    if not shape or min(shape) < 1:
        raise CorruptFileError(f'{name}: the header gives the dimensions {shape}; {_REMEDY}')
    shape += [1] * (3 - len(shape))
    place = volumes.spatial
    extra = [i for i in range(len(shape)) if i not in place]
    lengths = [shape[i] for i in extra if shape[i] > 1]
    if volumes.axes is not None and math.prod(lengths) == math.prod(len(a) for a in volumes.axes):
        found = list(volumes.axes)
    else:
        found = counted_axes(lengths)
    array: NDArray[Any] = np.empty((), dtype=object)
    axes, order = _ordered(request.order, found, volumes, name)
    if not request.options.get('headers_only'):
        array = _values(volumes, files, shape)
        array = array.transpose(*extra, *place).reshape(*map(len, found), *(shape[i] for i in place))
        array = np.ascontiguousarray(array.transpose(*order, *range(len(found), array.ndim)))
        if request.options.get('dtype') is not None:
            array = converted(array, np.dtype(request.options['dtype']), DataTypeError)
    slices, rows, columns = (shape[i] for i in place)
    # nibabel's matrices count the spatial dimensions in the order of the array.
    column = [sorted(place).index(i) for i in place]
    affine = ras_from_lps(np.asarray(volumes.image.affine, dtype=np.float64))[:, [*column, 3]]
    try:
        geometry = Geometry(affine, (slices, rows, columns), assumed=volumes.assumed)
    except GeometryError as error:
        raise CorruptFileError(f'{name}: {error}') from error
    header = new_header(
        axes, SPATIAL, geometry, 'nibabel', [f'{name}: {kind}, read by nibabel', *volumes.report]
    )
    names = [axis.name for axis in axes]
    at = next((i for i, label in enumerate(names) if label in ('b', 'dti', 'rsi', 'bvector')), None)
    if volumes.directions is not None and at is not None:
        header = replace(header, images=images_with_directions(axes, at, volumes.directions, slices))
    return SeriesData(array, header, Identity())


def _ordered(
    order: str, found: Sequence[Axis], volumes: Volumes, name: str
) -> tuple[list[Axis], list[int]]:
    """Return the axes as the user names them, and which of those found each is."""
    wanted = [] if order in ('', 'auto', 'none') else [part.strip() for part in order.split(',')]
    names = [axis.name for axis in found]
    turned = list(range(len(found)))
    if wanted != names and sorted(wanted) == sorted(names):
        turned = [names.index(label) for label in wanted]
    axes = [found[i] for i in turned]
    if len(wanted) == len(axes):
        axes = [
            axis if axis.name == label else _known(volumes, label, len(axis))
            for label, axis in zip(wanted, axes, strict=True)
        ]
    return tag_axes(order, [len(axis) for axis in axes], None, axes, name), turned


def _known(volumes: Volumes, label: str, length: int) -> Axis:
    axis = volumes.known.get(label)
    return axis if axis is not None and len(axis) == length else UniformLengthAxis(label, 0, length, 1)


def _values(volumes: Volumes, files: Files, shape: Sequence[int]) -> NDArray[Any]:
    """Return the scaled values, in nibabel's order; not before the file can hold them."""
    source = files.voxels or files.header
    needed = math.prod(shape) * volumes.itemsize
    capacity = volumes.capacity or source.size() * (_DENSEST if is_packed(source) else 1)
    if needed > capacity:
        raise CorruptFileError(
            f'{files.header.name}: the header claims {" x ".join(map(str, shape))} voxels, {needed} bytes, '
            f'and {source.name} has {source.size()}; {_REMEDY}'
        )
    values = np.asarray(volumes.image.dataobj)
    if values.dtype.names or values.dtype.kind not in 'biufc':
        raise CorruptFileError(f'{files.header.name}: values of type {values.dtype} are not read')
    return values.reshape(shape).astype(values.dtype.newbyteorder('='), copy=False)
