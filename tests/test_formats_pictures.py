"""Plain images against Pillow and SimpleITK, in both directions; what is left out, and what is broken."""

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - as its documentation calls it
from PIL import Image

from formats_helpers import RGB, random_series, random_values, same
from imagedata import Series
from imagedata.axis import UniformLengthAxis
from imagedata.errors import (
    CorruptFileError,
    ImagedataError,
    ImagedataWarning,
    LossWarning,
    MultipleSeriesError,
    WriteError,
    WriteNotImplemented,
)

LOSSLESS = {
    'png': ['1', 'L', 'I;16', 'RGB'],
    'tif': ['1', 'L', 'I;16', 'I', 'F', 'RGB'],
    'bmp': ['1', 'L', 'RGB'],
}
TYPES = {'1': 'bool', 'L': 'u1', 'I;16': 'u2', 'I': 'i4', 'F': 'f4', 'RGB': RGB}


def pillow_image(values: np.ndarray) -> Image.Image:
    if values.dtype.names:
        values = values.view('u1').reshape(*values.shape, 3)
    return Image.fromarray(values)


@pytest.mark.parametrize(('name', 'mode'), [(n, m) for n, modes in LOSSLESS.items() for m in modes])
def test_files_of_pillow(name: str, mode: str, tmp_path: Path) -> None:
    values = random_values(np.random.default_rng(0), (7, 5), TYPES[mode])
    image = pillow_image(values)
    assert image.mode == mode
    image.save(tmp_path / f'a.{name}')
    found = Series(tmp_path / f'a.{name}')
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(np.asarray(found), values)


@pytest.mark.parametrize('dtype', ['u1', 'i1', 'u2', 'i2', 'u4', 'i4', 'f4'])
def test_tiff_of_simpleitk(dtype: str, tmp_path: Path) -> None:
    """Pillow has no signed bytes, and reads unsigned 32 bits as signed ones: the header tells."""
    values = random_values(np.random.default_rng(0), (3, 7, 5), dtype)
    try:
        sitk.WriteImage(sitk.GetImageFromArray(values), str(tmp_path / 'a.tif'))
    except RuntimeError:
        pytest.skip(f'SimpleITK writes no TIFF of {dtype}')
    found = Series(tmp_path / 'a.tif')
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(np.asarray(found), values)


@pytest.mark.parametrize('name', ['png', 'tif', 'jpg'])
def test_simpleitk_reads_ours(name: str, tmp_path: Path) -> None:
    for dtype in ('u1', RGB, *(['u2'] if name != 'jpg' else []), *(['f4'] if name == 'tif' else [])):
        series = random_series(dtype, (1 if name != 'tif' else 3, 16, 24))
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', LossWarning)
            series.write(tmp_path / f'a.{name}')
        back = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / f'a.{name}')))
        values = np.asarray(series)
        wanted = values.view('u1').reshape(*values.shape, 3) if values.dtype.names else values
        if name == 'jpg':
            assert np.abs(back.reshape(wanted.shape).astype(int) - wanted).mean() < 10
        else:
            np.testing.assert_array_equal(back.reshape(wanted.shape), wanted)


def test_a_folder_is_a_stack_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    for number in (10, 9, 1, 2, 11):
        Image.fromarray(np.full((4, 3), number, 'u1')).save(tmp_path / f'slice{number}.png')
    assert Series(tmp_path)[:, 0, 0].tolist() == [1, 2, 9, 10, 11]
    Image.fromarray(np.zeros((5, 3), 'u1')).save(tmp_path / 'other.png')
    with pytest.raises(MultipleSeriesError, match='2 series'):
        Series(tmp_path)


def test_grey_and_colour_in_one_stack(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 3), 7, 'u1')).save(tmp_path / 'a1.png')
    Image.new('RGB', (3, 4), (1, 2, 3)).save(tmp_path / 'a2.png')
    assert [tuple(int(v) for v in s[0, 0]) for s in np.asarray(Series(tmp_path))] == [(7, 7, 7), (1, 2, 3)]


def test_pictures_of_two_formats_or_archives_are_no_stack(tmp_path: Path) -> None:
    values = np.arange(20, dtype='u1').reshape(4, 5)
    Series(values).write(tmp_path / 'a.png')
    Series(values + 1).write(tmp_path / 'b.bmp')
    with pytest.raises(MultipleSeriesError, match='2 series'):
        Series(tmp_path)
    for name in ('a', 'b'):
        Series(np.stack([values] * 3)).write(tmp_path / f'{name}.zip?x_%d.png')
    with pytest.raises(MultipleSeriesError, match='2 series'):
        Series([tmp_path / 'a.zip', tmp_path / 'b.zip'])


