"""What an index of integers, slices and an ellipsis picks along each axis."""

from __future__ import annotations

import operator
from types import EllipsisType

import numpy as np

from ...errors import AxisError

__all__ = ['explicit_inds']


def explicit_inds(
    key: tuple[int | slice | EllipsisType, ...], shape: tuple[int, ...]
) -> tuple[list[int], list[int], list[int]]:
    """Return the first index, the end and the step of what is picked along each axis.

    Parameters
    ----------
    key : tuple of int, slice and Ellipsis
        As in NumPy's basic indexing; axes that are not named are taken whole.
    shape : tuple of int

    Returns
    -------
    start, stop, stride : list of int
        Counted from 0; an integer picks one with stride 1.

    Raises
    ------
    IndexError
        For too many indices, two ellipses, an integer outside of its axis, a float or a text.
    NotImplementedError
        For anything else.
    """
    if key.count(Ellipsis) > 1:
        raise AxisError('an index can have one ellipsis (...) only')
    if len(key) - key.count(Ellipsis) > len(shape):
        raise AxisError(f'{len(key)} indices for {len(shape)} axes')
    at = key.index(Ellipsis) if Ellipsis in key else len(key)
    whole = [slice(None)] * (len(shape) - len(key) + key.count(Ellipsis))
    parts = [*key[:at], *whole, *key[at + 1 :]]
    picked = [_explicit(part, n) for part, n in zip(parts, shape, strict=True)]
    return [p[0] for p in picked], [p[1] for p in picked], [p[2] for p in picked]


def _explicit(part: object, n: int) -> tuple[int, int, int]:
    if isinstance(part, slice):
        return part.indices(n)
    if isinstance(part, (float, str)):
        raise AxisError(f'an index {part!r} is none here: give integers, slices and ...')
    if isinstance(part, (bool, np.bool_)) or not hasattr(part, '__index__'):
        raise NotImplementedError(
            f'an index {part!r} of type {type(part).__name__} is none here: give integers, slices and ...'
        )
    index = operator.index(part)
    if not -n <= index < n:
        raise AxisError(f'index {index} is outside of an axis of length {n}')
    return index % n, index % n + 1, 1
