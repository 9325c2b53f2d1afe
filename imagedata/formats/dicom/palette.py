"""Palette colour: stored values that are indices into tables of red, green and blue.

Source: PS3.3 C.7.6.3.1.5 and C.7.6.3.1.6.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import PixelDecodeError
from .scan import PARSE_ERRORS
from .vendor.values import numbers

__all__ = ['colours_of']

_CHANNELS = ('Red', 'Green', 'Blue')


def colours_of(
    name: str, header: Any, values: NDArray[Any], *, big_endian: bool = False
) -> NDArray[np.uint8]:
    """Return the colours of a palette, tables of 16 bits in their upper 8.

    Parameters
    ----------
    name : str
        The file, for messages.
    header : Dataset
    values : (rows, columns) ndarray
        As stored.
    big_endian : bool
        Whether the tables stand in big endian words.

    Returns
    -------
    (rows, columns, 3) ndarray

    Raises
    ------
    PixelDecodeError
        When there is no palette, or it does not fit its own description.
    """
    try:
        if 'RedPaletteColorLookupTableData' not in header:
            return _segmented(header, values)
        channels = [_channel(header, c, values, big_endian) for c in _CHANNELS]
        return np.stack(channels, axis=-1)
    except PARSE_ERRORS as error:
        raise PixelDecodeError(f'{name}: its palette cannot be applied ({error})') from error


def _channel(header: Any, channel: str, values: NDArray[Any], big_endian: bool) -> NDArray[np.uint8]:
    """Return one colour of each pixel; below and above the table, its first and last one."""
    described = numbers(header.get(f'{channel}PaletteColorLookupTableDescriptor'))
    if len(described) != 3:
        raise ValueError(f'the {channel} table is described by {len(described)} numbers, and 3 are expected')
    entries, first, bits = int(described[0]) or 1 << 16, int(described[1]), int(described[2])
    element = header[f'{channel}PaletteColorLookupTableData']
    data = bytes(element.value or b'')
    if len(data) < entries:
        raise ValueError(f'the {channel} table has {len(data)} bytes for {entries} entries')
    if len(data) >= 2 * entries:
        wide = np.frombuffer(data, '>u2' if big_endian else '<u2', entries)
        # Entries of 8 bits may stand in words as well (C.7.6.3.1.5).
        is_narrow = bits == 8 and int(wide.max()) < 256
        table = (wide if is_narrow else wide >> 8).astype(np.uint8)
    else:
        swapped = big_endian and element.VR == 'OW' and len(data) % 2 == 0
        words = np.frombuffer(data, '>u2').astype('<u2').tobytes() if swapped else data
        table = np.frombuffer(words, np.uint8, entries)
    index = np.clip(values.astype(np.int64) - first, 0, entries - 1)
    return np.asarray(table[index])


def _segmented(header: Any, values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the colours of tables in segments (C.7.9.2), as pydicom expands them."""
    from pydicom.pixels.processing import apply_color_lut

    colours = apply_color_lut(values, header)[..., :3]
    return np.asarray(colours >> 8 if colours.dtype == np.uint16 else colours).astype(np.uint8)
