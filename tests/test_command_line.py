"""The program image_data, the options that programs share, and progress."""

import argparse
import io
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest

from imagedata import Series, __version__, cmdline, errors
from imagedata.formats import SORT_ON_SLICE, SORT_ON_TAG
from imagedata.image_data import conversion
from imagedata.progress import Bar, reporting, tracked

SAMPLES = Path(__file__).resolve().parent.parent / "data" / "dicom"
CT, DYNAMIC, ECHOES = (str(SAMPLES / kind) for kind in ("ct", "time", "te"))


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser("script")
    cmdline.add_argparse_options(parser)
    return parser.parse_args(arguments)


def run(*arguments: str, **kwargs: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "imagedata.image_data", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **kwargs)  # type: ignore[call-overload]


def headers(folder: Path) -> list[pydicom.Dataset]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return [pydicom.dcmread(path, stop_before_pixels=True) for path in files]


# --- options -----------------------------------------------------------------------------------


def test_defaults() -> None:
    args = parsed()
    assert args.input_order == "auto"
    assert args.output_sort == SORT_ON_SLICE
    assert args.output_format is None
    assert args.input_options == {}
    assert args.loglevel == cmdline.WARNING
    assert not args.headers_only
    assert not args.keep_uid
    for name in ("template", "geometry", "frame", "SOPClassUID", "sernum", "serdes", "imagetype", "dtype",
                 "input_serinsuid", "input_acquisition", "input_echo", "input_stack", "missing", "output_dir",
                 "input_shape", "input_sort", "calling_aet"):  # fmt: skip
        assert getattr(args, name) is None


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("--order RepetitionTime,te", "input_order", "RepetitionTime,te"),
        ("--of nifti --of dicom", "output_format", ["nifti", "dicom"]),
        ("--sort tag", "output_sort", SORT_ON_TAG),
        ("--odir multi", "output_dir", "multi"),
        ("--dtype uint8", "dtype", np.uint8),
        ("--dtype int", "dtype", np.int16),
        ("--dtype float", "dtype", np.float64),
        ("--dtype double", "dtype", np.float64),
        ("--dtype none", "dtype", None),
        ("--frame 1.2.3", "frame", "1.2.3"),
        ("--SOPClassUID MR", "SOPClassUID", "MR"),
        ("--sernum 12", "sernum", 12),
        ("--serdes after", "serdes", "after"),
        ("--imagetype DERIVED,SECONDARY,MAP", "imagetype", ["DERIVED", "SECONDARY", "MAP"]),
        (r"--imagetype DERIVED\SECONDARY", "imagetype", ["DERIVED", "SECONDARY"]),
        ("--input_acquisition 2", "input_acquisition", 2),
        ("--input_echo 2", "input_echo", 2),
        ("--input_stack 1", "input_stack", 1),
        ("--missing fill", "missing", "fill"),
        ("--psopt anything", "psopt", "anything"),
        ("--headers_only", "headers_only", True),
        ("-v", "loglevel", cmdline.INFO),
        ("--debug", "loglevel", cmdline.DEBUG),
    ],
)
def test_option(text: str, name: str, value: object) -> None:
    assert getattr(parsed(*text.split()), name) == value


