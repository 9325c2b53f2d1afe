"""The program `image_data`: images of one kind in, images of another kind out."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cmdline import (
    INFO,
    WRITING,
    ProgramParser,
    add_argparse_options,
    complain,
    given_options,
    reason,
    say,
    say_json,
)
from ..errors import CollectionError, ImagedataWarning, NoDataReadError
from .common import (
    add_inputs,
    add_json,
    check_apart,
    cohort_of,
    parsed,
    program_parser,
    reading_options,
    run,
    series_count,
    told,
)
from .deidentification import (
    add_deidentification,
    check_deidentification,
    deidentification_rules,
    series_report,
    write_report,
)
from .ledger import Ledger, mark_of

if TYPE_CHECKING:
    from ..collection import Cohort, Study
    from ..formats.contract import Source

__all__ = ['main', 'parser']

_EPILOG = """\
examples:
  image_data --order time dynamic.nii.gz dicom/
  image_data --template dicom/ --serdes enhancement for_pacs/ fitted.nii.gz
  image_data --of nifti --jobs 4 converted/ study/
"""


def parser() -> ProgramParser:
    """Return the parser of the command line."""
    made = program_parser(
        'image_data',
        'out_name in_dirs [in_dirs ...]',
        'Convert image series to another format, or describe them anew. Several series in the input are '
        'written into a folder each.',
        _EPILOG,
    )
    add_argparse_options(made)
    many = made.add_argument_group('several series')
    many.add_argument(
        '--jobs', type=_positive, default=1, metavar='N', help='convert N series at a time (default: 1)'
    )
    many.add_argument(
        '--scheduler', metavar='ADDRESS', help='convert on the Dask cluster of this scheduler (tcp://host:8786)'
    )
    many.add_argument(
        '--retries', type=_count, default=0, metavar='N',
        help='try a series that failed N times more (default: 0)',
    )  # fmt: skip
    many.add_argument(
        '--resume', metavar='FILE',
        help='note in this file what is written; what is noted there already is not written again',
    )  # fmt: skip
    many.add_argument(
        '--dry-run', action='store_true', help='print what would be written where, and write nothing'
    )
    add_json(many, 'what was written where')
    add_deidentification(made)
    made.add_argument('out_name', help='file, whose extension tells the format, or folder, to write')
    add_inputs(made)
    return made


def main(args: Sequence[str] | None = None) -> int:
    """Run the program; see `imagedata.image_data.conversion`."""
    made = parser()
    given = parsed(made, args, pixels_to='write')
    check_deidentification(made, given)
    if given.resume and given.anonymize and _is_within(given.resume, given.out_name):
        made.error(
            'the file of --resume holds the secret of --anonymize until all is written: name one outside of '
            f'{given.out_name}'
        )
    return run(made, given, _convert)


def _convert(given: argparse.Namespace) -> None:
    from ..registry import format_for
    from ..writing import format_of_name

    by_name = format_of_name(given.out_name) if not given.output_format else None
    formats = given.output_format or [by_name.name if by_name is not None else 'dicom']
    for name in formats:
        # Reading may take long: a format that is not there is told before.
        format_for(name)
    is_file = by_name is not None or _names_a_file(given.out_name, formats)
    # One series is written as it would be in a script, and its errors are told as they are there.
    plainly = not (given.dry_run or given.resume or given.retries or given.scheduler)
    if is_file and plainly:
        _report(given, [_write_one(given, formats)])
        return
    rules = deidentification_rules(given) if given.anonymize else None
    with Ledger(given.resume, rules, formats, dry_run=given.dry_run) as ledger:
        cohort = cohort_of(given)
        if rules is not None:
            cohort = cohort.anonymize(ledger.table, **rules)
        tasks = list(_tasks(given, cohort, formats))
        if not tasks:
            raise NoDataReadError('no series is left to convert')
        if len(tasks) > 1 and is_file:
            raise CollectionError(
                f'{len(tasks)} series do not fit the one file {given.out_name}: name a folder, and the '
                f'format with --of {formats[0]}; or choose a series with --input_serinsuid'
            )
        for task in tasks:
            _check_outputs(given, task.target, formats, _sources(task))
        if given.dry_run:
            _report(given, [task.record('planned') for task in tasks])
        elif len(tasks) == 1 and plainly:
            _report(given, [_write_one(given, formats)])
        else:
            ledger.begin()
            _report(given, list(_run(given, tasks, ledger)))


def _is_within(path: str, folder: str) -> bool:
    return Path(path).absolute().is_relative_to(Path(folder).absolute())


def _write_one(given: argparse.Namespace, formats: Sequence[str]) -> dict[str, Any]:
    """Write the one series that there is, and return its record."""
    from ..reading import find_sources
    from ..series import Series

    options = given_options(given)
    _check_outputs(given, given.out_name, formats, find_sources(given.in_dirs, reading_options(given)))
    series = Series(given.in_dirs, given.input_order, options)
    if given.anonymize:
        series = series.anonymize(**deidentification_rules(given))
    if given.loglevel <= INFO and not given.json:
        say(f'{series}\n{series.explain()}')
    series.write(given.out_name, _writing(given), formats)
    if given.deid_report:
        write_report(given.deid_report, [series_report(series)])
    return _record(series, given.out_name, 'written')


def _check_outputs(
    given: argparse.Namespace, target: str, formats: Sequence[str], sources: Iterable[Source]
) -> None:
    """Raise where what is written would take the place of what is read; unless that was asked for.

    Raises
    ------
    WriteError
    """
    from ..registry import format_for

    read = list(sources)
    for path in filter(None, (given.deid_report, given.resume)):
        check_apart(path, read)
    if not given.input_options.get('overwrite'):
        for name in formats:
            named = format_for(name)
            check_apart(target.replace('%p', named.name), read, folder=not named.single_file)


def _names_a_file(name: str, formats: Sequence[str]) -> bool:
    """Return whether an output name has the extension of a format that was asked for."""
    from ..registry import format_for

    return any(name.lower().endswith(format_for(wanted).extensions) for wanted in formats)


def _writing(given: argparse.Namespace) -> dict[str, Any]:
    """Return the options of writing; the new UIDs of de-identified images refer to each other."""
    return {**({'keep_uid': True} if given.anonymize else {}), **given_options(given, WRITING)}


def _record(stored: Any, target: str, status: str, **more: Any) -> dict[str, Any]:
    """Return what is told of a series, read or not: the same for one and for many."""
    from ..contents import series_record

    known = series_record(stored)
    names = ('seriesInstanceUID', 'stack', 'seriesNumber', 'seriesDescription', 'images', 'rows', 'columns')
    return {**{name: known[name] for name in names}, 'target': target, 'status': status, **more}


# --- several series --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Task:
    """A series to convert.

    Parameters
    ----------
    study : Study
        That it is of, with no more of it than it takes.
    key : SeriesUID
        Of the series in the study.
    target : str
        Where it is to be written.
    formats : list of str
    options : dict
        Of writing.
    reports : bool
        Whether to say what was done with the headers.
    explains : bool
        Whether to say how the files were sorted and decoded.
    """

    study: Study
    key: Any
    target: str
    formats: Sequence[str]
    options: dict[str, Any]
    reports: bool = False
    explains: bool = False

    def record(self, status: str, **more: Any) -> dict[str, Any]:
        """Return what is told of it."""
        return _record(self.study._stored()[self.key], self.target, status, **more)


def _tasks(given: argparse.Namespace, cohort: Cohort, formats: Sequence[str]) -> Iterator[_Task]:
    """Yield a task for each series: in folders of patients and studies where there are several."""
    from ..study import series_target

    options = _writing(given)
    patients = cohort.folder_names()
    single = series_count(cohort) == 1
    explains = given.loglevel <= INFO and not given.json
    for patient_key, patient in cohort.items():
        studies = patient.folder_names()
        for study_key, study in patient.items():
            folders = [patients[patient_key]] if len(cohort) > 1 else []
            folders += [studies[study_key]] if len(cohort) > 1 or len(patient) > 1 else []
            base = '/'.join([given.out_name.rstrip('/') or '/', *folders])
            names = study.folder_names()
            for key in study:
                target = given.out_name if single else series_target(base, names[key], formats)
                part = study._excerpt(key)
                yield _Task(part, key, target, formats, options, bool(given.deid_report), explains)


def _run(given: argparse.Namespace, tasks: Sequence[_Task], ledger: Ledger) -> Iterator[dict[str, Any]]:
    """Convert series, and yield a record of each; failures are complained of."""
    from ..archives.staging import remove_abandoned
    from ..parallel import outcomes

    # What stands in an archive or behind a URL is open in this process only.
    local = all(source.path is not None for task in tasks for source in _sources(task))
    if given.scheduler and not local:
        raise CollectionError('a cluster reads files of a disk: unpack the archive, or leave out --scheduler')
    marks = [_mark(given, task) for task in tasks] if given.resume else [''] * len(tasks)
    waiting = [
        number for number, task in enumerate(tasks)
        if not ledger.has(task.target, marks[number], reported=task.reports)
    ]  # fmt: skip
    records = {n: tasks[n].record('written before') for n in set(range(len(tasks))).difference(waiting)}
    reports = {n: ledger.report(tasks[n].target) for n in records}
    if given.resume:
        remove_abandoned(Path(given.out_name))
    done = outcomes(
        _converted, [tasks[n] for n in waiting], jobs=given.jobs if local else 1, scheduler=given.scheduler,
        retries=given.retries, describe=reason, what='Converting',
    )  # fmt: skip
    for at, outcome in done:
        number = waiting[at]
        task = tasks[number]
        for text in outcome.heard:
            warnings.warn(f'{told(task.key)}: {text}', ImagedataWarning, stacklevel=2)
        if outcome.error is None:
            explained, report = outcome.value
            ledger.add(task.target, marks[number], report)
            reports[number] = report
            if explained:
                say(f'{told(task.key)}\n{explained}')
            records[number] = task.record('written')
        else:
            complain(f'{told(task.key)}: {outcome.error}')
            records[number] = task.record('failed', error=outcome.error)
    # Of processes that ended in the middle of a series.
    remove_abandoned(Path(given.out_name))
    if given.deid_report:
        write_report(given.deid_report, [report for _, report in sorted(reports.items()) if report])
    if all(record['status'] != 'failed' for record in records.values()):
        ledger.complete()
    yield from (records[number] for number in sorted(records))


def _mark(given: argparse.Namespace, task: _Task) -> str:
    """Return what tells what is done with a series from anything else."""
    sources = [source for entry in task.study._stored().values() for source in entry.sources]
    options = [task.options, list(task.formats), given_options(given), given.input_order]
    return mark_of(sources, options, (given.template, given.geometry))


def _sources(task: _Task) -> tuple[Source, ...]:
    sources: tuple[Source, ...] = task.study._stored()[task.key].sources
    return sources


def _converted(task: _Task) -> tuple[str, dict[str, Any] | None]:
    """Convert one series; return how it was read, and what was done with its headers, where wanted."""
    series = task.study.fetch(task.key)
    series.write(task.target, task.options, task.formats)
    explained = f'{series}\n{series.explain()}' if task.explains else ''
    return explained, series_report(series) if task.reports else None


def _report(given: argparse.Namespace, records: Sequence[dict[str, Any]]) -> None:
    """Print what was, or would be, written: as JSON, or in words where there was a choice of names."""
    from ..folders import printable

    if given.json:
        say_json(records)
    elif given.dry_run or len(records) > 1:
        for record in records:
            number = '-' if record['seriesNumber'] is None else record['seriesNumber']
            stack = '' if record['stack'] is None else f' stack {record["stack"]}'
            described = printable(record['seriesDescription'] or 'no description')
            arrow = '->' if record['status'] != 'failed' else 'failed, not in'
            say(f'[{number}]{stack} {described} {arrow} {printable(record["target"])}')


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f'{text!r} is no number of at least 0')
    return int(text)


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f'{text!r} is no number of at least 1')
    return number


if __name__ == '__main__':
    sys.exit(main())
