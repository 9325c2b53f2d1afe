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
    MissingImageError,
    OrderNotFoundError,
)
from .automatic import RANKED, Cells, choose, distinct, divided, hashable
from .columns import are_common, clustered, line_up, look_up, sort_key
from .criteria import CRITERIA, criterion, order_names
from .frames import Frame

__all__ = ['Grid', 'missing_policy', 'sort_images']

_REPEATING = ('b', 'bvector', 'dti')
"""Criteria of which several images of a slice may have one value: directions of one b value."""


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
    _no_copies(cells)
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
        _only_one_each(cells)
    values = {name: _values(name, cells, options) for name in names}
    _tell_apart(names, values, cells, options)
    places = _places(names, values, cells, options, automatic=automatic)
    grid = _fill(names, values, cells, places, options)
    grid.notes.insert(0, note)
    return grid


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


_NO_DIFFUSION: Mapping[str, Any] = {'b': 0.0, 'bvector': (), 'dti': (0.0, ())}


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
        raise OrderNotFoundError(
            f'the series has no {_described(name, options)} to sort on (order {name!r}), as '
            f'{missing[0].name} shows: {_differing(cells, options)}'
        )
    if missing and name in _NO_DIFFUSION:
        # A header without b value among some with is that of b = 0 (GE, Canon).
        values.update({id(f): _NO_DIFFUSION[name] for f in missing})
    elif missing:
        raise OrderNotFoundError(
            f'{missing[0].name} has no {_described(name, options)} (order {name!r}), and '
            f'{len(values) - len(missing)} other images have it'
        )
    return values


def _described(name: str, options: Mapping[str, Any]) -> str:
    names = {
        'time': 'acquisition time', 'contenttime': 'Content Time', 'triggertime': 'Trigger Time',
        'b': 'b value', 'bvector': 'gradient direction', 'dti': 'b value', 'te': 'Echo Time',
        'fa': 'Flip Angle', 'ti': 'Inversion Time', 'component': 'image component', 'label': 'ASL label',
        'phasenumber': 'cardiac phase number', 'cardiacphase': 'cardiac phase', 'echo': 'Echo Number',
        'temporalposition': 'Temporal Position', 'framereferencetime': 'Frame Reference Time',
        'stack': 'Stack ID', 'acquisition': 'Acquisition Number',
    }  # fmt: skip
    own = options.get(name)
    return str(own) if isinstance(own, str) else names.get(name, name)


def _differing(cells: Cells, options: Mapping[str, Any]) -> str:
    """Return in words what the images of one slice differ in."""
    most = max(cells, key=len)
    if len(most) == 1:
        return "it has one image at each slice; use input_order='none'"
    found = []
    for name in (*CRITERIA, 'InstanceNumber'):
        get = criterion(name, options)
        count = len({hashable(get(f.dataset)) for f in most})
        if count > 1 and name not in ('bvector', 'dti'):
            found.append(f'{name} ({count})')
    return f'the {len(most)} images of a slice differ in {", ".join(found) or "nothing that is known"}'


def _tell_apart(
    names: Sequence[str], values: Mapping[str, dict[int, Any]], cells: Cells, options: Mapping[str, Any]
) -> None:
    """Raise when the criteria have one value at each slice, and each slice has several images."""
    if not names or options.get('accept_duplicate_tag') or any(len(cell) < 2 for cell in cells):
        return
    if all(len({values[n][id(f)] for f in cell}) == 1 for cell in cells for n in names):
        one, other = cells[0][:2]
        raise OrderNotFoundError(
            f'{" and ".join(_described(n, options) for n in names)} is the same for all images of a slice '
            f'({one.name} and {other.name}), and cannot sort them (order {",".join(names)!r}): '
            f'{_differing(cells, options)}'
        )


# --- places ----------------------------------------------------------------------------------


