"""Elements of a new image that follow from neither pixels nor place: who it is, when, of what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import WriteError
from ...version import library_version
from .attributes import clone
from .criteria import CRITERIA, b_vector, seconds
from .encode import ds_text
from .objects import NM, PET
from .vendor._private import numbers

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

__all__ = ['Dates', 'direction', 'element', 'equipment', 'has_element', 'history', 'image_type', 'tag_values']


def element(tag: Any, value: Any, vr: str | None = None) -> DataElement:
    """Return a DICOM element, its value in the form that its VR has.

    Raises
    ------
    WriteError
        When the value does not fit the element.
    """
    from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
    from pydicom.dataelem import DataElement

    number: Any = tag_for_keyword(tag) if isinstance(tag, str) else tag
    if vr is None:
        vr = dictionary_VR(number)
    try:
        return DataElement(number, vr, _plain(value, vr))
    except (ValueError, TypeError, OverflowError) as error:
        name = keyword_for_tag(number) or str(number)
        raise WriteError(
            f'{name} (VR {vr}) cannot be {value!r}: {error}; give a value as PS3.5 6.2 has it'
        ) from error


def _plain(value: Any, vr: str) -> Any:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(part, vr) for part in value]
    if isinstance(value, dict) and vr == 'SQ':
        return _item(value)
    if isinstance(value, np.generic):
        value = value.item()
    if hasattr(value, 'original_string'):
        return value  # a number of a DICOM file, with its digits
    if vr == 'DS' and isinstance(value, (int, float)) and not isinstance(value, bool):
        return ds_text(float(value))
    if isinstance(value, datetime) and vr == 'DT':
        return value.strftime('%Y%m%d%H%M%S.%f')
    if isinstance(value, date) and vr == 'DA':
        return value.strftime('%Y%m%d')
    if vr == 'TM' and isinstance(value, (int, float)):
        return clock(float(value))
    return value


def clock(value: float) -> str:
    """Return seconds since midnight, of any day, as a DICOM time.

    Examples
    --------
    >>> clock(37551.25)
    '102551.250000'
    """
    micro = round(value * 1e6) % 86_400_000_000
    whole, rest = divmod(micro, 1_000_000)
    return f'{whole // 3600:02}{whole // 60 % 60:02}{whole % 60:02}.{rest:06}'


# --- dates and equipment ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dates:
    """When a series is written; one moment for all its images."""

    now: datetime

    @classmethod
    def at(cls, offset: Any) -> Dates:
        """Return this moment, in the time zone that the source states (`+0100`), else local."""
        text = str(offset or '').strip()
        zone = None
        if len(text) == 5 and text[0] in '+-' and text[1:].isdigit():
            minutes = int(text[1:3]) * 60 + int(text[3:])
            zone = timezone(timedelta(minutes=-minutes if text[0] == '-' else minutes))
        utc = datetime.now(UTC)
        return cls(utc.astimezone(zone))

    def values(self, sop_class: str, *, new_series: bool) -> dict[str, Any]:
        """Return dates and times of content, instance and series. Acquisition keeps its own.

        The series time of PET is the reference of decay correction (PS3.3 C.8.9.1.1.4): it
        stays, or activities would be wrong.
        """
        day, time = self.now.strftime('%Y%m%d'), self.now.strftime('%H%M%S.%f')
        values = {
            'InstanceCreationDate': day,
            'InstanceCreationTime': time,
            'ContentDate': day,
            'ContentTime': time,
        }
        if new_series and sop_class != PET:
            values['SeriesDate'] = day
            values['SeriesTime'] = time
        return values


def code(value: str, meaning: str) -> dict[str, Any]:
    """Return a coded entry of DICOM's own scheme (PS3.16)."""
    return {'CodeValue': value, 'CodingSchemeDesignator': 'DCM', 'CodeMeaning': meaning}


def equipment(now: datetime, what: str) -> Dataset:
    """Return an item of Contributing Equipment Sequence for this library (PS3.3 C.12.1.1.5)."""
    return _item({
        'Manufacturer': 'the imagedata developers',
        'ManufacturerModelName': 'imagedata',
        'SoftwareVersions': library_version(),
        'ContributionDateTime': now.strftime('%Y%m%d%H%M%S.%f'),
        'ContributionDescription': what,
        'PurposeOfReferenceCodeSequence': [code('109103', 'Modifying Equipment')],
    })  # fmt: skip


