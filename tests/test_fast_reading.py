"""The fast way to read DICOM gives what pydicom gives: headers, pixels, and errors."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Iterator, Sequence
from copy import copy, deepcopy
from functools import partial
from io import BytesIO, FileIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ImplicitVRLittleEndian

from imagedata import Series
from imagedata.errors import CorruptFileError, ImagedataError
from imagedata.formats.contract import Source
from imagedata.formats.dicom import blocks, scan
from imagedata.formats.dicom.arena import Arenas
from imagedata.formats.dicom.fastscan import FastReader
from imagedata.formats.dicom.lengths import PER_FRAME, START, walk
from imagedata.formats.dicom.packed import PackedHeader, remembered
from imagedata.formats.dicom.scan import Instance
from synthetic import image, save, uid

# --- both ways agree --------------------------------------------------------------------------


def slowly(source: Source) -> Instance | None:
    """Read a file through pydicom; None when it is not DICOM."""
    with source.open() as file:
        return scan._read(source.name, file, False) if scan.is_dicom(file.read(132)) else None


def outcome(read: object, source: Source) -> Instance | str | None:
    try:
        return read(source)  # type: ignore[operator]
    except ImagedataError as error:
        return type(error).__name__


def quickly(reader: FastReader, source: Source) -> Instance | None:
    """Read a file in the fast way; None when it leaves the file to pydicom."""
    assert source.path is not None
    with FileIO(source.path) as file:
        return reader.read(source.name, file)


@pytest.mark.parametrize("name", ["time", "ct"])
def test_from_memory_as_from_files(sample_data: Path, name: str) -> None:
    """Files that somebody holds in memory are read in the same way, and give the same."""
    paths = sorted(p for p in (sample_data / name).rglob("*") if p.is_file())
    held = [Source(str(p), None, partial(BytesIO, p.read_bytes())) for p in paths]
    scanner, other = (scan.Scanner(held, headers_only=False) for _ in range(2))
    for path, source in zip(paths, held, strict=True):
        instance, reason = scanner.read(source)
        from_file, _ = other.read(Source(str(path), path))
        assert reason == ""
        assert instance is not None
        assert from_file is not None
        assert isinstance(instance.dataset, PackedHeader)
        assert instance.dataset == from_file.dataset
        assert bytes(instance.pixels) == bytes(from_file.pixels)


def alike(a: object, b: object) -> bool:
    """Return whether two values are of one type, and equal; NaN equals NaN."""
    return type(a) is type(b) and (bool(a == b) or repr(a) == repr(b))


def differences(fast: Instance, slow: Instance) -> Iterator[str]:
    """Yield what two readings of one file differ in: single elements, whole headers, pixels."""
    one, other = fast.dataset, slow.dataset
    assert isinstance(one, PackedHeader)
    # What the groups of many frames become is compared frame by frame (test_fast_frames).
    many = int(other.get("NumberOfFrames") or 1) > 12
    for tag in list(other.keys()):
        if tag == PER_FRAME and many:
            assert tag in one
            continue
        try:
            wanted = other[tag]
        except CorruptFileError:
            with pytest.raises(CorruptFileError):
                one[tag]
            continue
        found, keyword = one[tag], keyword_for_tag(tag)
        same = found.VR == wanted.VR and alike(found.value, wanted.value) and tag in one
        if keyword:
            # Keywords of repeating groups name none of them.
            for a, b in (
                (one.get(keyword), other.get(keyword)),
                (getattr(one, keyword, None), getattr(other, keyword, None)),
            ):
                same &= (a is found.value and b is wanted.value) or alike(a, b)
            same &= (keyword in one) == (keyword in other)
        # The groups of frames are kept as bytes, which do not tell how their length was written.
        lengths = tag == PER_FRAME or found.is_undefined_length == wanted.is_undefined_length
        if not same or not lengths:
            yield f"{tag}: {found!r}, {wanted!r}"
    assert one.whole is None
    if list(one.keys()) != list(other.keys()):
        yield f"elements {set(one.keys()) ^ set(other.keys())}"
    if one.file_meta != other.file_meta or list(one.file_meta.keys()) != list(other.file_meta.keys()):
        yield "file meta information"
    if one.original_encoding != other.original_encoding:
        yield "encoding"
    if one.original_character_set != other.original_character_set:
        yield "character set"
    assert fast.pixels is not None
    assert slow.pixels is not None
    if bytes(fast.pixels) != bytes(slow.pixels):
        yield "pixels"
    if (fast.pixel_tag, fast.pixel_vr) != (slow.pixel_tag, slow.pixel_vr):
        yield "kind of pixels"


def compare(files: Sequence[Path]) -> int:
    """Read files of one folder in both ways; return how many the fast one read."""
    sources = [Source(str(path), path) for path in files]
    reader = FastReader(sources, headers_only=False)
    count = 0
    for source in sources:
        slow, fast = outcome(slowly, source), outcome(partial(quickly, reader), source)
        if isinstance(fast, Instance):
            assert isinstance(slow, Instance), (source.name, slow)
            assert list(differences(fast, slow)) == [], source.name
            count += 1
        elif fast is not None:
            assert fast == slow, source.name
    return count


def some(folder: Path) -> list[Path]:
    """Return some files of a folder: the first ones, and the last."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return files if len(files) < 4 else [*files[:3], files[-1]]


