"""A folder that DICOM objects are filed in as they arrive: whole, each once, under names made of UIDs."""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from ..archives.staging import is_staging, staging_name
from .arrived import Broken, identified, is_uid

__all__ = ['Inbox', 'ReceivedSeries', 'Refused']

CANNOT_UNDERSTAND = 0xC000
DOES_NOT_MATCH = 0xA900
OUT_OF_RESOURCES = 0xA700
DUPLICATE = 0x0111
PROCESSING_FAILURE = 0x0110
"""Statuses of C-STORE (DICOM PS3.4 B.2.3, PS3.7 C.5)."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)

_WAITING = '.waiting'
"""Folder of empty folders, one for each series that is not done: readers of images find nothing there."""


class Refused(Exception):
    """An object is not filed.

    Parameters
    ----------
    status : int
        What to answer.
    reason : str
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(slots=True)
class ReceivedSeries:
    """A series that arrives.

    Parameters
    ----------
    study, uid : str
    folder : Path
    images : int
        How many objects came since it was last taken; all that are there, where a receiver begins anew.
    last : float
        When the last one came, by `time.monotonic`.
    """

    study: str
    uid: str
    folder: Path
    images: int = 0
    last: float = field(default_factory=time.monotonic)


class Inbox:
    """Files objects as `folder/StudyInstanceUID/SeriesInstanceUID/SOPInstanceUID.dcm`.

    No name is taken from anything but UIDs, which are digits and dots: none leads elsewhere, and
    none tells who the patient is. A file is there whole or not at all.

    Parameters
    ----------
    folder : Path
    overwrite : bool
        Whether an object takes the place of another with the same UID and other content; else it
        is refused.
    """

    def __init__(self, folder: Path, overwrite: bool = False) -> None:
        self.folder = folder
        self.overwrite = overwrite
        self._active: dict[tuple[str, str], ReceivedSeries] = {}
        self._lock = Lock()
        self._resume()

    def _resume(self) -> None:
        """Take up the series that were not done when a receiver ended before, however it ended."""
        for mark in sorted(self.folder.glob(f'{_WAITING}/*')):
            study, _, series = mark.name.partition('_')
            if not (is_uid(study) and is_uid(series)):
                continue
            folder = self.folder / study / series
            for part in folder.glob('.*'):
                if is_staging(part.name):
                    part.unlink(missing_ok=True)
            count = sum(1 for _ in folder.glob('*.dcm'))
            if count:
                self._active[study, series] = ReceivedSeries(study, series, folder, count)
            else:
                mark.rmdir()

    def _mark(self, study: str, series: str) -> Path:
        return self.folder / _WAITING / f'{study}_{series}'

    def put(self, uid: str, content: bytes) -> Path:
        """File an object.

        Parameters
        ----------
        uid : str
            SOP Instance UID that it was announced with.
        content : bytes
            The whole file.

        Raises
        ------
        Refused
        """
        try:
            own = identified(content)
        except Broken as error:
            raise Refused(CANNOT_UNDERSTAND, str(error)) from error
        if own.uid != uid:
            raise Refused(DOES_NOT_MATCH, f'{own.uid} was announced as another')
        study, series = own.study, own.series
        folder = self.folder / study / series
        path = folder / f'{uid}.dcm'
        try:
            filed = self._file(path, content, self._mark(study, series))
        except OSError as error:
            status = OUT_OF_RESOURCES if error.errno in _FULL else PROCESSING_FAILURE
            raise Refused(status, f'{path} cannot be written: {error.strerror or error}') from error
        if not filed:
            return path
        with self._lock:
            entry = self._active.setdefault((study, series), ReceivedSeries(study, series, folder))
            entry.images += 1
            entry.last = time.monotonic()
        return path

    def _file(self, path: Path, content: bytes, mark: Path) -> bool:
        """Write an object; False: it is there already."""
        if path.exists() and not self._replaces(path, content):
            return False
        for place in (path.parent, mark):
            place.mkdir(parents=True, exist_ok=True)
        part = path.with_name(staging_name(path.name))
        try:
            with part.open('wb') as file:
                file.write(content)
                file.flush()
                # Who sent it may forget it now.
                os.fsync(file.fileno())
            with self._lock:
                # Somebody else may have sent one of the same name meanwhile.
                if path.exists() and not self._replaces(path, content):
                    return False
                os.replace(part, path)
            return True
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def _replaces(self, path: Path, content: bytes) -> bool:
        """Return whether an object is to be written although its file is there."""
        if path.read_bytes() == content:
            return False
        if not self.overwrite:
            raise Refused(DUPLICATE, f'{path} is there, with other content (--overwrite replaces it)')
        return True

    def take_quiet(self, seconds: float) -> list[ReceivedSeries]:
        """Return the series of which nothing came for some time.

        Until `done` with them, they are taken up again by an inbox of the same folder.
        """
        with self._lock:
            limit = time.monotonic() - seconds
            done = {key: series for key, series in self._active.items() if series.last <= limit}
            for key in done:
                del self._active[key]
        return list(done.values())

    def done(self, series: ReceivedSeries) -> None:
        """Forget a series that was taken, and dealt with; unless more of it came meanwhile."""
        with self._lock:
            if (series.study, series.uid) not in self._active:
                with suppress(FileNotFoundError):
                    self._mark(series.study, series.uid).rmdir()
