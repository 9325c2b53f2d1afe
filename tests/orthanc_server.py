"""A PACS for tests: Debian's Orthanc, as a plain process with a storage folder of its own.

It answers clients of this machine only, over HTTP and DICOM. What is in it is gone with it. Its
configuration is named on the command line, so that an Orthanc of the system is left untouched.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PROGRAM = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin:/usr/local/sbin")
DICOMWEB = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
CLIENT = "IMAGEDATA"
"""Application entity title that the server knows; it calls back on the port `Orthanc.client_port`."""


@dataclass(frozen=True)
class Orthanc:
    """A running server.

    Parameters
    ----------
    port : int
        Of DICOM, at 127.0.0.1.
    http_port : int
    client_port : int
        Where it expects a client that it moves images to.
    """

    port: int
    http_port: int
    client_port: int
    host: str = "127.0.0.1"
    aet: str = "ORTHANC"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.http_port}"

    @property
    def dicomweb(self) -> str:
        return f"{self.url}/dicom-web"

    def request(self, path: str, data: bytes | None = None, method: str | None = None) -> Any:
        """Ask the REST API; return what its JSON says."""
        request = urllib.request.Request(self.url + path, data=data, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
            return json.load(answer)

    def add(self, path: Path) -> dict[str, Any]:
        """Give it a file over HTTP."""
        return self.request("/instances", path.read_bytes(), "POST")

    def find(self, level: str, **query: str) -> list[dict[str, Any]]:
        """Return what it holds at 'Study', 'Series' or 'Instance' level, as its REST API says it."""
        body = json.dumps({"Level": level, "Query": query, "Expand": True}).encode()
        return self.request("/tools/find", body, "POST")

    def file(self, instance: str) -> bytes:
        """Return the file of an instance by its identifier in the server."""
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            f"{self.url}/instances/{instance}/file", timeout=20
        ) as answer:
            return bytes(answer.read())

    def clear(self) -> None:
        """Remove all that it holds."""
        for patient in self.request("/patients"):
            self.request(f"/patients/{patient}", method="DELETE")


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [int(s.getsockname()[1]) for s in sockets]
    for s in sockets:
        s.close()
    return ports


@contextmanager
def running(folder: Path) -> Iterator[Orthanc]:
    """Start a server that stores below a folder, and end it afterwards."""
    assert PROGRAM is not None
    server = Orthanc(*free_ports(3))
    store = str(folder / "store")
    configuration = {
        "Name": "test", "StorageDirectory": store, "IndexDirectory": store,
        "TemporaryDirectory": str(folder / "temporary"),
        "Plugins": [str(DICOMWEB)] if DICOMWEB.exists() else [],
        "HttpServerEnabled": True, "HttpPort": server.http_port, "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False, "SslEnabled": False,
        "DicomServerEnabled": True, "DicomAet": server.aet, "DicomPort": server.port,
        "DicomCheckCalledAet": False, "DicomCheckModalityHost": True,
        "DicomAlwaysAllowEcho": False, "DicomAlwaysAllowStore": False, "DicomAlwaysAllowFind": False,
        "DicomAlwaysAllowGet": False, "DicomAlwaysAllowMove": False,
        "UnknownSopClassAccepted": True, "OverwriteInstances": True,
        "DicomModalities": {"client": {
            "AET": CLIENT, "Host": "127.0.0.1", "Port": server.client_port, "AllowEcho": True,
            "AllowFind": True, "AllowGet": True, "AllowMove": True, "AllowStore": True,
        }},
        "DicomWeb": {
            "Enable": True, "Root": "/dicom-web/", "EnableWado": True, "WadoRoot": "/wado", "Ssl": False,
        },
    }  # fmt: skip
    file = folder / "orthanc.json"
    file.write_text(json.dumps(configuration))
    log = folder / "orthanc.log"
    with log.open("wb") as output:
        process = subprocess.Popen([PROGRAM, str(file)], stdout=output, stderr=output, cwd=folder)
    try:
        _wait(server, process, log)
        yield server
    finally:
        # It has nothing to keep: ending in order takes it seconds.
        process.kill()
        process.wait()


def _wait(server: Orthanc, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(200):
        if process.poll() is not None:
            break
        try:
            server.request("/system")
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"Orthanc did not start: {log.read_text(errors='replace')[-2000:]}")


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """A PACS, shared by the tests of one process: each looks for its own studies, or clears it."""
    if PROGRAM is None:
        if os.environ.get("CI"):
            pytest.fail("Orthanc is not installed: apt-get install orthanc orthanc-dicomweb")
        pytest.skip("Orthanc is not installed: apt-get install orthanc orthanc-dicomweb")
    with running(tmp_path_factory.mktemp("orthanc")) as server:
        yield server
