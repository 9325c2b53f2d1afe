"""Getting images from a PACS into memory: C-GET, or C-MOVE with a receiver of our own (DICOM PS3.4 C.4)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Condition
from typing import TYPE_CHECKING, Any

from ..errors import ImagedataWarning, NetworkError, NetworkTimeoutError
from ..notices import warn_user
from ..progress import told
from .address import Peer, Wanted
from .arrived import Expected, incomplete
from .association import MOST_CONTEXTS, Lost, associated, lost, quiet
from .connection import Guard
from .find import FoundImage, text_of
from .settings import Settings, pause, secured_server
from .status import category, described

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pynetdicom.presentation import PresentationContext

__all__ = ['SYNTAXES', 'retrieved', 'storage_contexts']

_GET = '1.2.840.10008.5.1.4.1.2.2.3'
_MOVE = '1.2.840.10008.5.1.4.1.2.2.2'
"""Study Root Query/Retrieve Information Model, GET and MOVE."""

_PLAIN = ('1.2.840.10008.1.2.1', '1.2.840.10008.1.2')
"""Explicit and Implicit VR Little Endian."""

_COMPRESSED = (
    '1.2.840.10008.1.2.4.90', '1.2.840.10008.1.2.4.70', '1.2.840.10008.1.2.5', '1.2.840.10008.1.2.4.80',
    '1.2.840.10008.1.2.4.91', '1.2.840.10008.1.2.4.50', '1.2.840.10008.1.2.4.51', '1.2.840.10008.1.2.4.81',
    '1.2.840.10008.1.2.4.57', '1.2.840.10008.1.2.4.201', '1.2.840.10008.1.2.4.202',
    '1.2.840.10008.1.2.4.203', '1.2.840.10008.1.2.1.99', '1.2.840.10008.1.2.2',
)  # fmt: skip
"""Those that the reader knows, frequent ones first: JPEG 2000, JPEG, RLE, JPEG-LS, HTJ2K, deflated, big
endian."""

SYNTAXES = (*_PLAIN, *_COMPRESSED)

_NOT_OURS = 0x0124
_NOT_FITTING = 0xA900
_PATIENCE = 10
"""Time-outs that a server may promise images without sending one: some fetch them from tape."""

_QUIET = 2.0
"""Seconds without an image after which, the server being done, no more are waited for."""


class _Basket:
    """Images that arrive, held in memory; those that nobody asked for are refused.

    Parameters
    ----------
    images : sequence of FoundImage
        Those that are asked for.
    patient : str
        Patient ID that they must have, with '*' and '?' as in a query; '': any.
    """

    def __init__(self, images: Sequence[FoundImage], patient: str = '') -> None:
        self.wanted = {image.uid: image for image in images}
        self.held: dict[str, bytes] = {}
        self.reasons: dict[str, str] = {}
        self.last = time.monotonic()
        self.promised: int | None = None
        self._expected = Expected(patient)
        self._ambiguous: set[str] = set()
        self._changed = Condition()

    def missing(self) -> list[FoundImage]:
        """Return what did not arrive."""
        return [image for uid, image in self.wanted.items() if uid not in self.held]

    def put(self, event: Any) -> int:
        """Take an image: handler of C-STORE requests. Returns the status to answer with."""
        uid = str(event.request.AffectedSOPInstanceUID)
        if uid not in self.wanted:
            return _NOT_OURS
        data = event.encoded_dataset()
        with self._changed:
            reason = self._objection(self.wanted[uid], data)
            if reason:
                self.reasons[uid] = reason
                return _NOT_FITTING
            if uid not in self.held:
                self.held[uid] = data
                self.last = time.monotonic()
                self._changed.notify_all()
        return 0

    def _objection(self, image: FoundImage, data: bytes) -> str:
        """Return why an image is not taken; '': it is the one that was asked for."""
        reason = self._expected.objection(image, data)
        if not reason and (self.held.get(image.uid, data) != data or image.uid in self._ambiguous):
            self._ambiguous.add(image.uid)
            self.held.pop(image.uid, None)
            reason = 'it came twice, with different content'
        return reason

    def settle(self) -> None:
        """Wait for what is still on its way: as many as the server says that it has sent."""
        most = len(self.wanted) if self.promised is None else min(self.promised, len(self.wanted))
        with self._changed:
            while len(self.held) < most and time.monotonic() < self.last + _QUIET:
                self._changed.wait(0.1)


def retrieved(
    peer: Peer, images: Sequence[FoundImage], wanted: Wanted, settings: Settings
) -> dict[str, bytes]:
    """Return the files of images by SOP Instance UID, all of them.

    Those that do not arrive with their series are asked for one by one.

    Parameters
    ----------
    peer : Peer
    images : sequence of FoundImage
    wanted : Wanted
        What they were found by: whether they are whole series, and whose they must be.
    settings : Settings

    Raises
    ------
    NetworkError, NetworkTimeoutError
        When none arrives.
    IncompleteError
        When one does not arrive, or is not what was asked for; it lists which, and the reasons.
    """
    basket = _Basket(images, wanted.keys.get('PatientID', ''))
    if len(basket.wanted) < len(images):
        raise NetworkError(f'{peer} says that one image is in several series')
    fetch = _get if settings.retrieve == 'get' else _move
    reasons: list[str] = []
    failure: NetworkError | None = None
    whole = len(images) > 1 and not wanted.at('IMAGE')
    with _receiving(peer, basket, settings):
        for attempt in range(settings.retries + 1):
            before = len(basket.held)
            try:
                fetch(peer, basket, settings, reasons, whole=whole and not attempt)
                failure = None
            except Lost as error:
                failure = error
            if not basket.missing() or isinstance(failure, NetworkTimeoutError):
                break
            if failure is None and attempt and len(basket.held) == before:
                break  # the server answers, and has nothing more
            pause(attempt)
    if failure is not None and not basket.held:
        raise failure
    if basket.missing():
        why = str(failure or '') or '; '.join(dict.fromkeys(reasons)) or 'no reason was given'
        missing = {image.uid: basket.reasons.get(image.uid, why) for image in basket.missing()}
        raise incomplete(peer, basket.held, missing)
    if reasons and not attempt:
        warn_user(f'{peer} sent all images, and says: {"; ".join(dict.fromkeys(reasons))}', ImagedataWarning)
    return {image.uid: basket.held[image.uid] for image in images}


def storage_contexts(images: Sequence[FoundImage], room: int) -> list[PresentationContext]:
    """Return contexts to receive images over: each class with each transfer syntax by itself.

    A server picks one syntax of each context; a context of its own for each lets it send every
    image as it is stored. Where that would be too many, frequent syntaxes have precedence.

    Parameters
    ----------
    images : sequence of FoundImage
    room : int
        How many contexts there may be.
    """
    from pynetdicom import AllStoragePresentationContexts, build_context

    classes = list(dict.fromkeys(image.sop_class for image in images))
    if '' in classes:
        every = [str(cx.abstract_syntax) for cx in AllStoragePresentationContexts]
        classes = list(dict.fromkeys([*filter(None, classes), *every]))[:room]
    known = [image.syntax for image in images if image.syntax]
    singly = list(dict.fromkeys([*known, *SYNTAXES]))[: room // max(1, len(classes))]
    if len(singly) < 2:
        return [build_context(sop_class, list(SYNTAXES)) for sop_class in classes[:room]]
    return [build_context(sop_class, syntax) for sop_class in classes for syntax in singly]


def _requests(images: Sequence[FoundImage], whole: bool) -> Iterator[Dataset]:
    """Yield the identifiers to ask with: of whole series, or of single images."""
    from pydicom.dataset import Dataset

    asked: set[str] = set()
    for image in images:
        identifier = Dataset()
        identifier.StudyInstanceUID, identifier.SeriesInstanceUID = image.study, image.series
        if whole:
            if image.series in asked:
                continue
            asked.add(image.series)
            identifier.QueryRetrieveLevel = 'SERIES'
        else:
            identifier.QueryRetrieveLevel = 'IMAGE'
            identifier.SOPInstanceUID = image.uid
        yield identifier


def _get(peer: Peer, basket: _Basket, settings: Settings, reasons: list[str], *, whole: bool) -> None:
    from pynetdicom import build_context, build_role, evt

    missing = basket.missing()
    contexts = storage_contexts(missing, MOST_CONTEXTS - 1)
    classes = dict.fromkeys(cx.abstract_syntax for cx in contexts)
    roles = [build_role(sop_class, scp_role=True) for sop_class in classes if sop_class is not None]
    handlers = [(evt.EVT_C_STORE, basket.put)]
    with associated(peer, settings, [build_context(_GET), *contexts], roles, handlers) as association:
        for identifier in _requests(missing, whole):
            answers = association.send_c_get(identifier, _GET)
            _follow(answers, peer, basket, settings, reasons, 'get')


def _move(peer: Peer, basket: _Basket, settings: Settings, reasons: list[str], *, whole: bool) -> None:
    from pynetdicom import build_context

    missing = basket.missing()
    with associated(peer, settings, [build_context(_MOVE)]) as association:
        for identifier in _requests(missing, whole):
            answers = association.send_c_move(identifier, settings.move_aet, _MOVE)
            _follow(answers, peer, basket, settings, reasons, 'move')
    basket.settle()


def _follow(
    answers: Any, peer: Peer, basket: _Basket, settings: Settings, reasons: list[str], service: str
) -> None:
    """Go through the answers to a request, the last of which says how it went."""
    begun = asked = time.monotonic()
    for answer, identifier in answers:
        if 'Status' not in answer:
            raise lost(peer, 'sending images', max(begun, basket.last), settings)
        kind = category(int(answer.Status))
        begun = time.monotonic()
        told('Receiving', len(basket.held), len(basket.wanted))
        if kind == 'pending':
            if begun > max(asked, basket.last) + _PATIENCE * settings.timeout:
                raise lost(peer, 'promising images that do not come', asked, settings)
            continue
        counts = [answer.get(f'NumberOf{name}Suboperations') for name in ('Completed', 'Warning')]
        if counts[0] is not None:
            basket.promised = (basket.promised or 0) + sum(int(n or 0) for n in counts)
        if kind in ('failure', 'cancel', 'warning'):
            count = answer.get('NumberOfFailedSuboperations')
            failed = f', {count} images failed' if count else ''
            reason = described(answer, service) + failed + _hint(answer, service, settings)
            reasons.append(reason)
            for uid in _failed(identifier):
                basket.reasons.setdefault(uid, reason)
    told('Receiving', len(basket.held), len(basket.wanted))


def _failed(identifier: Dataset | None) -> list[str]:
    """Return the images that a server says it could not send (DICOM PS3.4 C.4.2.1.4.2)."""
    text = '' if identifier is None else text_of(identifier, 'FailedSOPInstanceUIDList')
    return text.split('\\') if text else []


def _hint(answer: Any, service: str, settings: Settings) -> str:
    """Return what may help."""
    if service == 'move' and answer.Status in (0xA801, 0xC000, 0xA702):
        return (
            f' (the server must know the title {settings.move_aet!r}, this host, and port '
            f'{settings.move_port}: move_aet=, move_port=)'
        )
    return ''


@contextmanager
def _receiving(peer: Peer, basket: _Basket, settings: Settings) -> Iterator[None]:
    """Listen for the images of C-MOVE, where that is how they come."""
    if settings.retrieve == 'get':
        yield
        return
    from pynetdicom import AE, evt

    quiet()
    ae = AE(settings.move_aet)
    ae.require_called_aet = True
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = settings.timeout
    for context in storage_contexts(list(basket.wanted.values()), MOST_CONTEXTS):
        ae.add_supported_context(context.abstract_syntax, context.transfer_syntax)  # type: ignore[arg-type]
    try:
        ae.start_server(
            ('', settings.move_port), block=False,
            evt_handlers=[(evt.EVT_C_STORE, basket.put), *Guard(settings.timeout).handlers()],
            ssl_context=secured_server(settings) if settings.tls else None,
        )  # fmt: skip
    except OSError as error:
        raise NetworkError(
            f'port {settings.move_port} of this machine cannot be listened at ({error.strerror}): choose '
            'another with move_port=, and tell the server'
        ) from error
    try:
        yield
    finally:
        ae.shutdown()
