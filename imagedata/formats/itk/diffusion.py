"""Diffusion images in NRRD files: b values and gradient directions in key/value pairs.

Sources: NA-MIC, "NRRD format for DWI and DTI data" (DWMRI_b-value, DWMRI_gradient_NNNN, DWMRI_NEX_NNNN; the
b value of an image goes with the square of the length of its gradient), and NRRD 5, "measurement frame",
whose vectors are the columns of the matrix from gradients to the coordinates of the space.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...axis import Axis, VariableAxis
from ...geometry import FloatArray
from ..contract import Source
from .units import nrrd_field

__all__ = ['axis_of', 'gradients_of', 'is_anatomical', 'keys_of', 'to_lps']

_GRADIENT = 'DWMRI_gradient_'
_NEAR = 1e-3
"""How far lengths of unit vectors are off 1 when they are written with few digits."""

_SIDES = {'right': (0, -1.0), 'left': (0, 1.0), 'anterior': (1, -1.0), 'posterior': (1, 1.0),
          'inferior': (2, -1.0), 'superior': (2, 1.0)}  # fmt: skip
_LETTERS = {side[0]: side for side in _SIDES}


def to_lps(space: str) -> FloatArray | None:
    """Return the factors that take coordinates of a NRRD space to LPS, None where it is not of a patient.

    Examples
    --------
    >>> to_lps('right-anterior-superior')
    array([-1., -1.,  1.])
    >>> to_lps('scanner-xyz')
    """
    words = space.lower().removesuffix('-time').split('-')
    if len(words) == 1 and len(words[0]) in (3, 4):
        words = [_LETTERS.get(letter, '') for letter in words[0][:3]]
    found = [_SIDES.get(word) for word in words]
    if len(found) != 3 or any(side is None or side[0] != at for at, side in enumerate(found)):
        return None
    return np.array([side[1] for side in found if side is not None])


def is_anatomical(source: Source) -> bool:
    """Return whether the coordinates of a NRRD file are those of a patient.

    ITK has a name for spaces of three dimensions only: with others, it writes their number.
    """
    space = nrrd_field(source, 'space')
    if space:
        return to_lps(space) is not None
    return nrrd_field(source, 'space dimension') not in ('', '3')


def gradients_of(
    source: Source, metadata: Mapping[str, str], count: int
) -> tuple[list[float], list[tuple[float, ...]]] | None:
    """Return b values (s/mm2) and directions in the patient (LPS, () where there is none) of the images.

    Parameters
    ----------
    source : Source
    metadata : mapping of str to str
    count : int
        Number of images.

    Returns
    -------
    tuple or None
        None where they are not told, not for so many images, or not in the patient.
    """
    turn = to_lps(nrrd_field(source, 'space'))
    try:
        largest = float(metadata['DWMRI_b-value'])
        vectors = np.array(_listed(metadata), dtype=np.float64).reshape(-1, 3)
        frame = _matrix(nrrd_field(source, 'measurement frame'))
    except (KeyError, ValueError):
        return None
    if turn is None or len(vectors) != count or not np.isfinite(vectors).all() or not largest > 0:
        return None
    lengths = np.linalg.norm(vectors, axis=1)
    if not lengths.max() > 0:
        return None
    parts = (lengths / lengths.max()) ** 2
    parts[parts > 1 - 2 * _NEAR] = 1.0
    placed = (vectors @ frame.T) * turn + 0.0
    directions: list[tuple[float, ...]] = [
        tuple((v / np.linalg.norm(v)).tolist()) if part > 0 else ()
        for v, part in zip(placed, parts, strict=True)
    ]
    return [round(float(part) * largest, 6) for part in parts], directions


def _listed(metadata: Mapping[str, str]) -> list[list[float]]:
    """Return the gradient of each image; one may stand for several (NEX)."""
    found = []
    for number in range(len(metadata)):
        text = metadata.get(f'{_GRADIENT}{number:04d}')
        if text is not None:
            repeats = int(metadata.get(f'DWMRI_NEX_{number:04d}', '1'))
            found += [[float(word) for word in text.split()]] * min(repeats, 1 << 16)
    return found


def _matrix(text: str) -> FloatArray:
    """Return the matrix whose columns are the vectors of a field: '(1,0,0) (0,1,0) (0,0,1)'."""
    if not text:
        return np.eye(3)
    vectors = [[float(word) for word in part.split(',')] for part in re.findall(r'\(([^)]*)\)', text)]
    return np.array(vectors, dtype=np.float64).reshape(3, 3).T


def axis_of(name: str, b_values: Sequence[float], directions: Sequence[tuple[float, ...]]) -> Axis:
    """Return the axis of diffusion that the user names: 'bvector', 'dti', 'rsi' or else 'b'."""
    if name == 'bvector':
        return VariableAxis('bvector', directions)
    if name in ('dti', 'rsi'):
        return VariableAxis(name, zip(b_values, directions, strict=True))
    return VariableAxis('b', [int(b) if b.is_integer() else b for b in b_values])


def keys_of(b_values: Sequence[float], directions: Sequence[Any] | None) -> dict[str, str] | None:
    """Return the key/value pairs of images; None where a weighted one has no direction."""
    largest = max(b_values)
    if directions is None or not largest > 0 or min(b_values) < 0:
        return None
    if any(b > 0 and len(v) != 3 for b, v in zip(b_values, directions, strict=True)):
        return None
    keys = {'modality': 'DWMRI', 'DWMRI_b-value': f'{largest:.17g}'}
    for number, (b, vector) in enumerate(zip(b_values, directions, strict=True)):
        scaled = np.array(vector if b > 0 else (0, 0, 0), dtype=np.float64)
        length = np.linalg.norm(scaled)
        if length:
            scaled = scaled / length * np.sqrt(b / largest)
        keys[f'{_GRADIENT}{number:04d}'] = ' '.join(f'{value:.17g}' for value in scaled)
    return keys
