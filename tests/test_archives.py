"""Archives: read as the folder that was packed, written whole, and refused where they would do harm."""

import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagedata import Series, errors
from imagedata.archives import members, tarfilearchive, zipfilearchive
from imagedata.archives.contract import Archive
from imagedata.archives.tarfilearchive import TarfileArchive
from imagedata.archives.zipfilearchive import ZipfileArchive
from imagedata.formats.contract import Source
from imagedata.reading import find_sources

SAMPLES = Path(__file__).resolve().parent.parent / "data" / "dicom"
EXTENSIONS = [".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst"]
PACKED = [".zip", ".tar", ".tar.gz"]

Content = dict[str, bytes]


def pack(target: Path, content: Content) -> Path:
    """Make an archive with Python's own modules."""
    if target.suffix == ".zip":
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in content.items():
                archive.writestr(name, data)
        return target
    kind = {"tgz": "gz", "tar": ""}.get(target.suffix[1:], target.suffix[1:])
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w" if kind == "zst" else f"w:{kind}") as archive:  # type: ignore[call-overload]
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    data = plain.getvalue()
    if kind == "zst":
        zstd = pytest.importorskip("backports.zstd")
        data = zstd.compress(data)
    target.write_bytes(data)
    return target


def files_of(folder: Path) -> Content:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def assert_same(a: Series, b: Series, uid: bool = True) -> None:
    assert a.dtype == b.dtype
    assert a.axes._fields == b.axes._fields
    np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    np.testing.assert_array_equal(a.transformationMatrix, b.transformationMatrix)
    assert not uid or a.seriesInstanceUID == b.seriesInstanceUID
    for name in a.axes._fields:
        np.testing.assert_array_equal(np.asarray(getattr(a.axes, name)), np.asarray(getattr(b.axes, name)))


def names(url: object, **options: object) -> list[str]:
    """Return the names of the members that are found."""
    return [source.name.rpartition("?")[2] for source in find_sources(url, options)]


# --- read ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_archive_is_read_as_its_folder(tmp_path: Path, extension: str) -> None:
    content = {f"{s}/{k}": v for s in ("ct", "te") for k, v in files_of(SAMPLES / s).items()}
    path = pack(tmp_path / f"all{extension}", content)
    for series in "ct", "te":
        assert_same(Series(f"{path}?{series}"), Series(SAMPLES / series))


@pytest.mark.parametrize("extension", PACKED)
@pytest.mark.parametrize("dataset", ["siemens_mosaic_orient/ax_asc_35", "philips_balls/T1"])
def test_real_series_in_archives(real_data: Path, tmp_path: Path, dataset: str, extension: str) -> None:
    folder = real_data / dataset
    path = pack(tmp_path / f"a{extension}", {f"deep/er/{k}": v for k, v in files_of(folder).items()})
    assert_same(Series(path), Series(folder))


@pytest.mark.skipif(shutil.which("tar") is None, reason="no tar")
def test_archive_of_another_program(tmp_path: Path) -> None:
    """GNU tar, names beginning with './', members in the order of the disk."""
    subprocess.run(["tar", "czf", tmp_path / "a.tar.gz", "-C", SAMPLES / "time", "."], check=True)
    assert_same(Series(tmp_path / "a.tar.gz", "time"), Series(SAMPLES / "time", "time"))


@pytest.mark.parametrize("extension", PACKED)
def test_nothing_is_unpacked_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extension: str
) -> None:
    path = pack(tmp_path / f"ct{extension}", files_of(SAMPLES / "ct"))
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a temporary file is made")

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    monkeypatch.setattr(tempfile, "_mkstemp_inner", refuse)
    assert Series(path).shape == (32, 128, 160)
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name, "temporary", "work"]
    assert list(work.iterdir()) == list(temporary.iterdir()) == []


