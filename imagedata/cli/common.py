"""What the programs share: how they begin, their inputs, and what they say of a series."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cmdline import DEBUG, READING, ProgramParser, complain, given_options, reason, run_program
from ..errors import ImagedataError, WriteError

if TYPE_CHECKING:
    from ..collection import Cohort, Study
    from ..formats.contract import Source
    from ..series import Series

__all__ = [
    'add_inputs', 'add_json', 'check_apart', 'cohort_of', 'each_series', 'parsed', 'program_parser',
    'reading_options', 'run', 'series_count', 'series_record', 'told',
]  # fmt: skip


# --- how they begin --------------------------------------------------------------------------------


def program_parser(name: str, arguments: str, description: str, epilog: str) -> ProgramParser:
    """Return a parser without options yet.

    Parameters
    ----------
    name : str
        Of the program.
    arguments : str
        What follows the options, as the usage line has it.
    description, epilog : str
    """
    return ProgramParser(
        name, usage=f'%(prog)s [options] {arguments}', description=description, epilog=epilog
    )


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """Add what is to be read."""
    parser.add_argument('in_dirs', nargs='+', help='files, folders, archives, URLs or patterns to read')


def add_json(parser: argparse._ActionsContainer, what: str) -> None:
    """Add the option of programs that report."""
    parser.add_argument('--json', action='store_true', help=f'print JSON: {what}')


def parsed(
    made: ProgramParser, args: Sequence[str] | None, *, pixels_to: str | None = None
) -> argparse.Namespace:
    """Return the parsed command line.

    Parameters
    ----------
    made : ProgramParser
    args : sequence of str or None
    pixels_to : str, optional
        What the program does with pixels ('show'), if it needs them: --headers_only is refused then.
    """
    given = made.parse_args(args)
    if pixels_to is not None and given.headers_only:
        made.error(f'--headers_only reads no pixels, and there would be nothing to {pixels_to}')
    return given


def run(
    made: ProgramParser, given: argparse.Namespace, job: Callable[[argparse.Namespace], object]
) -> int:
    """Do the job of a program; return its exit status."""
    return run_program(made.prog, lambda: job(given), debug=given.loglevel <= DEBUG)


# --- what they read --------------------------------------------------------------------------------


def reading_options(given: argparse.Namespace) -> dict[str, Any]:
    """Return the options of reading, those of --input_options among them, as the library takes them."""
    options = given_options(given, READING)
    return {**options, **options['input_options']}


def cohort_of(given: argparse.Namespace) -> Cohort:
    """Return the series of the inputs; files that were set aside are told."""
    from ..collection import Cohort

    return Cohort(given.in_dirs, given_options(given, READING), input_order=given.input_order)


def series_count(cohort: Cohort) -> int:
    """Return how many series there are."""
    return sum(len(study) for _, study in cohort._studies())


def each_series(cohort: Cohort, **options: Any) -> Iterator[tuple[Study, Any, Series]]:
    """Yield the series of a cohort, one after the other; those that cannot be read are complained of.

    Parameters
    ----------
    cohort : Cohort
    **options
        Further options of reading, such as `headers_only`.
    """
    for _, study in cohort._studies():
        for key in study:
            try:
                series = study.fetch(key, **options)
            except ImagedataError as error:
                complain(f'{told(key)}: {reason(error)}')
                continue
            yield study, key, series


# --- what they write -------------------------------------------------------------------------------


def check_apart(target: str, sources: Iterable[Source], *, folder: bool = False) -> None:
    """Raise where an output would take the place of what is read.

    Parameters
    ----------
    target : str
        File or folder to be written.
    sources : iterable of Source
        What is read for it.
    folder : bool
        Whether the target becomes a folder of many files.

    Raises
    ------
    WriteError
    """
    if '://' in target or not os.path.exists(target):
        return
    place = Path(target).absolute()
    for source in sources:
        if source.path is None or not source.path.exists():
            continue
        parents = list(source.path.absolute().parents)
        # Folders of times or slices, as DICOM is written: time0.
        inside = parents[:2] if parents[0].name.rstrip('0123456789') in _TAG_FOLDERS else parents[:1]
        if source.path.samefile(place) or (folder and place in inside):
            raise WriteError(
                f'{target} would take the place of what is read, {source.name}: write to another place'
            )


_TAG_FOLDERS = {'time', 'slice', 'b', 'te', 'fa', 'triggertime'}


# --- what they say ---------------------------------------------------------------------------------


def told(key: Any) -> str:
    """Return in words which series a key is of."""
    stack = '' if key.stack is None else f' stack {key.stack}'
    return f'series {key.seriesInstanceUID}{stack}'


def series_record(study: Study, key: Any) -> Mapping[str, Any]:
    """Return what is known of a series before it is read, the same in the JSON of all programs."""
    from ..contents import series_record as described

    record = described(study._stored()[key])
    return {
        'patientID': study.patientID,
        'studyInstanceUID': study.studyInstanceUID,
        'studyDescription': study.studyDescription,
        **record,
    }
