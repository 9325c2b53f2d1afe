"""Transport plugins of imagedata 3."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from ..errors import ImagedataError, InputNotFoundError, WriteError
from ..formats.contract import Source
from ..transports.contract import Place, Staging, Transport

__all__ = ['LegacyTransport']


class LegacyTransport(Transport):
    """A subclass of `AbstractTransport`, or a class like one, as a transport of this version.

    User name and password are taken from the URL, or the options `username` and `password`;
    they are in no name of a source. Each file is fetched whole when it is first opened, over a
    connection of its own: plugins of imagedata 3 know one file at a time.

    Parameters
    ----------
    plugin : type
    """

    plugin_type = 'transport'

    def __init__(self, plugin: type) -> None:
        self.plugin = plugin
        # Class attributes in the contract: here there is one object for each class.
        self.name = str(getattr(plugin, 'name', ''))
        self.description = str(getattr(plugin, 'description', ''))
        self.schemes = tuple(str(s).lower() for s in getattr(plugin, 'schemes', ()))

    def sources(self, url: str, options: Mapping[str, Any]) -> list[Source]:
        """Return the files of a file, a folder with all below it, or a pattern, in sorted order."""
        place = _Place.of(self.plugin, url, options)
        with place.connected('r') as transport:
            if transport.isfile(place.root):
                return [place.source(place.root)]
            top, pattern = place.root, '*'
            if any(c in place.root for c in '*?['):
                pattern = place.root
                top = place.root[: min(place.root.find(c) for c in '*?[' if c in place.root)]
                top = top.rpartition('/')[0] or '/'
            paths = [
                path
                for folder, _, files in transport.walk(top)
                for path in (transport.join(folder, name) for name in sorted(files))
                if fnmatch(path, pattern)
            ]
        if not paths:
            raise InputNotFoundError(f'there is nothing at {place.shown(place.root)}: correct the address')
        return [place.source(path) for path in paths]

    def is_folder(self, url: str, options: Mapping[str, Any]) -> bool:
        """Return whether there is a folder of that name: stores that have none take any."""
        return url.endswith('/')

    @contextmanager
    def staged(self, url: str, folder: bool, options: Mapping[str, Any]) -> Iterator[Staging]:
        """Give a staging whose files are sent when they are committed."""
        place = _Place.of(self.plugin, url, options)
        with TemporaryDirectory(prefix='imagedata-') as local:
            yield _Upload(Path(local), place, folder)


@dataclass(frozen=True)
class _Place:
    """What a URL names, and how to get there."""

    plugin: type
    scheme: str
    netloc: str
    root: str
    options: Mapping[str, Any]

    @classmethod
    def of(cls, plugin: type, url: str, options: Mapping[str, Any]) -> _Place:
        parts = urlsplit(url)
        credentials = {'username': options.get('username'), 'password': options.get('password')}
        if parts.username is not None:
            credentials['username'] = unquote(parts.username)
        if parts.password is not None:
            credentials['password'] = unquote(parts.password)
        netloc = parts.netloc.rpartition('@')[2]
        return cls(plugin, parts.scheme, netloc, unquote(parts.path), {**options, **credentials})

    @contextmanager
    def connected(self, mode: str) -> Iterator[Any]:
        """Give a transport of the plugin; what it raises becomes an error about this place."""
        try:
            transport = self.plugin(
                netloc=self.netloc, root=self.root, mode=mode, read_directory_only=False,
                opts=dict(self.options),
            )  # fmt: skip
            try:
                yield transport
            finally:
                transport.close()
        except ImagedataError:
            raise
        except FileNotFoundError as error:
            raise InputNotFoundError(f'{self.shown(self.root)}: {error}') from error
        except Exception as error:
            why = f'{type(error).__name__}: {error}'
            secret = self.options.get('password')
            kind = WriteError if mode == 'w' else InputNotFoundError
            told = why.replace(str(secret), '***') if secret else why
            raise kind(f'{self.shown(self.root)} cannot be reached: {told}') from error

    def shown(self, path: str) -> str:
        """Return the URL of a path, without credentials."""
        return f'{self.scheme}://{self.netloc}{path}'

    def source(self, path: str) -> Source:
        copies: list[Path] = []

        def opener() -> BinaryIO:
            if not copies:
                copies.append(self._fetched(path))
                weakref.finalize(opener, shutil.rmtree, copies[0].parent, ignore_errors=True)
            return copies[0].open('rb')

        return Source(self.shown(path), opener=opener)

    def _fetched(self, path: str) -> Path:
        folder = Path(mkdtemp(prefix='imagedata-'))
        try:
            with (
                self.connected('r') as transport,
                transport.open(path, 'rb') as file,
                (folder / 'copy').open('wb') as copy,
            ):
                shutil.copyfileobj(file, copy)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return folder / 'copy'

    def send(self, file: Path, path: str) -> Place:
        with (
            self.connected('w') as transport,
            transport.open(path, 'wb') as out,
            file.open('rb') as data,
        ):
            shutil.copyfileobj(data, out)
        return self.shown(path)


class _Upload(Staging):
    def __init__(self, folder: Path, place: _Place, is_folder: bool) -> None:
        self.folder = folder
        self._place = place
        root = place.root.rstrip('/')
        self._target = root if is_folder else root.rpartition('/')[0]

    def present(self, below: str) -> Mapping[str, Source | None]:
        return {}

    def commit(self, names: Sequence[str]) -> list[Place]:
        return [self._place.send(self.folder / name, f'{self._target}/{name}') for name in names]
