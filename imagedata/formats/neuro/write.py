"""Writing MGH, the one of these formats that is written: values, place and a repetition time.

MGH has integers of 8 (unsigned), 16 and 32 bits, and floats of 32.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...conversion import smallest_integer
from ...errors import LossWarning, WriteNotImplemented
from ...geometry import POSITION_TOLERANCE, Geometry, ras_from_lps
from ...header import Header, SeriesData
from ...notices import warn_user
from ..contract import WriteRequest
from ..described import even_values

__all__ = ['write_file']

_WRITTEN = ('.mgh', '.mgz', '.mgh.gz')

_COLUMNS = [2, 1, 0, 3]
"""From columns for (slice, row, column, origin) to (column, row, slice, origin)."""


def write_file(data: SeriesData, request: WriteRequest) -> list[str]:
    """Write one file into `request.folder`; see `NibabelPlugin.write`."""
    mghformat: Any = import_module('nibabel.freesurfer.mghformat')
    name = request.filename or 'Image.mgz'
    if not name.lower().endswith(_WRITTEN):
        raise WriteNotImplemented(
            f'{name}: of the formats of nibabel, MGH alone is written: name a file .mgz or .mgh, '
            'or write .nii.gz'
        )
    values = _supported(data.array.view(np.ndarray))
    if not values.size:
        raise WriteNotImplemented(f'an array of shape {values.shape} has no voxels to write')
    frames = max(values.shape[:-3], default=1)
    if frames * int(np.prod(values.shape[-3:])) != values.size:
        raise WriteNotImplemented(
            f'MGH holds one axis beside slice, row and column, not {", ".join(data.header.dims[:-3])}: '
            'write parts of the series, or .nii.gz'
        )
    # nibabel has no frames where there is one.
    values = values.reshape(*((frames,) if frames > 1 else ()), *values.shape[-3:])
    affine, assumed = _place(data.header.geometry)
    header = mghformat.MGHHeader()
    header.set_data_dtype(values.dtype)
    image = mghformat.MGHImage(values.T, affine, header)
    image.header['tr'] = _repetition_time(data.header, data.array.shape)
    image.header['goodRASFlag'] = int(not assumed)
    path = request.folder / name
    if PurePath(name).suffix.lower() == '.mgh':
        with path.open('wb') as file:
            file.write(image.to_bytes())
    else:
        from isal import igzip

        packing: Any = igzip.IGzipFile
        with packing(path, 'wb', mtime=0) as file:
            file.write(image.to_bytes())
    return [name]


def _warn(message: str) -> None:
    warn_user(f'MGH: {message}', LossWarning)


def _supported(values: NDArray[Any]) -> NDArray[Any]:
    """Return values of a type that every version of the format has."""
    dtype = values.dtype
    if dtype.kind not in 'biuf':
        raise WriteNotImplemented(
            f'MGH cannot hold values of type {dtype}: convert them with astype(), or write .nii.gz'
        )
    if dtype.kind in 'bu' and dtype.itemsize == 1:
        return values.view(np.uint8)
    if dtype.kind in 'iu':
        low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
        # The type of a file should not depend on its values, unless there is no other way.
        wanted = np.dtype('i2' if dtype.kind == 'i' and dtype.itemsize < 4 else 'i4')
        if smallest_integer(low, high, wanted) != wanted:
            raise WriteNotImplemented(
                f'MGH cannot hold integers from {low} to {high}: convert them with astype(), or write .nii.gz'
            )
        return values.astype(wanted)
    with np.errstate(over='ignore'):
        made = values.astype(np.float32)
    finite = np.isfinite(values)
    if not np.isfinite(made[finite]).all():
        raise WriteNotImplemented('MGH holds floats of 32 bits, and these are larger: write .nii.gz')
    error = np.abs(values[finite] - made[finite].astype(values.dtype)).max(initial=0)
    if error:
        _warn(f'values of type {dtype} are rounded to float32, by {error:.3g} at most')
    return made


def _place(geometry: Geometry | None) -> tuple[NDArray[np.float64], bool]:
    """Return the affine from (column, row, slice) to RAS, and whether it is only assumed."""
    if geometry is None:
        _warn('the place of the voxels is not known')
        return np.eye(4), True
    if not geometry.is_uniform:
        even = geometry.origin + np.arange(geometry.shape[0])[:, np.newaxis] * geometry.affine[:3, 0]
        off = float(np.max(np.linalg.norm(geometry.slice_positions - even, axis=1)))
        if off > POSITION_TOLERANCE:
            _warn(
                f'slices are not evenly spaced: they are placed evenly, up to {off:.4g} mm from where they '
                'are'
            )
    if geometry.assumed and not np.array_equal(geometry.spacing, [1, 1, 1]):
        _warn('the spacing is not kept, because the place of the voxels is not known')
    return ras_from_lps(geometry.affine)[:, _COLUMNS], geometry.assumed


def _repetition_time(header: Header, shape: tuple[int, ...]) -> float:
    """Return the step of times in ms, 0 without; what else axes say is told, and not kept."""
    axes = [axis for axis in header.axes(shape)[:-3] if len(axis) > 1]
    if not axes:
        return 0.0
    even = even_values(axes[0]) if axes[0].name == 'time' else None
    if even is None or even[0]:
        _warn(f'names and values of the axis {axes[0].name!r} are not kept')
    return even[1] * 1000 if even else 0.0
