"""Transports: how a URL is reached.

The functions here are those of imagedata 3, for programs and plugins that open transports themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ImagedataError, TransportPluginNotFound

if TYPE_CHECKING:
    from .abstracttransport import AbstractTransport

__all__ = [
    'FunctionNotSupported',
    'RootIsNotDirectory',
    'Transport',
    'TransportPluginNotFound',
    'get_transporter_list',
]


class RootIsNotDirectory(ImagedataError, ValueError):
    """What a transport starts at is no folder."""


class FunctionNotSupported(ImagedataError, NotImplementedError):
    """A transport cannot do what was asked."""


def get_transporter_list() -> list[tuple[str, str, type]]:
    """Return the transport plugins: (entry point name, plugin name, class)."""
    from ..registry import plugin_list

    return plugin_list('transport')


def Transport(
    scheme: str,
    netloc: str | None = None,
    root: str | None = None,
    mode: str = 'r',
    read_directory_only: bool = False,
    opts: Mapping[str, Any] | None = None,
) -> AbstractTransport:
    """Open a transport.

    Parameters
    ----------
    scheme : str
        A scheme ('s3'), or a URL, which then tells `netloc` and `root`. A user name and a
        password in it become options.
    netloc, root : str, optional
    mode : str
        'r' or 'w'.
    read_directory_only : bool
    opts : mapping, optional

    Raises
    ------
    TransportPluginNotFound
    """
    from ..legacy.opened import opened_transport

    return opened_transport(scheme, netloc, root, mode, opts or {})