def test_pydicom_files() -> None:
    files = sorted((Path(pydicom.__file__).parent / "data" / "test_files").glob("*.dcm"))
    assert sum(compare([file]) for file in files) > 40
    assert compare(files) > 40


def test_real_files(real_data: Path) -> None:
    folders = sorted({path.parent for path in real_data.rglob("*") if path.is_file()})
    assert sum(compare(some(folder)) for folder in folders[::2] if "ref" not in folder.parts) > 60


def series(count: int = 6) -> list[Dataset]:
    rng = np.random.default_rng(3)
    return [
        image(rng.integers(0, 900, (6, 8), dtype=np.uint16), (0, 0, 2.5 * (i % 3)), number=i + 1,
              AcquisitionTime=f"1010{i // 3:02d}.5", ImageComments="é" * (i % 2),
              SpecificCharacterSet="ISO_IR 100")
        for i in range(count)
    ]  # fmt: skip


texts = st.text("ABCé 1", max_size=12)
numbers = st.lists(st.integers(-999, 999), max_size=3)
extras = st.fixed_dictionaries(
    {},
    optional={
        "PatientComments": texts,
        "ImageType": st.lists(st.sampled_from(["ORIGINAL", "PRIMARY", "M", "MOSAIC?"]), max_size=4),
        "WindowCenter": numbers,
        "AcquisitionMatrix": st.lists(st.integers(0, 512), min_size=4, max_size=4),
        "InstanceNumber": st.integers(0, 10**6),
        "RescaleSlope": st.sampled_from([1, 2, 0.5]),
        "FlipAngle": st.none(),
        "StackID": st.just(""),
        "EffectiveEchoTime": st.floats(allow_nan=True),
    },
)


@settings(max_examples=60)
@given(
    elements=st.lists(extras, min_size=2, max_size=6),
    implicit=st.booleans(),
    undefined=st.booleans(),
    blob=st.binary(max_size=40),
)
def test_headers_of_any_kind(
    tmp_path_factory: pytest.TempPathFactory,
    elements: list[dict[str, object]],
    implicit: bool,
    undefined: bool,
    blob: bytes,
) -> None:
    folder = tmp_path_factory.mktemp("headers")
    files = []
    for number, extra in enumerate(elements):
        ds = image(np.zeros((3, 4), np.uint16), (0, 0, number), number=number)
        ds.SpecificCharacterSet = "ISO_IR 100"
        for keyword, value in extra.items():
            setattr(ds, keyword, value)
        item = Dataset()
        item.ReferencedSOPInstanceUID = uid("reference", number)
        item.ReferencedFrameNumber = list(range(number % 3 + 1))
        item.is_undefined_length_sequence_item = undefined
        ds.ReferencedImageSequence = Items([item] * (number % 3))
        ds["ReferencedImageSequence"].is_undefined_length = undefined
        block = ds.private_block(0x29, "MAKER", create=True)
        block.add_new(1, "OB", blob * (1 + number % 2))
        block.add_new(2, "SQ", Items([item]))
        if number % 2:
            ds.add_new(0xFFFCFFFC, "OB", b"\0\0")
        if implicit:
            ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        files.append(folder / f"{number}.dcm")
        ds.save_as(files[-1], enforce_file_format=True)
    assert compare(files) == len(files)


