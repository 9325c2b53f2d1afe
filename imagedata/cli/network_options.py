"""Options of the programs that talk to a PACS."""

from __future__ import annotations

import argparse
from typing import Any

from ..network.settings import PASSWORD_VARIABLE

__all__ = ['add_network_options', 'network_options']

_NAMES = ('timeout', 'tls_ca', 'tls_cert', 'tls_key', 'tls_name', 'calling_aet', 'username', 'retries')


def add_network_options(parser: argparse.ArgumentParser, *, server: bool = False) -> None:
    """Add options for titles, time and certificates.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    server : bool
        Whether the program is the one that others connect to.
    """
    add = parser.add_argument
    add('--timeout', type=float, default=30.0, metavar='S', help='time to wait for an answer (default: 30)')
    add('--tls-cert', metavar='FILE', help='own certificate (PEM)')
    add('--tls-key', metavar='FILE', help='its key (PEM)')
    if server:
        add('--tls-ca', metavar='FILE', help='certificates of those who may send (PEM)')
        return
    add('--tls-ca', metavar='FILE', help="certificates to trust (PEM; default: the system's)")
    add('--tls-name', metavar='NAME', help="name in the server's certificate, where it is not its host name")
    add('--calling_aet', metavar='AET', help='own application entity title (default: name of this machine)')
    add('--username', metavar='NAME', help=f'user; the password comes from the variable {PASSWORD_VARIABLE}')
    add('--retries', type=int, default=0, metavar='N', help='how often to try again (default: 0)')


def network_options(given: argparse.Namespace) -> dict[str, Any]:
    """Return the options among arguments, as the library takes them."""
    found = {name: getattr(given, name, None) for name in _NAMES}
    return {name: value for name, value in found.items() if value is not None}
