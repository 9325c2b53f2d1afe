"""Hostile DICOM: an ImagedataError that names the file, or a correct image, in bounded time and memory.

Everything is read in other processes (`hostile.run`), with 4 GiB of address space.
"""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

import hostile
import realdata
from imagedata import Series, errors

LONG = {b"OB", b"OW", b"OF", b"OD", b"SQ", b"UN", b"UT", b"UC", b"UR"}


def image(**values: object) -> FileDataset:
    """Return a small MR image, to be damaged."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    ds = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3.4"
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.Modality = "1.2.3", "1.2.3.1", "MR"
    ds.PatientName, ds.PatientID, ds.PatientWeight = "One^Patient", "1", "70.5"
    ds.InstanceNumber, ds.SeriesNumber = 1, 2
    ds.ImagePositionPatient, ds.ImageOrientationPatient = [1, 2, 3], [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing, ds.SliceThickness = [1.5, 1.25], 4
    ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = 8, 6, 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
    ds.PixelData = np.arange(48, dtype="<u2").tobytes()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def stored(ds: Dataset) -> bytes:
    """Return the bytes of the file of a dataset."""
    file = io.BytesIO()
    ds.save_as(file, enforce_file_format=True)
    return file.getvalue()


def element_at(data: bytes, group: int, element: int, *, implicit: bool = False) -> tuple[int, int, int]:
    """Return where the length of an element stands, how wide it is, and what it is."""
    at = data.rindex(struct.pack("<HH", group, element))
    if implicit:
        return at + 4, 4, struct.unpack_from("<I", data, at + 4)[0]
    if data[at + 4 : at + 6] in LONG:
        return at + 8, 4, struct.unpack_from("<I", data, at + 8)[0]
    return at + 6, 2, struct.unpack_from("<H", data, at + 6)[0]


def with_length(data: bytes, group: int, element: int, length: int, *, implicit: bool = False) -> bytes:
    """Return a file in which the length of an element is another one."""
    at, width, _ = element_at(data, group, element, implicit=implicit)
    number = struct.pack("<I" if width == 4 else "<H", length & (2 ** (8 * width) - 1))
    return data[:at] + number + data[at + width :]


def with_value(data: bytes, group: int, element: int, value: bytes) -> bytes:
    """Return a file in which an element has another value of the same length."""
    at, width, length = element_at(data, group, element)
    assert len(value) == length
    return data[: at + width] + value + data[at + width + length :]


def outcome(tmp_path: Path, data: bytes) -> str:
    """Return the kind of error that a file gives, '' where it is read."""
    path = tmp_path / "hostile_file"
    path.write_bytes(data)
    (found,) = hostile.outcomes([{"file": str(path)}])
    return str(found)


# --- cut off, and flipped ------------------------------------------------------------------------

BUNDLED = hostile.sources(None)


@pytest.mark.parametrize("part", range(4))
def test_files_cut_off_at_each_kilobyte(part: int) -> None:
    cases = hostile.cuts(BUNDLED, 60)[part::4]
    assert hostile.run(cases, seconds=300) == []


@pytest.mark.parametrize("part", range(4))
def test_real_files_cut_off(part: int, real_data: Path) -> None:
    files = hostile.sources(real_data)[len(BUNDLED) :]
    assert hostile.run(hostile.cuts(files, 16)[part::4], seconds=300) == []


@pytest.mark.parametrize("part", range(2))
def test_flipped_bytes(part: int) -> None:
    assert hostile.run(hostile.flips(BUNDLED, 340, seed=7)[part::2], seconds=300) == []


def test_flipped_bytes_of_real_files(real_data: Path) -> None:
    files = hostile.sources(real_data)[len(BUNDLED) :]
    assert hostile.run(hostile.flips(files, 160, seed=8), seconds=300) == []


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.slow
def test_ten_thousand_cases_of_flipped_bytes(seed: int, request: pytest.FixtureRequest) -> None:
    """Only with HYPOTHESIS_PROFILE=nightly: 2000 cases each, some minutes."""
    if hostile.ENVIRONMENT.get("HYPOTHESIS_PROFILE") != "nightly":
        pytest.skip("nightly: HYPOTHESIS_PROFILE=nightly make test")
    files = hostile.sources(realdata.locate())
    for lot in hostile.batches(hostile.flips(files, 2000, seed=100 + seed)):
        assert hostile.run(lot, seconds=900) == []


def test_a_flipped_pixel_changes_that_pixel_alone(tmp_path: Path) -> None:
    data = bytearray(stored(image()))
    data[-1 - 2 * 5] ^= 0x40
    path = tmp_path / "flipped"
    path.write_bytes(data)
    changed = np.arange(48, dtype=np.uint16)
    changed[-6] ^= 0x4000
    np.testing.assert_array_equal(Series(path), changed.reshape(8, 6))


# --- lengths that lie ----------------------------------------------------------------------------

ELEMENTS = {
    "Rows": (0x0028, 0x0010),
    "PixelSpacing": (0x0028, 0x0030),
    "ImagePositionPatient": (0x0020, 0x0032),
    "PatientName": (0x0010, 0x0010),
    "PixelData": (0x7FE0, 0x0010),
}

LENGTHS = {
    "odd": lambda n: n - 1,
    "one more": lambda n: n + 1,
    "two less": lambda n: n - 2,
    "nothing": lambda n: 0,
    "much": lambda n: 0xFFF0,
    "item delimiter": lambda n: 0xFFFFFFFE,
    "undefined": lambda n: 0xFFFFFFFF,
    "two gigabytes": lambda n: 0x7FFFFFFF,
}


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian], ids=["explicit", "implicit"]
)
def test_lengths_that_lie(syntax: str, tmp_path: Path) -> None:
    implicit = syntax == ImplicitVRLittleEndian
    ds = image()
    ds.file_meta.TransferSyntaxUID = syntax
    good = stored(ds)
    (tmp_path / "good").write_bytes(good)
    cases, names = [], []
    for (group, element), change in [(e, c) for e in ELEMENTS.values() for c in LENGTHS.values()]:
        length = element_at(good, group, element, implicit=implicit)[2]
        path = tmp_path / f"{len(cases)}"
        path.write_bytes(with_length(good, group, element, change(length), implicit=implicit))
        cases.append({"file": str(path)})
        names.append(path)
    for path, found in zip(names, hostile.outcomes(cases), strict=True):
        if found == "":  # read: then it is the same image
            np.testing.assert_array_equal(Series(path), np.arange(48).reshape(8, 6))


def item(content: bytes, length: int | None = None) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content) if length is None else length) + content


def sequence(content: bytes, length: int | None = None) -> bytes:
    """Return a Referenced Image Sequence (0008,1140)."""
    size = len(content) if length is None else length
    return struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, size) + content


def inserted(content: bytes) -> bytes:
    """Return the image with elements of group 0008 put in before the Series Instance UID's group."""
    data = stored(image())
    at = data.rindex(struct.pack("<HH", 0x0010, 0x0010))
    return data[:at] + content + data[at:]