@pytest.mark.parametrize("extension", PACKED)
@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("", ["a/1.dcm", "a/2.dcm", "a/deep/3.dcm", "b/4.txt", "b[1]/5.dcm"]),
        ("a", ["a/1.dcm", "a/2.dcm", "a/deep/3.dcm"]),
        ("a/", ["a/1.dcm", "a/2.dcm", "a/deep/3.dcm"]),
        ("a/deep", ["a/deep/3.dcm"]),
        ("a/1.dcm", ["a/1.dcm"]),
        ("a/[12].dcm", ["a/1.dcm", "a/2.dcm"]),
        ("?/*.txt", ["b/4.txt"]),
        ("*deep", ["a/deep/3.dcm"]),
        ("b[1]", ["b[1]/5.dcm"]),
        ("*.dcm", ["a/1.dcm", "a/2.dcm", "a/deep/3.dcm", "b[1]/5.dcm"]),
    ],
)
def test_patterns(tmp_path: Path, extension: str, pattern: str, expected: list[str]) -> None:
    path = pack(
        tmp_path / f"x{extension}",
        {n: n.encode() for n in ("b/4.txt", "a/deep/3.dcm", "a/2.dcm", "b[1]/5.dcm", "a/1.dcm")},
    )
    found = find_sources(f"{path}?{pattern}")
    assert [source.name for source in found] == [f"{path}?{name}" for name in expected]
    for source, name in zip(found, expected, strict=True):
        with source.open() as file:
            assert file.read() == name.encode()
            file.seek(-2, io.SEEK_END)
            assert file.read() == name.encode()[-2:]
        assert source.size() == len(name)
        assert source.basename == name.rpartition("/")[2]


@pytest.mark.parametrize("extension", PACKED)
def test_no_such_member(tmp_path: Path, extension: str) -> None:
    path = pack(tmp_path / f"x{extension}", {"folder/1.dcm": b"1"})
    with pytest.raises(errors.InputNotFoundError, match=r"has no member other/\*.*it holds 'folder/1\.dcm'"):
        find_sources(f"{path}?other/*")


@pytest.mark.parametrize("extension", PACKED)
def test_what_lies_beside_a_member(tmp_path: Path, extension: str) -> None:
    path = pack(tmp_path / f"x{extension}", {"f/a.nii": b"image", "f/a.bval": b"0 1", "a.bvec": b"no"})
    (source,) = find_sources(f"{path}?f/a.nii")
    beside = source.beside("a.bval")
    assert beside is not None
    with beside.open() as file:
        assert file.read() == b"0 1"
    assert source.beside("a.bvec") is None
    with source.local("a.bval") as local:
        assert local.read_bytes() == b"image"
        assert local.with_name("a.bval").read_bytes() == b"0 1"


def test_diffusion_files_in_an_archive(tmp_path: Path) -> None:
    Series(SAMPLES / "b", "b").write(tmp_path / "d.nii.gz")
    assert (tmp_path / "d.bval").exists()
    path = pack(tmp_path / "d.zip", {p.name: p.read_bytes() for p in tmp_path.glob("d.*")})
    assert_same(Series(f"{path}?*.nii.gz"), Series(tmp_path / "d.nii.gz"), uid=False)


@pytest.mark.parametrize("extension", PACKED)
def test_several_threads_read_one_archive(tmp_path: Path, extension: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    content = {f"{n}.bin": np.random.default_rng(n).bytes(50_000) for n in range(40)}
    found = find_sources(pack(tmp_path / f"x{extension}", content))

    def read(source: Source) -> bytes:
        with source.open() as file:
            return file.read()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, found)) == [content[s.basename] for s in found]


@pytest.mark.parametrize("extension", PACKED)
def test_large_members_are_read_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extension: str
) -> None:
    monkeypatch.setattr(zipfilearchive, "_IN_MEMORY", 1000)
    data = np.random.default_rng(1).bytes(100_000)
    path = pack(tmp_path / f"x{extension}", {"a": b"1" * 999, "b": data})
    (source,) = find_sources(f"{path}?b")
    with source.open() as file:
        for at in (0, 50_000, 10_000, 99_990):
            assert file.seek(at) == at
            assert file.read(300) == data[at : at + 300]
        assert file.seek(0, io.SEEK_END) == 100_000


