# ruff: noqa: D102 - documented in the base class
"""What plugins of imagedata 3 take for an archive: files to read, and a folder to write in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from io import RawIOBase
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, Any, ClassVar, cast

from ..archives.abstractarchive import AbstractArchive, Member, filled
from ..errors import InputNotFoundError, WriteError
from ..formats.contract import Source
from .local import LocalTransport

__all__ = ['FolderArchive', 'SourceArchive']


class _Named(RawIOBase):
    """A file that is open for reading, with a `name` that is a text: plugins look at it."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file = file
        self.name = name

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
        super().close()


class _Archive(AbstractArchive):
    """What both have in common."""

    name: ClassVar[str] = 'filesystem'  # type: ignore[misc]

    def __init__(self, root: str, base: str) -> None:
        super().__init__(self.name, 'Files', '', '', '', ['*'])
        self._root, self._base = root, base
        self.transport = LocalTransport()

    def use_query(self) -> bool:
        return False

    def basename(self, filehandle: Member) -> str:
        return Path(filehandle.filename).name

    def getmembers(self, files: Sequence[str] | None = None) -> list[Member]:
        return [Member(name) for name in self.getnames(files)]

    def exists(self, member: Any) -> bool:
        return _name(member) in self.getnames()

    def is_file(self, member: Any) -> bool:
        return self.exists(member)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class SourceArchive(_Archive):
    """Files to read, by the names of their sources; copied to the disk for those who ask for a path.

    Parameters
    ----------
    sources : sequence of Source
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        names = [source.name for source in sources]
        root = os.path.dirname(names[0]) if names else ''
        super().__init__(root, '')
        self._sources = {source.name: source for source in sources}
        self._copies: str | None = None

    def getnames(self, files: Sequence[str] | None = None) -> list[str]:
        if not files:
            return sorted(self._sources)
        return sorted(n for n in self._sources if any(n == f or fnmatch(n, f) for f in files))

    def _source(self, member: Any) -> Source:
        name = _name(member)
        if name not in self._sources:
            raise InputNotFoundError(f'there is no {name} among the files that are read')
        return self._sources[name]

    def open(self, member: Any, mode: str = 'rb') -> IO[bytes]:
        if not mode.startswith('r'):
            raise WriteError(f'{_name(member)} is open for reading only')
        source = self._source(member)
        if source.path is not None:
            return source.path.open('rb')
        return cast('IO[bytes]', _Named(source.open(), source.name))

    def to_localfile(self, member: Member) -> str:
        source = self._source(member)
        if source.path is not None:
            return str(source.path)
        if self._copies is None:
            self._copies = mkdtemp(prefix='imagedata-')
        copy = Path(self._copies, source.basename)
        with source.open() as file, copy.open('wb') as out:
            shutil.copyfileobj(file, out)
        return str(copy)

    def close(self) -> None:
        if self._copies is not None:
            shutil.rmtree(self._copies, ignore_errors=True)
            self._copies = None

    def construct_filename(self, tag: tuple[Any, ...] | None, query: str | None = None) -> str:
        raise WriteError('these files are open for reading only')

    def new_local_file(self, filename: str) -> Member:
        raise WriteError('these files are open for reading only')

    def add_localfile(self, local_file: str, filename: str) -> None:
        raise WriteError('these files are open for reading only')

    def writedata(self, filename: str, data: bytes) -> None:
        raise WriteError('these files are open for reading only')


class FolderArchive(_Archive):
    """A local folder to write in; nothing is written outside of it.

    Parameters
    ----------
    folder : Path
    base : str
        Name that the user gave the file; '': the plugin chooses names.
    done : function, optional
        Called once when it is closed.
    """

    def __init__(self, folder: Path, base: str = '', done: Callable[[], None] | None = None) -> None:
        super().__init__(str(folder), base)
        self._folder = folder
        self._done = done

    def _place(self, member: Any) -> Path:
        name = _name(member)
        place = Path(os.path.normpath(self._folder / name))
        if not place.is_relative_to(self._folder):
            raise WriteError(f'a plugin wants to write {name!r}, which is outside of the target')
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def getnames(self, files: Sequence[str] | None = None) -> list[str]:
        there = (path for path in self._folder.rglob('*') if path.is_file())
        names = sorted(path.relative_to(self._folder).as_posix() for path in there)
        return [n for n in names if not files or any(n == f or fnmatch(n, f) for f in files)]

    def open(self, member: Any, mode: str = 'rb') -> IO[bytes]:
        binary = mode if 'b' in mode else mode + 'b'
        return cast('IO[bytes]', self._place(member).open(binary))

    def construct_filename(self, tag: tuple[Any, ...] | None, query: str | None = None) -> str:
        """Return the user's name, else the fallback, with the tag in it and an extension."""
        name = query or self.base or self.fallback or 'Image'
        known = tuple(self.extensions) or ((self.default_extension,) if self.default_extension else ())
        if self.default_extension and not name.lower().endswith(known):
            name += self.default_extension
        return filled(name, tag)

    def new_local_file(self, filename: str) -> Member:
        return Member(filename, local_file=str(self._place(filename)))

    def to_localfile(self, member: Member) -> str:
        return str(self._place(member))

    def add_localfile(self, local_file: str, filename: str) -> None:
        place = self._place(filename)
        if Path(local_file).resolve() != place.resolve():
            shutil.copyfile(local_file, place)

    def writedata(self, filename: str, data: bytes) -> None:
        self._place(filename).write_bytes(data)

    def close(self) -> None:
        done, self._done = self._done, None
        if done is not None:
            done()


def _name(member: Any) -> str:
    return str(member.filename if isinstance(member, Member) else member)
