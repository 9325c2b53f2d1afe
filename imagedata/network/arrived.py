"""What a peer sent, looked at before it is kept: whose it is, and whether it is all there."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from ..errors import IncompleteError
from ..formats.dicom.lengths import PIXELS, UNDEFINED
from ..formats.dicom.plausible import end_of_fragments
from .address import matches

if TYPE_CHECKING:
    from .find import FoundImage

__all__ = ['Broken', 'Expected', 'Identity', 'identified', 'incomplete', 'is_uid']

_UID = re.compile(r'[0-9]+(\.[0-9]+)*')
_DEFLATED = '1.2.840.10008.1.2.1.99'

_PIXEL_TAGS = tuple(struct.pack(f'{order}HH', tag >> 16, tag & 0xFFFF) for tag in PIXELS for order in '<>')
_SEQUENCE_END = b'\xfe\xff\xdd\xe0\0\0\0\0'
_SEQUENCE_END_BIG = b'\xff\xfe\xe0\xdd\0\0\0\0'

_PARSE_ERRORS = (
    ValueError, TypeError, AttributeError, LookupError, NotImplementedError, EOFError, OSError, OverflowError,
    RecursionError, zlib.error, struct.error,
)  # fmt: skip
"""What pydicom raises for bytes that are no dataset. No file is read there."""


class Broken(Exception):
    """Bytes that are no whole object. The message is the reason."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What an object says that it is.

    Parameters
    ----------
    patient : str
        Patient ID, '' where it has none.
    study, series, uid : str
        UIDs, of digits and dots.
    """

    patient: str
    study: str
    series: str
    uid: str


def is_uid(text: str) -> bool:
    """Return whether a text is a UID: digits and dots, so that no name made of it leads elsewhere.

    Zeros before other digits are let pass: old scanners write them.
    """
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def identified(content: bytes) -> Identity:
    """Return what an object says that it is.

    Parameters
    ----------
    content : bytes
        Its file.

    Raises
    ------
    Broken
        When it ends before it should, is no dataset, or lacks what identifies it.
    """
    from pydicom.errors import BytesLengthException, InvalidDicomError
    from pydicom.filereader import read_partial
    from pydicom.tag import Tag

    file = BytesIO(content)
    names = ('StudyInstanceUID', 'SeriesInstanceUID', 'SOPInstanceUID')

    def stop(tag: Any, vr: str | None, length: int) -> bool:
        if int(tag) in PIXELS:
            return True
        open_ended[:] = [length == UNDEFINED]
        # Of deflated ones, the bytes that are read are others.
        if length != UNDEFINED and len(content) < file.tell() + length and not deflated:
            raise Broken('it is no whole dataset: it ends within an element')
        return False

    open_ended = [False]
    deflated = _DEFLATED.encode() in content[:1024]
    try:
        dataset = read_partial(file, stop, specific_tags=[Tag(name) for name in (*names, 'PatientID')])
        uids = [str(dataset[name].value) for name in names]
        patient = str(dataset.get('PatientID') or '').strip()
        if not deflated:
            _check_end(content, file.tell(), implicit=bool(dataset.is_implicit_VR), open_ended=open_ended[0])
    except (InvalidDicomError, BytesLengthException, *_PARSE_ERRORS) as error:
        raise Broken(f'it is no whole dataset ({type(error).__name__})') from error
    for name, uid in zip(names, uids, strict=True):
        if not is_uid(uid):
            raise Broken(f'its {name} is no UID')
    return Identity(patient, *uids)


class Expected:
    """Says of what arrives whether it is what was asked for.

    Parameters
    ----------
    patient : str
        Patient ID that images must have, with '*' and '?' as in a query; '': any.
    """

    def __init__(self, patient: str = '') -> None:
        self._patient = patient
        self._patients: dict[str, str] = {}

    def objection(self, image: FoundImage, content: bytes) -> str:
        """Return why a file is not that of an image that was asked for; '': it is."""
        try:
            own = identified(content)
        except Broken as error:
            return f'what came is broken: {error}'
        if (own.study, own.series, own.uid) != (image.study, image.series, image.uid):
            return 'what came says that it is another image'
        if self._patient and not matches('PatientID', own.patient, self._patient):
            return 'what came is of another patient'
        if own.patient != self._patients.setdefault(own.series, own.patient):
            return 'what came is of another patient than the images of its series before it'
        return ''


def incomplete(place: object, arrived: Collection[str], missing: Mapping[str, str]) -> IncompleteError:
    """Return the account of images that did not all arrive.

    Parameters
    ----------
    place : object
        The server.
    arrived : collection of str
        UIDs.
    missing : mapping of str to str
        UIDs, each with the reason.
    """
    by_reason: dict[str, list[str]] = {}
    for uid, reason in missing.items():
        by_reason.setdefault(reason, []).append(uid)
    parts = [
        f'{", ".join(uids[:3])}{", ..." if len(uids) > 3 else ""}: {reason}'
        for reason, uids in by_reason.items()
    ]
    return IncompleteError(
        f'{len(missing)} of {len(missing) + len(arrived)} images did not arrive from {place} '
        f'({"; ".join(parts[:5])}); {len(arrived)} arrived, and were not kept',
        tuple(arrived), dict(missing),
    )  # fmt: skip


def _check_end(content: bytes, at: int, *, implicit: bool, open_ended: bool) -> None:
    """Check that Pixel Data, which begin there, do not end before they should, nor what is last without them.

    Raises
    ------
    Broken
    """
    broken = Broken('it is no whole dataset: it ends within an element')
    tag = content[at : at + 4]
    if tag not in _PIXEL_TAGS:
        # pydicom takes the end of the file for that of a sequence.
        if open_ended and not content.endswith((_SEQUENCE_END, _SEQUENCE_END_BIG)):
            raise broken
        return
    order = '<' if tag[0] == 0xE0 else '>'
    start = at + 8 if implicit else at + 12
    if len(content) < start:
        raise broken
    (length,) = struct.unpack_from(f'{order}I', content, start - 4)
    if length != UNDEFINED:
        if start + length > len(content):
            raise broken
        return
    if end_of_fragments(content[start:]) is None:
        raise broken
