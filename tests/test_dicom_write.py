"""The DICOM writer. Oracles: pydicom, SimpleITK, dciodvfy, the sample data's closed formulas."""

import copy
import shutil
import warnings
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import realdata
from dicom_write_helpers import (
    ListRecords,
    by_slice,
    dciodvfy,
    location,
    plain_data,
    read_files,
    series_data,
    values_of,
    written,
)
from imagedata.axis import VariableAxis
from imagedata.errors import LossWarning, WriteError, WriteNotImplemented
from imagedata.formats.contract import WriteRequest
from imagedata.formats.dicom.attributes import RULES, inherited
from imagedata.formats.dicom.encode import Allowed, StoredAs, ds_text, encode
from imagedata.formats.dicom.names import file_names
from imagedata.formats.dicom.serialize import Serializer
from imagedata.formats.dicom.write import write
from imagedata.geometry import Geometry, affine_from_parts
from imagedata.header import Edit, Identity, Images, SeriesData

VENDORS = [
    "canon_dwi/ortho_9000",
    "ct_3slice/liver",
    "ct_ge_tilt/head",
    "dicom2nifti_suite/hitachi_001",
    "dicom2nifti_suite/philips_fmri_001_implicit",
    "ge_dwi/tensor_r2",
    "pet_ct_mr_sts/sts002_pet",
    "philips_dwi/vanderbilt_601",
    "siemens_pd_t2/pd_t2_tse",
    "siemens_xa30_interop/adc_12001",
    "toshiba_dwi/ortho_7006_first_3",
    "transfer_syntaxes_t1/compressed_jpegls",
    "uih_dwi/ap_134434_9",
]
CLASSIC = {str(row) for row in realdata.classic()}
NEEDS_DCIODVFY = pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="no dciodvfy")
UNITS = {
    "time": ("time", "TriggerTime"),
    "b": ("b", "DiffusionBValue"),
    "te": ("te", "EchoTime"),
    "fa": ("fa", "FlipAngle"),
}

UNCHANGED = (
    "PatientName",
    "PatientID",
    "StudyInstanceUID",
    "FrameOfReferenceUID",
    "StudyDate",
    "AcquisitionTime",
    "AcquisitionDate",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
    "SliceLocation",
    "WindowCenter",
    "WindowWidth",
    "RescaleSlope",
    "RescaleIntercept",
    "BitsStored",
    "SAR",
    "TriggerTime",
    "EchoTime",
    "FlipAngle",
    "DiffusionBValue",
    "OperatorsName",
    "SpecificCharacterSet",
)
PLACE = (
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceLocation",
    "FrameOfReferenceUID",
    "SliceThickness",
    "KVP",
)


def volumes(folder: Path, key: str | None = None, limit: int = 3):
    """The first volumes of a series, in the order of an element."""
    return by_slice(read_files(folder), key)[:limit]


@pytest.fixture(scope="module")
def ct(sample_data):
    return series_data(volumes(sample_data / "ct"))


@pytest.fixture(scope="module")
def echoes(sample_data):
    stacks = volumes(sample_data / "te", "EchoTime", 6)
    return series_data(stacks, "te", [float(v[0].EchoTime) for v in stacks])


def with_values(data: SeriesData, array) -> SeriesData:
    """Other values in the same places, as after arithmetic."""
    return SeriesData(np.asarray(array), data.header, Identity(values_changed=True))


def placed(data: SeriesData, geometry: Geometry | None = None) -> SeriesData:
    grid = geometry or replace(data.header.geometry, assumed=False)
    return SeriesData(data.array, data.header.with_geometry(grid), data.identity)


# --- numbers as texts ---------------------------------------------------------------------


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_decimal_strings_are_short_and_near(value):
    text = ds_text(value)
    assert len(text) <= 16
    if abs(value) > 1e-300:
        assert float(text) == pytest.approx(value, rel=1e-8)


# --- values ---------------------------------------------------------------------------------

