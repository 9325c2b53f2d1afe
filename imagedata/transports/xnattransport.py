"""XNAT servers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

from ..formats.contract import Source
from .contract import Place

if TYPE_CHECKING:
    from ..network.settings import Settings
    from ..network.xnat import Session

__all__ = ['XnatTransport']


class XnatTransport:
    """Transport for `xnat://server/project/subject/experiment/scan`, over HTTPS."""

    plugin_type: ClassVar[str] = 'transport'
    name: ClassVar[str] = 'xnat'
    description: ClassVar[str] = 'XNAT servers'
    schemes: ClassVar[tuple[str, ...]] = ('xnat',)
    only_format: ClassVar[str] = 'dicom'
    requires: ClassVar[Mapping[str, str]] = {'xnat': 'imagedata[xnat]'}

    def sources(self, url: str, options: Mapping[str, Any]) -> list[Source]:
        """Return the files of the scans that a URL names, fetched.

        Raises
        ------
        InputNotFoundError
            When the server has none of that name.
        NetworkError, NetworkTimeoutError
        """
        from ..network.settings import Settings
        from ..network.xnat import files_of, parse

        return files_of(parse(url), Settings.of(options), options)

    def listing(self, url: str, options: Mapping[str, Any]) -> list[dict[str, str]]:
        """Return the scans that a URL names; none is fetched.

        Raises
        ------
        NetworkError, NetworkTimeoutError
        """
        from ..network.settings import Settings
        from ..network.xnat import parse, scans_of

        return scans_of(parse(url), Settings.of(options))

    def is_folder(self, url: str, options: Mapping[str, Any]) -> bool:
        """Return True: an experiment takes any number of images."""
        return True

    @contextmanager
    def staged(self, url: str, folder: bool, options: Mapping[str, Any]) -> Iterator[_Sending]:
        """Give a staging from which images are sent when all have been made."""
        from ..network.settings import Settings
        from ..network.xnat import parse

        session, settings = parse(url), Settings.of(options)
        with TemporaryDirectory(prefix='imagedata-') as place:
            yield _Sending(Path(place), session, settings, bool(options.get('overwrite')))


@dataclass(frozen=True, slots=True)
class _Sending:
    """Images that are sent to a server."""

    folder: Path
    session: Session
    settings: Settings
    overwrite: bool

    def present(self, below: str) -> Mapping[str, Source | None]:
        """Return nothing: the server adds to what it has."""
        return {}

    def commit(self, names: Sequence[str]) -> list[Place]:
        """Send the files.

        Raises
        ------
        TransferError
            When the server does not take them.
        """
        from ..network.xnat import upload

        upload(self.session, self.folder, names, self.settings, self.overwrite)
        s = self.session
        return [f'{s}/{s.project}/{s.subject}/{s.experiment}/{name}' for name in names]
