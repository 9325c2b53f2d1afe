"""XNAT servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from ..formats.contract import Made, Source
from .contract import Place
from .sending import SendsImages

__all__ = ['XnatTransport']


class XnatTransport(SendsImages):
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

    def sender(
        self, url: str, options: Mapping[str, Any]
    ) -> Callable[[Sequence[Made]], list[Place]]:
        """Return what sends images to an experiment."""
        from ..network.settings import Settings
        from ..network.xnat import parse, upload

        at, settings = parse(url), Settings.of(options)

        def send(files: Sequence[Made]) -> list[Place]:
            upload(at, files, settings, bool(options.get('overwrite')))
            return [f'{at}/{at.project}/{at.subject}/{at.experiment}/{file.name}' for file in files]

        return send
