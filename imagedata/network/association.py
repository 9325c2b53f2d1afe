"""An association with a PACS: negotiated, and when that fails, why."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import NetworkError, NetworkTimeoutError
from .address import Peer
from .connection import Guard, keep_answers
from .settings import Settings, pause, secured_client

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.presentation import PresentationContext

__all__ = ['MOST_CONTEXTS', 'Lost', 'associated', 'echo', 'lost', 'quiet', 'with_retries']

MOST_CONTEXTS = 128
"""Identifiers of presentation contexts are odd numbers below 256 (DICOM PS3.8 9.3.2.2)."""

_LOOK = 0.0002
"""Seconds."""

_VERIFICATION = '1.2.840.10008.1.1'


class Lost(NetworkError):
    """There is no connection, or no more; trying again may help."""


class _SlowLost(Lost, NetworkTimeoutError):
    pass


def quiet() -> None:
    """Keep patients out of the log of pynetdicom."""
    from pynetdicom import _config

    _config.LOG_REQUEST_IDENTIFIERS = False
    _config.LOG_RESPONSE_IDENTIFIERS = False


@contextmanager
def associated(
    peer: Peer,
    settings: Settings,
    contexts: Sequence[PresentationContext],
    roles: Sequence[Any] = (),
    handlers: Sequence[Any] = (),
) -> Iterator[Association]:
    """Give an association, released afterwards, or aborted where something went wrong.

    Parameters
    ----------
    peer : Peer
    settings : Settings
    contexts : sequence of PresentationContext
        At most 128.
    roles : sequence of SCP_SCU_RoleSelectionNegotiation
        Classes whose objects are received over this association.
    handlers : sequence of (event, function)

    Raises
    ------
    NetworkError, NetworkTimeoutError
        When the server is not there, refuses, or does not answer.
    """
    association = _negotiated(peer, settings, contexts, [*roles, *_identity(settings)], list(handlers))
    try:
        yield association
        if association.is_established:
            association.release()
    finally:
        if association.is_established:
            association.abort()
        _hang_up(association)


def _hang_up(association: Any) -> None:
    """Close a connection that is left open: where an association is aborted, that is left to the peer."""
    connection = association.dul.socket
    if connection is not None:
        connection.close()


def _negotiated(
    peer: Peer, settings: Settings, contexts: Sequence[Any], extended: list[Any], handlers: list[Any]
) -> Association:
    from pynetdicom import AE, evt

    quiet()
    ae = AE(settings.calling_aet)
    ae.connection_timeout = ae.acse_timeout = ae.dimse_timeout = settings.timeout
    # It counts from the last byte that came, also while a long image is sent: the guard knows better.
    ae.network_timeout = None
    tls = (secured_client(settings), settings.tls_name or peer.host) if settings.tls else None
    reached: list[Any] = []
    guard = Guard(settings.timeout)
    handlers += [(evt.EVT_CONN_OPEN, reached.append), *guard.handlers()]
    begun = time.monotonic()
    association: Any = None
    for address in _addresses(peer):
        association = ae.associate(
            address, peer.port, contexts=list(contexts), ae_title=peer.aet, ext_neg=extended, tls_args=tls,
            evt_handlers=handlers,
        )  # fmt: skip
        if association.is_established:
            keep_answers(association, guard)
            # Its thread sleeps between two looks at the connection: as long as an image takes.
            association.dul._run_loop_delay = _LOOK
            return association  # type: ignore[no-any-return]
        _hang_up(association)
        if reached:
            break
    if not reached:
        raise _unreachable(peer, settings)
    raise _refused(peer, association, settings, time.monotonic() - begun)


def _addresses(peer: Peer) -> list[str]:
    """Return the numeric addresses of a host, IPv4 first: few servers of DICOM listen on others."""
    try:
        found = socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NetworkError(f'{peer}: the host has no address ({error}): correct the URL') from None
    found.sort(key=lambda info: info[0] != socket.AF_INET)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


def _unreachable(peer: Peer, settings: Settings) -> NetworkError:
    """Return why there is no connection: pynetdicom tells its log alone, so it is tried once more."""
    try:
        with socket.create_connection((peer.host, peer.port), settings.timeout) as plain:
            if settings.tls:
                context = secured_client(settings)
                with context.wrap_socket(plain, server_hostname=settings.tls_name or peer.host):
                    pass
    except ssl.SSLCertVerificationError as error:
        return NetworkError(
            f'{peer}: its certificate does not fit ({error.verify_message}): trust it with tls_ca=, or say '
            'whom it is for with tls_name='
        )
    except TimeoutError:
        return _SlowLost(f'{peer} does not answer within {settings.timeout:g} s')
    except ssl.SSLError as error:
        reason = error.reason or str(error)
        return NetworkError(
            f'{peer}: no secured connection ({reason}): does the server speak TLS at this port?'
        )
    except OSError as error:
        reason = error.strerror or str(error)
        return Lost(f'{peer} cannot be reached: {reason}; are host and port right, is it up?')
    return Lost(f'{peer} cannot be reached: the connection was closed')


def _refused(peer: Peer, association: Any, settings: Settings, seconds: float) -> NetworkError:
    """Return why a server that was reached is not talked to."""
    answer = association.acceptor.primitive
    if association.is_rejected and answer is not None:
        text = (
            f'{peer} refuses the association ({answer.result_str}, {answer.source_str}): '
            f'{answer.reason_str}; the title is {settings.calling_aet!r} (calling_aet=), of which the '
            'server may have to be told'
        )
        # 2: rejected for now (DICOM PS3.8 9.3.4).
        return Lost(text) if answer.result == 2 else NetworkError(text)
    if answer is not None and answer.result == 0:
        names = sorted({str(cx.abstract_syntax.name) for cx in association.rejected_contexts})
        return NetworkError(f'{peer} accepts nothing of what is asked for: {", ".join(names[:5])}')
    if seconds >= settings.timeout:
        return _SlowLost(f'{peer} is there, and does not answer within {settings.timeout:g} s (timeout=)')
    hint = '; does it want a secured connection (dicoms://)?'
    if settings.tls:
        # TLS 1.3 tells a client that lacks a certificate only after the connection stands.
        hint = '' if settings.tls_cert else '; does it want a certificate of yours (tls_cert=, tls_key=)?'
    return Lost(f'{peer} broke off while the association was negotiated: is it a DICOM server?{hint}')


def lost(peer: Peer, doing: str, begun: float, settings: Settings) -> Lost:
    """Return what to raise where no answer came, begun at a time of `time.monotonic`."""
    if time.monotonic() - begun >= settings.timeout:
        return _SlowLost(f'{peer} did not answer within {settings.timeout:g} s while {doing} (timeout=)')
    return Lost(f'{peer} broke off while {doing}')


def with_retries(settings: Settings, action: Any) -> Any:
    """Return what a function returns; it is called again where the connection was lost."""
    for attempt in range(settings.retries + 1):
        try:
            return action()
        except Lost as error:
            # A slow server is not helped by more to do.
            if attempt == settings.retries or isinstance(error, NetworkTimeoutError):
                raise
        pause(attempt)
    raise AssertionError('unreachable')


def _identity(settings: Settings) -> list[Any]:
    """Return who the user is (DICOM PS3.7 D.3.3.7)."""
    from pynetdicom.pdu_primitives import UserIdentityNegotiation

    if not settings.username and not settings.token:
        return []
    item = UserIdentityNegotiation()
    if settings.token:
        item.user_identity_type = 5  # JSON Web Token
        item.primary_field = settings.token.encode()
    else:
        item.user_identity_type = 2 if settings.password else 1
        item.primary_field = str(settings.username).encode()
        if settings.password:
            item.secondary_field = settings.password.encode()
    item.positive_response_requested = False
    return [item]


def echo(peer: Peer, settings: Settings) -> float:
    """Ask a server whether it is there (C-ECHO), and return the seconds that it took.

    Raises
    ------
    NetworkError
    """
    from pynetdicom import build_context

    begun = time.monotonic()
    with associated(peer, settings, [build_context(_VERIFICATION)]) as association:
        answer = association.send_c_echo()
        if 'Status' not in answer:
            raise lost(peer, 'being asked whether it is there', begun, settings)
    if answer.Status != 0:
        raise NetworkError(f'{peer} answers with status {answer.Status:04X}')
    return time.monotonic() - begun
