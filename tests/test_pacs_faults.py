"""Servers that are absent, refuse, break off, are slow, or fail: the right error, and a full account."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pynetdicom import build_context, evt

import pacs_servers
import synthetic
from imagedata import Series
from imagedata.errors import (
    ImagedataWarning,
    InputNotFoundError,
    NetworkError,
    NetworkTimeoutError,
    TransferError,
    WriteError,
)
from imagedata.network.address import parse
from imagedata.network.association import echo
from imagedata.network.find import FoundImage
from imagedata.network.retrieve import storage_contexts
from imagedata.network.settings import Settings
from orthanc_server import free_ports
from pacs_servers import archive, listening, scp, sockets_are_closed

__all__ = ['sockets_are_closed']

pytestmark = pytest.mark.filterwarnings('ignore:unclosed:ResourceWarning')

FAST = {'calling_aet': 'TEST', 'timeout': 1, 'retries': 0}
STUDY = f'/T1/{synthetic.uid("study")}'


@pytest.fixture
def series(tmp_path: Path) -> Series:
    return Series(synthetic.save(tmp_path, images(5)))


def images(count: int) -> list[Any]:
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 999, (count, 6, 5)).astype(np.uint16)
    return [synthetic.image(p, (0, 0, 3.0 * n), number=n + 1) for n, p in enumerate(pixels)]


def stored_by(statuses: Callable[[int], Any]) -> tuple[list[str], Callable[[Any], Any]]:
    """Return a handler of C-STORE that answers with a status by number, and what it stored."""
    kept: list[str] = []
    asked: list[str] = []

    def handle(event: Any) -> Any:
        asked.append(str(event.request.AffectedSOPInstanceUID))
        status = statuses(len(asked))
        if status == 0 or status >> 12 == 0xB:
            kept.append(asked[-1])
        return status

    return kept, handle


# --- no conversation ----------------------------------------------------------------------------


def test_nobody_there(series: Series) -> None:
    url = f'dicom://127.0.0.1:{free_ports(1)[0]}/SERVER'
    with pytest.raises(NetworkError, match=r'cannot be reached.*refused'):
        Series(url + STUDY, **FAST)
    with pytest.raises(TransferError, match='5 of 5 images are not stored') as caught:
        series.write(url, **FAST)
    assert len(caught.value.failed) == 5
    assert caught.value.stored == ()


def test_host_without_address() -> None:
    with pytest.raises(NetworkError, match='has no address'):
        Series(f'dicom://no.such.host.invalid/SERVER{STUDY}', **FAST)


@pytest.mark.parametrize(
    ('behaviour', 'kind', 'message'),
    [
        (pacs_servers.silent, NetworkTimeoutError, 'does not answer within 1 s'),
        (pacs_servers.garbage, NetworkError, 'is it a DICOM server'),
        (pacs_servers.closing, NetworkError, 'is it a DICOM server'),
    ],
)
def test_no_dicom_server(behaviour: Any, kind: type[Exception], message: str) -> None:
    begun = time.monotonic()
    with listening(behaviour) as url, pytest.raises(kind, match=message):
        Series(url + STUDY, **FAST)
    assert time.monotonic() - begun < 20


def test_title_is_refused() -> None:
    with scp({}, require_calling_aet=['FRIEND']) as url:
        with pytest.raises(NetworkError, match=r"Calling AE title not recogni.*'TEST'"):
            Series(url + STUDY, **FAST)
        peer, _ = parse(url)
        assert echo(peer, Settings.of({**FAST, 'calling_aet': 'FRIEND'})) < 5


def test_service_is_refused() -> None:
    contexts = [build_context('1.2.840.10008.5.1.4.1.1.7')]
    with scp({}, contexts=contexts) as url, pytest.raises(NetworkError):
        Series(url + STUDY, **FAST)


@pytest.mark.parametrize(
    'url',
    ['dicom://host/', 'dicom:///AET', 'dicom://host/A_TITLE_THAT_IS_LONG/p', 'dicom://host:x/AET/p',
     'dicom://host/AET/p/s/series/1.2', 'dicom://host/AET/p/s/s/s/s', 'dicom://host/AET?PatientWeight=3'],
)  # fmt: skip
def test_addresses_that_name_nothing(url: str) -> None:
    with pytest.raises(InputNotFoundError):
        Series(url, **FAST)


def test_messages_name_no_patient_and_no_password() -> None:
    url = f'dicom://anna:secret@127.0.0.1:{free_ports(1)[0]}/SERVER/Patient42'
    with pytest.raises(NetworkError) as caught:
        Series(url, **FAST)
    assert not any(word in str(caught.value) for word in ('anna', 'secret', 'Patient42'))


# --- storing ------------------------------------------------------------------------------------

FAILURES = [0xA700, 0xA7FF, 0xA900, 0xC000, 0xCFFF, 0x0110, 0x0111, 0x0122, 0x0124, 0x0210, 0x1234]


@pytest.mark.parametrize('status', FAILURES)
def test_each_failure_names_image_and_reason(series: Series, status: int) -> None:
    kept, handle = stored_by(lambda n: status if n == 2 else 0)
    with scp({evt.EVT_C_STORE: handle}) as url, pytest.raises(TransferError, match=f'{status:04X}') as caught:
        series.write(url, **FAST)
    account = caught.value
    assert set(account.stored) == set(kept)
    assert len(account.stored) + len(account.failed) == 5
    assert not set(account.stored) & set(account.failed)
    # A full server is not tried with the rest; else all others are stored.
    assert len(kept) == (1 if status >> 8 == 0xA7 else 4)
    assert any(uid in str(account) for uid in account.failed)


@pytest.mark.parametrize('status', [0xB000, 0xB006, 0xB007])
def test_warnings_are_told(series: Series, status: int) -> None:
    kept, handle = stored_by(lambda n: status)
    with scp({evt.EVT_C_STORE: handle}) as url, pytest.warns(ImagedataWarning, match=f'5 of 5.*{status:04X}'):
        series.write(url, **FAST)
    assert len(kept) == 5


def test_one_image_is_tried_again(series: Series) -> None:
    kept, handle = stored_by(lambda n: 0xA700 if n in (2, 3) else 0)
    with scp({evt.EVT_C_STORE: handle}) as url:
        series.write(url, **{**FAST, 'retries': 2})
    assert len(kept) == len(set(kept)) == 5


def test_association_that_is_aborted_is_taken_up_again(series: Series) -> None:
    kept: list[str] = []
    aborted: list[int] = []

    def handle(event: Any) -> int:
        if len(kept) == 2 and not aborted:
            aborted.append(1)
            event.assoc.abort()
            return 0xC000
        kept.append(str(event.request.AffectedSOPInstanceUID))
        return 0

    with scp({evt.EVT_C_STORE: handle}) as url:
        series.write(url, **{**FAST, 'retries': 1})
    assert len(kept) == len(set(kept)) == 5


def test_connection_lost_for_good(series: Series) -> None:
    kept: list[str] = []

    def handle(event: Any) -> int:
        if len(kept) == 2:
            event.assoc.dul.socket.socket.close()
            return 0xC000
        kept.append(str(event.request.AffectedSOPInstanceUID))
        return 0

    with scp({evt.EVT_C_STORE: handle}) as url, pytest.raises(TransferError, match='3 of 5') as caught:
        series.write(url, **{**FAST, 'retries': 1})
    assert set(caught.value.stored) == set(kept)


def test_slow_server(series: Series) -> None:
    _, handle = stored_by(lambda n: time.sleep(3 if n == 2 else 0) or 0)
    begun = time.monotonic()
    with (
        scp({evt.EVT_C_STORE: handle}) as url,
        pytest.raises(TransferError, match='did not answer within') as caught,
    ):
        series.write(url, **FAST)
    assert time.monotonic() - begun < 20
    assert len(caught.value.stored) == 1


def test_class_that_the_server_does_not_store(series: Series) -> None:
    contexts = [build_context('1.2.840.10008.5.1.4.1.1.7')]
    with scp({}, contexts=contexts) as url, pytest.raises(TransferError, match='MR Image Storage'):
        series.write(url, **FAST)


def test_server_of_implicit_vr_alone(series: Series) -> None:
    """Images are encoded anew; values are the same."""
    received: list[Any] = []

    def handle(event: Any) -> int:
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        received.append(dataset)
        return 0

    contexts = [build_context('1.2.840.10008.5.1.4.1.1.4', '1.2.840.10008.1.2')]
    with scp({evt.EVT_C_STORE: handle}, contexts=contexts) as url:
        series.write(url, **FAST)
    assert {d.file_meta.TransferSyntaxUID for d in received} == {'1.2.840.10008.1.2'}
    received.sort(key=lambda d: d.ImagePositionPatient[2])
    assert np.array_equal([d.pixel_array for d in received], series)


def test_written_without_the_old_place(series: Series) -> None:
    with pytest.raises(WriteError, match='write to'):
        series.write('dicom://host/SERVER/somebody', **FAST)


# --- fetching -----------------------------------------------------------------------------------


def test_fetched_from_a_server_that_has_them(series: Series) -> None:
    with scp(archive(images(5))) as url:
        assert np.array_equal(Series(url + STUDY, **FAST), series)


@pytest.mark.parametrize('status', [0xA700, 0xA900, 0xC001, 0x0122, 0xFE00, 0x0110])
def test_find_fails(status: int) -> None:
    def find(event: Any) -> Iterator[Any]:
        yield status, None

    with scp({evt.EVT_C_FIND: find}) as url, pytest.raises(NetworkError, match=f'{status:04X}'):
        Series(url + STUDY, **FAST)


@pytest.mark.parametrize('status', [0xA701, 0xA702, 0xA900, 0xC000, 0xFE00])
def test_get_fails(status: int) -> None:
    def get(event: Any) -> Iterator[Any]:
        yield 1
        yield status, None

    with (
        scp(archive(images(3), EVT_C_GET=get)) as url,
        pytest.raises(NetworkError, match=f'3 of 3 images did not arrive.*{status:04X}'),
    ):
        Series(url + STUDY, **FAST)


def test_what_a_series_lacks_is_asked_for_alone() -> None:
    held = images(4)

    def get(event: Any) -> Iterator[Any]:
        wanted = event.identifier.get('SOPInstanceUID')
        chosen = [i for i in held[:3] if wanted is None] + [i for i in held if i.SOPInstanceUID == wanted]
        yield len(chosen)
        for image in chosen:
            yield 0xFF00, image

    with scp(archive(held, EVT_C_GET=get)) as url:
        assert Series(url + STUDY, **{**FAST, 'retries': 1}).shape == (4, 6, 5)
        with pytest.raises(NetworkError, match='1 of 4 images did not arrive'):
            Series(url + STUDY, **FAST)


def test_get_is_aborted() -> None:
    held = images(3)

    def get(event: Any) -> Iterator[Any]:
        yield 3
        yield 0xFF00, held[0]
        event.assoc.abort()
        yield 0xFF00, held[1]

    with scp(archive(held, EVT_C_GET=get)) as url, pytest.raises(NetworkError, match='2 of 3 images did not'):
        Series(url + STUDY, **FAST)


def test_find_is_slow() -> None:
    def find(event: Any) -> Iterator[Any]:
        time.sleep(2.5)
        yield 0x0000, None

    with scp({evt.EVT_C_FIND: find}) as url, pytest.raises(NetworkTimeoutError):
        Series(url + STUDY, **FAST)


def test_keys_that_the_server_ignores_are_looked_at() -> None:
    """A server that answers with all that it has does not bring another patient's images."""
    with scp(archive(images(3))) as url, pytest.raises(InputNotFoundError):
        Series(f'{url}/T2', **FAST)


