"""Standardized uptake values of PET: activity concentration by injected dose and body weight.

SUVbw = activity (Bq/ml) x body weight (g) / dose (Bq), the dose decayed to the time to which the
images are corrected. Source: QIBA, SUV vendor-neutral pseudo-code ("happy path" and robust
versions, qibawiki.rsna.org, Standardized Uptake Value); PS3.3 C.8.9.1 (PET Series: Units, Decay
Correction), C.8.9.2 (PET Isotope: start time, dose, half life). Vendors, from that source: images
of Philips in counts (CNTS) carry the factor in (7053,xx00), or that to Bq/ml in (7053,xx09), creator
'Philips PET Private Group'; those of GE whose Series Date and Time are of a later
reconstruction carry the start of the scan in (0009,xx0D), creator 'GEMS_PETD_01'.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ...errors import ScalingError
from .criteria import seconds
from .vendor.values import numbers, private_value

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from .frames import Frame

__all__ = ['suv_factor', 'suv_scale']

_PHILIPS = 'Philips PET Private Group'


def suv_scale(frames: Sequence[Frame], kind: str) -> list[str]:
    """Give frames of one PET series the scale of uptake values; return what is to be told about it.

    Raises
    ------
    ScalingError
        When the header does not have what that needs; the message names it.
    """
    if str(kind).lower() != 'bw':
        raise ScalingError(f"suv={kind!r} is not known: 'bw', by body weight, is")
    told: dict[str, None] = {}
    moments = [_moment(f.dataset.get('AcquisitionDate'), f.dataset.get('AcquisitionTime')) for f in frames]
    first = min((m for m in moments if m is not None), default=None)
    for frame in frames:
        modality = frame.dataset.get('Modality')
        if str(modality) != 'PT':
            raise ScalingError(f'{frame.name} has modality {modality}: uptake values are those of PET (PT)')
        factor, how = suv_factor(frame.name, frame.dataset, first)
        frame.scale = frame.scale.times(factor)
        told[f'values: SUV by body weight (g/ml), {how}'] = None
    return list(told)


def suv_factor(name: str, dataset: Dataset, first: datetime | None = None) -> tuple[float, str]:
    """Return the factor from rescaled values to SUVbw, and how it was found.

    Parameters
    ----------
    name : str
        File, for messages.
    dataset : Dataset
        Header of the image.
    first : datetime, optional
        Earliest acquisition of the series.

    Raises
    ------
    ScalingError
    """
    units = str(dataset.get('Units') or '')
    if units == 'GML':
        kind = str(dataset.get('SUVType') or 'BW')
        if kind != 'BW':
            raise ScalingError(f'{name} holds uptake values by {kind} (SUV Type), not by body weight')
        return 1.0, 'as the images have them (Units GML)'
    if units == 'CNTS':
        factor = numbers(private_value(dataset, 0x7053, _PHILIPS, 0x00))
        if factor and factor[0] > 0:
            return factor[0], 'counts by the SUV factor of Philips, (7053,1000)'
        activity = numbers(private_value(dataset, 0x7053, _PHILIPS, 0x09))
        if not activity or activity[0] <= 0:
            raise ScalingError(
                f'{name} holds counts (Units CNTS), and neither (7053,1000) nor (7053,1009) of '
                f'{_PHILIPS!r}, the factors of Philips'
            )
        how = 'counts by the activity factor of Philips, (7053,1009)'
        return activity[0] * _by_dose(name, dataset, first), how
    if units != 'BQML':
        raise ScalingError(
            f'{name} has Units {units or "missing"}: uptake values follow from BQML, CNTS of Philips, or GML'
        )
    return _by_dose(name, dataset, first), 'activity by decayed dose and weight (QIBA)'


def _by_dose(name: str, dataset: Dataset, first: datetime | None) -> float:
    """Return body weight in g by dose in Bq, decayed to the time that the images are corrected to."""
    items: Any = dataset.get('RadiopharmaceuticalInformationSequence')
    if not items:
        raise ScalingError(f'{name} has no Radiopharmaceutical Information Sequence: no dose is known')
    drug = items[0]
    weight = _positive(name, dataset, 'PatientWeight')
    dose = _positive(name, drug, 'RadionuclideTotalDose')
    corrected = {str(part) for part in dataset.get('CorrectedImage') or []}
    if corrected and not {'ATTN', 'DECY'} <= {'DECY' if c == 'DECAY' else c for c in corrected}:
        raise ScalingError(
            f'{name} is corrected for {", ".join(sorted(corrected))} (Corrected Image), and uptake values '
            'need attenuation (ATTN) and decay (DECY)'
        )
    correction = str(dataset.get('DecayCorrection') or '')
    if correction == 'ADMIN':
        return weight * 1000 / dose
    if correction != 'START':
        raise ScalingError(
            f'{name} has Decay Correction {correction or "missing"}: uptake values follow from START (of the '
            'scan) or ADMIN (of the injection)'
        )
    half_life = _positive(name, drug, 'RadionuclideHalfLife')
    start = _scan_start(name, dataset, first)
    apart = (start - _injection(name, drug, start)).total_seconds()
    return float(weight * 1000 / (dose * 2 ** (-apart / half_life)))


def _positive(name: str, dataset: Dataset, keyword: str) -> float:
    found = numbers(dataset.get(keyword))
    if not found or not found[0] > 0:
        from pydicom.datadict import dictionary_description

        value = f'{found[0]:g}' if found else 'missing'
        raise ScalingError(
            f'{name}: {dictionary_description(keyword)} is {value}, and uptake values need it'
        )
    return found[0]


def _moment(day: Any, time: Any) -> datetime | None:
    """Return date and time of two elements, None when one is missing."""
    since, digits = seconds(time), str(day or '').replace('.', '').strip()
    if since is None or len(digits) < 8:
        return None
    try:
        return datetime.strptime(digits[:8], '%Y%m%d') + timedelta(seconds=since)
    except ValueError:
        return None


def _both(text: Any) -> datetime | None:
    """Return the moment of a DICOM date and time (VR DT), without its time zone."""
    digits = str(text or '').strip()
    return _moment(digits[:8], digits[8:].split('+')[0].split('-')[0])


def _scan_start(name: str, dataset: Dataset, first: datetime | None) -> datetime:
    """Return the time to which images are corrected with Decay Correction START.

    It is that of the series, unless this was set by a later step: no image is acquired before it.
    """
    corrected = _both(dataset.get('DecayCorrectionDateTime'))
    if corrected is not None:
        return corrected
    series = _moment(dataset.get('SeriesDate'), dataset.get('SeriesTime'))
    if series is not None and (first is None or series <= first):
        return series
    own = private_value(dataset, 0x0009, 'GEMS_PETD_01', 0x0D, 'GE')
    own = own.decode('ascii', 'ignore') if isinstance(own, bytes) else own
    start = _both(own)
    if start is None:
        raise ScalingError(
            f'{name}: Series Date and Time ({series or "missing"}) are not those of the start of the scan '
            f'(first acquisition {first}), and no private element has it: to what time the decay '
            'is corrected is not known'
        )
    return start


def _injection(name: str, drug: Dataset, start: datetime) -> datetime:
    """Return the time of the injection; without a date, the last one before the scan."""
    known = _both(drug.get('RadiopharmaceuticalStartDateTime'))
    if known is not None:
        if known > start:
            raise ScalingError(f'{name}: the injection ({known}) is after the start of the scan ({start})')
        return known
    since = seconds(drug.get('RadiopharmaceuticalStartTime'))
    if since is None:
        raise ScalingError(
            f'{name} has neither Radiopharmaceutical Start DateTime nor Start Time: the decay of the dose is '
            'not known'
        )
    midnight = datetime(start.year, start.month, start.day)
    moment = midnight + timedelta(seconds=since)
    return moment if moment <= start else moment - timedelta(days=1)
