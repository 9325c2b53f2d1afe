"""Sending images to a PACS (C-STORE, DICOM PS3.4 B)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from sys import intern
from typing import TYPE_CHECKING

from ..errors import ImagedataWarning, NetworkError, TransferError, WriteError
from ..formats.contract import Made
from ..notices import warn_user
from ..progress import told
from .address import Peer
from .association import MOST_CONTEXTS, Lost, associated, lost
from .settings import Settings, pause
from .status import category, described, is_transient

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pynetdicom.association import Association
    from pynetdicom.presentation import PresentationContext

__all__ = ['Outgoing', 'outgoing', 'store']

_PLAIN = ('1.2.840.10008.1.2.1', '1.2.840.10008.1.2')
_ENCODING_ERRORS = (
    ValueError, TypeError, AttributeError, KeyError, NotImplementedError, RuntimeError, OSError,
)  # fmt: skip
"""What pydicom raises where an image cannot be decompressed or encoded anew."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An image to send.

    Parameters
    ----------
    study, series, uid, sop_class, syntax : str
        UIDs of what it is, and of its transfer syntax.
    content : function
        Returns its file. It is called when the image is sent, and the file then dropped.
    """

    study: str
    series: str
    uid: str
    sop_class: str
    syntax: str
    content: Callable[[], bytes] = field(repr=False)


@dataclass(slots=True)
class _Account:
    """What became of each file."""

    total: int
    stored: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, str] = field(default_factory=dict)

    def done(self, item: Outgoing, reason: str = '') -> None:
        if reason:
            self.failed[item.uid] = reason
        else:
            self.stored.append(item.uid)
        told('Sending', len(self.stored) + len(self.failed), self.total)


class _Stop(Exception):
    """The server takes nothing more."""


def outgoing(file: Made) -> Outgoing:
    """Return what a DICOM file is.

    Raises
    ------
    WriteError
        When it is no DICOM file, or lacks what identifies it.
    """
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    names = ('StudyInstanceUID', 'SeriesInstanceUID', 'SOPInstanceUID', 'SOPClassUID')
    try:
        with file.head() as head:
            dataset = dcmread(head, specific_tags=list(names), stop_before_pixels=True)
        study, series, uid, sop_class = (str(dataset[name].value) for name in names)
        syntax = str(dataset.file_meta.TransferSyntaxUID)
    except (InvalidDicomError, KeyError, AttributeError, ValueError) as error:
        raise WriteError(f'{file.name} is no whole DICOM file, and cannot be sent: {error}') from error
    # Those of all images of a series are one string.
    study, series, sop_class, syntax = map(intern, (study, series, sop_class, syntax))
    return Outgoing(study, series, uid, sop_class, syntax, file.content)


def store(items: Sequence[Outgoing], peer: Peer, settings: Settings) -> None:
    """Send images; all of them are tried.

    Raises
    ------
    TransferError
        When not all are stored: it lists which are and which are not, and why.
    """
    account = _Account(len(items))
    for batch in _batches(items):
        try:
            _send_batch(batch, peer, settings, account)
        except _Stop:
            break
        except NetworkError as error:
            _not_sent(items, account, str(error))
            raise _failure(peer, account) from error
    _not_sent(items, account, 'not sent, after the failures before it')
    if account.warnings:
        uid, reason = next(iter(account.warnings.items()))
        warn_user(
            f'{peer} stored {len(account.warnings)} of {account.total} images with a warning, '
            f'{uid}: {reason}',
            ImagedataWarning,
        )
    if account.failed:
        raise _failure(peer, account)


def _not_sent(items: Sequence[Outgoing], account: _Account, reason: str) -> None:
    known = {*account.stored, *account.failed}
    for item in items:
        if item.uid not in known:
            account.failed[item.uid] = reason


def _failure(peer: Peer, account: _Account) -> TransferError:
    by_reason: dict[str, list[str]] = {}
    for uid, reason in account.failed.items():
        by_reason.setdefault(reason, []).append(uid)
    parts = [
        f'{", ".join(uids[:3])}{", ..." if len(uids) > 3 else ""}: {reason}'
        for reason, uids in by_reason.items()
    ]
    return TransferError(
        f'{len(account.failed)} of {account.total} images are not stored at {peer}: {"; ".join(parts[:5])}',
        tuple(account.stored), account.failed,
    )  # fmt: skip


def _batches(items: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    """Divide by what needs presentation contexts: as many as one association can have."""
    batch: list[Outgoing] = []
    kinds: set[tuple[str, str]] = set()
    for item in items:
        wider = kinds | {(item.sop_class, item.syntax)}
        if len(_contexts(wider)) > MOST_CONTEXTS:
            yield batch
            batch, wider = [], {(item.sop_class, item.syntax)}
        batch.append(item)
        kinds = wider
    if batch:
        yield batch


def _contexts(kinds: set[tuple[str, str]]) -> list[PresentationContext]:
    """Return a context for each class and transfer syntax, and one to fall back on."""
    from pynetdicom import build_context

    contexts = [build_context(sop_class, syntax) for sop_class, syntax in sorted(kinds)]
    classes = sorted({sop_class for sop_class, _ in kinds})
    return contexts + [build_context(c, s) for c in classes for s in _PLAIN if (c, s) not in kinds]


def _send_batch(batch: list[Outgoing], peer: Peer, settings: Settings, account: _Account) -> None:
    """Send images over one association; over another, the rest, where it is lost."""
    contexts = _contexts({(item.sop_class, item.syntax) for item in batch})
    waiting = deque(batch)
    attempt = 0
    while waiting:
        before = len(waiting)
        try:
            with associated(peer, settings, contexts) as association:
                accepted = _accepted(association)
                while waiting:
                    _send(association, accepted, waiting[0], peer, settings, account)
                    waiting.popleft()
        except Lost:
            attempt = attempt + 1 if len(waiting) == before else 1
            if attempt > settings.retries:
                raise
            pause(attempt)


def _accepted(association: Association) -> dict[tuple[str, str], int]:
    """Return the contexts that the server takes: SOP class and transfer syntax to identifier."""
    contexts = [cx for cx in association.accepted_contexts if cx.as_scu]
    return {(str(cx.abstract_syntax), str(cx.transfer_syntax[0])): int(cx.context_id or 0) for cx in contexts}


def _send(
    association: Association,
    accepted: Mapping[tuple[str, str], int],
    item: Outgoing,
    peer: Peer,
    settings: Settings,
    account: _Account,
) -> None:
    """Send one image, again where that may help."""
    from pydicom.uid import UID

    theirs = [syntax for sop_class, syntax in accepted if sop_class == item.sop_class]
    if not theirs:
        account.done(item, f'the server accepts no {UID(item.sop_class).name}')
        return
    syntax = next((s for s in (item.syntax, *_PLAIN) if s in theirs), '')
    try:
        data = _encoded(item, syntax)
    except WriteError as error:
        account.done(item, str(error))
        return
    except _ENCODING_ERRORS as error:
        own = UID(item.syntax).name
        account.done(item, f'the server does not accept {own}, and it cannot be converted ({error})')
        return
    context = accepted[item.sop_class, syntax]
    for attempt in range(settings.retries + 1):
        answer = _stored(association, context, item, data, peer, settings)
        status = int(answer.Status)
        kind, said = category(status), described(answer, 'store')
        if kind in ('success', 'warning'):
            if kind == 'warning':
                account.warnings[item.uid] = said
            account.done(item)
            return
        if not is_transient(status):
            account.done(item, said)
            return
        if attempt < settings.retries:
            pause(attempt)
    account.done(item, f'{said} ({settings.retries + 1} times)')
    if status >> 8 == 0xA7:
        raise _Stop


def _stored(
    association: Association, context: int, item: Outgoing, data: bytes, peer: Peer, settings: Settings
) -> Dataset:
    """Send a dataset as it is (C-STORE), and return the answer.

    pynetdicom's own function would have it in a file, or decode and encode it.
    """
    from pydicom.dataset import Dataset
    from pynetdicom.dimse_primitives import C_STORE

    begun = time.monotonic()
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = item.sop_class, item.uid
    request.DataSet = BytesIO(data)
    association.dimse.send_msg(request, context)
    _, answer = association.dimse.get_msg(block=True)
    if not isinstance(answer, C_STORE) or not answer.is_valid_response:
        raise lost(peer, f'storing {item.uid}', begun, settings)
    said = Dataset()
    said.Status, said.ErrorComment = answer.Status, answer.ErrorComment
    return said


def _encoded(item: Outgoing, syntax: str) -> bytes:
    """Return the dataset of an image in a transfer syntax, as it is where that is its own."""
    from pydicom import dcmread
    from pydicom.uid import UID
    from pynetdicom.dsutils import encode

    content = item.content()
    if syntax == item.syntax:
        return content[_after_meta(content) :]
    if not syntax:
        raise ValueError('the server takes neither explicit nor implicit VR')
    dataset = dcmread(BytesIO(content))
    if not UID(item.syntax).is_little_endian:
        raise ValueError('its bytes are in big endian order')
    if UID(item.syntax).is_encapsulated:
        dataset.decompress(generate_instance_uid=False)
    data = encode(dataset, UID(syntax).is_implicit_VR, True)
    if data is None:
        raise ValueError('it cannot be encoded')
    return data


def _after_meta(content: bytes) -> int:
    """Return where the dataset begins in a file (DICOM PS3.10 7.1)."""
    from pydicom.filereader import read_dataset

    file = BytesIO(content)
    file.seek(132)
    read_dataset(file, False, True, stop_when=lambda tag, vr, length: tag.group != 2)
    return file.tell()
