"""Headers whose elements are parsed when asked for, and say which file is to blame when they cannot be.

pydicom leaves the bytes of an element as they are until its value is wanted. Bytes that are no
value of their type (a number of three bytes, a text where a number must stand) are found then:
while a series is sorted, or long after, when a program asks for the weight of the patient.
"""

from __future__ import annotations

import re
from typing import Any, cast

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.tag import Tag

from ...errors import CorruptFileError
from .scan import PARSE_ERRORS

__all__ = ['CheckedDataset']

_QUOTED = re.compile(r'''b?'[^']*'|b?"[^"]*"''')

_CHECKED = 'imagedata_checked'
"""Attribute of a sequence element whose items are parsed."""


class CheckedDataset(Dataset):
    """A dataset in which an element that cannot be parsed is a `CorruptFileError` about its file.

    A sequence is parsed to its innermost element when it is first asked for: what is inside
    raises no other errors later.

    Parameters
    ----------
    source_name : str
        Its file, for messages.
    """

    def __init__(self, source_name: str = '') -> None:
        super().__init__()
        self.source_name = source_name

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return super().__getitem__(key)
        tag = key if isinstance(key, int) else Tag(key)
        known = self._dict.get(cast(Any, tag))
        raw = isinstance(known, RawDataElement)
        if not raw and (known is None or known.VR != 'SQ' or _CHECKED in vars(known)):
            return super().__getitem__(key)
        try:
            element = super().__getitem__(key)
            if element.VR == 'SQ':
                _parse_all(element)
        except (*PARSE_ERRORS, BytesLengthException) as error:
            # What pydicom quotes can be the name of the patient.
            reason = _QUOTED.sub('...', ' '.join(str(error).split()))[:300]
            raise CorruptFileError(
                f'{self.source_name or "a DICOM header"}: element {Tag(tag)} cannot be read '
                f'({type(error).__name__}: {reason}): the file is damaged; replace it, or leave it out '
                'with skip_broken_series=True'
            ) from error
        return element


def _parse_all(sequence: DataElement) -> None:
    """Parse all elements of all items, with those of sequences inside."""
    if _CHECKED in vars(sequence):
        return
    for item in cast(Any, sequence.value):
        for element in item:
            if element.VR == 'SQ':
                _parse_all(element)
    # Copies of a header share their elements: once is enough.
    vars(sequence)[_CHECKED] = True
