"""What ITK leaves out of headers: units other than mm and s, and directions other than LPS.

Sources: NRRD 5, "space units" (one for each axis of the space) and "units" (one for each axis of
the array); MetaIO, DistanceUnits. ITK's readers take all of them for mm, and NRRD's spaces with a time
for LPS.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from ...geometry import FloatArray
from ..contract import Source
from ..units import MM, SECONDS, factor

__all__ = ['nrrd_field', 'scale_of']

_LONGEST = 1 << 20
"""Bytes of a header that are looked at."""

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
    units: Sequence[str] = ()
    if kind == 'MetaImage':
        units = [_field(source, rb'DistanceUnits[ \t]*=', rb'^[ \t]*ElementDataFile')] * 3
    elif kind == 'NRRD':
        units = _of_nrrd(source, ndim)
    known = [MM, MM, MM, SECONDS]
    scale = np.array([
        factor(source.name, unit, table) for unit, table in zip([*units, '', '', '', ''], known, strict=False)
    ])  # fmt: skip
    scale[:2] *= _TURNED.get(metadata.get('NRRD_space', ''), (1.0, 1.0))
    return scale


def nrrd_field(source: Source, name: str) -> str:
    """Return the value of a field of a NRRD header, '' without."""
    return _field(source, re.escape(name.encode()) + b':(?!=)', rb'^\r?\n')


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
