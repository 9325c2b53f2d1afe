"""What a long conversion has done, in a file, so that it can go on after it was interrupted.

The file has a line of JSON that says what conversion it is of, and one for each series that was written.
Where headers are de-identified, the first line holds the secret that new UIDs, dates and pseudonyms
follow from: who has it, and the original images, can tell which patient is which. So only its owner may
read the file, it may not stand among what is passed on, and nothing of it is left but the number of
series once all of them are written.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import UnknownInputError, WriteError
from ..formats.contract import Source

__all__ = ['Ledger', 'mark_of']

_SECRET = 'secret'
"""Key of a table of UIDs under which the secret stands that all of them follow from."""

_BEGINNING = b'{"conversion"'
"""How the file begins."""


@dataclass(frozen=True, slots=True)
class _Written:
    """A series that was written.

    Parameters
    ----------
    mark : str
        Of its files and options, as `mark_of` gives it.
    extent : (int, int)
        Number of files, and of their bytes.
    report : dict or None
        What was done with its headers.
    """

    mark: str
    extent: tuple[int, int]
    report: dict[str, Any] | None


class Ledger:
    """Series that were written, kept on the disk line by line.

    Parameters
    ----------
    path : str or None
        None: nothing is noted.
    rules : mapping or None
        Those of de-identification; None where headers stay as they are.
    formats : sequence of str
        Names of the formats that are written.
    dry_run : bool
        Whether the file is read only.

    Attributes
    ----------
    table : dict
        The table of UIDs for `anonymize`: with the secret of the run that is gone on with.

    Raises
    ------
    UnknownInputError
        When the file is something else, or of another conversion.
    WriteError
        When another program is at work with it, it cannot be written, or its conversion is complete.
    """

    def __init__(
        self,
        path: str | None,
        rules: Mapping[str, Any] | None = None,
        formats: Sequence[str] = (),
        *,
        dry_run: bool = False,
    ) -> None:
        self.table: dict[str, str] = {}
        self._path = path
        self._formats = formats
        self._done: dict[str, _Written] = {}
        self._kind = {'rules': None if rules is None else _digest(dict(rules))}
        self._begun = False
        self._file: BinaryIO | None = None
        if path is None or (dry_run and not os.path.exists(path)):
            return
        if dry_run:
            with open(path, 'rb') as file:
                self._read(file.read())
            return
        self._file = self._opened(path)
        try:
            whole = self._read(self._file.read())
            # The last line may have been cut off: the next one must not be added to it.
            self._file.truncate(whole)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let other programs have the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def begin(self) -> None:
        """Note what conversion this is, when it is not noted yet: the table has its secret by now."""
        if self._file is not None and not self._begun:
            secret = {} if self._kind['rules'] is None else {_SECRET: self.table[_SECRET]}
            self._add({'conversion': self._kind, **secret})

    def has(self, target: str, mark: str, *, reported: bool = False) -> bool:
        """Return whether the same files were written to this place, and all of it is still there."""
        written = self._done.get(os.path.abspath(target))
        if written is None or written.mark != mark or (reported and written.report is None):
            return False
        return written.extent == self._extent(target)

    def report(self, target: str) -> dict[str, Any] | None:
        """Return what was done with the headers of a series that was written."""
        written = self._done.get(os.path.abspath(target))
        return None if written is None else written.report

    def add(self, target: str, mark: str, report: dict[str, Any] | None) -> None:
        """Note that a series was written."""
        if self._file is None:
            return
        written = _Written(mark, self._extent(target), report)
        self._done[os.path.abspath(target)] = written
        self._add({
            'target': os.path.abspath(target), 'mark': mark, 'extent': written.extent, 'report': report,
        })  # fmt: skip

    def complete(self) -> None:
        """Note that all series were written: nothing else is left of a conversion with a secret."""
        if self._file is None or self._kind['rules'] is None:
            return
        self._file.seek(0)
        secret = self._file.readline()
        line = json.dumps({'conversion': self._kind, 'complete': len(self._done)}).encode()
        # In its place first: were the file empty, another run would give the patients other names.
        self._file.seek(0)
        self._file.write(line.ljust(len(secret) - 1) + b'\n')
        os.fsync(self._file.fileno())
        self._file.truncate()
        os.fsync(self._file.fileno())

    def _opened(self, path: str) -> BinaryIO:
        """Return the file, made where it is not there, which no other program has."""
        from ..archives.staging import locked

        private = self._kind['rules'] is not None
        try:
            flags = os.O_RDWR | os.O_CREAT | getattr(os, 'O_BINARY', 0)
            number = os.open(path, flags, 0o600 if private else 0o666)
            file = os.fdopen(number, 'r+b', buffering=0)
        except OSError as error:
            raise WriteError(f'{path} cannot be written: {error.strerror}') from error
        if private and os.name == 'posix' and stat.S_IMODE(os.fstat(number).st_mode) & 0o077:
            file.close()
            raise WriteError(
                f'{path} can be read by others, and will hold the secret by which patients are known again: '
                'name another file, or remove it'
            )
        if not locked(file):
            file.close()
            raise WriteError(f'another program is at work with {path}: wait until it has ended')
        return file

    def _read(self, data: bytes) -> int:
        """Take what is noted, and return how many bytes of it are whole lines.

        Raises
        ------
        UnknownInputError, WriteError
        """
        whole = data.rfind(b'\n') + 1
        first, *lines = data[:whole].splitlines() or [b'']
        if not first and _BEGINNING.startswith(data[: len(_BEGINNING)]):
            return 0
        self._begun = True
        try:
            kind = json.loads(first)
            conversion, secret, complete = kind['conversion'], kind.get(_SECRET), kind.get('complete')
            for line in lines if complete is None else ():
                entry = json.loads(line)
                written = _Written(entry['mark'], tuple(entry['extent']), entry['report'])
                self._done[entry['target']] = written
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UnknownInputError(
                f'{self._path} is no list of written series: give --resume a file of its own'
            ) from error
        if conversion != self._kind:
            raise UnknownInputError(
                f'{self._path} is of a conversion with other rules of de-identification: go on with the same '
                'options, or begin anew with another file and another folder'
            )
        if complete is not None:
            raise WriteError(
                f'the conversion of {self._path} is complete, with {complete} series, and its secret was '
                'removed: nothing can be added to it under the same names; begin anew with another file '
                'and another folder'
            )
        if secret is not None:
            self.table[_SECRET] = secret
        return whole

    def _add(self, line: Mapping[str, Any]) -> None:
        assert self._file is not None
        self._file.seek(0, os.SEEK_END)
        self._file.write(json.dumps(line).encode() + b'\n')
        os.fsync(self._file.fileno())

    def _extent(self, target: str) -> tuple[int, int]:
        """Return how many files and bytes stand where a series was written; (0, 0) behind other URLs."""
        from ..registry import format_for

        sizes: dict[str, int] = {}
        for name in self._formats:
            place = target.replace('%p', name)
            for path in (place, *(place + extension for extension in format_for(name).extensions)):
                for file in _files(Path(path)):
                    sizes[str(file)] = file.stat().st_size
        return len(sizes), sum(sizes.values())


def mark_of(sources: Iterable[Source], options: Any, further: Iterable[str | None] = ()) -> str:
    """Return what tells a conversion from one of other files, of files changed since, or with other options.

    Parameters
    ----------
    sources : iterable of Source
    options : object
        What decides how they are read and written, as JSON or by its text.
    further : iterable of str or None
        Paths or URLs of other files that take part.
    """
    names = [*(str(source.path or source.name) for source in sources), *filter(None, further)]
    # What is in an archive changes with it.
    return _digest([[name, *_state(name if os.path.exists(name) else name.partition('?')[0])]
                    for name in names], options)  # fmt: skip


def _state(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return 0, 0
    return found.st_size, found.st_mtime_ns


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _files(path: Path) -> Iterable[Path]:
    """Return a file, or the files in a folder."""
    if path.is_dir():
        return (Path(root, name) for root, _, names in os.walk(path) for name in names)
    return (path,) if path.is_file() else ()
