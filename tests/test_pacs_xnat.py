"""XNAT, against a stub that follows its REST interface: no server of it was to be had."""

from __future__ import annotations

import io
import json
import ssl
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from imagedata import Series
from imagedata.errors import (
    ImagedataWarning,
    InputNotFoundError,
    NetworkError,
    NoDataReadError,
    TransferError,
    WriteError,
)
from imagedata.formats.dicom import write as dicom_write
from imagedata.image_data import list as image_list
from imagedata.network.xnat import parse
from orthanc_server import free_ports
from pacs_servers import certificates, server_tls, sockets_are_closed

__all__ = ['sockets_are_closed']

pytest.importorskip('xnat')
pytestmark = pytest.mark.filterwarnings('ignore:unclosed:ResourceWarning')

FAST: dict[str, Any] = {'timeout': 5, 'username': 'anna', 'password': 'secret'}

LISTS = {
    '/data/projects': [{'ID': 'HEART', 'name': 'Heart'}],
    '/data/projects/HEART/subjects': [{'ID': 'X_S1', 'label': 'S01'}, {'ID': 'X_S2', 'label': 'S02'}],
    '/data/projects/HEART/subjects/X_S1/experiments': [
        {'ID': 'X_E1', 'label': 'S01_MR', 'date': '2026-03-14'},
    ],
    '/data/projects/HEART/subjects/X_S2/experiments': [],
    '/data/projects/HEART/subjects/X_S1/experiments/X_E1/scans': [
        {'ID': '2', 'type': 'dyn', 'series_description': 'MR dynamic', 'quality': 'usable',
         'xsiType': 'xnat:mrScanData'},
        {'ID': '3', 'type': 'dyn', 'series_description': 'MR moved', 'quality': 'unusable',
         'xsiType': 'xnat:mrScanData'},
    ],
}  # fmt: skip


TOKEN = b'0123456789ABCDEF0123456789ABCDEF'


