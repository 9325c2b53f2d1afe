"""Long jobs that are ended in the middle, and gone on with: nothing is lost, nothing is there twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest

from imagedata import Series
from imagedata.archives.staging import claimed, remove_abandoned
from imagedata.image_data import conversion, sort
from synthetic import save, stack, uid

SERIES, IMAGES = 12, 4
CONVERT = [sys.executable, "-m", "imagedata.cli.data"]
SORT = [sys.executable, "-m", "imagedata.cli.sort"]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no such signals")


def series_of(number: int, seed: int = 0) -> list[pydicom.Dataset]:
    patient = number // 3
    images = stack(
        [(0, 0, 3 * i) for i in range(IMAGES)], PatientID=f"P{patient}", PatientName=f"Case^{patient}",
        StudyInstanceUID=uid("study", patient), SeriesNumber=number, SeriesInstanceUID=uid("series", number),
    )  # fmt: skip
    rng = np.random.default_rng(100 * seed + number)
    for i, image in enumerate(images):
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = uid(number, i)
        image.PixelData = rng.integers(0, 4000, (image.Rows, image.Columns), np.uint16).tobytes()
    return images


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for number in range(SERIES):
        save(tmp_path / "in" / str(number), series_of(number))
    return tmp_path / "in"


def values(folder: Path, kind: str) -> list[bytes]:
    """Return the voxels of each series in a folder, with its number where that is told."""
    if kind == "nifti":
        return sorted(np.asarray(Series(path)).astype("<u2").tobytes() for path in folder.rglob("*.nii.gz"))
    folders = {path.parent for path in folder.rglob("*.dcm")}
    return sorted(np.asarray(Series(path)).astype("<u2").tobytes() for path in folders)


def wanted(source: Path) -> list[bytes]:
    return sorted(
        np.asarray(Series(path)).astype("<u2").tobytes() for path in source.iterdir() if path.is_dir()
    )


def contents(folder: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def debris(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.startswith(".")]


def members_of(session: int) -> list[int]:
    """Return the processes of a session."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(place.parent.name))
    return found


