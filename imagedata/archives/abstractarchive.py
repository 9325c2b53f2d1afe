"""The archive plugin class of imagedata 3, for plugins that were written for it or use it.

New plugins follow `imagedata.archives.contract.Archive`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import PurePosixPath
from typing import IO, Any, ClassVar

from ..errors import ImagedataError

__all__ = ['AbstractArchive', 'Member', 'NoOtherInstance', 'WriteMultipleArchives', 'filled']


class NoOtherInstance(ImagedataError, ValueError):
    """An archive is already open."""


class WriteMultipleArchives(ImagedataError, ValueError):
    """A member is written to an archive that is not open for writing."""


class Member(AbstractContextManager['Member']):
    """A file in an archive.

    Parameters
    ----------
    filename : str
    info : mapping, optional
    fh : file, optional
    local_file : str, optional
        Path of a copy on the local disk.
    """

    def __init__(self, filename: str, info: Any = None, fh: Any = None, local_file: Any = None) -> None:
        self.filename = filename
        self.info = {} if info is None else info
        self.fh = fh
        self.local_file = local_file

    @property
    def name(self) -> str:
        """File name."""
        return self.filename

    def __exit__(self, *exc: object) -> None:
        if self.fh is not None:
            self.fh.close()


class AbstractArchive(ABC):
    """Base of archive plugins of imagedata 3."""

    plugin_type: ClassVar[str] = 'archive'
    mimetypes: Any

    def __init__(
        self, name: str, description: str, authors: str, version: str, url: str, _mimetypes: Sequence[str]
    ) -> None:
        self.name, self.description = name, description
        self.authors, self.version, self.url = authors, version, url
        self.mimetypes = _mimetypes
        self.transport: Any = None
        self.fallback: str | None = None
        self.level: Any = None
        self.default_extension: str | None = None
        self.extensions: Sequence[str] = ()

    # --- places ----------------------------------------------------------------------------------

    @property
    def root(self) -> str:
        """Folder of the archive."""
        return str(getattr(self, '_root', ''))

    @property
    def base(self) -> str:
        """Name of the archive in its folder."""
        return str(getattr(self, '_base', ''))

    @property
    def path(self) -> str:
        """Folder and name."""
        return str(PurePosixPath(self.root) / self.base)

    # --- names -----------------------------------------------------------------------------------

    def set_member_naming_scheme(
        self,
        fallback: str,
        level: Any = None,
        default_extension: str | None = None,
        extensions: Sequence[str] | None = None,
    ) -> None:
        """Say how members that are written are named, where the user names none.

        Parameters
        ----------
        fallback : str
            Such as 'Image_{:05d}.dcm'.
        level : int
            Number of tag axes.
        default_extension : str
            Given to names that have none.
        extensions : sequence of str
            Those that count as one.
        """
        self.fallback, self.level = fallback, level
        self.default_extension = default_extension
        self.extensions = tuple(extensions or ())

    # --- to be written by a plugin ---------------------------------------------------------------

    @abstractmethod
    def use_query(self) -> bool:
        """Return whether a URL may name members after a '?'."""

    @abstractmethod
    def getnames(self, files: Sequence[str] | None = None) -> list[str]:
        """Return the names of members: all, or those in `files`."""

    @abstractmethod
    def getmembers(self, files: Sequence[str] | None = None) -> list[Member]:
        """Return the members: all, or those in `files`."""

    @abstractmethod
    def basename(self, filehandle: Member) -> str:
        """Return the name of a member without folders."""

    @abstractmethod
    def open(self, member: Any, mode: str = 'rb') -> IO[bytes]:
        """Open a member."""

    @abstractmethod
    def construct_filename(self, tag: tuple[Any, ...] | None, query: str | None = None) -> str:
        """Return the name of the member to write for a tag."""

    @abstractmethod
    def new_local_file(self, filename: str) -> Member:
        """Return a member whose `local_file` can be written; it is in the archive afterwards."""

    @abstractmethod
    def to_localfile(self, member: Member) -> str:
        """Return the path of a local file with the content of a member."""

    @abstractmethod
    def add_localfile(self, local_file: str, filename: str) -> None:
        """Put a local file into the archive."""

    @abstractmethod
    def writedata(self, filename: str, data: bytes) -> None:
        """Write a member."""

    @abstractmethod
    def close(self) -> None:
        """Close the archive."""

    @abstractmethod
    def is_file(self, member: Any) -> bool:
        """Return whether a member is a file."""

    @abstractmethod
    def exists(self, member: Any) -> bool:
        """Return whether there is such a member."""

    @abstractmethod
    def __enter__(self) -> Any: ...

    @abstractmethod
    def __exit__(self, *exc: object) -> Any: ...


_PLACEHOLDER = re.compile(r'\{[^{}]*\}|%0?\d*d')


def filled(name: str, tag: tuple[Any, ...] | None) -> str:
    """Return a file name with its placeholders, '{:05d}' or '%05d', filled with a tag.

    A tag for which there is no placeholder goes before the extension: files of several tags
    must not overwrite each other.

    Examples
    --------
    >>> filled('Image_{0:05d}.dcm', (3,)), filled('z%03d.dcm', None), filled('a.dcm', (7,))
    ('Image_00003.dcm', 'z000.dcm', 'a_00007.dcm')
    """
    values = [] if tag is None else [v if isinstance(v, int) else int(v) for v in tag]
    rest = list(values)

    def fill(match: re.Match[str]) -> str:
        text = match[0]
        value = rest.pop(0) if rest else 0
        if text.startswith('%'):
            return str(text % value)
        return '{{{}}}'.format(':' + text[1:-1].partition(':')[2]).format(value)

    name = _PLACEHOLDER.sub(fill, name)
    if not rest:
        return name
    head, dot, extension = name.rpartition('.')
    suffix = '_' + '_'.join(f'{v:05d}' for v in rest)
    return f'{head}{suffix}.{extension}' if dot else name + suffix
