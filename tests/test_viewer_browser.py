"""The page of `to_html` in a real browser, driven by wheel, keys and mouse. Skipped where there is none."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

from imagedata import Series
from strategies import make_series

selenium = pytest.importorskip("selenium")
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="there is no Chromium with its driver"),
    # Selenium says things of itself while it starts and ends.
    pytest.mark.filterwarnings("ignore:::selenium"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=900,700",
                 "--disable-dev-shm-usage", "--force-device-scale-factor=1"):  # fmt: skip
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


class Page:
    """A page of `to_html`, with hands."""

    def __init__(self, browser: Any, folder: Path, series: Series, **options: Any) -> None:
        self.browser = browser
        series.to_html(folder / "view.html", **options)
        browser.get((folder / "view.html").as_uri())
        self.wait()

    def wait(self) -> None:
        """Until the image that was asked for is there."""
        self.browser.execute_async_script("const done = arguments[0]; showing.then(() => done())")

    def text(self, name: str) -> str:
        return str(self.browser.execute_script("return el(arguments[0]).textContent", name))

    def keys(self, *keys: str) -> None:
        from selenium.webdriver import ActionChains

        ActionChains(self.browser).send_keys(*keys).perform()
        self.wait()

    def colours(self) -> np.ndarray:
        """What the canvas shows: (rows, columns, 3)."""
        flat = self.browser.execute_script(
            "return Array.from(pen.getImageData(0, 0, columns, rows).data)"
        )
        rows, columns = self.browser.execute_script("return [rows, columns]")
        return np.array(flat, np.uint8).reshape(rows, columns, 4)[..., :3]

    def pointer(self, *points: tuple[float, float], press: bool = False) -> None:
        """Move over points (row, column) of the image."""
        from selenium.webdriver.common.actions.action_builder import ActionBuilder

        box = self.browser.execute_script(
            "const b = canvas.getBoundingClientRect();"
            "return [b.left, b.top, b.width / columns, b.height / rows]"
        )
        actions = ActionBuilder(self.browser)
        for i, (row, column) in enumerate(points):
            actions.pointer_action.move_to_location(
                round(box[0] + (column + 0.5) * box[2]), round(box[1] + (row + 0.5) * box[3])
            )
            if press and i == 0:
                actions.pointer_action.pointer_down()
        if press:
            actions.pointer_action.pointer_up()
        actions.perform()


def expected(image: Any, low: float, high: float) -> np.ndarray:
    scaled = np.clip((np.asarray(image, float) - low) / (high - low), 0, 1)
    return mpl.colormaps["Greys_r"](scaled, bytes=True)[..., :3]


def assert_shows(page: Page, image: Any) -> None:
    low, high = page.browser.execute_script("return [state.low, state.high]")
    apart = np.abs(page.colours().astype(int) - expected(image, low, high))
    # A value on the edge between two greys may have the other one.
    assert (apart > 3).sum() == 0


def volume() -> Series:
    a = make_series((5, 12, 16), (3,), kind="axial").astype(np.int16)
    a.spacing = (3, 2, 1)
    a.windowCenter, a.windowWidth = 1500, 2500
    return a


def test_slices_tags_and_value_under_the_mouse(browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    a = volume()
    page = Page(browser, tmp_path, a)
    assert_shows(page, a[0, 2])
    page.keys(Keys.ARROW_UP, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert_shows(page, a[1, 3])
    page.keys(Keys.END)
    assert_shows(page, a[1, 4])
    page.pointer((3, 7))
    place = a.getPositionForVoxel((4, 3, 7)).ravel()
    shown = "[4, 3, 7] z {:.1f} y {:.1f} x {:.1f} mm = {}".format(*place, a[1, 4, 3, 7])
    assert page.text("readout") == shown
    assert [page.text(n) for n in ("left", "right", "top", "bottom")] == ["R", "L", "A", "P"]
    # A pixel is twice as high as wide.
    wide, high = browser.execute_script("return [canvas.clientWidth / columns, canvas.clientHeight / rows]")
    assert high / wide == pytest.approx(2, abs=0.05)


def test_wheel_and_slider(browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.actions.wheel_input import ScrollOrigin

    a = volume()
    page = Page(browser, tmp_path, a)
    stage = browser.find_element("id", "stage")
    ActionChains(browser).scroll_from_origin(ScrollOrigin.from_element(stage), 0, 100).perform()
    page.wait()
    assert_shows(page, a[0, 1])
    browser.execute_script(
        "const s = document.querySelectorAll('#sliders input');"
        "s[0].value = 2; s[0].dispatchEvent(new Event('input'))"
    )
    page.wait()
    assert_shows(page, a[2, 1])


def test_window_by_dragging_and_by_histogram(browser: Any, tmp_path: Path) -> None:
    a = volume()
    page = Page(browser, tmp_path, a)
    page.pointer((6, 4), (6, 8), press=True)
    low, high = browser.execute_script("return [state.low, state.high]")
    # A quarter of the width of the image: a quarter of the window.
    assert (low + high) / 2 == pytest.approx(1500 + 2500 / 4, rel=0.02)
    assert high - low == pytest.approx(2500, rel=0.02)
    assert_shows(page, a[0, 2])
    page.keys("w")
    low, high = browser.execute_script("return [state.low, state.high]")
    assert low == pytest.approx(np.quantile(a[0, 2], 0.01), abs=2)
    assert high == pytest.approx(np.quantile(a[0, 2], 0.999), abs=2)
    page.keys("r")
    assert browser.execute_script("return [state.low, state.high]") == [250, 2750]


@pytest.mark.parametrize("kind", ["float", "colour"])
def test_other_values(browser: Any, tmp_path: Path, kind: str) -> None:
    a = make_series((2, 12, 16)) / 7
    a[1, 2, 3] = np.nan
    if kind == "colour":
        a = a.to_rgb("viridis")
        page = Page(browser, tmp_path, a)
        assert page.colours()[5, 5].tolist() == list(np.asarray(a)[1, 5, 5].tolist())
        return
    page = Page(browser, tmp_path, a)
    assert_shows(page, np.nan_to_num(np.asarray(a)[1], nan=-1e9))
    page.pointer((2, 3))
    assert page.text("readout").endswith("= nan")


def fused(image: Any, page: Page, overlay: np.ndarray, where: np.ndarray, alpha: float) -> np.ndarray:
    """Each channel is (1 - alpha) overlay + alpha background, where the overlay has a value."""
    low, high = page.browser.execute_script("return [state.low, state.high]")
    below = expected(image, low, high).astype(float)
    return np.where(where[..., np.newaxis], (1 - alpha) * overlay + alpha * below, below)


def test_mask_lies_where_it_is_and_fades(browser: Any, tmp_path: Path) -> None:
    """A mask on a part of the grid, turned round."""
    from selenium.webdriver.common.keys import Keys

    a = volume()
    mask = a[0] * 0 > 1
    mask[2:4, 3:8, 5:9] = True
    page = Page(browser, tmp_path, a, overlay=mask.crop(row=(2, 10), column=(4, 12)).reorient("PIR"))
    red = np.array([255, 0, 0])

    def assert_fused(image: Any, s: int, alpha: float) -> None:
        wanted = fused(image, page, red, np.asarray(mask)[s], alpha)
        assert np.abs(page.colours() - wanted).max() <= 3

    assert_fused(a[0, 2], 2, 0.7)
    page.keys(Keys.ARROW_UP, Keys.ARROW_RIGHT)
    assert_fused(a[1, 3], 3, 0.7)
    page.keys("[", "[")
    assert_fused(a[1, 3], 3, 0.5)
    browser.execute_script(
        "const s = document.querySelector('#overlay input');"
        "s.value = 80; s.dispatchEvent(new Event('input'))"
    )
    assert_fused(a[1, 3], 3, 0.2)
    page.pointer((4, 6))
    assert page.text("readout").endswith(f"= {a[1, 3, 4, 6]} | 1")
    page.keys("o")
    assert_shows(page, a[1, 3])
    page.pointer((4, 7))
    assert page.text("readout").endswith(f"= {a[1, 3, 4, 7]}")
    page.keys("o", Keys.ARROW_UP)
    assert_shows(page, a[1, 4])


def test_map_for_each_time_on_oblique_images(browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    a = make_series((3, 12, 16), (2,), kind="oblique")
    found = a / 1000.0
    found[:, :, :, :4] = np.nan
    page = Page(browser, tmp_path, a, overlay=found, maskmap="viridis", alpha=0.4, colormap="Greys_r")
    page.keys(Keys.ARROW_RIGHT)
    low, high = float(np.nanmin(found)), float(np.nanmax(found))
    image = np.asarray(found)[1, 1]
    part = np.nan_to_num((image - low) / (high - low))
    colours = mpl.colormaps["viridis"](part, bytes=True)[..., :3].astype(float)
    wanted = fused(a[1, 1], page, colours, np.isfinite(image), 0.4)
    # A step of 254 may fall on the next of 256 colours.
    assert np.abs(page.colours() - wanted).max() <= 5
    page.pointer((5, 9))
    told = float(page.text("readout").rpartition("\u2248 ")[2])
    assert told == pytest.approx(image[5, 9], abs=(high - low) / 254 + 0.005 * image[5, 9])
    page.pointer((5, 2))
    assert page.text("readout").endswith("| nan")


def test_curves_of_the_window(browser: Any, tmp_path: Path) -> None:
    a = volume() * 1
    page = Page(browser, tmp_path, a, norm="sigmoid", window=2000, level=1400, colormap="gray")
    shade = 255 / (1 + np.exp(-4 * (np.asarray(a)[0, 2] - 1400.0) / 2000))
    assert np.abs(page.colours()[..., 0] - shade).max() <= 3


def test_value_that_is_told_has_the_colour_of_the_pixel(browser: Any, tmp_path: Path) -> None:
    """Also where there are more voxels than pixels of the screen."""
    import io

    from PIL import Image
    from selenium.webdriver import ActionChains

    values = np.random.default_rng(0).permutation(900 * 1300).reshape(1, 900, 1300).astype(np.uint32)
    a = Series((values >> 5).astype(np.uint16))
    page = Page(browser, tmp_path, a, colormap="gray")
    page.keys("h")
    screen = np.asarray(Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("L")).astype(int)
    low, high = browser.execute_script("return [state.low, state.high]")
    x, y, w, h = browser.execute_script("return [state.box.x, state.box.y, state.box.w, state.box.h]")
    rng = np.random.default_rng(1)
    told = 0
    for column, row in zip(
        rng.integers(x + 1, x + w - 1, 40).tolist(), rng.integers(y + 1, y + h - 1, 40).tolist(), strict=True
    ):
        actions = ActionChains(browser, duration=0)
        actions.w3c_actions.pointer_action.move_to_location(column, row)
        actions.perform()
        value = float(page.text("readout").split("= ")[1])
        told += abs(screen[row, column] - 255 * (value - low) / (high - low)) < 4
    assert told >= 39


def test_touchpads_send_parts_of_steps(browser: Any, tmp_path: Path) -> None:
    page = Page(browser, tmp_path, volume())
    steps = []
    for delta in (-10, -10, -10, -10, -120, 100, 15, 15, 15):
        browser.execute_script(f"stage.dispatchEvent(new WheelEvent('wheel', {{ deltaY: {delta} }}))")
        steps.append(browser.execute_script("return state.slice"))
    assert steps == [2, 2, 2, 3, 4, 3, 3, 3, 2]
    page.wait()


def test_old_browsers_are_told(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "view.html"
    volume().to_html(path)
    page = path.read_text().replace("'use strict';", "'use strict'; window.DecompressionStream = undefined;")
    path.write_text(page)
    browser.get(path.as_uri())
    assert "cannot unpack" in browser.execute_script("return el('note').textContent")
    browser.get_log("browser")


def test_names_with_markup_stay_text_and_nothing_is_loaded(browser: Any, tmp_path: Path) -> None:
    a = volume()
    name = '</script><img src="http://127.0.0.1:9/x" onerror="document.title=1"><script>document.title=2'
    name += "\u2028`${1}'--><!--"
    a.patientName = a.seriesDescription = name
    browser.get_log("performance")
    page = Page(browser, tmp_path, a, patient=True)
    assert name in page.text("upper_left")
    assert browser.title == name
    sent = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requests = [m["params"]["request"]["url"] for m in sent if m["method"] == "Network.requestWillBeSent"]
    assert requests
    assert {url.partition(":")[0] for url in requests} == {"file"}
    assert not [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
