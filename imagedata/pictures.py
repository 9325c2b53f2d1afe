"""Pictures of a Series without a window: montages, PNG files, moving GIF files, video."""

from __future__ import annotations

import io
import math
import tempfile
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import AxisError, MissingDependencyError, WriteError
from .viewer.model import Panel
from .whole_file import write_whole

if TYPE_CHECKING:
    from PIL.Image import Image

    from .series import Series

__all__ = ['chosen_slices', 'montage', 'panel_image', 'png_bytes', 'write_gif', 'write_png', 'write_video']

_GAP = 2
_LARGEST = 32768


def panel_image(panel: Panel, scale: float = 1.0) -> Image:
    """Return what a panel shows as a picture with square pixels.

    Parameters
    ----------
    panel : Panel
    scale : float
        Size of the picture as a multiple of the number of the smaller pixels' sides.
    """
    from PIL import Image

    if not 0 < scale < np.inf:
        raise ValueError(f'a scale is a number above 0, got {scale!r}')
    picture = Image.fromarray(panel.rgb())
    rows, columns = panel.shape
    aspect = panel.aspect
    # The finer direction keeps its pixels; the other one is stretched.
    width, height = (columns, rows * aspect) if aspect >= 1 else (columns / aspect, rows)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if max(size) > _LARGEST:
        raise ValueError(f'a picture of {size[0]} x {size[1]} pixels is too large: give a smaller scale')
    return picture if size == picture.size else picture.resize(size, Image.Resampling.BILINEAR)


def chosen_slices(slices: int, wanted: Sequence[int] | int | None, most: int | None = None) -> list[int]:
    """Return numbers of slices: those wanted, or all, or evenly spread ones when there are too many.

    Raises
    ------
    AxisError
        When one is not there, or none is wanted.
    """
    if wanted is not None:
        listed = [int(wanted)] if np.ndim(wanted) == 0 else [int(w) for w in wanted]  # type: ignore[arg-type, union-attr]
        if not listed:
            raise AxisError(f'slices= names no slice: the Series has {slices}')
        for index in listed:
            if not -slices <= index < slices:
                raise AxisError(f'there is no slice {index}: the Series has {slices}')
        return [index % slices for index in listed]
    if most is None or slices <= most:
        return list(range(slices))
    return [round(i) for i in np.linspace(0, slices - 1, most + 2)[1:-1]]


def _panel(series: Series, tag: Any, options: dict[str, Any]) -> Panel:
    panel = Panel(series, **options)
    index = (tag,) if np.ndim(tag) == 0 else tuple(tag)
    index = index if panel.tags else ()
    for axis, (i, n) in enumerate(zip(index, panel.tags, strict=False)):
        if not -n <= i < n:
            raise AxisError(f'there is no image {i} along tag axis {axis}, which has {n}')
        panel.to_tag(int(i) % n, axis)
    return panel


def montage(
    series: Series,
    slices: Sequence[int] | int | None = None,
    tag: Any = 0,
    columns: int | None = None,
    scale: float = 1.0,
    **options: Any,
) -> Image:
    """Return slices side by side as one picture; see `Series.montage`."""
    panel = _panel(series, tag, options)
    return _sheet(panel, chosen_slices(panel.slices, slices), columns, scale)


