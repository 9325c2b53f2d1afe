"""Single DICOM elements by keyword or tag: what `getDicomAttribute` and `setDicomAttribute` use."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import UnknownTag

if TYPE_CHECKING:
    from pydicom.tag import BaseTag

    from .series import Series

__all__ = ['element_value', 'image_numbers', 'parse_tag']

_PAIR = re.compile(r'\(?\s*(?:0x)?([0-9A-Fa-f]{4})\s*[|,]?\s*(?:0x)?([0-9A-Fa-f]{4})\s*\)?')


def parse_tag(keyword: str | int | tuple[int, int]) -> BaseTag:
    """Return the tag of a keyword ('EchoTime', 'echoTime'), number, pair, or text ('0018|0081', '00180081').

    Raises
    ------
    UnknownTag
        When it is none of these (a ValueError).
    """
    from pydicom.datadict import tag_for_keyword
    from pydicom.tag import Tag

    if not isinstance(keyword, str):
        if not isinstance(keyword, (bool, float)):
            with suppress(TypeError, ValueError, OverflowError):
                return Tag(keyword)
        raise UnknownTag(
            f'{keyword!r} is no DICOM tag: give a keyword (EchoTime), a number (0x00180081), or a text '
            '(0018|0081)'
        )
    pair = _PAIR.fullmatch(keyword.strip())
    if pair:
        return Tag(int(pair[1], 16), int(pair[2], 16))
    if not keyword.strip():
        raise UnknownTag('an empty text is no DICOM keyword: give one as in PS3.6 (EchoTime)')
    found = (tag_for_keyword(name) for name in (keyword, keyword[:1].upper() + keyword[1:]))
    number = next((n for n in found if n is not None), None)
    if number is None:
        raise UnknownTag(
            f'{keyword!r} is not a DICOM keyword: give one as in PS3.6 (EchoTime), or a tag such as 0018|0081'
        )
    return Tag(number)


def _indices(series: Series, slice_index: int | None, tag: Any) -> tuple[Any, ...]:
    """Return the index into the image grid for a slice and an index along the tag axes."""
    images = series._image_grid()
    names = images.dims[:-1]
    present = [n for n in names if n in series.header.tag_dims]
    given: tuple[Any, ...] = ()
    if tag is not None:
        given = tag if isinstance(tag, tuple) else (tag,)
        if len(given) != len(present):
            raise ValueError(f'tag needs an index for each of the axes {present}, got {tag!r}')
    at: list[Any] = []
    for name in names:
        if name in present and given:
            at.append(_tag_index(series, name, given[present.index(name)]))
        else:
            at.append(slice(None) if name in present else 0)
    at.append(slice(None) if slice_index is None else range(series.slices)[slice_index])
    return tuple(at)


def _tag_index(series: Series, name: str, wanted: Any) -> int:
    """Return an index along a tag axis: an index as it is, a value (not a whole number) looked up."""
    axis = series._axis_named(name)
    if isinstance(wanted, (int, np.integer)):
        return range(len(axis))[int(wanted)]
    for i, value in enumerate(axis.values):
        if np.array_equal(value, wanted):
            return i
    raise ValueError(f'axis {name!r} has no value {wanted!r}')


def element_value(series: Series, keyword: str | int | tuple[int, int], slice_index: int, tag: Any) -> Any:
    """Return the value of an element of one image, as set or as in its source, None without."""
    wanted = parse_tag(keyword)
    images = series._image_grid()
    index = tuple(0 if isinstance(i, slice) else i for i in _indices(series, slice_index, tag))
    number = int(images.ids[index])
    for edit in reversed(series.header.edits):
        if edit.keyword == str(wanted) and (edit.images is None or number in edit.images):
            return edit.value
    dataset = images.dataset(*index)
    if dataset is None:
        dataset = images.first()
    if dataset is None or wanted not in dataset:
        return None
    return dataset[wanted].value


def image_numbers(series: Series, slice_index: int | None, tag: Any) -> frozenset[int]:
    """Return the numbers of the images at a slice and tag index (None: all)."""
    ids = series._image_grid().ids[_indices(series, slice_index, tag)]
    return frozenset(int(i) for i in np.ravel(ids))
