"""Where voxels lie in the patient: pure functions, and one value class.

Inside the library there is one convention. A voxel index is (slice, row, column). A place is
(x, y, z) in mm in the DICOM patient system, LPS: x grows to the patient's left, y to the back
(posterior), z to the head (superior). `Geometry.affine` takes the one to the other::

    (x, y, z, 1) = affine @ (slice, row, column, 1)

Other conventions (NIfTI's RAS, the z,y,x order of the public properties) are converted by the
functions at the end of this module, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import GeometryError

__all__ = [
    'FloatArray',
    'Geometry',
    'affine_from_parts',
    'apply_affine',
    'flip_handedness',
    'ras_from_lps',
    'slice_normal',
]

FloatArray: TypeAlias = NDArray[np.float64]

POSITION_TOLERANCE = 1e-3
"""Largest distance, in mm, between two places that are called the same."""

UNIFORM_TOLERANCE = 1e-2
"""Largest distance, in mm, of a slice from its place in an even stack."""


EXACT_TOLERANCE = 1e-6
"""The same for parts of a stack, which must stay where they were: rounding only, in mm."""


def apply_affine(affine: ArrayLike, points: ArrayLike) -> FloatArray:
    """Return `affine` applied to points.

    Parameters
    ----------
    affine : (4, 4) array_like
    points : (..., 3) array_like

    Returns
    -------
    (..., 3) ndarray

    Examples
    --------
    >>> apply_affine(np.diag([2, 3, 4, 1]), [[0, 0, 0], [1, 1, 1]])
    array([[0., 0., 0.],
           [2., 3., 4.]])
    """
    matrix = np.asarray(affine, dtype=np.float64)
    return np.asarray(points, dtype=np.float64) @ matrix[:3, :3].T + matrix[:3, 3]


def slice_normal(orientation: ArrayLike) -> FloatArray:
    """Return the unit normal of the image plane.

    Parameters
    ----------
    orientation : (6,) array_like
        Image Orientation (Patient): x, y, z of the direction in which the column index grows,
        then of that in which the row index grows.

    Returns
    -------
    (3,) ndarray
        Their cross product (DICOM PS3.3 C.7.6.2.1.1).

    Examples
    --------
    >>> slice_normal([1, 0, 0, 0, 1, 0])
    array([0., 0., 1.])
    """
    cosines = np.asarray(orientation, dtype=np.float64).reshape(2, 3)
    normal = np.cross(cosines[0], cosines[1])
    length = float(np.linalg.norm(normal))
    if length < 1e-6:
        raise GeometryError(
            f'image orientation {np.round(cosines, 6).tolist()} spans no plane: '
            'its two directions are parallel or zero'
        )
    return np.asarray(normal / length)


def affine_from_parts(
    orientation: ArrayLike, spacing: ArrayLike, origin: ArrayLike, slice_step: ArrayLike | None = None
) -> FloatArray:
    """Return the affine of an image from its DICOM parts (PS3.3 C.7.6.2.1.1, equation C.7.6.2.1-1).

    Parameters
    ----------
    orientation : (6,) array_like
        Image Orientation (Patient), x, y, z order.
    spacing : (3,) array_like
        Slice, row and column spacing in mm. The row spacing is the distance of neighbouring
        rows, the first value of Pixel Spacing.
    origin : (3,) array_like
        Place of the first voxel, x, y, z in mm.
    slice_step : (3,) array_like, optional
        From one slice to the next, in mm; `spacing[0]` along the normal when not given.

    Returns
    -------
    (4, 4) ndarray
    """
    cosines = np.asarray(orientation, dtype=np.float64).reshape(2, 3)
    ds, dr, dc = np.asarray(spacing, dtype=np.float64)
    affine = np.eye(4)
    affine[:3, 0] = slice_normal(orientation) * ds if slice_step is None else slice_step
    affine[:3, 1] = cosines[1] * dr
    affine[:3, 2] = cosines[0] * dc
    affine[:3, 3] = origin
    return affine


def ras_from_lps(affine: ArrayLike) -> FloatArray:
    """Return an affine to RAS from one to LPS, or the other way round (its own inverse)."""
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.asarray(affine, dtype=np.float64)


def flip_handedness(affine: ArrayLike) -> FloatArray:
    """Return an affine to (z, y, x) from one to (x, y, z), or the other way round."""
    return np.asarray(affine, dtype=np.float64)[[2, 1, 0, 3]]


def _frozen(array: ArrayLike) -> FloatArray:
    copy = np.array(array, dtype=np.float64)
    copy.flags.writeable = False
    return copy


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """The grid of a volume in the patient.

    Parameters
    ----------
    affine : (4, 4) array_like
        From (slice, row, column, 1) to LPS (x, y, z, 1), mm. Columns need not be orthogonal:
        the shear of a tilted gantry is kept.
    shape : tuple of int
        Number of slices, rows and columns.
    frame_of_reference : str, optional
        Frame of Reference UID: places are comparable within one frame of reference.
    positions : (slices, 3) array_like, optional
        Place of the first voxel of each slice, where slices are not evenly spaced. The affine
        then holds the mean step.
    assumed : bool
        True where nothing is known, and unit spacing at the origin stands for it.
    space_codes : (int, int), optional
        What space the places are in, as NIfTI's codes of sform and qform say it (2: aligned to
        another image, 3: Talairach, 4: MNI 152); None: the patient, as the scanner saw him.
    """

    affine: FloatArray
    shape: tuple[int, int, int]
    frame_of_reference: str | None = None
    positions: FloatArray | None = None
    assumed: bool = False
    space_codes: tuple[int, int] | None = None
    _inverse: list[FloatArray] = field(default_factory=list, repr=False, init=False)

    def __post_init__(self) -> None:
        affine = np.asarray(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.array_equal(affine[3], [0, 0, 0, 1]):
            raise GeometryError(f'an affine is a 4 x 4 matrix with last row 0 0 0 1, got {affine.tolist()}')
        if not np.isfinite(affine).all():
            raise GeometryError(f'an affine must be finite, got {affine.tolist()}')
        object.__setattr__(self, 'affine', _frozen(affine))
        shape = tuple(int(n) for n in self.shape)
        if len(shape) != 3:
            raise GeometryError(f'a geometry has 3 dimensions, got shape {self.shape}')
        object.__setattr__(self, 'shape', shape)
        if self.positions is not None:
            positions = _frozen(self.positions)
            if positions.shape != (shape[0], 3):
                raise GeometryError(
                    f'{shape[0]} slices need positions of shape ({shape[0]}, 3), got {positions.shape}'
                )
            object.__setattr__(self, 'positions', positions)

    # --- construction ---------------------------------------------------------------

    @classmethod
    def unit(cls, shape: tuple[int, int, int]) -> Geometry:
        """Return the stand-in for an unknown geometry: 1 mm voxels, axial, first at 0, 0, 0."""
        return cls(affine_from_parts([1, 0, 0, 0, 1, 0], [1, 1, 1], [0, 0, 0]), shape, assumed=True)

    @classmethod
    def from_slices(
        cls,
        positions: ArrayLike,
        orientation: ArrayLike,
        pixel_spacing: ArrayLike,
        shape: tuple[int, int, int],
        *,
        slice_spacing: float = 1.0,
        frame_of_reference: str | None = None,
        tolerance: float = UNIFORM_TOLERANCE,
    ) -> Geometry:
        """Return the geometry of slices at measured positions.

        Parameters
        ----------
        positions : (slices, 3) array_like
            Image Position (Patient) of each slice, x, y, z in mm, in the order of the slices.
        orientation : (6,) array_like
            Image Orientation (Patient).
        pixel_spacing : (2,) array_like
            Distance of rows, then of columns, mm.
        shape : tuple of int
            Slices, rows, columns.
        slice_spacing : float
            Distance of slices in mm, used for a single slice only; elsewhere it is the length of the
            mean step from position to position, whether or not that is along the normal.
        frame_of_reference : str, optional
        tolerance : float
            Largest distance in mm of a slice from its place in an even stack; beyond it, the
            positions are kept slice by slice.
        """
        places = np.asarray(positions, dtype=np.float64).reshape(-1, 3)
        dr, dc = np.asarray(pixel_spacing, dtype=np.float64)
        step = _mean_step(places)
        affine = affine_from_parts(orientation, [slice_spacing, dr, dc], places[0], step)
        even = step is None or _deviation(places, step) <= tolerance
        return cls(affine, shape, frame_of_reference, None if even else places)

    # --- parts ----------------------------------------------------------------------

    @property
    def origin(self) -> FloatArray:
        """Place of voxel (0, 0, 0): (3,) x, y, z in mm."""
        return self.affine[:3, 3]

    @property
    def spacing(self) -> FloatArray:
        """Lengths of the steps from slice to slice, row to row, column to column: (3,) in mm.

        Those of the affine's first three columns. The slice step of a sheared stack is longer than
        the distance of its planes along the normal, `np.diff(slice_locations)`.

        Examples
        --------
        >>> tilted = Geometry([[0, 0, 2, 0], [3, 2, 0, 0], [4, 0, 0, 0], [0, 0, 0, 1]], (3, 5, 6))
        >>> tilted.spacing, np.abs(np.diff(tilted.slice_locations))
        (array([5., 2., 2.]), array([4., 4.]))
        """
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    @property
    def voxel_volume(self) -> float:
        """Volume of a voxel in mm³: the size of the affine's determinant, also where the stack is sheared.

        Raises
        ------
        GeometryError
            When slices are not evenly spaced: then voxels have no volume in common.

        Examples
        --------
        >>> tilted = Geometry([[0, 0, 2, 0], [1, 2, 0, 0], [3, 0, 0, 0], [0, 0, 0, 1]], (4, 5, 6))
        >>> round(tilted.voxel_volume, 6), round(float(np.prod(tilted.spacing)), 6)
        (12.0, 12.649111)
        """
        if not self.is_uniform:
            raise GeometryError(
                f'{self.shape[0]} slices are unevenly spaced, so that voxels have no volume in common; '
                'resample them, or take a part that is even'
            )
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @property
    def center(self) -> FloatArray:
        """Place of the middle of the grid, between voxels where a count is even: (3,) x, y, z in mm."""
        return self.to_world((np.array(self.shape) - 1) / 2)

    @property
    def directions(self) -> FloatArray:
        """Unit vectors along which slice, row and column index grow: the columns of a (3, 3) array."""
        spacing = self.spacing
        return self.affine[:3, :3] / np.where(spacing > 0, spacing, 1.0)

    @property
    def orientation(self) -> FloatArray:
        """Image Orientation (Patient): (6,), x, y, z order."""
        directions = self.directions
        return np.concatenate([directions[:, 2], directions[:, 1]])

    @property
    def normal(self) -> FloatArray:
        """Unit normal of the slices: (3,) x, y, z; cross product of row and column direction."""
        return slice_normal(self.orientation)

    @property
    def slice_positions(self) -> FloatArray:
        """Place of the first voxel of each slice: (slices, 3) x, y, z in mm."""
        if self.positions is not None:
            return self.positions
        return self.origin + np.arange(self.shape[0])[:, np.newaxis] * self.affine[:3, 0]

    @property
    def slice_locations(self) -> FloatArray:
        """Distance of each slice from the origin of the patient system along the normal: (slices,) mm."""
        return self.slice_positions @ self.normal

    @property
    def is_uniform(self) -> bool:
        """Whether the affine alone places every voxel."""
        return self.positions is None

    @property
    def is_sheared(self) -> bool:
        """Whether slices are shifted against each other (gantry tilt), by more than 1e-3."""
        directions = self.directions
        return bool(abs(abs(directions[:, 0] @ self.normal) - 1) > 5e-7)

    # --- places ---------------------------------------------------------------------

    def to_world(self, index: ArrayLike) -> FloatArray:
        """Return the places of voxel indices.

        Parameters
        ----------
        index : (..., 3) array_like
            (slice, row, column), whole or fractional, also outside the grid.

        Returns
        -------
        (..., 3) ndarray
            x, y, z in mm, LPS.
        """
        points = np.asarray(index, dtype=np.float64)
        world = apply_affine(self.affine, points)
        if self.positions is not None:
            uniform = self.origin + points[..., :1] * self.affine[:3, 0]
            world = world + self._slice_position(points[..., 0]) - uniform
        return world

    def to_index(self, points: ArrayLike) -> FloatArray:
        """Return the fractional voxel indices (slice, row, column) of places; inverse of `to_world`.

        Raises
        ------
        GeometryError
            When the affine has no inverse.
        """
        places = np.asarray(points, dtype=np.float64)
        if self.positions is not None and self.shape[0] > 1:
            return self._to_index_uneven(places)
        return apply_affine(self._inverted(), places)

    def _inverted(self) -> FloatArray:
        if not self._inverse:
            try:
                self._inverse.append(np.asarray(np.linalg.inv(self.affine), dtype=np.float64))
            except np.linalg.LinAlgError as error:
                raise GeometryError(f'the affine {self.affine.tolist()} has no inverse') from error
        return self._inverse[0]

    def _slice_position(self, index: FloatArray) -> FloatArray:
        """Interpolate, and extrapolate, the slice positions linearly."""
        assert self.positions is not None
        if len(self.positions) == 1:
            return np.asarray(self.positions[0] + index[..., np.newaxis] * self.affine[:3, 0])
        low = np.clip(np.floor(index).astype(int), 0, len(self.positions) - 2)
        part = (index - low)[..., np.newaxis]
        return np.asarray(self.positions[low] * (1 - part) + self.positions[low + 1] * part)

    def _to_index_uneven(self, places: FloatArray) -> FloatArray:
        locations = self.slice_locations
        wanted = places @ self.normal
        order = np.argsort(locations)
        low = np.clip(np.searchsorted(locations[order], wanted) - 1, 0, len(order) - 2)
        a, b = order[low], order[low + 1]
        index = a + (wanted - locations[a]) / (locations[b] - locations[a]) * (b - a)
        inplane = self.affine[:3, 1:3]
        offset = np.asarray(places - self._slice_position(np.asarray(index, dtype=np.float64)))
        rowcol = offset @ np.linalg.pinv(inplane).T
        return np.concatenate([np.asarray(index)[..., np.newaxis], rowcol], axis=-1)

    # --- derived geometries -----------------------------------------------------------

    def take(self, picked: Sequence[range]) -> Geometry:
        """Return the geometry of a part of the grid.

        Parameters
        ----------
        picked : three ranges
            Indices picked along slice, row and column; a falling range flips.
        """
        affine = self.affine.copy()
        starts = [r.start for r in picked]
        affine[:3, 3] = apply_affine(self.affine, starts)
        affine[:3, :3] *= [r.step for r in picked]
        shape = (len(picked[0]), len(picked[1]), len(picked[2]))
        if self.positions is None:
            return replace(self, affine=affine, shape=shape)
        places = self.positions[list(picked[0])] + self.affine[:3, 1:3] @ starts[1:]
        step = _mean_step(places)
        if step is not None:
            affine[:3, 0] = step
        if len(places):
            affine[:3, 3] = places[0]
        even = step is None or _deviation(places, step) <= EXACT_TOLERANCE
        return replace(self, affine=affine, shape=shape, positions=None if even else places)

    def with_spacing(self, spacing: ArrayLike) -> Geometry:
        """Return the geometry with other voxel sizes (slice, row, column in mm), first voxel in place."""
        wanted = np.asarray(spacing, dtype=np.float64)
        if wanted.shape != (3,) or not (np.isfinite(wanted).all() and (wanted > 0).all()):
            raise GeometryError(f'spacing is three lengths in mm above 0, got {np.asarray(spacing).tolist()}')
        affine = self.affine.copy()
        affine[:3, :3] = self.directions * wanted
        positions = self.positions
        if positions is not None:
            positions = positions[0] + (positions - positions[0]) * (wanted[0] / self.spacing[0])
        return replace(self, affine=affine, positions=positions, assumed=False)

    def with_orientation(self, orientation: ArrayLike) -> Geometry:
        """Return the geometry with another plane (6 cosines, x, y, z order), first voxel in place.

        The stack turns with its planes: the slices keep their distance from, and their shift
        against, each other.
        """
        cosines = np.asarray(orientation, dtype=np.float64)
        affine = affine_from_parts(cosines, self.spacing, self.origin)
        before = np.column_stack([self.orientation.reshape(2, 3).T, self.normal])
        after = np.column_stack([cosines.reshape(2, 3).T, slice_normal(cosines)])
        turn = after @ np.linalg.inv(before)
        affine[:3, 0] = turn @ self.affine[:3, 0]
        positions = self.positions
        if positions is not None:
            positions = self.origin + (positions - self.origin) @ turn.T
        return replace(self, affine=affine, positions=positions, assumed=False)

    def with_positions(
        self, positions: ArrayLike, tolerance: float = UNIFORM_TOLERANCE
    ) -> Geometry:
        """Return the geometry with its slices at other places.

        Parameters
        ----------
        positions : (slices, 3) array_like
            x, y, z in mm.
        tolerance : float
            Largest distance in mm of a slice from its place in a stack that is called even.
        """
        places = np.asarray(positions, dtype=np.float64)
        if places.shape != (self.shape[0], 3):
            raise GeometryError(f'{self.shape[0]} slices need as many positions, got {len(places)}')
        if not np.isfinite(places).all():
            raise GeometryError('slice positions must be finite numbers')
        affine = self.affine.copy()
        affine[:3, 3] = places[0]
        step = _mean_step(places)
        if step is not None:
            affine[:3, 0] = step
        even = step is None or _deviation(places, step) <= tolerance
        return replace(self, affine=affine, positions=None if even else places, assumed=False)

    def with_affine(self, affine: ArrayLike) -> Geometry:
        """Return an evenly spaced geometry with another affine."""
        return replace(self, affine=np.asarray(affine), positions=None, assumed=False)

    # --- comparison -------------------------------------------------------------------

    def difference(self, other: Geometry, tolerance: float = POSITION_TOLERANCE) -> str | None:
        """Return what differs from `other`, in words, or None when the grids are the same.

        Parameters
        ----------
        other : Geometry
        tolerance : float
            Largest distance of two corresponding corner voxels, mm.
        """
        if self is other:
            return None
        mine, theirs = self.frame_of_reference, other.frame_of_reference
        if mine and theirs and mine != theirs:
            return f'frames of reference {mine} and {theirs}'
        if self.shape != other.shape:
            return f'shapes {self.shape} and {other.shape} (slices, rows, columns)'
        corners = [[s, r, c] for s in (0, -1) for r in (0, -1) for c in (0, -1)]
        ends = np.where(np.array(corners) == 0, 0, np.array(self.shape) - 1)
        distance = float(np.max(np.linalg.norm(self.to_world(ends) - other.to_world(ends), axis=-1)))
        if not (self.is_uniform and other.is_uniform) and self.shape[0]:
            apart = np.linalg.norm(self.slice_positions - other.slice_positions, axis=-1)
            distance = max(distance, float(np.max(apart)))
        return None if distance <= tolerance else f'voxels up to {distance:.6g} mm apart'

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Geometry):
            return NotImplemented
        return (
            self.shape == other.shape
            and self.frame_of_reference == other.frame_of_reference
            and np.array_equal(self.affine, other.affine)
            and np.array_equal(self.slice_positions, other.slice_positions)
        )

    def __hash__(self) -> int:
        return hash((self.shape, self.frame_of_reference, self.affine.tobytes()))

    def __reduce__(self) -> tuple[Any, ...]:
        parts = (self.affine, self.shape, self.frame_of_reference, self.positions, self.assumed)
        return Geometry, (*parts, self.space_codes)


def _mean_step(places: FloatArray) -> FloatArray | None:
    """Return the mean step from slice to slice, None for fewer than two slices."""
    if len(places) < 2:
        return None
    return np.asarray((places[-1] - places[0]) / (len(places) - 1))


def _deviation(places: FloatArray, step: FloatArray) -> float:
    """Return the largest distance, in mm, of a slice from its place in the even stack."""
    even = places[0] + np.arange(len(places))[:, np.newaxis] * step
    return float(np.max(np.linalg.norm(places - even, axis=-1)))