# --- what is damaged is left to pydicom, or found out -------------------------------------------


@pytest.mark.parametrize("implicit", [False, True])
def test_cut_off_anywhere(tmp_path: Path, implicit: bool) -> None:
    datasets = series(2)
    for ds in datasets:
        if implicit:
            ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    paths = sorted(save(tmp_path / "whole", datasets).iterdir())
    data = paths[1].read_bytes()
    for length in range(0, len(data), 3):
        part = tmp_path / "part.dcm"
        part.write_bytes(data[:length])
        reader = FastReader([], headers_only=False)
        assert isinstance(quickly(reader, Source(str(paths[0]), paths[0])), Instance)
        assert quickly(reader, Source(str(part), part)) is None, length


def test_bytes_changed(tmp_path: Path) -> None:
    paths = sorted(save(tmp_path / "whole", series(2)).iterdir())
    data = paths[1].read_bytes()
    rng = np.random.default_rng(8)
    for _ in range(150):
        changed = bytearray(data)
        changed[rng.integers(128, len(data) - 96)] = rng.integers(256)
        path = tmp_path / "changed.dcm"
        path.write_bytes(changed)
        compare([paths[0], path])


def odd(changed: Callable[[bytes], bytes], folder: Path, *, implicit: bool = False) -> None:
    """Compare both ways over files of one kind, the last of which has been changed."""
    datasets = series(3)
    for number, ds in enumerate(datasets):
        ds.SpecificCharacterSet = "ISO_IR 192"
        inner, item = Dataset(), Dataset()
        inner.CodeValue, inner.CodeMeaning = "a", "bbb"
        item.ReferencedSOPInstanceUID = f"1.2.{number}"
        item.PurposeOfReferenceCodeSequence = Items([inner])
        item["PurposeOfReferenceCodeSequence"].is_undefined_length = True
        ds.ReferencedImageSequence = Items([item])
        ds["ReferencedImageSequence"].is_undefined_length = True
        ds.SeriesNumber = number
        if implicit:
            ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    paths = sorted(save(folder, datasets).iterdir())
    whole = paths[2].read_bytes()
    paths[2].write_bytes(changed(whole))
    assert paths[2].read_bytes() != whole
    compare(paths)
    compare(paths[2:])


@pytest.mark.parametrize("implicit", [False, True])
def test_lengths_within_items_are_followed(tmp_path: Path, implicit: bool) -> None:
    """Of an element in an item with a length, in a sequence without: beyond the item, and the file."""
    tag = b"\x08\x00\x04\x01"
    old, new = (b"\4\0\0\0", b"\4\0\0\xc7") if implicit else (b"LO\4\0", b"LO\xf4\xff")
    odd(lambda data: data.replace(tag + old, tag + new), tmp_path, implicit=implicit)


@pytest.mark.parametrize("implicit", [False, True])
def test_delimiters_where_none_belongs(tmp_path: Path, implicit: bool) -> None:
    end = b"\xfe\xff\xdd\xe0\0\0\0\0"
    odd(lambda data: data + end, tmp_path / "behind", implicit=implicit)
    tag = b"\x08\x00\x55\x11"
    odd(lambda data: data.replace(tag, end + tag), tmp_path / "inside", implicit=implicit)


def test_numbers_that_are_no_ascii(tmp_path: Path) -> None:
    head = b"\x20\x00\x11\x00IS\2\0"
    odd(lambda data: re.sub(re.escape(head) + b"..", head + b"\xae\x9d", data), tmp_path)


def elements(path: Path) -> list[bytes]:
    """Return a file in parts: what stands before its elements, these, and its pixels."""
    data = path.read_bytes()
    walked = walk(data, len(data))
    assert walked.pixels is not None
    parts = [data[e.head : e.end] for e in walked.elements]
    return [data[:START], *parts, data[walked.pixels.head :]]


