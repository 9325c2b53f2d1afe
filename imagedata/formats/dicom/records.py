"""Headers of DICOM images, kept for what is asked of them later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['DatasetRecords']


class DatasetRecords:
    """Records that are pydicom datasets without pixels; their elements are parsed when asked for."""

    __slots__ = ('_datasets',)

    def __init__(self, datasets: Sequence[Dataset]) -> None:
        self._datasets = tuple(datasets)

    def __len__(self) -> int:
        return len(self._datasets)

    def dataset(self, index: int) -> Dataset:
        """Return the header of one image. It must not be changed."""
        return self._datasets[index]

    def __reduce__(self) -> tuple[type[DatasetRecords], tuple[tuple[Dataset, ...]]]:
        return DatasetRecords, (self._datasets,)
