"""Archives and transports opened by programs of imagedata 3, over the plugins of both kinds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, Any, cast
from urllib.parse import unquote, urlsplit

from ..archives.abstractarchive import AbstractArchive
from ..errors import InputNotFoundError, NoTransportError, TransportPluginNotFound, WriteError
from ..formats.contract import Source
from ..registry import archive, transport_for
from ..transports.abstracttransport import AbstractTransport
from ..transports.contract import Transport
from .archives import LegacyArchive
from .folders import FolderArchive, SourceArchive
from .local import LocalTransport
from .transports import LegacyTransport

__all__ = ['opened_archive', 'opened_transport']


def opened_archive(name: str, url: str, mode: str, opts: Mapping[str, Any]) -> AbstractArchive:
    """Open an archive on the local disk for reading, or for writing anew.

    Raises
    ------
    ArchivePluginNotFound, InputNotFoundError
    """
    path = Path(url)
    if name == 'filesystem':
        if mode.startswith('r'):
            return SourceArchive(transport_for('file').sources(url, opts))
        folder = path if url.endswith(('/', os.sep)) or path.is_dir() else path.parent
        folder.mkdir(parents=True, exist_ok=True)
        return FolderArchive(folder.resolve(), '' if folder == path else path.name)
    plugin = archive(name)
    if isinstance(plugin, LegacyArchive):
        return cast(AbstractArchive, plugin._opened(path, mode, opts))
    if mode.startswith('r'):
        return SourceArchive(plugin.members(Source(url, path), None, opts))
    staging = Path(mkdtemp(prefix='imagedata-'))

    def pack() -> None:
        try:
            there = sorted(p for p in staging.rglob('*') if p.is_file())
            files = [(p.relative_to(staging).as_posix(), p) for p in there]
            partial = path.with_name(f'.{path.name}.part{path.suffix}')
            plugin.pack(files, partial, opts)
            os.replace(partial, path)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    return FolderArchive(staging.resolve(), '', pack)


def opened_transport(
    scheme: str, netloc: str | None, root: str | None, mode: str, opts: Mapping[str, Any]
) -> AbstractTransport:
    """Open a transport.

    Raises
    ------
    TransportPluginNotFound
    """
    options = dict(opts)
    if '://' in scheme:
        parts = urlsplit(scheme)
        scheme, netloc, root = parts.scheme, parts.netloc.rpartition('@')[2], unquote(parts.path)
        for name, value in (('username', parts.username), ('password', parts.password)):
            if value is not None:
                options[name] = unquote(value)
    try:
        plugin = transport_for(scheme)
    except NoTransportError as error:
        raise TransportPluginNotFound(str(error)) from error
    if isinstance(plugin, LegacyTransport):
        return cast(AbstractTransport, plugin.plugin(netloc, root, mode, False, options))
    if scheme == 'file':
        return LocalTransport(netloc, root, mode)
    return _OpenTransport(plugin, scheme, netloc or '', root or '/', options)


class _OpenTransport(AbstractTransport):
    """A transport of this version, as those of imagedata 3 are used: to read."""

    def __init__(
        self, plugin: Transport, scheme: str, netloc: str, root: str, options: Mapping[str, Any]
    ) -> None:
        super().__init__(plugin.name, plugin.description, '', '', '', plugin.schemes)
        self._plugin, self._options = plugin, options
        self._start, self._netloc = f'{scheme}://{netloc}', netloc
        self.root = root

    def _path(self, source: Source) -> str:
        """Return the path of a source, with a '/' before it."""
        path = source.name.partition('://')[2].removeprefix(self._netloc)
        return '/' + path.lstrip('/')

    def _found(self, path: str) -> list[Source]:
        try:
            return self._plugin.sources(self._start + path, self._options)
        except InputNotFoundError:
            return []

    def walk(self, top: str) -> Iterator[tuple[str, list[str], list[str]]]:
        folders: dict[str, list[str]] = {}
        for source in self._found(top):
            folder, _, name = self._path(source).rpartition('/')
            folders.setdefault(folder, []).append(name)
        for folder in sorted(folders):
            below = {f[len(folder) + 1 :].split('/')[0] for f in folders if f.startswith(folder + '/')}
            yield folder, sorted(below), folders[folder]

    def isfile(self, path: str) -> bool:
        return [self._path(source) for source in self._found(path)] == [path]

    def exists(self, path: str) -> bool:
        return bool(self._found(path))

    def open(self, path: str, mode: str = 'r') -> IO[bytes]:
        if not mode.startswith('r'):
            raise WriteError(f'{self._start}{path}: write a Series there instead')
        found = self._found(path)
        if not found:
            raise InputNotFoundError(f'there is nothing at {self._start}{path}')
        return found[0].open()

    def close(self) -> None:
        pass

    def info(self, path: str) -> str:
        return f'{self._start}{path}'
