"""Memory-mapped values: a view of the file, of which only what is used is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from ...errors import ImagedataWarning
from ...notices import warn_user
from ..contract import Source
from ..mapping import in_words, mapped, mode_of, reasons_of, refuse
from .head import Head

__all__ = ['mapped_values']

def mapped_values(source: Source, head: Head, options: Any, report: list[str]) -> NDArray[Any]:
    """Return the voxels as a view of their file: (tags..., slice, row, column).

    Parameters
    ----------
    source : Source
        The file with the voxels.
    head : Head
    options : mapping
        `mmap`: True or 'r' for read-only values, 'c' for values that can be changed in memory
        (copy on write); the file never changes. `scaling='stored'` leaves slope and intercept out.
    report : list of str
        Gets a line.

    Raises
    ------
    DataTypeError
        When the values are not those that lie in the file: compressed, scaled, of another type.
    """
    mode = mode_of(options)
    scaled = head.scaling is not None and options.get('scaling') != 'stored'
    refuse(source.name, {
        **reasons_of(source, head.dtype, options),
        'it is compressed: gunzip it first': _is_gzip(source),
        f'its values are scaled by {head.scaling}: read the stored ones with scaling="stored"': scaled,
        'its colours have an alpha channel, which is left out': 'A' in (head.dtype.names or ()),
    })  # fmt: skip
    lengths: Sequence[int] = head.dims[3:]
    shape = (*lengths[::-1], *head.shape)
    values = mapped(source, head.dtype, mode, head.offset, shape)
    extra = source.size() - head.offset - head.nbytes
    if extra:
        line = f'{head.name}: {extra} bytes follow the voxels that the header describes'
        warn_user(f'{line}, and are not read', ImagedataWarning)
        report.append(line)
    report.append(in_words(mode) + ('' if head.dtype.isnative else ', bytes in the order of the file'))
    tags = len(lengths)
    # Rows are stored from the bottom up, and the first tag varies fastest.
    return values.transpose(*range(tags)[::-1], tags, tags + 1, tags + 2)[..., ::-1, :]


def _is_gzip(source: Source) -> bool:
    with source.open() as file:
        return file.read(2) == b'\x1f\x8b'
