"""Which of the installed decoders is given compressed pixels, and what it is not given.

All of them give the same values for whole streams. For damaged ones they differ: GDCM ends the
process in its JPEG decoder where others raise an error, so it comes last, and is given only JPEG
streams whose markers are in order. It is never given RLE, which pydicom decodes itself: its RLE
encoder ends the process for frames of 8 bits with an odd number of pixels, and pydicom tries that
encoder first (`Dataset.compress` without `encoding_plugin`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...errors import PixelDecodeError

__all__ = ['check_jpeg', 'decoder_for']

_PREFERRED: Mapping[str, tuple[str, ...]] = {
    '1.2.840.10008.1.2.4.50': ('pillow', 'gdcm'),  # JPEG Baseline
    '1.2.840.10008.1.2.4.51': ('pillow', 'gdcm'),  # JPEG Extended
    '1.2.840.10008.1.2.4.80': ('pyjpegls', 'gdcm'),  # JPEG-LS Lossless
    '1.2.840.10008.1.2.4.81': ('pyjpegls', 'gdcm'),  # JPEG-LS Near-lossless
    '1.2.840.10008.1.2.4.90': ('pylibjpeg', 'gdcm'),  # JPEG 2000 Lossless
    '1.2.840.10008.1.2.4.91': ('pylibjpeg', 'gdcm'),  # JPEG 2000
    '1.2.840.10008.1.2.5': ('pylibjpeg', 'pydicom'),  # RLE
}

LOSSLESS_JPEG = {'1.2.840.10008.1.2.4.57', '1.2.840.10008.1.2.4.70'}
"""Transfer syntaxes that GDCM alone decodes, of those that are installed."""


def decoder_for(syntax: str) -> str:
    """Return the name of pydicom's plugin to decode a transfer syntax with, '' for any that can."""
    from pydicom.pixels.decoders.base import get_decoder

    available = get_decoder(syntax).available_plugins if syntax in _PREFERRED else ()
    return next((name for name in _PREFERRED.get(syntax, ()) if name in available), '')


def _next_marker(stream: bytes, at: int) -> int | None:
    """Return where the next marker behind entropy-coded data begins, None where there is none.

    It is no stuffed FF, and no restart (ISO/IEC 10918-1 B.1.1.5).
    """
    codes = np.frombuffer(stream, np.uint8, offset=at)
    found = np.flatnonzero(codes[:-1] == 0xFF)
    following = codes[found + 1]
    found = found[(following != 0) & (following != 0xFF) & (following & 0xF8 != 0xD0)]
    return at + int(found[0]) if found.size else None


def check_jpeg(name: str, stream: bytes, components: int) -> None:
    """Check that the markers of a lossless JPEG stream are in order, from start to end of image.

    Source: ISO/IEC 10918-1 B.2.

    Parameters
    ----------
    name : str
        The file, for messages.
    stream : bytes
        One frame.
    components : int
        Samples per Pixel.

    Raises
    ------
    PixelDecodeError
        When they are not.
    """
    reason = _jpeg_fault(stream, components)
    if reason:
        raise PixelDecodeError(
            f'{name}: its JPEG pixels are damaged ({reason}): replace the file, or leave it out with '
            'skip_broken_series=True'
        )


def _jpeg_fault(stream: bytes, components: int) -> str:
    """Return what is wrong with the markers of a stream, '' when nothing is."""
    if stream[:2] != b'\xff\xd8':
        return 'no start of image'
    at = 2
    known = _Jpeg(components)
    while True:
        if at + 2 > len(stream) or stream[at] != 0xFF:
            return f'no marker at byte {at}'
        marker = stream[at + 1]
        if marker == 0xFF:  # fill
            at += 1
            continue
        if marker == 0xD9:
            return '' if known.frame and known.scans else 'no frame, or no scan, before the end of image'
        length = int.from_bytes(stream[at + 2 : at + 4], 'big')
        segment = stream[at + 4 : at + 2 + length]
        if length < 2 or len(segment) != length - 2:
            return f'a segment of {length} bytes at byte {at}'
        fault = known.segment(marker, segment)
        if fault:
            return fault
        at += 2 + length
        if marker == 0xDA:
            following = _next_marker(stream, at)
            if following is None:
                return 'no end of image'
            at = following


