"""XNAT: scans listed, fetched and stored over its REST interface."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from io import BytesIO, RawIOBase
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from zipfile import ZIP_DEFLATED, ZipFile

from ..archives.zipfilearchive import ZipfileArchive
from ..errors import (
    ImagedataWarning,
    InputNotFoundError,
    NetworkError,
    NetworkTimeoutError,
    NoDataReadError,
    TransferError,
    WriteError,
)
from ..formats.contract import Made, Source, require
from ..notices import warn_user
from ..progress import told
from .settings import PASSWORD_VARIABLE, Settings

__all__ = ['Session', 'files_of', 'parse', 'scans_of', 'upload']

_FORM = 'xnat://server/project/subject/experiment/scan'


@dataclass(frozen=True, slots=True)
class Session:
    """What a URL of XNAT names, '' where it names nothing.

    Parameters
    ----------
    host : str
        With the port.
    project, subject, experiment : str
        Identifier or label.
    scan : str
        Identifier, or a pattern for the description of the series.
    """

    host: str
    project: str = ''
    subject: str = ''
    experiment: str = ''
    scan: str = ''
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f'xnat://{self.host}'


def parse(url: str) -> Session:
    """Return what a URL names.

    Raises
    ------
    InputNotFoundError

    Examples
    --------
    >>> parse('xnat://server/study/S01/S01_MR1/3').experiment
    'S01_MR1'
    """
    parts = urlsplit(url)
    named = [unquote(part) for part in parts.path.strip('/').split('/')]
    host = parts.netloc.rpartition('@')[2]
    if not host or len(named) > 4 or parts.query:
        raise InputNotFoundError(f'xnat://{host}: a URL of XNAT is {_FORM}')
    user = unquote(parts.username) if parts.username else None
    project, subject, experiment, scan = [*named, '', '', ''][:4]
    password = unquote(parts.password) if parts.password else None
    return Session(host, project, subject, experiment, scan, user, password)


@contextmanager
def _connected(session: Session, settings: Settings) -> Iterator[Any]:
    """Give a connection; the server's certificate is verified. Errors of the libraries become ours."""
    xnat = require('xnat', 'imagedata[xnat]', 'XNAT servers')
    import requests

    if settings.tls_ca is not None:
        raise InputNotFoundError('for XNAT, the variable REQUESTS_CA_BUNDLE names certificates to trust')
    user, password = session.username or settings.username, session.password or settings.password
    if user and not password:
        password = os.environ.get(PASSWORD_VARIABLE)
        if not password:  # else xnat would ask for it
            raise NetworkError(f'{session}: user {user} has no password: set {PASSWORD_VARIABLE}')
    # By itself it prints what it does.
    logger = logging.getLogger('imagedata.xnat')
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    try:
        with xnat.connect(
            f'https://{session.host}', user=user, password=password, verify=True, no_parse_model=True,
            logger=logger, default_timeout=settings.timeout, pilot_timeout=settings.timeout,
        ) as connection:  # fmt: skip
            connection.skip_response_content_check = True
            yield connection
    except requests.exceptions.SSLError:
        raise NetworkError(f'{session}: its certificate does not fit: see REQUESTS_CA_BUNDLE') from None
    except requests.Timeout:
        raise NetworkTimeoutError(f'{session} does not answer in time (timeout=)') from None
    except requests.ConnectionError:
        raise NetworkError(f'{session} cannot be reached: is the host right, is it up?') from None
    except xnat.exceptions.XNATConnectionError:
        raise NetworkError(f'{session} broke off while logging in') from None
    except xnat.exceptions.XNATAuthError:
        raise NetworkError(f'{session} refuses the login: put your credentials into ~/.netrc') from None
    except xnat.exceptions.XNATResponseError as error:
        status = error.status_code
        if status == 404:
            raise InputNotFoundError(f'{session} has no such project, subject, experiment or scan') from None
        raise NetworkError(f'{session} answers with status {status}') from None
    except (xnat.exceptions.XNATError, requests.RequestException) as error:
        raise NetworkError(f'{session}: {type(error).__name__}') from None


def _rows(session: Session, connection: Any, path: str) -> list[dict[str, str]]:
    try:
        return list(connection.get_json(path)['ResultSet']['Result'])
    except (ValueError, KeyError, TypeError) as error:
        if hasattr(error, 'status_code'):
            raise  # an answer, told by `_connected`
        raise NetworkError(f'{session} answers with what is no list of XNAT') from None


