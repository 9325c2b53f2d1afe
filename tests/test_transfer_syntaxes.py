"""The same images in every transfer syntax: lossless ones give the values back, lossy ones those of pydicom."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.pixels import pixel_array
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    JPEGLSNearLossless,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    RLELossless,
)

from imagedata import Series, errors
from imagedata.formats.dicom.decoders import decoder_for
from synthetic import image, save

ROWS, COLUMNS, SLICES = 5, 7, 3
"""Odd, so that frames of 8 bits need a padding byte."""

RNG = np.random.default_rng(20)
SHAPE = (SLICES, ROWS, COLUMNS)


def _grey(dtype: type, low: int, high: int) -> np.ndarray:
    """Return random values with both ends of the range among them."""
    values = RNG.integers(low, high, SHAPE, dtype, endpoint=True)
    values[:, 0, 0], values[:, 0, 1] = low, high
    return values


VALUES: dict[str, tuple[np.ndarray, int]] = {
    'uint8': (_grey(np.uint8, 0, 255), 8),
    'uint16': (_grey(np.uint16, 0, 65535), 16),
    'int16': (_grey(np.int16, -32768, 32767), 16),
    'unsigned 12 in 16': (_grey(np.uint16, 0, 4095), 12),
    'signed 12 in 16': (_grey(np.int16, -2048, 2047), 12),
}
"""Stored values, and the bits that they use."""

COLOURS = RNG.integers(0, 255, (*SHAPE, 3), np.uint8, endpoint=True)


def grey(values: np.ndarray, bits: int, **elements: object) -> list[Dataset]:
    """Return one dataset a slice, uncompressed."""
    return [
        image(v, (0, 0, 3 * s), number=s + 1, BitsStored=bits, HighBit=bits - 1, **elements)
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
        import tempfile

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


HIGH_THROUGHPUT = ('HTJ2KLossless_08_RGB.dcm', 'HTJ2K_08_RGB.dcm')


@pytest.mark.parametrize('name', HIGH_THROUGHPUT)
def test_high_throughput_jpeg_2000(name: str) -> None:
    """No encoder is free: files of pydicom."""
    path = get_testdata_file(name)
    assert path is not None
    np.testing.assert_array_equal(plain(Series(path)), pixel_array(path))


# --- colour -----------------------------------------------------------------------------------------


@pytest.mark.parametrize('planar', [0, 1])
@pytest.mark.parametrize('encoder', ENCODERS)
def test_rgb(tmp_path: Path, encoder: str, planar: int) -> None:
    if planar and encoder not in NATIVE:
        pytest.skip('compressed streams have an order of their own')
    encode = _by_dcmtk('+e1', '+cr', '+un') if encoder == 'JPEG lossless SV1' else ENCODERS[encoder]
    encode = _by_dcmtk('+el', '+cr', '+un') if encoder == 'JPEG lossless' else encode
    check(save(tmp_path, [encode(ds) for ds in colour(COLOURS, planar)]), COLOURS)


def test_reversible_colour_transform(tmp_path: Path) -> None:
    images = [_compressed(JPEG2000Lossless, 'pylibjpeg')(ds) for ds in colour(COLOURS, 0, 'RGB')]
    for ds in images:
        ds.PhotometricInterpretation = 'YBR_RCT'
    check(save(tmp_path, images), np.stack([pixel_array(ds) for ds in images]))


@pytest.mark.parametrize('planar', [0, 1])
@pytest.mark.parametrize('encoder', ['explicit', 'big endian', 'deflated', 'RLE'])
def test_ybr_full(tmp_path: Path, encoder: str, planar: int) -> None:
    images = [ENCODERS[encoder](ds) for ds in colour(COLOURS, planar, 'YBR_FULL')]
    found = check(save(tmp_path, images), np.stack([pixel_array(ds) for ds in images]))
    y, cb, cr = (COLOURS[..., i].astype(float) for i in range(3))
    red = np.clip(np.rint(y + 1.402 * (cr - 128)), 0, 255)  # PS3.3 C.7.6.3.1.2
    np.testing.assert_allclose(np.asarray(found)['R'], red, atol=1)
    assert cb.shape == red.shape


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


@pytest.mark.parametrize('bits', [8, 16])
@pytest.mark.parametrize('encoder', ENCODERS)
def test_palette_colour(tmp_path: Path, encoder: str, bits: int) -> None:
    """A table of 16 bits has its colours in the upper 8 of them."""
    tables = RNG.integers(0, 255, (3, 256), np.uint8, endpoint=True)
    values = VALUES['uint8'][0]
    images = []
    for ds in grey(values, 8, PhotometricInterpretation='PALETTE COLOR'):
        encoded = ENCODERS[encoder](ds)
        big = encoder == 'big endian'
        for name, table in zip(('Red', 'Green', 'Blue'), tables, strict=True):
            wide = (table.astype(np.uint16) * 257).astype('>u2' if big else '<u2').tobytes()
            narrow = table.view('<u2').astype('>u2').tobytes() if big else table.tobytes()
            setattr(encoded, f'{name}PaletteColorLookupTableDescriptor', [256, 0, bits])
            setattr(encoded, f'{name}PaletteColorLookupTableData', wide if bits == 16 else narrow)
        images.append(encoded)
    check(save(tmp_path, images), np.moveaxis(tables[:, values], 0, -1))


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


@pytest.mark.parametrize('table', ['basic', 'empty', 'extended', 'fragments', 'fragments without table'])
@pytest.mark.parametrize('encoder', LOSSLESS)
def test_frames_with_and_without_offsets(tmp_path: Path, encoder: str, table: str) -> None:
    if 'fragments' in table and encoder.startswith('RLE'):
        pytest.skip('a frame in RLE is one fragment (PS3.5 A.4.2)')
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


def test_gdcm_is_given_no_rle() -> None:
    """Its encoder ends the process for frames with an odd number of bytes."""
    assert decoder_for(RLELossless) in ('pylibjpeg', 'pydicom')


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
    """Whole and damaged ones of odd sizes, and one of bits that no encoder makes."""
    masks = RNG.integers(0, 2, (4, 9, 7), np.uint8)
    whole, packed, cut, lies = (segmentation(masks, 8) for _ in range(4))
    for ds in (whole, packed, cut, lies):
        ds.compress(RLELossless, encoding_plugin='pydicom', generate_instance_uid=False)
    packed.BitsAllocated = packed.BitsStored = 1
    packed.HighBit = 0
    frames = list(pydicom.encaps.generate_frames(cut.PixelData, number_of_frames=4))
    cut.PixelData = encapsulate([f[: len(f) // 4 * 2] for f in frames])
    lies.PixelData = encapsulate([b'\x02' + f[1:] for f in frames])
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


def test_an_unknown_syntax_is_named(tmp_path: Path) -> None:
    ds = _compressed(RLELossless, 'pydicom')(grey(*VALUES['uint8'])[0])
    ds.file_meta.TransferSyntaxUID = UID('1.2.840.10008.1.2.4.110')  # JPEG XL Lossless
    with pytest.raises(errors.ImagedataError, match='00000'):
        Series(save(tmp_path, [ds]))
