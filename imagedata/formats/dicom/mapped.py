"""Memory-mapped pixels of one multi-frame file: a view of it, of which only what is used is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..contract import Source
from ..mapping import mapped, mode_of, reasons_of, refuse
from .blocks import ends, native_kind
from .lengths import TooShort, Unusual, walk

if TYPE_CHECKING:
    from .frames import Frame

__all__ = ['mapped_pixels']

_BLOCK = 1 << 20


def mapped_pixels(
    grid: NDArray[Any], sources: Mapping[str, Source], options: Mapping[str, Any]
) -> NDArray[Any]:
    """Return the pixels of frames as a view of their file.

    Parameters
    ----------
    grid : (tags..., slices) ndarray of Frame
        The order of the result; its frames were read without pixels.
    sources : mapping
        Files by their names.
    options : mapping
        `mmap`: True or 'r' for read-only values, 'c' for values that can be changed in memory
        (copy on write); the file never changes. `scaling='stored'` leaves slope and intercept out.

    Returns
    -------
    (tags..., slices, rows, columns) ndarray

    Raises
    ------
    DataTypeError
        When the values are not those that lie in one file: compressed, scaled, of several files.
    """
    mode = mode_of(options)
    frames: list[Frame | None] = list(grid.flat)
    first = next(frame for frame in frames if frame is not None)
    present = [frame for frame in frames if frame is not None]
    found = native_kind(first.pixels.header)
    kind = found[0] if found is not None else np.dtype('u1')
    source = sources[first.name]
    numbers = np.array([-1 if frame is None else frame.index for frame in frames]).reshape(grid.shape)
    steps = _steps(numbers)
    refuse(first.name, {
        **reasons_of(source, kind, options),
        'the images are in several files': any(f.pixels is not first.pixels for f in present),
        'images are missing': len(present) < len(frames),
        'it is compressed, big endian, in colour, or not in whole bytes': found is None,
        'its values are scaled: read the stored ones with scaling="stored"': (
            not all(f.scale.is_identity for f in present)
        ),
        'its images are tiles of others': any(f.tile is not None for f in present),
        'its frames do not follow each other evenly': steps is None,
    })  # fmt: skip
    assert steps is not None
    rows, columns = first.size
    offset, length = _place(source, first.name)
    whole = (first.pixels.count, rows, columns)
    refuse(first.name, {'it is cut off': int(np.prod(whole)) * kind.itemsize > length})
    values = mapped(source, kind, mode, offset, whole)
    half = found[1] if found is not None else None
    unsigned = half is not None and ends(values)[1] >= half
    refuse(first.name, {'negative values stand without their sign': unsigned})
    start = values[int(numbers.flat[0]) :]
    strides = (*(step * start.strides[0] for step in steps), *start.strides[1:])
    view: NDArray[Any] = np.lib.stride_tricks.as_strided(
        start, (*grid.shape, rows, columns), strides, subok=True, writeable=mode == 'c'
    )
    return view


def _steps(numbers: NDArray[Any]) -> list[int] | None:
    """Return by how many frames each dimension goes on, None where that varies."""
    steps = []
    for axis in range(numbers.ndim):
        differences = np.diff(numbers, axis=axis)
        if differences.size and (differences != differences.flat[0]).any():
            return None
        steps.append(int(differences.flat[0]) if differences.size else 0)
    return steps


def _place(source: Source, name: str) -> tuple[int, int]:
    """Return the first byte of the Pixel Data, and their number."""
    size = source.size()
    count = _BLOCK
    with source.open() as file:
        while True:
            file.seek(0)
            try:
                found = walk(file.read(count), size).pixels
                break
            except TooShort:
                count *= 4
            except Unusual:
                found = None
                break
    refuse(name, {'its elements are not encoded as in most files': found is None})
    assert found is not None
    return found.start, min(found.stop, size) - found.start