def test_pictures_that_are_stored_turned(tmp_path: Path) -> None:
    """EXIF's orientation 2 is mirrored: TIFF is turned by Pillow, others are told."""
    values = np.arange(20, dtype='u1').reshape(4, 5)
    turned = Image.Exif()
    turned[274] = 2
    Image.fromarray(values).save(tmp_path / 'a.png', exif=turned)
    with pytest.warns(ImagedataWarning, match='turned or mirrored'):
        assert np.array_equal(Series(tmp_path / 'a.png'), values)
    Image.fromarray(values).save(tmp_path / 'a.tif', tiffinfo={274: 2})
    assert np.array_equal(Series(tmp_path / 'a.tif'), values[:, ::-1])


def test_resolution_is_spacing(tmp_path: Path) -> None:
    image = Image.fromarray(np.zeros((4, 3), 'u1'))
    for name in ('a.png', 'a.tif', 'a.jpg', 'a.bmp'):
        image.save(tmp_path / name, dpi=(254, 127))
        np.testing.assert_allclose(Series(tmp_path / name).header.geometry.spacing[1:], [0.2, 0.1], rtol=1e-3)
        image.save(tmp_path / name)
    image.save(tmp_path / 'cm.tif', resolution_unit=3, x_resolution=50, y_resolution=20)
    np.testing.assert_allclose(Series(tmp_path / 'cm.tif').header.geometry.spacing[1:], [0.5, 0.2])
    series = random_series('u1', (1, 4, 5), kind='axial')
    series.spacing = (3, 0.5, 0.25)
    with pytest.warns(LossWarning, match='position, orientation'):
        series.write(tmp_path / 'b.png')
    with Image.open(tmp_path / 'b.png') as back:
        assert back.info['dpi'] == pytest.approx((25.4 / 0.25, 25.4 / 0.5))
    assert Series(tmp_path / 'b.png').header.geometry.assumed


def test_transparency_and_palettes(tmp_path: Path) -> None:
    rgba = Image.fromarray(np.random.default_rng(0).integers(0, 255, (4, 3, 4), dtype='u1'))
    rgba.save(tmp_path / 'a.png')
    with pytest.warns(ImagedataWarning, match=r'a\.png: its transparency'):
        found = Series(tmp_path / 'a.png')
    np.testing.assert_array_equal(np.asarray(found)['G'], np.asarray(rgba)[..., 1])
    rgba.putalpha(255)
    rgba.save(tmp_path / 'a.png')
    np.testing.assert_array_equal(np.asarray(Series(tmp_path / 'a.png'))['B'], np.asarray(rgba)[..., 2])

    grey = Image.fromarray(np.arange(12, dtype='u1').reshape(4, 3))
    alpha = grey.convert('LA')
    alpha.putalpha(9)
    alpha.save(tmp_path / 'b.png')
    with pytest.warns(ImagedataWarning, match='transparency'):
        np.testing.assert_array_equal(Series(tmp_path / 'b.png'), np.asarray(grey))

    palette = Image.fromarray(np.array([[0, 1], [2, 1]], 'u1'), mode=None).convert('P')
    palette.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    palette.save(tmp_path / 'c.png')
    assert tuple(int(v) for v in np.asarray(Series(tmp_path / 'c.png'))[0, 1]) == (40, 50, 60)
    Image.new('CMYK', (3, 4), (1, 2, 3, 4)).save(tmp_path / 'd.tif')
    with pytest.warns(ImagedataWarning, match='converted to RGB'):
        Series(tmp_path / 'd.tif')


