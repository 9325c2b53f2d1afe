"""Zip archives: members are read where they are, and packed when they are written."""

from __future__ import annotations

import io
import stat
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, cast

from ..errors import CorruptFileError, ImagedataError, NoArchiveError
from ..formats.contract import Source
from .members import DAMAGED, Index, Member, limits

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

__all__ = ['ZipfileArchive']

_IN_MEMORY = 64 << 20
"""Members up to so many bytes are unpacked at once: small reads through zipfile are slow."""

_ENCRYPTED = 0x1
_PACKED_ALREADY = ('.gz', '.bz2', '.xz', '.zst', '.zip', '.png', '.jpg', '.jpeg', '.npz')


class ZipfileArchive:
    """Zip archives."""

    plugin_type: ClassVar[str] = 'archive'
    name: ClassVar[str] = 'zip'
    description: ClassVar[str] = 'Zip archives'
    extensions: ClassVar[tuple[str, ...]] = ('.zip',)
    mimetypes: ClassVar[tuple[str, ...]] = ('application/zip',)

    def identifies(self, name: str, head: bytes) -> bool:
        """Return whether a file begins as a zip archive: with a member, or with its end."""
        return head.startswith((b'PK\3\4', b'PK\5\6'))

    def members(self, source: Source, pattern: str | None, options: Mapping[str, Any]) -> list[Source]:
        """Return the members that a pattern means.

        Raises
        ------
        CorruptFileError
            When the archive is damaged, or a member would do harm.
        NoArchiveError
            When a member is encrypted, or packed in a way that Python does not know.
        """
        from zipfile import BadZipFile, ZipFile

        bounds = limits(options)
        file = source.open()
        size = file.seek(0, io.SEEK_END)
        try:
            archive = ZipFile(file)
        except (BadZipFile, EOFError, ValueError, NotImplementedError) as error:
            file.close()
            if isinstance(error.__context__, ImagedataError):
                # zipfile takes every failure to read for a sign that it is no archive.
                raise error.__context__ from None
            raise CorruptFileError(f'{source.name} is no whole zip archive ({error}): {DAMAGED}') from error
        # The sources share it, and it is closed when the last of them is gone.
        weakref.finalize(archive, file.close)
        entries = [_member(info) for info in archive.infolist() if not info.is_dir()]
        index = Index(source, entries, lambda m: _opened(archive, source.name, m), bounds)
        return index.select(pattern, size)

    def pack(self, files: Sequence[tuple[str, Path]], target: Path, options: Mapping[str, Any]) -> None:
        """Write an archive; what is compressed already is stored as it is."""
        from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

        with ZipFile(target, 'x', strict_timestamps=False) as archive:
            for name, path in files:
                method = ZIP_STORED if name.lower().endswith(_PACKED_ALREADY) else ZIP_DEFLATED
                archive.write(path, name, method)


def _member(info: ZipInfo) -> Member:
    # The upper 16 bits are those of stat where the archive was made on Unix, else 0.
    kind = stat.S_IFMT(info.external_attr >> 16)
    refusal = ''
    if kind == stat.S_IFLNK:
        refusal = 'is a link'
    elif kind not in (0, stat.S_IFREG):
        refusal = 'is a device, and no file'
    encrypted = bool(info.flag_bits & _ENCRYPTED)
    return Member(info.filename, info.file_size, info.compress_size, info, refusal, encrypted)


def _opened(archive: ZipFile, name: str, member: Member) -> BinaryIO:
    """Open a member."""
    info: ZipInfo = member.entry
    with _damage(f'{name}?{info.filename}'):
        if info.file_size <= _IN_MEMORY:
            return io.BytesIO(archive.read(info))
        return cast(BinaryIO, io.BufferedReader(_Large(archive, name, info), 1 << 20))


@contextmanager
def _damage(name: str) -> Iterator[None]:
    """Turn what is raised for a member that cannot be unpacked into an error that names it."""
    import lzma
    import zlib
    from zipfile import BadZipFile

    try:
        yield
    except NotImplementedError as error:
        raise NoArchiveError(f'{name} is packed in an unknown way ({error}): pack it anew') from error
    except (BadZipFile, EOFError, zlib.error, lzma.LZMAError) as error:
        raise CorruptFileError(f'{name} cannot be unpacked ({error}): {DAMAGED}') from error


class _Large(io.RawIOBase):
    """A member that is unpacked while it is read."""

    def __init__(self, archive: ZipFile, name: str, info: ZipInfo) -> None:
        # The file below is closed when nobody holds the archive any more.
        self._archive = archive
        self._file = archive.open(info)
        self._name = f'{name}?{info.filename}'

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with _damage(self._name):
            return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast('B')
        with _damage(self._name):
            data = self._file.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()
