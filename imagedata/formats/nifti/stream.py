"""The bytes of a NIfTI file, decompressed where needed, read once from front to end."""

from __future__ import annotations

import gzip
from typing import Any

from ...errors import CorruptFileError
from ..contract import Source

__all__ = ['REMEDY', 'Stream']

REMEDY = 'it is truncated or damaged: get it again from where it came from'

_GZIP = b'\x1f\x8b'

_DENSEST = 1040
"""Deflate packs at most 1032 bytes into one."""


class Stream:
    """A file that is read from front to end.

    Parameters
    ----------
    source : Source
    """

    def __init__(self, source: Source) -> None:
        from isal import igzip, isal_zlib

        self.name = source.name
        self.position = 0
        self._peeked = b''
        self._damage: Any = (EOFError, gzip.BadGzipFile, isal_zlib.error)
        self._raw = source.open()
        self.size = source.size()
        self.packed = self._raw.read(2) == _GZIP
        self._raw.seek(0)
        self._file: Any = self._raw
        if self.packed:
            unpacking: Any = igzip.IGzipFile
            self._file = unpacking(fileobj=self._raw, mode='rb')

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._raw.close()

    @property
    def capacity(self) -> int:
        """Number of bytes that the file can hold at most, decompressed."""
        return self.size * _DENSEST if self.packed else self.size

    def fill(self, buffer: memoryview) -> int:
        """Read into a buffer until it is full or the file ends, and return the number of bytes.

        Raises
        ------
        CorruptFileError
            When the compressed data are damaged, or end too early.
        """
        done = min(len(buffer), len(self._peeked))
        buffer[:done] = self._peeked[:done]
        self._peeked = self._peeked[done:]
        try:
            while done < len(buffer):
                count = self._file.readinto(buffer[done:])
                if not count:
                    break
                done += count
        except self._damage as error:
            reason = str(error) or type(error).__name__
            raise CorruptFileError(
                f'{self.name}: the gzip data of {self.size} bytes are broken after '
                f'{self.position + done} decompressed bytes ({reason}); {REMEDY}'
            ) from error
        self.position += done
        return done

    def read(self, count: int) -> bytes:
        """Return the next bytes, fewer where the file ends."""
        buffer = bytearray(count)
        return bytes(buffer[: self.fill(memoryview(buffer))])

    def peek(self, count: int) -> bytes:
        """Return the next bytes, which are still to be read."""
        block = self.read(count)
        self._peeked = block + self._peeked
        self.position -= len(block)
        return block

    def skip(self, count: int | None = None) -> int:
        """Pass over bytes, all that are left without `count`, and return their number."""
        buffer = memoryview(bytearray(1 << 20))
        passed = 0
        while count is None or passed < count:
            wanted = len(buffer) if count is None else min(len(buffer), count - passed)
            done = self.fill(buffer[:wanted])
            passed += done
            if done < wanted:
                break
        return passed
