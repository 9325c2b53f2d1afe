"""What headers say of how images are shown: windows, tables, sigmoids, negatives.

Shades of tables are compared with those of pydicom, sigmoids with the formula of PS3.3.
"""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import LogNorm, Normalize, PowerNorm
from pydicom.dataset import Dataset
from pydicom.pixels import apply_voi_lut

from imagedata import Series
from imagedata.viewer import Panel
from strategies import make_series
from synthetic import image, save

VALUES = np.arange(20 * 21, dtype=np.int16).reshape(20, 21) * 9 - 700


def radiograph(folder: Path, **elements: Any) -> tuple[Series, Dataset]:
    """A file whose header says how to show it, as a Series, and as it was written."""
    made = image(VALUES, (0, 0, 0), number=1, spacing=(1, 1), **elements)
    save(folder, [made])
    return Series(folder), made


def grey(panel: Panel) -> np.ndarray:
    colours = panel.rgb()
    assert (colours[..., 0] == colours[..., 1]).all()
    return colours[..., 0].astype(int)


def test_sigmoid_by_its_formula(tmp_path: Path) -> None:
    """PS3.3 C.11.2.1.3.1."""
    a, written = radiograph(tmp_path, WindowCenter=300, WindowWidth=900, VOILUTFunction="SIGMOID")
    panel = Panel(a, "gray")
    wanted = 255 / (1 + np.exp(-4 * (VALUES - 300.0) / 900))
    assert np.abs(grey(panel) - wanted).max() <= 2
    theirs = np.asarray(apply_voi_lut(VALUES, written), float)
    theirs = (theirs - theirs.min()) / np.ptp(theirs)
    ours = (wanted - wanted.min()) / np.ptp(wanted)
    assert np.abs(ours - theirs).max() < 1e-3
    # Dragging changes the same curve; a window that is given is an even one.
    panel.window, panel.level = 100.0, 0.0
    assert np.abs(grey(panel) - 255 / (1 + np.exp(-VALUES / 25.0))).max() <= 2
    even = Panel(a, "gray", window=900, level=300)
    assert np.abs(grey(even) - np.clip((VALUES + 150) / 900, 0, 1) * 255).max() <= 2
    assert Panel(a * 2).norm == "linear"
    panel = Panel(a, "gray")
    assert np.array_equal(np.asarray(a.to_rgb("gray", norm="sigmoid"))["R"], grey(panel))


@pytest.mark.parametrize(("first", "bits", "count"), [(-300, 16, 1024), (0, 12, 4096), (100, 8, 256)])
def test_table_as_pydicom_applies_it(tmp_path: Path, first: int, bits: int, count: int) -> None:
    entries = (np.sqrt(np.linspace(0, 1, count)) * (2**bits - 1)).astype(np.uint16)
    table = Dataset()
    table.add_new("LUTDescriptor", "SS", [count, first, bits])
    table.add_new("LUTData", "OW", entries.astype(np.uint8 if bits == 8 else np.uint16).tobytes())
    a, written = radiograph(tmp_path, VOILUTSequence=[table])
    panel = Panel(a, "gray")
    # Packed bytes are beyond pydicom.
    index = np.clip(VALUES - first, 0, count - 1)
    theirs = entries[index] if bits == 8 else apply_voi_lut(VALUES, written)
    theirs = np.asarray(theirs, float) / (2**bits - 1) * 255
    assert np.abs(grey(panel) - theirs).max() <= 2
    assert panel.bounds == (first, first + count - 1)
    panel.window, panel.level = 500.0, 100.0
    assert np.abs(grey(panel) - np.clip((VALUES + 150) / 500, 0, 1) * 255).max() <= 2


@pytest.mark.parametrize("descriptor", [[3, 0], [0, 0, 7]])
def test_table_that_is_none_is_left(tmp_path: Path, descriptor: list[int]) -> None:
    table = Dataset()
    table.add_new("LUTDescriptor", "US", descriptor)
    table.add_new("LUTData", "US", [1, 2, 3])
    a, _ = radiograph(tmp_path, VOILUTSequence=[table])
    assert Panel(a).norm == "linear"


def test_rescaled_values_have_the_window(tmp_path: Path) -> None:
    a, _ = radiograph(tmp_path, RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=40, WindowWidth=400)
    assert Panel(a).bounds == (-160, 240)
    assert np.abs(grey(Panel(a, "gray")) - np.clip((VALUES * 2.0 - 1000 + 160) / 400, 0, 1) * 255).max() <= 2


def test_lowest_value_is_white_in_all_pictures(tmp_path: Path) -> None:
    a, _ = radiograph(tmp_path, PhotometricInterpretation="MONOCHROME1", WindowCenter=0, WindowWidth=800)
    negative = grey(Panel(a))
    shades = mpl.colormaps["Greys_r"](1 - np.clip((VALUES + 400) / 800, 0, 1), bytes=True)[..., 0]
    assert np.abs(negative - shades).max() <= 2
    assert np.array_equal(np.asarray(a.to_rgb())["R"], negative)
    fused = np.asarray(a.fuse_mask(a < -9999, sigma=0))["R"]
    assert np.array_equal(fused, negative)
    assert np.array_equal(np.asarray(a.montage())[..., 0], negative)