def png(width: int, height: int, depth: int, colour: int, data: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack('>I', zlib.crc32(kind + content))
        return struct.pack('>I', len(content)) + kind + content + checksum

    head = struct.pack('>IIBBBBB', width, height, depth, colour, 0, 0, 0)
    body = chunk(b'IHDR', head) + chunk(b'IDAT', zlib.compress(data)) + chunk(b'IEND', b'')
    return b'\x89PNG\r\n\x1a\n' + body


def test_sixteen_bits_of_colour_are_told(tmp_path: Path) -> None:
    (tmp_path / 'a.png').write_bytes(png(1, 1, 16, 2, b'\0\x12\x34\x56\x78\x9a\xbc'))
    with pytest.warns(ImagedataWarning, match='16 bits, of which the upper 8'):
        assert tuple(int(v) for v in np.asarray(Series(tmp_path / 'a.png'))[0, 0]) == (0x12, 0x56, 0x9A)


def test_animations_are_in_time(tmp_path: Path) -> None:
    series = random_series('u1', (1, 8, 9), (4,))
    series.axes = [UniformLengthAxis('time', 0.0, 4, 0.25), *series.axes[1:]]
    for name in ('a.gif', 'a.webp'):
        with pytest.warns(LossWarning) as caught:
            series.write(tmp_path / name)
        assert 'position, orientation' in str(caught[0].message)
        assert 'pixel spacing' in str(caught[1].message)
        found = Series(tmp_path / name)
        assert found.axes[0].name == 'time'
        assert found.axes[0].values == [0, 0.25, 0.5, 0.75]
        np.testing.assert_array_equal(np.asarray(found), np.asarray(series))
        with Image.open(tmp_path / name) as back:
            assert back.n_frames == 4
    # Frames that are the same would be shown once, longer.
    with pytest.raises(WriteNotImplemented, match='joins frames'):
        Series(np.zeros((3, 4, 5), 'u1')).write(tmp_path / 'b.gif')


def test_several_images_and_one_name(tmp_path: Path) -> None:
    series = random_series('u1', (2, 4, 5), (3,))
    with pytest.warns(LossWarning), pytest.raises(WriteError, match=r'6 images do not fit.*a_\{:05d\}\.png'):
        series.write(tmp_path / 'a.png')
    assert list(tmp_path.iterdir()) == []
    with pytest.warns(LossWarning) as caught:
        series.write(tmp_path / 'a_{}_{}.png')
    assert 'axes time' in str(caught[0].message)
    assert sorted(p.name for p in tmp_path.iterdir())[:2] == ['a_0_0.png', 'a_0_1.png']
    np.testing.assert_array_equal(np.asarray(Series(tmp_path)).reshape(series.shape), np.asarray(series))


def test_window(tmp_path: Path) -> None:
    series = Series(np.array([[-100.0, 0, 41, 240, 1e6]]))
    series.write(tmp_path / 'a.png', window=(40, 400))
    assert Series(tmp_path / 'a.png').ravel().tolist() == [38, 102, 128, 255, 255]
    Series(np.array([[3, 5, 13]])).write(tmp_path / 'a.png', window='full')
    assert Series(tmp_path / 'a.png').ravel().tolist() == [0, 51, 255]
    series.windowCenter, series.windowWidth = 0, 200
    series.write(tmp_path / 'a.png', window='original')
    assert Series(tmp_path / 'a.png').ravel().tolist()[:2] == [0, 128]
    for window in ('strange', (1, 0), (1,), (np.nan, 3)):
        with pytest.raises(WriteError, match='window='):
            series.write(tmp_path / 'b.png', window=window)


def test_integers_that_fit_are_written(tmp_path: Path) -> None:
    values = np.array([[0, 300, 65535]], 'i8')
    Series(values).write(tmp_path / 'a.png')
    np.testing.assert_array_equal(Series(tmp_path / 'a.png'), values[0:1])
    with pytest.raises(WriteNotImplemented, match=r'-1 to 3.*write \.tif'):
        Series(np.array([[-1, 3]])).write(tmp_path / 'b.png')
    Series(np.array([[-1, 3]])).write(tmp_path / 'b.tif')
    assert Series(tmp_path / 'b.tif').ravel().tolist() == [-1, 3]
    exact = np.array([[0.5, np.nan]])
    Series(exact).write(tmp_path / 'c.tif')
    np.testing.assert_array_equal(Series(tmp_path / 'c.tif').ravel(), [0.5, np.nan])


def test_jpeg_is_told_to_lose(tmp_path: Path) -> None:
    with pytest.warns(LossWarning, match='compresses with loss'):
        Series(np.zeros((8, 8), 'u1')).write(tmp_path / 'a.jpg')


def test_tiff_of_many_pages_keeps_axes_and_place(tmp_path: Path) -> None:
    series = random_series('u2', tags=(2, 3), uneven=True)
    series.write(tmp_path / 'a.tif', compression=True)
    same(Series(tmp_path / 'a.tif'), series)
    with Image.open(tmp_path / 'a.tif') as back:
        assert back.n_frames == 18


# --- broken -------------------------------------------------------------------------------


@pytest.mark.parametrize('name', ['tif', 'png', 'jpg', 'bmp', 'gif', 'webp', 'jp2'])
@pytest.mark.filterwarnings('ignore::imagedata.errors.LossWarning')
def test_truncated(name: str, tmp_path: Path) -> None:
    random_series('u1', (1, 40, 50)).write(tmp_path / f'a.{name}')
    content = (tmp_path / f'a.{name}').read_bytes()
    for length in (len(content) * 3 // 4, len(content) // 2, 60, 20, 3, 0):
        (tmp_path / f'bad.{name}').write_bytes(content[:length])
        with pytest.raises(ImagedataError, match=f'bad.{name}'):
            Series(tmp_path / f'bad.{name}')


def test_pixel_bombs(tmp_path: Path) -> None:
    (tmp_path / 'a.png').write_bytes(png(20_000, 20_000, 8, 0, bytes(20_001) * 10))
    with pytest.raises(CorruptFileError, match=r'a\.png claims more pixels than are safe'):
        Series(tmp_path / 'a.png')
    (tmp_path / 'a.png').write_bytes(png(11_000, 9_000, 8, 0, b''))
    with pytest.raises(CorruptFileError, match=r'a\.png claims more pixels than are safe'):
        Series(tmp_path / 'a.png')


def test_other_content_than_the_name_says(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 3), 'u1')).save(tmp_path / 'a.png')
    (tmp_path / 'b.tif').write_bytes((tmp_path / 'a.png').read_bytes())
    assert Series(tmp_path / 'b.tif').shape == (4, 3)
    for content in (b'no picture', bytes(1000), b''):
        (tmp_path / 'c.png').write_bytes(content)
        with pytest.raises(ImagedataError, match=r'c\.png'):
            Series(tmp_path / 'c.png')


