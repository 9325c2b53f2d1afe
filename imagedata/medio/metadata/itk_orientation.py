"""ITK's numbers for orientation codes.

Each letter has a number of a side, each position a shift of 8 bits, as in
`itk::SpatialOrientationEnums` (ITK, itkSpatialOrientation.h).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from itertools import permutations, product

from ..utils.two_way_dict import TwoWayDict

__all__ = ['AxCodes', 'AxMajorness', 'ItkOrientationCode', 'codes_str_dict', 'itk_orientation_code']


class AxCodes(IntEnum):
    """The number of each side."""

    UNKNOWN = 0
    R = 2
    L = 3
    P = 4
    A = 5
    I = 8  # noqa: E741 - the field's letter for inferior
    S = 9


class AxMajorness(IntEnum):
    """By how many bits the number of the first, second and third axis is shifted."""

    Primary = 0
    Secondary = 8
    Tertiary = 16


def itk_orientation_code(ax_code: str | Iterable[str]) -> int:
    """Return ITK's number: R is 2, A is 5, I is 8, so 'RAI' is 2 + (5 << 8) + (8 << 16).

    Raises
    ------
    KeyError
        For a letter that names no side.
    """
    return sum(AxCodes[letter] << shift for letter, shift in zip(ax_code, AxMajorness, strict=True))


_CODES = [
    ''.join(code)
    for axes in permutations(('RL', 'AP', 'IS'))
    for code in product(*axes)
]  # fmt: skip


class ItkOrientationCode:
    """ITK's number of each of the 48 codes, as attributes, and INVALID."""

    INVALID = AxCodes.UNKNOWN


for _code in _CODES:
    setattr(ItkOrientationCode, _code, itk_orientation_code(_code))

codes_str_dict: TwoWayDict[str | None, int | None] = TwoWayDict(
    {**{code: itk_orientation_code(code) for code in _CODES}, None: None}
)
"""From code to ITK's number, and back; None stands for no orientation."""
