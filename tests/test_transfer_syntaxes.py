"""The same images in every transfer syntax: lossless ones give their values back, lossy those of pydicom."""

from __future__ import annotations

import base64
import io
import shutil
import subprocess
import sys
import tempfile
import textwrap
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.pixels import pixel_array
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    MPEG2MPML,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    JPEGLSNearLossless,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    RLELossless,
)

from imagedata import Series, errors
from imagedata.formats.dicom.decoders import decoder_for
from synthetic import image, save

ROWS, COLUMNS, SLICES = 37, 41, 3
"""Odd, so that frames of 8 bits need a padding byte."""

RNG = np.random.default_rng(20)
SHAPE = (SLICES, ROWS, COLUMNS)


def _grey(dtype: type, low: int, high: int) -> np.ndarray:
    """Return a ramp over the whole range, with noise: JPEG-LS has no room for noise alone."""
    ramp = np.linspace(low, high, int(np.prod(SHAPE))).reshape(SHAPE)
    noise = RNG.normal(0, (high - low) / 200, SHAPE)
    noise[[0, -1], [0, -1], [0, -1]] = 0
    return np.clip(np.rint(ramp + noise), low, high).astype(dtype)


VALUES: dict[str, tuple[np.ndarray, int]] = {
    'uint8': (_grey(np.uint8, 0, 255), 8),
    'uint16': (_grey(np.uint16, 0, 65535), 16),
    'int16': (_grey(np.int16, -32768, 32767), 16),
    'unsigned 12 in 16': (_grey(np.uint16, 0, 4095), 12),
    'signed 12 in 16': (_grey(np.int16, -2048, 2047), 12),
}
"""Stored values, and the bits that they use."""

COLOURS = np.stack([_grey(np.uint8, low, 255) for low in (0, 100, 50)], axis=-1)


def grey(values: np.ndarray, bits: int, **elements: object) -> list[Dataset]:
    """Return one dataset a slice, uncompressed."""
    return [
        image(v, (0, 0, 3 * s), number=s + 1, **{'BitsStored': bits, 'HighBit': bits - 1, **elements})
        for s, v in enumerate(values)
    ]


def colour(values: np.ndarray, planar: int = 0, photometric: str = 'RGB') -> list[Dataset]:
    """Return one dataset a slice, uncompressed, samples by pixel (0) or by plane (1)."""
    found = []
    for s, v in enumerate(values):
        stored = np.moveaxis(v, -1, 0) if planar else v
        found.append(
            image(
                v, (0, 0, 3 * s), number=s + 1, SamplesPerPixel=3, PlanarConfiguration=planar,
                PhotometricInterpretation=photometric, PixelData=_even(stored.tobytes()),
            )
        )  # fmt: skip
    return found


def _even(data: bytes) -> bytes:
    return data + b'\0' * (len(data) % 2)


def plain(series: Series) -> np.ndarray:
    """Return an array, colour as a last axis."""
    array = np.asarray(series)
    return array if array.dtype.names is None else np.stack([array[c] for c in 'RGB'], axis=-1)


def check(folder: Path, expected: np.ndarray) -> Series:
    """Read a folder, and see that it holds these values in their type."""
    series = Series(folder)
    found = plain(series)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    return series


# --- encoders ---------------------------------------------------------------------------------------


def _native(syntax: UID) -> Callable[[Dataset], Dataset]:
    def encode(ds: Dataset) -> Dataset:
        ds.file_meta.TransferSyntaxUID = syntax
        if syntax == ExplicitVRBigEndian and ds.BitsAllocated > 8:
            ds.PixelData = np.frombuffer(ds.PixelData, f'<u{ds.BitsAllocated // 8}').byteswap().tobytes()
        return ds

    return encode


def _compressed(syntax: UID, plugin: str, **options: object) -> Callable[[Dataset], Dataset]:
    def encode(ds: Dataset) -> Dataset:
        ds.compress(syntax, encoding_plugin=plugin, generate_instance_uid=False, **options)
        return ds

    return encode


