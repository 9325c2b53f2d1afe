"""Philips: b values, image kind and ASL label in private groups 2001 and 2005 of MR images.

Source: Philips DICOM conformance statements for Achieva and Ingenia (creators 'Philips Imaging
DD 001': (2001,xx03) Diffusion B-Factor, FL, (2001,xx04) Diffusion Direction, CS, (2001,xx08)
Phase Number, IS; 'Philips MR Imaging DD 001': (2005,xx11) MR Image Type, CS, (2005,xxB0) to
(2005,xxB2) Diffusion Direction RL, AP and FH, FL, (2005,xx0D) Scale Intercept and (2005,xx0E) Scale
Slope, FL; 'Philips MR Imaging DD 005': (2005,xx29) ASL label type; 'Philips Imaging DD 001'
(2001,xx13) EPI factor, SL, and (2001,xx22) Water Fat Shift, FL, pixels). Scale slope and intercept:
T. L. Chenevert et al., Errors in quantitative image analysis due to platform-dependent image
scaling, Translational Oncology 7 (2014): the value of the reconstruction is
(stored value - scale intercept) / scale slope.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .values import Diffusion, PrivateElements, numbers, private_value

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    'DIFFUSION', 'b_value', 'b_vector', 'component', 'label', 'phase_number', 'private_scale', 'readout',
]  # fmt: skip

_IMAGING = 'Philips Imaging DD 001'
_MR_IMAGING = 'Philips MR Imaging DD 001'

DIFFUSION = Diffusion(
    PrivateElements(0x2001, _IMAGING, (0x03,)),
    PrivateElements(0x2005, _MR_IMAGING, (0xB0, 0xB1, 0xB2)),
    (PrivateElements(0x2001, _IMAGING, (0x04,)),),
)


def b_value(dataset: Dataset) -> float | None:
    """Return the b value in s/mm2, None when the header has none."""
    found = numbers(private_value(dataset, 0x2001, _IMAGING, 0x03, 'PHILIPS'), width=4)
    return found[0] if found and found[0] >= 0 else None


def b_vector(dataset: Dataset) -> tuple[float, ...] | None:
    """Return the gradient direction (x, y, z; patient system), None without."""
    parts = [
        numbers(private_value(dataset, 0x2005, _MR_IMAGING, element, 'PHILIPS'), width=4)
        for element in (0xB0, 0xB1, 0xB2)
    ]
    vector = tuple(part[0] for part in parts if part)
    return vector if len(vector) == 3 and any(vector) else None


def private_scale(dataset: Dataset) -> tuple[float, float] | None:
    """Return slope and intercept from stored values to those of the reconstruction, None without."""
    slope = numbers(private_value(dataset, 0x2005, _MR_IMAGING, 0x0E, 'PHILIPS'), width=4)
    intercept = numbers(private_value(dataset, 0x2005, _MR_IMAGING, 0x0D, 'PHILIPS'), width=4)
    if not slope or slope[0] == 0:
        return None
    return 1.0 / slope[0], -(intercept[0] if intercept else 0.0) / slope[0]


def readout(dataset: Dataset) -> float | None:
    """Return an estimate of the total readout time in s, from the water-fat shift, None without.

    Water and fat are 3.4 ppm apart; the shift in pixels is that of the phase direction
    (rordenlab/dcm2niix, notes in Philips/README.md).
    """
    shift = numbers(private_value(dataset, 0x2001, _IMAGING, 0x22, 'PHILIPS'), width=4)
    factor = numbers(private_value(dataset, 0x2001, _IMAGING, 0x13, 'PHILIPS'))
    frequency = numbers(dataset.get('ImagingFrequency'))
    if not (shift and factor and frequency) or min(shift[0], factor[0] - 1, frequency[0]) <= 0:
        return None  # a factor of 1 is no echo train
    return shift[0] / (frequency[0] * 3.4 * (factor[0] + 1)) * factor[0]


def phase_number(dataset: Dataset) -> float | None:
    """Return the number of the cardiac phase, None when the header has none."""
    found = numbers(private_value(dataset, 0x2001, _IMAGING, 0x08, 'PHILIPS'))
    return found[0] if found else None


def component(dataset: Dataset) -> str | None:
    """Return 'M', 'P', 'R' or 'I': magnitude, phase, real or imaginary part."""
    value = private_value(dataset, 0x2005, _MR_IMAGING, 0x11)
    text = _text(value)
    return text if text and text in 'MPRI' else None  # not IP, in phase, of Dixon images


def label(dataset: Dataset) -> str | None:
    """Return the label of an arterial spin labelling image ('LABEL', 'CONTROL')."""
    return _text(private_value(dataset, 0x2005, 'Philips MR Imaging DD 005', 0x29))


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        value = value.decode('ascii', 'ignore')
    text = str(value).strip(' \0').upper() if value is not None else ''
    return text or None
