"""Archives: where files are found together, and written together.

The functions here are those of imagedata 3, for programs and plugins that open archives themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ArchivePluginNotFound, FileAlreadyExistsError

if TYPE_CHECKING:
    from .abstractarchive import AbstractArchive

__all__ = [
    'ArchivePluginNotFound',
    'FileAlreadyExistsError',
    'find_mimetype_plugin',
    'find_plugin',
    'get_archiver_list',
]


def get_archiver_list() -> list[tuple[str, str, type]]:
    """Return the archive plugins: (entry point name, plugin name, class)."""
    from ..registry import plugin_list

    return plugin_list('archive')


def find_plugin(
    pfind: str, url: str, mode: str = 'r', opts: Mapping[str, Any] | None = None
) -> AbstractArchive:
    """Open an archive with the plugin of a name.

    Parameters
    ----------
    pfind : str
        'filesystem', 'zip', ...
    url : str
    mode : str
        'r' or 'w'.
    opts : mapping, optional

    Raises
    ------
    ArchivePluginNotFound
    """
    from ..legacy.opened import opened_archive

    return opened_archive(pfind, url, mode, opts or {})


def find_mimetype_plugin(
    mimetype: str | None,
    url: str,
    mode: str = 'r',
    read_directory_only: bool = False,
    opts: Mapping[str, Any] | None = None,
) -> AbstractArchive:
    """Open an archive with the first plugin for a MIME type; None, and '*': as files of a folder.

    Raises
    ------
    ArchivePluginNotFound
    """
    from ..registry import archives

    if mimetype in (None, '*'):
        return find_plugin('filesystem', url, mode, opts)
    for plugin in archives():
        if mimetype in getattr(plugin, 'mimetypes', ()):
            return find_plugin(plugin.name, url, mode, opts)
    raise ArchivePluginNotFound(f'no archive plugin is for files of type {mimetype}')