def test_archive_is_known_by_content_where_the_name_says_nothing(tmp_path: Path) -> None:
    for extension in (".zip", ".tar"):
        path = pack(tmp_path / f"x{extension}", files_of(SAMPLES / "ct"))
        renamed = path.rename(tmp_path / "download")
        assert_same(Series(renamed), Series(SAMPLES / "ct"))
        assert names(f"zip://06*::{renamed}") == ["06533ded.IMA"]


def test_tar_under_the_name_of_a_zip(tmp_path: Path) -> None:
    path = pack(tmp_path / "x.tar", files_of(SAMPLES / "ct")).rename(tmp_path / "x.zip")
    assert_same(Series(path), Series(SAMPLES / "ct"))


def test_several_archives(tmp_path: Path) -> None:
    content = sorted(files_of(SAMPLES / "ct").items())
    pack(tmp_path / "one.zip", dict(content[:10]))
    pack(tmp_path / "two.zip", dict(content[10:]))
    for urls in (tmp_path / "*.zip", [tmp_path / "one.zip", tmp_path / "two.zip"]):
        assert_same(Series(urls), Series(SAMPLES / "ct"))


def test_archives_in_a_folder_are_left_and_named(tmp_path: Path) -> None:
    shutil.copytree(SAMPLES / "ct", tmp_path / "ct")
    pack(tmp_path / "ct" / "more.zip", files_of(SAMPLES / "time"))
    series = Series(tmp_path / "ct")
    assert series.shape == (32, 128, 160)
    assert "more.zip: an archive in a folder or in another archive is not opened" in series.explain()
    inside = pack(tmp_path / "outer.zip", {"in.zip": (tmp_path / "ct" / "more.zip").read_bytes()})
    with pytest.raises(errors.UnknownInputError, match="not opened: name it to read it"):
        Series(inside)


def test_template_in_an_archive(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {f"x/{k}": v for k, v in files_of(SAMPLES).items()})
    ct = Series(SAMPLES / "ct")
    made = Series(np.zeros(ct.shape, "uint8"), template=f"{path}?x/ct", geometry=f"{path}?x/c*/*")
    assert made.patientID == ct.patientID
    np.testing.assert_array_equal(made.transformationMatrix, ct.transformationMatrix)


