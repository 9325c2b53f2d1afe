"""Geometry against closed formulas: where each voxel is, before and after a part is taken."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st

import synthetic
from imagedata import Series
from imagedata.errors import GeometryError
from imagedata.geometry import Geometry, affine_from_parts, apply_affine, ras_from_lps, slice_normal


def rotation(rng: np.random.Generator) -> np.ndarray:
    """Return a random rotation, or reflection."""
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return q


@st.composite
def geometries(draw: st.DrawFn, uneven: bool = False) -> Geometry:
    """Oblique, left-handed and sheared grids, evenly or unevenly spaced."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    shape = tuple(draw(st.integers(1, 5)) for _ in range(3))
    affine = np.eye(4)
    affine[:3, :3] = rotation(rng) * rng.uniform(0.5, 5, 3)
    if draw(st.booleans()):
        affine[:3, 0] += rng.normal(size=3) * 0.3
    affine[:3, 3] = rng.uniform(-100, 100, 3)
    grid = Geometry(affine, shape, '1.2.3')
    if uneven and shape[0] > 2:
        steps = np.concatenate([[0], np.cumsum(rng.uniform(0.5, 3, shape[0] - 1))])
        grid = grid.with_positions(grid.origin + steps[:, None] * affine[:3, 0])
    return grid


def indices(shape: tuple[int, ...]) -> np.ndarray:
    return np.stack(np.meshgrid(*map(np.arange, shape), indexing='ij'), axis=-1)


RANGES = st.tuples(st.integers(0, 4), st.integers(0, 5), st.sampled_from([1, 2, 3, -1, -2]))


@given(grid=geometries(uneven=True), picks=st.tuples(RANGES, RANGES, RANGES))
def test_each_voxel_of_a_part_stays_in_its_place(grid: Geometry, picks: tuple) -> None:
    ranges = [range(n)[slice(a, None, step)] if step > 0 else range(n)[slice(None, None, step)]
              for n, (a, _, step) in zip(grid.shape, picks, strict=True)]  # fmt: skip
    if any(len(r) == 0 for r in ranges):
        return
    part = grid.take(ranges)
    assert part.shape == tuple(map(len, ranges))
    old = np.stack(np.meshgrid(*ranges, indexing='ij'), axis=-1)
    np.testing.assert_allclose(part.to_world(indices(part.shape)), grid.to_world(old), atol=1e-6)


@given(grid=geometries(uneven=True))
def test_index_and_place_are_inverse(grid: Geometry) -> None:
    index = indices(grid.shape)
    np.testing.assert_allclose(grid.to_index(grid.to_world(index)), index, atol=1e-6)


@given(grid=geometries())
def test_places_are_those_of_simpleitk(grid: Geometry) -> None:
    if grid.is_sheared or abs(np.linalg.det(grid.directions)) < 0.999:
        return
    picture = SimpleITK.Image([int(n) for n in grid.shape[::-1]], SimpleITK.sitkUInt8)
    picture.SetOrigin(grid.origin.tolist())
    picture.SetSpacing(grid.spacing[::-1].tolist())
    picture.SetDirection(grid.directions[:, ::-1].ravel().tolist())
    for index in indices(grid.shape).reshape(-1, 3):
        place = picture.TransformIndexToPhysicalPoint([int(i) for i in index[::-1]])
        np.testing.assert_allclose(grid.to_world(index), place, atol=1e-6)


def test_dicom_parts_give_the_equation_of_the_standard() -> None:
    """PS3.3 C.7.6.2.1-1: P = S + X * column spacing * i + Y * row spacing * j."""
    x, y = np.array([0.6, 0.8, 0]), np.array([0, 0, -1])
    affine = affine_from_parts([*x, *y], [5, 2, 3], [10, 20, 30])
    np.testing.assert_allclose(apply_affine(affine, [0, 4, 7]), [10, 20, 30] + x * 3 * 7 + y * 2 * 4)
    np.testing.assert_allclose(affine[:3, 0], np.cross(x, y) * 5)


def test_parts_come_back() -> None:
    grid = Geometry(affine_from_parts([0.6, 0.8, 0, 0, 0, -1], [5, 2, 3], [10, 20, 30]), (4, 3, 2))
    np.testing.assert_allclose(grid.orientation, [0.6, 0.8, 0, 0, 0, -1])
    np.testing.assert_allclose(grid.spacing, [5, 2, 3])
    np.testing.assert_allclose(grid.origin, [10, 20, 30])
    np.testing.assert_allclose(grid.slice_locations, grid.origin @ grid.normal + 5 * np.arange(4))