def _sheet(panel: Panel, slices: Sequence[int], columns: int | None, scale: float) -> Image:
    from PIL import Image

    tiles = []
    for index in slices:
        panel.to_slice(index)
        tiles.append(panel_image(panel, scale))
    if columns is not None and columns < 1:
        raise ValueError(f'a montage has one column or more, got columns={columns!r}')
    width, height = tiles[0].size
    across = min(len(tiles), columns or math.ceil(math.sqrt(len(tiles) * height / width)))
    down = math.ceil(len(tiles) / max(1, across))
    sheet = Image.new('RGB', (across * (width + _GAP) - _GAP, down * (height + _GAP) - _GAP))
    for i, tile in enumerate(tiles):
        sheet.paste(tile, (i % across * (width + _GAP), i // across * (height + _GAP)))
    return sheet


def png_bytes(picture: Image) -> bytes:
    """Return a picture as the content of a PNG file."""
    stream = io.BytesIO()
    picture.save(stream, 'PNG', optimize=False)
    return stream.getvalue()


def write_png(series: Series, path: str | PathLike[str], **options: Any) -> None:
    """Write a montage as a PNG file; see `Series.to_png`."""
    write_whole(path, png_bytes(montage(series, **options)))


def _film(
    series: Series, slices: Sequence[int] | int | None, scale: float, options: dict[str, Any]
) -> list[Image]:
    """Return the pictures of a film: along the first tag axis, else from slice to slice."""
    panel = Panel(series, **options)
    pictures = []
    if panel.tags:
        wanted = [panel.slices // 2] if slices is None else chosen_slices(panel.slices, slices)
        for t in range(panel.tags[0]):
            panel.to_tag(t)
            pictures.append(_sheet(panel, wanted, None, scale))
    else:
        for s in chosen_slices(panel.slices, slices):
            panel.to_slice(s)
            pictures.append(panel_image(panel, scale))
    return pictures


_RATE = 10.0
_SLOW = 0.5
"""Seconds from image to image: from there on, nobody watches a film as slow as it was."""
_UNITS = {'s': 1.0, 'ms': 0.001}


def _durations(series: Series, count: int, fps: float | None) -> list[float]:
    """Return for how many seconds each picture of a film is seen: as given, else as it was in the patient."""
    if fps is not None:
        if not (np.isfinite(fps) and 0 < fps <= 1000):
            raise ValueError(f'fps is a number of pictures per second above 0, got {fps!r}')
        return [1 / float(fps)] * count
    tags = series.header.tag_dims
    axis = series._axis_named(tags[0]) if tags else None
    if axis is not None and axis.unit in _UNITS and count > 1:
        steps = np.diff(np.asarray(axis.values, dtype=float)) * _UNITS[axis.unit]
        if steps.min() > 0 and steps.mean() < _SLOW:
            return [*steps.tolist(), float(steps.mean())]
    return [1 / _RATE] * count


def write_gif(
    series: Series, path: str | PathLike[str], fps: float | None = None,
    slices: Sequence[int] | int | None = None, scale: float = 1.0, **options: Any,
) -> None:  # fmt: skip
    """Write a moving GIF file; see `Series.to_gif`."""
    first, *others = _film(series, slices, scale, options)
    # A GIF counts in hundredths of a second. Rounding the ends keeps the length of the film.
    ends = np.rint(100 * np.cumsum(_durations(series, 1 + len(others), fps)))
    duration = [10 * max(2, int(n)) for n in np.diff(ends, prepend=0)]
    stream = io.BytesIO()
    # Grey levels fit the 256 colours of a GIF exactly; others are the nearest ones.
    first.save(stream, 'GIF', save_all=True, append_images=others, duration=duration, loop=0, optimize=False)
    write_whole(path, stream.getvalue())


def write_video(
    series: Series, path: str | PathLike[str], fps: float | None = None,
    slices: Sequence[int] | int | None = None, scale: float = 1.0, **options: Any,
) -> None:  # fmt: skip
    """Write a video with the program ffmpeg; see `Series.to_video`."""
    import shutil
    import subprocess

    program = shutil.which('ffmpeg')
    if program is None:
        raise MissingDependencyError(
            'a video needs the program ffmpeg, which is not on the PATH: install it, '
            'or write a film with to_gif()'
        )
    target = Path(path)
    pictures = [np.asarray(p) for p in _film(series, slices, scale, options)]
    rate = 1 / float(np.mean(_durations(series, len(pictures), fps)))
    height, width = pictures[0].shape[:2]
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / f'film{target.suffix}'
        command = [
            program, '-v', 'error', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', f'{width}x{height}',
            '-r', f'{rate:g}', '-i', '-', '-vf', 'pad=ceil(iw/2)*2:ceil(ih/2)*2', '-pix_fmt', 'yuv420p',
            str(made),
        ]  # fmt: skip
        film = b''.join(picture.tobytes() for picture in pictures)
        run = subprocess.run(command, input=film, capture_output=True, check=False)
        if run.returncode or not made.exists():
            reason = run.stderr.decode(errors='replace').strip().splitlines()
            raise WriteError(f'{target} cannot be written: {reason[-1] if reason else "ffmpeg failed"}')
        write_whole(target, made.read_bytes())
