"""What is sent: from memory, in what both sides know, with a full account; refusals and dead addresses."""

from __future__ import annotations

import socket
import struct
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import UID
from pynetdicom import AllStoragePresentationContexts, build_context, evt

import synthetic
from imagedata import Series
from imagedata.errors import NetworkError, NetworkTimeoutError, TransferError, UnknownOptionType, WriteError
from imagedata.formats.contract import Made
from imagedata.formats.dicom.serialize import Serializer
from imagedata.formats.dicom.stencils import Stencils
from imagedata.network.address import parse
from imagedata.network.settings import Settings
from imagedata.network.store import Outgoing, outgoing, store
from pacs_servers import archive, listening, scp, sockets_are_closed
from test_pacs_hostile import accepting, read_unit, unit

__all__ = ['sockets_are_closed']

pytestmark = pytest.mark.filterwarnings('ignore:unclosed:ResourceWarning')

FAST = {'calling_aet': 'TEST', 'timeout': 1, 'retries': 0}
MR = '1.2.840.10008.5.1.4.1.1.4'
CT = '1.2.840.10008.5.1.4.1.1.2'
RLE = '1.2.840.10008.1.2.5'
FRAMES = '1.2.840.10008.5.1.4.1.1.7.3'
IMPLICIT = '1.2.840.10008.1.2'
JPEG_2000 = '1.2.840.10008.1.2.4.90'


@pytest.fixture
def series(tmp_path: Path) -> Series:
    pixels = np.random.default_rng(1).integers(0, 999, (4, 40, 50)).astype(np.uint16)
    datasets = [synthetic.image(p, (0, 0, 3.0 * n), number=n + 1) for n, p in enumerate(pixels)]
    return Series(synthetic.save(tmp_path / 'in', datasets))


class Kept:
    """What a server got."""

    def __init__(self) -> None:
        self.images: list[Any] = []
        self.contexts: dict[Any, list[Any]] = {}

    def handlers(self) -> dict[Any, Callable[[Any], Any]]:
        def keep(event: Any) -> int:
            self.images.append(pydicom.dcmread(BytesIO(event.encoded_dataset())))
            return 0

        def request(event: Any) -> None:
            self.contexts[event.assoc] = event.assoc.requestor.requested_contexts

        return {evt.EVT_C_STORE: keep, evt.EVT_ACCEPTED: request}

    def pixels(self) -> list[Any]:
        return [d.pixel_array for d in sorted(self.images, key=lambda d: d.ImagePositionPatient[2])]


# --- from memory --------------------------------------------------------------------------------


