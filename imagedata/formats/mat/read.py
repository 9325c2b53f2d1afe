"""Reading MATLAB files: which variable is the image, and where its voxels lie."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ...axis import SPATIAL
from ...conversion import converted
from ...errors import CorruptFileError, DataTypeError, ImagedataError, NotImageError
from ...header import Identity, SeriesData
from ..contract import ReadRequest, ReadResult, Source
from ..described import RGB, assumed_geometry, counted_axes, new_header, tag_axes
from .layout import STRUCT, described_by, is_colour, version_of

__all__ = ['REMEDY', 'Variable', 'broken', 'read_sources']

REMEDY = 'it is truncated or damaged: get it again from where it came from'

_DENSEST = 8 * 1040
"""Deflate packs at most 1032 bytes into one, and MATLAB small numbers in doubles into one byte."""

_BROKEN: tuple[type[Exception], ...] = (
    ValueError, TypeError, KeyError, IndexError, OSError, EOFError, OverflowError, MemoryError,
    AttributeError, struct.error, zlib.error,
)  # fmt: skip
"""What damaged files make SciPy and h5py raise."""

_BYTES = {'logical': 1, 'single': 4, 'double': 8, 'int8': 1, 'uint8': 1, 'int16': 2, 'uint16': 2, 'int32': 4,
          'uint32': 4, 'int64': 8, 'uint64': 8}
"""MATLAB's classes of numbers, and the bytes of a value."""


@dataclass(frozen=True)
class Variable:
    """One variable of a file: its name, dimensions as in MATLAB, and class."""

    name: str
    shape: tuple[int, ...]
    kind: str


def read_sources(sources: Sequence[Source], request: ReadRequest) -> ReadResult:
    """Read each file; see `MatPlugin.read`."""
    series = []
    left = []
    for source in sources:
        with source.open() as file:
            head = file.read(4096)
            file.seek(0)
            version = version_of(source.basename, head)
            if version is None and source.basename.lower().endswith('.mat'):
                raise CorruptFileError(
                    f'{source.name}: the name says MATLAB, and the file begins otherwise; {REMEDY}'
                )
            if version is None:
                left.append((source, 'no MATLAB file'))
            elif version == '7.3':
                from .hdf5 import read_file

                series.append(_series(*read_file(file, source, request), source, request, version))
            else:
                series.append(_series(*_read_file(file, source, request), source, request, version))
    return ReadResult(series, left)


@contextmanager
def broken(source: Source, *more: type[Exception]) -> Iterator[None]:
    """Turn what damaged files make libraries raise into an error about the file."""
    try:
        yield
    except ImagedataError:
        raise
    except (*_BROKEN, *more) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CorruptFileError(f'{source.name} cannot be read as MATLAB ({reason}); {REMEDY}') from error


def _read_file(
    file: BinaryIO, source: Source, request: ReadRequest
) -> tuple[Variable, NDArray[Any] | None, dict[str, Any]]:
    """Return the image variable of a file of version 4 to 7, its values, and the fields beside it."""
    from scipy.io import loadmat, whosmat
    from scipy.io.matlab import MatReadError

    with broken(source, MatReadError, NotImplementedError):
        variables = [Variable(n, tuple(map(int, s)), k) for n, s, k in whosmat(file)]
        fields: dict[str, Any] = {}
        if any(v.name == STRUCT and v.kind == 'struct' for v in variables):
            file.seek(0)
            fields = _fields(loadmat(file, variable_names=[STRUCT]).get(STRUCT))
        chosen = choose(variables, fields, source, request.options.get('variable'))
        check_size(chosen, source, source.size() * _DENSEST)
        if request.options.get('headers_only'):
            return chosen, None, fields
        file.seek(0)
        values = loadmat(file, variable_names=[chosen.name])[chosen.name]
        if values.shape != chosen.shape:
            raise ValueError(f'variable {chosen.name} is of shape {values.shape}, not {chosen.shape}')
        if hasattr(values, 'toarray'):
            # Sparse logical variables, which SciPy tells as logical.
            values = values.toarray()
        return chosen, _of_class(values, chosen.kind), fields


def _of_class(values: NDArray[Any], kind: str) -> NDArray[Any]:
    """Return values of the type of their class: MATLAB stores small numbers in doubles as bytes."""
    dtype = np.dtype({'logical': 'bool', 'single': 'f4', 'double': 'f8'}.get(kind, kind))
    if values.dtype.kind == 'c':
        dtype = np.dtype('c8' if kind == 'single' else 'c16')
    return values.astype(dtype, copy=False)