CHANGES: list[Callable[[list[bytes], int, np.random.Generator], None]] = [
    lambda parts, i, rng: parts.insert(i, parts.pop()),  # the pixels, or what is in their place
    lambda parts, i, rng: parts.insert(i, parts[i]),
    lambda parts, i, rng: parts.insert(i, parts.pop(i + 1)),
    lambda parts, i, rng: parts.pop(i) and None,
    lambda parts, i, rng: parts.append(bytes(int(rng.integers(1, 20)))),
    lambda parts, i, rng: parts.insert(i, parts[i][:2] + b"\0\0UL\4\0\x10\0\0\0"),  # a group length
    lambda parts, i, rng: parts.insert(i, b"\x29\0\x12\0LO\6\0THIRD "),
    lambda parts, i, rng: parts.__setitem__(i, parts[i] + b"\0"),
    lambda parts, i, rng: parts.__setitem__(i, parts[i][:6] + rng.bytes(2) + parts[i][8:]),
    lambda parts, i, rng: parts.__setitem__(i, parts[i][:4] + b"UN" + parts[i][6:]),
    lambda parts, i, rng: parts.__setitem__(i, parts[i][:4] + b"SQ\0\0\xff\xff\xff\xff" + parts[i][8:]),
    lambda parts, i, rng: parts.__setitem__(i, parts[i][:8] + rng.bytes(len(parts[i]) - 8)),
    lambda parts, i, rng: parts.__setitem__(0, parts[0][:100]),
]
"""What is done to the parts of a file at a place in them."""


@pytest.mark.filterwarnings("ignore")
def test_elements_changed(tmp_path: Path) -> None:
    paths = sorted(save(tmp_path / "whole", series(3)).iterdir())
    whole = elements(paths[2])
    rng = np.random.default_rng(5)
    path = tmp_path / "changed.dcm"
    for change in CHANGES:
        for _ in range(15):
            parts = whole.copy()
            change(parts, int(rng.integers(1, len(parts) - 1)), rng)
            path.write_bytes(b"".join(parts))
            compare([*paths[:2], path, paths[2]])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda ds: setattr(ds, "Rows", 60), "is cut off"),
        (lambda ds: setattr(ds, "BitsAllocated", 12), "BitsAllocated is 12"),
        (lambda ds: setattr(ds, "Columns", 0), "Columns is 0"),
    ],
)
def test_checks_of_pixels(tmp_path: Path, change: object, words: str) -> None:
    datasets = series(3)
    change(datasets[2])  # type: ignore[operator]
    with pytest.raises(ImagedataError, match=words):
        Series(save(tmp_path, datasets), "time")


# --- headers ------------------------------------------------------------------------------------


def instances(folder: Path) -> list[Instance]:
    sources = [Source(str(path), path) for path in sorted(folder.iterdir())]
    return scan.scan(sources).instances


def test_what_is_constant_is_kept_once(tmp_path: Path) -> None:
    datasets = series()
    for i, ds in enumerate(datasets):
        block = ds.private_block(0x29, "MAKER", create=True)
        block.add_new(1, "OB", bytes(100_000))
        block.add_new(2, "OB", bytes([i]) * 1000)
    headers = [found.dataset for found in instances(save(tmp_path, datasets))]
    last = headers[-1].layout  # type: ignore[attr-defined]
    assert 0x00291001 not in last.varying
    own = sum(len(value) for value in headers[-1].varied)  # type: ignore[attr-defined]
    assert 1000 < own < 2000
    assert headers[-2].layout is last  # type: ignore[attr-defined]


def test_copies_are_independent(tmp_path: Path) -> None:
    header = instances(save(tmp_path, series()))[-1].dataset
    for other in (copy(header), deepcopy(header), pickle.loads(pickle.dumps(header))):
        assert other == header
        other.PatientName = "Someone^Else"
        assert header.PatientName == "Test^Case"


def test_a_change_stays(tmp_path: Path) -> None:
    one, two = (found.dataset for found in instances(save(tmp_path, series()))[-2:])
    one.PatientID = "new"
    del one.StudyInstanceUID
    assert one.PatientID == "new"
    assert "StudyInstanceUID" not in one
    assert two.PatientID == "T1"
    assert two.StudyInstanceUID == uid("study")