def _by_dcmtk(*arguments: str) -> Callable[[Dataset], Dataset]:
    def encode(ds: Dataset) -> Dataset:
        program = shutil.which('dcmcjpeg')
        if program is None:
            pytest.skip('dcmcjpeg (dcmtk) is not installed')
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, 'source'), Path(folder, 'target')
            ds.save_as(source, enforce_file_format=True)
            subprocess.run([program, *arguments, str(source), str(target)], check=True, capture_output=True)
            with target.open('rb') as file:
                return pydicom.dcmread(io.BytesIO(file.read()))

    return encode


NATIVE = {
    'implicit': _native(ImplicitVRLittleEndian),
    'explicit': _native(ExplicitVRLittleEndian),
    'big endian': _native(ExplicitVRBigEndian),
    'deflated': _native(DeflatedExplicitVRLittleEndian),
}
LOSSLESS = {
    'RLE': _compressed(RLELossless, 'pydicom'),
    'RLE by pylibjpeg': _compressed(RLELossless, 'pylibjpeg'),
    'JPEG lossless SV1': _by_dcmtk('+e1', '+un'),
    'JPEG lossless': _by_dcmtk('+el', '+un'),
    'JPEG-LS': _compressed(JPEGLSLossless, 'pyjpegls'),
    'JPEG 2000': _compressed(JPEG2000Lossless, 'pylibjpeg'),
}
ENCODERS = {**NATIVE, **LOSSLESS}


# --- grey -------------------------------------------------------------------------------------------


@pytest.mark.parametrize('kind', VALUES)
@pytest.mark.parametrize('encoder', ENCODERS)
def test_lossless_values_come_back(tmp_path: Path, encoder: str, kind: str) -> None:
    values, bits = VALUES[kind]
    images = [ENCODERS[encoder](ds) for ds in grey(values, bits)]
    series = check(save(tmp_path, images), values)
    np.testing.assert_allclose(series.sliceLocations, [0, 3, 6])


@pytest.mark.parametrize('encoder', ENCODERS)
def test_monochrome1_keeps_its_values(tmp_path: Path, encoder: str) -> None:
    values, bits = VALUES['unsigned 12 in 16']
    images = grey(values, bits, PhotometricInterpretation='MONOCHROME1')
    series = check(save(tmp_path, [ENCODERS[encoder](ds) for ds in images]), values)
    assert series.photometricInterpretation == 'MONOCHROME1'


@pytest.mark.parametrize('vr', ['OB', 'OW'])
def test_bytes_in_big_endian(tmp_path: Path, vr: str) -> None:
    """Bytes of OW are swapped two by two (PS3.5 A.3), those of OB are not."""
    values = VALUES['uint8'][0]
    images = [_native(ExplicitVRBigEndian)(ds) for ds in grey(values, 8)]
    for ds in images:
        data = _even(ds.PixelData)
        ds.PixelData = data if vr == 'OB' else np.frombuffer(data, '<u2').byteswap().tobytes()
        ds['PixelData'].VR = vr
    check(save(tmp_path, images), values)


@pytest.mark.parametrize('bits', [1, 5, 8, 9, 13, 16, 24, 32])
@pytest.mark.parametrize('signed', [False, True])
def test_any_number_of_bits_in_any_place(tmp_path: Path, bits: int, signed: bool) -> None:
    """With the high bit at the top, and the bits below it full of something else."""
    allocated = 8 if bits <= 8 else 16 if bits <= 16 else 32
    low = -(2 ** (bits - 1)) if signed else 0
    values = RNG.integers(low, low + 2**bits, SHAPE)
    shift = allocated - bits
    stored = (values << shift) | RNG.integers(0, 2**shift, SHAPE)
    dtype = np.dtype(f'{"i" if signed else "u"}{allocated // 8}')
    images = grey(stored.astype(dtype), bits, HighBit=allocated - 1)
    check(save(tmp_path, images), values.astype(dtype))


@pytest.mark.parametrize(
    'encode',
    [
        _compressed(JPEGLSNearLossless, 'pyjpegls', jls_error=3),
        _compressed(JPEG2000, 'pylibjpeg', j2k_cr=[4]),
    ],
    ids=['JPEG-LS near-lossless', 'JPEG 2000'],
)
@pytest.mark.parametrize('kind', ['uint8', 'unsigned 12 in 16'])
def test_lossy_values_are_those_of_pydicom(
    tmp_path: Path, encode: Callable[[Dataset], Dataset], kind: str
) -> None:
    images = [encode(ds) for ds in grey(*VALUES[kind])]
    check(save(tmp_path, images), np.stack([pixel_array(ds) for ds in images]))


