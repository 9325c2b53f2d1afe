"""The program `dicom_sort`: DICOM files into folders of patients, studies and series."""

from __future__ import annotations

import argparse
import hashlib
import os
import secrets
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from ..archives.staging import claimed, remove_abandoned
from ..cmdline import INFO, ProgramParser, add_telling_options, complain, complain_of, reason, say, say_json
from ..errors import ImagedataError, ImagedataWarning, WriteError
from ..formats.contract import Source
from ..notices import warn_user
from .common import add_inputs, add_json, parsed, program_parser, run
from .layout import DEFAULT, Layout

__all__ = ['Sorter', 'main', 'parser']

_BLOCK = 1 << 20
_STAGED = 'dicom_sort'


def parser() -> ProgramParser:
    """Return the parser of the command line."""
    made = program_parser(
        'dicom_sort',
        'destination in_dirs [in_dirs ...]',
        'Copy DICOM files into folders of patients, studies and series. Files are copied byte by byte, and '
        'read back. What is there already is not copied again: an interrupted run is resumed by the same '
        'command. Nothing is replaced.',
        f'The pattern is {DEFAULT}\nunless another is given.\n\n'
        'examples:\n  dicom_sort sorted/ /media/cdrom\n  dicom_sort --move sorted/ inbox/\n'
        "  dicom_sort --pattern '{Modality}/{SeriesInstanceUID}/{InstanceNumber:05d}.dcm' sorted/ inbox/\n",
    )
    made.add_argument(
        '--move', action='store_true', help='remove each file from where it was, once its copy was read back'
    )
    made.add_argument(
        '--pattern', default=DEFAULT, metavar='PATTERN',
        help='folders and file name: DICOM keywords in braces, with a format after a colon',
    )  # fmt: skip
    made.add_argument(
        '--dry-run', action='store_true', help='print what would be copied where, and copy nothing'
    )
    add_json(made, 'what became of each file')
    add_telling_options(made)
    made.add_argument('destination', help='folder to sort into')
    add_inputs(made)
    return made


def main(args: Sequence[str] | None = None) -> int:
    """Run the program; see `imagedata.image_data.sort`."""
    made = parser()
    return run(made, parsed(made, args), _sort)


def _sort(given: argparse.Namespace) -> None:
    from ..folders import printable
    from ..progress import tracked
    from ..reading import find_sources

    destination = Path(given.destination)
    if destination.exists() and not destination.is_dir():
        raise WriteError(f'{destination} is a file: name a folder to sort into')
    sorter = Sorter(destination, given.pattern, move=given.move, dry_run=given.dry_run)
    sources = find_sources(given.in_dirs)
    fixed = next((source.name for source in sources if source.path is None), None)
    if given.move and fixed is not None:
        raise WriteError(f'{fixed} is not a file on this disk, and cannot be moved: leave out --move')
    records = []
    with sorter.staging():
        for source in tracked(sources, 'Sorting'):
            try:
                record = sorter.place(source)
            except ImagedataError as error:
                record = {'source': source.name, 'status': 'failed', 'error': reason(error)}
                complain_of(source.name, error)
            if 'left' in record:
                complain(f'{source.name} was copied, and cannot be removed: {record["left"]}')
            records.append(record)
            if not given.json and record['status'] != 'failed' and (given.dry_run or given.loglevel <= INFO):
                target = record.get('target') or record.get('reason')
                say(f'{record["status"]}: {printable(source.name)} -> {printable(target)}')
    if given.json:
        say_json(records)
    else:
        say(_summary(records))


def _summary(records: Sequence[dict[str, Any]]) -> str:
    counts = Counter(record['status'] for record in records)
    conflicts = sum('conflict' in record for record in records)
    parts = [f'{number} {status}' for status, number in sorted(counts.items())]
    left = sum('left' in record for record in records)
    if left:
        parts.append(f'{left} of them still where they were')
    if conflicts:
        parts.append(f'{conflicts} of them with the UID of another file, and other contents')
    return f'{len(records)} files: {", ".join(parts)}'


