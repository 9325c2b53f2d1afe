"""Servers that lie, break off in every state, or never end: bounded time, and nothing wrong is kept."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pynetdicom import evt

import synthetic
from imagedata import Series
from imagedata.errors import (
    ImagedataWarning,
    IncompleteError,
    InputNotFoundError,
    NetworkError,
    NetworkTimeoutError,
    TransferError,
)
from imagedata.network import find, retrieve
from imagedata.network.address import parse
from imagedata.network.arrived import Broken, identified
from imagedata.network.find import find_series
from imagedata.network.settings import Settings
from pacs_servers import archive, listening, scp, sockets_are_closed

__all__ = ['sockets_are_closed']

pytestmark = pytest.mark.filterwarnings('ignore:unclosed:ResourceWarning')

FAST = {'calling_aet': 'TEST', 'timeout': 0.3, 'retries': 0}
STUDY = f'/T1/{synthetic.uid("study")}'
MR = '1.2.840.10008.5.1.4.1.1.4'


def images(count: int, **elements: Any) -> list[Any]:
    pixels = np.random.default_rng(1).integers(0, 999, (count, 6, 5)).astype(np.uint16)
    return [synthetic.image(p, (0, 0, 3.0 * n), number=n + 1, **elements) for n, p in enumerate(pixels)]


@pytest.fixture
def series(tmp_path: Path) -> Series:
    return Series(synthetic.save(tmp_path, images(3)))


# --- the connection -----------------------------------------------------------------------------


def unit(kind: int, body: bytes, length: int | None = None) -> bytes:
    """Return a protocol data unit (DICOM PS3.8 9.3.1)."""
    return struct.pack('>BBL', kind, 0, len(body) if length is None else length) + body


def read_unit(connection: socket.socket) -> bytes:
    head = b''
    while len(head) < 6:
        piece = connection.recv(6 - len(head))
        if not piece:
            raise OSError('closed')
        head += piece
    (size,) = struct.unpack('>L', head[2:])
    body = b''
    while len(body) < size:
        body += connection.recv(size - len(body))
    return head + body


def accepting(request: bytes) -> bytes:
    """Return an acceptance of all contexts that a request proposes, each with its first syntax."""
    body = request[6:74]
    at, contexts = 74, b''
    while at < len(request):
        kind, size = request[at], struct.unpack('>H', request[at + 2 : at + 4])[0]
        item = request[at + 4 : at + 4 + size]
        if kind == 0x20:
            syntax = item[item.index(b'\x40\0') :]
            syntax = syntax[: 4 + struct.unpack('>H', syntax[2:4])[0]]
            accepted = bytes([item[0], 0, 0, 0]) + syntax
            contexts += struct.pack('>BBH', 0x21, 0, len(accepted)) + accepted
        at += 4 + size
    name = b'1.2.840.10008.3.1.1.1'
    user = struct.pack('>BBHL', 0x51, 0, 4, 16384)
    user += struct.pack('>BBH', 0x52, 0, 5) + b'1.2.3'
    items = struct.pack('>BBH', 0x10, 0, len(name)) + name + contexts
    return unit(2, body + items + struct.pack('>BBH', 0x50, 0, len(user)) + user)


def trickle(connection: socket.socket, data: bytes) -> None:
    for byte in data:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def endless(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        for _ in range(2000):
            connection.sendall(unit(4, struct.pack('>LBB', 16002, 1, 0) + bytes(16000)))


STATES: dict[str, Callable[[socket.socket], None]] = {
    'half a head': lambda c: c.sendall(b'\2\0\0'),
    'head alone': lambda c: c.sendall(unit(2, b'', 500)),
    'enormous unit': lambda c: c.sendall(unit(2, bytes(70000), 0xFFFFFFF0)),
    'trickle': lambda c: trickle(c, unit(2, bytes(200))),
    'nonsense in an acceptance': lambda c: c.sendall(unit(2, b'\xff' * 300)),
    'data before an acceptance': lambda c: c.sendall(unit(4, bytes(20))),
    'release before an acceptance': lambda c: c.sendall(unit(5, bytes(4))),
    'abort': lambda c: c.sendall(unit(7, bytes(4))),
}  # fmt: skip
ANSWERS: dict[str, Callable[[socket.socket], None]] = {
    'closed': lambda c: c.close(),
    'nothing': lambda c: None,
    'half a head': lambda c: c.sendall(b'\4\0\0'),
    'head alone': lambda c: c.sendall(unit(4, b'', 500)),
    'enormous unit': lambda c: c.sendall(unit(4, bytes(70000), 0xFFFFFFF0)),
    'trickle': lambda c: trickle(c, unit(4, bytes(200))),
    'no such kind': lambda c: c.sendall(unit(9, bytes(20))),
    'lengths that do not fit': lambda c: c.sendall(unit(4, struct.pack('>LBB', 9999, 1, 3) + bytes(20))),
    'nonsense as a command': lambda c: c.sendall(unit(4, struct.pack('>LBB', 22, 1, 3) + b'\xff' * 20)),
    'a second acceptance': lambda c: c.sendall(unit(2, bytes(68))),
    'endless command': endless,
    'release': lambda c: c.sendall(unit(5, bytes(4))),
    'abort': lambda c: c.sendall(unit(7, bytes(4))),
}  # fmt: skip


def bounded(action: Callable[[], Any]) -> NetworkError:
    begun = time.monotonic()
    with pytest.raises(NetworkError) as caught:
        action()
    assert time.monotonic() - begun < 12
    return caught.value


@pytest.mark.parametrize('state', STATES)
def test_broken_off_while_negotiating(state: str) -> None:
    def behave(connection: socket.socket) -> None:
        read_unit(connection)
        STATES[state](connection)
        with contextlib.suppress(OSError):
            connection.recv(1000)

    with listening(behave) as url:
        bounded(lambda: Series(url + STUDY, **FAST))


@pytest.mark.parametrize('answer', ANSWERS)
@pytest.mark.filterwarnings('ignore:End of file reached:UserWarning')
def test_broken_off_while_storing(series: Series, answer: str) -> None:
    """Whatever comes in place of an answer, all images are accounted for."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(accepting(read_unit(connection)))
        read_unit(connection)
        ANSWERS[answer](connection)
        with contextlib.suppress(OSError):
            while connection.recv(10000):
                pass

    with listening(behave) as url:
        error = bounded(lambda: series.write(url, **FAST))
    assert isinstance(error, TransferError)
    assert error.stored == ()
    assert len(error.failed) == 3


