"""From a stack of frames to a grid: which image stands at which (tag..., slice).

Slices are places along the slice normal. The images of one place are told apart by one or more
criteria: either each has a set of values common to all slices (echo time), or its values are
ranked at each slice (acquisition time, which differs from slice to slice).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import (
    CannotSort,
    DuplicateImageError,
    ImagedataWarning,
    MissingImageError,
    OrderNotFoundError,
)
from ...notices import warn_user
from .automatic import Cells, choose, distinct, divided, hashable, mixes_kinds
from .criteria import CRITERIA, criterion, order_names
from .duplicates import described, differing, no_copies, only_one_each, shown, tell_apart
from .indices import places as places_of

__all__ = ['Grid', 'missing_policy', 'sort_images']


@dataclass(frozen=True, slots=True)
class Grid:
    """Sorted images.

    Parameters
    ----------
    names : tuple of str
        Criteria with more than one value: the tag axes, slowest first.
    frames : ndarray of object
        Frame of each (tag..., slice), None for a hole.
    tags : dict of str to ndarray of object
        Value of each criterion for each (tag..., slice), also of criteria with one value.
    notes : list of str
        What was found and decided.
    """

    names: tuple[str, ...]
    frames: np.ndarray[Any, Any]
    tags: dict[str, np.ndarray[Any, Any]]
    notes: list[str]


def sort_images(cells: Cells, order: str, options: Mapping[str, Any]) -> Grid:
    """Return the images of each slice sorted on the criteria of `order`.

    Parameters
    ----------
    cells : frames of each slice
    order : str
        'auto', 'none', or names of criteria separated by commas, slowest first.
    options : mapping
        `accept_duplicate_tag`: images of equal values follow each other by Instance Number.
        `missing`: 'error', 'fill' (holes) or 'drop' (incomplete tags or slices, whichever
        loses fewer images).
        `auto_sort`: criteria that 'auto' may choose, in their order.

    Raises
    ------
    OrderNotFoundError, DuplicateImageError, MissingImageError
    """
    no_copies(cells)
    automatic = order == 'auto'
    if automatic:
        names = choose(cells, options)
    else:
        names = () if order in ('none', '') else order_names(order)
    if len(set(names)) != len(names):
        raise OrderNotFoundError(f'order {order!r} names a criterion twice')
    names, options, clock = _with_clock(names, cells, options)
    note = (
        f'sorted on {", ".join(names) or "slice position alone"}{clock}, '
        f'{"chosen automatically" if automatic else "as asked"}'
    )
    if not names:
        only_one_each(cells)
    elif mixes_kinds(cells, names, options):
        warn_user(
            f'in the order of {names[0]}, images of several kinds (Image Type) are in one volume: '
            "name 'ImageType' among the orders to have each kind by itself",
            ImagedataWarning,
        )
    values = {name: _values(name, cells, options) for name in names}
    tell_apart(names, values, cells, options)
    places = places_of(names, values, cells, options, automatic=automatic)
    grid = _fill(names, values, cells, places, options)
    grid.notes[:0] = [note, *_not_one_axis(grid)]
    return grid


def _not_one_axis(grid: Grid) -> list[str]:
    """Return the report of axes that stand for values of more than one slice, or other criterion."""
    notes = []
    for at, name in enumerate(grid.names):
        if name == 'InstanceNumber':
            continue
        rows = np.moveaxis(grid.tags[name], at, 0).reshape(grid.frames.shape[at], -1)
        if any(len({value for value in row if value is not None}) > 1 for row in rows):
            notes.append(f'{name}: the images of an index differ; the axis has the first of them, tags all')
    return notes


def missing_policy(options: Mapping[str, Any]) -> str:
    """Return what is done where images are missing: 'error', 'fill' or 'drop'.

    The option `accept_uneven_slices` is 'fill', where `missing` does not say otherwise.

    Raises
    ------
    CannotSort
        When `missing` is none of them.
    """
    policy = str(options.get('missing') or ('fill' if options.get('accept_uneven_slices') else 'error'))
    if policy not in ('error', 'fill', 'drop'):
        raise CannotSort(f"missing={policy!r} is none of 'error', 'fill' and 'drop'")
    return policy


# --- clocks ---------------------------------------------------------------------------------


_CLOCKS = {
    'time': 'acquisition time', 'frametime': 'Frame Time', 'contenttime': 'Content Time',
    'timeoffset': 'Temporal Position Time Offset', 'triggertime': 'Trigger Time',
}  # fmt: skip


def _with_clock(
    names: tuple[str, ...], cells: Cells, options: Mapping[str, Any]
) -> tuple[tuple[str, ...], Mapping[str, Any], str]:
    """Return names and options with the clock that tells the images of a slice apart as 'time'.

    Acquisition Time does that in most series. Some have only the time of their content, or of
    a trigger (GE): these are times as well, and the report says which one it is.
    """
    for clock in ('contenttime', 'frametime', 'timeoffset'):
        if clock in names:
            names = tuple('time' if n == clock else n for n in names)
            return names, {**options, 'time': CRITERIA[clock]}, f' ({_CLOCKS[clock]})'
    if 'time' not in names or 'time' in options:
        return names, options, ''
    others = [n for n in names if n != 'time']
    groups = divided([max(cells, key=len)], others, options)
    for clock in _CLOCKS:
        get = CRITERIA[clock]
        if all(distinct([get(f.dataset) for f in group]) for group in groups):
            if clock == 'time':
                break
            return names, {**options, 'time': get}, f' ({_CLOCKS[clock]})'
    return names, options, ''


# --- values ----------------------------------------------------------------------------------


_NO_DIFFUSION: Mapping[str, Any] = {'b': 0.0, 'bvector': (), 'dti': (0.0, ()), 'rsi': (0.0, ())}


def _values(name: str, cells: Cells, options: Mapping[str, Any]) -> dict[int, Any]:
    """Return the value of a criterion for each frame (by id).

    Raises
    ------
    OrderNotFoundError
        When the images do not have it.
    """
    get = criterion(name, options)
    values = {id(f): hashable(get(f.dataset)) for cell in cells for f in cell}
    missing = [f for cell in cells for f in cell if values[id(f)] is None]
    if len(missing) == len(values):
        other = ' (rsi=<DICOM keyword, tag or function of a dataset> says what else it is)'
        raise OrderNotFoundError(
            f'the series has no {described(name, options)} to sort on (order {name!r}), as '
            f'{missing[0].name} shows: {differing(cells, options)}{other if name == "rsi" else ""}'
        )
    if missing and name in _NO_DIFFUSION:
        # A header without b value among some with is that of b = 0 (GE, Canon).
        values.update({id(f): _NO_DIFFUSION[name] for f in missing})
    elif missing:
        raise OrderNotFoundError(
            f'{missing[0].name} has no {described(name, options)} (order {name!r}), and '
            f'{len(values) - len(missing)} other images have it'
        )
    return values


# --- the grid ----------------------------------------------------------------------------------


def _fill(
    names: tuple[str, ...],
    values: Mapping[str, dict[int, Any]],
    cells: Cells,
    places: Mapping[int, tuple[int, ...]],
    options: Mapping[str, Any],
) -> Grid:
    """Put the frames on the grid, and see that it is full."""
    shape = tuple(max(p[i] for p in places.values()) + 1 for i in range(len(names)))
    frames = np.full((*shape, len(cells)), None, dtype=object)
    tags = {name: np.full(frames.shape, None, dtype=object) for name in names}
    for s, cell in enumerate(cells):
        for frame in cell:
            index = (*places[id(frame)], s)
            frames[index] = frame
            for name in names:
                tags[name][index] = values[name][id(frame)]
    notes: list[str] = []
    missing = np.argwhere(np.array([f is None for f in frames.flat]).reshape(frames.shape))
    if len(missing):
        frames, tags = _incomplete(names, frames, tags, missing, cells, options, notes)
    kept = tuple(n for n, size in zip(names, frames.shape, strict=False) if size > 1)
    single = [i for i, n in enumerate(names) if n not in kept]
    return Grid(
        kept,
        np.squeeze(frames, axis=tuple(single)),
        {n: np.squeeze(v, axis=tuple(single)) for n, v in tags.items()},
        notes,
    )


def _incomplete(
    names: tuple[str, ...],
    frames: np.ndarray[Any, Any],
    tags: dict[str, np.ndarray[Any, Any]],
    missing: np.ndarray[Any, Any],
    cells: Cells,
    options: Mapping[str, Any],
    notes: list[str],
) -> tuple[np.ndarray[Any, Any], dict[str, np.ndarray[Any, Any]]]:
    """Follow the policy for a grid with holes."""
    policy = missing_policy(options)
    told = _told_missing(names, tags, missing, cells)
    if policy == 'error':
        raise _uneven(told, names, cells)
    if policy == 'fill':
        notes.append(f'{told}: filled')
        return frames, tags
    gone = _least_loss(np.array([f is not None for f in frames.flat]).reshape(frames.shape))
    if gone is None:
        raise _uneven(told, names, cells)
    for axis, indices in enumerate(gone):
        frames = np.delete(frames, indices, axis)
        tags = {n: np.delete(v, indices, axis) for n, v in tags.items()}
    left = [
        f'{name} {", ".join(map(str, indices))}'
        for name, indices in zip((*names, 'slice'), gone, strict=True)
        if indices
    ]
    lost = sum(map(len, cells)) - frames.size
    notes.append(f'{told}: {" and ".join(left)} left out, with {lost} images that there are')
    return frames, tags


def _least_loss(present: np.ndarray[Any, Any]) -> list[list[int]] | None:
    """Return the indices to leave out along each dimension so that no hole is left.

    All incomplete ones along one dimension, or step by step the one that fills most holes for
    the images that it loses: whichever keeps more images. None when nothing would be left.

    Examples
    --------
    >>> present = np.ones((5, 3), bool)
    >>> present[1, 0] = False
    >>> _least_loss(present)
    [[1], []]
    >>> present[2:4, 0] = False
    >>> _least_loss(present)
    [[], [0]]
    """
    choices = []
    for axis in range(present.ndim):
        others = tuple(a for a in range(present.ndim) if a != axis)
        gone: list[list[int]] = [[] for _ in range(present.ndim)]
        gone[axis] = np.flatnonzero(~present.all(axis=others)).tolist()
        choices.append(gone)
    choices.append(_stepwise(present))
    kept = [
        int(np.prod([n - len(g) for n, g in zip(present.shape, gone, strict=True)])) for gone in choices
    ]
    best = int(np.argmax(kept))
    return choices[best] if kept[best] else None


def _stepwise(present: np.ndarray[Any, Any]) -> list[list[int]]:
    """Return what to leave out, one index after the other, along any dimension."""
    gone: list[list[int]] = [[] for _ in range(present.ndim)]
    left = np.ones(present.shape, bool)
    while (left & ~present).any():
        scores = []
        for axis in range(present.ndim):
            others = tuple(a for a in range(present.ndim) if a != axis)
            holes = (left & ~present).sum(axis=others)
            images = (left & present).sum(axis=others)
            i = int(np.argmax(holes / (images + 1)))
            scores.append((holes[i] / (images[i] + 1), -axis, i))
        _, axis, i = max(scores)
        gone[-axis].append(i)
        left[(slice(None),) * -axis + (i,)] = False
    return [sorted(indices) for indices in gone]


def _told_missing(
    names: Sequence[str],
    tags: Mapping[str, np.ndarray[Any, Any]],
    missing: np.ndarray[Any, Any],
    cells: Cells,
) -> str:
    """Return in words which images are missing."""
    told = []
    for index in missing[:3]:
        s = int(index[-1])
        parts = []
        for at, name in enumerate(names):
            same = np.take(tags[name], int(index[at]), axis=at)
            known = [v for v in same.flat if v is not None]
            parts.append(f'{name} {shown(known[0]) if known else int(index[at])}')
        told.append(f'{", ".join(parts)} at slice {s} ({cells[s][0].location:.2f} mm)')
    more = f' and {len(missing) - 3} more' if len(missing) > 3 else ''
    count = '1 image is' if len(missing) == 1 else f'{len(missing)} images are'
    if _is_full(names, cells):
        return f'{count} missing: {"; ".join(told)}{more}'
    sizes = next(iter(tags.values())).shape
    grid = ' x '.join(f'{name} ({size})' for name, size in zip(names, sizes, strict=False))
    return (
        f'the {len(cells[0])} images of each slice do not fill the grid of {grid}, {count} missing: '
        f'{"; ".join(told)}{more}'
    )


def _is_full(names: Sequence[str], cells: Cells) -> bool:
    """Return whether criteria may fit: one always does, several not where all slices lack images."""
    return len(names) < 2 or len({len(cell) for cell in cells}) > 1


def _uneven(told: str, names: Sequence[str], cells: Cells) -> MissingImageError | DuplicateImageError:
    """Return the error for slices with different numbers of images."""
    counts = Counter(len(cell) for cell in cells)
    usual = counts.most_common(1)[0][0]
    if usual == 1:
        cell = next(cell for cell in cells if len(cell) > 1)
        return DuplicateImageError(
            f'{cell[0].name} and {cell[1].name} are at the same place, '
            f'{cell[0].location:.2f} mm along the normal, where other slices have one image: '
            "leave one of them out, or read with missing='drop' (one of them)"
        )
    if not _is_full(names, cells):
        pair = {'b', 'bvector'} <= set(names)
        remedy = " (order 'dti' has b values and directions on one axis)" if pair else ''
        return MissingImageError(
            f"{told}; leave a criterion out of input_order{remedy}, or read with missing='fill' (empty "
            'images)'
        )
    return MissingImageError(
        f"{told}; find the files, or read with missing='fill' (empty images) or missing='drop' "
        '(without the incomplete ones)'
    )
