"""Canon and Toshiba: gradient directions in the comments of MR images.

Source: headers of public files of Canon V6.0: Diffusion b-value is the standard element, and Image
Comments (0020,4000) holds `b=1500(0.445,-0.895,0.000)`, the b value and a direction relative to the
image. It is documented nowhere; validation data (rordenlab/dcm2niix issue 422) show the direction
against the columns first, then that against the rows, then that along the normal. Other releases
write the standard elements for both.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from ....errors import GeometryError
from ....geometry import slice_normal
from .values import Diffusion, numbers

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['DIFFUSION', 'b_value', 'b_vector', 'without_diffusion']

_NUMBER = r'\s*([-+]?\d*\.?\d+)\s*'
_COMMENT = re.compile(rf'b\s*={_NUMBER}\({_NUMBER},{_NUMBER},{_NUMBER}\)')


DIFFUSION = Diffusion()


def _comment(dataset: Dataset) -> list[float]:
    maker = str(dataset.get('Manufacturer') or '').upper()
    if not maker.startswith(('CANON', 'TOSHIBA')):
        return []
    found = _COMMENT.search(str(dataset.get('ImageComments') or ''))
    return [float(part) for part in found.groups()] if found else []


def b_value(dataset: Dataset) -> float | None:
    """Return the b value in s/mm2, None when the header has none."""
    found = _comment(dataset)
    return found[0] if found else None


def b_vector(dataset: Dataset) -> tuple[float, ...] | None:
    """Return the gradient direction (x, y, z; patient system), None without."""
    found = _comment(dataset)[1:]
    orientation = numbers(dataset.get('ImageOrientationPatient'))
    if len(found) != 3 or not any(found) or len(orientation) != 6:
        return None
    try:
        normal = slice_normal(orientation)
    except GeometryError:
        return None
    axes = np.column_stack([-np.array(orientation[3:]), -np.array(orientation[:3]), normal])
    return tuple(float(v) for v in axes @ found)


def without_diffusion(dataset: Dataset) -> str | None:
    """Return the comment without b value and direction, None where it has none of them."""
    return _COMMENT.sub('', str(dataset.ImageComments)).strip() if _comment(dataset) else None
