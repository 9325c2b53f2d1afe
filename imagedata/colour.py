"""Values to colours: windows, colour maps and overlays, as pure functions on arrays.

A window is a pair (low, high): values at and below `low` get the first colour of a map, those at
and above `high` the last one. NaN is black.
"""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .errors import DataTypeError

if TYPE_CHECKING:
    from matplotlib.colors import Colormap, Normalize

__all__ = ['RGB', 'blur_mask', 'clip_range', 'colour_map', 'fuse', 'is_binary', 'make_norm', 'moved_norm',
           'packed', 'to_rgb', 'unpacked', 'visible', 'window_bounds']

RGB = np.dtype([('R', 'u1'), ('G', 'u1'), ('B', 'u1')])
"""Type of a colour voxel."""

Bytes: TypeAlias = NDArray[np.uint8]

_OWN_MAPS = ('navia', 'lipari')
_MAP_FOLDER = Path(__file__).parent / 'colour_maps'


# --- windows -------------------------------------------------------------------------------------


def window_bounds(window: float, level: float) -> tuple[float, float]:
    """Return (low, high) of a window width and level; a width of 0 becomes 1.

    Examples
    --------
    >>> window_bounds(400, 40)
    (-160.0, 240.0)
    """
    width = float(window) if window > 0 else 1.0
    # Around very large numbers, a small window would have both ends at one float.
    most = float(np.finfo(float).max)
    width = max(width, 4 * float(np.spacing(min(abs(float(level)), most / 2))))
    return max(float(level) - width / 2, -most), min(float(level) + width / 2, most)


def clip_range(
    values: NDArray[Any], probs: tuple[float, float] = (0.01, 0.999), bins: int | None = None
) -> tuple[float, float]:
    """Return the values below which given parts of all finite values lie.

    Parameters
    ----------
    values : ndarray
    probs : pair of float
        Parts, from 0 to 1.
    bins : int, optional
        Take a histogram of so many bins, which is faster for many values and less exact: the
        lower edge of the bin is returned. Otherwise the quantiles are.

    Raises
    ------
    ValueError
        When `probs` are not two rising numbers from 0 to 1.
    """
    low, high = (float(p) for p in probs)
    if not 0 <= low < high <= 1:
        raise ValueError(f'probs are two rising numbers from 0 to 1, got {probs!r}')
    finite = visible(values)
    if finite.dtype.kind == 'f':
        finite = finite[np.isfinite(finite)]
    if not finite.size:
        return 0.0, 1.0
    if bins is None:
        with np.errstate(over='ignore', invalid='ignore'):
            first, last = np.quantile(finite, [low, high])
        if not np.isfinite([first, last]).all():
            # Between values whose difference is no float, there is nothing in between.
            first, last = np.quantile(finite, [low, high], method='lower')
        return float(first), float(last)
    counts, edges = np.histogram(finite, bins=bins)
    part = np.cumsum(counts) / finite.size
    first, last = edges[np.searchsorted(part, [low, high])]
    return float(first), float(last)


def visible(values: NDArray[Any]) -> NDArray[Any]:
    """Return numbers that can be shown in grey: the magnitude of complex ones, 0 and 1 of booleans.

    Raises
    ------
    DataTypeError
        When values are no numbers.
    """
    kind = values.dtype.kind
    if kind == 'c':
        magnitude: NDArray[Any] = np.abs(values)
        return magnitude
    if kind == 'b':
        return values.view(np.uint8)
    if kind in 'iuf':
        return values
    raise DataTypeError(
        f'values of type {values.dtype} have no shade of grey: pick a channel by its name, or convert them'
    )


# --- colour maps ---------------------------------------------------------------------------------


