"""Servers on loopback for tests of URLs: a web server with its moods, an S3, an SFTP server."""

import base64
import contextlib
import http.server
import os
import re
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any


class Moods:
    """What a web server does to who asks; it may be changed while it runs.

    Attributes
    ----------
    ranges : bool
        Whether it gives parts of files.
    fail : int
        How many of the next GETs get status 503.
    drop : int
        How many of the next GETs lose the connection half-way.
    delay : float
        Seconds before an answer.
    login : str
        'user:password' that it wants; '' for none.
    """

    def __init__(self) -> None:
        self.ranges = True
        self.fail = self.drop = 0
        self.delay = 0.0
        self.login = ""
        self.asked: list[tuple[str, str, str | None]] = []


class WebHandler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    moods: Moods

    def log_message(self, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        moods, wanted = self.moods, self.headers.get("Range")
        moods.asked.append((self.command, self.path, wanted))
        time.sleep(moods.delay)
        expected = "Basic " + base64.b64encode(moods.login.encode()).decode()
        if moods.login and self.headers.get("Authorization") != expected:
            self.plain(401)
            return
        if body and moods.fail > 0:
            moods.fail -= 1
            self.plain(503)
            return
        path = Path(self.translate_path(self.path))
        if path.is_dir():
            # The listing of Python's own server.
            (super().do_GET if body else super().do_HEAD)()
            return
        if not path.is_file():
            self.plain(404)
            return
        data, status, part = path.read_bytes(), 200, ""
        size = len(data)
        if moods.ranges and wanted:
            found = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted)
            assert found is not None
            first = int(found[1]) if found[1] else size - int(found[2])
            last = min(int(found[2]), size - 1) if found[1] and found[2] else size - 1
            data, status, part = data[first : last + 1], 206, f"bytes {first}-{last}/{size}"
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", "application/octet-stream")
        if moods.ranges:
            self.send_header("Accept-Ranges", "bytes")
        if part:
            self.send_header("Content-Range", part)
        self.end_headers()
        if body:
            if moods.drop > 0:
                moods.drop -= 1
                self.wfile.write(data[: len(data) // 2])
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            with contextlib.suppress(ConnectionError):
                self.wfile.write(data)

    def plain(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextlib.contextmanager
def web_server(folder: Path) -> Iterator[tuple[str, Moods]]:
    """Serve a folder; give the URL of its root, with '/', and the moods of the server."""
    moods = Moods()
    handler = type("Handler", (WebHandler,), {"moods": moods})

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, address: Any) -> None:
            pass

    with Server(("127.0.0.1", 0), partial(handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", moods
        finally:
            server.shutdown()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def sftp_server(folder: Path, password: str) -> Iterator[tuple[str, int, Path]]:
    """Serve a folder as '/' over SFTP; give host, port and a file that knows the host's key."""
    import paramiko

    class Login(paramiko.ServerInterface):
        def check_auth_password(self, username: str, given: str) -> int:
            ok = (username, given) == ("anna", password)
            return paramiko.AUTH_SUCCESSFUL if ok else paramiko.AUTH_FAILED

        def get_allowed_auths(self, username: str) -> str:
            return "password"

        def check_channel_request(self, kind: str, channel: int) -> int:
            return paramiko.OPEN_SUCCEEDED

    key = paramiko.RSAKey.generate(2048)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            transport = paramiko.Transport(self.request)
            transport.add_server_key(key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, files_below(folder))
            with contextlib.suppress(EOFError, OSError, paramiko.SSHException):
                transport.start_server(server=Login())
                transport.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        port = server.server_address[1]
        known = folder.parent / "known_hosts"
        known.write_text(f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n")
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield "127.0.0.1", port, known
        finally:
            server.shutdown()


def files_below(folder: Path) -> type:
    """Return an SFTP server for a folder."""
    import paramiko

    class Files(paramiko.SFTPServerInterface):
        def real(self, path: str) -> str:
            return str(folder) + self.canonicalize(path)

        def attempt(self, action: Any) -> Any:
            try:
                return action()
            except OSError as error:
                return paramiko.SFTPServer.convert_errno(error.errno or 0)

        def list_folder(self, path: str) -> Any:
            def entries() -> Any:
                found = []
                for entry in os.scandir(self.real(path)):
                    found.append(paramiko.SFTPAttributes.from_stat(entry.stat()))
                    found[-1].filename = entry.name
                return found

            return self.attempt(entries)

        def stat(self, path: str) -> Any:
            return self.attempt(lambda: paramiko.SFTPAttributes.from_stat(os.stat(self.real(path))))

        lstat = stat

        def open(self, path: str, flags: int, attr: Any) -> Any:
            def opened() -> Any:
                file = os.fdopen(
                    os.open(self.real(path), flags, 0o600), "wb" if flags & os.O_WRONLY else "rb"
                )
                handle = paramiko.SFTPHandle(flags)
                handle.readfile = handle.writefile = file  # type: ignore[attr-defined]
                return handle

            return self.attempt(opened)

        def done(self, action: Any) -> int:
            result = self.attempt(action)
            return paramiko.SFTP_OK if result is None else result

        def remove(self, path: str) -> int:
            return self.done(lambda: os.remove(self.real(path)))

        def rename(self, old: str, new: str) -> int:
            return self.done(lambda: os.rename(self.real(old), self.real(new)))

        def posix_rename(self, old: str, new: str) -> int:
            return self.done(lambda: os.replace(self.real(old), self.real(new)))

        def mkdir(self, path: str, attr: Any) -> int:
            return self.done(lambda: os.mkdir(self.real(path)))

        def rmdir(self, path: str) -> int:
            return self.done(lambda: os.rmdir(self.real(path)))

        def chattr(self, path: str, attr: Any) -> int:
            return paramiko.SFTP_OK

    return Files
