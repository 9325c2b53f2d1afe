"""What `test_viewer_screen` runs: the viewer in a window of Tk, driven by events of the window system.

Prints what was seen as JSON.
"""

import json
from typing import Any

import matplotlib as mpl
import numpy as np
from PIL import ImageGrab

mpl.use("TkAgg")
import matplotlib.pyplot as plt

from imagedata import Series
from imagedata.viewer import window as viewer_window

VALUES = np.random.default_rng(0).integers(0, 256, (3, 5, 24, 32)).astype(np.uint8)


def series() -> Series:
    a = Series(VALUES, "time")
    a.windowCenter, a.windowWidth = 127.5, 255
    return a


class Hands:
    """Does things in the window, one after the other, while the program waits for it."""

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer
        self.widget = viewer.fig.canvas.get_tk_widget()
        self.found: dict[str, Any] = {}

    def at(self, column: float, row: float) -> dict[str, int]:
        x, y = self.viewer.views[0].ax.transData.transform((column, row))
        return {"x": int(x), "y": int(self.viewer.fig.canvas.figure.bbox.height - y)}

    def event(self, name: str, column: float = 16, row: float = 12) -> None:
        self.widget.focus_force()
        self.widget.event_generate(name, **self.at(column, row))
        self.widget.update()

    def screen(self, column: int, row: int) -> list[int]:
        """The colour of the middle of a voxel on the screen itself."""
        place = self.at(column, row)
        x, y = self.widget.winfo_rootx() + place["x"], self.widget.winfo_rooty() + place["y"]
        return list(ImageGrab.grab(xdisplay="").getpixel((x, y)))

    def look(self, name: str) -> None:
        panel = self.viewer.scene.panel
        voxels = [(16, 12), (14, 8), (20, 15)]
        self.found[name] = {
            "slice": panel.slice, "tag": panel.tag, "window": panel.window, "level": panel.level,
            "screen": [self.screen(*v) for v in voxels],
            "voxels": [int(panel.frame()[r, c]) for c, r in voxels],
        }  # fmt: skip


def drive(act: Any) -> None:
    """Let `act(hands)` run when the next window waits for its user."""
    show = viewer_window.Viewer.show

    def shown(self: Any, block: bool | None = None) -> Any:
        self.connect()
        self.fig.canvas.manager.show()
        self.fig.canvas.draw()
        self.fig.canvas.get_tk_widget().after(300, lambda: act(Hands(self)))
        viewer_window.Viewer.show = show
        return show(self, block)

    viewer_window.Viewer.show = shown


results: dict[str, Any] = {}
settings = dict(mpl.rcParams)


def look_around(hands: Hands) -> None:
    hands.look("start")
    hands.event("<Button-4>")
    hands.event("<Key-Right>")
    hands.look("moved")
    hands.event("<ButtonPress-1>", 8, 12)
    hands.event("<B1-Motion>", 16, 12)
    hands.event("<ButtonRelease-1>", 16, 12)
    hands.look("windowed")
    hands.event("<Key-q>")
    results.update(hands.found)


def draw_region(hands: Hands) -> None:
    for column, row in [(4.2, 4.2), (20.2, 4.2), (12.2, 20.2), (4.2, 4.2)]:
        hands.event("<ButtonPress-1>", column, row)
        hands.event("<ButtonRelease-1>", column, row)
    hands.event("<Key-q>")


a = series()
drive(look_around)
a.show()
results["kept"] = [a.windowCenter, a.windowWidth]
drive(draw_region)
mask, vertices = a.get_roi(vertices=True)


def close_from_outside(hands: Hands) -> None:
    for key in "sgfkLp":
        hands.event(f"<Key-{key}>")
    results["toolbar"] = str(hands.viewer.fig.canvas.toolbar.mode)
    results["scales"] = [v.ax.get_yscale() for v in hands.viewer.views]
    plt.close(hands.viewer.fig)


