"""What images are sorted on: the value of each criterion, from the header of one image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, TypeAlias

from ...errors import OrderNotFoundError
from .vendor import ge, philips, siemens, uih
from .vendor._private import numbers

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['CRITERIA', 'Criterion', 'criterion', 'seconds']

Criterion: TypeAlias = 'Callable[[Dataset], Any]'


def seconds(text: Any) -> float | None:
    """Return a DICOM time (VR TM) in seconds since midnight, None when it is none.

    Examples
    --------
    >>> seconds('102551.25')
    37551.25
    """
    digits = str(text or '').strip().replace(':', '')
    if len(digits) < 2 or not digits[:2].isdigit():
        return None
    try:
        return int(digits[:2]) * 3600 + int(digits[2:4] or 0) * 60 + float(digits[4:] or 0)
    except ValueError:
        return None


def _days(text: Any) -> int:
    """Return a DICOM date (VR DA) as a number of days, 0 when it is none."""
    digits = str(text or '').strip().replace('.', '')
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])).toordinal()
    except ValueError:
        return 0


def _number(keyword: str) -> Criterion:
    def value(dataset: Dataset) -> float | None:
        found = numbers(dataset.get(keyword))
        return found[0] if found else None

    return value


def _moment(day: str, time: str, both: str | None = None) -> Criterion:
    """Return a criterion: (day number, seconds since midnight), so that no digit is lost."""

    def value(dataset: Dataset) -> tuple[int, float] | None:
        found = seconds(dataset.get(time))
        if found is not None:
            return _days(dataset.get(day)), found
        text = str(dataset.get(both) or '') if both else ''
        found = seconds(text[8:].split('+')[0].split('-')[0])
        return None if found is None else (_days(text[:8]), found)

    return value


def _trigger_time(dataset: Dataset) -> float | None:
    """Return the trigger time in s (it is stored in ms)."""
    found = numbers(dataset.get('TriggerTime'))
    return found[0] / 1000 if found else None


def b_value(dataset: Dataset) -> float | None:
    """Return the b value in s/mm2, from the standard element, else from the vendor's own."""
    found = numbers(dataset.get('DiffusionBValue'))
    if found:
        return found[0]
    for vendor in (siemens, ge, philips, uih):
        value: float | None = vendor.b_value(dataset)
        if value is not None:
            return value
    return None


def b_vector(dataset: Dataset) -> tuple[float, ...]:
    """Return the gradient direction (x, y, z; patient system), empty without."""
    found = numbers(dataset.get('DiffusionGradientOrientation'))
    if len(found) == 3:
        return tuple(found)
    return siemens.b_vector(dataset) or uih.b_vector(dataset) or ()


def _component(dataset: Dataset) -> str:
    """Return the part of a complex image: 'M', 'P', 'R' or 'I' (magnitude without a word)."""
    value = str(dataset.get('ComplexImageComponent') or '')[:1] or philips.component(dataset)
    if value:
        return value
    kinds = {str(part).upper() for part in (dataset.get('ImageType') or [])}
    parts = (('P', {'P', 'PHASE', 'PHASE MAP'}), ('R', {'R', 'REAL'}), ('I', {'I', 'IMAGINARY'}))
    for letter, words in parts:
        if kinds & words:
            return letter
    return 'M'


CRITERIA: Mapping[str, Criterion] = {
    'time': _moment('AcquisitionDate', 'AcquisitionTime', 'AcquisitionDateTime'),
    'contenttime': _moment('ContentDate', 'ContentTime'),
    'triggertime': _trigger_time,
    'frametime': lambda ds: getattr(ds, 'frame_seconds', None),
    'b': b_value,
    'bvector': b_vector,
    'dti': lambda ds: None if b_value(ds) is None else (b_value(ds), b_vector(ds)),
    'te': _number('EchoTime'),
    'fa': _number('FlipAngle'),
    'ti': _number('InversionTime'),
    'component': _component,
    'label': philips.label,
    'phasenumber': philips.phase_number,
}
"""Criteria with names of their own; any DICOM keyword is one too."""


def criterion(name: str, options: Mapping[str, Any]) -> Criterion:
    """Return the criterion of a name.

    Parameters
    ----------
    name : str
        One of `CRITERIA`, or a DICOM keyword.
    options : mapping
        May define it anew, under its name: another keyword, or a function of a dataset.

    Raises
    ------
    OrderNotFoundError
        When it is none of these.
    """
    own = options.get(name)
    if callable(own):
        return own  # type: ignore[no-any-return]
    if isinstance(own, str):
        return _keyword(own)
    if name in CRITERIA:
        return CRITERIA[name]
    return _keyword(name)


def _keyword(keyword: str) -> Criterion:
    from pydicom.datadict import dictionary_VR, tag_for_keyword

    tag = tag_for_keyword(keyword)
    if tag is None:
        raise OrderNotFoundError(
            f'{keyword!r} is no sort order: the orders are auto, none, {", ".join(CRITERIA)}, any DICOM '
            f'keyword (RepetitionTime), or a name defined by an option ({keyword}=<keyword or function>)'
        )
    kind = dictionary_VR(tag)

    def value(dataset: Dataset) -> Any:
        found = dataset.get(keyword)
        if found is None or found == '':
            return None
        if kind == 'TM':
            return seconds(found)
        if kind in ('DS', 'IS', 'FD', 'FL', 'US', 'SS', 'UL', 'SL'):
            values = numbers(found)
            return None if not values else values[0] if len(values) == 1 else tuple(values)
        if isinstance(found, (str, int, float)):
            return found if not isinstance(found, str) else str(found)
        return tuple(str(part) for part in found)

    return value
