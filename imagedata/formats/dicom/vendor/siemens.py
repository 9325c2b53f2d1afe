"""Siemens: b values and mosaics in the private groups 0019, 0021 and 0029 of MR images.

Source: Siemens DICOM conformance statements for syngo MR (private creator 'SIEMENS MR HEADER':
(0019,xx0A) NumberOfImagesInMosaic, US; (0019,xx0C) B_value, IS; (0019,xx0D) DiffusionDirectionality,
CS; (0019,xx0E) DiffusionGradientDirection, FD 3; (0019,xx27) B_matrix, FD 6; 'SIEMENS CSA HEADER':
(0029,xx10) CSA image header, whose layout is that of NiBabel's documentation, with
NumberOfImagesInMosaic, SliceNormalVector, B_value and DiffusionGradientDirection).
syngo XA writes the standard elements.

Of echo planar images also (0019,xx28) BandwidthPerPixelPhaseEncode, FD, Hz; (0019,xx29)
MosaicRefAcqTimes, FD, ms, a value for each tile; CSA PhaseEncodingDirectionPositive; and syngo XA's
'SIEMENS MR SDI 02': (0021,xx1C) PhaseEncodingDirectionPositive, IS; (0021,xx53)
BandwidthPerPixelPhaseEncode, FD. (0051,xx11) PATModeText, LO: 'p2' for an acceleration of 2 in phase
direction; (0019,xx18) RealDwellTime, IS, ns.
"""

from __future__ import annotations

import re
import struct
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .values import Diffusion, PrivateElements, numbers, private_value

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    'DIFFUSION', 'acceleration', 'b_value', 'b_vector', 'dwell_time', 'mosaic_count', 'of_one_slice',
    'phase_bandwidth', 'phase_is_positive', 'slice_normal', 'slice_time', 'without_diffusion',
]  # fmt: skip

_CREATOR = 'SIEMENS MR HEADER'
_XA = 'SIEMENS MR SDI 02'

DIFFUSION = Diffusion(
    PrivateElements(0x0019, _CREATOR, (0x0C,)),
    PrivateElements(0x0019, _CREATOR, (0x0E,)),
    (PrivateElements(0x0019, _CREATOR, (0x0D, 0x27)),),
)


def b_value(dataset: Dataset) -> float | None:
    """Return the b value in s/mm2, None when the header has none."""
    found = numbers(private_value(dataset, 0x0019, _CREATOR, 0x0C, 'SIEMENS'))
    found = found or numbers(_csa(dataset, 'B_value'))
    return found[0] if found else None


def b_vector(dataset: Dataset) -> tuple[float, ...] | None:
    """Return the gradient direction (x, y, z, patient system), None without."""
    found = numbers(private_value(dataset, 0x0019, _CREATOR, 0x0E, 'SIEMENS'), width=8)
    found = found or numbers(_csa(dataset, 'DiffusionGradientDirection'))
    return tuple(found[:3]) if len(found) >= 3 and any(found[:3]) else None


def mosaic_count(dataset: Dataset) -> int | None:
    """Return the number of slices in a mosaic, None for other images."""
    kinds = [str(part).upper() for part in (dataset.get('ImageType') or [])]
    if 'MOSAIC' not in kinds:
        return None
    found = numbers(private_value(dataset, 0x0019, _CREATOR, 0x0A, 'SIEMENS'))
    if found and found[0] > 0:
        return int(found[0])
    values = _csa(dataset, 'NumberOfImagesInMosaic')
    return int(values[0]) if values else None


_HEAD = 84
"""Bytes of a CSA element before its values: 64 of its name, 20 of type and count."""


@lru_cache(maxsize=4)  # the slices of a mosaic share its header
def of_one_slice(csa: bytes) -> bytes:
    """Return a CSA image header of an image that is no mosaic, but one slice of it.

    Programs that read it (dcm2niix) would divide a single slice into tiles, and give a volume whose
    slices are in another order the times of the mosaic's. The number of slices becomes 0; the
    times of all of them are taken out.
    """
    at = csa.find(b'NumberOfImagesInMosaic\0') + _HEAD + 16
    found = re.compile(rb'\s*[1-9]\d*').match(csa, at) if at >= _HEAD + 16 else None
    if found is not None:
        csa = csa[:at] + b'0'.ljust(found.end() - at) + csa[found.end() :]
    return _emptied(csa, b'MosaicRefAcqTimes')