def _item(values: Mapping[str, Any]) -> Dataset:
    """Return an item of a sequence, from keyword to value."""
    from pydicom.dataset import Dataset

    item = Dataset()
    for keyword, value in values.items():
        item.add(element(keyword, value))
    return item


_PURPOSE = [code('121322', 'Source image for image processing operation')]


def source_reference(source: Dataset) -> dict[str, Any] | None:
    """Return an item of Source Image Sequence, None when the source has no identity."""
    class_uid, instance_uid = source.get('SOPClassUID'), source.get('SOPInstanceUID')
    if not class_uid or not instance_uid:
        return None
    return {
        'ReferencedSOPClassUID': str(class_uid),
        'ReferencedSOPInstanceUID': str(instance_uid),
        'PurposeOfReferenceCodeSequence': _PURPOSE,
    }


def history(
    source: Dataset, made: Dataset, study: str | None, *, refer: bool
) -> dict[str, Any]:
    """Return where an image comes from, and what made it: keyword to value, new items as dicts of these.

    Parameters
    ----------
    source : Dataset
    made : Dataset
        Item of Contributing Equipment Sequence for this library, after those of the source.
    study : str or None
        Study Instance UID of the image where it is another than the source's.
    refer : bool
        Whether the image comes from that very source.
    """
    values: dict[str, Any] = {}
    if 'ContributingEquipmentSequence' in source:
        before = _copies(source, 'ContributingEquipmentSequence')
        values['ContributingEquipmentSequence'] = [*before, *_clones([made])]
    reference = source_reference(source) if refer else None
    if reference is None:
        return values
    values['SourceImageSequence'] = [reference]
    series, theirs = source.get('SeriesInstanceUID'), source.get('StudyInstanceUID')
    if series:
        values |= _referenced_series(source, str(series), str(theirs or ''), study)
    return values


def _copies(source: Dataset, keyword: str) -> list[Dataset]:
    """Return copies of the items of a sequence: an item belongs to one, and the source keeps its own."""
    return _clones(source[keyword].value) if keyword in source else []


def _clones(items: Iterable[Dataset]) -> list[Dataset]:
    return [clone(item, dict(item.items())) for item in items]


def _referenced_series(source: Dataset, series: str, theirs: str, study: str | None) -> dict[str, Any]:
    """Return the Common Instance Reference module (PS3.3 C.12.2), with what the source referred to."""
    instance = {
        'ReferencedSOPClassUID': str(source.SOPClassUID),
        'ReferencedSOPInstanceUID': str(source.SOPInstanceUID),
    }
    item = {'ReferencedInstanceSequence': [instance], 'SeriesInstanceUID': series}
    if study is None or study == theirs:
        return {'ReferencedSeriesSequence': [*_copies(source, 'ReferencedSeriesSequence'), item]}
    other = {'ReferencedSeriesSequence': [item], 'StudyInstanceUID': theirs}
    return {
        # What the source referred to in its own study is in another one now.
        'ReferencedSeriesSequence': None,
        'StudiesContainingOtherReferencedInstancesSequence': [other],
    }


def image_type(given: Any, sop_class: str) -> list[str]:
    """Return the image type of a derived image: its first two values new, the others kept.

    Images of PET and NM are DERIVED and yet PRIMARY (PS3.3 C.8.9.4.1.1, C.8.4.9.1.1).
    """
    values = [given] if isinstance(given, str) else [str(part) for part in given or []]
    second = 'PRIMARY' if sop_class in (PET, NM) else 'SECONDARY'
    return ['DERIVED', second, *values[2:]]


# --- values along tag axes --------------------------------------------------------------------

_MIDNIGHT = 86400
_TIME_TOLERANCE = 5e-5  # s; seconds since the year 1 have a resolution of 1e-5 s in float64


