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

from ...geometry import FloatArray
from ...header import Header

__all__ = ['bval_text', 'bvec_text', 'diffusion_of', 'fsl_directions']


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
