"""Texts on images: legible on any of them, and no longer than there is room."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.text import Text
from matplotlib.transforms import Affine2D
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ['Fit', 'HaloText']

_MARGIN = 3
"""Pixels around a text for its halo."""
_FONTS = (
    'Noto Sans CJK SC', 'Noto Sans CJK JP', 'Source Han Sans', 'WenQuanYi Zen Hei', 'Droid Sans Fallback',
    'Microsoft YaHei', 'Yu Gothic', 'Malgun Gothic', 'PingFang SC', 'Hiragino Sans', 'Apple SD Gothic Neo',
    'Noto Sans Arabic', 'Noto Sans Thai', 'Arial Unicode MS',
)  # fmt: skip
"""Fonts with letters that matplotlib's own has not, for names of patients."""


@cache
def _families() -> list[str]:
    from matplotlib import rcParams
    from matplotlib.font_manager import fontManager

    there = set(fontManager.get_font_names())
    return [*rcParams['font.family'], *(name for name in _FONTS if name in there)]


class HaloText(Text):
    """A text that is legible on black and on white, and stands where it was measured to be.

    Path effects of matplotlib draw letters of other widths than those that texts are aligned by.
    What it says is never taken for mathematics: names may hold dollars.
    """

    def __init__(self, ax: Axes, ha: Any, va: Any, color: str = 'white') -> None:
        super().__init__(
            0, 0, '', color=color, ha=ha, va=va, multialignment=ha, parse_math=False, usetex=False,
            fontfamily=_families(),
        )  # fmt: skip
        self.set_animated(True)
        self.set_zorder(5)
        ax.add_artist(self)

        self._made: Any = None
        self._raster: Any = None

    def draw(self, renderer: Any) -> None:
        """Draw the text; its pixels are kept, as drawing letters takes longer than drawing the image."""
        if not self.get_text() or not self.get_visible():
            return
        if not isinstance(renderer, RendererAgg):
            super().draw(renderer)
            return
        box = self.get_window_extent(renderer)
        made = (self.get_text(), self.get_fontsize(), renderer.dpi, self.get_color())
        if made != self._made:
            self._made, self._raster = made, self._rasterised(box, renderer.dpi)
        context = renderer.new_gc()
        context.set_clip_rectangle(self.get_clip_box())
        renderer.draw_image(context, round(box.x0) - _MARGIN, round(box.y0) - _MARGIN, self._raster)
        context.restore()

    def _rasterised(self, box: Any, dpi: float) -> NDArray[np.uint8]:
        """Return the pixels of the text and its halo, the lowest row first: (rows, columns, 4)."""
        size = int(box.width) + 2 * _MARGIN + 1, int(box.height) + 2 * _MARGIN + 1
        aside: Any = RendererAgg(*size, dpi)  # type: ignore[no-untyped-call]
        transform, clips = self.get_transform(), self.get_clip_on()
        self.set_transform(transform + Affine2D().translate(_MARGIN - box.x0, _MARGIN - box.y0))
        self.set_clip_on(False)
        super().draw(aside)
        self.set_transform(transform)
        self.set_clip_on(clips)
        pixels = np.asarray(aside.buffer_rgba())[::-1].copy()
        # Black around each letter, and half so another pixel further.
        letters = pixels[..., 3]
        near = _grown(letters)
        halo = np.maximum(near, _grown(near) // 2)
        part = np.where(halo > 0, letters / np.maximum(halo, 1), 0)
        pixels[..., :3] = pixels[..., :3] * part[..., np.newaxis]
        pixels[..., 3] = halo
        return pixels


def _grown(alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return what covers every pixel beside a covered one as well."""
    for axis in (0, 1):
        alpha = np.maximum(np.maximum(np.roll(alpha, 1, axis), np.roll(alpha, -1, axis)), alpha)
    return alpha


class Fit:
    """Texts as long as there is room for them.

    Parameters
    ----------
    renderer
        What measures.
    like : Text
        A text of the same font.
    """

    def __init__(self, renderer: Any, like: Text) -> None:
        self._renderer = renderer
        self._font = like.get_fontproperties()

    def width(self, text: str) -> float:
        """Return the width of a line in pixels."""
        return float(self._renderer.get_text_width_height_descent(text, self._font, False)[0])

    def first(self, texts: Iterable[str], room: float) -> str:
        """Return the first text that fits, else the last one, shortened."""
        text = ''
        for text in texts:
            if self.width(text) <= room:
                return text
        return self.shortened(text, room)

    def shortened(self, text: str, room: float) -> str:
        """Return a text, or its beginning and an ellipsis."""
        if not text or self.width(text) <= room:
            return text
        return next((t for n in range(len(text) - 1, 0, -1) if self.width(t := f'{text[:n]}…') <= room), '')
