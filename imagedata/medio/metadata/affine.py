"""The matrix from array indices to millimetres."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import GeometryError

__all__ = ['Affine']

Matrix = NDArray[np.floating[Any]]


class Affine(np.ndarray):
    """An affine map from the index of a voxel to its place: y = M x + b.

    Spacing and direction follow from the matrix whenever they are asked for, so that they are
    true after any change of it.

    Parameters
    ----------
    affine : (d+1, d+1) array-like, optional
        The matrix, copied; integers become float64.
    direction : (d, d) array-like, optional
        Unit vectors of the array axes, as columns; unit matrix when not given.
    spacing : (d,) array-like, optional
        Distance of voxels along the array axes in mm; 1 when not given.
    origin : (d,) array-like or float, optional
        Place of voxel 0 in mm; 0 when not given.

    Raises
    ------
    GeometryError
        When that makes no square matrix whose last row is 0, ..., 0, 1.
    """

    def __new__(
        cls,
        affine: ArrayLike | None = None,
        *,
        direction: ArrayLike | None = None,
        spacing: ArrayLike | None = None,
        origin: ArrayLike | None = None,
    ) -> Affine:
        """Make an affine from a matrix or from components."""
        if affine is None:
            affine = cls.construct_affine(direction, spacing, origin)
        matrix = np.array(affine)
        if matrix.dtype.kind != 'f':
            matrix = matrix.astype(np.float64)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 2:
            raise GeometryError(f'an affine is a square matrix, not of shape {matrix.shape}')
        if not np.array_equal(matrix[-1], np.eye(len(matrix))[-1]):
            raise GeometryError(f'the last row of an affine is 0, ..., 0, 1, not {matrix[-1].tolist()}')
        return matrix.view(cls)

    def __getitem__(self, key: Any) -> Any:
        """Return a part as a plain array."""
        return self.view(np.ndarray)[key]

    def __matmul__(self, other: Any) -> Any:
        """Return the product as a plain array."""
        return self.view(np.ndarray) @ np.asarray(other)

    @property
    def dim(self) -> int:
        """Number of spatial dimensions."""
        return len(self) - 1

    @property
    def origin(self) -> Matrix:
        """Place of voxel 0 in mm, (d,): a view."""
        return self.view(np.ndarray)[:-1, -1]

    @origin.setter
    def origin(self, value: ArrayLike) -> None:
        self.view(np.ndarray)[:-1, -1] = value

    @property
    def spacing(self) -> Matrix:
        """Distance of voxels along each array axis in mm, (d,)."""
        return self.affine2spacing(self)

    @spacing.setter
    def spacing(self, value: ArrayLike) -> None:
        self.view(np.ndarray)[:-1, :-1] = self.direction * np.asarray(value)

    @property
    def direction(self) -> Matrix:
        """Unit vectors of the array axes, as columns, (d, d)."""
        return self.affine2direction(self)

    @direction.setter
    def direction(self, value: ArrayLike) -> None:
        self.view(np.ndarray)[:-1, :-1] = np.asarray(value) * self.spacing

    def index2coord(self, index_vector: ArrayLike) -> Matrix:
        """Return the places of indices.

        Parameters
        ----------
        index_vector : (d,) or (d, n) array-like

        Returns
        -------
        (d,) or (d, n) array
            Places in mm.
        """
        index = np.asarray(index_vector)
        origin = self.origin if index.ndim == 1 else self.origin[:, np.newaxis]
        return np.asarray(self[:-1, :-1] @ index + origin)

    def clone(self) -> Affine:
        """Return a copy."""
        return Affine(self)

    @staticmethod
    def construct_affine(
        direction: ArrayLike | None, spacing: ArrayLike | None, origin: ArrayLike | None
    ) -> Matrix:
        """Return the matrix of components; see `Affine`."""
        given = [np.asarray(part, float) for part in (direction, spacing, origin) if part is not None]
        dims = max((len(part) for part in given if part.ndim), default=3)
        matrix = np.eye(dims + 1)
        matrix[:-1, :-1] = (np.eye(dims) if direction is None else np.asarray(direction, float)) * (
            1.0 if spacing is None else np.asarray(spacing, float)
        )
        matrix[:-1, -1] = 0.0 if origin is None else origin
        return matrix

    @staticmethod
    def affine2origin(affine: ArrayLike) -> Matrix:
        """Return the place of voxel 0 in mm."""
        return np.asarray(affine)[:-1, -1]

    @staticmethod
    def affine2spacing(affine: ArrayLike) -> Matrix:
        """Return the lengths of the columns in mm."""
        return np.asarray(np.linalg.norm(np.asarray(affine)[:-1, :-1], axis=0))

    @staticmethod
    def affine2direction(affine: ArrayLike, spacing: ArrayLike | None = None) -> Matrix:
        """Return the columns at unit length.

        Raises
        ------
        GeometryError
            When a column has no length, and so no direction.
        """
        length = Affine.affine2spacing(affine) if spacing is None else np.asarray(spacing)
        if not np.all(length):
            raise GeometryError(f'array axis {int(np.argmin(length))} has spacing 0, and so no direction')
        return np.asarray(np.asarray(affine)[:-1, :-1] / length)

    @staticmethod
    def affine2comps(affine: ArrayLike, spacing: ArrayLike | None = None) -> tuple[Matrix, Matrix, Matrix]:
        """Return direction, spacing and origin."""
        length = Affine.affine2spacing(affine) if spacing is None else np.asarray(spacing)
        return Affine.affine2direction(affine, length), length, Affine.affine2origin(affine)
