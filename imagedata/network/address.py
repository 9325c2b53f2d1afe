"""What a URL of a PACS names: the server, and which of its images.

``dicom://host:port/AETITLE/patient/study/series/instance?Keyword=value`` names images from the
left: what is left out, empty or '*' means any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from ..errors import InputNotFoundError

__all__ = ['LEVELS', 'Peer', 'Wanted', 'matches', 'parse', 'wanted_of_query']

LEVELS: Mapping[str, tuple[str, ...]] = {
    'STUDY': (
        'PatientID', 'PatientName', 'PatientBirthDate', 'PatientSex', 'StudyInstanceUID', 'StudyDate',
        'StudyTime', 'StudyID', 'AccessionNumber', 'StudyDescription', 'ModalitiesInStudy',
        'ReferringPhysicianName',
    ),
    'SERIES': (
        'SeriesInstanceUID', 'SeriesNumber', 'SeriesDescription', 'SeriesDate', 'SeriesTime', 'Modality',
        'ProtocolName', 'BodyPartExamined',
    ),
    'IMAGE': ('SOPInstanceUID', 'SOPClassUID', 'InstanceNumber'),
}  # fmt: skip
"""Elements that images can be found by, with the level of the query (DICOM PS3.4 C.6.2)."""

_PORTS = {'dicom': 104, 'dicoms': 2762}
"""DICOM PS3.8 9.1.1, PS3.15 B.12."""

_RANGE = re.compile(r'(\d{8})?-(\d{8})?')
_UID = re.compile(r'[0-9.]{1,64}')


@dataclass(frozen=True, slots=True)
class Peer:
    """A DICOM application on the network.

    Parameters
    ----------
    host : str
    port : int
    aet : str
        Its application entity title.
    tls : bool
        Whether the URL asks for a secured connection.
    username, password : str or None
        Of the URL.
    """

    host: str
    port: int
    aet: str
    tls: bool = False
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        host = f'[{self.host}]' if ':' in self.host else self.host
        return f'{"dicoms" if self.tls else "dicom"}://{host}:{self.port}/{quote(self.aet)}'

    def url(self, study: str, series: str, instance: str) -> str:
        """Return the URL of an image. No patient is named in it: it stands in messages."""
        return f'{self}//{study}/{series}/{instance}'


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which images are wanted.

    Parameters
    ----------
    keys : mapping of str to str
        Keyword of a DICOM element to its value: one, a list of UIDs, a pattern with '*' and '?',
        or a range of dates '20240101-20240131'.
    """

    keys: Mapping[str, str]

    def at(self, level: str) -> dict[str, str]:
        """Return the keys of one level: 'STUDY', 'SERIES' or 'IMAGE'."""
        return {name: value for name, value in self.keys.items() if name in LEVELS[level]}


def parse(url: str) -> tuple[Peer, Wanted]:
    """Return the server that a URL names, and which images.

    Raises
    ------
    InputNotFoundError
        When the URL is not of that form.

    Examples
    --------
    >>> peer, wanted = parse('dicom://pacs:11112/STORE/12345//3?Modality=MR')
    >>> str(peer), dict(wanted.keys)
    ('dicom://pacs:11112/STORE', {'PatientID': '12345', 'SeriesNumber': '3', 'Modality': 'MR'})
    """
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    shape = f'{scheme}://host:port/AETITLE/patient/study/series/instance'
    try:
        port = parts.port or _PORTS[scheme]
    except ValueError as error:
        raise InputNotFoundError(f'{_plain(url)}: {error}; the form is {shape}') from None
    aet, *levels = [unquote(part).strip() for part in parts.path.lstrip('/').split('/')]
    if not parts.hostname or not aet:
        raise InputNotFoundError(f'{_plain(url)} names no {"title" if parts.hostname else "host"}: {shape}')
    if len(aet) > 16 or not aet.isascii() or not aet.isprintable() or '\\' in aet:
        raise InputNotFoundError(
            f'{aet!r} is no application entity title: 1 to 16 ASCII characters, no backslash'
        )
    while levels and not levels[-1]:
        levels.pop()
    if len(levels) > 4:
        raise InputNotFoundError(f'{_plain(url)} has too many parts ("/" in a value is %2F): {shape}')
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    peer = Peer(parts.hostname, port, aet, scheme == 'dicoms', user, password)
    return peer, Wanted({**_of_path(levels), **wanted_of_query(parts.query).keys})


def _plain(url: str) -> str:
    """Return scheme and server of a URL: what follows may name a patient."""
    parts = urlsplit(url)
    return f'{parts.scheme}://{parts.netloc.rpartition("@")[2]}'


def _of_path(levels: list[str]) -> dict[str, str]:
    """Return the keys that the parts of a path stand for."""
    keys: dict[str, str] = {}
    for at, value in enumerate(levels):
        if value in ('', '*'):
            continue
        is_uid = '.' in value and _UID.fullmatch(value) is not None
        if at == 0:
            keys['PatientID'] = value
        elif at == 1:
            keys['StudyInstanceUID' if is_uid else 'AccessionNumber'] = value
        elif at == 2 and (is_uid or value.isdecimal()):
            keys['SeriesInstanceUID' if is_uid else 'SeriesNumber'] = value
        elif at == 3 and is_uid:
            keys['SOPInstanceUID'] = value
        else:
            named = 'series: its UID or number does' if at == 2 else 'image: its UID does'
            raise InputNotFoundError(
                f'{value!r} names no {named}; '
                'a description is asked for with ?SeriesDescription=...'
            )
    return keys


def wanted_of_query(query: str) -> Wanted:
    """Return what a query names: 'StudyDate=20240101-&Modality=MR'.

    Raises
    ------
    InputNotFoundError
        When an element is none that images are found by.
    """
    keys = dict(parse_qsl(query, keep_blank_values=True))
    known = [name for names in LEVELS.values() for name in names]
    for name in keys:
        if name not in known:
            raise InputNotFoundError(f'images are not found by {name!r}, but by {", ".join(known)}')
    return Wanted({name: value for name, value in keys.items() if value not in ('', '*')})


def matches(name: str, value: str, key: str) -> bool:
    """Return whether a value that a server gave is one that was asked for (DICOM PS3.4 C.2.2.2).

    Parameters
    ----------
    name : str
        Keyword of the element. How names of persons are compared is the server's decision, and
        times have several spellings: these always match.
    value, key : str

    Examples
    --------
    >>> matches('StudyDate', '20240105', '20240101-20240131'), matches('Modality', 'CT', 'MR')
    (True, False)
    """
    if name.endswith(('Name', 'Time')):
        return True
    values = value.split('\\')
    span = _RANGE.fullmatch(key) if name.endswith('Date') else None
    if span:
        return bool(value) and (span[1] or '') <= value <= (span[2] or '99999999')
    if name.endswith('Number') and name != 'AccessionNumber':
        return value.lstrip('0') == key.lstrip('0')
    if name.endswith('UID'):
        return any(v in key.replace(',', '\\').split('\\') for v in values)
    pattern = key.lower().replace('[', '[[]')
    return any(fnmatchcase(v.lower(), pattern) for v in values)
