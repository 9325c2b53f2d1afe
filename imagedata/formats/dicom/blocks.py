"""The stored values of many images as one array, without copies where that can be.

Pixels that lie beside each other in memory, in the order that is wanted, are the array already.
Those in another order are moved, each to its place. Compressed images are decoded on all cores.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .packed import remembered

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from .frames import Frame

__all__ = ['add_in_place', 'decoded', 'ends', 'joined', 'native_kind', 'put_rescaled', 'side_by_side']

_COMPRESSED = ('1.2.840.10008.1.2.4.', '1.2.840.10008.1.2.5')
"""How transfer syntaxes of frames that are each compressed begin."""

_NATIVE = ('1.2.840.10008.1.2', '1.2.840.10008.1.2.1')

_THREADS = min(os.cpu_count() or 1, 16)
"""Number of threads: NumPy and decoders let others run while they compute."""

_LARGE = 1 << 24
"""Bytes for which it is worth to start threads."""


def joined(frames: Sequence[Frame]) -> NDArray[Any] | None:
    """Return the stored values of native images, None where they have to be taken one by one.

    The memory of the images becomes that of the result.

    Parameters
    ----------
    frames : sequence of Frame
        In the order of the result.

    Returns
    -------
    (images, rows, columns) ndarray or None
    """
    first = frames[0]
    if first.pixels.slot is None or first.pixels.tag != 0x7FE00010 or any(f.tile is not None for f in frames):
        return None
    arena = first.pixels.slot[0]
    wanted = remembered(native_kind, first.pixels.header)
    if wanted is None:
        return None
    kind, half = wanted
    rows, columns = first.size
    size = rows * columns * kind.itemsize
    starts = []
    for frame in frames:
        pixels = frame.pixels
        if pixels.slot is None or pixels.slot[0] is not arena:
            return None
        if remembered(native_kind, pixels.header) != wanted:
            return None
        starts.append(pixels.slot[1] * arena.size + frame.index * size)
    low, high = min(starts), max(starts) + size
    region = arena.buffer[low:high]
    if (high - low) != size * len(frames) or len(set(starts)) != len(starts):
        return _gathered(arena.buffer, starts, (rows, columns), kind) if half is None else None
    block = region.view(kind).reshape(len(frames), rows, columns)
    if half is not None and ends(block)[1] >= half:
        return None
    if all(start == low + i * size for i, start in enumerate(starts)):
        return block
    if size * len(frames) != arena.used * arena.size:
        return block[[(start - low) // size for start in starts]]
    _permute(block, [(start - low) // size for start in starts])
    for frame in frames:
        frame.pixels.data = None  # they are elsewhere now
    return block


def native_kind(header: Dataset) -> tuple[np.dtype[Any], int | None] | None:
    """Return the type of stored values that need nothing done to them, None for others.

    With it goes the value from which on a sign may be missing (see `pixels`); None where it cannot.
    """
    bits, samples = int(header.get('BitsAllocated') or 0), int(header.get('SamplesPerPixel') or 1)
    syntax = str(header.file_meta.get('TransferSyntaxUID', ''))
    if syntax not in _NATIVE or samples != 1 or bits not in (8, 16, 32):
        return None
    if 'PALETTE' in str(header.get('PhotometricInterpretation', '')).upper():
        return None
    used = int(header.get('BitsStored', bits))
    high = int(header.get('HighBit', used - 1))
    signed = bool(int(header.get('PixelRepresentation') or 0))
    kind = np.dtype(f'<{"i" if signed else "u"}{bits // 8}')
    if used == bits:
        return (kind, None) if high == bits - 1 else None
    overlays = any((group, 0x0102) in header for group in range(0x6000, 0x6020, 2))
    if not 0 < used < bits or high != used - 1 or overlays:
        return None
    return kind, 2 ** (used - 1) if signed else None


def _gathered(
    buffer: NDArray[np.uint8], starts: Sequence[int], matrix: tuple[int, int], kind: np.dtype[Any]
) -> NDArray[Any]:
    """Return images that lie here and there, beside each other."""
    block = np.empty((len(starts), *matrix), kind)
    flat = block.view(np.uint8).reshape(len(starts), -1)
    for image, start in zip(flat, starts, strict=True):
        image[:] = buffer[start : start + image.size]
    return block


def _permute(block: NDArray[Any], order: Sequence[int]) -> None:
    """Move images so that image i is that which was at order[i], with room for one more image."""
    done = [False] * len(order)
    for first in range(len(order)):
        if done[first] or order[first] == first:
            continue
        kept = block[first].copy()
        at = first
        while order[at] != first:
            block[at] = block[order[at]]
            done[at] = True
            at = order[at]
        block[at] = kept
        done[at] = True


def decoded(frames: Sequence[Frame], take: Callable[[Frame], NDArray[Any]]) -> list[NDArray[Any]]:
    """Return the stored values of images; compressed ones are decoded on all cores.

    Parameters
    ----------
    frames : sequence of Frame
    take : function
        Returns the stored values of one.
    """
    found = [take(frame) for frame in frames[:1]]  # the first one imports its decoder
    rest = frames[1:]
    if not rest or not _is_compressed(frames[0]):
        return found + [take(frame) for frame in rest]
    pool = ThreadPoolExecutor(min(_THREADS, len(rest)))
    try:
        return found + list(pool.map(take, rest))
    finally:
        pool.shutdown(cancel_futures=True)


def _is_compressed(frame: Frame) -> bool:
    meta = getattr(frame.pixels.header, 'file_meta', None) or {}
    return str(meta.get('TransferSyntaxUID', '')).startswith(_COMPRESSED)


def side_by_side(function: Callable[[Any], object], items: Sequence[Any], size: int) -> None:
    """Call a function of NumPy's with each of some items, in threads when they have many bytes in all."""
    if size <= _LARGE:
        for item in items:
            function(item)
        return
    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(function, items):
            pass


