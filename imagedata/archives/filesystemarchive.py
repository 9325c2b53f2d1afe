"""Files and folders of the local disk: finding what to read, and writing all or nothing."""

from __future__ import annotations

import errno
import glob
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from ..errors import ImagedataError, InputNotFoundError, WriteError
from ..formats.contract import Source
from .staging import REPLACED, claimed, is_staging

__all__ = ['FilesystemArchive', 'find', 'staged']

_REMEDIES = {
    errno.ENOSPC: 'free some space on that disk, or write elsewhere',
    errno.EDQUOT: 'delete files to get below your quota, or write elsewhere',
    errno.EFBIG: 'the largest size of a file is limited there (ulimit -f): write elsewhere',
    errno.EACCES: 'get permission to write there, or write elsewhere',
    errno.EPERM: 'get permission to write there, or write elsewhere',
    errno.EROFS: 'that disk is read-only: write elsewhere',
}

_SYSTEM = ('lost+found', 'System Volume Information')
"""Folders of systems, which nobody else may read."""

_ATTEMPTS = 5
"""How often folders are made that others remove."""

Commit: TypeAlias = Callable[[list[tuple[str, Path]]], None]


@contextmanager
def staged(target: Path) -> Iterator[tuple[Path, Commit]]:
    """Give a folder to write in, and a function that moves files from there into place.

    The folder stands beside the target, or in it where the target is a folder: on the same
    disk. It is gone afterwards. When moving fails half-way, files that were replaced are put
    back, and new ones are removed.

    Parameters
    ----------
    target : Path
        The file or folder that is written.

    Yields
    ------
    folder : Path
    commit : function of a list of (name within `folder`, final path)

    Raises
    ------
    WriteError
        When the disk is full, or the target cannot be written.
    """
    made: list[Path] = []
    try:
        with ExitStack() as stack:
            folder = _claimed(stack, target, made)
            yield folder, lambda moves: _move_all(folder, moves)
    except OSError as error:
        if isinstance(error, ImagedataError):
            raise
        cause = _with_number(error)
        raise WriteError(
            f'{target} cannot be written: {cause.strerror or cause}; what was there is unchanged; '
            f'{_REMEDIES.get(cause.errno or 0, "write elsewhere")}'
        ) from error
    finally:
        _remove_empty(made)


def _claimed(stack: ExitStack, target: Path, made: list[Path]) -> Path:
    """Return the folder to write in, gone when the stack is left; folders above it are noted in `made`."""
    attempts = 0
    while True:
        try:
            base = target if target.is_dir() else _existing_parent(target, made)
            return stack.enter_context(claimed(base, target.name))
        except FileNotFoundError:
            # Another process that had made the same folders, and failed, may remove them meanwhile.
            attempts += 1
            if attempts == _ATTEMPTS:
                raise


def _with_number(error: OSError) -> OSError:
    """Return the error of the system behind one that tells more words, and no number (pydicom's)."""
    cause: BaseException | None = error
    while isinstance(cause, OSError):
        if cause.errno is not None:
            return cause
        cause = cause.__cause__ or cause.__context__
    return error


def _existing_parent(target: Path, made: list[Path]) -> Path:
    """Return the folder of the target, made with its parents where missing (noted in `made`)."""
    parent = target.absolute().parent
    missing = [p for p in [parent, *parent.parents] if not p.exists()]
    for path in reversed(missing):
        try:
            path.mkdir()
        except FileExistsError:
            # Another program, or process of this one, was quicker.
            if not path.is_dir():
                raise
            continue
        made.append(path)
    return parent


def _remove_empty(made: list[Path]) -> None:
    """Remove folders that were made and hold nothing."""
    for path in reversed(made):
        try:
            path.rmdir()
        except OSError:
            # It holds something, or is gone already: those beside it may still be empty.
            continue


