"""GE: b values in the private group 0043 of MR images.

Source: GE Healthcare DICOM conformance statements for Signa MR (private creator
'GEMS_PARM_01': (0043,xx39) Slop_int_6 to Slop_int_9, whose first value is the b value, with
multiples of 1e5 or 1e9 added by some releases as a flag).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._private import numbers, private_value

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['b_value']


def b_value(dataset: Dataset) -> float | None:
    """Return the b value in s/mm2, None when the header has none."""
    found = numbers(private_value(dataset, 0x0043, 'GEMS_PARM_01', 0x39, 'GE'))
    return found[0] % 100000 if found else None
