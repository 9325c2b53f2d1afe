"""Regions: masks against closed forms and another rasteriser; outlines there and back; statistics."""

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.path import Path as MatplotlibPath

from imagedata import Series
from imagedata.errors import AxisError, BadShapeGiven, WriteError
from imagedata.roi import Ellipse, ellipse_points, mask_outline, outline_mask, polygon_mask
from strategies import make_series

SHAPE = (23, 31)
SQUARE = [(2.5, 2.5), (6.5, 2.5), (6.5, 5.5), (2.5, 5.5)]


# --- polygons and ellipses ------------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.integers(3, 12))
def test_star_shaped_polygons_as_another_rasteriser_has_them(seed: int, count: int) -> None:
    """matplotlib.path asks every centre by itself whether it is within."""
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, count))
    centre, radius = rng.uniform(-3, 30, 2), rng.uniform(1, 20, count)
    points = centre + np.column_stack([radius * np.cos(angles), radius * np.sin(angles)])
    r, c = np.indices(SHAPE)
    theirs = MatplotlibPath(points).contains_points(np.column_stack([c.ravel(), r.ravel()])).reshape(SHAPE)
    ours = polygon_mask(points, SHAPE)
    # Polygons that are not star-shaped about their centre may cover themselves twice: no difference there.
    gaps = np.diff(np.append(angles, angles[0] + 2 * np.pi))
    if gaps.max() < np.pi:
        assert np.array_equal(ours, theirs)


RECTANGLES = [(2.5, 3.5, 4, 5), (0.1, 0.2, 7.3, 9.9), (-4, -4, 9, 9)]


@pytest.mark.parametrize(("x", "y", "width", "height"), RECTANGLES)
def test_rectangle_holds_the_centres_within(x: float, y: float, width: float, height: float) -> None:
    found = polygon_mask([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], SHAPE)
    r, c = np.indices(SHAPE)
    assert np.array_equal(found, (c >= x) & (c < x + width) & (r >= y) & (r < y + height))


def test_neighbours_share_no_pixel_and_leave_none_out() -> None:
    """Corners and lines on centres: each belongs to one of the four triangles."""
    corners, middle = [(4, 4), (20, 4), (20, 20), (4, 20)], (11, 13)
    masks = [polygon_mask([corners[i], corners[(i + 1) % 4], middle], SHAPE) for i in range(4)]
    assert np.array_equal(np.sum(masks, axis=0), polygon_mask(corners, SHAPE))
    assert polygon_mask(corners, SHAPE).sum() == 16 * 16


@pytest.mark.parametrize("ellipse", [
    Ellipse(15, 11, 8, 5), Ellipse(15.3, 10.8, 9, 4, 30), Ellipse(2, 3, 6, 6), Ellipse(15, 11, 0.4, 0.4),
])  # fmt: skip
def test_ellipse_by_its_equation(ellipse: Ellipse) -> None:
    turn = math.radians(ellipse.angle)
    found = outline_mask(ellipse, SHAPE)
    for r in range(SHAPE[0]):
        for c in range(SHAPE[1]):
            dx, dy = c - ellipse.x, r - ellipse.y
            u = (dx * math.cos(turn) + dy * math.sin(turn)) / ellipse.half_width
            v = (dy * math.cos(turn) - dx * math.sin(turn)) / ellipse.half_height
            assert found[r, c] == (u * u + v * v <= 1)
    if ellipse.half_width > 1:
        # Many corners make the same region, but for centres within a hair of the line.
        assert (polygon_mask(ellipse_points(ellipse, 2000), SHAPE) != found).sum() <= 4


def test_area_of_a_large_circle() -> None:
    found = outline_mask(Ellipse(500.3, 499.8, 400, 400), (1000, 1000)).sum()
    assert found == pytest.approx(math.pi * 400**2, rel=1e-4)


NONE = [[], [(1, 1)], [(1, 1), (2, 2)], [(0, 0), (1, 1), (np.nan, 3)], [(1, 2, 3)] * 3]


@pytest.mark.parametrize("points", NONE)
def test_polygons_that_are_none(points: list) -> None:
    with pytest.raises(ValueError, match="three or more"):
        polygon_mask(points, SHAPE)


