"""Files behind URLs, through fsspec: web servers, object stores, SFTP, SMB, FTP, memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from ..archives.staging import is_staging
from ..errors import InputNotFoundError, WriteError
from ..formats.contract import Source
from .address import basename, shown
from .connect import BACKENDS, CACHES, Store, StoreError
from .remote import RemoteStaging, Together

__all__ = ['FsspecTransport']

_MAGIC = ('*', '[')


class FsspecTransport:
    """Transport for what fsspec reaches.

    Credentials come from where each library looks for them: `~/.netrc`, the configuration of
    boto, keys of SSH, the environment; or from `storage_options`. They are in no message.
    """

    plugin_type: ClassVar[str] = 'transport'
    name: ClassVar[str] = 'fsspec'
    description: ClassVar[str] = 'Web servers, S3, Google Cloud, SFTP, SMB, FTP, memory'
    schemes: ClassVar[tuple[str, ...]] = tuple(BACKENDS)

    def sources(self, url: str, options: Mapping[str, Any]) -> list[Source]:
        """Return the files of a file, a folder with all below it, or a pattern, in sorted order.

        Raises
        ------
        InputNotFoundError
            When nothing is there.
        StoreError
            When the store cannot be reached, or refuses.
        """
        store = Store(url, options)
        files = dict(sorted(_files(store).items()))
        together = Together(store, files)
        return [_source(store, path, files, together) for path in files]

    def is_folder(self, url: str, options: Mapping[str, Any]) -> bool:
        """Return whether there is a folder of that name."""
        store = Store(url, options)
        if store.is_web:
            return url.endswith('/')
        return store.call(lambda fs: bool(fs.isdir(store.path)))

    @contextmanager
    def staged(self, url: str, folder: bool, options: Mapping[str, Any]) -> Iterator[RemoteStaging]:
        """Give a local folder, whose files are uploaded.

        Raises
        ------
        WriteError
            When the store takes no files, or fails.
        """
        store = Store(url, options)
        if store.is_web or store.scheme in CACHES:
            raise WriteError(f'{store.shown}: {store.scheme} is for reading only: write elsewhere')
        path = store.path.rstrip('/')
        base = path if folder else path.rpartition('/')[0]
        with TemporaryDirectory(prefix='imagedata-') as place:
            try:
                yield RemoteStaging(Path(place), store, base)
            except (StoreError, InputNotFoundError) as error:
                raise WriteError(f'{error}; what was there is unchanged') from None


def _files(store: Store) -> dict[str, int | None]:
    """Return the paths in a store that its URL means, with their sizes in bytes where they are told."""
    path = store.path
    if store.is_web:
        if path.endswith('/'):
            return _web_folder(store, path)
    elif not path.endswith('/'):
        found = _listed(store, path)
        if found:
            return found
    else:
        return _listed(store, path.rstrip('/')) or _nothing(store)
    if any(mark in path for mark in _MAGIC):
        return _matching(store, path)
    if not store.is_web:
        return _nothing(store)
    info = store.call(lambda fs: fs.info(path))
    return {path: info.get('size')}


def _nothing(store: Store) -> dict[str, int | None]:
    raise InputNotFoundError(f'there is no file or folder {store.shown}: correct the URL')


def _listed(store: Store, path: str) -> dict[str, int | None]:
    """Return a file, or the files below a folder."""

    def find(fs: Any) -> dict[str, Any]:
        if store.scheme == 'ftp' and fs.isfile(path):
            # Asked for the content of a file, FTP servers list the file, as if it were in itself.
            return {path: fs.info(path)}
        found: dict[str, Any] = fs.find(path, detail=True)
        # Some know the name of a single file, and nothing else.
        return {name: info or fs.info(name) for name, info in found.items()}

    found = store.call(find)
    return {
        name: info.get('size')
        for name, info in found.items()
        if not name.endswith('/') and not any(map(is_staging, name.split('/')))
    }


def _web_folder(store: Store, path: str) -> dict[str, int | None]:
    """Return the files that a web page links to, and the pages below it: never above or beside it."""
    files: dict[str, int | None] = {}
    folders, seen = [path], {path}
    while folders:
        folder = folders.pop()
        for link in store.call(lambda fs, page=folder: fs.ls(page, detail=False)):  # type: ignore[misc]
            if link in seen or not link.startswith(folder) or any(c in link[len(folder) :] for c in '?#'):
                continue
            seen.add(link)
            if link.endswith('/'):
                if not is_staging(basename(link[:-1])):
                    folders.append(link)
            else:
                files[link] = None
    return files


def _matching(store: Store, pattern: str) -> dict[str, int | None]:
    """Return the files that fit a pattern, and those in folders that do."""
    first = min(pattern.find(mark) for mark in _MAGIC if mark in pattern)
    base = pattern[: pattern.rfind('/', 0, first) + 1]
    files = _web_folder(store, base) if store.is_web else _listed(store, base.rstrip('/'))
    wanted = pattern[len(base) :].split('/')
    found = {path: size for path, size in files.items() if _fits(path[len(base) :].split('/'), wanted)}
    if not found:
        raise InputNotFoundError(f'no file matches {store.shown}: correct the pattern')
    return found


def _fits(parts: list[str], pattern: list[str]) -> bool:
    """Return whether a path, or a folder that it is in, fits a pattern."""
    if not pattern:
        return True
    if not parts:
        return False
    if pattern[0] == '**':
        return _fits(parts, pattern[1:]) or _fits(parts[1:], pattern)
    return fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])


def _source(store: Store, path: str, files: Mapping[str, int | None], together: Together) -> Source:
    def neighbour(filename: str) -> Source | None:
        other = path.rpartition('/')[0] + '/' + filename
        if other in files:
            return _source(store, other, files, together)
        # The folder was not listed where the file itself was named.
        if len(files) > 1 or '?' in path:
            return None
        try:
            info = store.call(lambda fs: fs.info(other))
        except (InputNotFoundError, StoreError):
            return None
        if info.get('type') != 'file':
            return None
        alone = {other: info.get('size')}
        return _source(store, other, alone, Together(store, alone))

    return Source(name_of(store, path), None, lambda: together.open(path), neighbour)


def name_of(store: Store, path: str) -> str:
    """Return the URL of a path in a store, without credentials."""
    if store.is_web or store.scheme in CACHES:
        return shown(path)
    own = store.path.rstrip('/')
    url = store.shown.rstrip('/')
    start = url[: len(url) - len(own)] if own and url.endswith(own) else f'{store.scheme}://'
    return start + (path if start != f'{store.scheme}://' else path.lstrip('/'))


