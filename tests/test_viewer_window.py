"""The viewer among other things: other viewers, other axes, the edge of the window, older programs."""

from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backend_bases import MouseEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from imagedata import Series
from imagedata.roi import Ellipse
from imagedata.viewer import Viewer, build_info, pretty_tag_value, pretty_window_level
from strategies import make_series
from test_viewer import Window

SQUARE = [(3.0, 3.0), (12.0, 3.0), (12.0, 11.0), (3.0, 11.0)]


# --- the voxel under the mouse -----------------------------------------------------------------------------


def as_they_are(window: Window) -> None:
    pass


def zoomed(window: Window) -> None:
    window.viewer.views[0].ax.set(xlim=(30.2, 41.7), ylim=(55.3, 40.1))


def flipped(window: Window) -> None:
    window.viewer.views[0].ax.invert_xaxis()
    window.viewer.views[0].ax.invert_yaxis()


@pytest.mark.parametrize("look", [as_they_are, zoomed, flipped])
@pytest.mark.parametrize("size", [(1.7, 1.3), (5, 4)])
def test_value_that_is_told_has_the_colour_of_the_pixel(look: Any, size: tuple[float, float]) -> None:
    """Pixel by pixel of a screen, with more voxels than pixels and with fewer: events are whole numbers."""
    values = np.random.default_rng(0).permutation(90 * 91).reshape(1, 90, 91).astype(float)
    window = Window(Series(values), figure=Figure(size), colormap="gray", colorbar=False)
    look(window)
    window.key("h")
    window.canvas.draw()
    screen = np.asarray(window.canvas.buffer_rgba())[..., 0].astype(int)
    high, wide = screen.shape
    low, top = window.panel().bounds
    rng = np.random.default_rng(1)
    told = 0
    for column, row in zip(rng.integers(0, wide, 300), rng.integers(0, high, 300), strict=True):
        event = MouseEvent("motion_notify_event", window.canvas, int(column), high - int(row))
        if event.inaxes is None:
            continue
        panel = window.panel()
        text = panel.readout(*window.viewer._seen_at(window.viewer.views[0], event))
        if text:
            told += 1
            value = float(text.split("= ")[1])
            assert abs(screen[row, column] - 255 * (value - low) / (top - low)) < 3
    assert told > 50


# --- the button is let go elsewhere ------------------------------------------------------------------------


def drawing(*more: Series) -> Window:
    window = Window(make_series((4, 16, 16), kind="axial"), *more)
    window.viewer.connect_draw()
    return window


def let_go(window: Window, x: float, y: float) -> None:
    MouseEvent("motion_notify_event", window.canvas, x, y)._process()
    MouseEvent("button_release_event", window.canvas, x, y, button=1)._process()


def test_ellipse_ends_outside_of_the_image() -> None:
    window = drawing()
    window.key("e")
    window.mouse("button_press_event", (2, 3), button=1)
    right, _ = window._xy((20, 0), 0)
    _, y = window._xy((0, 9), 0)
    let_go(window, right, y)
    (drawn,) = window.viewer.vertices.values()
    assert drawn == pytest.approx(Ellipse(11, 6, 9, 3), abs=0.1)
    window.move((5, 5))
    assert window.viewer.vertices == {2: drawn}
    assert len(window.viewer.drawing.points) == 0


def test_corner_is_let_go_in_another_image() -> None:
    window = drawing(make_series((4, 300, 200)))
    window.click(*SQUARE, SQUARE[0])
    window.mouse("button_press_event", SQUARE[1], button=1)
    x, y = window._xy((100, 150), 1)
    let_go(window, x, y)
    moved = list(window.viewer.vertices[2])
    assert moved[0] == pytest.approx(SQUARE[0], abs=0.05)
    # Where it was last seen on its own image.
    assert moved[1] == pytest.approx(SQUARE[1], abs=0.05)
    window.move((8, 8))
    assert list(window.viewer.vertices[2]) == moved


def following(single: bool = False) -> Window:
    window = Window(make_series((4, 16, 16), (4,), kind="axial"), follow=True)
    window.viewer.connect_draw(single=single)
    return window


def outline(window: Window) -> np.ndarray:
    return np.column_stack(window.viewer.views[0].outlines[0].get_data())


