"""Memory-mapped MetaImage and multi-frame DICOM: the values of reading, and a view of the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import RLELossless

from imagedata import Series
from imagedata.errors import DataTypeError
from synthetic import image, save, stack


def is_view(s: Series) -> bool:
    """Return whether the memory of an array is that of a file."""
    base = s
    while base is not None and not isinstance(base, np.memmap):
        base = base.base
    return base is not None


# --- MetaImage --------------------------------------------------------------------------------


@pytest.mark.parametrize('suffix', ['.mha', '.mhd'])
@pytest.mark.parametrize('kind', ['uint8', 'int16', 'uint32', 'float32', 'float64'])
def test_metaimage(tmp_path, suffix, kind):
    values = np.random.default_rng(0).integers(0, 99, (3, 4, 5, 6)).astype(kind)
    written = SimpleITK.GetImageFromArray(values, isVector=False)
    path = str(tmp_path / f'a{suffix}')
    SimpleITK.WriteImage(written, path)
    mapped, plain = Series(path, mmap=True), Series(path)
    np.testing.assert_array_equal(np.asarray(mapped), values)
    assert mapped.dtype == plain.dtype
    np.testing.assert_array_equal(mapped.transformationMatrix, plain.transformationMatrix)
    assert is_view(mapped)
    assert not is_view(plain)


def test_metaimage_big_endian_behind_other_bytes(tmp_path):
    values = np.arange(24, dtype='>i2').reshape(2, 3, 4)
    (tmp_path / 'a.raw').write_bytes(b'12345' + values.tobytes())
    for size in (5, -1):
        (tmp_path / 'a.mhd').write_text(
            'ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = True\n'
            f'DimSize = 4 3 2\nHeaderSize = {size}\nElementType = MET_SHORT\nElementDataFile = a.raw\n'
        )
        mapped = Series(str(tmp_path / 'a.mhd'), mmap='c')
        np.testing.assert_array_equal(np.asarray(mapped), values)
        np.testing.assert_array_equal(np.asarray(Series(str(tmp_path / 'a.mhd'))), values)
        mapped[0, 0, 0] = 77
    assert (tmp_path / 'a.raw').read_bytes()[5:] == values.tobytes()


@pytest.mark.parametrize(('name', 'options', 'reason'), [
    ('a.mha', {'mmap': True, 'compressed': True}, 'compressed'),
    ('a.nrrd', {'mmap': True}, 'only MetaImage'),
    ('a.mha', {'mmap': True, 'dtype': 'float64'}, 'dtype=float64'),
    ('a.mha', {'mmap': 'r+'}, 'read-only'),
])  # fmt: skip
def test_what_itk_files_cannot_be_mapped(tmp_path, name, options, reason):
    path = str(tmp_path / name)
    picture = SimpleITK.GetImageFromArray(np.zeros((4, 5, 6), np.int16))
    SimpleITK.WriteImage(picture, path, options.pop('compressed', False))
    with pytest.raises(DataTypeError, match=reason):
        Series(path, **options)


# --- multi-frame DICOM --------------------------------------------------------------------------


def enhanced(order: list[tuple[int, int]], **fixed: object) -> tuple[Dataset, np.ndarray]:
    """Return an enhanced MR object with frames of (time, slice) in some order, and its values."""

    def item(**elements: object) -> Dataset:
        made = Dataset()
        for keyword, value in elements.items():
            setattr(made, keyword, value)
        return made

    values = np.random.default_rng(1).integers(0, 4000, (2, 3, 4, 5)).astype(np.uint16)
    pixels = np.stack([values[at] for at in order])
    ds = image(pixels[0], (0, 0, 0), number=1, **fixed)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = '1.2.840.10008.5.1.4.1.1.4.1'
    for keyword in ('ImagePositionPatient', 'ImageOrientationPatient', 'PixelSpacing', 'SliceThickness'):
        delattr(ds, keyword)
    ds.NumberOfFrames, ds.PixelData = len(order), pixels.tobytes()
    ds.SharedFunctionalGroupsSequence = Items([item(
        PixelMeasuresSequence=Items([item(PixelSpacing=[1, 1], SliceThickness=2)]),
        PlaneOrientationSequence=Items([item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]),
    )])  # fmt: skip
    ds.PerFrameFunctionalGroupsSequence = Items([
        item(
            FrameContentSequence=Items([item(
                FrameAcquisitionDateTime=f'202601011010{t:02d}', TemporalPositionIndex=t + 1,
            )]),
            PlanePositionSequence=Items([item(ImagePositionPatient=[0, 0, 2.5 * z])]),
        )
        for t, z in order
    ])  # fmt: skip
    return ds, values


ORDERS = {
    'time is slowest': [(t, z) for t in range(2) for z in range(3)],
    'slice is slowest': [(t, z) for z in range(3) for t in range(2)],
    'from head to feet': [(t, z) for t in range(2) for z in (2, 1, 0)],
    'backwards': [(t, z) for t in (1, 0) for z in (2, 1, 0)],
}


@pytest.mark.parametrize('order', ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize('mode', [True, 'c'])
def test_enhanced_frames_in_any_even_order(tmp_path, order, mode):
    ds, values = enhanced(order)
    folder = save(tmp_path, [ds])
    mapped = Series(folder, 'time', mmap=mode)
    np.testing.assert_array_equal(np.asarray(mapped), values)
    np.testing.assert_array_equal(np.asarray(Series(folder, 'time')), values)
    assert is_view(mapped)
    assert any('memory-mapped' in line for line in mapped.explain().splitlines())
    if mode == 'c':
        mapped[1, 2, 3, 4] = 9
        assert mapped[1, 2, 3, 4] == 9
    else:
        with pytest.raises(ValueError, match='read-only'):
            mapped[1, 2, 3, 4] = 9
    np.testing.assert_array_equal(np.asarray(Series(folder, 'time')), values)


def test_mapped_frames_are_written_as_others(tmp_path):
    ds, values = enhanced(ORDERS['slice is slowest'])
    folder = save(tmp_path / 'in', [ds])
    Series(folder, 'time', mmap=True).write(tmp_path / 'out', formats=['dicom'])
    np.testing.assert_array_equal(np.asarray(Series(tmp_path / 'out', 'time')), values)


def single(folder: Path) -> Path:
    return save(folder, stack([(0, 0, 0), (0, 0, 1)]))


def compressed(folder: Path) -> Path:
    ds, _ = enhanced(ORDERS['backwards'])
    ds.compress(RLELossless)
    return save(folder, [ds])


def uneven(folder: Path) -> Path:
    return save(folder, [enhanced([(0, 0), (0, 1), (0, 2), (1, 1), (1, 0), (1, 2)])[0]])


def scaled(folder: Path) -> Path:
    return save(folder, [enhanced(ORDERS['backwards'], RescaleSlope=2, RescaleIntercept=0)[0]])


def cut_off(folder: Path) -> Path:
    ds, _ = enhanced(ORDERS['backwards'])
    path = next(save(folder, [ds]).iterdir())
    path.write_bytes(path.read_bytes()[:-10])
    return folder


@pytest.mark.parametrize(('make', 'reason'), [
    (single, 'several files'), (compressed, 'compressed'), (uneven, 'evenly'), (scaled, 'scaled'),
])  # fmt: skip
def test_what_dicom_cannot_be_mapped(tmp_path, make, reason):
    with pytest.raises(DataTypeError, match=reason):
        Series(make(tmp_path), 'time' if make is not single else 'none', mmap=True)


def test_files_that_are_cut_off(tmp_path):
    with pytest.raises(ValueError, match=r'cut off|announces|need'):
        Series(cut_off(tmp_path), 'time', mmap=True)
