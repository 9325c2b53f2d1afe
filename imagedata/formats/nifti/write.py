"""Writing NIfTI: the header from the geometry and axes, then the voxels in one pass.

Options, all by keyword of `Series.write`: `nifti_version` (1 or 2), `compresslevel` (0 to 3),
`sform_code` and `qform_code`, `sidecar` (True, or 'identifying'), and the fields of `kept.set_fields`.
A name that ends in .hdr or .img gives a pair of files.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
from nibabel.nifti1 import Nifti1Extension, Nifti1Header, Nifti1PairHeader
from nibabel.nifti2 import Nifti2Header, Nifti2PairHeader
from numpy.typing import NDArray

from ...axis import Axis, UniformLengthAxis
from ...errors import LossWarning, WriteNotImplemented
from ...geometry import POSITION_TOLERANCE, Geometry
from ...header import Header, SeriesData
from ...notices import warn_user
from ..contract import WriteRequest
from ..described import RGB, RGBA
from .diffusion import bval_text, bvec_text, diffusion_of, fsl_directions
from .kept import set_fields
from .layout import COMMENT, TIME_AXES, comment_from_axes, nifti_from_lps
from .packing import PackedFile

__all__ = ['even_step', 'stem_of', 'write_file']

_SLAB = 4 << 20
"""Bytes that are turned, and compressed, at a time: small enough for the processor's cache."""

_LEVEL = 2
"""Of isal's 0 to 3: about the size that zlib's 6 gives, in a tenth of its time."""

_LONGEST = 32767
"""Longest dimension that NIfTI-1 can count (int16)."""

_TIME_TOLERANCE = (0.005, 0.01)
"""Times are even when none is farther from its place than this: in s, or in steps."""



def write_file(data: SeriesData, request: WriteRequest) -> list[str]:
    """Write one file, or a pair, into `request.folder`; see `NiftiPlugin.write`."""
    name = request.filename or f'Image{request.extension or ".nii.gz"}'
    array, header = data.array, data.header
    tags = array.ndim - 3
    if tags > 4:
        raise WriteNotImplemented(
            f'NIfTI holds 7 dimensions, and these are {array.ndim} ({", ".join(header.dims)}): '
            'write parts of the series, or choose another format'
        )
    if not array.size:
        raise WriteNotImplemented(f'an array of shape {array.shape} has no voxels to write')
    options = request.options
    level = _choice(options, 'compresslevel', _LEVEL, (0, 1, 2, 3))
    stored = _stored_type(array.dtype)
    stem, suffix, packed = _parts(name)
    pair = suffix in ('.hdr', '.img')
    prefix = _header_bytes(data, stored, options, pair=pair)
    names = [f'{stem}.hdr{packed}', f'{stem}.img{packed}'] if pair else [name]
    if pair:
        with _opened(request.folder / names[0], level) as file:
            file.write(prefix)
    with _opened(request.folder / names[-1], level) as file:
        file.write(b'' if pair else prefix)
        for slab in _slabs(array, stored):
            file.write(slab)
    names += _write_diffusion(data, request.folder, stem)
    if options.get('sidecar'):
        from .bids import sidecar_text

        whole = _choice(options, 'sidecar', True, (True, 'identifying')) == 'identifying'
        text = sidecar_text(data, identifying=whole)
        (request.folder / f'{stem}.json').write_text(text, encoding='utf-8')
        names.append(f'{stem}.json')
    return names


def stem_of(name: str) -> str:
    """Return a file name without its extensions: the names of files beside it begin so."""
    return _parts(name)[0]


def _parts(name: str) -> tuple[str, str, str]:
    """Return the parts of a file name: 'a', '.nii', '.gz'."""
    packed = name[-3:] if name.lower().endswith('.gz') else ''
    path = Path(name[: len(name) - len(packed)])
    return (path.stem, path.suffix.lower(), packed) if path.suffix else (path.name, '', packed)


def _choice(options: Any, name: str, default: Any, allowed: tuple[Any, ...]) -> Any:
    """Return the value of an option.

    Raises
    ------
    WriteNotImplemented
        When it is not one of those allowed.
    """
    value = options.get(name, default)
    if not any(value is a or (value == a and type(value) is type(a)) for a in allowed):
        given = ', '.join(map(str, allowed))
        raise WriteNotImplemented(f'NIfTI: {name} is one of {given}, got {value!r}')
    return value


def _write_diffusion(data: SeriesData, folder: Path, stem: str) -> list[str]:
    """Write `.bval` and `.bvec` beside a diffusion series, and return their names."""
    header = data.header
    found = diffusion_of(header, data.array.shape[0]) if data.array.ndim == 4 else None
    if found is None:
        return []
    b_values, directions = found
    names = [f'{stem}.bval']
    (folder / names[0]).write_text(bval_text(b_values), encoding='ascii')
    geometry = header.geometry
    if directions is not None and geometry is not None and not geometry.assumed:
        affine = nifti_from_lps(geometry.affine, data.array.shape[-2])
        names.append(f'{stem}.bvec')
        text = bvec_text(fsl_directions(directions, affine))
        (folder / names[1]).write_text(text, encoding='ascii')
    return names


