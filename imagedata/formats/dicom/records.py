"""Headers of DICOM images, kept for what is asked of them later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['DatasetRecords', 'as_ds', 'put', 'shallow_copy']


def shallow_copy(dataset: Dataset) -> Dataset:
    """Return a dataset with the same elements, to which others can be given.

    Elements that pydicom has not parsed yet stay so: a header of 100 KB costs microseconds.
    """
    from .checked import CheckedDataset

    copied = CheckedDataset(getattr(dataset, 'source_name', ''))
    # Dataset has no public way to share unparsed elements.
    copied._dict = dict(dataset._dict)
    copied._private_blocks = dict(dataset._private_blocks)
    implicit, little = dataset.original_encoding
    copied.set_original_encoding(implicit, little, dataset.original_character_set)
    copied._parent_encoding = dataset._parent_encoding
    if hasattr(dataset, 'file_meta'):
        copied.file_meta = dataset.file_meta
    return copied


def put(dataset: Dataset, keyword: str, value: Any) -> None:
    """Give a dataset an element of its own.

    Setting an attribute of a dataset changes the element that is there, which copies share.
    """
    from pydicom.datadict import dictionary_VR, tag_for_keyword
    from pydicom.dataelem import DataElement

    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    dataset[tag] = DataElement(tag, dictionary_VR(tag), value)


def as_ds(value: float) -> Any:
    """Return a number as a decimal string (VR DS): 16 characters at most, as exact as they allow."""
    from pydicom.valuerep import DSfloat

    return DSfloat(float(value), auto_format=True)


class DatasetRecords:
    """Records that are pydicom datasets without pixels; their elements are parsed when asked for."""

    __slots__ = ('_datasets',)

    def __init__(self, datasets: Sequence[Dataset]) -> None:
        self._datasets = tuple(datasets)

    def __len__(self) -> int:
        return len(self._datasets)

    def dataset(self, index: int) -> Dataset:
        """Return the header of one image. It must not be changed."""
        dataset = self._datasets[index]
        # What is parsed of a packed header goes with the copy that was asked for.
        fresh = getattr(type(dataset), 'fresh', None)
        return dataset if fresh is None else fresh(dataset)

    def __reduce__(self) -> tuple[type[DatasetRecords], tuple[tuple[Dataset, ...]]]:
        return DatasetRecords, (self._datasets,)
