"""The program `dicom_dump`: the elements of DICOM files, as text or JSON."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from ..cmdline import (
    DEBUG,
    ProgramParser,
    add_reading_options,
    complain_of,
    run_program,
    say,
    say_json,
)
from ..errors import ImagedataError, UnknownInputError

__all__ = ['main', 'parser']


def parser() -> ProgramParser:
    """Return the parser of the command line."""
    made = ProgramParser(
        'dicom_dump',
        usage='%(prog)s [options] in_dirs [in_dirs ...]',
        description='Print the elements of DICOM files, pixels left out. Files that are not DICOM are left '
        'out; those that cannot be read are told on stderr.',
        epilog='examples:\n'
        '  dicom_dump image.dcm\n  dicom_dump --tag PatientID --tag 0018,0081 dicom/\n'
        '  dicom_dump --json image.dcm\n',
    )
    add_reading_options(made)
    made.add_argument(
        '--tag', action='append', default=[], metavar='TAG',
        help='print this element only, a keyword or gggg,eeee; may be repeated',
    )  # fmt: skip
    made.add_argument(
        '--json', action='store_true', help='print a JSON array of files, each with its DICOM JSON (PS3.18 F)'
    )
    made.add_argument('in_dirs', nargs='+', help='files, folders, archives, URLs or patterns')
    return made


def main(args: Sequence[str] | None = None) -> int:
    """Run the program; see `imagedata.image_data.dump`."""
    given = parser().parse_args(args)
    return run_program('dicom_dump', lambda: _print(given), debug=given.loglevel <= DEBUG)


def _print(given: argparse.Namespace) -> None:
    from ..dicom_elements import parse_tag
    from ..formats.dicom.scan import Scanner
    from ..progress import tracked
    from ..reading import find_sources

    tags = [parse_tag(text) for text in given.tag]
    sources = find_sources(given.in_dirs, given.input_options)
    scanner = Scanner(headers_only=True)
    records, none = [], True
    for source in tracked(sources, 'Reading'):
        try:
            instance, _ = scanner.read(source)
            if instance is None:
                continue
            dataset, none = instance.dataset, False
            if not _chosen(dataset, given):
                continue
            if given.json:
                records.append({'file': source.name, 'elements': _as_json(dataset, tags)})
            else:
                say(_as_text(source.name, dataset, tags))
        except ImagedataError as error:
            none = False
            complain_of(source.name, error)
    if none:
        raise UnknownInputError(f'none of {len(sources)} files is DICOM')
    if given.json:
        say_json(records)


def _chosen(dataset: Any, given: argparse.Namespace) -> bool:
    """Return whether a file is of the series, acquisition and echo that were asked for."""
    wanted = {
        'SeriesInstanceUID': given.input_serinsuid,
        'AcquisitionNumber': given.input_acquisition,
        'EchoNumbers': given.input_echo,
    }
    return all(value is None or str(dataset.get(key)) == str(value) for key, value in wanted.items())


def _as_text(name: str, dataset: Any, tags: Sequence[Any]) -> str:
    """Return the elements as text, a line each; those in sequences are indented."""
    from ..folders import printable

    lines = [f'# {printable(name)}']
    if tags:
        lines += [str(dataset[tag]) if tag in dataset else f'{tag} is not there' for tag in tags]
    else:
        lines += [*str(dataset.file_meta).splitlines(), *str(_parsed(dataset)).splitlines()]
    return '\n'.join(printable(line) for line in lines) + '\n'


def _as_json(dataset: Any, tags: Sequence[Any]) -> dict[str, Any]:
    """Return the elements as DICOM JSON."""
    from pydicom.dataset import Dataset

    chosen = _parsed(dataset)
    if tags:
        chosen = Dataset()
        for tag in tags:
            if tag in dataset:
                chosen[tag] = dataset[tag]
    found: dict[str, Any] = {}
    for part in ([] if tags else [dataset.file_meta]) + [chosen]:
        # An element that JSON cannot hold must not hide the others.
        found.update(part.to_json_dict(suppress_invalid_tags=True))
    return found


def _parsed(dataset: Any) -> Any:
    """Return the dataset with every element parsed: one that cannot be is an error of the file."""
    for _ in dataset:
        pass
    return dataset


if __name__ == '__main__':
    sys.exit(main())
