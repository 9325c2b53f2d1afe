"""The receiver: hostile names, full disks, broken objects, several senders at once; every file is whole."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import UID
from pynetdicom import AE

import synthetic
from imagedata.cli.main import main as imagedata_program
from imagedata.network.inbox import Inbox, Refused
from imagedata.network.receiver import receiving
from imagedata.network.settings import Settings
from orthanc_server import free_ports
from pacs_servers import sockets_are_closed

__all__ = ['sockets_are_closed']

pytestmark = pytest.mark.filterwarnings('ignore:unclosed:ResourceWarning')

MR = '1.2.840.10008.5.1.4.1.1.4'


def image(number: int = 1, **elements: Any) -> pydicom.Dataset:
    pixels = np.full((6, 5), number, np.uint16)
    return synthetic.image(pixels, (0, 0, number), number=number, **elements)


def content(dataset: pydicom.Dataset) -> bytes:
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def tree(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob('*') if p.is_file())


def statuses(port: int, datasets: list[pydicom.Dataset], title: str = 'TEST') -> list[int]:
    """Send, as somebody else would, and return the answers."""
    ae = AE(title)
    for sop_class in {d.SOPClassUID for d in datasets}:
        ae.add_requested_context(sop_class, '1.2.840.10008.1.2.1')
    association = ae.associate('127.0.0.1', port)
    if not association.is_established:
        return []
    answers = [int(association.send_c_store(d).Status) for d in datasets]
    association.release()
    return answers


@pytest.mark.parametrize(
    'elements',
    [
        {'SeriesInstanceUID': '../../../etc'}, {'StudyInstanceUID': '/tmp/x'}, {'SeriesInstanceUID': '..'},
        {'StudyInstanceUID': '1.2\\3.4'}, {'SeriesInstanceUID': '1' * 65}, {'StudyInstanceUID': ''},
        {'StudyInstanceUID': None}, {'SeriesInstanceUID': 'CON'},
    ],
)  # fmt: skip
@pytest.mark.filterwarnings('ignore::UserWarning')
def test_hostile_names(tmp_path: Path, elements: dict[str, Any]) -> None:
    dataset = image(**elements)
    with pytest.raises(Refused) as caught:
        Inbox(tmp_path / 'in').put(dataset.SOPInstanceUID, content(dataset))
    assert caught.value.status == 0xC000
    assert tree(tmp_path) == []


def test_objects_are_filed_by_study_series_and_own_uid(tmp_path: Path) -> None:
    """Two series of a study, one of another: a folder each, and told by their own UIDs when quiet."""
    inbox = Inbox(tmp_path)
    uids = [("1.2.1", "1.2.3.1"), ("1.2.1", "1.2.3.2"), ("1.2.2", "1.2.3.3")]
    for number, (study, series) in enumerate(uids, 1):
        dataset = image(number, StudyInstanceUID=study, SeriesInstanceUID=series)
        inbox.put(dataset.SOPInstanceUID, content(dataset))
        assert (tmp_path / study / series / f"{dataset.SOPInstanceUID}.dcm").is_file()
    assert [(s.study, s.uid, s.images) for s in inbox.take_quiet(0)] == [(*pair, 1) for pair in uids]


def test_name_that_is_no_name_of_the_object(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        Inbox(tmp_path).put('1.2.3', content(image()))
    assert caught.value.status == 0xA900
    assert tree(tmp_path) == []


WHOLE = content(image())


@pytest.mark.parametrize('data', [b'', b'garbage' * 99, bytes(1000), WHOLE[:150], WHOLE[:-1], WHOLE[:-50]])
def test_broken_objects(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(Refused):
        Inbox(tmp_path).put(image().SOPInstanceUID, data)
    assert tree(tmp_path) == []


@pytest.fixture
def little_room() -> Iterator[Callable[[int], None]]:
    """Limit the size of files that this process writes: the system refuses the rest of a longer one."""
    resource = pytest.importorskip('resource')
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_full_disk(tmp_path: Path, little_room: Callable[[int], None]) -> None:
    """The sender is told that resources ran out; no part of a file stays; the next one is filed again."""
    inbox = Inbox(tmp_path)
    little_room(300)
    with pytest.raises(Refused, match='File too large') as caught:
        inbox.put(image().SOPInstanceUID, content(image()))
    assert caught.value.status == 0xA700
    assert tree(tmp_path) == []
    assert inbox.take_quiet(0) == []
    little_room(1 << 20)
    path = inbox.put(image().SOPInstanceUID, content(image()))
    assert path.read_bytes() == content(image())


def test_same_object_again(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    first, other = content(image()), content(image(PatientID='T2'))
    path = inbox.put(image().SOPInstanceUID, first)
    assert inbox.put(image().SOPInstanceUID, first) == path
    with pytest.raises(Refused, match='is there') as caught:
        inbox.put(image().SOPInstanceUID, other)
    assert caught.value.status == 0x0111
    assert path.read_bytes() == first
    Inbox(tmp_path, overwrite=True).put(image().SOPInstanceUID, other)
    assert path.read_bytes() == other


def test_series_are_done_when_quiet(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.put(image(1).SOPInstanceUID, content(image(1)))
    inbox.put(image(2).SOPInstanceUID, content(image(2)))
    assert inbox.take_quiet(60) == []
    (series,) = inbox.take_quiet(0)
    assert (series.images, series.uid) == (2, synthetic.uid('series'))
    assert inbox.take_quiet(0) == []


def test_private_class_and_several_senders(tmp_path: Path) -> None:
    private = image(99)
    private.SOPClassUID = private.file_meta.MediaStorageSOPClassUID = UID('1.3.46.670589.11.0.0.12.1')
    with receiving(Inbox(tmp_path), 0, Settings.of({}), host='127.0.0.1') as port:
        answers: list[list[int]] = []
        batches = [[image(10 * n + k) for k in range(5)] for n in range(4)] + [[private]]
        threads = [
            threading.Thread(target=lambda b=batch: answers.append(statuses(port, b)))  # type: ignore[misc]
            for batch in batches
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert sorted(map(len, answers)) == [1, 5, 5, 5, 5]
    assert {status for batch in answers for status in batch} == {0}
    assert len(tree(tmp_path)) == 21


def test_bad_object_does_not_end_the_association(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    with receiving(
        Inbox(tmp_path), 0, Settings.of({}), host='127.0.0.1', refused=lambda *about: told.append(about)
    ) as port:
        answers = statuses(port, [image(1), image(2, StudyInstanceUID=None), image(3)])
    assert answers == [0, 0xC000, 0]
    assert len(tree(tmp_path)) == 2
    assert told[0][0] == 'TEST'


def test_titles(tmp_path: Path) -> None:
    settings = Settings.of({'calling_aet': 'ME'})
    with receiving(Inbox(tmp_path), 0, settings, host='127.0.0.1', senders=['FRIEND']) as port:
        assert statuses(port, [image()]) == []
        assert statuses(port, [image()], 'FRIEND') == [0]
    with receiving(Inbox(tmp_path), 0, settings, host='127.0.0.1', aet='ME') as port:
        assert statuses(port, [image()]) == []


def test_program_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / 'file').write_text('')
    (port,) = free_ports(1)
    base = ['receive', '--host', '127.0.0.1', '--port', str(port), '--out']
    assert imagedata_program([*base, str(tmp_path / 'file')]) == 1
    assert 'is no folder' in capsys.readouterr().err
    with receiving(Inbox(tmp_path), port, Settings.of({}), host='127.0.0.1'):
        assert imagedata_program([*base, str(tmp_path / 'out')]) == 1
    assert 'cannot be listened at' in capsys.readouterr().err
    assert imagedata_program([*base, str(tmp_path / 'out'), '--tls-cert', str(tmp_path / 'none')]) == 1
    assert 'no file' in capsys.readouterr().err


def test_two_of_one_name_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two objects with one UID that arrive together and differ, one is filed, and one refused."""
    inbox = Inbox(tmp_path)
    both = threading.Barrier(2)
    sync = os.fsync

    def together(number: int) -> None:
        sync(number)
        both.wait(5)

    monkeypatch.setattr(os, 'fsync', together)
    outcome: list[Any] = []

    def put(data: bytes) -> None:
        try:
            outcome.append(inbox.put(image().SOPInstanceUID, data))
        except Refused as error:
            outcome.append(error.status)

    contents = [content(image()), content(image(PatientID='T2'))]
    threads = [threading.Thread(target=put, args=(data,)) for data in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    (path,) = [o for o in outcome if isinstance(o, Path)]
    assert [o for o in outcome if not isinstance(o, Path)] == [0x0111]
    assert path.read_bytes() in contents
    assert len(tree(tmp_path)) == 1


def test_ten_senders_at_a_time(tmp_path: Path) -> None:
    """All are served while all are connected."""
    with receiving(Inbox(tmp_path), 0, Settings.of({}), host='127.0.0.1') as port:
        associations = []
        for _ in range(10):
            ae = AE('TEST')
            ae.add_requested_context(MR, '1.2.840.10008.1.2.1')
            associations.append(ae.associate('127.0.0.1', port))
        assert all(association.is_established for association in associations)
        answers = [a.send_c_store(image(number)) for number, a in enumerate(associations)]
        for association in associations:
            association.release()
    assert {int(answer.Status) for answer in answers} == {0}
    assert len(tree(tmp_path)) == 10


def test_series_is_taken_up_again(tmp_path: Path) -> None:
    """What one inbox was not done with, the next one of the folder has; what it was done with, not."""
    first = Inbox(tmp_path)
    other = image(3, SeriesInstanceUID='1.2.3')
    for dataset in (image(1), image(2), other):
        first.put(dataset.SOPInstanceUID, content(dataset))
    for series in first.take_quiet(0):
        if series.uid == '1.2.3':
            first.done(series)
    (series,) = Inbox(tmp_path).take_quiet(0)
    assert (series.uid, series.images) == (synthetic.uid('series'), 2)
    third = Inbox(tmp_path)
    (series,) = third.take_quiet(0)
    third.put(image(4).SOPInstanceUID, content(image(4)))
    third.done(series)  # more of it came meanwhile
    (series,) = Inbox(tmp_path).take_quiet(0)
    assert series.images == 3
