"""A panel on axes of matplotlib: image, texts, letters and lines, redrawn without the rest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from .model import Panel, edge_letters

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ['FrameImage', 'PanelView']

_OUTLINE = {'color': 'white', 'fontsize': 'small', 'zorder': 5}
_CORNERS = {
    'upper_left': (0.01, 0.99, 'left', 'top'), 'upper_right': (0.99, 0.99, 'right', 'top'),
    'lower_left': (0.01, 0.01, 'left', 'bottom'), 'lower_right': (0.99, 0.01, 'right', 'bottom'),
}  # fmt: skip
_EDGES = {
    'left': (0.01, 0.5, 'left', 'center'), 'right': (0.99, 0.5, 'right', 'center'),
    'top': (0.5, 0.99, 'center', 'top'), 'bottom': (0.5, 0.05, 'center', 'bottom'),
}  # fmt: skip


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
        self._texts = {name: self._text(*place) for name, place in _CORNERS.items()}
        self._letters = {name: self._text(*place, color='#ffd54a') for name, place in _EDGES.items()}
        self._readout = self._text(0.5, 0.01, 'center', 'bottom')
        self.section = self._line('#4fc3f7', ':')
        self.outlines = [self._line('r', '-')]

    def _text(self, x: float, y: float, ha: str, va: str, **style: Any) -> Any:
        from matplotlib.patheffects import withStroke

        return self.ax.text(
            x, y, '', ha=ha, va=va, multialignment=ha, transform=self.ax.transAxes, animated=True,
            path_effects=[withStroke(linewidth=1.5, foreground='black')], clip_on=True,
            **{**_OUTLINE, **style},
        )  # fmt: skip

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
            for text in (*self._texts.values(), *self._letters.values()):
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
        self._bar = self.ax.figure.colorbar(mappable, ax=self.ax, fraction=0.046, pad=0.02, label=label)
        # The window around the images is black.
        self._bar.ax.tick_params(colors='0.6')
        self._bar.set_label(label, color='0.6')

    def update(self) -> None:
        """Take over what the panel shows now."""
        panel = self.panel
        if panel is None:
            return
        self._image.set_data(panel.rgb())
        texts = panel.corner_texts()
        for name, text in self._texts.items():
            text.set_text(texts[name] if self.show_text else '')

    def update_bar(self) -> None:
        """Take over the window in the colour bar; the whole window has to be drawn then."""
        if self._bar is not None and self.panel is not None:
            self._bar.update_normal(self._with_norm(self._bar.mappable))

    def _with_norm(self, mappable: Any) -> Any:
        assert self.panel is not None
        mappable.set_norm(self.panel.normaliser())
        return mappable

    def show_readout(self, text: str) -> bool:
        """Tell what is under the mouse; return whether that is something else than before."""
        before, now = self._readout.get_text(), text if self.show_text else ''
        self._readout.set_text(now)
        return bool(before != now)

    def show_section(self, ends: Any) -> None:
        """Draw the line where another panel's slice cuts this one, None for none."""
        points = np.empty((0, 2)) if ends is None else np.asarray(ends)
        self.section.set_data(points[:, 0], points[:, 1])

    # --- drawing -------------------------------------------------------------------------------------

    def _artists(self) -> Iterable[Artist]:
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
            self._background = canvas.copy_from_bbox(self.ax.bbox)
        for artist in self._artists():
            artist.draw(renderer)

    def draw_again(self) -> bool:
        """Draw what moves, and show it; return False when the whole window has to be drawn instead."""
        canvas: Any = self.ax.figure.canvas
        if self._background is None:
            return False
        canvas.restore_region(self._background)
        renderer = canvas.get_renderer()
        for artist in self._artists():
            artist.draw(renderer)
        canvas.blit(self.ax.bbox)
        return True
