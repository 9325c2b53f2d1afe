"""What the header of a NIfTI file says: checked, and in our terms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from nibabel.spatialimages import HeaderDataError

from ...errors import CorruptFileError, ImagedataWarning
from ...geometry import FloatArray, Geometry
from ...notices import warn_user
from .layout import assumed_geometry, lps_from_nifti
from .stream import REMEDY, Stream

__all__ = ['LONGEST_HEADER', 'Head', 'geometry', 'parse', 'time_offset', 'time_step']

LONGEST_HEADER = 540
"""Bytes of the longer header, that of NIfTI-2; NIfTI-1 has 348."""

_EXTENSIONS_KEPT = 1 << 24
"""Bytes of header extensions that are looked at."""

_SPACE = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
"""Code of the unit of length (xyzt_units, lowest 3 bits) to mm; 0 is 'unknown'."""

_TIME = {0: 1.0, 8: 1.0, 16: 1e-3, 24: 1e-6}
"""Code of the unit of time (xyzt_units, bits 3 to 5) to s; 32 and up are not times."""

_COLOURS = {
    128: np.dtype([('R', 'u1'), ('G', 'u1'), ('B', 'u1')]),
    2304: np.dtype([('R', 'u1'), ('G', 'u1'), ('B', 'u1'), ('A', 'u1')]),
}


@dataclass(frozen=True)
class Head:
    """A checked header.

    Parameters
    ----------
    fields : Nifti1Header or Nifti2Header
    name : str
        Of the file.
    version : int
    pair : bool
        Whether the voxels lie in another file (`.img`).
    dims : tuple of int
        Lengths in the order of the file: column, row, slice, tags.
    dtype : dtype
        Of the voxels in the file.
    offset : int
        Of the voxels in their file.
    scaling : (float, float) or None
        Slope and intercept, None where there is nothing to do.
    """

    fields: Any
    name: str
    version: int
    pair: bool
    dims: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    scaling: tuple[float, float] | None

    @property
    def nbytes(self) -> int:
        """Number of bytes of the voxels."""
        return math.prod(self.dims) * self.dtype.itemsize

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of slices, rows and columns."""
        columns, rows, slices = (*self.dims, 1, 1)[:3]
        return slices, rows, columns

    def describe(self) -> str:
        """Return what the header claims, in words."""
        counts = ' x '.join(map(str, self.dims))
        return f'{counts} voxels of {self.dtype.itemsize} bytes from byte {self.offset} on'

    def extensions(self, stream: Stream) -> list[tuple[int, bytes]]:
        """Return code and content of each extension, reading the stream from its start to the voxels."""
        block = stream.read(_EXTENSIONS_KEPT if self.pair else min(self.offset, _EXTENSIONS_KEPT))
        if not self.pair:
            stream.skip(self.offset - stream.position)
        return _extensions(block[len(self.fields.binaryblock) :], self)


def parse(block: bytes, name: str) -> Head | None:
    """Return the header that begins a file, None where it is not NIfTI.

    Parameters
    ----------
    block : bytes
        The first 540 bytes, or fewer in a shorter file.
    name : str
        Of the file, for messages.

    Raises
    ------
    CorruptFileError
        When it is NIfTI and contradicts itself.
    """
    found = _kind(block)
    if found is None:
        return None
    fields, version, pair = found
    dims = _dims(fields, name)
    dtype = _dtype(fields, name)
    offset = float(fields['vox_offset'])
    if not (math.isfinite(offset) and 0 <= offset < 2**62):
        raise CorruptFileError(f'{name}: the voxels cannot begin at byte {offset:g}; {REMEDY}')
    first = 0 if pair else len(fields.binaryblock) + 4
    return Head(
        fields, name, version, pair, dims, dtype, max(first, int(offset)), _scaling(fields, dtype, name)
    )


def _kind(block: bytes) -> tuple[Any, int, bool] | None:
    """Return the header fields, version, and whether the voxels are elsewhere."""
    kinds: tuple[Any, Any] = (Nifti1Header, Nifti2Header)
    for endianness, order in (('<', 'little'), ('>', 'big')):
        size = int.from_bytes(block[:4], order)  # type: ignore[arg-type]
        if size == 348 and len(block) >= 348 and block[344:348] in (b'n+1\0', b'ni1\0'):
            return kinds[0](block[:348], endianness, check=False), 1, block[345:346] == b'i'
        if size == 540 and len(block) >= 540 and block[4:8] in (b'n+2\0', b'ni2\0'):
            return kinds[1](block[:540], endianness, check=False), 2, block[5:6] == b'i'
    return None


def _dims(fields: Any, name: str) -> tuple[int, ...]:
    dim = [int(n) for n in fields['dim']]
    if not 1 <= dim[0] <= 7:
        raise CorruptFileError(f'{name}: the header gives {dim[0]} dimensions, not 1 to 7; {REMEDY}')
    dims = tuple(dim[1 : dim[0] + 1])
    if min(dims) < 1:
        raise CorruptFileError(
            f'{name}: the header gives the dimensions {dims}, all must be 1 or more; {REMEDY}'
        )
    return dims


def _dtype(fields: Any, name: str) -> np.dtype[Any]:
    code = int(fields['datatype'])
    if code in _COLOURS:
        return _COLOURS[code]
    try:
        dtype: np.dtype[Any] = fields.get_data_dtype()
    except (HeaderDataError, KeyError):
        dtype = np.dtype('V')
    if dtype.kind not in 'iufc' or dtype.itemsize > (16 if dtype.kind == 'c' else 8):
        raise CorruptFileError(
            f'{name}: voxels of NIfTI data type {code} cannot be read (known are integers of 8 to 64 '
            'bits, floats of 32 and 64 bits, complex pairs of them, RGB and RGBA): convert the file first'
        )
    return dtype


