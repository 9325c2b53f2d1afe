"""Servers that behave as they are told to: DICOM applications of pynetdicom, sockets, certificates."""

from __future__ import annotations

import datetime
import gc
import ipaddress
import shutil
import socket
import socketserver
import ssl
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, AllStoragePresentationContexts, _config, evt

VERIFICATION = '1.2.840.10008.1.1'
FIND = '1.2.840.10008.5.1.4.1.2.2.1'
MOVE = '1.2.840.10008.5.1.4.1.2.2.2'
GET = '1.2.840.10008.5.1.4.1.2.2.3'


@pytest.fixture(autouse=True)
def sockets_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let go of sockets that pynetdicom forgot to close: those whose peer was gone first.

    Servers notice sooner that they are to end.
    """
    monkeypatch.setattr(socketserver.BaseServer.serve_forever, '__defaults__', (0.02,))
    yield
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', ResourceWarning)
        gc.collect()


def dcmtk(name: str) -> str:
    """Return the path of a program of dcmtk: pynetdicom brings others of the same names."""
    path = shutil.which(name, path='/usr/bin:/usr/local/bin:/opt/homebrew/bin')
    if path is None:
        pytest.skip('dcmtk is not installed')
    return path


Handler = Callable[[Any], Any]


@contextmanager
def scp(
    handlers: dict[Any, Handler], *, contexts: Any = None, tls: ssl.SSLContext | None = None, **settings: Any
) -> Iterator[str]:
    """Run a DICOM application, and give its URL."""
    ae = AE('SERVER')
    ae.supported_contexts = contexts or AllStoragePresentationContexts
    for model in (VERIFICATION, FIND, MOVE):
        ae.add_supported_context(model)
    ae.add_supported_context(GET)
    for context in ae.supported_contexts:
        if contexts is None and context.abstract_syntax not in (VERIFICATION, FIND, MOVE, GET):
            context.scu_role = context.scp_role = True
    ae.network_timeout = ae.dimse_timeout = ae.acse_timeout = 10
    for name, value in settings.items():
        setattr(ae, name, value)
    unrestricted, _config.UNRESTRICTED_STORAGE_SERVICE = _config.UNRESTRICTED_STORAGE_SERVICE, False
    server = ae.start_server(
        ('127.0.0.1', 0), block=False, evt_handlers=list(handlers.items()), ssl_context=tls
    )
    assert server is not None
    try:
        scheme = 'dicom' if tls is None else 'dicoms'
        yield f'{scheme}://127.0.0.1:{server.server_address[1]}/SERVER'
    finally:
        ae.shutdown()
        _config.UNRESTRICTED_STORAGE_SERVICE = unrestricted


def archive(images: list[Dataset], **other: Handler) -> dict[Any, Handler]:
    """Return handlers of a server that has images: it finds and sends them."""

    def find(event: Any) -> Iterator[tuple[int, Dataset | None]]:
        level = event.identifier.QueryRetrieveLevel
        unique = {'STUDY': 'Study', 'SERIES': 'Series', 'IMAGE': 'SOP'}[level] + 'InstanceUID'
        seen = set()
        for image in images:
            if image[unique].value in seen:
                continue
            seen.add(image[unique].value)
            answer = Dataset()
            for element in event.identifier:
                answer.add(image.get(element.tag, element))
            answer.QueryRetrieveLevel = level
            yield 0xFF00, answer

    def get(event: Any) -> Iterator[Any]:
        wanted = event.identifier.get('SOPInstanceUID')
        chosen = [image for image in images if wanted in (None, image.SOPInstanceUID)]
        yield len(chosen)
        for image in chosen:
            yield 0xFF00, image

    handlers: dict[Any, Handler] = {evt.EVT_C_FIND: find, evt.EVT_C_GET: get}
    handlers.update({getattr(evt, name): handler for name, handler in other.items()})
    return handlers


@contextmanager
def listening(behaviour: Callable[[socket.socket], None]) -> Iterator[str]:
    """Run a server that is no DICOM application; each connection is given to a function."""
    with socket.create_server(('127.0.0.1', 0)) as server:
        server.settimeout(0.1)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    connection, _ = server.accept()
                except OSError:
                    continue
                with connection:
                    connection.settimeout(5)
                    try:
                        behaviour(connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f'dicom://127.0.0.1:{server.getsockname()[1]}/SERVER'
        finally:
            over.set()
            thread.join(10)


def silent(connection: socket.socket) -> None:
    """Say nothing."""
    time.sleep(1.5)


def garbage(connection: socket.socket) -> None:
    """Answer with what is no DICOM."""
    connection.recv(1000)
    connection.sendall(b'HTTP/1.1 400 Bad Request\r\n\r\n' + bytes(range(256)) * 8)
    time.sleep(0.2)


def closing(connection: socket.socket) -> None:
    """Close at once."""


def certificates(folder: Path, name: str = 'localhost', days: int = 1) -> tuple[Path, Path]:
    """Make a certificate that signs itself, for a name and the loopback address; return it and its key.

    It ends in so many days; below 0, it has ended.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    ends = now + datetime.timedelta(days=days)
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if name == 'localhost':
        names.append(x509.IPAddress(ipaddress.ip_address('127.0.0.1')))
    made = (
        x509.CertificateBuilder()
        .subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=9)).not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    cert_file, key_file = folder / f'{name}.crt', folder / f'{name}.key'
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return cert_file, key_file


def server_tls(cert: Path, key: Path, clients: Path | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    if clients is not None:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
