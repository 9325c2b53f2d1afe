"""dcmtk's programs as servers and clients, and TLS: what others speak is understood."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pynetdicom import AE, build_context, evt

import synthetic
from imagedata import Series
from imagedata.cli.main import main as imagedata_program
from imagedata.errors import InputNotFoundError, NetworkError
from imagedata.formats.contract import Made
from imagedata.network.address import parse
from imagedata.network.association import echo
from imagedata.network.inbox import Inbox
from imagedata.network.receiver import receiving
from imagedata.network.settings import Settings
from imagedata.network.store import Outgoing, outgoing, store
from orthanc_server import free_ports
from pacs_servers import archive, certificates, dcmtk, scp, server_tls, sockets_are_closed

__all__ = ['sockets_are_closed']

pytestmark = pytest.mark.filterwarnings('ignore:unclosed:ResourceWarning')

MR = '1.2.840.10008.5.1.4.1.1.4'
OPTIONS = {'calling_aet': 'TEST', 'timeout': 5, 'retries': 0}


@contextmanager
def program(*command: str, port: int) -> Iterator[subprocess.Popen[str]]:
    """Run a server until it is no longer needed."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for _ in range(200):
            with socket.socket() as s:
                if s.connect_ex(('127.0.0.1', port)) == 0:
                    break
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.02)
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=10)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 999, (4, 6, 5)).astype(np.uint16)
    datasets = [synthetic.image(p, (0, 0, 3.0 * n), number=n + 1) for n, p in enumerate(pixels)]
    return synthetic.save(tmp_path / 'in', datasets)


def test_storescp_receives(files: Path, tmp_path: Path) -> None:
    out = tmp_path / 'out'
    out.mkdir()
    (port,) = free_ports(1)
    series = Series(files)
    with program(dcmtk('storescp'), '-od', str(out), str(port), port=port):
        peer, _ = parse(f'dicom://127.0.0.1:{port}/STORESCP')
        assert echo(peer, Settings.of(OPTIONS)) < 5
        series.write(str(peer), **OPTIONS)
    assert np.array_equal(Series(out), series)


def test_storescp_that_refuses(files: Path) -> None:
    """Now and then it closes the connection before the refusal is read: that is tried again."""
    (port,) = free_ports(1)
    with (
        program(dcmtk('storescp'), '--refuse', str(port), port=port),
        pytest.raises(NetworkError, match='refuses the association'),
    ):
        Series(files).write(f'dicom://127.0.0.1:{port}/STORESCP', **{**OPTIONS, 'retries': 3})


@pytest.mark.parametrize('option', ['--abort-after', '--abort-during'])
def test_storescp_that_aborts(files: Path, tmp_path: Path, option: str) -> None:
    (port,) = free_ports(1)
    with (
        program(dcmtk('storescp'), '-od', str(tmp_path), option, str(port), port=port),
        pytest.raises(NetworkError, match='broke off') as caught,
    ):
        Series(files).write(f'dicom://127.0.0.1:{port}/STORESCP', **OPTIONS)
    assert len(caught.value.failed) == 4


def test_storescu_and_echoscu_are_served(files: Path, tmp_path: Path) -> None:
    out = tmp_path / 'out'
    with receiving(Inbox(out), 0, Settings.of({}), host='127.0.0.1') as port:
        run(dcmtk('echoscu'), '127.0.0.1', str(port))
        run(dcmtk('storescu'), '+sd', '127.0.0.1', str(port), str(files))
    arrived = sorted(out.rglob('*.dcm'))
    assert len(arrived) == 4
    assert np.array_equal(Series(out), Series(files))


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=30)


