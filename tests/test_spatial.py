"""Space: turning, cropping, matching and resampling, with SimpleITK as the second oracle."""

from dataclasses import replace
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st

import synthetic
from imagedata import Series
from imagedata.axis import UniformLengthAxis, VariableAxis
from imagedata.errors import AxisError, GeometryError, GeometryMismatchError
from imagedata.geometry import Geometry, apply_affine
from imagedata.resampling import is_label_map
from strategies import KINDS, check, claims, make_series, series

plain = np.asarray
CODES = ["".join(c) for p in permutations(["LR", "PA", "SI"]) for c in product(*p)]


def smooth(shape: tuple[int, int, int] = (7, 8, 9), tags: tuple[int, ...] = (), kind: str = "oblique",
           seed: int = 0, *, uneven: bool = False) -> Series:  # fmt: skip
    """A volume whose values are linear in x, y and z: linear interpolation is exact on it."""
    s = make_series(shape, tags, kind, seed, uneven=uneven)
    return s.with_data(claims(s).world @ [1.0, 0.7, -0.4])


def linear(s: Series) -> np.ndarray:
    return claims(s).world @ np.array([1.0, 0.7, -0.4])


# --- reorient -------------------------------------------------------------------------------------------


def test_all_48_codes() -> None:
    assert len(set(CODES)) == 48
    for kind in KINDS:
        s = make_series((3, 4, 5), (2,), kind)
        for code in CODES:
            got = s.reorient(code)
            check(s, got, exact=True)
            assert got.orientation_code == code
            assert got.header.dims == ("time", "slice", "row", "column")
            assert got.reorient(s.orientation_code).equals(s)
            assert np.shares_memory(got, s)


@given(series(), st.sampled_from(CODES))
def test_reorient(s: Series, code: str) -> None:
    try:
        got = s.reorient(code)
    except GeometryError:
        assert not s.header.geometry.is_uniform
        return
    check(s, got, exact=True)
    assert got.orientation_code == code


@pytest.mark.parametrize("code", ["RAS", "LPS", "PIR", "SLA", "IPL"])
def test_reorient_as_simpleitk(code: str) -> None:
    for kind in ("axial", "oblique", "left-handed"):
        s = make_series((3, 4, 5), (), kind, 3)
        got = s.reorient(code)
        expected = SimpleITK.DICOMOrient(s.to_sitk(), code)
        assert np.array_equal(got, SimpleITK.GetArrayFromImage(expected))
        assert Series.from_sitk(expected).same_geometry(got)


def test_an_axial_series_is_lps() -> None:
    s = make_series((3, 4, 5), (), "axial")
    assert s.orientation_code == "LPS"
    assert s.reorient("LPS").equals(s)
    ras = s.reorient("ras")
    assert np.array_equal(ras, plain(s)[:, ::-1, ::-1])
    # Of a permuted array, the letters still are of column, row and slice.
    assert s.T.orientation_code == "LPS"
    assert s.T.reorient("LPS").equals(s)
    assert s[1].reorient("LPS").shape == (1, 4, 5)


def test_bad_orientations() -> None:
    s = make_series((3, 4, 5))
    for code in ("LPX", "LR", "LRS", "", "LPSA", "AAA"):
        with pytest.raises(GeometryError, match="is no orientation"):
            s.reorient(code)
    with pytest.raises(GeometryError, match="has no geometry"):
        _without(s).reorient("RAS")
    with pytest.raises(GeometryError, match="no axis 'column'"):
        s[..., 0].reorient("RAS")
    uneven = make_series((4, 4, 5), (), "axial", uneven=True)
    check(uneven, uneven.reorient("RAI"), exact=True)
    with pytest.raises(GeometryError, match=r"resample\(\)"):
        uneven.reorient("SLP")


def _without(s: Series) -> Series:
    other = s.copy()
    other.header = other.header.with_geometry(None)
    return other


# --- crop, pad, match -------------------------------------------------------------------------------------


def test_crop_and_pad() -> None:
    s = make_series((5, 6, 7), (2,))
    got = s.crop(slice=(1, 4), column=slice(2, None))
    assert np.array_equal(got, plain(s)[:, 1:4, :, 2:])
    check(s, got, exact=True, tags=True)
    back = got.pad(slice=(1, 1), column=(2, 0), fill_value=-1)
    assert back.same_geometry(s)
    assert (plain(back)[:, 0] == -1).all()
    assert s.pad(mode="edge", row=1).shape == (2, 5, 8, 7)
    for bad in ({"row": (3, 3)}, {"row": (0, 9)}, {"row": (-20, 3)}, {"row": slice(0, 4, 2)}):
        with pytest.raises(GeometryError):
            s.crop(**bad)
    with pytest.raises(AxisError, match="no axis 'b'"):
        s.crop(b=(0, 1))
    with pytest.raises(AxisError):
        s.pad(b=1)
    with pytest.raises(GeometryError, match="crop"):
        s.pad(row=-1)


