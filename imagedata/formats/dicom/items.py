"""Items of a sequence that are alike: what is constant over them once, what varies for each.

The frames of an enhanced object are described by the items of one sequence (PS3.3 C.7.6.16.2), most
of whose bytes are the same. As with files (`layouts`), an item is walked element by element when
it is the first of its kind. The others are compared with the runs of bytes that were
constant so far, and only what varies is taken from them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .lengths import (
    FIXED_SIZE,
    U16,
    U32,
    Element,
    TooShort,
    Unusual,
    end_of_items,
    item_at,
)

__all__ = ['CHARACTER_SET', 'WHOLE', 'Field', 'FrameItem', 'ItemLayout', 'Items']

WHOLE = frozenset((0x00089124, 0x00081140, 0x00409096))
"""Groups that are sequences of the same name at the top level of classic objects: they stay whole.

Derivation Image, Referenced Image and Real World Value Mapping Sequence.
"""

CHARACTER_SET = 0x00080005

_DELIMITER = b'\xfe\xff\xdd\xe0\0\0\0\0'

_MOST_KINDS = 64
"""Items of more kinds than these are not alike."""

_OPEN, _CLOSE = 8, 9
"""Steps over the length of something that holds others, and over its end; others are widths."""


class Field(NamedTuple):
    """A value in an item: an element of one of its functional groups, or of the item itself.

    Parameters
    ----------
    element : Element
    group : int
        Tag of the functional group, 0 where there is none.
    creators : tuple of (int, str, bytes)
        Tag, value representation and value of the private creators beside it.
    """

    element: Element
    group: int
    creators: tuple[tuple[int, str, bytes], ...]


class _Length(NamedTuple):
    """A length that is written of something that holds elements: where it stands, what it spans."""

    at: int
    end: int


@dataclass(slots=True, eq=False)
class ItemLayout:
    """Items of one kind.

    Parameters
    ----------
    fields : list of Field
        Of the item that was walked last.
    constant : list of bytes
        Their values there.
    varying : list of int
        Which of them vary.
    example : bytes
        The item that was walked last.
    """

    fields: list[Field]
    constant: list[bytes]
    varying: list[int]
    example: bytes
    _steps: list[tuple[bytes, int]] = field(repr=False)
    _last: bytes = field(repr=False)

    def match(self, data: bytes, at: int) -> tuple[list[bytes], int] | None:
        """Return what varies in an item, and its end; None when it is of another layout.

        Parameters
        ----------
        data : bytes
        at : int
            First byte of the item.

        Raises
        ------
        TooShort
            When a sequence in it may go on behind the bytes.
        """
        values: list[bytes] = []
        ends: list[int] = []
        same = data.startswith
        for run, width in self._steps:
            if not same(run, at):
                return None
            at += len(run)
            if width < 0:
                stop = at - width
            elif width == 2:
                stop = at + 2 + U16(data, at)[0]
                at += 2
            elif width == 4:
                stop = at + 4 + U32(data, at)[0]
                at += 4
            elif width == _OPEN:
                at += 4
                ends.append(at + U32(data, at - 4)[0])
                continue
            elif width == _CLOSE:
                if ends.pop() != at:
                    return None
                continue
            else:
                stop = end_of_items(data, len(data), at, implicit=False)
                values.append(data[at:stop])
                at = stop + 8
                continue
            values.append(data[at:stop])
            at = stop
        if not same(self._last, at):
            return None
        return values, at + len(self._last)


class FrameItem(NamedTuple):
    """An item: its first byte, and what varies in it."""

    at: int
    layout: ItemLayout
    values: list[bytes]


class Items:
    """The items of one sequence, found one after the other.

    It may be asked again with more bytes of the same file, and goes on where it was then.
    """

    def __init__(self) -> None:
        self._kinds: dict[Any, ItemLayout] = {}
        self._found: list[FrameItem] = []
        self._first = self._next = 0
        self._whole = False

    def end(self, data: bytes, size: int, at: int) -> int:
        """Return where the items of a sequence of undefined length end: the place of its delimiter.

        Parameters
        ----------
        data : bytes
            The file, or its beginning.
        size : int
            Number of bytes of the file.
        at : int
            First item.

        Raises
        ------
        Unusual, TooShort
            As `lengths.end_of_items` does, and `Unusual` for items that are not alike.
        """
        if at != self._first:
            self.__init__()  # type: ignore[misc]
            self._first = self._next = at
        at = self._next
        known = len(data)
        while True:
            if at + 8 > known:
                raise TooShort if known < size else Unusual('a sequence without end')
            if data.startswith(_DELIMITER, at):
                self._whole = True
                return at
            at = self._next = self._add(data, size, at)

    def of(self, data: bytes) -> Items:
        """Find all items of a sequence whose bytes are given, without a delimiter; return itself.

        Raises
        ------
        Unusual, TooShort
            As `end` does.
        """
        at = 0
        while at < len(data):
            at = self._add(data, len(data), at)
        self._whole = True
        return self

    def all(self, data: bytes) -> list[FrameItem]:
        """Return the items, of as few layouts as there are kinds; none where not all were found.

        Parameters
        ----------
        data : bytes
            What they were found in.
        """
        if not self._whole:
            return []
        final = set(map(id, self._kinds.values()))
        return [item if id(item.layout) in final else self._again(data, item.at) for item in self._found]

    def _again(self, data: bytes, at: int) -> FrameItem:
        """Return an item that was found when more was constant than is now."""
        for layout in self._kinds.values():
            matched = _matched(layout, data, at)
            if matched is not None:
                return FrameItem(at, layout, matched[0])
        raise Unusual('items')

    def _add(self, data: bytes, size: int, at: int) -> int:
        """Find one more item; return its end."""
        latest = self._found[-1].layout if self._found else None
        matched = None if latest is None else _matched(latest, data, at)
        if latest is None or matched is None:
            latest, matched = self._learnt(data, size, at)
        self._found.append(FrameItem(at, latest, matched[0]))
        return matched[1]

    def _learnt(self, data: bytes, size: int, at: int) -> tuple[ItemLayout, tuple[list[bytes], int]]:
        """Return the layout of an item that is of another one than the item before, and what it finds."""
        for layout in self._kinds.values():
            matched = _matched(layout, data, at)
            if matched is not None:
                return layout, matched
        walked = _walked(data, size, at)
        known = self._kinds.get(walked.kind)
        if known is None and len(self._kinds) == _MOST_KINDS:
            raise Unusual('kinds of items')
        layout = self._kinds[walked.kind] = _layout(data, at, walked, known)
        matched = _matched(layout, data, at)
        if matched is None or matched[1] != walked.end:
            raise Unusual('layout')
        return layout, matched


def _matched(layout: ItemLayout, data: bytes, at: int) -> tuple[list[bytes], int] | None:
    """Return what a layout finds in an item; None where it may be cut off, or is of another one."""
    try:
        found = layout.match(data, at)
    except (TooShort, Unusual, struct.error):
        return None
    return found if found is not None and found[1] <= len(data) else None


# --- walking ------------------------------------------------------------------------------------------


class _Walked(NamedTuple):
    """An item that was walked: its parts in order, its end, and what items of its kind share."""

    parts: list[Field | _Length]
    end: int
    kind: tuple[Any, ...]


def _walked(data: bytes, size: int, at: int) -> _Walked:
    """Find the functional groups of an item, and the elements in them."""
    item = item_at(data, size, at)
    if item.following > len(data):
        raise TooShort if item.following <= size else Unusual('length of an item')
    parts: list[Field | _Length] = []
    kind: list[Any] = []
    _open(item.undefined, at + 4, item.stop, parts, kind)
    creators = _creators(data, item.elements)
    for e in item.elements:
        if e.vr != 'SQ' or e.tag in WHOLE:
            _add_field(data, Field(e, 0, creators), parts, kind)
            continue
        kind.append(e.tag)
        _open(e.undefined, e.start - 4, e.stop, parts, kind)
        if e.start == e.stop:
            continue
        inner = item_at(data, size, e.start)
        if inner.following != e.stop:
            raise Unusual('a functional group of several items')
        _open(inner.undefined, e.start + 4, inner.stop, parts, kind)
        inside = _creators(data, inner.elements)
        for element in inner.elements:
            _add_field(data, Field(element, e.tag, inside), parts, kind)
    return _Walked(parts, item.following, tuple(kind))


def _open(undefined: bool, at: int, end: int, parts: list[Field | _Length], kind: list[Any]) -> None:
    """Add the length of what holds elements."""
    kind.append(undefined)
    if not undefined:
        parts.append(_Length(at, end))


def _creators(data: bytes, elements: list[Element]) -> tuple[tuple[int, str, bytes], ...]:
    return tuple((e.tag, e.vr, data[e.start : e.stop]) for e in elements if _is_creator(e.tag))


def _is_creator(tag: int) -> bool:
    return bool(tag & 0x10000) and 0x10 <= tag & 0xFFFF <= 0xFF


def _add_field(data: bytes, found: Field, parts: list[Field | _Length], kind: list[Any]) -> None:
    e = found.element
    if e.tag == CHARACTER_SET or (e.vr == 'UN' and not found.group):
        raise Unusual('what says how others are read')
    parts.append(found)
    kind.append((e.tag, e.vr, e.undefined, e.stop - e.start if e.vr in FIXED_SIZE else 0))
    if _is_creator(e.tag):
        kind.append(data[e.start : e.stop])


def _layout(data: bytes, at: int, walked: _Walked, known: ItemLayout | None) -> ItemLayout:
    """Return the layout of an item that was walked, in which what another one has otherwise varies."""
    fields = [part for part in walked.parts if isinstance(part, Field)]
    constant = [data[f.element.start : f.element.stop] for f in fields]
    varying: list[int] = []
    if known is not None:
        old = set(known.varying)
        varying = [i for i, value in enumerate(constant) if i in old or value != known.constant[i]]
    apart = [fields[i].element for i in varying]
    loose = [e.start for e in apart if e.vr not in FIXED_SIZE or e.start == e.stop]
    steps: list[tuple[int, int, int]] = []  # where it begins, its kind, where the next run begins
    for e in apart:
        width = _width(e)
        head = e.start if width <= 0 else e.start - width
        steps.append((head, width, e.end))
    for part in walked.parts:
        # Lengths that are constant so far are looked at as well where what they span may differ in length.
        if isinstance(part, _Length) and any(part.at < start <= part.end for start in loose):
            steps.append((part.at, _OPEN, part.at + 4))
            steps.append((part.end, _CLOSE, part.end))
    runs, begun = [], at
    for head, width, following in sorted(steps):
        runs.append((data[begun:head], width))
        begun = following
    return ItemLayout(fields, constant, varying, data[at : walked.end], runs, data[begun : walked.end])


def _width(element: Element) -> int:
    """Return the bytes of the length field; the negative length of numbers, 0 where it is undefined."""
    if element.undefined:
        return 0
    if element.vr in FIXED_SIZE and element.stop > element.start:
        return element.start - element.stop
    return 2 if element.start - element.head == 8 else 4