def test_findscu_sees_what_we_see(files: Path) -> None:
    """The server that other tests use answers dcmtk as it answers us: it is no accomplice."""
    with scp(archive([pydicom.dcmread(f) for f in files.iterdir()])) as url:
        port = str(parse(url)[0].port)
        found = subprocess.run(
            [dcmtk('findscu'), '-S', '-aec', 'SERVER', '-k', 'QueryRetrieveLevel=STUDY', '-k', 'PatientID',
             '-k', 'StudyInstanceUID', '127.0.0.1', port],
            capture_output=True, text=True, timeout=30, check=True,
        )  # fmt: skip
    assert synthetic.uid('study') in found.stdout + found.stderr


# --- TLS ----------------------------------------------------------------------------------------


@pytest.fixture(scope='module')
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificates(tmp_path_factory.mktemp('keys'))


def test_stored_and_fetched_with_tls(files: Path, keys: tuple[Path, Path]) -> None:
    received: list[str] = []

    def store(event: Any) -> int:
        received.append(event.request.AffectedSOPInstanceUID)
        return 0

    handlers = archive([pydicom.dcmread(f) for f in files.iterdir()], EVT_C_STORE=store)
    with scp(handlers, tls=server_tls(*keys)) as url:
        trusted = {**OPTIONS, 'tls_ca': keys[0]}
        series = Series(f'{url}//{synthetic.uid("study")}', **trusted)
        assert np.array_equal(series, Series(files))
        series.write(url, **trusted)
        assert len(received) == 4
        assert imagedata_program(['echo', url, '--tls-ca', str(keys[0]), '--timeout', '5']) == 0
        port = str(parse(url)[0].port)
        run(dcmtk('echoscu'), '+tla', '--add-cert-file', str(keys[0]), '-aec', 'SERVER', 'localhost', port)


@pytest.mark.parametrize('trusted', [True, False])
def test_certificate_that_does_not_fit(tmp_path: Path, keys: tuple[Path, Path], trusted: bool) -> None:
    """Neither one that nobody vouches for is accepted, nor one for another name."""
    other = certificates(tmp_path, 'other.example')
    with (
        scp({evt.EVT_C_ECHO: lambda event: 0}, tls=server_tls(*other)) as url,
        pytest.raises(NetworkError, match='certificate does not fit'),
    ):
        Series(f'{url}/T1', **OPTIONS, tls_ca=other[0] if trusted else keys[0])


def test_certificate_that_has_ended(tmp_path: Path) -> None:
    old = certificates(tmp_path, days=-1)
    with (
        scp({}, tls=server_tls(*old)) as url,
        pytest.raises(NetworkError, match=r'certificate does not fit .*expired'),
    ):
        Series(f'{url}/T1', **OPTIONS, tls_ca=old[0])


def test_certificates_of_clients(files: Path, tmp_path: Path, keys: tuple[Path, Path]) -> None:
    """A server may want one: it is told where there is none, or another; with the right one, all is well."""
    mine, others = certificates(tmp_path, 'me'), certificates(tmp_path, 'other')
    with scp(archive([pydicom.dcmread(f) for f in files.iterdir()]), tls=server_tls(*keys, mine[0])) as url:
        trusting = {**OPTIONS, 'tls_ca': keys[0], 'timeout': 2}
        with pytest.raises(NetworkError, match=r'want a certificate of yours \(tls_cert='):
            Series(f'{url}/T1', **trusting)
        with pytest.raises(NetworkError):
            Series(f'{url}/T1', **trusting, tls_cert=others[0], tls_key=others[1])
        assert Series(f'{url}/T1', **trusting, tls_cert=mine[0], tls_key=mine[1]).shape == (4, 6, 5)