# --- header ------------------------------------------------------------------------------


def _stored_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type in the file: the same where NIfTI has it, else one that holds its values."""
    if dtype.names:
        if len(dtype.names) == 3 and all(dtype[n] == np.uint8 for n in dtype.names):
            return RGB
        if dtype == RGBA:
            return RGBA
        raise WriteNotImplemented(f'NIfTI cannot hold values of type {dtype}: select one field')
    if dtype.kind == 'b':
        return np.dtype('u1')
    if dtype.kind in 'iu' or (dtype.kind in 'fc' and dtype.itemsize <= 8) or dtype in ('f8', 'c16'):
        # float16 is the one of these that NIfTI does not have.
        return np.dtype('<f4') if dtype == np.float16 else dtype.newbyteorder('<')
    if dtype.kind in 'fc':
        # The bytes of long double differ from machine to machine.
        target = np.dtype('<f8') if dtype.kind == 'f' else np.dtype('<c16')
        _warn(f'values of type {dtype} are written as {target.name}')
        return target
    raise WriteNotImplemented(
        f'NIfTI cannot hold values of type {dtype}: convert them to numbers first (astype)'
    )


def _header_bytes(data: SeriesData, stored: np.dtype[Any], options: Any, *, pair: bool) -> bytes:
    """Return the bytes of the header: those before the voxels, or those of a file of its own."""
    header, shape = data.header, data.array.shape
    tags = len(shape) - 3
    axes = header.axes(shape)[:tags]
    # The fourth dimension is time, the fifth holds the parts of a value (nifti1.h).
    lengths = (1, *shape[:tags]) if tags == 1 and axes[0].name == 'vector' else shape[:tags]
    dims = (*shape[:-4:-1], *lengths)
    nifti = _empty_header(max(dims), options, pair=pair)
    nifti.set_data_dtype(stored)
    nifti.set_data_shape(dims)
    nifti.set_xyzt_units('mm', 'sec')
    nifti['scl_slope'], nifti['scl_inter'] = 1, 0
    _set_geometry(nifti, header.geometry, options, rows=shape[-2])
    nifti['pixdim'][4:] = 0
    for at, axis in enumerate(axes, start=len(lengths) - tags):
        if axis.name in TIME_AXES:
            nifti['pixdim'][4 + at] = _time_step(axis)
            nifti['toffset'] = 0.0 if _on_clock(header) else _start(axis)
    if not axes or axes[0].name == 'b' or axes[0].unit is None:
        # No times, and no other quantity that this step could be mistaken for.
        nifti['pixdim'][4] = _repetition_time(header)
    if axes:
        named = [UniformLengthAxis('none', 0, 1)] * (len(lengths) - tags)
        text, dropped = comment_from_axes([*named, *axes])
        for name in dropped:
            _warn(f'the values of axis {name!r} are not numbers: its name alone is written')
        nifti.extensions.append(Nifti1Extension(COMMENT, text.encode()))
    set_fields(nifti, data, options)
    buffer = BytesIO()
    nifti.write_to(buffer)
    # Extensions end where the voxels begin.
    return buffer.getvalue().ljust(0 if pair else int(nifti['vox_offset']), b'\0')


def _empty_header(longest: int, options: Any, *, pair: bool) -> Any:
    """Return an empty header of the version that is asked for, or that the dimensions need."""
    version = _choice(options, 'nifti_version', 2 if longest > _LONGEST else 1, (1, 2))
    if version == 1 and longest > _LONGEST:
        raise WriteNotImplemented(f'NIfTI-1 counts to {_LONGEST}, and a dimension is {longest} long: leave '
                                  'nifti_version out, or give 2')  # fmt: skip
    kinds: Any = {
        (1, False): Nifti1Header, (2, False): Nifti2Header,
        (1, True): Nifti1PairHeader, (2, True): Nifti2PairHeader,
    }  # fmt: skip
    return kinds[version, pair](endianness='<')


def _set_geometry(nifti: Any, geometry: Geometry | None, options: Any, rows: int) -> None:
    """Set sform, qform and voxel sizes; codes 0 where the place is not known."""
    if geometry is None:
        nifti['pixdim'][:4] = 1
        _warn('the place of the voxels is not known: the file says nothing of it, nor of their size')
        return
    if geometry.assumed:
        # Sizes alone: nobody is to take an assumption for a position in the scanner.
        nifti['pixdim'][0] = 1
        nifti['pixdim'][1:4] = geometry.spacing[::-1]
        return
    if geometry.positions is not None:
        even = geometry.origin + np.arange(geometry.shape[0])[:, np.newaxis] * geometry.affine[:3, 0]
        off = float(np.max(np.linalg.norm(geometry.positions - even, axis=1)))
        if off > POSITION_TOLERANCE:
            _warn(
                f'slices are not evenly spaced: NIfTI places them evenly, up to {off:.4g} mm from '
                'where they are'
            )
    affine = nifti_from_lps(geometry.affine, rows)
    codes = _space_codes(geometry, options)
    nifti.set_sform(affine, code=codes[0])
    if abs(np.linalg.det(geometry.directions)) < 1e-6:
        nifti['pixdim'][1:4] = geometry.spacing[::-1]
        _warn('the axes of the voxels do not span space: the qform cannot hold them, the sform does')
        return
    if geometry.is_sheared:
        # The sform keeps the shear of a tilted gantry. The qform cannot; like dcm2niix's it has
        # the right image plane, and slices along its normal (the nearest rotation has neither).
        normal = np.cross(affine[:3, 0], affine[:3, 1])
        normal *= np.sign(normal @ affine[:3, 2]) / np.linalg.norm(normal)
        affine[:3, 2] = normal * geometry.spacing[0]
    nifti.set_qform(affine, code=codes[1], strip_shears=True)


def _space_codes(geometry: Geometry, options: Any) -> tuple[int, int]:
    """Return the codes of sform and qform: as asked for, as they were read, else 1 (scanner)."""
    known = range(6)
    sform, qform = geometry.space_codes or (1, 1)
    codes = (
        int(_choice(options, 'sform_code', sform, (*known, sform))),
        int(_choice(options, 'qform_code', qform, (*known, qform))),
    )
    if codes[0] == 0 and geometry.is_sheared:
        raise WriteNotImplemented('NIfTI: slices are shifted against each other, which the sform alone can '
                                  'hold: sform_code must not be 0')  # fmt: skip
    return codes


def _time_step(axis: Axis) -> float:
    """Return the time step in s, 0 where there is none."""
    step, off, tolerance = even_step(axis)
    if step is None:
        return 0.0
    if not off <= tolerance:
        _warn(
            f'the times of axis {axis.name!r} are not even: the header holds a step of {step:.6g} s, '
            f'up to {off:.4g} s from them; only imagedata reads the exact times beside it'
        )
    return step if np.isfinite(step) and step > 0 else 0.0


def even_step(axis: Axis) -> tuple[float | None, float, float]:
    """Return the mean step of times in s, how far they are from even, and how far they may be.

    The step is None where the values are no times, or fewer than two.
    """
    try:
        times = np.asarray(axis.values, dtype=float)
    except (TypeError, ValueError):
        return None, 0.0, 0.0
    if times.ndim != 1 or len(times) < 2:
        return None, 0.0, 0.0
    step = float(times[-1] - times[0]) / (len(times) - 1)
    off = float(np.max(np.abs(times - (times[0] + step * np.arange(len(times))))))
    return step, off, max(_TIME_TOLERANCE[0], _TIME_TOLERANCE[1] * abs(step))


def _on_clock(header: Header) -> bool:
    """Return whether times are a scanner's, which count from midnight.

    Programs that leave out the first volumes leave the offset as it is. Counted from 0, it is seen that
    they do not meet the times of a template; as times of a clock, they would be taken for other ones.
    """
    return header.images is not None and header.images.records is not None


def _start(axis: Axis) -> float:
    """Return the first time in s, 0 where there is none."""
    try:
        start = float(axis.values[0])
    except (TypeError, ValueError, IndexError):
        return 0.0
    return start if np.isfinite(start) else 0.0


def _repetition_time(header: Header) -> float:
    """Return the repetition time in s, 0 where it is not known: what dcm2niix writes as step."""
    try:
        time = float(header.element('RepetitionTime') or 0) / 1000
    except (TypeError, ValueError):
        return 0.0
    return time if np.isfinite(time) and time > 0 else 0.0


def _warn(message: str) -> None:
    warn_user(f'NIfTI: {message}', LossWarning)


# --- voxels ------------------------------------------------------------------------------


def _slabs(array: NDArray[Any], stored: np.dtype[Any]) -> Iterator[memoryview]:
    """Give the bytes of the voxels in the order of the file."""
    tags, (slices, rows, columns) = array.shape[:-3], array.shape[-3:]
    step = max(1, _SLAB // max(1, rows * columns * stored.itemsize))
    source = array.view(np.ndarray)
    if stored.names:
        source = source.view(stored) if source.dtype.itemsize == stored.itemsize else _packed(source)
    # The first tag varies fastest in the file, the last one in an array.
    for reverse in np.ndindex(*tags[::-1]):
        volume = source[reverse[::-1]]
        for start in range(0, slices, step):
            slab = np.empty((min(step, slices - start), rows, columns), stored)
            slab[:] = volume[start : start + step, ::-1]
            yield slab.reshape(-1).view(np.uint8).data


def _packed(colours: NDArray[Any]) -> NDArray[Any]:
    """Return colours whose fields lie apart, packed."""
    packed = np.empty(colours.shape, RGB)
    for ours, theirs in zip(RGB.names or (), colours.dtype.names or (), strict=True):
        packed[ours] = colours[theirs]
    return packed


def _opened(path: Path, level: int) -> IO[bytes] | PackedFile:
    """Open a file for writing, compressing when its name ends in '.gz'."""
    return PackedFile(path, level) if path.name.lower().endswith('.gz') else path.open('wb')
