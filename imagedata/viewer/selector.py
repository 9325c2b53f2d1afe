"""A polygon selector of matplotlib that starts with an outline, and copies and pastes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.widgets import PolygonSelector

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ['MyPolygonSelector']


class MyPolygonSelector(PolygonSelector):
    """A polygon on axes, as programs for imagedata 3 make it.

    The viewer draws its regions by itself (`Series.get_roi`).

    Parameters
    ----------
    ax : matplotlib Axes
    onselect : callable
        Called with the corners when the polygon is closed or changed.
    useblit : bool
    lineprops, markerprops : dict, optional
        Properties of the line, and of the corners.
    vertex_select_radius : float
        How near a click has to be to a corner, in pixels of the screen.
    vertices : sequence of (x, y), optional
        Corners to start with: a closed polygon.
    tag
        Kept for the program.
    copy : callable, optional
        Called with the selector when `c` is pressed.
    paste : callable, optional
        Called when `v` is pressed; corners that it returns become the polygon.
    """

    def __init__(
        self, ax: Axes, onselect: Callable[..., Any], useblit: bool = False,
        lineprops: dict[str, Any] | None = None, markerprops: dict[str, Any] | None = None,
        vertex_select_radius: float = 10, vertices: Sequence[tuple[float, float]] | None = None,
        tag: Any = None, copy: Callable[..., Any] | None = None, paste: Callable[..., Any] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            ax, onselect, useblit=useblit, props=lineprops, handle_props=markerprops,
            grab_range=vertex_select_radius,
        )  # fmt: skip
        self.tag = tag
        self._copy, self._paste = copy, paste
        if vertices is not None and len(vertices) > 2:
            self.verts = [(float(x), float(y)) for x, y in vertices]
        self.connect_event('key_press_event', self._on_letter)  # type: ignore[arg-type]

    def _on_letter(self, event: Any) -> None:
        if event.inaxes is not self.ax:
            return
        if event.key in ('c', 'ctrl+c') and self._copy is not None:
            self._copy(self)
        elif event.key in ('v', 'ctrl+v') and self._paste is not None:
            corners = self._paste()
            if corners is not None and len(corners) > 2:
                self.verts = [(float(x), float(y)) for x, y in corners]
