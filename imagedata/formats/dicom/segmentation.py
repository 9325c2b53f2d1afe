"""Segmentations: the frames of each segment at its places, and nothing where there is no frame.

Source: PS3.3 C.8.20 (Segmentation). A segmentation is sparse: a frame that is not there is a plane
in which the segment is not. Binary segments are 0 and 1 (uint8), fractional ones 0 to 1 (stored
value / Maximum Fractional Value, float64), a label map holds segment numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import CannotSort, CorruptFileError, DuplicateImageError, OrderNotFoundError
from .automatic import Cells
from .sort import Grid
from .vendor.values import numbers

if TYPE_CHECKING:
    from .frames import Frame

__all__ = ['ORDERS', 'cells_without_place', 'empty_slices', 'is_label_map', 'is_segmentation', 'segments']

ORDERS = ('auto', 'segment', 'text')
"""Orders that give one index to each segment; 'text' is what the incumbent calls it."""

MOST_SLICES = 4096
"""Slices that a sparse stack is completed to, at most."""


def is_segmentation(frame: Frame) -> bool:
    """Return whether a frame is one of a segmentation, of any type."""
    return 'SegmentSequence' in frame.dataset and 'SegmentationType' in frame.dataset


def is_label_map(frame: Frame) -> bool:
    """Return whether the pixels are segment numbers."""
    return str(frame.dataset.get('SegmentationType')) == 'LABELMAP'


def segments(cells: Cells, order: str, options: Mapping[str, Any]) -> Grid:
    """Return the frames of a binary or fractional segmentation by segment and slice.

    Every segment that the object describes has an index, also one without frames.

    Parameters
    ----------
    cells : frames of each slice
    order : str
        One of `ORDERS`, or 'none' where there is one segment.

    Raises
    ------
    OrderNotFoundError
        For other orders.
    DuplicateImageError
        When a segment has two frames at one place.
    """
    keys, labels = _described([frame for cell in cells for frame in cell])
    if order not in ORDERS and not (order == 'none' and len(keys) == 1):
        raise OrderNotFoundError(
            f"order {order!r} does not fit a segmentation of {len(keys)} segments: use 'segment' or 'auto'"
        )
    frames = np.full((len(keys), len(cells)), None, dtype=object)
    for s, cell in enumerate(cells):
        for frame in cell:
            at = keys.index(_key(frame))
            if frames[at, s] is not None:
                raise DuplicateImageError(
                    f'{frame.name}: segment {labels[at]!r} has two frames at one place (frames '
                    f'{frames[at, s].index} and {frame.index}): they cannot be told apart'
                )
            frames[at, s] = frame
    tags = np.full(frames.shape, None, dtype=object)
    tags[...] = np.array(labels, dtype=object)[:, np.newaxis]
    count = sum(f is not None for f in frames.flat)
    shown = ', '.join(f'{key[-1]} {label}' for key, label in zip(keys, labels, strict=True))
    notes = [f'segments {shown}: {count} frames; where a segment has none, it is empty']
    if len(keys) == 1:
        return Grid((), frames[0], {'segment': tags[0]}, notes)
    return Grid(('segment',), frames, {'segment': tags}, notes)


def label_notes(frames: Sequence[Frame]) -> list[str]:
    """Return the report of what the numbers in a label map are."""
    keys, labels = _described(frames[:1])
    shown = ', '.join(f'{key[-1]} {label}' for key, label in zip(keys, labels, strict=True))
    return [f'a label map of the segments {shown}']


def _key(frame: Frame) -> tuple[str, int]:
    """Return which segment a frame is of: its object, and the number there."""
    number = numbers(frame.dataset.get('ReferencedSegmentNumber'))
    if not number:
        raise CorruptFileError(
            f'{frame.name}: frame {frame.index} does not say of which segment it is '
            '(Referenced Segment Number)'
        )
    return str(frame.dataset.get('SOPInstanceUID', frame.name)), int(number[0])


def _described(frames: Sequence[Frame]) -> tuple[list[tuple[str, int]], list[str]]:
    """Return the segments of objects in order, and a label of its own for each."""
    objects: dict[str, Frame] = {}
    for frame in frames:
        objects.setdefault(str(frame.dataset.get('SOPInstanceUID', frame.name)), frame)
    keys, labels = [], []
    for uid, frame in objects.items():
        items = {int(numbers(item.get('SegmentNumber'))[0]): item
                 for item in frame.dataset.SegmentSequence if numbers(item.get('SegmentNumber'))}  # fmt: skip
        for number, item in sorted(items.items()):
            label = str(item.get('SegmentLabel') or item.get('SegmentDescription') or '').strip()
            keys.append((uid, number))
            labels.append(label or f'segment {number}')
    for frame in frames:
        if not is_label_map(frame) and _key(frame) not in keys:
            raise CorruptFileError(
                f'{frame.name}: frame {frame.index} is of segment {_key(frame)[1]}, which is not described'
            )
    seen: dict[str, int] = {}
    for i, label in enumerate(labels):
        seen[label] = seen.get(label, 0) + 1
        labels[i] = label if seen[label] == 1 else f'{label} ({seen[label]})'
    return keys, labels


def empty_slices(gaps: np.ndarray[Any, Any], first: Frame, tolerance: float = 0.01) -> dict[int, int]:
    """Return how many slices of a segmentation are empty after which slice.

    Parameters
    ----------
    gaps : (slices - 1,) ndarray
        Distances of the slices that there are, mm.
    first : Frame
        Whose Spacing Between Slices is the distance of slices in the whole, where the gaps are
        multiples of it; else that is the smallest gap.
    """
    if not gaps.size:
        return {}
    told = [abs(v) for v in numbers(first.dataset.get('SpacingBetweenSlices'))]
    for step in (*told, float(np.min(gaps))):
        if not 0 < step <= float(np.min(gaps)) * (1 + tolerance):
            continue
        times = np.rint(gaps / step)
        if times.sum() < MOST_SLICES and np.all(np.abs(gaps - times * step) <= tolerance * step * times):
            return {int(i): int(n) - 1 for i, n in enumerate(times) if n > 1}
    return {}


def cells_without_place(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Return the slices of a segmentation of images without a place: the n-th frames of each segment.

    Raises
    ------
    CannotSort
        When segments have different numbers of frames.
    """
    first = frames[0]
    if is_label_map(first):
        return [[frame] for frame in frames]
    of_segment: dict[tuple[str, int], list[Frame]] = {}
    for frame in frames:
        of_segment.setdefault(_key(frame), []).append(frame)
    if len({len(found) for found in of_segment.values()}) > 1:
        raise CannotSort(
            f'{first.name}: its frames have no place, and its segments have different numbers of them: '
            'which belong together is not known'
        )
    return [list(cell) for cell in zip(*of_segment.values(), strict=True)]
