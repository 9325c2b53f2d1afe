"""Tar archives, plain or compressed with gzip, bzip2, xz or Zstandard."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, cast

from ..errors import CorruptFileError, ImagedataError, MissingDependencyError
from ..formats.contract import Source
from .members import DAMAGED, Index, Limits, Member, Part, Shared, limits, meant, plain_name

if TYPE_CHECKING:
    from tarfile import TarFile, TarInfo

__all__ = ['TarfileArchive']

_BLOCK = 512
_KEPT = 2 * 10240

_PACKINGS = {
    'gz': ('.tar.gz', '.tgz'),
    'bz2': ('.tar.bz2', '.tbz2', '.tbz'),
    'xz': ('.tar.xz', '.txz'),
    'zst': ('.tar.zst', '.tzst'),
}
"""Compressions, and the extensions of archives that have them."""

_HEADS = {'gz': b'\x1f\x8b', 'bz2': b'BZh', 'xz': b'\xfd7zXZ\0', 'zst': b'\x28\xb5\x2f\xfd'}
"""First bytes of each."""


class TarfileArchive:
    """Tar archives.

    The members of a plain one are read where they are. A compressed one has to be unpacked from
    its beginning to find anything in it: that is done once, and the bytes of the wanted members
    are held in memory.
    """

    plugin_type: ClassVar[str] = 'archive'
    name: ClassVar[str] = 'tar'
    description: ClassVar[str] = 'Tar archives: plain, gzip, bzip2, xz, Zstandard'
    extensions: ClassVar[tuple[str, ...]] = ('.tar', *(e for group in _PACKINGS.values() for e in group))
    mimetypes: ClassVar[tuple[str, ...]] = ('application/x-tar', 'application/gzip')

    def identifies(self, name: str, head: bytes) -> bool:
        """Return whether a file is a tar archive; a compressed one needs a name that says so."""
        return head[257:262] == b'ustar' or (
            name.lower().endswith(self.extensions) and _packing(head) is not None
        )

    def members(self, source: Source, pattern: str | None, options: Mapping[str, Any]) -> list[Source]:
        """Return the members that a pattern means.

        Raises
        ------
        CorruptFileError
            When the archive is damaged, or a member would do harm.
        MissingDependencyError
            When it is compressed with Zstandard, and there is no package for it.
        """
        bounds = limits(options)
        raw = source.open()
        size = raw.seek(0, io.SEEK_END)
        raw.seek(0)
        packing = _packing(raw.read(_BLOCK))
        raw.seek(0)
        shared = Shared(raw)
        held: dict[int, bytes] = {}
        with _damage(source.name, packing):
            if packing is None:
                entries = list(_listed(source.name, raw))
            else:
                entries = list(_held(source.name, raw, packing, pattern, bounds, held))

        def opener(member: Member) -> BinaryIO:
            if packing is None:
                part = Part(shared, member.entry, member.size)
                return cast(BinaryIO, io.BufferedReader(part, 1 << 16))
            return _from_memory(source, packing, member, held)

        return Index(source, entries, opener, bounds).select(pattern, size)

    def pack(self, files: Sequence[tuple[str, Path]], target: Path, options: Mapping[str, Any]) -> None:
        """Write an archive, compressed as its name says; it does not tell who wrote it."""
        import tarfile

        lower = target.name.lower()
        packing = next((kind for kind, ends in _PACKINGS.items() if lower.endswith(ends)), None)
        with (
            target.open('xb') as raw,
            _packed(packing, raw) as file,
            tarfile.open(fileobj=file, mode='w', format=tarfile.PAX_FORMAT) as archive,
        ):
            for name, path in files:
                archive.add(path, name, recursive=False, filter=_anonymous)


def _anonymous(info: TarInfo) -> TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ''
    info.mode = 0o644
    return info


def _packing(head: bytes) -> str | None:
    return next((kind for kind, magic in _HEADS.items() if head.startswith(magic)), None)


def _zstd() -> Any:
    """Return the module for Zstandard: that of Python 3.14, or the same for older ones."""
    from importlib import import_module

    for name in ('compression.zstd', 'backports.zstd'):
        try:
            return import_module(name)
        except ImportError:
            continue
    raise MissingDependencyError(
        "archives that are compressed with Zstandard (.tar.zst) need a package: pip install 'imagedata[zstd]'"
    )


def _unpacked(packing: str, raw: BinaryIO) -> Any:
    """Return a file of the unpacked bytes."""
    import bz2
    import lzma

    from isal import igzip

    if packing == 'gz':
        unpacking: Any = igzip.IGzipFile
        return unpacking(fileobj=raw, mode='rb')
    if packing == 'bz2':
        return bz2.BZ2File(raw)
    return lzma.LZMAFile(raw) if packing == 'xz' else _zstd().ZstdFile(raw)


def _packed(packing: str | None, raw: BinaryIO) -> Any:
    """Return a file that packs what is written to it; `raw` stays open."""
    import bz2
    import gzip
    import lzma
    from contextlib import nullcontext

    if packing is None:
        return nullcontext(raw)
    if packing == 'gz':
        # Neither name nor time are stored: the same files give the same bytes.
        return gzip.GzipFile('', 'wb', 6, raw, 0)
    if packing == 'bz2':
        return bz2.BZ2File(raw, 'wb')
    return lzma.LZMAFile(raw, 'wb') if packing == 'xz' else _zstd().ZstdFile(raw, 'wb')


@contextmanager
def _damage(name: str, packing: str | None = None) -> Iterator[None]:
    """Turn what the libraries raise for damaged archives into an error that names it."""
    import lzma
    import tarfile
    import zlib

    from isal import isal_zlib

    damage: list[Any] = [EOFError, OSError, ValueError, tarfile.TarError, zlib.error, lzma.LZMAError]
    damage.append(isal_zlib.error)
    if packing == 'zst':
        damage.append(_zstd().ZstdError)
    try:
        yield
    except tuple(damage) as error:
        # The disk and the network have errors of their own, and those have numbers.
        if isinstance(error, ImagedataError) or getattr(error, 'errno', None) is not None:
            raise
        raise CorruptFileError(f'{name} is no whole tar archive ({error}): {DAMAGED}') from error


def _listed(name: str, file: BinaryIO) -> Iterator[Member]:
    """Return the members of a plain archive."""
    import tarfile

    with tarfile.open(fileobj=file, mode='r:') as archive:
        yield from (member for _, member in _walked(name, archive))
        file.seek(archive.offset)
        _check_end(name, file.read(_BLOCK), archive)


def _held(
    name: str,
    raw: BinaryIO,
    packing: str,
    pattern: str | None,
    bounds: Limits,
    held: dict[int, bytes],
) -> Iterator[Member]:
    """Return the members of a compressed archive, and hold the bytes of those that fit a pattern."""
    import tarfile

    means = meant(pattern)
    with _unpacked(packing, raw) as unpacked:
        file = _Counted(name, unpacked, raw, bounds)
        with tarfile.open(fileobj=cast(BinaryIO, file), mode='r|') as archive:
            for info, member in _walked(name, archive):
                if not member.refusal and means(plain_name(member.stored)):
                    bounds.check(f'{name}?{member.stored}', info.size, 1 << 62)
                    held[info.offset_data] = _content(archive, info)
                yield member
            _check_end(name, file.block(archive.offset), archive)
        # The checksum comes last.
        while file.read(1 << 20):
            pass


def _content(archive: TarFile, info: TarInfo) -> bytes:
    file = archive.extractfile(info)
    data = file.read() if file is not None else b''
    if len(data) != info.size:
        raise EOFError(f'{info.name} ends after {len(data)} of {info.size} bytes')
    return data


def _walked(name: str, archive: TarFile) -> Iterator[tuple[TarInfo, Member]]:
    """Return the members that are no folders, as they come."""
    at = -1
    for info in archive:
        # A size below 0 leads back to where the reader has been, for ever.
        if info.size < 0 or info.offset <= at:
            raise EOFError(f'{info.name!r} has a size of {info.size} bytes')
        at = info.offset
        if not info.isdir():
            yield info, Member(info.name, info.size, info.size, info.offset_data, _refusal(info))


def _refusal(info: TarInfo) -> str:
    if info.issym() or info.islnk():
        return 'is a link'
    if info.isdev():
        return 'is a device, and no file'
    return 'has holes (a sparse file)' if info.sparse is not None else ''


def _check_end(name: str, block: bytes, archive: TarFile) -> None:
    """Refuse an archive that ends before its end mark, a block of zeros: members may be missing."""
    if len(block) < _BLOCK or block.strip(b'\0'):
        names = archive.getnames()
        after = f' after the member {names[-1]!r}' if names else ''
        raise CorruptFileError(f'{name} ends{after} without the mark for the end of a tar archive: {DAMAGED}')


def _from_memory(source: Source, packing: str, member: Member, held: Mapping[int, bytes]) -> BinaryIO:
    """Open a member of a compressed archive; one that is not held is looked for once more."""
    if member.entry in held:
        return io.BytesIO(held[member.entry])
    with _damage(source.name, packing), source.open() as raw, _unpacked(packing, raw) as unpacked:
        unpacked.seek(member.entry)
        return io.BytesIO(unpacked.read(member.size))


class _Counted(io.RawIOBase):
    """Unpacked bytes on their way to tarfile, counted; the last ones are kept.

    Parameters
    ----------
    name : str
    unpacked, raw : binary file
        The unpacked bytes, and the packed ones that they come from.
    bounds : Limits
    """

    def __init__(self, name: str, unpacked: BinaryIO, raw: BinaryIO, bounds: Limits) -> None:
        self._name = name
        self._unpacked = unpacked
        self._raw = raw
        self._bounds = bounds
        self._count = 0
        self._last = b''

    def read(self, size: int = -1) -> bytes:
        """Read bytes.

        Raises
        ------
        CorruptFileError
            When they become too many.
        """
        data = self._unpacked.read(size)
        self._count += len(data)
        self._bounds.check(self._name, self._count, self._raw.tell())
        if data:
            self._last = self._last[-_KEPT:] + data
        return data

    def block(self, offset: int) -> bytes:
        """Return the block at an offset among the last bytes that were read."""
        start = offset - (self._count - len(self._last))
        return self._last[start : start + _BLOCK] if start >= 0 else b''
