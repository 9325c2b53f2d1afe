"""DICOMweb: images found (QIDO-RS), fetched (WADO-RS) and stored (STOW-RS) over HTTP (DICOM PS3.18)."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit

from ..errors import (
    ImagedataWarning,
    InputNotFoundError,
    NetworkError,
    NetworkTimeoutError,
    NoDataReadError,
    TransferError,
    WriteError,
)
from ..formats.contract import require
from ..notices import warn_user
from ..progress import told
from .address import LEVELS, matches, wanted_of_query
from .arrived import Expected, incomplete, is_uid
from .association import Lost, with_retries
from .find import FoundImage, FoundSeries, text_of
from .settings import TOKEN_VARIABLE, Settings
from .store import Outgoing

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['Service', 'parse', 'series_of', 'service_images', 'store_at']

T = TypeVar('T')

_PARTS = ('studies', 'series', 'instances', 'frames')
_ORIGINAL = (('application/dicom', '*'),)
_EXPLICIT = '1.2.840.10008.1.2.1'
_PLAIN_FRAMES = (('application/octet-stream', _EXPLICIT),)
_BATCH = 32 << 20
"""Bytes that are sent, and in memory, together."""

_MOST = 1_000_000
"""Answers to one question."""

_PIXELS = ('PixelData', 'FloatPixelData', 'DoubleFloatPixelData')

_GARBAGE = (ValueError, KeyError, TypeError, AttributeError, IndexError, EOFError, NotImplementedError)
"""What the client and pydicom raise for answers that are not what was asked for."""


@dataclass(frozen=True, slots=True)
class Service:
    """A DICOMweb service, and what is wanted of it.

    Parameters
    ----------
    url : str
        Of the service, with http or https.
    keys : mapping of str to str
        Keyword of a DICOM element to its value.
    frames : tuple of int
        Numbers of frames, from 1; empty: all.
    """

    url: str
    keys: Mapping[str, str]
    frames: tuple[int, ...] = ()
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return self.url


class _Slow(Lost, NetworkTimeoutError):
    pass


def parse(url: str) -> Service:
    """Return the service that a URL names.

    Raises
    ------
    InputNotFoundError

    Examples
    --------
    >>> service = parse('dicomwebs://pacs/dicom-web/studies/1.2/series/1.3?Modality=MR')
    >>> service.url, dict(service.keys)
    ('https://pacs/dicom-web', {'StudyInstanceUID': '1.2', 'SeriesInstanceUID': '1.3', 'Modality': 'MR'})
    """
    parts = urlsplit(url)
    server = parts.netloc.rpartition('@')[2]
    shape = f'{parts.scheme}://host:port/path/studies/UID/series/UID/instances/UID/frames/1,2'
    if not server:
        raise InputNotFoundError(f'a URL of DICOMweb is {shape}')
    segments = parts.path.rstrip('/').split('/')
    at = segments.index('studies') if 'studies' in segments else len(segments)
    named = segments[at:]
    if tuple(named[::2]) != _PARTS[: len(named[::2])] or len(named) % 2:
        raise InputNotFoundError(f'{parts.scheme}://{server}: what is wanted is named {shape}')
    values = dict(zip(_PARTS, map(unquote, named[1::2]), strict=False))
    frames = values.pop('frames', '')
    if not all(number.isdecimal() and int(number) > 0 for number in frames.split(',') if frames):
        raise InputNotFoundError(f'frames are numbers from 1, with commas between, not {frames!r}')
    uids = zip(('StudyInstanceUID', 'SeriesInstanceUID', 'SOPInstanceUID'), values.values(), strict=False)
    scheme = 'https' if parts.scheme.lower() == 'dicomwebs' else 'http'
    return Service(
        f'{scheme}://{server}{"/".join(segments[:at])}',
        {**dict(uids), **wanted_of_query(parts.query).keys},
        tuple(int(number) for number in frames.split(',') if frames),
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
    )


def _client(service: Service, settings: Settings) -> Any:
    """Return a client. Credentials: those given, the environment's token, else ~/.netrc."""
    module = require('dicomweb_client', 'imagedata[dicomweb]', 'DICOMweb servers')
    import requests

    class Session(requests.Session):
        def merge_environment_settings(
            self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
        ) -> Any:
            # Else a variable of the environment would decide whom to trust, although the user said.
            return super().merge_environment_settings(url, proxies, stream, settings.tls_ca or verify, cert)

    def plain(answer: Any, **_: Any) -> None:
        # The client takes an answer whose kind has a character set behind it for none.
        kind = answer.headers.get('Content-Type', '').partition(';')[0].strip().lower()
        if kind.endswith(('json', 'xml')):
            answer.headers['Content-Type'] = kind

    session = Session()
    session.hooks['response'].append(plain)
    if settings.tls_cert is not None:
        session.cert = (settings.tls_cert, settings.tls_key) if settings.tls_key else settings.tls_cert
    token = settings.token or os.environ.get(TOKEN_VARIABLE)
    username = service.username or settings.username
    if username:
        session.auth = (username, service.password or settings.password or '')
    elif token:
        # As a function: a header would be replaced by what ~/.netrc says.
        def bear(request: Any) -> Any:
            request.headers['Authorization'] = f'Bearer {token}'
            return request

        session.auth = bear
    client = module.DICOMwebClient(service.url, session=session, timeout=settings.timeout)
    client.set_http_retry_params(retry=False)
    return client


