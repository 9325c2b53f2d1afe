"""How an array lies in a NIfTI file: voxel order, affine, and the names and values of tag axes.

The voxel layout is the one that dcm2niix produces: the first NIfTI index is the DICOM column,
the second the row counted from the bottom, the third the slice; tag axes follow in their
order. So for an array of (tags..., slice, row, column)::

    nifti[c, rows - 1 - r, s, t...] = array[t..., s, r, c]

dcm2niix lays images with MRAcquisitionType 3D out differently (nearest to RAS); here they are
like all others. NIfTI's patient coordinates are RAS in mm, ours are LPS.

NIfTI has no place for what a dimension after the third is. That goes into a header extension of
code 6 ('comment'), as JSON::

    {"imagedata": {"axes": [{"name": "time", "values": [0.0, 2.5]}]}}

Other programs pass over it. It counts on reading only where it fits the dimensions. Values are
numbers, texts (labels, parts of complex images), or tuples and arrays of them; texts of axes that
are named for the patient (PatientName, PatientID) stay out of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...axis import SPATIAL, Axis
from ...geometry import FloatArray, Geometry, affine_from_parts, ras_from_lps

__all__ = [
    'COMMENT',
    'TIME_AXES',
    'assumed_geometry',
    'axes_from_comment',
    'comment_from_axes',
    'is_axes_comment',
    'lps_from_nifti',
    'nifti_from_lps',
]

COMMENT = 6
"""Code of a header extension that is a comment (nifti1_io.h, NIFTI_ECODE_COMMENT)."""

TIME_AXES = ('time', 'triggertime')
"""Names of the axes whose values are in s."""


def _index_change(rows: int) -> FloatArray:
    """Return the matrix from (slice, row, column, 1) to NIfTI's (i, j, k, 1)."""
    return np.array([[0, 0, 1, 0], [0, -1, 0, rows - 1], [1, 0, 0, 0], [0, 0, 0, 1]], dtype=np.float64)


def lps_from_nifti(affine: FloatArray, rows: int) -> FloatArray:
    """Return the affine of an array from that of the file.

    Parameters
    ----------
    affine : (4, 4) ndarray
        From NIfTI's (i, j, k, 1) to RAS, mm.
    rows : int
        Length of NIfTI's second dimension.

    Returns
    -------
    (4, 4) ndarray
        From (slice, row, column, 1) to LPS, mm.
    """
    return ras_from_lps(affine) @ _index_change(rows)


def nifti_from_lps(affine: FloatArray, rows: int) -> FloatArray:
    """Return the affine of the file from that of an array; inverse of `lps_from_nifti`."""
    return ras_from_lps(affine) @ np.linalg.inv(_index_change(rows))


def assumed_geometry(zooms: Sequence[float], shape: tuple[int, int, int]) -> Geometry:
    """Return the stand-in for an unknown place: axial, first voxel at 0, 0, 0, voxel sizes as given.

    Parameters
    ----------
    zooms : (3,) sequence of float
        Size of a voxel along NIfTI's i, j and k, in mm.
    shape : tuple of int
        Slices, rows, columns.
    """
    spacing = [float(z) for z in zooms][::-1]
    return Geometry(affine_from_parts([1, 0, 0, 0, 1, 0], spacing, [0, 0, 0]), shape, assumed=True)


# --- tag axes ----------------------------------------------------------------------------


def comment_from_axes(axes: Sequence[Axis]) -> tuple[str, list[str]]:
    """Return the JSON text for tag axes, and the names of axes whose values are not in it."""
    kept: list[dict[str, Any]] = []
    dropped: list[str] = []
    for axis in axes:
        try:
            texts = not axis.name.startswith('Patient')
            kept.append({'name': axis.name, 'values': [_encoded(v, texts) for v in axis.values]})
        except TypeError:
            kept.append({'name': axis.name})
            dropped.append(axis.name)
    return json.dumps({'imagedata': {'axes': kept}}, separators=(',', ':')), dropped


def is_axes_comment(text: str) -> bool:
    """Return whether a comment is one of `comment_from_axes`."""
    return text.startswith('{"imagedata":')


def axes_from_comment(text: str, lengths: Sequence[int]) -> list[tuple[str, list[Any] | None]] | None:
    """Return name and values of each tag axis; None when the text is not ours or does not fit.

    Parameters
    ----------
    text : str
        Content of a header extension.
    lengths : sequence of int
        Lengths of the dimensions that are not spatial.
    """
    try:
        axes = json.loads(text)['imagedata']['axes']
        named = [(axis['name'], _all_decoded(axis.get('values'))) for axis in axes]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    names = [name for name, _ in named]
    if len(named) != len(lengths) or not all(isinstance(name, str) and name for name in names):
        return None
    if len(set(names)) != len(names) or set(names) & set(SPATIAL):
        return None
    if any(values is not None and len(values) != n for (_, values), n in zip(named, lengths, strict=True)):
        return None
    return named


def _encoded(value: Any, texts: bool) -> Any:
    """Return a number or text, or nested ones, as JSON can hold them.

    Raises
    ------
    TypeError
        When the value is something else, or a text where `texts` are not wanted.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (bool, int, float)) or (texts and isinstance(value, str)):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in 'biuf':
        return {'array': value.tolist(), 'dtype': value.dtype.str}
    if isinstance(value, tuple):
        return {'tuple': [_encoded(v, texts) for v in value]}
    if isinstance(value, list):
        return [_encoded(v, texts) for v in value]
    raise TypeError(type(value).__name__)


def _all_decoded(values: Any) -> list[Any] | None:
    if values is None:
        return None
    if not isinstance(values, list):
        raise TypeError('values are not a list')
    return [_decoded(v) for v in values]


def _decoded(value: Any) -> Any:
    """Return what `_encoded` was given."""
    if isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, list):
        return [_decoded(v) for v in value]
    if isinstance(value, dict) and 'tuple' in value:
        return tuple(_decoded(v) for v in value['tuple'])
    if isinstance(value, dict) and 'array' in value:
        dtype = np.dtype(value['dtype'])
        if dtype.kind not in 'biuf':
            raise TypeError('not an array of numbers')
        return np.array(value['array'], dtype=dtype)
    raise TypeError('neither a number nor a text')
