"""Slices of a volume under the wheel, on axes that are there already."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import AxisError, EmptyImageError

__all__ = ['ScrollView']


class ScrollView:
    """A volume on axes of matplotlib, through whose slices the wheel goes.

    Parameters
    ----------
    volume : (slices, rows, columns) array_like, or (slices, rows, columns, 3)

    Examples
    --------
    .. code-block:: python

       fig, ax = plt.subplots()
       view = ScrollView(volume)   # keep it: matplotlib does not
       view.plot(ax, cmap='gray')
       plt.show()
    """

    def __init__(self, volume: ArrayLike) -> None:
        from ..colour import RGB, unpacked, visible

        values = np.asarray(volume)
        colour = (values.ndim == 4 and values.shape[-1] in (3, 4)) or values.dtype == RGB
        values = unpacked(values) if values.dtype == RGB else values
        if values.ndim != 3 + colour:
            raise AxisError(f'a volume has slices, rows and columns, got an array of shape {values.shape}')
        if not values.size:
            raise EmptyImageError(f'there is nothing to show in a volume of shape {values.shape}')
        self.volume = values if colour else visible(values)
        grid = getattr(getattr(volume, 'header', None), 'geometry', None)
        self._aspect = 1.0 if grid is None else float(grid.spacing[1] / grid.spacing[2])
        self.index = len(self.volume) // 2
        self._image: Any = None
        self._ax: Any = None

    def plot(self, ax: Any, **kwargs: Any) -> ScrollView:
        """Show the middle slice, and follow the wheel over these axes.

        Parameters
        ----------
        ax : matplotlib Axes
        **kwargs
            Of `ax.imshow`. Without `vmin` and `vmax` all slices have the window of the whole volume.
        """
        from ..attributes import finite_range

        if self.volume.ndim == 3:
            low, high = finite_range(self.volume)
            kwargs = {'cmap': 'gray', 'vmin': low, 'vmax': high, 'aspect': self._aspect, **kwargs}
            if 'norm' in kwargs:
                kwargs = {k: v for k, v in kwargs.items() if k not in ('vmin', 'vmax')}
        self._ax = ax
        self._image = ax.imshow(self.volume[self.index], **kwargs)
        ax.set_title(self._title())
        ax.figure.canvas.mpl_connect('scroll_event', self._on_scroll)
        return self

    def _title(self) -> str:
        return f'slice {self.index} of 0 to {len(self.volume) - 1}'

    def _on_scroll(self, event: Any) -> None:
        if event.inaxes is not self._ax:
            return
        self.index = int(np.clip(self.index + int(np.sign(event.step)), 0, len(self.volume) - 1))
        self._image.set_data(self.volume[self.index])
        self._ax.set_title(self._title())
        self._ax.figure.canvas.draw_idle()
