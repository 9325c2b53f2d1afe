"""One DICOM file that is compressed with gzip: an archive of one member, named as the file without '.gz'.

NIfTI and other formats that know gzip themselves are no archives.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping, Sequence
from gzip import BadGzipFile
from pathlib import Path
from typing import Any, ClassVar

from ..errors import CorruptFileError, WriteError
from ..formats.contract import Source
from .members import DAMAGED, Index, Limits, Member, limits

__all__ = ['GzipArchive']

_BLOCK = 1 << 20


class GzipArchive:
    """A file compressed with gzip."""

    plugin_type: ClassVar[str] = 'archive'
    name: ClassVar[str] = 'gzip'
    description: ClassVar[str] = 'One DICOM file compressed with gzip'
    extensions: ClassVar[tuple[str, ...]] = ('.dcm.gz', '.ima.gz')
    mimetypes: ClassVar[tuple[str, ...]] = ()

    def identifies(self, name: str, head: bytes) -> bool:
        """Return whether a file is gzip, and named as one of these."""
        return head.startswith(b'\x1f\x8b') and name.lower().endswith(self.extensions)

    def members(self, source: Source, pattern: str | None, options: Mapping[str, Any]) -> list[Source]:
        """Return the one member.

        Raises
        ------
        CorruptFileError
            When the file is damaged, or unpacks to more than the limits allow.
        """
        bounds = limits(options)
        size = source.size()
        content = _unpacked(source, size, bounds)
        member = Member(source.basename[:-3], len(content), size, None)
        return Index(source, [member], lambda _: io.BytesIO(content), bounds).select(pattern, size)

    def pack(self, files: Sequence[tuple[str, Path]], target: Path, options: Mapping[str, Any]) -> None:
        """Compress a file.

        Raises
        ------
        WriteError
            When there are several: gzip holds one.
        """
        from gzip import GzipFile

        if len(files) != 1:
            raise WriteError(f'{target.name} holds one file, and there are {len(files)}: write a .zip')
        with target.open('xb') as raw, GzipFile('', 'wb', 6, raw, 0) as packed:
            packed.write(files[0][1].read_bytes())


def _unpacked(source: Source, size: int, bounds: Limits) -> bytes:
    """Return the content, counted while it is unpacked."""
    from isal import igzip, isal_zlib

    unpacking: Any = igzip.IGzipFile
    damage: tuple[Any, ...] = (EOFError, BadGzipFile, zlib.error, isal_zlib.error)
    content = bytearray()
    try:
        with source.open() as raw, unpacking(fileobj=raw, mode='rb') as file:
            while block := file.read(_BLOCK):
                content += block
                bounds.check(source.name, len(content), size)
    except damage as error:
        raise CorruptFileError(f'{source.name} cannot be unpacked ({error}): {DAMAGED}') from error
    return bytes(content)
