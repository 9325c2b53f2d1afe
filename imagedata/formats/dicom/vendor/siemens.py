"""Siemens: b values in the private group 0019 of MR images.

Source: Siemens DICOM conformance statements for syngo MR (private creator 'SIEMENS MR HEADER':
(0019,xx0C) B_value, IS; (0019,xx0E) DiffusionGradientDirection, FD 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._private import numbers, private_value

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['b_value', 'b_vector']

_CREATOR = 'SIEMENS MR HEADER'


def b_value(dataset: Dataset) -> float | None:
    """Return the b value in s/mm2, None when the header has none."""
    found = numbers(private_value(dataset, 0x0019, _CREATOR, 0x0C, 'SIEMENS'))
    return found[0] if found else None


def b_vector(dataset: Dataset) -> tuple[float, ...] | None:
    """Return the gradient direction (x, y, z, patient system), None without."""
    found = numbers(private_value(dataset, 0x0019, _CREATOR, 0x0E, 'SIEMENS'), width=8)
    return tuple(found[:3]) if len(found) >= 3 else None