def _asked(service: Service, action: Callable[[], T]) -> T:
    """Return what a function returns, with the errors of the libraries made ours.

    Their messages hold URLs, which may name patients.
    """
    import requests
    from pydicom.errors import InvalidDicomError

    try:
        return action()
    except requests.HTTPError as error:
        answer: Any = error.response
        raise _of_status(service, answer.status_code, str(answer.reason)) from None
    except requests.exceptions.SSLError as error:
        reason = 'its certificate does not fit' if 'CERTIFICATE' in str(error) else 'no secured connection'
        raise NetworkError(f'{service}: {reason}: trust it with tls_ca=') from None
    except requests.Timeout:
        raise _Slow(f'{service} does not answer in time (timeout=)') from None
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        raise Lost(f'{service} cannot be reached, or broke off: are host and port right, is it up?') from None
    except (requests.RequestException, InvalidDicomError, *_GARBAGE) as error:
        raise NetworkError(f'{service} answers with what is no DICOMweb ({type(error).__name__})') from None


def _of_status(service: Service, status: int, reason: str) -> Exception:
    text = f'{service} answers {status} {reason}'
    if status in (401, 403):
        return NetworkError(f'{text}: put your credentials into ~/.netrc, or a token into {TOKEN_VARIABLE}')
    if status in (404, 410):
        return InputNotFoundError(f'{text}: there is no such image or service')
    return Lost(text) if status >= 500 or status == 429 else NetworkError(text)


def series_of(service: Service, settings: Settings) -> list[FoundSeries]:
    """Return the series that fit.

    Raises
    ------
    NetworkError, NetworkTimeoutError
    """
    names = (*LEVELS['STUDY'], *LEVELS['SERIES'], 'NumberOfSeriesRelatedInstances')
    keys = {name: value for name, value in service.keys.items() if name in names}
    client = _client(service, settings)
    study = keys.get('StudyInstanceUID')

    def page(offset: int) -> list[dict[str, Any]]:
        filters = {name: value for name, value in keys.items() if name != 'StudyInstanceUID'}
        found: list[dict[str, Any]] = client.search_for_series(
            study, fields=list(names), search_filters=filters or None, offset=offset or None
        )
        return found

    found = []
    for values in _pages(service, settings, page, names, 'SeriesInstanceUID'):
        # A study that the URL names need not be named in the answers (DICOM PS3.18 10.6.3.3).
        own = values['StudyInstanceUID'] or study or ''
        if is_uid(own):
            found.append(FoundSeries({**values, 'StudyInstanceUID': own}))
    chosen = [s for s in found if all(matches(name, s.values[name], value) for name, value in keys.items())]
    return sorted(chosen, key=lambda s: (s.study, s.values['SeriesNumber'].zfill(12), s.uid))


def _pages(
    service: Service, settings: Settings, page: Callable[[int], Any], names: Sequence[str], unique: str
) -> list[dict[str, str]]:
    """Return all that is found: servers may give a part at a time, and some always the same part."""
    from pydicom.dataset import Dataset

    found: dict[str, dict[str, str]] = {}
    while True:
        before = len(found)
        answers = with_retries(settings, lambda: _asked(service, lambda: page(len(found))))
        for answer in answers or []:
            dataset = _asked(service, lambda a=answer: Dataset.from_json(a))  # type: ignore[misc]
            values = {name: text_of(dataset, name) for name in names}
            found.setdefault(values[unique], values)
        if len(found) > _MOST:
            raise NetworkError(f'{service} comes to no end: {len(found)} answers')
        if len(found) == before:
            break
    valid = [values for uid, values in found.items() if is_uid(uid)]
    if len(valid) < len(found):
        raise NetworkError(f'{service} answers without a valid {unique}')
    return valid


