"""Reading plain images: pages to arrays, files of a folder to a stack."""

from __future__ import annotations

import re
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...axis import SPATIAL, Axis, VariableAxis
from ...conversion import converted
from ...errors import CorruptFileError, DataTypeError, ImagedataError, ImagedataWarning
from ...header import Identity, SeriesData
from ...notices import warn_user
from ..contract import ReadRequest, ReadResult, Source
from ..described import RGB, RGBA, assumed_geometry, counted_axes, description, new_header, tag_axes
from .imagej import ImageJ, description_of
from .kinds import Kind, kind_of, kind_of_name

__all__ = ['broken', 'read_sources', 'spacing_of']

_REMEDY = 'it is truncated or damaged: get it again from where it came from'

_DESCRIPTION = 270
"""TIFF tag ImageDescription."""

_ORIENTATION = 274
"""EXIF tag Orientation. Pillow turns TIFF pages by it, and takes it away."""

_BROKEN = (OSError, ValueError, TypeError, KeyError, IndexError, EOFError, SyntaxError, AttributeError,
           OverflowError, MemoryError, RuntimeError, struct.error, zlib.error)  # fmt: skip
"""What damaged files make Pillow raise."""


@dataclass
class _Picture:
    """One file: how many pages of which size, and what else its header says."""

    source: Source
    kind: Kind
    size: tuple[int, int]
    pages: int
    family: str
    spacing: tuple[float, float] | None
    text: str | None
    durations: list[float] = field(default_factory=list)
    imagej: ImageJ | None = None


def read_sources(sources: Sequence[Source], request: ReadRequest) -> ReadResult:
    """Read the pictures; see `PillowPlugin.read`."""
    left = []
    groups: dict[Any, list[_Picture]] = {}
    for source in sources:
        with source.open() as file:
            kind = kind_of(file.read(64))
        if kind is None and kind_of_name(source.basename) is not None:
            raise CorruptFileError(
                f'{source.name}: the name says that it is a picture, and it begins otherwise; {_REMEDY}'
            )
        if kind is None:
            left.append((source, 'no picture'))
            continue
        picture = _opened(source, kind)
        alone = picture.pages > 1 or picture.text is not None
        folder = source.name.removesuffix(source.basename)
        same = (folder, kind.name, picture.size, picture.family, picture.spacing)
        key = source.name if alone else same
        groups.setdefault(key, []).append(picture)
    return ReadResult([_series(group, request) for group in groups.values()], left)


