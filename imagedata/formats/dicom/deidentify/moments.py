"""Dates and times, moved together: what lies between two of them stays as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['START', 'moved_value', 'partner', 'study_start']

START = datetime(1970, 1, 1, 12)
"""When every study begins whose dates are removed. Noon: what came hours before is the same day."""

_TIME = re.compile(r'(\d\d):?(?:(\d\d):?(?:(\d\d)(\.\d{1,6})?)?)?')
_DATE = re.compile(r'(\d{4})\.?(\d\d)\.?(\d\d)')
_ZONE = re.compile(r'[+-]\d{4}')
_BOTH = re.compile(r'(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\.\d{1,6})?([+-]\d{4})?')


def partner(keyword: str) -> str:
    """Return the keyword of the time that belongs to a date, or of the date to a time.

    Examples
    --------
    >>> partner('AcquisitionTime'), partner('DateOfLastCalibration')
    ('AcquisitionDate', 'TimeOfLastCalibration')
    """
    old, new = ('Time', 'Date') if 'Time' in keyword else ('Date', 'Time')
    return keyword.replace(old, new)


def study_start(dataset: Dataset) -> datetime | None:
    """Return when the study of an image began, to the second; None when no date is known."""
    for kind in ('Study', 'Series', 'Acquisition', 'Content'):
        day = _day(str(dataset.get(f'{kind}Date') or ''))
        if day is not None:
            return day + (_clock(str(dataset.get(f'{kind}Time') or '')) or timedelta())
    return None


def moved_value(vr: str, value: Any, other: Any, shift: timedelta) -> Any:
    """Return dates, times or both, moved.

    Parameters
    ----------
    vr : {'DA', 'TM', 'DT', 'SH'}
        'SH' is a time zone, which stays.
    value : str or list of str
    other : object
        The time that belongs to a date, the date that belongs to a time, or None.
    shift : timedelta
        Whole seconds.

    Returns
    -------
    str or list of str
        Empty for what is no date or time.

    Examples
    --------
    >>> moved_value('DA', '20200229', None, timedelta(days=1))
    '20200301'
    >>> moved_value('TM', '235959.25', '20200101', timedelta(seconds=2))
    '000001.25'
    >>> moved_value('DT', '20200101120000.5+0100', None, timedelta(days=-1))
    '20191231120000.5+0100'
    """
    if _is_list(value):
        others = list(other) if _is_list(other) else [other] * len(value)
        others += [None] * (len(value) - len(others))
        return [moved_value(vr, v, o, shift) for v, o in zip(value, others, strict=False)]
    text, beside = str(value or '').strip(), str(other or '').strip()
    try:
        if vr == 'SH':
            return text if _ZONE.fullmatch(text) else ''
        if vr == 'DT':
            return _moved_both(text, shift)
        return _moved_date(text, beside, shift) if vr == 'DA' else _moved_time(text, shift)
    except OverflowError:
        return ''  # before the year 1


def _is_list(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes)) and not hasattr(value, 'year')


def _moved_date(text: str, time: str, shift: timedelta) -> str:
    day = _day(text)
    if day is None:
        return ''
    clock = _clock(time)
    return _ymd(day + (timedelta(hours=12) if clock is None else clock) + shift)


def _moved_time(text: str, shift: timedelta) -> str:
    clock = _clock(text)
    if clock is None:
        return ''
    match = _TIME.match(text)
    assert match is not None
    return (START.replace(hour=0) + clock + shift).strftime('%H%M%S') + (match[4] or '')


def _moved_both(text: str, shift: timedelta) -> str:
    match = _BOTH.fullmatch(text)
    if match is None:
        return ''
    given = zip(match.groups()[:6], (1, 1, 1, 0, 0, 0), strict=True)
    parts = [int(part) if part else default for part, default in given]
    try:
        moved = datetime(*parts) + shift  # type: ignore[arg-type]
    except ValueError:
        return ''
    known = sum(len(p) for p in match.groups()[:6] if p)
    return (_ymd(moved) + moved.strftime('%H%M%S'))[:known] + (match[7] or '') + (match[8] or '')


def _ymd(day: datetime) -> str:
    return f'{day.year:04}{day:%m%d}'  # strftime does not pad years everywhere


def _day(text: str) -> datetime | None:
    match = _DATE.fullmatch(text.strip())
    try:
        return None if match is None else datetime(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


def _clock(text: str) -> timedelta | None:
    """Return whole seconds since midnight."""
    match = _TIME.fullmatch(text.strip())
    if match is None or int(match[1]) > 23:
        return None
    return timedelta(hours=int(match[1]), minutes=int(match[2] or 0), seconds=int(match[3] or 0))