def service_images(
    service: Service, settings: Settings, headers_only: bool = False
) -> list[tuple[FoundImage, bytes]]:
    """Return the images that fit, each with its file, all of them.

    Parameters
    ----------
    service : Service
    settings : Settings
    headers_only : bool
        Whether their pixels can stay where they are.

    Raises
    ------
    InputNotFoundError
        When there is none.
    NetworkError, NetworkTimeoutError
        When none arrives.
    IncompleteError
        When one does not arrive, or is not what was asked for.
    """
    if not service.keys:
        raise NoDataReadError(
            f'{service} is a whole server: name a study (.../studies/UID) or something to find it by '
            '(?AccessionNumber=...); image_list shows what is there'
        )
    client = _client(service, settings)
    names = (*LEVELS['IMAGE'], 'InstanceNumber')
    at_image = {name: value for name, value in service.keys.items() if name in names}
    fetch = _Fetch(service, client, settings, headers_only, Expected(service.keys.get('PatientID', '')))
    images: list[FoundImage] = []
    for series in series_of(service, settings):
        where = (series.study, series.uid)

        def page(offset: int, where: tuple[str, str] = where) -> Any:
            return client.search_for_instances(*where, fields=list(names), offset=offset or None)

        found = [
            FoundImage(*where, values['SOPInstanceUID'], values['SOPClassUID'])
            for values in _pages(service, settings, page, names, 'SOPInstanceUID')
            if all(matches(name, values[name], value) for name, value in at_image.items())
        ]
        fetch.images(where, found, whole=not at_image and not service.frames)
        images += found
    if not images:
        raise InputNotFoundError(f'{service} has no image of that {", ".join(service.keys)}')
    if fetch.reasons:
        raise incomplete(service, fetch.held, fetch.reasons)
    return [(image, fetch.held[image.uid]) for image in images]


@dataclass(slots=True)
class _Fetch:
    """How images are fetched, those that are, and why others are not."""

    service: Service
    client: Any
    settings: Settings
    headers_only: bool
    expected: Expected
    held: dict[str, bytes] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def images(self, where: tuple[str, str], found: Sequence[FoundImage], *, whole: bool) -> None:
        """Fetch the images of a series, together where it is whole; what does not come so, one by one."""
        wanted = {image.uid: image for image in found}
        if whole and found:
            try:
                with_retries(self.settings, lambda: _asked(self.service, lambda: self._series(where, wanted)))
            except (NetworkError, InputNotFoundError):
                if not self.held:
                    raise
        broken = ''
        for image in found:
            if image.uid not in self.held and not broken:
                try:
                    content = with_retries(
                        self.settings, lambda i=image: _asked(self.service, lambda: self._one(i))
                    )
                    self._keep(image, content)
                except NetworkError as error:
                    broken = str(error)
            if image.uid not in self.held:
                self.reasons.setdefault(image.uid, broken)
            told('Receiving', len(self.held), len(found))

    def _keep(self, image: FoundImage, content: bytes) -> None:
        reason = self.expected.objection(image, content)
        if reason:
            self.reasons[image.uid] = reason
        else:
            self.reasons.pop(image.uid, None)
            self.held[image.uid] = content

    def _series(self, where: tuple[str, str], wanted: Mapping[str, FoundImage]) -> None:
        if self.headers_only:
            answers = self.client.retrieve_series_metadata(*where)
            datasets = (self._header(answer) for answer in answers)
        else:
            datasets = self.client.iter_series(*where, media_types=_ORIGINAL)
        for dataset in datasets:
            image = wanted.get(str(dataset.get('SOPInstanceUID')))
            if image is not None:
                self._keep(image, _file(dataset))

    def _one(self, image: FoundImage) -> bytes:
        where = (image.study, image.series, image.uid)
        frames = self.service.frames
        if frames or self.headers_only:
            answer = self.client.retrieve_instance_metadata(*where)
            dataset = self._header(answer[0] if isinstance(answer, list) else answer)
            if frames:
                pixels = self.client.retrieve_instance_frames(*where, list(frames), _PLAIN_FRAMES)
                _choose_frames(dataset, frames, pixels)
            return _file(dataset)
        return _file(self.client.retrieve_instance(*where, media_types=_ORIGINAL))

    def _header(self, answer: dict[str, Any]) -> Dataset:
        """Return a header without pixels; other large values are fetched, from this server alone."""
        from pydicom.dataset import Dataset

        def bulk(tag: str, vr: str, uri: str) -> Any:
            if not uri.startswith(f'{self.service.url}/'):
                warn_user(f'{self.service}: element {tag} lies elsewhere, and is left out', ImagedataWarning)
                return None
            return b''.join(self.client.retrieve_bulkdata(uri))

        from pydicom.datadict import tag_for_keyword

        pixels = {f'{tag_for_keyword(name):08X}' for name in _PIXELS}
        return Dataset.from_json({t: v for t, v in answer.items() if t.upper() not in pixels}, bulk)


