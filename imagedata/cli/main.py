"""The program `imagedata`: a table of commands.

A command is a module with two functions: `add_arguments(parser)`, and `run(args) -> None`, which
raises an `ImagedataError` for what goes wrong. It is imported only when it is called.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from ..cmdline import ProgramParser, VersionAction, run_program

__all__ = ['COMMANDS', 'main']

COMMANDS = {
    'echo': ('imagedata.cli.echo', 'ask a PACS whether it is there, and talks to us'),
    'plugins': ('imagedata.cli.plugins', 'list the formats, archives and transports, and their state'),
    'receive': ('imagedata.cli.receive', 'file what scanners and PACS send, and hand on each series'),
}
"""Command to module, and what it does in a few words."""


def main(args: Sequence[str] | None = None) -> int:
    """Run a command: the program `imagedata`.

    Parameters
    ----------
    args : sequence of str, optional
        Command line; that of the process when not given.

    Returns
    -------
    int
        Exit status: 0, or 1 when it failed, with the reason on stderr.
    """
    given = list(sys.argv[1:] if args is None else args)
    commands = '\n'.join(f'  {name:<10} {text}' for name, (_, text) in COMMANDS.items())
    parser = ProgramParser(
        'imagedata',
        usage='%(prog)s COMMAND [options]',
        description='Tools around medical images. Commands:\n\n' + commands,
        epilog='imagedata COMMAND --help tells more of each',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('-V', '--version', action=VersionAction, nargs=0, default=argparse.SUPPRESS,
                        help='print the version of imagedata, and stop')  # fmt: skip
    parser.add_argument('command', choices=COMMANDS, metavar='COMMAND', help='one of the above')
    # What follows the command is its own; before it, there are options of this table.
    end = next((n for n, word in enumerate(given) if word in COMMANDS), len(given) - 1) + 1
    name = parser.parse_args(given[:end]).command
    module = import_module(COMMANDS[name][0])
    own = ProgramParser(f'imagedata {name}', description=COMMANDS[name][1].capitalize() + '.')
    own.add_argument('-d', '--debug', action='store_true', help='show where an error came from')
    module.add_arguments(own)
    options = own.parse_args(given[end:])
    return run_program(f'imagedata {name}', lambda: module.run(options), debug=options.debug)


if __name__ == '__main__':
    sys.exit(main())
