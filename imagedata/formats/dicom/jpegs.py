"""Whether a lossless JPEG stream is whole: its markers, and the bits that its values take.

Decoders of JPEG fill up what is missing and pass over what is left without a word, so that a damaged
byte becomes noise, or grey. How many bits its values take follows from the values themselves.

Source: ISO/IEC 10918-1 (ITU-T T.81), Annexes B and H.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ['Scan', 'check_bits', 'lossless_scans']


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan of a lossless stream.

    Parameters
    ----------
    components : tuple of int
        Which of the frame's components it has.
    tables : tuple of bytes
        Of each its Huffman table: numbers of codes of 1 to 16 bits, and their categories.
    predictor, transform : int
        Selection value, and point transform.
    interval : int
        Rows between restarts; 0 for none.
    size : int
        Bytes of entropy-coded data, without those that are stuffed in.
    padding : int
        Zeros at the end, which may be padding.
    """

    components: tuple[int, ...]
    tables: tuple[bytes, ...]
    predictor: int
    transform: int
    interval: int
    size: int
    padding: int


def lossless_scans(stream: bytes, shape: tuple[int, int, int]) -> tuple[int, list[Scan]]:
    """Return the precision of a lossless JPEG stream in bits, and its scans.

    Parameters
    ----------
    stream : bytes
        One frame.
    shape : (rows, columns, components) tuple of int
        What the header announces.

    Raises
    ------
    ValueError
        When its markers are not in order, or it is of another size.
    """
    if stream[:2] != b'\xff\xd8':
        raise ValueError('no start of image')
    at = 2
    known = _Jpeg(shape)
    while True:
        if at + 2 > len(stream) or stream[at] != 0xFF:
            raise ValueError(f'no marker at byte {at}')
        marker = stream[at + 1]
        if marker == 0xFF:  # fill
            at += 1
            continue
        if marker == 0xD9:
            return known.whole()
        length = int.from_bytes(stream[at + 2 : at + 4], 'big')
        segment = stream[at + 4 : at + 2 + length]
        if length < 2 or len(segment) != length - 2:
            raise ValueError(f'a segment of {length} bytes at byte {at}')
        at += 2 + length
        if marker == 0xDA:
            at = known.scan(segment, stream, at)
        else:
            known.segment(marker, segment)


def _coded(stream: bytes, at: int) -> tuple[int, int, int]:
    """Return where the next marker behind entropy-coded data begins, and the bytes of these.

    It is no stuffed FF, and no restart (B.1.1.5). The last number is that of bytes that may be padding.
    """
    codes = np.frombuffer(stream, np.uint8, offset=at)
    found = np.flatnonzero(codes[:-1] == 0xFF)
    following = codes[found + 1]
    markers = (following != 0) & (following != 0xFF) & (following & 0xF8 != 0xD0)
    if not markers.any():
        raise ValueError('no end of image')
    number = int(np.argmax(markers))
    end = int(found[number])
    inside = following[:number]
    # Of FF 00 one byte counts, of a restart none, nor does an FF that fills up before a marker.
    size = end - inside.size - int(np.count_nonzero(inside & 0xF8 == 0xD0))
    data = stream[at : at + end].rstrip(b'\xff')
    bare = data.rstrip(b'\0')
    return at + end, size, len(data) - len(bare) - bare.endswith(b'\xff')


