"""Members of archives: which ones are wanted, which would do harm, and how they are opened.

Archives come from anywhere. Nothing of them is written to the disk here, but names and sizes go
further: into messages, into temporary copies for libraries that take paths only, into memory.
"""

from __future__ import annotations

import io
import re
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from threading import Lock
from typing import Any, BinaryIO

from ..errors import CorruptFileError, InputNotFoundError, NoArchiveError
from ..formats.contract import Source

__all__ = [
    'DAMAGED',
    'Index',
    'Limits',
    'Member',
    'Part',
    'Shared',
    'checked_name',
    'limits',
    'meant',
    'plain_name',
]

DAMAGED = 'it is truncated or damaged: get it again from where it came from'

_DRIVE = re.compile(r'[A-Za-z]:')
_CONTROL = re.compile(r'[\0-\x1f\x7f]')

_UNCHECKED = 256 << 20
"""Bytes below which no ratio is looked at: an empty mask is packed better than many a bomb."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the members of an archive may unpack to.

    Parameters
    ----------
    max_bytes : float
        All that are read, together.
    max_ratio : float
        Unpacked bytes for each packed one. Deflate reaches 1032 at most; images, 2 to 10.
    """

    max_bytes: float
    max_ratio: float

    def check(self, name: str, unpacked: int, packed: int) -> None:
        """Refuse what would unpack to too much.

        Raises
        ------
        CorruptFileError
        """
        if unpacked > self.max_bytes:
            raise CorruptFileError(
                f'{name} would bring what is read of its archive to {unpacked} bytes, and archive_max_bytes '
                f'is {self.max_bytes:.0f}: read fewer members, or set that option higher'
            )
        if unpacked > _UNCHECKED and unpacked > self.max_ratio * max(packed, 1):
            raise CorruptFileError(
                f'{name} unpacks to {unpacked} bytes from {packed}, as archives do that are made to fill '
                f'memory; if it is what it should be, set archive_max_ratio above {self.max_ratio:.0f}'
            )


def limits(options: Mapping[str, Any]) -> Limits:
    """Return the limits that the options set: 64 GiB and 500 where they do not."""
    given = {
        'archive_max_bytes': options.get('archive_max_bytes', 64 << 30),
        'archive_max_ratio': options.get('archive_max_ratio', 500),
    }
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
            raise ValueError(f'{name} is a number above 0, got {value!r}')
    return Limits(given['archive_max_bytes'], given['archive_max_ratio'])


@dataclass(frozen=True, slots=True)
class Member:
    """One member, as the list of an archive has it.

    Parameters
    ----------
    stored : str
        Its name as it is stored.
    size : int
        Unpacked bytes, as the archive says.
    packed : int
        Packed bytes, as the archive says.
    entry : object
        What the library of the archive opens it by.
    refusal : str
        Why it is not to be read; '' where it can be.
    encrypted : bool
        Whether it needs a password.
    """

    stored: str
    size: int
    packed: int
    entry: Any
    refusal: str = ''
    encrypted: bool = False


def plain_name(stored: str) -> str:
    """Return the name of a member as it is used: with '/', without '.' and empty parts."""
    return '/'.join(part for part in stored.replace('\\', '/').split('/') if part not in ('', '.'))


def meant(pattern: str | None) -> Callable[[str], bool]:
    """Return a function that says whether a name, or a folder that it is in, fits a pattern.

    '*' stands for any characters, '/' among them. A name fits itself, also one with brackets.
    """
    plain = (pattern or '').strip('/')
    matches = re.compile(translate(plain)).match

    def fits(name: str) -> bool:
        return (
            not plain
            or name == plain
            or name.startswith(f'{plain}/')
            or any(matches(part) for part in _with_parents(name))
        )

    return fits


def checked_name(archive: str, stored: str) -> str:
    """Return the plain name of a member.

    Raises
    ------
    CorruptFileError
        When the name leads out of the archive.
    """
    name = plain_name(stored)
    if stored.startswith(('/', '\\')) or _DRIVE.match(stored):
        problem = 'has an absolute name'
    elif '..' in name.split('/'):
        problem = 'has a name that leads out of the archive'
    elif _CONTROL.search(stored):
        problem = 'has control characters in its name'
    elif not name:
        problem = 'has no name'
    else:
        return name
    raise _refused(archive, stored, problem)


