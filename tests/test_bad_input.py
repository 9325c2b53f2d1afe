"""Bad input: an error of its own kind for each, which says what, where and what to do about it.

The same inputs go through `image_data`: exit status 1, one reason on stderr, nothing written.
"""

import gzip
import os
import shutil
import struct
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest

from imagedata import Series, errors
from imagedata.image_data import conversion

SAMPLES = Path(__file__).resolve().parent.parent / "data" / "dicom"


# --- making bad input --------------------------------------------------------------------------


def copied(kind: str, target: Path) -> list[Path]:
    """Copy a sample series; return its files in the order of place, then of instance number."""
    target.mkdir(parents=True, exist_ok=True)
    placed = []
    for path in (SAMPLES / kind).iterdir():
        copy = Path(shutil.copy(path, target))
        header = pydicom.dcmread(copy, stop_before_pixels=True)
        place = np.cross(header.ImageOrientationPatient[:3], header.ImageOrientationPatient[3:]) @ np.array(
            header.ImagePositionPatient, float
        )
        placed.append((round(float(place), 3), int(header.InstanceNumber), copy))
    return [path for *_, path in sorted(placed)]


def pixels_at(data: bytes) -> int:
    """Return where the value of Pixel Data begins in an explicit little endian file."""
    at = data.rindex(struct.pack("<HH2s", 0x7FE0, 0x0010, b"OW"))
    return at + 12


@dataclass
class Bad:
    """What to read, and what is expected of it."""

    source: Any
    error: type[Exception]
    words: list[str]
    order: str = "auto"
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def command(self) -> list[str]:
        """The same for image_data, without the output name."""
        sources = self.source if isinstance(self.source, list) else [self.source]
        given = [text for key, value in self.options.items() for text in (f"--{key}", str(value))]
        return ["--order", self.order, *given, "OUT", *map(str, sources)]


Maker = Callable[[Path], Bad]
CASES: dict[str, Maker] = {}


def case(make: Maker) -> Maker:
    CASES[make.__name__] = make
    return make


@case
def no_such_path(tmp: Path) -> Bad:
    return Bad(tmp / "missing", errors.InputNotFoundError, [str(tmp / "missing"), "correct it"])


@case
def path_below_a_file(tmp: Path) -> Bad:
    (tmp / "notes").write_text("x")
    path = tmp / "notes" / "images"
    return Bad(path, errors.InputNotFoundError, [str(path), f"{tmp / 'notes'} is a file"])


@case
def pattern_that_nothing_matches(tmp: Path) -> Bad:
    return Bad(tmp / "*.dcm", errors.InputNotFoundError, [str(tmp / "*.dcm"), "correct the pattern"])


@case
def one_path_of_two_is_missing(tmp: Path) -> Bad:
    copied("ct", tmp / "ct")
    return Bad([tmp / "ct", tmp / "gone"], errors.InputNotFoundError, [str(tmp / "gone")])


@case
def empty_folder(tmp: Path) -> Bad:
    (tmp / "empty" / "also_empty").mkdir(parents=True)
    return Bad(tmp / "empty", errors.NoDataReadError, [str(tmp / "empty"), "name a file, or a folder"])


@case
def text_file(tmp: Path) -> Bad:
    path = tmp / "notes.txt"
    path.write_text("Scanned on Tuesday; the patient moved.\n" * 20)
    return Bad(path, errors.UnknownInputError, [str(path), "dicom", "nifti", "name other files"])


@case
def file_of_no_bytes(tmp: Path) -> Bad:
    path = tmp / "nothing"
    path.touch()
    return Bad(path, errors.UnknownInputError, [str(path)])


@case
def folder_of_other_things(tmp: Path) -> Bad:
    folder = tmp / "other"
    folder.mkdir()
    (folder / "notes.txt").write_text("x" * 2000)
    (folder / "table.csv").write_text("a,b\n1,2\n")
    return Bad(folder, errors.UnknownInputError, [str(folder / "notes.txt"), str(folder / "table.csv")])


