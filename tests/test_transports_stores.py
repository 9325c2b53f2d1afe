"""Google Cloud Storage, SMB and FTP: a server of each on loopback, read and written as a folder is."""

import logging
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imagedata import Series, errors
from imagedata.transports import connect, remote
from servers import free_port
from transport_checks import (
    assert_all_readings,
    assert_all_writings,
    assert_failure_changes_nothing,
    assert_same,
    files_below,
    served_folder,
)

PASSWORD = "pa55-of-anna"
QUICK = {"timeout": 5, "retries": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return served_folder(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def ct(folder: Path) -> Series:
    return Series(folder / "deep" / "ct")


# --- Google Cloud Storage ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gcs(folder: Path) -> Iterator[tuple[dict[str, Any], Callable[[str], dict[str, bytes]]]]:
    """An emulator of its JSON interface, with the files in the bucket 'images'."""
    emulator = pytest.importorskip("gcp_storage_emulator.server", reason="no gcp-storage-emulator")
    pytest.importorskip("gcsfs", reason="no gcsfs")
    port = free_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emulator, "HANDLERS", (moving_route(emulator), *emulator.HANDLERS))
        server = emulator.create_server("127.0.0.1", port, in_memory=True, default_bucket="images")
        server.start()
        yield from gcs_bucket(folder, {"endpoint_url": f"http://127.0.0.1:{port}", "token": "anon"})
        server.stop()


def moving_route(emulator: Any) -> tuple[str, dict[str, Any]]:
    """What the emulator lacks: objects are moved (JSON interface, objects.move)."""

    def move(request: Any, response: Any, storage: Any, *args: Any) -> None:
        request.params["dest_bucket_name"] = request.params["bucket_name"]
        emulator.objects.rewrite(request, response, storage)
        emulator.objects.delete(request, response, storage)

    route = r"^/storage/v1/b/(?P<bucket_name>[-.\w]+)/o/(?P<object_id>.+)/moveTo/o/(?P<dest_object_id>.+)$"
    return route, {"POST": move}


def gcs_bucket(
    folder: Path, options: dict[str, Any]
) -> Iterator[tuple[dict[str, Any], Callable[[str], dict[str, bytes]]]]:
    from gcsfs.core import GCSFileSystem

    fs = GCSFileSystem(skip_instance_cache=True, **options)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            fs.pipe_file(f"images/{path.relative_to(folder)}", path.read_bytes())

    def listing(below: str) -> dict[str, bytes]:
        fs.invalidate_cache()
        root = f"images/{below}"
        return {path.removeprefix(f"{root}/"): fs.cat_file(path) for path in fs.find(root)}

    yield options, listing


def test_gcs(
    gcs: tuple[dict[str, Any], Callable[..., Any]], ct: Series, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, listing = gcs
    assert_all_readings("gs://images", ct, storage_options=options)
    assert_all_writings("gs://images", ct, listing, storage_options=options)
    assert_failure_changes_nothing("gs://images", ct, listing, monkeypatch, (2, 3), storage_options=options)
    monkeypatch.setattr(remote, "_SMALL", 1000)
    assert_same(Series("gcs://images/ct.zip", storage_options=options), ct)


def test_gcs_without_bucket(gcs: tuple[dict[str, Any], Callable[..., Any]], ct: Series) -> None:
    options, _ = gcs
    with pytest.raises(errors.InputNotFoundError, match="gs://none"):
        Series("gs://none/x", storage_options=options, **QUICK)
    with pytest.raises(errors.WriteError, match="gs://none"):
        ct[:2].write("gs://none/x", storage_options=options, **QUICK)


def test_gcs_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """gcsfs tries some times by itself, and would print why."""
    retry = pytest.importorskip("gcsfs.retry", reason="no gcsfs")

    async def at_once(seconds: float) -> None:
        pass

    monkeypatch.setattr(retry.asyncio, "sleep", at_once)
    options = {"endpoint_url": f"http://127.0.0.1:{free_port()}", "token": "anon"}
    with pytest.raises(connect.StoreError, match="cannot be reached"):
        Series("gs://images/x", storage_options=options, timeout=0.5, retries=0)
    assert len(logging.getLogger("gcsfs").handlers) == 1


# --- SMB -----------------------------------------------------------------------------------------------

_SMBD = """
[global]
    interfaces = 127.0.0.1
    bind interfaces only = yes
    server role = standalone server
    map to guest = Never
    passdb backend = smbpasswd:{root}/smbpasswd
    smb ports = {port}
    disable netbios = yes
    load printers = no
    disable spoolss = yes
    pid directory = {root}
    lock directory = {root}
    state directory = {root}
    cache directory = {root}
    private dir = {root}
    ncalrpc dir = {root}/ncalrpc
    log file = {root}/log
[share]
    path = {served}
    read only = no
    force user = {user}
"""


def nt_hash(password: str) -> str:
    """The hash of a password that SMB compares: MD4, which OpenSSL keeps among its old algorithms."""
    command = ["openssl", "dgst", "-md4", "-provider", "legacy", "-provider", "default"]
    done = subprocess.run(command, input=password.encode("utf-16-le"), capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no MD4 for a password: {done.stderr.decode().strip()}")
    return done.stdout.decode().split()[-1].upper()


@pytest.fixture
def smb(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A Samba server, as a process of this user, with one share."""
    pytest.importorskip("smbclient", reason="no smbprotocol")
    smbd = shutil.which("smbd") or shutil.which("smbd", path="/usr/sbin")
    if smbd is None or os.geteuid() != 0:
        pytest.skip("no Samba server (Debian: samba), or not root, whom it wants to be")
    root = tmp_path_factory.mktemp("samba")
    served = root / "served"
    shutil.copytree(folder, served)
    port = free_port()
    (root / "smbpasswd").write_text(
        f"root:0:{'X' * 32}:{nt_hash(PASSWORD)}:[U          ]:LCT-{int(time.time()):08X}:\n"
    )
    (root / "smbpasswd").chmod(0o600)
    (root / "smb.conf").write_text(_SMBD.format(root=root, port=port, served=served, user="root"))
    command = [smbd, "--foreground", "--no-process-group", "-s", str(root / "smb.conf")]
    with (root / "out").open("wb") as out:
        # It ends all of its process group with itself: that must not be ours.
        server = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
    try:
        _wait_for(port, server, root)
        yield f"smb://root:{PASSWORD}@127.0.0.1:{port}/share", served
    finally:
        import smbclient

        smbclient.reset_connection_cache()
        server.terminate()
        server.wait(20)


def _wait_for(port: int, server: "subprocess.Popen[bytes]", root: Path) -> None:
    import socket

    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.1)
        else:
            return
    pytest.skip(f"the Samba server does not start: {(root / 'out').read_text()[-500:]}")


def test_smb(smb: tuple[str, Path], ct: Series, monkeypatch: pytest.MonkeyPatch) -> None:
    url, served = smb
    assert_all_readings(url, ct)
    assert_all_writings(url, ct, files_below(served))
    assert_failure_changes_nothing(url, ct, files_below(served), monkeypatch, (2, 3))
    assert not [path for name in ("new", "fail") for path in (served / name).rglob(".*")]
    monkeypatch.setattr(remote, "_SMALL", 1000)
    assert_same(Series(f"{url}/ct.zip"), ct)


def test_smb_refuses(smb: tuple[str, Path]) -> None:
    url, _ = smb
    with pytest.raises(connect.StoreError, match="refuses access") as caught:
        Series(url.replace(PASSWORD, "wrong-secret") + "/ct.zip", **QUICK)
    assert "wrong-secret" not in str(caught.value)
    with pytest.raises(errors.ImagedataError, match="none"):
        Series(url.replace("/share", "/none") + "/ct.zip", **QUICK)


# --- FTP -----------------------------------------------------------------------------------------------


@pytest.fixture
def ftp(folder: Path, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    pytest.importorskip("pyftpdlib", reason="no pyftpdlib")
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.servers import ThreadedFTPServer

    served = tmp_path / "served"
    shutil.copytree(folder, served)
    users = DummyAuthorizer()
    users.add_user("anna", PASSWORD, str(served), perm="elradfmwMT")
    handler = type("Handler", (FTPHandler,), {"authorizer": users, "auth_failed_timeout": 0})
    server = ThreadedFTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"handle_exit": False}, daemon=True)
    thread.start()
    yield f"ftp://anna:{PASSWORD}@127.0.0.1:{server.address[1]}", served
    server.close_all()
    thread.join(10)


@pytest.mark.filterwarnings("ignore:The asyn.* module:DeprecationWarning")
def test_ftp(ftp: tuple[str, Path], ct: Series, monkeypatch: pytest.MonkeyPatch) -> None:
    url, served = ftp
    assert_all_readings(url, ct)
    assert_all_writings(url, ct, files_below(served))
    assert_failure_changes_nothing(url, ct, files_below(served), monkeypatch, (2, 3))
    assert not [path for name in ("new", "fail") for path in (served / name).rglob(".*")]
    monkeypatch.setattr(remote, "_SMALL", 1000)
    assert_same(Series(f"{url}/ct.zip"), ct)


@pytest.mark.filterwarnings("ignore:The asyn.* module:DeprecationWarning")
def test_ftp_refuses(ftp: tuple[str, Path]) -> None:
    url, _ = ftp
    with pytest.raises(connect.StoreError) as caught:
        Series(url.replace(PASSWORD, "wrong-secret") + "/ct.zip", **QUICK)
    assert "wrong-secret" not in str(caught.value)