INTEGERS = st.sampled_from(["bool", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"])
FLOATS = st.sampled_from(["f2", "f4", "f8"])


def read_back(plan, number):
    """What a reader sees: the stored bytes by the texts of slope and intercept, in float64."""
    allocated, stored, signed = plan.bits
    kind = np.dtype(f"<{'i' if signed else 'u'}{allocated // 8}")
    image = plan.images[number]
    raw = np.frombuffer(plan.stored(number).tobytes(), kind, image.size).reshape(image.shape)
    limit = 2 ** (stored - signed)
    assert raw.max(initial=0) < limit
    assert raw.min(initial=0) >= (-limit if signed else 0)
    rescale = plan.rescales[number]
    return raw, raw * np.float64(rescale.slope_text) + np.float64(rescale.intercept_text)


@given(st.data(), INTEGERS, st.booleans())
def test_integers_are_exact_or_within_the_stated_error(data, kind, narrow):
    dtype = np.dtype(kind)
    images = data.draw(hnp.arrays(dtype, hnp.array_shapes(min_dims=3, max_dims=3, max_side=4)))
    plan = encode(images, [None] * len(images), Allowed(narrow=narrow))
    low, high = int(images.min()), int(images.max())
    if high - low <= 65535 and max(abs(low), abs(high)) < 2**53:
        assert plan.error == 0
    for number, image in enumerate(images):
        _, values = read_back(plan, number)
        apart = np.abs(values.astype(np.longdouble) - image.astype(np.longdouble))
        assert apart.max() <= plan.error
    assert plan.error <= 0.51 * (high - low) / 65534 + 1e-8 * max(abs(low), abs(high))


@given(st.data(), FLOATS, st.booleans(), st.booleans())
def test_floats_are_within_the_stated_error(data, kind, per_image, no_intercept):
    dtype = np.dtype(kind)
    shape = hnp.array_shapes(min_dims=3, max_dims=3, max_side=4)
    finite = {"allow_nan": False, "allow_infinity": False}
    images = data.draw(hnp.arrays(dtype, shape, elements=finite))
    plan = encode(
        images, [None] * len(images), Allowed(intercept=not no_intercept), per_image=per_image
    )
    for number, image in enumerate(images):
        _, values = read_back(plan, number)
        assert np.isfinite(values).all()
        apart = np.abs(values.astype(np.longdouble) - image.astype(np.longdouble))
        assert apart.max() <= plan.error * (1 + 1e-12)
        if no_intercept:
            assert plan.rescales[number].intercept == 0


@given(
    st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.sampled_from(["f4", "f8"]),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_error_of_scaling_is_half_a_step(low, span, kind, seed):
    images = (low + span * np.random.default_rng(seed).random((2, 5, 6))).astype(kind)
    plan = encode(images, [None, None])
    if not plan.error:
        return
    step = (float(images.max()) - float(images.min())) / 65534
    offset = 1e-8 * abs(low)  # the intercept has at least 9 digits
    assert plan.error <= 0.5001 * step + offset + 65535 * step * 1e-9


@given(
    st.data(),
    st.sampled_from(["f4", "f8"]),
    st.floats(1e-4, 1e3).map(lambda v: float(f"{v:.8g}")),
    st.floats(-1e4, 1e4).map(lambda v: float(f"{v:.6g}")),
    st.integers(8, 16),
    st.booleans(),
)
def test_values_from_stored_integers_go_back_to_them(data, kind, slope, intercept, bits, signed):
    low = -(2 ** (bits - 1)) if signed else 0
    elements = st.integers(low, low + 2**bits - 1)
    stored = data.draw(hnp.arrays(np.int32, (2, 3, 4), elements=elements))
    images = (stored * slope + intercept).astype(kind)
    if kind == "f4" and np.spacing(np.float32(np.abs(images).max() + abs(intercept))) > slope / 8:
        return  # float32 cannot tell neighbouring stored values apart
    source = StoredAs(slope, intercept, 16, bits, signed)
    plan = encode(images, [source, source])
    assert plan.from_source
    assert plan.same_bits
    assert plan.bits == (16, bits, int(signed))
    for number in range(2):
        np.testing.assert_array_equal(read_back(plan, number)[0], stored[number])


def test_each_image_keeps_its_own_slope():
    sources = [StoredAs(0.25, 0, 16, 12), StoredAs(0.3, 0, 16, 12)]
    stored = np.arange(24).reshape(2, 3, 4)
    images = stored * np.array([0.25, 0.3])[:, None, None]
    plan = encode(images, sources)
    assert plan.from_source
    assert np.array_equal([plan.stored(0), plan.stored(1)], stored)


@given(hnp.arrays(np.float32, (2, 3, 4)))
def test_what_is_not_finite_becomes_padding(images):
    plan = encode(images, [None, None])
    gaps = ~np.isfinite(images)
    assert plan.gaps == gaps.sum()
    for number in range(2):
        raw, values = read_back(plan, number)
        good = ~gaps[number]
        if gaps[number].any():
            assert (raw[gaps[number]] == plan.padding).all()
            assert not (raw[good] == plan.padding).any()
        apart = np.abs(values[good] - images[number][good].astype(np.float64))
        assert apart.max(initial=0) <= plan.error * (1 + 1e-12)


@pytest.mark.parametrize(
    ("values", "bits", "intercept"),
    [
        (np.array([0, 65535], "u4"), (16, 16, 0), 0),
        (np.array([-32768, 32767], "i8"), (16, 16, 1), 0),
        (np.array([-40000, 25535], "i4"), (16, 16, 0), -40000),
        (np.array([10**12, 10**12 + 65535], "i8"), (16, 16, 0), 10**12),
        (np.array([-128, 127], "i1"), (16, 16, 1), 0),
        (np.array([0, 255], "u1"), (16, 16, 0), 0),
        (np.array([-3.0, 7.0], "f8"), (16, 16, 1), 0),
        (np.array([False, True]), (16, 16, 0), 0),
    ],
)
def test_whole_numbers_of_16_bits_are_exact(values, bits, intercept):
    plan = encode(values.reshape(1, 1, 2), [None])
    assert (plan.error, plan.bits, plan.rescales[0].intercept) == (0, bits, intercept)
    np.testing.assert_array_equal(read_back(plan, 0)[1].ravel(), values)


@pytest.mark.parametrize("value", [-np.finfo(float).max, np.finfo(float).max])
@pytest.mark.parametrize("no_intercept", [False, True])
def test_greatest_floats_do_not_overflow(value, no_intercept):
    plan = encode(np.array([[[value, value]]]), [None], Allowed(intercept=not no_intercept))
    np.testing.assert_allclose(read_back(plan, 0)[1], value, rtol=1e-4)


def test_extreme_floats_do_not_overflow():
    images = np.array([[[-1.7e308, 1.7e308, 0.0]]])
    plan = encode(images, [None])
    assert np.isfinite(read_back(plan, 0)[1]).all()
    assert plan.error <= 1.7e308 / 32767


def test_constant_values():
    for value in (0.1, -1e-300, 1e300, 12345.678):
        plan = encode(np.full((2, 2, 2), value), [None, None])
        assert plan.error <= 1e-9 * abs(value)


# --- templates ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ct", "time", "b", "te", "fa", "sagittal"])
def test_sample_data_comes_back(sample_data, tmp_path, kind):
    name, keyword = UNITS.get(kind, (None, None))
    stacks = volumes(sample_data / kind, keyword)
    steps = [float(v[0][keyword].value) for v in stacks] if keyword else None
    if kind == "time":
        name = "triggertime"
        steps = [s / 1000 for s in steps]
    data = series_data(stacks, name, steps)
    sources = [d for stack in stacks for d in stack]
    results = written(data, tmp_path)
    assert [int(r.InstanceNumber) for r in results] == list(range(1, len(sources) + 1))
    for source, result in zip(sources, results, strict=True):
        np.testing.assert_array_equal(result.pixel_array, source.pixel_array)
        for keyword in UNCHANGED:
            assert result.get(keyword) == source.get(keyword), keyword
        assert result.ImageType[:2] == ["DERIVED", "SECONDARY"]
        assert result.ImageType[2:] == source.ImageType[2:]
        reference = result.SourceImageSequence[0]
        assert reference.ReferencedSOPInstanceUID == source.SOPInstanceUID


def test_sequences_and_private_blocks_stay_with_their_slice(echoes, tmp_path):
    records = echoes.header.images.records
    results = written(with_values(echoes, np.sqrt(echoes.array)), tmp_path)
    seen = set()
    for number, result in enumerate(results):
        block = result.private_block(0x0077, "IMAGEDATA PHANTOM")
        theirs = records.dataset(number).private_block(0x0077, "IMAGEDATA PHANTOM")
        assert block[0x01].value == theirs[0x01].value
        assert block[0x10].value == theirs[0x10].value  # a sequence with one inside
        assert "FloatingPointValue" not in result  # which would be its content, flattened
        seen.add(block[0x01].value)
    assert len(seen) == len(results)


def test_sources_are_not_changed(ct, tmp_path):
    records = ct.header.images.records
    before = [copy.deepcopy(records.dataset(i)) for i in range(len(records))]
    header = ct.header.with_attributes(patientName="漢字", seriesDescription="x")
    written(SeriesData(ct.array + 0.5, header, Identity(values_changed=True)), tmp_path)
    for i, old in enumerate(before):
        assert records.dataset(i) == old


def test_identity(ct, tmp_path):
    a, b = written(ct, tmp_path / "a"), written(ct, tmp_path / "b")
    assert len({d.SeriesInstanceUID for d in a}) == 1
    assert a[0].SeriesInstanceUID not in {b[0].SeriesInstanceUID, ct.identity.uid}
    uids = [d.SOPInstanceUID for d in a + b]
    assert len(set(uids)) == len(uids)
    for d in a:
        assert d.SOPInstanceUID.is_valid
        assert len(d.SOPInstanceUID) <= 64
        assert d.file_meta.MediaStorageSOPInstanceUID == d.SOPInstanceUID
        assert d.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
        assert d.file_meta.ImplementationVersionName == "IMAGEDATA_4_0"
    made = a[0].ContributingEquipmentSequence[-1]
    assert made.ManufacturerModelName == "imagedata"
    assert made.PurposeOfReferenceCodeSequence[0].CodeValue == "109103"


def test_keep_uid(ct, tmp_path):
    records = ct.header.images.records
    for i, d in enumerate(written(ct, tmp_path / "same", keep_uid=True)):
        source = records.dataset(i)
        assert d.SeriesInstanceUID == source.SeriesInstanceUID
        assert d.SOPInstanceUID == source.SOPInstanceUID
        assert d.ImageType == source.ImageType
        assert d.ContentTime == source.ContentTime
    new = with_values(ct, ct.array + 1)
    first = written(new, tmp_path / "one", keep_uid=True)
    again = written(new, tmp_path / "two", keep_uid=True)
    assert [d.SOPInstanceUID for d in first] == [d.SOPInstanceUID for d in again]
    assert first[0].SeriesInstanceUID == new.identity.uid
    assert first[0].ImageType[0] == "DERIVED"


def test_keep_uid_is_unique_where_one_source_stands_for_many(ct, tmp_path):
    images = ct.header.images
    header = replace(ct.header, images=replace(images, ids=np.zeros_like(images.ids)))
    uids = [d.SOPInstanceUID for d in written(replace(ct, header=header), tmp_path, keep_uid=True)]
    assert len(set(uids)) == len(uids)


def test_false_attributes_go(ct, tmp_path):
    stale = copy.deepcopy(ct.header.images.records.datasets)
    for d in stale:
        d.SmallestImagePixelValue, d.LargestImagePixelValue = 0, 99
        d.PixelPaddingValue = 4000
        d.LossyImageCompression = "01"
        d.IconImageSequence = [pydicom.Dataset()]
        d.add_new(0x60003000, "OW", b"\0\0")
        d.VOILUTFunction = "SIGMOID"
    header = replace(ct.header, images=replace(ct.header.images, records=ListRecords(stale)))
    changed = SeriesData(ct.array * 2, header, Identity(values_changed=True))
    result = written(changed, tmp_path / "changed")[0]
    for keyword in ["SmallestImagePixelValue", "PixelPaddingValue", "IconImageSequence"]:
        assert keyword not in result
    assert "VOILUTFunction" not in result
    assert result.LossyImageCompression == "01"  # once lossy, always lossy
    low, high = changed.array.min(), changed.array.max()
    assert float(result.WindowCenter) == (low + high) / 2
    assert float(result.WindowWidth) == high - low
    same = written(SeriesData(ct.array, header, ct.identity), tmp_path / "same")[0]
    assert same.PixelPaddingValue == 4000
    assert same.WindowCenter == stale[0].WindowCenter
    kept = written(changed, tmp_path / "original", window="original")[0]
    assert kept.WindowCenter == stale[0].WindowCenter


def test_every_rule_names_known_keywords():
    for rule in RULES:
        assert rule.reason
        unknown = [k for k in rule.keywords if pydicom.datadict.tag_for_keyword(k) is None]
        assert not unknown


def test_user_attributes_come_last(ct, tmp_path):
    header = ct.header.with_attributes(
        seriesNumber=77, seriesDescription="æøå", imageType=["ORIGINAL", "PRIMARY", "AXIAL"],
        windowCenter=10.0, windowWidth=20.0, patientID="other",
    )  # fmt: skip
    edits = (
        Edit("(0018,0081)", 12.5), Edit("(0008,1010)", None),
        Edit("(0018,1152)", 3, frozenset({int(ct.header.images.ids[1])})),
        Edit("(0077,1002)", "new"),
    )  # fmt: skip
    results = written(SeriesData(ct.array, replace(header, edits=edits), ct.identity), tmp_path)
    first, second = results[:2]
    assert (first.SeriesNumber, first.SeriesDescription, first.PatientID) == (77, "æøå", "other")
    assert first.ImageType == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert (first.WindowCenter, first.WindowWidth) == (10, 20)
    assert first.EchoTime == 12.5
    assert "StationName" not in first
    assert second.Exposure == 3
    assert first.get("Exposure") != 3
    assert first[0x0077, 0x1002].value == "new"


def test_edits_that_contradict_the_array_are_refused(ct, tmp_path):
    header = replace(ct.header, edits=(Edit("(0028,0010)", 3),))
    with pytest.raises(WriteError, match="Rows follows from the array"):
        written(SeriesData(ct.array, header, ct.identity), tmp_path)


def test_texts_beyond_the_character_set_of_the_source(ct, tmp_path):
    header = ct.header.with_attributes(patientName="Ærlig^漢字")
    result = written(SeriesData(ct.array, header, ct.identity), tmp_path)[0]
    source = ct.header.images.records.dataset(0)
    assert result.SpecificCharacterSet == "ISO_IR 192"
    assert str(result.PatientName) == "Ærlig^漢字"
    assert result.OperatorsName == source.OperatorsName


def test_bytes_are_those_of_pydicom(echoes):
    source = pydicom.dcmread(echoes.header.images.records.dataset(0).filename)
    source.EchoTime = 12
    elements = [source[0x00180081]]
    ours = Serializer(elements).file(source)
    source.file_meta = pydicom.dcmread(BytesIO(ours), stop_before_pixels=True).file_meta
    buffer = BytesIO()
    source.save_as(buffer, enforce_file_format=True)
    assert ours == buffer.getvalue()


def test_a_value_that_does_not_fit_is_an_error_about_it(ct, tmp_path):
    header = replace(ct.header, edits=(Edit("(0028,0120)", -5),))
    with pytest.raises(WriteError, match=r"slice 0 .*Pixel Padding Value"):
        written(SeriesData(ct.array, header, ct.identity), tmp_path)


# --- places -----------------------------------------------------------------------------------


def random_geometry(seed: int, shape: tuple[int, int, int]) -> Geometry:
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    cosines = np.concatenate([rotation[0], rotation[1]])
    parts = affine_from_parts(cosines, rng.uniform(0.3, 9, 3), rng.uniform(-300, 300, 3))
    return Geometry(parts, shape, "2.25.1")


@given(st.integers(0, 2**32 - 1), st.tuples(*[st.integers(1, 5)] * 3))
def test_any_orientation_is_read_back_by_simpleitk(tmp_path_factory, seed, shape):
    folder = tmp_path_factory.mktemp("itk")
    rng = np.random.default_rng(seed)
    array = rng.integers(-3000, 3000, shape).astype("i2")
    geometry = random_geometry(seed, shape)
    data = placed(plain_data(array, SOPClassUID="MR"), geometry)
    results = written(data, folder)
    for s, result in enumerate(results):
        image = SimpleITK.ReadImage(result.filename)
        np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image)[0], array[s])
        far = (shape[2] - 1, shape[1] - 1, 0)
        where = image.TransformIndexToPhysicalPoint(far)
        wanted = geometry.to_world([s, shape[1] - 1, shape[2] - 1])
        np.testing.assert_allclose(where, wanted, atol=1e-4)
        assert float(result.SliceLocation) == pytest.approx(location(result), abs=1e-4)


def test_crop_keeps_places_and_slice_thickness(ct, tmp_path):
    grid = ct.header.geometry
    picks = [range(2, 9, 3), range(5, 60), range(0, 100, 2)]
    header = ct.header.picked({"slice": picks[0]}, ct.header.dims)
    header = header.with_geometry(grid.take(picks))
    array = ct.array[2:9:3, 5:60, 0:100:2]
    results = written(SeriesData(array, header, ct.identity), tmp_path)
    source = ct.header.images.records.dataset(2)
    for s, result in enumerate(results):
        wanted = grid.to_world([picks[0][s], 5, 0])
        np.testing.assert_allclose(result.ImagePositionPatient, wanted, atol=1e-9)
        np.testing.assert_allclose(
            result.PixelSpacing, [source.PixelSpacing[0], source.PixelSpacing[1] * 2]
        )
        assert result.SliceThickness == source.SliceThickness
        np.testing.assert_array_equal(values_of(result), array[s])


def test_resampled_slices_have_a_new_thickness(ct, tmp_path):
    grid = ct.header.geometry.with_spacing([2.5, 1.5, 1.5])
    results = written(placed(ct, grid), tmp_path)
    assert float(results[0].SliceThickness) == 2.5


def test_without_a_place_none_is_claimed(ct, tmp_path):
    data = SeriesData(ct.array, ct.header.with_geometry(None), ct.identity)
    with pytest.warns(LossWarning, match="no place"):
        names = write(data, WriteRequest(tmp_path, None))
    result = pydicom.dcmread(tmp_path / names[0])
    assert result.SOPClassUID == pydicom.uid.SecondaryCaptureImageStorage
    for keyword in PLACE:
        assert keyword not in result
    source = ct.header.images.records.dataset(0)
    assert [pydicom.dcmread(tmp_path / n).InStackPositionNumber for n in names[:3]] == [1, 2, 3]
    assert result.PatientName == source.PatientName
    assert result.StudyInstanceUID == source.StudyInstanceUID


def test_slanted_rows_and_columns_are_refused(ct, tmp_path):
    affine = ct.header.geometry.affine.copy()
    affine[:3, 1] += 0.1 * affine[:3, 2]
    with pytest.raises(WriteError, match="right angles"):
        written(placed(ct, ct.header.geometry.with_affine(affine)), tmp_path)


# --- tags --------------------------------------------------------------------------------------


def test_new_tag_values_are_written(echoes, tmp_path):
    header = replace(echoes.header, tag_axes={"te": VariableAxis("te", [1, 2, 3, 4, 5, 6.25])})
    results = written(SeriesData(echoes.array, header, echoes.identity), tmp_path)
    slices = echoes.array.shape[1]
    assert [float(r.EchoTime) for r in results[::slices]] == [1, 2, 3, 4, 5, 6.25]


def test_times_past_midnight(ct, tmp_path):
    array = np.stack([ct.array[:2], ct.array[:2]])
    images = Images(("time", "slice"), np.array([[0, 1], [0, 1]]), ct.header.images.records)
    axis = VariableAxis("time", [86399.5, 86401.25])
    header = replace(
        ct.header.with_geometry(replace(ct.header.geometry, shape=(2, *array.shape[2:]))),
        dims=("time", *ct.header.dims), tag_axes={"time": axis}, images=images,
    )  # fmt: skip
    results = written(SeriesData(array, header, ct.identity), tmp_path)
    assert results[0].AcquisitionTime == "235959.500000"
    assert results[2].AcquisitionTime == "000001.250000"
    first = pydicom.valuerep.DA(results[0].AcquisitionDate)
    assert (pydicom.valuerep.DA(results[2].AcquisitionDate) - first).days == 1


@pytest.mark.parametrize(
    ("name", "values", "keyword", "expected"),
    [
        ("triggertime", [0.5, 1.25], "TriggerTime", [500, 1250]),
        ("b", [0, 800], "DiffusionBValue", [0, 800]),
        ("ti", [100.5, 2000], "InversionTime", [100.5, 2000]),
        ("fa", [2, 15], "FlipAngle", [2, 15]),
        ("RepetitionTime", [3.5, 7], "RepetitionTime", [3.5, 7]),
        ("none", [0, 1], "InstanceNumber", [1, 3]),
    ],
)
def test_tags_without_a_template(tmp_path, name, values, keyword, expected):
    array = np.arange(48, dtype="u2").reshape(2, 2, 3, 4)
    data = plain_data(array[0], SOPClassUID="MR")
    header = replace(
        data.header, dims=(name, *data.header.dims), tag_axes={name: VariableAxis(name, values)}
    )
    results = written(placed(SeriesData(array, header, data.identity)), tmp_path)
    assert [results[0][keyword].value, results[2][keyword].value] == expected
    assert [Path(r.filename).parent.name for r in results[::2]] == [f"{name}0", f"{name}1"]


def test_axis_without_an_element_warns(tmp_path):
    array = np.zeros((2, 1, 3, 4), "u1")
    data = plain_data(array[0])
    axes = {"fit_parameter": VariableAxis("fit_parameter", ["a", "b"])}
    header = replace(data.header, dims=("fit_parameter", *data.header.dims), tag_axes=axes)
    with pytest.warns(LossWarning, match="fit_parameter"):
        write(SeriesData(array, header, data.identity), WriteRequest(tmp_path, None))


# --- objects and kinds of values ---------------------------------------------------------------


def kinds():
    rng = np.random.default_rng(1)
    base = np.arange(120).reshape(4, 5, 6)
    gaps = rng.normal(size=(4, 5, 6))
    gaps[0, 0, 0], gaps[1, 2, 3] = np.nan, -np.inf
    return {
        **{k: (base - (60 if k[0] == "i" else 0)).astype(k) for k in ["u1", "i1", "u2", "i2", "u4", "i8"]},
        "bool": base > 50,
        "shifted": base * 500 - 40000,
        "huge": base * 10**15,
        "float": rng.normal(size=(4, 5, 6)),
        "tiny": rng.normal(size=(4, 5, 6)) * 1e-12,
        "gaps": gaps,
        "constant": np.full((4, 5, 6), 0.1),
        "odd": base[:3, :3, :3].astype("u1"),
        "rgb": np.zeros((2, 3, 3), [("R", "u1"), ("G", "u1"), ("B", "u1")]),
    }


@NEEDS_DCIODVFY
@pytest.mark.parametrize("kind", list(kinds()))
@pytest.mark.parametrize("sop_class", ["SC", "MR", "CT"])
def test_without_a_template_dciodvfy_finds_nothing(tmp_path, kind, sop_class):
    array = kinds()[kind]
    if array.dtype.names and sop_class != "SC":
        pytest.skip("MR and CT images are grey")
    data = plain_data(array, SOPClassUID=sop_class)
    results = written(data if sop_class == "SC" else placed(data), tmp_path)
    assert dciodvfy(Path(results[0].filename)) == set()
    assert dciodvfy(Path(results[-1].filename)) == set()
    if sop_class == "SC":
        assert "ImagePositionPatient" not in results[0]
    assert results[0].SOPClassUID.keyword.startswith(
        {"SC": "Secondary", "MR": "MRImage", "CT": "CTImage"}[sop_class]
    )


def test_scaling_is_said_in_warning_and_file(tmp_path):
    array = np.random.default_rng(0).normal(size=(3, 4, 5))
    with pytest.warns(LossWarning, match="greatest error of") as caught:
        names = write(plain_data(array), WriteRequest(tmp_path, None))
    result = pydicom.dcmread(tmp_path / names[0])
    stated = float(result.DerivationDescription.rsplit(" ", 1)[1])
    assert f"{stated:.6g}" in str(caught[0].message)
    apart = [
        np.abs(values_of(pydicom.dcmread(tmp_path / n)) - image).max()
        for n, image in zip(names, array, strict=True)
    ]
    assert max(apart) == pytest.approx(stated, rel=1e-5)


def test_scaling_per_image(tmp_path):
    array = np.random.default_rng(0).normal(size=(2, 4, 5)) * np.array([1, 1000])[:, None, None]
    fine = written(plain_data(array), tmp_path / "image", scaling="image")
    assert float(fine[0].RescaleSlope) < float(fine[1].RescaleSlope) / 100
    with pytest.raises(WriteError, match="scaling"):
        written(plain_data(array), tmp_path / "x", scaling="slice")


def test_color(tmp_path):
    rng = np.random.default_rng(0)
    array = rng.integers(0, 256, (2, 3, 5, 3)).astype("u1")
    rgb = array.view([("R", "u1"), ("G", "u1"), ("B", "u1")])[..., 0]
    for image, result in zip(array, written(plain_data(rgb), tmp_path), strict=True):
        np.testing.assert_array_equal(result.pixel_array, image)
        assert (result.PhotometricInterpretation, result.PlanarConfiguration) == ("RGB", 0)
        assert "WindowCenter" not in result


def test_inverted_grey_scale_keeps_its_values(ct, tmp_path):
    datasets = copy.deepcopy(ct.header.images.records.datasets)
    for d in datasets:
        d.PhotometricInterpretation = "MONOCHROME1"
    header = replace(ct.header, images=replace(ct.header.images, records=ListRecords(datasets)))
    result = written(SeriesData(ct.array, header, ct.identity), tmp_path)[0]
    assert result.PhotometricInterpretation == "MONOCHROME1"
    np.testing.assert_array_equal(values_of(result), ct.array[0])


def test_complex_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(WriteNotImplemented, match=r"s\.real"):
        written(plain_data(np.zeros((1, 2, 2), complex)), tmp_path)


def test_small_windows_are_exact_linear(tmp_path):
    result = written(plain_data(np.linspace(0, 0.01, 60).reshape(3, 4, 5)), tmp_path)[0]
    assert float(result.WindowWidth) == pytest.approx(0.01)
    assert result.VOILUTFunction == "LINEAR_EXACT"


# --- names -------------------------------------------------------------------------------------


def test_names():
    assert file_names(None, ["slice"], [2], {}) == ["Image_00000.dcm", "Image_00001.dcm"]
    dims, counts = ["time", "te", "slice"], [1, 2, 2]
    assert file_names(None, dims, counts, {})[1:3] == [
        "time0/te0/Image_00001.dcm", "time0/te1/Image_00000.dcm",
    ]  # fmt: skip
    by_tag = {"output_sort": 1}
    assert file_names(None, dims, counts, by_tag)[1] == "slice1/time0/te0.dcm"
    single = {"output_dir": "single"}
    assert file_names(None, dims, counts, single)[3] == "Image_00003.dcm"
    assert file_names(None, dims, counts, {**single, **by_tag})[1] == "Image_00002.dcm"
    assert file_names("a_%03d.dcm", ["slice"], [2], {}) == ["a_000.dcm", "a_001.dcm"]
    assert file_names("a{}_{}_{}.dcm", dims, counts, {})[3] == "a0_1_1.dcm"
    assert file_names("a.dcm", ["slice"], [1], {}) == ["a.dcm"]


def test_many_images_do_not_fit_one_file(ct, tmp_path):
    with pytest.raises(WriteError, match=r"32 images do not fit the one file x\.dcm"):
        written(ct, tmp_path, "x.dcm")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(WriteError, match="one placeholder"):
        file_names("a{1}{1}.dcm", ["time", "slice"], [2, 2], {})


# --- real scanners -----------------------------------------------------------------------------


@NEEDS_DCIODVFY
@pytest.mark.parametrize("name", [v for v in VENDORS if v in CLASSIC])
@pytest.mark.parametrize("how", ["same", "computed", "no place"])
def test_no_error_that_the_source_does_not_have(real_data, tmp_path, name, how):
    stacks = volumes(real_data / name, limit=2)
    data = series_data(stacks, "none" if len(stacks) > 1 else None)
    if how == "computed":
        data = with_values(data, np.sqrt(np.abs(data.array.astype(float))) - 3)
    if how == "no place":
        data = SeriesData(data.array, data.header.with_geometry(None), data.identity)
    sources = [d for stack in stacks for d in stack]
    results = written(data, tmp_path)
    for number in (0, len(sources) - 1):
        theirs = dciodvfy(Path(sources[number].filename))
        assert dciodvfy(Path(results[number].filename)) <= theirs


@pytest.mark.parametrize("name", [v for v in VENDORS if v in CLASSIC])
def test_real_series_come_back(real_data, tmp_path, name):
    stacks = volumes(real_data / name, limit=2)
    data = series_data(stacks, "none" if len(stacks) > 1 else None)
    sources = [d for stack in stacks for d in stack]
    same = ["PatientName", "PatientID", "StudyInstanceUID", "FrameOfReferenceUID", "AcquisitionTime"]
    for source, result in zip(sources, written(data, tmp_path), strict=True):
        np.testing.assert_array_equal(values_of(result), values_of(source))
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
            np.testing.assert_allclose(result[keyword].value, source[keyword].value, atol=1e-4)
        for keyword in same:
            assert result.get(keyword) == source.get(keyword)
        private = {e.tag: e.value for e in source if e.tag.is_private and e.tag.element}
        assert {e.tag: e.value for e in result if e.tag.is_private} == private


def test_private_scale_goes_with_new_stored_values(real_data, tmp_path):
    data = series_data(volumes(real_data / "philips_dwi/vanderbilt_601", limit=1))
    slope = (0x2005, 0x100E)
    assert slope in written(data, tmp_path / "same")[0]
    computed = with_values(data, np.log1p(data.array))
    assert slope not in written(computed, tmp_path / "log")[0]


def test_pet_has_no_intercept(real_data, tmp_path):
    data = series_data(volumes(real_data / "pet_ct_mr_sts/sts002_pet"))
    results = written(with_values(data, np.exp(-data.array) - 0.5), tmp_path)
    source = data.header.images.records.dataset(0)
    assert all(float(r.RescaleIntercept) == 0 for r in results)
    assert results[0].SeriesTime == source.SeriesTime  # reference of decay correction


def test_inherited_shares_elements(ct):
    source = ct.header.images.records.dataset(0)
    from imagedata.formats.dicom.attributes import When

    elements = inherited(source, When.VALUES)
    assert all(elements[tag] is source.get_item(tag) for tag in elements)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(elements) > 30


def test_an_average_over_b_claims_no_b_value(sample_data, tmp_path):
    stacks = volumes(sample_data / "b", "DiffusionBValue", 4)
    data = series_data(stacks, "b", [float(v[0].DiffusionBValue) for v in stacks])
    mean = SeriesData(
        data.array.mean(axis=0), data.header.reduced(["b"]), Identity(values_changed=True)
    )
    result = written(mean, tmp_path)[0]
    assert "DiffusionBValue" not in result
    assert "TemporalPositionIdentifier" not in result
    assert result.EchoTime == stacks[0][0].EchoTime
