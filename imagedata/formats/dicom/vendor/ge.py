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
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ....errors import GeometryError
from ....geometry import FloatArray, slice_normal
from ._private import numbers, private_value

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['b_value', 'b_vector', 'sequence_axes']

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
    orientation = numbers(dataset.get('ImageOrientationPatient'))
    if not vector.any() or len(orientation) != 6:
        return None
    encoded = str(dataset.get('InPlanePhaseEncodingDirection') or 'COL').upper()
    try:
        axes = sequence_axes(orientation, rows=encoded.startswith('ROW'))
    except GeometryError:
        return None
    return tuple(float(v) for v in axes @ vector)


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