def tag_values(name: str, value: Any, source: Dataset | None, first_day: str) -> dict[str, Any]:
    """Return the elements that say where an image stands along a tag axis.

    Parameters
    ----------
    name : str
        Name of the axis: of a sort criterion, or a DICOM keyword.
    value : object
        In the unit of the axis (s, ms, s/mm2, degrees).
    source : Dataset or None
        What it says already stays as it is.
    first_day : str
        Date from which days are counted where times pass midnight, YYYYMMDD or ''.

    Returns
    -------
    dict of str to object
        Keyword to value; None removes. Empty where the source says it already, or where the
        axis is none that DICOM has an element for.
    """
    if value is None:
        return {}
    if name in ('time', 'contenttime'):
        kind = 'Acquisition' if name == 'time' else 'Content'
        return _moment(kind, _number(name, value), source, first_day)
    if name in _WRITERS:
        return _WRITERS[name](name, value, source)
    if has_element(name):
        keyword = name if _known(name) else name[:1].upper() + name[1:]
        return _keyword(keyword, value, source)
    return {}


def has_element(name: str) -> bool:
    """Return whether values along an axis of this name have a DICOM element."""
    if name in ('time', 'contenttime') or name in _WRITERS:
        return True
    return _known(name) or _known(name[:1].upper() + name[1:])


def _known(keyword: str) -> bool:
    from pydicom.datadict import tag_for_keyword

    return tag_for_keyword(keyword) is not None


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise WriteError(
            f'axis {name!r} has the value {value!r}, and its DICOM element holds a number: '
            'assign series.axes with numbers'
        ) from error
    if not np.isfinite(number):
        raise WriteError(f'axis {name!r} has the value {value!r}, which DICOM cannot hold')
    return number


def _moment(kind: str, value: float, source: Dataset | None, first_day: str) -> dict[str, Any]:
    """Return time, and date where midnight passes: seconds since midnight, or since the year 1."""
    if source is not None and kind == 'Acquisition':  # times of the content are made anew
        given = seconds(source.get(f'{kind}Time'))
        if given is not None:
            apart = abs(value - given) % _MIDNIGHT
            if min(apart, _MIDNIGHT - apart) < _TIME_TOLERANCE:
                return {}
        if _on_another_clock(source, value):
            return {}
        content = CRITERIA['contenttime'](source)
        if content is not None and abs(value % _MIDNIGHT - content[1]) < _TIME_TOLERANCE:
            # The series was sorted on it: it stays, rather than be taken for an acquisition time.
            return {k: source.get(k) for k in ('ContentDate', 'ContentTime') if k in source}
    days, rest = divmod(value, _MIDNIGHT)
    day = _day(int(days), first_day)
    if day is None and days:
        raise WriteError(
            f'a time of {value:g} s is no time of one day (0 to {_MIDNIGHT:g} s), and the images have no '
            'date to count from: subtract the first time, or give a template with acquisition dates'
        )
    values: dict[str, Any] = {f'{kind}Time': clock(rest)}
    if source is not None and kind == 'Acquisition' and 'TriggerTime' in source:
        values['TriggerTime'] = None  # of the source's own time, which this is not
    if day is not None:
        values[f'{kind}Date'] = day
    if source is not None and f'{kind}DateTime' in source:
        values[f'{kind}DateTime'] = None if day is None else day + clock(rest)
    return values


def _on_another_clock(source: Dataset, value: float) -> bool:
    """Return whether a source says a time as that of a trigger, which readers sort on then."""
    for name in ('timeoffset', 'triggertime'):
        given = CRITERIA[name](source)
        if isinstance(given, (int, float)) and abs(given - value) < _TIME_TOLERANCE:
            return True
    return False


def _day(days: int, first_day: str) -> str | None:
    """Return a date, some days after the first one; None when that is not known."""
    try:
        if days > 366 * 200:  # counted from the year 1
            return date.fromordinal(days).strftime('%Y%m%d')
        first = datetime.strptime(first_day.replace('.', '')[:8], '%Y%m%d')
        return (first + timedelta(days=days)).strftime('%Y%m%d')
    except (ValueError, OverflowError):
        return None