def test_input_options_are_python_values_or_text() -> None:
    arguments = ("a=1", "b=[1, 2.5]", "c=True", "d=EchoTime", "e='1'", "f=", "g=x=y")
    args = parsed(*(text for a in arguments for text in ("--input_options", a)))
    assert args.input_options == {
        "a": 1, "b": [1, 2.5], "c": True, "d": "EchoTime", "e": "1", "f": "", "g": "x=y",
    }  # fmt: skip
    assert parsed().input_options == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("--dtype int7", ["int7", "float32"]),
        ("--sort banana", ["banana", "slice", "tag"]),
        ("--odir both", ["both", "single"]),
        ("--missing ignore", ["ignore", "fill"]),
        ("--frame banana", ["banana", "UID"]),
        ("--frame 1.02.3", ["1.02.3", "UID"]),
        ("--sernum three", ["three"]),
        ("--input_options banana", ["banana", "KEY=VALUE"]),
        ("--input_sort time", ["--input_sort", "neither slice nor tag"]),
    ],
)
def test_wrong_usage(text: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parsed(*text.split())
    assert end.value.code == 2
    told = capsys.readouterr().err
    for word in words:
        assert word in told


def test_options_for_a_script_of_a_user(tmp_path: Path) -> None:
    """The namespace goes as it is to Series and to write."""
    args = parsed("--order", "te", "--dtype", "float32", "--serdes", "mine", "--of", "dicom")
    series = Series(ECHOES, args.input_order, args)
    assert series.axes[0].name == "te"
    assert series.dtype == np.float32
    series.write(tmp_path / "out", args)
    assert {h.SeriesDescription for h in headers(tmp_path / "out")} == {"mine"}


# --- conversion -----------------------------------------------------------------------------------


def test_dicom_to_nifti_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert conversion(["--order", "time", str(tmp_path / "x.nii.gz"), DYNAMIC]) == 0
    assert nibabel.load(tmp_path / "x.nii.gz").shape == (96, 80, 8, 10)
    back = tmp_path / "back"
    assert conversion(["--order", "time", "--template", DYNAMIC, str(back), str(tmp_path / "x.nii.gz")]) == 0
    assert capsys.readouterr() == ("", "")
    original, returned = Series(DYNAMIC, "time"), Series(back, "time")
    np.testing.assert_array_equal(returned, original)
    np.testing.assert_allclose(returned.transformationMatrix, original.transformationMatrix, atol=1e-4)
    np.testing.assert_allclose(returned.timeline, original.timeline, atol=1e-4)
    assert returned.patientID == original.patientID
    assert returned.studyInstanceUID == original.studyInstanceUID
    assert returned.seriesInstanceUID != original.seriesInstanceUID


@pytest.mark.parametrize(
    ("name", "options", "is_dicom"),
    [
        ("x.nii", [], False),
        ("x.nii.gz", [], False),
        ("x", ["--of", "nifti"], False),
        ("x", [], True),
        ("x/", [], True),
        ("1.2.840.1", [], True),
        ("x", ["--of", "dicom"], True),
    ],
)
def test_format(tmp_path: Path, name: str, options: list[str], is_dicom: bool) -> None:
    """What is asked is written, and nothing else."""
    assert conversion([*options, f"{tmp_path}/{name}", CT]) == 0
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert len(files) == (32 if is_dicom else 1)
    assert all(pydicom.misc.is_dicom(p) == is_dicom for p in files)


def test_nifti_to_a_folder_is_dicom(tmp_path: Path) -> None:
    assert conversion([str(tmp_path / "x.nii"), CT]) == 0
    assert conversion([str(tmp_path / "folder"), str(tmp_path / "x.nii")]) == 0
    assert len(headers(tmp_path / "folder")) == 32


def test_several_formats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert conversion(["--of", "nifti", "--of", "dicom", str(tmp_path / "%p" / "x"), CT]) == 0
    assert (tmp_path / "nifti" / "x.nii.gz").is_file()
    assert len(headers(tmp_path / "dicom")) == 32
    assert conversion(["--of", "nifti", "--of", "dicom", str(tmp_path / "x.nii"), CT]) == 1
    assert "%p" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--of", "banana"], []])
def test_format_that_is_not_there(
    tmp_path: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    # Told before anything is read.
    assert conversion([*options, str(tmp_path / "x.ban"), str(tmp_path / "gone")]) == 1
    told = capsys.readouterr().err
    assert "ban" in told
    assert ".nii.gz" in told
    assert not list(tmp_path.iterdir())


def test_options_of_writing(tmp_path: Path) -> None:
    target = tmp_path / "out"
    options = [
        "--sernum", "77", "--serdes", "after", "--imagetype", "DERIVED,SECONDARY,MAP", "--frame", "1.2.3",
        "--odir", "single",
    ]  # fmt: skip
    assert conversion([*options, "--order", "te", str(target), ECHOES]) == 0
    written = headers(target)
    assert len(written) == 48
    assert all(p.parent == target for p in target.rglob("*.dcm"))
    for header in written:
        assert header.SeriesNumber == 77
        assert header.SeriesDescription == "after"
        assert list(header.ImageType) == ["DERIVED", "SECONDARY", "MAP"]
        assert header.FrameOfReferenceUID == "1.2.3"
    assert not {h.SOPInstanceUID for h in written} & {h.SOPInstanceUID for h in headers(Path(ECHOES))}


def test_kept_uids(tmp_path: Path) -> None:
    assert conversion(["--keep_uid", str(tmp_path / "out"), CT]) == 0
    original, written = headers(Path(CT)), headers(tmp_path / "out")
    assert {h.SOPInstanceUID for h in written} == {h.SOPInstanceUID for h in original}
    assert {h.SeriesInstanceUID for h in written} == {h.SeriesInstanceUID for h in original}


def test_folders_of_slices_or_times(tmp_path: Path) -> None:
    assert conversion(["--odir", "multi", str(tmp_path / "a"), ECHOES]) == 0
    assert len(list((tmp_path / "a").iterdir())) == 6
    assert conversion(["--odir", "multi", "--sort", "tag", str(tmp_path / "b"), ECHOES]) == 0
    assert len(list((tmp_path / "b").iterdir())) == 8


@pytest.mark.parametrize(
    ("name", "kind"), [("uint16", "u2"), ("int16", "i2"), ("float", "f8"), ("float32", "f4"), ("none", "u2")]
)
def test_data_type(tmp_path: Path, name: str, kind: str) -> None:
    assert conversion(["--dtype", name, str(tmp_path / "x.nii"), ECHOES]) == 0
    assert nibabel.load(tmp_path / "x.nii").get_data_dtype() == np.dtype(kind)


def test_data_type_that_is_too_small(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert conversion(["--dtype", "uint8", str(tmp_path / "x.nii"), CT]) == 1
    assert "do not fit uint8" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_files_folders_and_patterns_together(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    files = sorted(Path(CT).iterdir())
    for path in files[:20]:
        shutil.copy(path, tmp_path / "in" / "deep")
    for number, path in enumerate(files[20:28]):
        shutil.copy(path, tmp_path / f"more{number}.dcm")
    sources = [str(tmp_path / "in"), str(tmp_path / "more*.dcm"), *map(str, files[28:])]
    assert conversion([str(tmp_path / "x.nii"), *sources]) == 0
    np.testing.assert_array_equal(Series(tmp_path / "x.nii"), Series(CT))


def test_one_series_of_several(tmp_path: Path) -> None:
    uid = str(Series(CT).seriesInstanceUID)
    assert conversion(["--input_serinsuid", uid, str(tmp_path / "x.nii"), CT, ECHOES]) == 0
    np.testing.assert_array_equal(Series(tmp_path / "x.nii"), Series(CT))


def test_own_order(tmp_path: Path) -> None:
    options = ["--order", "echo", "--input_options", "echo=EchoTime", "-v"]
    assert conversion([*options, str(tmp_path / "x.nii"), ECHOES]) == 0
    assert nibabel.load(tmp_path / "x.nii").shape == (100, 88, 8, 6)


def test_geometry(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.arange(96 * 80 * 8, dtype=np.int16).reshape(96, 80, 8), None)
    nibabel.save(image, tmp_path / "bare.nii")
    assert conversion(["--geometry", DYNAMIC, str(tmp_path / "x.nii"), str(tmp_path / "bare.nii")]) == 0
    expected, placed = Series(DYNAMIC, "time"), Series(tmp_path / "x.nii")
    np.testing.assert_allclose(placed.transformationMatrix, expected.transformationMatrix, atol=1e-4)


# --- what is told ------------------------------------------------------------------------------------


def test_verbose_explains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert conversion(["-v", str(tmp_path / "x.nii"), CT]) == 0
    told = capsys.readouterr().out
    assert Series(CT).explain() in told
    assert "32" in told


def test_nobody_listens(tmp_path: Path) -> None:
    """`image_data -v ... | head` does its job all the same."""
    process = subprocess.Popen(
        [sys.executable, "-m", "imagedata.image_data", "-v", str(tmp_path / "x.nii"), CT],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 0
    assert told == b""
    assert (tmp_path / "x.nii").is_file()


def test_warning_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = np.linspace(0, 1, 4 * 5 * 6).reshape(4, 5, 6)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "x.nii")
    assert conversion(["--template", CT, str(tmp_path / "out"), str(tmp_path / "x.nii")]) in (0, 1)
    lines = capsys.readouterr().err.splitlines()
    assert lines
    assert all(line.startswith(("image_data: warning: ", "image_data: error: ")) for line in lines)


def test_same_warning_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    def job() -> None:
        for _ in range(3):
            text = "something\nis lost, give dtype=, or scaling='image'"
            warnings.warn(text, errors.LossWarning, stacklevel=1)
            warnings.warn("another package complains", UserWarning, stacklevel=1)

    assert cmdline.run_program("prog", job) == 0
    told = capsys.readouterr().err
    assert told == "prog: warning: something is lost, give --dtype, or --input_options scaling=image\n"


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (errors.CannotSort("two\nlines"), 1, "prog: error: two lines\n"),
        (errors.MultipleSeriesError("choose:\n  a\n b"), 1, "prog: error: choose:\n  a\n  b\n"),
        (FileNotFoundError(2, "No such file", "x.dcm"), 1, "prog: error: x.dcm: No such file\n"),
        (MemoryError("1 TiB"), 1, "prog: error: there is not enough memory: 1 TiB\n"),
        (KeyboardInterrupt(), 130, "prog: error: interrupted\n"),
    ],
)
def test_how_a_program_ends(
    error: BaseException, status: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def job() -> None:
        raise error

    assert cmdline.run_program("prog", job) == status
    assert capsys.readouterr().err == told


def test_defect_is_told_in_one_line_and_debug_shows_more(capsys: pytest.CaptureFixture[str]) -> None:
    def job() -> None:
        raise RuntimeError("unexpected")

    assert cmdline.run_program("prog", job) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "RuntimeError: unexpected" in told
    assert cmdline.run_program("prog", job, debug=True) == 1
    assert "Traceback" in capsys.readouterr().err


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["out"], ["--headers_only", "out", CT]):
        with pytest.raises(SystemExit) as end:
            conversion(arguments)
        assert end.value.code == 1
        told = capsys.readouterr().err
        assert told.startswith("image_data: error: ")
        assert told.count("\n") == 1


def test_help_and_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"image_data (imagedata) {__version__}\n")
    done = run("--help")
    assert done.returncode == 0
    assert "--template" in done.stdout


def test_help_imports_little() -> None:
    program = (
        "import sys\n"
        "from imagedata.image_data import conversion\n"
        "try: conversion(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'pydicom', 'nibabel', 'scipy', 'matplotlib', 'SimpleITK', 'importlib.metadata'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


# --- progress ------------------------------------------------------------------------------------------


def test_nothing_is_tracked_when_nobody_asks() -> None:
    items = [1, 2, 3]
    assert tracked(items, "Reading") is items


def test_reading_and_writing_are_reported(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    with reporting(lambda *state: told.append(state)):
        Series(CT).write(tmp_path / "out")
    assert [state for state in told if state[0] == "Reading"] == [("Reading", n, 32) for n in range(33)]
    assert [state for state in told if state[0] == "Writing"] == [("Writing", n, 32) for n in range(33)]
    told.clear()
    Series(CT)
    assert not told


def test_bar_goes_away() -> None:
    stream = io.StringIO()
    bar = Bar(stream, delay=0, interval=0)
    with reporting(bar):
        for _ in tracked(range(4), "Reading"):
            pass
    states = stream.getvalue().split("\r")
    assert any("Reading" in s and "50 % 2/4" in s for s in states)
    assert states[-1] == "\x1b[K"
    assert "\n" not in stream.getvalue()


def test_quick_job_shows_no_bar() -> None:
    stream = io.StringIO()
    with reporting(Bar(stream)):
        for _ in tracked(range(1000), "Reading"):
            pass
    assert stream.getvalue() == ""


def test_bar_fits_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    stream = io.StringIO()
    bar = Bar(stream, delay=0, interval=0)
    bar("Reading", 0, 10)
    bar("Reading", 5, 10)
    assert len(stream.getvalue().strip("\r").removesuffix("\x1b[K")) < 30


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.parametrize("terminal", [True, False])
def test_bar_on_a_terminal_only(tmp_path: Path, terminal: bool) -> None:
    import pty

    program = (
        "import sys\n"
        "from imagedata import cmdline, progress\n"
        "from imagedata.image_data import conversion\n"
        "cmdline.Bar = lambda stream: progress.Bar(stream, delay=0, interval=0)\n"
        "sys.exit(conversion(sys.argv[1:]))\n"
    )
    ours, theirs = pty.openpty() if terminal else os.pipe()
    command = [sys.executable, "-c", program, str(tmp_path / "out"), CT]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    process = subprocess.Popen(command, stderr=theirs, env=environment)
    os.close(theirs)
    told = b""
    while True:
        try:
            block = os.read(ours, 65536)
        except OSError:  # the other end of a pseudo-terminal was closed
            break
        if not block:
            break
        told += block
    os.close(ours)
    assert process.wait(60) == 0
    assert (b"Reading" in told and b"Writing" in told) == terminal
    if not terminal:
        assert told == b""


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_bar_fits_its_own_terminal() -> None:
    """Stdout is a file; the bar is on a terminal of 24 columns."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 24, 0, 0))
    with os.fdopen(theirs, "w") as stream:
        bar = Bar(stream, delay=0, interval=0)
        for done in range(3):
            bar("Reading", done, 1000)
        shown = os.read(ours, 4096).decode()
    os.close(ours)
    assert "Reading" in shown
    assert all(len(part.replace("\x1b[K", "")) < 24 for part in shown.split("\r"))