UNDEFINED = 0xFFFFFFFF


def nested(depth: int, length: int | None) -> bytes:
    content = b""
    for _ in range(depth):
        content = sequence(item(content, length) + (b"" if length is None else ITEM_END), length)
        content += b"" if length is None else SEQUENCE_END
    return content


ITEM_END = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
SEQUENCE_END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)

SEQUENCES: dict[str, Callable[[], bytes]] = {
    "without end": lambda: inserted(sequence(item(b"", UNDEFINED), UNDEFINED)),
    "item without end": lambda: inserted(sequence(item(b"", UNDEFINED) + SEQUENCE_END, UNDEFINED)),
    "longer than the file": lambda: inserted(sequence(item(b""), 0x7FFFFFFE)),
    "item longer than the sequence": lambda: inserted(sequence(item(b"", 4000))),
    "no items inside": lambda: inserted(sequence(b"nonsense" * 4)),
    "1000 deep, with lengths": lambda: inserted(nested(1000, None)),
    "1000 deep, with ends": lambda: inserted(nested(1000, UNDEFINED)),
    "a hundred thousand items": lambda: inserted(sequence(item(b"") * 10**5)),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_sequences(name: str, tmp_path: Path) -> None:
    found = outcome(tmp_path, SEQUENCES[name]())
    assert found in ("", "CorruptFileError")
    if found == "":
        np.testing.assert_array_equal(Series(tmp_path / "hostile_file"), np.arange(48).reshape(8, 6))


# --- sizes that lie ------------------------------------------------------------------------------


def compressed(syntax: str, frame: bytes, **values: object) -> Dataset:
    ds = image(**values)
    ds.file_meta.TransferSyntaxUID = syntax
    ds.PixelData = encapsulate([frame])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return ds


def jpeg2000(rows: int, columns: int) -> bytes:
    """Return the main header of a JPEG 2000 stream of any size, without content."""
    sizes = struct.pack(">IIIIIIII", columns, rows, 0, 0, columns, rows, 0, 0)
    siz = b"\xff\x51" + struct.pack(">HH", 41, 0) + sizes + struct.pack(">HBBB", 1, 15, 1, 1)
    cod = b"\xff\x52" + bytes.fromhex("000c 00 00 0001 00 05 04 04 00 01")
    qcd = b"\xff\x5c" + bytes.fromhex("0013 40") + bytes([0x40] * 16)
    sot = b"\xff\x90" + bytes.fromhex("000a 0000 00000000 00 01") + b"\xff\x93" + bytes(64)
    return b"\xff\x4f" + siz + cod + qcd + sot + b"\xff\xd9"


HUGE = {"Rows": 65535, "Columns": 65535}
SEGMENTS = struct.pack("<16I", 2, 64, 128, *[0] * 13)

SIZES: dict[str, tuple[Callable[[], Dataset], set[str]]] = {
    "a million frames of 65535 x 65535": (
        lambda: image(NumberOfFrames=10**6, **HUGE), {"CorruptFileError"}),
    "more frames than there are": (lambda: image(NumberOfFrames=2), {"CorruptFileError"}),
    "more frames than a number holds": (lambda: image(NumberOfFrames="999999999999"), {"CorruptFileError"}),
    "a negative number of frames": (lambda: image(NumberOfFrames=-4), {"CorruptFileError"}),
    "no rows": (lambda: image(Rows=0), {"EmptyImageError"}),
    "no columns": (lambda: image(Columns=0), {"EmptyImageError"}),
    "several numbers of rows": (lambda: image(Rows=[8, 8]), {"CorruptFileError"}),
    "12 bits allocated": (lambda: image(BitsAllocated=12), {"CorruptFileError"}),
    "0 bits allocated": (lambda: image(BitsAllocated=0), {"CorruptFileError"}),
    "4096 bits allocated": (lambda: image(BitsAllocated=4096), {"CorruptFileError"}),
    "0 bits stored": (lambda: image(BitsStored=0), {"CorruptFileError"}),
    "more bits stored than allocated": (lambda: image(BitsStored=17, HighBit=16), {"CorruptFileError"}),
    "60000 samples": (lambda: image(SamplesPerPixel=60000), {"CorruptFileError"}),
    "RLE bomb": (
        lambda: compressed(RLELossless, SEGMENTS + b"\x81\x00" * 64, **HUGE),
        {"PixelDecodeError"}),
    "RLE segments outside of the frame": (
        lambda: compressed(RLELossless, struct.pack("<16I", 15, *[0xFFFFFFF0] * 15) + bytes(8)),
        {"PixelDecodeError"}),
    "JPEG 2000 bomb": (
        lambda: compressed(JPEG2000Lossless, jpeg2000(65535, 65535), **HUGE), {"PixelDecodeError"}),
    "JPEG 2000 larger than announced": (
        lambda: compressed(JPEG2000Lossless, jpeg2000(65535, 65535)), {"PixelDecodeError"}),
    "JPEG larger than announced": (
        lambda: compressed(
            JPEGBaseline8Bit,
            bytes.fromhex("ffd8 ffc0 000b 08 ffff ffff 01 011100 ffda 0008 01 0100 003f00") + bytes(64),
            BitsAllocated=8, BitsStored=8, HighBit=7),
        {"PixelDecodeError"}),
    "fragments for one of a million frames": (
        lambda: compressed(RLELossless, bytes(128), NumberOfFrames=10**6), {"CorruptFileError"}),
    "not even a fragment": (
        lambda: compressed(JPEG2000Lossless, b"  "), {"CorruptFileError", "PixelDecodeError"}),
    "nothing compressed in it": (
        lambda: compressed(JPEGBaseline8Bit, bytes(64)), {"PixelDecodeError"}),
}  # fmt: skip


@pytest.mark.parametrize("name", SIZES)
def test_sizes_that_lie(name: str, tmp_path: Path) -> None:
    make, expected = SIZES[name]
    assert outcome(tmp_path, stored(make())) in expected


def test_a_transfer_syntax_that_is_none(tmp_path: Path) -> None:
    data = stored(image()).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.7\0")
    assert outcome(tmp_path, data) == "PixelDecodeError"


def test_pixels_of_four_gigabytes_in_a_small_file(tmp_path: Path) -> None:
    data = with_length(stored(image(Rows=32768, Columns=65534)), 0x7FE0, 0x0010, 0xFFFFFFF0)
    assert outcome(tmp_path, data) == "CorruptFileError"


def deflated(content: bytes) -> bytes:
    ds = image()
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    plain = stored(ds)
    at = plain.index(DeflatedExplicitVRLittleEndian.encode()) + len(DeflatedExplicitVRLittleEndian)
    # What follows the meta information starts at its group length behind the prefix.
    length = struct.unpack_from("<I", plain, 140)[0]
    assert at <= 144 + length
    return plain[: 144 + length] + content


def test_a_deflated_bomb(tmp_path: Path) -> None:
    """5 MB that inflate to 5 GB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    zeros = bytes(1 << 24)
    parts = [packer.compress(zeros)]
    once = packer.compress(zeros)  # the same for each further 16 MiB, but for bits at the seams
    parts.append(once)
    for _ in range(318):
        parts.append(packer.compress(zeros))
    parts.append(packer.flush())
    bomb = b"".join(parts)
    assert len(bomb) < 6e6
    assert outcome(tmp_path, deflated(bomb)) == "CorruptFileError"


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 40, zlib.compress(bytes(100))], ids=["empty", "junk", "zlib"]
)
def test_deflated_junk(content: bytes, tmp_path: Path) -> None:
    assert outcome(tmp_path, deflated(content)) == "CorruptFileError"


# --- values that are none ------------------------------------------------------------------------

VALUES = {
    "PixelSpacing": ((0x0028, 0x0030), b"nan\\1.25"),
    "ImagePositionPatient": ((0x0020, 0x0032), b"1\\inf "),
    "InstanceNumber": ((0x0020, 0x0013), b"x "),
    "SeriesNumber": ((0x0020, 0x0011), b"\x80\xff"),
    "PatientWeight": ((0x0010, 0x1030), b"7..5"),
    "PatientName": ((0x0010, 0x0010), b"\xff\xfe\x1b$(D\x80\x81\x00\x01\x02\xc0"),
    "SliceThickness": ((0x0018, 0x0050), b"--"),
    "SOPClassUID": ((0x0008, 0x0016), b"1.2.840.1000\xff.5.1.4.1.1.4\x00"),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_that_are_none(name: str, tmp_path: Path) -> None:
    tag, value = VALUES[name]
    good = stored(image())
    length = element_at(good, *tag)[2]
    assert outcome(tmp_path, with_value(good, *tag, value.ljust(length)[:length])) in ("", "CorruptFileError")


@pytest.mark.parametrize("keyword", ["RescaleSlope", "RescaleIntercept"])
@pytest.mark.parametrize("value", [b"nan ", b"inf ", b"-inf", b"1e99", b"9e999 "], ids=repr)
def test_rescale_by_what_is_no_number(keyword: str, value: bytes, tmp_path: Path) -> None:
    ds = image(RescaleSlope="2", RescaleIntercept="3")
    setattr(ds, keyword, "1" * len(value))
    tag = pydicom.tag.Tag(keyword)
    found = outcome(tmp_path, with_value(stored(ds), tag.group, tag.element, value))
    assert found in ("", "CorruptFileError")
    if found == "":
        assert np.isfinite(Series(tmp_path / "hostile_file")).all()


def test_a_broken_element_is_an_error_when_it_is_asked_for(tmp_path: Path) -> None:
    # An item of a sequence with the length of a number that no number has.
    inner = struct.pack("<HH2sH", 0x0028, 0x0010, b"US", 3) + b"abc"
    path = tmp_path / "image"
    path.write_bytes(inserted(sequence(item(inner))))
    series = Series(path)
    np.testing.assert_array_equal(series, np.arange(48).reshape(8, 6))
    with pytest.raises(errors.CorruptFileError, match=r"image: element \(0008,1140\)"):
        series.getDicomAttribute("ReferencedImageSequence")


def test_broken_files_can_be_left_out(tmp_path: Path) -> None:
    for number in range(3):
        ds = image(SOPInstanceUID=f"1.2.3.4.{number}", InstanceNumber=number + 1)
        ds.ImagePositionPatient = [0, 0, 4 * number]
        (tmp_path / f"{number}").write_bytes(stored(ds))
    (tmp_path / "empty").write_bytes(stored(image(Rows=0)))
    (tmp_path / "bomb").write_bytes(stored(SIZES["RLE bomb"][0]()))
    series = Series(tmp_path, skip_broken_series=True)
    assert series.shape == (3, 8, 6)
    assert "empty" in series.explain()
    assert "bomb" in series.explain()
