"""From a series to files: choose formats and names, write beside the target, move into place."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from .archives.contract import Archive
from .archives.members import checked_name
from .attributes import converted_attribute
from .conversion import converted
from .errors import (
    CorruptFileError,
    FileAlreadyExistsError,
    FormatPluginNotFound,
    NoArchiveError,
    TemplateMismatchError,
    WriteError,
)
from .formats.contract import HEAD, Format, Source, WriteRequest, check_capable, natural_image
from .formats.dicom.names import numbered
from .header import SeriesData
from .registry import extension_for, format_for, formats
from .transports.address import basename, shown
from .transports.contract import Place, Staging
from .urls import Address, address

__all__ = ['format_of_name', 'write']


def write(
    data: SeriesData,
    url: str | PathLike[str],
    wanted: str | Sequence[str] | None,
    options: Mapping[str, Any],
) -> list[Place]:
    """Write a series in one or several formats.

    Parameters
    ----------
    data : SeriesData
    url : str or path
        A file, a folder or an archive; '%p' in it becomes the name of the format.
    wanted : str or list of str or None
        Names or extensions of formats. None: that of the file's extension; else DICOM where
        the series has DICOM headers, else the format that it was read from, else DICOM.
    options : mapping
        'dtype' converts the values; the others are for the format.

    Returns
    -------
    list of Path or str
        The files: their paths, or their URLs where they are not on the local disk.

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
    plugins = _formats(names, _inner(text), data)
    if len(plugins) > 1 and '%p' not in text and any(p.single_file for p in plugins) and Path(text).suffix:
        raise WriteError(
            f'{text} is one name for {len(plugins)} formats: put %p in it, which becomes the name of each'
        )
    image = _prepared(natural_image(data), options)
    for plugin in plugins:
        check_capable(plugin, image)
    written: list[Place] = []
    for plugin, extension in plugins.items():
        written += _write_one(plugin, extension, image, text.replace('%p', plugin.name), options)
    return written


def _inner(url: str) -> str:
    """Return the name that tells the format: that of a member, where a URL names one."""
    place = address(url)
    return url if place.archive is None else place.member or '/'


def _formats(names: Any, url: str, data: SeriesData) -> dict[Format, str]:
    """Return the formats to write, each with the extension that its files have if they have no other."""
    given = [names] if isinstance(names, str) else list(names or [])
    chosen: dict[Format, str] = {}
    for name in map(str, given):
        plugin = format_for(name)
        chosen.setdefault(plugin, extension_for(plugin, name))
    if not chosen:
        plugin = _format_of(url, data)
        chosen[plugin] = extension_for(plugin, None)
    return chosen


def _format_of(url: str, data: SeriesData) -> Format:
    """Return the format to write where none was asked for."""
    only = getattr(address(url).transport, 'only_format', None)
    if only is not None:
        return format_for(only)
    by_name = format_of_name(url)
    if by_name is not None:
        return by_name
    images = data.header.images
    if images is not None and images.records is not None:
        return format_for('dicom')
    return format_for(data.header.attributes.get('input_format') or 'dicom')


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
    values = {
        name: _checked_value(option, name, kind, options.pop(option))
        for option, (name, kind) in _NAMED.items()
        if option in options
    }
    if 'SOPClassUID' in options:
        values['SOPClassUID'] = options.pop('SOPClassUID')
    if values:
        header = header.with_attributes(**values)
    frame = options.pop('frame', None)
    if frame is not None:
        if header.geometry is None:
            raise TemplateMismatchError('frame= needs a geometry, and this Series has none')
        uid = _checked_value('frame', 'frameOfReferenceUID', str, frame)
        header = header.with_geometry(replace(header.geometry, frame_of_reference=uid))
    return SeriesData(array, header, data.identity)


_NAMED: Mapping[str, tuple[str, type]] = {
    'sernum': ('seriesNumber', int), 'serdes': ('seriesDescription', str), 'imagetype': ('imageType', list),
}  # fmt: skip
"""Options that are attributes, with their names and kinds."""


def _checked_value(option: str, name: str, kind: type, value: Any) -> Any:
    """Return the value of an option as the attribute takes it.

    Raises
    ------
    WriteError
    """
    try:
        return converted_attribute(name, kind, value)
    except ValueError as error:
        raise WriteError(f'{option}=: {error}') from error


def _write_one(
    plugin: Format, extension: str, data: SeriesData, url: str, options: Mapping[str, Any]
) -> list[Place]:
    """Write one format: into a staging folder first, then into place, all files or none."""
    place = address(url)
    if place.archive is not None:
        return _write_archive(plugin, extension, data, place, options)
    text = place.url
    sender = getattr(place.transport, 'sender', None)
    if sender is not None:
        send = sender(text, options)
        sent: list[Place] = send(plugin.made(data, options))
        return sent
    is_folder = text.endswith(('/', '\\')) or place.transport.is_folder(text, options)
    if not is_folder and not text.lower().endswith(plugin.extensions):
        several = extension in getattr(plugin, 'one_image', ()) and math.prod(data.array.shape[:-2]) > 1
        is_folder = several or not plugin.single_file
        text += '' if is_folder else extension
    with place.transport.staged(text, is_folder, options) as staging:
        request = WriteRequest(staging.folder, None if is_folder else basename(text), options, extension)
        names = plugin.write(data, request)
        if not options.get('overwrite'):
            if is_folder or len(names) > 1:
                _keep_others(plugin, staging, shown(text), names)
            _keep_beside(plugin, staging, request.filename, names)
        return staging.commit(names)


