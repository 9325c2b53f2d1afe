"""Philips: b values, image kind and ASL label in private groups 2001 and 2005 of MR images.

Source: Philips DICOM conformance statements for Achieva and Ingenia (creators 'Philips Imaging
DD 001': (2001,xx03) Diffusion B-Factor, FL, (2001,xx08) Phase Number, IS; 'Philips MR Imaging
DD 001': (2005,xx11) MR Image Type, CS; 'Philips MR Imaging DD 005': (2005,xx29) ASL label type).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._private import numbers, private_value

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['b_value', 'component', 'label', 'phase_number']

_IMAGING = 'Philips Imaging DD 001'


def b_value(dataset: Dataset) -> float | None:
    """Return the b value in s/mm2, None when the header has none."""
    found = numbers(private_value(dataset, 0x2001, _IMAGING, 0x03, 'PHILIPS'), width=4)
    return found[0] if found and found[0] >= 0 else None


def phase_number(dataset: Dataset) -> float | None:
    """Return the number of the cardiac phase, None when the header has none."""
    found = numbers(private_value(dataset, 0x2001, _IMAGING, 0x08, 'PHILIPS'))
    return found[0] if found else None


def component(dataset: Dataset) -> str | None:
    """Return 'M', 'P', 'R' or 'I': magnitude, phase, real or imaginary part."""
    value = private_value(dataset, 0x2005, 'Philips MR Imaging DD 001', 0x11)
    text = _text(value)
    return text[0] if text and text[0] in 'MPRI' else None


def label(dataset: Dataset) -> str | None:
    """Return the label of an arterial spin labelling image ('LABEL', 'CONTROL')."""
    return _text(private_value(dataset, 0x2005, 'Philips MR Imaging DD 005', 0x29))


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        value = value.decode('ascii', 'ignore')
    text = str(value).strip(' \0').upper() if value is not None else ''
    return text or None
