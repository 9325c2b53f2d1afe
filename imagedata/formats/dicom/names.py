"""Names of the files that a series is written to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from ...errors import WriteError

__all__ = ['file_names', 'numbered']

_PLACEHOLDER = re.compile(r'\{[^{}]*\}|%0?\d*d')


def file_names(
    filename: str | None,
    dims: Sequence[str],
    counts: Sequence[int],
    options: Mapping[str, Any],
) -> list[str]:
    """Return the path of each image, in the order of the array, relative to the folder.

    Parameters
    ----------
    filename : str or None
        As the user gave it: for one image its name; for several, a pattern with a placeholder
        for the image number (`{:05d}` or `%03d`), or with one for each tag axis and the slice.
    dims : sequence of str
        Names of the tag axes, then 'slice'.
    counts : sequence of int
        Their lengths.
    options : mapping
        `output_sort`: 0 (SORT_ON_SLICE) makes a folder for each tag, `time0/Image_00000.dcm`;
        1 (SORT_ON_TAG) one for each slice, `slice0/time0.dcm`. `output_dir`: 'multi' (folders)
        or 'single' (all files in one). `first_number`: that of the first image in a pattern, 0.

    Raises
    ------
    WriteError
        When several images do not fit one name.
    """
    indices = list(product(*(range(n) for n in counts)))
    filename = filename or options.get('pattern')
    if filename is not None:
        return _given_names(filename, indices, int(options.get('first_number', 0)))
    by_tag = _is_sort_on_tag(options.get('output_sort', 0))
    folder = options.get('output_dir', 'multi')
    if folder not in ('single', 'multi'):
        raise WriteError(f"output_dir is 'single' or 'multi', got {folder!r}")
    names = [re.sub(r'[^\w.-]+', '_', name) for name in dims]
    if folder == 'single' or len(dims) == 1:
        order = sorted(range(len(indices)), key=lambda i: indices[i][-1]) if by_tag else None
        numbers = range(len(indices)) if order is None else _inverse(order)
        return [f'Image_{number:05d}.dcm' for number in numbers]
    if by_tag:
        return [_by_tag(names, index) for index in indices]
    return [_by_slice(names, index) for index in indices]


def numbered(filename: str) -> re.Pattern[str] | None:
    """Return what the names that a pattern gives look like; None where it has no placeholder.

    Examples
    --------
    >>> bool(numbered('a_{:05d}.png').fullmatch('a_00012.png'))
    True
    """
    parts = _PLACEHOLDER.split(filename)
    return None if len(parts) == 1 else re.compile(r'\d+'.join(map(re.escape, parts)))


def _is_sort_on_tag(value: Any) -> bool:
    if value in (0, 'slice', 'SORT_ON_SLICE', None):
        return False
    if value in (1, 'tag', 'SORT_ON_TAG'):
        return True
    raise WriteError(f'output_sort is SORT_ON_SLICE (0) or SORT_ON_TAG (1), got {value!r}')


def _inverse(order: Sequence[int]) -> list[int]:
    numbers = [0] * len(order)
    for number, i in enumerate(order):
        numbers[i] = number
    return numbers


def _by_slice(names: Sequence[str], index: Sequence[int]) -> str:
    folders = [f'{name}{i}' for name, i in zip(names[:-1], index[:-1], strict=True)]
    return '/'.join([*folders, f'Image_{index[-1]:05d}.dcm'])


def _by_tag(names: Sequence[str], index: Sequence[int]) -> str:
    tags = [f'{name}{i}' for name, i in zip(names[:-1], index[:-1], strict=True)]
    return '/'.join([f'slice{index[-1]}', *tags]) + '.dcm'


def _given_names(filename: str, indices: Sequence[tuple[int, ...]], first: int) -> list[str]:
    holes = _PLACEHOLDER.findall(filename)
    if not holes:
        if len(indices) == 1:
            return [filename]
        raise WriteError(
            f'{len(indices)} images do not fit the one file {filename}: give a folder, or a name '
            'with a placeholder for the image number, such as '
            f'{_with_placeholder(filename)}'
        )
    values: list[tuple[int, ...]] = [(first + number,) for number in range(len(indices))]
    if len(holes) > 1 and len(holes) == len(indices[0]):
        values = list(indices)
    names = [_filled(filename, len(holes), value) for value in values]
    if len(set(names)) != len(names):
        raise WriteError(
            f'{filename} gives several of the {len(names)} images one name: it needs one '
            f'placeholder for the image number, or {len(indices[0])} for tags and slice'
        )
    return names


def _with_placeholder(filename: str) -> str:
    stem, dot, suffix = filename.rpartition('.')
    return f'{stem}_{{:05d}}.{suffix}' if dot else f'{filename}_{{:05d}}'


def _filled(filename: str, holes: int, value: tuple[int, ...]) -> str:
    numbers = value if len(value) == holes else value * holes
    try:
        return filename.format(*numbers) if '{' in filename else filename % numbers
    except (ValueError, TypeError, LookupError) as error:
        raise WriteError(
            f'{filename!r} cannot be filled with the numbers {numbers} ({error}): use {{:05d}} or %05d'
        ) from error