class Sorter:
    """Puts files where their headers say.

    Parameters
    ----------
    destination : Path
    pattern : str
    move : bool
        Whether a file is removed once its copy was read back.
    dry_run : bool
        Whether nothing is written.
    """

    def __init__(
        self, destination: Path, pattern: str = DEFAULT, *, move: bool = False, dry_run: bool = False
    ) -> None:
        self._destination = destination
        self._layout = Layout(destination, pattern)
        self._move = move
        self._dry_run = dry_run
        self._staging = destination
        self._planned: dict[str, Source] = {}
        self._instances: dict[str, tuple[str, str]] = {}

    @contextmanager
    def staging(self) -> Iterator[None]:
        """Make a folder for copies that have not been read back; it is gone afterwards."""
        if self._dry_run:
            yield
            return
        with ExitStack() as stack:
            try:
                self._destination.mkdir(parents=True, exist_ok=True)
                remove_abandoned(self._destination / _STAGED, below=False)
                # Readers pass over folders of such a name.
                self._staging = stack.enter_context(claimed(self._destination, _STAGED))
            except OSError as error:
                raise WriteError(f'{self._destination} cannot be written: {error.strerror}') from error
            yield

    def place(self, source: Source) -> dict[str, Any]:
        """Copy or move one file, and return what became of it.

        Its status is 'copied', 'moved' or 'planned'; 'present', where it was there already;
        'left', where it is not DICOM.

        Raises
        ------
        ImagedataError
            When it cannot be read or copied.
        """
        try:
            dataset = self._layout.header(source)
            if dataset is None:
                return {'source': source.name, 'status': 'left', 'reason': 'no DICOM object, or a DICOMDIR'}
            digest = _digest(source)
            uid = str(dataset.get('SOPInstanceUID') or '')
            target, present = self._free(self._layout.path(dataset), source, digest)
            record: dict[str, Any] = {'source': source.name, 'target': str(target)}
            self._note_conflict(record, uid, digest, target)
            if not present and self._dry_run:
                self._planned[str(target).casefold()] = source
            elif not present:
                self._copy(source, target, digest)
            record['status'] = 'present' if present else 'planned' if self._dry_run else 'copied'
            if self._move and not self._dry_run:
                _remove(source, target, record)
            return record
        except OSError as error:
            if isinstance(error, ImagedataError):
                raise
            raise WriteError(f'{error.filename or source.name}: {error.strerror or error}') from error

    def _free(self, wanted: Path, source: Source, digest: str) -> tuple[Path, bool]:
        """Return a path that is free, or has that very file; and whether it has."""
        suffix = wanted.suffix if len(wanted.suffix) < 8 else ''
        stem = wanted.name.removesuffix(suffix)
        for length in (0, 6, 12, len(digest)):
            path = wanted.with_name(f'{stem}-{digest[:length]}{suffix}' if length else wanted.name)
            planned = self._planned.get(str(path).casefold())
            if planned is not None:
                there: Source | None = planned
            else:
                there = Source(str(path), path) if os.path.lexists(path) else None
            if there is None:
                return path, False
            if there.path is not None and not there.path.is_file():
                continue
            if there.size() == source.size() and _digest(there) == digest:
                return path, True
        raise WriteError(f'{wanted} and its other names are taken by other things: move them away')

    def _note_conflict(self, record: dict[str, Any], uid: str, digest: str, target: Path) -> None:
        """Report a file that has the UID of another one, and other contents."""
        known = self._instances.get(uid) if uid else None
        if known is None and uid:
            known = self._on_disk(uid, digest, target)
        if uid:
            self._instances.setdefault(uid, known or (digest, str(target)))
        if known is not None and known[0] != digest:
            record['conflict'] = known[1]
            warn_user(
                f'{record["source"]} has the SOP Instance UID of {known[1]}, and other contents: '
                f'both are kept, this one as {target}',
                ImagedataWarning,
            )

    def _on_disk(self, uid: str, digest: str, target: Path) -> tuple[str, str] | None:
        """Return the file of an earlier run that has the UID: its name is this one's but for the digits."""
        plain = target.with_name(target.name.replace(f'-{digest[:6]}', ''))
        if plain == target or not plain.is_file():
            return None
        other = Source(str(plain), plain)
        dataset = self._layout.header(other)
        if dataset is None or str(dataset.get('SOPInstanceUID') or '') != uid:
            return None
        return _digest(other), str(plain)

    def _copy(self, source: Source, target: Path, digest: str) -> None:
        """Copy a file, read the copy back, and put it in its place.

        Raises
        ------
        WriteError
            When the copy is not what was read.
        """
        part = self._staging / secrets.token_hex(8)
        with source.open() as original, part.open('xb') as copy:
            shutil.copyfileobj(original, copy, _BLOCK)
            copy.flush()
            if self._move:
                # The original goes away: the copy must be on the disk, not in a cache.
                os.fsync(copy.fileno())
        if _digest(Source(str(part), part)) != digest:
            raise WriteError(
                f'{source.name}: the copy differs from what was read: the disk or the source fails'
            )
        if source.path is not None:
            times = source.path.stat()
            with suppress(OSError):
                os.utime(part, ns=(times.st_atime_ns, times.st_mtime_ns))
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _moved(part, target)
        except FileExistsError as error:
            raise WriteError(f'{target} has appeared since: run the command again') from error
        if self._move:
            _keep_name(target)


def _remove(source: Source, target: Path, record: dict[str, Any]) -> None:
    """Remove a file whose copy is in place, and note what became of it."""
    if source.path is None or source.path.samefile(target):
        return
    try:
        source.path.unlink()
    except OSError as error:
        record['left'] = error.strerror or str(error)
    else:
        record['status'] = 'moved'


def _moved(part: Path, target: Path) -> None:
    """Give a file another name, unless that is taken.

    Raises
    ------
    FileExistsError
    """
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:
        # The disk knows no links.
        if os.path.lexists(target):
            raise FileExistsError(str(target)) from None
        os.replace(part, target)
        return
    part.unlink()


def _keep_name(path: Path) -> None:
    """Have the name of a new file on the disk, not in a cache, where the system can."""
    with suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _digest(source: Source) -> str:
    """Return the SHA-256 of a file's bytes."""
    with source.open() as file:
        return _digest_of(file)


def _digest_of(file: BinaryIO) -> str:
    found = hashlib.sha256()
    while block := file.read(_BLOCK):
        found.update(block)
    return found.hexdigest()


if __name__ == '__main__':
    sys.exit(main())
