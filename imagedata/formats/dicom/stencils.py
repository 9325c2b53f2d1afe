"""Files of images whose sources are alike: what is the same in them is encoded once.

The first image of a kind is made as any other, by `compose` and `serialize`. In its bytes are found
those that each image has of its own: values that differ from source to source, and values that are
made for it. All between them is copied for the next images. A stencil that does not give the very
file that it was made from is not used.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from pydicom.datadict import dictionary_VR, tag_for_keyword

from ...dicom_elements import parse_tag
from .elements import elements_of
from .lengths import Unusual, walk
from .packed import PackedHeader

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from .compose import Composer
    from .layouts import Shared
    from .serialize import Serializer

__all__ = ['Stencils']

_PLAIN = {'UI': (re.compile(r'[0-9.]{1,64}'), b'\0'), 'IS': (re.compile(r'[0-9]{1,9}'), b' ')}
"""Texts that are written as they are, and what makes their length even (PS3.5 6.2)."""


@dataclass(slots=True)
class _Stencil:
    """The parts of a file before its pixels, and what follows these.

    Parameters
    ----------
    parts : list
        Bytes; tags of elements of the source; keywords of values of the image's own.
    tail : bytes
    """

    parts: list[bytes | int | str]
    tail: bytes


@dataclass(slots=True)
class _Kind:
    """Images whose sources have the same elements.

    Parameters
    ----------
    base : dict
        Elements of the first one, but for its own.
    sample : Dataset
        The first one.
    stencils : dict
        By the keywords of the values of their own, and which of these are None.
    """

    base: Mapping[Any, Any]
    sample: Dataset
    stencils: dict[Any, _Stencil | None] = field(default_factory=dict)


class Stencils:
    """Makes the headers of the files of one series.

    Parameters
    ----------
    series : Composer
    serializer : Serializer
        Gives the bytes of the first file of each kind.
    """

    def __init__(self, series: Composer, serializer: Serializer) -> None:
        self._series = series
        self._serializer = serializer
        self._kinds: dict[Shared | None, _Kind | None] = {}
        self._own: dict[tuple[str, Any], bytes] = {}
        edits = series.header.edits
        self._singled_out = frozenset().union(*(e.images for e in edits if e.images is not None))
        self._edited = {int(parse_tag(edit.keyword)) for edit in edits if edit.images is None}

    def header(self, number: int) -> tuple[bytes, bytes] | None:
        """Return what stands before and behind the Pixel Data of an image.

        None: the image is not like others, and has to be made by itself.

        Raises
        ------
        ValueError, TypeError, NotImplementedError, AttributeError, KeyError
            As `Serializer.file`.
        """
        series = self._series
        source = series.source(number)
        layout: Shared | None = None
        if source is not None:
            if not isinstance(source, PackedHeader) or source.whole is not None:
                return None
            layout = source.layout
        if self._singled_out and series.image_number(number) in self._singled_out:
            return None
        if layout not in self._kinds:
            self._kinds[layout] = self._kind(number, source)
        kind = self._kinds[layout]
        if kind is None:
            return None
        own = series.own(number, source, kind.base)
        pattern = tuple((keyword, value is None) for keyword, value in own.items())
        if pattern not in kind.stencils:
            kind.stencils[pattern] = self._cut(number, source, own, kind)
        stencil = kind.stencils[pattern]
        return None if stencil is None else (self._filled(stencil, source, own, kind), stencil.tail)

    # --- made from the first image of its kind --------------------------------------------------

    def _kind(self, number: int, source: Dataset | None) -> _Kind | None:
        prepared = self._series.prepared(number)
        if type(prepared) is not type(source):
            return None  # it is written in another encoding, of which it became a copy
        return _Kind(self._series.base(prepared), self._series.image(number))

    def _cut(
        self, number: int, source: Dataset | None, own: Mapping[str, Any], kind: _Kind
    ) -> _Stencil | None:
        """Return the stencil of an image; None where there is none, or it does not give the image's file."""
        whole = self._serializer.file(self._series.image(number))
        try:
            elements = walk(whole, len(whole)).elements
        except Unusual:
            return None
        mine = {_tag(name): name for name, value in own.items() if value is not None}
        inherited = self._inherited(source, kind)
        parts: list[bytes | int | str] = []
        done = next(e.head for e in elements if e.tag >> 16 != 2)
        for e in elements:
            if e.tag >> 16 == 2 or e.tag in self._edited:
                continue
            part = mine.get(e.tag) or (e.tag if e.tag in inherited else None)
            if part is not None:
                parts += [whole[done : e.head], part]
                done = e.end
        end = elements[-1].end
        stencil = _Stencil([*parts, whole[done:end]], whole[end:])
        same = self._filled(stencil, source, own, kind) + stencil.tail == whole
        return stencil if same else None

    def _inherited(self, source: Dataset | None, kind: _Kind) -> set[int]:
        """Return the tags of elements that vary from source to source, and come from there."""
        if not isinstance(source, PackedHeader):
            return set()
        given = (*self._series.defaults.values(), *self._series.common.values())
        made = {id(element) for element in given}
        varying = source.layout.varying
        return {int(tag) for tag, e in kind.base.items() if tag in varying and id(e) not in made}

    # --- filled in ------------------------------------------------------------------------------

    def _filled(
        self, stencil: _Stencil, source: Dataset | None, own: Mapping[str, Any], kind: _Kind
    ) -> bytes:
        """Return the file of an image, up to its pixels."""
        parts = [self._serializer.meta(kind.sample.SOPClassUID, own['SOPInstanceUID'])]
        for part in stencil.parts:
            if isinstance(part, bytes):
                parts.append(part)
            elif isinstance(part, str):
                parts.append(self._of_value(part, own[part], kind))
            else:
                assert source is not None
                parts.append(self._serializer.element(source.get_item(part), kind.sample, source))
        return b''.join(parts)

    def _of_value(self, keyword: str, value: Any, kind: _Kind) -> bytes:
        """Return the element of a value that was made; remembered where it is a text, or some."""
        if type(value) is str:
            plain = _plain(keyword, value)
            if plain is not None:
                return plain
            key: Any = value
        elif type(value) is list and value and all(type(part) is str for part in value):
            key = tuple(value)
        elif type(value) is list and value and all(type(part) is dict for part in value):
            items = [self._item(part, kind) for part in value]
            return _head(keyword)[0] + _sized(b'\0\0', b''.join(items))
        else:
            return self._made(keyword, value, kind)
        known = self._own.get((keyword, key))
        if known is None:
            known = self._own[keyword, key] = self._made(keyword, value, kind)
        return known

    def _item(self, values: Mapping[str, Any], kind: _Kind) -> bytes:
        """Return an item of a sequence (PS3.5 7.5)."""
        elements = [self._of_value(keyword, values[keyword], kind) for keyword in sorted(values, key=_tag)]
        return _sized(b'\xfe\xff\x00\xe0', b''.join(elements))

    def _made(self, keyword: str, value: Any, kind: _Kind) -> bytes:
        (element,) = elements_of({keyword: value}).values()
        return self._serializer.element(element, kind.sample)


@cache
def _tag(keyword: str) -> int:
    return int(tag_for_keyword(keyword) or 0)


@cache
def _head(keyword: str) -> tuple[bytes, str]:
    """Return tag and value representation of an element: as they are written, and the latter."""
    tag = _tag(keyword)
    vr = dictionary_VR(tag)
    return struct.pack('<HH2s', tag >> 16, tag & 0xFFFF, vr[:2].encode('ascii')), vr


def _plain(keyword: str, text: str) -> bytes | None:
    """Return the element of a UID or a whole number; None for any other."""
    head, vr = _head(keyword)
    pattern, padding = _PLAIN.get(vr, (None, b''))
    if pattern is None or not pattern.fullmatch(text):
        return None
    value = text.encode('ascii')
    if len(value) % 2:
        value += padding
    return head + len(value).to_bytes(2, 'little') + value


def _sized(head: bytes, value: bytes) -> bytes:
    """Return a value behind its length of 32 bits."""
    return head + len(value).to_bytes(4, 'little') + value
