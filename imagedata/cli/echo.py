"""`imagedata echo`: ask a PACS whether it is there, and talks to us."""

from __future__ import annotations

import argparse

from ..cmdline import say
from .network_options import add_network_options, network_options

__all__ = ['add_arguments', 'run']


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument('url', help='dicom://host:port/AETITLE, or dicoms:// for a secured connection')
    add_network_options(parser)


def run(args: argparse.Namespace) -> None:
    """Ask the server (C-ECHO)."""
    from ..errors import NoTransportError
    from ..network.address import parse
    from ..network.association import echo, with_retries
    from ..network.settings import Settings
    from ..transports.address import scheme_of, shown

    if scheme_of(args.url) not in ('dicom', 'dicoms'):
        raise NoTransportError(f'{shown(args.url)}: what can be asked is dicom://host:port/AETITLE')
    peer, _ = parse(args.url)
    settings = Settings.of(network_options(args), peer)
    seconds = with_retries(settings, lambda: echo(peer, settings))
    say(f'{peer} answers {settings.calling_aet} ({1000 * seconds:.0f} ms)')