@pytest.mark.parametrize("sizes", [(0, 1), (1, -1), (np.nan, 1)])
def test_ellipses_that_are_none(sizes: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="half axes"):
        outline_mask(Ellipse(3, 3, *sizes), SHAPE)


# --- there and back -----------------------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.floats(0.05, 0.95))
def test_outline_of_any_mask_gives_it_again(seed: int, part: float) -> None:
    """Holes, islands, pixels that touch at corners."""
    mask = np.random.default_rng(seed).random((9, 12)) < part
    if mask.any():
        assert np.array_equal(polygon_mask(mask_outline(mask), mask.shape), mask)


def test_vertices_and_mask_of_a_series() -> None:
    a = make_series((3, *SHAPE), kind="oblique")
    mask = a.mask_from_vertices({0: SQUARE, 2: Ellipse(10, 10, 4, 3)})
    assert mask.shape == a.shape
    assert mask.dtype == np.uint8
    assert mask.same_geometry(a)
    round_one = int(outline_mask(Ellipse(10, 10, 4, 3), SHAPE).sum())
    assert np.asarray(mask).sum(axis=(1, 2)).tolist() == [4 * 3, 0, round_one]
    back = a.vertices_from_grid(mask)
    assert list(back) == [0, 2]
    assert a.mask_from_vertices(back).equals(mask)


def test_vertices_of_a_mask_on_another_grid() -> None:
    a = make_series((3, *SHAPE), kind="oblique")
    mask = a.mask_from_vertices({1: SQUARE})
    part = mask.crop(row=(1, 15), slice=(1, 3))
    assert a.mask_from_vertices(a.vertices_from_grid(part)).equals(mask)


def test_outlines_that_follow_tags() -> None:
    """As imagedata 3.10.0: an outline holds until the next one on its slice; `single`, on any slice."""
    a = make_series((3, *SHAPE), (5,))
    small = [(0.5, 0.5), (2.5, 0.5), (2.5, 2.5), (0.5, 2.5)]
    counts = np.asarray(a.mask_from_vertices({(0, 1): SQUARE, (3, 1): small})).sum(axis=(2, 3))
    assert counts.tolist() == [[0, 12, 0]] * 3 + [[0, 4, 0]] * 2
    apart = {(1, 1): SQUARE, (3, 2): small}
    assert np.asarray(a.mask_from_vertices(apart)).sum(axis=(2, 3)).tolist() == [
        [0, 0, 0], [0, 12, 0], [0, 12, 0], [0, 12, 4], [0, 12, 4],
    ]  # fmt: skip
    assert np.asarray(a.mask_from_vertices(apart, single=True)).sum(axis=(2, 3)).tolist() == [
        [0, 0, 0], [0, 12, 0], [0, 12, 0], [0, 0, 4], [0, 0, 4],
    ]  # fmt: skip


@given(st.integers(0, 10**6))
def test_masks_that_come_and_go_with_tags(seed: int) -> None:
    """An outline ends where the mask does, though outlines hold on by themselves."""
    a = make_series((2, 5, 6), (4,), kind="axial")
    rng = np.random.default_rng(seed)
    values = (rng.random(a.shape) < 0.3) & (rng.random((4, 2, 1, 1)) < 0.5)
    if values[:, :].any():
        mask = a.with_data(values.astype(np.uint8))
        outlines = a.vertices_from_grid(mask)
        assert np.array_equal(np.asarray(a.mask_from_vertices(outlines)), values)


def test_polygon_that_covers_itself_and_one_that_leaves_the_image() -> None:
    """A bow tie by the areas of its two triangles; the part that is seen of a large square."""
    # Around the crossing at (10.5, 10.5): rows 3 to 17, in row r the centres between the two lines.
    tie = polygon_mask([(3, 3), (18, 18), (18, 3), (3, 18)], SHAPE)
    for r in range(SHAPE[0]):
        inside = [c for c in range(SHAPE[1]) if 3 <= c < 18 and abs(c - 10.5) > abs(r - 10.5) and 3 <= r < 18]
        edge = [c for c in range(SHAPE[1]) if 3 <= c <= 18 and abs(c - 10.5) == abs(r - 10.5)]
        found = np.flatnonzero(tie[r]).tolist()
        assert set(inside) <= set(found) <= set(inside) | set(edge)
    for far in (60, 1e9, 1e200):
        assert polygon_mask([(-far, -far), (far, -far), (far, far), (-far, far)], SHAPE).all()
        assert polygon_mask([(10.5, -far), (far, -far), (far, far), (10.5, far)], SHAPE).sum() == 20 * 23
        assert not polygon_mask([(far, far), (far + 9, far), (far, far * 2)], SHAPE).any()
    assert not polygon_mask([(1, 1), (5, 5), (9, 9)], SHAPE).any()


