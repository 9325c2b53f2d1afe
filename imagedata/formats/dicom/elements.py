"""Elements of a dataset as dicts by tag: made, merged, and edited by the user."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...dicom_elements import parse_tag
from ...errors import WriteError
from .attributes import PROTECTED
from .describe import element

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

    from ...header import Edit

__all__ = ['apply_edits', 'copy_from', 'elements_of', 'merge']


def apply_edits(elements: dict[BaseTag, Any], edits: Iterable[Edit], image: int | None) -> None:
    """Set in one image what the user set by tag: last, over everything else.

    Parameters
    ----------
    elements : dict
        Changed in place.
    edits : iterable of Edit
    image : int or None
        Number of the image that edits of single images go by.

    Raises
    ------
    WriteError
        For elements that follow from the array.
    """
    from pydicom.datadict import dictionary_VR, keyword_for_tag

    for edit in edits:
        if edit.images is not None and image not in edit.images:
            continue
        tag = parse_tag(edit.keyword)
        keyword = keyword_for_tag(tag)
        if keyword in PROTECTED or tag.group <= 2:
            raise WriteError(
                f'{keyword or tag} follows from the array and cannot be set to {edit.value!r} with '
                'setDicomAttribute: change the array, or the property of the Series of that name'
            )
        if edit.value is None:
            elements.pop(tag, None)
            continue
        try:
            vr = dictionary_VR(tag)
        except KeyError:
            vr = _private_vr(elements.get(tag), edit.value)
        elements[tag] = element(tag, edit.value, vr)


def _private_vr(old: Any, value: Any) -> str:
    """Return the VR of a private element: that of the one it replaces, else by its value."""
    vr = getattr(old, 'VR', None)
    if vr not in (None, 'UN'):
        return str(vr)
    if isinstance(value, bytes):
        return 'UN'
    return 'FD' if isinstance(value, (int, float)) else 'LO'


def elements_of(values: Mapping[str, Any]) -> dict[BaseTag, Any]:
    """Return elements by tag; None where one is to be taken away."""
    from pydicom.datadict import tag_for_keyword
    from pydicom.tag import Tag

    made: dict[BaseTag, Any] = {}
    signed = values.get('PixelRepresentation')
    for keyword, value in values.items():
        tag = Tag(tag_for_keyword(keyword))  # type: ignore[arg-type]
        if value is None:
            made[tag] = None
        elif keyword == 'PixelPaddingValue':
            made[tag] = element(tag, value, 'SS' if signed or value < 0 else 'US')
        else:
            made[tag] = element(tag, value)
    return made


def merge(elements: dict[BaseTag, Any], new: Mapping[BaseTag, Any]) -> None:
    """Put new elements in place of others; None takes one away."""
    for tag, value in new.items():
        if value is None:
            elements.pop(tag, None)
        else:
            elements[tag] = value


def copy_from(elements: dict[BaseTag, Any], source: Dataset, keywords: Sequence[str]) -> None:
    """Put in elements as they stand in the source, parsed or not."""
    from pydicom.datadict import tag_for_keyword
    from pydicom.tag import Tag

    for keyword in keywords:
        if keyword in source:
            tag = Tag(tag_for_keyword(keyword))  # type: ignore[arg-type]
            elements[tag] = source.get_item(tag)
