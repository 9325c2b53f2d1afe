"""Frames: one two-dimensional image each, with a header and a place of its own.

Classic files are one frame; enhanced and other multi-frame files, and mosaics, are many. Each
frame shows a classic header, so that sorting, rescaling and writing know one kind only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import CannotSort, CorruptFileError
from ...geometry import FloatArray, slice_normal
from .packed import PackedHeader, remembered
from .plausible import items
from .scaling import Scale, modality_scale
from .scan import Instance
from .vendor.values import numbers

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['Frame', 'Pixels', 'Tile', 'by_place', 'by_slice_location', 'frame_from', 'frames_of']


class Pixels:
    """Pixel Data of one file, whose frames are decoded one after the other, once each.

    Parameters
    ----------
    instance : Instance
    count : int
        Number of frames in the file.
    """

    __slots__ = ('_last', '_offsets', 'count', 'data', 'header', 'name', 'slot', 'tag', 'vr')

    def __init__(self, instance: Instance, count: int) -> None:
        self.name = instance.name
        self.header = instance.dataset
        self.data = instance.pixels
        self.tag = instance.pixel_tag
        self.vr = instance.pixel_vr
        self.slot = instance.slot
        self.count = count
        self._last: tuple[int, NDArray[Any]] | None = None
        self._offsets: tuple[list[int], list[int]] | None = None

    def frame(self, index: int) -> NDArray[Any]:
        """Return the stored values of one frame, (rows, columns)."""
        from .pixels import decode

        last = self._last  # several threads may ask for frames of one file
        if last is None or last[0] != index:
            last = self._last = (index, decode(self, index))
        return last[1]

    def offsets(self) -> tuple[list[int], list[int]]:
        """Return offset and length of each frame, as in an Extended Offset Table (PS3.5 A.4).

        Empty: there is a table, or frames have several fragments each. Without this, each frame would be
        looked for from the first one on.
        """
        if self._offsets is None:
            fragments = list(items(self.data or b''))
            plain = len(fragments) == self.count + 1 and fragments[0][1] == 0
            frames = fragments[1:] if plain and 'ExtendedOffsetTable' not in self.header else []
            self._offsets = [start - 16 for start, _ in frames], [length for _, length in frames]
        return self._offsets


@dataclass(frozen=True, slots=True)
class Tile:
    """Part of a frame: a slice in a mosaic."""

    row: int
    column: int
    rows: int
    columns: int


@dataclass(slots=True)
class Frame:
    """One image of one slice.

    Parameters
    ----------
    name : str
        Its file, for messages.
    dataset : Dataset
        Its header, without pixels, with the elements of a classic image.
    pixels : Pixels
    index : int
        Number of the frame in its file.
    tile : Tile or None
        Part of that frame, None for the whole.
    position : (3,) ndarray or None
        Image Position (Patient), mm; None where the header has no place.
    orientation : (6,) ndarray or None
        Image Orientation (Patient).
    spacing : (2,) ndarray or None
        Pixel Spacing: distance of rows, then of columns, mm. The distance of slices is no matter of
        one frame: `Geometry.from_slices` measures it.
    scale : Scale
        From stored values to values.
    """

    name: str
    dataset: Dataset
    pixels: Pixels
    index: int
    tile: Tile | None
    position: FloatArray | None
    orientation: FloatArray | None
    spacing: FloatArray | None
    scale: Scale

    @property
    def size(self) -> tuple[int, int]:
        """Number of rows and columns."""
        return remembered(_matrix, self.dataset)

    @property
    def instance_number(self) -> int:
        """Instance Number, 0 when the header has none."""
        found = floats(self.name, self.dataset, 'InstanceNumber')
        return int(found[0]) if found else 0

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes two frames the same image."""
        return (str(self.dataset.get('SOPInstanceUID', self.name)), self.index, self.tile)

    @property
    def location(self) -> float:
        """Distance along the slice normal, mm; 0 without a place."""
        if self.position is None or self.orientation is None:
            return 0.0
        return float(self.position @ slice_normal(self.orientation))

    def stored(self) -> NDArray[Any]:
        """Return the stored values, (rows, columns)."""
        whole = self.pixels.frame(self.index)
        if self.tile is None:
            return whole
        t = self.tile
        return whole[t.row : t.row + t.rows, t.column : t.column + t.columns]


def frames_of(instance: Instance) -> list[Frame]:
    """Return the frames of a DICOM object.

    Raises
    ------
    CorruptFileError
        When elements that an image must have are missing, or are no numbers.
    """
    from . import mosaic, multiframe

    dataset = instance.dataset
    count = remembered(_count, dataset, instance.name)
    pixels = Pixels(instance, max(count, 1))
    if count > 1 or 'PerFrameFunctionalGroupsSequence' in dataset:
        return multiframe.frames(instance, pixels)
    tiles = remembered(mosaic.tiles, dataset, instance.name)
    if tiles is not None:
        return mosaic.frames(instance, pixels, tiles)
    return [frame_from(instance.name, dataset, pixels)]


