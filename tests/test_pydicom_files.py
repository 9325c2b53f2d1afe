"""The files that pydicom brings, and those of pydicom-data: each reads right, or is refused with the reason.

Right: the values are those of pydicom's own decoder, with the modality LUT; colour as RGB.
"""

import importlib.util
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut

from imagedata import errors, reading

BUNDLED = Path(pydicom.__file__).parent / "data"


def _all_files() -> dict[str, Path]:
    """Return every file by a short name: path below its folder."""
    roots = [BUNDLED / "test_files", BUNDLED / "charset_files"]
    more = importlib.util.find_spec("data_store")
    if more is not None and more.submodule_search_locations:
        roots.append(Path(next(iter(more.submodule_search_locations))) / "data")
    found = {}
    for root in roots:
        for path in sorted(root.rglob("*")):
            if path.is_file() and path.suffix not in (".py", ".pyc"):
                found[f"{root.name}/{path.relative_to(root).as_posix()}"] = path
    return found


FILES = _all_files()

REFUSED: dict[str, tuple[type[Exception], str, set[str]]] = {
    "the JPEG 2000 stream was edited, and is larger than the image": (
        errors.PixelDecodeError, "the compressed image has", {"JPEG2000-embedded-sequence-delimiter.dcm"}),
    "colour of 16 or 32 bits: colour voxels have 8": (
        errors.PixelDecodeError, "colour of 3 samples", {
            "SC_rgb_rle_16bit.dcm", "SC_rgb_rle_16bit_2frame.dcm", "SC_rgb_rle_32bit.dcm",
            "SC_rgb_rle_32bit_2frame.dcm", "SC_rgb_16bit.dcm", "SC_rgb_16bit_2frame.dcm", "SC_rgb_32bit.dcm",
            "SC_rgb_32bit_2frame.dcm", "SC_rgb_expb_16bit.dcm", "SC_rgb_expb_16bit_2frame.dcm",
            "SC_rgb_expb_32bit.dcm", "SC_rgb_expb_32bit_2frame.dcm"}),
    "three frames are described, one is there": (
        errors.CorruptFileError, "describes 3", {"liver_1frame.dcm", "liver_expb_1frame.dcm"}),
    "the number of frames is no number": (
        errors.CorruptFileError, "NumberOfFrames is '1A'", {"badVR.dcm"}),
    "cut off": (
        errors.CorruptFileError, "cut off", {
            "MR_truncated.dcm", "rtplan_truncated.dcm", "emri_small_jpeg_2k_lossless_too_short.dcm"}),
    "image objects whose pixels were removed": (
        errors.CorruptFileError, "has no pixels", {
            "chrJapMulti.dcm", "chrJapMultiExplicitIR6.dcm", "chrKoreanMulti.dcm"}),
    "bytes of a data set without preamble, from its middle: no DICOM file": (
        errors.CorruptFileError, "not DICOM", {"ExplVR_BigEndNoMeta.dcm", "no_meta.dcm"}),
    "no image": (
        errors.NotImageError, "no image", {
            "ExplVR_LitEndNoMeta.dcm", "UN_sequence.dcm", "empty_charset_LEI.dcm", "meta_missing_tsyntax.dcm",
            "nested_priv_SQ.dcm", "no_meta_group_length.dcm", "priv_SQ.dcm", "reportsi.dcm",
            "reportsi_with_empty_number_tags.dcm", "rtplan.dcm", "rtstruct.dcm", "test-SR.dcm",
            "waveform_ecg.dcm", "chrSQEncoding.dcm", "chrSQEncoding1.dcm"}),
    "no format that is installed": (
        errors.UnknownInputError, "no format", {
            "README.txt", "README", "FileInfo.txt", "crayons.icc", "rtplan.dump", "rtstruct.dump",
            "test1.json", "test_PN.json", "zipMR.gz"}),
}  # fmt: skip
"""Reason: error, words of its message, files."""

OTHER_DECODER = {"JPEG-lossy.dcm", "JPGExtended.dcm"}
"""JPEG of 12 bits, which no plugin of pydicom with a permissive licence decodes."""

FOLDERS = {"TINY_ALPHA": (errors.CorruptFileError, "has no pixels")}
"""CT images for tests of DICOMDIR, whose pixels were removed."""