def test_archives_in_archives_that_are_named(tmp_path: Path) -> None:
    series = Series(np.arange(60, dtype="u2").reshape(3, 4, 5))
    series.write(f"{tmp_path}/inner.zip?f/a b.mha")
    with tarfile.open(tmp_path / "outer.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "inner.zip", "d/inner.zip")
        archive.add(tmp_path / "inner.zip", "d/second.zip")
    outer = f"{tmp_path}/outer.tar.gz"
    for name in ("d/inner.zip", "d/inner.zip?f", "d/inner.zip?f/*.mha", "d/inner.zip?f/a b.mha"):
        np.testing.assert_array_equal(Series(f"{outer}?{name}"), series)
    assert len(find_sources(f"{outer}?d/*.zip?f/*")) == 2
    with pytest.raises(errors.UnknownInputError, match="archive in a folder or in another archive"):
        Series(outer)
    with pytest.raises(errors.InputNotFoundError, match=r"inner\.zip has no member none"):
        Series(f"{outer}?d/inner.zip?none")
    with pytest.raises(errors.CorruptFileError, match="archive_max_bytes"):
        Series(f"{outer}?d/inner.zip", archive_max_bytes=20)


def test_a_folder_that_is_named_as_an_archive(tmp_path: Path) -> None:
    series = Series(np.arange(60, dtype="u2").reshape(3, 4, 5))
    (tmp_path / "study.zip").mkdir()
    series.write(tmp_path / "study.zip" / "a.mha")
    for name in (tmp_path / "study.zip", f"{tmp_path}/study.zip/", (tmp_path / "study.zip").as_uri()):
        np.testing.assert_array_equal(Series(name), series)


@pytest.mark.skipif(os.sep == "\\", reason="there it divides names")
def test_backslashes_in_names_of_files(tmp_path: Path) -> None:
    """The file of the last part is another one, and stays what it was."""
    series = Series(np.arange(60, dtype="u2").reshape(3, 4, 5))
    (tmp_path / "b.mha").write_bytes(b"another")
    series.write(tmp_path / "a\\b.mha")
    np.testing.assert_array_equal(Series(tmp_path / "a\\b.mha"), series)
    assert (tmp_path / "b.mha").read_bytes() == b"another"


def test_file_names_with_question_marks_are_patterns(tmp_path: Path) -> None:
    shutil.copytree(SAMPLES / "ct", tmp_path / "ct")
    assert len(find_sources(tmp_path / "c?")) == 32


# --- refused -----------------------------------------------------------------------------------------

BAD_NAMES = {
    "../up.dcm": "leads out of the archive",
    "a/../../up.dcm": "leads out of the archive",
    "..\\up.dcm": "leads out of the archive",
    "/etc/passwd": "absolute name",
    "\\\\host\\share": "absolute name",
    "C:\\windows.dcm": "absolute name",
    "a\x1b[2J.dcm": "control characters",
}


@pytest.mark.parametrize("extension", PACKED)
@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_climb_out(tmp_path: Path, extension: str, name: str) -> None:
    path = pack(tmp_path / f"x{extension}", {"good.dcm": b"1", name: b"2"})
    with pytest.raises(errors.CorruptFileError, match=BAD_NAMES[name]) as caught:
        find_sources(path)
    assert repr(name.replace("\x1b", "?")) in str(caught.value)
    assert "\x1b" not in str(caught.value)
    # What is wanted can still be had.
    assert names(f"{path}?good.dcm") == ["good.dcm"]


@pytest.mark.parametrize("packing", ["", "gz"])
@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (tarfile.SYMTYPE, "is a link"),
        (tarfile.LNKTYPE, "is a link"),
        (tarfile.CHRTYPE, "is a device"),
        (tarfile.BLKTYPE, "is a device"),
        (tarfile.FIFOTYPE, "is a device"),
    ],
)
def test_tar_members_that_are_no_files(tmp_path: Path, packing: str, kind: bytes, text: str) -> None:
    path = tmp_path / f"x.tar{'.' + packing if packing else ''}"
    with tarfile.open(path, f"w:{packing}") as archive:  # type: ignore[call-overload]
        info = tarfile.TarInfo("the/member")
        info.type = kind
        info.linkname = "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(errors.CorruptFileError, match=f"'the/member' {text}"):
        find_sources(path)


@pytest.mark.parametrize(("mode", "text"), [(0o120777, "is a link"), (0o020666, "is a device")])
def test_zip_members_that_are_no_files(tmp_path: Path, mode: int, text: str) -> None:
    info = zipfile.ZipInfo("the/member")
    info.create_system = 3
    info.external_attr = mode << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(errors.CorruptFileError, match=f"'the/member' {text}"):
        find_sources(tmp_path / "x.zip")


def test_sparse_member(tmp_path: Path) -> None:
    if shutil.which("tar") is None:
        pytest.skip("no tar")
    with (tmp_path / "holes").open("wb") as file:
        file.truncate(1 << 30)
    subprocess.run(["tar", "cSf", tmp_path / "x.tar", "-C", tmp_path, "holes"], check=True)
    assert (tmp_path / "x.tar").stat().st_size < 100_000
    with pytest.raises(errors.CorruptFileError, match=r"'holes' has holes"):
        find_sources(tmp_path / "x.tar")