def test_receiver_with_tls(files: Path, tmp_path: Path, keys: tuple[Path, Path]) -> None:
    """Senders need a certificate; one that says nothing at all does not hold up the others."""
    mine = certificates(tmp_path, 'me')
    settings = Settings.of(
        {'tls': True, 'tls_cert': keys[0], 'tls_key': keys[1], 'tls_ca': mine[0], 'timeout': 3}
    )
    out = tmp_path / 'out'
    with (
        receiving(Inbox(out), 0, settings, host='127.0.0.1') as port,
        socket.create_connection(('127.0.0.1', port)),
    ):
        sending = {**OPTIONS, 'tls_ca': keys[0], 'timeout': 2}
        url = f'dicoms://127.0.0.1:{port}/ANY'
        with pytest.raises(NetworkError):
            Series(files).write(url, **sending)
        with pytest.raises(NetworkError):
            Series(files).write(url.replace('dicoms', 'dicom'), **sending)
        Series(files).write(url, **sending, tls_cert=mine[0], tls_key=mine[1])
    assert len(list(out.rglob('*.dcm'))) == 4


@pytest.mark.parametrize(
    ('given', 'kind', 'fields'),
    [({'username': 'anna'}, 1, (b'anna', b'')), ({'username': 'anna', 'password': 'p'}, 2, (b'anna', b'p')),
     ({'token': 'a.b.c'}, 5, (b'a.b.c', b''))],
)  # fmt: skip
def test_user_identity(given: dict[str, str], kind: int, fields: tuple[bytes, bytes]) -> None:
    """Told to the server as DICOM PS3.7 D.3.3.7 has it; a refusal names no password."""
    seen: list[Any] = []

    def identify(event: Any) -> tuple[bool, None]:
        seen.append((event.user_id_type, event.primary_field, event.secondary_field or b''))
        return False, None

    with (
        scp({evt.EVT_USER_ID: identify}) as url,
        pytest.raises(NetworkError, match='refuses the association') as caught,
    ):
        Series(f'{url}/T1', **OPTIONS, **given)
    assert seen == [(kind, *fields)]
    assert given.get('password', 'a.b.c') not in str(caught.value)


def test_name_that_the_certificate_is_for(tmp_path: Path) -> None:
    other = certificates(tmp_path, 'other.example')
    with scp({evt.EVT_C_ECHO: lambda event: 0}, tls=server_tls(*other)) as url:
        peer, _ = parse(url)
        settings = Settings.of({**OPTIONS, 'tls_ca': other[0], 'tls_name': 'other.example'}, peer)
        assert echo(peer, settings) < 5


def test_plain_server_asked_for_tls_and_the_reverse(keys: tuple[Path, Path]) -> None:
    with scp({}) as url, pytest.raises(NetworkError, match=r'no secured connection|does not answer'):
        Series(f'{url.replace("dicom:", "dicoms:")}/T1', **{**OPTIONS, 'timeout': 1})
    with scp({}, tls=server_tls(*keys)) as url, pytest.raises(NetworkError, match='dicoms://'):
        Series(f'{url.replace("dicoms:", "dicom:")}/T1', **{**OPTIONS, 'timeout': 2})


def test_certificate_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / 'x').write_text('no certificate')
    with pytest.raises(InputNotFoundError, match='no file'):
        Series('dicoms://127.0.0.1:1/A/p', **OPTIONS, tls_ca=tmp_path / 'y')
    with pytest.raises(NetworkError, match='PEM'):
        Series('dicoms://127.0.0.1:1/A/p', **OPTIONS, tls_ca=tmp_path / 'x')


def test_moved_with_tls_by_a_user_with_a_password(files: Path, keys: tuple[Path, Path]) -> None:
    """C-MOVE: the server connects back with TLS; it is told who asks."""
    datasets = [pydicom.dcmread(f) for f in files.iterdir()]
    users: list[Any] = []
    (port,) = free_ports(1)

    def identify(event: Any) -> tuple[bool, None]:
        users.append((event.primary_field, event.secondary_field))
        return True, None

    def send(event: Any) -> Iterator[Any]:
        storage = [build_context('1.2.840.10008.5.1.4.1.1.4', '1.2.840.10008.1.2.1')]
        yield '127.0.0.1', port, {'tls_args': (context, 'localhost'), 'contexts': storage}
        yield len(datasets)
        for dataset in datasets:
            yield 0xFF00, dataset

    context = ssl.create_default_context(cafile=str(keys[0]))
    # Who trusts the server asks it for its certificate as well.
    context.load_cert_chain(*keys)
    with scp(archive(datasets, EVT_C_MOVE=send, EVT_USER_ID=identify), tls=server_tls(*keys)) as url:
        series = Series(
            f'{url}/T1', **OPTIONS, tls_ca=keys[0], tls_cert=keys[0], tls_key=keys[1], retrieve='move',
            move_port=port, username='anna', password='secret',
        )  # fmt: skip
    assert np.array_equal(series, Series(files))
    assert users[0] == (b'anna', b'secret')


