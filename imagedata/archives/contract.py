"""What an archive plugin is: one file that holds many, read without unpacking it, and written whole.

A plugin is found by an entry point in the group `imagedata_plugins`. Its module must be cheap to
import: import heavy libraries in the functions that use them. It is made without arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

from ..formats.contract import Source

__all__ = ['Archive']


class Archive(Protocol):
    """An archive plugin.

    Options are those of the user: `archive_max_bytes` and `archive_max_ratio` bound what the
    members may unpack to, and hold for every archive.
    """

    plugin_type: ClassVar[str]
    name: ClassVar[str]
    description: ClassVar[str]
    extensions: ClassVar[tuple[str, ...]]
    mimetypes: ClassVar[tuple[str, ...]]

    def identifies(self, name: str, head: bytes) -> bool:
        """Return whether a file is such an archive.

        Parameters
        ----------
        name : str
            The name of the file.
        head : bytes
            Its first bytes, 512 at most.
        """
        ...

    def members(self, source: Source, pattern: str | None, options: Mapping[str, Any]) -> list[Source]:
        """Return the files in an archive, in sorted order; none is written to the disk.

        Parameters
        ----------
        source : Source
            The archive.
        pattern : str or None
            Which ones: a member, a folder with all below it, or a pattern such as
            'folder/*.dcm'. None: all.
        options : mapping

        Returns
        -------
        list of Source
            Each with an opener, named 'archive.zip?folder/member'.

        Raises
        ------
        InputNotFoundError
            When no member is named so.
        CorruptFileError
            When the archive is damaged, or may do harm: a member whose name climbs out, a
            link, a device, more bytes than the limits allow.
        MissingDependencyError
            When a package is needed to unpack it.
        """
        ...

    def pack(self, files: Sequence[tuple[str, Path]], target: Path, options: Mapping[str, Any]) -> None:
        """Write an archive.

        Parameters
        ----------
        files : sequence of (str, Path)
            The name of each member, with '/', and the file that it is made of.
        target : Path
            The archive, which is not there yet; its name tells how to compress.
        options : mapping
        """
        ...
