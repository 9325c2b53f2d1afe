"""What a notebook shows of a Series: a few slices, its axes and its place, in one piece of HTML."""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING, Any

from ..errors import AxisError, DataTypeError, EmptyImageError
from ..pictures import chosen_slices, panel_image, png_bytes
from .model import Panel, edge_letters

if TYPE_CHECKING:
    from ..series import Series

__all__ = ['preview_html']

_SLICES = 5
_WIDTH = 160
"""Of one picture, in pixels."""


def preview_html(series: Series, patient: bool = False) -> str:
    """Return a preview that holds all that it shows; see `Series.preview`."""
    rows = [(html.escape(name), html.escape(text)) for name, text in _facts(series, patient)]
    table = ''.join(
        f'<tr><th style="text-align:left;padding-right:1em">{name}</th>'
        f'<td style="text-align:left">{text}</td></tr>'
        for name, text in rows
    )
    return f'<div>{_pictures(series)}<table>{table}</table></div>'


def _pictures(series: Series) -> str:
    try:
        # Window 1 and level 0 for now: for that of a series without one, all voxels would be looked at.
        panel = Panel(series, window=1.0, level=0.0)
    except (AxisError, DataTypeError, EmptyImageError) as error:
        return f'<p><em>{html.escape(str(error))}</em></p>'
    if panel.color:
        panel.window, panel.level = 255.0, 127.5
    elif None not in series._given_window():
        panel.level, panel.window = series._window()
    else:
        panel.window_by_histogram()
    letters = edge_letters(panel.geometry)
    figures = []
    for index in chosen_slices(panel.slices, None, _SLICES):
        panel.to_slice(index)
        rows, columns = panel.shape
        wide = max(columns, rows * panel.aspect) * max(1.0, 1 / panel.aspect)
        source = base64.b64encode(png_bytes(panel_image(panel, min(1.0, _WIDTH / wide)))).decode('ascii')
        caption = f'slice {index}'
        figures.append(
            f'<figure style="display:inline-block;margin:0 6px 6px 0">'
            f'<img alt="{html.escape(caption)}" style="width:{_WIDTH}px;image-rendering:pixelated" '
            f'src="data:image/png;base64,{source}"><figcaption>{html.escape(caption)}</figcaption></figure>'
        )
    if letters:
        figures.append(f'<div>{letters["left"]} is left, {letters["top"]} is up</div>')
    return ''.join(figures)


def _facts(series: Series, patient: bool) -> list[tuple[str, str]]:
    from ..summary import summary

    header = series.header
    found = []
    if patient:
        named: dict[str, Any] = {'patient': 'patientName', 'ID': 'patientID', 'born': 'patientBirthDate'}
        found = [(name, str(header.attribute(key) or '')) for name, key in named.items()]
    first, *rest = summary(series, values=False).splitlines()
    found.append(('Series', first.removeprefix('Series ')))
    for line in rest:
        name, _, text = line.strip().partition(': ')
        found.append((name, text) if text else ('', name))
    return found
