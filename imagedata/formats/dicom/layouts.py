"""Headers by layout: what is constant over a series once, what varies for each image.

The files of a series have the same elements in the same order, and most of them have the same
values. The first file of its kind is parsed by pydicom, and walked here element by element; both
must find the same. From then on a file is compared with the bytes that were constant so far, and
only what varies is taken from it. A file that differs in something else is walked anew, and what
differs is no longer constant.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from .lengths import (
    FIXED_SIZE,
    PER_FRAME,
    PIXELS,
    START,
    U16,
    U32,
    UNDEFINED,
    Element,
    FrameItems,
    TooShort,
    Unusual,
    Walk,
    elements_of,
    end_of_frames,
    end_of_items,
    walk,
)

if TYPE_CHECKING:
    from pydicom.tag import BaseTag

    from .checked import CheckedDataset

__all__ = ['Layout', 'Layouts', 'Match', 'Shared']

_CONSTANT = frozenset((
    0x00020010, 0x00080005, 0x00080016, 0x00280002, 0x00280004, 0x00280006, 0x00280008, 0x00280010,
    0x00280011, 0x00280100, 0x00280101, 0x00280102, 0x00280103,
))  # fmt: skip
"""Elements that decide how others, and the pixels, are read: files that differ in them are of two kinds."""

_OWN_META = (0x00020000, 0x00020003)
"""File meta information that is each file's own: its length, and the UID of the instance."""


_MOST_KINDS = 256
"""Kinds of files whose headers are remembered: an archive has any number of them."""

_FRAMES = 1
"""Stands for the length of the functional groups of frames, where it is undefined."""


class Match(NamedTuple):
    """What a layout found in a file.

    Parameters
    ----------
    values : tuple of bytes
        Those that vary, in the order of the layout.
    pixels : int
        First byte of the value of Pixel Data.
    length : int
        Its length, 0xFFFFFFFF where it is undefined.
    """

    values: tuple[bytes, ...]
    pixels: int
    length: int


@dataclass(slots=True, eq=False)
class Shared:
    """What headers of one kind share: values of what is constant, order of what varies.

    Parameters
    ----------
    constant : CheckedDataset
        The elements that do not vary, parsed when they are asked for, with file meta information.
    unparsed : mapping
        The same elements, as they were before.
    varying : dict of int to int
        Tag to its index among the values that vary.
    kinds : list of (tag, vr, undefined length) of each value that varies
    tags : tuple of int
        All of the dataset, without those of group 2, in order.
    implicit : bool
    memo : dict
        What others have found out about headers of this kind.
    access : dict
        Where `PackedHeader` finds the element of a keyword or a tag.
    there : dict
        Whether it has the element of a keyword or a tag.
    """

    constant: CheckedDataset
    unparsed: Mapping[BaseTag, Any]
    varying: dict[int, int]
    kinds: list[tuple[int, str, bool]]
    tags: tuple[int, ...]
    implicit: bool
    memo: dict[Any, Any] = field(default_factory=dict, repr=False, kw_only=True)
    access: dict[Any, Any] = field(default_factory=dict, repr=False, kw_only=True)
    there: dict[Any, bool] = field(default_factory=dict, repr=False, kw_only=True)


