"""Which image of one slice belongs with which image of the others.

A criterion either has values that are common to the slices (b values, cardiac phases), and images
are looked up by them; or its values differ from slice to slice (acquisition times), and the images
of each slice are lined up with those of a complete one. Where an image is missing, its own place
stays empty: those behind it do not move up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ImagedataWarning
from ...notices import warn_user
from .frames import Frame

__all__ = ['are_common', 'clustered', 'common_keys', 'line_up', 'look_up', 'sort_key']

_DAY = 86400.0


def sort_key(value: Any) -> tuple[Any, ...]:
    """Return a key that sorts values of any kind: numbers, then tuples, then texts."""
    if isinstance(value, (int, float)):
        return (0, value, '')
    if isinstance(value, tuple):
        return (1, *(sort_key(v) for v in value))
    return (2, 0, str(value))


def are_common(cells: Sequence[Sequence[Any]]) -> bool:
    """Return whether values are those of all slices, some of which may miss a few.

    Parameters
    ----------
    cells : values of each slice
        Times of a slice are its own, or those of the few slices excited with it; other values
        are found at most slices.
    """
    slices = Counter(value for cell in cells for value in set(cell))
    return sum(slices.values()) > 0.5 * len(slices) * len(cells)


def clustered(values: Mapping[int, Any]) -> dict[int, Any]:
    """Return values with those that differ by rounding alone made equal: 0.1 % and 0.01."""
    same: dict[Any, Any] = {}
    start = -np.inf
    for number in sorted({v for v in values.values() if isinstance(v, (int, float))}):
        if number - start > 0.01 + 1e-3 * abs(number):
            start = number
        same[number] = start
    return {key: same.get(value, value) for key, value in values.items()}


def common_keys(values: Mapping[int, Any], cells: Sequence[Sequence[Frame]]) -> Mapping[int, Any]:
    """Return values that all slices share, those that differ by rounding alone made equal.

    Where they divide every slice evenly as they are, they are told apart however close they lie.
    """
    counts = [Counter(values[id(f)] for f in cell) for cell in cells]
    even = all(set(count) == set(counts[0]) and len(set(count.values())) == 1 for count in counts)
    return values if even else clustered(values)


def look_up(
    cells: Sequence[Sequence[Frame]], keys: Mapping[int, Any], ranks: Mapping[Any, Any] | None
) -> dict[int, int]:
    """Return the column of each frame (by id), found by its value.

    Parameters
    ----------
    cells : frames of each slice
    keys : mapping of id to value
        Values may repeat: such images follow each other by Instance Number.
    ranks : mapping of value to sort key, or None
        In whose order the columns stand; None: as they were acquired at the fullest slice.
    """
    wanted: Counter[Any] = Counter()
    for cell in cells:
        wanted |= Counter(keys[id(f)] for f in cell)
    most = max(range(len(cells)), key=lambda s: len(cells[s]))
    fullest = sorted(cells[most], key=lambda f: (f.instance_number, f.name))
    columns = [keys[id(f)] for f in fullest]
    columns += (wanted - Counter(columns)).elements()
    if ranks is not None:
        columns.sort(key=lambda value: ranks[value])
    places: dict[int, int] = {}
    for cell in cells:
        free: dict[Any, list[int]] = {}
        for i, value in enumerate(columns):
            free.setdefault(value, []).append(i)
        for frame in sorted(cell, key=lambda f: (f.instance_number, f.name)):
            places[id(frame)] = free[keys[id(frame)]].pop(0)
    return places


def line_up(name: str, cells: Sequence[Sequence[Frame]], values: Mapping[int, Any]) -> dict[int, int]:
    """Return the column of each frame (by id), by rank at its slice.

    A slice with fewer images than the others is laid along a complete one, where its own images
    are nearest. Slices that do not run parallel to the complete one are warned of.
    """
    def key(frame: Frame) -> tuple[Any, ...]:
        return (sort_key(values[id(frame)]), frame.instance_number, frame.name)

    ordered = [sorted(cell, key=key) for cell in cells]
    times = [_numbers([values[id(f)] for f in cell]) for cell in ordered]
    complete = max(range(len(cells)), key=lambda s: len(cells[s]))
    reference = times[complete]
    places: dict[int, int] = {}
    apart = 0.0
    for cell, own in zip(ordered, times, strict=True):
        columns = list(range(len(cell)))
        if own is not None and reference is not None and len(cell) < len(reference):
            columns = _nearest(own, reference)
        elif own is not None and reference is not None and len(cell) > 1:
            offset = own - reference
            apart = max(apart, float(offset.max() - offset.min()))
        for frame, column in zip(cell, columns, strict=True):
            places[id(frame)] = column
    if reference is not None and len(reference) > 1 and name != 'InstanceNumber':
        step = float(np.median(np.diff(reference)))
        if step > 0 and apart > 0.75 * step and _jumps(times, reference, step):
            warn_user(
                f'the values of {name} at some slices jump by a whole step where those of others do not: '
                'images may be missing, and are sorted by rank at each slice; see series.tags',
                ImagedataWarning,
            )
    return places


def _numbers(values: Sequence[Any]) -> NDArray[np.float64] | None:
    """Return values as numbers, (day, seconds) as seconds; None where they are none."""
    flat = [v[0] * _DAY + v[1] if isinstance(v, tuple) and len(v) == 2 else v for v in values]
    try:
        return np.asarray(flat, dtype=float)
    except (TypeError, ValueError):
        return None


def _nearest(own: NDArray[np.float64], reference: NDArray[np.float64]) -> list[int]:
    """Return the columns of fewer values than the reference has: those of the best fit.

    The slice may lie behind the reference by an offset of its own; of equally good fits, the
    one with the smallest offset is taken.
    """
    spare = len(reference) - len(own)
    best: tuple[float, float, list[int]] | None = None
    for first in range(spare + 1):
        shift = own[0] - reference[first]
        columns: list[int] = []
        low = 0
        for i, value in enumerate(own - shift):
            high = len(reference) - (len(own) - i) + 1
            low = int(np.argmin(np.abs(reference[low:high] - value))) + low
            columns.append(low)
            low += 1
        misfit = float(np.abs(own - shift - reference[columns]).sum())
        key = (round(misfit, 6), abs(float(shift)), columns)
        best = key if best is None or key < best else best
    assert best is not None
    return best[2]


def _jumps(times: Sequence[NDArray[np.float64] | None], reference: NDArray[np.float64], step: float) -> bool:
    """Return whether a slice leaves the reference by about a whole step at one place."""
    for own in times:
        if own is None or len(own) != len(reference):
            continue
        change = np.abs(np.diff(own - reference)) / step
        if np.any((change > 0.75) & (np.abs(change - np.rint(change)) < 0.2)):
            return True
    return False