def ends(block: NDArray[Any]) -> tuple[int, int]:
    """Return the least and the greatest of integers."""
    parts = _parts(block)

    def of(part: NDArray[Any]) -> tuple[int, int]:
        # By image: the second look finds it in the cache.
        found = [(int(image.min()), int(image.max())) for image in part]
        return min(low for low, _ in found), max(high for _, high in found)

    found = _in_threads(of, parts)
    return min(low for low, _ in found), max(high for _, high in found)


def add_in_place(block: NDArray[Any], slope: int, intercept: int, kind: np.dtype[Any]) -> NDArray[Any]:
    """Return stored values x slope + intercept, in the same memory.

    Arithmetic of unsigned integers is that modulo a power of two: it is exact for results that
    the type holds, whatever signs they have.

    Parameters
    ----------
    block : (images, rows, columns) ndarray of integers
    slope, intercept : int
    kind : data type
        Of the size of the block's own, which holds all results.
    """
    plain = block.view(f'<u{kind.itemsize}')

    def change(part: NDArray[Any]) -> None:
        for image in part:
            _rescale(image, slope, intercept)

    _in_threads(change, _parts(plain))
    return block.view(kind)


def put_rescaled(target: NDArray[Any], image: NDArray[Any], slope: int, intercept: int) -> None:
    """Write stored values x slope + intercept into an array of integers, whose type holds the results."""
    plain = target.view(f'u{target.itemsize}')
    np.copyto(plain, image, casting='unsafe')
    _rescale(plain, slope, intercept)


def _rescale(plain: NDArray[Any], slope: int, intercept: int) -> None:
    """Multiply and add in place, modulo the number of values of an unsigned type."""
    modulus = 1 << (8 * plain.itemsize)
    if slope != 1:
        np.multiply(plain, plain.dtype.type(slope % modulus), out=plain)
    if intercept:
        np.add(plain, plain.dtype.type(intercept % modulus), out=plain)


def _parts(block: NDArray[Any]) -> list[NDArray[Any]]:
    """Return a block in as many parts as there are threads; small ones whole."""
    count = min(_THREADS, len(block)) if block.nbytes > _LARGE else 1
    return np.array_split(block, count)


def _in_threads(function: Callable[[Any], Any], parts: Sequence[NDArray[Any]]) -> list[Any]:
    if len(parts) == 1:
        return [function(parts[0])]
    with ThreadPoolExecutor(len(parts)) as pool:
        return list(pool.map(function, parts))