def baseline(ds: Dataset, quality: int = 90) -> Dataset:
    """Return an image as JPEG baseline, by Pillow; colour in YCbCr with halved columns."""
    shape = (ds.Rows, ds.Columns, 3) if ds.SamplesPerPixel == 3 else (ds.Rows, ds.Columns)
    size = int(np.prod(shape))
    pixels = np.frombuffer(ds.PixelData, np.uint8, size).reshape(shape)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, 'JPEG', quality=quality, subsampling='4:2:2')
    ds.PixelData = encapsulate([stream.getvalue()])
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    ds['PixelData'].VR = 'OB'
    ds['PixelData'].is_undefined_length = True
    if ds.SamplesPerPixel == 3:
        ds.PhotometricInterpretation, ds.PlanarConfiguration = 'YBR_FULL_422', 0
    return ds


def test_jpeg_baseline(tmp_path: Path) -> None:
    smooth = np.linspace(0, 250, int(np.prod(SHAPE))).reshape(SHAPE).astype(np.uint8)
    images = [baseline(ds) for ds in grey(smooth, 8)]
    series = check(save(tmp_path, images), np.stack([pixel_array(ds) for ds in images]))
    np.testing.assert_allclose(np.asarray(series, int), smooth, atol=6)


@pytest.mark.parametrize('process', ['+eb', '+ee'])
def test_jpeg_by_dcmtk(tmp_path: Path, process: str) -> None:
    """Baseline, and extended of 8 bits."""
    images = [_by_dcmtk(process)(ds) for ds in grey(*VALUES['uint8'])]
    check(save(tmp_path, images), np.stack([pixel_array(ds) for ds in images]))


HIGH_THROUGHPUT = {
    'uint8': (
        '/0//UQApQAAAAAAHAAAACQAAAAAAAAAAAAAABwAAAAkAAAAAAAAAAAABBwEB/1AACAACAAAAAv9SAAwAAgABAAUEBE'
        'AB/1wAEyBIUFBQUFBQUFBQUFBQSEhI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAJIAAf+TwCX1AMd0'
        'AADAEoDvAAd0AMATQBLAEoB84ACLdADpAAd0AAQBh3QAwBVwBPAFQObHmFED/gOYgbUAz8KSACGUAMw+keEAgbQAwC'
        '0oBa8ArP7vD4/3+73vAQAC48x8iAp6AP58/v1//P979/f3+P9/8wGbRCEC6XgA/t//fwAQgRhhA1gA/9k='
    ),
    'unsigned 12 in 16': (
        '/0//UQApQAAAAAAHAAAACQAAAAAAAAAAAAAABwAAAAkAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAAUEBE'
        'AB/1wAEyCIkJCQkJCQkJCQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAALYAAf+TwAAmx/EF'
        'B3QAAMAAEoB7Agd0AMAAE8AAE0AAEwDaF+ECi3QAt/4CB3QATvADh3QAwAAV0AAFTAABVG7+x5EZ0jto/gOZgbUAD3'
        '3DMJsAoZQA3vw+H/nhAYG0AMAALYgABb0AAK3+/2//YT/+/e9//373ADEALjGMfJgKewD+z3/+3/9/j/9//37f/32/'
        'f/z/f/8fAZtEpQLpeAD+/1//fwBSgRhlA1gA/9k='
    ),
    'int16': (
        '/0//UQApQAAAAAAHAAAACQAAAAAAAAAAAAAABwAAAAkAAAAAAAAAAAABjwEB/1AACAACAAAACv9SAAwAAgABAAUEBE'
        'AB/1wAEyCIkJCQkJCQkJCQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAM8AAf+TwAAlAwKH'
        'dAAAwAATAC/zA4d0AMAAE8AAE0AAEwDXfXUDg3QA/uEEh3QA/hMFh3QAwAAWjAABWwAAVgD/NP5z3foQ+19AN/4J/U'
        'KVAP6C/wX8tfs1/QFhlAD+Bf55/hP+6wLAtADAAC3YAAW7AAC1wP6//0//b/9//39//b/+v/8P/38AgO6nvKcB+boA'
        '/n//H/l/8f98/33/ef99/37/eP99AJ91CQIUeAD+/37/fP99/3//ff9/AJWB/fnSA/B6AP/Z'
    ),
    'RGB': (
        '/0//UQAvQAAAAAAHAAAACQAAAAAAAAAAAAAABwAAAAkAAAAAAAAAAAADBwEBBwEBBwEB/1AACAACAAAAA/9SAAwAAg'
        'ABAQUEBEAB/1wAEyBQWFhYWFhYWFhYWFhYUFBQ/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAUAAAf+T'
        'wBIA/idzAMASgOEAB3QAwBKAwwCHdAAAAADACUD8AEd0AADACUDwAMd0AMAJYASwAlDxAEN0AOEAB3QA3gCHdAAAwA'
        'mgBLACUG74AAt0APwAR3QA8ADHdADACqgBLAConQwdfbADmEG1APmIMZMAeAFB7QBBlAAAwAq4ATwAqOqz0oVL+QP8'
        'QZUAqxAgACGUACTcevoAgrQAwBa0AWxAFpgO178cj4fx4TZefF7vAEXndSCIfZkADhzu303cXh2df51M7t99HP4LxE'
        'IQAZcAX4//a+Px+L8e/3cAedIAAb+YAADAFtQBbMAWoD5//z/9+vh88fn79fXPx+cAxLzuLhCAfZoAPj6++Hz9+vj8'
        '/vP5+vL5/30Bg5whAym4AH5+/3583+/fz+/f7wBInDDAfpgA/9k='
    ),
}  # fmt: skip
"""Images of 9 x 7 pixels by OpenJPH, lossless; no decoder here also encodes it."""