class Stub:
    """The server, what it was asked, and what was uploaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.uploads: list[tuple[dict[str, list[str]], dict[str, bytes]]] = []
        self.status = 200
        self.url = ''

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, str, bytes]:
        self.asked.append(path)
        parts = urlsplit(path)
        place = parts.path.rstrip('/')
        if place == '':
            return 200, 'text/plain', b''
        if place == '/data/JSESSION':
            return 200, 'text/plain', TOKEN
        if place == '/data/services/auth':
            known = parse_qs(body.decode()) == {'username': ['anna'], 'password': ['secret']}
            return (200, 'text/plain', TOKEN) if known else (401, 'text/plain', b'no')
        if place in ('/data/auth', '/data/version'):
            return 200, 'text/plain', b"User 'anna' is logged in"
        if self.status != 200:
            return self.status, 'text/plain', b'no'
        if place in LISTS:
            content = {'ResultSet': {'Result': LISTS[place], 'totalRecords': str(len(LISTS[place]))}}
            return 200, 'application/json', json.dumps(content).encode()
        if place.endswith('/resources/DICOM/files') and parse_qs(parts.query)['format'] == ['zip']:
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, 'w') as archive:
                for path_ in sorted(self.folder.iterdir()):
                    archive.write(path_, f'S01_MR/scans/2/resources/DICOM/files/{path_.name}')
            return 200, 'application/zip', packed.getvalue()
        if place == '/data/services/import' and method == 'POST':
            if not zipfile.is_zipfile(io.BytesIO(body)):
                return 400, 'text/plain', b'no archive'
            with zipfile.ZipFile(io.BytesIO(body)) as archive:
                files = {name: archive.read(name) for name in archive.namelist()}
                self.uploads.append((parse_qs(parts.query), files))
            return 200, 'text/plain', b'/data/archive/experiments/X_E2'
        return 404, 'text/plain', b'nothing here'


@pytest.fixture
def stub(sample_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    server = Stub(sample_data / 'time')

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get('Transfer-Encoding') == 'chunked':
                body = b''
                while size := int(self.rfile.readline() or b'0', 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            else:
                body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
            status, kind, content = server.answer(self.command, self.path, body)
            self.send_response(status)
            self.send_header('Content-Type', kind)
            self.send_header('Content-Length', str(len(content)))
            self.end_headers()
            if self.command != 'HEAD':
                self.wfile.write(content)

        do_POST = do_DELETE = do_HEAD = do_PUT = do_GET

        def log_message(self, *args: Any) -> None:
            pass

    cert, key = certificates(tmp_path)
    context: ssl.SSLContext = server_tls(cert, key)
    http = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    http.socket = context.wrap_socket(http.socket, server_side=True)
    thread = threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    monkeypatch.setenv('REQUESTS_CA_BUNDLE', str(cert))
    monkeypatch.setenv('NO_PROXY', '127.0.0.1')
    server.url = f'xnat://127.0.0.1:{http.server_port}'
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join(5)


def test_scan_is_read(stub: Stub, sample_data: Path) -> None:
    original = Series(sample_data / 'time', 'time')
    for named in ('HEART/S01/S01_MR/2', 'HEART/X_S1/X_E1/2', 'HEART/S01/S01_MR/MR%20dyn*'):
        assert np.array_equal(Series(f'{stub.url}/{named}', 'time', **FAST), original)
    with pytest.warns(ImagedataWarning, match='scan 3 is marked unusable'):
        assert Series(f'{stub.url}/HEART/S01/S01_MR', 'time', **FAST).shape == original.shape


def test_listing(
    stub: Stub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('XNAT_USER', 'anna')
    monkeypatch.setenv('XNAT_PASS', 'secret')
    assert image_list([stub.url, '--json']) == 0
    records = json.loads(capsys.readouterr().out)
    found = [(r['patientID'], r['seriesNumber'], r['modality']) for r in records]
    assert found == [('S01', 2, 'MR'), ('S01', 3, 'MR')]


def test_written(stub: Stub, sample_data: Path, tmp_path: Path) -> None:
    series = Series(sample_data / 'time', 'time')
    series.write(f'{stub.url}/HEART/S03/S03_MR', **FAST)
    ((query, files),) = stub.uploads
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert np.array_equal(Series(tmp_path, 'time'), series)
    assert (query['project'], query['subject'], query['session']) == (['HEART'], ['S03'], ['S03_MR'])
    assert query['overwrite'] == ['append']
    with pytest.raises(TransferError, match='written to'):
        series.write(f'{stub.url}/HEART', **FAST)
    stub.status = 500
    with pytest.raises(TransferError, match='500'):
        series.write(f'{stub.url}/HEART/S03/S03_MR', **FAST)


def test_written_from_memory(stub: Stub, sample_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is made, and an image that cannot be encoded on the way leaves nothing at the server."""

    def none(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError('a temporary file')

    series = Series(sample_data / 'time', 'time')
    for name in ('mkstemp', 'mkdtemp', 'TemporaryFile', 'NamedTemporaryFile'):
        monkeypatch.setattr(tempfile, name, none)
    series.write(f'{stub.url}/HEART/S03/S03_MR', overwrite=True, **FAST)
    assert [query['overwrite'] for query, _ in stub.uploads] == [['delete']]

    def fail(files: Any, number: int) -> bytes:
        if number == 5:
            raise WriteError('no such encoder')
        return b'DICM' * 1000

    monkeypatch.setattr(dicom_write, '_joined', fail)
    with pytest.raises(WriteError, match='no such encoder'):
        series.write(f'{stub.url}/HEART/S03/S03_MR', **FAST)
    assert len(stub.uploads) == 1


def test_what_is_wrong(stub: Stub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(InputNotFoundError, match='no such'):
        Series(f'{stub.url}/HEART/S01/S01_MR/99', **FAST)
    with pytest.raises(NoDataReadError, match='name an experiment'):
        Series(f'{stub.url}/HEART', **FAST)
    with pytest.raises(NetworkError, match='login') as caught:
        Series(f'{stub.url}/HEART/S01/S01_MR', timeout=5, username='anna', password='wrong!')
    assert 'wrong!' not in str(caught.value)
    with pytest.raises(NetworkError, match='has no password'):
        Series(f'{stub.url}/HEART/S01/S01_MR', timeout=5, username='anna')
    stub.status = 503
    with pytest.raises(NetworkError, match='503'):
        Series(f'{stub.url}/HEART/S01/S01_MR', **FAST)
    other = tmp_path / 'other'
    other.mkdir()
    monkeypatch.setenv('REQUESTS_CA_BUNDLE', str(certificates(other)[0]))
    with pytest.raises(NetworkError, match='certificate'):
        Series(f'{stub.url}/HEART/S01/S01_MR', **FAST)
    with pytest.raises(NetworkError, match='cannot be reached'):
        Series(f'xnat://127.0.0.1:{free_ports(1)[0]}/a/b/c', **FAST)


@pytest.mark.parametrize('url', ['xnat:///x', 'xnat://h/a/b/c/d/e', 'xnat://h/a?b=c'])
def test_addresses_that_name_nothing(url: str) -> None:
    with pytest.raises(InputNotFoundError):
        parse(url)
