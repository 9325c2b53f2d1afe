"""Between the two coordinate systems: LPS+ ('itk') and RAS+ ('nib').

The array stays as it is. Places change sign in x and y. A letter of an orientation code names the
side that an index goes to in 'nib' (nibabel), and the side that it starts from in 'itk' (ITK's
SpatialOrientation); so the codes of one image in the two systems are the opposite of each other.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..utils.two_way_dict import TwoWayDict

__all__ = ['axes_inv', 'convert_affine', 'convert_nib_itk', 'inv_axcodes']

AnyAffine = TypeVar('AnyAffine', bound=NDArray[Any])

axes_inv: TwoWayDict[str, str] = TwoWayDict({'R': 'L', 'A': 'P', 'S': 'I'})
"""Each side, and the opposite one."""


def inv_axcodes(axcodes: str | None) -> str | None:
    """Return the opposite of each letter of an orientation code: 'RAS' for 'LPI'.

    Raises
    ------
    KeyError
        For a letter that names no side.
    """
    return None if axcodes is None else ''.join(axes_inv[letter] for letter in axcodes)


def convert_affine(affine: AnyAffine) -> AnyAffine:
    """Return the affine with x and y of the place negated; an `Affine` stays one.

    Parameters
    ----------
    affine : (d+1, d+1) array
    """
    signs = np.ones(len(affine))
    signs[:2] = -1
    # A column of signs times the rows: diag(signs) @ affine.
    converted: AnyAffine = (signs[:, np.newaxis] * affine + 0.0).astype(affine.dtype)
    return converted


def convert_nib_itk(affine: AnyAffine, *axcodes: str | None) -> tuple[Any, ...]:
    """Return the affine, and orientation codes, in the other coordinate system."""
    return (convert_affine(affine), *(inv_axcodes(code) for code in axcodes))