def _move_all(folder: Path, moves: list[tuple[str, Path]]) -> None:
    """Move files into place together, or leave everything as it was."""
    made: list[Path] = []
    placed: list[Path] = []
    saved: list[tuple[Path, Path]] = []
    try:
        for number, (name, final) in enumerate(moves):
            _existing_parent(final, made)
            # Noted before it is done: a signal may arrive between the two.
            if os.path.lexists(final):
                if final.is_dir():
                    raise WriteError(f'{final} is a folder: a file cannot replace it; choose another name')
                old = folder / f'{REPLACED}{number}'
                _keep(final, old)
                saved.append((old, final))
            else:
                placed.append(final)
            os.replace(folder / name, final)
    except BaseException:
        for path in placed:
            path.unlink(missing_ok=True)
        for old, final in saved:
            # The others are put back even where one cannot be.
            with suppress(OSError):
                os.replace(old, final)
        _remove_empty(made)
        raise


def _keep(path: Path, copy: Path) -> None:
    """Keep a file under a second name: a link, or a copy where the disk knows no links."""
    try:
        os.link(path, copy, follow_symlinks=False)
    except OSError:
        shutil.copy2(path, copy, follow_symlinks=False)


class FilesystemArchive:
    """Folders of the local disk, as if each were an archive."""

    plugin_type: ClassVar[str] = 'archive'
    name: ClassVar[str] = 'filesystem'
    description: ClassVar[str] = 'Files and folders'
    extensions: ClassVar[tuple[str, ...]] = ()
    mimetypes: ClassVar[tuple[str, ...]] = ()

    def identifies(self, name: str, head: bytes) -> bool:
        """Return False: no file is a folder."""
        return False

    def members(self, source: Source, pattern: str | None, options: Mapping[str, Any]) -> list[Source]:
        """Return the files in a folder."""
        folder = Path(source.path or source.name)
        return find(folder / pattern if pattern else folder)

    def pack(self, files: Sequence[tuple[str, Path]], target: Path, options: Mapping[str, Any]) -> None:
        """Make a folder with copies of files."""
        for name, path in files:
            copy = target / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def find(path: Path) -> list[Source]:
    """Return the files of a file, folder (with all below it) or pattern, in sorted order.

    Raises
    ------
    InputNotFoundError
        When nothing is there.
    """
    if path.is_dir():
        return list(_walk(path))
    if path.is_file():
        return [Source(str(path), path)]
    if path.exists():
        raise InputNotFoundError(f'{path} is no file or folder, but a pipe or a device: name a file')
    if glob.has_magic(str(path)):
        matches = sorted(glob.glob(str(path), recursive=True))
        if matches:
            return [source for match in matches for source in find(Path(match))]
        raise InputNotFoundError(f'no file matches {path}: correct the pattern (looked in {Path.cwd()})')
    raise InputNotFoundError(f'there is no file or folder {path}: {_nearest(path)}')


def _nearest(path: Path) -> str:
    """Return in words how much of a path is there."""
    there = next((p for p in path.absolute().parents if p.exists()), path)
    if not there.is_dir():
        return f'{there} is a file, and no folder'
    if there == path.absolute().parent:
        return f'{there} has nothing of that name; correct it'
    return f'of that path there is only {there}; correct it'


def _walk(folder: Path) -> Iterator[Source]:
    """Yield the files in a folder, then those in folders below it, in the order of their names."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        if folder.name not in _SYSTEM:
            # Whoever reads it tells why it cannot be.
            yield Source(str(folder), folder)
        return
    folders = []
    for entry in entries:
        if _is(entry.is_dir):
            # A link may lead to a folder that it is in. What a killed program was about to write is no image.
            if not entry.is_symlink() and not is_staging(entry.name):
                folders.append(Path(entry.path))
        elif _is(entry.is_file) or entry.is_symlink():
            # No pipes or devices, which may wait for ever.
            yield Source(entry.path, Path(entry.path))
    for below in folders:
        yield from _walk(below)


def _is(kind: Callable[[], bool]) -> bool:
    """Return whether an entry of a folder is of a kind; links may lead in circles."""
    try:
        return kind()
    except OSError:
        return False
