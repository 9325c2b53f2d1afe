"""Whether an object can hold the pixels that it announces, found out before memory is taken for them.

A header of some bytes can announce any number of pixels, and a compressed stream of a hundred
bytes can stand for gigabytes. Neither is believed without a look at what is there.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from math import isfinite
from typing import TYPE_CHECKING, Any, BinaryIO

from ...errors import CorruptFileError, EmptyImageError, PixelDecodeError
from .vendor.values import numbers

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['LARGE', 'check_deflated', 'check_numbers', 'check_pixels', 'end_of_fragments', 'items']

LARGE = 2**30
"""Number of bytes up to which pixels are decoded, however little they were compressed from."""

RATIO = 1000
"""Compression beyond which pixels larger than `LARGE` are not believed."""

RLE_RATIO = 64
"""Largest compression of RLE: two bytes stand for 128 (PS3.5 G.3.1)."""

DEFLATED = '1.2.840.10008.1.2.1.99'
RLE = '1.2.840.10008.1.2.5'

_ADVICE = 'the file is damaged; replace it, or leave it out with skip_broken_series=True'


# --- the header ------------------------------------------------------------------------------


def check_numbers(name: str, header: Dataset) -> None:
    """Check the elements that describe pixels: each one whole number.

    Parameters
    ----------
    name : str
        The file, for messages.
    header : Dataset

    Raises
    ------
    EmptyImageError
        For an image of no rows or no columns.
    CorruptFileError
        For other numbers that no image has.
    """
    for keyword in ('Rows', 'Columns'):
        if _whole(name, header, keyword, 1) == 0:
            raise EmptyImageError(f'{name}: {keyword} is 0, the image has no pixels: {_ADVICE}')
    for keyword in ('BitsStored', 'HighBit', 'PixelRepresentation'):
        _whole(name, header, keyword, 0)
    bits = _whole(name, header, 'BitsAllocated', 16)
    if bits not in (1, 8, 16, 24, 32, 64):
        raise CorruptFileError(f'{name}: BitsAllocated is {bits}, and no pixels have that: {_ADVICE}')
    samples = _whole(name, header, 'SamplesPerPixel', 1)
    if samples not in (1, 2, 3, 4):
        raise CorruptFileError(f'{name}: SamplesPerPixel is {samples}, and 1, 3 or 4 are known: {_ADVICE}')
    _whole(name, header, 'NumberOfFrames', 1)


def _whole(name: str, header: Dataset, keyword: str, default: int) -> int:
    """Return a number of the header, `default` where it is missing."""
    value = header.get(keyword)
    if value is None or (keyword == 'NumberOfFrames' and value == ''):
        return default
    found = numbers(value)
    if len(found) != 1 or not isfinite(found[0]) or found[0] < 0 or found[0] != int(found[0]):
        shown = repr(value)[:60]
        raise CorruptFileError(f'{name}: {keyword} is {shown}, and one whole number is expected: {_ADVICE}')
    return int(found[0])


# --- the pixels ------------------------------------------------------------------------------


def check_pixels(
    name: str, header: Dataset, pixels: bytes | memoryview, tag: int, *, undefined_length: bool
) -> None:
    """Check that Pixel Data can hold what the header announces.

    Parameters
    ----------
    name : str
        The file, for messages.
    header : Dataset
        One that passed `check_numbers`.
    pixels : bytes or memoryview
        Value of Pixel Data.
    tag : int
        Its kind, as in `Instance`.
    undefined_length : bool
        Whether it is a sequence of fragments.

    Raises
    ------
    CorruptFileError
        When there are fewer bytes, or fewer fragments, than the frames need.
    PixelDecodeError
        When compressed pixels are of another size, or of one that is not to be believed.
    """
    from pydicom.uid import UID

    rows, columns = _whole(name, header, 'Rows', 0), _whole(name, header, 'Columns', 0)
    samples = _whole(name, header, 'SamplesPerPixel', 1)
    frames = max(_whole(name, header, 'NumberOfFrames', 1), 1)
    bits = {0x7FE00008: 32, 0x7FE00009: 64}.get(tag) or _whole(name, header, 'BitsAllocated', 16)
    meta = getattr(header, 'file_meta', None)
    syntax = UID(str((meta.get('TransferSyntaxUID') if meta else None) or '1.2.840.10008.1.2'))
    if str(header.get('PhotometricInterpretation', '')) in ('YBR_FULL_422', 'YBR_PARTIAL_422'):
        samples = min(samples, 2)
    need = (rows * columns * samples * frames * bits + 7) // 8
    announced = f'{frames} x {rows} x {columns} pixels of {bits * samples} bits'
    if not syntax.is_transfer_syntax or syntax.is_private:
        raise PixelDecodeError(
            f'{name}: its transfer syntax {syntax!s} is not known: convert the file to a standard one, or '
            'leave it out with skip_broken_series=True'
        )
    if undefined_length:
        if not syntax.is_encapsulated:
            raise CorruptFileError(f'{name}: pixels in {syntax.name} have no length: {_ADVICE}')
        _check_fragments(name, pixels, (rows, columns), frames)
        most = RLE_RATIO * len(pixels) if syntax == RLE else max(LARGE, RATIO * len(pixels))
        if need > most:
            raise PixelDecodeError(
                f'{name}: {announced} are {need} bytes, and {len(pixels)} bytes in {syntax.name} do not '
                f'hold so much: {_ADVICE}'
            )
    elif (not syntax.is_compressed or syntax == DEFLATED) and len(pixels) < need:
        raise CorruptFileError(
            f'{name} is cut off: {announced} need {need} bytes, there are {len(pixels)}; copy it anew, '
            'or leave it out with skip_broken_series=True'
        )


def _check_fragments(name: str, pixels: bytes | memoryview, size: tuple[int, int], frames: int) -> None:
    """Check that there are fragments for all frames, and that their streams are of the right size."""
    count = -1  # the first item is the Basic Offset Table
    for start, length in items(pixels):
        count += 1
        if count < 1 or length < 16:
            continue
        found = stream_size(bytes(pixels[start : start + min(length, 1 << 16)]))
        if found is not None and found != size:
            raise PixelDecodeError(
                f'{name}: {size[0]} x {size[1]} pixels are announced, and the compressed image has '
                f'{found[0]} x {found[1]}: {_ADVICE}'
            )
    if count < frames:
        raise CorruptFileError(
            f'{name} is cut off: {frames} frames are announced, and there are {max(count, 0)} fragments '
            'of pixels; copy it anew, or leave it out with skip_broken_series=True'
        )


def items(pixels: bytes | memoryview) -> Iterator[tuple[int, int]]:
    """Yield start and length of each item of encapsulated pixels (PS3.5 A.4)."""
    at = 0
    while at + 8 <= len(pixels):
        group, element, length = struct.unpack_from('<HHI', pixels, at)
        if (group, element) != (0xFFFE, 0xE000):
            return
        yield at + 8, min(length, len(pixels) - at - 8)
        at += 8 + length


def end_of_fragments(pixels: bytes) -> int | None:
    """Return where the fragments end: the place of the delimiter (PS3.5 A.4); None without one."""
    at = 0
    while at + 8 <= len(pixels):
        group, element, length = struct.unpack_from('<HHI', pixels, at)
        if (group, element) == (0xFFFE, 0xE0DD):
            return at if length == 0 else None
        if (group, element) != (0xFFFE, 0xE000):
            return None
        at += 8 + length
    return None


def stream_size(stream: bytes) -> tuple[int, int] | None:
    """Return rows and columns of a JPEG, JPEG-LS or JPEG 2000 stream, None when it does not tell.

    Sources: ISO/IEC 10918-1 B.2.2 (frame header), ISO/IEC 15444-1 A.5.1 (SIZ).

    Examples
    --------
    >>> stream_size(bytes.fromhex('ffd8 ffc0 000b 08 0010 0020 01 012200') + bytes(8))
    (16, 32)
    """
    if stream[:2] == b'\xff\xd8':
        return _jpeg_size(stream)
    at = stream.find(b'\xff\x4f\xff\x51', 0, 4096) if stream[:4] != b'\xff\x4f\xff\x51' else 0
    if at < 0 or (at > 0 and stream[4:8] != b'jP  ') or len(stream) < at + 24:
        return None
    x, y, x0, y0 = struct.unpack_from('>4I', stream, at + 8)
    return y - y0, x - x0


def _jpeg_size(stream: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(stream) and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker == 0xFF:  # fill
            at += 1
        elif marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):
            rows, columns = struct.unpack_from('>HH', stream, at + 5)
            return (rows, columns) if rows else None  # 0: the number of lines follows later
        elif marker == 0xDA:
            return None
        else:
            at += 2 + max(int.from_bytes(stream[at + 2 : at + 4], 'big'), 2)
    return None


# --- deflated files --------------------------------------------------------------------------


def check_deflated(name: str, file: BinaryIO) -> None:
    """Check that a file of the deflated transfer syntax does not inflate beyond measure.

    Parameters
    ----------
    name : str
        The file, for messages.
    file : binary file
        Anywhere; left at its beginning.

    Raises
    ------
    CorruptFileError
        When it is cut off, or inflates to more than `LARGE` bytes at more than twentyfold.
    """
    from pydicom.filereader import _read_file_meta_info, read_preamble

    file.seek(0)
    if read_preamble(file, True) is None:
        file.seek(0)
        return
    meta: Any = _read_file_meta_info(file)
    if str(meta.get('TransferSyntaxUID', '')) == DEFLATED:
        packed = file.read()
        most = max(LARGE, 20 * len(packed))
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        size, rest = 0, packed
        while rest and not inflater.eof and size <= most:
            size += len(inflater.decompress(rest, 1 << 24))
            rest = inflater.unconsumed_tail
        if size > most:
            raise CorruptFileError(
                f'{name}: {len(packed)} deflated bytes inflate to more than {most}, which no image needs: '
                f'{_ADVICE}'
            )
        if not inflater.eof:
            raise CorruptFileError(
                f'{name} is cut off: its deflated data does not end; copy it anew, or leave it out with '
                'skip_broken_series=True'
            )
    file.seek(0)