@case
def dicom_without_image(tmp: Path) -> Bad:
    dataset = pydicom.dcmread(copied("ct", tmp / "made")[0])
    shutil.rmtree(tmp / "made")
    for keyword in ("PixelData", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit"):
        delattr(dataset, keyword)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    folder = tmp / "report"
    folder.mkdir()
    dataset.save_as(folder / "1")
    return Bad(folder, errors.NotImageError, [str(folder / "1"), "Basic Text SR", "with images"])


@case
def name_says_dicom(tmp: Path) -> Bad:
    files = copied("ct", tmp / "ct")
    broken = files[3].rename(files[3].with_name("IM0003.dcm"))
    broken.write_bytes(b"")
    return Bad(tmp / "ct", errors.CorruptFileError, [str(broken), "0 bytes", "skip_broken_series"])


def truncated(where: Callable[[bytes], int]) -> Maker:
    def make(tmp: Path) -> Bad:
        path = copied("ct", tmp / "ct")[5]
        data = path.read_bytes()
        path.write_bytes(data[: where(data)])
        return Bad(tmp / "ct", errors.CorruptFileError, [str(path), "skip_broken_series"])

    return make


CASES |= {
    "cut_off_after_prefix": truncated(lambda data: 132),
    "cut_off_in_file_meta": truncated(lambda data: 200),
    "cut_off_in_header": truncated(lambda data: pixels_at(data) // 3),
    "cut_off_late_in_header": truncated(lambda data: pixels_at(data) - 200),
    "cut_off_before_pixel_data": truncated(lambda data: pixels_at(data) - 12),
    "cut_off_in_element_head": truncated(lambda data: pixels_at(data) - 6),
    "cut_off_before_first_pixel": truncated(pixels_at),
    "cut_off_in_pixels": truncated(lambda data: pixels_at(data) + 1001),
    "cut_off_at_last_byte": truncated(lambda data: len(data) - 1),
}


@case
def damaged_element(tmp: Path) -> Bad:
    path = copied("ct", tmp / "ct")[5]
    rows = struct.pack("<HH", 0x0028, 0x0010)
    path.write_bytes(path.read_bytes().replace(rows + b"US", rows + b"Uz"))
    return Bad(tmp / "ct", errors.CorruptFileError, [str(path), "(0028,0010)", "Uz", "skip_broken_series"])


@case
def missing_slice(tmp: Path) -> Bad:
    files = copied("ct", tmp / "ct")
    files[10].unlink()
    words = [str(files[9]), str(files[11]), "10.000 mm", "5.000 mm", "missing="]
    return Bad(tmp / "ct", errors.MissingSliceError, words)


@case
def missing_slice_of_all_times(tmp: Path) -> Bad:
    files = copied("time", tmp / "time")
    for path in files[30:40]:
        path.unlink()
    return Bad(tmp / "time", errors.MissingSliceError, ["18.000 mm", "9.000 mm", "missing="], "time")


@case
def same_image_twice(tmp: Path) -> Bad:
    files = copied("ct", tmp / "ct")
    copy = Path(shutil.copy(files[4], tmp / "ct" / "copy"))
    uid = pydicom.dcmread(copy).SOPInstanceUID
    return Bad(tmp / "ct", errors.DuplicateImageError, [str(files[4]), str(copy), uid, "leave one"])


def another_of(path: Path, name: str) -> Path:
    """Write a file again as another image."""
    dataset = pydicom.dcmread(path)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    copy = path.with_name(name)
    dataset.save_as(copy)
    return copy


@case
def two_images_at_one_slice(tmp: Path) -> Bad:
    files = copied("ct", tmp / "ct")
    copy = another_of(files[4], "copy")
    return Bad(tmp / "ct", errors.DuplicateImageError, [str(files[4]), str(copy), "leave one"])


@case
def two_images_at_one_slice_and_echo(tmp: Path) -> Bad:
    files = copied("te", tmp / "te")
    copy = another_of(files[7], "copy")
    return Bad(tmp / "te", errors.DuplicateImageError, [str(files[7]), str(copy), "te "], "te")


@case
def one_image_of_a_time_point(tmp: Path) -> Bad:
    files = copied("time", tmp / "time")
    files[25].unlink()
    return Bad(tmp / "time", errors.MissingImageError, ["time", "slice 2", "missing="], "time")


@case
def one_image_of_an_echo(tmp: Path) -> Bad:
    files = copied("te", tmp / "te")
    header = pydicom.dcmread(files[15])
    files[15].unlink()
    words = [f"te {float(header.EchoTime):g}", "slice 2", "missing="]
    return Bad(tmp / "te", errors.MissingImageError, words, "te")


@case
def two_series(tmp: Path) -> Bad:
    uids = [pydicom.dcmread(copied(kind, tmp / "both")[-1]).SeriesInstanceUID for kind in ("ct", "sagittal")]
    return Bad(tmp / "both", errors.MultipleSeriesError, ["2 series", "input_serinsuid", *map(str, uids)])


@case
def series_that_is_not_there(tmp: Path) -> Bad:
    uid = pydicom.dcmread(copied("ct", tmp / "ct")[0]).SeriesInstanceUID
    options = {"input_serinsuid": "1.2.3"}
    return Bad(tmp / "ct", errors.NoDataReadError, ["1.2.3", str(uid)], options=options)


@case
def order_that_the_series_has_not(tmp: Path) -> Bad:
    files = copied("ct", tmp / "ct")
    words = ["Flip Angle", "'fa'", str(tmp / "ct"), "none"]
    assert files
    return Bad(tmp / "ct", errors.OrderNotFoundError, words, "fa")


@case
def order_that_one_image_has_not(tmp: Path) -> Bad:
    path = copied("te", tmp / "te")[20]
    dataset = pydicom.dcmread(path)
    del dataset.EchoTime
    dataset.save_as(path)
    return Bad(tmp / "te", errors.OrderNotFoundError, [str(path), "Echo Time"], "te")


@case
def order_that_nothing_has(tmp: Path) -> Bad:
    copied("te", tmp / "te")
    return Bad(tmp / "te", errors.OrderNotFoundError, ["'banana'", "te", "time"], "banana")


@case
def order_that_does_not_tell_images_apart(tmp: Path) -> Bad:
    copied("te", tmp / "te")
    return Bad(tmp / "te", errors.OrderNotFoundError, ["Flip Angle", "te (6)"], "fa")


@case
def geometry_of_another_shape(tmp: Path) -> Bad:
    copied("ct", tmp / "ct")
    copied("time", tmp / "time")
    words = ["32 slices, 128 rows, 160 columns", "8 slices, 80 rows, 96 columns", "crop or resample"]
    return Bad(tmp / "time", errors.TemplateMismatchError, words, options={"geometry": tmp / "ct"})


@case
def template_of_another_shape(tmp: Path) -> Bad:
    copied("ct", tmp / "ct")
    # Without a place of its own, the result can only lie where the template does.
    path = tmp / "result.nii"
    nibabel.save(nibabel.Nifti1Image(np.zeros((7, 6, 5), np.int16), None), path)
    words = ["32 slices, 128 rows, 160 columns", "5 slices, 6 rows, 7 columns", "geometry="]
    return Bad(path, errors.TemplateMismatchError, words, options={"template": tmp / "ct"})


@case
def template_that_is_not_there(tmp: Path) -> Bad:
    copied("ct", tmp / "ct")
    path = tmp / "gone"
    return Bad(tmp / "ct", errors.InputNotFoundError, [str(path)], options={"template": path})


def nifti(path: Path) -> Path:
    image = nibabel.Nifti1Image(np.arange(4 * 5 * 6 * 7, dtype=np.int16).reshape(4, 5, 6, 7), np.eye(4))
    nibabel.save(image, path)
    return path


def patched(path: Path, at: int, layout: str, *values: int) -> None:
    """Change numbers in the header of a NIfTI-1 file."""
    packed = path.suffix == ".gz"
    data = bytearray(gzip.decompress(path.read_bytes()) if packed else path.read_bytes())
    struct.pack_into(layout, data, at, *values)
    path.write_bytes(gzip.compress(bytes(data)) if packed else data)


def lying(name: str, at: int, layout: str, *values: int) -> Maker:
    def make(tmp: Path) -> Bad:
        path = nifti(tmp / name)
        patched(path, at, layout, *values)
        return Bad(path, errors.CorruptFileError, [str(path)])

    return make


CASES |= {
    "nifti_claims_more": lying("x.nii", 42, "<4h", 40, 50, 60, 7),
    "nifti_gz_claims_more": lying("x.nii.gz", 42, "<4h", 40, 50, 60, 7),
    "nifti_claims_far_more_than_memory": lying("x.nii", 40, "<8h", 7, *[32767] * 7),
    "nifti_gz_claims_far_more_than_memory": lying("x.nii.gz", 40, "<8h", 7, *[32767] * 7),
    "nifti_claims_less_than_nothing": lying("x.nii", 42, "<4h", 4, -5, 6, 7),
    "nifti_claims_no_dimensions": lying("x.nii", 40, "<h", 0),
    "nifti_claims_unknown_type": lying("x.nii", 70, "<h", 999),
    "nifti_voxels_beyond_end": lying("x.nii", 108, "<f", 1 << 20),
}


@case
def nifti_cut_off(tmp: Path) -> Bad:
    path = nifti(tmp / "x.nii")
    path.write_bytes(path.read_bytes()[:-1])
    return Bad(path, errors.CorruptFileError, [str(path), "4 x 5 x 6 x 7"])


@case
def nifti_gz_cut_off(tmp: Path) -> Bad:
    path = nifti(tmp / "x.nii.gz")
    path.write_bytes(path.read_bytes()[:-20])
    return Bad(path, errors.CorruptFileError, [str(path)])


@case
def nifti_by_name_only(tmp: Path) -> Bad:
    path = tmp / "x.nii.gz"
    path.write_bytes(b"this is no image" * 100)
    return Bad(path, errors.CorruptFileError, [str(path)])


# --- what comes of it ---------------------------------------------------------------------------


@pytest.fixture(params=CASES)
def bad(request: pytest.FixtureRequest, tmp_path: Path) -> Bad:
    return CASES[request.param](tmp_path)


def listing(folder: Path) -> dict[str, bytes | None]:
    """Return all that is in a folder."""
    return {
        str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))
    }