@pytest.mark.parametrize("single", [False, True])
def test_outlines_that_are_seen_are_those_of_the_mask(single: bool) -> None:
    """At every time and slice, with an outline on each of two slices that begin at different times."""
    window = following(single)
    window.click(*SQUARE, SQUARE[0])
    window.key("right", "right", "up")
    window.click(*SQUARE, SQUARE[0])
    window.key("right", "delete")
    mask = np.asarray(window.viewer.get_roi(single))
    for t in range(4):
        for s in range(4):
            window.key("home", *["up"] * s, *["left"] * 4, *["right"] * t)
            assert bool(len(outline(window))) == bool(mask[t, s].any()), (t, s)
    assert mask[:, 2].any(axis=(1, 2)).tolist() == [True, True, not single, not single]
    assert mask[:, 3].any(axis=(1, 2)).tolist() == [False, False, True, False]


def test_a_corner_of_an_outline_that_holds_is_moved_from_here_on() -> None:
    window = following()
    window.click(*SQUARE, SQUARE[0])
    window.key("right", "right")
    window.drag(SQUARE[2], (14, 14))
    assert set(window.viewer.vertices) == {(0, 2), (2, 2)}
    assert window.viewer.vertices[0, 2][2] == pytest.approx(SQUARE[2], abs=0.05)
    assert window.viewer.vertices[2, 2][2] == pytest.approx((14, 14), abs=0.05)
    window.key("z")
    assert set(window.viewer.vertices) == {(0, 2)}


def test_outlines_of_times_follow_times() -> None:
    """Also where that was not said."""
    window = Window(make_series((4, 16, 16), (4,), kind="axial"))
    window.viewer.connect_draw({(1, 2): SQUARE})
    assert len(outline(window)) == 0
    window.key("right")
    assert len(outline(window)) == 5


def test_touchpads_send_parts_of_steps() -> None:
    window = Window(make_series((30, 6, 7)))
    panel = window.panel()
    assert panel.slice == 15
    for step, expected in [(0.4, 15), (0.4, 15), (0.4, 16), (-0.5, 16), (-0.5, 15), (2, 17), (-3, 14)]:
        window.wheel(step)
        assert panel.slice == expected
    for _ in range(10):
        window.wheel(0.1)
    assert panel.slice == 15


# --- several viewers ----------------------------------------------------------------------------------------


def test_a_second_viewer_takes_the_place_of_the_first() -> None:
    figure = Figure((6, 4))
    first = Window(make_series((5, 6, 7)), figure=figure)
    second = Window(make_series((5, 6, 7), seed=3), figure=figure)
    assert len(figure.axes) == 1
    second.wheel(1)
    assert (first.panel().slice, second.panel().slice) == (2, 3)
    axes = figure.axes
    third = Window(make_series((5, 6, 7)), figure=figure, ax=axes)
    third.wheel(-1)
    assert (second.panel().slice, third.panel().slice) == (3, 1)
    assert figure.axes == axes


def test_axes_of_the_user_stay() -> None:
    figure = Figure((6, 4))
    mine, images = figure.subplots(1, 2)
    mine.plot([1, 2])
    Window(make_series(), figure=figure, ax=images)
    Window(make_series(), figure=figure, ax=images)
    assert figure.axes == [mine, images]
    assert len(mine.lines) == 1


def test_a_window_that_nobody_holds_stays_alive() -> None:
    import gc

    figure = Figure((6, 4))
    canvas = FigureCanvasAgg(figure)
    viewer = Viewer(make_series((5, 6, 7)), fig=figure)
    viewer.connect()
    panel = viewer.scene.panel
    del viewer
    gc.collect()
    canvas.draw()
    x, y = figure.axes[0].transAxes.transform((0.5, 0.5))
    MouseEvent("scroll_event", canvas, x, y, step=1)._process()
    assert panel.slice == 3


def test_settings_of_matplotlib_stay() -> None:
    before = dict(mpl.rcParams)
    window = drawing()
    window.click(*SQUARE, SQUARE[0])
    window.key("w", "h", "up", "q")
    assert dict(mpl.rcParams) == before


def test_windows_are_linked_where_they_are_the_same() -> None:
    """CT beside CT, and MR as it was."""
    ct, later, mr = (make_series((3, 6, 7)) for _ in range(3))
    mr.windowCenter, mr.windowWidth = 500, 900
    window = Window(ct, later, mr, link=True)
    window.drag((1, 1), (5, 3))
    assert window.panel(0).bounds == window.panel(1).bounds != window.panel(2).bounds
    assert window.panel(2).bounds == (50, 950)
    window.key("w", at=2)
    assert window.panel(0).bounds == window.panel(1).bounds != window.panel(2).bounds


