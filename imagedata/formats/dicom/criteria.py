"""What images are sorted on: the value of each criterion, from the header of one image."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeAlias

from ...errors import OrderNotFoundError
from .packed import remembered
from .vendor import philips
from .vendor.diffusion import VENDORS
from .vendor.values import numbers, private_value

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['CRITERIA', 'Criterion', 'b_value', 'b_vector', 'criterion', 'order_names', 'seconds']

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
        found = int(digits[:2]) * 3600 + int(digits[2:4] or 0) * 60 + float(digits[4:] or 0)
    except ValueError:
        return None
    return found if isfinite(found) else None


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
        text = str(dataset.get(both) or '') if both else ''
        if found is not None:
            return _days(dataset.get(day)) or _days(text[:8]), found
        found = seconds(text[8:].split('+')[0].split('-')[0])
        return None if found is None else (_days(text[:8]), found)

    return value


def b_value(dataset: Dataset) -> float | None:
    """Return the b value in s/mm2, from the standard element, else from the vendor's own."""
    found = numbers(dataset.get('DiffusionBValue'))
    if found:
        return found[0]
    for vendor in VENDORS:
        value = vendor.b_value(dataset)
        if value is not None:
            return value
    return None


def b_vector(dataset: Dataset) -> tuple[float, ...]:
    """Return the gradient direction (x, y, z; patient system), empty where there is none.

    The standard element holds it with respect to the patient (PS3.3 C.8.13.5.9). At b = 0, and
    in images that are averages over directions, there is none, whatever the elements hold.
    """
    if b_value(dataset) == 0:
        return ()
    found = numbers(dataset.get('DiffusionGradientOrientation'))
    if len(found) == 3 and any(found):
        return tuple(found)
    for vendor in VENDORS:
        vector = vendor.b_vector(dataset)
        if vector is not None:
            return vector
    return ()


def _direction(dataset: Dataset) -> tuple[float, ...] | None:
    """Return the gradient direction of a diffusion image, None for other images."""
    return None if b_value(dataset) is None else b_vector(dataset)


def _b_and_direction(dataset: Dataset) -> tuple[float, tuple[float, ...]] | None:
    value = b_value(dataset)
    return None if value is None else (value, b_vector(dataset))


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


def _milliseconds(keyword: str) -> Criterion:
    """Return a criterion in s of an element in ms."""

    def value(dataset: Dataset) -> float | None:
        found = numbers(dataset.get(keyword))
        return found[0] / 1000 if found else None

    return value


def _cardiac_phase(dataset: Dataset) -> float | None:
    """Return the cardiac phase: per cent of the cycle, else the number of the phase."""
    found = numbers(dataset.get('NominalPercentageOfCardiacPhase'))
    return found[0] if found else philips.phase_number(dataset)


def _stack_id(dataset: Dataset) -> float | str | None:
    """Return Stack ID: a number where it is one, so that 10 follows 9."""
    text = str(dataset.get('StackID') or '').strip()
    found = numbers(text) if text else []
    return found[0] if found else text or None


_FOUND: Mapping[str, Criterion] = {
    'time': _moment('AcquisitionDate', 'AcquisitionTime', 'AcquisitionDateTime'),
    'contenttime': _moment('ContentDate', 'ContentTime'),
    'triggertime': _milliseconds('TriggerTime'),
    'frametime': lambda ds: getattr(ds, 'frame_seconds', None),
    'timeoffset': _number('TemporalPositionTimeOffset'),
    'framereferencetime': _milliseconds('FrameReferenceTime'),
    'b': b_value,
    'bvector': _direction,
    'dti': _b_and_direction,
    # Restriction spectrum imaging (White et al. 2013, doi:10.1002/hbm.21454): several b values, and
    # directions of each.
    'rsi': _b_and_direction,
    'te': _number('EchoTime'),
    'fa': _number('FlipAngle'),
    'ti': _number('InversionTime'),
    'echo': _number('EchoNumbers'),
    'component': _component,
    'label': philips.label,
    'phasenumber': philips.phase_number,
    'cardiacphase': _cardiac_phase,
    'temporalposition': _number('TemporalPositionIdentifier'),
    'stack': _stack_id,
    'acquisition': _number('AcquisitionNumber'),
    # Nuclear medicine (PS3.3 C.8.4.8): what the frames of a file count.
    'energywindow': _number('EnergyWindowVector'),
    'detector': _number('DetectorVector'),
    'phase': _number('PhaseVector'),
    'rotation': _number('RotationVector'),
    'rrinterval': _number('RRIntervalVector'),
    'timeslot': _number('TimeSlotVector'),
    'angularview': _number('AngularViewVector'),
    'timeslice': _number('TimeSliceVector'),
}


def _once(find: Criterion) -> Criterion:
    """Return a criterion that is not asked again for headers that are alike."""
    return lambda dataset: remembered(find, dataset)


CRITERIA: Mapping[str, Criterion] = {name: _once(find) for name, find in _FOUND.items()}
"""Criteria with names of their own; any DICOM keyword or private element is one too."""

