# ruff: noqa: D102 - documented in the base class
"""The local disk as plugins of imagedata 3 see it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import IO, Any, cast

from ..transports.abstracttransport import AbstractTransport

__all__ = ['LocalTransport']


class LocalTransport(AbstractTransport):
    """Transport for local files, with paths as names."""

    schemes = ('file',)

    def __init__(self, netloc: Any = None, root: Any = None, mode: str = 'r', *args: Any) -> None:
        super().__init__('file', 'Files on the local disk', '', '', '', self.schemes)
        self.root = root

    def walk(self, top: str) -> Iterator[tuple[str, list[str], list[str]]]:
        for folder, folders, files in os.walk(top):
            folders.sort()
            yield folder, folders, sorted(files)

    def isfile(self, path: str) -> bool:
        return os.path.isfile(path)

    def exists(self, path: str) -> bool:
        return os.path.exists(path)

    def open(self, path: str, mode: str = 'r') -> IO[bytes]:
        return cast('IO[bytes]', open(path, mode if 'b' in mode else mode + 'b'))

    def close(self) -> None:
        pass

    def info(self, path: str) -> str:
        return f'{path} {os.path.getsize(path)}'
