"""Colours: against matplotlib's own, and against written-out formulas; overlays by place."""

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import LogNorm, Normalize, PowerNorm
from scipy.ndimage import gaussian_filter

from imagedata import Series
from imagedata.colour import clip_range, colour_map, make_norm, to_rgb
from imagedata.errors import BadShapeGiven, DataTypeError, GeometryMismatchError
from strategies import make_series


def rgb(series: Series) -> np.ndarray:
    """The colours of a Series as (..., 3)."""
    assert series.color
    plain = np.asarray(series)
    return np.stack([plain["R"], plain["G"], plain["B"]], axis=-1)


def images(shape: tuple[int, ...] = (2, 5, 6), dtype: type = np.float64) -> Series:
    return Series(np.random.default_rng(1).uniform(0, 1000, shape).astype(dtype))


# --- values to colours -------------------------------------------------------------------------------


@given(
    st.floats(-500, 500), st.floats(0.5, 3000), st.sampled_from(["Greys_r", "viridis", "navia"]),
    st.sampled_from([np.uint8, np.int16, np.int32, np.float32, np.float64]), st.sampled_from([None, 7]),
)
def test_colours_are_those_of_matplotlib(low: float, width: float, name: str, dtype: type, lut: int) -> None:
    values = np.random.default_rng(3).uniform(0, 255, (40, 50)).astype(dtype)
    norm = Normalize(low, low + width)
    ours = to_rgb(values, name, norm, lut)
    theirs = colour_map(name, lut)(norm(values), bytes=True)[..., :3]
    # A value on the edge between two colours may be rounded to the other one.
    other = (ours != theirs).any(axis=-1)
    assert other.mean() < 0.02
    beside = colour_map(name, lut)(norm(values) + 1e-5, bytes=True)[..., :3]
    before = colour_map(name, lut)(norm(values) - 1e-5, bytes=True)[..., :3]
    assert ((ours == beside) | (ours == before)).all(axis=-1)[other].all()


@pytest.mark.parametrize("norm", [LogNorm(1, 200), PowerNorm(0.5, 0, 300)])
def test_colours_of_other_norms_are_those_of_matplotlib(norm: Normalize) -> None:
    values = np.linspace(1, 200, 400).reshape(20, 20)
    theirs = colour_map("viridis")(norm(values), bytes=True)[..., :3]
    assert np.array_equal(to_rgb(values, "viridis", norm), theirs)


def test_window_of_the_series_is_used() -> None:
    a = images()
    a.windowCenter, a.windowWidth = 500, 200
    expected = matplotlib.colormaps["Greys_r"](np.clip((np.asarray(a) - 400) / 200, 0, 1), bytes=True)
    assert np.array_equal(rgb(a.to_rgb()), expected[..., :3])
    assert a.to_rgb().same_geometry(a)


