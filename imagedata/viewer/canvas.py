"""A panel on axes of matplotlib: image, texts, letters and lines, redrawn without the rest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.transforms import Bbox, IdentityTransform
from numpy.typing import NDArray

from .model import Panel, edge_letters
from .texts import Fit, HaloText

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ['FrameImage', 'PanelView']

_CORNERS = {
    'upper_left': ('left', 'top'), 'upper_right': ('right', 'top'),
    'lower_left': ('left', 'bottom'), 'lower_right': ('right', 'bottom'),
}  # fmt: skip
_EDGES = {
    'left': (0.01, 0.5, 'left', 'center'), 'right': (0.99, 0.5, 'right', 'center'),
    'top': (0.5, 0.99, 'center', 'top'), 'bottom': (0.5, 0.05, 'center', 'bottom'),
}  # fmt: skip
_LARGEST_TEXT, _SMALLEST_TEXT = 8.5, 5.0
"""Sizes in points; in between, so many lines fit into the height of a panel:"""
_LINES = 22


class FrameImage(Artist):
    """An image whose voxels are the pixels of the screen nearest to them, and nothing between.

    Quicker than matplotlib's own, which resamples any image by any transformation.
    """

    def __init__(self, ax: Axes, rgb: NDArray[np.uint8]) -> None:
        super().__init__()
        self.set_animated(True)
        self.set_zorder(0)
        self.set_data(rgb)
        ax.add_artist(self)

    def set_data(self, rgb: NDArray[np.uint8]) -> None:
        """Show other colours: (rows, columns, 3)."""
        rgba = np.empty((*rgb.shape[:2], 4), np.uint8)
        rgba[..., :3] = rgb
        rgba[..., 3] = 255
        self._words = rgba.view(np.uint32)[..., 0]

    def draw(self, renderer: Any) -> None:
        """Draw what lies within the axes."""
        ax = self.axes
        if ax is None or not self.get_visible():
            return
        box = ax.bbox
        left, bottom = int(np.floor(box.x0)), int(np.floor(box.y0))
        wide, high = int(np.ceil(box.x1)) - left, int(np.ceil(box.y1)) - bottom
        if wide < 1 or high < 1:
            return
        to_data = ax.transData.inverted()
        x = to_data.transform(np.column_stack([left + 0.5 + np.arange(wide), np.full(wide, bottom)]))[:, 0]
        y = to_data.transform(np.column_stack([np.full(high, left), bottom + 0.5 + np.arange(high)]))[:, 1]
        rows, columns = self._words.shape
        column, row = np.floor(x + 0.5).astype(int), np.floor(y + 0.5).astype(int)
        across = np.flatnonzero((column >= 0) & (column < columns))
        along = np.flatnonzero((row >= 0) & (row < rows))
        if not (across.size and along.size):
            return
        # Rows of screens and of matplotlib's images both count upwards here.
        words = np.take(np.take(self._words, column[across], axis=1), row[along], axis=0)
        context = renderer.new_gc()
        context.set_clip_rectangle(ax.bbox)
        image = words.view(np.uint8).reshape(*words.shape, 4)
        renderer.draw_image(context, left + int(across[0]), bottom + int(along[0]), image)
        context.restore()


class PanelView:
    """One place in the window, and the panel that is seen in it.

    Parameters
    ----------
    ax : matplotlib Axes
        Emptied, and drawn on.
    colorbar : bool
        Whether a colour bar stands beside it.
    """

    def __init__(self, ax: Axes, colorbar: bool = False) -> None:
        self.ax = ax
        self.panel: Panel | None = None
        self.colorbar = colorbar
        self._bar: Any = None
        self._background: Any = None
        self.show_text = True
        ax.clear()
        ax.set(xticks=[], yticks=[])
        ax.set_axis_off()
        self._image: Any = None
        # What is not image is black, also in a window of another colour.
        self._ground = Rectangle((0, 0), 0, 0, facecolor='black', transform=IdentityTransform())
        self._ground.set_animated(True)
        ax.add_artist(self._ground)
        self._texts = {name: HaloText(ax, *place) for name, place in _CORNERS.items()}
        self._letters = {name: self._letter(*place) for name, place in _EDGES.items()}
        self._readout = HaloText(ax, 'center', 'bottom')
        for text in (*self._texts.values(), self._readout):
            text.set_transform(IdentityTransform())
        self._told: dict[str, str] = dict.fromkeys(_CORNERS, '')
        self._pointed: tuple[str, ...] = ('',)
        self._cell: Any = None
        self._arranged: Any = None
        self.section = self._line('#4fc3f7', ':')
        self.outlines = [self._line('r', '-')]

    def _letter(self, x: float, y: float, ha: str, va: str) -> HaloText:
        text = HaloText(self.ax, ha, va, '#ffd54a')
        text.set_position((x, y))
        text.set_transform(self.ax.transAxes)
        return text

    def _line(self, color: str, style: Any) -> Line2D:
        line = Line2D(
            [], [], color=color, linestyle=style, linewidth=1.2, markersize=4, animated=True, zorder=4
        )
        self.ax.add_line(line)
        return line

    # --- contents ------------------------------------------------------------------------------------

    def set_panel(self, panel: Panel | None) -> None:
        """See another panel, or nothing, here."""
        self.panel = panel
        if self._image is not None:
            self._image.remove()
            self._image = None
        if self._bar is not None:
            self._bar.remove()
            self._bar = None
        if panel is None:
            for text in (*self._texts.values(), *self._letters.values(), self._readout):
                text.set_text('')
            return
        rows, columns = panel.shape
        self._image = FrameImage(self.ax, panel.rgb())
        self.ax.set_xlim(-0.5, columns - 0.5)
        self.ax.set_ylim(rows - 0.5, -0.5)
        self.ax.set_aspect(panel.aspect)
        self.ax.format_coord = panel.readout  # type: ignore[method-assign]
        letters = edge_letters(panel.geometry)
        for name, text in self._letters.items():
            text.set_text(letters.get(name, ''))
        if self.colorbar and not panel.color:
            self._add_bar(panel)
        self.update()

    def _add_bar(self, panel: Panel) -> None:
        from matplotlib.cm import ScalarMappable

        from ..colour import colour_map

        mappable = ScalarMappable(panel.normaliser(), colour_map(panel.colormap))
        label = panel.series.header.attributes.get('colormap_label') or ''
        # As high as the image, whatever its shape.
        beside = self.ax.inset_axes((1.02, 0, 0.04, 1))
        self._bar = self.ax.figure.colorbar(mappable, cax=beside)
        # The window around the images is black.
        self._bar.ax.tick_params(colors='0.6', labelsize='small')
        self._bar.set_label(label, color='0.6')

    def update(self) -> None:
        """Take over what the panel shows now."""
        panel = self.panel
        if panel is None:
            return
        self._image.set_data(panel.rgb())
        texts = panel.corner_texts()
        self._told = {name: texts[name] if self.show_text else '' for name in self._texts}

    def update_bar(self) -> None:
        """Take over the window in the colour bar; the whole window has to be drawn then."""
        if self._bar is not None and self.panel is not None:
            self._bar.update_normal(self._with_norm(self._bar.mappable))

    def _with_norm(self, mappable: Any) -> Any:
        assert self.panel is not None
        mappable.set_norm(self.panel.normaliser())
        return mappable

    def show_readout(self, *texts: str) -> bool:
        """Tell what is under the mouse, in the first of the texts that has room; return whether it is new."""
        before, self._pointed = self._pointed, texts if self.show_text and texts else ('',)
        return before != self._pointed

    def show_section(self, ends: Any) -> None:
        """Draw the line where another panel's slice cuts this one, None for none."""
        points = np.empty((0, 2)) if ends is None else np.asarray(ends)
        self.section.set_data(points[:, 0], points[:, 1])

    # --- where texts stand ---------------------------------------------------------------------------

    def _place(self) -> Any:
        """Return the part of the window that is this panel's, in pixels: the image, and what is beside it."""
        if self._bar is not None:
            return self.ax.bbox
        figure: Any = self.ax.figure
        own = self.ax.get_position(original=True).transformed(figure.transSubfigure)
        return Bbox.union([own, self.ax.bbox])

    def _arrange(self, renderer: Any) -> None:
        """Put texts into the corners, of a size and a length that fit there."""
        figure: Any = self.ax.figure
        cell, pixels = self._place(), figure.dpi / 72
        arranged = (cell.bounds, pixels, tuple(self._told.values()), self._pointed)
        if arranged == self._arranged:
            return
        self._cell, self._arranged = cell, arranged
        self._ground.set_bounds(cell.x0, cell.y0, cell.width, cell.height)
        size = float(np.clip(cell.height / pixels / _LINES / 1.25, _SMALLEST_TEXT, _LARGEST_TEXT))
        line, gap = 1.25 * size * pixels, 0.5 * size * pixels
        for text in (*self._texts.values(), *self._letters.values(), self._readout):
            text.set_fontsize(size)
            text.set_clip_box(cell)
            text.set_clip_on(True)
        fits = Fit(renderer, self._readout)
        self._readout.set_text(fits.first(self._pointed, cell.width - gap))
        self._readout.set_position(((cell.x0 + cell.x1) / 2, cell.y0 + gap))
        # Where the readout has no room between the corners, these stand a line higher.
        below = line if cell.width < 60 * size * pixels else 0
        self._arrange_letters(line, cell.y0 + gap + 1.2 * line)
        half = cell.width / 2 - 2.5 * gap
        for name, text in self._texts.items():
            across, along = _CORNERS[name]
            text.set_text('\n'.join(fits.shortened(one, half) for one in self._told[name].split('\n')))
            text.set_position((
                cell.x0 + gap if across == 'left' else cell.x1 - gap,
                cell.y1 - gap if along == 'top' else cell.y0 + gap + below,
            ))  # fmt: skip

    def _arrange_letters(self, line: float, above: float) -> None:
        """Put letters inside the edges of the image, above a height; outside of the edges of a thin one."""
        box = self.ax.bbox
        letters = self._letters
        if box.height < 5 * line:
            letters['top'].set(position=(0.5, 1), va='bottom')
            letters['bottom'].set(position=(0.5, 0), va='top')
        else:
            letters['top'].set(position=(0.5, 0.99), va='top')
            letters['bottom'].set(position=(0.5, max(0.05, (above - box.y0) / box.height)), va='bottom')
        inside = box.width >= 5 * line
        letters['left'].set(position=(0.01 if inside else 0, 0.5), ha='left' if inside else 'right')
        letters['right'].set(position=(0.99 if inside else 1, 0.5), ha='right' if inside else 'left')

    # --- drawing -------------------------------------------------------------------------------------

    def _artists(self) -> Iterable[Artist]:
        yield self._ground
        if self._image is not None:
            yield self._image
        yield self.section
        yield from self.outlines
        yield from self._letters.values()
        yield from self._texts.values()
        yield self._readout

    def draw_whole(self, renderer: Any) -> None:
        """Draw what moves on top of a freshly drawn window, and remember what lay below."""
        canvas = self.ax.figure.canvas
        if getattr(canvas, 'supports_blit', False) and hasattr(canvas, 'copy_from_bbox'):
            self._background = canvas.copy_from_bbox(self._place())
        self._arrange(renderer)
        for artist in self._artists():
            artist.draw(renderer)

    def draw_again(self) -> bool:
        """Draw what moves, and show it; return False when the whole window has to be drawn instead."""
        canvas: Any = self.ax.figure.canvas
        if self._background is None:
            return False
        canvas.restore_region(self._background)
        renderer = canvas.get_renderer()
        self._arrange(renderer)
        for artist in self._artists():
            artist.draw(renderer)
        canvas.blit(self._cell)
        return True
