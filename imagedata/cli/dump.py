"""The program `dicom_dump`: the elements of DICOM files, as text or JSON."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from ..cmdline import ProgramParser, add_reading_options, complain_of, say, say_json
from ..errors import ImagedataError, NoDataReadError, UnknownInputError, UnknownTag
from .common import add_inputs, add_json, parsed, program_parser, reading_options, run

__all__ = ['main', 'parser']

_PIXELS = {0x7FE00008, 0x7FE00009, 0x7FE00010}
"""Float Pixel Data, Double Float Pixel Data, Pixel Data (PS3.6)."""


def parser() -> ProgramParser:
    """Return the parser of the command line."""
    made = program_parser(
        'dicom_dump',
        'in_dirs [in_dirs ...]',
        'Print the elements of DICOM files, pixels left out. Files that are not DICOM are left out; those '
        'that cannot be read are told on stderr. Of the options of reading, those that choose files by '
        'their headers count (--input_serinsuid, --input_acquisition, --input_echo); others have no effect.',
        'examples:\n'
        '  dicom_dump image.dcm\n  dicom_dump --tag PatientID --tag 0018,0081 dicom/\n'
        '  dicom_dump --json image.dcm\n',
    )
    add_reading_options(made)
    made.add_argument(
        '--tag', action='append', default=[], metavar='TAG',
        help='print this element only, a keyword or gggg,eeee; may be repeated',
    )  # fmt: skip
    add_json(made, 'an array of files, each with its DICOM JSON (PS3.18 F)')
    add_inputs(made)
    return made


def main(args: Sequence[str] | None = None) -> int:
    """Run the program; see `imagedata.image_data.dump`."""
    made = parser()
    given = parsed(made, args)
    if given.input_stack is not None:
        made.error('--input_stack divides series, and files are dumped as they are')
    return run(made, given, _print)


def _print(given: argparse.Namespace) -> None:
    from ..dicom_elements import parse_tag
    from ..formats.dicom.scan import Scanner
    from ..progress import tracked
    from ..reading import find_sources

    tags = [parse_tag(text) for text in given.tag]
    if _PIXELS.intersection(tags):
        raise UnknownTag('pixels are not dumped: image_data converts them')
    sources = find_sources(given.in_dirs, reading_options(given))
    scanner = Scanner(headers_only=True)
    records, none, chosen = [], True, 0
    for source in tracked(sources, 'Reading'):
        try:
            instance, _ = scanner.read(source)
            if instance is None:
                continue
            dataset, none = instance.dataset, False
            if not _chosen(dataset, given):
                continue
            chosen += 1
            if given.json:
                records.append({'file': source.name, 'elements': _as_json(dataset, tags)})
            else:
                say(_as_text(source.name, dataset, tags))
        except ImagedataError as error:
            none = False
            chosen += 1
            complain_of(source.name, error)
    if none:
        raise UnknownInputError(f'none of {len(sources)} files is DICOM')
    if not chosen:
        raise NoDataReadError(f'none of {len(sources)} files has the series, acquisition or echo asked for')
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