def test_nan_is_black_and_infinite_is_the_end() -> None:
    a = Series(np.array([[0, 1, np.nan], [np.inf, -np.inf, 0.5]]))
    found = rgb(a.to_rgb("Greys"))
    assert found[0, 2].tolist() == [0, 0, 0]
    assert found[0, 0].tolist() == found[1, 1].tolist() == [255, 255, 255]
    assert found[0, 1].tolist() == found[1, 0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("values", [
    np.full((3, 4), 7.0), np.full((3, 4), np.nan), np.zeros((3, 4), bool), np.ones((3, 4), np.complex64) * 1j,
    np.array([[0, 1]], bool),
])  # fmt: skip
def test_unusual_values_have_colours(values: np.ndarray) -> None:
    assert rgb(Series(values).to_rgb()).shape == (*values.shape, 3)


def test_complex_is_shown_as_magnitude() -> None:
    z = Series(np.array([[3 + 4j, 0], [1j, -5]]))
    assert np.array_equal(rgb(z.to_rgb()), rgb(abs(z).to_rgb()))


def test_texts_have_no_colour() -> None:
    with pytest.raises(DataTypeError, match="shade of grey"):
        to_rgb(np.array(["a"]), "gray", Normalize(0, 1))


def test_unknown_names_are_refused() -> None:
    a = images()
    with pytest.raises(ValueError, match="no colour map 'nothing'"):
        a.to_rgb("nothing")
    with pytest.raises(ValueError, match="'linear', 'log'"):
        a.to_rgb(norm="cubic")
    with pytest.raises(ValueError, match="'window' or 'hist'"):
        a.to_rgb(clip="all")


@pytest.mark.parametrize(("low", "high"), [(0, 100), (-5, 0), (-9, -3), (5, 5)])
def test_logarithmic_scale_has_limits_whatever_the_window(low: float, high: float) -> None:
    norm = make_norm("log", low, high)
    assert 0 < norm.vmin < norm.vmax


def test_clip_range_is_the_quantiles() -> None:
    a = images()
    assert a.calculate_clip_range((0.1, 0.9)) == tuple(np.quantile(np.asarray(a), [0.1, 0.9]))
    low, high = a.calculate_clip_range((0.1, 0.9), bins=1000)
    assert (low, high) == pytest.approx(a.calculate_clip_range((0.1, 0.9)), abs=40)
    expected = rgb(a.to_rgb(clip="hist", probs=(0.1, 0.9)))
    a.windowCenter, a.windowWidth = (np.quantile(a, 0.1) + np.quantile(a, 0.9)) / 2, np.quantile(
        a, 0.9) - np.quantile(a, 0.1)  # fmt: skip
    assert np.abs(rgb(a.to_rgb()).astype(int) - expected).max() <= 2


@pytest.mark.parametrize("probs", [(0.9, 0.1), (-0.1, 1), (0, 1.1), (0.5, 0.5)])
def test_clip_range_refuses_parts_that_are_none(probs: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="probs"):
        clip_range(np.arange(5), probs)


@pytest.mark.parametrize("name", ["navia", "lipari"])
def test_scientific_maps_grow_lighter_evenly(name: str) -> None:
    """What the maps were published for: lightness (CIE L*) rises, and by even steps."""
    colours = colour_map(name)(np.arange(256))[:, :3]
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    lightness = np.where(luminance > 216 / 24389, 116 * np.cbrt(luminance) - 16, luminance * 24389 / 27)
    assert (np.diff(lightness) > 0).all()
    assert np.diff(lightness).max() < 3 * np.diff(lightness).mean()


def test_maps_under_their_old_module() -> None:
    from imagedata.apps.ColorMaps import MR_relaxometry

    assert (MR_relaxometry.navia.N, MR_relaxometry.lipari.N) == (256, 256)


# --- channels ----------------------------------------------------------------------------------------


def test_channels_by_name() -> None:
    a = images()
    both = a.to_channels([a, a + 1], ["water", "fat"])
    assert np.array_equal(both["fat"], a + 1)
    assert both["fat"].same_geometry(a)
    with pytest.raises(BadShapeGiven, match="'fat'"):
        a.to_channels([a, a[0]], ["water", "fat"])
    with pytest.raises(ValueError, match="labels"):
        a.to_channels([a], ["water", "fat"])


# --- overlays ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("blend", [False, True])
@pytest.mark.parametrize("sigma", [0, 1.5])
def test_mask_by_the_written_out_formula(blend: bool, sigma: float) -> None:
    a = images()
    mask = np.zeros(a.shape, np.uint8)
    mask[0, 1:4, 2:5] = 1
    found = rgb(a.fuse_mask(Series(mask), alpha=0.6, blend=blend, sigma=sigma))
    soft = np.stack([gaussian_filter(m.astype(float), sigma) if sigma else m for m in mask])
    red = np.zeros((*a.shape, 3))
    red[..., 0] = 255 * soft
    background = rgb(a.to_rgb()).astype(float)
    expected = np.clip(0.4 * red + background * (0.6 if blend else 1), 0, 255)
    assert np.abs(found - expected).max() <= 0.5 + 1e-4


def test_incumbents_colours_of_a_mask() -> None:
    """Red that imagedata 3.10.0 adds to a row of zeros beside a mask, observed by running it."""
    a = Series(np.zeros((1, 8, 8), np.uint16))
    a.windowCenter, a.windowWidth = 50, 100
    mask = np.zeros((1, 8, 8), np.uint8)
    mask[0, 2:5, 2:5] = 1
    found = rgb(a.fuse_mask(Series(mask)))
    assert found[0, 0, :, 0].tolist() == [3, 6, 9, 10, 9, 5, 2, 1]
    assert not found[..., 1:].any()


def test_map_by_the_written_out_formula() -> None:
    a = images()
    overlay = Series(np.random.default_rng(2).uniform(0, 9, a.shape))
    found = rgb(a.fuse_mask(overlay, alpha=0.5, maskmap="viridis", maskrange=(2, 6)))
    laid_on = matplotlib.colormaps["viridis"](np.clip((np.asarray(overlay) - 2) / 4, 0, 1), bytes=True)
    expected = np.clip(0.5 * laid_on[..., :3] + rgb(a.to_rgb()), 0, 255)
    assert np.abs(found - expected).max() <= 0.5


def test_nothing_is_laid_on_where_a_map_has_no_value() -> None:
    a = images()
    overlay = np.full(a.shape, np.nan)
    overlay[:, 2, 2] = 5
    found, plain = rgb(a.fuse_mask(Series(overlay), blend=True)), rgb(a.to_rgb())
    changed = (found != plain).any(axis=-1)
    assert changed[:, 2, 2].all()
    assert changed.sum() == 2


@pytest.mark.parametrize("kind", ["axial", "oblique", "sheared"])
def test_mask_on_another_grid_lies_where_it_was(kind: str) -> None:
    """A mask that was cropped, turned and flipped still colours the very voxels that it was made of."""
    a = make_series((6, 7, 8), kind=kind) * 1.0
    mask = a * 0 > 1
    mask[3, 2:5, 4] = True
    part = mask.crop(row=(1, 6), column=(2, 8))
    moved = part.reorient("PIR") if kind != "sheared" else part[::-1]
    found = rgb(a.fuse_mask(moved, sigma=0))
    assert np.array_equal((found != rgb(a.to_rgb())).any(axis=-1), np.asarray(mask))


def test_mask_of_another_frame_of_reference_is_refused() -> None:
    a = make_series((3, 4, 5))
    other = a.crop(row=(0, 3)) > 4
    other.frameOfReferenceUID = "1.9"
    with pytest.raises(GeometryMismatchError, match="frames of reference"):
        a.fuse_mask(other)


def test_mask_without_a_place_has_to_have_the_shape() -> None:
    a = make_series((3, 4, 5))
    assert a.fuse_mask(Series(np.ones((3, 4, 5), bool))).color
    with pytest.raises(BadShapeGiven, match="no place"):
        a.fuse_mask(Series(np.ones((3, 4, 6), bool)))


def test_one_mask_on_every_time() -> None:
    a = make_series((3, 4, 5), (2,))
    mask = a[0] * 0 > 1
    mask[1, 2, 3] = True
    changed = (rgb(a.fuse_mask(mask, sigma=0)) != rgb(a.to_rgb())).any(axis=-1)
    assert changed.sum() == 2
    assert changed[:, 1, 2, 3].all()


def test_overlay_in_colour_and_alpha_out_of_range_are_refused() -> None:
    a = images()
    with pytest.raises(DataTypeError, match="colour already"):
        a.fuse_mask(a.to_rgb())
    with pytest.raises(ValueError, match="alpha"):
        a.fuse_mask(a > 3, alpha=1.2)


def test_colours_of_a_map_do_not_depend_on_the_part_that_is_seen() -> None:
    """Labels 0, 1 and 5 on a part that has 0 and 1 only: still the colours of the map, not a red mask."""
    a = make_series((4, 6, 7)) * 1.0
    labels = (a * 0).astype(np.uint8)
    labels[0, 0, 0], labels[2, 2:4, 2:5] = 5, 1
    whole = a.fuse_mask(labels)
    part = a[1:, 1:]
    part.windowCenter, part.windowWidth = a.windowCenter, a.windowWidth
    assert np.array_equal(rgb(part.fuse_mask(labels)), rgb(whole)[1:, 1:])


def test_a_norm_of_the_user_stays_as_it_is() -> None:
    norm = Normalize()
    images().to_rgb(norm=norm)
    assert norm.vmin is None
