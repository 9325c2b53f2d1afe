"""Writing plain images: exactly, or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...conversion import smallest_integer
from ...errors import LossWarning, WriteError, WriteNotImplemented
from ...header import Header, SeriesData
from ...notices import warn_user
from ..contract import WriteRequest
from ..described import RGB, RGBA, described, even_values
from ..dicom.names import file_names
from .kinds import Kind, kind_of_name
from .read import spacing_of

__all__ = ['write_files']

_TWO_GB = 1 << 31


def write_files(data: SeriesData, request: WriteRequest) -> list[str]:
    """Write the images into `request.folder`; see `PillowPlugin.write`."""
    name = request.filename or _own_name(request.extension or '.tif', data.array.shape)
    kind = kind_of_name(name)
    if kind is None:
        raise WriteNotImplemented(f'{name}: name a file .tif, .png, .jpg, .bmp, .gif, .webp or .jp2')
    header, options = data.header, request.options
    array = data.array.view(np.ndarray)
    if not array.size:
        raise WriteNotImplemented(f'an array of shape {array.shape} has no voxels to write')
    if options.get('window') is not None:
        array = _windowed(array, options['window'], header)
    array = _supported(array, kind)
    pages = array.reshape(-1, *array.shape[-2:])
    _tell_losses(header, array.shape, kind)
    save = _save_options(kind, header, options)
    if kind.pages:
        _save_pages(request.folder / name, pages, kind, {**save, **_texts(kind, header, array.shape)})
        names = [name]
    else:
        names = file_names(name, (*header.dims[:-3], 'slice'), array.shape[:-2], {})
        for each, page in zip(names, pages, strict=True):
            (request.folder / each).parent.mkdir(parents=True, exist_ok=True)
            _picture(page).save(request.folder / each, format=kind.name, **save)
    _check_spacing(request.folder / names[0], header, kind, array.shape)
    return names


def _own_name(extension: str, shape: Sequence[int]) -> str:
    """Return a name for files that the user has not named: with a number, where each is one image."""
    kind = kind_of_name(f'Image{extension}')
    several = kind is not None and not kind.pages and int(np.prod(shape[:-2])) > 1
    return f'Image_{{:05d}}{extension}' if several else f'Image{extension}'


def _picture(page: NDArray[Any]) -> Any:
    from PIL import Image

    if page.dtype.names:
        page = np.ascontiguousarray(page).view(np.uint8).reshape(*page.shape, len(page.dtype.names))
    return Image.fromarray(np.ascontiguousarray(page))


# --- values ------------------------------------------------------------------------------


def _supported(array: NDArray[Any], kind: Kind) -> NDArray[Any]:
    """Return the values, all exactly, in a type that the format has.

    Raises
    ------
    WriteNotImplemented
        When there is none.
    """
    dtype = array.dtype
    if dtype.names:
        if (dtype == RGB and kind.name != 'GIF') or (dtype == RGBA and kind.name in ('PNG', 'TIFF', 'WEBP')):
            return array
        what = 'colour exactly, having 256 of them' if dtype == RGB else f'values of type {dtype}'
        raise WriteNotImplemented(f'{kind.name} cannot hold {what}: write .png or .tif, or select one field')
    if dtype.name in kind.types:
        return array.astype(dtype.newbyteorder('='), copy=False)
    if dtype.kind == 'b':
        return array.astype(np.uint8)
    if dtype.kind in 'iu':
        low, high = int(array.min()), int(array.max())
        known = [np.dtype(name) for name in kind.types if np.dtype(name).kind in 'iu']
        fitting = [each for each in known if np.iinfo(each).min <= low and high <= np.iinfo(each).max]
        if fitting:
            # Of the width that the values had, where there is such a type.
            wide = [each for each in fitting if each.itemsize >= dtype.itemsize]
            return array.astype(wide[0] if wide else fitting[-1])
        raise WriteNotImplemented(
            f'{kind.name} cannot hold integers from {low} to {high}: write .tif'
            f'{"" if smallest_integer(low, high, np.dtype("i1")) else " in parts"}, or give window=(center, '
            'width), which makes grey levels of them'
        )
    if dtype.kind == 'f' and 'float32' in kind.types:
        with np.errstate(over='ignore'):
            single = array.astype(np.float32)
        if np.array_equal(single.astype(dtype), array, equal_nan=True):
            return single
    remedy = "dtype='float32' rounds them" if 'float32' in kind.types else 'write .tif'
    raise WriteNotImplemented(
        f'{kind.name} cannot hold values of type {dtype}: {remedy}, dtype= converts them, or '
        'window=(center, width) makes grey levels of them'
    )


def _windowed(array: NDArray[Any], window: Any, header: Header) -> NDArray[Any]:
    """Return grey levels: 0 to 255 from the lower to the upper end of a window (PS3.3 C.11.2.1.2)."""
    if array.dtype.names or array.dtype.kind == 'c':
        raise WriteNotImplemented(f'values of type {array.dtype} have no window: leave window= out')
    values = array.astype(np.float64)
    if window == 'full':
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    else:
        center, width = _window(window, header)
        low, high = center - width / 2, center + width / 2
    scaled = (values - low) / (high - low) * 255 if high > low else np.zeros_like(values)
    return np.rint(np.nan_to_num(np.clip(scaled, 0, 255), nan=0)).astype(np.uint8)


def _window(window: Any, header: Header) -> tuple[float, float]:
    given = window
    if window == 'original':
        given = [
            header.attributes.get(name, header.element(keyword))
            for name, keyword in (('windowCenter', 'WindowCenter'), ('windowWidth', 'WindowWidth'))
        ]
        given = [v[0] if isinstance(v, Sequence) and not isinstance(v, str) and len(v) else v for v in given]
    try:
        center, width = (float(v) for v in given)
    except (TypeError, ValueError):
        raise WriteError(
            f"window={window!r} gives no window: give (center, width), 'full', or 'original' where the "
            'images have one'
        ) from None
    if not (np.isfinite([center, width]).all() and width > 0):
        raise WriteError(f'window={window!r}: the width must be above 0')
    return center, width


# --- what is beside the values -----------------------------------------------------------


def _save_options(kind: Kind, header: Header, options: Any) -> dict[str, Any]:
    """Return options of Pillow's writer."""
    save: dict[str, Any] = {}
    spacing = _spacing(header)
    if spacing is not None and kind.name in ('TIFF', 'PNG', 'JPEG', 'BMP'):
        save['dpi'] = (25.4 / spacing[1], 25.4 / spacing[0])
    if kind.name == 'TIFF' and options.get('compression'):
        save['compression'] = 'tiff_adobe_deflate'
    if kind.name == 'JPEG':
        save.update(quality=int(options.get('quality', 95)), subsampling=0)
    if kind.name == 'WEBP':
        save.update(lossless=True, exact=True)
    return save