def test_move_to_a_port_that_is_taken() -> None:
    with listening(pacs_servers.closing) as taken, scp(archive(images(3))) as url:
        port = parse(taken)[0].port
        with pytest.raises(NetworkError, match='move_port'):
            Series(url + STUDY, retrieve='move', move_port=port, **FAST)


@pytest.mark.parametrize('count', [1, 3, 20, 60, 127, 400])
def test_contexts_are_never_too_many(count: int) -> None:
    found = [FoundImage('1', '2', f'1.{n}', f'1.2.3.{n}') for n in range(count)]
    contexts = storage_contexts(found, 127)
    assert len(contexts) <= 127
    assert {str(cx.abstract_syntax) for cx in contexts} == {f'1.2.3.{n}' for n in range(min(count, 127))}


def test_thread_of_an_association_takes_no_answer() -> None:
    """What it takes from the queue is lost to the one who asked; it is given nothing."""
    from imagedata.network.connection import Guard, keep_answers

    class Provider:
        def __init__(self) -> None:
            self.msg_queue: queue.Queue[Any] = queue.Queue()
            self.msg_queue.put((1, 'answer'))

        get_msg: Any = None

    class Thread(threading.Thread):
        def __init__(self) -> None:
            super().__init__()
            self.dimse = Provider()
            self.taken: Any = None

        def run(self) -> None:
            self.taken = self.dimse.get_msg(block=False)

    association = Thread()
    keep_answers(association, Guard(5))
    association.start()
    association.join()
    assert association.taken == (None, None)
    assert association.dimse.get_msg(block=True) == (1, 'answer')
