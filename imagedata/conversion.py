"""Values in another data type: exactly, or to the nearest integer; never silently out of range."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import ImagedataError, WriteError

__all__ = ['converted', 'smallest_integer']


def converted(
    array: NDArray[Any], dtype: np.dtype[Any], error: type[ImagedataError] = WriteError
) -> NDArray[Any]:
    """Return the values in another type.

    Parameters
    ----------
    array : ndarray
    dtype : dtype
        Floating-point values that become integers are rounded to the nearest.
    error : type, optional
        What is raised.

    Raises
    ------
    WriteError
        Or `error`, when the type cannot hold the values: they are out of its range, not
        finite, complex or coloured.

    Examples
    --------
    >>> converted(np.array([1.2, 254.7]), np.dtype(np.uint8))
    array([  1, 255], dtype=uint8)
    """
    if array.dtype == dtype:
        return array
    if array.dtype.names or dtype.names or array.dtype.kind not in 'biufc':
        raise error(
            f'values of type {array.dtype} cannot become {dtype}: choose one channel, or leave dtype out'
        )
    if array.dtype.kind == 'c' and dtype.kind not in 'cb':
        raise error(f'complex values cannot become {dtype}: take abs(), angle(), real or imag first')
    if dtype.kind in 'iu' and array.dtype.kind in 'iuf' and array.size:
        if array.dtype.kind == 'f':
            if not np.isfinite(array).all():
                raise error(f'values that are not finite cannot become {dtype}: replace them first')
            array = np.rint(array)
        _check_range(array, int(np.iinfo(dtype).min), int(np.iinfo(dtype).max), dtype, error)
    elif dtype.kind in 'fc' and dtype.itemsize < array.dtype.itemsize and array.dtype.kind in 'fc':
        with np.errstate(over='ignore'):
            narrow = array.astype(dtype)
        if np.isinf(narrow).sum() != np.isinf(array).sum():
            raise error(f'values beyond {np.finfo(dtype).max:.4g} do not fit {dtype}: choose a larger type')
        return narrow
    return array.astype(dtype)


def _check_range(
    array: NDArray[Any], lowest: int, highest: int, dtype: np.dtype[Any], error: type[ImagedataError]
) -> None:
    low, high = array.min(), array.max()
    # As Python integers: NumPy would round the largest 64 bit integer up to a float.
    if int(low) < lowest or int(high) > highest:
        raise error(
            f'values from {low} to {high} do not fit {dtype} ({lowest} to {highest}): '
            'choose a larger type, or scale or clip them first'
        )


def smallest_integer(low: int, high: int, own: np.dtype[Any]) -> np.dtype[Any] | None:
    """Return the smallest integer type that holds `low` to `high`, None when there is none.

    Parameters
    ----------
    low, high : int
    own : dtype
        Integer type of the stored values, kept where it suffices.

    Examples
    --------
    >>> smallest_integer(-1024, 3071, np.dtype(np.uint16))
    dtype('int16')
    """
    names = ['u1', 'u2', 'u4', 'u8'] if low >= 0 else ['i1', 'i2', 'i4', 'i8']
    for dtype in (own, *map(np.dtype, names)):
        if dtype.itemsize < own.itemsize:
            continue
        info = np.iinfo(dtype)
        if low >= info.min and high <= info.max:
            return dtype.newbyteorder('=')
    return None
