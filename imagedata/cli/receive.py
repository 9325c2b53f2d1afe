"""`imagedata receive`: file what scanners and PACS send, and hand on each series when it is there."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..cmdline import say
from ..errors import InputNotFoundError, WriteError
from .network_options import add_network_options, network_options

if TYPE_CHECKING:
    from ..network.inbox import Inbox, ReceivedSeries

__all__ = ['add_arguments', 'run']

_STEP = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add = parser.add_argument
    add('--port', type=int, default=11112, help='port to listen at (default: 11112)')
    add('--out', type=Path, required=True, metavar='DIR', help='folder to file in: study/series/image.dcm')
    add('--host', default='', metavar='ADDRESS', help='address to listen at (default: all of this machine)')
    add('--aet', metavar='AET', help='own title, which senders must call (default: any will do)')
    add('--from', dest='senders', action='append', default=[], metavar='AET',
        help='title of who may send; may be repeated (default: anyone)')  # fmt: skip
    add('--series-done', metavar='COMMAND',
        help='program to run with the folder of a series when nothing more came of it for a while; no shell '
        'is used; IMAGEDATA_STUDY, IMAGEDATA_SERIES and IMAGEDATA_IMAGES are in its environment')  # fmt: skip
    add('--quiet', type=float, default=30.0, metavar='S', help='that while, in seconds (default: 30)')
    add('--overwrite', action='store_true', help='replace images of the same UID (default: refuse)')
    add_network_options(parser, server=True)


def run(args: argparse.Namespace) -> None:
    """Receive until interrupted."""
    from ..network.inbox import Inbox
    from ..network.receiver import receiving
    from ..network.settings import Settings

    command = shlex.split(args.series_done) if args.series_done else []
    if args.series_done is not None and not command:
        raise InputNotFoundError('--series-done names no program')
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f'{args.out} is no folder to file in: {error.strerror}') from error
    settings = Settings.of({**network_options(args), 'tls': args.tls_cert is not None})
    inbox = Inbox(args.out, args.overwrite)
    with receiving(
        inbox, args.port, settings, host=args.host, aet=args.aet, senders=args.senders, refused=_complain
    ) as port:
        say(f'listening at port {port}')
        try:
            _hand_on(inbox, command, args.quiet)
        finally:
            for series in inbox.take_quiet(0):
                _tell(f'{series.folder}, with {series.images} new images, waits for the next start')


def _hand_on(inbox: Inbox, command: Sequence[str], quiet: float) -> None:
    """Hand on each series that is done, one after the other, forever."""
    while True:
        for series in inbox.take_quiet(quiet):
            say(f'{series.folder}: {series.images} images')
            if not command or _call(command, series):
                inbox.done(series)
        time.sleep(min(_STEP, quiet))


def _call(command: Sequence[str], series: ReceivedSeries) -> bool:
    """Return whether the program was run, and went well."""
    about = {
        'IMAGEDATA_STUDY': series.study,
        'IMAGEDATA_SERIES': series.uid,
        'IMAGEDATA_IMAGES': str(series.images),
    }
    try:
        status = subprocess.run(
            [*command, str(series.folder)], env={**os.environ, **about}, stdin=subprocess.DEVNULL, check=False
        ).returncode
    except OSError as error:
        _tell(f'{command[0]} cannot be run: {error.strerror}; {series.folder} stays as it is')
        return False
    if status:
        _tell(f'{command[0]} failed on {series.folder} (exit status {status}), which stays as it is')
    return status == 0


def _complain(sender: str, reason: str) -> None:
    _tell(f'an object of {sender!r} is refused: {reason}')


def _tell(text: str) -> None:
    print(f'imagedata receive: warning: {text}', file=sys.stderr, flush=True)