class _Jpeg:
    """What the segments of a lossless JPEG stream have told."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.shape = shape
        self.precision = 0
        self.numbers: list[int] = []
        self.tables: dict[int, bytes] = {}
        self.interval = 0
        self.scans: list[Scan] = []

    def whole(self) -> tuple[int, list[Scan]]:
        """Return the precision and the scans, when all components were there."""
        if not self.precision or sum(len(scan.components) for scan in self.scans) != self.shape[2]:
            raise ValueError('no frame, or not all of its scans, before the end of image')
        return self.precision, self.scans

    def segment(self, marker: int, segment: bytes) -> None:
        """Take note of a segment."""
        if marker == 0xC3:
            self._frame(segment)
        elif marker == 0xC4:
            self._tables(segment)
        elif marker == 0xDD:
            self._restarts(segment)
        elif marker == 0xEE and segment[:5] == b'Adobe' and segment[11:12] not in (b'\0', b'\1'):
            raise ValueError('a colour transform of Adobe that is not known')
        elif not (marker in (0xDB, 0xFE) or 0xE0 <= marker <= 0xEF):
            raise ValueError(f'marker {marker:02X}, which no lossless image has')

    def _frame(self, segment: bytes) -> None:
        """Frame header (B.2.2): precision, rows, columns, and of each component number, sampling, 0."""
        components = self.shape[2]
        if self.precision or len(segment) != 6 + 3 * components or segment[5] != components:
            raise ValueError(f'{components} components are announced, and the frame has others')
        size = int.from_bytes(segment[1:3], 'big'), int.from_bytes(segment[3:5], 'big')
        if size != self.shape[:2]:
            raise ValueError(f'{self.shape[:2]} pixels are announced, and the frame has {size}')
        if not 2 <= segment[0] <= 16:
            raise ValueError(f'{segment[0]} bits')
        self.numbers = list(segment[6::3])
        if len(set(self.numbers)) != components or set(segment[7::3]) != {0x11}:
            raise ValueError('its components are numbered twice, or subsampled')
        self.precision = segment[0]

    def _restarts(self, segment: bytes) -> None:
        """Restart interval (B.2.4.4): restarts are at the begin of rows (H.1.1)."""
        interval, columns = int.from_bytes(segment, 'big'), self.shape[1]
        if len(segment) != 2 or not self.precision or interval % columns:
            raise ValueError(f'a restart interval of {interval}')
        self.interval = interval // columns

    def _tables(self, segment: bytes) -> None:
        """Huffman tables (B.2.4.2): number, count of codes of 1 to 16 bits, categories 0 to 16 (H.1.2.2)."""
        at = 0
        while at < len(segment):
            counts = segment[at + 1 : at + 17]
            values = segment[at + 17 : at + 17 + sum(counts)]
            space = 1 << 16
            for bits, count in enumerate(counts, 1):
                space -= count << (16 - bits)
            if len(counts) < 16 or not values or len(values) < sum(counts) or space < 0:
                raise ValueError('a Huffman table with codes that overlap, or are missing')
            if segment[at] > 3 or max(values) > 16 or len(set(values)) != len(values):
                raise ValueError('a Huffman table of another kind')
            self.tables[segment[at]] = counts + values
            at += 17 + len(values)

    def scan(self, segment: bytes, stream: bytes, at: int) -> int:
        """Take note of a scan, whose data begin at a byte; return where the next marker is.

        Its header (B.2.3): components with their tables; predictor 1 to 7, 0, point transform.
        """
        count = segment[0] if segment else 0
        if not self.precision or not 1 <= count <= self.shape[2] or len(segment) != 4 + 2 * count:
            raise ValueError('a scan that does not fit the frame')
        numbers, tables = segment[1 : 1 + 2 * count : 2], segment[2 : 2 + 2 * count : 2]
        done = [self.numbers[c] for scan in self.scans for c in scan.components]
        if not set(numbers) <= set(self.numbers) - set(done) or len(set(numbers)) != count:
            raise ValueError('a scan of components that are not in the frame, or in two scans')
        if any(table & 15 or table >> 4 not in self.tables for table in tables):
            raise ValueError('a scan with Huffman tables that are not there')
        predictor, end, transform = segment[-3:]
        if not 1 <= predictor <= 7 or end or transform >= self.precision:
            raise ValueError(f'a scan with predictor {predictor}, {end}, and point transform {transform}')
        following, size, padding = _coded(stream, at)
        components = tuple(self.numbers.index(number) for number in numbers)
        used = tuple(self.tables[table >> 4] for table in tables)
        self.scans.append(Scan(components, used, predictor, transform, self.interval, size, padding))
        return following


def check_bits(values: NDArray[Any], precision: int, scans: list[Scan]) -> None:
    """Check that values take as many bits as their stream has.

    Parameters
    ----------
    values : (rows, columns) or (rows, columns, components) ndarray of unsigned integers
        As decoded.
    precision : int
        Of the stream, in bits.
    scans : list of Scan

    Raises
    ------
    ValueError
        When there are too few bits for all pixels, or some are left.
    """
    planes = values[..., np.newaxis] if values.ndim == 2 else values
    for scan in scans:
        used = 0
        for component, table in zip(scan.components, scan.tables, strict=True):
            costs = _costs(table)
            for differences in _differences(planes[..., component], precision, scan):
                used += int(costs[differences].sum(dtype=np.int64))
        # Each interval ends with a whole byte.
        intervals = -(-values.shape[0] // scan.interval) if scan.interval else 1
        missing = used - 8 * scan.size
        if missing > 0:
            raise ValueError(f'its pixels take {used} bits, and there are {8 * scan.size}')
        if -missing >= 8 * (intervals + scan.padding):
            raise ValueError(f'its pixels take {used} bits, and of {8 * scan.size} some are left')


@lru_cache(maxsize=16)
def _costs(table: bytes) -> NDArray[Any]:
    """Return how many bits each difference modulo 2^16 takes: its code, and the rest (H.1.2.2)."""
    lengths = [bits for bits, count in enumerate(table[:16], 1) for _ in range(count)]
    of_category = np.full(17, 255, np.uint8)  # without a code: much more than any code takes
    for category, bits in zip(table[16:], lengths, strict=True):
        of_category[category] = bits + (category if category < 16 else 0)
    size = np.abs(np.arange(1 << 16, dtype=np.uint16).view(np.int16).astype(float))
    return np.asarray(of_category[np.frexp(size)[1]])


def _differences(plane: NDArray[Any], precision: int, scan: Scan) -> list[NDArray[Any]]:
    """Return the differences from prediction, modulo 2^16 (H.1.2.1), in parts of any order."""
    x = np.asarray(plane, np.uint16) >> scan.transform
    start = np.uint16(1 << (precision - scan.transform - 1))
    height = scan.interval or len(x)
    found = []
    for top in range(0, len(x), height):
        part = x[top : top + height]
        left, above, corner = part[1:, :-1], part[:-1, 1:], part[:-1, :-1]
        found += [
            part[0, :1] - start, part[0, 1:] - part[0, :-1],  # a beginning, and what follows in its row
            part[1:, 0] - part[:-1, 0],
            part[1:, 1:] - _predicted(scan.predictor, left, above, corner, precision),
        ]  # fmt: skip
    return found


def _predicted(
    predictor: int, left: NDArray[Any], above: NDArray[Any], corner: NDArray[Any], bits: int
) -> NDArray[Any]:
    """Return what is predicted of 16-bit pixels by their neighbours (Table H.1)."""
    if predictor < 4:
        return (left, above, corner)[predictor - 1]
    if predictor == 4:
        return np.asarray(left + above - corner)
    if predictor == 7:
        return np.asarray((left & above) + ((left ^ above) >> 1))  # half of the sum, without its 17th bit
    base, other = (left, above) if predictor == 5 else (above, left)
    wide = np.int16 if bits < 16 else np.int32
    half = (other.astype(wide) - corner.astype(wide)) >> 1
    return np.asarray(base + half.astype(np.uint16))