def _spacing(header: Header) -> tuple[float, float] | None:
    """Return row and column spacing in mm, None where nothing is known of it."""
    geometry = header.geometry
    if geometry is None or (geometry.assumed and np.array_equal(geometry.spacing, [1, 1, 1])):
        return None
    return float(geometry.spacing[1]), float(geometry.spacing[2])


def _texts(kind: Kind, header: Header, shape: Sequence[int]) -> dict[str, Any]:
    """Return the description of a TIFF file, and how long each frame of the others is shown."""
    if kind.name == 'TIFF':
        content = json.loads(described(header, shape, 'TIFF'))
        content['imagedata']['slices'] = shape[-3]
        for axis, n in zip(content['imagedata']['axes'], shape, strict=False):
            axis['n'] = n
        return {'description': json.dumps(content, separators=(',', ':'))}
    save: dict[str, Any] = {'loop': 0}
    if _is_animation(header, shape):
        step = even_values(header.axis('time', shape[0]))
        # 10 ms is the shortest time that GIF counts.
        save['duration'] = max(10, round((step[1] if step else 0.1) * 1000))
    else:
        # Frames that are not shown for any time are slices.
        save['duration'] = 0
    return save


def _is_animation(header: Header, shape: Sequence[int]) -> bool:
    return header.dims[:-3] == ('time',) and shape[-3] == 1