@pytest.mark.parametrize('syntax', [HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K])
@pytest.mark.parametrize('kind', HIGH_THROUGHPUT)
def test_high_throughput_jpeg_2000(tmp_path: Path, kind: str, syntax: UID) -> None:
    """Pixel i is 7919 i modulo the number of values, from the lowest one on."""
    values, bits = VALUES.get(kind, (COLOURS, 8))
    shape = (9, 7, 3) if kind == 'RGB' else (9, 7)
    low = -32768 if kind == 'int16' else 0
    expected = (np.arange(np.prod(shape)) * 7919 % 2**bits + low).astype(values.dtype).reshape(shape)
    ds = (colour if kind == 'RGB' else grey)(expected[np.newaxis], *([] if kind == 'RGB' else [bits]))[0]
    ds.PhotometricInterpretation = 'YBR_RCT' if kind == 'RGB' else 'MONOCHROME2'
    ds.PixelData = encapsulate([base64.b64decode(HIGH_THROUGHPUT[kind])])
    ds['PixelData'].VR = 'OB'
    ds['PixelData'].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = syntax
    check(save(tmp_path, [ds]), expected)


# --- colour -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(('encoder', 'planar'), [*((e, 0) for e in ENCODERS), *((e, 1) for e in NATIVE)])
def test_rgb(tmp_path: Path, encoder: str, planar: int) -> None:
    """Compressed streams have an order of samples of their own."""
    check(save(tmp_path, [ENCODERS[encoder](ds) for ds in colour(COLOURS, planar)]), COLOURS)


@pytest.mark.parametrize('planar', [0, 1])
def test_planes_in_rle_whatever_the_header_says(tmp_path: Path, planar: int) -> None:
    images = [LOSSLESS['RLE'](ds) for ds in colour(COLOURS)]
    for ds in images:
        ds.PlanarConfiguration = planar
    check(save(tmp_path, images), COLOURS)


def test_reversible_colour_transform(tmp_path: Path) -> None:
    """In JPEG 2000: the decoder undoes it, and the values are RGB (PS3.5 8.2.4)."""
    images = colour(COLOURS, 0, 'YBR_RCT')
    check(save(tmp_path, [LOSSLESS['JPEG 2000'](ds) for ds in images]), COLOURS)


