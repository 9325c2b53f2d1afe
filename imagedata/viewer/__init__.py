"""Looking at images: a window with keys and mouse, regions of interest, and pages for a browser.

Programs call `Series.show` and `Series.get_roi`; what is here serves those that build on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..colour import make_norm, window_bounds

if TYPE_CHECKING:
    from ..roi import grid_from_roi
    from ..series import Series
    from .layout import default_layout
    from .model import Panel, pretty_tag_value, pretty_window_level
    from .scroll import ScrollView
    from .selector import MyPolygonSelector
    from .window import Viewer

__all__ = ['MyPolygonSelector', 'Panel', 'ScrollView', 'Viewer', 'build_info', 'default_layout', 'get_level',
           'get_window_level', 'grid_from_roi', 'pretty_tag_value', 'pretty_window_level']

_HOMES = {
    'MyPolygonSelector': '.selector', 'Panel': '.model', 'pretty_tag_value': '.model',
    'pretty_window_level': '.model', 'ScrollView': '.scroll', 'Viewer': '.window',
    'default_layout': '.layout', 'grid_from_roi': '..roi',
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import matplotlib's part of the package when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from importlib import import_module

    return getattr(import_module(_HOMES[name], __name__), name)


def get_level(si: Series, level: float | None = None) -> float:
    """Return the level to show a Series at: the one given, else its own."""
    return float(si.windowCenter if level is None else level)


def get_window_level(
    si: Series, norm: Any = 'linear', window: float | None = None, level: float | None = None
) -> tuple[float, float, float, float]:
    """Return window, level, and the lowest and highest value that they tell apart.

    Parameters
    ----------
    si : Series
    norm : str or matplotlib Normalize
        Limits of its own come before window and level.
    window, level : float, optional
        Those of the Series when not given.
    """
    width = float(si.windowWidth if window is None else window)
    centre = get_level(si, level)
    made = make_norm(norm, *window_bounds(width, centre))
    assert made.vmin is not None
    assert made.vmax is not None
    return width, centre, float(made.vmin), float(made.vmax)


def build_info(
    im: Series, colormap: Any, norm: Any, colorbar: bool | None, window: float | None, level: float | None
) -> Panel:
    """Return how a Series is shown: what `pretty_tag_value` and `pretty_window_level` take.

    Parameters
    ----------
    im : Series
    colormap, norm
        As of `Series.show`; a class of norms of matplotlib as well.
    colorbar : bool or None
        Not looked at: a bar belongs to the window.
    window, level : float or None
        Those of the Series when None.

    Raises
    ------
    TypeError
        When `im` is no Series.
    """
    from ..series import Series
    from .model import Panel

    if not isinstance(im, Series):
        raise TypeError(f'a Series can be shown, got {type(im).__name__}')
    return Panel(im, colormap, norm() if isinstance(norm, type) else norm, window, level)
