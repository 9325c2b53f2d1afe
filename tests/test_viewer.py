"""The viewer, by the keys and the mouse of a window that is drawn in memory.

What is seen is compared with the array: pixels of the drawn window with the colour of the voxel that
lies there, texts with the voxel's value and place, letters with the direction in the patient.
"""

from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backend_bases import KeyEvent, MouseEvent, key_press_handler
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from imagedata import Series
from imagedata.errors import AxisError, DataTypeError, EmptyImageError, NoDisplayError
from imagedata.roi import Ellipse
from imagedata.viewer import (
    Panel,
    ScrollView,
    Viewer,
    default_layout,
    get_window_level,
    pretty_tag_value,
)
from imagedata.viewer.model import edge_letters
from strategies import make_series

DIRECTIONS = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "S": (2, 1), "I": (2, -1)}
CODES = ("LPS", "RPS", "LIA", "PIR", "AIL", "LIP")


class Window:
    """A viewer, with hands."""

    def __init__(self, *series: Series, figure: Figure | None = None, **options: Any) -> None:
        self.figure = Figure((8, 6)) if figure is None else figure
        self.canvas = FigureCanvasAgg(self.figure)
        self.viewer = Viewer(list(series), fig=self.figure, **options)
        self.viewer.connect()
        self.canvas.draw()

    def panel(self, at: int = 0) -> Panel:
        found = self.viewer.views[at].panel
        assert found is not None
        return found

    def _xy(self, point: tuple[float, float] | None, at: int) -> Any:
        rows, columns = self.panel(at).shape
        return self.viewer.views[at].ax.transData.transform(point or (columns / 2, rows / 2))

    def key(self, *keys: str, at: int = 0) -> None:
        for key in keys:
            KeyEvent("key_press_event", self.canvas, key, *self._xy(None, at))._process()

    def mouse(self, kind: str, point: tuple[float, float] | None = None, at: int = 0, **more: Any) -> None:
        MouseEvent(kind, self.canvas, *self._xy(point, at), **more)._process()

    def wheel(self, step: int, at: int = 0) -> None:
        self.mouse("scroll_event", at=at, step=step)

    def move(self, point: tuple[float, float], at: int = 0) -> None:
        self.mouse("motion_notify_event", point, at)

    def click(self, *points: tuple[float, float], **more: Any) -> None:
        for point in points:
            self.mouse("button_press_event", point, button=1, **more)
            self.mouse("button_release_event", point, button=1)

    def drag(self, start: tuple[float, float], end: tuple[float, float], button: int = 1) -> None:
        self.mouse("button_press_event", start, button=button)
        self.mouse("motion_notify_event", end)
        self.mouse("button_release_event", end, button=button)

    def seen(self, row: int, column: int, at: int = 0) -> list[int]:
        """The colour on the screen at the centre of a voxel, as it was drawn last."""
        x, y = self._xy((column, row), at)
        screen = np.asarray(self.canvas.buffer_rgba())
        return screen[screen.shape[0] - 1 - int(y), int(x), :3].tolist()

    def text(self, name: str, at: int = 0) -> str:
        view = self.viewer.views[at]
        return (view._readout if name == "readout" else view._texts[name]).get_text()


def grey(panel: Panel, value: float) -> list[int]:
    """The colour of a value: from black at the lower end of the window to white."""
    low, high = panel.bounds
    return list(mpl.colormaps["Greys_r"](np.clip((value - low) / (high - low), 0, 1), bytes=True)[:3])


