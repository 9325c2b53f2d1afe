"""UIDs of what is written: new ones, or, with a seed, those that follow from the content."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import WriteError
from ...header import new_uid

__all__ = ['NewUIDs']


class NewUIDs:
    """Makes the UIDs of one series.

    With a seed, the same values, sources and texts give the same UIDs in every run; anything
    else gives others, so that two different images never share one.

    Parameters
    ----------
    seed : str or int or None
        None: UIDs are random.
    images : (n, rows, columns) ndarray
        Values of the series.
    about : iterable
        What else makes the series the one that it is.
    """

    def __init__(self, seed: Any, images: NDArray[Any], about: Iterable[Any]) -> None:
        self._content: str | None = None
        if seed is None:
            return
        if isinstance(seed, bool) or not isinstance(seed, (str, int)):
            raise WriteError(f'uid_seed is a text or a whole number, got {seed!r}')
        digest = hashlib.sha256(repr((str(seed), images.dtype.str, images.shape, *about)).encode())
        for image in images:
            digest.update(np.ascontiguousarray(image).tobytes())
        self._content = digest.hexdigest()

    def uid(self, what: str) -> str:
        """Return a new UID for one thing, such as 'series' or 'image 3' (PS3.5 B.2)."""
        if self._content is None:
            return new_uid()
        return f'2.25.{uuid.uuid5(uuid.NAMESPACE_OID, f"{self._content}/{what}").int}'
