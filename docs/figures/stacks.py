"""Three stacks of slices from the side: even, sheared, uneven."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np

INK, BLUE, GREY, RED = "#24292f", "#1f4e9c", "#9aa5b1", "#b3261e"
WIDTH = 46.0
TURN = np.deg2rad(14)
ACROSS = np.array([np.cos(TURN), -np.sin(TURN)])  # a direction in the slices
NORMAL = np.array([np.sin(TURN), np.cos(TURN)])

EVEN = np.arange(5)[:, np.newaxis] * 10.0 * NORMAL
STACKS = {
    "even": (EVEN, "the matrix alone\nplaces every voxel"),
    "sheared (gantry tilt)": (
        np.arange(5)[:, np.newaxis] * np.array([0.0, 10.3]),
        "the matrix alone, with a slice step\nthat is not along the normal",
    ),
    "uneven": (
        np.array([0.0, 6, 12, 25, 40])[:, np.newaxis] * NORMAL,
        "each slice keeps its position;\nthe matrix has the mean step",
    ),
}


def draw(axes, name, positions, note):
    """One stack: its slices as lines, their positions as dots."""
    for position in positions:
        line = np.array([position, position + WIDTH * ACROSS])
        axes.plot(*line.T, color=GREY, lw=5, solid_capstyle="butt", zorder=1)
        axes.plot(*position, "o", color=INK, ms=5, zorder=4)
    start = positions[0] + 0.62 * WIDTH * ACROSS
    normal = {"arrowstyle": "-|>", "color": RED, "lw": 1.4, "mutation_scale": 11}
    axes.annotate("", start + 47 * NORMAL, start, zorder=3, arrowprops=normal)
    axes.text(*(start + 49 * NORMAL), "normal", color=RED, ha="center", va="bottom", fontsize=9)
    step = (positions[-1] - positions[0]) / (len(positions) - 1)
    places = positions[0] + np.arange(len(positions))[:, np.newaxis] * step
    for a, b in pairwise(places):
        axes.annotate("", b, a, zorder=3,
                      arrowprops={"arrowstyle": "-|>", "color": BLUE, "lw": 1.6, "mutation_scale": 10,
                                  "shrinkA": 0, "shrinkB": 0})  # fmt: skip
    if name == "uneven":
        axes.plot(*places.T, "o", mfc="white", mec=BLUE, ms=5, zorder=3)
    axes.set_title(name, fontsize=11, color=INK)
    axes.text(0.5, -0.02, note, transform=axes.transAxes, ha="center", va="top", fontsize=9, color=INK,
              linespacing=1.35)  # fmt: skip
    axes.set_aspect("equal")
    axes.set_xlim(-9, 58)
    axes.set_ylim(-14, 54)
    axes.axis("off")


figure, row = plt.subplots(1, 3, figsize=(8.6, 3.6))
for panel, (title, (places, text)) in zip(row, STACKS.items(), strict=True):
    draw(panel, title, places, text)
row[0].text(-2, 22, "slice step", color=BLUE, ha="right", va="center", fontsize=9, rotation=76)
row[0].text(-2, -1, "position", color=INK, ha="right", va="center", fontsize=9)
figure.tight_layout(pad=0.4)
