"""The viewer in a real window on a screen of its own, and on the canvas of a notebook.

Skipped where there is no Xvfb, no Tk, no ipympl.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from imagedata.roi import polygon_mask

SCRIPT = Path(__file__).parent / "window_on_screen.py"
NOTEBOOK = """
import matplotlib
matplotlib.use("module://ipympl.backend_nbagg")
from matplotlib.backend_bases import KeyEvent, MouseEvent
import numpy as np
from imagedata import Series

a = Series(np.zeros((5, 24, 32)))
assert a.get_roi() is None
view, canvas = a.viewer.views[0], a.viewer.fig.canvas
canvas.draw()
x, y = view.ax.transAxes.transform((0.5, 0.5))
MouseEvent("scroll_event", canvas, x, y, step=1)._process()
for point in [(4.5, 4.5), (20.5, 4.5), (20.5, 10.5), (4.5, 10.5)]:
    x, y = view.ax.transData.transform(point)
    MouseEvent("button_press_event", canvas, x, y, button=1)._process()
KeyEvent("key_press_event", canvas, "enter", x, y)._process()
counts = a.get_roi_mask().sum(axis=(1, 2)).tolist()
assert counts == [0, 0, 0, 16 * 6, 0], counts
"""


STILL = """
import matplotlib
matplotlib.use("module://matplotlib_inline.backend_inline")
import numpy as np
from imagedata import Series
from imagedata.errors import NoDisplayError

a = Series(np.zeros((5, 24, 32)))
assert a.show().scene.panel.slice == 2
try:
    a.get_roi()
except NoDisplayError as error:
    assert "%matplotlib widget" in str(error)
else:
    raise AssertionError("nothing said that regions cannot be drawn")
"""


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """The name of a screen in memory."""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1000x800x24", "-nolisten", "tcp"],
        pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    with os.fdopen(read) as pipe:
        number = pipe.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait()


def test_notebook_does_not_wait() -> None:
    pytest.importorskip("ipympl")
    run = subprocess.run([sys.executable, "-c", NOTEBOOK], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_still_pictures_of_a_notebook_are_not_drawn_on() -> None:
    pytest.importorskip("matplotlib_inline")
    run = subprocess.run([sys.executable, "-c", STILL], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="there is no Xvfb")
@pytest.mark.skipif(importlib.util.find_spec("_tkinter") is None, reason="this Python has no Tk")
def test_window_shows_and_obeys(display: str) -> None:
    run = subprocess.run(
        [sys.executable, str(SCRIPT)], env={**os.environ, "DISPLAY": display}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert (found["start"]["slice"], found["start"]["tag"]) == (2, [0])
    assert (found["moved"]["slice"], found["moved"]["tag"]) == (3, [1])
    assert found["windowed"]["level"] == pytest.approx(127.5 + 255 / 4, rel=0.03)
    for state in ("start", "moved", "windowed"):
        seen, low = found[state], found[state]["level"] - found[state]["window"] / 2
        for colour, value in zip(seen["screen"], seen["voxels"], strict=True):
            part = np.clip((value - low) / seen["window"], 0, 1)
            assert np.abs(np.array(colour[:3]) - mpl.colormaps["Greys_r"](part, bytes=True)[:3]).max() <= 3
    assert found["kept"] == [found["windowed"]["level"], found["windowed"]["window"]]
    assert_keys(found["keys"])
    slices = [[2], [2], [2], [2, 3], [2], [2, 3], [2], [2, 3], [2, 3], [2, 3, 4]]
    assert found["outlines"] == slices
    assert found["ellipse"] == pytest.approx([10, 9, 4, 3, 0], abs=0.1)
    assert (found["points"], found["corners"]) == (0, 3)
    # Keys of matplotlib's own windows do nothing; a window that is closed from outside is left, too.
    assert (found["toolbar"], found["scales"], found["left"]) == ("", ["linear"], [])
    # Interactive: two windows at once, each with its own keys; none is left over.
    assert (len(found["both"]), found["slices"], found["one"], found["none"]) == (2, [3, 2], [True], [])
    assert found["settings"] == []
    # The mask came back when the window was left.
    corners = found["vertices"]["2"]
    assert np.allclose(corners, [(4.2, 4.2), (20.2, 4.2), (12.2, 20.2)], atol=0.1)
    assert found["mask"] == [0, 0, int(polygon_mask(corners, (24, 32)).sum()), 0, 0]


STATES = ("first", "slices", "tag", "window", "level", "text", "link", "sections", "overlay", "alpha")
EXPECTED: dict[str, dict[str, object]] = {
    "Up": {"slices": [3, 2, 2]}, "Down": {"slices": [2, 2, 2]}, "Home": {"slices": [0, 2, 2]},
    "End": {"slices": [4, 2, 2]}, "Right": {"tag": [1, 0]}, "Left": {"tag": [0, 0]},
    "Shift-Right": {"tag": [0, 1]}, "Shift-Left": {"tag": [0, 0]}, "1": {}, "Return": {"slices": [1, 2, 2]},
    "h": {"text": False}, "h again": {"text": True}, "w": {"window": None, "level": None},
    "r": {"window": 255, "level": 127.5}, "l": {"link": True}, "Up again": {"slices": [2, 2, 2]},
    "Up once more": {"slices": [3, 3, 3]}, "l again": {"link": False}, "Down again": {"slices": [2, 3, 3]},
    "x": {"sections": False}, "x again": {"sections": True}, "o": {"overlay": False},
    "o again": {"overlay": True}, "bracketleft": {"alpha": 0.6}, "bracketright": {"alpha": 0.7},
    "Next": {"first": 1}, "Prior": {"first": 0}, "Control-Right": {"first": 1}, "Control-Left": {"first": 0},
    "Control-Down": {"first": 1}, "Control-Up": {"first": 0}, "Control-End": {"first": 1},
    "Control-Home": {"first": 0},
}  # fmt: skip


def assert_keys(found: list[list[object]]) -> None:
    """Each key changes what it should, and nothing else."""
    assert [str(key) for key, _ in found[1:]] == [name.split()[0] for name in EXPECTED]
    before = dict(zip(STATES, found[0][1], strict=True))
    for (key, state), change in zip(found[1:], EXPECTED.values(), strict=True):
        now = dict(zip(STATES, state, strict=True))
        if key == "w":
            assert now["window"] < before["window"]
            change = {"window": now["window"], "level": now["level"]}
        if "first" in change:
            # The panel under the mouse is another one.
            now = {**now, "tag": before["tag"]}
        wanted = {k: pytest.approx(v) if isinstance(v, float) else v for k, v in change.items()}
        assert now == {**before, **wanted}, key
        before = now
