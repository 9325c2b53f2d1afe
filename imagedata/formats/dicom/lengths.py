"""Elements of DICOM files, found by their lengths: nothing is parsed.

Whatever is out of the ordinary raises `Unusual`: another way of reading has to decide about it.

Source of the encoding: DICOM PS3.5 7.1 (elements), 7.5 (sequences), PS3.10 7.1 (file meta information).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

__all__ = [
    'FIXED_SIZE', 'PER_FRAME', 'PIXELS', 'START', 'U16', 'U32', 'UNDEFINED', 'Element', 'FrameItems', 'Item',
    'TooShort', 'Unusual', 'Walk', 'elements_of', 'end_of_frames', 'end_of_items', 'item_at', 'items_of',
    'walk',
]  # fmt: skip

START = 132
"""Bytes before the first element: preamble and prefix."""

PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
"""Float, double float and integer Pixel Data."""

UNDEFINED = 0xFFFFFFFF

PER_FRAME = 0x52009230
"""Per-Frame Functional Groups Sequence: large, and left unparsed here."""

_DEEPEST = 40
"""Sequences of undefined length within each other that are followed here."""

_LONG = frozenset((b'OB', b'OD', b'OF', b'OL', b'OV', b'OW', b'SQ', b'SV', b'UC', b'UN', b'UR', b'UT', b'UV'))
"""Value representations with a length of 32 bits (PS3.5 table 7.1-1)."""

_SHORT = frozenset((b'AE', b'AS', b'AT', b'CS', b'DA', b'DS', b'DT', b'FL', b'FD', b'IS', b'LO', b'LT',
                    b'PN', b'SH', b'SL', b'SS', b'ST', b'TM', b'UI', b'UL', b'US'))  # fmt: skip

_NAMES = {vr: vr.decode('ascii') for vr in _LONG | _SHORT}

_IMPLICIT = '1.2.840.10008.1.2'
_EXPLICIT = '1.2.840.10008.1.2.1'
_ENCAPSULATED = ('1.2.840.10008.1.2.4.', '1.2.840.10008.1.2.5')
"""JPEG in all its kinds, RLE. Big endian and deflated files are for others."""

_DELIMITERS = 0xFFFE
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD

_HEAD: Callable[..., tuple[int, int, bytes, int]] = struct.Struct('<HH2sH').unpack_from
_PLAIN_HEAD: Callable[..., tuple[int, int, int]] = struct.Struct('<HHI').unpack_from
U16: Callable[..., tuple[int]] = struct.Struct('<H').unpack_from
U32: Callable[..., tuple[int]] = struct.Struct('<I').unpack_from

FIXED_SIZE = frozenset(('AT', 'FL', 'FD', 'SL', 'SS', 'UL', 'US'))
"""Binary numbers: headers that have another count of them are of another kind."""


class Unusual(Exception):
    """Something that only a complete parser should decide about. It does not reach the user."""


class TooShort(Exception):
    """The header goes on behind the bytes that were given."""


class Element(NamedTuple):
    """Where an element stands: its first byte, the first byte of its value, and its end."""

    tag: int
    vr: str
    head: int
    start: int
    stop: int
    undefined: bool

    @property
    def end(self) -> int:
        """First byte behind the element, with its delimiter."""
        return self.stop + 8 if self.undefined else self.stop


@dataclass(slots=True)
class Walk:
    """The elements of a file before its pixels.

    Parameters
    ----------
    elements : list of Element
    implicit : bool
        Whether value representations are left out.
    pixels : Element or None
        Pixel Data: its `stop` is that of the value as announced; None where there is none.
    """

    elements: list[Element]
    implicit: bool
    pixels: Element | None


class FrameItems(Protocol):
    """Finds the items that describe the frames of a file."""

    def end(self, data: bytes, size: int, at: int) -> int:
        """Return where they end, as `end_of_items` does."""


def walk(data: bytes, size: int, last: int = PIXELS[-1], frames: FrameItems | None = None) -> Walk:
    """Find the elements of a file up to its pixels.

    Parameters
    ----------
    data : bytes
        The beginning of the file.
    size : int
        Number of bytes of the file.
    last : int
        Tag behind which nothing is looked for.
    frames : FrameItems, optional
        Is to find the functional groups of frames, where their length is undefined.

    Raises
    ------
    Unusual
        When anything is not as in the native and encapsulated little endian encodings, or lengths
        do not fit the file.
    TooShort
        When more of the file is needed.
    """
    if data[128:132] != b'DICM':
        raise Unusual('no prefix')
    elements: list[Element] = []
    at = _explicit(data, size, START, elements, meta=True)
    syntax = next((e for e in elements if e.tag == 0x00020010), None)
    if syntax is None:
        raise Unusual('no transfer syntax')
    uid = data[syntax.start : syntax.stop].rstrip(b'\0 ').decode('ascii', 'replace')
    if uid not in (_IMPLICIT, _EXPLICIT) and not uid.startswith(_ENCAPSULATED):
        raise Unusual(uid)
    implicit = uid == _IMPLICIT
    if implicit:
        _implicit(data, size, at, elements, last)
    else:
        _explicit(data, size, at, elements, last, frames=frames)
    if elements[-1].tag not in PIXELS:
        return Walk(elements, implicit, None)
    return Walk(elements, implicit, elements.pop())


def _explicit(
    data: bytes, size: int, at: int, elements: list[Element], last: int = PIXELS[-1],
    *, meta: bool = False, frames: FrameItems | None = None,
) -> int:
    """Add elements of the explicit encoding; return where they end."""
    before = elements[-1].tag if elements else 0
    known = len(data)
    while at < size:
        if at + 12 > known:
            if known < size:
                raise TooShort
            if at + 8 > known:
                raise Unusual('bytes behind the last element')
        group, number, code, length = _HEAD(data, at)
        if meta and group != 2:
            break
        tag = group << 16 | number
        start = at + 8
        if code in _LONG:
            if length or start + 4 > known:
                raise Unusual('reserved bytes')
            length = U32(data, start)[0]
            start += 4
        elif code not in _SHORT:
            raise Unusual(f'value representation {code!r}')
        if tag <= before or (group == 2) is not meta:
            raise Unusual('order of elements')
        before = tag
        if tag > last and not meta:
            break
        stop = start + length
        if tag in PIXELS:
            elements.append(Element(tag, _NAMES[code], at, start, stop, length == UNDEFINED))
            return stop
        if length == UNDEFINED:
            if code != b'SQ':
                raise Unusual('undefined length')
            if tag == PER_FRAME and frames is not None:
                stop = end_of_frames(data, size, start, frames)
            else:
                stop = end_of_items(data, size, start, implicit=False)
            elements.append(Element(tag, 'SQ', at, start, stop, undefined=True))
            at = stop + 8
            continue
        if stop > known:
            raise TooShort if stop <= size else Unusual('length')
        elements.append(Element(tag, _NAMES[code], at, start, stop, undefined=False))
        at = stop
    return at


def _implicit(data: bytes, size: int, at: int, elements: list[Element], last: int = PIXELS[-1]) -> int:
    """Add elements of the implicit encoding; return where they end."""
    before = elements[-1].tag if elements else 0
    known = len(data)
    if data[at + 4 : at + 6].isalpha() and data[at + 4 : at + 6].isupper():
        raise Unusual('explicit where implicit is announced')
    while at < size:
        if at + 8 > known:
            raise TooShort if known < size else Unusual('bytes behind the last element')
        group, number, length = _PLAIN_HEAD(data, at)
        tag = group << 16 | number
        if tag <= before or group <= 2 or group == _DELIMITERS:
            raise Unusual('order of elements')
        before = tag
        if tag > last:
            break
        start = at + 8
        stop = start + length
        if tag in PIXELS:
            elements.append(Element(tag, '', at, start, stop, length == UNDEFINED))
            return stop
        if length == UNDEFINED:
            stop = end_of_items(data, size, start, implicit=True)
            elements.append(Element(tag, 'SQ', at, start, stop, undefined=True))
            at = stop + 8
            continue
        if stop > known:
            raise TooShort if stop <= size else Unusual('length')
        elements.append(Element(tag, '', at, start, stop, undefined=False))
        at = stop
    return at


def end_of_frames(data: bytes, size: int, at: int, frames: FrameItems) -> int:
    """Return where the functional groups of frames end, alike or not."""
    try:
        return frames.end(data, size, at)
    except Unusual:
        return end_of_items(data, size, at, implicit=False)


def end_of_items(data: bytes, size: int, at: int, depth: int = 0, *, implicit: bool) -> int:
    """Return where the items of a sequence of undefined length end: the place of its delimiter."""
    known = len(data)
    if depth > _DEEPEST:
        raise Unusual('sequences in sequences')
    while True:
        if at + 8 > known:
            raise TooShort if known < size else Unusual('a sequence without end')
        group, number, length = _PLAIN_HEAD(data, at)
        tag = group << 16 | number
        if tag == _SEQUENCE_END and length == 0:
            return at
        if tag != _ITEM:
            raise Unusual('items')
        at += 8
        stop = None if length == UNDEFINED else at + length
        at = _end_of_item(data, size, at, depth, stop, implicit=implicit)
        if at > size:
            raise Unusual('length of an item')


def _end_of_item(data: bytes, size: int, at: int, depth: int, stop: int | None, *, implicit: bool) -> int:
    """Return the first byte behind an item, whose elements must end at `stop`; None: at a delimiter."""
    known = len(data)
    while at != stop:
        if stop is not None and at > stop:
            raise Unusual('length in an item')
        if at + 12 > known:
            if known < size:
                raise TooShort
            if at + 8 > known:
                raise Unusual('an item without end')
        group, number, length = _PLAIN_HEAD(data, at)
        if group << 16 | number == _ITEM_END:
            if length or stop is not None:
                raise Unusual('delimiter')
            return at + 8
        if group == _DELIMITERS:
            raise Unusual('a delimiter in an item')
        at += 8
        if not implicit:
            code = data[at - 4 : at - 2]
            if code in _LONG:
                length = U32(data, at)[0]
                at += 4
            elif code in _SHORT:
                length = U16(data, at - 2)[0]
            else:
                raise Unusual('value representation')
            if length == UNDEFINED and code != b'SQ':
                raise Unusual('undefined length')
        if length == UNDEFINED:
            at = end_of_items(data, size, at, depth + 1, implicit=implicit) + 8
        else:
            at += length
        if at > size:
            raise Unusual('length in an item')
    return at


def elements_of(data: bytes, *, implicit: bool) -> list[Element]:
    """Find elements that stand by themselves, up to the end of the bytes.

    Raises
    ------
    Unusual, TooShort
        As `walk` does.
    """
    elements: list[Element] = []
    (_implicit if implicit else _explicit)(data, len(data), 0, elements, UNDEFINED)
    return elements


class Item(NamedTuple):
    """An item in the explicit encoding: its elements, where they end, and the first byte behind it."""

    elements: list[Element]
    stop: int
    following: int
    undefined: bool


def item_at(data: bytes, size: int, at: int) -> Item:
    """Find the elements of an item of a sequence in the explicit encoding.

    Parameters
    ----------
    data : bytes
    size : int
        Number of bytes there are in all.
    at : int
        First byte of the item.

    Raises
    ------
    Unusual, TooShort
        As `walk` does.
    """
    if at + 8 > len(data):
        raise TooShort if len(data) < size else Unusual('items')
    group, number, length = _PLAIN_HEAD(data, at)
    if group << 16 | number != _ITEM:
        raise Unusual('items')
    at += 8
    undefined = length == UNDEFINED
    stop = following = at + length
    if undefined:
        following = _end_of_item(data, size, at, 0, None, implicit=False)
        stop = following - 8
    if stop > len(data):
        raise TooShort if stop <= size else Unusual('length of an item')
    elements: list[Element] = []
    if _explicit(data, stop, at, elements, UNDEFINED) != stop:
        raise Unusual('length of an item')
    return Item(elements, stop, following, undefined)


def items_of(data: bytes) -> list[list[Element]]:
    """Find the elements of each item of a sequence in the explicit encoding.

    Parameters
    ----------
    data : bytes
        Value of the sequence, without its delimiter.

    Raises
    ------
    Unusual, TooShort
        As `walk` does.
    """
    found = []
    at = 0
    while at < len(data):
        item = item_at(data, len(data), at)
        found.append(item.elements)
        at = item.following
    return found
