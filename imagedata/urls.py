"""Where images are: what a path or URL names, through transports and archives, to read and to write.

`file.zip?folder/*.dcm` names members of an archive, wherever that is; so does fsspec's way to
say it, `zip://folder/*.dcm::s3://bucket/file.zip`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from os import fspath
from typing import Any

from .archives.contract import Archive
from .errors import CorruptFileError
from .formats.contract import Source
from .registry import archives, formats, transport_for
from .transports.address import basename, scheme_of, shown
from .transports.contract import Transport
from .transports.filetransport import local_path

__all__ = ['Address', 'address', 'note', 'shown_all', 'sources', 'unpacked']

_HEAD = 512
_CHAINED = re.compile(r'(?:zip|tar)://(.*?)::(.+)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """What a path or URL names.

    Parameters
    ----------
    url : str
        Path or URL of the file, folder or pattern, without what names members; of `file:` the path.
    member : str or None
        What names members of the archive; None: nothing does.
    archive : Archive or None
        The kind of archive that the name tells.
    transport : Transport
    """

    url: str
    member: str | None
    archive: Archive | None
    transport: Transport


def address(text: str) -> Address:
    """Return what a path or URL names.

    Raises
    ------
    NoTransportError
        When nothing knows its scheme.
    """
    url, member = _divided(text)
    if url.startswith('file:'):
        # Names of files come from it, in which '%20' would stand for itself.
        url = str(local_path(url)) + ('/' if url.endswith('/') else '')
    return Address(url, member, _by_name(url), transport_for(scheme_of(url)))


def _divided(text: str) -> tuple[str, str | None]:
    """Divide into the URL of a file and what names members in it."""
    chained = _CHAINED.fullmatch(text)
    if chained:
        return chained[2], chained[1]
    for mark in re.finditer(r'\?', text):
        url, member = text[: mark.start()], text[mark.end() :]
        if _by_name(url) is None:
            continue
        # 'https://host/file.zip?download=1' is a question to the server; a second '?' may follow.
        if scheme_of(text) in ('http', 'https') and '=' in member.partition('?')[0]:
            query, more, rest = member.partition('?')
            return f'{url}?{query}', rest if more else None
        return url, member
    return text, None


def _by_name(url: str) -> Archive | None:
    """Return the archive whose extension a name has."""
    path = url.partition('?')[0] if scheme_of(url) in ('http', 'https') else url
    lower = path.lower()
    known = archives()
    # Asked for every file of a folder, of which next to none is an archive.
    if not lower.endswith(_endings(known)):
        return None
    return next(plugin for plugin in known if lower.endswith(tuple(plugin.extensions)))


@lru_cache(maxsize=1)
def _endings(plugins: tuple[Archive, ...]) -> tuple[str, ...]:
    return tuple(extension for plugin in plugins for extension in plugin.extensions)


def sources(text: str, options: Mapping[str, Any], alone: bool = True) -> list[Source]:
    """Return the files that a path or URL names, those in an archive that it names instead of it.

    Parameters
    ----------
    text : str
    options : mapping
    alone : bool
        Whether it is the only one that the user gave. Then a single file whose name tells
        nothing is looked at: it may be an archive.

    Raises
    ------
    InputNotFoundError
        When nothing is there.
    CorruptFileError
        When an archive is damaged, may do harm, or is none.
    """
    place = address(text)
    found = place.transport.sources(place.url, options)
    named = place.archive is not None or place.member is not None
    if named and place.member is None and all(_is_below(source, place.url) for source in found):
        return found  # a folder whose name looks like that of an archive
    if not named and not (alone and len(found) == 1 and _says_nothing(place.url)):
        return found
    members: list[Source] = []
    for source in found:
        archive = _identified(source)
        if archive is not None:
            members += _members(archive, source, place.member, options)
        elif named:
            raise CorruptFileError(
                f'{source.name} is no archive that can be read ({_kinds()}): it is damaged, or something '
                'else under a wrong name'
            )
        else:
            members.append(source)
    return members


def unpacked(source: Source, options: Mapping[str, Any]) -> list[Source]:
    """Return the members of a file that is an archive, else the file itself."""
    archive = _identified(source)
    return [source] if archive is None else list(archive.members(source, None, options))


def _is_below(source: Source, folder: str) -> bool:
    return source.name.startswith(shown(folder).rstrip('/') + '/')


def _members(
    archive: Archive, source: Source, member: str | None, options: Mapping[str, Any]
) -> list[Source]:
    """Return the members that are named, of an archive in the archive too: 'inner.zip?folder/*.dcm'."""
    for mark in re.finditer(r'\?', member or ''):
        inner, rest = (member or '')[: mark.start()], (member or '')[mark.end() :]
        if _by_name(inner) is not None:
            inside = archive.members(source, inner, options)
            return [found for each in inside for found in _opened(each, rest, options)]
    found = archive.members(source, member, options)
    if member is not None and len(found) == 1 and _by_name(found[0].basename) is not None:
        return _opened(found[0], None, options)
    return found


def _opened(source: Source, member: str | None, options: Mapping[str, Any]) -> list[Source]:
    """Return members of an archive that is one itself, or the file, where it is none."""
    archive = _identified(source)
    if archive is None:
        if member is None:
            return [source]
        raise CorruptFileError(f'{source.name} is no archive that can be read ({_kinds()}): correct the name')
    return _members(archive, source, member, options)


def _says_nothing(url: str) -> bool:
    """Return whether the name of a file has no extension of a format."""
    lower = basename(url).lower()
    return not any(lower.endswith(tuple(plugin.extensions)) for plugin in formats())


def _identified(source: Source) -> Archive | None:
    """Return the archive that a file is, by its content."""
    head = source.head()[:_HEAD]
    return next((plugin for plugin in archives() if plugin.identifies(source.basename, head)), None)


def _kinds() -> str:
    return ', '.join(_endings(archives()))


def note(source: Source) -> str:
    """Return why a file that was found in a folder is no image, where its name tells: it is an archive."""
    if _by_name(source.name) is None:
        return ''
    return 'an archive in a folder or in another archive is not opened: name it to read it'


def shown_all(urls: Sequence[Any]) -> str:
    """Return paths and URLs as a message may show them."""
    return ', '.join(shown(fspath(url)) for url in urls)
