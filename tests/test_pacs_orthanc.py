"""A PACS (Orthanc): images stored, found, fetched and listed come back as they were."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from imagedata import Series
from imagedata.cli.main import main as imagedata_program
from imagedata.errors import InputNotFoundError, NetworkError, NoDataReadError
from imagedata.formats.contract import Made
from imagedata.image_data import list as image_list
from imagedata.network.address import parse
from imagedata.network.find import find_images, find_series
from imagedata.network.retrieve import retrieved
from imagedata.network.settings import Settings
from imagedata.network.store import outgoing, store
from orthanc_server import CLIENT, Orthanc
from pacs_servers import dcmtk, sockets_are_closed

__all__ = ['sockets_are_closed']

pytestmark = pytest.mark.filterwarnings('ignore:unclosed:ResourceWarning')

TITLE = {'calling_aet': CLIENT, 'timeout': 20}


@pytest.fixture
def pacs(orthanc: Orthanc) -> tuple[str, Orthanc]:
    """The URL of an empty PACS."""
    orthanc.clear()
    return f'dicom://127.0.0.1:{orthanc.port}/{orthanc.aet}', orthanc


def send(folder: Path, url: str) -> list[Any]:
    peer, _ = parse(url)
    items = [outgoing(Made.at(path)) for path in sorted(folder.rglob('*')) if path.is_file()]
    store(items, peer, Settings.of(TITLE, peer))
    return items


def options(retrieve: str, server: Orthanc) -> dict[str, Any]:
    return {**TITLE, 'retrieve': retrieve, 'move_port': server.client_port}


@pytest.mark.parametrize('retrieve', ['get', 'move'])
def test_dynamic_series_comes_back(pacs: tuple[str, Orthanc], sample_data: Path, retrieve: str) -> None:
    url, server = pacs
    original = Series(sample_data / 'time', 'time')
    original.write(url, keep_uid=True, **TITLE)
    above = f'{url}//{original.studyInstanceUID}'
    back = Series(f'{above}/{original.seriesInstanceUID}', 'time', **options(retrieve, server))
    assert np.array_equal(back, original)
    assert np.array_equal(back.timeline, original.timeline)
    assert np.allclose(back.transformationMatrix, original.transformationMatrix, atol=1e-4)
    assert back.patientName == original.patientName
    # One image, by its own address; the series, by its number.
    uid = original.getDicomAttribute('SOPInstanceUID', slice=2, tag=1)
    single = Series(f'{above}/{original.seriesInstanceUID}/{uid}', **options(retrieve, server))
    assert np.array_equal(np.squeeze(single), original[1, 2])
    assert np.array_equal(Series(f'{above}/{original.seriesNumber}', 'time', **TITLE), original)


def comparable(dataset: pydicom.Dataset) -> tuple[dict[Any, Any], list[bytes]]:
    """Return the elements, and the pixels of each frame as they are stored.

    Orthanc leaves out group lengths, which are retired, and writes its own table of offsets.
    """
    elements = {e.tag: e for e in dataset if e.tag.element != 0 and e.keyword != 'PixelData'}
    if not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return elements, [dataset.PixelData]
    frames = int(dataset.get('NumberOfFrames', 1))
    return elements, list(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=frames))


REAL = [
    'ct_3slice', 'transfer_syntaxes', 'transfer_syntaxes_t1', 'ct_enhanced', 'nm_multiframe',
    'siemens_mosaic_orient',
]  # fmt: skip


@pytest.mark.real_data
@pytest.mark.parametrize('retrieve', ['get', 'move'])
@pytest.mark.parametrize('name', REAL)
def test_real_files_come_back_as_they_were(
    pacs: tuple[str, Orthanc], real_data: Path, tmp_path: Path, name: str, retrieve: str
) -> None:
    """Headers and pixels of real series, compressed or not, are what was sent: dataset and syntax."""
    url, server = pacs
    found = sorted(p for p in (real_data / name).rglob('*') if p.is_file() and 'ref' not in p.parts)
    chosen: dict[str, Path] = {}
    for path in found:
        if path.stat().st_size < 4_000_000 and len(chosen) < 10 and pydicom.misc.is_dicom(path):
            chosen.setdefault(outgoing(Made.at(path)).uid, path)
    assert chosen
    for number, path in enumerate(chosen.values()):
        shutil.copy(path, tmp_path / f'{number}.dcm')
    items = send(tmp_path, url)
    for study in {item.study for item in items}:
        peer, wanted = parse(f'{url}//{study}')
        settings = Settings.of(options(retrieve, server), peer)
        for uid, content in retrieved(peer, find_images(peer, wanted, settings), wanted, settings).items():
            back = pydicom.dcmread(pydicom.filebase.DicomBytesIO(content))
            sent = pydicom.dcmread(chosen.pop(uid))
            assert back.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID
            assert comparable(back) == comparable(sent)
    assert not chosen


@pytest.mark.parametrize('syntax', ['rle', 'jpeg2000', 'jpeg-ls'])
def test_compressed_series_comes_back(pacs: tuple[str, Orthanc], sample_data: Path, syntax: str) -> None:
    """It stays compressed at the server and on the way, and has the same values."""
    url, _ = pacs
    original = Series(sample_data / 'ct')
    original.write(url, keep_uid=True, transfer_syntax=syntax, **TITLE)
    peer, wanted = parse(f'{url}//{original.studyInstanceUID}')
    settings = Settings.of(TITLE, peer)
    for content in retrieved(peer, find_images(peer, wanted, settings), wanted, settings).values():
        assert pydicom.dcmread(BytesIO(content)).file_meta.TransferSyntaxUID.is_compressed
    assert np.array_equal(Series(f'{url}//{original.studyInstanceUID}', **TITLE), original)


def test_result_stands_beside_its_original(pacs: tuple[str, Orthanc], sample_data: Path) -> None:
    url, server = pacs
    original = Series(sample_data / 'time', 'time')
    original.write(url, keep_uid=True, **TITLE)
    read = Series(f'{url}//{original.studyInstanceUID}', 'time', **TITLE)
    result = read[1] - read[0].astype(float)
    result.seriesDescription = 'difference'
    result.write(url, **TITLE)
    (study,) = server.find('Study', StudyInstanceUID=original.studyInstanceUID)
    assert len(study['Series']) == 2
    (series,) = server.find('Series', SeriesDescription='difference')
    back = Series(f'{url}//{original.studyInstanceUID}?SeriesDescription=difference', **TITLE)
    assert np.allclose(back, result, atol=1)
    assert back.patientID == original.patientID
    assert series['MainDicomTags']['SeriesInstanceUID'] == back.seriesInstanceUID


def test_listing(pacs: tuple[str, Orthanc], sample_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url, _ = pacs
    for name in ('time', 'ct'):
        send(sample_data / name, url)
    peer, wanted = parse(url)
    settings = Settings.of(TITLE, peer)
    assert {s.values['Modality'] for s in find_series(peer, wanted, settings)} == {'MR', 'CT'}
    (ct,) = find_series(peer, parse(f'{url}?Modality=CT')[1], settings)
    for query in (
        f'?AccessionNumber={ct.values["AccessionNumber"]}&Modality=CT',
        f'?StudyDate={ct.values["StudyDate"]}-&SeriesDescription={ct.values["SeriesDescription"][:3]}*'
        '&Modality=CT',
        f'/{ct.values["PatientID"]}/{ct.study}/{ct.uid}',
    ):
        assert [s.uid for s in find_series(peer, parse(url + query)[1], settings)] == [ct.uid]
    assert find_series(peer, parse(f'{url}?StudyDate=-19000101')[1], settings) == []
    assert image_list([f'{url}?Modality=CT', '--calling_aet', CLIENT, '--json']) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert record['seriesInstanceUID'] == ct.uid
    assert record['images'] == len(os.listdir(sample_data / 'ct'))
    assert image_list([url, '--calling_aet', CLIENT]) == 0
    assert capsys.readouterr().out.count('Patient ') >= 1


def test_what_is_not_there(pacs: tuple[str, Orthanc]) -> None:
    url, _ = pacs
    with pytest.raises(InputNotFoundError, match='has no image'):
        Series(f'{url}/nobody', **TITLE)
    with pytest.raises(NoDataReadError, match='whole server'):
        Series(url, **TITLE)
    with pytest.raises(NetworkError, match='server may have to be told'):
        Series(f'{url}/nobody', calling_aet='STRANGER', retrieve='get', retries=0)


def test_move_to_a_title_that_the_server_does_not_know(pacs: tuple[str, Orthanc], sample_data: Path) -> None:
    url, server = pacs
    (item, *_) = send(sample_data / 'ct', url)
    with pytest.raises(NetworkError, match='move_aet'):
        Series(
            f'{url}//{item.study}', **{**options('move', server), 'move_aet': 'NOBODY', 'retries': 0}
        )  # fmt: skip


def test_echo(pacs: tuple[str, Orthanc], capsys: pytest.CaptureFixture[str]) -> None:
    url, _ = pacs
    assert imagedata_program(['echo', url, '--calling_aet', CLIENT]) == 0
    assert 'answers IMAGEDATA' in capsys.readouterr().out


def test_movescu_into_our_receiver(pacs: tuple[str, Orthanc], sample_data: Path, tmp_path: Path) -> None:
    """`imagedata receive` is what Orthanc sends to when movescu asks it to."""
    from imagedata.network.inbox import Inbox
    from imagedata.network.receiver import receiving

    url, server = pacs
    items = send(sample_data / 'ct', url)
    with receiving(Inbox(tmp_path), server.client_port, Settings.of({}), host='127.0.0.1'):
        subprocess.run(
            [dcmtk('movescu'), '-S', '-aet', CLIENT, '-aem', CLIENT, '-aec', server.aet, '127.0.0.1',
             str(server.port), '-k', 'QueryRetrieveLevel=STUDY', '-k', f'StudyInstanceUID={items[0].study}'],
            check=True, capture_output=True, timeout=30,
        )  # fmt: skip
    arrived = {path.stem: path for path in tmp_path.rglob('*.dcm')}
    assert set(arrived) == {item.uid for item in items}
    for item in items:
        assert pydicom.dcmread(arrived[item.uid]) == pydicom.dcmread(BytesIO(item.content()))