class _Jpeg:
    """What the segments of a lossless JPEG stream have told."""

    def __init__(self, components: int) -> None:
        self.components = components
        self.frame = b''
        self.tables: set[int] = set()
        self.scans = 0

    def segment(self, marker: int, segment: bytes) -> str:
        """Take note of a segment; return what is wrong with it, '' when nothing is."""
        if marker == 0xC3:
            return self._frame(segment)
        if marker == 0xC4:
            return self._tables(segment)
        if marker == 0xDA:
            return self._scan(segment)
        if marker == 0xDD:  # restarts are at the begin of rows (H.1.1)
            columns = int.from_bytes(self.frame[3:5], 'big') if self.frame else 0
            interval = int.from_bytes(segment, 'big')
            fits = len(segment) == 2 and (interval == 0 or (columns and interval % columns == 0))
            return '' if fits else f'a restart interval of {interval}'
        if marker == 0xEE and segment[:5] == b'Adobe' and segment[11:12] not in (b'\0', b'\1'):
            return 'a colour transform of Adobe that is not known'
        if marker in (0xDB, 0xFE) or 0xE0 <= marker <= 0xEF:
            return ''
        return f'marker {marker:02X}, which no lossless image has'

    def _frame(self, segment: bytes) -> str:
        """Frame header (B.2.2): precision, rows, columns, and of each component number, sampling, 0."""
        if self.frame or len(segment) != 6 + 3 * self.components or segment[5] != self.components:
            return f'{self.components} components are announced, and the frame has others'
        if not 2 <= segment[0] <= 16:
            return f'{segment[0]} bits'
        if len(set(segment[6::3])) != self.components or set(segment[7::3]) != {0x11}:
            return 'its components are numbered twice, or subsampled'
        self.frame = segment
        return ''

    def _tables(self, segment: bytes) -> str:
        """Huffman tables (B.2.4.2): number, count of codes of 1 to 16 bits, categories 0 to 16 (H.1.2.2)."""
        at = 0
        while at < len(segment):
            counts = segment[at + 1 : at + 17]
            values = segment[at + 17 : at + 17 + sum(counts)]
            space = 1 << 16
            for bits, count in enumerate(counts, 1):
                space -= count << (16 - bits)
            if len(counts) < 16 or not values or len(values) < sum(counts) or space < 0:
                return 'a Huffman table with codes that overlap, or are missing'
            if segment[at] > 3 or max(values) > 16 or len(set(values)) != len(values):
                return 'a Huffman table of another kind'
            self.tables.add(segment[at])
            at += 17 + len(values)
        return ''

    def _scan(self, segment: bytes) -> str:
        """Scan header (B.2.3): components with their tables; predictor 1 to 7, 0, point transform."""
        self.scans += 1
        count = segment[0] if segment else 0
        if not self.frame or not 1 <= count <= self.components or len(segment) != 4 + 2 * count:
            return 'a scan that does not fit the frame'
        numbers, tables = segment[1 : 1 + 2 * count : 2], segment[2 : 2 + 2 * count : 2]
        if not set(numbers) <= set(self.frame[6::3]) or len(set(numbers)) != count:
            return 'a scan of components that are not in the frame'
        if any(table & 15 or table >> 4 not in self.tables for table in tables):
            return 'a scan with Huffman tables that are not there'
        predictor, end, transform = segment[-3:]
        if not 1 <= predictor <= 7 or end or transform >= self.frame[0]:
            return f'a scan with predictor {predictor}, {end}, and point transform {transform}'
        return ''
