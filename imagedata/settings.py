"""Settings of the library: what happens when two Series of one operation lie in different places."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from .errors import GeometryMismatchError, GeometryMismatchWarning
from .notices import warn_user

__all__ = ['geometry_mismatch', 'set_options', 'strict']

_MISMATCH = ('warn', 'error', 'ignore')
_process = {'geometry_mismatch': 'warn'}
_here: ContextVar[str | None] = ContextVar('imagedata_geometry_mismatch', default=None)


def set_options(*, geometry_mismatch: str | None = None) -> None:
    """Set what the library does, in the whole process.

    Parameters
    ----------
    geometry_mismatch : {'warn', 'error', 'ignore'}, optional
        What happens when two Series with different geometry meet in one operation: a
        `GeometryMismatchWarning`, a `GeometryMismatchError`, or nothing.

    Raises
    ------
    ValueError
        When the value is none of these.

    See Also
    --------
    strict : errors within one block of code only.
    """
    if geometry_mismatch is not None:
        if geometry_mismatch not in _MISMATCH:
            raise ValueError(
                f'geometry_mismatch is one of {", ".join(_MISMATCH)}, got {geometry_mismatch!r}'
            )
        _process['geometry_mismatch'] = geometry_mismatch


@contextmanager
def strict(on: bool = True) -> Iterator[None]:
    """Within a `with` block, Series with different geometry do not meet: it is an error.

    The block concerns the current thread or asynchronous task alone, and comes before
    `set_options`.

    Parameters
    ----------
    on : bool
        False for a block in which there are warnings only.

    Examples
    --------
    >>> import numpy as np
    >>> from imagedata import Series, strict
    >>> a, b = Series(np.ones((2, 3, 4))), Series(np.ones((2, 3, 4)))
    >>> a.spacing, b.spacing = (1, 1, 1), (2, 1, 1)
    >>> with strict():
    ...     a + b
    Traceback (most recent call last):
    imagedata.errors.GeometryMismatchError: two Series of one operation differ in geometry: ...
    """
    token = _here.set('error' if on else 'warn')
    try:
        yield
    finally:
        _here.reset(token)


def geometry_mismatch(difference: str) -> None:
    """Say, in the way that the settings ask for, that two Series lie in different places.

    Parameters
    ----------
    difference : str
        What differs.

    Raises
    ------
    GeometryMismatchError
        In strict mode.

    Warns
    -----
    GeometryMismatchWarning
        Otherwise, at the line of the user's program.
    """
    action = _here.get() or _process['geometry_mismatch']
    if action == 'ignore':
        return
    message = (
        f'two Series of one operation differ in geometry: {difference}; '
        'align() or match_geometry() brings them together'
    )
    if action == 'error':
        raise GeometryMismatchError(message)
    warn_user(f'{message}. The result has the geometry of the first', GeometryMismatchWarning)