def assert_seen(window: Window, at: int = 0) -> None:
    """Every voxel that is not under a text has its colour on the screen."""
    panel = window.panel(at)
    image = np.asarray(panel.frame())
    rows, columns = image.shape
    wrong = [
        (r, c)
        for r in range(rows // 3, rows - rows // 3)
        for c in range(columns // 3, columns - columns // 3)
        if np.abs(np.array(window.seen(r, c, at)) - grey(panel, image[r, c])).max() > 2
    ]  # fmt: skip
    assert not wrong


# --- what is seen -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("kind", ["axial", "oblique"])
def test_left_is_left(code: str, kind: str) -> None:
    """From the middle of the image towards an edge, one comes nearer to what its letters say."""
    volume = make_series((6, 9, 7), kind=kind).reorient(code)
    window = Window(volume)
    panel = window.panel()
    rows, columns = panel.shape
    ends = {"left": ((rows - 1) / 2, 0), "right": ((rows - 1) / 2, columns - 1),
            "top": (0, (columns - 1) / 2), "bottom": (rows - 1, (columns - 1) / 2)}  # fmt: skip
    middle = panel.place((rows - 1) / 2, (columns - 1) / 2)
    view = window.viewer.views[0]
    for edge, end in ends.items():
        letters = view._letters[edge].get_text()
        way = panel.place(*end) - middle
        way /= np.linalg.norm(way)
        for letter in letters:
            axis, sign = DIRECTIONS[letter]
            assert way[axis] * sign > 0.19
        assert letters[0] == "RAI"[np.argmax(np.abs(way))] or letters[0] == "LPS"[np.argmax(np.abs(way))]
        # And the letters stand at that edge of the screen.
        x, y = view._letters[edge].get_position()
        assert {"left": x < 0.1, "right": x > 0.9, "top": y > 0.9, "bottom": y < 0.1}[edge]
    if kind == "axial" and code == "LPS":
        assert [view._letters[e].get_text() for e in ends] == ["R", "L", "A", "P"]


@pytest.mark.parametrize("code", CODES)
def test_value_and_place_under_the_mouse(code: str) -> None:
    volume = make_series((6, 9, 7), kind="oblique").reorient(code)
    window = Window(volume)
    window.wheel(1)
    s = window.panel().slice
    for row, column, part in [(0, 0, 0.4), (3, 2, -0.4), (window.panel().shape[0] - 1, 5, 0.4)]:
        window.move((column + part, row - part))
        place = volume.getPositionForVoxel((s, row, column)).ravel()
        text = window.text("readout")
        assert text.startswith(f"[{s}, {row}, {column}]")
        assert text.endswith(f"= {volume[s, row, column]}")
        assert "z {:.1f} y {:.1f} x {:.1f} mm".format(*place) in text
    window.move((-3, 0))
    assert window.text("readout") == ""


def test_pixels_on_the_screen_are_the_voxels() -> None:
    volume = make_series((5, 12, 15), (3,), kind="oblique")
    window = Window(volume)
    assert_seen(window)
    for action in (("up",), ("right",), ("w",), ("home",), ("left", "end")):
        window.key(*action)
        assert_seen(window)
    window.drag((3, 3), (6, 8))
    assert_seen(window)


def test_what_is_redrawn_is_what_is_drawn_anew() -> None:
    """Redrawing parts of the window leaves nothing of what was there before."""
    window = Window(make_series((5, 12, 15), (3,)), make_series((5, 12, 15), (3,), seed=2))
    window.key("up", "right", "w")
    window.move((4, 4))
    window.wheel(-1, at=1)
    before = np.asarray(window.canvas.buffer_rgba()).copy()
    window.canvas.draw()
    assert np.array_equal(before, np.asarray(window.canvas.buffer_rgba()))


def test_pixels_have_their_height_and_width() -> None:
    volume = make_series((2, 10, 10), kind="axial")
    volume.spacing = (3, 4, 1)
    window = Window(volume)
    (x0, y0), (x1, y1) = window._xy((0, 0), 0), window._xy((1, 1), 0)
    assert (y0 - y1) / (x1 - x0) == pytest.approx(4)


# --- keys ---------------------------------------------------------------------------------------------------


def test_slices_by_keys_and_wheel() -> None:
    window = Window(make_series((7, 4, 5)))
    panel = window.panel()
    assert panel.slice == 3
    for act, expected in [
        (lambda: window.key("up"), 4), (lambda: window.key("down", "down"), 2),
        (lambda: window.key("home"), 0),
        (lambda: window.key("down"), 0), (lambda: window.key("end"), 6), (lambda: window.wheel(1), 6),
        (lambda: window.wheel(-1), 5), (lambda: window.key("2", "enter"), 2),
        (lambda: window.key("9", "9", "enter"), 6), (lambda: window.key("1", "h", "enter"), 6),
    ]:  # fmt: skip
        act()
        assert panel.slice == expected
    assert "slice 6  (7/7)" in window.text("lower_left") or not window.viewer.show_text


def test_tags_by_keys() -> None:
    a = make_series((2, 4, 5), (3, 2))
    window = Window(a)
    window.key("right", "right", "right")
    assert window.panel().tag == (2, 0)
    window.key("shift+right", "left")
    assert window.panel().tag == (1, 1)
    window.key("shift+left")
    assert window.panel().tag == (1, 0)
    assert f"{a.axes.time.values[1] - a.axes.time.values[0]:.6g} s" in window.text("lower_left")
    assert np.array_equal(window.panel().frame(), a[1, 0, 1])
    assert pretty_tag_value(window.panel()).startswith("time ")


def test_pages_of_series() -> None:
    many = [make_series((2, 4, 5), seed=i) for i in range(7)]
    figure = Figure()
    window = Window(*many, figure=figure, ax=figure.subplots(2, 2))

    def shown() -> list[int]:
        return [next(i for i, s in enumerate(many) if s is v.panel.series) for v in window.viewer.views]

    assert shown() == [0, 1, 2, 3]
    for key, expected in [
        ("pagedown", [3, 4, 5, 6]), ("pageup", [0, 1, 2, 3]), ("ctrl+right", [1, 2, 3, 4]),
        ("ctrl+down", [3, 4, 5, 6]), ("ctrl+left", [2, 3, 4, 5]), ("ctrl+up", [0, 1, 2, 3]),
        ("ctrl+end", [3, 4, 5, 6]), ("ctrl+home", [0, 1, 2, 3]), ("ctrl+home", [0, 1, 2, 3]),
    ]:  # fmt: skip
        window.key(key)
        assert shown() == expected, key
        assert window.viewer.scene.panel in [v.panel for v in window.viewer.views]


def test_window_by_histogram_and_back() -> None:
    a = make_series((3, 40, 50)) * 1.0
    window = Window(a)
    before = window.panel().bounds
    window.key("w")
    assert window.panel().bounds == pytest.approx(np.quantile(a[1], [0.01, 0.999]))
    window.key("r")
    assert window.panel().bounds == before


def test_texts_are_hidden_and_shown() -> None:
    a = make_series()
    a.patientName = "Someone"
    window = Window(a)
    assert "Someone" in window.text("upper_left")
    window.key("h")
    window.move((1, 1))
    texts = ("upper_left", "upper_right", "lower_left", "lower_right", "readout")
    assert [window.text(name) for name in texts] == [""] * 5
    window.key("h")
    assert "Someone" in window.text("upper_left")


def test_leaving_keeps_the_window() -> None:
    a = make_series((3, 4, 5))
    window = Window(a)
    window.drag((1, 1), (3, 2))
    panel = window.panel()
    window.key("q")
    assert (a.windowCenter, a.windowWidth) == (panel.level, panel.window)
    before = panel.slice
    window.key("up")
    assert panel.slice == before


def test_keys_of_matplotlib_are_given_back() -> None:
    mpl.use("agg")
    import matplotlib.pyplot as plt

    figure = plt.figure()
    try:
        def handlers() -> list[Any]:
            return [found() for found in figure.canvas.callbacks.callbacks["key_press_event"].values()]

        viewer = Viewer(make_series((3, 4, 5)), fig=figure)
        assert key_press_handler in handlers()
        viewer.connect()
        assert key_press_handler not in handlers()
        viewer.quit()
        assert key_press_handler in handlers()
        assert plt.fignum_exists(figure.number)
    finally:
        plt.close(figure)


def test_window_by_dragging() -> None:
    """To the right: higher level; upwards: wider. The width of the image is one window."""
    a = make_series((3, 10, 10), kind="axial")
    a.spacing, a.windowCenter, a.windowWidth = (1, 1, 1), 50, 100
    window = Window(a)
    panel = window.panel()
    window.drag((2, 5), (7, 5))
    assert (panel.level, panel.window) == pytest.approx((100, 100))
    window.drag((2, 5), (2, 0))
    assert panel.level == pytest.approx(100)
    assert panel.window == pytest.approx(100 * np.e)
    assert f"L {panel.level:.5g}" in window.text("lower_right")
    window.move((9, 9))
    assert panel.window == pytest.approx(100 * np.e)


def ink(window: Window, name: str, at: int = 0) -> tuple[int, int, int, int]:
    """Left, right, bottom and top of the bright pixels that a text has on the screen."""
    artist = window.viewer.views[at]._texts[name]
    box = artist.get_window_extent()
    screen = np.asarray(window.canvas.buffer_rgba())[::-1, :, :3].min(axis=2)
    x0, y0 = max(0, int(box.x0) - 8), max(0, int(box.y0) - 8)
    rows, columns = np.nonzero(screen[y0 : int(box.y1) + 8, x0 : int(box.x1) + 8] > 120)
    return x0 + columns.min(), x0 + columns.max(), y0 + rows.min(), y0 + rows.max()


def named(**options: Any) -> Series:
    a = make_series((3, 40, 40), (2,), **options) * 0
    a.patientName, a.patientID = "Featherstonehaugh-Cholmondeley^Marjoribanks^Alexandrina", "ID 12345678"
    a.seriesDescription = "a long description of what was done"
    a.seriesDate, a.seriesTime = "20261121", "134500"
    a.modality, a.protocolName = "MR", "protocol"
    return a


@pytest.mark.parametrize("size", [(2, 1.6), (3, 2.5), (5, 4), (16, 12)])
@pytest.mark.parametrize("count", [1, 6])
def test_texts_never_overlap(size: tuple[float, float], count: int) -> None:
    """In windows of any size and division; they stay in their part of the window."""
    window = Window(*[named() for _ in range(count)], figure=Figure(size))
    for at, view in enumerate(window.viewer.views):
        window.move((20, 20), at)
        texts = [*view._texts.values(), view._letters["top"], view._readout]
        boxes = [t.get_window_extent() for t in texts if t.get_text()]
        if min(view._cell.width, view._cell.height) > 100:
            for i, one in enumerate(boxes):
                assert not any(one.overlaps(other) for other in boxes[i + 1 :])
        for box in boxes:
            assert view._cell.x0 <= box.x0 <= box.x1 <= view._cell.x1
    assert window.text("readout", count - 1).endswith("= 0")
    if count == 1 and size == (16, 12):
        assert window.text("upper_left").startswith("Featherstonehaugh-Cholmondeley^Marjoribanks^Alexandrina")


@pytest.mark.parametrize("size", [(0.02, 0.02), (0.2, 3), (3, 0.1), (24, 18)])
def test_windows_of_any_size(size: tuple[float, float]) -> None:
    window = Window(named(), named(), figure=Figure(size))
    window.key("up", "w", "x", "h", "h", "right")
    window.move((20, 20), at=1)
    assert (window.panel().slice, window.panel().tag) == (2, (1,))


def test_texts_end_at_the_edge() -> None:
    """Lines at the right end at one column, and the corners at the margin that is at the left."""
    window = Window(named())
    left, _, _, top = ink(window, "upper_left")
    _, right, _, top_right = ink(window, "upper_right")
    cell = window.viewer.views[0]._cell
    assert abs((left - cell.x0) - (cell.x1 - 1 - right)) <= 3
    assert abs(top - top_right) <= 2
    line = window.text("upper_right").split("\n")
    assert len(line) == 2


def test_texts_stand_beside_narrow_images_and_are_legible_on_white() -> None:
    window = Window(make_series((3, 80, 6), kind="axial") * 0 + 1, figure=Figure((6, 4)), window=1, level=0)
    assert window.seen(40, 3) == [255, 255, 255]
    assert ink(window, "lower_left")[1] < window._xy((0, 0), 0)[0]
    figure = Figure((6, 4), facecolor="white")
    white = Window(named(), figure=figure, window=1, level=-9)
    artist = white.viewer.views[0]._texts["upper_left"]
    assert (np.asarray(white.canvas.buffer_rgba())[:60, :200, :3] < 60).any()
    assert artist.get_text()


@pytest.mark.parametrize("shape", [(3, 80, 2), (3, 2, 80)])
def test_letters_stand_beside_thin_images(shape: tuple[int, int, int]) -> None:
    a = make_series(shape, kind="axial") * 0
    a.spacing = (1, 1, 1)
    view = Window(a, figure=Figure((5, 5))).viewer.views[0]
    boxes = [letter.get_window_extent() for letter in view._letters.values()]
    for i, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[i + 1 :])
    left, right, top, bottom = boxes
    assert left.x1 < right.x0
    assert bottom.y1 < top.y0


def test_names_are_no_mathematics() -> None:
    a = make_series((3, 8, 9))
    a.patientName, a.seriesDescription = "$a_{$", "100 $ or $^"
    window = Window(a)
    assert "$a_{$" in window.text("upper_left")


def test_colour_bar_is_as_high_as_the_image() -> None:
    a = make_series((3, 8, 30), kind="axial") * 1.0
    a.spacing = (1, 1, 1)
    window = Window(a, colormap="viridis", figure=Figure((6, 6), layout="constrained"))
    view = window.viewer.views[0]
    image, bar = view.ax.get_window_extent(), view._bar.ax.get_window_extent()
    assert (bar.y0, bar.y1) == pytest.approx((image.y0, image.y1), abs=1)
    assert image.x1 < bar.x0 < bar.x1 < 600


# --- several series ---------------------------------------------------------------------------------------


def test_linked_series_show_the_same_place() -> None:
    """Half the slice distance, turned round, cropped: the nearest slice to the same place."""
    a = make_series((9, 6, 7), kind="axial")
    b = a.resample(a.spacing * [0.5, 1, 1])[::-1][2:]
    window = Window(a, b, link=True)
    for _ in range(3):
        window.wheel(1)
        wanted = a.sliceLocations[window.panel(0).slice]
        apart = np.abs(b.sliceLocations - wanted)
        assert apart[window.panel(1).slice] == apart.min()
        assert_seen(window, 1)
    window.key("down", at=1)
    apart = np.abs(a.sliceLocations - b.sliceLocations[window.panel(1).slice])
    assert apart[window.panel(0).slice] == apart.min()
    window.key("l")
    before = window.panel(1).slice
    window.key("up", at=0)
    assert window.panel(1).slice == before


def test_series_of_another_frame_of_reference_stays() -> None:
    a, b = make_series((9, 6, 7)), make_series((9, 6, 7))
    b.frameOfReferenceUID = "1.9"
    window = Window(a, b, link=True)
    window.wheel(1)
    assert (window.panel(0).slice, window.panel(1).slice) == (5, 4)
    assert window.panel(0).section_of(window.panel(1)) is None


def test_linked_tags_and_windows() -> None:
    a, b = make_series((3, 6, 7), (4,)), make_series((3, 6, 7), (3,))
    window = Window(a, b, link=True)
    window.key("right", "right", "right")
    assert (window.panel(0).tag, window.panel(1).tag) == ((3,), (2,))
    window.drag((1, 1), (5, 3))
    assert window.panel(0).bounds == window.panel(1).bounds


def test_line_of_intersection_lies_in_both_planes() -> None:
    a = make_series((9, 8, 7), kind="axial")
    b = a.reorient("PIR")
    window = Window(a, b)
    window.wheel(1, at=0)
    x, y = window.viewer.views[1].section.get_data()
    assert len(x) == 2
    for column, row in zip(x, y, strict=True):
        place = window.panel(1).place(row, column)
        index = a.header.geometry.to_index(place)
        assert index[0] == pytest.approx(window.panel(0).slice, abs=1e-6)
        # It ends where the slice does: at the edge of its pixels.
        assert min(abs(index[1] + 0.5), abs(index[1] - 7.5)) < 1e-6
    window.key("x")
    assert len(window.viewer.views[1].section.get_data()[0]) == 0


# --- overlays ----------------------------------------------------------------------------------------------


def test_overlay_by_place_with_alpha() -> None:
    a = make_series((4, 12, 12), kind="oblique") * 1.0
    mask = a * 0 > 1
    mask[2, 4:8, 4:8] = True
    window = Window(a, overlay=mask.crop(row=(1, 12)))
    window.viewer.scene.panel.window = 3000
    window.key("o", "o")
    red = np.array(window.seen(5, 5))
    assert red[0] > grey(window.panel(), a[2, 5, 5])[0] + 20
    assert window.seen(9, 5) == grey(window.panel(), a[2, 9, 5])
    window.key("[", "[")
    assert window.panel().alpha == pytest.approx(0.5)
    assert window.seen(5, 5)[0] > red[0]
    window.key("]")
    assert window.panel().alpha == pytest.approx(0.6)
    window.key("o")
    assert np.abs(np.array(window.seen(5, 5)) - grey(window.panel(), a[2, 5, 5])).max() <= 2


def test_colour_bar_follows_the_window() -> None:
    window = Window(make_series((2, 5, 6)) * 1.0, colormap="viridis")
    window.key("w")
    bar = window.viewer.views[0]._bar
    assert (bar.mappable.norm.vmin, bar.mappable.norm.vmax) == pytest.approx(window.panel().bounds)
    assert Window(make_series()).viewer.views[0]._bar is None


# --- regions ------------------------------------------------------------------------------------------------

TRIANGLE = [(3.2, 3.2), (12.2, 3.2), (7.2, 11.2)]


def drawing(*tags: int, follow: bool = False, **options: Any) -> Window:
    window = Window(make_series((4, 16, 16), tags, kind="axial"), follow=follow, **options)
    window.viewer.connect_draw()
    return window


def test_polygon_by_clicks() -> None:
    found = []
    window = drawing(onselect=lambda *given: found.append(given))
    window.click(*TRIANGLE, TRIANGLE[0])
    assert list(window.viewer.vertices) == [2]
    assert np.allclose(window.viewer.vertices[2], TRIANGLE)
    assert found[0][:2] == (2, ())
    series = window.panel().series
    assert window.viewer.get_roi().equals(series.mask_from_vertices({2: TRIANGLE}))
    window.click(*[(x + 1, y + 2) for x, y in TRIANGLE])
    window.key("enter")
    assert window.viewer.vertices[2][0] == pytest.approx((4.2, 5.2))
    window.key("up")
    window.click(*TRIANGLE, dblclick=False)
    window.click((7, 9), dblclick=True)
    assert set(window.viewer.vertices) == {2, 3}


def test_corner_is_moved_and_moved_back() -> None:
    window = drawing()
    window.click(*TRIANGLE, TRIANGLE[0])
    window.drag((7.3, 11.3), (7, 14))
    assert window.viewer.vertices[2][2] == pytest.approx((7, 14))
    window.key("z")
    assert window.viewer.vertices[2][2] == pytest.approx((7.2, 11.2))
    window.key("z")
    assert window.viewer.vertices == {}
    window.key("z", "z", "z", "z")
    assert len(window.viewer.drawing.points) == 0


def test_ellipse_copy_paste_delete() -> None:
    window = drawing()
    window.key("e")
    window.drag((2, 3), (10, 9))
    assert window.viewer.vertices[2] == pytest.approx(Ellipse(6, 6, 4, 3))
    window.key("c", "up", "v")
    assert window.viewer.vertices[3] == window.viewer.vertices[2]
    window.key("delete")
    assert list(window.viewer.vertices) == [2]
    assert len(window.viewer.views[0].outlines[0].get_data()[0]) == 0
    window.key("e")
    window.click((3, 3), (9, 9))
    window.key("escape")
    assert len(window.viewer.drawing.points) == 0


def test_outlines_that_follow_times() -> None:
    window = drawing(3, follow=True)
    window.click(*TRIANGLE, TRIANGLE[0])
    window.key("right", "right")
    assert len(window.viewer.views[0].outlines[0].get_data()[0]) == 4
    window.click(*[(x + 1, y + 2) for x, y in TRIANGLE])
    window.key("enter")
    assert set(window.viewer.vertices) == {(0, 2), (2, 2)}
    mask = window.viewer.get_roi()
    assert mask.shape == (3, 4, 16, 16)
    assert np.array_equal(mask[0], mask[1])
    assert not np.array_equal(mask[1], mask[2])


def test_other_button_changes_the_window_while_drawing() -> None:
    window = drawing()
    before = window.panel().level
    window.drag((2, 2), (9, 2), button=3)
    assert window.panel().level > before
    assert window.viewer.vertices == {}


def test_region_of_a_series_without_waiting() -> None:
    """Where a program cannot wait for the window, as in a notebook, the mask is asked for later."""
    a = make_series((4, 16, 16), kind="axial")
    with pytest.raises(ValueError, match="get_roi"):
        a.get_roi_mask()
    figure = Figure()
    FigureCanvasAgg(figure)
    assert a.get_roi(fig=figure, vertices=True) is None
    with pytest.raises(ValueError, match="draw a region"):
        a.get_roi_mask()
    start = a.mask_from_vertices({1: TRIANGLE})
    a.get_roi(start, fig=figure, vertices=True)
    mask, vertices = a.get_roi_mask()
    assert mask.equals(start)
    assert list(vertices) == [1]


# --- odd images --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [
    np.full((3, 4, 5), np.nan), np.full((4, 5), 3), np.ones((4, 5), bool), np.ones((4, 5), complex),
    np.zeros((1, 1)), np.zeros((2, 300, 1), np.uint64) + np.uint64(2**63), np.full((4, 5), np.inf),
])  # fmt: skip
def test_odd_images_are_shown(values: np.ndarray) -> None:
    window = Window(Series(values))
    window.key("w", "up", "right", "r", "end")
    window.move((0, 0))
    window.drag((0, 0), (0.2, 0.3))
    assert window.text("readout") or values.size == 0


