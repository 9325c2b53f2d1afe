"""What `auto` sorts on: criteria that divide the images of every slice evenly and completely."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .columns import common_keys
from .criteria import Criterion, criterion, order_names
from .frames import Frame

__all__ = ['RANKED', 'Cells', 'choose', 'distinct', 'divided', 'hashable', 'mixes_kinds']

Cells = Sequence[Sequence[Frame]]
"""Frames of each slice."""

RANKED = (
    'time', 'contenttime', 'frametime', 'timeoffset', 'triggertime', 'b', 'bvector', 'dti', 'rsi',
    'InstanceNumber',
)  # fmt: skip
"""Criteria whose values may differ from slice to slice, or repeat."""

_AUTO_SETS = (
    'component', 'te', 'fa', 'ti', 'label', 'energywindow', 'detector', 'rrinterval', 'timeslot', 'phase',
    'rotation', 'angularview', 'timeslice',
)  # fmt: skip
"""Criteria tried for `auto` whose values are common to all slices."""

_AUTO_RANKED = (
    'time', 'frametime', 'timeoffset', 'triggertime', 'contenttime', 'phasenumber', 'cardiacphase',
    'temporalposition', 'framereferencetime',
)  # fmt: skip
"""Criteria tried for `auto`, in this order, for what the sets leave together."""

_AUTO_MORE_SETS = ('echo', 'temporalposition', 'phasenumber', 'cardiacphase', 'acquisition')
"""Sets tried after them: of a product of two criteria, neither tells all images apart."""

_KIND = 'ImageType'

_AUTO_LAST = ('acquisition', 'InstanceNumber')
"""Criteria of the last resort: the order in which images were made."""


def choose(cells: Cells, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the criteria that tell the images of each slice apart, slowest first."""
    count = max(len(cell) for cell in cells)
    if count == 1:
        return ()
    full = [cell for cell in cells if len(cell) == count]
    preferred = _preferred(options)
    sets: list[str] = []
    for name in _AUTO_SETS if preferred is None else [p for p in preferred if p not in RANKED]:
        if _is_product(full, [*sets, name], options):
            sets.append(name)
    groups = divided(full, sets, options)
    rest = max(len(group) for group in groups)
    if rest == 1:
        return tuple(sets)
    if preferred is None or 'b' in preferred:
        found = [criterion('b', options)(f.dataset) for f in full[0]]
        if len(set(found)) > 1:
            return ('b', *sets)
    ranked = list(_AUTO_RANKED) if preferred is None else [p for p in preferred if p in RANKED]
    rank = _first_ranked(ranked, groups, options)
    if rank is None and preferred is None:
        for name in _AUTO_MORE_SETS:
            if not _is_product(full, [*sets, name], options):
                continue
            groups = divided(full, [*sets, name], options)
            if max(len(group) for group in groups) == 1:
                return (name, *sets)
            rank = _first_ranked(ranked, groups, options)
            if rank is not None:
                return (rank, name, *sets)
    if rank is None and preferred is None:
        rank = _first_ranked(_AUTO_LAST, divided(full, sets, options), options)
    rank = rank or 'InstanceNumber'
    if preferred is None and mixes_kinds(full, (rank, *sets), options):
        return _with_kinds(full, rank, sets, options)
    return (rank, *sets)


def _with_kinds(
    cells: Cells, rank: str, sets: Sequence[str], options: Mapping[str, Any]
) -> tuple[str, ...]:
    """Return criteria with the kind of image among them, where a rank alone would mix kinds."""
    names = [*sets, _KIND]
    if not _is_product(cells, names, options):
        return (rank, *sets)
    groups = divided(cells, names, options)
    if max(len(group) for group in groups) == 1:
        return tuple(names)
    return (_first_ranked((rank, *_AUTO_RANKED, *_AUTO_LAST), groups, options) or rank, *names)


