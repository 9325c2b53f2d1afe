"""What ImageJ says of a TIFF file in its ImageDescription: lines of `name=value` behind the line `ImageJ=`.

Sources: ImageJ's TiffEncoder and FileSaver (names, and the order of pages: channels fastest, then slices,
then frames); ImageJ's Calibration, function 0 (straight line).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...axis import Axis, UniformLengthAxis
from ...conversion import smallest_integer
from ..described import counted_axes
from ..units import MM, SECONDS, factor

__all__ = ['ImageJ', 'description_of']

_PIXELS = ('', 'pixel', 'pixels')


@dataclass(frozen=True)
class ImageJ:
    """What the description says.

    Parameters
    ----------
    images, channels, slices, frames : int
    mm : float or None
        Size of its unit of length; None: it counts in pixels.
    spacing : float
        Distance of slices in that unit, 0 where it is not known.
    interval : float
        Time between frames in s, 0 where it is not known.
    line : (float, float) or None
        Intercept and slope that make values of pixels.
    """

    images: int
    channels: int
    slices: int
    frames: int
    mm: float | None
    spacing: float
    interval: float
    line: tuple[float, float] | None

    def grid(self, pages: int) -> tuple[int, int, int]:
        """Return the numbers of frames, channels and slices of so many pages."""
        counts = (self.frames, self.channels, self.slices)
        return counts if math.prod(counts) == pages else (1, 1, pages)

    def axes(self, pages: int) -> list[Axis]:
        """Return the axes beside slice, row and column."""
        frames, channels, _ = self.grid(pages)
        found: list[Axis] = []
        if frames > 1 and self.interval > 0:
            found.append(UniformLengthAxis('time', 0, frames, self.interval))
        elif frames > 1:
            found += counted_axes([frames])
        if channels > 1:
            found.append(UniformLengthAxis('channel', 0, channels, 1))
        return found

    def arranged(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return pages (page, row, column) as (frame, channel, slice, row, column), as values."""
        frames, channels, slices = self.grid(len(array))
        array = array.reshape(frames, slices, channels, *array.shape[1:]).swapaxes(1, 2)
        array = np.ascontiguousarray(array)
        if self.line is None or array.dtype.names:
            return array
        intercept, slope = self.line
        whole = intercept.is_integer() and slope.is_integer() and array.dtype.kind in 'iu'
        if not whole:
            return array * slope + intercept
        ends = [int(value) * int(slope) + int(intercept) for value in (array.min(), array.max())]
        dtype = smallest_integer(min(ends), max(ends), np.dtype(np.int16)) or np.dtype(np.float64)
        return (array.astype(np.int64) * int(slope) + int(intercept)).astype(dtype)


def description_of(text: Any, name: str) -> ImageJ | None:
    """Return what a description says, None where it is not ImageJ's.

    Parameters
    ----------
    text : object
        Value of the tag ImageDescription.
    name : str
        Of the file, for messages.

    Warns
    -----
    ImagedataWarning
        When its unit is not known.
    """
    if not isinstance(text, str) or not text.startswith('ImageJ='):
        return None
    lines = dict(line.partition('=')[::2] for line in text.split('\n') if '=' in line)
    unit = lines.get('unit', '').strip().replace('\\u00B5', 'u').replace('\\u00b5', 'u')
    interval = _number(lines, 'finterval')
    if not interval and _number(lines, 'fps') > 0:
        interval = 1 / _number(lines, 'fps')
    elif interval:
        interval *= factor(name, lines.get('tunit', ''), SECONDS)
    line = None
    if lines.get('cf', '').strip() == '0' and 'c0' in lines and 'c1' in lines:
        line = _number(lines, 'c0'), _number(lines, 'c1')
    return ImageJ(
        images=_count(lines, 'images'),
        channels=_count(lines, 'channels'),
        slices=_count(lines, 'slices'),
        frames=_count(lines, 'frames'),
        mm=None if unit.lower() in _PIXELS else factor(name, unit, MM),
        spacing=abs(_number(lines, 'spacing')),
        interval=interval,
        line=line if line is not None and line[1] else None,
    )


def _number(lines: dict[str, str], name: str) -> float:
    try:
        value = float(lines.get(name, '0'))
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0


def _count(lines: dict[str, str], name: str) -> int:
    return max(1, int(_number(lines, name)))
