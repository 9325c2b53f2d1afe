"""Headers of images that are de-identified when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..records import DatasetRecords
from .dataset import Account, deidentified
from .findings import findings
from .plan import Plan

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from ....header import Records

__all__ = ['DeidentifiedRecords']


_MOST = 512
"""Headers that are kept: a writer asks for each a few times."""


class DeidentifiedRecords:
    """Records in place of those of the source images.

    Nothing of the source leaves the process: a copy in a file or in another process has the
    de-identified headers alone.

    Parameters
    ----------
    records : Records
        Of the source images.
    plan : Plan
    """

    __slots__ = ('_latest', '_plan', '_records')

    def __init__(self, records: Records, plan: Plan) -> None:
        self._records = records
        self._plan = plan
        self._latest: dict[int, Dataset] = {}

    def __len__(self) -> int:
        return len(self._records)

    def dataset(self, index: int) -> Dataset:
        """Return the header of one image, de-identified. It must not be changed."""
        index = range(len(self._records))[index]
        found = self._latest.get(index)
        if found is None:
            found = deidentified(self._records.dataset(index), self._plan)
            if len(self._latest) >= _MOST:
                # The first image speaks for the series, and is asked again and again.
                self._latest = {k: v for k, v in self._latest.items() if k == 0}
            self._latest[index] = found
        return found

    def pair(self, index: int) -> tuple[Dataset, Dataset]:
        """Return the header of one image before and after."""
        return self._records.dataset(index), self.dataset(index)

    def account(self) -> tuple[Account, list[str]]:
        """Return what is done with the elements of all images, and what a person has to look at."""
        total, found = Account(), {}
        for index in range(len(self._records)):
            source = self._records.dataset(index)
            made = deidentified(source, self._plan, total)
            found.update(dict.fromkeys(findings(source, made)))
        return total, list(found)

    def __reduce__(self) -> tuple[Any, ...]:
        return DatasetRecords, (tuple(self.dataset(i) for i in range(len(self))),)
