"""The fast way to read files of many images: their headers by layout, their pixels into one arena.

It reads native and encapsulated little endian files in which nothing is out of the ordinary. For
all others it returns nothing, and `scan` reads them through pydicom, which decides what is an
error. Checks are those of `scan`, made once where all files of a layout have the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO, FileIO
from typing import Any

from ..contract import Source
from .arena import Arenas
from .checked import CheckedDataset
from .items import Items
from .layouts import Layout, Layouts, Match
from .lengths import UNDEFINED, TooShort, Unusual
from .packed import PackedHeader
from .plausible import check_numbers, check_pixels, end_of_fragments
from .scan import PARSE_ERRORS, Instance, checked, no_image

__all__ = ['FastReader']

_FIRST_READ = 1 << 16
"""Bytes that are read of a file when nothing is known of the size of headers yet."""

_SLACK = 512
"""Bytes that are read beyond the header of the file before: the next one may be a little longer."""

_LARGEST_HEADER = 1 << 26
"""Headers that are larger are left to pydicom."""


_LARGEST_TAIL = 1 << 16
"""Bytes behind the pixels that are looked at here."""


class FastReader:
    """Reads the files of one series after the other.

    Parameters
    ----------
    sources : sequence of Source
        All that will be read: as many images there are at most.
    headers_only : bool
        Whether pixels are left in the files.
    """

    def __init__(self, sources: Sequence[Source], *, headers_only: bool) -> None:
        self._headers_only = headers_only
        self._layouts = Layouts(_parsed)
        self._arenas = Arenas(lambda: sum(s.size() for s in sources if s.path is not None))
        self._remaining = len(sources) + 1
        self._guess = _FIRST_READ

    def read(self, name: str, file: FileIO | BytesIO) -> Instance | None:
        """Return the image of a file, None where it has to be read in another way.

        Parameters
        ----------
        name : str
            The file, for messages.
        file : FileIO or BytesIO
            Open, at its beginning.

        Raises
        ------
        CorruptFileError, PixelDecodeError, EmptyImageError
            As the checks of `plausible` do.
        """
        self._remaining -= 1
        try:
            return self._image(name, file)
        except (Unusual, MemoryError):
            return None

    def _image(self, name: str, file: FileIO | BytesIO) -> Instance:
        data = file.read(self._guess)
        if data[128:132] != b'DICM':
            raise Unusual('no prefix')
        size = file.seek(0, 2)
        frames = Items()
        file.seek(len(data))
        while True:
            try:
                layout, found = self._layouts.find(name, data, size, frames)
                break
            except TooShort:
                more = file.read(3 * len(data))
                data += more
                if not more or len(data) > _LARGEST_HEADER:
                    raise Unusual('header') from None
        self._guess = found.pixels + _SLACK
        if not self._headers_only:
            tail = _tail(file, found, size)
            if tail:
                layout = layout.with_tail(tail)
                size -= len(tail)
        header = PackedHeader(name, layout, found.values)
        if 'Rows' not in header:
            raise Unusual('no image')
        if layout.memo.get('numbers') is None:
            check_numbers(name, header)
            layout.memo['numbers'] = True
        instance = Instance(name, header, None, layout.pixel_tag, layout.pixel_vr or 'OW')
        instance.frames = frames.all(data)
        if not self._headers_only:
            self._add_pixels(instance, layout, found, data, file, size)
        if layout.memo.get('image') is None:
            if no_image(instance, self._headers_only):
                raise Unusual('no image')
            layout.memo['image'] = True
        return instance

    def _add_pixels(
        self, instance: Instance, layout: Layout, found: Match, data: bytes, file: FileIO | BytesIO, size: int
    ) -> None:
        """Read the pixels of an image, and check that they are what is announced."""
        if found.length == UNDEFINED:
            rest = data[found.pixels :] + file.read()
            stop = end_of_fragments(rest)
            if stop is None or stop + 8 != len(rest):
                raise Unusual('fragments')
            instance.pixels = rest[:stop]
            check_pixels(
                instance.name, instance.dataset, instance.pixels, layout.pixel_tag, undefined_length=True
            )
            return
        if found.pixels + found.length != size:
            raise Unusual('length of pixels')
        arena = self._arenas.of(found.length, self._remaining)
        number, room = arena.take()
        try:
            begun = data[found.pixels : found.pixels + found.length]
            at = len(begun)
            room[:at] = begun
            while at < found.length:
                count = file.readinto(room[at:])
                if not count:
                    raise Unusual('end of file')
                at += count
            key = ('pixels', found.length)
            if key not in layout.memo:
                check_pixels(
                    instance.name, instance.dataset, room, layout.pixel_tag, undefined_length=False
                )
                layout.memo[key] = True
        except BaseException:
            arena.give_back()
            raise
        instance.pixels = room
        instance.slot = (arena, number)


def _tail(file: FileIO | BytesIO, found: Match, size: int) -> bytes:
    """Return what stands behind pixels of known length, b'' where nothing does."""
    end = found.pixels + found.length
    if found.length == UNDEFINED or end >= size:
        return b''
    if size - end > _LARGEST_TAIL:
        raise Unusual('behind the pixels')
    at = file.tell()
    file.seek(end)
    tail = file.read()
    file.seek(at)
    return tail


def _parsed(name: str, data: bytes) -> CheckedDataset:
    """Return a header as pydicom reads it."""
    import pydicom
    from pydicom.errors import BytesLengthException

    try:
        parsed: Any = pydicom.dcmread(BytesIO(data), stop_before_pixels=True)
        for element in parsed.file_meta:  # parses it
            del element
    except (*PARSE_ERRORS, BytesLengthException) as error:
        raise Unusual(str(error)) from error
    return checked(name, parsed)
