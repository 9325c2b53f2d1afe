"""The median along one axis, with the values of NumPy's in a part of the time.

NumPy partitions a whole copy of the array along the axis, one voxel at a time. Here blocks that fit the
processor's cache are turned so that the values of a voxel lie side by side, and sorted: NumPy sorts
short rows of 32 and 64 bit numbers with vector instructions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ['median']

FEWEST = 1 << 14
"""With fewer values, NumPy's own is as fast."""

SHORTEST = 16
"""Along a shorter axis, NumPy's own is as fast where values rise or fall all the way."""

BLOCK = 1 << 16
"""Number of values that are sorted at a time."""


def median(
    a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: bool = False
) -> Any:
    """Return what `numpy.median` returns, for plain arrays.

    The fast way is for integers and floats of 32 and 64 bits along one axis. It leaves `a` as it is,
    also with `overwrite_input`. All else goes to NumPy, which also words the errors.
    """
    if not _is_fast(a, axis):
        return np.median(a, axis, out, overwrite_input, keepdims)
    return np.mean(_middle(a, axis % a.ndim), axis, out=out, keepdims=keepdims)


def _is_fast(a: Any, axis: Any) -> bool:
    """Return whether the fast way is known to be right, and faster."""
    if type(a) is not np.ndarray or a.size < FEWEST or type(axis) is not int:
        return False
    kind, width = a.dtype.kind, a.dtype.itemsize
    if not a.dtype.isnative or kind not in 'iuf' or (kind == 'f' and width not in (4, 8)):
        return False
    return -a.ndim <= axis < a.ndim and a.shape[axis] >= SHORTEST


def _middle(a: np.ndarray[Any, Any], axis: int) -> np.ndarray[Any, Any]:
    """Return the one or two middle values along an axis, NaN where one of the values is NaN."""
    n = a.shape[axis]
    wanted = slice((n - 1) // 2, n // 2 + 1)
    # A view where the array is contiguous, as those that were read are.
    values = a.reshape(int(np.prod(a.shape[:axis])), n, -1)
    before, _, after = values.shape
    found = np.empty((before, wanted.stop - wanted.start, after), a.dtype)
    # Numbers of 8 and 16 bits are sorted by vector instructions on the newest processors only.
    kind = np.int32 if a.dtype.itemsize < 4 else a.dtype
    across = min(after, max(BLOCK // n, 1))
    along = max(BLOCK // (n * across), 1)
    for i in range(0, before, along):
        for j in range(0, after, across):
            part = values[i : i + along, :, j : j + across]
            rows = np.array(part.swapaxes(1, 2), dtype=kind, order='C')
            rows.sort(axis=-1)
            middle = rows[..., wanted]
            if a.dtype.kind == 'f':
                last = rows[..., -1:]  # NaN is sorted last
                missing = np.isnan(last)
                if missing.any():
                    middle = np.where(missing, last, middle)
            found[i : i + along, :, j : j + across] = middle.swapaxes(1, 2)
    return found.reshape(*a.shape[:axis], -1, *a.shape[axis + 1 :])