def _same(source: Dataset | None, keyword: str, value: float, tolerance: float) -> bool:
    given = numbers(source.get(keyword)) if source is not None else []
    return bool(given) and abs(given[0] - value) <= tolerance


def _scaled(keyword: str, factor: float = 1.0) -> Callable[[str, Any, Dataset | None], dict[str, Any]]:
    def values(name: str, value: Any, source: Dataset | None) -> dict[str, Any]:
        number = _number(name, value) * factor
        same = _same(source, keyword, number, 1e-6 * max(1.0, abs(number)))
        return {} if same else {keyword: round(number, 9)}

    return values


def _b_value(name: str, value: Any, source: Dataset | None) -> dict[str, Any]:
    number = _number(name, value)
    return {} if _same(source, 'DiffusionBValue', number, 1e-6) else {'DiffusionBValue': number}


def _b_vector(name: str, value: Any, source: Dataset | None) -> dict[str, Any]:
    vector = [] if value is None else [float(v) for v in np.ravel(value)]
    if len(vector) != 3 or not any(vector):
        return {}
    given = numbers(source.get('DiffusionGradientOrientation')) if source is not None else []
    if len(given) == 3 and np.allclose(given, vector, atol=1e-6):
        return {}
    values: dict[str, Any] = {'DiffusionGradientOrientation': vector}
    if source is None or 'DiffusionDirectionality' not in source:
        values['DiffusionDirectionality'] = 'DIRECTIONAL'
    return values


def direction(source: Dataset) -> dict[str, Any]:
    """Return the gradient direction of a source in the patient system, {} where it says so already.

    Some vendors (GE, United Imaging) have it in the axes of the image alone.
    """
    return _b_vector('bvector', b_vector(source), source)


def _dti(name: str, value: Any, source: Dataset | None) -> dict[str, Any]:
    b, vector = value
    return {**_b_value(name, b, source), **_b_vector(name, vector, source)}


_COMPONENTS = {'M': 'MAGNITUDE', 'P': 'PHASE', 'R': 'REAL', 'I': 'IMAGINARY'}


def _component(name: str, value: Any, source: Dataset | None) -> dict[str, Any]:
    """Return the part of a complex image (PS3.3 C.8.13.3.1.1)."""
    if source is not None and CRITERIA[name](source) == value:
        return {}
    word = _COMPONENTS.get(str(value)[:1].upper())
    if word is None:
        raise WriteError(f'axis {name!r} has the value {value!r}: it is one of M, P, R, I')
    return {'ComplexImageComponent': word}


def _count(keyword: str) -> Callable[[str, Any, Dataset | None], dict[str, Any]]:
    def values(name: str, value: Any, source: Dataset | None) -> dict[str, Any]:
        number = _number(name, value)
        if number != round(number):
            raise WriteError(f'axis {name!r} has the value {value!r}, and {keyword} holds whole numbers')
        return {} if _same(source, keyword, number, 0) else {keyword: round(number)}

    return values


_WRITERS: Mapping[str, Callable[[str, Any, Dataset | None], dict[str, Any]]] = {
    'triggertime': _scaled('TriggerTime', 1000.0),
    'framereferencetime': _scaled('FrameReferenceTime', 1000.0),
    'timeoffset': _scaled('TemporalPositionTimeOffset'),
    'cardiacphase': _scaled('NominalPercentageOfCardiacPhase'),
    'component': _component,
    'echo': _count('EchoNumbers'),
    'stack': lambda name, value, source: {'StackID': str(value)},
    'temporalposition': _count('TemporalPositionIdentifier'),
    'acquisition': _count('AcquisitionNumber'),
    'te': _scaled('EchoTime'),
    'fa': _scaled('FlipAngle'),
    'ti': _scaled('InversionTime'),
    'b': _b_value,
    'bvector': _b_vector,
    'dti': _dti,
    'rsi': _dti,
}


def _keyword(keyword: str, value: Any, source: Dataset | None) -> dict[str, Any]:
    """Return the value of any element, unless the source says the same."""
    from .criteria import criterion

    if source is not None and keyword in source:
        given = criterion(keyword, {})(source)
        if given is not None and np.array_equal(given, value):
            return {}
    return {keyword: value}