# --- the receiver -------------------------------------------------------------------------------


RECEIVE = [sys.executable, '-m', 'imagedata.cli.main', 'receive', '--host', '127.0.0.1', '--quiet', '0.3']


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(400):
        if condition():
            return
        time.sleep(0.03)
    raise AssertionError('it does not come about')


def test_program_files_and_hands_on(files: Path, tmp_path: Path) -> None:
    """A series is handed to a command when it is quiet; what a path holds is never a command itself.

    What failed is told, and done again by the next receiver, as is a series that was not done
    when a receiver was killed. Nothing is left of an object that was on its way.
    """
    out, told = tmp_path / "a b; touch hacked; $(touch hacked) `touch hacked` 'x'", tmp_path / 'told it'
    command = tmp_path / 'my command.py'
    command.write_text(
        'import os, pathlib, sys\n'
        f'told = pathlib.Path({str(told)!r})\n'
        'first = not told.exists()\n'
        'told.open("a").write(f"{sys.argv[1:]} {os.environ[\'IMAGEDATA_IMAGES\']}\\n")\n'
        'sys.exit(3 if first else 0)\n'
    )
    (port,) = free_ports(1)
    run = [*RECEIVE, '--port', str(port), '--out', str(out), '--series-done',
           f"{sys.executable} '{command}' '$HOME' '; touch hacked'"]  # fmt: skip
    folder = out / synthetic.uid('study') / synthetic.uid('series')
    line = f'{["$HOME", "; touch hacked", str(folder)]} '

    items = [outgoing(Made.at(path)) for path in sorted(files.iterdir())]

    def send(some: list[Outgoing]) -> None:
        peer, _ = parse(f'dicom://127.0.0.1:{port}/ANY')
        store(some, peer, Settings.of(OPTIONS))

    def lines() -> list[str]:
        return told.read_text().splitlines() if told.exists() else []

    def half_an_object() -> None:
        """Send a part of a C-STORE, and hold the connection."""
        from test_pacs_hostile import unit

        ae = AE('TEST')
        ae.add_requested_context(MR, '1.2.840.10008.1.2.1')
        association = ae.associate('127.0.0.1', port)
        assert association.is_established
        connection = association.dul.socket.socket
        connection.sendall(unit(4, bytes(50), 900))

    with program(*run, port=port) as process:
        send(items[:3])
        wait_for(lambda: lines() == [line + '3'])
        half_an_object()
        os.kill(process.pid, signal.SIGTERM)
        output = process.communicate(timeout=10)[0]
    assert process.returncode == 128 + signal.SIGTERM
    assert 'exit status 3' in output
    assert len(list(folder.iterdir())) == 3
    # A receiver that is killed leaves a part of a file, and a series that it had not handed on.
    (folder / '.x.dcm.0123abcd.part').write_bytes(b'part')
    with program(*run, port=port) as process:
        wait_for(lambda: lines() == [line + '3'] * 2)
        send(items)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    assert lines() == [line + '3'] * 2
    with program(*run, port=port) as process:
        wait_for(lambda: len(lines()) == 3)
        time.sleep(0.5)
        os.kill(process.pid, signal.SIGTERM)
        process.wait(10)
    assert lines()[2] == line + '4'
    assert len(list(folder.iterdir())) == 4
    assert not list(tmp_path.rglob('hacked*'))
    assert not list((out / '.waiting').iterdir())
