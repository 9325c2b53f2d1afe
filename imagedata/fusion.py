"""Colour Series: channels, colour maps, and overlays laid on by their place in the patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .attributes import finite_range
from .axis import SPATIAL
from .colour import (
    RGB,
    blur_mask,
    clip_range,
    fuse,
    is_binary,
    make_norm,
    packed,
    to_rgb,
    unpacked,
    visible,
    window_bounds,
)
from .errors import AxisError, BadShapeGiven, DataTypeError
from .header import Header, Identity

if TYPE_CHECKING:
    from .series import Series

__all__ = ['frames_of', 'fuse_mask', 'on_grid', 'overlay_colours', 'overlay_range',
           'series_to_rgb', 'shown_map', 'shown_norm', 'shown_range', 'to_channels', 'to_gray']


def frames_of(series: Series) -> NDArray[Any]:
    """Return the values as (tags..., slice, row, column): a view.

    Raises
    ------
    AxisError
        When there are no rows and columns.
    """
    dims = series.header.dims
    for name in ('row', 'column'):
        if name not in dims:
            raise AxisError(
                f'an image has rows and columns, the axes are {", ".join(dims) or "none"}: '
                'assign series.axes, or pick a part that has them'
            )
    order = [i for i, d in enumerate(dims) if d not in SPATIAL]
    order += [dims.index(d) for d in SPATIAL if d in dims]
    values = series.view(np.ndarray).transpose(order)
    return np.asarray(values if 'slice' in dims else values[..., np.newaxis, :, :])


def _like_frames(series: Series, values: NDArray[Any], header: Header) -> Any:
    """Return values of shape (tags..., slice, row, column) as a Series of this one's dimensions."""
    tags = [d for d in header.dims if d not in SPATIAL]
    dims = (*tags, *(d for d in SPATIAL if d in header.dims))
    if 'slice' not in header.dims:
        values = values[..., 0, :, :]
    made = series._attached(values, replace(header, dims=dims), Identity(values_changed=True))
    return made.transpose([dims.index(d) for d in header.dims])


def _colour_header(series: Series) -> Header:
    header = series.header.with_attributes(windowCenter=None, windowWidth=None)
    return header.with_attributes(photometricInterpretation='RGB')


def shown_range(
    series: Series, clip: str = 'window', probs: tuple[float, float] = (0.01, 0.999)
) -> tuple[float, float]:
    """Return the lowest and highest value to show: of the window, or of the histogram.

    Raises
    ------
    ValueError
        When `clip` is neither 'window' nor 'hist'.
    """
    if clip == 'hist':
        low, high = clip_range(series.view(np.ndarray), probs)
        return (low, high) if low < high else finite_range(series)
    if clip != 'window':
        raise ValueError(f"clip is 'window' or 'hist', got {clip!r}")
    if series.dtype.kind == 'b':
        return 0.0, 1.0
    level, window = series._window()
    return window_bounds(window, level)


def shown_map(series: Series, colormap: Any) -> Any:
    """Return the colour map to show a Series with.

    The one given, else that of the Series, else grey; white is the lowest value where the header says so
    (MONOCHROME1, PS3.3 C.7.6.3.1.2), which is not said of masks.
    """
    if colormap is None:
        colormap = series.header.attributes.get('colormap')
    if colormap is None or colormap == 'Greys_r':
        inverse = series.header.attribute('photometricInterpretation') == 'MONOCHROME1'
        return 'Greys' if inverse and series.dtype.kind != 'b' else 'Greys_r'
    return colormap


def shown_norm(series: Series) -> Any:
    """Return how values become shades of grey when it was not told: as set, as in the header, or evenly."""
    chosen = series.header.attributes.get('colormap_norm')
    if chosen is not None or series.color or not series._has_source_values():
        return chosen or 'linear'
    header = series.header
    if None not in series._given_window():
        return 'sigmoid' if header.element('VOILUTFunction') == 'SIGMOID' else 'linear'
    if header.element('VOILUTSequence') and header.attributes.get('windowWidth') is None:
        from .voi import look_up

        return look_up(header.element('VOILUTSequence')[0])
    return 'linear'


def to_channels(series: Series, channels: Sequence[Any], labels: Sequence[str]) -> Any:
    """Return a Series with a value for each channel in each voxel; see `Series.to_channels`."""
    if len(channels) != len(labels) or not channels:
        raise ValueError(f'{len(channels)} channels need as many labels, got {len(labels)}')
    arrays = [np.asarray(channel) for channel in channels]
    for label, array in zip(labels, arrays, strict=True):
        if array.shape != series.shape:
            raise BadShapeGiven(
                f'channel {label!r} of shape {array.shape} does not fit the Series of shape {series.shape}'
            )
    voxels = np.empty(
        series.shape, dtype=[(str(n), a.dtype) for n, a in zip(labels, arrays, strict=True)]
    )
    for label, array in zip(labels, arrays, strict=True):
        voxels[str(label)] = array
    return series.with_data(voxels)