def _write_archive(
    plugin: Format, extension: str, data: SeriesData, place: Address, options: Mapping[str, Any]
) -> list[Place]:
    """Write one format into a new archive, which takes the place of an old one."""
    if place.archive is None:
        raise WriteError(f'{shown(place.url)} is no archive')
    below, filename = _member_name(plugin, place)
    with place.transport.staged(place.url, False, options) as staging:
        folder = staging.folder / 'members'
        folder.mkdir()
        written = plugin.write(data, WriteRequest(folder, filename, options, extension))
        files = [(below + name, folder / name) for name in written]
        packed = basename(place.url)
        old = staging.present('').get(packed)
        if old is not None and not options.get('overwrite'):
            _keep_archive(plugin, place.archive, old, {name for name, _ in files}, options)
        place.archive.pack(files, staging.folder / packed, options)
        return staging.commit([packed])


def _member_name(plugin: Format, place: Address) -> tuple[str, str | None]:
    """Return the folder in an archive to write into, '' or with '/', and the name of the file there."""
    member = place.member or ''
    if not member.strip('/'):
        return '', None
    name = checked_name(shown(place.url), member)
    if not member.endswith('/') and (plugin.single_file or name.lower().endswith(plugin.extensions)):
        if not name.lower().endswith(plugin.extensions):
            name += plugin.extensions[0]
        below, slash, filename = name.rpartition('/')
        return below + slash, filename
    return f'{name}/', None


def _keep_archive(
    plugin: Format, archive: Archive, old: Source, names: set[str], options: Mapping[str, Any]
) -> None:
    """Refuse to replace an archive, unless it holds nothing but what the same program wrote there.

    Raises
    ------
    FileAlreadyExistsError
    """
    try:
        members = archive.members(old, None, options)
    except (CorruptFileError, NoArchiveError) as error:
        raise FileAlreadyExistsError(
            f'{old.name} is there, and cannot be read ({error}): choose another name, or replace it with '
            'overwrite=True'
        ) from error
    for member in members:
        if member.name.removeprefix(f'{old.name}?') not in names or not _wrote(plugin, member):
            raise FileAlreadyExistsError(
                f'{old.name} holds something else, such as {member.name}: choose another name, or replace '
                'the archive with overwrite=True'
            )


def _wrote(plugin: Format, source: Source) -> bool:
    with source.local() as path:
        return plugin.wrote(path)


def _keep_others(plugin: Format, staging: Staging, folder: str, names: Sequence[str]) -> None:
    """Refuse to write a series into a folder that holds images of another one.

    What the same program wrote there before is replaced, when none of it would be left.

    Raises
    ------
    FileAlreadyExistsError
    """
    if plugin.single_file:
        return
    folders = {'', *(name.rpartition('/')[0] for name in names), *_like_ours(staging, '')}
    for below in sorted(folders):
        new = {name.rpartition('/')[2] for name in names if name.rpartition('/')[0] == below}
        for name, source in staging.present(below).items():
            if source is None:
                if name in new:
                    raise WriteError(
                        f'in {folder}, {name} is a folder: a file cannot replace it; move it, or write '
                        'elsewhere'
                    )
            elif name not in new and _is_of(plugin, name, source):
                raise FileAlreadyExistsError(
                    f'{folder} holds images of another series, such as {source.name}: choose another folder, '
                    'or write there all the same with overwrite=True'
                )
            elif name in new and not _wrote(plugin, source):
                raise FileAlreadyExistsError(
                    f'{source.name} is there, and was not written by imagedata: choose another folder, '
                    'or replace it with overwrite=True'
                )


def _keep_beside(plugin: Format, staging: Staging, filename: str | None, names: Sequence[str]) -> None:
    """Refuse to mix a file with those beside it that belong to another one.

    Its voxels may take the name of a file that is there: `a.raw` of both `a.mhd` and `a.nhdr`. What
    lay beside an older image of its name would be read as its own. And images of a longer stack would
    be left between those of a shorter one.

    Raises
    ------
    FileAlreadyExistsError
    """
    pattern = None if filename is None else numbered(filename)
    if pattern is None and not plugin.single_file:
        return
    own = names[0] if filename is None or filename not in names else filename
    further = [name for name in names if name != own]
    companions = [] if pattern else [name for name in plugin.companions(own) if name not in names]
    if not further and not companions and not pattern:
        return
    there = staging.present('')
    if pattern is not None:
        others = [name for name in there if pattern.fullmatch(name) and name not in names]
        problem = 'is there, and would be taken for one of these images'
    elif own in there:
        others = [name for name in companions if name in there]
        problem = f'belongs to the {own} that is replaced, and would be read with the new one'
    else:
        others = [name for name in (*further, *companions) if name in there]
        problem = f'is there, and belongs to another file than {own}'
    if others:
        raise FileAlreadyExistsError(
            f'{others[0]} {problem}: move it or choose another name, or write there all the same with '
            'overwrite=True'
        )


_NUMBERED = re.compile(r'[a-z]+[0-9]+')


def _like_ours(staging: Staging, below: str) -> list[str]:
    """Return folders below one that are named as those of tags and slices: time0, slice0/te1."""
    found = []
    for name, source in staging.present(below).items():
        if source is None and _NUMBERED.fullmatch(name):
            inner = f'{below}/{name}' if below else name
            found += [inner, *_like_ours(staging, inner)]
    return found


def _is_of(plugin: Format, name: str, source: Source) -> bool:
    """Return whether a file is of a format: by its name; on the local disk by its content as well."""
    if name.lower().endswith(plugin.extensions):
        return True
    if source.path is None or not source.path.is_file():
        return False
    try:
        with source.open() as file:
            return plugin.identifies(name, file.read(HEAD))
    except PermissionError:
        return False  # nobody reads it together with what is written