def _save_pages(path: Path, pages: NDArray[Any], kind: Kind, save: dict[str, Any]) -> None:
    """Write pages, one after another, to one file."""
    if kind.name == 'TIFF':
        from PIL.TiffImagePlugin import AppendingTiffWriter

        if pages.nbytes >= _TWO_GB:
            save['big_tiff'] = True
        with AppendingTiffWriter(str(path), new=True) as file:
            for page in pages:
                _picture(page).save(file, format='TIFF', **save)
                file.newFrame()
                save.pop('description', None)
        return
    first, *others = (_picture(page) for page in pages)
    if kind.name == 'GIF':
        # Frames as they are: not joined where they are the same, no palette made smaller.
        save.update(optimize=False, disposal=2)
    if not others:
        save = {k: v for k, v in save.items() if k not in ('duration', 'loop')}
        first.save(path, format=kind.name, **save)
        return
    first.save(path, format=kind.name, save_all=True, append_images=others, **save)
    _check_frames(path, kind, len(pages))


def _check_frames(path: Path, kind: Kind, count: int) -> None:
    """Refuse an animation in which frames that are the same were joined."""
    from PIL import Image

    with Image.open(path) as image:
        found = getattr(image, 'n_frames', 1)
    if found != count:
        raise WriteNotImplemented(
            f'{kind.name} joins frames that are the same: {found} of {count} would be left; write .tif'
        )


def _tell_losses(header: Header, shape: Sequence[int], kind: Kind) -> None:
    """Warn of what the format has no place for."""
    if kind.name == 'JPEG':
        _warn(kind, 'it compresses with loss: values differ from what was held; .png and .tif keep them')
    if kind.name == 'TIFF':
        if header.geometry is None:
            _warn(kind, 'the place of the voxels is not known, and not written')
        return
    lost = []
    if header.geometry is not None and not header.geometry.assumed:
        lost.append('where the image is (position, orientation, distance of slices)')
    tags = list(header.dims[:-3])
    if kind.pages and _is_animation(header, shape):
        step = even_values(header.axis('time', shape[0]))
        held = step is not None and step[0] == 0 and abs(step[1] * 100 - round(step[1] * 100)) < 1e-6
        tags = [] if held and step is not None and step[1] >= 0.01 else tags
    if tags:
        lost.append(f'names and values of the axes {", ".join(tags)}')
    if lost:
        _warn(kind, f'it does not hold {", nor ".join(lost)}; .tif does, for imagedata')


def _check_spacing(path: Path, header: Header, kind: Kind, shape: Sequence[int]) -> None:
    """Warn where the resolution in the file is not the spacing."""
    from PIL import Image

    wanted = _spacing(header)
    if wanted is None:
        return
    with Image.open(path) as image:
        found = spacing_of(image)
    if found is None:
        _warn(kind, f'it does not hold the pixel spacing of {wanted[0]:g} x {wanted[1]:g} mm')
    elif max(abs(w - f) * n for w, f, n in zip(wanted, found, shape[-2:], strict=True)) > 1e-2:
        _warn(
            kind,
            f'its resolution is rounded: pixel spacing of {wanted[0]:g} x {wanted[1]:g} mm becomes '
            f'{found[0]:.6g} x {found[1]:.6g} mm',
        )


def _warn(kind: Kind, message: str) -> None:
    warn_user(f'{kind.name}: {message}', LossWarning)
