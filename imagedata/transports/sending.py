"""Writing to a server of images: made in a folder of their own, then sent together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ..formats.contract import Source
from .contract import Place

__all__ = ['Sending', 'sending']

Send = Callable[[Path, Sequence[str]], list[Place]]


@dataclass(frozen=True, slots=True)
class Sending:
    """The staging of a server: images are sent when all of them have been made.

    Parameters
    ----------
    folder : Path
    send : function of (folder, names)
        Sends the files, and returns where each is then.
    """

    folder: Path
    send: Send

    def present(self, below: str) -> Mapping[str, Source | None]:
        """Return nothing: a server adds to what it has, and keeps series apart by their UIDs."""
        return {}

    def commit(self, names: Sequence[str]) -> list[Place]:
        """Send the files.

        Raises
        ------
        TransferError
            When not all of them are stored.
        """
        return self.send(self.folder, names)


@contextmanager
def sending(send: Send) -> Iterator[Sending]:
    """Give a staging in a temporary folder, gone afterwards."""
    with TemporaryDirectory(prefix='imagedata-') as place:
        yield Sending(Path(place), send)