@pytest.mark.parametrize('answer', ['closed', 'head alone', 'nonsense as a command', 'endless command'])
@pytest.mark.filterwarnings('ignore:End of file reached:UserWarning')
def test_broken_off_while_looking(answer: str) -> None:
    def behave(connection: socket.socket) -> None:
        connection.sendall(accepting(read_unit(connection)))
        read_unit(connection)
        ANSWERS[answer](connection)
        with contextlib.suppress(OSError):
            while connection.recv(10000):
                pass

    with listening(behave) as url:
        bounded(lambda: Series(url + STUDY, **FAST))


def test_server_that_takes_nothing_more() -> None:
    """One that reads no more of a large image does not hold us."""
    big = Series(np.zeros((1, 2500, 2500), np.uint16))

    def behave(connection: socket.socket) -> None:
        connection.sendall(accepting(read_unit(connection)))
        read_unit(connection)
        time.sleep(1.2)

    with listening(behave) as url:
        error = bounded(lambda: big.write(url, **FAST))
    assert len(error.failed) == 1  # type: ignore[attr-defined]


# --- what it says that it has -------------------------------------------------------------------


def altered(change: Callable[[Dataset], None], level: str) -> Callable[[Any], Iterator[Any]]:
    """Return a handler of C-FIND whose answers at one level are changed."""
    held = images(3)
    plain = archive(held)[evt.EVT_C_FIND]

    def handle(event: Any) -> Iterator[Any]:
        for status, answer in plain(event):
            if event.identifier.QueryRetrieveLevel == level:
                change(answer)
            yield status, answer

    return handle


def put(name: str, value: Any) -> Callable[[Dataset], None]:
    def change(answer: Dataset) -> None:
        if value is None:
            answer.pop(name, None)
        else:
            answer[name] = pydicom.DataElement(name, pydicom.datadict.dictionary_VR(name), value,
                                               validation_mode=pydicom.config.IGNORE)  # fmt: skip

    return change


@pytest.mark.parametrize('value', [None, '../../etc/passwd', '1.2.3 x', '1' * 70])
@pytest.mark.filterwarnings('ignore::UserWarning:pydicom')
def test_names_that_are_none(value: Any) -> None:
    """What has no valid UID is told, and nothing is made of it."""
    with (
        scp(archive(images(3), EVT_C_FIND=altered(put('SeriesInstanceUID', value), 'SERIES'))) as url,
        pytest.warns(ImagedataWarning, match=r'1 series.* no valid UID'),
        pytest.raises(InputNotFoundError),
    ):
        Series(url + STUDY, **FAST)
    with (
        scp(archive(images(3), EVT_C_FIND=altered(put('SOPInstanceUID', value), 'IMAGE'))) as url,
        pytest.raises(NetworkError, match=r'3 images.* no valid UID'),
    ):
        Series(url + STUDY, **FAST)


