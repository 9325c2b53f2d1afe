"""Pictures without a window, previews of notebooks, and pages for a browser."""

import base64
import html.parser
import io
import json
import re
import shutil
import zlib
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from imagedata import Series
from imagedata.axis import VariableAxis
from imagedata.errors import AxisError, EmptyImageError, MissingDependencyError, WriteError
from strategies import make_series

NASTY = '</script><script>alert(1)</script><img src=x onerror="alert(2)">&amp;'


def plain_greys(shape: tuple[int, ...] = (4, 6, 5), order: str = "none") -> Series:
    """Values 0 to 255 and a window that shows each as its own grey."""
    a = Series(np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8), order)
    a.windowCenter, a.windowWidth = 127.5, 255
    return a


def as_greys(values: Any, name: str = "gray") -> np.ndarray:
    """Colours of a map of matplotlib for values of `plain_greys`, which count its entries."""
    return mpl.colormaps[name](np.asarray(values), bytes=True)[..., :3]


# --- pictures ------------------------------------------------------------------------------------------


def test_montage_holds_the_slices() -> None:
    a = plain_greys()
    sheet = np.asarray(a.montage(columns=2, colormap="gray"))
    assert sheet.shape == (2 * 6 + 2, 2 * 5 + 2, 3)
    for i, (y, x) in enumerate([(0, 0), (0, 7), (8, 0), (8, 7)]):
        assert np.array_equal(sheet[y : y + 6, x : x + 5], as_greys(a[i]))
    assert np.array_equal(np.asarray(a.montage(slices=-1, colormap="gray")), as_greys(a[3]))
    assert np.array_equal(np.asarray(a.montage(slices=[1], colormap="gray")), as_greys(a[1]))
    with pytest.raises(AxisError, match="no slice 4"):
        a.montage(slices=4)


def test_pictures_have_square_pixels() -> None:
    a = plain_greys()
    a.spacing = (1, 3, 1)
    assert a.montage(slices=0).size == (5, 18)
    a.spacing = (1, 1, 2)
    assert a.montage(slices=0).size == (10, 6)
    assert a.montage(slices=0, scale=2).size == (20, 12)
    with pytest.raises(ValueError, match="smaller scale"):
        a.montage(scale=1e6)


def test_png_of_a_tag(tmp_path: Path) -> None:
    a = plain_greys((3, 2, 6, 5), "time")
    a.to_png(tmp_path / "x.png", slices=1, tag=2, colormap="gray")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "x.png")), as_greys(a[2, 1]))
    with pytest.raises(AxisError, match="which has 3"):
        a.to_png(tmp_path / "x.png", tag=3)
    with pytest.raises(WriteError, match="nowhere"):
        a.to_png(tmp_path / "nowhere" / "x.png")
    with pytest.raises(EmptyImageError):
        a[:, :0].to_png(tmp_path / "y.png")
    assert [p.name for p in tmp_path.iterdir()] == ["x.png"]


@pytest.mark.parametrize(("shape", "order"), [((4, 6, 5), "none"), ((4, 3, 6, 5), "time")])
def test_film_has_each_time_or_slice(tmp_path: Path, shape: tuple[int, ...], order: str) -> None:
    a = plain_greys(shape, order)
    a.to_gif(tmp_path / "x.gif", fps=5, colormap="gray")
    with Image.open(tmp_path / "x.gif") as film:
        assert (film.n_frames, film.info["duration"], film.info["loop"]) == (4, 200, 0)
        for i in range(4):
            film.seek(i)
            wanted = a[i] if order == "none" else a[i, 1]
            assert np.array_equal(np.asarray(film.convert("RGB")), as_greys(wanted))
    with pytest.raises(ValueError, match="fps"):
        a.to_gif(tmp_path / "x.gif", fps=0)


def test_video_needs_its_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(MissingDependencyError, match="ffmpeg"):
        plain_greys().to_video(tmp_path / "x.mp4")


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="there is no ffmpeg")
def test_video_is_written(tmp_path: Path) -> None:
    plain_greys((4, 33, 41)).to_video(tmp_path / "x.mp4")
    assert b"ftyp" in (tmp_path / "x.mp4").read_bytes()[:16]


def test_overlay_in_a_picture() -> None:
    a = plain_greys()
    mask = a * 0 > 1
    mask[2, 3, 4] = True
    picture = np.asarray(a.montage(slices=2, colormap="gray", overlay=mask)).astype(int)
    changed = (picture != as_greys(a[2])).any(axis=-1)
    assert changed.sum() <= 1
    assert picture[3, 4, 0] == round(0.7 * as_greys(a[2])[3, 4, 0] + 0.3 * 255)