@dataclass(slots=True, eq=False)
class Layout(Shared):
    """Elements of files of one kind.

    Parameters
    ----------
    pixel_tag : int
    pixel_vr : str
    """

    pixel_tag: int
    pixel_vr: str
    _raw: dict[int, bytes] = field(repr=False)
    _steps: list[tuple[bytes, bytes, int]] = field(repr=False)
    _last: tuple[bytes, bytes, int] = field(repr=False)

    def with_tail(self, tail: bytes) -> Layout:
        """Return the layout of files that have the same elements behind their pixels.

        Parameters
        ----------
        tail : bytes
            What follows the pixels, up to the end of the file.

        Raises
        ------
        Unusual
            When it is more than plain elements.
        """
        known = self.memo.get(('tail', tail))
        if known is None:
            known = self.memo['tail', tail] = self._extended(tail)
        return cast(Layout, known)

    def _extended(self, tail: bytes) -> Layout:
        from io import BytesIO

        from pydicom.filereader import read_dataset

        from .records import shallow_copy

        elements = elements_of(tail, implicit=self.implicit)
        if any(e.tag in PIXELS or e.undefined for e in elements) or elements[0].tag < PIXELS[-1]:
            raise Unusual('behind the pixels')
        parsed = read_dataset(BytesIO(tail), self.implicit, is_little_endian=True)
        if [int(tag) for tag in parsed._dict] != [e.tag for e in elements]:
            raise Unusual('parsed otherwise')
        constant: Any = shallow_copy(self.constant)
        constant._dict.update(parsed._dict)
        tags = (*self.tags, *(e.tag for e in elements))
        unparsed = {**self.unparsed, **parsed._dict}
        return replace(self, constant=constant, unparsed=unparsed, tags=tags, memo={}, access={}, there={})

    def match(self, data: bytes, size: int, frames: FrameItems) -> Match | None:
        """Return what varies in a file, None when it is of another layout.

        Parameters
        ----------
        data : bytes
            The beginning of the file, up to its pixels at least.
        size : int
            Number of bytes of the file.
        frames : FrameItems
            As for `walk`.
        """
        at = START
        values = []
        same = data.startswith
        try:
            for run, head, width in self._steps:
                if run:
                    if not same(run, at):
                        return None
                    at += len(run)
                if not same(head, at):
                    return None
                at += len(head)
                if width == 2:
                    stop = at + 2 + U16(data, at)[0]
                    at += 2
                elif width < 0:
                    stop = at - width
                elif width == 4:
                    length = U32(data, at)[0]
                    if length == UNDEFINED:
                        return None
                    stop = at + 4 + length
                    at += 4
                else:
                    if width == _FRAMES:
                        stop = end_of_frames(data, size, at, frames)
                    else:
                        stop = end_of_items(data, size, at, implicit=self.implicit)
                    values.append(data[at:stop])
                    at = stop + 8
                    continue
                values.append(data[at:stop])
                at = stop
            run, head, width = self._last
            if at + len(run) > len(data) or not same(run, at) or not same(head, at + len(run)):
                return None
            at += len(run) + len(head)
            length = (U16 if width == 2 else U32)(data, at)[0]
        except (Unusual, TooShort, struct.error):
            return None
        return Match(tuple(values), at + width, length)


class Layouts:
    """The layouts of files that were read so far.

    Parameters
    ----------
    parse : function
        Takes name and bytes of a header, up to its pixels; returns it as parsed by pydicom.
    """

    def __init__(self, parse: Callable[[str, bytes], CheckedDataset]) -> None:
        self._parse = parse
        self._recent: list[Layout] = []
        self._kinds: dict[Any, Layout] = {}

    def find(self, name: str, data: bytes, size: int, frames: FrameItems) -> tuple[Layout, Match]:
        """Return the layout of a file, and what varies in it.

        Parameters
        ----------
        name : str
            The file, for messages.
        data : bytes
            Its beginning.
        size : int
            Number of bytes of the file.
        frames : FrameItems
            As for `walk`.

        Raises
        ------
        Unusual, TooShort
            As `walk` does.
        """
        for layout in self._recent:
            found = layout.match(data, size, frames)
            if found is not None:
                if layout is not self._recent[0]:
                    self._recent.remove(layout)
                    self._recent.insert(0, layout)
                return layout, found
        return self._learnt(name, data, size, frames)

    def _learnt(
        self, name: str, data: bytes, size: int, frames: FrameItems
    ) -> tuple[Layout, Match]:
        walked = walk(data, size, frames=frames)
        if walked.pixels is None:
            raise Unusual('no pixels')
        kind = _kind(data, walked)
        known = self._kinds.get(kind)
        if known is None:
            layout = _first(self._parsed(name, data, walked), data, walked)
        else:
            layout = _refined(known, data, walked)
            if known in self._recent:
                self._recent.remove(known)
        found = layout.match(data, size, frames)
        if found is None:
            raise Unusual('layout')
        self._kinds[kind] = layout
        self._recent.insert(0, layout)
        del self._recent[8:]
        while len(self._kinds) > _MOST_KINDS:
            del self._kinds[next(iter(self._kinds))]
        return layout, found


    def _parsed(self, name: str, data: bytes, walked: Walk) -> CheckedDataset:
        """Return a header as parsed by pydicom, but for the groups of its frames."""
        from pydicom.dataelem import RawDataElement
        from pydicom.tag import BaseTag

        assert walked.pixels is not None
        end = walked.pixels.head
        large = next((e for e in walked.elements if e.tag == PER_FRAME), None)
        if large is None or walked.implicit:
            return self._parse(name, data[:end])
        parsed: Any = self._parse(name, data[: large.head] + data[large.end : end])
        value = data[large.start : large.stop]
        parsed._dict[BaseTag(PER_FRAME)] = RawDataElement(
            BaseTag(PER_FRAME), large.vr, len(value), value, 0, is_implicit_VR=False, is_little_endian=True
        )
        parsed._dict = dict(sorted(parsed._dict.items()))
        return cast('CheckedDataset', parsed)