UNDEFINED = ('faulty',)
"""Orders that have a name and no meaning: theirs only when an option defines it."""

_PRIVATE = r'\(?\s*([0-9A-Fa-f]{4})\s*,\s*([0-9A-Fa-fxX]{2}[0-9A-Fa-f]{2})\s*(?:,\s*"?([^")]+?)"?\s*)?\)?'
_PRIVATE_TAG = re.compile(_PRIVATE)
_BARE_TAG = r'[0-9A-Fa-f]{4}\s*,\s*[0-9A-Fa-fxX]{2}[0-9A-Fa-f]{2}(?=\s*(?:,|$))'
_IN_ORDER = re.compile(rf'\s*(\([^)]*\)|{_BARE_TAG}|[^,]*)\s*(?:,|$)')


def order_names(order: str) -> tuple[str, ...]:
    """Return the criteria that an order names, separated by commas; those in tags do not count.

    Examples
    --------
    >>> order_names('time, te')
    ('time', 'te')
    >>> order_names('te,(2001,1008),2001,1009')
    ('te', '(2001,1008)', '2001,1009')
    """
    names, at = [], 0
    while at < len(order):
        found = _IN_ORDER.match(order, at)
        assert found is not None
        names.append(found[1].strip())
        at = found.end()
    return tuple(names)


def criterion(name: str, options: Mapping[str, Any]) -> Criterion:
    """Return the criterion of a name.

    Parameters
    ----------
    name : str
        One of `CRITERIA`, a DICOM keyword, or a tag: `(gggg,eeee)`, `gggg,eeee`, or
        `(gggg,xxee,"creator")` for a private element in whatever block its creator reserved.
    options : mapping
        May define it anew, under its name: another keyword or tag, or a function of a dataset.

    Raises
    ------
    OrderNotFoundError
        When it is none of these.
    """
    own = options.get(name)
    if callable(own):
        return own  # type: ignore[no-any-return]
    if isinstance(own, str):
        return _element(own)
    if isinstance(own, (tuple, list)) and len(own) in (2, 3):
        group, element = (int(str(part), 16) if isinstance(part, str) else int(part) for part in own[:2])
        return _tagged(group, element, str(own[2]) if len(own) == 3 else '')
    if name in CRITERIA:
        return CRITERIA[name]
    if name in UNDEFINED:
        raise OrderNotFoundError(
            f'order {name!r} has no meaning of its own, and no image says what it is: define it with '
            f'{name}=<DICOM keyword, tag or function of a dataset>'
        )
    return _element(name)


def _element(text: str) -> Criterion:
    """Return the criterion of a keyword or a tag."""
    found = _PRIVATE_TAG.fullmatch(text.strip())
    if found is None:
        return _keyword(text)
    group, element, creator = found.groups()
    if 'X' in element.upper() and not creator:
        raise OrderNotFoundError(f'{text!r} needs its private creator: ({group},{element},"creator")')
    return _tagged(int(group, 16), int(element.upper().replace('X', '0'), 16), creator or '')


def _tagged(group: int, element: int, creator: str) -> Criterion:
    """Return the criterion of an element by its number, or by private creator and low byte."""

    def value(dataset: Dataset) -> Any:
        if creator:
            return _plain(private_value(dataset, group, creator, element & 0xFF))
        return _plain(dataset[group, element].value) if (group, element) in dataset else None

    return value


def _keyword(keyword: str) -> Criterion:
    from pydicom.datadict import dictionary_VR, tag_for_keyword

    tag = tag_for_keyword(keyword)
    if tag is None:
        raise OrderNotFoundError(
            f'{keyword!r} is no sort order: the orders are auto, none, {", ".join(CRITERIA)}, any DICOM '
            'keyword (RepetitionTime), a tag ((2001,1008)), or a name defined by an option '
            f'({keyword}=<keyword, tag or function>)'
        )
    kind = dictionary_VR(tag)
    if kind in ('SQ', 'UN') or kind.startswith('O'):
        raise OrderNotFoundError(f'{keyword} (VR {kind}) has no value to sort on: name an element within it')

    def value(dataset: Dataset) -> Any:
        found = dataset.get(keyword)
        if kind == 'TM':
            return seconds(found)
        return _plain(found)

    return value


def _plain(found: Any) -> Any:
    """Return the value of an element as a number, a text, or a tuple of them; None without."""
    if found is None or (isinstance(found, (str, bytes)) and not found.strip()):
        return None
    if isinstance(found, bytes):
        found = found.decode('ascii', 'replace').strip(' \0')
        if not found.isprintable() or '\ufffd' in found:
            return None
        known = numbers(found)
        return known[0] if len(known) == 1 else tuple(known) or found
    if isinstance(found, (int, float)):
        return float(found)
    if isinstance(found, str) or not hasattr(found, '__iter__') or hasattr(found, 'family_name'):
        known = numbers(found) if hasattr(found, 'original_string') else []
        return known[0] if known else str(found)
    values = [_plain(part) for part in found]
    return tuple(values) if len(values) > 1 else values[0] if values else None
