"""Files compressed with gzip by several threads, each block by itself.

A block ends at a whole byte, by an empty stored block (RFC 1951, 3.2.4: what zlib calls a sync flush), so
that blocks which were compressed beside each other make one stream behind each other: one member of gzip (RFC
1952), which every reader takes. Threads wait for nothing but their block: an interrupted program ends.
"""

from __future__ import annotations

import os
import struct
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = ['PackedFile']

_BLOCK = 1 << 20
"""Bytes that a thread compresses at a time."""

_HEAD = b'\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff'
"""Deflate; no name, no time and no system: the same bytes for the same content."""

_END = b'\x03\x00'
"""A last block without content."""


class PackedFile:
    """A file that is compressed while it is written, for use in a `with` statement.

    Parameters
    ----------
    path : Path
    level : int
        0 (fast) to 3 (small), as isal counts.
    threads : int, optional
        By default as many as there are processors, four at most.
    """

    def __init__(self, path: Path, level: int, threads: int | None = None) -> None:
        self._level = level
        self._threads = threads or min(4, os.cpu_count() or 1)
        self._rest = bytearray()
        self._waiting: deque[Future[bytes]] = deque()
        self._crc = 0
        self._size = 0
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix='gzip')
        self._file = path.open('wb')
        self._file.write(_HEAD)

    def __enter__(self) -> PackedFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._pool.shutdown(cancel_futures=True)
            self._file.close()

    def write(self, data: Any) -> None:
        """Add bytes; they may change afterwards."""
        view = memoryview(data).cast('B')
        at = 0
        if self._rest:
            at = min(_BLOCK - len(self._rest), len(view))
            self._rest += view[:at]
            if len(self._rest) < _BLOCK:
                return
            self._add(bytes(self._rest))
            self._rest.clear()
        while len(view) - at >= _BLOCK:
            self._add(bytes(view[at : at + _BLOCK]))
            at += _BLOCK
        self._rest += view[at:]

    def _add(self, block: bytes) -> None:
        from isal import isal_zlib

        self._crc = isal_zlib.crc32(block, self._crc)
        self._size += len(block)
        self._waiting.append(self._pool.submit(_deflated, block, self._level))
        if len(self._waiting) > 2 * self._threads:
            self._file.write(self._waiting.popleft().result())

    def _finish(self) -> None:
        if self._rest:
            self._add(bytes(self._rest))
        while self._waiting:
            self._file.write(self._waiting.popleft().result())
        self._file.write(_END + struct.pack('<II', self._crc, self._size & 0xFFFFFFFF))


def _deflated(block: bytes, level: int) -> bytes:
    """Return a block compressed, up to a whole byte."""
    from isal import isal_zlib

    packer = isal_zlib.compressobj(level, isal_zlib.DEFLATED, -15)
    return bytes(packer.compress(block) + packer.flush(isal_zlib.Z_SYNC_FLUSH))
