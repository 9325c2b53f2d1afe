"""DICOMweb against Orthanc, and against servers that answer wrongly."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

import synthetic
from imagedata import Series
from imagedata.errors import (
    ImagedataError,
    InputNotFoundError,
    NetworkError,
    NetworkTimeoutError,
    NoDataReadError,
    TransferError,
)
from imagedata.formats.contract import Made
from imagedata.image_data import list as image_list
from imagedata.network.dicomweb import parse, service_images, store_at
from imagedata.network.settings import Settings
from imagedata.network.store import outgoing
from orthanc_server import Orthanc, free_ports, orthanc
from pacs_servers import certificates, server_tls, sockets_are_closed

__all__ = ['orthanc', 'sockets_are_closed']

pytest.importorskip('dicomweb_client')
pytestmark = pytest.mark.filterwarnings('ignore:unclosed:ResourceWarning')

FAST: dict[str, Any] = {'timeout': 5, 'retries': 0}


@pytest.fixture
def url(orthanc: Orthanc, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv('NO_PROXY', '127.0.0.1')
    orthanc.clear()
    return f'dicomweb://127.0.0.1:{orthanc.http_port}/dicom-web'


def test_series_comes_back(url: str, sample_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    original = Series(sample_data / 'time', 'time')
    original.write(url, keep_uid=True, **FAST)
    above = f'{url}/studies/{original.studyInstanceUID}'
    back = Series(f'{above}/series/{original.seriesInstanceUID}', 'time', **FAST)
    assert np.array_equal(back, original)
    assert np.allclose(back.transformationMatrix, original.transformationMatrix, atol=1e-4)
    assert back.patientName == original.patientName
    head = Series(above, 'time', headers_only=True, **FAST)
    assert head.header.dims == original.header.dims
    assert head.patientName == original.patientName
    uid = original.getDicomAttribute('SOPInstanceUID', slice=2, tag=1)
    single = Series(f'{above}/series/{original.seriesInstanceUID}/instances/{uid}', **FAST)
    assert np.array_equal(np.squeeze(single), original[1, 2])
    found = Series(f'{url}?PatientID={original.patientID}&Modality=MR', 'time', **FAST)
    assert np.array_equal(found, original)
    assert image_list([url, '--json']) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert record['seriesInstanceUID'] == original.seriesInstanceUID
    assert record['patientID'] == original.patientID
    with pytest.raises(InputNotFoundError):
        Series(f'{url}?PatientID=nobody', **FAST)
    with pytest.raises(NoDataReadError, match='whole server'):
        Series(url, **FAST)


@pytest.mark.real_data
@pytest.mark.parametrize('name', ['ct_3slice', 'transfer_syntaxes_t1'])
def test_real_files_come_back(url: str, real_data: Path, name: str) -> None:
    paths = [p for p in sorted((real_data / name).rglob('*')) if p.is_file() and 'ref' not in p.parts]
    items = {item.uid: item for item in (outgoing(Made.at(p)) for p in paths if pydicom.misc.is_dicom(p))}
    chosen = dict(list(items.items())[:4])
    service, settings = parse(url), Settings.of(FAST)
    store_at(service, list(chosen.values()), settings)
    studies = {item.study for item in chosen.values()}
    found = [f for study in studies for f in service_images(parse(f'{url}/studies/{study}'), settings)]
    assert {image.uid for image, _ in found} == set(chosen)
    for image, content in found:
        back = pydicom.dcmread(pydicom.filebase.DicomBytesIO(content))
        sent = pydicom.dcmread(BytesIO(chosen[image.uid].content()))
        assert back.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID
        assert np.array_equal(back.pixel_array, sent.pixel_array)
        del back.PixelData, sent.PixelData
        assert {e.tag: e for e in back} == {e.tag: e for e in sent if e.tag.element != 0}


@pytest.mark.real_data
def test_single_frames(url: str, real_data: Path) -> None:
    files = (p for p in (real_data / 'nm_multiframe').rglob('*') if p.is_file() and 'ref' not in p.parts)
    path = next(p for p in files if pydicom.misc.is_dicom(p))
    item = outgoing(Made.at(path))
    store_at(parse(url), [item], Settings.of(FAST))
    above = f'{url}/studies/{item.study}/series/{item.series}/instances/{item.uid}'
    whole = Series(path)
    part = Series(f'{above}/frames/2,4', **FAST)
    assert np.array_equal(part, whole[[1, 3]])
    with pytest.raises(ImagedataError):
        Series(f'{above}/frames/999', **FAST)


# --- wrong answers --------------------------------------------------------------------------------


@contextmanager
def answering(
    status: int, body: bytes = b'', *, seen: list[Any] | None = None, tls: Any = None
) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if seen is not None:
                seen.append(self.headers.get('Authorization'))
            length = int(self.headers.get('Content-Length') or 0)
            self.rfile.read(length)
            self.send_response(status)
            self.send_header('Content-Type', 'application/dicom+json')
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f'dicomweb{"s" if tls else ""}://127.0.0.1:{server.server_port}/web'
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.mark.parametrize(
    ('status', 'body', 'message'),
    [(401, b'', 'netrc'), (403, b'', 'netrc'), (400, b'', '400'), (500, b'', '500'), (503, b'', '503'),
     (200, b'<html>', 'no DICOMweb'), (200, b'{"a": 1}', 'no DICOMweb'),
     (200, b'[{"0020000D": 3}]', 'no DICOMweb')],
)  # fmt: skip
def test_wrong_answers(status: int, body: bytes, message: str) -> None:
    with answering(status, body) as url, pytest.raises(NetworkError, match=message) as caught:
        Series(f'{url}?PatientID=P42', **FAST)
    assert 'P42' not in str(caught.value)


def test_failing_store(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    with answering(507) as url, pytest.raises(TransferError, match=r'3 of 3 images.*507') as caught:
        Series(folder).write(url, **FAST)
    assert len(caught.value.failed) == 3
    uid = synthetic.uid('series', 2)
    item = {'00081155': {'vr': 'UI', 'Value': [uid]}, '00081197': {'vr': 'US', 'Value': [0xA700]}}
    body = json.dumps({'00081198': {'vr': 'SQ', 'Value': [item]}}).encode()
    with answering(202, body) as url, pytest.raises(TransferError, match=r'1 of 3.*A700') as caught:
        Series(folder).write(url, keep_uid=True, **FAST)
    assert set(caught.value.failed) == {uid}


def _folder(tmp_path: Path) -> Path:
    pixels = np.arange(90, dtype=np.uint16).reshape(3, 6, 5)
    datasets = [synthetic.image(p, (0, 0, n), number=n + 1) for n, p in enumerate(pixels)]
    return synthetic.save(tmp_path, datasets)


def test_nobody_there_and_slow() -> None:
    import socket

    with pytest.raises(NetworkError, match='cannot be reached'):
        Series(f'dicomweb://127.0.0.1:{free_ports(1)[0]}/web?PatientID=1', **FAST)
    with socket.create_server(('127.0.0.1', 0)) as silent, pytest.raises(NetworkTimeoutError):
        Series(f'dicomweb://127.0.0.1:{silent.getsockname()[1]}/web?PatientID=1', timeout=0.5, retries=0)


def test_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the URL, options, the environment, or ~/.netrc; a token comes before the latter."""
    (tmp_path / '.netrc').write_text('machine 127.0.0.1 login anna password secret\n')
    (tmp_path / '.netrc').chmod(0o600)
    monkeypatch.setenv('NETRC', str(tmp_path / '.netrc'))

    def basic(text: str) -> str:
        return f'Basic {base64.b64encode(text.encode()).decode()}'

    seen: list[Any] = []
    with answering(200, b'[]', seen=seen) as url:
        for options in ({}, {'username': 'u', 'password': 'p'}, {'token': 'T'}):
            with pytest.raises(InputNotFoundError):
                Series(f'{url}?PatientID=1', **FAST, **options)
        with pytest.raises(InputNotFoundError):
            Series(f'{url.replace("://", "://x:y@")}?PatientID=1', **FAST)
        monkeypatch.setenv('IMAGEDATA_TOKEN', 'E')
        with pytest.raises(InputNotFoundError):
            Series(f'{url}?PatientID=1', **FAST)
    assert seen == [basic('anna:secret'), basic('u:p'), 'Bearer T', basic('x:y'), 'Bearer E']


def test_certificates(tmp_path: Path) -> None:
    keys = certificates(tmp_path)
    with answering(200, b'[]', tls=server_tls(*keys)) as url:
        with pytest.raises(NetworkError, match='certificate'):
            Series(f'{url}?PatientID=1', **FAST)
        with pytest.raises(InputNotFoundError):
            Series(f'{url}?PatientID=1', tls_ca=keys[0], **FAST)


@pytest.mark.parametrize('url', ['dicomweb:///x', 'dicomweb://h/studies', 'dicomweb://h/studies/1/instances/2',
                                 'dicomweb://h/studies/1/series/2/instances/3/frames/x'])  # fmt: skip
def test_addresses_that_name_nothing(url: str) -> None:
    with pytest.raises(InputNotFoundError):
        Series(url, **FAST)
