"""Functional groups of frames: the parts that frames have alike are parsed once for all of them.

The sequence with one item for each frame (PS3.3 C.7.6.16.2) is most of the header of a file of
many frames. Its items are divided by their lengths, and each part of an item (pixel measures, the
position of the plane) that has been met before is that element again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag

from .lengths import PER_FRAME, Element, TooShort, Unusual, items_of
from .packed import PackedHeader, empty_copy

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

__all__ = ['elements_of_item', 'frame_groups']


def frame_groups(dataset: Dataset) -> list[list[DataElement]]:
    """Return the elements of the functional groups of each frame.

    Frames share elements that are the same in their headers: they must not be changed.

    Raises
    ------
    CorruptFileError
        When an element cannot be parsed.
    """
    raw: Any = dataset.get_item(PER_FRAME)
    if isinstance(dataset, PackedHeader) and isinstance(raw, RawDataElement) and raw.VR == 'SQ':
        try:
            return _by_parts(dataset, raw.value or b'')
        except (Unusual, TooShort):
            pass  # pydicom decides about it
    return [list(group) for group in dataset[PER_FRAME].value]


def elements_of_item(dataset: PackedHeader, item: bytes) -> list[DataElement]:
    """Return the elements of the functional groups of one frame.

    Raises
    ------
    CorruptFileError
        When an element cannot be parsed.
    Unusual, TooShort
        As `lengths.items_of` does.
    """
    return _by_parts(dataset, item)[0]


def _by_parts(dataset: PackedHeader, data: bytes) -> list[list[DataElement]]:
    known: dict[Any, DataElement] = {}
    groups = []
    for elements in items_of(data):
        # How a private element is read depends on who reserved its block.
        creators = tuple(e for e in elements if e.tag & 0x10000 and e.tag & 0xFFFF <= 0xFF)
        owners = tuple(data[e.head : e.stop] for e in creators)
        group = []
        for e in elements:
            key = (data[e.head : e.stop], owners if e.tag & 0x10000 else ())
            found = known.get(key)
            if found is None:
                found = known[key] = _parsed(dataset, data, e, creators)
            group.append(found)
        groups.append(group)
    return groups


def _parsed(dataset: PackedHeader, data: bytes, wanted: Element, others: Sequence[Element]) -> DataElement:
    """Return an element of an item."""
    scratch = empty_copy(dataset.layout.constant, dataset.source_name)
    for e in (*others, wanted):
        value = data[e.start : e.stop]
        scratch._dict[BaseTag(e.tag)] = RawDataElement(
            BaseTag(e.tag), e.vr, len(value), value, 0, is_implicit_VR=False, is_little_endian=True
        )
    found = cast('DataElement', scratch[BaseTag(wanted.tag)])
    if wanted.undefined:
        found.is_undefined_length = True
    return found
