"""The catalogue says of an archive what reading each of its files says."""

from __future__ import annotations

import errno
import io
import os
import sys
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.errors import InvalidDicomError
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from imagedata import Series, errors
from imagedata.collection import Cohort, Study
from imagedata.errors import CorruptFileError
from imagedata.formats.contract import Source
from imagedata.formats.dicom.catalogue import catalogue
from imagedata.reading import find_sources
from synthetic import image, save, uid

ZEROS = np.zeros((4, 6), np.uint16)


def archive(folder: Path, series: int = 3, images: int = 4, **elements: object) -> Path:
    for s in range(series):
        save(folder / f"series{s}", [
            image(ZEROS, (0, 0, i), number=i + 1, series=f"s{s}", SeriesDescription=f"number {s}", **elements)
            for i in range(images)
        ])  # fmt: skip
    return folder


def test_series_and_files(tmp_path: Path) -> None:
    found = catalogue(find_sources(archive(tmp_path)))
    assert (found.left, found.broken, found.others) == ([], [], {})
    headers = list(found.headers.values())
    assert [h.SeriesDescription for h in headers] == ["number 0", "number 1", "number 2"]
    assert {(h.PatientID, str(h.PatientName), h.Modality) for h in headers} == {("T1", "Test^Case", "MR")}
    stacks = found.stacks({})
    assert [stack.series_uid for stack in stacks] == [uid(f"s{n}") for n in range(3)]
    for stack in stacks:
        assert (stack.kin.size, len(stack.frames), stack.number) == ((4, 6), 4, None)
        for listed in stack.frames:
            ds = pydicom.dcmread(listed.name)
            assert (ds.InstanceNumber, 1) == (listed.instance_number, listed.count)
            assert listed.kin.identity == (ds.PatientID, ds.StudyInstanceUID, ds.SeriesInstanceUID)


def test_real_archive(real_data: Path) -> None:
    """Beside pydicom, file by file."""
    folders = [real_data / name for name in ("siemens_mosaic_dwi", "ct_3slice", "non_image", "philips_epi")]
    wanted: Counter[tuple[str, ...]] = Counter()
    without: Counter[str] = Counter()
    sources = find_sources(folders)
    for source in sources:
        assert source.path is not None
        try:
            ds = pydicom.dcmread(source.path, stop_before_pixels=True)
        except InvalidDicomError:
            continue
        uids = str(ds.get("PatientID", "")), str(ds.get("StudyInstanceUID", "")), str(ds.SeriesInstanceUID)
        if "Rows" in ds and "BitsAllocated" in ds:
            wanted[uids] += 1
        else:
            without[uids[1]] += 1
    found = catalogue(sources)
    files = {(listed.kin.identity, listed.name) for listed in found.images}
    assert Counter(identity for identity, _ in files) == wanted
    assert {study: len(others) for study, others in found.others.items()} == without
    for stack in found.stacks({}):
        ds = pydicom.dcmread(stack.frames[0].name, stop_before_pixels=True)
        header = found.headers[stack.kin.identity]
        for keyword in ("SOPClassUID", "PatientName", "SeriesDescription", "SeriesNumber", "StudyDate"):
            assert header.get(keyword) == ds.get(keyword)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_other_encodings(tmp_path: Path, syntax: str) -> None:
    ds = image(ZEROS, (0, 0, 0), number=1, SpecificCharacterSet="ISO_IR 192", PatientName="Ærlig^Ås")
    ds.file_meta.TransferSyntaxUID = syntax
    pydicom.dcmwrite(tmp_path / "a.dcm", ds)
    found = catalogue(find_sources(tmp_path))
    (header,) = found.headers.values()
    assert (header.PatientName, found.images[0].kin.size) == ("Ærlig^Ås", (4, 6))


def test_what_is_left_has_a_reason(tmp_path: Path) -> None:
    archive(tmp_path, series=1)
    whole = next(iter((tmp_path / "series0").iterdir())).read_bytes()
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "empty.dcm").write_bytes(b"")
    (tmp_path / "cut.dcm").write_bytes(whole[:300])
    found = catalogue(find_sources(tmp_path), skip_broken=True)
    assert [(source.basename, reason) for source, reason in found.left] == [("notes.txt", "not DICOM")]
    assert {Path(name).name for name, _ in found.broken} == {"empty.dcm", "cut.dcm"}
    assert len(found.images) == 4
    with pytest.raises(CorruptFileError, match="cut"):
        catalogue(find_sources(tmp_path))


@pytest.mark.skipif(sys.platform == "win32", reason="no links or pipes")
def test_links_and_pipes(tmp_path: Path) -> None:
    """A link to nothing may have been an image, and is told; a pipe would be waited for."""
    archive(tmp_path, series=1)
    os.mkfifo(tmp_path / "series0" / "pipe")
    os.symlink("..", tmp_path / "series0" / "circle")
    os.symlink("itself", tmp_path / "series0" / "itself")
    os.symlink(tmp_path / "gone", tmp_path / "series0" / "link")
    with pytest.raises((errors.InputNotFoundError, errors.FileAccessError), match=r"itself|link"):
        Cohort(tmp_path)
    found = catalogue(find_sources(tmp_path), skip_broken=True)
    assert {Path(name).name for name, _ in found.broken} == {"itself", "link"}
    assert len(found.images) == 4