def test_error_of_its_own_kind(bad: Bad) -> None:
    with pytest.raises(errors.ImagedataError) as caught:
        Series(bad.source, bad.order, **bad.options)
    assert type(caught.value) is bad.error, caught.value
    for word in bad.words:
        assert word in str(caught.value)


def reason(text: str) -> str:
    """Return the one reason on stderr, having seen that it is alone."""
    first, *details = text.splitlines()
    assert "Traceback" not in text
    assert first.startswith("image_data: error: ")
    assert all(line.startswith("  ") for line in details), text
    return first.removeprefix("image_data: error: ")


def test_program_tells_it(bad: Bad, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "results" / "out.nii.gz"
    before = listing(tmp_path)
    status = conversion([str(output) if text == "OUT" else text for text in bad.command])
    printed = capsys.readouterr()
    assert status == 1
    assert printed.out == ""
    assert reason(printed.err)
    for word in bad.words:
        if not word.endswith("=") and word not in ("input_serinsuid", "skip_broken_series"):
            assert word in printed.err
    assert listing(tmp_path) == before


@pytest.mark.parametrize("name", ["no_such_path", "two_series", "cut_off_in_pixels"])
def test_program_as_a_process(name: str, tmp_path: Path) -> None:
    bad = CASES[name](tmp_path)
    arguments = [str(tmp_path / "out.nii") if text == "OUT" else text for text in bad.command]
    done = run([sys.executable, "-m", "imagedata.image_data", *arguments])
    assert done.returncode == 1
    assert done.stdout == ""
    assert reason(done.stderr)
    assert not (tmp_path / "out.nii").exists()


def test_message_has_the_options_of_the_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = missing_slice(tmp_path)
    assert conversion([str(tmp_path / "x.nii"), str(bad.source)]) == 1
    assert "--missing fill" in capsys.readouterr().err


# --- what the remedies do ------------------------------------------------------------------------


def test_broken_file_left_out_when_asked(tmp_path: Path) -> None:
    bad = CASES["cut_off_in_pixels"](tmp_path)
    series = Series(bad.source, skip_broken_series=True, missing="fill")
    assert series.shape == (32, 128, 160)
    assert bad.words[0] in series.explain()


def test_other_things_in_the_folder_are_recorded(tmp_path: Path) -> None:
    copied("ct", tmp_path / "ct")
    (tmp_path / "ct" / "notes.txt").write_text("x" * 500)
    (tmp_path / "ct" / "._1.dcm").write_bytes(b"\0\5\x16\7" * 50)
    series = Series(tmp_path / "ct")
    assert series.shape == (32, 128, 160)
    assert "notes.txt" in series.explain()
    assert "._1.dcm" in series.explain()


def test_missing_slice_filled_or_dropped(tmp_path: Path) -> None:
    bad = missing_slice(tmp_path)
    whole = Series(SAMPLES / "ct")
    filled = Series(bad.source, missing="fill")
    assert filled.shape == whole.shape
    np.testing.assert_array_equal(np.delete(filled, 10, 0), np.delete(whole, 10, 0))
    np.testing.assert_allclose(filled.sliceLocations, whole.sliceLocations, atol=1e-4)
    dropped = Series(bad.source, missing="drop")
    np.testing.assert_array_equal(dropped, np.delete(whole, 10, 0))
    np.testing.assert_allclose(dropped.sliceLocations, np.delete(whole.sliceLocations, 10), atol=1e-4)


def test_missing_image_filled_or_dropped(tmp_path: Path) -> None:
    bad = one_image_of_an_echo(tmp_path)
    whole = Series(SAMPLES / "te", "te")
    filled = Series(bad.source, "te", missing="fill")
    assert filled.shape == whole.shape
    different = np.argwhere((np.asarray(filled) != np.asarray(whole)).any(axis=(2, 3)))
    assert len(different) == 1
    # Without the slice 5 other images are lost, without the echo 7: the slice goes.
    assert whole.shape[:2] == (6, 8)
    dropped = Series(bad.source, "te", missing="drop")
    np.testing.assert_array_equal(dropped, np.delete(whole, different[0][1], 1))
    assert "left out, with 5 images that there are" in dropped.explain()


def test_one_of_two_series_chosen(tmp_path: Path) -> None:
    bad = two_series(tmp_path)
    assert Series(bad.source, input_serinsuid=bad.words[2]).shape == (32, 128, 160)
    assert Series(bad.source, input_serinsuid=bad.words[3]).shape == (24, 128, 112)


def test_wherever_a_file_is_cut_off(tmp_path: Path) -> None:
    whole = sorted(Path(SAMPLES / "time").iterdir())[0].read_bytes()
    path = tmp_path / "cut"
    for length in (*range(0, 300, 7), *range(300, len(whole), 397)):
        path.write_bytes(whole[:length])
        with pytest.raises(errors.ImagedataError) as caught:
            Series(path)
        assert str(path) in str(caught.value)


# --- targets that cannot be written -------------------------------------------------------------


@pytest.fixture(scope="module")
def ct() -> Series:
    return Series(SAMPLES / "ct")


def refused(series: Series, target: Path | str, *words: str) -> None:
    """See that a target is refused with a WriteError that names it and a remedy."""
    with pytest.raises(errors.WriteError) as caught:
        series.write(target)
    assert type(caught.value) is errors.WriteError
    for word in (str(target).rstrip("/"), *words):
        assert word in str(caught.value)


@pytest.mark.parametrize("name", ["out.nii.gz", "out/"])
def test_target_below_a_file(ct: Series, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("here before")
    before = listing(tmp_path)
    refused(ct, f"{tmp_path / 'file' / 'deep'}/{name}", "Not a directory", "unchanged")
    assert listing(tmp_path) == before


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no /proc")
def test_target_where_nothing_can_be_made(ct: Series) -> None:
    refused(ct, "/proc/images/out.nii")


def test_folder_in_place_of_a_file(ct: Series, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "Image_00003.dcm").mkdir()
    before = listing(tmp_path)
    with pytest.raises(errors.WriteError, match=r"Image_00003\.dcm is a folder"):
        ct.write(tmp_path / "out")
    assert listing(tmp_path) == before


def test_file_in_place_of_a_folder(ct: Series, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("here before")
    with pytest.raises(errors.WriteError, match="out is a file"):
        ct.write(tmp_path / "out", formats="dicom")
    assert (tmp_path / "out").read_text() == "here before"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_permission(ct: Series, tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    try:
        refused(ct, folder / "out.nii", "Permission denied", "get permission")
        assert not list(folder.iterdir())
    finally:
        folder.chmod(0o755)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB, where that may be made."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root mounts a file system")
    made = run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)])
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        run(["umount", "-l", str(folder)])