def refusal(name: str) -> tuple[type[Exception], str] | None:
    """Return the error and the words that are expected for a file, None for one that is read."""
    path = Path(name)
    if path.name.startswith("DICOMDIR"):
        # Those of which the files are not there; the other ones are read in tests of their own.
        return errors.ImagedataError, ""
    for error, words, names in REFUSED.values():
        if path.name in names:
            return error, words
    return next((FOLDERS[part] for part in path.parts if part in FOLDERS), None)


def expected(path: Path) -> np.ndarray:
    """Return the frames of a file as pydicom decodes them: (frames, rows, columns[, 3])."""
    dataset = pydicom.dcmread(path, force=True)
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    if path.name in OTHER_DECODER:
        return np.asarray(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))))
    array = dataset.pixel_array
    if "PALETTE" in dataset.PhotometricInterpretation:
        big = dataset.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRBigEndian
        if big and "RedPaletteColorLookupTableData" in dataset:
            # Words of the file: pydicom takes them for little endian, and its colours are then wrong.
            # Those of the same image in little endian (OBXXXX1A.dcm) are what swapped ones give.
            for name in ("Red", "Green", "Blue"):
                element = dataset[f"{name}PaletteColorLookupTableData"]
                element.value = np.frombuffer(element.value, ">u2").astype("<u2").tobytes()
        array = apply_color_lut(array, dataset)
        array = (array >> 8).astype(np.uint8) if array.dtype.itemsize == 2 else array
        array = array[..., :3]
        return array.reshape(-1, *array.shape[-3:])
    if dataset.SamplesPerPixel > 1:
        return array.reshape(-1, *array.shape[-3:])
    array = array.reshape(-1, *array.shape[-2:])
    if "PerFrameFunctionalGroupsSequence" in dataset:
        return np.stack([_scaled(frame, dataset, i) for i, frame in enumerate(array)])
    if "DoseGridScaling" in dataset:
        return array * float(dataset.DoseGridScaling)
    return np.asarray(apply_modality_lut(array, dataset))


def _scaled(frame: np.ndarray, dataset: pydicom.Dataset, index: int) -> np.ndarray:
    groups = [dataset.PerFrameFunctionalGroupsSequence[index]]
    groups += list(dataset.get("SharedFunctionalGroupsSequence") or [])
    for group in groups:
        for item in group.get("PixelValueTransformationSequence") or []:
            return frame * float(item.RescaleSlope) + float(item.RescaleIntercept)
    return frame


def plain(array: np.ndarray) -> np.ndarray:
    """Return an array of frames, colour as a last axis."""
    if array.dtype.names:
        array = np.stack([array[c] for c in array.dtype.names], axis=-1)
        return array.reshape(-1, *array.shape[-3:])
    return array.reshape(-1, *array.shape[-2:])


READ = [name for name in FILES if refusal(name) is None]


def test_there_are_files() -> None:
    assert len(READ) > 60


@pytest.mark.parametrize("name", READ)
def test_reads_as_pydicom_decodes(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = expected(FILES[name])
        found = [frame for data in reading.read(FILES[name]) for frame in plain(data.array)]
    assert len(found) == len(wanted)
    left = list(wanted)
    for frame in found:
        # Frames may be sorted by their place; each is there once.
        match = next((i for i, other in enumerate(left) if _same(frame, other)), None)
        assert match is not None, f"{frame.dtype} {frame.shape}, pydicom: {wanted.dtype} {wanted.shape}"
        del left[match]


def _same(one: np.ndarray, two: np.ndarray) -> bool:
    if one.shape != two.shape:
        return False
    if one.dtype.kind == "f" or two.dtype.kind == "f":
        return bool(np.allclose(one, two, rtol=1e-12, atol=0, equal_nan=True))
    return bool(np.array_equal(one, two))


@pytest.mark.parametrize("name", [name for name in FILES if refusal(name) is not None])
def test_is_refused_with_the_reason(name: str) -> None:
    given = refusal(name)
    assert given is not None
    error, words = given
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if error is errors.ImagedataError:
            try:
                reading.read(FILES[name])
            except errors.ImagedataError:
                return
            return
        with pytest.raises(error) as caught:
            reading.read(FILES[name])
    assert words in str(caught.value)


def test_each_refused_file_is_there() -> None:
    if not any(name.startswith("data/") for name in FILES):
        pytest.skip("pydicom-data is not installed")
    there = {Path(name).name for name in FILES}
    listed = {name for _, _, names in REFUSED.values() for name in names}
    assert listed <= there
