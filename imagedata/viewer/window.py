"""The viewer: panels on a window of matplotlib, moved by keys and mouse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..roi import grid_from_roi
from .canvas import PanelView
from .drawing import Drawing
from .layout import MOST, default_layout, new_figure, takes_events
from .model import Panel, Scene, keep_window

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import CloseEvent, DrawEvent, KeyEvent, MouseEvent
    from matplotlib.figure import Figure

    from ..series import Series

__all__ = ['Viewer']

_VIEWER = '_imagedata_viewer'
_GREYS = {'Greys', 'Greys_r', 'gray', 'gray_r', 'grey', 'grey_r', 'binary', 'binary_r'}
_MOST = float(np.finfo(float).max)
_REACH = 7
"""A click within so many points of a screen from a corner means that corner."""


def _in_colour(panel: Panel) -> bool:
    return not panel.color and str(getattr(panel.colormap, 'name', panel.colormap)) not in _GREYS


class Viewer:
    """Images in a window, with keys and mouse.

    Parameters
    ----------
    images : Series or list of Series
    fig : matplotlib Figure, optional
        A new one when not given.
    ax : Axes or array of Axes, optional
        Where on the figure; as many series are seen at once.
    follow : bool
        Whether regions that are drawn belong to tags.
    colormap, norm, window, level
        As of `Series.show`.
    colorbar : bool, optional
        Whether there is a colour bar; when not given, for colour maps other than grey.
    link : bool
        Whether all series move together.
    onselect : callable, optional
        Called with slice, tag and outline when one was drawn.
    overlay : Series, optional
        A mask or map to lay on, by its place.

    Raises
    ------
    NoDisplayError
        When there is neither a screen nor a figure.
    """

    keys: ClassVar[dict[str, str]] = {
        'up': 'next slice', 'down': 'previous slice', 'home': 'first slice', 'end': 'last slice',
        'right': 'next tag', 'left': 'previous tag',
        'shift+right': 'next along the second tag axis', 'shift+left': 'previous along the second tag axis',
        'pagedown': 'next series', 'pageup': 'previous series',
        'ctrl+home': 'first series', 'ctrl+end': 'last series', 'ctrl+right': 'one series on',
        'ctrl+left': 'one series back', 'ctrl+down': 'one row of series on',
        'ctrl+up': 'one row of series back',
        '0-9, enter': 'jump to that slice', 'h': 'hide or show texts', 'w': 'window by histogram',
        'r': 'window of the start', 'l': 'link series, or not', 'x': 'lines of intersection',
        'o': 'hide or show the overlay', '[': 'more overlay', ']': 'less overlay', 'q': 'leave',
        'e': 'draw ellipses, or polygons', 'enter': 'close the polygon', 'z, backspace': 'undo',
        'delete': 'take the outline away', 'escape': 'drop the open line', 'c': 'copy the outline',
        'v': 'paste the outline',
    }  # fmt: skip

    def __init__(
        self, images: Series | Sequence[Series], fig: Figure | None = None, ax: Any = None,
        follow: bool = False, colormap: Any = None, norm: Any = None,
        colorbar: bool | None = None, window: float | None = None, level: float | None = None,
        link: bool = False, onselect: Callable[..., None] | None = None, overlay: Series | None = None,
    ) -> None:  # fmt: skip
        several: list[Any] = list(images) if isinstance(images, (list, tuple)) else [images]
        if not several:
            raise ValueError('there is no series to show')
        panels = [Panel(s, colormap, norm, window, level, overlay) for s in several]
        self._start: list[Any] = [(p.window, p.level) for p in panels]
        axes = None if ax is None else list(np.ravel(np.asarray(ax, dtype=object)))
        if axes is not None and fig is None:
            fig = axes[0].figure
        self._own_figure = fig is None
        self.fig: Any = new_figure() if fig is None else fig
        self._own_axes = axes is None
        self._take_over()
        if axes is None:
            axes = default_layout(self.fig, min(len(panels), MOST))
        bar = any(_in_colour(p) for p in panels) if colorbar is None else bool(colorbar)
        self.views = [PanelView(one, bar) for one in axes]
        self._row = max(1, len({round(one.get_position().x0, 3) for one in axes}))
        self.scene = Scene(panels, len(axes), link)
        self.follow = follow
        self.onselect = onselect
        self.drawing: Drawing | None = None
        self.callback_quit: Callable[..., Any] | None = None
        self.show_sections = len(panels) > 1
        self.show_text = True
        self._typed = ''
        self._wheeled = 0.0
        self._dragged: tuple[float, float, float, float, Panel] | None = None
        self._connections: list[int] = []
        self._waiting = False
        self._keys_taken = False
        self._set_panels()

    # --- connections ----------------------------------------------------------------------------------

    def _take_over(self) -> None:
        """Take the place of a viewer that the figure has; the figure keeps this one alive."""
        before = getattr(self.fig, _VIEWER, None)
        if before is not None:
            before.disconnect()
            before._stop_waiting()
            if before._own_axes and self._own_axes:
                for view in before.views:
                    view.ax.remove()
        setattr(self.fig, _VIEWER, self)

    def connect(self) -> None:
        """Take keys and mouse from now on; those of matplotlib's own window are left out."""
        if self._connections:
            return
        canvas = self.fig.canvas
        handlers: dict[str, Callable[[Any], None]] = {
            'draw_event': self._on_draw, 'key_press_event': self.key_press, 'scroll_event': self.scroll,
            'button_press_event': self.on_press, 'motion_notify_event': self.on_motion,
            'button_release_event': self.on_release, 'close_event': self._on_close,
        }  # fmt: skip
        self._connections = [canvas.mpl_connect(name, handler) for name, handler in handlers.items()]
        handler_id = getattr(canvas.manager, 'key_press_handler_id', None)
        if handler_id is not None:
            # There, h, c, v, l, q and the arrows mean other things.
            canvas.mpl_disconnect(handler_id)
            self._keys_taken = True

    def disconnect(self) -> None:
        """Take no more keys and mouse, and give matplotlib's own back."""
        for connection in self._connections:
            self.fig.canvas.mpl_disconnect(connection)
        self._connections = []
        if self._keys_taken:
            from matplotlib.backend_bases import key_press_handler

            canvas = self.fig.canvas
            canvas.manager.key_press_handler_id = canvas.mpl_connect('key_press_event', key_press_handler)
            self._keys_taken = False

    def connect_draw(
        self, roi: Any = None, color: str = 'r', callback_quit: Callable[..., Any] | None = None,
        single: bool = False,
    ) -> None:  # fmt: skip
        """Let regions be drawn on the first series.

        Parameters
        ----------
        roi : mapping, optional
            Outlines to start with.
        color : str
        callback_quit : callable, optional
            Called, without arguments, when the viewer is left.
        single : bool
            When regions follow tags, one slice for each tag.
        """
        self.callback_quit = callback_quit
        outlines = dict(roi or {})
        follow = self.follow or any(isinstance(key, tuple) for key in outlines)
        self.drawing = Drawing(self.scene.panels[0], follow, outlines, single)
        for view in self.views:
            view.outlines[0].set_color(color)
        self._refresh()

    def disconnect_draw(self) -> None:
        """Draw no more regions; those that were drawn are kept."""
        if self.drawing is not None:
            self.drawing.cancel()

    def show(self, block: bool | None = None) -> Viewer:
        """Show the window, and wait until it is left.

        In a notebook, and on a figure without window, it cannot wait.

        Parameters
        ----------
        block : bool, optional
            Whether to wait; when not given, as `pyplot.show` does: not where matplotlib is interactive
            (`plt.ion()`, `%matplotlib qt`).
        """
        from matplotlib import is_interactive

        self.connect()
        self.fig.canvas.draw_idle()
        if self._own_figure or self.has_window():
            self.fig.canvas.manager.show()
        waits = not is_interactive() if block is None else block
        if waits and self.has_window():
            self._waiting = True
            self.fig.canvas.start_event_loop(0)
        return self

    def can_draw(self) -> bool:
        """Return whether there are keys and a mouse; a notebook without `%matplotlib widget` has none."""
        return not self._own_figure or takes_events()

    def has_window(self) -> bool:
        """Return whether there is a window whose end can be waited for."""
        canvas = self.fig.canvas
        return (
            canvas.manager is not None
            and getattr(canvas, 'required_interactive_framework', None) not in (None, 'headless')
        )

    def quit(self) -> None:
        """Leave: windows are kept in the series, and the window is closed if the viewer opened it."""
        for panel in self.scene.panels:
            keep_window(panel.series, panel)
        self.disconnect()
        self._stop_waiting()
        if self._own_figure:
            import matplotlib.pyplot as plt

            plt.close(self.fig)
        if self.callback_quit is not None:
            self.callback_quit()

    def _on_close(self, event: CloseEvent) -> None:
        self._stop_waiting()

    def _stop_waiting(self) -> None:
        if self._waiting:
            self._waiting = False
            self.fig.canvas.stop_event_loop()

    # --- regions ----------------------------------------------------------------------------------------

    @property
    def vertices(self) -> dict[Any, Any]:
        """Outlines that were drawn: of slice, or (tag, slice)."""
        return {} if self.drawing is None else dict(self.drawing.outlines)

    def get_roi(self, single: bool = False) -> Any:
        """Return the mask of what was drawn.

        Raises
        ------
        ValueError
            When nothing was.
        """
        return grid_from_roi(self.scene.panels[0].series, self.vertices, single)

    # --- what is seen --------------------------------------------------------------------------------

    def _set_panels(self) -> None:
        shown = self.scene.shown
        for i, view in enumerate(self.views):
            view.set_panel(shown[i] if i < len(shown) else None)
        self._refresh_lines()

    def _refresh(self, panels: Sequence[Panel] | None = None) -> None:
        """Draw again what changed; all panels when not told which."""
        changed = [v for v in self.views if v.panel is not None and (panels is None or v.panel in panels)]
        for view in changed:
            view.update()
        lined = self._refresh_lines()
        self._draw([v for v in self.views if v in changed or v in lined])

    def _refresh_lines(self) -> list[PanelView]:
        """Set outlines and lines of intersection; return the views that have any."""
        active = self.scene.panel
        for view in self.views:
            own = self.drawing is not None and view.panel is self.drawing.panel
            points = self.drawing.line() if own and self.drawing is not None else np.empty((0, 2))
            view.outlines[0].set_data(points[:, 0], points[:, 1])
            few = own and self.drawing is not None and bool(self.drawing.points)
            view.outlines[0].set_marker('o' if few and len(points) < 60 else '')
            other = view.panel is not None and view.panel is not active and self.show_sections
            view.show_section(view.panel.section_of(active) if other and view.panel is not None else None)
        return [v for v in self.views if self.show_sections and v.panel is not None]

    def _draw(self, views: Sequence[PanelView]) -> None:
        drawn = [view.draw_again() for view in views]
        if not all(drawn):
            self.fig.canvas.draw_idle()

    def update(self) -> None:
        """Draw everything again."""
        self._set_panels()
        self.fig.canvas.draw_idle()

    def _on_draw(self, event: DrawEvent) -> None:
        for view in self.views:
            view.draw_whole(event.renderer)

    def _view_at(self, event: Any) -> PanelView | None:
        for view in self.views:
            if event.inaxes is not None and event.inaxes is view.ax and view.panel is not None:
                return view
        return None

    def _activate(self, event: Any) -> PanelView | None:
        """Make the panel under the mouse the active one."""
        view = self._view_at(event)
        if view is not None and view.panel is not None and view.panel is not self.scene.panel:
            self.scene.activate(list(self.scene.panels).index(view.panel))
            if self.show_sections:
                self._refresh([])
        return view

    # --- by program ---------------------------------------------------------------------------------------

    def _axes_of(self, panel: Panel) -> Axes | None:
        return next((view.ax for view in self.views if view.panel is panel), None)

    def _panel_in(self, inaxes: Axes | None) -> Panel | None:
        """Return the panel in some axes, and make it the active one."""
        found = next((v.panel for v in self.views if v.ax is inaxes), None)
        if found is not None:
            self.scene.activate(list(self.scene.panels).index(found))
        return found

    def scroll_data(self, inaxes: Axes, increment: int) -> None:
        """Go on by so many slices in the panel in these axes, and in linked ones."""
        if self._panel_in(inaxes) is not None:
            self._refresh(self.scene.step_slice(increment))

    def advance_data(self, inaxes: Axes, increment: int) -> None:
        """Go on by so many tags in the panel in these axes, and in linked ones."""
        if self._panel_in(inaxes) is not None:
            self._refresh(self.scene.step_tag(increment))

    def normalize_window(self, inaxes: Axes | None) -> None:
        """Window the panel in these axes by the histogram of its image."""
        panel = self._panel_in(inaxes)
        if panel is not None and not panel.color:
            self._set_window(panel, *panel.histogram_window())

    def viewport_advance(self, increment: int) -> None:
        """Show the series that are so many further on."""
        if self.scene.scroll(increment):
            self.update()

    def viewport_set(self, position: int) -> None:
        """Show the series from this one on."""
        self.viewport_advance(position - self.scene.first)

    # --- keys --------------------------------------------------------------------------------------------

    def key_press(self, event: KeyEvent) -> None:
        """Do what a key stands for; on the panel under the mouse, else on the last one."""
        self._activate(event)
        key = event.key or ''
        if key.isdigit() and len(key) == 1:
            self._typed += key
            self._tell(f'slice {self._typed}…')
            return
        typed, self._typed = self._typed, ''
        if typed and key == 'enter':
            self._tell('')
            self._refresh(self.scene.go_to_slice(int(typed)))
            return
        if not (self._move(key) or self._turn(key) or self._look(key)):
            self._draw_key(key)

    def _move(self, key: str) -> bool:
        scene = self.scene
        steps = {'up': 1, 'down': -1, 'home': -scene.panel.slices, 'end': scene.panel.slices}
        tags = {'right': (1, 0), 'left': (-1, 0), 'shift+right': (1, 1), 'shift+left': (-1, 1)}
        if key in steps:
            self._refresh(scene.step_slice(steps[key]))
        elif key in tags:
            self._refresh(scene.step_tag(*tags[key]))
        return key in steps or key in tags

    def _turn(self, key: str) -> bool:
        everything, page = len(self.scene.panels), len(self.views)
        pages = {
            'pagedown': page, 'pageup': -page, 'ctrl+home': -everything, 'ctrl+end': everything,
            'ctrl+right': 1, 'ctrl+left': -1, 'ctrl+down': self._row, 'ctrl+up': -self._row,
        }  # fmt: skip
        if key in pages:
            self.viewport_advance(pages[key])
        return key in pages

    def _look(self, key: str) -> bool:
        panel = self.scene.panel
        if key == 'h':
            self.toggle_hide()
        elif key == 'w':
            self.normalize_window(self._axes_of(panel))
        elif key == 'r':
            self._set_window(panel, *self._start[self.scene.active])
        elif key == 'l':
            self.scene.link = not self.scene.link
            self._tell('linked' if self.scene.link else 'not linked')
        elif key == 'x':
            self.show_sections = not self.show_sections
            self._refresh()
        elif key == 'o':
            panel.show_overlay = not panel.show_overlay
            self._refresh([panel])
        elif key in ('[', ']'):
            panel.alpha = float(np.clip(panel.alpha + (0.1 if key == ']' else -0.1), 0, 1))
            self._refresh([panel])
        elif key == 'q':
            self.quit()
        else:
            return False
        return True

    def _draw_key(self, key: str) -> None:
        drawing = self.drawing
        if drawing is None:
            return
        actions: dict[str, Callable[[], Any]] = {
            'e': drawing.toggle_mode, 'enter': drawing.close, 'z': drawing.undo, 'ctrl+z': drawing.undo,
            'backspace': drawing.undo, 'delete': drawing.delete, 'escape': drawing.cancel,
            'c': drawing.copy, 'v': drawing.paste, 'ctrl+c': drawing.copy, 'ctrl+v': drawing.paste,
        }  # fmt: skip
        if key in actions:
            if actions[key]() and key in ('enter', 'v', 'ctrl+v'):
                self._selected()
            if key == 'e':
                self._tell(drawing.mode)
            self._refresh([drawing.panel])

    def toggle_hide(self, inaxes: Axes | None = None) -> None:
        """Hide texts, or show them: those of all panels, whichever axes are given."""
        self.show_text = not self.show_text
        for view in self.views:
            view.show_text = self.show_text
            view.show_readout('')
        self._refresh()

    def _tell(self, text: str) -> None:
        for view in self.views:
            if view.panel is self.scene.panel:
                view.show_readout(text)
                self._draw([view])

    # --- mouse ---------------------------------------------------------------------------------------------

    def scroll(self, event: MouseEvent) -> None:
        """Wheel: other slices."""
        if self._activate(event) is None:
            return
        # Touchpads send parts of steps.
        back = self._wheeled * event.step < 0
        self._wheeled = event.step + (0 if back else self._wheeled)
        step = int(round(self._wheeled, 6))
        self._wheeled -= step
        if step:
            self._refresh(self.scene.step_slice(step))

    def on_press(self, event: MouseEvent) -> None:
        """Button down: start of a window change, or a point of an outline."""
        view = self._activate(event)
        if view is None or view.panel is None or self._toolbar_busy():
            return
        if self._draws(view, event):
            assert self.drawing is not None
            if self.drawing.press(self._point(view, event), self._reach(view), bool(event.dblclick)):
                self._selected()
            self._refresh([view.panel])
        elif event.button in (1, 3):
            panel = view.panel
            assert panel.window is not None
            assert panel.level is not None
            self._dragged = (event.x, event.y, panel.window, panel.level, panel)

    def on_motion(self, event: MouseEvent) -> None:
        """Move: window and level while a button is down; position and value under the mouse."""
        view = self._view_at(event)
        if self._dragged is not None:
            self._drag_window(event)
            return
        left = [v for v in self.views if v is not view and v.show_readout('')]
        if view is None or view.panel is None:
            self._draw(left)
            return
        if self.drawing is not None and view.panel is self.drawing.panel:
            self.drawing.drag(self._point(view, event))
            self._refresh_lines()
        view.show_readout(*view.panel.readouts(*self._seen_at(view, event)))
        self._draw([view, *left])

    def _drag_window(self, event: MouseEvent) -> None:
        assert self._dragged is not None
        x, y, window, level, panel = self._dragged
        view = next((v for v in self.views if v.panel is panel), None)
        if view is None or panel.color:
            return
        # The width of the image changes the level by the window, its height the window by itself.
        across = (event.x - x) / max(1.0, view.ax.bbox.width)
        along = (event.y - y) / max(1.0, view.ax.bbox.height)
        wide = float(np.clip(window * np.exp(2 * along), 1e-300, _MOST / 2))
        self._refresh(self.scene.set_window(panel, wide, level + window * across))

    def on_release(self, event: MouseEvent) -> None:
        """Button up, wherever the mouse is by then."""
        if self._dragged is not None:
            self._dragged = None
            self._update_bars(self.scene.panels)
        elif self.drawing is not None:
            view = next((v for v in self.views if v.panel is self.drawing.panel), None)
            if view is not None and event.button == 1 and self.drawing.release(self._point(view, event)):
                self._selected()
            self._refresh([self.drawing.panel])

    def _set_window(self, panel: Panel, window: float, level: float) -> None:
        changed = self.scene.set_window(panel, window, level)
        self._refresh(changed)
        self._update_bars(changed)

    def _update_bars(self, panels: Sequence[Panel]) -> None:
        for view in self.views:
            if view.colorbar and view.panel in panels:
                view.update_bar()
                self.fig.canvas.draw_idle()

    def _toolbar_busy(self) -> bool:
        toolbar = getattr(self.fig.canvas, 'toolbar', None)
        return bool(toolbar is not None and str(getattr(toolbar, 'mode', '')))

    def _draws(self, view: PanelView, event: MouseEvent) -> bool:
        return self.drawing is not None and event.button == 1 and view.panel is self.drawing.panel

    @staticmethod
    def _point(view: PanelView, event: MouseEvent) -> tuple[float, float]:
        """Return where the mouse is in pixels of a view's image, also when it is outside of the view."""
        if event.inaxes is view.ax:
            assert event.xdata is not None
            assert event.ydata is not None
            return float(event.xdata), float(event.ydata)
        x, y = view.ax.transData.inverted().transform((event.x, event.y))
        return float(x), float(y)

    def _seen_at(self, view: PanelView, event: MouseEvent) -> tuple[float, float]:
        """Return the centre of the screen's pixel that the mouse is on, in pixels of the image.

        Events tell the upper left corner of a pixel; its colour is that of the voxel at its centre.
        """
        top = float(self.fig.bbox.height)
        centre = np.floor(event.x) + 0.5, top - np.floor(top - event.y) - 0.5
        x, y = view.ax.transData.inverted().transform(centre)
        return float(x), float(y)

    @staticmethod
    def _reach(view: PanelView) -> float:
        """Return how many pixels of the image `_REACH` points of the screen are."""
        assert view.panel is not None
        return _REACH * view.panel.shape[1] / max(1.0, float(view.ax.bbox.width))

    def _selected(self) -> None:
        if self.onselect is not None and self.drawing is not None:
            panel = self.drawing.panel
            self.onselect(panel.slice, panel.tag, self.drawing.current())