def test_masks_on_negatives_are_no_negatives() -> None:
    a = make_series((2, 9, 9)) * 1.0
    a.photometricInterpretation = "MONOCHROME1"
    a.colormap = "viridis"
    mask = a.mask_from_vertices({0: [(2, 2), (7, 2), (7, 7)]})
    a.colormap = None
    for one in (mask, a > 5):
        panel = Panel(one)
        panel.to_slice(0)
        inside = np.asarray(one)[0].astype(bool)
        assert (panel.rgb()[inside] == 255).all()
        assert (panel.rgb()[~inside] == 0).all()


@pytest.mark.parametrize("value", [True, False])
def test_a_mask_that_is_everywhere_or_nowhere(value: bool) -> None:
    a = Series(np.full((2, 3, 4), value))
    shade = 255 if value else 0
    assert (np.asarray(a.to_rgb())["R"] == shade).all()
    assert (Panel(a).rgb() == shade).all()


def test_window_by_histogram_of_skewed_values() -> None:
    """One voxel in a thousand is beyond the window; of images that are nearly all background, none is."""
    values = np.random.default_rng(0).lognormal(0, 3, (1, 200, 250))
    window, level = Panel(Series(values)).histogram_window()
    bottom, top = level - window / 2, level + window / 2
    assert (values > top).mean() == pytest.approx(0.001, abs=1e-4)
    assert (values < bottom).mean() == pytest.approx(0.01, abs=1e-3)
    sparse = np.zeros((1, 100, 100))
    sparse[0, 3, 4:8] = 0.002
    assert Panel(Series(sparse)).histogram_window() == (0.002, 0.001)
    assert np.asarray(Series(sparse).to_rgb(clip="hist"))["R"][0, 3, 4] == 255
    flat = Panel(Series(np.full((1, 5, 5), 7.0)))
    assert flat.histogram_window() == (1, 7)


# --- windows and norms that are given ---------------------------------------------------------------------


@pytest.mark.parametrize("given", [{"window": -5}, {"window": 0}, {"window": np.nan}, {"level": np.inf}])
def test_windows_that_are_none(given: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="width above 0" if "window" in given else "finite"):
        Panel(make_series(), **given)


def test_a_window_that_is_given_spares_the_look_at_all_values(monkeypatch: pytest.MonkeyPatch) -> None:
    a = make_series(records=False)
    monkeypatch.setattr(type(a), "_window", lambda self: pytest.fail("all values were looked at"))
    Panel(a, window=3, level=1)


@pytest.mark.parametrize("norm", [Normalize(0, 30), PowerNorm(0.5, 0, 30)])
def test_limits_of_a_norm_hold_until_the_window_is_changed(norm: Normalize) -> None:
    panel = Panel(make_series((2, 9, 9)) * 1.0, norm=norm)
    assert panel.bounds == (0, 30)
    panel.window, panel.level = 10.0, 90.0
    moved = panel.normaliser()
    assert type(moved) is type(norm)
    assert (moved.vmin, moved.vmax) == (85, 95)
    assert (norm.vmin, norm.vmax) == (0, 30)


def test_logarithmic_norm_of_values_down_to_0() -> None:
    panel = Panel(make_series((2, 9, 9)) * 1.0, norm=LogNorm())
    assert panel.normaliser().vmin > 0
    assert panel.rgb().max() > 0


def test_each_series_has_its_own_colours() -> None:
    from matplotlib.figure import Figure

    from imagedata.viewer import Viewer

    a, b = make_series(), make_series()
    b.colormap, b.colormap_norm = "viridis", "log"
    viewer = Viewer([a, b], fig=Figure())
    assert [p.colormap for p in viewer.scene.panels] == ["Greys_r", "viridis"]
    assert [p.norm for p in viewer.scene.panels] == ["linear", "log"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("values", [
    np.linspace(-1, 1, 24) * 1.7e308, np.full(24, 1.7e308), np.full(24, -1.7e308), np.full(24, 2**62),
    np.r_[-np.inf, np.inf, np.arange(22.0)], np.array([0, 2**64 - 1] * 12, np.uint64), np.full(24, 5e-324),
])  # fmt: skip
def test_values_at_the_ends_of_their_type(values: np.ndarray, tmp_path: Path) -> None:
    """The lowest is black, the highest white, where they differ; nothing warns."""
    a = Series(values.reshape(2, 3, 4))
    for made in (a.to_rgb(), a.to_rgb(clip="hist"), a.to_rgb(norm="log"), a.fuse_mask(a > np.inf)):
        assert made.color
    shades = np.asarray(a.to_rgb())["R"].ravel()
    if values.min() < values.max():
        assert shades[np.argmin(values)] == 0
        assert shades[np.argmax(values)] == 255
    panel = Panel(a)
    assert np.isfinite(panel.bounds).all()
    panel.window_by_histogram()
    panel.rgb()
    a.to_html(tmp_path / "a.html")
    a.to_png(tmp_path / "a.png")
