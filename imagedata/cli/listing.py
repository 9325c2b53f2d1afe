"""The program `image_list`: which patients, studies and series there are."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..cmdline import INFO, ProgramParser, add_reading_options, complain_of, say, say_json
from ..errors import NoDataReadError
from .common import add_inputs, add_json, each_series, parsed, program_parser, reading_options, run
from .servers import lists, server_records, server_text

__all__ = ['main', 'parser']


def parser() -> ProgramParser:
    """Return the parser of the command line."""
    made = program_parser(
        'image_list',
        'in_dirs [in_dirs ...]',
        'Print which patients, studies and series there are. No pixels are read. Files that cannot be read '
        'are told on stderr.',
        'examples:\n  image_list dicom/\n  image_list -r --json archive/\n'
        '  image_list -r -v --order time study/\n  image_list "dicom://pacs:104/TITLE?StudyDate=20240101-&Modality=MR"\n',
    )
    add_reading_options(made)
    made.add_argument('-r', '--recursive', action='store_true', help='look into folders of folders as well')
    add_json(made, 'a record for each series')
    add_inputs(made)
    return made


def main(args: Sequence[str] | None = None) -> int:
    """Run the program; see `imagedata.image_data.list`."""
    made = parser()
    return run(made, parsed(made, args), _print)


def _print(given: argparse.Namespace) -> None:
    from ..collection import Cohort
    from ..inventory import take_inventory

    options = reading_options(given)
    servers = [url for url in given.in_dirs if lists(url)]
    if servers:
        if len(servers) < len(given.in_dirs):
            raise NoDataReadError('servers and files are listed apart: name either')
        records = [record for url in servers for record in server_records(url, options)]
        if given.json:
            say_json(records)
        else:
            say(server_text(records))
        return
    inventory = take_inventory(_sources(given, options), {**options, 'skip_broken_series': True})
    for name, error in inventory.broken:
        complain_of(name, error)
    cohort = Cohort.of_inventory(inventory, options, input_order=given.input_order)
    # Sorting each series takes longer: only where the order is asked for.
    shapes = _shapes(cohort) if given.loglevel <= INFO or given.input_order != 'auto' else {}
    if given.json:
        say_json([_with_shape(record, shapes) for record in cohort.to_records()])
        return
    say(cohort.to_text())
    for record in cohort.to_records():
        found = _with_shape(record, shapes)
        if 'shape' in found:
            described = f'[{record["seriesNumber"]}] {record["seriesInstanceUID"]}'
            counts = ' x '.join(map(str, found['shape']))
            say(f'{described}: {counts} ({", ".join(found["axes"])})')


def _sources(given: argparse.Namespace, options: Mapping[str, Any]) -> list[Any]:
    """Return the files to look at: of folders, without `--recursive`, those directly in them."""
    from ..reading import find_sources

    found = find_sources(given.in_dirs, options)
    if given.recursive:
        return found
    folders = {Path(name).absolute() for name in given.in_dirs if '://' not in name and Path(name).is_dir()}
    here = [
        source
        for source in found
        if source.path is None
        or source.path.absolute().parent in folders
        or not any(folder in source.path.absolute().parents for folder in folders)
    ]
    if not here:
        raise NoDataReadError(
            f'there is no file directly in {", ".join(given.in_dirs)}, but {len(found)} in folders below: '
            'look there with --recursive'
        )
    return here


def _shapes(cohort: Any) -> dict[Any, dict[str, Any]]:
    """Return shape and axes of each series, as it is read."""
    return {
        (key.seriesInstanceUID, key.stack): {'shape': list(series._shape), 'axes': list(series.header.dims)}
        for _, key, series in each_series(cohort, headers_only=True)
    }


def _with_shape(record: dict[str, Any], shapes: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    return {**record, **shapes.get((record['seriesInstanceUID'], record['stack']), {})}


if __name__ == '__main__':
    sys.exit(main())