@given(series(max_tags=1), st.data())
def test_match_geometry_undoes_what_moves_voxels(s: Series, data: st.DataObject) -> None:
    uniform = s.header.geometry.is_uniform
    moved = s.reorient(data.draw(st.sampled_from(CODES))) if uniform else s[..., ::-1, ::-1, :]
    box = {
        name: sorted(data.draw(st.lists(st.integers(0, n), min_size=2, max_size=2, unique=True)))
        for name, n in zip(("slice", "row", "column"), moved.shape[-3:], strict=True)
    }
    if any(a == b for a, b in box.values()):
        return
    part = moved.crop(**box)
    # Part of it, turned, from the whole ...
    got = s.match_geometry(part)
    assert got.same_geometry(part)
    assert np.array_equal(got, part)
    check(s, got, exact=True, tags=True)
    # ... and back on the whole grid, filled.
    if uniform:
        whole = part.match_geometry(s, fill_value=-1)
        assert whole.same_geometry(s)
        inside = plain(whole) != -1
        assert np.array_equal(plain(whole)[inside], plain(s)[inside])
        assert inside.sum() == part.size


def test_match_geometry_says_why_not() -> None:
    s = make_series((3, 4, 5), (), "oblique")
    other = s.copy()
    other.spacing = s.spacing * [1, 1, 1.5]
    with pytest.raises(GeometryMismatchError, match="no axis of the Series has the column step"):
        s.match_geometry(other)
    shifted = s.copy()
    shifted.header = s.header.with_geometry(
        s.header.geometry.with_affine(
            np.hstack([s.header.geometry.affine[:, :3], s.header.geometry.affine @ [[0], [0.5], [0], [1]]])
        )
    )
    with pytest.raises(GeometryMismatchError, match=r"part of a voxel \(slice .*, row 0.5"):
        s.match_geometry(shifted)
    framed = s.copy()
    framed.frameOfReferenceUID = "1.9"
    with pytest.raises(GeometryMismatchError, match="frames of reference"):
        s.match_geometry(framed)
    with pytest.raises(GeometryError, match="no geometry"):
        s.match_geometry(_without(s))
    uneven = make_series((4, 4, 5), (), "oblique", uneven=True)
    even = uneven.copy()
    even.header = uneven.header.with_geometry(replace(uneven.header.geometry, positions=None))
    with pytest.raises(GeometryMismatchError, match="slices are spaced differently"):
        uneven.match_geometry(even)
    assert uneven.match_geometry(uneven).equals(uneven)
    far = s[2].match_geometry(s, fill_value=-1)
    assert (plain(far)[:2] == -1).all()
    assert np.array_equal(far[2], plain(s)[2])
    assert s.match_geometry(s[1]).shape == (4, 5)


# --- interpolation ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("uneven", [False, True])
def test_align_is_exact_on_linear_values(kind: str, uneven: bool) -> None:
    s = smooth(kind=kind, uneven=uneven, tags=(2,))
    reference = make_series((6, 7, 5), (3,), kind, 1)
    grid = s.header.geometry
    turn = Geometry(
        np.vstack([np.hstack([grid.affine[:3, :3] @ rotation(0.2) * 0.8, grid.to_world([[2.2, 2.4, 3.1]]).T]),
                   [0, 0, 0, 1]]), (6, 7, 5), grid.frame_of_reference)  # fmt: skip
    reference.header = reference.header.with_geometry(turn)
    got = s.align(reference, fill_value=np.nan)
    assert got.header.dims == s.header.dims
    assert got.axes.time == s.axes.time
    assert got.header.geometry == turn
    index = grid.to_index(claims(got).world[0])
    inside = ((index >= 0) & (index <= np.array(grid.shape) - 1)).all(axis=-1)
    assert inside.sum() > 20
    assert np.allclose(plain(got)[:, inside], linear(got)[:, inside])
    outside = ((index < -0.51) | (index > np.array(grid.shape) - 0.49)).any(axis=-1)
    assert np.isnan(plain(got)[:, outside]).all()
    assert s.align(s).same_geometry(s)
    assert np.allclose(s.align(s), s)
    assert s.align(s, "nearest").equals(s)
    assert np.allclose(s.align(s, "cubic"), s)