def test_pages_of_different_size(tmp_path: Path) -> None:
    pages = [Image.new('L', size) for size in ((3, 4), (5, 6))]
    pages[0].save(tmp_path / 'a.tif', save_all=True, append_images=pages[1:])
    with pytest.raises(CorruptFileError, match='page 1 has 5 x 6 pixels, the first 3 x 4'):
        Series(tmp_path / 'a.tif')


# --- ImageJ: files that tifffile writes, whose author follows ImageJ's own code ------------------------


def imagej(path: Path, values: np.ndarray, axes: str, **metadata: object) -> Series:
    tifffile = pytest.importorskip('tifffile')
    tifffile.imwrite(path, values, imagej=True, resolution=(4, 2), metadata={'axes': axes, **metadata})
    return Series(path)


def test_imagej_stack(tmp_path: Path) -> None:
    values = random_values(np.random.default_rng(0), (6, 7, 5), 'u2')
    series = imagej(tmp_path / 'a.tif', values, 'ZYX', spacing=3.5, unit='mm')
    np.testing.assert_array_equal(series, values)
    # 4 columns and 2 rows in a millimetre.
    assert series.spacing.tolist() == [3.5, 0.5, 0.25]
    assert series.axes._fields == ('slice', 'row', 'column')
    assert series.header.geometry.assumed
    um = imagej(tmp_path / 'b.tif', values, 'ZYX', spacing=2.0, unit='\\u00B5m')
    np.testing.assert_allclose(um.spacing, [2e-3, 5e-4, 2.5e-4])
    assert imagej(tmp_path / 'c.tif', values, 'ZYX').spacing.tolist() == [1, 1, 1]
    with pytest.warns(ImagedataWarning, match="unit 'parsec' is not known"):
        imagej(tmp_path / 'd.tif', values, 'ZYX', unit='parsec')


def test_imagej_hyperstack(tmp_path: Path) -> None:
    """Channels vary fastest in the file, then slices, then frames."""
    values = random_values(np.random.default_rng(0), (3, 4, 2, 7, 5), 'u1')
    series = imagej(tmp_path / 'a.tif', values, 'TZCYX', finterval=2.5)
    assert series.axes._fields == ('time', 'channel', 'slice', 'row', 'column')
    np.testing.assert_array_equal(series, values.swapaxes(1, 2))
    assert list(series.axes.time.values) == [0, 2.5, 5]
    whole = Series(tmp_path / 'a.tif', dtype=float)
    np.testing.assert_array_equal(whole, series)
    frames = imagej(tmp_path / 'b.tif', values[:, 0, 0], 'TYX')
    assert (frames.axes._fields[0], frames.shape) == ('none', (3, 1, 7, 5))
    assert list(Series(tmp_path / 'b.tif', headers_only=True).header.dims) == list(frames.header.dims)


def test_imagej_calibrates_values(tmp_path: Path) -> None:
    """How ImageJ stores signed numbers: unsigned, and a straight line."""
    stored = np.array([[[0, 32768, 65535]]], 'u2')
    for c0, wanted in ((-32768.0, [-32768, 0, 32767]), (-1024.0, [-1024, 31744, 64511])):
        series = imagej(tmp_path / 'a.tif', stored, 'ZYX', cf=0, c0=c0, c1=1.0)
        assert series.ravel().tolist() == wanted
        assert series.dtype.kind == 'i'
    half = imagej(tmp_path / 'b.tif', stored, 'ZYX', cf=0, c0=1.0, c1=0.5)
    assert half.ravel().tolist() == [1, 16385, 32768.5]


def test_imagej_file_with_one_page_for_all(tmp_path: Path) -> None:
    """Beyond 4 GB, ImageJ writes one page, and all images behind it."""
    text = 'ImageJ=1.53t\nimages=5\nslices=5\n'
    Image.new('L', (4, 3)).save(tmp_path / 'a.tif', description=text)
    with pytest.warns(ImagedataWarning, match='5 images, and the file has 1 pages'):
        Series(tmp_path / 'a.tif')