def ended(command: list[str], number: int, moment: Callable[[], bool]) -> int:
    """Run a program in a session of its own, end it by a signal at a moment, and return its status."""
    program = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    while program.poll() is None and not moment():
        time.sleep(0.002)
    program.send_signal(number)
    status = program.wait(60)
    until = time.monotonic() + 20
    while members_of(program.pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert members_of(program.pid) == [], "no process is left"
    return status


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


# --- conversion -----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize(("kind", "moment"), [("nifti", 2), ("dicom", 6)])
def test_conversion_is_gone_on_with(
    source: Path, tmp_path: Path, number: int, kind: str, moment: int
) -> None:
    out, ledger = tmp_path / "out", tmp_path / "done"
    arguments = ["--of", kind, "--jobs", "2", "--resume", str(ledger), str(out), str(source)]
    status = ended([*CONVERT, *arguments], number, lambda: lines(ledger) > moment)
    assert status == (-number if number == signal.SIGKILL else 128 + number)
    noted = [json.loads(line)["target"] for line in ledger.read_bytes().splitlines()[1:]]
    times = {p: p.stat().st_mtime_ns for t in noted for p in [Path(t), *Path(t).rglob("*")] if p.is_file()}
    assert moment <= len(noted) < SERIES
    assert len(times) == len(noted) * (IMAGES if kind == "dicom" else 1)
    assert conversion(["--jobs", "1", *arguments[:2], *arguments[4:]]) == 0
    assert {p: p.stat().st_mtime_ns for p in times} == times, "what was done is not done again"
    assert values(out, kind) == wanted(source)
    assert len(contents(out)) == SERIES * (IMAGES if kind == "dicom" else 1)
    assert debris(out) == []
    assert lines(ledger) == SERIES + 1


KILLED = """
import os, signal, sys
from imagedata import image_data
from imagedata.archives import filesystemarchive as archive
real, moved = os.replace, []
def replace(source, target):
    real(source, target)
    moved.append(target)
    if len(moved) == {0}:
        os.kill(os.getpid(), signal.SIGKILL)
archive.os.replace = replace
sys.exit(image_data.conversion(sys.argv[1:]))
"""


@pytest.mark.parametrize(("kind", "moves"), [("dicom", 2), ("dicom", IMAGES + 1), ("nifti", 1), ("nrrd", 1)])
def test_killed_between_two_files_of_a_series(source: Path, tmp_path: Path, kind: str, moves: int) -> None:
    """What stands there of the series is completed, also where it has files beside it."""
    out, ledger = tmp_path / "out", tmp_path / "done"
    options = ["--input_options", "sidecar=True"] if kind == "nifti" else []
    of = {"dicom": "dicom", "nifti": "nifti", "nrrd": "itk"}[kind]
    arguments = ["--of", of, *options, "--resume", str(ledger), str(out), str(source)]
    command = [sys.executable, "-c", KILLED.format(moves), *arguments]
    assert subprocess.run(command, stderr=subprocess.DEVNULL).returncode == -signal.SIGKILL
    assert conversion(arguments) == 0
    whole = tmp_path / "whole"
    assert conversion([*arguments[:-4], str(whole), str(source)]) == 0
    names = [sorted(str(p.relative_to(folder)) for p in folder.rglob("*")) for folder in (out, whole)]
    assert names[0] == names[1]
    if kind != "nrrd":
        assert values(out, kind) == wanted(source)


def test_one_series_is_not_done_again(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.nii.gz"
    command = ["--resume", str(tmp_path / "done"), str(target), str(source / "0")]
    assert conversion(command) == 0
    before = target.stat().st_mtime_ns
    assert conversion(command) == 0
    assert target.stat().st_mtime_ns == before
    target.unlink()
    assert conversion(command) == 0
    assert np.array_equal(Series(target), Series(source / "0"))


def test_what_changed_is_done_again(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also a source, an option, and what was written."""
    out, ledger = tmp_path / "out", tmp_path / "done"
    command = ["--json", "--of", "dicom", "--resume", str(ledger)]

    def written(*options: str) -> list[int]:
        assert conversion([*command, *options, str(out), str(source)]) == 0
        records = json.loads(capsys.readouterr().out)
        return [r["seriesNumber"] for r in records if r["status"] == "written"]

    assert len(written()) == SERIES
    assert written() == []
    save(source / "3", series_of(3, seed=1))
    assert written() == [3]
    next(out.glob("*/*/5*/*.dcm")).unlink()
    assert written() == [5]
    assert values(out, "dicom") == wanted(source)
    assert len(contents(out)) == SERIES * IMAGES
    assert len(written("--serdes", "new")) == SERIES


def test_files_of_others_are_not_replaced(source: Path, tmp_path: Path) -> None:
    """A conversion that is gone on with replaces no more than any other."""
    out = tmp_path / "out"
    assert conversion(["--of", "dicom", str(out), str(source)]) == 0
    (foreign,) = list(out.glob("P0/*/1*"))
    kept = (source / "7" / "00000").read_bytes()
    (foreign / "mine.dcm").write_bytes(kept)
    command = ["--of", "dicom", "--resume", str(tmp_path / "done"), str(out), str(source)]
    assert conversion(command) == 1
    assert (foreign / "mine.dcm").read_bytes() == kept


def test_a_line_that_was_cut_off(source: Path, tmp_path: Path) -> None:
    out, ledger = tmp_path / "out", tmp_path / "done"
    command = ["--of", "nifti", "--resume", str(ledger), str(out), str(source)]
    assert conversion(command) == 0
    whole = ledger.read_bytes()
    for cut in (whole[:-30], whole[: whole.index(b"\n") + 20], whole[:8], b""):
        ledger.write_bytes(cut)
        for path in out.rglob("*.nii.gz"):
            path.unlink()
        assert conversion(command) == 0
        assert values(out, "nifti") == wanted(source)
        assert [json.loads(line) for line in ledger.read_bytes().splitlines()]


def test_other_files_are_no_ledgers(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notes = tmp_path / "notes.txt"
    for text in (b"my notes, without an end of line", b"my\nnotes", b'{"a": 1}\n', b"\n\n"):
        notes.write_bytes(text)
        assert conversion(["--resume", str(notes), str(tmp_path / "out"), str(source)]) == 1
        assert notes.read_bytes() == text
        assert "is no list of written series" in capsys.readouterr().err


def test_one_ledger_serves_one_program(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import fcntl

    ledger = tmp_path / "done"
    with open(ledger, "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert conversion(["--resume", str(ledger), str(tmp_path / "out"), str(source)]) == 1
    assert "another program is at work" in capsys.readouterr().err
    assert conversion(["--resume", str(ledger), str(tmp_path / "out"), str(source)]) == 0


# --- de-identified --------------------------------------------------------------------------------


def test_deidentified_conversion_is_gone_on_with(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One patient has one pseudonym before and after; then nothing is left that tells who it was."""
    out, ledger, report = tmp_path / "out", tmp_path / "done", tmp_path / "report.json"
    options = ["--of", "dicom", "--anonymize", "--dates", "shift", "--deid_report", str(report)]
    arguments = [*options, "--resume", str(ledger), str(out), str(source)]
    ended([*CONVERT, "--jobs", "2", *arguments], signal.SIGKILL, lambda: lines(ledger) > 5)
    assert stat.S_IMODE(ledger.stat().st_mode) == 0o600
    assert 5 < lines(ledger) <= SERIES
    secret = json.loads(ledger.read_bytes().splitlines()[0])["secret"]
    noted = ledger.read_bytes()
    for patient in range(SERIES // 3):
        assert f"Case^{patient}".encode() not in noted
        assert uid("study", patient).encode() not in noted
    assert all(uid("series", number).encode() not in noted for number in range(SERIES))
    other = [a for a in arguments if a not in ("--dates", "shift")]
    assert conversion(other) == 1
    assert "other rules" in capsys.readouterr().err
    assert conversion(arguments) == 0
    assert values(out, "dicom") == wanted(source)
    headers = [pydicom.dcmread(path) for path in out.rglob("*.dcm")]
    assert len(headers) == len({h.SOPInstanceUID for h in headers}) == SERIES * IMAGES
    for keyword, number in (("PatientID", 4), ("StudyInstanceUID", 4), ("SeriesInstanceUID", SERIES)):
        assert len({h.get(keyword) for h in headers}) == number
    assert len(list(out.iterdir())) == 4
    assert len(json.loads(report.read_text())) == SERIES
    assert secret.encode() not in ledger.read_bytes()
    assert json.loads(ledger.read_bytes())["complete"] == SERIES
    capsys.readouterr()
    assert conversion(arguments) == 1
    assert "is complete" in capsys.readouterr().err
    assert len(contents(out)) == SERIES * IMAGES


def test_secrets_stay_with_their_owner(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    with pytest.raises(SystemExit):
        conversion(["--anonymize", "--resume", str(out / "done"), str(out), str(source)])
    assert "holds the secret" in capsys.readouterr().err
    ledger = tmp_path / "done"
    ledger.touch(0o644)
    assert conversion(["--anonymize", "--resume", str(ledger), str(out), str(source)]) == 1
    assert "can be read by others" in capsys.readouterr().err
    assert not out.exists()


# --- sorting --------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("move", [False, True])
def test_sorting_is_gone_on_with(source: Path, tmp_path: Path, number: int, move: bool) -> None:
    out, whole = tmp_path / "out", contents(source)
    arguments = [*(["--move"] if move else []), str(out), str(source)]
    ended([*SORT, *arguments], number, lambda: len(list(out.rglob("*.dcm"))) > 15)
    placed = contents_of(out)
    assert 15 < len(placed) <= SERIES * IMAGES
    left = contents(source)
    assert set(placed) <= set(whole)
    assert sorted({*placed, *left}) == whole, "every file is somewhere"
    assert sort(arguments) == 0
    assert contents(out) == whole
    assert contents(source) == ([] if move else whole)
    assert debris(out) == []


def contents_of(folder: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in folder.rglob("*.dcm"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk with room for some of the files, as far as this user may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(place)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no disk can be mounted")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("move", [False, True])
def test_full_disk(
    source: Path, small_disk: Path, tmp_path: Path, move: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files that found no room stay where they are, and what is on the disk is whole."""
    whole = contents(source)
    assert sort([*(["--move"] if move else []), str(small_disk / "out"), str(source)]) == 1
    assert "No space left" in capsys.readouterr().err
    placed, left = contents(small_disk), contents(source)
    assert 0 < len(placed) < len(whole)
    assert sorted([*placed, *left]) == whole if move else left == whole
    assert set(placed) <= set(whole)
    assert sort([*(["--move"] if move else []), str(tmp_path / "out"), str(source), str(small_disk)]) == 0
    assert contents(tmp_path / "out") == whole


def test_conversion_to_a_full_disk(
    source: Path, small_disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What found no room is told, and done when there is some."""
    out = small_disk / "out"
    command = ["--json", "--jobs", "2", "--resume", str(tmp_path / "done"), str(out), str(source)]
    assert conversion(command) == 1
    told = capsys.readouterr()
    assert "No space left" in told.err
    written = [r["seriesNumber"] for r in json.loads(told.out) if r["status"] == "written"]
    assert 0 < len(written) < SERIES
    assert len(contents(out)) == IMAGES * len(written)
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    assert conversion(command) == 0
    before = [r["seriesNumber"] for r in json.loads(capsys.readouterr().out) if r["status"] != "written"]
    assert before == written
    assert values(out, "dicom") == wanted(source)
    assert debris(small_disk) == []


def test_files_of_a_read_only_disk(
    source: Path, small_disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are copied, and that they cannot be moved is told."""
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    shutil.copytree(source, small_disk / "in")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    whole = contents(source)
    assert sort(["--move", str(tmp_path / "out"), str(small_disk / "in")]) == 1
    assert capsys.readouterr().err.count("cannot be removed: Read-only file system") == len(whole)
    assert contents(tmp_path / "out") == contents(small_disk) == whole
    assert sort(["--move", str(small_disk / "out"), str(source)]) == 1
    assert contents(source) == whole


# --- what is left of killed programs ----------------------------------------------------------------


def test_folders_of_programs_at_work_stay(tmp_path: Path) -> None:
    abandoned = tmp_path / ".out.01234567.part"
    abandoned.mkdir()
    (abandoned / "half").write_text("")
    replaced = tmp_path / ".out.89abcdef.part"
    replaced.mkdir()
    (replaced / ".old0").write_text("the only copy")
    with claimed(tmp_path, "out") as used:
        remove_abandoned(tmp_path / "out")
        assert sorted(tmp_path.iterdir()) == sorted([used, replaced])
    assert list(tmp_path.iterdir()) == [replaced]
    below = tmp_path / "out" / "deep" / ".x.01234567.part"
    below.mkdir(parents=True)
    remove_abandoned(tmp_path / "out", below=False)
    assert below.exists()
    remove_abandoned(tmp_path / "out")
    assert not below.exists()
    assert os.listdir(tmp_path / "out") == ["deep"]
