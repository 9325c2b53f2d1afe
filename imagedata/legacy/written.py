"""The Series that a format plugin of imagedata 3 is handed to write."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..header import SeriesData
from ..series import Series

__all__ = ['written_series']


class _WrittenSeries(Series):
    """A Series whose `tags` have a dimension also without a tag axis: plugins count their length."""

    @property  # type: ignore[misc]  # plugins do not set them
    def tags(self) -> dict[int, NDArray[Any]]:
        tags = super().tags
        return {s: cells if cells.ndim else _listed() for s, cells in tags.items()}


def written_series(data: SeriesData) -> Series:
    """Return what is written as a Series."""
    series = np.asarray(data.array).view(_WrittenSeries)
    series.header = data.header
    series._identity = data.identity
    return series


def _listed() -> NDArray[Any]:
    cells = np.empty(1, dtype=object)
    cells[0] = (0,)
    return cells