def test_images_of_another_series_are_not_listed() -> None:
    with (
        scp(archive(images(3), EVT_C_FIND=altered(put('SeriesInstanceUID', '1.9.9'), 'IMAGE'))) as url,
        pytest.raises(InputNotFoundError),
    ):
        Series(url + STUDY, **FAST)


def test_texts_in_a_character_set_that_they_are_not_in() -> None:
    def change(answer: Dataset) -> None:
        answer.SpecificCharacterSet = 'ISO_IR 192'
        answer.PatientName = b'M\xfcller'

    def odd(answer: Dataset) -> None:
        answer.SpecificCharacterSet = 'NO SUCH SET'

    for changed in (change, odd):
        with scp(archive(images(3), EVT_C_FIND=altered(changed, 'STUDY'))) as url:
            peer, wanted = parse(url + STUDY)
            (found,) = find_series(peer, wanted, Settings.of(FAST))
    assert found.study == synthetic.uid('study')


@pytest.mark.parametrize('fresh', [True, False])
def test_answers_without_end(monkeypatch: pytest.MonkeyPatch, fresh: bool) -> None:
    monkeypatch.setattr(find, '_MOST', 60)
    monkeypatch.setattr(find, '_MOST_IN_VAIN', 30)

    def handle(event: Any) -> Iterator[Any]:
        number = 0
        while not event.is_cancelled:
            answer = Dataset()
            answer.PatientID, answer.StudyInstanceUID = 'T1', f'1.2.{number if fresh else 0}'
            number += 1
            yield 0xFF00, answer

    with scp({evt.EVT_C_FIND: handle}) as url:
        error = bounded(lambda: Series(f'{url}/T1', **FAST))
    assert 'comes to no end' in str(error)


def test_looking_fails_midway() -> None:
    plain = archive(images(3))[evt.EVT_C_FIND]

    def handle(event: Any) -> Iterator[Any]:
        for number, answer in enumerate(plain(event)):
            yield answer if number < 2 else (0xC001, None)

    with (
        scp(archive(images(3), EVT_C_FIND=handle)) as url,
        pytest.raises(NetworkError, match='cannot look for images: status C001'),
    ):
        Series(url + STUDY, **FAST)


# --- what it sends ------------------------------------------------------------------------------


def sending(change: Callable[[list[Dataset]], list[Dataset]]) -> Callable[[Any], Iterator[Any]]:
    """Return a handler of C-GET that sends what a function makes of the images."""

    def handle(event: Any) -> Iterator[Any]:
        wanted = event.identifier.get('SOPInstanceUID')
        chosen = change([i for i in images(4) if wanted in (None, i.SOPInstanceUID)])
        yield len(chosen)
        for image in chosen:
            yield 0xFF00, image

    return handle


def of_another(held: list[Dataset], **elements: Any) -> list[Dataset]:
    """Change the header of the third one."""
    for image in held:
        if image.SOPInstanceUID == synthetic.uid('series', 3):
            for name, value in elements.items():
                setattr(image, name, value)
    return held


FALSE: dict[str, tuple[Callable[[list[Dataset]], list[Dataset]], str]] = {
    'of another patient': (lambda held: of_another(held, PatientID='T2'), 'another patient'),
    'of another study': (lambda held: of_another(held, StudyInstanceUID='1.2.3'), 'another image'),
    'of another series': (lambda held: of_another(held, SeriesInstanceUID='1.2.3'), 'another image'),
    'without series': (lambda held: of_another(held, SeriesInstanceUID=None), 'broken'),
}  # fmt: skip


@pytest.mark.parametrize(
    ('what', 'above'),
    [*((what, STUDY) for what in FALSE), ('of another patient', f'//{synthetic.uid("study")}')],
)
@pytest.mark.filterwarnings('ignore::UserWarning:pydicom')
def test_images_that_are_not_what_was_asked_for(what: str, above: str) -> None:
    change, reason = FALSE[what]
    with scp(archive(images(4), EVT_C_GET=sending(change))) as url, pytest.raises(IncompleteError) as caught:
        Series(url + above, **FAST)
    uid = synthetic.uid('series', 3)
    assert list(caught.value.missing) == [uid]
    assert reason in caught.value.missing[uid]
    assert set(caught.value.arrived) == {i.SOPInstanceUID for i in images(4)} - {uid}


