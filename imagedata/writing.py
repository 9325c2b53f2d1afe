"""From a series to files: choose formats and names, write beside the target, move into place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from .conversion import converted
from .errors import FileAlreadyExistsError, FormatPluginNotFound, TemplateMismatchError, WriteError
from .formats.contract import HEAD, Format, WriteRequest, natural_image
from .header import SeriesData
from .registry import archive, format_for, formats, transport_for

__all__ = ['format_of_name', 'write']


def write(
    data: SeriesData,
    url: str | PathLike[str],
    wanted: str | Sequence[str] | None,
    options: Mapping[str, Any],
) -> list[Path]:
    """Write a series in one or several formats.

    Parameters
    ----------
    data : SeriesData
    url : str or path
        A file or a folder; '%p' in it becomes the name of the format.
    wanted : str or list of str or None
        Names or extensions of formats. None: that of the file's extension; else DICOM where
        the series has DICOM headers, else the format that it was read from, else DICOM.
    options : mapping
        'dtype' converts the values; the others are for the format.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    WriteError
        When the disk or the target does not allow it; what was there before is unchanged.
    """
    options = dict(options)
    names = wanted if wanted is not None else options.pop('output_format', None)
    text = fspath(url)
    if not text:
        raise WriteError('an empty path was given: name a file or folder to write')
    plugins = _formats(names, text, data)
    if len(plugins) > 1 and '%p' not in text and any(p.single_file for p in plugins) and Path(text).suffix:
        raise WriteError(
            f'{text} is one name for {len(plugins)} formats: put %p in it, which becomes the name of each'
        )
    image = _prepared(natural_image(data), options)
    written: list[Path] = []
    for plugin in plugins:
        written += _write_one(plugin, image, text.replace('%p', plugin.name), options)
    return written


def _formats(names: Any, url: str, data: SeriesData) -> list[Format]:
    """Return the formats to write."""
    if names:
        given = [names] if isinstance(names, str) else list(names)
        chosen = [format_for(str(name)) for name in given]
        return list(dict.fromkeys(chosen))
    by_name = format_of_name(url)
    if by_name is not None:
        return [by_name]
    images = data.header.images
    if images is not None and images.records is not None:
        return [format_for('dicom')]
    return [format_for(data.header.attributes.get('input_format') or 'dicom')]


def format_of_name(url: str) -> Format | None:
    """Return the format whose extension a file name has; None for folders and unknown ones."""
    if url.endswith(('/', '\\')) or Path(url).is_dir():
        return None
    lower = url.lower()
    matches = [(len(e), f) for f in formats() for e in f.extensions if lower.endswith(e)]
    if matches:
        return max(matches, key=lambda m: m[0])[1]
    extension = Path(url).suffix
    if extension[1:].isalpha() and len(extension) <= 5:
        known = ' '.join(e for f in formats() for e in f.extensions)
        raise FormatPluginNotFound(
            f'{url}: no format has the extension {extension} (there are {known}): name the format with '
            f"formats='dicom', or write {url}/ for a folder of DICOM files"
        )
    return None


def _prepared(data: SeriesData, options: dict[str, Any]) -> SeriesData:
    """Return the data as the generic options want them."""
    dtype = options.pop('dtype', None)
    array, header = data.array, data.header
    if dtype is not None:
        array = converted(array, np.dtype(dtype))
    renames = {'sernum': 'seriesNumber', 'serdes': 'seriesDescription', 'imagetype': 'imageType'}
    values = {name: options.pop(option) for option, name in renames.items() if option in options}
    if 'SOPClassUID' in options:
        values['SOPClassUID'] = options.pop('SOPClassUID')
    if values:
        header = header.with_attributes(**values)
    frame = options.pop('frame', None)
    if frame is not None:
        if header.geometry is None:
            raise TemplateMismatchError('frame= needs a geometry, and this Series has none')
        header = header.with_geometry(replace(header.geometry, frame_of_reference=str(frame)))
    return SeriesData(array, header, data.identity)


def _write_one(plugin: Format, data: SeriesData, url: str, options: Mapping[str, Any]) -> list[Path]:
    """Write one format: into a staging folder first, then into place, all files or none."""
    target: Path = transport_for(url.split('://')[0] if '://' in url else 'file').path(url)
    is_folder = url.endswith(('/', '\\')) or target.is_dir()
    if not is_folder and not _has_extension(target, plugin):
        if plugin.single_file:
            target = target.with_name(target.name + plugin.extensions[0])
        else:
            is_folder = True
    if is_folder and target.exists() and not target.is_dir():
        raise WriteError(f'{target} is a file, and a folder is to be written: choose another name')
    with archive('filesystem').staged(target) as (folder, commit):
        request = WriteRequest(folder, None if is_folder else target.name, options)
        names = plugin.write(data, request)
        if (is_folder or len(names) > 1) and not options.get('overwrite'):
            _keep_others(plugin, target if is_folder else target.parent, names)
        moves = [(name, target / name if is_folder else target.with_name(name)) for name in names]
        commit(moves)
    return [final for _, final in moves]


def _keep_others(plugin: Format, folder: Path, names: Sequence[str]) -> None:
    """Refuse to write a series into a folder that holds images of another one.

    What the same program wrote there before is replaced, when none of it would be left.

    Raises
    ------
    FileAlreadyExistsError
    """
    if plugin.single_file or not folder.is_dir():
        return
    new = {folder / name for name in names}
    folders = {folder, *(path.parent for path in new), *_like_ours(folder)}
    for place in sorted(folders):
        there = sorted(place.glob('*')) if place.is_dir() else []
        for path in there:
            if path not in new and _is_of(plugin, path):
                raise FileAlreadyExistsError(
                    f'{folder} holds images of another series, such as {path}: choose another folder, '
                    'or write there all the same with overwrite=True'
                )
            if path in new and path.is_dir():
                raise WriteError(f'{path} is a folder: a file cannot replace it; move it, or write elsewhere')
            if path in new and not plugin.wrote(path):
                raise FileAlreadyExistsError(
                    f'{path} is there, and was not written by imagedata: choose another folder, '
                    'or replace it with overwrite=True'
                )


def _like_ours(folder: Path) -> list[Path]:
    """Return folders below one that are named as those of tags and slices: time0, slice0/te1."""
    names = [p for p in folder.iterdir() if p.is_dir() and _NUMBERED.fullmatch(p.name)]
    return [inner for p in names for inner in (p, *_like_ours(p))]


_NUMBERED = re.compile(r'[a-z]+[0-9]+')


def _is_of(plugin: Format, path: Path) -> bool:
    """Return whether a file is of a format, by its name or its content."""
    if path.name.lower().endswith(plugin.extensions):
        return True
    if not path.is_file():
        return False
    with path.open('rb') as file:
        return plugin.identifies(path.name, file.read(HEAD))


def _has_extension(target: Path, plugin: Format) -> bool:
    return target.name.lower().endswith(plugin.extensions)