def _count(dataset: Dataset, name: str) -> int:
    """Return the number of frames in a file, which has what each image must have."""
    for keyword in ('Rows', 'Columns', 'BitsAllocated'):
        if not floats(name, dataset, keyword):
            raise CorruptFileError(f'{name} has no {keyword}: it is no complete image')
    return int((floats(name, dataset, 'NumberOfFrames') or [1])[0])


def _matrix(dataset: Dataset) -> tuple[int, int]:
    return int(dataset.Rows), int(dataset.Columns)


def frame_from(
    name: str, dataset: Dataset, pixels: Pixels, index: int = 0, tile: Tile | None = None
) -> Frame:
    """Return the frame that a classic header describes."""
    place = remembered(_place, dataset, name)
    return Frame(name, dataset, pixels, index, tile, *place, remembered(modality_scale, dataset, name))


def _place(
    dataset: Dataset, name: str
) -> tuple[FloatArray | None, FloatArray | None, FloatArray | None]:
    """Return position, orientation and pixel spacing."""
    # Images at different positions share the others.
    return (
        vector(name, dataset, 'ImagePositionPatient', 3),
        remembered(_orientation, dataset, name),
        remembered(_pixel_spacing, dataset, name),
    )


def _orientation(dataset: Dataset, name: str) -> FloatArray | None:
    return vector(name, dataset, 'ImageOrientationPatient', 6)


_SPACINGS = ('PixelSpacing', 'ImagerPixelSpacing', 'NominalScannedPixelSpacing', 'ImagePlanePixelSpacing')
"""PS3.3 10.7 (image plane, projection), C.8.6.2 (secondary capture), C.8.8.2 (RT image)."""

_CENTIMETRE = 3


def _ultrasound_spacing(name: str, dataset: Dataset) -> FloatArray | None:
    """Return the spacing of an ultrasound image whose regions agree on it (PS3.3 C.8.5.5), None else."""
    found = set()
    for region in dataset.get('SequenceOfUltrasoundRegions') or []:
        units = [floats(name, region, f'PhysicalUnits{axis}Direction') for axis in 'YX']
        delta = [floats(name, region, f'PhysicalDelta{axis}') for axis in 'YX']
        if units == [[_CENTIMETRE], [_CENTIMETRE]] and all(delta):
            found.add((abs(delta[0][0]) * 10, abs(delta[1][0]) * 10))
        else:
            return None  # a trace or a spectrum beside the image
    return np.array(found.pop()) if len(found) == 1 else None


def _pixel_spacing(dataset: Dataset, name: str) -> FloatArray | None:
    """Return the distance of rows and of columns, mm: in the patient, else at the detector or scanner."""
    for keyword in _SPACINGS:
        spacing = vector(name, dataset, keyword, 2)
        if spacing is not None:
            break
    else:
        spacing = _ultrasound_spacing(name, dataset)
    return spacing if spacing is not None and (spacing > 0).all() else None


def floats(name: str, dataset: Dataset, keyword: str) -> list[float]:
    """Return the numbers of an element, [] when it is missing or empty."""
    if isinstance(dataset, PackedHeader):
        known = dataset.floats(keyword)
        if known is not None:
            return known
    try:
        value: Any = dataset.get(keyword)
    except (ValueError, TypeError, NotImplementedError, KeyError) as error:
        raise CorruptFileError(f'{name}: {keyword} cannot be read ({error})') from error
    return numbers(value)


def vector(name: str, dataset: Dataset, keyword: str, length: int) -> FloatArray | None:
    """Return the numbers of an element of known length, None when it is missing or empty."""
    found = floats(name, dataset, keyword)
    if not found:
        return None
    if len(found) != length or not np.isfinite(found).all():
        raise CorruptFileError(
            f'{name}: {keyword} has the values {found}, and {length} finite numbers are expected'
        )
    values = np.array(found)
    values.flags.writeable = False  # images at one place share it
    return values


def by_slice_location(frames: Sequence[Frame], tolerance: float = 1e-3) -> list[list[Frame]]:
    """Return frames grouped by Slice Location, rising.

    Raises
    ------
    CannotSort
        When an image has none.
    """
    located = []
    for i, frame in enumerate(frames):
        found = floats(frame.name, frame.dataset, 'SliceLocation')
        if not found:
            raise CannotSort(
                f'{frame.name} has no Slice Location: sort on positions, without sort_on_slice_location'
            )
        located.append((found[0], i))
    cells: list[list[Frame]] = []
    last = -np.inf
    for location, i in sorted(located):
        if location - last > tolerance:
            cells.append([])
        cells[-1].append(frames[i])
        last = location
    return cells


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
    located = sorted((float(np.dot(f.position, normal)), i) for i, f in enumerate(frames))  # type: ignore[arg-type]
    cells: list[list[Frame]] = []
    last = -np.inf
    for location, i in located:
        if location - last > tolerance:
            cells.append([])
        cells[-1].append(frames[i])
        last = location
    return cells
