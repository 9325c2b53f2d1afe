"""Where DICOM files are put: names, folders of other files and series, targets that cannot be written."""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pydicom
import pytest

from imagedata import Series, errors
from imagedata.formats import SORT_ON_SLICE, SORT_ON_TAG


def listing(folder: Path) -> dict[str, bytes | None]:
    return {
        str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))
    }


@pytest.fixture
def ct(sample_data: Path) -> Series:
    return Series(sample_data / "ct")[:3]


@pytest.fixture
def dynamic(sample_data: Path) -> Series:
    return Series(sample_data / "time", "time")[:2, :3]


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ["time0/Image_00000.dcm", "time1/Image_00002.dcm"]),
        ({"output_sort": SORT_ON_SLICE}, ["time0/Image_00000.dcm", "time1/Image_00002.dcm"]),
        ({"output_sort": SORT_ON_TAG}, ["slice0/time0.dcm", "slice2/time1.dcm"]),
        ({"output_sort": "tag"}, ["slice0/time0.dcm", "slice2/time1.dcm"]),
        ({"output_dir": "single"}, ["Image_00000.dcm", "Image_00005.dcm"]),
    ],
)
def test_names_of_a_dynamic(
    dynamic: Series, tmp_path: Path, options: dict[str, object], names: list[str]
) -> None:
    """The first image of the first slice, and the last of the last: whatever they are called."""
    dynamic.write(tmp_path / "out", **options)
    assert sum(1 for p in (tmp_path / "out").rglob("*") if p.is_file()) == 6
    for name, value in zip(names, (dynamic[0, 0], dynamic[1, 2]), strict=True):
        np.testing.assert_array_equal(pydicom.dcmread(tmp_path / "out" / name).pixel_array, value)


def test_percent_p_is_the_format(ct: Series, tmp_path: Path) -> None:
    ct.write(tmp_path / "%p" / "x", formats=["dicom", "nifti"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["dicom", "nifti"]
    assert len(list((tmp_path / "dicom" / "x").glob("*.dcm"))) == 3


@pytest.mark.parametrize("pattern", ["im_{:03d}.dcm", "im_%03d.dcm"])
def test_pattern(ct: Series, tmp_path: Path, pattern: str) -> None:
    ct.write(tmp_path / pattern)
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["im_000.dcm", "im_001.dcm", "im_002.dcm"]


# --- others in the folder ------------------------------------------------------------------------


def test_other_files_are_left_alone(ct: Series, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("keep")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "Image_00000.dcm").write_text("keep")
    ct.write(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "keep"
    assert (tmp_path / "sub" / "Image_00000.dcm").read_text() == "keep"
    assert len(list(tmp_path.glob("*.dcm"))) == 3


def test_dicom_without_an_extension_is_another_series(
    ct: Series, dynamic: Series, sample_data: Path, tmp_path: Path
) -> None:
    original = next(iter(sorted((sample_data / "sagittal").iterdir())))
    shutil.copy(original, tmp_path / "IM0001")
    before = listing(tmp_path)
    for series, options in ((ct, {}), (dynamic, {}), (dynamic, {"output_dir": "single"})):
        with pytest.raises(errors.FileAlreadyExistsError, match="IM0001"):
            series.write(tmp_path, formats="dicom", **options)
        assert listing(tmp_path) == before
    ct.write(tmp_path, formats="dicom", overwrite=True)
    assert (tmp_path / "IM0001").read_bytes() == original.read_bytes()


def test_folders_of_tags_are_another_series(ct: Series, dynamic: Series, tmp_path: Path) -> None:
    dynamic.write(tmp_path)
    before = listing(tmp_path)
    with pytest.raises(errors.FileAlreadyExistsError, match="time0"):
        ct.write(tmp_path)
    assert listing(tmp_path) == before
    dynamic.write(tmp_path)  # the same files again: none of the old series is left
    ct.write(tmp_path / "other")
    with pytest.raises(errors.FileAlreadyExistsError, match="Image_0000"):
        dynamic.write(tmp_path / "other")


def test_pattern_does_not_mix_series(ct: Series, tmp_path: Path) -> None:
    ct.write(tmp_path / "a_{:03d}.dcm")
    with pytest.raises(errors.FileAlreadyExistsError, match="another series"):
        ct.write(tmp_path / "b_{:03d}.dcm")
    ct.write(tmp_path / "b_{:03d}.dcm", overwrite=True)
    assert len(list(tmp_path.iterdir())) == 6


# --- targets that cannot be written ----------------------------------------------------------------


def test_target_is_a_file(ct: Series, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("keep")
    for target in (tmp_path / "out", tmp_path / "out" / "deeper", str(tmp_path / "out") + "/"):
        with pytest.raises(errors.WriteError, match="out"):
            ct.write(target, formats="dicom")
    assert listing(tmp_path) == {"out": b"keep"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder(ct: Series, tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(errors.WriteError, match="permission"):
            ct.write(tmp_path)
    finally:
        tmp_path.chmod(0o755)
    assert listing(tmp_path) == {}


LIMITED = """
    import resource, sys
    from imagedata import Series, errors

    ct = Series(sys.argv[1])[:3]
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
    try:
        (ct + 1).write(sys.argv[2], formats=sys.argv[4])
    except errors.WriteError as error:
        print(error)
        sys.exit(3)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits")
@pytest.mark.parametrize("there", [False, True])
def test_files_that_cannot_grow(
    ct: Series, sample_data: Path, tmp_path: Path, there: bool
) -> None:
    """A quota ends in an error that says so; what was there before is whole, and nothing else is."""
    target = tmp_path / "out"
    if there:
        ct.write(target)
    before = listing(tmp_path)
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LIMITED), str(sample_data / "ct"), str(target), "5000",
         "dicom"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 3, run.stderr
    assert "File too large" in run.stdout
    assert "write elsewhere" in run.stdout
    assert listing(tmp_path) == before


@pytest.mark.skipif(shutil.which("unshare") is None, reason="no unshare")
@pytest.mark.parametrize(
    ("prepare", "reason", "remedy"),
    [
        ("true", "No space left on device", "free some space"),
        ('mount -o remount,ro "$0"', "Read-only file system", "write elsewhere"),
    ],
)
def test_full_and_read_only_disk(
    sample_data: Path, tmp_path: Path, prepare: str, reason: str, remedy: str
) -> None:
    """A disk of 40 KiB, in a mount namespace of its own: too small for three images."""
    disk = tmp_path / "disk"
    disk.mkdir()
    script = textwrap.dedent(LIMITED).replace("int(sys.argv[3])", "resource.RLIM_INFINITY")
    command = (
        f'mount -t tmpfs -o size=40k tmpfs "$0" && echo old > "$0/old" && {prepare} || exit 9; '
        '"$1" -c "$2" "$3" "$0/out" 0 dicom; status=$?; ls -A "$0"; exit $status'
    )
    run = subprocess.run(
        ["unshare", "-rm", "sh", "-c", command, str(disk), sys.executable, script, str(sample_data / "ct")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if run.returncode in (1, 9):
        pytest.skip(f"no disk can be mounted here: {run.stderr.strip()[:100]}")
    assert run.returncode == 3, run.stderr
    assert reason in run.stdout
    assert remedy in run.stdout
    assert run.stdout.splitlines()[-1] == "old"