def _scaling(fields: Any, dtype: np.dtype[Any], name: str) -> tuple[float, float] | None:
    slope, inter = float(fields['scl_slope']), float(fields['scl_inter'])
    if dtype.names or not math.isfinite(slope) or slope == 0:
        return None
    if not math.isfinite(inter):
        raise CorruptFileError(f'{name}: slope {slope:g} comes with the intercept {inter}; {REMEDY}')
    return None if (slope, inter) == (1, 0) else (slope, inter)


def _extensions(block: bytes, head: Head) -> list[tuple[int, bytes]]:
    """Return the extensions in the bytes after the header, up to the first that makes no sense."""
    order: Any = 'little' if head.fields.endianness == '<' else 'big'
    found = []
    at = 4
    while block[:1] not in (b'', b'\0') and at + 8 <= len(block):
        size = int.from_bytes(block[at : at + 4], order)
        code = int.from_bytes(block[at + 4 : at + 8], order)
        if size < 16 or at + size > len(block):
            break
        found.append((code, block[at + 8 : at + size]))
        at += size
    return found


# --- time and place ----------------------------------------------------------------------


def time_step(head: Head, dimension: int) -> float | None:
    """Return the step along a dimension (3: the fourth) in s, None where there is none."""
    unit = _TIME.get(int(head.fields['xyzt_units']) & 0x38)
    # The shortest decimal number: 0.1 rather than 0.10000000149.
    step = float(str(head.fields['pixdim'][1 + dimension]))
    if unit is None or not math.isfinite(step) or step <= 0:
        return None
    return step * unit


def geometry(head: Head, form: str = '') -> tuple[Geometry, str]:
    """Return where the voxels lie, and in words what says so.

    The sform counts before the qform; where neither is given, the geometry is assumed.

    Parameters
    ----------
    head : Head
    form : str
        'sform' or 'qform': which of them counts first.
    """
    unit = _SPACE.get(int(head.fields['xyzt_units']) & 7, 1.0)
    sizes = np.abs(np.asarray(head.fields['pixdim'][1:4], dtype=np.float64))
    sizes[~np.isfinite(sizes) | (sizes == 0)] = 1.0
    rows = head.shape[1]
    found = {name: _affine(head, name, sizes) for name in ('sform', 'qform')}
    usable = {name: affine for name, affine in found.items() if affine is not None}
    if not usable:
        return assumed_geometry((sizes * unit).tolist(), head.shape), 'voxel sizes alone (no sform, no qform)'
    chosen = form if form in usable else next(iter(usable))
    affine = usable[chosen]
    codes = {name: int(head.fields[f'{name}_code']) for name in usable}
    text = f'{chosen} (code {codes[chosen]})'
    for name, other in usable.items():
        if name != chosen and not np.allclose(other, affine, rtol=1e-4, atol=1e-2):
            text += f'; the {name} (code {codes[name]}) places the voxels otherwise, and is not kept'
            codes[name] = codes[chosen]
    # What is written always has an sform, which is the exact one of the two.
    both = (codes.get('sform', codes[chosen]), codes.get('qform', 0))
    affine = affine.copy()
    affine[:3] *= unit
    return Geometry(lps_from_nifti(affine, rows), head.shape, space_codes=both), text


def _affine(head: Head, form: str, sizes: FloatArray) -> FloatArray | None:
    """Return the affine of the sform or qform, None where it is not given, or none."""
    code = int(head.fields[f'{form}_code'])
    if code <= 0:
        return None
    slices, rows, columns = head.shape
    affine = _sform(head.fields, sizes) if form == 'sform' else _qform(head.fields, sizes)
    usable = _usable(affine, (columns, rows, slices), sizes)
    if usable is None:
        warn_user(
            f'{head.name}: the {form} (code {code}) is not an affine matrix, and is not used',
            ImagedataWarning)
    return usable


def time_offset(head: Head) -> float:
    """Return the time of the first volume in s."""
    unit = _TIME.get(int(head.fields['xyzt_units']) & 0x38)
    start = float(str(head.fields['toffset']))
    return start * unit if unit is not None and math.isfinite(start) else 0.0


def _sform(fields: Any, _: FloatArray) -> FloatArray | None:
    return np.asarray(fields.get_sform(), dtype=np.float64)


def _qform(fields: Any, sizes: FloatArray) -> FloatArray | None:
    """Return the affine of the quaternion, by the rules of nifti1.h for what files leave out."""
    copy = fields.copy()
    copy['pixdim'][0] = -1 if float(fields['pixdim'][0]) < 0 else 1
    copy['pixdim'][1:4] = sizes
    try:
        return np.asarray(copy.get_qform(), dtype=np.float64)
    except (HeaderDataError, ValueError):
        return None


def _usable(affine: FloatArray | None, counts: tuple[int, ...], sizes: FloatArray) -> FloatArray | None:
    """Return an affine that places voxels, None where this one does not.

    A direction that is missing where there is only one voxel along it is put at right angles.
    """
    if affine is None or not np.isfinite(affine).all():
        return None
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    missing = [at for at in range(3) if lengths[at] == 0 and counts[at] == 1]
    if len(missing) == 1:
        at = missing[0]
        others = affine[:3, (at + 1) % 3], affine[:3, (at + 2) % 3]
        normal = np.cross(*others)
        if np.linalg.norm(normal) == 0:
            return None
        affine[:3, at] = normal / np.linalg.norm(normal) * sizes[at]
        lengths[at] = sizes[at]
    if not lengths.all() or abs(np.linalg.det(affine[:3, :3] / lengths)) < 1e-6:
        return None
    return affine
