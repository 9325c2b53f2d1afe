"""Elements that describe the stored values of an image: bits, slope, padding, window, colour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import objects
from .encode import Encoding, ds_text

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

__all__ = ['photometric', 'pixel_module', 'rescale', 'window']

_RESCALED = objects.CAPTURES | {objects.CT, objects.PET}
"""Classes whose images always have slope and intercept (PS3.3 C.8.2.1, C.8.9.4)."""

_RESCALE_TYPE = 0x00281054


def pixel_module(encoding: Encoding, rows: int, columns: int) -> dict[str, Any]:
    """Return size and bits of the images (PS3.3 C.7.6.3)."""
    allocated, stored, signed = encoding.bits
    values: dict[str, Any] = {
        'Rows': rows,
        'Columns': columns,
        'SamplesPerPixel': 3 if encoding.is_color else 1,
        'BitsAllocated': allocated,
        'BitsStored': stored,
        'HighBit': stored - 1,
        'PixelRepresentation': signed,
    }
    if encoding.is_color:
        values |= {'PlanarConfiguration': 0, 'PhotometricInterpretation': 'RGB'}
    return values


def window(encoding: Encoding, given: Mapping[str, Any], *, inherited: bool) -> dict[str, Any]:
    """Return the display window: as set, as in the source, else over all values.

    Parameters
    ----------
    encoding : Encoding
    given : mapping
        Attributes that the user set.
    inherited : bool
        Whether the source's window stays where the user set none.
    """
    if encoding.is_color:
        return {}
    names = {'WindowCenter': 'windowCenter', 'WindowWidth': 'windowWidth'}
    values = {k: ds_text(given[n]) for k, n in names.items() if given.get(n) is not None}
    if not values and inherited:
        return {}
    low, high = encoding.extremes
    width = high / 2 - low / 2 + high / 2 - low / 2 if high > low else 1.0
    values = {
        'WindowCenter': ds_text(low / 2 + high / 2),
        'WindowWidth': ds_text(min(width, 1e300)),
        **values,
    }
    exact = float(values['WindowWidth']) < 1  # PS3.3 C.11.2.1.2: LINEAR needs 1 or more
    explained: dict[str, Any] = {
        'WindowCenterWidthExplanation': None,
        'VOILUTFunction': 'LINEAR_EXACT' if exact else None,
    }
    return {**values, **explained}


def rescale(
    encoding: Encoding,
    number: int,
    sop_class: str,
    source: Dataset | None,
    elements: Mapping[BaseTag, Any],
) -> dict[str, Any]:
    """Return padding, slope and intercept of an image, where they are needed or were there."""
    if encoding.is_color:
        return {}
    values: dict[str, Any] = {}
    if encoding.padding is not None:
        values['PixelPaddingValue'] = encoding.padding
        values['PixelPaddingRangeLimit'] = None
    own = encoding.rescales[number]
    if sop_class == objects.DOSE:
        return {**values, **_dose_scale(encoding, own.slope_text, source)}
    had = source is not None and 'RescaleSlope' in source
    if encoding.from_source and had:
        assert source is not None
        for keyword in ('RescaleSlope', 'RescaleIntercept'):
            values[keyword] = source.get(keyword, '0')
    elif had or not own.is_identity or sop_class in _RESCALED:
        values['RescaleSlope'] = own.slope_text
        values['RescaleIntercept'] = own.intercept_text
    else:
        return values
    if _RESCALE_TYPE not in elements and sop_class not in (objects.PET, objects.MR):
        values['RescaleType'] = 'HU' if sop_class == objects.CT else 'US'
    return values


def _dose_scale(encoding: Encoding, slope: str, source: Dataset | None) -> dict[str, Any]:
    """Return the scale of RT Dose, which has no intercept (PS3.3 C.8.8.3.2)."""
    values = {'RescaleSlope': None, 'RescaleIntercept': None, 'RescaleType': None}
    given = source.get('DoseGridScaling') if source is not None and encoding.from_source else None
    return {**values, 'DoseGridScaling': slope if given is None else given}


def photometric(source: Dataset | None, given: Any) -> dict[str, Any]:
    """Return the photometric interpretation of a grey-scale image."""
    if given is None and source is not None:
        given = source.get('PhotometricInterpretation')
    allowed = given in ('MONOCHROME1', 'MONOCHROME2')
    return {'PhotometricInterpretation': given if allowed else 'MONOCHROME2'}
