"""A folder that DICOM objects are filed in as they arrive: whole, each once, under names made of UIDs."""

from __future__ import annotations

import errno
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from threading import Lock

from ..archives.staging import staging_name

__all__ = ['Inbox', 'ReceivedSeries', 'Refused']

_UID = re.compile(r'[0-9]+(\.[0-9]+)*')

CANNOT_UNDERSTAND = 0xC000
DOES_NOT_MATCH = 0xA900
OUT_OF_RESOURCES = 0xA700
DUPLICATE = 0x0111
PROCESSING_FAILURE = 0x0110
"""Statuses of C-STORE (DICOM PS3.4 B.2.3, PS3.7 C.5)."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)

_PARSE_ERRORS = (
    ValueError, TypeError, AttributeError, LookupError, NotImplementedError, EOFError, OSError, OverflowError,
    RecursionError,
)  # fmt: skip
"""What pydicom raises for bytes that are no dataset. No file is read there."""


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
        How many objects came since it was last done.
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
        study, series, own = _identified(content)
        if own != uid:
            raise Refused(DOES_NOT_MATCH, f'{own} was announced as {uid}')
        folder = self.folder / study / series
        path = folder / f'{uid}.dcm'
        try:
            if path.exists() and not self._replaces(path, content):
                return path
            self._write(folder, path, content)
        except OSError as error:
            status = OUT_OF_RESOURCES if error.errno in _FULL else PROCESSING_FAILURE
            raise Refused(status, f'{path} cannot be written: {error.strerror or error}') from error
        with self._lock:
            entry = self._active.setdefault((study, series), ReceivedSeries(study, series, folder))
            entry.images += 1
            entry.last = time.monotonic()
        return path

    def _replaces(self, path: Path, content: bytes) -> bool:
        """Return whether an object is to be written although its file is there."""
        if path.read_bytes() == content:
            return False
        if not self.overwrite:
            raise Refused(DUPLICATE, f'{path} is there, with other content (--overwrite replaces it)')
        return True

    def _write(self, folder: Path, path: Path, content: bytes) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / staging_name(path.name)
        try:
            part.write_bytes(content)
            os.replace(part, path)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise

    def take_quiet(self, seconds: float) -> list[ReceivedSeries]:
        """Return the series of which nothing came for some time, and forget them."""
        with self._lock:
            limit = time.monotonic() - seconds
            done = {key: series for key, series in self._active.items() if series.last <= limit}
            for key in done:
                del self._active[key]
        return list(done.values())


def _identified(content: bytes) -> tuple[str, str, str]:
    """Return the UIDs of study, series and object.

    Raises
    ------
    Refused
        When the bytes are no dataset, or lack one of them.
    """
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    names = ('StudyInstanceUID', 'SeriesInstanceUID', 'SOPInstanceUID')
    try:
        dataset = dcmread(BytesIO(content), specific_tags=list(names), stop_before_pixels=True)
        uids = [str(dataset[name].value) for name in names]
    except (InvalidDicomError, *_PARSE_ERRORS) as error:
        reason = f'it is no dataset that can be filed ({type(error).__name__})'
        raise Refused(CANNOT_UNDERSTAND, reason) from error
    for name, uid in zip(names, uids, strict=True):
        if len(uid) > 64 or not _UID.fullmatch(uid):
            raise Refused(CANNOT_UNDERSTAND, f'its {name} is no UID')
    return uids[0], uids[1], uids[2]


