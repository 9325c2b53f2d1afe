"""A stack of slices in the patient: axes, position, orientation, spacing and index."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Polygon

INK, RED, GREEN, BLUE = "#24292f", "#b3261e", "#1b6e3c", "#1f4e9c"
SLICES, ROWS, COLUMNS = 3, 4, 6
SPACING = np.array([46.0, 14.0, 13.0])  # slice, row, column


def rotation(about_x: float, about_z: float) -> np.ndarray:
    """Rotation about x, then about z, in degrees."""
    a, b = np.deg2rad([about_x, about_z])
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    return z @ x


TURN = rotation(7, -6)
ROW_DIRECTION, COLUMN_DIRECTION = TURN @ [1, 0, 0], TURN @ [0, 1, 0]
NORMAL = np.cross(ROW_DIRECTION, COLUMN_DIRECTION)
STEPS = SPACING[:, np.newaxis] * np.array([NORMAL, COLUMN_DIRECTION, ROW_DIRECTION])


def place(s: float, r: float, c: float) -> np.ndarray:
    """Place (x, y, z) of an index."""
    return np.array([s, r, c]) @ STEPS


def seen(point: np.ndarray, right: float = 0, up: float = 0) -> np.ndarray:
    """The patient seen from the front: x to the right, z upwards, y away; then moved on paper."""
    x, y, z = point
    return np.array([x + 0.62 * y + right, z + 0.42 * y + up])


def arrow(axes, start, end, color, width=2.0):
    """An arrow between two places."""
    axes.annotate(
        "", seen(end), seen(start), zorder=6,
        arrowprops={"arrowstyle": "-|>", "color": color, "lw": width, "shrinkA": 0, "shrinkB": 0,
                    "mutation_scale": 14},
    )  # fmt: skip


def label(axes, at, text, color, ha="left", va="center", **style):
    """Text at a position on paper."""
    axes.text(*at, text, color=color, ha=ha, va=va, fontsize=9, linespacing=1.35, zorder=8, **style)


def draw_slice(axes, s):
    """One slice: its voxels, and their centres in the first."""
    face = ["#f2c9a1", "#cfe0f3", "#cfe0f3"][s]
    for r in range(ROWS):
        for c in range(COLUMNS):
            corners = [(-0.5, -0.5), (-0.5, 0.5), (0.5, 0.5), (0.5, -0.5)]
            outline = [seen(place(s, r + dr, c + dc)) for dr, dc in corners]
            first = r == c == 0
            axes.add_patch(Polygon(outline, facecolor="#e58f3c" if first and s == 0 else face,
                                   edgecolor="white", lw=0.9, alpha=0.92, zorder=2 + s))  # fmt: skip
    axes.plot(*seen(place(s, 0, 0)), "o", color=INK, ms=5.5, zorder=7)


figure, axes = plt.subplots(figsize=(8.8, 5.3))
for number in range(SLICES):
    draw_slice(axes, number)

# Directions, from the first voxel of slice 0.
arrow(axes, place(0, 0, 0), place(0, 0, COLUMNS + 0.6), RED)
arrow(axes, place(0, 0, 0), place(0, ROWS + 0.6, 0), GREEN)
arrow(axes, place(0, 0, 0), place(SLICES - 0.35, 0, 0), BLUE)
label(axes, seen(place(0, 0, COLUMNS + 0.6), 2, -1),
      "row direction: Image Orientation 1–3;\nthe column index grows along it", RED)  # fmt: skip
label(axes, seen(place(0, ROWS + 0.6, 0), 14, -0.8),
      "column direction: Image Orientation 4–6;\nthe row index grows along it", GREEN)  # fmt: skip
label(axes, seen(place(SLICES - 0.35, 0, 0), 0, 2),
      "slice normal = row direction × column direction;\nthe slice index grows along it",
      BLUE, ha="center", va="bottom")  # fmt: skip

# Spacing.
for c in (1, 2):
    ends = [seen(place(0, -0.1, c)), seen(place(0, -0.5, c), 0, -6)]
    axes.plot(*zip(*ends, strict=True), color=RED, lw=0.8)
label(axes, seen(place(0, -0.5, 1.5), 0, -7.5), "column spacing\nPixel Spacing, 2nd value", RED,
      ha="center", va="top")  # fmt: skip
label(axes, seen(place(0.5, 0, 0), -4, 0), "slice spacing:\ndistance of the positions", BLUE, ha="right")
right = [seen(place(0, r, COLUMNS - 0.45)) for r in (1.5, 2.5)]
edge = max(point[0] for point in right) + 4
label(axes, (edge + 1.5, (right[0][1] + right[1][1]) / 2), "row spacing\nPixel Spacing, 1st value", GREEN)
for point in right:
    axes.plot([point[0], edge], [point[1], point[1]], color=GREEN, lw=0.8, zorder=9)

# The position.
first = place(0, 0, 0)
axes.annotate(
    "Image Position (Patient)\ncentre of the first voxel,\nindex (0, 0, 0)",
    seen(first), seen(first, -16, -16),
    ha="right", va="center", fontsize=9, color=INK, linespacing=1.35, zorder=8,
    arrowprops={"arrowstyle": "-", "color": INK, "lw": 0.8, "shrinkB": 4},
)  # fmt: skip

# Axes of the patient.
corner = np.array([-106.0, 0, 66.0])
names = {"x: to the left": [24, 0, 0], "y: to the back": [0, 26, 0], "z: to the head": [0, 0, 24]}
for name, step in names.items():
    arrow(axes, corner, corner + step, INK, 1.6)
    sides = {"ha": "center", "va": "bottom"} if step[2] else {}
    label(axes, seen(corner + np.array(step) * 1.1), name, INK, **sides)
label(axes, seen(corner, -4, -7), "patient system (LPS), mm", INK, va="top", fontweight="bold")

axes.set_aspect("equal")
axes.set_xlim(-112, 154)
axes.set_ylim(-29, 129)
axes.axis("off")
figure.tight_layout(pad=0.3)
