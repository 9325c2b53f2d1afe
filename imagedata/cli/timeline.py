"""The program `timeline`: the times of dynamic series."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from ..cmdline import (
    DEBUG,
    ProgramParser,
    add_reading_options,
    complain,
    reason,
    run_program,
    say,
    say_json,
)
from ..errors import ImagedataError

__all__ = ['main', 'parser']


def parser() -> ProgramParser:
    """Return the parser of the command line."""
    made = ProgramParser(
        'timeline',
        usage='%(prog)s [options] in_dirs [in_dirs ...]',
        description='Print the times of each series, in s since its first one. No pixels are read.',
        epilog='examples:\n  timeline dynamic/\n  timeline -1 --order time dynamic/\n'
        '  timeline --order triggertime --json cine/\n',
    )
    add_reading_options(made)
    made.add_argument('-1', '--one', action='store_true', help='print one time on a line')
    made.add_argument('--json', action='store_true', help='print JSON')
    made.add_argument('in_dirs', nargs='+', help='files, folders, archives, URLs or patterns to read')
    return made


def main(args: Sequence[str] | None = None) -> int:
    """Run the program; see `imagedata.image_data.timeline`."""
    given = parser().parse_args(args)
    return run_program('timeline', lambda: _print(given), debug=given.loglevel <= DEBUG)


def _print(given: argparse.Namespace) -> None:
    from .common import cohort_of, read_headers, told

    records: list[dict[str, Any]] = []
    cohort = cohort_of(given)
    several = sum(len(study) for _, study in cohort._studies()) > 1
    for _, study in cohort._studies():
        for key in study:
            try:
                series = read_headers(study, key)
                times = [round(float(time), 6) for time in series.timeline]
            except ImagedataError as error:
                complain(f'{told(key)}: {reason(error)}: sort it on time or triggertime, with --order')
                continue
            record = {
                'seriesInstanceUID': key.seriesInstanceUID,
                'stack': key.stack,
                'seriesDescription': series.seriesDescription,
                'timeline': times,
            }
            records.append(record)
            if not given.json:
                _say(record, several, given.one)
    if given.json:
        say_json(records)


def _say(record: dict[str, Any], several: bool, one: bool) -> None:
    from ..folders import printable

    if several:
        say(f'Series {record["seriesInstanceUID"]} {printable(record["seriesDescription"])}')
    if one:
        say('t [s]')
        say('\n'.join(map(str, record['timeline'])))
    else:
        say('Timeline:')
        say('[' + ', '.join(map(str, record['timeline'])) + ']')


if __name__ == '__main__':
    sys.exit(main())
