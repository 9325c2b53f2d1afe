"""GE: b values and gradient directions in the private groups 0043 and 0019 of MR images.

Source: GE Healthcare DICOM conformance statements for Signa MR (private creator
'GEMS_PARM_01': (0043,xx39) Slop_int_6 to Slop_int_9, whose first value is the b value, with
multiples of 1e5 or 1e9 added by some releases as a flag; 'GEMS_ACQU_01': (0019,xxBB) to
(0019,xxBD) User data 20 to 22, the gradient direction of diffusion images).

The direction is written in the axes of the pulse sequence: frequency, phase, slice. How these lie
in an image is not in the conformance statement; it is what GE's staff validated on axial,
sagittal, coronal and oblique images with either phase encoding (rordenlab/dcm2niix, notes in
GE/README.md, issue 970, and the signs of its table for axial, sagittal and coronal images), put
as one rule: the slice axis is the image normal, pointing to
the patient's right, front or head; the phase axis points against the columns or the rows; and
the frequency axis completes a right-handed system. A direction and its opposite are the same
for diffusion, and the rule agrees with those notes up to that.

Echo planar images: 'GEMS_PARM_01' (0043,xx2C) effective echo spacing, SS, microseconds, and
(0043,xx83) asset R factors, DS, the reciprocal of the acceleration in phase direction; 'GEMS_SERS_01'
(0025,xx1B) protocol data block, gzip-packed lines of `NAME "value"`, whose VIEWORDER is 1 where
phase runs from the bottom up; it comes before Rectilinear Phase Encode Reordering (0018,9034), which
says LINEAR of such images too (rordenlab/dcm2niix, notes in GE/README.md, and its reference files).
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

import numpy as np

from ....errors import GeometryError
from ....geometry import FloatArray, slice_normal
from .values import Diffusion, PrivateElements, numbers, private_value

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    'DIFFUSION', 'axes_of', 'b_value', 'b_vector', 'echo_spacing', 'phase_is_positive', 'sequence_axes',
]  # fmt: skip

_TO_RAS = (-1.0, -1.0, 1.0)


def b_value(dataset: Dataset) -> float | None:
    """Return the b value in s/mm2, None when the header has none."""
    found = numbers(private_value(dataset, 0x0043, 'GEMS_PARM_01', 0x39, 'GE'))
    return found[0] % 100000 if found else None


def b_vector(dataset: Dataset) -> tuple[float, ...] | None:
    """Return the gradient direction (x, y, z; patient system), None without."""
    parts = [
        numbers(private_value(dataset, 0x0019, 'GEMS_ACQU_01', element, 'GE'))
        for element in (0xBB, 0xBC, 0xBD)
    ]
    if not all(parts):
        return None
    vector = np.array([part[0] for part in parts])
    axes = axes_of(dataset) if vector.any() else None
    return None if axes is None else tuple(float(v) for v in axes @ vector)


def axes_of(dataset: Dataset) -> FloatArray | None:
    """Return the axes of the pulse sequence of an image, as `sequence_axes`; None without an orientation."""
    orientation = numbers(dataset.get('ImageOrientationPatient'))
    if len(orientation) != 6:
        return None
    encoded = str(dataset.get('InPlanePhaseEncodingDirection') or 'COL').upper()
    try:
        return sequence_axes(orientation, rows=encoded.startswith('ROW'))
    except GeometryError:
        return None


DIFFUSION = Diffusion(
    PrivateElements(0x0043, 'GEMS_PARM_01', (0x39,)),
    PrivateElements(0x0019, 'GEMS_ACQU_01', (0xBB, 0xBC, 0xBD)),
    axes=axes_of,
)


def sequence_axes(orientation: list[float], *, rows: bool) -> FloatArray:
    """Return the directions of frequency, phase and slice: columns of a (3, 3) array, LPS.

    Parameters
    ----------
    orientation : list of float
        Image Orientation (Patient).
    rows : bool
        Whether phase is encoded along the rows of the image (In-plane Phase Encoding
        Direction ROW), not along its columns.

    Examples
    --------
    An axial image, phase encoded along the columns: right, front, head.

    >>> sequence_axes([1, 0, 0, 0, 1, 0], rows=False).T + 0.0
    array([[-1.,  0.,  0.],
           [ 0., -1.,  0.],
           [ 0.,  0.,  1.]])
    """
    cosines = np.asarray(orientation, dtype=float).reshape(2, 3)
    normal = slice_normal(orientation)
    main = int(np.argmax(np.abs(normal)))
    normal = normal * np.sign(normal[main]) * _TO_RAS[main]
    phase = -cosines[0] if rows else -cosines[1]
    return np.column_stack([np.cross(phase, normal), phase, normal])


def echo_spacing(dataset: Dataset) -> tuple[float, float] | None:
    """Return the echo spacing in s and the acceleration in phase direction, None without."""
    spacing = numbers(private_value(dataset, 0x0043, 'GEMS_PARM_01', 0x2C, 'GE'))
    factor = numbers(private_value(dataset, 0x0043, 'GEMS_PARM_01', 0x83, 'GE'))
    if not spacing or spacing[0] <= 0:
        return None
    return spacing[0] * 1e-6, 1 / factor[0] if factor and 0 < factor[0] <= 1 else 1.0


def phase_is_positive(dataset: Dataset) -> bool | None:
    """Return whether phase is encoded along growing row or column index, None where it is not told."""
    found = re.search(r'\bVIEWORDER "(\d)"', _protocol(dataset))
    if found is not None:
        return found[1] == '0'
    order = str(dataset.get('RectilinearPhaseEncodeReordering') or '')
    return {'LINEAR': True, 'REVERSE_LINEAR': False}.get(order)


def _protocol(dataset: Dataset) -> str:
    """Return the text of the protocol data block, '' where there is none that can be read."""
    block = private_value(dataset, 0x0025, 'GEMS_SERS_01', 0x1B, 'GE')
    start = block.find(b'\x1f\x8b') if isinstance(block, bytes) else -1
    if start < 0:
        return ''
    try:
        return zlib.decompressobj(31).decompress(block[start:], 1 << 20).decode('latin-1')
    except zlib.error:
        return ''
