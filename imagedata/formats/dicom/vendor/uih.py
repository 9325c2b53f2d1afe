"""United Imaging: grids of slices, b values and directions in the private group 0065.

Source: United Imaging Healthcare DICOM conformance statement for uMR, and the headers of public
uMR files: creator 'Image Private Header'; (0065,xx09) b value, FD; (0065,xx37) gradient
direction, FD 3, along rows, columns and normal of the image (as dcm2niix reads it); (0065,xx50)
number of slices in the grid, DS; (0065,xx51) sequence with an item for each slice, whose
(0020,0032) is its Image Position (Patient).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ....errors import GeometryError
from ....geometry import FloatArray, slice_normal
from .values import Diffusion, PrivateElements, numbers, private_value

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['DIFFUSION', 'b_value', 'b_vector', 'grid_positions', 'image_axes', 'remove_grid']

_CREATOR = 'Image Private Header'


def b_value(dataset: Dataset) -> float | None:
    """Return the b value in s/mm2, None when the header has none."""
    found = numbers(private_value(dataset, 0x0065, _CREATOR, 0x09), width=8)
    return found[0] if found else None


def b_vector(dataset: Dataset) -> tuple[float, ...] | None:
    """Return the gradient direction (x, y, z; patient system), None without."""
    found = numbers(private_value(dataset, 0x0065, _CREATOR, 0x37), width=8)
    if len(found) != 3 or not any(found):
        return None
    axes = image_axes(dataset)
    return None if axes is None else tuple(float(v) for v in axes @ found)


def image_axes(dataset: Dataset) -> FloatArray | None:
    """Return the directions of rows, columns and normal: columns of a (3, 3) array, LPS; None without."""
    orientation = numbers(dataset.get('ImageOrientationPatient'))
    if len(orientation) != 6:
        return None
    try:
        normal = slice_normal(orientation)
    except GeometryError:
        return None
    return np.column_stack([orientation[:3], orientation[3:], normal])


DIFFUSION = Diffusion(
    PrivateElements(0x0065, _CREATOR, (0x09,)), PrivateElements(0x0065, _CREATOR, (0x37,)), axes=image_axes
)


def grid_positions(dataset: Dataset) -> list[list[float]] | None:
    """Return the Image Position (Patient) of each slice of a grid, None for other images."""
    items = private_value(dataset, 0x0065, _CREATOR, 0x51)
    count = numbers(private_value(dataset, 0x0065, _CREATOR, 0x50))
    if not items or not count or isinstance(items, (bytes, str)):
        return None
    positions = [numbers(item.get('ImagePositionPatient')) for item in items[: int(count[0])]]
    return positions if all(len(p) == 3 for p in positions) else None


def remove_grid(header: Dataset) -> None:
    """Take the description of the grid from the header of one of its slices."""
    for element in (0x50, 0x51):
        for block in range(0x10, 0x21):
            tag = (0x0065, block << 8 | element)
            creator = (0x0065, block)
            if tag in header and creator in header and str(header[creator].value) == _CREATOR:
                del header[tag]