def _fields(loaded: Any) -> dict[str, Any]:
    """Return the fields of a struct as SciPy loads it."""
    if not isinstance(loaded, np.ndarray) or loaded.dtype.names is None or loaded.size != 1:
        return {}
    record = loaded.ravel()[0]
    return {name: _text(record[name]) for name in loaded.dtype.names}


def _text(value: Any) -> Any:
    """Return a text for an array of one, others as they are."""
    if isinstance(value, np.ndarray) and value.dtype.kind == 'U':
        return str(value.ravel()[0]) if value.size else ''
    return value


def choose(
    variables: Sequence[Variable], fields: Mapping[str, Any], source: Source, wanted: Any
) -> Variable:
    """Return the variable that is the image.

    Raises
    ------
    NotImageError
        When there is none, or there are several and nothing says which.
    """
    numeric = [v for v in variables if v.kind in _BYTES and math.prod(v.shape) > 0 and len(v.shape) >= 2]
    listed = ', '.join(f'{v.name} ({" x ".join(map(str, v.shape))} {v.kind})' for v in variables) or 'none'
    if wanted is not None:
        named = [v for v in numeric if v.name == str(wanted)]
        if not named:
            raise NotImageError(f'{source.name} holds no image {wanted!r}: its variables are {listed}')
        return named[0]
    told = [v for v in numeric if v.name == fields.get('variable')]
    images = told or [v for v in numeric if sum(n > 1 for n in v.shape) > 1] or numeric
    if len(images) != 1:
        raise NotImageError(
            f'{source.name} holds no image that is alone: its variables are {listed}'
            + ('; choose with variable=' if images else '')
        )
    return images[0]


def check_size(variable: Variable, source: Source, capacity: int) -> None:
    """Refuse a variable that claims more than the file can hold, before memory is taken."""
    needed = math.prod(variable.shape) * _BYTES[variable.kind]
    if needed > capacity:
        raise CorruptFileError(
            f'{source.name}: variable {variable.name} claims {" x ".join(map(str, variable.shape))} values, '
            f'{needed} bytes, and the file has {source.size()}; {REMEDY}'
        )


def _series(
    variable: Variable,
    values: NDArray[Any] | None,
    fields: Mapping[str, Any],
    source: Source,
    request: ReadRequest,
    version: str,
) -> SeriesData:
    """Return the series of a variable."""
    names = str(fields.get('dimensions', '')).split(',')
    own = fields.get('variable') == variable.name
    # MATLAB leaves out dimensions of length 1 at the end.
    missing = max(0, len(names) - len(variable.shape)) if own else 0
    shape = (*variable.shape, *(1,) * missing)
    colour = own and is_colour(fields) and shape[-1] == 3 and variable.kind == 'uint8'
    if colour:
        shape = shape[:-1]
    tags = len(shape) - 3
    order = (*range(3, len(shape)), 2, 0, 1) if tags >= 0 else (0, 1)
    grid = tuple(shape[i] for i in order) if tags >= 0 else (1, *shape)
    known = described_by(fields, grid, source.name) if own else None
    lengths = grid[:-3]
    axes = tag_axes(
        request.order, lengths, None if known is None else known.axes, counted_axes(lengths), source.name
    )
    geometry = None if known is None else known.geometry
    if geometry is None:
        geometry = assumed_geometry([1, 1, 1], (grid[-3], grid[-2], grid[-1]))
    array: NDArray[Any] = np.empty((), dtype=object)
    if values is not None:
        array = values.reshape(*shape, 3) if colour else values.reshape(shape, order='F')
        array = np.ascontiguousarray(array.transpose(*order, *([array.ndim - 1] if colour else [])))
        if colour:
            array = array.view(RGB)[..., 0]
        if not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder('='))
        if request.options.get('dtype') is not None:
            array = converted(array, np.dtype(request.options['dtype']), DataTypeError)
    said = 'as stored by imagedata' if known is not None else 'not in the file'
    line = f'{source.name}: MATLAB {version}, variable {variable.name}; axes and geometry {said}'
    header = new_header(axes, SPATIAL[-min(3, len(shape)) :], geometry, 'mat', [line])
    return SeriesData(array, header, Identity())
