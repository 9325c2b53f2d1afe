"""The program `timeline`: the times of dynamic series."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from ..cmdline import ProgramParser, add_reading_options, complain, reason, say, say_json
from ..errors import NotTimeOrder
from .common import (
    add_inputs,
    add_json,
    cohort_of,
    each_series,
    parsed,
    program_parser,
    run,
    series_count,
    series_record,
    told,
)

__all__ = ['main', 'parser']


def parser() -> ProgramParser:
    """Return the parser of the command line."""
    made = program_parser(
        'timeline',
        'in_dirs [in_dirs ...]',
        'Print the times of each series, in s since its first one. No pixels are read.',
        'examples:\n  timeline dynamic/\n  timeline -1 --order time dynamic/\n'
        '  timeline --order triggertime --json cine/\n',
    )
    add_reading_options(made)
    made.add_argument('-1', '--one', action='store_true', help='print one time on a line')
    add_json(made, 'a record for each series, with its times in s')
    add_inputs(made)
    return made


def main(args: Sequence[str] | None = None) -> int:
    """Run the program; see `imagedata.image_data.timeline`."""
    made = parser()
    return run(made, parsed(made, args), _print)


def _print(given: argparse.Namespace) -> None:
    records: list[dict[str, Any]] = []
    cohort = cohort_of(given)
    several = series_count(cohort) > 1
    for study, key, series in each_series(cohort, headers_only=True):
        try:
            times = [round(float(time), 6) for time in series.timeline]
        except NotTimeOrder as error:
            complain(f'{told(key)}: {reason(error)}: sort it on time or triggertime, with --order')
            continue
        record = {**series_record(study, key), 'input_order': series.input_order, 'timeline': times}
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
