"""Images that nothing tells apart, and how that is told: which they are, and what differs in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import DuplicateImageError, OrderNotFoundError
from .automatic import Cells, hashable
from .criteria import CRITERIA, criterion
from .frames import Frame

__all__ = ['described', 'differing', 'duplicates', 'no_copies', 'only_one_each', 'shown', 'tell_apart']


def no_copies(cells: Cells) -> None:
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


def only_one_each(cells: Cells) -> None:
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
                f'such as {cell[0].name} and {cell[1].name}: {differing([cell], {})}'
            )


def tell_apart(
    names: Sequence[str], values: Mapping[str, dict[int, Any]], cells: Cells, options: Mapping[str, Any]
) -> None:
    """Raise when the criteria have one value at each slice, and each slice has several images."""
    if not names or options.get('accept_duplicate_tag') or any(len(cell) < 2 for cell in cells):
        return
    if all(len({values[n][id(f)] for f in cell}) == 1 for cell in cells for n in names):
        one, other = cells[0][:2]
        raise OrderNotFoundError(
            f'{" and ".join(described(n, options) for n in names)} is the same for all images of a slice '
            f'({one.name} and {other.name}), and cannot sort them (order {",".join(names)!r}): '
            f'{differing(cells, options)}'
        )


def duplicates(
    names: Sequence[str],
    values: Mapping[str, dict[int, Any]],
    cells: Cells,
    options: Mapping[str, Any],
) -> None:
    """Raise for images of one slice that have equal values of all criteria, unless accepted.

    Parameters
    ----------
    names : criteria
    values : of each criterion, the value of each frame (by id)
    cells : frames of each slice that no other criterion tells apart
    options : mapping
    """
    if options.get('accept_duplicate_tag') and names:
        return
    for cell in cells:
        seen: dict[Any, Frame] = {}
        for frame in cell:
            other = seen.setdefault(tuple(values[n][id(frame)] for n in names), frame)
            if other is frame:
                continue
            same = ', '.join(f'{n} {shown(values[n][id(frame)])}' for n in names)
            alike = len({len(c) for c in cells}) == 1
            raise DuplicateImageError(
                f'{other.name} and {frame.name} have the same place and {same or "no criterion"}: '
                f'{differing([cell], options)}; add one of them to input_order, leave one file out, or '
                + (
                    'accept them one after the other with accept_duplicate_tag=True'
                    if alike
                    else "read with accept_duplicate_tag=True and missing='drop' (without what is not at "
                    "all slices) or 'fill'"
                )
            )


def shown(value: Any) -> str:
    """Return the value of a criterion in words: a day and seconds as a time of day.

    Examples
    --------
    >>> shown((738000, 36001.5))
    '10:00:01.5'
    >>> shown(2.0)
    '2.0'
    """
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], int):
        minutes, second = divmod(float(value[1]), 60)
        return f'{int(minutes) // 60:02d}:{int(minutes) % 60:02d}:{f"{second:09.6f}".rstrip("0").rstrip(".")}'
    return str(value)


def described(name: str, options: Mapping[str, Any]) -> str:
    """Return in words what a criterion is."""
    names = {
        'time': 'acquisition time', 'contenttime': 'Content Time', 'triggertime': 'Trigger Time',
        'b': 'b value', 'bvector': 'gradient direction', 'dti': 'b value', 'rsi': 'b value',
        'te': 'Echo Time', 'fa': 'Flip Angle', 'ti': 'Inversion Time', 'component': 'image component',
        'label': 'ASL label', 'phasenumber': 'cardiac phase number', 'cardiacphase': 'cardiac phase',
        'echo': 'Echo Number', 'temporalposition': 'Temporal Position',
        'framereferencetime': 'Frame Reference Time', 'stack': 'Stack ID',
        'acquisition': 'Acquisition Number',
    }  # fmt: skip
    own = options.get(name)
    return str(own) if isinstance(own, str) else names.get(name, name)


def differing(cells: Cells, options: Mapping[str, Any]) -> str:
    """Return in words what the images of one slice differ in."""
    most = max(cells, key=len)
    if len(most) == 1:
        return "it has one image at each slice; use input_order='none'"
    found = []
    for name in (*CRITERIA, 'InstanceNumber'):
        get = criterion(name, options)
        count = len({hashable(get(f.dataset)) for f in most})
        if count > 1 and name not in ('bvector', 'dti', 'rsi'):
            found.append(f'{name} ({count})')
    return f'the {len(most)} images of a slice differ in {", ".join(found) or "nothing that is known"}'