def test_nothing_touches_the_disk(series: Series, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what is written nor what is read: a temporary file is an error here."""

    def none(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError('a temporary file')

    kept = Kept()
    with scp({**archive([]), **kept.handlers()}) as url:
        for name in ('mkstemp', 'mkdtemp', 'TemporaryFile', 'NamedTemporaryFile', 'SpooledTemporaryFile'):
            monkeypatch.setattr(tempfile, name, none)
        series.write(url, **FAST)
        monkeypatch.undo()
    assert np.array_equal(kept.pixels(), series)


def test_memory_stays_flat(tmp_path: Path) -> None:
    """Of 40 images of 2 MB, one or two are encoded at a time."""
    big = Series(np.zeros((40, 1000, 1000), np.uint16))
    with scp({evt.EVT_C_STORE: lambda event: 0}) as url:
        tracemalloc.start()
        big.write(url, **{**FAST, 'timeout': 10})
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    # The server is in this process, and has each image several times as well.
    assert most < 30e6


def test_what_cannot_be_encoded_is_not_begun_with(series: Series, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third of four images has a value that DICOM does not hold: none is sent."""
    whole = Serializer.file

    def file(self: Serializer, dataset: pydicom.Dataset) -> bytes:
        if dataset.InstanceNumber == 3:
            raise ValueError('no such value')
        return whole(self, dataset)

    monkeypatch.setattr(Serializer, 'file', file)
    monkeypatch.setattr(Stencils, 'header', lambda self, number: None)
    kept = Kept()
    with scp(kept.handlers()) as url, pytest.raises(WriteError, match='slice 2 cannot be encoded'):
        series.write(url, **FAST)
    assert kept.images == []
    assert kept.contexts == {}


def test_image_that_fails_while_it_is_sent(series: Series, tmp_path: Path) -> None:
    """The others are sent, and it is accounted for."""
    series.write(tmp_path / 'out')
    items = [outgoing(Made.at(path)) for path in sorted((tmp_path / 'out').iterdir())]

    def fail() -> bytes:
        raise WriteError('no such encoder')

    first = items[0]
    items[1] = Outgoing(first.study, first.series, items[1].uid, MR, first.syntax, fail)
    kept = Kept()
    with scp(kept.handlers()) as url, pytest.raises(TransferError, match=r'1 of 4.*encoder') as caught:
        store(items, parse(url)[0], Settings.of(FAST))
    assert list(caught.value.failed) == [items[1].uid]
    assert len(kept.images) == 3


_NOW = ('InstanceCreationDate', 'InstanceCreationTime', 'ContentDate', 'ContentTime', 'SeriesDate',
        'SeriesTime', 'ContributingEquipmentSequence')  # fmt: skip


@pytest.mark.parametrize(
    ('name', 'options'),
    [('time', {}), ('ct', {'transfer_syntax': 'rle'}), ('ct', {'SOPClassUID': FRAMES})],
)
@pytest.mark.filterwarnings('ignore::imagedata.errors.LossWarning')
def test_images_are_those_of_files(
    sample_data: Path, tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    """A server gets the very datasets that a folder would have: one object of all frames as well."""
    series = Series(sample_data / name, 'time' if name == 'time' else 'none')[..., :8, :9]
    series.write(tmp_path / 'out', uid_seed=3, **options)
    files = [pydicom.dcmread(path) for path in (tmp_path / 'out').rglob('*.dcm')]
    kept = Kept()
    known = [RLE, '1.2.840.10008.1.2.1']
    with scp(kept.handlers(), contexts=[build_context(c, known) for c in (MR, CT, FRAMES)]) as url:
        series.write(url, uid_seed=3, **options, **FAST)
    for dataset in (*files, *kept.images):
        for keyword in _NOW:
            dataset.pop(keyword, None)
    written = {d.SOPInstanceUID: d for d in files}
    sent = {d.SOPInstanceUID: d for d in kept.images}
    assert sent == written
    syntaxes = [{d.file_meta.TransferSyntaxUID for d in some} for some in (files, kept.images)]
    assert syntaxes[0] == syntaxes[1]


# --- what both sides know -----------------------------------------------------------------------


def test_no_association_has_too_many_contexts() -> None:
    """Objects of 100 classes, which want 200 contexts, go over two associations."""
    classes = [str(cx.abstract_syntax) for cx in AllStoragePresentationContexts][:100]
    items = []
    for number, sop_class in enumerate(classes):
        pixels = np.zeros((6, 5), np.uint16)
        image = synthetic.image(pixels, (0, 0, 0), number=number, SOPClassUID=UID(sop_class))
        image.file_meta.MediaStorageSOPClassUID = UID(sop_class)
        buffer = BytesIO()
        image.save_as(buffer, enforce_file_format=True)
        data = buffer.getvalue()
        items.append(outgoing(Made(str(number), lambda d=data: BytesIO(d), lambda d=data: d)))  # type: ignore[misc]
    kept = Kept()
    with scp(kept.handlers()) as url:
        store(items, parse(url)[0], Settings.of(FAST))
    assert sorted(d.SOPClassUID for d in kept.images) == sorted(classes)
    assert len(kept.contexts) == 2
    assert all(len(contexts) <= 128 for contexts in kept.contexts.values())


@pytest.mark.parametrize('syntax', ['explicit', 'rle', 'jpeg2000', 'jpeg-ls'])
def test_server_that_knows_implicit_vr_alone(series: Series, syntax: str) -> None:
    """Images are decompressed and encoded anew; values are the same."""
    kept = Kept()
    with scp(kept.handlers(), contexts=[build_context(MR, IMPLICIT)]) as url:
        series.write(url, transfer_syntax=syntax, **FAST)
    assert {str(d.file_meta.TransferSyntaxUID) for d in kept.images} == {IMPLICIT}
    assert np.array_equal(kept.pixels(), series)


@pytest.mark.parametrize('syntax', ['rle', 'jpeg2000', 'jpeg-ls'])
def test_compressed_where_the_server_knows_it(series: Series, syntax: str) -> None:
    kept = Kept()
    syntaxes = [RLE, JPEG_2000, '1.2.840.10008.1.2.4.80', IMPLICIT]
    with scp(kept.handlers(), contexts=[build_context(MR, syntaxes)]) as url:
        series.write(url, transfer_syntax=syntax, **FAST)
    assert all(d.file_meta.TransferSyntaxUID.is_compressed for d in kept.images)
    assert np.array_equal(kept.pixels(), series)


def test_server_that_knows_none_of_it(series: Series) -> None:
    kept = Kept()
    with (
        scp(kept.handlers(), contexts=[build_context(MR, JPEG_2000)]) as url,
        pytest.raises(TransferError, match='accepts nothing of what is asked for: MR Image') as caught,
    ):
        series.write(url, **FAST)
    assert len(caught.value.failed) == 4
    assert kept.images == []


# --- no conversation ----------------------------------------------------------------------------

REJECTIONS = [
    (1, 1, 1), (1, 1, 2), (1, 1, 3), (1, 1, 7), (1, 2, 1), (1, 2, 2), (2, 3, 1), (2, 3, 2), (9, 9, 9),
]  # fmt: skip


@pytest.mark.parametrize('rejection', REJECTIONS)
def test_each_rejection(series: Series, rejection: tuple[int, int, int]) -> None:
    """Result, source and reason (DICOM PS3.8 9.3.4); also values that there are not."""
    seen: list[int] = []

    def reject(connection: socket.socket) -> None:
        seen.extend(b for b in connection.recv(10000)[:1] if b == 1)
        connection.sendall(struct.pack('>BBLBBBB', 3, 0, 4, 0, *rejection))
        connection.recv(100)

    with listening(reject) as url, pytest.raises(TransferError) as caught:
        series.write(url, **{**FAST, 'timeout': 5, 'retries': int(rejection[0] < 9)})
    assert len(caught.value.failed) == 4
    if rejection[0] < 9:
        assert 'refuses the association' in str(caught.value)
        # What is rejected for good is not tried again.
        assert len(seen) == rejection[0]


def test_address_that_says_nothing(series: Series) -> None:
    """As behind a firewall: no answer to the first packet. Here, of a server whose queue is full."""
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        server.listen(0)
        waiting = []
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(server.getsockname())
            waiting.append(client)
        begun = time.monotonic()
        url = f'dicom://127.0.0.1:{server.getsockname()[1]}/SERVER'
        try:
            with pytest.raises(NetworkTimeoutError, match=r'does not answer within 0\.4 s'):
                Series(f'{url}/T1', **{**FAST, 'timeout': 0.4})
            with pytest.raises(TransferError, match='does not answer'):
                series.write(url, **{**FAST, 'timeout': 0.4})
        finally:
            for client in waiting:
                client.close()
    assert time.monotonic() - begun < 8


@pytest.mark.parametrize(
    ('name', 'value'),
    [('timeout', 0), ('timeout', -1), ('timeout', float('nan')), ('timeout', float('inf')), ('timeout', '3'),
     ('retries', 1.5), ('retries', -1), ('move_port', 70000), ('move_port', True), ('calling_aet', 'x' * 17),
     ('calling_aet', 'a\\b'), ('retrieve', 'ask')],
)  # fmt: skip
def test_options_that_cannot_be_meant(name: str, value: Any) -> None:
    with pytest.raises((ValueError, UnknownOptionType)):
        Settings.of({name: value})


def test_slow_within_the_time(series: Series) -> None:
    """Each answer takes more than half of the time-out, and all together several of it."""

    def slowly(event: Any) -> int:
        time.sleep(0.4)
        return 0

    with scp({evt.EVT_C_STORE: slowly}) as url:
        series.write(url, **{**FAST, 'timeout': 0.7})


def test_large_image_may_take_longer_than_the_time_out() -> None:
    """As long as it moves: an answer is waited for from the last byte on."""
    image = synthetic.image(np.zeros((900, 1000), np.uint16), (0, 0, 0), number=1)

    def slow_socket(event: Any) -> None:
        connection = event.assoc.dul.socket.socket
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def crawl(event: Any) -> None:
        time.sleep(0.01)

    def find_handlers() -> dict[Any, Any]:
        return {**archive([image]), evt.EVT_DATA_SENT: crawl, evt.EVT_CONN_OPEN: slow_socket}

    with scp(find_handlers()) as url:
        begun = time.monotonic()
        assert Series(f'{url}/T1', **{**FAST, 'timeout': 0.6}).shape == (900, 1000)
        assert time.monotonic() - begun > 0.6




def answer_of(field: int, **elements: Any) -> bytes:
    """Return a message with an answer, as a protocol data unit."""
    from pynetdicom.dsutils import encode

    command = pydicom.Dataset()
    command.CommandField, command.MessageIDBeingRespondedTo = field, 1
    command.CommandDataSetType, command.Status = 0x0101, 0
    for name, value in elements.items():
        setattr(command, name, value)
    body = encode(command, True, True) or b''
    data = struct.pack('<HHLL', 0, 0, 4, len(body)) + body
    return unit(4, struct.pack('>LBB', len(data) + 2, 1, 3) + data)


def test_slow_network() -> None:
    """An image takes three times the time-out to send, and moves all the time."""
    image = Series(np.zeros((1, 4000, 4000), np.uint16))
    spent: list[float] = []

    def behave(connection: socket.socket) -> None:
        connection.sendall(accepting(read_unit(connection)))
        begun, got = time.monotonic(), 0
        while got < image.nbytes:
            got += len(read_unit(connection))
            time.sleep(max(0.0, got / 16e6 - (time.monotonic() - begun)))
        spent.append(time.monotonic() - begun)
        connection.sendall(answer_of(0x8001, AffectedSOPClassUID='1.2.840.10008.5.1.4.1.1.7',
                                     AffectedSOPInstanceUID='1.2.3'))  # fmt: skip
        read_unit(connection)

    with listening(behave) as url:
        image.write(url, **{**FAST, 'timeout': 0.7})
    assert spent[0] > 1.5


def test_answer_to_another_request_is_none(series: Series) -> None:
    """A server that answers with an echo in place of the store is not believed."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(accepting(read_unit(connection)))
        while read_unit(connection)[11] != 2:
            pass
        connection.sendall(answer_of(0x8030, AffectedSOPClassUID='1.2.840.10008.1.1'))
        connection.recv(100)

    with listening(behave) as url, pytest.raises(TransferError) as caught:
        series.write(url, **FAST)
    assert caught.value.stored == ()
    assert isinstance(caught.value, NetworkError)
