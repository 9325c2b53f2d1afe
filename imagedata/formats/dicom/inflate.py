"""Frames that are deflated one by one, as if they had not been.

Source: PS3.5 A.4.13 and 8.2.16 (Deflated Image Frame Compression): each frame is one fragment, a
stream of RFC 1951. pydicom 3.0 does not know the transfer syntax.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

from ...errors import PixelDecodeError
from .plausible import LARGE, items
from .vendor.values import numbers

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['DEFLATED_FRAMES', 'inflated']

DEFLATED_FRAMES = '1.2.840.10008.1.2.8.1'

_RATIO = 1032
"""Largest compression of the deflate algorithm (zlib's technical notes)."""


def inflated(name: str, header: Dataset, pixels: bytes) -> bytes:
    """Return the native Pixel Data that deflated frames stand for.

    Parameters
    ----------
    name : str
        The file, for messages.
    header : Dataset
        One that passed `plausible.check_numbers`.
    pixels : bytes
        Value of Pixel Data: a Basic Offset Table and the fragments.

    Raises
    ------
    PixelDecodeError
        When there are fewer frames than announced, or one is damaged or of another size.
    """
    rows, columns, samples, bits, count = (
        int((numbers(header.get(keyword)) or [default])[0])
        for keyword, default in (
            ('Rows', 0), ('Columns', 0), ('SamplesPerPixel', 1), ('BitsAllocated', 16), ('NumberOfFrames', 1)
        )
    )  # fmt: skip
    count, pixels_each = max(count, 1), rows * columns * samples
    size = (pixels_each * bits + 7) // 8
    fragments = [pixels[start : start + length] for start, length in items(pixels)][1:]
    if len(fragments) != count or size * count > max(LARGE, _RATIO * len(pixels)):
        raise _damaged(name, f'{count} frames of {size} bytes are announced, and there are {len(fragments)}')
    frames = []
    for number, fragment in enumerate(fragments):
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            frame = inflater.decompress(fragment, size + 2)
        except zlib.error as error:
            raise _damaged(name, f'frame {number}: {error}') from error
        # One byte more makes an odd frame even.
        if not inflater.eof or not size <= len(frame) <= size + size % 2:
            raise _damaged(name, f'frame {number} has {len(frame)} bytes, and {size} are announced')
        frames.append(frame[:size])
    if bits == 1 and pixels_each % 8:
        # Native frames of single bits follow each other without gaps (PS3.5 8.1.1).
        loose = [np.unpackbits(np.frombuffer(f, np.uint8), bitorder='little')[:pixels_each] for f in frames]
        return np.packbits(np.concatenate(loose), bitorder='little').tobytes()
    return b''.join(frames)


def _damaged(name: str, reason: str) -> PixelDecodeError:
    return PixelDecodeError(
        f'{name}: its deflated pixels are damaged ({reason}): replace the file, or leave it out with '
        'skip_broken_series=True'
    )
