"""What ITK leaves out of headers: units other than mm and s, and directions other than LPS.

Sources: NRRD 5, "space units" (one for each axis of the space) and "units" (one for each axis of
the array); MetaIO, DistanceUnits; MINC, whose x, y and z grow to the right, to the front and
upwards. ITK's readers take all of them for mm, and for LPS these and NRRD's spaces with a time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from ...errors import ImagedataWarning
from ...geometry import FloatArray
from ...notices import warn_user
from ..contract import Source

__all__ = ['scale_of']

_LONGEST = 1 << 20
"""Bytes of a header that are looked at."""

_MM = {'mm': 1.0, 'um': 1e-3, 'nm': 1e-6, 'cm': 10.0, 'm': 1e3, 'micron': 1e-3, 'millimeter': 1.0,
       'millimetre': 1.0, 'micrometer': 1e-3, 'micrometre': 1e-3, 'nanometer': 1e-6, 'nanometre': 1e-6,
       'centimeter': 10.0, 'centimetre': 10.0, 'meter': 1e3, 'metre': 1e3}  # fmt: skip
_SECONDS = {'s': 1.0, 'sec': 1.0, 'second': 1.0, 'ms': 1e-3, 'msec': 1e-3, 'millisecond': 1e-3,
            'us': 1e-6, 'usec': 1e-6, 'microsecond': 1e-6, 'min': 60.0, 'minute': 60.0}  # fmt: skip
_NONE = ('', '?', '???', 'none')

_TURNED = {'right-anterior-superior-time': (-1.0, -1.0), 'left-anterior-superior-time': (1.0, -1.0)}
"""Spaces of NRRD that ITK leaves as they are, and what takes their x and y to LPS."""

_DOMAINS = ('domain', 'space', 'time')
"""Kinds of NRRD's axes that are not those of a pixel."""


def scale_of(source: Source, kind: str, ndim: int, metadata: Mapping[str, str]) -> FloatArray:
    """Return what takes the coordinates that ITK gives to LPS in mm, and s.

    Parameters
    ----------
    source : Source
    kind : str
        Name of the format.
    ndim : int
        Dimensions of the image.
    metadata : mapping of str to str
        What SimpleITK tells beside the image.

    Returns
    -------
    (4,) ndarray
        Factors of x, y, z and time.

    Warns
    -----
    ImagedataWarning
        When a unit is not known: values are taken for mm, or s.
    """
    if kind == 'MINC':
        return np.array([-1.0, -1.0, 1.0, 1.0])
    units: Sequence[str] = ()
    if kind == 'MetaImage':
        units = [_field(source, rb'DistanceUnits[ \t]*=', rb'^[ \t]*ElementDataFile')] * 3
    elif kind == 'NRRD':
        units = _of_nrrd(source, ndim)
    known = [_MM, _MM, _MM, _SECONDS]
    scale = np.array([
        _factor(source, unit, table) for unit, table in zip([*units, '', '', '', ''], known, strict=False)
    ])  # fmt: skip
    scale[:2] *= _TURNED.get(metadata.get('NRRD_space', ''), (1.0, 1.0))
    return scale


def _factor(source: Source, unit: str, known: Mapping[str, float]) -> float:
    word = unit.strip().lower().replace('\N{MICRO SIGN}', 'u').replace('\N{GREEK SMALL LETTER MU}', 'u')
    if word in _NONE:
        return 1.0
    factor = known.get(word, known.get(word.removesuffix('s')))
    if factor is None:
        own = 'mm' if known is _MM else 's'
        warn_user(
            f'{source.name}: its unit {unit!r} is not known: the numbers are taken for {own}; assign '
            'series.spacing or series.axes where that is wrong',
            ImagedataWarning,
        )
        return 1.0
    return factor


def _of_nrrd(source: Source, ndim: int) -> list[str]:
    """Return the units of the axes: those of the space, else those of the array without the pixel's own."""
    end = rb'^\r?\n'
    of_space = _quoted(_field(source, rb'space units:', end))
    of_array = _quoted(_field(source, rb'units:', end))
    if len(of_array) == ndim + 1:
        kinds = _field(source, rb'kinds:', end).lower().split()
        del of_array[next((i for i, kind in enumerate(kinds[:ndim]) if kind not in _DOMAINS), ndim)]
    return [*of_space, *of_array[len(of_space) :]]


def _quoted(text: str) -> list[str]:
    return re.findall(r'"([^"]*)"', text)


def _field(source: Source, start: bytes, end: bytes) -> str:
    """Return the value of a line of the header that starts so; '' without."""
    with source.open() as file:
        block = file.read(_LONGEST)
    stop = re.search(end, block, re.MULTILINE)
    header = block if stop is None else block[: stop.start()]
    found = re.search(rb'^[ \t]*' + start + rb'[ \t]*([^\r\n]*)', header, re.MULTILINE)
    return '' if found is None else found[1].decode('utf-8', errors='replace').strip()
