"""The package imagedata-transport-s3, as it is on PyPI, with a real S3 server on loopback (moto)."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from imagedata import Series, transports
from imagedata.errors import InputNotFoundError

pytest.importorskip("imagedata_transport_s3", reason="pip install --no-deps imagedata-transport-s3 minio ...")
pytest.importorskip("moto.server", reason="pip install 'moto[server]'")
minio = pytest.importorskip("minio")

VALUES = np.arange(2 * 5 * 6, dtype=np.uint16).reshape(2, 5, 6)


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for localhost: the package speaks https only."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    cert, key = certificate(tmp_path_factory.mktemp("s3"))
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from moto.server import main; main()"]
    process = subprocess.Popen(
        [*command, "-H", "localhost", "-p", str(port), "-s", "-c", str(cert), "-k", str(key)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    context = ssl.create_default_context(cafile=cert)
    try:
        for _ in range(200):
            try:
                with socket.create_connection(("localhost", port), 1) as plain:
                    context.wrap_socket(plain, server_hostname="localhost").close()
                break
            except OSError:
                assert process.poll() is None, "the server did not start"
                time.sleep(0.1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SSL_CERT_FILE", str(cert))
            yield f"localhost:{port}"
    finally:
        process.terminate()
        process.wait()


def client(server: str) -> object:
    return minio.Minio(server, access_key="me", secret_key="s3cret-word", cert_check=True)


def test_it_is_listed() -> None:
    assert "s3" in [name for _, name, _ in transports.get_transporter_list()]


def test_write_and_read_a_zip_file(server: str, tmp_path: Path) -> None:
    url = f"s3://me:s3cret-word@{server}/bucket/a/time00.zip"
    Series(VALUES).write(url, formats=["nifti"])
    found = [o.object_name for o in client(server).list_objects("bucket", recursive=True)]
    assert "a/time00.zip" in found
    series = Series(url)
    np.testing.assert_array_equal(series, VALUES)
    assert "s3cret-word" not in series.explain()


def test_a_file_of_dicom(server: str, sample_data: Path) -> None:
    folder = sorted(p for p in sample_data.iterdir() if p.is_dir())[0]
    one = Series(next(p for p in sorted(folder.rglob("*")) if p.is_file()))
    url = f"s3://me:s3cret-word@{server}/bucket/image.zip"
    one.write(url, formats=["dicom"])
    again = Series(url)
    np.testing.assert_array_equal(np.asarray(again), np.asarray(one))
    assert again.patientID == one.patientID


def test_what_is_not_there(server: str) -> None:
    with pytest.raises(InputNotFoundError) as caught:
        Series(f"s3://me:s3cret-word@{server}/nothing/a.zip")
    assert "s3cret-word" not in str(caught.value)
    assert server in str(caught.value)


def test_as_a_program_uses_it(server: str) -> None:
    Series(VALUES).write(f"s3://me:s3cret-word@{server}/bucket/b.zip", formats=["nifti"])
    transport = transports.Transport(f"s3://me:s3cret-word@{server}/bucket")
    assert type(transport).__name__ == "S3Transport"
    assert transport.isfile("/bucket/b.zip")
    assert not transport.exists("/bucket/c.zip")
    assert "application/zip" in transport.info("/bucket/b.zip")