def colour_map(name: str | Colormap, lut: int | None = None) -> Colormap:
    """Return a colour map.

    Parameters
    ----------
    name : str or matplotlib Colormap
        One of matplotlib's, or 'navia' or 'lipari', two scientific colour maps (F. Crameri,
        https://doi.org/10.5281/zenodo.8035877) that are used for maps of relaxation times.
    lut : int, optional
        Number of colours.

    Raises
    ------
    ValueError
        When there is none of that name.
    """
    import matplotlib
    from matplotlib.colors import Colormap

    if isinstance(name, Colormap):
        found: Colormap = name
    elif str(name) in _OWN_MAPS:
        found = _own_map(str(name))
    elif str(name) in matplotlib.colormaps:
        found = matplotlib.colormaps[str(name)]
    else:
        raise ValueError(
            f'there is no colour map {name!r}: give one of matplotlib.colormaps, or of {", ".join(_OWN_MAPS)}'
        )
    return found if lut is None else found.resampled(lut)


@cache
def _own_map(name: str) -> Colormap:
    from matplotlib.colors import ListedColormap

    colours = np.loadtxt(_MAP_FOLDER / f'{name}.txt')
    return ListedColormap(colours, name)


def make_norm(norm: str | Normalize, low: float, high: float) -> Normalize:
    """Return what takes values to 0..1.

    Parameters
    ----------
    norm : {'linear', 'log', 'sigmoid'} or matplotlib Normalize
        An object with limits of its own keeps them. 'sigmoid' is that of PS3.3 C.11.2.1.3.1.
    low, high : float
        The window. With 'log', what is not above 0 gets the first colour.

    Raises
    ------
    ValueError
        For an unknown name.
    """
    from matplotlib.colors import LogNorm, Normalize

    if isinstance(norm, Normalize):
        made = deepcopy(norm)
        made.vmin = low if made.vmin is None else made.vmin
        made.vmax = high if made.vmax is None else made.vmax
        if isinstance(made, LogNorm) and made.vmin <= 0:
            made.vmin, made.vmax = _decades(made.vmin, made.vmax)
        return made
    if high <= low:
        low, high = window_bounds(1, low)
    elif np.isinf(high - low):
        low, high = window_bounds(float(np.finfo(float).max), low / 2 + high / 2)
    if norm == 'linear':
        return Normalize(low, high)
    if norm == 'sigmoid':
        from .voi import Sigmoid

        return Sigmoid(low, high)
    if norm == 'log':
        return LogNorm(*_decades(low, high), clip=True)
    raise ValueError(f"norm is 'linear', 'log', 'sigmoid' or a Normalize of matplotlib, got {norm!r}")


def _decades(low: float, high: float) -> tuple[float, float]:
    """Return limits of a logarithmic scale, which needs a lowest value: three decades below the top."""
    top = high if high > 0 else 1.0
    return low if 0 < low < top else top / 1000, top


def moved_norm(norm: Normalize, low: float, high: float) -> Normalize:
    """Return a norm with other limits; an even one for a table, whose values cannot move."""
    from .voi import LookUp

    if isinstance(norm, LookUp):
        return make_norm('linear', low, high)
    moved = deepcopy(norm)
    moved.vmin = moved.vmax = None
    return make_norm(moved, low, high)


def to_rgb(
    values: NDArray[Any], colormap: str | Colormap, norm: Normalize, lut: int | None = None
) -> Bytes:
    """Return the colours of values.

    Parameters
    ----------
    values : (...) ndarray
    colormap : str or matplotlib Colormap
    norm : matplotlib Normalize
        As from `make_norm`.
    lut : int, optional
        Number of colours.

    Returns
    -------
    (..., 3) ndarray of uint8
    """
    chosen = colour_map(colormap, lut)
    shown = visible(values)
    result = np.empty((*shown.shape, 3), np.uint8)
    table = np.asarray(chosen(np.arange(-1, chosen.N + 1), bytes=True))[:, :3]
    # The last row is for what is no number.
    table = np.concatenate([table, np.zeros((1, 3), np.uint8)])
    # A part at a time: indices of a whole series would take more memory than the series.
    flat, into = shown.reshape(-1), result.reshape(-1, 3)
    for start in range(0, flat.size, _PART):
        part = flat[start : start + _PART]
        entries = _entries(part, norm, chosen.N)
        np.take(table, entries, axis=0, out=into[start : start + _PART], mode='clip')
    return result