def test_linked_oblique_series_show_the_same_place() -> None:
    """The slice nearest to the middle of the active one's, in stacks that are turned against each other."""
    a = make_series((9, 12, 12), kind="axial")
    a.spacing = (2, 2, 2)
    turn = np.radians(20)
    geometry = a.header.geometry
    rotation = np.eye(4)
    rotation[1:3, 1:3] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    middle = geometry.to_world([4, 5.5, 5.5])
    shift = np.eye(4)
    shift[:3, 3] = middle
    from dataclasses import replace

    b = make_series((17, 12, 12), kind="axial")
    affine = shift @ rotation @ np.linalg.inv(shift) @ geometry.affine
    half = affine.copy()
    half[:3, 0] /= 2
    b.header = b.header.with_geometry(replace(b.header.geometry, affine=half))
    window = Window(a, b, link=True)
    for step in (1, 1, -3):
        window.wheel(step)
        place = window.panel(0).place(5.5, 5.5)
        apart = [abs((b.header.geometry.to_index(place) - [s, 0, 0])[0]) for s in range(17)]
        assert window.panel(1).slice == int(np.argmin(apart))


# --- as programs for imagedata 3 call it --------------------------------------------------------------------


def test_functions_of_the_viewer() -> None:
    many = [make_series((5, 6, 7), (4,), seed=i) for i in range(5)]
    figure = Figure()
    window = Window(*many, figure=figure, ax=figure.subplots(1, 2))
    viewer, (left, right) = window.viewer, figure.axes
    viewer.scroll_data(left, 2)
    viewer.advance_data(right, 1)
    assert (window.panel(0).slice, window.panel(0).tag) == (4, (0,))
    assert (window.panel(1).slice, window.panel(1).tag) == (2, (1,))
    viewer.normalize_window(right)
    wanted = np.quantile(np.asarray(many[1])[1, 2], [0.01, 0.999])
    assert window.panel(1).bounds == pytest.approx(wanted)
    viewer.viewport_set(3)
    assert window.panel(0).series is many[3]
    viewer.viewport_advance(-2)
    assert window.panel(0).series is many[1]
    viewer.toggle_hide(left)
    assert not viewer.show_text


def test_a_program_is_told_when_the_viewer_is_left() -> None:
    window = Window(make_series())
    left = []
    window.viewer.connect_draw(None, "w", lambda: left.append(window.viewer.vertices))
    window.key("q")
    assert left == [{}]


def test_information_of_an_image() -> None:
    a = make_series((3, 4, 5), (2,))
    info = build_info(a, "viridis", "log", None, 300, 40)
    assert (info.colormap, info.norm, info.window, info.level) == ("viridis", "log", 300, 40)
    assert pretty_tag_value(info) == "time 0 s"
    assert pretty_window_level(info) == "W 300  L 40"
    info = build_info(a, None, mpl.colors.Normalize, None, None, None)
    assert isinstance(info.norm, mpl.colors.Normalize)
    with pytest.raises(TypeError, match="Series"):
        build_info([1, 2], None, None, None, None, None)


def test_polygon_selector_starts_copies_and_pastes() -> None:
    from matplotlib.backend_bases import KeyEvent

    from imagedata.viewer import MyPolygonSelector

    figure = Figure()
    canvas = FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    ax.set(xlim=(0, 20), ylim=(20, 0))
    copied, selected = [], []
    selector = MyPolygonSelector(
        ax, selected.append, vertices=SQUARE, tag=3, copy=lambda s: copied.append(s.verts),
        paste=lambda: [(x + 1, y + 2) for x, y in copied[0]],
    )  # fmt: skip
    canvas.draw()
    assert np.allclose(selector.verts, SQUARE)
    x, y = ax.transData.transform((5, 5))
    for key in "cv":
        KeyEvent("key_press_event", canvas, key, x, y)._process()
    assert np.allclose(copied[0], SQUARE)
    assert np.allclose(selector.verts, [(x + 1, y + 2) for x, y in SQUARE])
    assert selector.tag == 3
