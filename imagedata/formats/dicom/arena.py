"""Memory for the pixels of many files of one size, one beside the other.

The files of a series have pixels of one size, and are mostly read in the order in which they are
wanted: then the memory that they were read into is the array.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ['Arena', 'Arenas']

_FREELY = 1 << 28
"""Bytes that are reserved without a look at how large the files are."""

_PIECE = 64
"""Number of images that later arenas have room for: few files are of other sizes than most."""


class Arena:
    """Room for a number of images.

    Memory that is not written to is only an address: an arena may be larger than what is needed.

    Parameters
    ----------
    size : int
        Bytes of an image.
    count : int
        Images that it has room for.
    """

    __slots__ = ('_view', 'buffer', 'count', 'size', 'used')

    def __init__(self, size: int, count: int) -> None:
        self.size = size
        self.count = count
        self.buffer = np.empty(size * count, np.uint8)
        self.used = 0
        self._view = self.buffer.data

    def take(self) -> tuple[int, memoryview]:
        """Return the number of the next image, and its memory."""
        number = self.used
        self.used += 1
        return number, self._view[number * self.size : (number + 1) * self.size]

    def give_back(self) -> None:
        """Take back the memory of the last image: its file could not be read into it."""
        self.used -= 1


class Arenas:
    """Arenas for the files of one reading, one for each size of pixels.

    Parameters
    ----------
    total : function
        Returns the number of bytes of all files: the pixels are no more.
    """

    def __init__(self, total: Callable[[], int]) -> None:
        self._total = total
        self._arenas: dict[int, Arena] = {}

    def of(self, size: int, remaining: int) -> Arena:
        """Return an arena with room for an image.

        Parameters
        ----------
        size : int
            Bytes of the image.
        remaining : int
            Number of files that are not read yet, with this one.

        Raises
        ------
        MemoryError
            When there is no room for a single one.
        """
        arena = self._arenas.get(size)
        if arena is None or arena.used == arena.count:
            remaining = max(remaining, 1)
            count = remaining if arena is None and not self._arenas else min(remaining, _PIECE)
            if count * size > _FREELY:
                count = max(1, min(count, self._total() // max(size, 1)))
            try:
                arena = Arena(size, count)
            except MemoryError:
                arena = Arena(size, 1)
            self._arenas[size] = arena
        return arena
