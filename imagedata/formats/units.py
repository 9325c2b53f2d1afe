"""Units that headers name, as factors to mm and s."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import ImagedataWarning
from ..notices import warn_user

__all__ = ['MM', 'SECONDS', 'factor']

MM = {'mm': 1.0, 'um': 1e-3, 'nm': 1e-6, 'cm': 10.0, 'm': 1e3, 'micron': 1e-3, 'millimeter': 1.0,
      'millimetre': 1.0, 'micrometer': 1e-3, 'micrometre': 1e-3, 'nanometer': 1e-6, 'nanometre': 1e-6,
      'centimeter': 10.0, 'centimetre': 10.0, 'meter': 1e3, 'metre': 1e3, 'inch': 25.4,
      'inches': 25.4}  # fmt: skip
SECONDS = {'s': 1.0, 'sec': 1.0, 'second': 1.0, 'ms': 1e-3, 'msec': 1e-3, 'millisecond': 1e-3,
           'us': 1e-6, 'usec': 1e-6, 'microsecond': 1e-6, 'min': 60.0, 'minute': 60.0}  # fmt: skip
_NONE = ('', '?', '???', 'none')


def factor(name: str, unit: str, known: Mapping[str, float]) -> float:
    """Return what takes values in a unit to mm or s.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    unit : str
        As the header has it.
    known : mapping of str to float
        `MM` or `SECONDS`.

    Warns
    -----
    ImagedataWarning
        When the unit is not known: values are taken for mm, or s.
    """
    word = unit.strip().lower().replace('\N{MICRO SIGN}', 'u').replace('\N{GREEK SMALL LETTER MU}', 'u')
    if word in _NONE:
        return 1.0
    found = known.get(word, known.get(word.removesuffix('s')))
    if found is None:
        own = 'mm' if known is MM else 's'
        warn_user(
            f'{name}: its unit {unit!r} is not known: the numbers are taken for {own}; assign '
            'series.spacing or series.axes where that is wrong',
            ImagedataWarning,
        )
        return 1.0
    return found
