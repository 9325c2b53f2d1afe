"""Diffusion weighting beside NIfTI: `.bval` and `.bvec` files in the convention of FSL.

b values stand in one line. Gradient directions stand in three lines: their components along the
image's own first, second and third axis; the first is negated where the affine has a positive
determinant. Source: FSL's documentation of FDT, "What conventions do the bvecs use?".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...axis import Axis
from ...geometry import FloatArray, Geometry
from ...header import Header, Images
from ..contract import Source
from .layout import nifti_from_lps

__all__ = [
    'bval_text', 'bvec_text', 'diffusion_of', 'directions_from_fsl', 'fsl_directions',
    'images_with_directions', 'numbers_of', 'read_numbers',
]  # fmt: skip


_LONGEST_TEXT = 1 << 20


def diffusion_of(header: Header, count: int) -> tuple[list[float], list[Any] | None] | None:
    """Return b values and gradient directions (LPS) of the volumes, None where they are not known.

    Parameters
    ----------
    header : Header
    count : int
        Number of volumes.

    Returns
    -------
    b_values : list of float
        In s/mm2.
    directions : list of sequences or None
        x, y, z in the patient, empty where there is none; None where no volume has one.
    """
    if len(header.tag_dims) != 1 or header.tag_dims[0] not in ('b', 'dti', 'rsi'):
        return None
    name = header.tag_dims[0]
    values = header.axis(name, count).values
    if name in ('dti', 'rsi'):
        pairs = [v if isinstance(v, tuple) and len(v) == 2 else (v, ()) for v in values]
        b_values, directions = [p[0] for p in pairs], [tuple(p[1]) for p in pairs]
    else:
        b_values, directions = values, _directions_beside(header, count)
    if not all(isinstance(b, (int, float)) for b in b_values):
        return None
    found = [float(b) for b in b_values]
    return found, (directions if any(len(d) for d in directions) else None)


def _directions_beside(header: Header, count: int) -> list[Any]:
    """Return the directions that the images of a series sorted on b have, () without."""
    images = header.images
    if images is None or 'bvector' not in images.tags or 'b' not in images.dims:
        return [()] * count
    volumes = np.moveaxis(images.tags['bvector'], images.dims.index('b'), 0)
    first = [volume.ravel()[0] for volume in volumes]
    return [tuple(v) if isinstance(v, tuple) else () for v in first] if len(first) == count else [()] * count


def fsl_directions(directions: Sequence[Sequence[float]], affine: FloatArray) -> NDArray[np.float64]:
    """Return directions in the axes of an image.

    Parameters
    ----------
    directions : sequence of (3,) or ()
        x, y, z in LPS; none counts as 0, 0, 0.
    affine : (4, 4) ndarray
        Of the image, from (i, j, k) to RAS.

    Returns
    -------
    (3, n) ndarray
    """
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    lps = np.array([tuple(d) if len(d) == 3 else (0.0, 0.0, 0.0) for d in directions])
    along = axes.T @ (lps * [-1.0, -1.0, 1.0]).T
    if np.linalg.det(axes) > 0:
        along[0] = -along[0]
    return np.asarray(along + 0.0)


def bval_text(b_values: Sequence[float]) -> str:
    """Return the text of a `.bval` file."""
    return ' '.join(f'{b:g}' for b in b_values) + '\n'


def bvec_text(directions: NDArray[np.float64]) -> str:
    """Return the text of a `.bvec` file."""
    return '\n'.join(' '.join(f'{v:.6g}' for v in row) for row in directions) + '\n'


def directions_from_fsl(
    rows: Sequence[Sequence[float]], geometry: Geometry, count: int
) -> list[tuple[float, ...]] | None:
    """Return directions in the patient; inverse of `fsl_directions`.

    Parameters
    ----------
    rows : three sequences of `count` numbers, or `count` sequences of three
        Content of a `.bvec` file. Some programs write a line for each direction.
    geometry : Geometry
        Of the image.
    count : int
        Number of volumes.

    Returns
    -------
    list of tuple or None
        x, y, z in LPS, () for 0, 0, 0. None where the numbers are not as many.
    """
    lengths = {len(row) for row in rows}
    if len(rows) == 3 and lengths == {count}:
        along = np.array(rows, dtype=np.float64)
    elif len(rows) == count and lengths == {3}:
        along = np.array(rows, dtype=np.float64).T
    else:
        return None
    affine = nifti_from_lps(geometry.affine, geometry.shape[1])
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    if np.linalg.det(axes) > 0:
        along[0] = -along[0]
    lps = np.linalg.inv(axes.T) @ along * np.array([[-1.0], [-1.0], [1.0]]) + 0.0
    return [tuple(float(x) for x in v) if v.any() else () for v in lps.T]


def images_with_directions(
    axes: Sequence[Axis], at: int, directions: Sequence[tuple[float, ...]], slices: int
) -> Images:
    """Return images without headers that know b value and direction, also when they stand alone.

    Parameters
    ----------
    axes : sequence of Axis
        Those beside slice, row and column.
    at : int
        Which of them has the directions.
    directions : sequence of tuple
        x, y, z in LPS, () where there is none; one for each index of that axis.
    slices : int
    """
    counts = [len(a) for a in axes]
    tags = {}
    for name, values in ((axes[at].name, axes[at].values), ('bvector', directions)):
        column = np.empty(len(axes[at]), dtype=object)
        column[:] = values
        spread = column.reshape([n if i == at else 1 for i, n in enumerate([*counts, 1])])
        tags[name] = np.broadcast_to(spread, (*counts, slices))
    ids = np.arange(int(np.prod([*counts, slices]))).reshape(*counts, slices)
    return Images((*(a.name for a in axes), 'slice'), ids, None, tags)


def numbers_of(text: str | bytes) -> list[list[float]] | None:
    """Return the numbers of each line that has some, None where there is something else."""
    try:
        rows = [[float(word) for word in line.split()] for line in text.splitlines()]
    except ValueError:
        return None
    return [row for row in rows if row]


def read_numbers(source: Source) -> list[list[float]] | None:
    """Return the numbers of each line of a small text file, None where there is something else."""
    with source.open() as stream:
        return numbers_of(stream.read(_LONGEST_TEXT))
