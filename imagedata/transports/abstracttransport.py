"""The transport plugin class of imagedata 3, for plugins that were written for it.

New plugins follow `imagedata.transports.contract.Transport`.
"""

from __future__ import annotations

import posixpath
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import IO, Any, ClassVar

__all__ = ['AbstractTransport']


class AbstractTransport(ABC):
    """Base of transport plugins of imagedata 3.

    Plugins are made with (netloc, root, mode, read_directory_only, opts), and reach what is at
    `root`.
    """

    plugin_type: ClassVar[str] = 'transport'
    schemes: Any = ()
    mimetype: str = '*'

    def __init__(
        self,
        name: str,
        description: str,
        authors: str,
        version: str,
        url: str,
        schemes: Sequence[str] | None = None,
    ) -> None:
        self.name, self.description = name, description
        self.authors, self.version, self.url = authors, version, url
        self.schemes = list(schemes or ())

    @abstractmethod
    def walk(self, top: str) -> Iterator[tuple[str, list[str], list[str]]]:
        """Give (folder, names of its folders, names of its files) for all folders below one."""

    @abstractmethod
    def isfile(self, path: str) -> bool:
        """Return whether there is a file of that path."""

    @abstractmethod
    def exists(self, path: str) -> bool:
        """Return whether there is something of that path."""

    @abstractmethod
    def open(self, path: str, mode: str = 'r') -> IO[bytes]:
        """Open a file for bytes."""

    @abstractmethod
    def close(self) -> None:
        """Finish what was written, and close."""

    @abstractmethod
    def info(self, path: str) -> str:
        """Return a line that describes a path."""

    def join(self, *parts: str) -> str:
        """Return parts of a path as one."""
        return posixpath.join(*parts)

    def normpath(self, path: str) -> str:
        """Return a path without '.', '..' and double slashes."""
        return posixpath.normpath(path)