@pytest.mark.parametrize("view", [
    lambda a: a[::-1], lambda a: a[:, ::-1, ::-1], lambda a: a[1:, 2:, 5:], lambda a: a.reorient("PIR"),
    lambda a: a.transpose((0, 2, 1)), lambda a: a[:, ::2, ::2],
])  # fmt: skip
def test_regions_stay_where_they_are_in_the_patient(view: Any) -> None:
    """Outlines of a mask on another view of the same voxels: the same places, whichever way they lie."""
    a = make_series((4, *SHAPE), kind="oblique")
    mask = a.mask_from_vertices({1: [(4.4, 3.6), (20.3, 5.2), (11.1, 18.7)], 2: Ellipse(12, 11, 6, 5)})
    b = view(a)
    found = b.mask_from_vertices(b.vertices_from_grid(mask))
    assert found.same_geometry(b) or b.header.dims != ("slice", "row", "column")
    # Which voxel that is, its value tells.
    inside = set(np.asarray(a)[np.asarray(mask) == 1].tolist())
    seen = set(np.asarray(b.transpose([b.header.dims.index(d) for d in found.header.dims]))[
        np.asarray(found) == 1
    ].tolist())  # fmt: skip
    assert seen == inside & set(np.asarray(b).ravel().tolist())


def test_slices_are_whole_numbers() -> None:
    with pytest.raises(AxisError, match=r"no slice 1\.5"):
        make_series((3, *SHAPE)).mask_from_vertices({1.5: SQUARE})


def test_written_mask_lies_where_it_was(tmp_path: Path) -> None:
    a = make_series((3, *SHAPE), kind="oblique")
    mask = a.mask_from_vertices({1: SQUARE})
    for name in ("mask.nii.gz", "mask.mha"):
        mask.write(tmp_path / name)
        back = Series(tmp_path / name)
        there = [back.getPositionForVoxel(v).ravel() for v in np.argwhere(np.asarray(back) == 1)]
        here = [a.getPositionForVoxel(v).ravel() for v in np.argwhere(np.asarray(mask) == 1)]
        assert np.allclose(np.sort(there, axis=0), np.sort(here, axis=0), atol=1e-3)
        assert a.mask_from_vertices(a.vertices_from_grid(back)).equals(mask)


def test_mask_of_a_single_image_and_of_a_dynamic() -> None:
    assert Series(np.zeros(SHAPE)).mask_from_vertices({0: SQUARE}).shape == SHAPE
    a = make_series((3, *SHAPE), (4,))
    mask = a.mask_from_vertices({1: SQUARE})
    assert mask.axes._fields == ("slice", "row", "column")
    assert mask.same_geometry(a[0])


def test_outlines_where_there_is_no_image() -> None:
    a = make_series((3, *SHAPE), (4,))
    with pytest.raises(ValueError, match="no outline"):
        a.mask_from_vertices({})
    with pytest.raises(AxisError, match="no slice 3"):
        a.mask_from_vertices({3: SQUARE})
    with pytest.raises(AxisError, match="tag 4"):
        a.mask_from_vertices({(4, 0): SQUARE})
    with pytest.raises(AxisError, match="no axis 'row'"):
        Series(np.zeros(5)).mask_from_vertices({0: SQUARE})


# --- statistics ---------------------------------------------------------------------------------------


