"""Whether the slices of a series make one volume."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import CannotSort, CorruptFileError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    'InconsistentSeriesError',
    'SliceGeometry',
    'geometries_from_files',
    'geometry_from_dataset',
    'geometry_from_file',
    'in_slice_order',
    'resolve_series_datasets',
    'resolve_series_files',
    'select_dominant',
    'validate_series',
]


class InconsistentSeriesError(CannotSort):
    """The slices of a series do not make one volume."""


@dataclass(frozen=True)
class SliceGeometry:
    """Where one slice lies.

    Parameters
    ----------
    key : str
        Its file, or what else tells it from others.
    orientation : tuple of 6 float
        Directions of the rows and of the columns.
    position : tuple of 3 float
        Place of its first voxel in mm, LPS.
    pixel_spacing : tuple of 2 float
        Between rows and between columns, in mm.
    shape : tuple of 2 int
        Rows, columns.
    """

    key: str
    orientation: tuple[float, ...]
    position: tuple[float, ...]
    pixel_spacing: tuple[float, float]
    shape: tuple[int, int]

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit vector across the slice."""
        normal = np.cross(self.orientation[:3], self.orientation[3:])
        return np.asarray(normal / np.linalg.norm(normal))

    @property
    def in_plane(self) -> tuple[Any, ...]:
        """What slices of one volume share beside their direction."""
        return (*(round(v, 5) for v in self.pixel_spacing), *self.shape)


def geometry_from_dataset(ds: Dataset, key: str) -> SliceGeometry | None:
    """Return the geometry of a classic slice; None for one that has none."""
    needed = ('ImageOrientationPatient', 'ImagePositionPatient', 'PixelSpacing', 'Rows', 'Columns')
    values = [ds.get(name) for name in needed]
    if any(value is None or value == '' for value in values):
        return None
    orientation, position, spacing, rows, columns = values
    return SliceGeometry(
        key,
        tuple(float(v) for v in orientation),
        tuple(float(v) for v in position),
        (float(spacing[0]), float(spacing[1])),
        (int(rows), int(columns)),
    )


def geometry_from_file(path: str | PathLike[str]) -> SliceGeometry | None:
    """Return the geometry of a DICOM file; None for one that has none.

    Raises
    ------
    CorruptFileError
        When the file cannot be read as DICOM.
    """
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    try:
        return geometry_from_dataset(dcmread(path, stop_before_pixels=True), fspath(path))
    except (InvalidDicomError, EOFError) as error:
        raise CorruptFileError(f'{fspath(path)} cannot be read as DICOM ({error}): leave it out') from error


def geometries_from_files(paths: Iterable[str | PathLike[str]]) -> list[SliceGeometry]:
    """Return the geometries of those files that have one."""
    found = (geometry_from_file(path) for path in paths)
    return [geometry for geometry in found if geometry is not None]


def select_dominant(
    geometries: Sequence[SliceGeometry],
) -> tuple[list[SliceGeometry], list[SliceGeometry]]:
    """Return the largest group of slices of one direction, spacing and matrix, and the others."""
    groups: list[list[SliceGeometry]] = []
    for geometry in geometries:
        for group in groups:
            if _alike(group[0], geometry, 1e-3):
                group.append(geometry)
                break
        else:
            groups.append([geometry])
    largest = max(groups, key=len, default=[])
    return largest, [geometry for group in groups if group is not largest for geometry in group]


def _alike(one: SliceGeometry, other: SliceGeometry, angle: float) -> bool:
    return one.in_plane == other.in_plane and _degrees(one.normal, other.normal) <= angle


def _degrees(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    # From the sine: the cosine of a small angle has lost its digits.
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(one, other)), np.dot(one, other))))


