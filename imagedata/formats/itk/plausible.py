"""A MetaImage header looked at before ITK does: its reader believes what it says, and may crash.

Sources of the fields: the description of MetaIO. ITK holds up to 5 dimensions here.
"""

from __future__ import annotations

import re

from ...errors import CorruptFileError
from ..contract import Source

__all__ = ['check_metaimage']

_MOST_DIMENSIONS = 5

_FIELD = re.compile(rb'^[ \t]*(\w+)[ \t]*=[ \t]*([^\r\n]*)', re.MULTILINE)

_PER_DIMENSION = ('Offset', 'Position', 'Origin', 'ElementSpacing', 'ElementSize', 'CenterOfRotation')
_MATRICES = ('TransformMatrix', 'Rotation', 'Orientation')


def check_metaimage(block: bytes, source: Source) -> None:
    """Refuse a header whose numbers do not go together.

    Parameters
    ----------
    block : bytes
        The header, up to ElementDataFile.
    source : Source

    Raises
    ------
    CorruptFileError
    """
    fields: dict[str, str] = {}
    for key, value in _FIELD.findall(block):
        name = key.decode('ascii', errors='replace')
        if name in ('NDims', 'DimSize') and name in fields:
            raise CorruptFileError(f'{source.name}: the header gives {name} twice: correct it')
        fields[name] = value.decode('ascii', errors='replace').strip()
    ndims = fields.get('NDims', '')
    if not re.fullmatch(r'\d{1,2}', ndims) or not 1 <= int(ndims) <= _MOST_DIMENSIONS:
        raise CorruptFileError(
            f'{source.name}: the header gives NDims = {ndims or "nothing"}, where a number from 1 to '
            f'{_MOST_DIMENSIONS} belongs'
        )
    count = int(ndims)
    dims = fields.get('DimSize', '').split()
    if len(dims) != count or not all(re.fullmatch(r'\d{1,9}', n) and int(n) for n in dims):
        raise CorruptFileError(
            f'{source.name}: the header gives DimSize = {" ".join(dims) or "nothing"}, where {count} '
            'numbers of 1 or more belong'
        )
    for names, wanted in ((_PER_DIMENSION, count), (_MATRICES, count**2)):
        for name in names:
            if name in fields and not _are_numbers(fields[name], wanted):
                raise CorruptFileError(
                    f'{source.name}: the header gives {name} = {fields[name][:100]}, where {wanted} '
                    'numbers belong'
                )
    channels = fields.get('ElementNumberOfChannels', '1')
    if not re.fullmatch(r'\d{1,5}', channels) or int(channels) < 1:
        raise CorruptFileError(f'{source.name}: the header gives {channels[:100]} channels to an element')
    for name in ('HeaderSize', 'CompressedDataSize'):
        if not re.fullmatch(r'(-1|\d{1,18})?', fields.get(name, '')):
            raise CorruptFileError(f'{source.name}: the header gives {name} = {fields[name][:100]}')


def _are_numbers(text: str, wanted: int) -> bool:
    words = text.split()
    try:
        return len(words) == wanted and all(abs(float(word)) < 1e30 for word in words)
    except ValueError:
        return False