@pytest.mark.parametrize(('encoder', 'planar'), [('RLE', 0), *((e, p) for e in NATIVE for p in (0, 1))])
def test_ybr_full(tmp_path: Path, encoder: str, planar: int) -> None:
    images = [ENCODERS[encoder](ds) for ds in colour(COLOURS, planar, 'YBR_FULL')]
    found = check(save(tmp_path, images), np.stack([pixel_array(ds) for ds in images]))
    y, cr = COLOURS[..., 0].astype(float), COLOURS[..., 2].astype(float)
    red = np.clip(np.rint(y + 1.402 * (cr - 128)), 0, 255)  # PS3.3 C.7.6.3.1.2
    np.testing.assert_allclose(np.asarray(found)['R'], red, atol=1)


def test_ybr_full_422(tmp_path: Path) -> None:
    """Without compression: two luminances, and what both share (PS3.3 C.7.6.3.1.2)."""
    values = RNG.integers(0, 255, (SLICES, 4, 6, 3), np.uint8)
    values[:, :, 1::2, 1:] = values[:, :, ::2, 1:]
    images = colour(values, 0, 'YBR_FULL_422')
    for ds, v in zip(images, values, strict=True):
        pairs = np.stack([v[:, ::2, 0], v[:, 1::2, 0], v[:, ::2, 1], v[:, ::2, 2]], axis=-1)
        ds.PixelData = pairs.tobytes()
    full = colour(values, 0, 'YBR_FULL')
    check(save(tmp_path, images), np.stack([pixel_array(ds) for ds in full]))


def test_ybr_in_jpeg_baseline(tmp_path: Path) -> None:
    ramp = np.linspace(20, 220, SLICES * 16 * 16).reshape(SLICES, 16, 16)
    smooth = np.stack([ramp, ramp[:, ::-1], np.full_like(ramp, 90)], axis=-1).astype(np.uint8)
    images = [baseline(ds, 95) for ds in colour(smooth)]
    found = check(save(tmp_path, images), np.stack([pixel_array(ds) for ds in images]))
    np.testing.assert_allclose(plain(found).astype(int), smooth, atol=8)


def palette(ds: Dataset, tables: np.ndarray, bits: int, *, words: bool, big: bool = False) -> Dataset:
    """Give an image tables of (red, green, blue) in bytes or words."""
    order = '>u2' if big else '<u2'
    for name, table in zip(('Red', 'Green', 'Blue'), tables, strict=True):
        data = table.astype(order).tobytes() if words else _even(table.astype(np.uint8).tobytes())
        if big and not words:
            data = np.frombuffer(data, '<u2').astype(order).tobytes()
        ds.add_new(f'{name}PaletteColorLookupTableDescriptor', 'US', [len(table), 0, bits])
        ds.add_new(f'{name}PaletteColorLookupTableData', 'OW', data)
    ds.PhotometricInterpretation = 'PALETTE COLOR'
    return ds


TABLES = RNG.integers(0, 65536, (3, 256))


@pytest.mark.parametrize(('bits', 'words'), [(8, False), (8, True), (16, True)])
@pytest.mark.parametrize('encoder', ENCODERS)
def test_palette_colour(tmp_path: Path, encoder: str, bits: int, words: bool) -> None:
    """A table of 16 bits has its colours in the upper 8; one of 8 bits may stand in words."""
    values = VALUES['uint8'][0]
    big = encoder == 'big endian'
    tables = TABLES if bits == 16 else TABLES >> 8
    images = [palette(ds, tables, bits, words=words, big=big) for ds in grey(values, 8)]
    expected = np.moveaxis((TABLES >> 8).astype(np.uint8)[:, values], 0, -1)
    check(save(tmp_path, [ENCODERS[encoder](ds) for ds in images]), expected)


@pytest.mark.parametrize('entries', [5, 200, 1000])
def test_palette_of_any_length(tmp_path: Path, entries: int) -> None:
    """An odd number of bytes is padded; values beyond the table have its last colour."""
    tables = RNG.integers(0, 256, (3, entries))
    values = VALUES['unsigned 12 in 16'][0]
    images = [palette(ds, tables, 8, words=False) for ds in grey(values, 12)]
    expected = np.moveaxis(tables.astype(np.uint8)[:, np.minimum(values, entries - 1)], 0, -1)
    check(save(tmp_path, images), expected)


