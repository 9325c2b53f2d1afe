"""The catalogue says of an archive what reading each of its files says."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.errors import InvalidDicomError
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from imagedata.formats.dicom.catalogue import CatalogueSeries, catalogue, files_in
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
    found = catalogue(files_in(archive(tmp_path)), ("InstanceNumber", "SOPInstanceUID"))
    assert found.left == []
    assert [s.series_description for s in found.series] == ["number 0", "number 1", "number 2"]
    for number, series in enumerate(found.series):
        assert (series.patient_id, series.patient_name, series.modality) == ("T1", "Test^Case", "MR")
        assert (series.series_uid, series.study_uid) == (uid(f"s{number}"), uid("study"))
        assert (series.rows, series.columns, series.images, series.series_number) == (4, 6, 4, 1)
        assert series.is_image
        assert not series.mixed
        for name, instance, own in zip(
            series.files, series.values["InstanceNumber"], series.values["SOPInstanceUID"], strict=True
        ):
            ds = pydicom.dcmread(name)
            assert (str(ds.InstanceNumber), str(ds.SOPInstanceUID)) == (instance, own)
        assert [source.path for source in series.files.sources()] == [Path(f) for f in series.files]
        assert series.files[1:3] == [series.files[1], series.files[2]]


def test_real_archive(real_data: Path) -> None:
    """Beside pydicom, file by file."""
    folders = [real_data / name for name in ("siemens_mosaic_dwi", "ct_3slice", "non_image", "philips_epi")]
    wanted: Counter[tuple[str, ...]] = Counter()
    for folder in folders:
        for source in files_in(folder):
            assert source.path is not None
            try:
                ds = pydicom.dcmread(source.path, stop_before_pixels=True)
            except InvalidDicomError:
                continue
            wanted[
                str(ds.get("PatientID", "")), str(ds.get("StudyInstanceUID", "")), str(ds.SeriesInstanceUID)
            ] += 1
    found = catalogue(source for folder in folders for source in files_in(folder))
    assert {(s.patient_id, s.study_uid, s.series_uid): len(s.files) for s in found.series} == wanted
    for series in found.series:
        ds = pydicom.dcmread(series.files[0], stop_before_pixels=True)
        assert series.rows == ds.get("Rows", 0)
        assert series.sop_class_uid == ds.SOPClassUID
        assert series.patient_name == str(ds.get("PatientName", "")).strip()
        assert series.series_description == str(ds.get("SeriesDescription", "")).strip()
        assert series.series_number == ds.get("SeriesNumber")


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_other_encodings(tmp_path: Path, syntax: str) -> None:
    ds = image(ZEROS, (0, 0, 0), number=1, SpecificCharacterSet="ISO_IR 192", PatientName="Ærlig^Ås")
    ds.file_meta.TransferSyntaxUID = syntax
    pydicom.dcmwrite(tmp_path / "a.dcm", ds)
    (series,) = catalogue(files_in(tmp_path)).series
    assert (series.patient_name, series.rows, series.columns) == ("Ærlig^Ås", 4, 6)


def test_what_is_left_has_a_reason(tmp_path: Path) -> None:
    archive(tmp_path, series=1)
    whole = next(iter((tmp_path / "series0").iterdir())).read_bytes()
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "empty.dcm").write_bytes(b"")
    (tmp_path / "cut.dcm").write_bytes(whole[:300])
    (tmp_path / ".hidden").write_bytes(whole)
    found = catalogue(files_in(tmp_path))
    left = {file.source.basename: file for file in found.left}
    assert left.keys() == {"notes.txt", "empty.dcm", "cut.dcm"}
    assert left["notes.txt"].reason == "not DICOM"
    assert not left["notes.txt"].broken
    assert left["empty.dcm"].broken
    assert left["cut.dcm"].broken
    assert [len(s.files) for s in found.series] == [4]


def test_patients_with_one_series_uid_stay_apart(tmp_path: Path) -> None:
    save(tmp_path / "a", [image(ZEROS, (0, 0, 0), number=1)])
    save(tmp_path / "b", [image(ZEROS, (0, 0, 0), number=1, PatientID="T2")])
    assert [s.patient_id for s in catalogue(files_in(tmp_path)).series] == ["T1", "T2"]


def test_matrices_that_differ_are_told(tmp_path: Path) -> None:
    save(tmp_path, [image(ZEROS, (0, 0, 0), number=1), image(ZEROS.T, (0, 0, 1), number=2)])
    assert [s.mixed for s in catalogue(files_in(tmp_path)).series] == [True]


@pytest.mark.parametrize("keyword", ["NoSuchElement", "PixelData"])
def test_elements_that_are_not_read(keyword: str) -> None:
    with pytest.raises(ValueError, match=keyword):
        catalogue([], [keyword])


def test_pixels_are_not_read(tmp_path: Path) -> None:
    """A file that ends behind its first elements does for one with pixels."""
    large = image(np.zeros((512, 512), np.uint16), (0, 0, 0), number=1)
    save(tmp_path, [large])
    (path,) = tmp_path.iterdir()
    data = path.read_bytes()
    path.write_bytes(data[:-400_000])
    (series,) = catalogue(files_in(tmp_path)).series
    assert isinstance(series, CatalogueSeries)
    assert (series.rows, series.columns) == (512, 512)


def test_memory_is_bounded(tmp_path: Path) -> None:
    """What is kept of a file is well below 4 KB."""
    sources = list(files_in(archive(tmp_path, series=2, images=5)))

    def again(times: int) -> int:
        tracemalloc.start()
        found = catalogue(source for _ in range(times) for source in sources)
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert sum(len(s.files) for s in found.series) == 10 * times
        return size

    again(1)
    few, many = again(10), again(110)
    assert (many - few) / 1000 < 1000