def series_to_rgb(
    series: Series, colormap: Any, lut: int | None, norm: Any, clip: str, probs: tuple[float, float]
) -> Any:
    """Return a Series in colour; see `Series.to_rgb`."""
    if series.color:
        return series.copy()
    normaliser = make_norm(norm, *shown_range(series, clip, probs))
    colours = packed(to_rgb(series.view(np.ndarray), shown_map(series, colormap), normaliser, lut))
    return series._attached(colours, _colour_header(series), Identity(values_changed=True))


def to_gray(series: Series, weights: tuple[float, float, float]) -> Any:
    """Return a colour Series as grey; see `Series.to_gray`."""
    values = series.view(np.ndarray)
    if values.dtype != RGB:
        raise DataTypeError(f'to_gray is for colour, and this Series has values of type {series.dtype}')
    return series.with_data(unpacked(values) @ np.asarray(weights, float))


def on_grid(series: Series, other: Series, fill_value: Any) -> NDArray[Any]:
    """Return the values of another Series at the voxels of this one: (tags..., slice, row, column).

    By place, where both have one: masks and labels from the nearest voxel, other values linearly;
    `fill_value` outside. By index, where one of them comes from memory without a place.

    Raises
    ------
    GeometryMismatchError
        When the frames of reference differ.
    BadShapeGiven
        When shapes differ that have to be the same.
    """
    placed = all(_has_place(s) for s in (series, other))
    if placed and not series.same_geometry(other):
        if other.dtype.kind in 'iu' and not isinstance(fill_value, int):
            from .resampling import is_label_map

            if not is_label_map(other.view(np.ndarray)):
                other = other.astype(float)
            else:
                fill_value = 0
        frames = frames_of(other.align(series, 'linear', fill_value=fill_value))
    else:
        frames = frames_of(other)
    wanted = frames_of(series).shape
    tags = frames.shape[:-3]
    if frames.shape[-3:] != wanted[-3:] or (tags and tags != wanted[:-3]):
        raise BadShapeGiven(
            f'an overlay of shape {other.shape} does not fit images of shape {series.shape}'
            + ('' if placed else ': it has no place in the patient to be found by; give it geometry=')
        )
    return frames


def _has_place(series: Series) -> bool:
    geometry = series.header.geometry
    return geometry is not None and not geometry.assumed


def overlay_range(values: NDArray[Any]) -> tuple[float, float] | None:
    """Return the least and greatest value of a map, which get its first and last colour.

    None for a mask: booleans, or integers 0 and 1.
    """
    if is_binary(values):
        return None
    shown = visible(values)
    finite = shown[np.isfinite(shown)] if shown.dtype.kind == 'f' else shown
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)


def overlay_colours(
    image: NDArray[Any], maskmap: Any, limits: tuple[float, float] | None, sigma: float
) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Return the colours of one image of an overlay, and where it has a value (None: everywhere).

    Parameters
    ----------
    image : (rows, columns) ndarray
    maskmap : str or matplotlib Colormap
    limits : pair of float or None
        As from `overlay_range`: None for a mask, which is red.
    sigma : float
        Width of the Gaussian that softens a mask, in pixels.
    """
    if limits is None:
        return blur_mask(image, sigma), None
    shown = visible(image)
    finite = np.isfinite(shown)
    return to_rgb(shown, maskmap, make_norm('linear', *limits)), None if finite.all() else finite


def fuse_mask(
    series: Series, mask: Series, *, alpha: float, blend: bool, colormap: Any, lut: int | None, norm: Any,
    clip: str, probs: tuple[float, float], maskmap: Any, maskrange: tuple[float, float] | None, sigma: float,
) -> Any:  # fmt: skip
    """Return the images in colour with a mask or map on them; see `Series.fuse_mask`."""
    if mask.color:
        raise DataTypeError('the overlay is in colour already: give the values that it was made from')
    overlay = on_grid(series, mask, 0 if mask.dtype.kind == 'b' else np.nan)
    limits = overlay_range(mask.view(np.ndarray))
    if limits is not None and maskrange is not None:
        limits = maskrange
    background = frames_of(series_to_rgb(series, colormap, lut, norm, clip, probs))
    result = np.empty(background.shape, RGB)
    # Image by image: colours of a whole series as numbers would take many times its memory.
    for index in np.ndindex(background.shape[:-2]):
        own = index[len(index) - (overlay.ndim - 2) :]
        colours, where = overlay_colours(overlay[own], maskmap, limits, sigma)
        result[index] = packed(fuse(unpacked(background[index]), colours, alpha, blend, where))
    return _like_frames(series, result, _colour_header(series))
