"""Reading `.npy` and `.npz`: the header is checked against the size before memory is taken."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ...axis import SPATIAL
from ...conversion import converted
from ...errors import CorruptFileError, DataTypeError, NotImageError
from ...header import Identity, SeriesData
from ..contract import ReadRequest, ReadResult, Source
from ..described import (
    RGB,
    Description,
    assumed_geometry,
    counted_axes,
    description,
    new_header,
    tag_axes,
)

__all__ = ['DESCRIPTION', 'read_sources']

DESCRIPTION = 'imagedata'
"""Name, in an `.npz` file, of the array (one text) that describes the other."""

_REMEDY = 'it is truncated or damaged: get it again from where it came from'

_LONGEST_TEXT = 1 << 26
"""Bytes of a description that are read."""

_DENSEST = 1040
"""Deflate packs at most 1032 bytes into one."""

_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError,
           OverflowError, SyntaxError, TypeError, TokenError)
"""What damaged files make zipfile and NumPy raise."""


def read_sources(sources: Sequence[Source], request: ReadRequest) -> ReadResult:
    """Read each file; see `NumpyPlugin.read`."""
    series = []
    used: list[str] = []
    left = []
    for source in sources:
        with source.open() as file:
            magic = file.read(6)
            file.seek(0)
            if magic == b'\x93NUMPY':
                text, companion = _beside(source)
                used += companion
                series.append(_series(file, source, source.size(), text, request))
            elif magic[:4] == b'PK\x03\x04':
                series.append(_from_zip(file, source, request))
            elif source.basename.lower().endswith(('.npy', '.npz')):
                raise CorruptFileError(
                    f'{source.name}: the name says NumPy, and the file begins otherwise; {_REMEDY}'
                )
            else:
                left.append((source, 'no NumPy file'))
    return ReadResult(series, left, used)


def _beside(source: Source) -> tuple[str | None, list[str]]:
    """Return the description beside an `.npy` file, and the name of its file."""
    other = source.beside(source.basename + '.json')
    if other is None:
        return None, []
    with other.open() as file:
        return file.read(_LONGEST_TEXT).decode('utf-8', errors='replace'), [other.name]


def _from_zip(file: BinaryIO, source: Source, request: ReadRequest) -> SeriesData:
    """Read the array of an `.npz` file."""
    with _broken(source):
        archive = zipfile.ZipFile(file)
        members = {
            info.filename.removesuffix('.npy'): info
            for info in archive.infolist()
            if info.filename.endswith('.npy')
        }
    for info in members.values():
        if info.file_size > info.compress_size * _DENSEST or info.compress_size > source.size():
            raise CorruptFileError(
                f'{source.name}: its member {info.filename} claims {info.file_size} bytes in '
                f'{info.compress_size}; {_REMEDY}'
            )
    text = _description(archive, members.get(DESCRIPTION), source)
    name = _chosen(source, [n for n in members if n != DESCRIPTION], request.options.get('variable'))
    with _broken(source), archive.open(members[name]) as member:
        return _series(member, source, members[name].file_size, text, request)


def _chosen(source: Source, names: Sequence[str], wanted: Any) -> str:
    """Return the name of the array to read."""
    if wanted is not None and str(wanted) in names:
        return str(wanted)
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted is None and 'array' in names:
        return 'array'
    listed = ', '.join(sorted(names)) or 'none'
    if wanted is not None:
        raise NotImageError(f'{source.name} holds no image {wanted!r}: its arrays are {listed}')
    raise NotImageError(
        f'{source.name} holds no image that is alone: its arrays are {listed}; choose with variable='
    )


def _description(archive: zipfile.ZipFile, info: zipfile.ZipInfo | None, source: Source) -> str | None:
    if info is None or info.file_size > _LONGEST_TEXT:
        return None
    with _broken(source), archive.open(info) as member:
        dtype, shape, _ = _npy_header(member)
        if dtype.kind != 'U' or shape != ():
            return None
        return str(np.frombuffer(member.read(dtype.itemsize), dtype)[0])


@contextmanager
def _broken(source: Source) -> Iterator[None]:
    """Turn what damaged files make libraries raise into an error about the file."""
    try:
        yield
    except (CorruptFileError, NotImageError, DataTypeError):
        raise
    except _BROKEN as error:
        reason = str(error) or type(error).__name__
        raise CorruptFileError(f'{source.name} cannot be read as NumPy ({reason}); {_REMEDY}') from error


def _npy_header(file: Any) -> tuple[np.dtype[Any], tuple[int, ...], bool]:
    """Return type, shape, and whether the first index varies fastest."""
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f'version {version[0]}.{version[1]} of the format is not known')
    shape, fortran, dtype = read(file)
    return dtype, tuple(int(n) for n in shape), bool(fortran)


def _series(file: Any, source: Source, size: int, text: str | None, request: ReadRequest) -> SeriesData:
    """Read one array, and what is known of it."""
    with _broken(source):
        dtype, shape, fortran = _npy_header(file)
    _check_type(dtype, shape, source)
    nbytes = math.prod(shape) * dtype.itemsize
    if nbytes > size - file.tell():
        raise CorruptFileError(
            f'{source.name}: the header claims {" x ".join(map(str, shape))} values of {dtype}, {nbytes} '
            f'bytes, and {max(0, size - file.tell())} follow; {_REMEDY}'
        )
    spatial = SPATIAL[3 - min(3, len(shape)) :]
    grid = ((1,) * (3 - len(shape)) + shape) if len(shape) < 3 else shape
    known = description(text, grid, source.name) if text is not None else None
    lengths = shape[: max(0, len(shape) - 3)]
    axes = tag_axes(
        request.order, lengths, None if known is None else known.axes, counted_axes(lengths), source.name
    )
    array: NDArray[Any] = np.empty((), dtype=object)
    if not request.options.get('headers_only'):
        with _broken(source):
            array = _values(file, dtype, shape, fortran)
        if request.options.get('dtype') is not None:
            array = converted(array, np.dtype(request.options['dtype']), DataTypeError)
    header = new_header(axes, spatial, _geometry(known, grid), 'numpy', [_line(source, known)])
    return SeriesData(array, header, Identity())


def _check_type(dtype: np.dtype[Any], shape: tuple[int, ...], source: Source) -> None:
    colour = dtype.names is not None and dtype == RGB
    if not colour and (dtype.hasobject or dtype.kind not in 'biufc'):
        what = 'objects, which are never unpickled' if dtype.hasobject else f'values of type {dtype}'
        raise NotImageError(f'{source.name} holds no image, but {what}: save an array of numbers')
    if len(shape) < 2 or 0 in shape:
        raise NotImageError(f'{source.name} holds no image, but an array of shape {shape}')


def _geometry(known: Description | None, shape: Sequence[int]) -> Any:
    if known is not None and known.geometry is not None:
        return known.geometry
    slices, rows, columns = shape[-3:]
    return assumed_geometry([1, 1, 1], (slices, rows, columns))


def _line(source: Source, known: Description | None) -> str:
    said = 'as stored by imagedata' if known is not None else 'not in the file'
    return f'{source.name}: NumPy; axes and geometry {said}'


def _values(file: Any, dtype: np.dtype[Any], shape: tuple[int, ...], fortran: bool) -> NDArray[Any]:
    array = np.empty(shape[::-1] if fortran else shape, dtype)
    buffer = array.reshape(-1).view(np.uint8).data
    done = 0
    while done < len(buffer):
        count = file.readinto(buffer[done : done + (1 << 24)])
        if not count:
            raise EOFError(f'{done} of {len(buffer)} bytes are there')
        done += count
    file.read(1)  # At the end, zipfile compares the checksum.
    array = array.T if fortran else array
    return array if dtype.isnative or dtype.names else array.astype(dtype.newbyteorder('='))