def _refused(archive: str, stored: str, problem: str) -> CorruptFileError:
    # Control characters would reach the terminal.
    shown = _CONTROL.sub('?', stored)
    return CorruptFileError(
        f'{archive}: the member {shown!r} {problem}: the archive is not read; where it can be trusted, '
        "name the members that are wanted, as in 'archive.zip?folder/*.dcm'"
    )


class Index:
    """The members of one archive, by name.

    Parameters
    ----------
    archive : Source
    members : iterable of Member
        Files, not folders.
    opener : function of Member
        Opens one for reading bytes, with `seek`.
    limits : Limits
    """

    def __init__(
        self, archive: Source, members: Iterable[Member], opener: Callable[[Member], BinaryIO], limits: Limits
    ) -> None:
        self._archive = archive.name
        self._opener = opener
        self._limits = limits
        self._members: dict[str, list[Member]] = {}
        for member in members:
            self._members.setdefault(plain_name(member.stored), []).append(member)

    def select(self, pattern: str | None, archive_size: int) -> list[Source]:
        """Return the members that a pattern means, in sorted order.

        Parameters
        ----------
        pattern : str or None
            A member, a folder with all below it, or a pattern in which '*' stands for any
            characters, '/' among them. None or '': all.
        archive_size : int
            Bytes of the whole archive.

        Raises
        ------
        InputNotFoundError
        CorruptFileError
            When one of them is not to be read.
        NoArchiveError
            When one of them is encrypted.
        """
        names = sorted(self._wanted((pattern or '').strip('/')))
        if not names and pattern:
            raise InputNotFoundError(
                f'{self._archive} has no member {pattern}: it holds {self._some()}; correct the name'
            )
        total = 0
        for name in names:
            self._check(name)
            total += self._members[name][0].size
            self._limits.check(f'{self._archive}?{name}', total, archive_size)
        return [self._source(name) for name in names]

    def _wanted(self, pattern: str) -> list[str]:
        if not pattern:
            return list(self._members)
        if pattern in self._members:
            return [pattern]
        below = [name for name in self._members if name.startswith(f'{pattern}/')]
        if below:
            return below
        means = meant(pattern)
        return [name for name in self._members if means(name)]

    def _some(self) -> str:
        names = sorted(self._members)
        more = f' and {len(names) - 3} more' if len(names) > 3 else ''
        return ', '.join(map(repr, names[:3])) + more if names else 'no file'

    def _check(self, name: str) -> None:
        """Refuse a member that would do harm."""
        members = self._members[name]
        member = members[0]
        checked_name(self._archive, member.stored)
        if len(members) > 1:
            raise _refused(self._archive, member.stored, f'is in it {len(members)} times')
        if member.refusal:
            raise _refused(self._archive, member.stored, member.refusal)
        if member.encrypted:
            raise NoArchiveError(
                f'{self._archive}?{name} is encrypted: unpack it with its password, and read the folder'
            )
        self._limits.check(f'{self._archive}?{name}', member.size, member.packed)

    def _source(self, name: str) -> Source:
        member = self._members[name][0]
        folder = name.rpartition('/')[0]

        def neighbour(filename: str) -> Source | None:
            other = f'{folder}/{filename}' if folder else filename
            if other not in self._members:
                return None
            self._check(other)
            return self._source(other)

        return Source(f'{self._archive}?{name}', None, lambda: self._opener(member), neighbour)


def _with_parents(name: str) -> list[str]:
    parts = name.split('/')
    return ['/'.join(parts[:count]) for count in range(len(parts), 0, -1)]


class Shared:
    """A file that several read in turn; closed when nobody holds it any more.

    Parameters
    ----------
    file : binary file
        With `seek`.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lock = Lock()
        weakref.finalize(self, file.close)

    def read(self, start: int, count: int) -> bytes:
        """Return bytes from a place in the file."""
        with self._lock:
            self._file.seek(start)
            return self._file.read(count)


class Part(io.RawIOBase):
    """A stretch of bytes of a shared file, as a file.

    Parameters
    ----------
    file : Shared
    start, size : int
        Bytes.
    """

    def __init__(self, file: Shared, start: int, size: int) -> None:
        self._file = file
        self._start = start
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a byte, and return its number."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, and return the number of bytes."""
        view = memoryview(buffer).cast('B')
        wanted = min(len(view), max(0, self._size - self._at))
        data = self._file.read(self._start + self._at, wanted)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)
