"""URLs: read and written as folders on the disk are, through real servers on loopback."""

import importlib
import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagedata import Series, errors
from imagedata.progress import reporting
from imagedata.reading import find_sources
from imagedata.transports import connect, remote
from imagedata.transports.address import scheme_of, shown, without
from servers import Moods, free_port, sftp_server, web_server
from transport_checks import (
    SAMPLES,
    assert_all_readings,
    assert_all_writings,
    assert_failure_changes_nothing,
    assert_same,
    files_below,
    served_folder,
)

QUICK = {"timeout": 0.3, "retries": 1}
PASSWORD = "pa55-of-anna"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return served_folder(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def ct(folder: Path) -> Series:
    return Series(folder / "deep" / "ct")


@pytest.fixture
def web(folder: Path) -> Iterator[tuple[str, Moods]]:
    pytest.importorskip("aiohttp")
    with web_server(folder) as served:
        yield served


# --- text --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://bucket/key", "s3://bucket/key"),
        ("https://anna:pw@host:8080/a?b", "https://host:8080/a?b"),
        ("https://token@host/a", "https://host/a"),
        ("sftp://anna:p55/w@host/a", "sftp://host/a"),
        ("sftp://anna:p@55@host/a", "sftp://host/a"),
        ("https://host:8080/a@b", "https://host:8080/a@b"),
        ("https://host/a.zip?sig=abc&se=1?f/*.dcm", "https://host/a.zip?...?f/*.dcm"),
        ("simplecache::sftp://a:b@h/x", "simplecache::sftp://h/x"),
        ("zip://*.dcm::https://a:b@h/x.zip", "zip://*.dcm::https://h/x.zip"),
        ("C:\\a@b\\c", "C:\\a@b\\c"),
        ("folder/a@b?c=d", "folder/a@b?c=d"),
    ],
)
def test_urls_are_shown_without_secrets(url: str, expected: str) -> None:
    assert shown(url) == expected
    assert without(f"cannot open {url}", [url]) == f"cannot open {expected}"


def test_parts_of_a_login_in_messages_of_others() -> None:
    url = "sftp://anna:pa55word@host/x?token=abcdef"
    assert (
        without("login anna:pa55word failed (pa55word), token=abcdef", [url]) == "login *** failed (***), ..."
    )
    assert without("no p@55 there", ["sftp://anna:p%4055@host/x"]) == "no *** there"


def test_file_urls_name_the_files_that_they_write(tmp_path: Path) -> None:
    """The oracle is pathlib's own URL of a path."""
    series = Series(np.arange(60, dtype="u1").reshape(3, 4, 5))
    for name in ("a b#1.nii.gz", "100%25.npy", "\u00e9.mha"):
        path = tmp_path / name
        series.write(path.as_uri())
        assert path.is_file()
        assert np.array_equal(Series(path.as_uri()), series)
    folder = tmp_path / "a folder"
    series[0].write(folder.as_uri() + "/")
    assert [p.name for p in folder.iterdir()] == ["Image_00000.dcm"]
    archive = tmp_path / "an archive.zip"
    series.write(archive.as_uri() + "?x y.mha")
    assert np.array_equal(Series(f"{archive}?x y.mha"), series)


def test_schemes() -> None:
    assert scheme_of("C:\\x") == scheme_of("c:/x") == scheme_of("x:y") == "file"
    assert scheme_of("HTTP://x") == "http"