def validate_series(
    geometries: Sequence[SliceGeometry],
    *,
    spacing_rtol: float = 0.01,
    spacing_atol: float = 1e-4,
    angle_tol_deg: float = 1e-3,
) -> None:
    """Check that slices make one volume.

    Parameters
    ----------
    geometries : sequence of SliceGeometry
    spacing_rtol : float
        How far a gap may be from the median one, as a part of it.
    spacing_atol : float
        The same in mm; the larger of the two counts.
    angle_tol_deg : float
        How far directions may differ, in degrees.

    Raises
    ------
    InconsistentSeriesError
        When spacings, matrices, directions or gaps differ, or two slices are at one place.
    """
    if len(geometries) < 2:
        return
    first = geometries[0]
    for other in geometries[1:]:
        if other.in_plane != first.in_plane:
            raise InconsistentSeriesError(
                f'{first.key} and {other.key} differ in pixel spacing or matrix: {first.in_plane} and '
                f'{other.in_plane}; {_REMEDY}'
            )
        angle = _degrees(first.normal, other.normal)
        if angle > angle_tol_deg:
            raise InconsistentSeriesError(
                f'{first.key} and {other.key} differ in direction by {angle:.4g} degrees; {_REMEDY}'
            )
    ordered = sorted(geometries, key=lambda g: float(np.dot(first.normal, g.position)))
    depths = np.array([np.dot(first.normal, g.position) for g in ordered])
    gaps = np.diff(depths)
    median = float(np.median(gaps))
    allowed = max(spacing_atol, spacing_rtol * abs(median))
    if gaps.min() <= spacing_atol:
        at = int(gaps.argmin())
        raise InconsistentSeriesError(
            f'{ordered[at].key} and {ordered[at + 1].key} are at one place; read them with imagedata.Series, '
            f'which sorts by time and other criteria, or leave one out'
        )
    worst = int(np.abs(gaps - median).argmax())
    if abs(gaps[worst] - median) > allowed:
        raise InconsistentSeriesError(
            f'the gap of {gaps[worst]:.4g} mm between {ordered[worst].key} and {ordered[worst + 1].key} is '
            f'not that of the others, {median:.4g} mm: a slice may be missing; {_REMEDY}'
        )


_REMEDY = 'to read it all the same, give validate_series=False or keep_dominant_geometry=True'


def _resolved(
    geometries: Sequence[SliceGeometry], validate: bool, dominant: bool, tolerances: dict[str, float]
) -> set[str] | None:
    """Return the keys of slices to read; None for all."""
    kept = None
    if dominant:
        geometries, _ = select_dominant(geometries)
        kept = {geometry.key for geometry in geometries}
    if validate:
        validate_series(geometries, **tolerances)
    return kept


def resolve_series_files(
    filenames: Sequence[str], validate: bool = True, keep_dominant_geometry: bool = False, **tolerances: float
) -> list[str]:
    """Return the files of a series that make one volume.

    Parameters
    ----------
    filenames : sequence of str
    validate : bool
        Check them; see `validate_series`, which takes the `tolerances`.
    keep_dominant_geometry : bool
        Leave out those that differ from most in direction, spacing or matrix.

    Raises
    ------
    InconsistentSeriesError
    """
    kept = _resolved(geometries_from_files(filenames), validate, keep_dominant_geometry, tolerances)
    return list(filenames) if kept is None else [name for name in filenames if name in kept]


def in_slice_order(filenames: Sequence[str]) -> list[str]:
    """Return files of slices along the normal of the first; those without a place last."""
    placed = {name: geometry_from_file(name) for name in filenames}
    known = {name: geometry for name, geometry in placed.items() if geometry is not None}
    normal = next((geometry.normal for geometry in known.values()), None)
    ordered = sorted(known, key=lambda name: float(np.dot(normal, known[name].position)))  # type: ignore[arg-type]
    return ordered + [name for name in filenames if name not in known]


def resolve_series_datasets(
    slices: Sequence[Dataset],
    validate: bool = True,
    keep_dominant_geometry: bool = False,
    **tolerances: float,
) -> list[Dataset]:
    """Return the datasets of a series that make one volume; see `resolve_series_files`."""
    keyed = [(geometry_from_dataset(ds, str(number)), ds) for number, ds in enumerate(slices)]
    geometries = [geometry for geometry, _ in keyed if geometry is not None]
    kept = _resolved(geometries, validate, keep_dominant_geometry, tolerances)
    return [ds for number, (_, ds) in enumerate(keyed) if kept is None or str(number) in kept]
