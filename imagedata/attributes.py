"""Values that users give to attributes of a Series, checked and converted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ['converted_attribute', 'finite_range', 'first_number', 'valid_uid']

_UID = re.compile(r'(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+')


def valid_uid(name: str, value: Any) -> str:
    """Return a UID as text.

    Raises
    ------
    ValueError
        When it is none: numbers without leading zeros, separated by dots, 64 characters at
        most (PS3.5 9.1).
    """
    text = str(value)
    if len(text) > 64 or not _UID.fullmatch(text):
        raise ValueError(f'{name} must be a UID such as 1.2.840.10008.1, got {text!r}')
    return text


def converted_attribute(name: str, kind: type, value: Any) -> Any:
    """Return `value` as the kind that an attribute has."""
    if kind is list:
        return value.split('\\') if isinstance(value, str) else [str(part) for part in value]
    if kind is int:
        try:
            number = int(value)
        except (TypeError, ValueError) as error:
            raise ValueError(f'{name} must be a whole number, got {value!r}') from error
        if number != float(value) or abs(number) >= 2**31:
            raise ValueError(f'{name} must be a whole number of 32 bits, got {value!r}')
        return number
    if name.endswith('UID') and name != 'SOPClassUID':
        return valid_uid(name, value)
    if any(ord(c) < 32 for c in str(value)) or '\\' in str(value):
        raise ValueError(f'{name} must not hold control characters or backslashes, got {value!r}')
    if name == 'seriesDescription' and not isinstance(value, str):
        raise ValueError(f'seriesDescription must be a text, got {type(value).__name__}')
    return str(value)


def first_number(value: Any) -> float | None:
    """Return a DICOM value, or the first of several, as a number."""
    if value is None or value == '':
        return None
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = value[0] if value else None
    try:
        return None if value is None else float(value)
    except ValueError:
        return None


def finite_range(series: Any) -> tuple[float, float]:
    """Return the least and greatest finite value; 0 and 1 when there is none."""
    array = np.asarray(series)
    if array.dtype.names:
        return 0.0, 255.0
    if array.dtype.kind == 'c':
        array = np.abs(array)
    if array.size:
        low, high = float(array.min()), float(array.max())
        if np.isfinite(low) and np.isfinite(high):
            return low, high
        array = array[np.isfinite(array)]
    if not array.size:
        return 0.0, 1.0
    return float(array.min()), float(array.max())