def rotation(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


@pytest.mark.parametrize(
    ("name", "itk"),
    [
        ("nearest", SimpleITK.sitkNearestNeighbor),
        ("linear", SimpleITK.sitkLinear),
        ("cubic", SimpleITK.sitkBSpline),
    ],
)
def test_align_as_simpleitk(name: str, itk: int) -> None:
    rng = np.random.default_rng(5)
    s = make_series((9, 10, 11), (), "oblique", 2).with_data(rng.normal(size=(9, 10, 11)))
    grid = s.header.geometry
    reference = make_series((12, 13, 14), (), "oblique", 2)
    affine = grid.affine.copy()
    affine[:3, :3] = affine[:3, :3] / grid.spacing @ rotation(0.15) * [1.9, 0.7, 1.3]
    affine[:3, 3] = grid.to_world([-1.3, 0.4, 0.9])
    reference.header = reference.header.with_geometry(Geometry(affine, (12, 13, 14), grid.frame_of_reference))
    got = s.align(reference, name, fill_value=-9)
    expected = SimpleITK.GetArrayFromImage(
        SimpleITK.Resample(s.to_sitk(), reference.to_sitk(), SimpleITK.Transform(), itk, -9.0)
    )
    index = grid.to_index(claims(got).world)
    # SimpleITK's half-way voxels and outermost half voxels are rounded otherwise.
    clear = (np.abs(index % 1 - 0.5) > 1e-3).all(axis=-1) if name == "nearest" else True
    inside = ((index >= 0) & (index <= np.array(grid.shape) - 1)).all(axis=-1) & clear
    assert inside.sum() > 300
    assert np.allclose(plain(got)[inside], expected[inside], atol=1e-9 if name != "cubic" else 1e-6)
    assert np.array_equal((plain(got) == -9), expected == -9)


def test_labels_stay_labels() -> None:
    rng = np.random.default_rng(0)
    labels = make_series((6, 7, 8)).with_data(rng.choice([0, 3, 17, 200], (6, 7, 8)).astype(np.uint8))
    mask = labels > 3
    for data in (labels, mask):
        for how in ("linear", "cubic", "nearest"):
            got = data.resample(data.spacing * 0.7, how)
            assert got.dtype == data.dtype
            assert set(np.unique(got)) <= set(np.unique(data))
    mixed = labels.resample(labels.spacing * 0.7, labels=False)
    assert not set(np.unique(mixed)) <= {0, 3, 17, 200}
    image = labels.with_data(rng.integers(0, 1000, (6, 7, 8)).astype(np.int16))
    assert not is_label_map(plain(image))
    assert image.resample(image.spacing * 0.7).dtype == np.int16
    assert image.resample(image.spacing * 0.7, "cubic").dtype == np.int16
    big = image.with_data((rng.random((6, 7, 8)) * 2**63).astype(np.uint64))
    assert big.resample(big.spacing * 0.7, "cubic").dtype == np.uint64
    assert image.with_data(image * (1 + 1j)).resample(2).dtype == complex


@pytest.mark.parametrize("kind", KINDS)
def test_resample(kind: str) -> None:
    s = smooth(kind=kind, tags=(2,))
    for spacing in (s.spacing / 2, s.spacing * [1, 2, 0.5], 2.0, s.spacing):
        got = s.resample(spacing, fill_value=np.nan)
        assert np.allclose(got.spacing, spacing)
        assert np.allclose(claims(got).world.mean((0, 1, 2, 3)), claims(s).world.mean((0, 1, 2, 3)))
        extent = np.array(s.shape[1:]) * s.spacing
        assert (np.abs(np.array(got.shape[1:]) * got.spacing - extent) <= got.spacing / 2 + 1e-6).all()
        index = s.header.geometry.to_index(claims(got).world[0])
        inside = ((index >= 0) & (index <= np.array(s.shape[1:]) - 1)).all(axis=-1)
        assert np.allclose(plain(got)[:, inside], linear(got)[:, inside])
    assert s.resample(s.spacing).equals(s, 1e-6) or np.allclose(s.resample(s.spacing), s)
    for bad in (0, -1, np.nan, (1, 2, 0)):
        with pytest.raises(GeometryError, match="above 0"):
            s.resample(bad)
    with pytest.raises(ValueError, match="nearest, linear, cubic"):
        s.resample(1, "quintic")


def test_resample_makes_uneven_slices_even() -> None:
    s = smooth((6, 5, 4), uneven=True)
    got = s.resample(s.spacing, fill_value=np.nan)
    assert got.header.geometry.is_uniform
    ok = np.isfinite(plain(got))
    assert ok.mean() > 0.6
    assert np.allclose(plain(got)[ok & inner(got, s)], linear(got)[ok & inner(got, s)])


def inner(got: Series, s: Series) -> np.ndarray:
    index = s.header.geometry.to_index(claims(got).world)
    return ((index >= 0) & (index <= np.array(s.shape) - 1)).all(axis=-1)


def test_resample_small_and_empty() -> None:
    assert make_series((1, 1, 1)).resample(0.5).size >= 1
    assert make_series((3, 4, 5))[1].resample(1.0).ndim == 3
    assert make_series((3, 4, 5))[:0].resample(1.0).shape[0] == 0
    s = make_series((3, 4, 5), (2,))[:, 1]
    assert s.resample(s.spacing).shape == (2, 1, 4, 5)


@pytest.mark.parametrize("seed", range(4))
def test_deskew(seed: int) -> None:
    s = smooth((5, 8, 9), (2,), "sheared", seed)
    assert s.header.geometry.is_sheared
    got = s.deskew(fill_value=np.nan)
    grid = got.header.geometry
    assert not grid.is_sheared
    assert np.allclose(grid.slice_locations, s.header.geometry.slice_locations)
    assert np.allclose(grid.orientation, s.header.geometry.orientation)
    known = np.isfinite(plain(got))
    near = np.broadcast_to(inner(got[0], s[0]), got.shape)
    assert np.allclose(plain(got)[near], linear(got)[near])
    # Nothing is cut off: every voxel of the source lies in the new grid.
    index = grid.to_index(claims(s).world[0])
    assert (index >= -1e-6).all()
    assert (index <= np.array(grid.shape) - 1 + 1e-6).all()
    assert known.sum() >= near.sum()
    upright = smooth()
    assert upright.deskew() is upright
    uneven = smooth((5, 6, 7), (), "sheared", seed, uneven=True)
    assert np.allclose(uneven.deskew().header.geometry.slice_locations, uneven.sliceLocations)


def test_align_of_planes_frames_and_colour() -> None:
    s = smooth()
    plane = s[3]
    got = s.align(plane)
    assert got.header.dims == ("row", "column")
    assert np.allclose(got, plane)
    other = s.copy()
    other.frameOfReferenceUID = "1.9"
    with pytest.raises(GeometryMismatchError, match="force=True"):
        s.align(other)
    assert s.align(other, force=True).frameOfReferenceUID == "1.9"
    rgb = np.zeros(s.shape, [("R", "u1"), ("G", "u1"), ("B", "u1")])
    rgb["G"] = np.arange(s.size).reshape(s.shape) % 251
    colour = s.with_data(rgb)
    assert np.array_equal(colour.align(colour), colour)
    assert colour.resample(1.0).color


# --- comparing, setting ------------------------------------------------------------------------------------


def test_same_geometry_and_equals() -> None:
    s = make_series((3, 4, 5), (2,))
    assert s.equals(s.copy())
    assert s.same_geometry(s + 1)
    assert not s.equals(s + 1)
    assert not s.equals(plain(s))
    assert not s.equals(s.astype(float))
    assert not s.equals(s[::-1])
    t = s.copy()
    t.spacing = s.spacing * 1.01
    assert not s.same_geometry(t)
    assert s.same_geometry(t, tolerance=10)
    assert not s.same_geometry(_without(s))
    assert not s.same_geometry(s.T)
    nan = (s * 1.0)
    nan[0, 0, 0, 0] = np.nan
    assert nan.equals(nan.copy())
    t = s.copy()
    t.axes = [VariableAxis("time", [7, 8]), *s.axes[1:]]
    assert not s.equals(t)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("uneven", [False, True])
def test_setting_one_part_keeps_the_others_consistent(kind: str, uneven: bool) -> None:
    def consistent(s: Series) -> None:
        world = claims(s).world[..., ::-1]
        matrix, spacing, orientation = s.transformationMatrix, s.spacing, s.orientation
        for i, place in s.imagePositions.items():
            assert np.allclose(world[i, 0, 0], place)
        assert np.allclose(np.linalg.norm(matrix[:3, :3], axis=0), spacing)
        assert np.allclose(matrix[:3, 2] / spacing[2], orientation[:3])
        assert np.allclose(matrix[:3, 1] / spacing[1], orientation[3:])
        assert np.allclose([a.step for a in s.axes[1:]], spacing[1:])
        apart = np.linalg.norm(world[:, 0, 0] - world[0, 0, 0], axis=1)
        assert np.allclose(np.asarray(s.axes[0]) - s.axes[0][0], apart)
        if s.header.geometry.is_uniform:
            assert np.allclose(apply_affine(matrix, np.argwhere(np.ones(s.shape))), world.reshape(-1, 3))
        assert np.allclose(s.getPositionForVoxel((2, 1, 3)).ravel(), world[2, 1, 3])

    def fresh() -> Series:
        return make_series((3, 4, 5), (), kind, 1, uneven=uneven)

    for name in ("spacing", "orientation", "imagePositions", "transformationMatrix", "sliceLocations"):
        s = fresh()
        if name == "transformationMatrix" and uneven:
            continue
        setattr(s, name, getattr(s, name))
        consistent(s)
        np.testing.assert_allclose(claims(s).world, claims(fresh()).world, atol=1e-6, err_msg=name)
    s = fresh()
    s.spacing = (3, 2, 1)
    consistent(s)
    assert np.allclose(s.orientation, fresh().orientation)
    assert np.allclose(s.imagePositions[0], fresh().imagePositions[0])
    s.orientation = (0, 0.6, 0.8, 1, 0, 0)
    consistent(s)
    assert np.allclose(s.spacing, (3, 2, 1))
    s.imagePositions = {i: np.array([5.0 * i, 1, 2]) for i in range(3)}
    consistent(s)
    assert s.spacing[0] == pytest.approx(5)
    s.imagePositions = {1: np.array([6.0, 1, 2])}
    consistent(s)
    assert not s.header.geometry.is_uniform
    s.transformationMatrix = make_series((3, 4, 5), (), kind, 8).transformationMatrix
    consistent(s)
    s.axes = [UniformLengthAxis("slice", 0, 3, 4), *s.axes[1:]]
    consistent(s)
    assert s.spacing[0] == pytest.approx(4)
    for name, value in (("spacing", (1, 2)), ("spacing", (1, 2, -3)), ("orientation", (1, 0, 0)),
                        ("imagePositions", {7: np.zeros(3)}), ("imagePositions", [1]),
                        ("transformationMatrix", np.eye(3)), ("sliceLocations", [1])):  # fmt: skip
        with pytest.raises(ValueError, match=r"."):
            setattr(s, name, value)


def test_matrix_of_a_permuted_array() -> None:
    s = make_series((3, 4, 5), (), "sheared")
    t = s.T
    world = claims(t).world[..., ::-1]
    index = np.argwhere(np.ones(t.shape))
    assert np.allclose(apply_affine(t.transformationMatrix, index), world.reshape(-1, 3))
    t.transformationMatrix = t.transformationMatrix
    assert np.allclose(claims(t).world[..., ::-1], world)


@pytest.mark.parametrize("picked", [[0, 2, 3], [0, 2, 4], [4, 2, 0], [1, 3, 4], [4, 1], [1, 2, 3]])
def test_match_geometry_picks_slices(picked: list[int]) -> None:
    """The slices that the reference has, wherever they are in an unevenly spaced stack."""
    s = make_series((5, 4, 5), (2,), "oblique", uneven=True)
    part = s[:, picked]
    got = s.match_geometry(part)
    assert np.array_equal(plain(got), plain(s)[:, picked])
    assert got.same_geometry(part)
    check(s, got, exact=True, tags=True)


def test_match_geometry_does_not_invent_slices_between() -> None:
    s = make_series((5, 4, 5), (), "oblique", uneven=True)
    with pytest.raises(GeometryMismatchError, match=r"unevenly spaced|differently|part of a voxel"):
        s[[0, 1, 4]].match_geometry(s)


@pytest.mark.parametrize("code", ["LPS", "RSA", "SLP", "PIR"])
def test_a_window_stays_with_its_values(code: str, tmp_path: Path) -> None:
    """The window that the headers give, in each plane; new values have their own."""
    images = synthetic.stack([(0, 0, 3 * z) for z in range(4)], WindowCenter=[40, 50], WindowWidth=[400, 350])
    turned = Series(synthetic.save(tmp_path / "ct", images)).reorient(code)
    assert (turned.windowCenter, turned.windowWidth) == (40, 400)
    other = turned * 2.0
    assert (other.windowCenter, other.windowWidth) != (40, 400)
