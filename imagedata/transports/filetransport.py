"""Files on the local disk: plain paths and `file://` URLs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ..archives.filesystemarchive import Commit, find, staged
from ..errors import NoTransportError, WriteError
from ..formats.contract import Source
from .contract import Place

__all__ = ['FileTransport', 'local_path']


def local_path(url: str) -> Path:
    """Return the local path of a path or `file:` URL.

    Raises
    ------
    NoTransportError
        When the URL names another host.
    """
    if not url.startswith('file:'):
        return Path(url)
    parts = urlsplit(url)
    if parts.netloc not in ('', 'localhost'):
        raise NoTransportError(f'{url} names the host {parts.netloc!r}: only local files can be read')
    return Path(url2pathname(parts.path))


class FileTransport:
    """Transport for local files."""

    plugin_type: ClassVar[str] = 'transport'
    name: ClassVar[str] = 'file'
    description: ClassVar[str] = 'Files on the local disk'
    schemes: ClassVar[tuple[str, ...]] = ('file',)

    def sources(self, url: str, options: Mapping[str, Any]) -> list[Source]:
        """Return the files of a file, folder or pattern."""
        return find(local_path(url))

    def is_folder(self, url: str, options: Mapping[str, Any]) -> bool:
        """Return whether there is a folder of that name."""
        return local_path(url).is_dir()

    @contextmanager
    def staged(self, url: str, folder: bool, options: Mapping[str, Any]) -> Iterator[_LocalStaging]:
        """Give a staging on the same disk, from which files are moved."""
        target = local_path(url)
        if folder and target.exists() and not target.is_dir():
            raise WriteError(f'{target} is a file, and a folder is to be written: choose another name')
        with staged(target) as (place, commit):
            yield _LocalStaging(place, target if folder else target.parent, commit)


@dataclass(frozen=True, slots=True)
class _LocalStaging:
    """Files that are moved into place on the local disk."""

    folder: Path
    target: Path
    move: Commit

    def present(self, below: str) -> Mapping[str, Source | None]:
        """Return what is directly in a folder of the target."""
        place = self.target / below
        if not place.is_dir():
            return {}
        with os.scandir(place) as entries:
            return {
                entry.name: None if entry.is_dir() else Source(entry.path, Path(entry.path))
                for entry in sorted(entries, key=lambda e: e.name)
            }

    def commit(self, names: Sequence[str]) -> list[Place]:
        """Move files into place."""
        self.move([(name, self.target / name) for name in names])
        return [self.target / name for name in names]