def state(viewer: Any) -> list[Any]:
    panel = viewer.scene.panel
    others = [p.slice for p in viewer.scene.panels]
    return [
        viewer.scene.first, others, list(panel.tag), panel.window, panel.level, viewer.show_text,
        viewer.scene.link, viewer.show_sections, panel.show_overlay, panel.alpha,
    ]  # fmt: skip


KEYS = (
    "Up", "Down", "Home", "End", "Right", "Left", "Shift-Right", "Shift-Left", "1", "Return", "h", "h",
    "w", "r", "l", "Up", "Up", "l", "Down", "x", "x", "o", "o", "bracketleft", "bracketright",
    "Next", "Prior", "Control-Right", "Control-Left", "Control-Down", "Control-Up",
    "Control-End", "Control-Home",
)  # fmt: skip


def every_key(hands: Hands) -> None:
    found = [["", state(hands.viewer)]]
    for key in KEYS:
        modifier, _, name = key.rpartition("-")
        hands.event(f"<{modifier}-Key-{name}>" if modifier else f"<Key-{name}>")
        found.append([key, state(hands.viewer)])
    results["keys"] = found
    hands.event("<Key-q>")


def draw_everything(hands: Hands) -> None:
    hands.event("<Key-e>")
    hands.event("<ButtonPress-1>", 6, 6)
    hands.event("<B1-Motion>", 12, 10)
    hands.event("<ButtonRelease-1>", 14, 12)
    counts = [outlines(hands.viewer)]
    for key in ("c", "Up", "v", "Delete", "z", "Control-z", "Control-v", "e"):
        modifier, _, name = key.rpartition("-")
        hands.event(f"<{modifier}-Key-{name}>" if modifier else f"<Key-{name}>")
        counts.append(outlines(hands.viewer))
    hands.event("<Key-Up>")
    for column, row in [(4.2, 4.2), (20.2, 4.2), (12.2, 20.2), (3.2, 9.2)]:
        hands.event("<ButtonPress-1>", column, row)
        hands.event("<ButtonRelease-1>", column, row)
    hands.event("<Key-BackSpace>")
    hands.event("<Key-Return>")
    counts.append(outlines(hands.viewer))
    hands.event("<ButtonPress-1>", 4.2, 4.2)
    hands.event("<Key-Escape>")
    results["outlines"] = counts
    results["ellipse"] = list(hands.viewer.vertices[2])
    results["points"] = len(hands.viewer.drawing.points)
    results["corners"] = len(hands.viewer.vertices[4])
    hands.event("<Key-q>")


def outlines(viewer: Any) -> list[int]:
    return sorted(viewer.vertices)


five = Series(np.concatenate([VALUES[:, np.newaxis]] * 2, axis=1), "time,te")
five.windowCenter, five.windowWidth = 127.5, 255
figure, axes = plt.subplots(1, 2)
drive(every_key)
five.show([series(), series()], fig=figure, ax=axes, overlay=Series(VALUES[0] > 99))
plt.close(figure)
drive(draw_everything)
a.get_roi()
drive(close_from_outside)
a.show()
results["left"] = plt.get_fignums()

plt.ion()
one, other = a.show(), series().show()
results["both"] = plt.get_fignums()
for viewer in (one, other):
    viewer.fig.canvas.get_tk_widget().update()
    viewer.fig.canvas.draw()
Hands(one).event("<Button-4>")
results["slices"] = [v.scene.panel.slice for v in (one, other)]
Hands(other).event("<Key-q>")
results["one"] = [plt.get_fignums() == [one.fig.number]]
Hands(one).event("<Key-q>")
results["none"] = plt.get_fignums()
plt.ioff()
results["settings"] = [k for k, v in dict(mpl.rcParams).items() if v != settings[k]]
results["mask"] = np.asarray(mask).sum(axis=(1, 2)).tolist()
results["vertices"] = {str(k): v for k, v in vertices.items()}
print(json.dumps(results))
