"""Where an image lies: position, orientation, spacing, from the geometry of a series.

Where the source image says the same as the geometry, its own texts stay, digit for digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import WriteError
from ...geometry import FloatArray, Geometry, slice_normal
from .encode import ds_text
from .vendor.values import numbers

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['Fit', 'Placement', 'is_turned', 'no_place']

TOLERANCE = 1e-4
"""Largest distance in mm at which a place of the source counts as that of the geometry."""

ON_SLICE = 1e-2
"""Largest distance in mm of a slice from that of its source, where both are the same slice."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What of a source image's place agrees with the geometry.

    Parameters
    ----------
    plane : bool
        Orientation and pixel spacing.
    position : bool
        Image position.
    slice : bool
        The plane in which the image lies.
    """

    plane: bool = False
    position: bool = False
    slice: bool = False


class Placement:
    """Elements of the Image Plane module for the slices of a geometry.

    Parameters
    ----------
    geometry : Geometry

    Raises
    ------
    WriteError
        When the geometry cannot be said in DICOM: rows and columns not at right angles.
    """

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry
        orientation = geometry.orientation
        slant = float(orientation[:3] @ orientation[3:])
        if abs(slant) > 1e-4:
            angle = float(np.degrees(np.arccos(np.clip(slant, -1, 1))))
            raise WriteError(
                f'rows and columns meet at {angle:.4g} degrees, and DICOM images have right angles: '
                'resample to a grid with right angles first'
            )
        _, dr, dc = geometry.spacing
        self._positions = geometry.slice_positions
        self._locations = geometry.slice_locations
        self._normal = geometry.normal
        self._orientation = [ds_text(v) for v in orientation]
        self._spacing = [ds_text(dr), ds_text(dc)]
        self._distance = _slice_distance(geometry)
        self._planes: dict[tuple[float, ...], tuple[bool, bool]] = {}

    @property
    def is_straight(self) -> bool:
        """Whether the slices lie one behind the other along their normal."""
        steps = self._positions - self._positions[0]
        along = np.outer(steps @ self._normal, self._normal)
        return bool(np.abs(steps - along).max() <= TOLERANCE)

    @property
    def offsets(self) -> list[str]:
        """Distance of each slice from the first, along the normal of its rows and columns, mm."""
        normal = slice_normal(self.geometry.orientation)
        steps = (self._positions - self._positions[0]) @ normal
        return [ds_text(round(v, 9)) for v in steps]

    @property
    def signed_distance(self) -> float | None:
        """Distance from each plane to the next along the normal of its rows and columns, mm.

        Negative where they follow each other against it; None where it varies.
        """
        if self._distance is None:
            return None
        normal = slice_normal(self.geometry.orientation)
        return float(self.geometry.affine[:3, 0] @ normal)

    @property
    def first(self) -> dict[str, Any]:
        """Position and orientation of the first slice: keyword to value."""
        position = [ds_text(v) for v in self._positions[0]]
        return {'ImagePositionPatient': position, 'ImageOrientationPatient': self._orientation}

    def fit(self, source: Dataset, number: int) -> Fit:
        """Return what of the source of an image in slice `number` agrees."""
        orientation = numbers(source.get('ImageOrientationPatient'))
        spacing = numbers(source.get('PixelSpacing'))
        position = numbers(source.get('ImagePositionPatient'))
        if len(orientation) != 6 or len(position) != 3:
            return Fit()
        key = (*orientation, *spacing)
        if key not in self._planes:
            self._planes[key] = self._agreement(orientation, spacing)
        plane, parallel = self._planes[key]
        apart = np.asarray(position) - self._positions[number]
        return Fit(
            plane,
            float(np.abs(apart).max()) <= TOLERANCE,
            parallel and abs(float(apart @ self._normal)) <= ON_SLICE,
        )

    def _agreement(self, orientation: list[float], spacing: list[float]) -> tuple[bool, bool]:
        """Return whether the far ends of row and column fall together, and whether planes do."""
        cosines = np.asarray(orientation).reshape(2, 3)
        normal = np.cross(cosines[0], cosines[1])
        parallel = bool(np.linalg.norm(np.cross(normal, self._normal)) < 1e-4)
        if len(spacing) != 2:
            return False, parallel
        _, rows, columns = self.geometry.shape
        mine: FloatArray = self.geometry.affine[:3, 1:3]
        theirs = np.column_stack([cosines[1] * spacing[0], cosines[0] * spacing[1]])
        reach = np.abs(theirs - mine) * [max(rows - 1, 1), max(columns - 1, 1)]
        return bool((reach <= TOLERANCE).all()), parallel

    def common(self, fits: list[Fit], frame_of_reference: str | None) -> dict[str, Any]:
        """Return what is the same for all images: keyword to value.

        Slice Thickness stays that of the source images where every slice lies in the plane of
        its source; elsewhere the slices were resampled, and the distance of slices stands for it.
        """
        values: dict[str, Any] = {}
        if frame_of_reference is not None:
            values['FrameOfReferenceUID'] = frame_of_reference
        if not all(fit.plane for fit in fits):
            values['ImageOrientationPatient'] = self._orientation
            values['PixelSpacing'] = self._spacing
        if self._distance is None:
            values['SpacingBetweenSlices'] = None
        elif not all(fit.slice for fit in fits):
            values['SliceThickness'] = ds_text(self._distance)
        return values

    def of_image(self, number: int, fit: Fit, *, on_slices: bool) -> dict[str, Any]:
        """Return what is the image's own: keyword to value.

        Slice Location has an origin and a direction that the scanner chose: it stays where the
        images of all slices lie in the planes of their sources.
        """
        values: dict[str, Any] = {}
        if not fit.position:
            values['ImagePositionPatient'] = [ds_text(v) for v in self._positions[number]]
        if not on_slices:
            values['SliceLocation'] = ds_text(self._locations[number])
        return values

    def spacing_between_slices(self, source: Dataset | None) -> str | None:
        """Return a new Spacing Between Slices, None where that of the source is right.

        It is measured along the normal, as PS3.3 C.8.4.15 words it: of a sheared stack, it is less than
        `Geometry.spacing[0]`.
        """
        if self._distance is None:
            return None
        given = numbers(source.get('SpacingBetweenSlices')) if source is not None else []
        if given and abs(abs(given[0]) - self._distance) <= TOLERANCE:
            return None
        return ds_text(self._distance)


def no_place(
    geometry: Geometry | None, source: Dataset | None, rows: int, columns: int
) -> dict[str, Any]:
    """Return the spacing of images that have no place: that of a source on the same pixel grid."""
    if source is None:
        return {}
    # Type 2C of images without a place: there, and empty where nothing is known (PS3.3 C.7.6.1).
    values: dict[str, Any] = {'PatientOrientation': ''} if 'PatientOrientation' in source else {}
    if geometry is None:
        return values
    spacing = numbers(source.get('PixelSpacing'))
    same_size = (source.get('Rows'), source.get('Columns')) == (rows, columns)
    if len(spacing) != 2 or not same_size or not np.allclose(spacing, geometry.spacing[1:], rtol=1e-6):
        return values
    kept = ('PixelSpacing', 'SliceThickness', 'SpacingBetweenSlices')
    return {**values, **{keyword: source.get(keyword) for keyword in kept if keyword in source}}


def is_turned(geometry: Geometry | None) -> bool:
    """Return whether the pixels of an assumed geometry are no longer where they were read."""
    if geometry is None or not geometry.assumed:
        return False
    as_read = np.allclose(geometry.orientation, [1, 0, 0, 0, 1, 0])
    return not (as_read and np.allclose(geometry.affine[:2, 3], 0))


def _slice_distance(geometry: Geometry) -> float | None:
    """Return the distance of planes along their normal, None where it varies.

    `Geometry.spacing[0]` is the length of the step, which is more where the stack is sheared.
    """
    if not geometry.is_uniform:
        return None
    distance = abs(float(geometry.affine[:3, 0] @ geometry.normal))
    return distance if distance > 0 else None