def test_lowest_value_is_white_where_the_header_says_so() -> None:
    a = make_series((1, 9, 9)) * 1.0
    a.photometricInterpretation = "MONOCHROME1"
    window = Window(a, window=80, level=40)
    assert window.seen(3, 3) == list(mpl.colormaps["Greys"](a[0, 3, 3] / 80, bytes=True)[:3])
    assert Panel(a, "gray").colormap == "gray"


def test_colour_images_are_shown() -> None:
    a = make_series((2, 9, 9)).to_rgb("viridis")
    window = Window(a)
    assert window.seen(4, 4) == list(np.asarray(a)[1, 4, 4].tolist())
    window.key("w")
    window.drag((1, 1), (5, 5))
    assert window.seen(4, 4) == list(np.asarray(a)[1, 4, 4].tolist())
    window.move((4, 4))
    assert window.text("readout").endswith(f"= {tuple(np.asarray(a)[1, 4, 4].tolist())}".replace("'", ""))


def test_what_cannot_be_shown_says_why() -> None:
    with pytest.raises(EmptyImageError, match=r"shape \(0, 4, 5\)"):
        Window(Series(np.zeros((0, 4, 5))))
    with pytest.raises(AxisError, match="rows and columns"):
        Window(Series(np.zeros(5)))
    a = make_series()
    with pytest.raises(DataTypeError, match="pick a channel"):
        Window(a.to_channels([a, a], ["x", "y"]))
    with pytest.raises(ValueError, match="no series"):
        Window()


