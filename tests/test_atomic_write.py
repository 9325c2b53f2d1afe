"""Writing is all or nothing: whatever goes wrong, old files are whole, and nothing half-written stays."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from imagedata import Series, errors
from imagedata.archives import filesystemarchive
from imagedata.archives.filesystemarchive import find, staged
from imagedata.axis import VariableAxis

SAMPLES = Path(__file__).resolve().parent.parent / "data" / "dicom"


def listing(folder: Path) -> dict[str, bytes | None]:
    """Return all that is in a folder."""
    return {
        str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))
    }


def put(target: Path, names: list[str], then: Callable[[], None] = lambda: None) -> None:
    """Write files into the folder `target`, the content of each being 'new' and its name."""
    with staged(target) as (folder, commit):
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"new {name}")
        then()
        commit([(name, target / name) for name in names])


def broken_replace(monkeypatch: pytest.MonkeyPatch, at: int, error: BaseException) -> None:
    """Let `os.replace` fail when it is called the `at`-th time, from 0."""
    real, calls = os.replace, iter(range(1000))

    def replace(source: Path, target: Path) -> None:
        if next(calls) == at:
            raise error
        real(source, target)

    monkeypatch.setattr(filesystemarchive.os, "replace", replace)


# --- what succeeds -----------------------------------------------------------------------------


def test_new_files_in_new_folders(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "out"
    put(target, ["1", "sub/2"])
    assert listing(target) == {"1": b"new 1", "sub": None, "sub/2": b"new sub/2"}
    assert listing(tmp_path).keys() == {"a", "a/b", "a/b/out", "a/b/out/1", "a/b/out/sub", "a/b/out/sub/2"}


def test_old_files_replaced_and_others_left(tmp_path: Path) -> None:
    (tmp_path / "1").write_text("old")
    (tmp_path / "other").write_text("not ours")
    put(tmp_path, ["1", "2"])
    assert listing(tmp_path) == {"1": b"new 1", "2": b"new 2", "other": b"not ours"}


def test_nothing_written_leaves_nothing(tmp_path: Path) -> None:
    with staged(tmp_path / "a" / "b"):
        pass
    assert listing(tmp_path) == {}


def test_link_is_replaced_and_its_target_left(tmp_path: Path) -> None:
    (tmp_path / "original").write_text("keep")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "1").symlink_to(tmp_path / "original")
    put(tmp_path / "out", ["1"])
    assert (tmp_path / "original").read_text() == "keep"
    assert not (tmp_path / "out" / "1").is_symlink()


# --- what fails ----------------------------------------------------------------------------------


@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_failure_while_moving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, error: BaseException
) -> None:
    for name in ("1", "3", "other"):
        (tmp_path / name).write_text(f"old {name}")
    before = listing(tmp_path)
    broken_replace(monkeypatch, at, error)
    with pytest.raises((errors.WriteError, KeyboardInterrupt)) as caught:
        put(tmp_path, ["1", "2", "3", "new/4"])
    assert isinstance(caught.value, errors.WriteError if isinstance(error, OSError) else KeyboardInterrupt)
    assert listing(tmp_path) == before


@pytest.mark.parametrize("at", range(3))
def test_failure_removes_the_folders_that_were_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    (tmp_path / "there").mkdir()
    broken_replace(monkeypatch, at, OSError(errno.EIO, "Input/output error"))
    with pytest.raises(errors.WriteError, match="Input/output error"):
        put(tmp_path / "there" / "a" / "b", ["x/1", "x/2", "y/z/3"])
    assert listing(tmp_path) == {"there": None}


@pytest.mark.parametrize("error", [ValueError("a defect"), KeyboardInterrupt(), SystemExit(143)])
def test_failure_before_moving(tmp_path: Path, error: BaseException) -> None:
    (tmp_path / "1").write_text("old")

    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        put(tmp_path, ["1", "2"], fail)
    assert listing(tmp_path) == {"1": b"old"}
    with pytest.raises(type(error)):
        put(tmp_path / "a" / "b", ["1"], fail)
    assert listing(tmp_path) == {"1": b"old"}


def test_one_that_cannot_be_put_back_does_not_keep_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("1", "2", "3"):
        (tmp_path / name).write_text(f"old {name}")
    real, calls = os.replace, iter(range(100))

    def replace(source: Path, target: Path) -> None:
        # The third file cannot be moved, nor can the first be put back.
        if next(calls) in (2, 3):
            raise OSError(errno.EIO, "Input/output error")
        real(source, target)

    monkeypatch.setattr(filesystemarchive.os, "replace", replace)
    with pytest.raises(errors.WriteError):
        put(tmp_path, ["1", "2", "3"])
    assert (tmp_path / "2").read_text() == "old 2"
    assert (tmp_path / "3").read_text() == "old 3"


def test_disk_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(filesystemarchive.os, "link", link)
    (tmp_path / "1").write_text("old")
    put(tmp_path, ["1"])
    assert listing(tmp_path) == {"1": b"new 1"}
    broken_replace(monkeypatch, 1, OSError(errno.EIO, "Input/output error"))
    with pytest.raises(errors.WriteError):
        put(tmp_path, ["1", "2"])
    assert listing(tmp_path) == {"1": b"new 1"}


def test_folder_where_a_file_should_be(tmp_path: Path) -> None:
    (tmp_path / "2").mkdir()
    with pytest.raises(errors.WriteError, match="is a folder"):
        put(tmp_path, ["1", "2"])
    assert listing(tmp_path) == {"2": None}


def test_error_of_the_library_stays_what_it_is(tmp_path: Path) -> None:
    def fail() -> None:
        raise errors.InputNotFoundError("the source is gone")

    with pytest.raises(errors.InputNotFoundError):
        put(tmp_path, ["1"], fail)


def test_error_number_is_found_behind_a_wordy_error(tmp_path: Path) -> None:
    def fail() -> None:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise OSError("With tag (7FE0,0010) got exception:\nTraceback ...") from error

    with pytest.raises(errors.WriteError) as caught:
        put(tmp_path, ["1"], fail)
    assert "No space left on device" in str(caught.value)
    assert "free some space" in str(caught.value)
    assert "Traceback" not in str(caught.value)


# --- whole series ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["out.nii", "out.nii.gz", "out"])
def test_failing_write_of_a_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    ct = Series(SAMPLES / "ct")
    ct.write(tmp_path / name)
    before = listing(tmp_path)
    broken_replace(monkeypatch, 20 if name == "out" else 0, OSError(errno.EIO, "Input/output error"))
    with pytest.raises(errors.WriteError):
        (ct[::-1] + 1).write(tmp_path / name)
    monkeypatch.undo()
    assert listing(tmp_path) == before
    np.testing.assert_array_equal(Series(tmp_path / name), ct)


def test_values_that_do_not_fit_write_nothing(tmp_path: Path) -> None:
    ct = Series(SAMPLES / "ct")
    with pytest.raises(errors.ImagedataError, match="do not fit"):
        ct.write(tmp_path / "new" / "out.nii", dtype="uint8")
    assert listing(tmp_path) == {}


def test_two_series_are_not_mixed_in_one_folder(tmp_path: Path) -> None:
    """A shorter series over a longer one would leave files of both: refused, nothing changed."""
    ct = Series(SAMPLES / "ct")
    ct[:4].write(tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(errors.FileAlreadyExistsError, match="another series"):
        ct[:2].write(tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
    ct[:4].write(tmp_path)  # a whole series of our own is replaced
    assert Series(tmp_path).shape == ct[:4].shape
    ct[:2].write(tmp_path, overwrite=True)
    assert len(list(tmp_path.iterdir())) == 4


def test_files_of_others_are_not_replaced(tmp_path: Path) -> None:
    source = next(p for p in sorted((SAMPLES / "sagittal").iterdir()))
    foreign = tmp_path / "Image_00000.dcm"
    foreign.write_bytes(source.read_bytes())
    with pytest.raises(errors.FileAlreadyExistsError, match=r"Image_00000\.dcm .*not written by imagedata"):
        Series(SAMPLES / "ct")[:1].write(tmp_path)
    assert foreign.read_bytes() == source.read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["Image_00000.dcm"]


# --- signals ------------------------------------------------------------------------------------------

PROGRAM = """
    import sys, time
    from imagedata import image_data
    from imagedata.archives import filesystemarchive as archive

    real = archive.os.replace

    def slow(source, target):
        real(source, target)
        print("moved", flush=True)
        time.sleep(0.05)

    archive.os.replace = slow
    sys.exit(image_data.conversion(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGINT, 128 + signal.SIGINT)]
)
@pytest.mark.parametrize("moved", [1, 12])
def test_signal_while_writing(tmp_path: Path, number: int, status: int, moved: int) -> None:
    target = tmp_path / "out"
    ct = Series(SAMPLES / "ct")
    ct[:8].write(target)
    before = listing(tmp_path)
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(target), str(SAMPLES / "ct")]
    # Its own session: a test runner in the background would have it ignore Ctrl-C.
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert process.stdout is not None
    for _ in range(moved):
        assert process.stdout.readline() == "moved\n"
    process.send_signal(number)
    _, text = process.communicate(timeout=30)
    assert process.returncode == status
    assert text in ("image_data: error: terminated\n", "image_data: error: interrupted\n")
    assert listing(tmp_path) == before