def test_timecourse_of_a_known_dynamic(tmp_path: Path) -> None:
    """Values are 100 t + voxel: the mean is 100 t + that of the voxels, the spread is constant."""
    times, voxels = 4, np.arange(12.0).reshape(1, 3, 4)
    a = Series(np.stack([100.0 * t + voxels for t in range(times)]), "time")
    mask = np.zeros((1, 3, 4), bool)
    mask[0, 1] = True
    course = a.timecourse(Series(mask))
    assert course.mean.tolist() == [5.5, 105.5, 205.5, 305.5]
    assert course.std == pytest.approx([math.sqrt(1.25)] * times)
    assert course.median.tolist() == course.mean.tolist()
    assert course.minimum.tolist() == [4, 104, 204, 304]
    assert course.maximum.tolist() == [7, 107, 207, 307]
    assert course.count.tolist() == [4] * times
    assert course.tags.tolist() == [0, 1, 2, 3]
    course.to_csv(tmp_path / "course.csv")
    head, *lines = csv.reader((tmp_path / "course.csv").read_text().splitlines())
    assert head == ["time [s]", "mean", "std", "median", "minimum", "maximum", "voxels"]
    assert [float(line[1]) for line in lines] == course.mean.tolist()
    assert [p.name for p in tmp_path.iterdir()] == ["course.csv"]
    with pytest.raises(WriteError, match="nowhere"):
        course.to_csv(tmp_path / "nowhere" / "x.csv")


def test_timecourse_leaves_nan_out() -> None:
    a = Series(np.array([[[[1.0, np.nan], [3.0, 9.0]]], [[[np.nan] * 2] * 2]]), "time")
    course = a.timecourse(np.array([[1, 1], [1, 0]]))
    assert course.mean[0] == 2
    assert np.isnan(course.mean[1])
    assert course.count.tolist() == [2, 0]


def test_nan_is_outside_of_a_mask() -> None:
    a = Series(np.arange(12.0).reshape(3, 1, 2, 2), "time")
    mask = np.array([[1.0, np.nan], [0, 0]])
    assert a.timecourse(mask).count.tolist() == [1, 1, 1]
    assert a.mask_from_vertices(a.vertices_from_grid(mask)).sum() == 1


def test_times_are_uneven_and_numbers_have_points(tmp_path: Path) -> None:
    """Whatever the language of the machine; times count from the first image; NaN is told."""
    import locale

    from imagedata.axis import VariableAxis

    a = Series(np.arange(12.0).reshape(3, 1, 2, 2) / 3, "time")
    a.axes = [VariableAxis("time", [40000.5, 40001.25, 40007]), *a.axes[1:]]
    a[1] = np.nan
    before = locale.setlocale(locale.LC_ALL)
    try:
        for name in ("de_DE.UTF-8", "nb_NO.UTF-8", "C"):
            try:
                locale.setlocale(locale.LC_ALL, name)
            except locale.Error:
                continue
            a.timecourse(np.ones((2, 2))).to_csv(tmp_path / "a.csv")
    finally:
        locale.setlocale(locale.LC_ALL, before)
    lines = list(csv.reader((tmp_path / "a.csv").read_text().splitlines()))
    assert [float(line[0]) for line in lines[1:]] == [0, 0.75, 6.5]
    assert [float(line[1]) for line in lines[1:]] == pytest.approx([0.5, np.nan, 9.5 / 3], nan_ok=True)
    assert [line[-1] for line in lines[1:]] == ["4", "0", "4"]


def test_timecourse_finds_the_mask_by_place() -> None:
    a = make_series((4, 5, 6), (3,)) * 1.0
    mask = a[0] * 0 > 1
    mask[2, 1:3, 4] = True
    turned = mask[1:4, :, 2:].reorient("PIR")
    expected = np.asarray(a)[:, np.asarray(mask)].mean(axis=1)
    assert a.timecourse(turned).mean.tolist() == expected.tolist()


def test_timecourse_of_what_does_not_fit() -> None:
    a = Series(np.zeros((3, 2, 4, 5)), "time")
    with pytest.raises(BadShapeGiven, match="does not fit"):
        a.timecourse(np.zeros((2, 5, 4)))
    with pytest.raises(AxisError, match="one tag axis"):
        make_series((2, 3, 4), (2, 2)).timecourse(np.ones((2, 3, 4)))


def test_plot_of_a_timecourse() -> None:
    from matplotlib.figure import Figure

    a = Series(np.arange(24.0).reshape(3, 2, 2, 2), "time")
    ax = a.timecourse(np.ones((2, 2, 2))).plot(Figure().add_subplot())
    assert ax.lines[0].get_ydata().tolist() == [3.5, 11.5, 19.5]
    assert ax.get_xlabel() == "time [s]"
