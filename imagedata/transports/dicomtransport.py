"""PACS: images read and written over the network protocol of DICOM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

from ..errors import InputNotFoundError, WriteError
from ..formats.contract import Source
from .contract import Place
from .sending import Sending, sending

__all__ = ['DicomTransport']


class DicomTransport:
    """Transport for `dicom://host:port/AETITLE/patient/study/series/instance`, `dicoms://` with TLS.

    What is read comes into memory, and touches no disk.
    """

    plugin_type: ClassVar[str] = 'transport'
    name: ClassVar[str] = 'dicom'
    description: ClassVar[str] = 'PACS: DICOM over the network'
    schemes: ClassVar[tuple[str, ...]] = ('dicom', 'dicoms')
    only_format: ClassVar[str] = 'dicom'

    def sources(self, url: str, options: Mapping[str, Any]) -> list[Source]:
        """Return the images that a URL names, fetched.

        Raises
        ------
        InputNotFoundError
            When the server has none of that kind.
        NetworkError, NetworkTimeoutError
            When it is not there, refuses, or not all images arrive.
        """
        from ..network.address import Wanted, parse
        from ..network.find import find_images
        from ..network.retrieve import retrieved
        from ..network.settings import Settings

        peer, wanted = parse(url)
        settings = Settings.of(options, peer)
        series = options.get('input_serinsuid')
        if series:
            wanted = Wanted({**wanted.keys, 'SeriesInstanceUID': str(series)})
        images = find_images(peer, wanted, settings)
        if not images:
            named = ', '.join(wanted.keys)
            raise InputNotFoundError(
                f'{peer} has no image of that {named}: image_list {peer} lists what it has'
            )
        held = retrieved(peer, images, settings)
        return [
            Source(peer.url(i.study, i.series, i.uid), None, lambda data=held[i.uid]: BytesIO(data))  # type: ignore[misc]
            for i in images
        ]

    def listing(self, url: str, options: Mapping[str, Any]) -> list[dict[str, str]]:
        """Return the series that a URL names; none is fetched.

        Raises
        ------
        NetworkError, NetworkTimeoutError
        """
        from ..network.address import parse
        from ..network.find import find_series
        from ..network.settings import Settings

        peer, wanted = parse(url)
        return [dict(series.values) for series in find_series(peer, wanted, Settings.of(options, peer))]

    def is_folder(self, url: str, options: Mapping[str, Any]) -> bool:
        """Return True: a server takes any number of images."""
        return True

    def staged(
        self, url: str, folder: bool, options: Mapping[str, Any]
    ) -> AbstractContextManager[Sending]:
        """Give a staging from which images are sent when all have been made."""
        from ..network.address import parse
        from ..network.settings import Settings
        from ..network.store import outgoing, store

        peer, wanted = parse(url)
        if wanted.keys:
            raise WriteError(
                f'write to {peer}: which patient and study images are of, they say themselves'
            )
        settings = Settings.of(options, peer)

        def send(made: Path, names: Sequence[str]) -> list[Place]:
            items = [outgoing(made / name) for name in names]
            store(items, peer, settings)
            return [peer.url(item.study, item.series, item.uid) for item in items]

        return sending(send)
