"""XNAT servers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

from ..formats.contract import Source
from .contract import Place
from .sending import Sending, sending

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

    def staged(
        self, url: str, folder: bool, options: Mapping[str, Any]
    ) -> AbstractContextManager[Sending]:
        """Give a staging from which images are sent when all have been made."""
        from ..network.settings import Settings
        from ..network.xnat import parse, upload

        at, settings = parse(url), Settings.of(options)

        def send(made: Path, names: Sequence[str]) -> list[Place]:
            upload(at, made, names, settings, bool(options.get('overwrite')))
            return [f'{at}/{at.project}/{at.subject}/{at.experiment}/{name}' for name in names]

        return sending(send)