def _below(
    session: Session, connection: Any, path: str, kind: str, wanted: str
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield paths of what is below another path, and what the server says of them."""
    for row in _rows(session, connection, f'{path}/{kind}'):
        label = row.get('label') or row.get('ID', '')
        if wanted in ('', '*', label, row.get('ID')):
            yield f'{path}/{kind}/{quote(row.get("ID") or label, safe="")}', {**row, 'label': label}


def _scans(session: Session, connection: Any) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the path of each scan that is named, and its values as those of DICOM elements."""
    for _, project in _below(session, connection, '/data', 'projects', session.project):
        start = f'/data/projects/{quote(project["ID"], safe="")}'
        for at_subject, subject in _below(session, connection, start, 'subjects', session.subject):
            theirs = _below(session, connection, at_subject, 'experiments', session.experiment)
            for path, experiment in theirs:
                for at_scan, scan in _below(session, connection, path, 'scans', ''):
                    text = scan.get('series_description') or scan.get('type') or ''
                    if session.scan not in ('', '*', scan['ID']) and not fnmatchcase(text, session.scan):
                        continue
                    kind = scan.get('xsiType', '').removeprefix('xnat:')
                    yield at_scan, {
                        'PatientID': subject['label'],
                        'StudyInstanceUID': experiment.get('UID') or experiment['ID'],
                        'StudyDescription': f'{project["ID"]} {experiment["label"]}',
                        'StudyDate': str(experiment.get('date', '')).replace('-', ''),
                        'SeriesNumber': scan['ID'],
                        'SeriesInstanceUID': scan.get('UID', ''),
                        'SeriesDescription': text,
                        'Modality': kind.removesuffix('ScanData').upper(),
                        'quality': scan.get('quality', ''),
                    }


def scans_of(session: Session, settings: Settings) -> list[dict[str, str]]:
    """Return the scans that are named, as series.

    Raises
    ------
    NetworkError, NetworkTimeoutError
    """
    with _connected(session, settings) as connection:
        return [values for _, values in _scans(session, connection)]


def files_of(session: Session, settings: Settings, options: Mapping[str, Any]) -> list[Source]:
    """Return the DICOM files of the scans that are named, fetched.

    Those whose quality is 'unusable' are left out, with a warning, unless one is named by itself.

    Raises
    ------
    InputNotFoundError
        When there is none.
    NetworkError, NetworkTimeoutError
    """
    if not session.experiment:
        raise NoDataReadError(f'{session}: name an experiment, or a scan, to read: {_FORM}')
    found: list[Source] = []
    with _connected(session, settings) as connection:
        scans = list(_scans(session, connection))
        for number, (path, values) in enumerate(scans):
            scan = values['SeriesNumber']
            if values['quality'] == 'unusable' and session.scan != scan:
                warn_user(f'{session}: scan {scan} is marked unusable, and left out', ImagedataWarning)
                continue
            content = connection.get(f'{path}/resources/DICOM/files', format='zip').content
            place = f'{session}{path.removeprefix("/data/projects")}.zip'
            archive = Source(place, None, lambda data=content: BytesIO(data))  # type: ignore[misc]
            found += ZipfileArchive().members(archive, None, options)
            told('Receiving', number + 1, len(scans))
    if not found:
        raise InputNotFoundError(f'{session} has no such scan: image_list shows what is there')
    return found


def upload(session: Session, files: Sequence[Made], settings: Settings, overwrite: bool) -> None:
    """Store DICOM files in an experiment: as one archive, which is made while it is sent.

    Parameters
    ----------
    session : Session
    files : sequence of Made
    settings : Settings
    overwrite : bool
        Whether files that are there are replaced; else they are added to.

    Raises
    ------
    TransferError
        When the server does not take them.
    """
    if not (session.project and session.subject and session.experiment) or session.scan:
        raise TransferError(f'{session}: images are written to {_FORM.rpartition("/")[0]}')
    query = {
        'import-handler': 'DICOM-zip', 'inbody': 'true', 'project': session.project,
        'subject': session.subject, 'session': session.experiment, 'dest': '/archive',
        'overwrite': 'delete' if overwrite else 'append',
    }  # fmt: skip
    broken: list[WriteError] = []
    try:
        with _connected(session, settings) as connection:
            kind = {'Content-Type': 'application/zip'}
            connection.post('/data/services/import', data=_packed(files, broken), query=query, headers=kind)
    except (NetworkError, InputNotFoundError) as error:
        if broken:
            raise TransferError(f'{len(files)} images are not stored: {broken[0]}') from broken[0]
        raise TransferError(f'{len(files)} images are not stored: {error}') from error


class _Pieces(RawIOBase):
    """A file that is written, and taken away in pieces."""

    def __init__(self) -> None:
        self.held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.held += data
        return len(data)

    def taken(self) -> bytes:
        piece, self.held = bytes(self.held), bytearray()
        return piece


def _packed(files: Sequence[Made], broken: list[WriteError]) -> Iterator[bytes]:
    """Yield a zip archive of files, each encoded when it is its turn.

    Compressed a little: without that, Java reads no archive whose sizes stand behind its members.
    An image that cannot be encoded goes into `broken`, as the libraries take it for a lost connection.
    """
    pieces = _Pieces()
    with ZipFile(pieces, 'w', ZIP_DEFLATED, compresslevel=1) as archive:
        for number, file in enumerate(files):
            try:
                content = file.content()
            except WriteError as error:
                broken.append(error)
                raise
            archive.writestr(file.name, content)
            told('Sending', number + 1, len(files))
            yield pieces.taken()
    yield pieces.taken()
