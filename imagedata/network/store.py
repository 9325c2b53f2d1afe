"""Sending DICOM files to a PACS (C-STORE, DICOM PS3.4 B)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ImagedataWarning, NetworkError, TransferError, WriteError
from ..notices import warn_user
from ..progress import told
from .address import Peer
from .association import MOST_CONTEXTS, Lost, associated, lost
from .settings import Settings, pause
from .status import category, described, is_transient

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.presentation import PresentationContext

__all__ = ['Outgoing', 'outgoing', 'store']

_PLAIN = ('1.2.840.10008.1.2.1', '1.2.840.10008.1.2')
_SLOWEST = 1e6
"""Bytes a second that a network is expected to carry at least: large objects get more time."""

_ENCODING_ERRORS = (
    ValueError, TypeError, AttributeError, KeyError, NotImplementedError, RuntimeError, OSError,
)  # fmt: skip
"""What pydicom raises where an image cannot be decompressed or encoded anew."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A file to send.

    Parameters
    ----------
    path : Path
    study, series, uid, sop_class, syntax : str
        UIDs of what it holds, and of its transfer syntax.
    announced : bool
        Whether its file meta information has the same UIDs, so that it can be sent as it is.
    """

    path: Path
    study: str
    series: str
    uid: str
    sop_class: str
    syntax: str
    announced: bool = True


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


def outgoing(path: Path) -> Outgoing:
    """Return what a DICOM file holds.

    Raises
    ------
    WriteError
        When it is no DICOM file, or lacks what identifies it.
    """
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    names = ('StudyInstanceUID', 'SeriesInstanceUID', 'SOPInstanceUID', 'SOPClassUID')
    try:
        dataset = dcmread(path, specific_tags=list(names), stop_before_pixels=True)
        study, series, uid, sop_class = (str(dataset[name].value) for name in names)
        meta = dataset.file_meta
        known = (meta.get('MediaStorageSOPInstanceUID'), meta.get('MediaStorageSOPClassUID'))
        return Outgoing(
            path, study, series, uid, sop_class, str(meta.TransferSyntaxUID), known == (uid, sop_class)
        )
    except (InvalidDicomError, KeyError, AttributeError, ValueError) as error:
        raise WriteError(f'{path.name} is no whole DICOM file, and cannot be sent: {error}') from error


def store(items: Sequence[Outgoing], peer: Peer, settings: Settings) -> None:
    """Send files; all of them are tried.

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
    """Send files over one association; over another, the rest, where it is lost."""
    contexts = _contexts({(item.sop_class, item.syntax) for item in batch})
    waiting = list(batch)
    attempt = 0
    while waiting:
        before = len(waiting)
        try:
            with _from_files(), associated(peer, settings, contexts) as association:
                accepted = _accepted(association)
                while waiting:
                    _send(association, accepted, waiting[0], peer, settings, account)
                    waiting.pop(0)
        except Lost:
            attempt = attempt + 1 if len(waiting) == before else 1
            if attempt > settings.retries:
                raise
            pause(attempt)


@contextmanager
def _from_files() -> Iterator[None]:
    """Have pynetdicom send files as they are, without decoding them."""
    from pynetdicom import _config

    before = _config.STORE_SEND_CHUNKED_DATASET
    _config.STORE_SEND_CHUNKED_DATASET = True
    try:
        yield
    finally:
        _config.STORE_SEND_CHUNKED_DATASET = before


def _accepted(association: Association) -> set[tuple[str, str]]:
    contexts = association.accepted_contexts
    return {(str(cx.abstract_syntax), str(cx.transfer_syntax[0])) for cx in contexts if cx.as_scu}


def _send(
    association: Association,
    accepted: set[tuple[str, str]],
    item: Outgoing,
    peer: Peer,
    settings: Settings,
    account: _Account,
) -> None:
    """Send one file, again where that may help."""
    from pydicom.uid import UID

    if not any(sop_class == item.sop_class for sop_class, _ in accepted):
        account.done(item, f'the server accepts no {UID(item.sop_class).name}')
        return
    try:
        content = _content(item, (item.sop_class, item.syntax) in accepted)
    except _ENCODING_ERRORS as error:
        syntax = UID(item.syntax).name
        account.done(item, f'the server does not accept {syntax}, and it cannot be converted ({error})')
        return
    for attempt in range(settings.retries + 1):
        begun = time.monotonic()
        association.dimse_timeout = settings.timeout + item.path.stat().st_size / _SLOWEST
        try:
            answer = association.send_c_store(content)
        except ValueError as error:
            account.done(item, f'the server accepts it in no form that it can be sent in ({error})')
            return
        except RuntimeError:
            raise lost(peer, f'storing {item.uid}', begun, settings) from None
        if 'Status' not in answer:
            raise lost(peer, f'storing {item.uid}', begun, settings)
        kind, said = category(int(answer.Status)), described(answer, 'store')
        if kind in ('success', 'warning'):
            if kind == 'warning':
                account.warnings[item.uid] = said
            account.done(item)
            return
        if not is_transient(int(answer.Status)):
            account.done(item, said)
            return
        if attempt < settings.retries:
            pause(attempt)
    account.done(item, f'{said} ({settings.retries + 1} times)')
    if int(answer.Status) >> 8 == 0xA7:
        raise _Stop


def _content(item: Outgoing, accepted: bool) -> Any:
    """Return what to send: the file as it is, or, where its syntax is not accepted, what any server takes."""
    from pydicom import dcmread

    if accepted and item.announced:
        return item.path
    dataset = dcmread(item.path)
    if not accepted and dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        dataset.decompress(generate_instance_uid=False)
    return dataset
