"""What a peer sent, looked at before it is kept: whose it is, and whether it is all there."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from ..formats.dicom.lengths import PIXELS, UNDEFINED, Unusual, end_of_items

__all__ = ['Broken', 'Identity', 'identified', 'is_uid']

_UID = re.compile(r'[0-9]+(\.[0-9]+)*')
_DEFLATED = '1.2.840.10008.1.2.1.99'

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
    from pydicom.errors import InvalidDicomError
    from pydicom.filereader import read_partial
    from pydicom.tag import Tag

    file = BytesIO(content)
    names = ('StudyInstanceUID', 'SeriesInstanceUID', 'SOPInstanceUID')

    def stop(tag: Any, vr: str | None, length: int) -> bool:
        if int(tag) in PIXELS:
            return True
        # Of deflated ones, the bytes that are read are others.
        if length != UNDEFINED and len(content) < file.tell() + length and not deflated:
            raise EOFError(f'{tag} ends behind the end')
        return False

    deflated = _DEFLATED.encode() in content[:1024]
    try:
        dataset = read_partial(file, stop, specific_tags=[Tag(name) for name in (*names, 'PatientID')])
        uids = [str(dataset[name].value) for name in names]
        patient = str(dataset.get('PatientID') or '').strip()
        if not deflated:
            _check_pixels(content, file.tell(), implicit=bool(dataset.is_implicit_VR))
    except (InvalidDicomError, *_PARSE_ERRORS) as error:
        raise Broken(f'it is no whole dataset ({type(error).__name__})') from error
    for name, uid in zip(names, uids, strict=True):
        if not is_uid(uid):
            raise Broken(f'its {name} is no UID')
    return Identity(patient, *uids)


def _check_pixels(content: bytes, at: int, *, implicit: bool) -> None:
    """Check that Pixel Data, which begin there, do not end before they should.

    Raises
    ------
    EOFError
    """
    order = '<' if content[at : at + 2] == b'\xe0\x7f' else '>'
    if len(content) < at + 12:
        return
    long = implicit or content[at + 4 : at + 6] not in (b'OB', b'OW', b'OF', b'OD', b'UN')
    start = at + 8 if long else at + 12
    (length,) = struct.unpack_from(f'{order}I', content, start - 4)
    if length != UNDEFINED:
        if start + length > len(content):
            raise EOFError
        return
    try:
        end_of_items(content, len(content), start, implicit=False)
    except Unusual as error:
        raise EOFError from error