@pytest.mark.parametrize("extension", PACKED)
@pytest.mark.parametrize("other", ["same.dcm", "./same.dcm", ".//same.dcm"])
def test_names_that_are_there_twice(tmp_path: Path, extension: str, other: str) -> None:
    path = tmp_path / f"x{extension}"
    if extension == ".zip":
        with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
            warnings.simplefilter("ignore")
            for name in ("same.dcm", other):
                archive.writestr(name, name)
    else:
        with tarfile.open(path, "w:gz" if extension.endswith("gz") else "w") as archive:
            for name in ("same.dcm", other):
                archive.addfile(tarfile.TarInfo(name))
    with pytest.raises(errors.CorruptFileError, match=r"'same\.dcm' is in it 2 times"):
        find_sources(path)


@pytest.mark.skipif(shutil.which("zip") is None, reason="no zip")
def test_encrypted_members(tmp_path: Path) -> None:
    (tmp_path / "secret.dcm").write_bytes(b"1")
    subprocess.run(["zip", "-q", "-j", "-P", "pw", tmp_path / "x.zip", tmp_path / "secret.dcm"], check=True)
    with pytest.raises(errors.NoArchiveError, match=r"x\.zip\?secret\.dcm is encrypted"):
        find_sources(tmp_path / "x.zip")


def test_encrypted_flag(tmp_path: Path) -> None:
    path = pack(tmp_path / "x.zip", {"secret.dcm": b"1"})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(errors.NoArchiveError, match=r"x\.zip\?secret\.dcm is encrypted"):
        find_sources(path)


# --- bombs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("extension", [*EXTENSIONS])
def test_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extension: str) -> None:
    if extension == ".tar":
        pytest.skip("nothing is packed")
    monkeypatch.setattr(members, "_UNCHECKED", 1 << 20)
    path = pack(tmp_path / f"x{extension}", {"zeros": bytes(3 << 20)})
    with pytest.raises(errors.CorruptFileError, match=r"zeros unpacks|unpacks to \d+ bytes from") as caught:
        find_sources(path, {"archive_max_ratio": 100})
    assert "archive_max_ratio" in str(caught.value)
    assert names(path, archive_max_ratio=1_000_000) == ["zeros"]


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_total_size(tmp_path: Path, extension: str) -> None:
    rng = np.random.default_rng(0)
    path = pack(tmp_path / f"x{extension}", {f"{n}": rng.bytes(100_000) for n in range(5)})
    with pytest.raises(errors.CorruptFileError, match="archive_max_bytes"):
        find_sources(path, {"archive_max_bytes": 350_000})
    assert len(find_sources(path, {"archive_max_bytes": 600_000})) == 5


