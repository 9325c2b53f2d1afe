"""Folders in which files stand until they are complete, and what is left of those of killed programs.

A program that writes holds a lock on its folder (`flock`, on Unix). The system releases it when the
process ends, however that happens. Where a disk or system knows no such locks, nothing is taken for
abandoned.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import IO

__all__ = ['REPLACED', 'claimed', 'is_staging', 'locked', 'remove_abandoned', 'staging_name']

_STAGING = re.compile(r'\..*\.[0-9a-f]{8}\.part')


REPLACED = '.old'
"""How names begin of files in such a folder that were replaced, and are put back when not all can be."""


def staging_name(target: str) -> str:
    """Return a new name for the folder in which the files for a target stand until they are complete."""
    return f'.{target}.{secrets.token_hex(4)}.part'


def is_staging(name: str) -> bool:
    """Return whether a folder is such a one."""
    return _STAGING.fullmatch(name) is not None


@contextmanager
def claimed(parent: Path, target: str) -> Iterator[Path]:
    """Make a folder in which the files for a target stand until they are complete; it is gone afterwards.

    Raises
    ------
    OSError
        When it cannot be made.
    """
    while True:
        folder = parent / staging_name(target)
        folder.mkdir()
        lock = _lock(folder)
        # Somebody who looks for abandoned ones may have come between.
        if lock is None or folder.exists():
            break
        os.close(lock)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def remove_abandoned(target: Path, *, below: bool = True) -> None:
    """Remove what programs that were killed have left of files that they were writing.

    Parameters
    ----------
    target : Path
        File or folder that was written.
    below : bool
        Whether folders in it count, as well as those for itself.
    """
    places = [target.absolute().parent.glob(f'.{escape(target.name)}.*.part')]
    if below and target.is_dir():
        places.append(Path(root, name) for root, folders, _ in os.walk(target) for name in folders)
    for folders in places:
        # Listed first: a walk does not like folders to vanish before it.
        for folder in [folder for folder in folders if is_staging(folder.name)]:
            lock = _lock(folder)
            if lock is None:
                continue
            # Where files were being replaced, the old ones may stand nowhere else.
            if not any(folder.glob(f'{REPLACED}*')):
                shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def locked(file: IO[bytes]) -> bool:
    """Lock an open file until it is closed; return False when another process has it."""
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        return True
    return True


def _lock(folder: Path) -> int | None:
    """Return what holds a lock on a folder, None where another process has it, or there are no locks."""
    try:
        import fcntl

        found = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        return None
    try:
        fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(found)
        return None
    return found
