"""MRtrix images: a header of text lines, and the values.

Described at https://mrtrix.readthedocs.io/en/latest/getting_started/image_data.html, section
"MRtrix image formats". Coordinates are RAS in mm. The transform goes from millimetres along the
image axes to them: voxel sizes are not in it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np

from imagedata.axis import SPATIAL, Axis, UniformLengthAxis
from imagedata.errors import CorruptFileError, LossWarning
from imagedata.formats.contract import ReadRequest, Source, named_axes
from imagedata.geometry import Geometry, ras_from_lps
from imagedata.header import Identity, SeriesData, default_header
from imagedata.notices import warn_user

LONGEST_HEADER = 1 << 20

KINDS = {
    'int8': 'i1', 'uint8': 'u1', 'int16': 'i2', 'uint16': 'u2', 'int32': 'i4', 'uint32': 'u4',
    'float32': 'f4', 'float64': 'f8', 'cfloat32': 'c8', 'cfloat64': 'c16',
}  # fmt: skip


# --- reading ----------------------------------------------------------------------------------------


def read_file(file: BinaryIO, source: Source, request: ReadRequest) -> SeriesData:
    """Read one image.

    Raises
    ------
    CorruptFileError
        When the file is truncated or contradicts itself.
    """
    fields = read_header(file, source)
    try:
        dim = [int(n) for n in fields['dim'][0].split(',')]
        vox = [float(v) for v in fields['vox'][0].split(',')]
        strides = [(text[:1] == '-', int(text[1:])) for text in fields['layout'][0].split(',')]
        name, offset = fields['file'][0].rsplit(None, 1)
        start = int(offset)
        dtype = value_type(fields['datatype'][0])
        rows = [[float(v) for v in row.split(',')] for row in fields.get('transform', [])]
        scaling = [float(v) for v in fields.get('scaling', ['0,1'])[0].split(',')]
    except (KeyError, ValueError, IndexError) as error:
        raise CorruptFileError(f'{source.name}: its header cannot be understood: {error!r}') from error
    if len(dim) not in (3, 4) or min(dim) < 1 or sorted(rank for _, rank in strides) != list(range(len(dim))):
        raise CorruptFileError(f'{source.name}: dim {dim} and layout {strides} are no image of 3 or 4 axes')
    if name != '.':
        raise CorruptFileError(f'{source.name}: its values are in another file, {name}: convert it to .mif')
    count = math.prod(dim)
    available = source.size() - start
    if available < count * dtype.itemsize:
        raise CorruptFileError(f'{source.name} is truncated: {available} of {count * dtype.itemsize} bytes')

    file.seek(start)
    flat = np.frombuffer(file.read(count * dtype.itemsize), dtype)
    array = ordered(flat, dim, strides).transpose()  # (tag,) slice, row, column
    if scaling != [0, 1]:
        array = array * scaling[1] + scaling[0]
    # [header]
    known = len(vox) > 3 and math.isfinite(vox[3])  # else the file has volumes, and does not say of what
    found = [UniformLengthAxis('time' if known else 'none', 0, n, vox[3] if known else 1) for n in dim[3:]]
    axes = named_axes(request.order, found, source.name)
    header = default_header(array.shape)
    header = replace(
        header,
        dims=(*(axis.name for axis in axes), *SPATIAL),
        tag_axes={axis.name: axis for axis in axes},
        geometry=geometry_of(rows, vox, array.shape[-3:], header.geometry),
        report=(f'{source.name}: MRtrix image',),
    ).with_attributes(seriesDescription=source.basename)
    return SeriesData(np.ascontiguousarray(array.astype(array.dtype.newbyteorder('='))), header, Identity())


def read_header(file: BinaryIO, source: Source) -> dict[str, list[str]]:
    """Return the values of each key, in the order of the file."""
    text = file.read(LONGEST_HEADER)
    end = text.find(b'\nEND')
    if end < 0:
        raise CorruptFileError(f'{source.name}: its header has no END: the file is truncated')
    fields: dict[str, list[str]] = {}
    for line in text[:end].decode('utf-8', 'replace').splitlines()[1:]:
        key, _, value = line.partition(':')
        fields.setdefault(key.strip().lower(), []).append(value.strip())
    return fields


def value_type(text: str) -> np.dtype[Any]:
    """Return the NumPy type of a data type such as 'Float32LE'."""
    kind, order = text.lower(), '='
    if kind.endswith(('le', 'be')):
        kind, order = kind[:-2], '<' if kind.endswith('le') else '>'
    return np.dtype(order + KINDS[kind])


def ordered(flat: np.ndarray, dim: list[int], strides: list[tuple[bool, int]]) -> np.ndarray:
    """Return stored values with the axes x, y, z, volume; `strides` has (backwards, rank) of each."""
    stored = sorted(range(len(dim)), key=lambda axis: -strides[axis][1])
    array = flat.reshape([dim[axis] for axis in stored])
    array = array.transpose([stored.index(axis) for axis in range(len(dim))])
    backwards = tuple(axis for axis, (flipped, _) in enumerate(strides) if flipped)
    return np.flip(array, backwards)


def geometry_of(rows: list[list[float]], vox: list[float], shape: Any, unknown: Geometry) -> Geometry:
    """Return where the voxels are: from (slice, row, column) to LPS."""
    x, y, z = vox[:3]
    if not rows:
        return unknown if x == y == z == 1 else unknown.with_spacing([z, y, x])
    transform = np.array([*rows[:3], [0, 0, 0, 1]])
    ras = transform @ np.diag([x, y, z, 1])
    return Geometry(ras_from_lps(ras[:, [2, 1, 0, 3]]), shape, unknown.frame_of_reference)


# --- writing ----------------------------------------------------------------------------------------


def write_file(file: BinaryIO, data: SeriesData) -> None:
    """Write one image, first axis fastest."""
    header, array = data.header, data.array
    array = array.reshape(max(array.shape[:-3], default=1), *array.shape[-3:])
    if array.dtype == bool:
        warn_user('mif: boolean values are written as uint8', LossWarning)
        array = array.astype(np.uint8)
    kind = array.dtype.str[1:]
    names = {stored: name for name, stored in KINDS.items()}
    if kind not in names:
        warn_user(f'mif: {array.dtype} values are written as float64', LossWarning)
        array, kind = array.astype(np.float64), 'f8'
    geometry = header.geometry
    spacing = [1.0, 1, 1] if geometry is None else list(geometry.spacing)
    if geometry is not None and (not geometry.is_uniform or geometry.is_sheared):
        warn_user('mif: uneven or sheared slices are written as an even stack', LossWarning)
    step = [step_of(axis) for axis in header.tag_axes.values()]
    ranks = range(3 if len(array) == 1 and not step else 4)
    lines = [
        'mrtrix image',
        'dim: ' + ','.join(str(array.shape[3 - axis]) for axis in ranks),
        'vox: ' + ','.join(repr(float(v)) for v in [*spacing[::-1], *step][: len(ranks)]),
        'layout: ' + ','.join(f'+{axis}' for axis in ranks),
        f'datatype: {names[kind]}' + ('le' if array.dtype.itemsize > 1 else ''),
    ]
    if geometry is not None and not geometry.assumed:
        ras = ras_from_lps(geometry.affine)[:, [2, 1, 0, 3]]
        unit = ras @ np.diag([*(1 / np.array(spacing[::-1])), 1])
        lines += ['transform: ' + ','.join(repr(float(v)) for v in row) for row in unit[:3]]
    text = '\n'.join(lines) + '\nfile: . '
    # The values begin after the text, which tells where that is.
    start = (len(text) + len('000000\nEND\n') + 63) // 64 * 64
    file.write(f'{text}{start}\nEND\n'.encode().ljust(start, b'\0'))
    file.write(array.astype(array.dtype.newbyteorder('<')).tobytes())


def step_of(axis: Axis) -> float:
    """Return the step of an axis as the file holds it, NaN where it holds no values; tell what is lost."""
    values = list(axis.values)
    step = float(getattr(axis, 'step', math.nan)) if axis.name == 'time' else math.nan
    if math.isnan(step) and values != list(range(len(values))):
        warn_user(f'mif: the values of axis {axis.name!r} are not kept', LossWarning)
    elif not math.isnan(step) and values[0] != 0:
        warn_user(f'mif: times count from 0, and not from {values[0]:g}', LossWarning)
    return step