def mixes_kinds(cells: Cells, names: Sequence[str], options: Mapping[str, Any]) -> bool:
    """Return whether the first of some criteria puts images of several kinds into one volume.

    Every slice has the same kinds of image (Image Type: water and fat, say), and in the order of
    the criterion they follow each other in one way at some slices, in another at others.
    """
    kind = criterion(_KIND, options)
    kinds = [Counter(hashable(kind(f.dataset)) for f in cell) for cell in cells]
    if len(kinds[0]) < 2 or any(found != kinds[0] for found in kinds):
        return False
    rank, keys = criterion(names[0], options), [_keys(cells, name, options) for name in names[1:]]
    orders: dict[Any, set[Any]] = {}
    for cell in cells:
        groups: dict[Any, list[Frame]] = {}
        for frame in cell:
            groups.setdefault(tuple(found[id(frame)] for found in keys), []).append(frame)
        for at, group in groups.items():
            values = [hashable(rank(f.dataset)) for f in group]
            if not distinct(values):
                return False
            ranked = sorted(range(len(group)), key=values.__getitem__)
            orders.setdefault(at, set()).add(tuple(hashable(kind(group[i].dataset)) for i in ranked))
    return any(len(found) > 1 for found in orders.values())


def _first_ranked(
    names: Sequence[str], groups: Sequence[Sequence[Frame]], options: Mapping[str, Any]
) -> str | None:
    """Return the first criterion that tells all images of each group apart, None without."""
    for name in names:
        get = criterion(name, options)
        if not all(distinct([hashable(get(f.dataset)) for f in group]) for group in groups):
            continue
        if name == 'contenttime' and _contradicts(get, groups, options):
            continue
        return name
    return None


def _contradicts(
    clock: Criterion, groups: Sequence[Sequence[Frame]], options: Mapping[str, Any]
) -> bool:
    """Return whether images are numbered in time in another order than a clock has.

    Content may be made in any order, long after the images were acquired.
    """
    position = criterion('temporalposition', options)
    for group in groups:
        numbered = [hashable(position(f.dataset)) for f in group]
        if not distinct(numbered):
            return False
        ranked = sorted(range(len(group)), key=numbered.__getitem__)
        times = [clock(group[i].dataset) for i in ranked]
        if times != sorted(times):
            return True
    return False


def _preferred(options: Mapping[str, Any]) -> Sequence[str] | None:
    """Return the criteria of the option `auto_sort`, None without."""
    given = options.get('auto_sort')
    return order_names(given) if isinstance(given, str) else given


def distinct(values: Sequence[Any]) -> bool:
    """Return whether all values are there, and different."""
    return None not in values and len(set(values)) == len(values)


def divided(cells: Cells, names: Sequence[str], options: Mapping[str, Any]) -> list[list[Frame]]:
    """Return frames grouped by slice and by the values of criteria."""
    keys = [_keys(cells, name, options) for name in names]
    groups: dict[Any, list[Frame]] = {}
    for s, cell in enumerate(cells):
        for frame in cell:
            groups.setdefault((s, *(found[id(frame)] for found in keys)), []).append(frame)
    return list(groups.values())


def _keys(cells: Cells, name: str, options: Mapping[str, Any]) -> Mapping[int, Any]:
    """Return the value of a criterion for each frame (by id), rounding evened out."""
    get = criterion(name, options)
    values = {id(f): hashable(get(f.dataset)) for cell in cells for f in cell}
    return values if name in RANKED else common_keys(values, cells)


def _is_product(cells: Cells, names: Sequence[str], options: Mapping[str, Any]) -> bool:
    """Return whether the newest criterion divides every slice evenly, together with the others."""
    get = criterion(names[-1], options)
    if len({hashable(get(f.dataset)) for f in cells[0]}) < 2:
        return False  # as most do: the other slices need not be asked
    product = 1
    for name in names:
        keys = _keys(cells, name, options)
        sets = [{keys[id(f)] for f in cell} for cell in cells]
        if len(sets[0]) < 2 or None in sets[0] or any(found != sets[0] for found in sets):
            return False
        product *= len(sets[0])
    groups = divided(cells, names, options)
    return len({len(group) for group in groups}) == 1 and len(groups) == len(cells) * product


def hashable(value: Any) -> Any:
    """Return a value that can be a key: arrays and lists as tuples."""
    if isinstance(value, np.ndarray):
        return tuple(value.tolist())
    return tuple(value) if isinstance(value, list) else value
