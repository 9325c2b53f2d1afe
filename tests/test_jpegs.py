"""JPEG streams: lossless ones by several encoders, and damaged ones; lossy ones of 12 bits."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import gdcm  # noqa: F401 - the decoder that pydicom finds for what ours is compared with
import numpy as np
import pydicom
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.utils import pixel_array
from pydicom.uid import JPEG2000Lossless, JPEGLossless, JPEGLSLossless

from imagedata import Series, errors
from imagedata.formats.dicom import blocks
from imagedata.formats.dicom.jpegs import check_bits, lossless_scans
from synthetic import image, save

RNG = np.random.default_rng(7)


def values_of(bits: int, shape: tuple[int, ...] = (33, 29)) -> np.ndarray:
    """Return noise on a ramp over the whole range."""
    top = 2**bits - 1
    ramp = np.linspace(0, top, int(np.prod(shape))).reshape(shape)
    found = np.clip(np.rint(ramp + RNG.normal(0, top / 20, shape)), 0, top)
    found.flat[:2] = 0, top
    return found.astype(np.uint8 if bits <= 8 else np.uint16)


# --- an encoder ---------------------------------------------------------------------------------------


def _category(difference: int) -> tuple[int, str]:
    """Return the category of a difference modulo 2^16, and its further bits (H.1.2.2)."""
    signed = (difference + 32768) % 65536 - 32768
    if signed == -32768:
        return 16, ""
    size = abs(signed).bit_length()
    return size, format(signed if signed > 0 else signed + 2**size - 1, f"0{size}b") if size else ""


def _predict(x: np.ndarray, r: int, c: int, first: bool, start: int, predictor: int) -> int:
    if c == 0:
        return start if first else int(x[r - 1, 0])
    left = int(x[r, c - 1])
    if first:
        return left
    above, corner = int(x[r - 1, c]), int(x[r - 1, c - 1])
    return {
        1: left, 2: above, 3: corner, 4: left + above - corner, 5: left + ((above - corner) >> 1),
        6: above + ((left - corner) >> 1), 7: (left + above) >> 1,
    }[predictor]  # fmt: skip


def encode(planes: np.ndarray, bits: int, predictor: int = 1, transform: int = 0, restart: int = 0) -> bytes:
    """Return a lossless stream (ISO/IEC 10918-1 H.1) of (rows, columns, components), with codes of 5 bits.

    Restarts are after so many rows.
    """
    rows, columns, count = planes.shape
    x = planes.astype(int) >> transform
    scan, number, bitstring = b"", 0, ""
    for r in range(rows):
        first = r == 0 or (restart > 0 and r % restart == 0)
        if first and r:
            scan += _packed(bitstring) + bytes([0xFF, 0xD0 + number % 8])
            number, bitstring = number + 1, ""
        for c in range(columns):
            for k in range(count):
                start = 1 << (bits - transform - 1)
                category, rest = _category(
                    int(x[r, c, k]) - _predict(x[..., k], r, c, first, start, predictor))  # fmt: skip
                bitstring += format(category, "05b") + rest
    scan += _packed(bitstring)

    def segment(marker: int, data: bytes) -> bytes:
        return bytes([0xFF, marker]) + (len(data) + 2).to_bytes(2, "big") + data

    size = rows.to_bytes(2, "big") + columns.to_bytes(2, "big")
    frame = bytes([bits]) + size + bytes([count]) + b"".join(bytes([k + 1, 0x11, 0]) for k in range(count))
    table = b"\0" + bytes([0, 0, 0, 0, 17]) + bytes(11) + bytes(range(17))
    begin = bytes([count]) + b"".join(bytes([k + 1, 0]) for k in range(count))
    begin += bytes([predictor, 0, transform])
    stream = b"\xff\xd8" + segment(0xC3, frame) + segment(0xC4, table)
    if restart:
        stream += segment(0xDD, (restart * columns).to_bytes(2, "big"))
    return stream + segment(0xDA, begin) + scan + b"\xff\xd9"


def _packed(bitstring: str) -> bytes:
    """Return bits as bytes, the last one filled with ones, and a zero after each FF (F.1.2.3)."""
    whole = bitstring + "1" * (-len(bitstring) % 8)
    data = bytes(int(whole[i : i + 8], 2) for i in range(0, len(whole), 8))
    return data.replace(b"\xff", b"\xff\0")


def dataset_of(stream: bytes, like: np.ndarray, bits: int, **elements: object) -> pydicom.Dataset:
    ds = image(like, (0, 0, 0), number=1, BitsStored=bits, HighBit=bits - 1, **elements)
    ds.file_meta.TransferSyntaxUID = JPEGLossless
    ds.PixelData = encapsulate([stream])
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return ds


@pytest.mark.parametrize("restart", [0, 1, 3, 40])
@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize("bits", [8, 11, 16])
def test_every_predictor(tmp_path: Path, bits: int, predictor: int, restart: int) -> None:
    values = values_of(bits, (13, 11))
    stream = encode(values[..., np.newaxis], bits, predictor, restart=restart)
    found = Series(save(tmp_path, [dataset_of(stream, values, bits)]))
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("transform", [1, 3, 7])
def test_point_transform(tmp_path: Path, transform: int) -> None:
    values = values_of(12, (13, 11))
    stream = encode(values[..., np.newaxis], 12, 4, transform)
    found = Series(save(tmp_path, [dataset_of(stream, values, 12)]))
    np.testing.assert_array_equal(found, values >> transform << transform)


@pytest.mark.parametrize("predictor", [1, 5, 7])
def test_colour(tmp_path: Path, predictor: int) -> None:
    values = values_of(8, (13, 11, 3))
    ds = dataset_of(encode(values, 8, predictor), values, 8, SamplesPerPixel=3, PlanarConfiguration=0,
                    PhotometricInterpretation="RGB")  # fmt: skip
    found = Series(save(tmp_path, [ds]))
    np.testing.assert_array_equal(np.stack([found[c] for c in "RGB"], -1), values)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("predictor", range(1, 8))
def test_dcmtk_encodes_and_gdcm_decodes_the_same(
    tmp_path: Path, predictor: int, bits: int, signed: bool
) -> None:
    program = shutil.which("dcmcjpeg")
    if program is None:
        pytest.skip("dcmcjpeg (dcmtk) is not installed")
    values = values_of(bits, (34, 30))
    if signed:
        low = values.astype(int) - 2 ** (bits - 1)
        values = low.astype(np.int8 if bits == 8 else np.int16)
    source, folder = tmp_path / "source.dcm", tmp_path / "packed"
    folder.mkdir()
    ds = image(values, (0, 0, 0), number=1, BitsStored=bits, HighBit=bits - 1)
    ds.save_as(source, enforce_file_format=True)
    subprocess.run(
        [program, "+el", "+sv", str(predictor), "+un", str(source), str(folder / "packed.dcm")], check=True
    )
    found = Series(folder)
    np.testing.assert_array_equal(found, values)
    other = pixel_array(folder / "packed.dcm", decoding_plugin="gdcm")
    np.testing.assert_array_equal(found, other)


# --- damage -------------------------------------------------------------------------------------------


WHOLE = encode(values_of(12, (13, 11))[..., np.newaxis], 12, 1)
DATA = WHOLE.index(b"\xff\xda") + 10
"""Where the entropy-coded data of the stream begin."""


@given(st.integers(DATA, len(WHOLE) - 3))
def test_a_stream_that_ends_early_is_damaged(end: int) -> None:
    import imagecodecs

    stream = WHOLE[:end].rstrip(b"\xff") + b"\xff\xd9"
    precision, scans = lossless_scans(stream, (13, 11, 1))
    values = imagecodecs.jpeg8_decode(stream)
    with pytest.raises(ValueError, match="bits"):
        check_bits(values, precision, scans)


@given(st.integers(DATA, len(WHOLE) - 3), st.integers(2, 9))
def test_a_stream_with_bytes_that_are_left_is_damaged(at: int, count: int) -> None:
    import imagecodecs

    at += WHOLE[at - 1] == 0xFF  # not between FF and what is stuffed in
    stream = WHOLE[:at] + b"\xa5" * count + WHOLE[at:]
    precision, scans = lossless_scans(stream, (13, 11, 1))
    values = imagecodecs.jpeg8_decode(stream)
    if not np.array_equal(values, imagecodecs.jpeg8_decode(WHOLE)):
        with pytest.raises(ValueError, match="bits"):
            check_bits(values, precision, scans)


def test_padding_behind_the_pixels_is_none_of_them(tmp_path: Path) -> None:
    values = values_of(12, (13, 11))
    stream = encode(values[..., np.newaxis], 12)
    padded = stream[:-2] + bytes(6) + stream[-2:]
    found = Series(save(tmp_path, [dataset_of(padded, values, 12)]))
    np.testing.assert_array_equal(found, values)


DAMAGED = {
    "cut off": lambda s: s[: len(s) // 2] + b"\xff\xd9",
    "without end": lambda s: s[: len(s) // 2],
    "another size": lambda s: s.replace(b"\x00\x0d\x00\x0b", b"\x00\x0d\x00\x0c", 1),
    "another component": lambda s: s.replace(b"\x01\x01\x11\x00", b"\x01\x01\x21\x00", 1),
    "no table": lambda s: s.replace(b"\xff\xc4", b"\xff\xfe", 1),
    "two scans of one component": lambda s: s[:-2] + s[s.index(b"\xff\xda") :],
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_streams_are_errors(tmp_path: Path, kind: str) -> None:
    values = values_of(12, (13, 11))
    stream = DAMAGED[kind](encode(values[..., np.newaxis], 12))
    folder = save(tmp_path, [dataset_of(stream, values, 12)])
    with pytest.raises(errors.PixelDecodeError, match=r"cannot be decoded|announced"):
        Series(folder)


# --- 12 bits with loss ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["JPEG-lossy.dcm", "JPGExtended.dcm"])
def test_extended_jpeg_of_12_bits_as_simpleitk_reads_it(name: str) -> None:
    path = pydicom.data.get_testdata_file(name)
    other = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(path))
    np.testing.assert_array_equal(np.squeeze(Series(path)), np.squeeze(other))


# --- threads --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize("threads", [1, 3])
def test_threads_decode_each_to_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, syntax: str, threads: int
) -> None:
    monkeypatch.setattr(blocks, "_THREADS", threads)
    monkeypatch.setattr(blocks, "_LARGE", 0)
    values = [values_of(12, (40, 36)) for _ in range(7)]
    images = [image(v, (0, 0, 2 * i), number=i + 1, BitsStored=12, HighBit=11) for i, v in enumerate(values)]
    for ds in images:
        ds.compress(syntax, generate_instance_uid=False)
    np.testing.assert_array_equal(Series(save(tmp_path, images)), values)


def test_a_damaged_image_among_others_is_named(tmp_path: Path) -> None:
    images = [image(values_of(12), (0, 0, 2 * i), number=i + 1) for i in range(5)]
    for ds in images:
        ds.compress(JPEGLSLossless, generate_instance_uid=False)
    stream = next(iter(generate_frames(images[3].PixelData, number_of_frames=1)))
    images[3].PixelData = encapsulate([stream[:40] + b"\xff" * (len(stream) - 40)])
    folder = save(tmp_path, images)
    with pytest.raises(errors.PixelDecodeError) as caught:
        Series(folder)
    named = [path for path in folder.iterdir() if str(path) in str(caught.value)]
    assert [pydicom.dcmread(path).InstanceNumber for path in named] == [4]
