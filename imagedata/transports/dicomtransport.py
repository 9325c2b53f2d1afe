"""PACS: images read and written over the network protocol of DICOM."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import Any, ClassVar

from ..errors import InputNotFoundError, WriteError
from ..formats.contract import Made, Source
from .contract import Place
from .sending import SendsImages

__all__ = ['DicomTransport']


class DicomTransport(SendsImages):
    """Transport for `dicom://host:port/AETITLE/patient/study/series/instance`, `dicoms://` with TLS.

    What is read comes into memory, and what is written goes from there: neither touches a disk.
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
        held = retrieved(peer, images, wanted, settings)
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

    def sender(
        self, url: str, options: Mapping[str, Any]
    ) -> Callable[[Sequence[Made]], list[Place]]:
        """Return what sends images to the server.

        Raises
        ------
        WriteError
            When the URL names more than the server.
        """
        from ..network.address import parse
        from ..network.settings import Settings
        from ..network.store import outgoing, store

        peer, wanted = parse(url)
        if wanted.keys:
            raise WriteError(
                f'write to {peer}: which patient and study images are of, they say themselves'
            )
        settings = Settings.of(options, peer)

        def send(files: Sequence[Made]) -> list[Place]:
            items = [outgoing(file) for file in files]
            store(items, peer, settings)
            return [peer.url(item.study, item.series, item.uid) for item in items]

        return send
