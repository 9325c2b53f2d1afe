"""A viewer in one HTML file: images, texts and program, without anything from elsewhere.

Images are stored as they are where 16 bits hold their values, else in 65535 steps; the browser
unpacks each when it is first seen. Texts travel as JSON, and become text nodes only.
"""

from __future__ import annotations

import base64
import html
import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..colour import colour_map, unpacked, visible
from .model import Panel, edge_letters

if TYPE_CHECKING:
    from ..series import Series

__all__ = ['html_page']

_TEMPLATE = Path(__file__).parent / 'page.html'
_LARGEST = 1 << 30
"""Bytes of pixels; and characters of the page, as texts of browsers end at 512 MiB:"""
_LONGEST = 1 << 28

_NOTHING = 65535
_TOO_MUCH = 'are too much for a page: show a part (isel, crop), or a coarser grid (resample)'
_STEPS = 1024


def html_page(
    series: Series, patient: bool = False, colormap: Any = None, window: float | None = None,
    level: float | None = None, norm: Any = None, overlay: Series | None = None, maskmap: Any = 'magma',
    alpha: float = 0.7,
) -> str:  # fmt: skip
    """Return the page; see `Series.to_html`.

    Raises
    ------
    ValueError
        When the images are too many for a page.
    """
    panel = Panel(series, colormap, norm, window, level, overlay, maskmap, alpha)
    size = panel.frames.size * (3 if panel.color else 2)
    if size > _LARGEST:
        raise ValueError(f'{size / 2**30:.1f} GiB of pixels {_TOO_MUCH}')
    texts = panel.corner_texts() if patient else {}
    low, high = panel.bounds
    data: dict[str, Any] = {
        'shape': [panel.slices, *panel.shape], 'aspect': panel.aspect, 'color': panel.color,
        'low': low, 'high': high, 'curve': _curve(panel), 'tags': _tags(panel),
        **_pixels(panel), **_places(panel), 'overlay': _overlay(panel),
        'texts': {
            **edge_letters(panel.geometry), 'upper_left': texts.get('upper_left', ''),
            'upper_right': texts.get('upper_right', ''),
        },
    }  # fmt: skip
    chosen = colour_map(panel.colormap)
    data['table'] = np.asarray(chosen(np.arange(chosen.N), bytes=True))[:, :3].ravel().tolist()
    title = 'Images' if not patient else str(series.header.attribute('seriesDescription') or 'Images')
    page = _TEMPLATE.read_text(encoding='utf-8')
    text = _script_json(data)
    if len(text) > _LONGEST:
        raise ValueError(f'{len(text) / 2**30:.1f} GiB, packed, {_TOO_MUCH}')
    head, rest = page.split('@TITLE@')
    middle, end = rest.split('@DATA@')
    return f'{head}{html.escape(title)}{middle}{text}{end}'


def _script_json(data: Any) -> str:
    """Return JSON that ends no script element, whatever its texts hold."""
    text = json.dumps(data, allow_nan=False, separators=(',', ':'))
    return text.replace('<', '\\u003c').replace('>', '\\u003e').replace('&', '\\u0026')


def _tags(panel: Panel) -> list[dict[str, Any]]:
    names = panel.series.header.tag_dims
    return [
        {'name': name, 'labels': [panel._tag_text(name, i) for i in range(n)]}
        for name, n in zip(names, panel.tags, strict=True)
    ]


def _curve(panel: Panel) -> list[float] | None:
    """Return 0..1 for values from a window below the window to one above it; None for a straight line."""
    if panel.color or panel.norm == 'linear':
        return None
    low, high = panel.bounds
    values = low + np.linspace(-1, 2, 3 * _STEPS + 1) * (high - low)
    shades = np.ma.filled(panel.normaliser()(values), 0)
    return [round(float(s), 5) for s in np.clip(np.nan_to_num(shades), 0, 1)]


def _overlay(panel: Panel) -> dict[str, Any] | None:
    """Return the overlay in 255 steps, 0 where there is nothing, and their colours."""
    laid_on = panel.overlay_frames()
    if laid_on is None:
        return None
    frames, limits = laid_on
    low, high = limits or (0.0, 1.0)
    packed = []
    for frame in frames.reshape(-1, *panel.shape):
        values = visible(frame).astype(float)
        if limits is None:
            steps = values != 0
        else:
            part = np.clip((values - low) / ((high - low) or 1.0), 0, 1)
            steps = np.where(np.isfinite(values), 1 + np.rint(254 * part), 0)
        packed.append(_packed(steps.astype('u1')))
    table = [[0, 0, 0], [255, 0, 0]]
    if limits is not None:
        table[1:] = np.asarray(colour_map(panel.maskmap)(np.linspace(0, 1, 255), bytes=True))[:, :3].tolist()
    return {
        'frames': packed, 'tagged': frames.ndim > 3, 'table': np.ravel(table).tolist(),
        'mask': limits is None, 'low': low, 'high': high, 'alpha': panel.alpha,
    }  # fmt: skip


def _pixels(panel: Panel) -> dict[str, Any]:
    """Return the images, packed, and how their numbers become values."""
    frames = panel.frames.reshape(-1, *panel.shape)
    if panel.color:
        packed = [_packed(unpacked(frame)) for frame in frames]
        return {'frames': packed, 'kind': 'u1', 'slope': 1, 'intercept': 0, 'nothing': None, 'note': ''}
    dtype = visible(frames[:0]).dtype
    if dtype.kind in 'iu' and dtype.itemsize <= 2:
        kind = f'{dtype.kind}{dtype.itemsize}'
        packed = [_packed(visible(frame).astype(f'<{kind}')) for frame in frames]
        return {'frames': packed, 'kind': kind, 'slope': 1, 'intercept': 0, 'nothing': None, 'note': ''}
    low, high = _finite_range(frames)
    # Halves, because a difference may be beyond the greatest float.
    step = 2 * ((high / 2 - low / 2) / (_NOTHING - 1)) or 1.0
    packed = []
    for frame in frames:
        values = visible(frame).astype(np.float64)
        steps = np.rint((values / 2 - low / 2) / (step / 2))
        packed.append(_packed(np.where(np.isfinite(values), steps, _NOTHING).astype('<u2')))
    note = f'values are shown to within {step / 2:.3g}'
    return {
        'frames': packed, 'kind': 'u2', 'slope': step, 'intercept': low, 'nothing': _NOTHING, 'note': note,
    }  # fmt: skip


def _finite_range(frames: NDArray[Any]) -> tuple[float, float]:
    lows, highs = [], []
    for frame in frames:
        values = visible(frame)
        finite = values[np.isfinite(values)]
        if finite.size:
            lows.append(float(finite.min()))
            highs.append(float(finite.max()))
    return (min(lows), max(highs)) if lows else (0.0, 1.0)


def _packed(values: NDArray[Any]) -> str:
    return base64.b64encode(zlib.compress(np.ascontiguousarray(values).tobytes(), 6)).decode('ascii')


def _places(panel: Panel) -> dict[str, Any]:
    geometry = panel.geometry
    if geometry is None:
        return {'origins': None, 'locations': None}
    steps = geometry.affine[2::-1]
    return {
        'origins': geometry.slice_positions[:, ::-1].tolist(),
        'locations': geometry.slice_locations.tolist(),
        'row_step': steps[:, 1].tolist(), 'column_step': steps[:, 2].tolist(),
    }  # fmt: skip
