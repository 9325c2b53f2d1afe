"""The stored values of many images as one array, without copies where that can be.

Pixels that lie beside each other in memory, in the order that is wanted, are the array already.
Those in another order are moved, each to its place. Compressed images are decoded on all cores.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from time import thread_time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .packed import remembered
from .workers import Worker, use_in_this_thread

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from .frames import Frame

__all__ = ['add_in_place', 'decoded', 'ends', 'joined', 'native_kind']

_NATIVE = ('1.2.840.10008.1.2', '1.2.840.10008.1.2.1')

_SAMPLE = 4
"""Number of images that are decoded to see how long it takes."""

_LONG = 2.5
"""Seconds of a processor for which it is worth to start processes: each takes half a second to start, and
what it sends costs as well."""

_THREADS = min(os.cpu_count() or 1, 16)
"""Number of threads of NumPy, which lets others run while it computes, and of processes that decode."""


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
    """Return the stored values of images, decoded on all cores where that takes long.

    Parameters
    ----------
    frames : sequence of Frame
    take : function
        Returns the stored values of one.
    """
    found, least = [], float('inf')
    for frame in frames[:_SAMPLE]:
        began = thread_time()
        found.append(take(frame))
        least = min(least, thread_time() - began)  # the first one takes longer: decoders are imported
    rest = frames[_SAMPLE:]
    expected = least * len(rest) if rest else 0.0
    if expected < _LONG or _THREADS < 2:
        return found + [take(frame) for frame in rest]
    return found + _by_workers(rest, take)


def _by_workers(frames: Sequence[Frame], take: Callable[[Frame], NDArray[Any]]) -> list[NDArray[Any]]:
    """Return the stored values of images, decoded by processes of their own."""
    with ExitStack() as stack:
        try:
            started = [stack.enter_context(Worker()) for _ in range(min(_THREADS, len(frames)))]
        except OSError:  # no more processes, or no program to start
            started = []
        workers = [worker for worker in started if worker.is_ready()]
        if not workers:
            return [take(frame) for frame in frames]
        waiting = iter(workers)
        pool = ThreadPoolExecutor(len(workers), initializer=lambda: use_in_this_thread(next(waiting)))
        try:
            return list(pool.map(take, frames))
        finally:
            pool.shutdown(cancel_futures=True)


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
    modulus = 1 << (8 * kind.itemsize)

    def change(part: NDArray[Any]) -> None:
        for image in part:
            if slope != 1:
                np.multiply(image, plain.dtype.type(slope % modulus), out=image)
            if intercept:
                np.add(image, plain.dtype.type(intercept % modulus), out=image)

    _in_threads(change, _parts(plain))
    return block.view(kind)


def _parts(block: NDArray[Any]) -> list[NDArray[Any]]:
    """Return a block in as many parts as there are threads; small ones whole."""
    count = min(_THREADS, len(block)) if block.nbytes > 1 << 24 else 1
    return np.array_split(block, count)


def _in_threads(function: Callable[[Any], Any], parts: Sequence[NDArray[Any]]) -> list[Any]:
    if len(parts) == 1:
        return [function(parts[0])]
    with ThreadPoolExecutor(len(parts)) as pool:
        return list(pool.map(function, parts))
