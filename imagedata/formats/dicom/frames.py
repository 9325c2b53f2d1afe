"""Frames: one two-dimensional image each, with its own place, whatever file it came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import CorruptFileError, UnknownInputError
from ...geometry import FloatArray, slice_normal
from .scan import Instance
from .vendor._private import numbers

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

__all__ = ['Frame', 'frames_of']


@dataclass(slots=True)
class Frame:
    """One image of one slice.

    Parameters
    ----------
    name : str
        Its file, for messages.
    dataset : FileDataset
        Its header, without pixels.
    pixels : bytes or None
        Pixel Data as in the file.
    position : (3,) ndarray or None
        Image Position (Patient), mm; None where the header has no place.
    orientation : (6,) ndarray or None
        Image Orientation (Patient).
    spacing : (2,) ndarray or None
        Pixel Spacing: distance of rows, then of columns, mm.
    """

    name: str
    dataset: FileDataset
    pixels: bytes | None
    position: FloatArray | None
    orientation: FloatArray | None
    spacing: FloatArray | None
    slope: float
    intercept: float

    @property
    def size(self) -> tuple[int, int]:
        """Number of rows and columns."""
        return int(self.dataset.Rows), int(self.dataset.Columns)

    @property
    def instance_number(self) -> int:
        """Instance Number, 0 when the header has none."""
        found = numbers(self.dataset.get('InstanceNumber'))
        return int(found[0]) if found else 0

    @property
    def location(self) -> float:
        """Distance along the slice normal, mm."""
        assert self.position is not None
        assert self.orientation is not None
        return float(self.position @ slice_normal(self.orientation))


def frames_of(instance: Instance) -> list[Frame]:
    """Return the frames of a DICOM object.

    Raises
    ------
    UnknownInputError
        For objects of several frames, which this version does not read.
    CorruptFileError
        When elements that an image must have are missing or no numbers.
    """
    dataset = instance.dataset
    count = _floats(instance, 'NumberOfFrames') or [1]
    if count[0] > 1 or 'PerFrameFunctionalGroupsSequence' in dataset:
        raise UnknownInputError(
            f'{instance.name} is a multi-frame image ({dataset.SOPClassUID.name}, {int(count[0])} frames), '
            'which is not read yet: export it as classic single-frame DICOM'
        )
    for keyword in ('Rows', 'Columns', 'BitsAllocated'):
        if not _floats(instance, keyword):
            raise CorruptFileError(f'{instance.name} has no {keyword}: it is no complete image')
    slope = (_floats(instance, 'RescaleSlope') or [1.0])[0]
    return [
        Frame(
            instance.name,
            dataset,
            instance.pixels,
            _vector(instance, 'ImagePositionPatient', 3),
            _vector(instance, 'ImageOrientationPatient', 6),
            _pixel_spacing(instance),
            slope if slope != 0 else 1.0,
            (_floats(instance, 'RescaleIntercept') or [0.0])[0],
        )
    ]


def _pixel_spacing(instance: Instance) -> FloatArray | None:
    spacing = _vector(instance, 'PixelSpacing', 2)
    if spacing is None:
        spacing = _vector(instance, 'ImagerPixelSpacing', 2)
    return spacing if spacing is not None and (spacing > 0).all() else None


def _floats(instance: Instance, keyword: str) -> list[float]:
    """Return the numbers of an element, [] when it is missing or empty."""
    try:
        value: Any = instance.dataset.get(keyword)
    except (ValueError, TypeError, NotImplementedError, KeyError) as error:
        raise CorruptFileError(f'{instance.name}: {keyword} cannot be read ({error})') from error
    return numbers(value)


def _vector(instance: Instance, keyword: str, length: int) -> FloatArray | None:
    found = _floats(instance, keyword)
    if not found:
        return None
    if len(found) != length or not np.isfinite(found).all():
        raise CorruptFileError(
            f'{instance.name}: {keyword} has the values {found}, and {length} finite numbers are expected'
        )
    return np.array(found)


def by_place(frames: Sequence[Frame], tolerance: float) -> list[list[Frame]]:
    """Return frames grouped by their place along the slice normal, in its direction.

    Parameters
    ----------
    frames : sequence of Frame
        All of one orientation.
    tolerance : float
        Largest distance, in mm, of neighbours at one place.
    """
    assert frames[0].orientation is not None
    normal = slice_normal(frames[0].orientation)
    located = sorted(((float(f.position @ normal), i) for i, f in enumerate(frames)))  # type: ignore[operator]
    cells: list[list[Frame]] = []
    last = -np.inf
    for location, i in located:
        if location - last > tolerance:
            cells.append([])
        cells[-1].append(frames[i])
        last = location
    return cells
