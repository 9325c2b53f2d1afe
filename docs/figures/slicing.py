"""What slicing does to the index: the voxels stay where they are."""

import matplotlib.pyplot as plt

INK, GREY, BLUE, GREEN, RED = "#24292f", "#d5dbe1", "#cfe0f3", "#1b6e3c", "#b3261e"
ROWS, COLUMNS = 5, 7
CASES = {
    "s": (range(ROWS), range(COLUMNS)),
    "s[..., 1:4, 2:]": (range(1, 4), range(2, COLUMNS)),
    "s[..., ::-1]": (range(ROWS), range(COLUMNS - 1, -1, -1)),
    "s[..., ::2, ::3]": (range(0, ROWS, 2), range(0, COLUMNS, 3)),
}
NOTES = [
    "",
    "the first voxel moves;\nspacing and directions stay",
    "the first voxel is the old last one;\nthe row direction is reversed",
    "the spacing grows to\n2 and 3 times the old one",
]


def draw(axes, name, rows, columns, note):
    """One result: its voxels over those of the source, its first voxel, its two directions."""
    for r in range(ROWS):
        for c in range(COLUMNS):
            inside = r in rows and c in columns
            axes.add_patch(plt.Rectangle((c - 0.5, r - 0.5), 1, 1, facecolor=BLUE if inside else "white",
                                         edgecolor=GREY, lw=0.8))  # fmt: skip
            if inside:
                axes.text(c, r + 0.05, f"{10 * r + c:02d}", ha="center", va="center", fontsize=8, color=INK)
    first = (columns[0], rows[0])
    axes.add_patch(plt.Rectangle((first[0] - 0.5, first[1] - 0.5), 1, 1, fill=False, edgecolor=INK, lw=2,
                                 zorder=4))  # fmt: skip
    outside = -1.05
    sign = 1 if columns.step > 0 else -1
    across = (first[0] - 0.3 * sign, columns[-1] + 0.5 * sign)
    arrow = {"arrowstyle": "-|>", "lw": 1.7, "mutation_scale": 12, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (across[1], outside), (across[0], outside), arrowprops={**arrow, "color": RED})
    side = -1.05 if sign > 0 else COLUMNS + 0.05
    axes.annotate("", (side, rows[-1] + 0.5), (side, first[1] - 0.3), arrowprops={**arrow, "color": GREEN})
    axes.set_title(name, family="monospace", fontsize=10, color=INK)
    axes.text(0.5, 0.0, note, transform=axes.transAxes, ha="center", va="top", fontsize=9, color=INK,
              linespacing=1.35)  # fmt: skip
    axes.set_xlim(-1.5, COLUMNS + 0.5)
    axes.set_ylim(ROWS - 0.2, -1.5)
    axes.set_aspect("equal")
    axes.axis("off")


figure, panels = plt.subplots(1, 4, figsize=(10.4, 2.9))
for panel, (title, (rows, columns)), text in zip(panels, CASES.items(), NOTES, strict=True):
    draw(panel, title, rows, columns, text)
figure.tight_layout(pad=0.4)
