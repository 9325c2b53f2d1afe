"""Kinds of objects, bits and transfer syntaxes. Oracles: pydicom, SimpleITK, dciodvfy, closed formulas."""

import re
import shutil
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.uid import UID, RTDoseStorage, UltrasoundImageStorage, UltrasoundMultiFrameImageStorage

from dicom_write_helpers import dciodvfy
from imagedata import Series, errors

NEEDS_DCIODVFY = pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="no dciodvfy")
SYNTAXES = {
    "rle": "1.2.840.10008.1.2.5",
    "jpeg-ls": "1.2.840.10008.1.2.4.80",
    "jpeg2000": "1.2.840.10008.1.2.4.90",
}
RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])


def files(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.rglob("*")) if p.is_file()]


def write(series: Series, folder: Path, **options: object) -> list[pydicom.Dataset]:
    """Write into an empty folder, losses aside, and read with pydicom in the order of instances."""
    shutil.rmtree(folder, ignore_errors=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", errors.LossWarning)
        series.write(folder, formats="dicom", **options)
    found = [pydicom.dcmread(p) for p in files(folder)]
    return sorted(found, key=lambda d: int(d.InstanceNumber))


def values(dataset: pydicom.Dataset) -> np.ndarray:
    stored = dataset.pixel_array.astype(np.float64)
    slope = dataset.get("DoseGridScaling", dataset.get("RescaleSlope", 1))
    return stored * float(slope) + float(dataset.get("RescaleIntercept", 0))


def sample(name: str) -> Path:
    return Path(str(get_testdata_file(name)))


def quietly(path: Path, *order: str) -> Series:
    """Read a file whose UIDs pydicom finds odd."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pydicom")
        return Series(path, *order)


# --- transfer syntaxes -----------------------------------------------------------------------


@pytest.mark.parametrize("syntax", SYNTAXES)
@given(
    st.sampled_from(["bool", "u1", "i1", "u2", "i2", "f4", "rgb"]),
    st.tuples(*[st.integers(1, 9)] * 3),
    st.integers(0, 2**32 - 1),
)
def test_compressed_values_are_those_written(tmp_path_factory, syntax, kind, shape, seed):
    least = {"rle": 0, "jpeg-ls": 15, "jpeg2000": 31}[syntax]
    shape = (shape[0], shape[1] + least, shape[2] + least)
    bytes_of = np.random.default_rng(seed).bytes
    if kind == "rgb":
        array = np.frombuffer(bytes_of(3 * int(np.prod(shape))), RGB).reshape(shape)
    elif kind == "f4":
        array = np.frombuffer(bytes_of(2 * int(np.prod(shape))), "i2").reshape(shape) / np.float32(7)
    else:
        size = np.dtype(kind).itemsize
        array = np.frombuffer(bytes_of(size * int(np.prod(shape))), "u1" if kind == "bool" else kind)
        array = (array % 2 == 1 if kind == "bool" else array).reshape(shape)
    folder = tmp_path_factory.mktemp("syntax")
    plain = write(Series(array), folder / "plain")
    packed = write(Series(array), folder / "packed", transfer_syntax=syntax)
    for a, b in zip(plain, packed, strict=True):
        assert b.file_meta.TransferSyntaxUID == SYNTAXES[syntax]
        np.testing.assert_array_equal(a.pixel_array, b.pixel_array)
        assert a.PhotometricInterpretation == b.PhotometricInterpretation
        if kind != "rgb":
            assert a.RescaleSlope == b.RescaleSlope if "RescaleSlope" in a else "RescaleSlope" not in b
    back = Series(folder / "packed")
    again = Series(folder / "plain")
    np.testing.assert_array_equal(np.asarray(back), np.asarray(again))


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_simpleitk_reads_what_is_compressed(sample_data, tmp_path, syntax):
    """GDCM has decoders of its own."""
    ct = Series(sample_data / "ct")[:2]
    for number, dataset in enumerate(write(ct, tmp_path / "out", transfer_syntax=SYNTAXES[syntax])):
        image = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(dataset.filename))
        np.testing.assert_array_equal(image[0], ct[number])


@pytest.mark.parametrize("stored", [10, 12, 16])
@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_fewer_bits_than_allocated(sample_data, tmp_path, syntax, signed, stored):
    """The bits of the source stay, and its values."""
    source = pydicom.dcmread(next(iter(sorted((sample_data / "ct").iterdir()))))
    low = -(2 ** (stored - 1)) if signed else 0
    pixels = np.random.default_rng(stored).integers(low, low + 2**stored, (source.Rows, source.Columns))
    source.BitsStored, source.HighBit, source.PixelRepresentation = stored, stored - 1, signed
    source.PixelData = pixels.astype("<i2" if signed else "<u2").tobytes()
    for keyword in ("SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue"):
        if keyword in source:
            del source[keyword]
    source.save_as(tmp_path / "in.dcm")
    (written,) = write(Series(tmp_path / "in.dcm"), tmp_path / "out", transfer_syntax=syntax)
    assert (written.BitsStored, written.PixelRepresentation) == (stored, signed)
    np.testing.assert_array_equal(written.pixel_array, pixels)


def test_images_too_small_for_jpeg_2000(tmp_path):
    with pytest.raises(errors.WriteError, match="31 rows and 40 columns are too few"):
        Series(np.zeros((2, 31, 40), "u2")).write(tmp_path / "out", transfer_syntax="jpeg2000")


@pytest.mark.parametrize("wrong", ["jpeg", "1.2.840.10008.1.2.4.50", 3, "zip"])
def test_unknown_transfer_syntax(tmp_path, wrong):
    with pytest.raises(errors.WriteError, match=r"transfer_syntax.*jpeg-ls"):
        Series(np.zeros((2, 3, 3), "u2")).write(tmp_path / "out", transfer_syntax=wrong)
    assert not (tmp_path / "out").exists()


# --- 32 bits ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [(0, 2**32 - 1, "u4"), (-(2**31), 2**31 - 1, "i4"), (0, 70000, "i8"), (-70000, 3, "f8"),
     (2**40, 2**40 + 2**32 - 1, "u8"), (-(2**33), -(2**33) + 2**31, "i8")],
)  # fmt: skip
def test_whole_numbers_are_exact_in_32_bits(tmp_path, low, high, kind):
    array = np.array([[[low, high, (low + high) // 2]]], dtype=kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Series(array).write(tmp_path / "out", formats="dicom")
    dataset = pydicom.dcmread(files(tmp_path / "out")[0])
    assert dataset.BitsAllocated == 32
    np.testing.assert_array_equal(values(dataset), array[0].astype(np.float64))
    np.testing.assert_array_equal(Series(tmp_path / "out"), array[0])
    if low >= -(2**31) and high < 2**32:
        image = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(dataset.filename))
        np.testing.assert_array_equal(image[0].astype(np.float64), array[0].astype(np.float64))


def test_beyond_32_bits_is_scaled_and_told(tmp_path):
    array = np.array([[[0, 2**62, 12345678901234567]]])
    with pytest.warns(errors.LossWarning, match="32 bits.*greatest error"):
        Series(array).write(tmp_path / "out", formats="dicom")
    dataset = pydicom.dcmread(files(tmp_path / "out")[0])
    error = float(dataset.DerivationDescription.rsplit(" ", 1)[1])
    assert np.abs(values(dataset) - array[0].astype(float)).max() <= error * 1.001
    assert error <= 0.51 * 2**62 / (2**32 - 2) * 1.2


def test_bits_of_floats(tmp_path):
    array = np.random.default_rng(0).normal(size=(3, 4, 5))
    errors_of = []
    for bits in (16, 32):
        found = write(Series(array), tmp_path / str(bits), bits=bits)
        assert {d.BitsAllocated for d in found} == {bits}
        errors_of.append(max(np.abs(values(d) - a).max() for d, a in zip(found, array, strict=True)))
    span = np.ptp(array)
    assert errors_of[0] == pytest.approx(span / 65534 / 2, rel=0.2)
    assert errors_of[1] < span / 2**32
    wide = write(Series((array * 1e6).astype("i4")), tmp_path / "wide", bits=16)
    assert wide[0].BitsAllocated == 16


@pytest.mark.parametrize("sop_class", ["MR", "CT"])
def test_mr_and_ct_have_16_bits(tmp_path, sop_class):
    series = Series(np.array([[[0, 2**31 - 1, 77]]], dtype="i4"))
    series.spacing = (1, 2, 3)
    found = write(series, tmp_path / "out", SOPClassUID=sop_class, bits=32)
    assert found[0].BitsAllocated == 16
    assert found[0].SOPClassUID.name.startswith(sop_class)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_32_bits_are_not_compressed(tmp_path, syntax):
    series = Series(np.array([[[0, 2**31 - 1, 77]]], dtype="i4"))
    with pytest.raises(errors.WriteError, match=r"holds 16 bits.*bits=16"):
        series.write(tmp_path / "out", formats="dicom", transfer_syntax=syntax)


@NEEDS_DCIODVFY
@pytest.mark.parametrize("array", [
    np.arange(24, dtype="i4").reshape(2, 3, 4) * 10**7 - 5,
    np.arange(24).reshape(2, 3, 4) / 7,
    np.where(np.arange(24).reshape(2, 3, 4) % 5, np.arange(24.0).reshape(2, 3, 4) * 1e5, np.nan),
])  # fmt: skip
@pytest.mark.parametrize("options", [{"bits": 32}, {"transfer_syntax": "rle", "bits": 16}, {"uid_seed": 1}])
def test_no_error_of_dciodvfy(tmp_path, array, options):
    for dataset in write(Series(array), tmp_path / "out", **options):
        assert dciodvfy(Path(dataset.filename)) == set()


@NEEDS_DCIODVFY
@pytest.mark.parametrize("kind", ["u1", "i4", "f8", "rgb"])
@pytest.mark.parametrize("sop_class", ["SC", "MR", "CT"])
def test_array_with_spacing(tmp_path, kind, sop_class):
    array = np.zeros((3, 4, 5), RGB) if kind == "rgb" else np.arange(60).reshape(3, 4, 5).astype(kind) / 7
    series = Series(array if kind in ("rgb", "f8") else (array * 1e7).astype(kind) if kind == "i4"
                    else (array * 7).astype(kind))  # fmt: skip
    series.spacing = (2.5, 0.7, 0.8)
    for dataset in write(series, tmp_path / "out", SOPClassUID=sop_class):
        assert dciodvfy(Path(dataset.filename)) == set()
        assert [float(v) for v in dataset.PixelSpacing] == [0.7, 0.8]
    assert Series(tmp_path / "out").same_geometry(series)


@pytest.mark.parametrize("kind", ["PET", "NM", "RTDoseStorage", "Ultrasound Image Storage"])
def test_kinds_that_need_a_template(tmp_path, kind):
    series = Series(np.zeros((2, 3, 4), "u2"))
    series.spacing = (1, 2, 3)
    with pytest.warns(errors.LossWarning, match="cannot be made without a template"):
        series.write(tmp_path / "out", formats="dicom", SOPClassUID=kind)


# --- frames of one object ----------------------------------------------------------------------


def test_rt_dose(tmp_path):
    """The plane of each frame is origin + offset x normal; the dose is stored value x scaling."""
    path = sample("rtdose.dcm")
    original = pydicom.dcmread(path)
    dose = quietly(path)
    (same,) = write(dose, tmp_path / "same")
    assert same.SOPClassUID == RTDoseStorage
    np.testing.assert_array_equal(same.pixel_array, original.pixel_array)
    assert same.DoseGridScaling == original.DoseGridScaling
    assert same.ReferencedRTPlanSequence == original.ReferencedRTPlanSequence
    assert same.SourceImageSequence[0].ReferencedSOPInstanceUID == original.SOPInstanceUID
    (part,) = write(dose[3:7, 2:] * 1.7, tmp_path / "part")
    assert (part.NumberOfFrames, part.Rows, part.BitsAllocated) == (4, 8, 32)
    assert [float(v) for v in part.GridFrameOffsetVector] == [0, 5, 10, 15]
    wanted = np.array(original.ImagePositionPatient, float) + np.array([0, 2 * 10, 3 * 5])
    np.testing.assert_allclose(part.ImagePositionPatient, wanted, atol=1e-6)
    step = float(part.DoseGridScaling)
    grid = original.pixel_array[3:7, 2:] * float(original.DoseGridScaling) * 1.7
    np.testing.assert_allclose(values(part), grid, atol=step)
    assert "RescaleSlope" not in part
    back = quietly(tmp_path / "part")
    assert back.same_geometry(dose[3:7, 2:])
    if shutil.which("dciodvfy"):
        assert dciodvfy(Path(part.filename)) <= dciodvfy(path)


def test_differences_of_doses_are_signed(tmp_path):
    dose = quietly(sample("rtdose.dcm"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", errors.LossWarning)
        (dose - dose.max()).write(tmp_path / "out")
    assert any("Dose Type is ERROR" in str(w.message) for w in caught)
    (dataset,) = [pydicom.dcmread(p) for p in files(tmp_path / "out")]
    assert (dataset.DoseType, dataset.PixelRepresentation) == ("ERROR", 1)
    np.testing.assert_allclose(values(dataset), dose - dose.max(), atol=float(dataset.DoseGridScaling))


def test_ultrasound_clip(tmp_path):
    path = sample("examples_ybr_color.dcm")
    clip = Series(path)
    (same,) = write(clip, tmp_path / "same")
    assert same.SOPClassUID == UltrasoundMultiFrameImageStorage
    assert (same.NumberOfFrames, same.PhotometricInterpretation) == (30, "RGB")
    assert float(same.FrameTime) == pytest.approx(33.333, abs=1e-6)
    frames = np.asarray(clip)[:, 0].view(np.uint8).reshape(30, 240, 320, 3)
    np.testing.assert_array_equal(same.pixel_array, frames)
    back = Series(tmp_path / "same")
    assert back.shape == clip.shape
    np.testing.assert_allclose(back.timeline, clip.timeline, atol=1e-9)
    uneven = clip[[0, 1, 5]]
    (picked,) = write(uneven, tmp_path / "uneven")
    np.testing.assert_allclose(picked.FrameTimeVector, [0, 33.333, 4 * 33.333], atol=1e-3)
    (one,) = write(clip[4], tmp_path / "one")
    assert one.SOPClassUID == UltrasoundImageStorage
    assert "NumberOfFrames" not in one
    if shutil.which("dciodvfy"):
        for dataset in (same, picked, one):
            assert dciodvfy(Path(dataset.filename)) <= dciodvfy(path)


def test_ultrasound_image(tmp_path):
    path = sample("examples_rgb_color.dcm")
    image = Series(path)
    (same,) = write(image, tmp_path / "same")
    assert same.SOPClassUID == UltrasoundImageStorage
    np.testing.assert_array_equal(same.pixel_array, pydicom.dcmread(path).pixel_array)
    with pytest.warns(errors.LossWarning, match="holds 8 bits.*uint8"):
        (image["R"] * 300.0).write(tmp_path / "grey")
    (grey,) = [pydicom.dcmread(p) for p in files(tmp_path / "grey")]
    assert grey.SOPClassUID.name.startswith("Secondary Capture")
    np.testing.assert_array_equal(values(grey), image["R"] * 300.0)
    (red,) = write(image["R"], tmp_path / "red")
    assert (red.SOPClassUID, red.BitsAllocated) == (UltrasoundImageStorage, 8)
    if shutil.which("dciodvfy"):
        assert dciodvfy(Path(same.filename)) <= dciodvfy(path)
        assert dciodvfy(Path(red.filename)) <= dciodvfy(path)


def test_nuclear_medicine(real_data, tmp_path):
    path = next((real_data / "nm_multiframe" / "heart_13").iterdir())
    heart = Series(path)
    original = pydicom.dcmread(path)
    (part,) = write(heart[2:6], tmp_path / "part")
    assert part.SOPClassUID == original.SOPClassUID
    assert list(part.SliceVector) == [1, 2, 3, 4]
    assert (part.NumberOfSlices, part.NumberOfFrames) == (4, 4)
    assert part.PixelSpacing == original.PixelSpacing
    assert list(part.ImageType) == list(original.ImageType)
    np.testing.assert_array_equal(part.pixel_array, original.pixel_array[2:6])
    np.testing.assert_array_equal(Series(tmp_path / "part"), heart[2:6])
    if shutil.which("dciodvfy"):
        assert dciodvfy(Path(part.filename)) <= dciodvfy(path)


def test_nuclear_medicine_with_a_place(real_data, tmp_path):
    path = next((real_data / "nm_multiframe" / "heart_13").iterdir())
    heart = Series(path)
    heart.transformationMatrix = np.array([[6.2, 0, 0, 7], [0, 3.1, 0, 8], [0, 0, 3.1, 9], [0, 0, 0, 1.0]])
    (written,) = write(heart[1:], tmp_path / "out")
    detector = written.DetectorInformationSequence[0]
    np.testing.assert_allclose(detector.ImagePositionPatient, [9, 8, 13.2])
    assert "ImagePositionPatient" not in written
    assert Series(tmp_path / "out").same_geometry(heart[1:])


# --- frames of enhanced objects ------------------------------------------------------------------

ENHANCED = [
    "agfa_pacs/siemens_original", "canon_dwi/enhanced_sag_9000", "ct_enhanced/ect_supplemental",
    "ct_legacy_enhanced/multiframe", "philips_balls/T1", "philips_balls/DTI", "siemens_xa30_enhanced/t1_5",
    "siemens_xa60_enhanced/diff_14", "mr_digital_phantom/legacy_enhanced",
]  # fmt: skip


def without_path(found: set[str]) -> set[str]:
    """What is wrong with which attribute, wherever it stands: in a functional group or at the top."""
    return {re.sub(r"</(?:.*/)?([^/]*)>", r"\1", line).split(" = ")[0] for line in found}


@NEEDS_DCIODVFY
@pytest.mark.parametrize("name", ENHANCED)
def test_enhanced_becomes_classic(real_data, tmp_path, name):
    series = Series(real_data / name)
    volume = series[(0,) * (series.ndim - 3)]
    source = without_path(dciodvfy(files(real_data / name)[0]))
    for dataset in write(volume[:2], tmp_path / "out"):
        assert dataset.SOPClassUID.name in ("MR Image Storage", "CT Image Storage")
        assert "PerFrameFunctionalGroupsSequence" not in dataset
        assert without_path(dciodvfy(Path(dataset.filename))) <= source
    np.testing.assert_array_equal(Series(tmp_path / "out"), volume[:2])


def test_colours_are_no_mr_image(sample_data, tmp_path):
    """Coloured maps of MR and CT images are Secondary Captures in the same place."""
    ct = Series(sample_data / "ct")[:2]
    with pytest.warns(errors.LossWarning, match="has no colour"):
        coloured(ct).write(tmp_path / "out")
    for number, dataset in enumerate(pydicom.dcmread(p) for p in files(tmp_path / "out")):
        assert dataset.SOPClassUID.name.startswith("Secondary Capture")
        assert (dataset.StudyInstanceUID, dataset.PatientID) == (ct.studyInstanceUID, ct.patientID)
        wanted = ct.imagePositions[number].ravel()[::-1]
        np.testing.assert_allclose(dataset.ImagePositionPatient, wanted, atol=1e-4)
        if shutil.which("dciodvfy"):
            assert dciodvfy(Path(dataset.filename)) == set()


def coloured(series):
    values = np.zeros(series.shape, RGB)
    values["R"] = np.asarray(series) % 256
    return Series(values, template=series, geometry=series)


# --- identity ----------------------------------------------------------------------------------


def uids(found: list[pydicom.Dataset]) -> list[str]:
    return [u for d in found for u in (d.SeriesInstanceUID, d.SOPInstanceUID, d.StudyInstanceUID)]


@NEEDS_DCIODVFY
@pytest.mark.parametrize("kind", ["ct", "sagittal"])
def test_all_slices_in_one_secondary_capture(kind, sample_data, tmp_path):
    """Multi-frame Secondary Capture: values, places and patient as pydicom and SimpleITK read them."""
    series = Series(sample_data / kind)
    series.write(tmp_path / "all.dcm", SOPClassUID="MultiFrameGrayscaleWordSecondaryCaptureImageStorage")
    assert not dciodvfy(tmp_path / "all.dcm")
    (found,) = [pydicom.dcmread(p) for p in files(tmp_path)]
    np.testing.assert_array_equal(values(found), series)
    sources = [pydicom.dcmread(p) for p in files(sample_data / kind)]
    assert {d.PatientID for d in sources} == {found.PatientID}
    assert {d.SOPInstanceUID for d in sources} == {
        item.ReferencedSOPInstanceUID for item in found.SourceImageSequence
    }
    # What differs from slice to slice would be said of all of them.
    for keyword in ("AcquisitionTime", "SliceLocation", "XRayTubeCurrent", "ImagePositionPatient"):
        assert keyword not in found
    groups = found.PerFrameFunctionalGroupsSequence
    places = [group.PlanePositionSequence[0].ImagePositionPatient for group in groups]
    own = [series.imagePositions[i][::-1] for i in range(series.slices)]
    np.testing.assert_allclose(places, own, atol=1e-4)
    image = SimpleITK.ReadImage(str(tmp_path / "all.dcm"))
    index = (10, 20, series.slices - 2)
    place = np.ravel(series.getPositionForVoxel(index[::-1]))[::-1]
    np.testing.assert_allclose(image.TransformIndexToPhysicalPoint(index), place, atol=1e-3)
    assert Series(tmp_path / "all.dcm").same_geometry(series)


def test_uids_from_a_seed(sample_data, tmp_path):
    ct = Series(sample_data / "ct")[:3]
    half = ct // 2
    one = write(half, tmp_path / "1", uid_seed="trial 7")
    two = write(Series(sample_data / "ct")[:3] // 2, tmp_path / "2", uid_seed="trial 7")
    assert uids(one) == uids(two)
    others = [
        write(half, tmp_path / "3", uid_seed="trial 8"),
        write(half + 1, tmp_path / "4", uid_seed="trial 7"),
        write(half, tmp_path / "5", uid_seed="trial 7", sernum=99),
        write(ct[1:] // 2, tmp_path / "6", uid_seed="trial 7"),
        write(half, tmp_path / "7"),
    ]
    seen = {d.SeriesInstanceUID for d in one}
    for other in others:
        assert not seen & {d.SeriesInstanceUID for d in other}
        seen |= {d.SeriesInstanceUID for d in other}
    assert all(UID(u).is_valid and len(u) <= 64 for u in uids(one))
    assert len({d.SOPInstanceUID for d in one}) == 3
    assert {d.StudyInstanceUID for d in one} == {ct.studyInstanceUID}
    plain = [write(Series(np.arange(8).reshape(2, 2, 2)), tmp_path / n, uid_seed=3) for n in "89"]
    assert [d.SOPInstanceUID for d in plain[0]] == [d.SOPInstanceUID for d in plain[1]]


def test_references_to_the_sources(sample_data, tmp_path):
    ct = Series(sample_data / "ct")[:2]
    for number, dataset in enumerate(write(ct * 2, tmp_path / "out")):
        (item,) = dataset.ReferencedSeriesSequence
        assert item.SeriesInstanceUID == ct.seriesInstanceUID
        (instance,) = item.ReferencedInstanceSequence
        assert instance.ReferencedSOPInstanceUID == ct.SOPInstanceUIDs[0, number]
        assert dataset.SourceImageSequence[0].ReferencedSOPInstanceUID == ct.SOPInstanceUIDs[0, number]
    moved = ct * 2
    moved.studyInstanceUID = "1.2.3"
    (dataset, _) = write(moved, tmp_path / "moved")
    assert "ReferencedSeriesSequence" not in dataset
    (study,) = dataset.StudiesContainingOtherReferencedInstancesSequence
    assert study.StudyInstanceUID == ct.studyInstanceUID


# --- options -------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [
    {"window": "x"}, {"scaling": "slice"}, {"bits": 12}, {"keep_uid": "yes"}, {"output_dir": "many"},
    {"output_sort": "time"}, {"uid_seed": 1.5}, {"uid_seed": 1, "keep_uid": True},
])  # fmt: skip
def test_wrong_values_of_options(tmp_path, options):
    with pytest.raises(errors.WriteError, match=next(iter(options))):
        Series(np.zeros((2, 3, 3), "u2")).write(tmp_path / "out", formats="dicom", **options)
    assert not (tmp_path / "out").exists()


def test_unknown_options_are_told(tmp_path):
    series = Series(np.zeros((2, 3, 3), "u2"))
    with pytest.warns(errors.ImagedataWarning, match="'serdesc' is not known: is 'serdes' meant"):
        series.write(tmp_path / "a", formats="dicom", serdesc="x")
    with pytest.warns(errors.ImagedataWarning, match="'colour' is not known"):
        series.write(tmp_path / "b", formats="dicom", colour="x")
    # A namespace of a program may hold options of its own.
    series.write(tmp_path / "c", {"colour": "x"}, formats="dicom")
