"""Files on the local disk: plain paths and `file://` URLs."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from ..errors import NoTransportError

__all__ = ['FileTransport']


class FileTransport:
    """Transport for local files."""

    plugin_type: ClassVar[str] = 'transport'
    name: ClassVar[str] = 'file'
    description: ClassVar[str] = 'Files on the local disk'
    schemes: ClassVar[tuple[str, ...]] = ('file',)

    def path(self, url: str) -> Path:
        """Return the local path of a path or `file:` URL."""
        if not url.startswith('file:'):
            return Path(url)
        parts = urlsplit(url)
        if parts.netloc not in ('', 'localhost'):
            raise NoTransportError(f'{url} names the host {parts.netloc!r}: only local files can be read')
        return Path(url2pathname(unquote(parts.path)))