_PART = 1 << 18


def _entries(values: NDArray[Any], norm: Normalize, count: int) -> NDArray[np.intp]:
    """Return the row of each value in a table of `count` colours between one below and one above."""
    from matplotlib.colors import Normalize

    if type(norm) is Normalize:
        assert norm.vmin is not None
        assert norm.vmax is not None
        exact: Any = np.float32 if values.dtype.itemsize <= 2 else np.float64
        scaled: Any = values.astype(exact)
        # What is beyond the greatest float is beyond the window as well.
        with np.errstate(over='ignore'):
            scaled -= exact(norm.vmin)
            scaled /= exact(norm.vmax - norm.vmin)
            scaled *= exact(count)
    else:
        scaled = np.ma.filled(norm(np.ma.masked_invalid(values)).astype(float), np.nan) * count
        if values.dtype.kind != 'f':
            # A whole number that has no place on a scale is below it.
            scaled[np.isnan(scaled)] = -1
    nothing = np.isnan(scaled) if values.dtype.kind == 'f' else None
    # The upper end of the window has the last colour, as everywhere in matplotlib.
    scaled[scaled == count] = count - 1
    np.floor(scaled, out=scaled)
    np.clip(scaled, -1, count, out=scaled)
    if nothing is not None:
        scaled[nothing] = count + 1
    return np.asarray(scaled.astype(np.intp) + 1)


def packed(colours: Bytes) -> NDArray[Any]:
    """Return (..., 3) bytes as (...) colour voxels."""
    return np.ascontiguousarray(colours).view(RGB)[..., 0]


def unpacked(voxels: NDArray[Any]) -> Bytes:
    """Return (...) colour voxels as (..., 3) bytes."""
    return np.stack([voxels['R'], voxels['G'], voxels['B']], axis=-1)


# --- overlays --------------------------------------------------------------------------------------


def is_binary(values: NDArray[Any]) -> bool:
    """Return whether values are a mask: booleans, or integers 0 and 1."""
    if values.dtype.kind == 'b':
        return True
    if values.dtype.kind not in 'iu' or not values.size:
        return False
    return bool(values.min() >= 0 and values.max() <= 1)


def blur_mask(mask: NDArray[Any], sigma: float) -> NDArray[np.float32]:
    """Return a mask in red, (..., 3) from 0 to 255, each image softened by a Gaussian of `sigma` pixels."""
    from scipy.ndimage import gaussian_filter

    soft = mask.astype(np.float32)
    if sigma > 0:
        soft = gaussian_filter(soft, (0,) * (soft.ndim - 2) + (sigma, sigma))
    red = np.zeros((*soft.shape, 3), np.float32)
    red[..., 0] = soft * 255
    return red


def fuse(
    background: Bytes,
    overlay: NDArray[Any],
    alpha: float,
    blend: bool = False,
    where: NDArray[np.bool_] | None = None,
) -> Bytes:
    """Return an overlay on a background.

    Each channel is (1 - alpha) overlay + background, or, blended, (1 - alpha) overlay +
    alpha background; rounded, 255 at most.

    Parameters
    ----------
    background : (..., 3) ndarray of uint8
    overlay : (..., 3) ndarray
    alpha : float
        From 0 to 1: how much of the background is seen.
    blend : bool
    where : (...) ndarray of bool, optional
        Where the overlay has a value; the background stays as it is elsewhere.

    Raises
    ------
    ValueError
        When `alpha` is not between 0 and 1.
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f'alpha is a number from 0 to 1, got {alpha!r}')
    weight = alpha if blend else 1.0
    mixed = (1 - alpha) * overlay.astype(np.float32) + weight * background.astype(np.float32)
    result = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    if where is not None:
        result = np.where(where[..., np.newaxis], result, background)
    return result