def test_no_screen_says_how_to_view() -> None:
    mpl.use("agg")
    with pytest.raises(NoDisplayError, match=r"to_html\('view.html'\)"):
        make_series().show()


# --- the rest -------------------------------------------------------------------------------------------


def test_layout() -> None:
    assert len(default_layout(Figure(), 20)) == 20
    for n in (0, 21):
        with pytest.raises(ValueError, match="from 1 to 20"):
            default_layout(Figure(), n)
    with pytest.raises(ValueError, match="no figure"):
        default_layout(None, 1)


def test_window_and_level_of_a_series() -> None:
    a = make_series()
    a.windowCenter, a.windowWidth = 40, 400
    assert get_window_level(a) == (400, 40, -160, 240)
    assert get_window_level(a, "linear", 10, 5) == (10, 5, 0, 10)


def test_no_letters_without_a_place() -> None:
    assert edge_letters(Series(np.zeros((3, 4))).header.geometry) == {}
    assert Panel(Series(np.zeros((3, 4)))).place(1, 1) is None


def test_scroll_view_on_axes_of_a_course() -> None:
    figure = Figure()
    canvas = FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    volume = make_series((5, 6, 7))
    view = ScrollView(volume)
    assert view.plot(left) is view
    canvas.draw()
    for axes, step, expected in [(left, 1, 3), (left, 1, 4), (left, 1, 4), (right, -1, 4), (left, -1, 3)]:
        x, y = axes.transAxes.transform((0.5, 0.5))
        MouseEvent("scroll_event", canvas, x, y, step=step)._process()
        assert np.array_equal(left.images[0].get_array(), volume[expected])
    assert "slice 3" in left.get_title()
    ScrollView(np.zeros((3, 4, 5, 3), np.uint8)).plot(right)
    with pytest.raises(AxisError, match="slices, rows and columns"):
        ScrollView(np.zeros((4, 5)))
    with pytest.raises(EmptyImageError):
        ScrollView(np.zeros((0, 4, 5)))