def test_answers_are_remembered_by_what_they_depend_on(tmp_path: Path) -> None:
    headers = [found.dataset for found in instances(save(tmp_path, series(12)))]
    asked = []

    def depends(header: Dataset) -> str:
        asked.append(header)
        if float(header.ImagePositionPatient[2]) > 1:
            return str(header.AcquisitionTime)
        return "low"

    found = [remembered(depends, header) for header in headers]
    assert found == [depends(header) for header in headers]
    layout = headers[-1].layout  # type: ignore[attr-defined]
    asked.clear()
    assert [remembered(depends, h) for h in headers if h.layout is layout] == [  # type: ignore[attr-defined]
        f for f, h in zip(found, headers, strict=True) if h.layout is layout  # type: ignore[attr-defined]
    ]
    assert asked == []


# --- pixels ---------------------------------------------------------------------------------------


def pixels_by_place(folder: Path) -> dict[tuple[float, str], np.ndarray]:
    found = {}
    for path in folder.iterdir():
        ds = pydicom.dcmread(path)
        found[float(ds.ImagePositionPatient[2]), str(ds.AcquisitionTime)] = ds.pixel_array
    return found


@pytest.mark.parametrize("order", [range(6), (5, 3, 1, 0, 2, 4), (1, 2, 3, 4, 5, 0)])
@pytest.mark.parametrize("intercept", [0, -1024])
def test_pixels_are_in_their_place(tmp_path: Path, order: Sequence[int], intercept: int) -> None:
    datasets = series()
    for name, i in enumerate(order):
        datasets[i].RescaleSlope, datasets[i].RescaleIntercept = 1, intercept
        datasets[i].save_as(tmp_path / f"{name}.dcm", enforce_file_format=True)
    s = Series(tmp_path, "time")
    assert s.shape == (2, 3, 6, 8)
    assert s.dtype == (np.uint16 if intercept == 0 else np.int16)
    for (z, time), wanted in pixels_by_place(tmp_path).items():
        t = ["101000.5", "101001.5"].index(time)
        np.testing.assert_array_equal(s[t, int(z / 2.5)], wanted.astype(int) + intercept)


@given(
    st.lists(st.integers(-(2**15), 2**15 - 1), min_size=1, max_size=9),
    st.integers(-9, 9),
    st.integers(-900, 900),
)
def test_whole_rescale_in_place_is_exact(values: list[int], slope: int, intercept: int) -> None:
    stored = np.array(values, np.int16).reshape(1, 1, -1)
    wanted = stored.astype(object) * slope + intercept
    low, high = blocks.ends(stored)
    assert (low, high) == (min(values), max(values))
    if wanted.min() >= -(2**15) and wanted.max() < 2**15:
        found = blocks.add_in_place(stored.copy(), slope, intercept, np.dtype(np.int16))
        assert (found == wanted).all()


def test_arenas_reserve_no_more_than_the_files_hold() -> None:
    arenas = Arenas(lambda: 3_000_000_000)
    assert arenas.of(1_000_000, 10**6).count == 3000
    assert arenas.of(2_000_000, 10**6).count == 64




def test_files_that_shrink_while_they_are_read(tmp_path: Path) -> None:
    """Their room goes to the next file, whose pixels are its own."""

    class Shrinking(FileIO):
        def seek(self, offset: int, whence: int = 0) -> int:
            return super().seek(offset, whence) + (40 if whence == 2 else 0)

    paths = sorted(save(tmp_path, series(4)).iterdir())
    reader = FastReader([Source(str(path), path) for path in paths], headers_only=False)
    first = quickly(reader, Source(str(paths[0]), paths[0]))
    short = tmp_path / "short.dcm"
    short.write_bytes(paths[1].read_bytes()[:-40])
    with Shrinking(short) as file:
        assert reader.read("short", file) is None
    for path in paths[2:]:
        found = quickly(reader, Source(str(path), path))
        assert isinstance(found, Instance)
        assert found.pixels is not None
        assert bytes(found.pixels) == pydicom.dcmread(path).PixelData
    assert isinstance(first, Instance)
    assert first.pixels is not None
    assert bytes(first.pixels) == pydicom.dcmread(paths[0]).PixelData