def test_members_that_share_their_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of a thousand names for the same packed bytes: each harmless, all together not."""
    monkeypatch.setattr(members, "_UNCHECKED", 1 << 20)
    data = bytes(100_000)
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0", data)
        first = archive.filelist[0]
        for n in range(1, 1000):
            again = zipfile.ZipInfo(str(n))
            for name in ("compress_type", "CRC", "compress_size", "file_size", "header_offset"):
                setattr(again, name, getattr(first, name))
            archive.filelist.append(again)
            archive.NameToInfo[again.filename] = again
        archive._didModify = True  # type: ignore[attr-defined]
    with pytest.raises(errors.CorruptFileError, match="archive_max_ratio"):
        find_sources(tmp_path / "x.zip")


def test_member_that_is_larger_than_it_says(tmp_path: Path) -> None:
    path = pack(tmp_path / "x.zip", {"liar": bytes(1_000_000)})
    data = bytearray(path.read_bytes())
    size = (1_000_000).to_bytes(4, "little")
    assert data.count(size) == 2
    path.write_bytes(data.replace(size, (1000).to_bytes(4, "little")))
    (source,) = find_sources(path)
    with pytest.raises(errors.CorruptFileError, match=r"x\.zip\?liar cannot be unpacked"):
        source.open()


@pytest.mark.parametrize("value", [0, -1, "1", True, None])
def test_limits_are_numbers(tmp_path: Path, value: object) -> None:
    path = pack(tmp_path / "x.zip", {"1": b"1"})
    if value is None:
        value = [1]
    with pytest.raises(ValueError, match="archive_max_bytes is a number above 0"):
        find_sources(path, {"archive_max_bytes": value})


def test_negative_sizes_do_not_loop(tmp_path: Path) -> None:
    info = tarfile.TarInfo("back")
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\xff" * 11 + b"\x00"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    path = tmp_path / "x.tar"
    path.write_bytes(bytes(header) + bytes(1024))
    with pytest.raises(errors.ImagedataError, match=r"x\.tar"):
        find_sources(path)


# --- damaged -----------------------------------------------------------------------------------------


def read_all(path: Path) -> Content:
    content = {}
    for source in find_sources(path):
        with source.open() as file:
            content[source.name.rpartition("?")[2]] = file.read()
    return content


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_truncated_archives(tmp_path: Path, extension: str, part: float) -> None:
    rng = np.random.default_rng(0)
    path = pack(tmp_path / f"x{extension}", {f"{n}.dcm": rng.bytes(5000) for n in range(8)})
    data = path.read_bytes()
    if extension == ".tar":
        data = data[: 8 * 5632 + 512]  # without the padding
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(errors.CorruptFileError, match=rf"x{extension}") as caught:
        read_all(path)
    assert "truncated or damaged" in str(caught.value)


@pytest.mark.parametrize("extension", PACKED)
def test_tar_cut_between_two_members(tmp_path: Path, extension: str) -> None:
    if extension == ".zip":
        pytest.skip("its list is at its end")
    import gzip

    data = pack(tmp_path / "x.tar", {"1.dcm": b"1", "2.dcm": b"2"}).read_bytes()[: 2 * 512]
    path = tmp_path / f"x{extension}"
    path.write_bytes(gzip.compress(data) if extension.endswith("gz") else data)
    with pytest.raises(errors.CorruptFileError, match=r"ends after the member '1\.dcm' without the mark"):
        find_sources(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive at all", bytes(2000)])
@pytest.mark.parametrize("extension", EXTENSIONS)
def test_what_is_no_archive(tmp_path: Path, extension: str, content: bytes) -> None:
    path = tmp_path / f"x{extension}"
    path.write_bytes(content)
    with pytest.raises(errors.CorruptFileError, match=rf"x{extension} is no"):
        Series(path)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("small")
    content = {f"f/{n}.dcm": np.random.default_rng(n).bytes(700) for n in range(3)}
    return {e: pack(folder / f"x{e}", content).read_bytes() for e in EXTENSIONS}


@pytest.mark.parametrize("extension", EXTENSIONS)
@given(data=st.data())
def test_damage_is_an_error_of_ours(small: dict[str, bytes], extension: str, data: st.DataObject) -> None:
    """Bytes changed anywhere: an error that names the archive, or the files as they were."""
    original = small[extension]
    changed = bytearray(original)
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"x{extension}")
        path.write_bytes(changed)
        try:
            content = read_all(path)
        except errors.ImagedataError as error:
            assert str(path) in str(error)  # noqa: PT017
            return
    assert len(content) <= 3


# --- written -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_written_archives(tmp_path: Path, extension: str) -> None:
    ct = Series(SAMPLES / "ct")
    path = tmp_path / f"new/out{extension}"
    ct.write(path)
    back = Series(path)
    np.testing.assert_array_equal(back, ct)
    np.testing.assert_array_equal(back.transformationMatrix, ct.transformationMatrix)
    assert os.listdir(tmp_path / "new") == [path.name]
    if extension == ".zip":
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            stored = archive.namelist()
    elif extension == ".tar.zst":
        return
    else:
        with tarfile.open(path) as archive:
            stored = archive.getnames()
            assert {(m.uid, m.gid, m.uname, m.gname) for m in archive} == {(0, 0, "", "")}
    assert stored == [f"Image_{n:05d}.dcm" for n in range(32)]


@pytest.mark.parametrize(
    ("member", "formats", "expected"),
    [
        ("?ct.nii", None, ["ct.nii"]),
        ("?a/b/ct.nii.gz", None, ["a/b/ct.nii.gz"]),
        ("?ct", ["nifti"], ["ct.nii.gz"]),
        ("", ["nifti"], ["Image.nii.gz"]),
        ("?folder/", ["nifti"], ["folder/Image.nii.gz"]),
        ("?folder/", None, ["folder/Image_00000.dcm", "folder/Image_00001.dcm"]),
        ("?folder", ["dicom"], ["folder/Image_00000.dcm", "folder/Image_00001.dcm"]),
    ],
)
def test_names_in_written_archives(
    tmp_path: Path, member: str, formats: list[str] | None, expected: list[str]
) -> None:
    Series(SAMPLES / "ct")[:2].write(f"{tmp_path}/x.zip{member}", formats=formats)
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert archive.namelist() == expected


@pytest.mark.parametrize("member", ["../x.nii", "/x.nii", "a/../../x.nii"])
def test_names_that_would_climb_out_are_not_written(tmp_path: Path, member: str) -> None:
    with pytest.raises(errors.ImagedataError, match=r"leads out|absolute"):
        Series(SAMPLES / "ct").write(f"{tmp_path}/x.zip?{member}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("extension", PACKED)
def test_overwriting(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"x{extension}"
    ct = Series(SAMPLES / "ct")
    ct.write(path)
    ct.write(path)  # a whole series of our own is replaced
    before = path.read_bytes()
    with pytest.raises(errors.FileAlreadyExistsError, match=r"Image_00003\.dcm.*overwrite=True"):
        ct[:3].write(path)
    assert path.read_bytes() == before
    ct[:3].write(path, overwrite=True)
    assert len(find_sources(path)) == 3
    pack(path, {"Image_00000.dcm": next(iter(files_of(SAMPLES / "sagittal").values()))})
    before = path.read_bytes()
    with pytest.raises(errors.FileAlreadyExistsError, match="holds something else"):
        ct[:1].write(path)
    path.write_bytes(b"my notes")
    with pytest.raises(errors.FileAlreadyExistsError, match="cannot be read"):
        ct.write(path)
    assert path.read_bytes() == b"my notes"


def failing_pack(at: str) -> Callable[..., None]:
    def fail(self: Archive, files: object, target: Path, options: object) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    return fail


@pytest.mark.parametrize(("extension", "kind"), [(".zip", ZipfileArchive), (".tar.gz", TarfileArchive)])
def test_failure_leaves_the_old_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extension: str, kind: type
) -> None:
    path = tmp_path / f"x{extension}"
    ct = Series(SAMPLES / "ct")
    ct.write(path)
    before = path.read_bytes()
    monkeypatch.setattr(kind, "pack", failing_pack(extension))
    with pytest.raises(errors.WriteError, match="No space left"):
        ct.write(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_missing_package_for_zstandard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = pack(tmp_path / "x.tar.zst", {"1": b"1"})
    for name in ("compression.zstd", "backports.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(errors.MissingDependencyError, match=r"pip install 'imagedata\[zstd\]'"):
        find_sources(path)
    with pytest.raises(errors.MissingDependencyError):
        Series(SAMPLES / "ct").write(tmp_path / "y.tar.zst")
    assert os.listdir(tmp_path) == ["x.tar.zst"]
    assert tarfilearchive.TarfileArchive.extensions[0] == ".tar"