def test_a_palette_that_is_cut_off(tmp_path: Path) -> None:
    ds = palette(grey(*VALUES['uint8'])[0], TABLES[:, :100] >> 8, 8, words=False)
    ds.GreenPaletteColorLookupTableDescriptor = [256, 0, 8]
    with pytest.raises(errors.PixelDecodeError, match='Green table has 100 bytes for 256'):
        Series(save(tmp_path, [ds]))


# --- frames -----------------------------------------------------------------------------------------


def movie(frames: np.ndarray) -> Dataset:
    """Return frames without compression in one object."""
    ds = image(frames.reshape(-1, frames.shape[2]), (0, 0, 0), number=1, FrameTime='40',
               ImagePositionPatient=None, ImageOrientationPatient=None)  # fmt: skip
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = (
        MultiFrameGrayscaleByteSecondaryCaptureImageStorage
    )
    ds.Modality, ds.NumberOfFrames, ds.Rows = 'OT', len(frames), frames.shape[1]
    return ds


@pytest.mark.parametrize('encoder', NATIVE)
def test_frames_without_compression(tmp_path: Path, encoder: str) -> None:
    values = VALUES['int16'][0]
    check(save(tmp_path, [NATIVE[encoder](movie(values))]), values[:, np.newaxis])


OFFSETS = ('basic', 'empty', 'extended')
FRAGMENTS = ('fragments', 'fragments without table')


@pytest.mark.parametrize(
    ('encoder', 'table'),
    [
        *((e, table) for e in LOSSLESS for table in OFFSETS),
        # A frame in RLE is one fragment (PS3.5 A.4.2).
        *((e, table) for e in LOSSLESS if 'RLE' not in e for table in FRAGMENTS),
    ],
)
def test_frames_with_and_without_offsets(tmp_path: Path, encoder: str, table: str) -> None:
    values = VALUES['uint8'][0]
    ds = LOSSLESS[encoder](movie(values))
    frames = list(pydicom.encaps.generate_frames(ds.PixelData, number_of_frames=len(values)))
    if table == 'extended':
        extended = encapsulate_extended(frames)
        ds.PixelData, ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = extended
    else:
        pieces = 2 if 'fragments' in table else 1
        ds.PixelData = encapsulate(frames, pieces, has_bot=table in ('basic', 'fragments'))
    ds['PixelData'].VR = 'OB'
    ds['PixelData'].is_undefined_length = True
    series = check(save(tmp_path, [ds]), values[:, np.newaxis])
    np.testing.assert_allclose(series.timeline, [0, 0.04, 0.08])


# --- RLE, and the process that reads it -------------------------------------------------------------


@pytest.mark.parametrize('samples', [1, 3])
def test_gdcm_is_given_nothing(samples: int) -> None:
    """It ends the process for some damaged streams, and for frames in RLE with an odd number of bytes."""
    jpeg_2000 = (JPEG2000Lossless, JPEG2000, HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL)
    for syntax in (*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes, *jpeg_2000, RLELossless):
        assert decoder_for(syntax, 8, samples) not in ('', 'gdcm')


def segmentation(masks: np.ndarray, bits: int) -> Dataset:
    """Return a binary segmentation of one segment, in bits of their own or in bytes."""
    from test_dicom_objects import segmentation as seg

    ds = seg([(0, s) for s in range(len(masks))], labels=['Tumour'], masks=masks[np.newaxis])
    if bits == 8:
        ds.BitsAllocated = ds.BitsStored = 8
        ds.HighBit, ds.PixelData = 7, _even(masks.tobytes())
    return ds


@pytest.mark.parametrize('size', [(9, 7), (7, 9), (1, 1), (3, 5), (8, 8), (1, 131)])
def test_segmentation_in_rle(tmp_path: Path, size: tuple[int, int]) -> None:
    """As dcmjs writes them: binary, with 8 bits a pixel."""
    masks = RNG.integers(0, 2, (4, *size), np.uint8)
    ds = segmentation(masks, 8)
    ds.compress(RLELossless, encoding_plugin='pydicom', generate_instance_uid=False)
    check(save(tmp_path, [ds]), masks)


SCRIPT = textwrap.dedent("""
    import sys
    import numpy as np
    from imagedata import ImagedataError, Series
    for path in sys.argv[1:]:
        try:
            print(path[-1], int(np.asarray(Series(path)).astype(int).sum()))
        except ImagedataError as error:
            print(path[-1], type(error).__name__)
""")


