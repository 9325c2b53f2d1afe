"""Headers in another encoding.

In Unicode, where their character set lacks what is new in them; in little endian bytes.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from ...header import Header

__all__ = ['can_say', 'in_little_endian', 'in_unicode', 'new_text']

_UNICODE = 'ISO_IR 192'


def new_text(header: Header) -> str:
    """Return the characters outside ASCII in what the user set."""
    values = [*header.attributes.values(), *(edit.value for edit in header.edits)]
    texts = [
        str(part)
        for value in values
        for part in (value if isinstance(value, (list, tuple)) else [value])
        if part is not None
    ]
    return ''.join(sorted({c for text in texts for c in text if not c.isascii()}))


def can_say(dataset: Dataset, text: str) -> bool:
    """Return whether the character set of a header has all characters of a text."""
    if not text:
        return True
    from pydicom.charset import convert_encodings

    for name in convert_encodings(dataset.get('SpecificCharacterSet') or 'ISO_IR 6'):
        if name == 'iso8859':
            continue  # pydicom's name for the default repertoire, which is ASCII
        try:
            text.encode(name)
        except (UnicodeEncodeError, LookupError):
            continue
        return True
    return False


def in_unicode(dataset: Dataset) -> Dataset:
    """Return a copy of a header, its texts decoded, to be written in Unicode (ISO_IR 192)."""
    copied = deepcopy(dataset)
    copied.decode()
    copied.SpecificCharacterSet = _UNICODE
    _follow(copied)
    return copied


def _follow(dataset: Dataset) -> None:
    for element in dataset:
        if element.VR != 'SQ':
            continue
        for item in element.value:
            if 'SpecificCharacterSet' in item:
                item.SpecificCharacterSet = _UNICODE
            _follow(item)


_WORDS = {'OW': '>u2', 'OF': '>u4', 'OL': '>u4', 'OD': '>u8', 'OV': '>u8'}
"""Values that pydicom leaves as the bytes they are in the file."""


def in_little_endian(dataset: Dataset) -> Dataset:
    """Return a copy of a big endian header whose words are little endian.

    pydicom converts numbers itself, and leaves strings of words as they are.
    """
    copied = deepcopy(dataset)
    _swap(copied)
    copied.set_original_encoding(False, True, dataset.original_character_set)
    return copied


def _swap(dataset: Dataset) -> None:
    for element in dataset:
        if element.VR == 'SQ':
            for item in element.value:
                _swap(item)
                item.set_original_encoding(False, True, item.original_character_set)
        elif element.VR in _WORDS and isinstance(element.value, bytes):
            words = np.frombuffer(element.value, _WORDS[element.VR])
            element.value = words.astype(words.dtype.newbyteorder('<')).tobytes()