@contextmanager
def broken(source: Source, what: str) -> Iterator[None]:
    """Turn what damaged files make Pillow raise into an error about the file."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            warnings.simplefilter('error', Image.DecompressionBombWarning)
            yield
    except ImagedataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise CorruptFileError(
            f'{source.name} claims more pixels than are safe to unpack ({error}): if it is to be trusted, '
            'raise PIL.Image.MAX_IMAGE_PIXELS'
        ) from error
    except _BROKEN as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CorruptFileError(f'{source.name} cannot be read as {what} ({reason}); {_REMEDY}') from error


def _opened(source: Source, kind: Kind) -> _Picture:
    """Return what the header of a file says."""
    from PIL import Image

    with broken(source, kind.name), source.open() as file, Image.open(file, formats=_formats(kind)) as image:
        pages = int(getattr(image, 'n_frames', 1)) if kind.pages else 1
        durations = []
        if kind.pages and pages > 1 and kind.name != 'TIFF':
            for page in range(pages):
                image.seek(page)
                if kind.name == 'WEBP':
                    image.load()  # It tells only then.
                durations.append(float(image.info.get('duration', 0)) / 1000)
            image.seek(0)
        size = image.size
        if min(size) < 1:
            raise ValueError(f'a picture of {size[0]} x {size[1]} pixels')
        text = None
        found: Any = None
        spacing, resolution = spacing_of(image), image.info.get('resolution')
        if kind.name == 'TIFF':
            found = getattr(image, 'tag_v2', {}).get(_DESCRIPTION)
            text = found if isinstance(found, str) and found.startswith('{"imagedata"') else None
    # Not before: warnings are kept back while Pillow reads.
    imagej = description_of(found, source.name)
    if imagej is not None and imagej.mm is not None and spacing is None:
        spacing = _spacing_in(resolution, imagej.mm)
    if imagej is not None and imagej.images > pages:
        warn_user(
            f'{source.name}: ImageJ says that it holds {imagej.images} images, and the file has {pages} '
            'pages: the others are not read',
            ImagedataWarning,
        )
    return _Picture(source, kind, size, pages, _family(image.mode), spacing, text, durations, imagej)


def _spacing_in(resolution: Any, mm: float) -> tuple[float, float] | None:
    """Return row and column spacing in mm of pixels for each unit."""
    try:
        x, y = (float(v) for v in resolution)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (mm / y, mm / x) if np.isfinite([x, y]).all() and x > 0 and y > 0 else None


def _formats(kind: Kind) -> list[str]:
    """Return the readers of Pillow that may read it: those that run no other program."""
    return [kind.name, 'MPO'] if kind.name == 'JPEG' else [kind.name]


def _family(mode: str) -> str:
    """Return what may stand in one stack."""
    if mode.startswith('I;16'):
        return 'sixteen'
    return {'1': 'bit', 'I': 'integer', 'F': 'float'}.get(mode, 'byte')


def spacing_of(image: Any) -> tuple[float, float] | None:
    """Return row and column spacing in mm, None where the file gives no resolution."""
    dpi = image.info.get('dpi')
    try:
        x, y = (float(v) for v in dpi)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    if not (np.isfinite([x, y]).all() and x > 1e-6 and y > 1e-6) or (x, y) == (1, 1):
        return None
    return 25.4 / y, 25.4 / x


# --- stacks ------------------------------------------------------------------------------


def _natural(name: str) -> list[Any]:
    parts = re.split(r'(\d+)', name.lower())
    return [(0, int(part), '') if part.isdigit() else (1, 0, part) for part in parts]


def _series(group: list[_Picture], request: ReadRequest) -> SeriesData:
    """Return the series of the files of one stack, or of one file."""
    group = sorted(group, key=lambda picture: _natural(picture.source.basename))
    first = group[0]
    count = first.pages if len(group) == 1 else len(group)
    columns, rows = first.size
    array: NDArray[Any] = np.empty((), dtype=object)
    alpha = bool(request.options.get('alpha'))
    if not request.options.get('headers_only'):
        array = _stacked([page for picture in group for page in _pages(picture, alpha=alpha)])
        # Those of ImageJ are calibrated first.
        if request.options.get('dtype') is not None and not (first.imagej and len(group) == 1):
            array = converted(array, np.dtype(request.options['dtype']), DataTypeError)
    report = [f'{picture.source.name}: {picture.kind.name}' for picture in group]
    spacing = [1.0, *(first.spacing or (1.0, 1.0))]
    times = _times(first) if len(group) == 1 else None
    known = None
    if first.text is not None:
        shape = _described_shape(first.text, count, rows, columns)
        known = None if shape is None else description(first.text, shape, first.source.name)
    if known is not None and shape is not None:
        lengths = shape[:-3]
        axes = tag_axes(request.order, lengths, known.axes, counted_axes(lengths), first.source.name)
        geometry = known.geometry or assumed_geometry(spacing, (shape[-3], rows, columns))
        array = array.reshape(shape) if array.ndim else array
        report.append('axes and geometry as stored by imagedata')
        return SeriesData(array, new_header(axes, SPATIAL, geometry, 'pillow', report), Identity())
    if first.imagej is not None and len(group) == 1:
        return _hyperstack(first, first.imagej, array, spacing, request, report)
    found: list[Axis] = [VariableAxis('time', times)] if times is not None else []
    axes = tag_axes(request.order, [len(a) for a in found], None, found, first.source.name)
    slices = 1 if found else count
    spatial = SPATIAL[1:] if count == 1 else SPATIAL
    if array.ndim:
        array = array[0] if count == 1 else array.reshape((*(len(a) for a in axes), slices, rows, columns))
    geometry = assumed_geometry(spacing, (slices, rows, columns))
    return SeriesData(array, new_header(axes, spatial, geometry, 'pillow', report), Identity())


def _hyperstack(
    picture: _Picture,
    imagej: ImageJ,
    array: NDArray[Any],
    spacing: list[float],
    request: ReadRequest,
    report: list[str],
) -> SeriesData:
    """Return the series of a file of ImageJ: its pages are frames, slices and channels."""
    columns, rows = picture.size
    found = imagej.axes(picture.pages)
    axes = tag_axes(request.order, [len(axis) for axis in found], None, found, picture.source.name)
    slices = imagej.grid(picture.pages)[2]
    if imagej.mm is not None and imagej.spacing:
        spacing = [imagej.spacing * imagej.mm, *spacing[1:]]
    if array.ndim:
        array = imagej.arranged(array).reshape(*(len(axis) for axis in axes), slices, rows, columns)
        if request.options.get('dtype') is not None:
            array = converted(array, np.dtype(request.options['dtype']), DataTypeError)
    if imagej.line is not None:
        report = [*report, f'values are {imagej.line[1]:g} x + {imagej.line[0]:g}, as ImageJ calibrated them']
    spatial = SPATIAL[1:] if picture.pages == 1 else SPATIAL
    if array.ndim and picture.pages == 1:
        array = array[0]
    geometry = assumed_geometry(spacing, (slices, rows, columns))
    return SeriesData(array, new_header(axes, spatial, geometry, 'pillow', report), Identity())


def _described_shape(text: str, count: int, rows: int, columns: int) -> tuple[int, ...] | None:
    """Return the shape (tags..., slice, row, column) of pages whose axes a text names."""
    import json

    try:
        axes = json.loads(text)['imagedata']['axes']
        slices = int(json.loads(text)['imagedata']['slices'])
        lengths = tuple(len(axis['values']) if 'values' in axis else int(axis['n']) for axis in axes)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    shape = (*lengths, slices, rows, columns)
    return shape if int(np.prod(shape[:-2])) == count and slices > 0 else None


def _times(picture: _Picture) -> list[float] | None:
    """Return when each frame of an animation is shown, in s; None where it is not."""
    if picture.pages < 2 or not picture.durations or max(picture.durations) <= 0:
        return None
    return [0.0, *np.round(np.cumsum(picture.durations)[:-1], 6).tolist()]


def _stacked(pages: list[NDArray[Any]]) -> NDArray[Any]:
    """Return pages as one array; grey ones among colour become colour, and opaque."""
    widest = max((page.dtype for page in pages if page.dtype.names), key=lambda d: d.itemsize, default=None)
    return np.stack(pages if widest is None else [_as_colour(page, widest) for page in pages])


def _as_colour(page: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    if page.dtype == dtype:
        return page
    colour = np.full(page.shape, 255, np.uint8).astype(dtype)
    for channel in RGB.names or ():
        colour[channel] = page[channel] if page.dtype.names else page
    return colour


# --- pages -------------------------------------------------------------------------------


def _pages(picture: _Picture, *, alpha: bool) -> list[NDArray[Any]]:
    """Return the values of all pages of a file."""
    from PIL import Image

    source, kind = picture.source, picture.kind
    found = []
    notes: list[str] = []
    with broken(source, kind.name), source.open() as file, Image.open(file, formats=_formats(kind)) as image:
        for page in range(picture.pages):
            if page:
                image.seek(page)
            if image.size != picture.size:
                raise CorruptFileError(
                    f'{source.name}: page {page} has {image.size[0]} x {image.size[1]} pixels, the first '
                    f'{picture.size[0]} x {picture.size[1]}: save pages of different size in several files'
                )
            found.append(_values(image, notes, alpha=alpha))
            if image.getexif().get(_ORIENTATION, 1) != 1:
                notes.append('it is to be shown turned or mirrored (EXIF), and is read as it is stored')
        more = int(getattr(image, 'n_frames', 1)) - picture.pages
        if more > 0:
            notes.append(f'{more} further pictures (previews, or other views) are left out')
    # Not before: warnings of Pillow are kept back while it reads.
    for note in dict.fromkeys(notes):
        warn_user(f'{source.name}: {note}', ImagedataWarning)
    # GIF and WebP have no grey of their own.
    if kind.name in ('GIF', 'WEBP') and all(_is_grey(page) for page in found):
        return [np.ascontiguousarray(page['R']) if page.dtype.names else page for page in found]
    return found


def _is_grey(page: NDArray[Any]) -> bool:
    if page.dtype != RGB:
        return not page.dtype.names
    return all(np.array_equal(page['R'], page[channel]) for channel in 'GB')


def _values(image: Any, notes: list[str], *, alpha: bool) -> NDArray[Any]:
    """Return the values of a page, grey as they are, all colours as RGB; note what is left out."""
    raw = _raw_mode(image)
    tags: Any = getattr(image, 'tag_v2', {})
    mode = image.mode
    image.load()
    if mode in ('1', 'L', 'I', 'F') or mode.startswith('I;16'):
        if 'transparency' in image.info and mode in ('1', 'L'):
            notes.append('one of its grey values is transparent, which is left out')
        if '64' in raw:
            notes.append('its values of 64 bits are rounded to 32 bits')
        return _as_stored(np.array(image), tags, mode)
    if '16' in raw:
        notes.append('its colours have 16 bits, of which the upper 8 are read')
    if alpha and mode == 'RGBA':
        return np.array(image).view(RGBA)[..., 0]
    if mode in ('LA', 'La', 'PA', 'RGBA', 'RGBa') or 'transparency' in image.info:
        whole = image.convert('RGBA')
        if np.asarray(whole)[..., 3].min() < 255:
            notes.append('its transparency (alpha) is left out')
        image = image.convert('L') if mode in ('LA', 'La') else whole.convert('RGB')
    if image.mode == 'L':
        return np.array(image)
    if image.mode in ('CMYK', 'LAB', 'HSV'):
        notes.append(f'its colours ({image.mode}) are converted to RGB, which is not exact')
    return _without_grey_palette(np.array(image.convert('RGB')), mode == 'P')


def _without_grey_palette(values: NDArray[Any], palette: bool) -> NDArray[Any]:
    """Return (rows, columns, 3) bytes as colour; as grey where a palette has grey only."""
    if palette and (values == values[..., :1]).all():
        return np.ascontiguousarray(values[..., 0])
    return np.ascontiguousarray(values).view(RGB)[..., 0]


def _raw_mode(image: Any) -> str:
    """Return how the values of a page are stored, as Pillow calls it."""
    tiles = getattr(image, 'tile', None) or []
    if not tiles:
        return ''
    args = tiles[0][3]
    return str(args[0] if isinstance(args, (tuple, list)) and args else args)


def _as_stored(values: NDArray[Any], tags: Any, mode: str) -> NDArray[Any]:
    """Return grey values of the type that a TIFF file says; Pillow has fewer."""
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder('='))
    if not tags:
        return values
    bits, sample = (tuple(tags.get(tag, (default,)))[:1] for tag, default in ((258, 1), (339, 1)))
    if mode == 'L' and (bits, sample) == ((8,), (2,)):
        return values.view(np.int8)
    if mode == 'I' and (bits, sample) == ((16,), (2,)):
        return values.astype(np.int16)
    if mode == 'I' and (bits, sample) == ((32,), (1,)):
        return values.view(np.uint32)
    return values