@pytest.mark.parametrize("options", [
    {"slices": []}, {"columns": 0}, {"columns": -2}, {"scale": 0}, {"scale": np.nan}, {"scale": -1},
    {"slices": [4]}, {"tag": 9}, {"window": -1},
])  # fmt: skip
def test_pictures_that_are_none(tmp_path: Path, options: dict[str, Any]) -> None:
    a = make_series((4, 6, 5), (2,))
    with pytest.raises(ValueError, match=r"slice|column|scale|no image 9|width"):
        a.to_png(tmp_path / "a.png", **options)
    if not {"columns", "tag"} & set(options):
        with pytest.raises(ValueError, match=r"slice|scale|width"):
            a.to_gif(tmp_path / "a.gif", **options)
    assert not list(tmp_path.iterdir())


# --- notebooks -------------------------------------------------------------------------------------------


class Parts(html.parser.HTMLParser):
    """Tags and texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_preview_is_whole_and_shows_the_slices() -> None:
    a = plain_greys((3, 60, 50))
    a.patientName, a.seriesDescription = "Secret", NASTY
    parts = Parts(a._repr_html_())
    sources = [attrs["src"] for tag, attrs in parts.tags if tag == "img"]
    assert len(sources) == 3
    for source, image in zip(sources, a, strict=True):
        assert source.startswith("data:image/png;base64,")
        picture = Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))
        assert np.array_equal(np.asarray(picture), as_greys(image, "Greys_r"))
    known = {"div", "figure", "img", "figcaption", "table", "tr", "th", "td"}
    assert {tag for tag, _ in parts.tags} <= known
    assert "Secret" not in parts.text
    assert NASTY.split("&")[0] in parts.text
    assert "Secret" in Parts(a.preview(patient=True)).text


def test_preview_of_many_slices_is_small() -> None:
    a = make_series((200, 64, 64))
    page = a._repr_html_()
    assert page.count("<img") == 5
    assert len(page) < 150_000


@pytest.mark.parametrize("series", [
    Series(np.zeros(5)), Series(np.zeros((0, 4, 5))), Series(np.full((4, 5), np.nan)),
    Series(np.ones((4, 5), bool)), Series(np.ones((2, 3, 4), complex)), Series(3.0),
    make_series().to_rgb(), make_series((2, 3, 4), (2,)),
    make_series().to_channels([make_series()], ["a"]),
])  # fmt: skip
def test_preview_of_anything(series: Series) -> None:
    assert "<table>" in series._repr_html_()


# --- pages for a browser -----------------------------------------------------------------------------


def page_data(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    pattern = r'<script type="application/json" id="data">(.*?)</script>'
    return json.loads(re.search(pattern, text, re.DOTALL)[1])


def values(data: Any, number: int) -> np.ndarray:
    raw = zlib.decompress(base64.b64decode(data["frames"][number]))
    steps = np.frombuffer(raw, "<" + data["kind"]).astype(float)
    steps[steps == data["nothing"]] = np.nan
    shape = (*data["shape"][1:], 3) if data["color"] else data["shape"][1:]
    return (steps * data["slope"] + data["intercept"]).reshape(shape)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, bool, np.int8])
def test_page_holds_integers_as_they_are(tmp_path: Path, dtype: type) -> None:
    a = make_series((3, 4, 5), (2,)).astype(dtype)
    a.to_html(tmp_path / "a.html")
    data = page_data(tmp_path / "a.html")
    for t in range(2):
        for s in range(3):
            assert np.array_equal(values(data, 3 * t + s), a[t, s])
    assert np.allclose(data["origins"][1], a.imagePositions[1])
    assert data["note"] == ""


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.complex64])
def test_page_holds_other_values_in_fine_steps(tmp_path: Path, dtype: type) -> None:
    a = make_series((3, 4, 5)).astype(dtype)
    if a.dtype.kind == "f":
        a[1, 2, 3] = np.nan
    a.to_html(tmp_path / "a.html")
    data = page_data(tmp_path / "a.html")
    assert np.allclose(values(data, 1), np.abs(a[1]), atol=59 / 65534, equal_nan=True)
    assert "to within" in data["note"]


def test_page_in_colour(tmp_path: Path) -> None:
    a = make_series((3, 4, 5)).to_rgb("viridis")
    a.to_html(tmp_path / "a.html")
    plain = np.asarray(a)[1]
    expected = np.stack([plain["R"], plain["G"], plain["B"]], axis=-1)
    assert np.array_equal(values(page_data(tmp_path / "a.html"), 1), expected)


def test_page_loads_nothing_and_texts_stay_texts(tmp_path: Path) -> None:
    a = make_series()
    a.patientName = a.seriesDescription = NASTY
    a.to_html(tmp_path / "a.html")
    assert "alert" not in (tmp_path / "a.html").read_text()
    a.to_html(tmp_path / "a.html", patient=True)
    page = (tmp_path / "a.html").read_text()
    parts = Parts(page)
    assert [tag for tag, _ in parts.tags].count("script") == 2
    assert not {"img", "link", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in parts.tags}
    assert not any(name in {"src", "href", "srcset", "action"} or (name or "").startswith("on")
                   for _, attrs in parts.tags for name in attrs)  # fmt: skip
    assert not re.search(r"https?:|//[a-z]|@import|url\(", page.split('id="data">')[0])
    policy = next(attrs["content"] for tag, attrs in parts.tags if attrs.get("http-equiv"))
    assert policy.startswith("default-src 'none'")
    assert NASTY in page_data(tmp_path / "a.html")["texts"]["upper_left"]


def test_page_is_not_written_for_too_many_images(tmp_path: Path) -> None:
    huge = Series(np.broadcast_to(np.zeros((1, 512, 512), np.int16), (3000, 512, 512)))
    with pytest.raises(ValueError, match="too much for a page"):
        huge.to_html(tmp_path / "a.html", window=1, level=0)
    assert not list(tmp_path.iterdir())


def test_page_that_browsers_would_not_read_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imagedata.viewer import page

    a = make_series((3, 40, 50))
    a.to_html(tmp_path / "a.html")
    monkeypatch.setattr(page, "_LONGEST", 5000)
    with pytest.raises(ValueError, match="too much for a page"):
        a.to_html(tmp_path / "b.html")
    assert not (tmp_path / "b.html").exists()


def test_pages_and_pictures_have_the_colours_of_the_series(tmp_path: Path) -> None:
    a = make_series((1, 6, 7), kind="axial")
    a.spacing, a.colormap = (1, 1, 1), "viridis"
    assert np.array_equal(np.asarray(a.montage())[..., 0], np.asarray(a.to_rgb("viridis"))["R"][0])
    a.to_html(tmp_path / "a.html")
    assert page_data(tmp_path / "a.html")["table"][:3] == [68, 1, 84]


CINES = [
    # Even: 24 pictures in a second do not last a whole number of hundredths.
    ([n / 24 for n in range(48)], None, 2.0),
    ([0, 0.05, 0.2, 0.3], None, 0.4),
    # Contrast agent over minutes is not watched as it was.
    ([0, 5, 10, 15], None, 0.4), ([0, 5, 10, 15], 2, 2.0), ([0, 0.05, 0.2, 0.3], 20, 0.2),
]  # fmt: skip


@pytest.mark.parametrize(("times", "fps", "length"), CINES)
def test_film_lasts_as_long_as_it_should(
    tmp_path: Path, times: list[float], fps: float | None, length: float
) -> None:
    a = Series(np.random.default_rng(0).integers(0, 255, (len(times), 2, 8, 9)).astype(np.uint8), "time")
    a.axes = [VariableAxis("time", times), *a.axes[1:]]
    a.to_gif(tmp_path / "a.gif", fps=fps)
    with Image.open(tmp_path / "a.gif") as film:
        shown = []
        for i in range(film.n_frames):
            film.seek(i)
            shown.append(film.info["duration"] / 1000)
    assert len(shown) == len(times)
    assert sum(shown) == pytest.approx(length, abs=0.011)
    if fps is None and length != 0.4:
        assert np.allclose(np.cumsum(shown)[:-1], times[1:], atol=0.006)


def test_maps_and_masks_are_seen_on_white_as_well() -> None:
    """Each channel is (1 - alpha) overlay + alpha background, where the overlay has a value."""
    a = make_series((1, 8, 9), kind="axial") * 1.0
    a.spacing = (1, 1, 1)
    values = a / 72
    below = np.asarray(a.to_rgb().montage()).astype(float)
    colours = mpl.colormaps["magma"](np.asarray(values)[0] / float(values.max()), bytes=True)[..., :3]
    seen = np.asarray(a.montage(overlay=values, alpha=0.6))
    assert np.abs(seen - (0.4 * colours + 0.6 * below)).max() <= 1
    tinted = np.asarray(a.montage(overlay=a > 30, alpha=0.6))
    inside = np.asarray(a > 30)[0][..., np.newaxis]
    assert np.abs(tinted - np.where(inside, 0.6 * below + [102.0, 0, 0], below)).max() <= 1
    white = np.asarray(a.montage(overlay=a > 30, window=1, level=-9))
    assert white[7, 8].tolist() == [255, 178, 178]
    assert white[0, 0].tolist() == [255, 255, 255]
