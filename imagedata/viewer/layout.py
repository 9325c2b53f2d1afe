"""Where images are shown: figures on the screen or in a notebook, and axes on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import NoDisplayError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ['MOST', 'default_layout', 'new_figure', 'takes_events']

_MOST_ROWS, _MOST_COLUMNS = 4, 5
MOST = _MOST_ROWS * _MOST_COLUMNS
"""So many images are seen at once."""
_WITHOUT_WINDOW = {'agg', 'pdf', 'ps', 'svg', 'cairo', 'pgf', 'template'}


def default_layout(fig: Figure, n: int) -> list[Axes]:
    """Return axes for `n` series side by side: 4 rows of 5 at most.

    Raises
    ------
    ValueError
        When there is no figure, or n is not between 1 and 20.
    """
    if fig is None:
        raise ValueError('there is no figure to lay out: give fig=')
    if not 1 <= n <= MOST:
        raise ValueError(f'from 1 to {MOST} images are shown at once, not {n}')
    columns = min(_MOST_COLUMNS, int(np.ceil(np.sqrt(n))))
    rows = -(-n // columns)
    if rows > _MOST_ROWS:
        rows, columns = _MOST_ROWS, -(-n // _MOST_ROWS)
    return [fig.add_subplot(rows, columns, i + 1) for i in range(n)]


def new_figure() -> Figure:
    """Return a new figure on the screen, or in the notebook.

    Raises
    ------
    NoDisplayError
        When there is neither; the message tells how to view without.
    """
    import matplotlib.pyplot as plt

    backend = str(plt.get_backend()).lower()
    if backend in _WITHOUT_WINDOW:
        raise NoDisplayError(
            f'there is no screen to show a window on (matplotlib draws with {backend!r}). '
            "to_html('view.html') writes a viewer for any browser, to_png('view.png') a picture; "
            'in a notebook, run %matplotlib widget first (pip install ipympl)'
        )
    return plt.figure(facecolor='black', layout='constrained')


def takes_events() -> bool:
    """Return whether new figures have keys and a mouse; those of `%matplotlib inline` are still pictures."""
    from matplotlib import get_backend

    return 'inline' not in str(get_backend())
