"""Files behind URLs: opened for reading, and put into place together."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import copyfileobj
from tempfile import SpooledTemporaryFile
from threading import Lock
from typing import Any, BinaryIO, cast

from ..archives.staging import staging_name
from ..errors import ImagedataError, InputNotFoundError, WriteError
from ..formats.contract import Source
from ..progress import told, tracked
from .connect import Store, StoreError

__all__ = ['RemoteStaging', 'Together', 'opened']

_SMALL = 16 << 20
"""Files up to so many bytes are fetched at once."""

_BLOCK = 4 << 20
_BUFFER = 1 << 18
_IN_MEMORY = 64 << 20
_TOGETHER = 16
_AT_ONCE = 8
"""Files that are uploaded, or moved, at a time."""

_WITH_FOLDERS = ('sftp', 'ssh', 'smb', 'ftp')
"""Stores in which a folder has to be made; in the others, a name with '/' is enough."""


def opened(store: Store, path: str, size: int | None) -> BinaryIO:
    """Open a file for reading bytes, with `seek`.

    A small one is fetched at once; a large one is read in parts as they are asked for. Where
    the server cannot give parts, or does not tell the size, it is fetched once: into memory,
    or into a temporary file without a name where it is large.

    Parameters
    ----------
    store : Store
    path : str
    size : int or None
        Bytes, as a listing has it; None: not known.
    """
    if size is not None and (size <= _SMALL or store.scheme == 'memory'):
        data = store.call(lambda fs: fs.cat_file(path))
        if len(data) != size:
            raise StoreError(f'{store.shown}: {path} has {size} bytes, and {len(data)} came: try again')
        return io.BytesIO(data)
    if size is not None:
        remote = _RemoteFile(store, path, size)
        if remote.gives_parts():
            return cast(BinaryIO, io.BufferedReader(remote, _BUFFER))
    return _fetched(store, path)


class Together:
    """Small files of one listing, fetched some at a time: waiting for each alone takes longest.

    Parameters
    ----------
    store : Store
    sizes : mapping of str to int or None
        Bytes by path, in the order in which the files will be read.
    """

    def __init__(self, store: Store, sizes: Mapping[str, int | None]) -> None:
        self._store = store
        self._sizes = sizes
        small = [path for path, size in sizes.items() if size is not None and size <= _SMALL // _TOGETHER]
        self._small = {path: number for number, path in enumerate(small)}
        self._paths = small
        self._held: dict[str, bytes] = {}
        self._lock = Lock()

    def open(self, path: str) -> BinaryIO:
        """Open a file for reading bytes, with `seek`."""
        size = self._sizes[path]
        if path not in self._small or len(self._paths) == 1:
            return opened(self._store, path, size)
        with self._lock:
            if path not in self._held:
                self._held = self._store.call(lambda fs: self._fetch(fs, self._small[path]))
            # Whoever opens it again is not helped by those that were beside it.
            data = self._held.pop(path, None)
        return io.BytesIO(data) if data is not None and len(data) == size else opened(self._store, path, size)

    def _fetch(self, fs: Any, first: int) -> dict[str, bytes]:
        """Return the content of files by path, without those that failed."""
        if not fs.async_impl:
            return {}
        paths = self._paths[first : first + _TOGETHER]
        found = fs.cat_ranges(paths, [0] * len(paths), [self._sizes[path] for path in paths])
        return {path: data for path, data in zip(paths, found, strict=True) if isinstance(data, bytes)}


def _fetched(store: Store, path: str) -> BinaryIO:
    """Fetch a whole file, in one stream."""

    def fetch(fs: Any) -> SpooledTemporaryFile[bytes]:
        file = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by who reads it
        try:
            if store.is_web:
                fs.get_file(path, file)
            else:
                with fs.open(path, 'rb') as remote:
                    copyfileobj(remote, file, _BLOCK)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file

    return cast(BinaryIO, store.call(fetch))


class _RemoteFile(io.RawIOBase):
    """A large file, read in parts; the connection is made anew where it breaks."""

    def __init__(self, store: Store, path: str, size: int) -> None:
        self._store = store
        self._path = path
        self._size = size
        self._at = 0
        self._far = 0
        self._file: Any = None

    def gives_parts(self) -> bool:
        """Return whether the server sends parts of files."""
        if not self._store.is_web:
            return True

        def probe(fs: Any) -> bool:
            try:
                with fs.open(self._path, 'rb', block_size=_BLOCK, cache_type='none') as file:
                    # The beginning of a file can be had from any server.
                    file.seek(1)
                    return len(file.read(16)) == 16
            except ValueError:
                # How fsspec says that all of the file came.
                return False

        return self._store.call(probe)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast('B')
        wanted = min(len(view), max(0, self._size - self._at))
        if not wanted:
            return 0
        data = self._store.call(lambda fs: self._read(fs, wanted))
        view[: len(data)] = data
        self._at += len(data)
        if self._at > self._far:
            self._far = self._at
            told('Fetching', self._far, self._size)
        return len(data)

    def _read(self, fs: Any, wanted: int) -> bytes:
        if self._file is None:
            self._file = fs.open(self._path, 'rb', block_size=_BLOCK)
        try:
            self._file.seek(self._at)
            data = bytes(self._file.read(wanted))
            if not data:
                raise EOFError(f'the file ends at byte {self._at} of {self._size}')
        except BaseException:
            self._drop()
            raise
        return data

    def _drop(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError, EOFError):
                file.close()

    def close(self) -> None:
        if not self.closed:
            self._drop()
        super().close()


class RemoteStaging:
    """Files that are uploaded under temporary names, and then moved into place.

    Stores have no transactions: a program that is killed between the first move and the last
    leaves some files of the old and some of the new series. All that can be undone is.

    Parameters
    ----------
    folder : Path
        Where the files are written first.
    store : Store
    base : str
        The path in the store of the folder that they go into.
    """

    def __init__(self, folder: Path, store: Store, base: str) -> None:
        self.folder = folder
        self._store = store
        self._base = base

    def _path(self, name: str) -> str:
        return f'{self._base}/{name}' if name else self._base

    def present(self, below: str) -> Mapping[str, Source | None]:
        """Return what is directly in a folder of the target."""
        from .fsspectransport import name_of

        folder = self._path(below)
        try:
            found = self._store.call(lambda fs: fs.ls(folder or '/', detail=True))
        except InputNotFoundError:
            return {}
        entries: dict[str, Source | None] = {}
        for info in found:
            path, size = info['name'].rstrip('/'), info.get('size')
            if path.rpartition('/')[0].lstrip('/') != folder.strip('/'):
                continue
            source = Source(
                name_of(self._store, path), None, lambda p=path, s=size: opened(self._store, p, s)  # type: ignore[misc]
            )
            entries[path.rpartition('/')[2]] = None if info['type'] == 'directory' else source
        return entries

    def commit(self, names: Sequence[str]) -> list[Path | str]:
        """Upload files, and move them into place; several at a time where the store can.

        Raises
        ------
        WriteError
        """
        from .fsspectransport import name_of

        part = self._path(staging_name('upload'))
        with self._folders() as make, self._removing(part, names):
            for name in names:
                make(f'{part}/{name}'.rpartition('/')[0])
            self._each(lambda name: self._upload(self.folder / name, f'{part}/{name}'), names, 'Uploading')
            for name in names:
                make(self._path(name).rpartition('/')[0])
            self._move_all(part, names)
        return [name_of(self._store, self._path(name)) for name in names]

    def _each(self, action: Callable[[str], None], names: Sequence[str], what: str) -> None:
        """Do something for each name, in their order, or several at a time.

        The first error in that order is raised, when all that had begun have ended. Libraries with
        one connection, which they do not share among threads, do one after another.
        """
        if len(names) < 2 or not self._store.call(lambda fs: bool(fs.async_impl)):
            for name in tracked(names, what):
                action(name)
            return
        with ThreadPoolExecutor(_AT_ONCE, 'imagedata-upload') as pool:
            futures = [pool.submit(action, name) for name in names]
            try:
                for future in tracked(futures, what):
                    future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _upload(self, path: Path, target: str) -> None:
        self._store.call(lambda fs: fs.put_file(str(path), target))
        size = self._store.call(lambda fs: fs.info(target))['size']
        wanted = path.stat().st_size
        if size != wanted:
            raise WriteError(f'{self._store.shown}: {size} of {wanted} bytes of {path.name} arrived')

    def _move_all(self, part: str, names: Sequence[str]) -> None:
        """Move uploaded files to where they belong; what is there is moved aside first.

        What a move that failed has done is not known: it may have been done, or half of it.
        """
        saved: dict[str, str] = {}
        placed: set[str] = set()
        aside = {name: f'{part}/.old{number}' for number, name in enumerate(names)}

        def place(name: str) -> None:
            final = self._path(name)
            there = self._kind(final)
            if there == 'directory':
                raise WriteError(f'{name} in {self._store.shown} is a folder: a file cannot replace it')
            if there is not None:
                saved[final] = aside[name]
                self._move(final, aside[name])
            placed.add(final)
            self._move(f'{part}/{name}', final)

        try:
            self._each(place, names, 'Placing')
        except BaseException:
            for final in placed:
                with suppress(ImagedataError):
                    self._remove(final)
            for final, old in saved.items():
                with suppress(ImagedataError):
                    if final in placed or self._kind(final) is None:
                        self._move(old, final)
                    else:
                        self._remove(old)
            raise
        for old in saved.values():
            with suppress(ImagedataError):
                self._remove(old)

    def _kind(self, path: str) -> str | None:
        """Return what is there: 'file', 'directory' or nothing."""
        try:
            return str(self._store.call(lambda fs: fs.info(path))['type'])
        except InputNotFoundError:
            return None

    def _move(self, source: str, target: str) -> None:
        from fsspec import AbstractFileSystem

        def move(fs: Any) -> None:
            if type(fs).mv is not AbstractFileSystem.mv:
                fs.mv(source, target)
            else:
                fs.cp_file(source, target)
                fs.rm_file(source)

        self._store.call(move)

    def _remove(self, path: str) -> None:
        self._store.call(lambda fs: fs.rm_file(path))

    @contextmanager
    def _removing(self, part: str, names: Sequence[str]) -> Iterator[None]:
        """Remove what is left under temporary names."""
        try:
            yield
        except BaseException:
            for name in names:
                with suppress(ImagedataError):
                    self._remove(f'{part}/{name}')
            raise

    @contextmanager
    def _folders(self) -> Iterator[Any]:
        """Give a function that makes a folder; those that are empty in the end are removed."""
        made: list[str] = []
        known: set[str] = set()

        def make(folder: str) -> None:
            if self._store.scheme not in _WITH_FOLDERS or not folder.strip('/') or folder in known:
                return
            if self._kind(folder) is None:
                make(folder.rpartition('/')[0])
                made.append(folder)
                self._store.call(lambda fs: fs.mkdir(folder, create_parents=False))
            known.add(folder)

        try:
            yield make
        finally:
            for folder in reversed(made):
                if not self._is_filled(folder):
                    with suppress(ImagedataError):
                        self._store.call(lambda fs, f=folder: fs.rmdir(f))  # type: ignore[misc]

    def _is_filled(self, folder: str) -> bool:
        with suppress(ImagedataError):
            return bool(self._store.call(lambda fs: fs.ls(folder, detail=False)))
        return True
