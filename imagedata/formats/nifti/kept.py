"""What a NIfTI header says beside values, axes and place, kept for the series that is written again.

An intent (what the values are), a description, slice timing and extensions hold for the values and
the grid that they came with. They are written again with these, and dropped with others: a
description of what no longer is would be worse than none. Field names are those of nifti1.h.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from nibabel.nifti1 import Nifti1Extension

from ...errors import WriteNotImplemented
from ...geometry import Geometry
from ...header import SeriesData
from .head import Head
from .layout import COMMENT, is_axes_comment

__all__ = ['ATTRIBUTE', 'VECTOR_INTENTS', 'HeaderFields', 'kept_fields', 'set_fields']

ATTRIBUTE = 'nifti_header'
"""Name of the attribute of a `Header` that holds the fields."""

VECTOR_INTENTS = frozenset({1004, 1005, 1006, 1007, 1008, 1009, 1010, 2003, 2004})
"""Intents by which the fifth dimension holds the parts of one value: matrices, vectors, colours."""

_VECTOR = 1007
_OF_VALUES = (
    'descrip', 'aux_file', 'intent_code', 'intent_name', 'intent_p1', 'intent_p2', 'intent_p3', 'cal_min',
    'cal_max',
)  # fmt: skip
_OF_GRID = ('dim_info', 'slice_code', 'slice_start', 'slice_end', 'slice_duration')


@dataclass(frozen=True)
class HeaderFields:
    """Fields of a header that has been read.

    Parameters
    ----------
    values : dict
        Fields by name: bytes and numbers.
    extensions : tuple of (int, bytes)
        Code and content of each extension that is not this library's own.
    geometry : Geometry
        Of the file: fields that speak of slices hold for it alone.
    lengths : tuple of int
        Of the file's dimensions after the third.
    """

    values: dict[str, Any]
    extensions: tuple[tuple[int, bytes], ...]
    geometry: Geometry
    lengths: tuple[int, ...]


def kept_fields(head: Head, extensions: list[tuple[int, bytes]], geometry: Geometry) -> HeaderFields | None:
    """Return what a header says beside values, axes and place, None where that is nothing."""
    values = {name: head.fields[name].item() for name in (*_OF_VALUES, *_OF_GRID)}
    said = {
        name: value for name, value in values.items()
        if (math.isfinite(value) if isinstance(value, float) else True) and value not in (0, b'')
    }  # fmt: skip
    others = tuple(
        (code, content) for code, content in extensions
        if not (code == COMMENT and is_axes_comment(content.rstrip(b'\0').decode('utf-8', 'replace')))
    )  # fmt: skip
    if not said and not others:
        return None
    return HeaderFields(said, others, geometry, head.dims[3:])


def set_fields(nifti: Any, data: SeriesData, options: Any) -> None:
    """Give a new header the fields that still hold, and those of `options`.

    Parameters
    ----------
    nifti : Nifti1Header or Nifti2Header
    data : SeriesData
    options : mapping
        'descrip', 'aux_file', 'intent_name': texts; 'intent_code': a number; 'intent_p': up to three numbers.
    """
    kept = data.header.attributes.get(ATTRIBUTE)
    if isinstance(kept, HeaderFields):
        same_grid = data.header.geometry is not None and kept.geometry == data.header.geometry
        same_values = not data.identity.values_changed
        for name, value in kept.values.items():
            if same_grid if name in _OF_GRID else same_values:
                nifti[name] = value
        if same_grid and same_values:
            nifti.extensions.extend(Nifti1Extension(code, content) for code, content in kept.extensions)
    if 'vector' in data.header.tag_dims and int(nifti['intent_code']) not in VECTOR_INTENTS:
        nifti['intent_code'] = _VECTOR
    for name in ('descrip', 'aux_file', 'intent_name'):
        if name in options:
            nifti[name] = _fitting(name, str(options[name]), nifti[name].dtype.itemsize)
    if 'intent_code' in options:
        nifti['intent_code'] = _intent_code(options['intent_code'])
    for at, value in enumerate(options.get('intent_p', ())[:3]):
        nifti[f'intent_p{at + 1}'] = value


def _fitting(name: str, text: str, size: int) -> bytes:
    """Return a text in bytes.

    Raises
    ------
    WriteNotImplemented
        When the field is too short for it.
    """
    content = text.encode()
    if len(content) > size:
        raise WriteNotImplemented(f'NIfTI: {name} holds {size} bytes, and {text!r} has {len(content)}')
    return content


def _intent_code(code: Any) -> int:
    if not isinstance(code, int) or not 0 <= code < 2**15:
        raise WriteNotImplemented(f'NIfTI: intent_code is a number such as 1002 (label), got {code!r}')
    return code
