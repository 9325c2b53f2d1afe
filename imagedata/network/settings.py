"""How to talk to a PACS: titles, time-outs, certificates, credentials, as the options of the user say."""

from __future__ import annotations

import os
import random
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputNotFoundError, NetworkError, UnknownOptionType
from .address import Peer

__all__ = ['PASSWORD_VARIABLE', 'TOKEN_VARIABLE', 'Settings', 'pause', 'secured_client', 'secured_server']

PASSWORD_VARIABLE = 'IMAGEDATA_PASSWORD'
TOKEN_VARIABLE = 'IMAGEDATA_TOKEN'
"""Variables of the environment that hold what should not stand on a command line."""


_NUMBERS: tuple[tuple[str, Any, int], ...] = (
    ('timeout', (int, float), 86400), ('retries', int, 1000), ('move_port', int, 65535),
)  # fmt: skip
"""Options that are numbers, and how great they can be."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a connection.

    Parameters
    ----------
    calling_aet : str
        Own application entity title.
    timeout : float
        Seconds to wait for an answer.
    retries : int
        How often what may be over is tried again.
    tls : bool
    tls_ca, tls_cert, tls_key : str or None
        Files in PEM format: certificates to trust (None: those of the system), own certificate
        and its key.
    tls_name : str or None
        Name that the certificate of the server is for, where it is not that of the URL.
    username, password, token : str or None
    retrieve : str
        'get': images come over the same connection (C-GET); 'move': the server connects to
        `move_port` of this machine (C-MOVE), which it must know by `move_aet`.
    move_port : int
    move_aet : str
    """

    calling_aet: str
    timeout: float = 30.0
    retries: int = 3
    tls: bool = False
    tls_ca: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    tls_name: str | None = None
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    retrieve: str = 'get'
    move_port: int = 11112
    move_aet: str = ''

    @classmethod
    def of(cls, options: Mapping[str, Any], peer: Peer | None = None) -> Settings:
        """Return the settings among options.

        Raises
        ------
        ValueError, UnknownOptionType
            When one cannot be meant.
        """
        names = cls.__dataclass_fields__
        given: dict[str, Any] = {name: options[name] for name in names if options.get(name) is not None}
        for name, kind, most in _NUMBERS:
            value = given.get(name, 1)
            if isinstance(value, bool) or not isinstance(value, kind) or not 0 <= value <= most:
                raise UnknownOptionType(f'{name} is a number from 0 to {most}, got {value!r}')
        if given.get('timeout', 1) == 0:
            raise ValueError('timeout=0 leaves no time for an answer: give seconds')
        if given.get('retrieve', 'get') not in ('get', 'move'):
            raise ValueError(f"retrieve is 'get' or 'move', got {given['retrieve']!r}")
        for name in ('calling_aet', 'move_aet'):
            title = str(given.get(name, 'X'))
            if not 1 <= len(title) <= 16 or not title.isascii() or not title.isprintable() or '\\' in title:
                raise ValueError(f'{name} is 1 to 16 ASCII characters without backslash, got {title!r}')
        given.setdefault('calling_aet', socket.gethostname().partition('.')[0].upper()[:16] or 'IMAGEDATA')
        given.setdefault('move_aet', given['calling_aet'])
        if peer is not None:
            given['tls'] = given.get('tls', False) or peer.tls
            if peer.username:
                given['username'], given['password'] = peer.username, peer.password
        if given.get('username') and not given.get('password'):
            given['password'] = os.environ.get(PASSWORD_VARIABLE)
        for name in ('tls_ca', 'tls_cert', 'tls_key'):
            given[name] = None if given.get(name) is None else os.fspath(given[name])
        return cls(**given)


def pause(attempt: int) -> None:
    """Wait before something is tried again: longer each time, and not all at once where many wait."""
    time.sleep(min(5.0, 0.1 * 2**attempt) * random.uniform(0.5, 1.0))


def secured_client(settings: Settings) -> ssl.SSLContext:
    """Return how to speak TLS to a server, whose certificate and name are verified."""
    ca = _file(settings.tls_ca)
    context: ssl.SSLContext = _loaded(lambda: ssl.create_default_context(cafile=ca), ca)
    _own_certificate(context, settings)
    return context


class _Unhurried(ssl.SSLContext):
    """Leaves the handshake to the thread that reads: a client that never begins would hold all others."""

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        kwargs['do_handshake_on_connect'] = False
        return super().wrap_socket(*args, **kwargs)


def secured_server(settings: Settings) -> ssl.SSLContext:
    """Return how to speak TLS as a server; with `tls_ca`, clients must show a certificate."""
    context = _Unhurried(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.tls_cert is None:
        raise InputNotFoundError('to be connected to with TLS, give a certificate: tls_cert=, tls_key=')
    _own_certificate(context, settings)
    if settings.tls_ca is not None:
        _loaded(lambda: context.load_verify_locations(_file(settings.tls_ca)), settings.tls_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _own_certificate(context: ssl.SSLContext, settings: Settings) -> None:
    if settings.tls_cert is not None:
        cert, key = _file(settings.tls_cert), _file(settings.tls_key)
        _loaded(lambda: context.load_cert_chain(str(cert), key), cert)


def _file(name: str | None) -> str | None:
    if name is not None and not Path(name).is_file():
        raise InputNotFoundError(f'there is no file {name} with a certificate or key')
    return name


def _loaded(load: Any, name: str | None) -> Any:
    try:
        return load()
    except (ssl.SSLError, OSError) as error:
        if isinstance(error, InputNotFoundError):
            raise
        raise NetworkError(f'{name} is no certificate or key in PEM format that fits: {error}') from error
