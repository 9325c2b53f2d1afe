"""What a transport plugin is: it reaches what a URL names, to read it and to put files there.

A plugin is found by an entry point in the group `imagedata_plugins`. Its module must be cheap to
import: import heavy libraries in the functions that use them. It is made without arguments, and
connects to nothing before it is asked for something.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeAlias

from ..formats.contract import Source

__all__ = ['Place', 'Staging', 'Transport']

Place: TypeAlias = Path | str
"""Where a file was written: its path on the local disk, or its URL without credentials."""


class Staging(Protocol):
    """Files on their way: written into a local folder, and then put into place together.

    Attributes
    ----------
    folder : Path
        An empty folder on the local disk, gone when the staging ends.
    """

    folder: Path

    def present(self, below: str) -> Mapping[str, Source | None]:
        """Return what is already there, directly in a folder of the target.

        Parameters
        ----------
        below : str
            The folder, relative to the one that is written, with '/'; '' for that one itself.

        Returns
        -------
        mapping of str to Source or None
            The names of files, each with its source, and of folders, with None. Empty where
            there is no such folder, and where a target has none (a PACS).
        """
        ...

    def commit(self, names: Sequence[str]) -> list[Place]:
        """Put files into place: all of them, or none, with what was there before unchanged.

        Parameters
        ----------
        names : sequence of str
            Paths relative to `folder`, with '/'; each has the same path in the target.

        Returns
        -------
        list of Path or str
            Where each is now.

        Raises
        ------
        WriteError
        """
        ...


class Transport(Protocol):
    """A transport plugin.

    All URLs that it gets are whole, with their scheme; what names a member of an archive
    (`file.zip?member`) was taken off. A source that is not on the local disk has an opener,
    which gives a file with `seek`; `Source.name` never holds a password.

    Options are those of the user: `timeout` in s, `retries`, and `storage_options` (a mapping
    for the library that connects) hold for every transport that can use them.

    Servers of images may have more: `only_format`, the name of the one format that they take;
    `listing(url, options)`, which returns the series that a URL names without fetching them, each
    a mapping of DICOM keywords to texts, for `image_list`; and `sender(url, options)`, which
    returns a function that sends the files that a format has `made`, and returns where each is
    then. Where there is a sender, nothing is staged.
    """

    plugin_type: ClassVar[str]
    name: ClassVar[str]
    description: ClassVar[str]
    schemes: ClassVar[tuple[str, ...]]

    def sources(self, url: str, options: Mapping[str, Any]) -> list[Source]:
        """Return the files of a file, a folder with all below it, or a pattern, in sorted order.

        Raises
        ------
        InputNotFoundError
            When nothing is there.
        """
        ...

    def is_folder(self, url: str, options: Mapping[str, Any]) -> bool:
        """Return whether there is a folder of that name, into which files can be written."""
        ...

    def staged(
        self, url: str, folder: bool, options: Mapping[str, Any]
    ) -> AbstractContextManager[Staging]:
        """Give a staging for a file, or for a folder of files, that is to be written.

        Parameters
        ----------
        url : str
            The target.
        folder : bool
            Whether it is the folder that the files go into; else it is a file, and further
            files may be put beside it.
        options : mapping

        Raises
        ------
        WriteError
            When nothing can be written there; also when it turns out later.
        """
        ...