def test_rle_never_ends_the_process(tmp_path: Path) -> None:
    """Whole and damaged ones of odd sizes, and one that says it has single bits."""
    masks = RNG.integers(0, 2, (4, 9, 7), np.uint8)
    whole, packed, cut, lies = (segmentation(masks, 8) for _ in range(4))
    for ds in (whole, packed, cut, lies):
        ds.compress(RLELossless, encoding_plugin='pydicom', generate_instance_uid=False)
    packed.BitsAllocated = packed.BitsStored = 1
    packed.HighBit = 0
    frames = list(pydicom.encaps.generate_frames(cut.PixelData, number_of_frames=4))
    cut.PixelData = encapsulate([f[: len(f) // 4 * 2] for f in frames])
    lies.PixelData = encapsulate([f[:4] + b'\xff' + f[5:] for f in frames])
    folders = [save(tmp_path / str(i), [ds]) for i, ds in enumerate((whole, packed, cut, lies))]
    done = subprocess.run(
        [sys.executable, '-c', SCRIPT, *map(str, folders)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = dict(line.split() for line in done.stdout.splitlines())
    assert said['0'] == str(masks.sum())
    assert said['2'] == said['3'] == 'PixelDecodeError'
    assert said['1'] in (str(masks.sum()), 'PixelDecodeError')


def test_a_syntax_without_a_decoder_is_named(tmp_path: Path) -> None:
    ds = LOSSLESS['RLE'](grey(*VALUES['uint8'])[0])
    ds.file_meta.TransferSyntaxUID = MPEG2MPML
    with pytest.raises(errors.ImagedataError, match='MPEG2'):
        Series(save(tmp_path, [ds]))


# --- frames deflated one by one ---------------------------------------------------------------------


def deflate(frame: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(frame) + packer.flush()


def deflated_frames(folder: Path, ds: Dataset, streams: list[bytes]) -> Path:
    """Write a dataset with the frames of PS3.5 A.4.13: a raw deflate stream in each fragment."""
    ds.PixelData = encapsulate(streams)
    ds['PixelData'].VR = 'OB'
    ds['PixelData'].is_undefined_length = True
    # pydicom does not write what it does not know: a UID of the same length is replaced.
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    (file,) = save(folder, [ds]).iterdir()
    data = file.read_bytes()
    assert data.count(JPEGBaseline8Bit.encode()) == 1
    file.write_bytes(data.replace(JPEGBaseline8Bit.encode(), b'1.2.840.10008.1.2.8.1\0'))
    return folder


@pytest.mark.parametrize('size', [(4, 4), (5, 3)])
def test_deflated_frames(tmp_path: Path, size: tuple[int, int]) -> None:
    """A cine of 16 bits, and a segmentation of single bits whose frames do not end at whole bytes."""
    values = RNG.integers(0, 4000, (3, *size), np.uint16)
    streams = [deflate(frame.tobytes()) for frame in values]
    check(deflated_frames(tmp_path / 'cine', movie(values), streams), values[:, np.newaxis])
    masks = RNG.integers(0, 2, (4, *size), np.uint8)
    streams = [deflate(np.packbits(mask.ravel(), bitorder='little').tobytes()) for mask in masks]
    check(deflated_frames(tmp_path / 'bits', segmentation(masks, 1), streams), masks)


@pytest.mark.parametrize('kind', ['short', 'few', 'bomb', 'noise', 'cut'])
def test_deflated_frames_that_are_damaged(tmp_path: Path, kind: str) -> None:
    values = RNG.integers(0, 4000, (3, 5, 3), np.uint16)
    whole = [deflate(frame.tobytes()) for frame in values]
    last = {
        'short': [deflate(values[2].tobytes()[:-2])], 'few': [], 'bomb': [deflate(bytes(10**6))],
        'noise': [b'\xff' * 20], 'cut': [whole[2][:10]],
    }[kind]  # fmt: skip
    folder = deflated_frames(tmp_path, movie(values), [*whole[:2], *last])
    with pytest.raises(errors.PixelDecodeError, match='deflated pixels are damaged'):
        Series(folder)