def test_program_puts_the_signal_handler_back(tmp_path: Path) -> None:
    from imagedata.image_data import conversion

    before = signal.getsignal(signal.SIGTERM)
    assert conversion([str(tmp_path / "x.nii"), str(SAMPLES / "ct")]) == 0
    assert signal.getsignal(signal.SIGTERM) is before


def test_debris_of_a_killed_program_is_not_read(tmp_path: Path) -> None:
    """SIGKILL and power cuts leave the staging folder behind; what is in it is no image of ours."""
    ct = Series(SAMPLES / "ct")
    ct.write(tmp_path)
    with staged(tmp_path) as (folder, _):
        first = next(p for p in tmp_path.iterdir() if p.is_file())
        (folder / "Image_00000.dcm").write_bytes(first.read_bytes()[:700])
        assert [s.path.parent for s in find(tmp_path)] == [tmp_path] * 32
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert Series(tmp_path).shape == ct.shape


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    with staged(tmp_path / "out.nii") as (one, _), staged(tmp_path / "out.nii") as (two, _):
        assert one != two
        assert one.parent == two.parent == tmp_path
    assert listing(tmp_path) == {}


def test_folders_that_several_make_at_once(tmp_path: Path) -> None:
    """Processes that write below one new folder do not fail for each other."""
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    place = tmp_path / "a" / "b" / "c"
    start = Barrier(8)

    def write(number: int) -> None:
        start.wait()
        with suppress(ZeroDivisionError), staged(place / f"{number}") as (folder, commit):
            (folder / "x").write_text(str(number))
            if number % 4 == 3:
                raise ZeroDivisionError
            commit([("x", place / f"{number}")])

    with ThreadPoolExecutor(8) as pool:
        for _ in range(40):
            assert list(pool.map(write, range(8))) == [None] * 8
            assert sorted(os.listdir(place)) == ["0", "1", "2", "4", "5", "6"]
            shutil.rmtree(tmp_path / "a")


