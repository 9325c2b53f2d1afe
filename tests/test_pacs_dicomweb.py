"""DICOMweb against Orthanc, and against servers that answer wrongly."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
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
    IncompleteError,
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
from orthanc_server import Orthanc, free_ports
from pacs_servers import certificates, server_tls, sockets_are_closed

__all__ = ['sockets_are_closed']

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
    status: int,
    body: bytes = b'',
    *,
    seen: list[Any] | None = None,
    tls: Any = None,
    answer: Callable[[str], tuple[str, bytes]] = lambda path: ('application/dicom+json', b''),
) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if seen is not None:
                seen.append(self.headers.get('Authorization'))
            length = int(self.headers.get('Content-Length') or 0)
            self.rfile.read(length)
            kind, content = answer(self.path)
            content = body or content
            self.send_response(status)
            self.send_header('Content-Type', kind)
            self.send_header('Content-Length', str(len(content)))
            self.end_headers()
            self.wfile.write(content)

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


# --- what a server says and sends that is not so ------------------------------------------------

STUDY, SERIES = synthetic.uid('study'), synthetic.uid('series')


def found(**elements: str | None) -> dict[str, Any]:
    """Return an answer of QIDO-RS."""
    dataset = pydicom.Dataset()
    for name, value in elements.items():
        if value is not None:
            vr = pydicom.datadict.dictionary_VR(name)
            dataset[name] = pydicom.DataElement(name, vr, value, validation_mode=pydicom.config.IGNORE)
    return dict(dataset.to_json_dict())


def multipart(datasets: list[pydicom.Dataset]) -> bytes:
    parts = []
    for dataset in datasets:
        buffer = BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        parts.append(b'--B\r\nContent-Type: application/dicom\r\n\r\n' + buffer.getvalue() + b'\r\n')
    return b''.join(parts) + b'--B--\r\n'


def three(**elements: Any) -> list[pydicom.Dataset]:
    """Return images, of which the third has other elements."""
    pixels = np.arange(90, dtype=np.uint16).reshape(3, 6, 5)
    others: list[dict[str, Any]] = [{}, {}, elements]
    return [synthetic.image(p, (0, 0, n), number=n + 1, **others[n]) for n, p in enumerate(pixels)]


@contextmanager
def lying(series: Any, images: Any, files: list[pydicom.Dataset]) -> Iterator[str]:
    """Run a service that gives these answers, whatever it is asked."""

    def answer(path: str) -> tuple[str, bytes]:
        place = path.partition('?')[0]
        if 'offset=' in path:
            return 'application/dicom+json; charset=utf-8', b'[]'
        if place.endswith('/instances'):
            return 'application/dicom+json; charset=utf-8', json.dumps(images).encode()
        if place.endswith('/series'):
            return 'application/dicom+json; charset=utf-8', json.dumps(series).encode()
        chosen = [f for f in files if '/instances/' not in place or place.endswith(f.SOPInstanceUID)]
        return 'multipart/related; type="application/dicom"; boundary=B', multipart(chosen or files)

    with answering(200, answer=answer) as url:
        yield url


LISTED = [found(SOPInstanceUID=synthetic.uid('series', n), SOPClassUID='1.2.840.10008.5.1.4.1.1.4')
          for n in (1, 2, 3)]  # fmt: skip


@pytest.mark.parametrize(
    ('elements', 'reason'),
    [({'PatientID': 'T2'}, 'another patient'), ({'SeriesInstanceUID': '1.2.3'}, 'another image'),
     ({'StudyInstanceUID': '1.2.3'}, 'another image')],
)  # fmt: skip
@pytest.mark.parametrize('query', ['', '?PatientID=T1'])
def test_images_that_are_not_what_was_asked_for(elements: Any, reason: str, query: str) -> None:
    series = [found(SeriesInstanceUID=SERIES, PatientID='T1')]
    with (
        lying(series, LISTED, three(**elements)) as url,
        pytest.raises(IncompleteError, match=f'1 of 3 images did not arrive.*{reason}') as caught,
    ):
        Series(f'{url}/studies/{STUDY}{query}', **FAST)
    assert list(caught.value.missing) == [synthetic.uid('series', 3)]


def test_what_answers_leave_out(tmp_path: Path) -> None:
    """A study that the URL names need not be named in the answers; images beyond those listed are left."""
    with lying([found(SeriesInstanceUID=SERIES)], LISTED[:2], three()) as url:
        assert Series(f'{url}/studies/{STUDY}', **FAST).shape == (2, 6, 5)


@pytest.mark.parametrize('uid', ['../../etc', '1.2/3', None])
@pytest.mark.filterwarnings('ignore::UserWarning:pydicom')
def test_names_that_are_none(uid: str | None) -> None:
    good = [found(SeriesInstanceUID=SERIES)]
    odd = [found(SeriesInstanceUID=uid)]
    with lying(odd, LISTED, three()) as url, pytest.raises(NetworkError, match='valid'):
        Series(f'{url}/studies/{STUDY}', **FAST)
    bad = [*LISTED, found(SOPInstanceUID=uid)]
    with lying(good, bad, three()) as url, pytest.raises(NetworkError, match='valid'):
        Series(f'{url}/studies/{STUDY}', **FAST)


def test_stored_is_what_the_server_says_so_of(tmp_path: Path) -> None:
    """An image that no answer names is not taken for stored; nor where the answer has a character set."""
    folder = _folder(tmp_path)
    named = [{'00081155': {'vr': 'UI', 'Value': [synthetic.uid('series', n)]}} for n in (1, 2)]
    body = json.dumps({'00081199': {'vr': 'SQ', 'Value': named}}).encode()
    for kind in ('application/dicom+json', 'application/dicom+json; charset=utf-8'):
        with (
            answering(200, answer=lambda path, kind=kind: (kind, body)) as url,
            pytest.raises(TransferError, match=r'1 of 3.*does not say that it is stored') as caught,
        ):
            Series(folder).write(url, keep_uid=True, **FAST)
        assert list(caught.value.failed) == [synthetic.uid('series', 3)]


def test_secrets_are_not_told(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in messages, nor in logs at their most talkative, nor by programs."""
    caplog.set_level('DEBUG')
    with answering(401) as url:
        for place, options in (
            (url.replace('://', '://anna:secret@'), {}), (url, {'username': 'anna', 'password': 'secret'}),
            (url, {'token': 'secret'}),
        ):  # fmt: skip
            with pytest.raises(NetworkError) as caught:
                Series(f'{place}?PatientID=P42', **FAST, **options)
            error: BaseException | None = caught.value
            while error is not None:
                assert 'secret' not in f'{error!r}'
                error = error.__cause__
        monkeypatch.setenv('IMAGEDATA_TOKEN', 'secret')
        assert image_list([url.replace('://', '://anna:secret@'), '--debug']) != 0
    printed = capsys.readouterr()
    assert 'secret' not in caplog.text + printed.out + printed.err


def test_expired_and_wrong_certificates(tmp_path: Path) -> None:
    old = certificates(tmp_path, days=-1)
    with answering(200, b'[]', tls=server_tls(*old)) as url, pytest.raises(NetworkError, match='certificate'):
        Series(f'{url}?PatientID=1', tls_ca=old[0], **FAST)
    other = certificates(tmp_path, 'other.example')
    with answering(200, b'[]', tls=server_tls(*other)) as url, pytest.raises(NetworkError, match='certif'):
        Series(f'{url}?PatientID=1', tls_ca=other[0], **FAST)


def test_certificates_of_clients(tmp_path: Path) -> None:
    keys, mine = certificates(tmp_path), certificates(tmp_path, 'me')
    with answering(200, b'[]', tls=server_tls(*keys, mine[0])) as url:
        with pytest.raises(NetworkError):
            Series(f'{url}?PatientID=1', tls_ca=keys[0], **FAST)
        with pytest.raises(InputNotFoundError):
            Series(f'{url}?PatientID=1', tls_ca=keys[0], tls_cert=mine[0], tls_key=mine[1], **FAST)