def _kind(data: bytes, walked: Walk) -> tuple[Any, ...]:
    """Return what files of one layout have in common: their elements, and the values of some."""
    assert walked.pixels is not None
    marks = tuple(data[e.start : e.stop] for e in walked.elements if _is_fixed(e.tag))
    elements = tuple(
        (e.tag, e.vr, e.undefined, e.stop - e.start if e.vr in FIXED_SIZE else 0) for e in walked.elements
    )
    return elements, marks, walked.implicit, walked.pixels.tag, walked.pixels.vr, walked.pixels.undefined


def _is_fixed(tag: int) -> bool:
    """Return whether an element decides how others are read: private creators do (PS3.5 7.8.1)."""
    private_creator = tag & 0x10000 and 0x10 <= tag & 0xFFFF <= 0xFF
    meta = tag >> 16 == 2 and tag not in _OWN_META
    return bool(tag in _CONSTANT or private_creator or meta)


def _first(parsed: CheckedDataset, data: bytes, walked: Walk) -> Layout:
    """Return the layout of a file that is the first of its kind: all of it is constant."""
    mine = [(e.tag, e.stop - e.start) for e in walked.elements]
    theirs = [
        (int(tag), _length(element))
        for dataset in (parsed.file_meta, parsed)
        for tag, element in dataset._dict.items()
    ]
    if len(mine) != len(theirs) or any(
        a[0] != b[0] or (b[1] is not None and a[1] != b[1]) for a, b in zip(mine, theirs, strict=True)
    ):
        raise Unusual('parsed otherwise')
    raw = {e.tag: data[e.start : e.stop] for e in walked.elements}
    return _layout(parsed, raw, data, walked, set())


def _length(element: Any) -> int | None:
    """Return the length of an unparsed element; None of one that pydicom has parsed already."""
    value = getattr(element, 'value', None)
    if not getattr(element, 'is_raw', False):
        return None
    return len(value) if value else 0


def _refined(known: Layout, data: bytes, walked: Walk) -> Layout:
    """Return a layout in which what differs in another file varies."""
    varying = set(known.varying)
    for e in walked.elements:
        if e.tag not in varying and known._raw[e.tag] != data[e.start : e.stop]:
            varying.add(e.tag)
    kept = {tag: value for tag, value in known._raw.items() if tag not in varying}
    return _layout(known.constant, kept, data, walked, varying, known.unparsed)


def _layout(
    parsed: CheckedDataset,
    raw: dict[int, bytes],
    data: bytes,
    walked: Walk,
    varying: set[int],
    unparsed: Mapping[BaseTag, Any] | None = None,
) -> Layout:
    from .records import shallow_copy

    assert walked.pixels is not None
    constant: Any = shallow_copy(parsed)
    unparsed = {tag: e for tag, e in (unparsed or parsed._dict).items() if tag not in varying}
    constant.file_meta = _without(parsed.file_meta, varying)
    for tag in varying:
        constant._dict.pop(tag, None)
    steps, run_start = [], START
    kinds = []
    for e in walked.elements:
        if e.tag in varying:
            steps.append((data[run_start : e.head], *_head(data, e, walked.implicit)))
            kinds.append((e.tag, e.vr, e.undefined))
            run_start = e.end
    p = walked.pixels
    width = 4 if walked.implicit else _width(p)
    return Layout(
        constant,
        unparsed,
        {tag: i for i, (tag, _, _) in enumerate(kinds)},
        kinds,
        tuple(e.tag for e in walked.elements if e.tag >> 16 != 2),
        walked.implicit,
        p.tag,
        p.vr,
        raw,
        steps,
        (data[run_start : p.head], data[p.head : p.start - width], width),
    )


def _head(data: bytes, element: Element, implicit: bool) -> tuple[bytes, int]:
    """Return the bytes that begin an element that varies, and the size of its length field.

    The length is part of the beginning where it does not vary: 0, or `_FRAMES`, stands for one that
    is undefined, the negative length for binary numbers.
    """
    if element.undefined:
        width = _FRAMES if element.tag == PER_FRAME and not implicit else 0
        return data[element.head : element.start], width
    if element.vr in FIXED_SIZE and element.stop > element.start:
        return data[element.head : element.start], element.start - element.stop
    width = 4 if implicit and element.tag >> 16 != 2 else _width(element)
    return data[element.head : element.start - width], width


def _width(element: Element) -> int:
    """Return the number of bytes of the length field (explicit encoding)."""
    return 2 if element.start - element.head == 8 else 4


def _without(meta: Any, tags: Sequence[int] | set[int]) -> Any:
    """Return file meta information without some of its elements."""
    from pydicom.dataset import FileMetaDataset

    kept = FileMetaDataset()
    kept._dict = {tag: element for tag, element in meta._dict.items() if tag not in tags}
    return kept