def _places(
    names: Sequence[str],
    values: Mapping[str, dict[int, Any]],
    cells: Cells,
    options: Mapping[str, Any],
    *,
    automatic: bool,
) -> dict[int, tuple[int, ...]]:
    """Return the index along each tag axis of each frame (by id).

    One criterion may have values that repeat, or are of each slice; the others have values that
    are common to the slices.
    """
    special = next((n for n in names if n in _REPEATING or not _is_common(n, values[n], cells)), None)
    keys = {n: _common_keys(values[n], cells) for n in names if n != special}
    sets = {n: sorted(set(found.values()), key=sort_key) for n, found in keys.items()}
    groups: dict[tuple[int, ...], dict[int, list[Frame]]] = {}
    for s, cell in enumerate(cells):
        for frame in cell:
            at = tuple(sets[n].index(keys[n][id(frame)]) for n in sets)
            groups.setdefault(at, {}).setdefault(s, []).append(frame)
    places: dict[int, tuple[int, ...]] = {}
    for at, by_slice in groups.items():
        of_slices = list(by_slice.values())
        columns = _columns(special, names, values, of_slices, options, automatic=automatic)
        index = dict(zip(sets, at, strict=True))
        for group in of_slices:
            for frame in group:
                column = columns[id(frame)]
                place = [column if n == special else index[n] for n in names]
                if special is None and names:
                    place[-1] = place[-1] * len(group) + column
                places[id(frame)] = tuple(place)
    return places


def _columns(
    special: str | None,
    names: Sequence[str],
    values: Mapping[str, dict[int, Any]],
    cells: Cells,
    options: Mapping[str, Any],
    *,
    automatic: bool,
) -> dict[int, int]:
    """Return the column of each frame along the one criterion that is not looked up alone."""
    if special is None or special not in _REPEATING:
        for group in cells:
            if len(group) > 1:
                _duplicates(names if special is None else [special], values, group, options)
        if special is not None:
            return line_up(special, cells, values[special])
        ordered = [sorted(g, key=lambda f: (f.instance_number, f.name)) for g in cells]
        return {id(f): i for g in ordered for i, f in enumerate(g)}
    directed = _with_directions(special, values[special], cells, options)
    b_of = {key: key[0] for key in directed.values()}
    repeats = any(len({values[special][id(f)] for f in g}) < len(g) for g in cells)
    if special == 'bvector' or (automatic and repeats):
        return look_up(cells, directed, None)
    return look_up(cells, directed, {key: sort_key(b) for key, b in b_of.items()})


def _with_directions(
    name: str, values: Mapping[int, Any], cells: Cells, options: Mapping[str, Any]
) -> dict[int, tuple[Any, ...]]:
    """Return (b value, gradient direction) of each frame, without the direction where slices differ in it."""
    get = criterion('bvector', {} if name == 'b' else options)
    b_values = {i: (v[0] if name == 'dti' else 0.0 if name == 'bvector' else v) for i, v in values.items()}
    found: dict[int, tuple[Any, ...]] = {}
    for cell in cells:
        for frame in cell:
            own = values[id(frame)]
            vector = own[1] if name == 'dti' else own if name == 'bvector' else get(frame.dataset)
            rounded = tuple(round(float(v), 3) + 0.0 for v in (vector if vector is not None else ()))
            found[id(frame)] = (b_values[id(frame)], rounded)
    wanted: Counter[Any] = Counter()
    for cell in cells:
        wanted |= Counter(found[id(f)] for f in cell)
    if sum(wanted.values()) > max(len(cell) for cell in cells) and not are_common(
        [[found[id(f)] for f in cell] for cell in cells]
    ):
        return {i: (b_values[i],) for i in found}
    return found


def _is_common(name: str, values: Mapping[int, Any], cells: Cells) -> bool:
    """Return whether a criterion has values that are common to the slices."""
    if name == 'InstanceNumber' and len(cells) > 1:
        return False
    if are_common([[values[id(f)] for f in cell] for cell in cells]):
        return True
    if name in RANKED:
        return False
    alike = clustered(values)
    if are_common([[alike[id(f)] for f in cell] for cell in cells]):
        return True
    return len({len({values[id(f)] for f in cell}) for cell in cells}) > 1


