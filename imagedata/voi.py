"""How values become shades of grey where a header asks for more than a window (PS3.3 C.11.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import Normalize
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['LookUp', 'Sigmoid', 'look_up']


class Sigmoid(Normalize):
    """The VOI LUT Function SIGMOID: 1 / (1 + exp(-4 (x - c) / w)) (PS3.3 C.11.2.1.3.1).

    `vmin` and `vmax` are c - w / 2 and c + w / 2, of window centre c and width w; other values are
    told apart as well.
    """

    def _middle(self) -> tuple[float, float]:
        assert self.vmin is not None
        assert self.vmax is not None
        return self.vmin / 2 + self.vmax / 2, self.vmax - self.vmin

    def __call__(self, value: Any, clip: bool | None = None) -> Any:
        """Return 0..1 for values."""
        centre, width = self._middle()
        values: Any = np.ma.asarray(value, dtype=float)
        return 1 / (1 + np.ma.exp(np.ma.clip(-4 * (values - centre) / width, -700, 700)))

    def inverse(self, value: Any) -> Any:
        """Return the values that become 0..1."""
        centre, width = self._middle()
        part = np.clip(np.asarray(value, dtype=float), 1e-12, 1 - 1e-12)
        return centre + width / 4 * np.log(part / (1 - part))


class LookUp(Normalize):
    """A VOI LUT: a shade for each whole value from `vmin` to `vmax` (PS3.3 C.11.2.1.1).

    Parameters
    ----------
    first : float
        Value that has the first shade, as have those below.
    shades : (n,) ndarray
        From 0 to 1. Values above the last one that is mapped have the last shade.
    """

    def __init__(self, first: float, shades: NDArray[np.float64]) -> None:
        super().__init__(first, first + max(1, len(shades) - 1))
        self.shades = shades

    def __call__(self, value: Any, clip: bool | None = None) -> Any:
        """Return 0..1 for values."""
        assert self.vmin is not None
        values: Any = np.ma.asarray(value, dtype=float)
        index = np.clip(np.rint(values.filled(self.vmin) - self.vmin), 0, len(self.shades) - 1)
        return np.ma.array(self.shades[index.astype(int)], mask=np.ma.getmask(values))

    def inverse(self, value: Any) -> Any:
        """Return values of the range that is mapped, for 0..1 along it."""
        assert self.vmin is not None
        assert self.vmax is not None
        return self.vmin + np.asarray(value, dtype=float) * (self.vmax - self.vmin)


def look_up(item: Dataset) -> LookUp | str:
    """Return the table of an item of VOI LUT Sequence; 'linear' when it has none that can be read."""
    described, data = item.get('LUTDescriptor'), item.get('LUTData')
    if described is None or data is None or len(described) != 3:
        return 'linear'
    count, first, bits = (int(v) for v in described)
    count = count or 1 << 16
    if isinstance(data, bytes):
        # Shades of 8 bits may be packed, two in a word.
        data = np.frombuffer(data, '<u2' if len(data) >= 2 * count else 'u1')
    values = np.asarray(data)[:count].astype(float)
    if not values.size or not 8 <= bits <= 16:
        return 'linear'
    return LookUp(first, np.clip(values / (2**bits - 1), 0, 1))