def test_files_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a folder: what is in it is not left out silently."""
    archive(tmp_path)
    closed = {str(tmp_path / "series1")}

    def forbidden(path: object) -> None:
        if str(path) in closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

    class Guarded(io.FileIO):
        def __init__(self, path: Path) -> None:
            forbidden(path)
            super().__init__(path)

    scandir = os.scandir
    monkeypatch.setattr("os.scandir", lambda path: forbidden(path) or scandir(path))
    sources = find_sources(tmp_path)
    assert [s.name for s in sources if "series1" in s.name] == list(closed)
    closed.add(sources[0].name)
    monkeypatch.setattr("io.FileIO", Guarded)
    with pytest.raises(errors.FileAccessError, match="Permission denied"):
        catalogue(sources)
    found = catalogue(sources, skip_broken=True)
    assert {name for name, _ in found.broken} == closed
    assert len(found.images) == 7
    with pytest.warns(errors.ImagedataWarning, match="set aside"):
        assert len(Cohort(tmp_path, skip_broken_series=True).broken) == 2


def test_order_does_not_depend_on_that_of_files(tmp_path: Path) -> None:
    for number in range(6):
        names = {"series": f"s{number}", "PatientID": f"P{number % 2}"}
        save(tmp_path / str(number), [image(ZEROS, (0, 0, i), number=i, **names) for i in range(3)])
    files = sorted(str(source.path) for source in find_sources(tmp_path))
    wanted = Cohort(tmp_path).to_records()
    for seed in range(3):
        np.random.default_rng(seed).shuffle(files)
        assert Cohort(files).to_records() == wanted


def test_patients_with_one_series_uid_stay_apart(tmp_path: Path) -> None:
    """Each is told by its own header."""
    save(tmp_path / "a", [image(ZEROS, (0, 0, 0), number=1)])
    save(tmp_path / "b", [image(ZEROS, (0, 0, 0), number=1, PatientID="T2", PatientName="Other^Case")])
    records = [(r["patientKey"], r["patientName"]) for r in Cohort(tmp_path).to_records()]
    assert records == [("T1", "Test^Case"), ("T2", "Other^Case")]


def test_matrices_that_differ_are_two_stacks(tmp_path: Path) -> None:
    save(tmp_path, [image(ZEROS, (0, 0, 0), number=1), image(ZEROS.T, (0, 0, 1), number=2)])
    found = catalogue(find_sources(tmp_path)).stacks({})
    assert [(stack.number, stack.kin.size) for stack in found] == [(0, (4, 6)), (1, (6, 4))]


def test_frames_of_one_file_are_counted(tmp_path: Path) -> None:
    cine = image(np.zeros((5, 4, 6), np.uint16), (0, 0, 0), number=1)
    cine.NumberOfFrames = 5
    save(tmp_path, [cine])
    (listed,) = catalogue(find_sources(tmp_path)).images
    assert listed.count == 5


def test_runs_of_images_without_a_place_are_listed_as_they_are_read(tmp_path: Path) -> None:
    """Two cines of one series have a clock each, and are two series when they are read."""
    for number in (1, 2):
        cine = image(np.full((3, 4, 6), number, np.uint16), (0, 0, 0), number=number, Modality="US")
        cine.SOPClassUID = cine.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.3.1"
        cine.NumberOfFrames, cine.FrameTime = 3, 40
        cine.FrameIncrementPointer = 0x00181063
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient"):
            del cine[keyword]
        save(tmp_path / str(number), [cine])
    study = Study(tmp_path)
    assert [r["images"] for r in study.to_records()] == [3, 3]
    for at, number in enumerate((1, 2)):
        assert np.array_equal(study[at], Series(tmp_path / str(number)))


def test_pixels_are_not_read(tmp_path: Path) -> None:
    """A file that ends behind its first elements does for one with pixels."""
    large = image(np.zeros((512, 512), np.uint16), (0, 0, 0), number=1)
    save(tmp_path, [large])
    (path,) = tmp_path.iterdir()
    data = path.read_bytes()
    path.write_bytes(data[:-400_000])
    (listed,) = catalogue(find_sources(tmp_path)).images
    assert listed.kin.size == (512, 512)


def test_memory_is_bounded(tmp_path: Path) -> None:
    """What is kept of a file is well below 4 KB, though its place and UID are its own."""
    sources: list[Source] = []
    for n in range(1200):
        ds = image(ZEROS, (0, 0, n / 7), number=n, series=f"s{n // 100}")
        save(tmp_path / str(n), [ds])
        sources += find_sources(tmp_path / str(n))

    def again(files: int) -> int:
        tracemalloc.start()
        found = catalogue(sources[:files])
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(found.images) == files
        return size

    again(100)
    few, many = again(200), again(1200)
    assert (many - few) / 1000 < 3000