def _choose_frames(dataset: Dataset, numbers: Sequence[int], pixels: Sequence[bytes]) -> None:
    """Make an image one of some of its frames, whose pixels are not compressed."""
    from pydicom.multival import MultiValue

    count = int(dataset.get('NumberOfFrames') or 1)
    if max(numbers) > count or len(pixels) != len(numbers):
        raise InputNotFoundError(f'frames {", ".join(map(str, numbers))}: the image has {count}')
    chosen = [number - 1 for number in numbers]
    groups = dataset.get('PerFrameFunctionalGroupsSequence')
    if groups:
        dataset.PerFrameFunctionalGroupsSequence = [groups[number] for number in chosen]
    pointers = dataset.get('FrameIncrementPointer') or []
    for tag in pointers if isinstance(pointers, (list, MultiValue)) else [pointers]:
        vector = dataset[tag].value if tag in dataset else None
        if isinstance(vector, (list, MultiValue)) and len(vector) == count:
            dataset[tag].value = [vector[number] for number in chosen]
    dataset.NumberOfFrames = len(chosen)
    data = b''.join(pixels)
    dataset.PixelData = data + b'\0' * (len(data) % 2)
    dataset['PixelData'].VR = 'OW' if dataset.BitsAllocated > 8 else 'OB'


def _file(dataset: Dataset) -> bytes:
    """Return a dataset as a file."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID

    if 'TransferSyntaxUID' not in getattr(dataset, 'file_meta', {}):
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = UID(_EXPLICIT)
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def store_at(service: Service, items: Sequence[Outgoing], settings: Settings) -> None:
    """Store images (STOW-RS), some at a time.

    Raises
    ------
    TransferError
        When not all are stored.
    """
    client = _client(service, settings)
    stored: list[str] = []
    failed: dict[str, str] = {}
    for batch in _batches(items, failed):
        try:
            answer = with_retries(
                settings, lambda b=batch: _asked(service, lambda: client.store_instances(list(b.values())))
            )
            reasons = _reasons(answer, batch)
        except (NetworkError, InputNotFoundError) as error:
            reasons = dict.fromkeys(batch, str(error))
        failed |= reasons
        stored += [uid for uid in batch if uid not in reasons]
        told('Sending', len(stored) + len(failed), len(items))
    if failed:
        uid, reason = next(iter(failed.items()))
        raise TransferError(
            f'{len(failed)} of {len(items)} images are not stored at {service}, {uid}: {reason}',
            tuple(stored), failed,
        )  # fmt: skip


def _batches(items: Sequence[Outgoing], failed: dict[str, str]) -> Iterator[dict[str, Dataset]]:
    """Yield images by UID, encoded: no more at a time than are sent together."""
    from pydicom import dcmread

    batch: dict[str, Dataset] = {}
    size = 0
    for item in items:
        try:
            content = item.content()
        except WriteError as error:
            failed[item.uid] = str(error)
            continue
        if batch and size + len(content) > _BATCH:
            yield batch
            batch, size = {}, 0
        batch[item.uid] = dcmread(BytesIO(content))
        size += len(content)
    if batch:
        yield batch


def _reasons(answer: Dataset, sent: Collection[str]) -> dict[str, str]:
    """Return why images were not stored, by UID (DICOM PS3.18 10.5.3.1)."""
    confirmed = {str(item.get('ReferencedSOPInstanceUID', '')): item
                 for item in answer.get('ReferencedSOPSequence') or []}  # fmt: skip
    failures = {str(item.get('ReferencedSOPInstanceUID', '')): item
                for item in answer.get('FailedSOPSequence') or []}  # fmt: skip
    for uid, item in confirmed.items():
        if item.get('WarningReason') and uid in sent:
            warn_user(f'{uid} is stored with warning {int(item.WarningReason):04X}', ImagedataWarning)
    reasons = {
        uid: f'failure {int(item.get("FailureReason") or 0):04X}'
        for uid, item in failures.items() if uid in sent
    }  # fmt: skip
    if failures.keys() - set(sent):
        # It failed, and which is not told by any name that we know: none is taken for stored but those named.
        confirmed = confirmed or {'': None}
    if confirmed:
        silent = [uid for uid in sent if uid not in confirmed and uid not in reasons]
        reasons |= dict.fromkeys(silent, 'the server does not say that it is stored')
    return reasons