def test_ras_is_lps_with_x_and_y_turned() -> None:
    affine = affine_from_parts([1, 0, 0, 0, 1, 0], [3, 2, 1], [10, 20, 30])
    np.testing.assert_allclose(apply_affine(ras_from_lps(affine), [1, 1, 1]), [-11, -22, 33])
    np.testing.assert_array_equal(ras_from_lps(ras_from_lps(affine)), affine)


@given(grid=geometries(), factor=st.floats(0.2, 5))
def test_setting_spacing_keeps_the_first_voxel_and_directions(grid: Geometry, factor: float) -> None:
    other = grid.with_spacing(grid.spacing * factor)
    np.testing.assert_allclose(other.spacing, grid.spacing * factor)
    np.testing.assert_allclose(other.directions, grid.directions, atol=1e-12)
    np.testing.assert_array_equal(other.origin, grid.origin)


def test_differences_are_told() -> None:
    grid = Geometry(affine_from_parts([1, 0, 0, 0, 1, 0], [3, 2, 1], [0, 0, 0]), (4, 3, 2), '1.2')
    assert grid.difference(grid) is None
    moved = grid.with_affine(grid.affine + np.array([[0, 0, 0, 0.5], [0] * 4, [0] * 4, [0] * 4]))
    assert '0.5 mm' in (grid.difference(moved) or '')
    wider = grid.with_spacing([3, 2, 1.01])
    assert '0.01 mm' in (grid.difference(wider) or '')
    assert 'shapes' in (grid.difference(replace(grid, shape=(5, 3, 2))) or '')
    other = Geometry(grid.affine, grid.shape, '9.9')
    assert 'frames of reference' in (grid.difference(other) or '')


@pytest.mark.parametrize(
    'affine', [np.eye(3), np.diag([1, 1, 1, 2]), np.full((4, 4), np.nan), np.diag([np.inf, 1, 1, 1])]
)
def test_bad_affines(affine: np.ndarray) -> None:
    with pytest.raises(GeometryError):
        Geometry(affine, (1, 1, 1))


def test_a_plane_needs_two_directions() -> None:
    with pytest.raises(GeometryError, match='parallel'):
        slice_normal([1, 0, 0, 1, 0, 0])


def test_geometry_never_changes() -> None:
    source = np.eye(4)
    grid = Geometry(source, (2, 2, 2))
    source[0, 3] = 99
    assert grid.origin[0] == 0
    with pytest.raises(ValueError, match='read-only'):
        grid.affine[0, 0] = 5
    with pytest.raises(AttributeError):
        grid.shape = (1, 1, 1)


@given(grid=geometries(uneven=True))
def test_pickle(grid: Geometry) -> None:
    assert pickle.loads(pickle.dumps(grid)) == grid


@given(grid=geometries(uneven=True))
def test_a_voxel_has_the_volume_of_its_base_times_its_height(grid: Geometry) -> None:
    """Rows and columns are at right angles; the height is the step of slices along their normal."""
    _, rows, columns = grid.spacing
    height = grid.affine[:3, 0] @ np.cross(grid.directions[:, 1], grid.directions[:, 2])
    if grid.is_uniform:
        assert grid.voxel_volume == pytest.approx(abs(rows * columns * height))
    else:
        with pytest.raises(GeometryError, match="unevenly"):
            _ = grid.voxel_volume


def test_the_volume_of_a_tilted_ct(tmp_path: Path) -> None:
    """Slices 3 mm apart, shifted by 1 mm each: 0.8 mm * 0.7 mm * 3 mm, less than the product of spacing."""
    stack = synthetic.stack([(0, z, 3 * z) for z in range(4)], PixelSpacing=[0.8, 0.7])
    tilted = Series(synthetic.save(tmp_path / "ct", stack))
    assert tilted.voxel_volume == pytest.approx(0.8 * 0.7 * 3)
    assert tilted.voxel_volume < np.prod(tilted.spacing)


def test_nothing_known_has_no_volume() -> None:
    with pytest.raises(GeometryError, match="not known"):
        _ = Series(np.zeros((2, 3, 4))).voxel_volume


def test_the_middle_of_the_grid() -> None:
    """Halfway between the first and the last voxel."""
    grid = Geometry.from_slices([(10, 20, 30), (10, 20, 33)], [1, 0, 0, 0, 1, 0], [2, 4], (2, 3, 5))
    np.testing.assert_allclose(grid.center, [10 + 4 * 2, 20 + 2 * 1, 31.5])
