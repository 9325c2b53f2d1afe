"""How an image was encoded, for BIDS: phase-encoding direction, readout time, slice timing.

Source: Brain Imaging Data Structure specification, "Magnetic Resonance Imaging"; what vendors write
stands in `formats.dicom.vendor`. Directions are worked out in the patient, from the source image, and
named by the axes of the file that is written: also where the array was turned or flipped in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import GeometryError
from ...geometry import FloatArray, slice_normal
from ...header import Header
from ..dicom.criteria import seconds
from ..dicom.vendor import ge, philips, siemens
from ..dicom.vendor.values import numbers
from .layout import nifti_from_lps

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['encoding_fields', 'slice_timing']

_ALONG = 0.99
"""Cosine from which on a direction is along an axis."""


def encoding_fields(dataset: Dataset, header: Header) -> dict[str, Any]:
    """Return the fields of phase encoding that the header of an image tells.

    Parameters
    ----------
    dataset : Dataset
        Header of a source image.
    header : Header
        Of the series that is written.
    """
    fields: dict[str, Any] = {}
    rows = _phase_along_rows(dataset)
    if rows is None:
        return fields
    positive = _positive(dataset)
    axis = _file_axis(dataset, header, rows)
    if axis is not None and positive is not None:
        letter, same = axis
        fields['PhaseEncodingDirection'] = letter if positive == same else f'{letter}-'
    elif axis is not None:
        fields['PhaseEncodingAxis'] = axis[0]
    fields.update(_readout(dataset, rows))
    return fields


def _words(dataset: Dataset, keyword: str) -> list[str]:
    value = dataset.get(keyword)
    return [str(v) for v in ([value] if isinstance(value, str) else value or [])]


def _is_echo_planar(dataset: Dataset) -> bool:
    words = _words(dataset, 'ScanningSequence')
    return 'EP' in words or str(dataset.get('EchoPlanarPulseSequence') or '') == 'YES'


def _phase_along_rows(dataset: Dataset) -> bool | None:
    text = str(dataset.get('InPlanePhaseEncodingDirection') or '').upper()
    return {'ROW': True, 'COL': False, 'COLUMN': False}.get(text)


def _positive(dataset: Dataset) -> bool | None:
    maker = str(dataset.get('Manufacturer') or '').upper()
    if maker.startswith('SIEMENS'):
        return siemens.phase_is_positive(dataset)
    return ge.phase_is_positive(dataset) if maker.startswith('GE') else None


def _file_axis(dataset: Dataset, header: Header, rows: bool) -> tuple[str, bool] | None:
    """Return the axis of the file ('i', 'j', 'k') that phase is along, and whether in its sense."""
    cosines = numbers(dataset.get('ImageOrientationPatient'))
    geometry = header.geometry
    if len(cosines) != 6 or geometry is None or geometry.assumed:
        return None
    direction = np.array(cosines[:3] if rows else cosines[3:]) * [-1.0, -1.0, 1.0]
    affine = nifti_from_lps(geometry.affine, geometry.shape[1])[:3, :3]
    along: FloatArray = direction @ (affine / np.linalg.norm(affine, axis=0))
    at = int(np.argmax(np.abs(along)))
    return ('ijk'[at], bool(along[at] > 0)) if abs(along[at]) > _ALONG else None


def _readout(dataset: Dataset, rows: bool) -> dict[str, float]:
    """Return echo spacing and readout time in s, of the image as the scanner reconstructed it."""
    lines = int(dataset.get('Columns' if rows else 'Rows') or 0)
    if lines < 2:
        return {}
    maker = str(dataset.get('Manufacturer') or '').upper()
    if maker.startswith('PHILIPS'):
        total = philips.readout(dataset)
        # Not the names of BIDS: an estimate that the shift of fat allows.
        names = ('EstimatedEffectiveEchoSpacing', 'EstimatedTotalReadoutTime')
        return {} if total is None else dict(zip(names, (total / (lines - 1), total), strict=True))
    if not _is_echo_planar(dataset):
        return {}
    if maker.startswith('SIEMENS'):
        bandwidth = siemens.phase_bandwidth(dataset)
        if bandwidth is None:
            return {}
        spacing = 1 / (bandwidth * lines)
        return {
            'BandwidthPerPixelPhaseEncode': bandwidth,
            'EffectiveEchoSpacing': spacing,
            'TotalReadoutTime': spacing * (lines - 1),
        }
    return _ge_readout(dataset, lines) if maker.startswith('GE') else {}


def _ge_readout(dataset: Dataset, lines: int) -> dict[str, float]:
    """Return what follows from the lines that were acquired: a whole number of pairs of them.

    Half as many pairs with partial Fourier (scan option PFF): multiples of four.
    """
    found = ge.echo_spacing(dataset)
    matrix = [int(v) for v in numbers(dataset.get('AcquisitionMatrix'))]
    encoded = [v for v in matrix[2:] if v] if len(matrix) == 4 else []
    if found is None or not encoded:
        return {}
    spacing, acceleration = found
    step = 4 if 'PFF' in _words(dataset, 'ScanOptions') else 2
    acquired = int(np.ceil(encoded[0] / acceleration / step)) * step
    total = (acquired - 1) * spacing
    return {'EffectiveEchoSpacing': total / (lines - 1), 'TotalReadoutTime': total}


def slice_timing(header: Header, repetition_time: float | None) -> dict[str, Any]:
    """Return when each slice of the first volume was acquired, in s from its start, where that is told.

    Parameters
    ----------
    header : Header
        Of the series that is written.
    repetition_time : float or None
        In s. Slices of one volume are acquired within it.
    """
    images = header.images
    geometry = header.geometry
    if images is None or images.records is None or geometry is None or 'slice' not in images.dims:
        return {}
    volume = np.moveaxis(images.ids, images.dims.index('slice'), -1).reshape(-1, geometry.shape[0])[0]
    if not images.own or (volume < 0).any() or len(set(volume)) < max(2, len(volume)):
        return {}  # a template's slices, or interpolated ones, are not those that were acquired
    if repetition_time is None:
        return {}
    datasets = [images.records.dataset(int(i)) for i in volume]
    first = datasets[0]
    if str(first.get('MRAcquisitionType') or '') == '3D' or not _one_plane(first, geometry.normal):
        return {}
    if not _is_echo_planar(first):
        return {}
    ge_made = str(first.get('Manufacturer') or '').upper().startswith('GE')
    for moment in (siemens.slice_time, *([_trigger] if ge_made else []), _acquired):
        times = [moment(dataset) for dataset in datasets]
        known = [t for t in times if t is not None]
        if len(known) == len(times) and 0 < max(known) - min(known) < repetition_time:
            start = min(known)
            # To a tenth of a millisecond: clocks give no more.
            times = [round(t - start, 4) for t in known]
            together = len(times) // len(set(times))
            multiband = {'MultibandAccelerationFactor': together} if together > 1 else {}
            return {'SliceTiming': times, **multiband}
    return {}


def _one_plane(dataset: Dataset, normal: FloatArray) -> bool:
    """Return whether the slices of the series are those of its source."""
    cosines = numbers(dataset.get('ImageOrientationPatient'))
    try:
        return len(cosines) == 6 and bool(abs(slice_normal(cosines) @ normal) > _ALONG)
    except GeometryError:
        return False


def _trigger(dataset: Dataset) -> float | None:
    found = numbers(dataset.get('TriggerTime'))
    return found[0] / 1000 if found else None


def _acquired(dataset: Dataset) -> float | None:
    return seconds(dataset.get('AcquisitionTime'))