def test_unknown_scheme() -> None:
    with pytest.raises(errors.NoTransportError, match="gopher"):
        Series("gopher://host/x")


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [("http://h/x", "aiohttp", "http"), ("s3://b/x", "s3fs", "s3"), ("gs://b/x", "gcsfs", "gcs"),
     ("sftp://h/x", "paramiko", "sftp"), ("smb://h/s/x", "smbclient", "smb")],
)  # fmt: skip
def test_missing_packages(monkeypatch: pytest.MonkeyPatch, url: str, module: str, extra: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    implementation = {"http": "http", "sftp": "sftp", "smb": "smb"}.get(extra)
    if implementation:
        monkeypatch.delitem(sys.modules, f"fsspec.implementations.{implementation}", raising=False)
    registry = importlib.import_module("fsspec.registry")
    monkeypatch.delitem(registry._registry, url.partition(":")[0], raising=False)
    with pytest.raises(errors.MissingDependencyError, match=rf"pip install 'imagedata\[{extra}\]'"):
        find_sources(url)


@pytest.mark.parametrize("options", [{"timeout": "1"}, {"retries": -1}, {"timeout": True}])
def test_options_are_numbers(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is a number, 0 or more"):
        find_sources("memory://x", options)
    with pytest.raises(errors.UnknownOptionType, match="storage_options is a dict"):
        find_sources("memory://x", {"storage_options": "anon"})


# --- memory ------------------------------------------------------------------------------------------


@pytest.fixture
def memory(folder: Path) -> Iterator[Any]:
    import fsspec

    fs = fsspec.filesystem("memory")
    fs.put(f"{folder}/", "/served/", recursive=True)
    yield fs
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]


def test_memory(memory: Any, ct: Series, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_all_readings("memory://served", ct)

    def listing(below: str) -> dict[str, bytes]:
        root = f"/served/{below}/"
        return {
            k.removeprefix(root): bytes(v.getbuffer()) for k, v in memory.store.items() if k.startswith(root)
        }

    assert_all_writings("memory://served", ct, listing)
    assert_failure_changes_nothing("memory://served", ct, listing, monkeypatch, range(6))


def test_what_is_missing_is_not_asked_for_again(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect.time, "sleep", lambda seconds: pytest.fail("it waits"))
    with pytest.raises(errors.InputNotFoundError):
        connect.Store("memory://served/none", {}).call(lambda fs: fs.rm_file("/served/none"))


def test_returned_names_and_place_of_temporary_files(memory: Any, ct: Series, tmp_path: Path) -> None:
    from imagedata.header import SeriesData
    from imagedata.writing import write

    data = SeriesData(np.asarray(ct[:2]), ct[:2].header, ct._get_identity())
    assert write(data, "memory://w/out", None, {}) == [f"memory://w/out/Image_0000{n}.dcm" for n in (0, 1)]
    assert write(data, "memory://w/out.zip", None, {}) == ["memory://w/out.zip"]
    assert write(data, tmp_path / "out.zip", None, {}) == [tmp_path / "out.zip"]


# --- web ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ranges", [True, False])
def test_web(web: tuple[str, Moods], ct: Series, ranges: bool) -> None:
    url, moods = web
    moods.ranges = ranges
    assert_all_readings(url.rstrip("/"), ct)


@pytest.mark.parametrize("ranges", [True, False])
def test_large_files_on_the_web(
    web: tuple[str, Moods], ct: Series, folder: Path, monkeypatch: pytest.MonkeyPatch, ranges: bool
) -> None:
    """Of a large archive, only the parts that are wanted are fetched, where the server gives parts."""
    url, moods = web
    moods.ranges = ranges
    monkeypatch.setattr(remote, "_SMALL", 1000)
    monkeypatch.setattr(remote, "_BLOCK", 1 << 14)
    monkeypatch.setattr(remote, "_BUFFER", 1 << 12)
    name = "Image_00005.dcm"
    (source,) = find_sources(f"{url}ct.zip?f/{name}")
    with source.open() as file:
        assert file.read() == (folder / "deep" / "ct" / name).read_bytes()
    fetched = 0
    for method, _, part in moods.asked:
        if method == "GET":
            found = re.fullmatch(r"bytes=(\d+)-(\d+)", part or "")
            fetched += int(found[2]) - int(found[1]) + 1 if found and ranges else 0
    size = (folder / "ct.zip").stat().st_size
    assert size > 300_000
    assert fetched < size / 2
    assert_same(Series(f"{url}ct.zip"), ct)
    assert_same(Series(f"{url}ct.nii.gz"), Series(folder / "ct.nii.gz"))


def test_query_of_a_web_address(web: tuple[str, Moods], ct: Series) -> None:
    url, moods = web
    assert_same(Series(f"{url}ct.zip?download=1&token=tok-secret"), ct)
    assert_same(Series(f"{url}ct.zip?download=1?f/*"), ct)
    assert any(path == "/ct.zip?download=1&token=tok-secret" for _, path, _ in moods.asked)
    with pytest.raises(errors.InputNotFoundError) as caught:
        Series(f"{url}none.zip?token=tok-secret")
    assert "tok-secret" not in str(caught.value)


def test_template_on_the_web(web: tuple[str, Moods], ct: Series) -> None:
    url, _ = web
    made = Series(np.zeros(ct.shape, "uint8"), template=f"{url}ct.zip?f/*", geometry=f"{url}deep/ct/")
    assert made.patientID == ct.patientID
    np.testing.assert_array_equal(made.transformationMatrix, ct.transformationMatrix)


def test_pages_that_link_elsewhere_are_not_followed(tmp_path: Path, ct: Series) -> None:
    pytest.importorskip("aiohttp")
    ct.write(tmp_path / "a" / "ct")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "secret.dcm").write_bytes(b"not asked for")
    links = "".join(f'<a href="{p.name}">x</a>' for p in (tmp_path / "a" / "ct").iterdir())
    page = '<a href="/b/">b</a><a href="../">up</a><a href="?C=M;O=A">sort</a><a href="/b/secret.dcm">x</a>'
    (tmp_path / "a" / "ct" / "index.html").write_text(page + links)
    with web_server(tmp_path) as (url, moods):
        assert_same(Series(f"{url}a/ct/"), ct)
    assert not [path for _, path, _ in moods.asked if "b/" in path or "C=M" in path]


@pytest.mark.parametrize("mood", ["fail", "drop"])
def test_what_is_over_after_a_while(web: tuple[str, Moods], ct: Series, mood: str) -> None:
    url, moods = web
    setattr(moods, mood, 2)
    assert_same(Series(f"{url}ct.zip"), ct)
    setattr(moods, mood, 2)
    assert_same(Series(f"{url}deep/ct/"), ct)


@pytest.mark.parametrize("mood", ["fail", "drop"])
@pytest.mark.parametrize("name", ["ct.zip", "ct.nii.gz", "deep/ct/"])
def test_what_is_not_over(web: tuple[str, Moods], name: str, mood: str) -> None:
    url, moods = web
    setattr(moods, mood, 1000)
    with pytest.raises(connect.StoreError, match=r"cannot be reached \(2 times\)"):
        Series(url + name, **QUICK)


def test_connection_lost_within_a_large_file(
    web: tuple[str, Moods], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, moods = web
    monkeypatch.setattr(remote, "_SMALL", 1000)
    monkeypatch.setattr(remote, "_BLOCK", 1 << 16)
    (source,) = find_sources(f"{url}ct.nii.gz")
    with source.open() as file:
        start = file.read(100)
        moods.drop = 2
        rest = file.read()
    assert start + rest == (folder / "ct.nii.gz").read_bytes()


def test_time_out(web: tuple[str, Moods]) -> None:
    url, moods = web
    moods.delay = 3.0
    began = time.monotonic()
    with pytest.raises(connect.StoreError, match=r"Timeout.*give it more time"):
        Series(f"{url}ct.zip", timeout=0.2, retries=0)
    assert time.monotonic() - began < 2.9


def test_nobody_there() -> None:
    pytest.importorskip("aiohttp")
    with pytest.raises(connect.StoreError, match="cannot be reached"):
        Series(f"http://127.0.0.1:{free_port()}/x.zip", **QUICK)


def test_web_is_not_written(web: tuple[str, Moods], ct: Series) -> None:
    url, _ = web
    for name in ("out/", "out.zip", "out.nii.gz"):
        with pytest.raises(errors.WriteError, match="for reading only"):
            ct.write(url + name)


def test_cache(web: tuple[str, Moods], ct: Series, tmp_path: Path) -> None:
    url, _ = web
    options = {"storage_options": {"simplecache": {"cache_storage": str(tmp_path)}}}
    assert_same(Series(f"simplecache::{url}ct.zip", **options), ct)
    assert len(list(tmp_path.iterdir())) == 1


def test_progress_of_a_large_file(
    web: tuple[str, Moods], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, _ = web
    monkeypatch.setattr(remote, "_SMALL", 1000)
    told: list[tuple[str, int, int]] = []
    with reporting(lambda *state: told.append(state)):
        Series(f"{url}ct.nii.gz")
    size = (folder / "ct.nii.gz").stat().st_size
    assert ("Fetching", size, size) in told


# --- credentials -------------------------------------------------------------------------------------


def assert_silent(caught: pytest.ExceptionInfo[BaseException], *secrets: str) -> None:
    """No secret is in the message, nor in those of the errors behind it that Python prints."""
    error: BaseException | None = caught.value
    while error is not None:
        for secret in secrets:
            assert secret not in str(error) + repr(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def test_login_from_netrc(
    web: tuple[str, Moods], ct: Series, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, moods = web
    moods.login = f"anna:{PASSWORD}"
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login anna password {PASSWORD}\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert_same(Series(f"{url}ct.zip"), ct)


def test_login_in_the_url_is_used_and_not_shown(web: tuple[str, Moods], ct: Series, tmp_path: Path) -> None:
    url, moods = web
    moods.login = f"anna:{PASSWORD}"
    with_login = url.replace("://", f"://anna:{PASSWORD}@")
    series = Series(f"{with_login}deep/")
    assert_same(series, ct)
    assert PASSWORD not in series.explain() + repr(series)
    for source in find_sources(f"{with_login}deep/"):
        assert PASSWORD not in repr(source)
    for name in ("none", "none/", "deep/ct/*.none", "ct.zip?none"):
        with pytest.raises(errors.ImagedataError) as caught:
            Series(with_login + name)
        assert_silent(caught, PASSWORD)
    moods.login = "anna:another"
    for name in ("ct.zip", "deep/"):
        with pytest.raises(connect.StoreError, match="refuses access") as caught:
            Series(with_login + name)
        assert_silent(caught, PASSWORD)
    with pytest.raises(errors.WriteError) as caught:
        ct.write(with_login + "out/")
    assert_silent(caught, PASSWORD)
    with pytest.raises(errors.ImagedataError) as caught:
        Series(f"http://anna:{PASSWORD}@127.0.0.1:{free_port()}/x", **QUICK)
    assert_silent(caught, PASSWORD)


def test_program_shows_no_password(
    web: tuple[str, Moods], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from imagedata.image_data import conversion

    url, moods = web
    moods.login = "anna:another"
    with_login = url.replace("://", f"://anna:{PASSWORD}@")
    assert conversion([str(tmp_path / "x.nii"), f"{with_login}ct.zip"]) == 1
    assert conversion([f"{with_login}x.nii", str(SAMPLES / "ct")]) == 1
    out = capfd.readouterr()
    assert "127.0.0.1" in out.err
    assert PASSWORD not in out.err + out.out


# --- SFTP --------------------------------------------------------------------------------------------


@pytest.fixture
def sftp(folder: Path, tmp_path: Path) -> Iterator[tuple[str, dict[str, Any], Path]]:
    pytest.importorskip("paramiko")
    served = tmp_path / "served"
    shutil.copytree(folder, served)
    with sftp_server(served, PASSWORD) as (host, port, known):
        yield f"sftp://anna:{PASSWORD}@{host}:{port}", {"known_hosts": str(known)}, served


def test_sftp(sftp: tuple[str, dict[str, Any], Path], ct: Series, monkeypatch: pytest.MonkeyPatch) -> None:
    url, options, served = sftp
    assert_all_readings(url, ct, storage_options=options)
    assert_all_writings(url, ct, files_below(served), storage_options=options)
    monkeypatch.setattr(remote, "_SMALL", 1000)
    assert_same(Series(f"{url}/ct.zip", storage_options=options), ct)


def test_sftp_failure(
    sftp: tuple[str, dict[str, Any], Path], ct: Series, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, options, served = sftp
    assert_failure_changes_nothing(url, ct, files_below(served), monkeypatch, (2, 3), storage_options=options)
    assert not list((served / "fail").glob("*/.*")) + list((served / "fail").glob(".*"))


def test_sftp_refuses_strangers(sftp: tuple[str, dict[str, Any], Path], tmp_path: Path) -> None:
    url, options, _ = sftp
    (tmp_path / "empty").write_text("")
    with pytest.raises(connect.StoreError, match=r"host key.*not among the known hosts") as caught:
        Series(f"{url}/ct.zip", storage_options={"known_hosts": str(tmp_path / "empty")})
    assert_silent(caught, PASSWORD)
    with pytest.raises(connect.StoreError, match="refuses access") as caught:
        Series(url.replace(PASSWORD, "wrong-secret") + "/ct.zip", storage_options=options)
    assert_silent(caught, "wrong-secret")


def test_sftp_nobody_answers() -> None:
    pytest.importorskip("paramiko")
    import socket

    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"sftp://anna:{PASSWORD}@127.0.0.1:{deaf.getsockname()[1]}/x"
        with pytest.raises(connect.StoreError, match="cannot be reached") as caught:
            Series(url, timeout=0.3, retries=0)
    assert_silent(caught, PASSWORD)


# --- S3 ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def s3_server(folder: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    """An S3 on loopback: a client of boto with the files in the bucket 'images', and storage options."""
    moto = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    import boto3

    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    keys = {"aws_access_key_id": "test-key-id", "aws_secret_access_key": "test-secret"}
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)
    client.create_bucket(Bucket="images")
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            client.upload_file(str(path), "images", str(path.relative_to(folder)))
    yield client, {"endpoint_url": endpoint}
    server.stop()


@pytest.fixture
def s3(
    s3_server: tuple[Any, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, Any], Callable[[str], dict[str, bytes]]]:
    client, options = s3_server
    # Where the user keeps them: not in the URL, and not in the options.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test-key-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")

    def listing(below: str) -> dict[str, bytes]:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket="images", Prefix=f"{below}/")
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return {
            key.removeprefix(f"{below}/"): client.get_object(Bucket="images", Key=key)["Body"].read()
            for key in keys
        }

    return options, listing


def test_s3(
    s3: tuple[dict[str, Any], Callable[..., Any]], ct: Series, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, listing = s3
    assert_all_readings("s3://images", ct, storage_options=options)
    assert_all_writings("s3://images", ct, listing, storage_options=options)
    monkeypatch.setattr(remote, "_SMALL", 1000)
    assert_same(Series("s3://images/ct.zip", storage_options=options), ct)


def test_s3_small_files_come_together(
    s3: tuple[dict[str, Any], Callable[..., Any]], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever is opened when, and however often: its own bytes."""
    from s3fs import S3FileSystem

    options, _ = s3
    monkeypatch.setattr(remote, "_TOGETHER", 3)
    batches: list[int] = []
    real = S3FileSystem._cat_ranges

    async def counted(self: Any, paths: list[str], *args: Any, **kwargs: Any) -> Any:
        batches.append(len(paths))
        return await real(self, paths, *args, **kwargs)

    monkeypatch.setattr(S3FileSystem, "_cat_ranges", counted)
    found = find_sources("s3://images/deep/ct", {"storage_options": options})
    for numbers, expected in (range(8), [3, 3, 2]), ([5, 0, 5, 7], [3, 3, 3]):
        batches.clear()
        for number in numbers:
            with found[number].open() as file:
                assert file.read() == (folder / "deep" / "ct" / found[number].basename).read_bytes()
        assert batches == expected


def test_s3_failure(
    s3: tuple[dict[str, Any], Callable[..., Any]], ct: Series, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, listing = s3
    assert_failure_changes_nothing("s3://images", ct, listing, monkeypatch, (2, 3), storage_options=options)


def test_s3_without_bucket(s3: tuple[dict[str, Any], Callable[..., Any]], ct: Series) -> None:
    """A bucket is not made by writing to it."""
    options, _ = s3
    with pytest.raises(errors.InputNotFoundError, match="s3://none"):
        Series("s3://none/x", storage_options=options)
    with pytest.raises(errors.WriteError, match="s3://none"):
        ct[:2].write("s3://none/x", storage_options=options, **QUICK)


def test_s3_that_is_away(ct: Series, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("s3fs")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test-key-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    options = {"endpoint_url": f"http://127.0.0.1:{free_port()}"}
    with pytest.raises(connect.StoreError, match="cannot be reached") as caught:
        Series("s3://images/x", storage_options=options, timeout=0.3, retries=0)
    assert_silent(caught, "test-secret")


# --- all -----------------------------------------------------------------------------------------------


def test_interrupt_while_uploading(memory: Any, ct: Series, monkeypatch: pytest.MonkeyPatch) -> None:
    ct[:2].write("memory://served/i/out")
    before = {k: bytes(v.getbuffer()) for k, v in memory.store.items()}
    real = remote.RemoteStaging._upload
    calls = iter(range(100))

    def upload(self: Any, path: Path, target: str) -> None:
        if next(calls) == 1:
            raise KeyboardInterrupt
        real(self, path, target)

    monkeypatch.setattr(remote.RemoteStaging, "_upload", upload)
    with pytest.raises(KeyboardInterrupt):
        ct[2:4].write("memory://served/i/out")
    assert {k: bytes(v.getbuffer()) for k, v in memory.store.items()} == before


def test_local_sources_cost_no_stat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Finding the files of a folder asks the disk for its listing, and for nothing of each file."""
    for n in range(50):
        (tmp_path / f"{n}.dcm").write_bytes(b"")
    calls = {"stat": 0, "open": 0}
    real = os.stat

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls["stat"] += 1
        return real(*args, **kwargs)

    monkeypatch.setattr(os, "stat", counted)
    monkeypatch.setattr(Path, "open", lambda *a, **k: calls.__setitem__("open", calls["open"] + 1))
    assert len(find_sources(tmp_path)) == 50
    assert calls["stat"] < 10
    assert calls["open"] == 0


def test_threads_are_not_left_by_local_reading() -> None:
    before = threading.active_count()
    find_sources(SAMPLES / "ct")
    assert threading.active_count() == before


def test_several_files_are_uploaded_at_once(
    s3: tuple[dict[str, Any], Callable[..., Any]], ct: Series, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as the limit allows, and no more; which of them fails, the first that does is told."""
    import asyncio

    from s3fs import S3FileSystem

    options, listing = s3
    running: list[int] = []
    most = 0
    failing: set[str] = set()
    real = S3FileSystem._put_file

    async def slow(self: Any, source: str, target: str, *args: Any, **kwargs: Any) -> Any:
        nonlocal most
        running.append(1)
        most = max(most, len(running))
        await asyncio.sleep(0.02)
        running.pop()
        if Path(source).name in failing:
            raise FileNotFoundError(f"no {Path(source).name}")
        return await real(self, source, target, *args, **kwargs)

    monkeypatch.setattr(S3FileSystem, "_put_file", slow)
    monkeypatch.setattr(remote, "_AT_ONCE", 3)
    ct.write("s3://images/many/out", storage_options=options)
    assert most == 3
    before = listing("many")
    assert_same(Series("s3://images/many/out", storage_options=options), ct)
    failing |= {"Image_00002.dcm", "Image_00005.dcm"}
    with pytest.raises(errors.WriteError, match="what was there is unchanged"):
        ct.write("s3://images/many/out", storage_options=options)
    assert listing("many") == before
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("imagedata-upload")]


@pytest.mark.parametrize("after", [True, False])
def test_a_move_that_was_done_and_told_otherwise(
    memory: Any, ct: Series, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    """A connection may be lost after the server has done what it was asked for."""
    ct[:3].write("memory://served/told/out")
    before = {k: bytes(v.getbuffer()) for k, v in memory.store.items()}
    real = remote.RemoteStaging._move
    for at in range(6):
        calls = iter(range(1000))

        def move(self: Any, source: str, target: str, at: int = at, calls: Any = calls) -> None:
            number = next(calls)
            if after or number != at:
                real(self, source, target)
            if number == at:
                raise connect.StoreError("the connection is lost")

        monkeypatch.setattr(remote.RemoteStaging, "_move", move)
        with pytest.raises(errors.WriteError, match="connection is lost"):
            ct[4:7].write("memory://served/told/out")
        monkeypatch.setattr(remote.RemoteStaging, "_move", real)
        assert {k: bytes(v.getbuffer()) for k, v in memory.store.items()} == before