def test_more_than_was_asked_for_is_left() -> None:
    """Images of others come with the series: they are refused, and what was asked for is there."""

    def more(held: list[Dataset]) -> list[Dataset]:
        other = images(1, PatientID='T2', SeriesInstanceUID='1.2.3', SOPInstanceUID='1.2.3.4')
        return [*held[:2], *other, *held[2:], held[0]]

    with (
        scp(archive(images(4), EVT_C_GET=sending(more))) as url,
        pytest.warns(ImagedataWarning, match='sent all images, and says: status B000'),
    ):
        back = Series(url + STUDY, **FAST)
    assert np.array_equal(back, [i.pixel_array for i in images(4)])


def test_one_image_twice_with_different_content() -> None:
    def again(held: list[Dataset]) -> list[Dataset]:
        other = images(4)[0]
        other.PixelData = bytes(len(other.PixelData))
        return [*held, other]

    with scp(archive(images(4), EVT_C_GET=sending(again))) as url, pytest.raises(IncompleteError) as caught:
        Series(url + STUDY, **FAST)
    assert 'came twice, with different content' in str(caught.value)


def test_images_that_the_server_could_not_send() -> None:
    """The failures of sub-operations are counted, and named."""
    held = images(4)
    bad = [synthetic.uid('series', 2), synthetic.uid('series', 4)]

    def handle(event: Any) -> Iterator[Any]:
        yield 4
        for image in held:
            if image.SOPInstanceUID not in bad:
                yield 0xFF00, image
        failed = Dataset()
        failed.FailedSOPInstanceUIDList = bad
        yield 0xA702, failed

    with scp(archive(held, EVT_C_GET=handle)) as url, pytest.raises(IncompleteError) as caught:
        Series(url + STUDY, **FAST)
    assert set(caught.value.missing) == set(bad)
    for reason in caught.value.missing.values():
        assert 'status A702' in reason
        assert '2 images failed' in reason
    assert '2 of 4 images did not arrive' in str(caught.value)


def test_promises_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pending, and again pending, and no image comes."""
    monkeypatch.setattr(retrieve, '_PATIENCE', 3)

    def handle(event: Any) -> Iterator[Any]:
        storing: list[int] = []
        event.assoc.send_c_store = lambda *args, **kwargs: storing.append(1) or _ok()
        yield 60000
        while True:
            time.sleep(0.01)
            yield 0xFF00, images(1)[0]

    def _ok() -> Dataset:
        answer = Dataset()
        answer.Status = 0
        return answer

    with scp(archive(images(4), EVT_C_GET=handle)) as url:
        error = bounded(lambda: Series(url + STUDY, **{**FAST, 'timeout': 0.2}))
    assert isinstance(error, NetworkTimeoutError)


# --- whether an object is whole -----------------------------------------------------------------


def content(dataset: Dataset) -> bytes:
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def test_truncated_objects_are_known() -> None:
    """At each length but those between two elements behind the names, which are whole datasets."""
    whole = content(images(1)[0])
    assert identified(whole).uid == synthetic.uid('series', 1)
    accepted = []
    for size in range(len(whole)):
        try:
            identified(whole[:size])
        except Broken:
            continue
        accepted.append(size)
    ends = [e.value_tell + e.length for e in raw_elements(whole)]
    # Heads of elements are of 8 or 12 bytes: what follows a whole element may be less than that.
    assert all(any(0 <= size - end < 8 for end in ends) for size in accepted)
    assert max(accepted[:-1], default=0) < len(whole) - 60


def raw_elements(data: bytes) -> list[Any]:
    dataset = pydicom.dcmread(BytesIO(data))
    return [dataset.get_item(tag) for tag in dataset.keys()]  # noqa: SIM118


@pytest.mark.parametrize('length', [0xFFFFFFF0, 0x7FFFFFFF, 10**6])
def test_enormous_lengths(length: int) -> None:
    whole = content(images(1)[0])
    at = whole.index(b'\xe0\x7f\x10\x00OW\0\0') + 8
    with pytest.raises(Broken):
        identified(whole[:at] + struct.pack('<L', length) + whole[at + 4 :])
    at = whole.index(b'\x10\x00\x20\x00LO') + 6  # Patient ID
    with pytest.raises(Broken):
        identified(whole[:at] + struct.pack('<H', 0xFFFE) + whole[at + 2 :])
