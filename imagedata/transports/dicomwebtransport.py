"""PACS over HTTP: DICOMweb."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import WriteError
from ..formats.contract import Made, Source
from .contract import Place
from .sending import SendsImages

if TYPE_CHECKING:
    from ..network.dicomweb import Service

__all__ = ['DicomWebTransport']


class DicomWebTransport(SendsImages):
    """Transport for `dicomweb://host:port/path/studies/UID/series/UID`, `dicomwebs://` with TLS."""

    plugin_type: ClassVar[str] = 'transport'
    name: ClassVar[str] = 'dicomweb'
    description: ClassVar[str] = 'PACS over HTTP: DICOMweb'
    schemes: ClassVar[tuple[str, ...]] = ('dicomweb', 'dicomwebs')
    only_format: ClassVar[str] = 'dicom'
    requires: ClassVar[Mapping[str, str]] = {'dicomweb_client': 'imagedata[dicomweb]'}

    def sources(self, url: str, options: Mapping[str, Any]) -> list[Source]:
        """Return the images that a URL names, fetched; with `headers_only`, without their pixels.

        Raises
        ------
        InputNotFoundError
            When the server has none of that kind.
        NetworkError, NetworkTimeoutError
        """
        from ..network.dicomweb import parse, service_images
        from ..network.settings import Settings

        service = parse(url)
        settings = Settings.of(options)
        found = service_images(service, settings, bool(options.get('headers_only')))
        return [
            Source(_place(service, i.study, i.series, i.uid), None, lambda data=data: BytesIO(data))  # type: ignore[misc]
            for i, data in found
        ]

    def listing(self, url: str, options: Mapping[str, Any]) -> list[dict[str, str]]:
        """Return the series that a URL names; none is fetched.

        Raises
        ------
        NetworkError, NetworkTimeoutError
        """
        from ..network.dicomweb import parse, series_of
        from ..network.settings import Settings

        return [dict(series.values) for series in series_of(parse(url), Settings.of(options))]

    def sender(
        self, url: str, options: Mapping[str, Any]
    ) -> Callable[[Sequence[Made]], list[Place]]:
        """Return what sends images to the server.

        Raises
        ------
        WriteError
            When the URL names more than the service.
        """
        from ..network.dicomweb import parse, store_at
        from ..network.settings import Settings
        from ..network.store import outgoing

        service, settings = parse(url), Settings.of(options)
        if service.keys:
            raise WriteError(f'write to {service}: which study images are of, they say themselves')

        def send(files: Sequence[Made]) -> list[Place]:
            items = [outgoing(file) for file in files]
            store_at(service, items, settings)
            return [_place(service, item.study, item.series, item.uid) for item in items]

        return send


def _place(service: Service, study: str, series: str, uid: str) -> str:
    return f'dicomweb{service.url.removeprefix("http")}/studies/{study}/series/{series}/instances/{uid}'