@lru_cache(maxsize=4)
def without_diffusion(csa: bytes) -> bytes:
    """Return a CSA image header without b value and gradient direction."""
    for name in (b'B_value', b'DiffusionGradientDirection', b'DiffusionDirectionality', b'B_matrix'):
        csa = _emptied(csa, name)
    return csa


def _emptied(csa: bytes, name: bytes) -> bytes:
    """Return a CSA header in which an element has no values; the same where there is no such element."""
    at = csa.find(name + b'\0')
    if at < 0 or not csa.startswith(b'SV10'):
        return csa
    try:
        end = at + _HEAD
        for _ in range(struct.unpack_from('<i', csa, at + _HEAD - 8)[0]):
            length = struct.unpack_from('<i', csa, end + 4)[0]
            end += 16 + (length + 3) // 4 * 4
    except struct.error:
        return csa
    return csa[: at + _HEAD - 8] + bytes(4) + csa[at + _HEAD - 4 : at + _HEAD] + csa[end:]


def slice_normal(dataset: Dataset) -> Any:
    """Return the direction (3,) in which the slices of a mosaic follow each other, None without."""
    values = _csa(dataset, 'SliceNormalVector')
    return np.array(values, dtype=float) if len(values) == 3 else None


def phase_is_positive(dataset: Dataset) -> bool | None:
    """Return whether phase is encoded along growing row or column index, None where it is not told."""
    found = numbers(private_value(dataset, 0x0021, _XA, 0x1C))
    found = found or numbers(_csa(dataset, 'PhaseEncodingDirectionPositive'))
    return found[0] > 0 if found else None


def phase_bandwidth(dataset: Dataset) -> float | None:
    """Return the bandwidth of a pixel in phase direction in Hz, None without."""
    found = numbers(private_value(dataset, 0x0019, _CREATOR, 0x28, 'SIEMENS'), width=8)
    found = found or numbers(private_value(dataset, 0x0021, _XA, 0x53), width=8)
    found = found or numbers(_csa(dataset, 'BandwidthPerPixelPhaseEncode'))
    return found[0] if found and found[0] > 0 else None


def slice_time(dataset: Dataset) -> float | None:
    """Return when in its volume a slice was acquired, in s, None where it is not told.

    The tiles of a mosaic share one header; Instance Number counts them (see `mosaic.frames`). A slice
    that was written as an image of its own has its own time alone.
    """
    times = numbers(private_value(dataset, 0x0019, _CREATOR, 0x29, 'SIEMENS'), width=8)
    if len(times) == 1 and mosaic_count(dataset) is None:
        return times[0] / 1000
    times = times or numbers(_csa(dataset, 'MosaicRefAcqTimes'))
    if len(times) < 2 or mosaic_count(dataset) not in (None, len(times)):
        return None
    return times[(int(dataset.InstanceNumber) - 1) % len(times)] / 1000


def acceleration(dataset: Dataset) -> float | None:
    """Return the acceleration in phase direction, None where it is not told."""
    value = private_value(dataset, 0x0051, _CREATOR, 0x11, 'SIEMENS')
    text = value.decode('ascii', 'ignore') if isinstance(value, bytes) else str(value or '')
    found = re.search(r'\bp(\d+)', text)
    return float(found[1]) if found else None


def dwell_time(dataset: Dataset) -> float | None:
    """Return the time from sample to sample in s, None where it is not told."""
    found = numbers(private_value(dataset, 0x0019, _CREATOR, 0x18, 'SIEMENS'))
    return found[0] * 1e-9 if found and found[0] > 0 else None


def _csa(dataset: Dataset, name: str) -> list[Any]:
    """Return the values of an element of the CSA image header, [] without."""
    data = private_value(dataset, 0x0029, 'SIEMENS CSA HEADER', 0x10, 'SIEMENS')
    if not isinstance(data, bytes):
        return []
    with warnings.catch_warnings():
        # NiBabel's DICOM module warns of its readers; this is its parser of the CSA header alone.
        warnings.simplefilter('ignore', UserWarning)
        from nibabel.nicom import csareader

    try:
        parsed = csareader.read(data)  # type: ignore[no-untyped-call]
    except (
        csareader.CSAReadError, ValueError, LookupError, TypeError, AssertionError, OverflowError,
        struct.error,
    ):  # fmt: skip
        return []
    return list(parsed.get('tags', {}).get(name, {}).get('items', []))
