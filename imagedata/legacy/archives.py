"""Archive plugins of imagedata 3."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

from ..archives.abstractarchive import Member
from ..archives.contract import Archive
from ..errors import InputNotFoundError, NoArchiveError
from ..formats.contract import Source
from .local import LocalTransport

__all__ = ['LegacyArchive']


class LegacyArchive(Archive):
    """A subclass of `AbstractArchive`, or a class like one, as an archive of this version.

    It is known by the MIME type of its file name, and read from the local disk only.

    Parameters
    ----------
    plugin : type
    """

    plugin_type = 'archive'

    def __init__(self, plugin: type) -> None:
        self.plugin = plugin
        # Class attributes in the contract: here there is one object for each class.
        self.name = str(getattr(plugin, 'name', ''))
        self.description = str(getattr(plugin, 'description', ''))
        types = tuple(str(m) for m in getattr(plugin, 'mimetypes', ()) if m != '*')
        self.mimetypes = types
        endings = (e for m in types for e in mimetypes.guess_all_extensions(m, strict=False))
        self.extensions = tuple(dict.fromkeys(endings))

    def identifies(self, name: str, head: bytes) -> bool:
        """Return whether the name says so."""
        return mimetypes.guess_type(name, strict=False)[0] in self.mimetypes

    def members(self, source: Source, pattern: str | None, options: Mapping[str, Any]) -> list[Source]:
        """Return the members of an archive on the local disk."""
        if source.path is None:
            raise NoArchiveError(f'{source.name}: plugin {self.name} reads from local disk: copy it there')
        with self._opened(source.path, 'r', options) as archive:
            names = archive.getnames([pattern] if pattern else None)
        if not names:
            raise InputNotFoundError(f'{source.name} has no member {pattern or ""}')
        return [
            Source(f'{source.name}?{name}', opener=partial(self._open, source.path, name, dict(options)))
            for name in sorted(names)
        ]

    def _open(self, path: Path, name: str, options: Mapping[str, Any]) -> BinaryIO:
        from io import BytesIO

        with self._opened(path, 'r', options) as archive, archive.open(Member(name), 'rb') as file:
            return BytesIO(file.read())

    def pack(self, files: Sequence[tuple[str, Path]], target: Path, options: Mapping[str, Any]) -> None:
        """Write an archive."""
        with self._opened(target, 'w', options) as archive:
            for name, path in files:
                archive.add_localfile(str(path), name)

    def _opened(self, path: Path, mode: str, options: Mapping[str, Any]) -> Any:
        return cast(Any, self.plugin)(
            transport=LocalTransport(), url=str(path), mode=mode, opts=dict(options)
        )