# --- files beside the one that is written --------------------------------------------------


def plain(seed: int = 0, order: str = "none", shape: tuple[int, ...] = (3, 4, 5)) -> Series:
    return Series(np.random.default_rng(seed).integers(0, 255, shape, "u1"), order)


def refused(folder: Path, series: Series, name: str, match: str) -> None:
    """Assert that writing is refused, and that all is left as it was."""
    before = listing(folder)
    with pytest.raises(errors.FileAlreadyExistsError, match=match):
        series.write(folder / name)
    assert listing(folder) == before


@pytest.mark.parametrize(("first", "second"), [("a.mhd", "a.nhdr"), ("a.nhdr", "a.mhd")])
def test_two_headers_do_not_share_their_voxels(tmp_path: Path, first: str, second: str) -> None:
    plain(1).write(tmp_path / first)
    refused(tmp_path, plain(2), second, r"a\.raw is there, and belongs to another file")
    assert np.array_equal(Series(tmp_path / first), plain(1))
    plain(3).write(tmp_path / first)
    assert np.array_equal(Series(tmp_path / first), plain(3))


@pytest.mark.parametrize(("name", "taken"), [("a.mhd", "a.raw"), ("a.hdr", "a.img"), ("a.npy", "a.npy.json")])
def test_files_that_the_user_did_not_name_are_not_replaced(tmp_path: Path, name: str, taken: str) -> None:
    (tmp_path / taken).write_text("raw data of the scanner")
    refused(tmp_path, plain(), name, taken)
    plain().write(tmp_path / name, overwrite=True)
    assert np.array_equal(Series(tmp_path / name), plain())


def test_what_lay_beside_an_older_image_is_not_read_with_the_new_one(tmp_path: Path) -> None:
    diffusion = plain(1, "b", (3, 3, 4, 5))
    diffusion.axes = [VariableAxis("b", [0, 500, 1000]), *diffusion.axes[1:]]
    diffusion.write(tmp_path / "a.nii.gz")
    refused(tmp_path, plain(2, shape=(3, 3, 4, 5)), "a.nii.gz", r"a\.bval belongs to the a\.nii\.gz")
    refused(tmp_path, diffusion, "a.nii", r"a\.bval is there, and belongs to another file")
    diffusion.write(tmp_path / "a.nii.gz")
    (tmp_path / "b.json").write_text('{"SeriesDescription": "of another patient"}')
    refused(tmp_path, plain(), "b.nii", r"b\.json")


def test_a_shorter_stack_does_not_leave_images_of_a_longer_one(tmp_path: Path) -> None:
    series = plain()
    series.write(tmp_path / "a_%03d.png")
    refused(tmp_path, series[:2], "a_%03d.png", r"a_002\.png is there")
    series[:2].write(tmp_path / "b_%03d.png")
    series.write(tmp_path / "a_%03d.png")
    assert len(listing(tmp_path)) == len(series) + 2


def test_pairs_that_differ_in_compression_alone(tmp_path: Path) -> None:
    plain(1).write(tmp_path / "a.hdr")
    plain(2).write(tmp_path / "a.hdr.gz")
    for name, seed in [("a.hdr", 1), ("a.img", 1), ("a.hdr.gz", 2), ("a.img.gz", 2)]:
        assert np.array_equal(Series(tmp_path / name), plain(seed))
