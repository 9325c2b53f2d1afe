"""A server that other DICOM applications store to (storage SCP)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..errors import NetworkError
from .association import quiet
from .connection import Guard
from .inbox import PROCESSING_FAILURE, Inbox, Refused
from .retrieve import SYNTAXES
from .settings import Settings, secured_server

__all__ = ['receiving']

_MOST_ASSOCIATIONS = 20


@contextmanager
def receiving(
    inbox: Inbox,
    port: int,
    settings: Settings,
    *,
    host: str = '',
    aet: str | None = None,
    senders: Sequence[str] = (),
    refused: Callable[[str, str], None] = lambda sender, reason: None,
) -> Iterator[int]:
    """Receive objects while in this context; gives the port.

    Parameters
    ----------
    inbox : Inbox
        Where they are filed.
    port : int
        0: one that is free.
    settings : Settings
        `timeout`, `tls` with `tls_cert`, `tls_key`, `tls_ca`.
    host : str
        Address of this machine to listen at; '': all.
    aet : str or None
        Own title, which senders must call; None: any will do.
    senders : sequence of str
        Titles that may send; empty: any.
    refused : callable
        Told of an object that is not filed: the title of who sent it, and the reason. Called in
        the thread of the association.

    Raises
    ------
    NetworkError
        When the port cannot be listened at.
    """
    from pynetdicom import AE, AllStoragePresentationContexts, _config, evt

    def store(event: Any) -> int:
        sender = str(event.assoc.requestor.ae_title)
        try:
            inbox.put(str(event.request.AffectedSOPInstanceUID), event.encoded_dataset())
        except Refused as error:
            refused(sender, str(error))
            return error.status
        except MemoryError:
            refused(sender, 'there is not enough memory for it')
            return PROCESSING_FAILURE
        return 0

    quiet()
    ae = AE(aet or settings.calling_aet)
    ae.require_called_aet = aet is not None
    ae.require_calling_aet = list(senders)
    ae.maximum_associations = _MOST_ASSOCIATIONS
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = settings.timeout
    for context in AllStoragePresentationContexts:
        ae.add_supported_context(context.abstract_syntax, list(SYNTAXES))  # type: ignore[arg-type]
    ae.add_supported_context('1.2.840.10008.1.1')
    # Private classes of scanners as well: they are filed, not understood.
    restricted, _config.UNRESTRICTED_STORAGE_SERVICE = _config.UNRESTRICTED_STORAGE_SERVICE, True
    handlers = [(evt.EVT_C_STORE, store), *Guard(settings.timeout).handlers()]
    try:
        server: Any = ae.start_server(
            (host, port), block=False, evt_handlers=handlers,
            ssl_context=secured_server(settings) if settings.tls else None,
        )  # fmt: skip
    except OSError as error:
        _config.UNRESTRICTED_STORAGE_SERVICE = restricted
        raise NetworkError(f'port {port} cannot be listened at: {error.strerror or error}') from error
    try:
        yield int(server.server_address[1])
    finally:
        ae.shutdown()
        _config.UNRESTRICTED_STORAGE_SERVICE = restricted
