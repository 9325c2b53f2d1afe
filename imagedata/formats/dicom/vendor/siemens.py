"""Siemens: b values and mosaics in the private groups 0019, 0021 and 0029 of MR images.

Source: Siemens DICOM conformance statements for syngo MR (private creator 'SIEMENS MR HEADER':
(0019,xx0A) NumberOfImagesInMosaic, US; (0019,xx0C) B_value, IS; (0019,xx0E)
DiffusionGradientDirection, FD 3; 'SIEMENS CSA HEADER': (0029,xx10) CSA image header, whose
layout is that of NiBabel's documentation, with NumberOfImagesInMosaic, SliceNormalVector, B_value
and DiffusionGradientDirection). syngo XA writes the standard elements.
"""

from __future__ import annotations

import struct
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ._private import numbers, private_value

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['b_value', 'b_vector', 'mosaic_count', 'slice_normal']

_CREATOR = 'SIEMENS MR HEADER'


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


def slice_normal(dataset: Dataset) -> Any:
    """Return the direction (3,) in which the slices of a mosaic follow each other, None without."""
    values = _csa(dataset, 'SliceNormalVector')
    return np.array(values, dtype=float) if len(values) == 3 else None


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
