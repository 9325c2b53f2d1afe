"""Which index along each tag axis an image has.

Most criteria have values common to the slices, and are looked up. One of them may have values that
repeat (b values), or that are of each slice or image (acquisition times): its images are laid along
each other by `columns`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import OrderNotFoundError
from .automatic import RANKED, Cells, distinct
from .columns import are_common, clustered, common_keys, line_up, look_up, sort_key
from .criteria import criterion
from .duplicates import duplicates
from .frames import Frame

__all__ = ['places']

_PAIRS = ('dti', 'rsi')
"""Criteria that are a b value and a direction."""

_REPEATING = ('b', *_PAIRS, 'bvector')
"""Criteria of which several images of a slice may have one value: directions of one b value."""


def places(
    names: Sequence[str],
    values: Mapping[str, dict[int, Any]],
    cells: Cells,
    options: Mapping[str, Any],
    *,
    automatic: bool,
) -> dict[int, tuple[int, ...]]:
    """Return the index along each tag axis of each frame (by id).

    One criterion may have values that repeat, or are of each image; the others have values that
    are common to the slices, or as many at each of them.
    """
    special = _special(names, values, cells)
    keys = {n: _keys(n, values[n], cells, special) for n in names if n != special}
    sets = {
        n: {key: i for i, key in enumerate(_in_order(n, found, cells))} for n, found in keys.items()
    }
    groups: dict[tuple[int, ...], dict[int, list[Frame]]] = {}
    for s, cell in enumerate(cells):
        for frame in cell:
            at = tuple([ranks[keys[n][id(frame)]] for n, ranks in sets.items()])
            groups.setdefault(at, {}).setdefault(s, []).append(frame)
    together = _alike(special, values, groups, options)
    places: dict[int, tuple[int, ...]] = {}
    for at, by_slice in groups.items():
        of_slices = list(by_slice.values())
        columns = together or _columns(special, names, values, of_slices, options, automatic=automatic)
        index = dict(zip(sets, at, strict=True))
        for group in of_slices:
            for frame in group:
                column = columns[id(frame)]
                place = [column if n == special else index[n] for n in names]
                if special is None and names:
                    place[-1] = place[-1] * len(group) + column
                places[id(frame)] = tuple(place)
    return places


def _special(names: Sequence[str], values: Mapping[str, dict[int, Any]], cells: Cells) -> str | None:
    """Return the criterion that is not looked up alone, None where all are.

    It is the one whose values differ from slice to slice, the one with most of them; else one whose
    values differ from image to image, so that they cannot be a dimension beside the others; else
    one of diffusion, whose values repeat.
    """
    most = {n: max(len({values[n][id(f)] for f in cell}) for cell in cells) for n in names}
    repeating = [n for n in _REPEATING if n in names and _is_diffusion(n, values[n])]
    own = [n for n in names if n not in repeating and not _is_common(n, values[n], cells)]
    if not own and len(names) > 1:
        ranked = [n for n in names if n in RANKED and n not in repeating]
        own = [n for n in ranked if _of_images(n, names, values, cells)]
    return max(own, key=most.__getitem__) if own else repeating[-1] if repeating else None


def _is_diffusion(name: str, values: Mapping[int, Any]) -> bool:
    """Return whether a criterion has values of diffusion: an option may have given it another meaning."""
    if name == 'b':
        return True
    if name == 'bvector':
        return all(isinstance(value, tuple) for value in values.values())
    pairs = [value for value in values.values() if isinstance(value, tuple) and len(value) == 2]
    return len(pairs) == len(values) and all(isinstance(vector, tuple) for _, vector in pairs)


def _of_images(
    name: str, names: Sequence[str], values: Mapping[str, dict[int, Any]], cells: Cells
) -> bool:
    """Return whether a criterion has other values for each value of the other criteria."""
    keys = {n: _keys(n, values[n], cells, None) for n in names if n != name}
    groups: dict[Any, list[Any]] = {}
    for s, cell in enumerate(cells):
        for frame in cell:
            at = (s, *(found[id(frame)] for found in keys.values()))
            groups.setdefault(at, []).append(values[name][id(frame)])
    return all(distinct(group) for group in groups.values()) and not are_common(list(groups.values()))


def _keys(
    name: str, values: Mapping[int, Any], cells: Cells, special: str | None
) -> Mapping[int, Any]:
    """Return what a criterion is looked up by: its values, or their ranks at each slice.

    Raises
    ------
    OrderNotFoundError
        When the slices have different numbers of values of their own.
    """
    if name in ('bvector', *_PAIRS):
        return {i: _rounded(v) for i, v in values.items()}
    if special is None or name == 'b' or _is_common(name, values, cells):
        return values if name in RANKED else common_keys(values, cells)
    ranks: dict[int, Any] = {}
    counts = set()
    for cell in cells:
        own = sorted({values[id(f)] for f in cell}, key=sort_key)
        ranks.update({id(f): own.index(values[id(f)]) for f in cell})
        counts.add(len(own))
    if len(counts) > 1:
        raise OrderNotFoundError(
            f'{special} and {name} both differ from slice to slice, and slices have {min(counts)} to '
            f'{max(counts)} values of {name}: leave one of them out of input_order'
        )
    return ranks


def _in_order(name: str, keys: Mapping[int, Any], cells: Cells) -> list[Any]:
    """Return the values of a criterion in order; directions as they were acquired."""
    if name != 'bvector':
        return sorted(set(keys.values()), key=sort_key)
    frames = sorted((f for cell in cells for f in cell), key=lambda f: (f.instance_number, f.name))
    return list(dict.fromkeys(keys[id(f)] for f in frames))


def _alike(
    special: str | None,
    values: Mapping[str, dict[int, Any]],
    groups: Mapping[Any, Mapping[int, list[Frame]]],
    options: Mapping[str, Any],
) -> dict[int, int] | None:
    """Return the columns of directions that are the same for all values of the other criteria."""
    if special is None or special != 'bvector' or len(groups) < 2:
        return None
    if not _is_diffusion(special, values[special]):
        return None
    cells = [cell for by_slice in groups.values() for cell in by_slice.values()]
    columns = look_up(cells, _with_directions(special, values[special], cells, options), None)
    return columns if max(columns.values()) < max(map(len, cells)) else None


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
    if special is None or special not in _REPEATING or not _is_diffusion(special, values[special]):
        duplicates(names if special is None else [special], values, cells, options)
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
    b_values = {i: (v[0] if name in _PAIRS else 0.0 if name == 'bvector' else v) for i, v in values.items()}
    found: dict[int, tuple[Any, ...]] = {}
    for cell in cells:
        for frame in cell:
            own = values[id(frame)]
            vector = own[1] if name in _PAIRS else own if name == 'bvector' else get(frame.dataset)
            found[id(frame)] = (b_values[id(frame)], _rounded(vector))
    wanted: Counter[Any] = Counter()
    for cell in cells:
        wanted |= Counter(found[id(f)] for f in cell)
    if sum(wanted.values()) > max(len(cell) for cell in cells) and not are_common(
        [[found[id(f)] for f in cell] for cell in cells]
    ):
        return {i: (b_values[i],) for i in found}
    return found


def _rounded(value: Any) -> Any:
    """Return a direction, or a b value with one, in which rounding makes no difference."""
    if isinstance(value, (int, float)):
        return round(float(value), 3) + 0.0
    if value is None or isinstance(value, (tuple, list, np.ndarray)):
        return tuple(_rounded(v) for v in (() if value is None else value))
    return value


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