@pytest.mark.parametrize("name", ["old.nii", "old"])
def test_full_disk(ct: Series, small_disk: Path, name: str) -> None:
    target = small_disk / name
    ct[:4].write(target)
    before = listing(small_disk)
    refused(ct, target, "No space left", "free some space", "unchanged")
    assert listing(small_disk) == before
    refused(ct, small_disk / "new" / "deep" / name, "No space left")
    assert listing(small_disk) == before


def test_full_disk_told_by_the_program(small_disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (small_disk / "out.nii").write_text("here before")
    assert conversion([str(small_disk / "out.nii"), str(SAMPLES / "ct")]) == 1
    assert "No space left" in reason(capsys.readouterr().err)
    assert listing(small_disk) == {"out.nii": b"here before"}


def test_read_only_disk(ct: Series, small_disk: Path) -> None:
    ct[:4].write(small_disk / "old.nii")
    before = listing(small_disk)
    assert run(["mount", "-o", "remount,ro", str(small_disk)]).returncode == 0
    refused(ct, small_disk / "old.nii", "Read-only", "write elsewhere")
    assert listing(small_disk) == before


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of file size")
@pytest.mark.parametrize("name", ["old.nii", "old.nii.gz", "old"])
def test_limit_of_file_size(tmp_path: Path, name: str) -> None:
    """What a quota does; needs no rights."""
    series = Series(SAMPLES / "ct")[:4]
    series.write(tmp_path / name)
    before = listing(tmp_path)
    program = f"""
        import resource, sys
        from imagedata.image_data import conversion
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        sys.exit(conversion([{str(tmp_path / name)!r}, {str(SAMPLES / "ct")!r}]))
    """
    done = run([sys.executable, "-c", textwrap.dedent(program)])
    assert done.returncode == 1
    assert "File too large" in reason(done.stderr)
    assert str(tmp_path / name) in done.stderr
    assert listing(tmp_path) == before


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60)