def _common_keys(values: dict[int, Any], cells: Cells) -> dict[int, Any]:
    """Return the values of a criterion, those that differ by rounding alone made equal."""
    sets = [{values[id(f)] for f in cell} for cell in cells]
    return values if all(s == sets[0] for s in sets) else clustered(values)


def _duplicates(
    names: Sequence[str],
    values: Mapping[str, dict[int, Any]],
    group: Sequence[Frame],
    options: Mapping[str, Any],
) -> None:
    """Raise for images of one slice that have equal values of all criteria, unless accepted."""
    if options.get('accept_duplicate_tag') and names:
        return
    seen: dict[Any, Frame] = {}
    for frame in group:
        key = tuple(values[n][id(frame)] for n in names)
        if key in seen:
            other = seen[key]
            same = ', '.join(f'{n} {values[n][id(frame)]}' for n in names)
            raise DuplicateImageError(
                f'{other.name} and {frame.name} have the same place and {same or "no criterion"}: '
                f'{_differing([group], options)}; add one of them to input_order, leave one file out, '
                'or accept them one after the other with accept_duplicate_tag=True'
            )
        seen[key] = frame


def _no_copies(cells: Cells) -> None:
    """Raise when one image is there twice."""
    for cell in cells:
        seen: dict[tuple[Any, ...], Frame] = {}
        for frame in cell:
            other = seen.setdefault(frame.key, frame)
            if other is not frame:
                raise DuplicateImageError(
                    f'{other.name} and {frame.name} are the same image (SOP Instance UID {frame.key[0]}): '
                    'leave one of them out'
                )


def _only_one_each(cells: Cells) -> None:
    """Raise when order 'none' meets more than one image at a slice."""
    for number, cell in enumerate(cells):
        if len(cell) > 1:
            usual = Counter(len(c) for c in cells).most_common(1)[0][0]
            if usual == 1:
                raise DuplicateImageError(
                    f'slice {number} has {len(cell)} images and the others have one: '
                    f'{cell[0].name} and {cell[1].name} are at the same place; leave one of them out'
                )
            raise DuplicateImageError(
                f"there are {len(cell)} images at each slice, and order 'none' allows one, "
                f'such as {cell[0].name} and {cell[1].name}: {_differing([cell], {})}'
            )


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
        raise _uneven(told, cells)
    if policy == 'fill':
        notes.append(f'{told}: filled')
        return frames, tags
    gone = _least_loss(np.array([f is not None for f in frames.flat]).reshape(frames.shape))
    if gone is None:
        raise _uneven(told, cells)
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
            parts.append(f'{name} {known[0] if known else int(index[at])}')
        told.append(f'{", ".join(parts)} at slice {s} ({cells[s][0].location:.2f} mm)')
    more = f' and {len(missing) - 3} more' if len(missing) > 3 else ''
    count = '1 image is' if len(missing) == 1 else f'{len(missing)} images are'
    return f'{count} missing: {"; ".join(told)}{more}'


def _uneven(told: str, cells: Cells) -> MissingImageError | DuplicateImageError:
    """Return the error for slices with different numbers of images."""
    counts = Counter(len(cell) for cell in cells)
    usual = counts.most_common(1)[0][0]
    if usual == 1:
        cell = next(cell for cell in cells if len(cell) > 1)
        return DuplicateImageError(
            f'{cell[0].name} and {cell[1].name} are at the same place, '
            f'{cell[0].location:.2f} mm along the normal, where other slices have one image: '
            'leave one of them out'
        )
    return MissingImageError(
        f"{told}; find the files, or read with missing='fill' (empty images) or missing='drop' "
        '(without the incomplete ones)'
    )
