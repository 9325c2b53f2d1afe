"""Round trips of every format: values, places and axes, over types, shapes and orientations."""

import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import SimpleITK as sitk  # noqa: N813 - as its documentation calls it
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from formats_helpers import RGB, random_series, same
from imagedata import Series
from imagedata.errors import ImagedataError, LossWarning, WriteNotImplemented
from strategies import KINDS

REAL = ['bool', 'u1', 'i1', 'u2', 'i2', 'u4', 'i4', 'u8', 'i8', 'f4', 'f8']
COMPLEX = ['c8', 'c16']

# What each format holds exactly, with place and axes.
WHOLE = {
    'mha': ([*REAL, RGB], {}),
    'mhd': ([*REAL, RGB], {'compression': True}),
    'nrrd': ([*REAL, *COMPLEX, RGB], {}),
    'nhdr': ([*REAL, *COMPLEX, RGB], {'compression': True}),
    'h5': ([*REAL, RGB], {}),
    'mat': ([*REAL, *COMPLEX, RGB], {}),
    'mat 7.3': ([*REAL, *COMPLEX, RGB], {'mat_version': '7.3'}),
    'npz': ([*REAL, 'f2', *COMPLEX, RGB], {}),
    'npy': ([*REAL, 'f2', *COMPLEX, RGB], {}),
    'tif': (['bool', 'u1', 'u2', 'i4', 'f4', RGB], {}),
}
# These place slices evenly, and hold two tag axes at most.
EVEN = ('mha', 'mhd', 'nrrd', 'nhdr', 'h5')

grids = st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5))


@pytest.mark.parametrize('name', WHOLE)
@settings(max_examples=settings.default.max_examples // 2)
@given(data=st.data())
def test_what_is_written_is_what_was_held(name: str, data: st.DataObject) -> None:
    types, options = WHOLE[name]
    series = random_series(
        data.draw(st.sampled_from(types)),
        data.draw(grids),
        tuple(data.draw(st.lists(st.integers(1, 3), max_size=2))),
        data.draw(st.sampled_from(KINDS)),
        data.draw(st.integers(0, 1000)),
        uneven=name not in EVEN and data.draw(st.booleans()),
    )
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter('ignore', LossWarning)
        path = Path(folder, f'a.{name.split()[0]}')
        series.write(path, **options)
        found = Series(path)
    same(found, series)
    # SimpleITK has no truth values.
    assert found.dtype == (np.uint8 if name in EVEN and series.dtype == bool else series.dtype)
    assert found.header.geometry.frame_of_reference == series.header.geometry.frame_of_reference


# What each of these holds exactly, without place and axes.
VALUES = {
    'vtk': [*REAL[1:], RGB],
    'mrc': ['u1', 'i2', 'u2', 'f4', 'c8', RGB],
    'gipl': ['u1', 'i1', 'u2', 'i2', 'f4', 'f8'],
    'gipl.gz': ['u1', 'i1', 'u2', 'i2', 'f4', 'f8'],
    'png': ['bool', 'u1', 'u2', RGB],
    'bmp': ['bool', 'u1', RGB],
    'gif': ['u1'],
    'webp': ['u1', RGB],
    'jp2': ['u1', 'u2', RGB],
}
SINGLE = ('png', 'bmp', 'jp2')


@pytest.mark.parametrize('name', VALUES)
@settings(max_examples=settings.default.max_examples // 2)
@given(data=st.data())
def test_values_are_kept_and_the_rest_is_told(name: str, data: st.DataObject) -> None:
    slices, rows, columns = data.draw(grids)
    # An MRC file of two columns begins as DICOM's group 2 does.
    assume(name != 'mrc' or columns != 2)
    series = random_series(
        data.draw(st.sampled_from(VALUES[name])),
        (slices, rows, columns),
        seed=data.draw(st.integers(0, 1000)),
    )
    with tempfile.TemporaryDirectory() as folder:
        names = 'a_{:05d}' if name in SINGLE else 'a'
        with pytest.warns(LossWarning, match='not kept|not hold|rounded'):
            series.write(Path(folder, f'{names}.{name}'))
        try:
            found = Series(Path(folder, names.replace('{:05d}', '*') + f'.{name}'))
        except ImagedataError as error:
            raise AssertionError(str(error)) from error
    if found.dtype.names and not series.dtype.names:
        assert name == 'webp'
    np.testing.assert_array_equal(np.asarray(found).reshape(series.shape), np.asarray(series))
    assert found.dtype == series.dtype


@pytest.mark.parametrize(
    ('name', 'dtype'),
    [('a.png', 'f4'), ('a.png', 'i2'), ('a.tif', 'f8'), ('a.tif', 'c8'), ('a.gif', RGB), ('a.webp', 'u2'),
     ('a.jpg', 'u2'), ('a.mha', 'c8'), ('a.vtk', 'c16'), ('a.mrc', 'f8'), ('a.gipl', 'i8'), ('a.gipl', RGB),
     ('a.bmp', 'u2'), ('a.jp2', 'f4')],
)  # fmt: skip
def test_what_a_format_cannot_hold_is_refused(name: str, dtype: object, tmp_path: Path) -> None:
    series = random_series(dtype, (1, 4, 5))
    with pytest.raises(WriteNotImplemented, match='cannot hold'):
        series.write(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('name', ['a.mha', 'a.nrrd', 'a.npz', 'a.npy', 'a.mat', 'a.tif'])
def test_an_assumed_place_is_not_claimed(name: str, tmp_path: Path) -> None:
    Series(np.arange(60, dtype='u2').reshape(3, 4, 5)).write(tmp_path / name)
    found = Series(tmp_path / name)
    assert found.shape == (3, 4, 5)
    assert found.header.geometry.assumed


@pytest.mark.parametrize('name', [n for n in WHOLE if n not in ('mat 7.3',)])
def test_headers_alone(name: str, tmp_path: Path) -> None:
    series = random_series('u2', tags=(2, 3))
    series.write(tmp_path / f'a.{name}')
    found = Series(tmp_path / f'a.{name}', headers_only=True)
    assert found.header.dims == series.header.dims
    np.testing.assert_allclose(found.header.geometry.affine, series.header.geometry.affine, atol=1e-4)


@pytest.mark.parametrize('name', ['a.mha', 'a.npz', 'a.mat', 'a.tif'])
def test_dtype_converts_or_refuses(name: str, tmp_path: Path) -> None:
    series = random_series('u2')
    series.write(tmp_path / name)
    assert Series(tmp_path / name, dtype=float).dtype == np.float64
    np.testing.assert_array_equal(Series(tmp_path / name, dtype=float), series)
    with pytest.raises(ImagedataError, match='do not fit uint8'):
        Series(tmp_path / name, dtype=np.uint8)


@pytest.mark.filterwarnings('ignore::imagedata.errors.LossWarning')
@pytest.mark.parametrize(
    ('name', 'order'),
    [('a.mha', 'time'), ('a.nrrd', 'none'), ('a.mat', 'time'), ('a.tif', 'none')],
)
def test_back_to_dicom(name: str, order: str, sample_data: Path, tmp_path: Path) -> None:
    original = Series(sample_data / ('time' if order == 'time' else 'ct'), order)
    original.write(tmp_path / name)
    back = Series(tmp_path / name, order, template=original)
    same(back, original)
    assert (back.patientID, back.studyInstanceUID) == (original.patientID, original.studyInstanceUID)
    back.write(tmp_path / 'dicom')
    again = Series(tmp_path / 'dicom', order)
    same(again, original)
    assert again.patientID == original.patientID


def by_its_owner(path: Path) -> np.ndarray:
    """Values as the library that owns the format reads them, as (tags..., slice, row, column)."""
    name = path.name.partition('.')[2]
    if name in ('npz', 'npy'):
        loaded = np.load(path)
        return loaded['array'] if name == 'npz' else loaded
    if name == 'mat':
        values = scipy.io.loadmat(path)['A']
        values = values.reshape((*values.shape, 1, 1, 1)[: max(3, values.ndim)])
        return values.transpose(*range(3, values.ndim), 2, 0, 1)
    if name in ('tif', 'gif'):
        with Image.open(path) as image:
            return np.array([np.array(page) for page in ImageSequence.Iterator(image)])
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


OWNED = {
    'npz': [*REAL, *COMPLEX], 'npy': [*REAL, *COMPLEX], 'mat': [*REAL[1:], *COMPLEX],
    'tif': ['u1', 'u2', 'i4', 'f4'], 'mha': REAL[1:], 'nrrd': REAL[1:], 'h5': REAL[1:], 'vtk': REAL[1:],
    'gipl': VALUES['gipl'], 'mrc': ['i2', 'u2', 'f4'],
}  # fmt: skip


@pytest.mark.parametrize('name', OWNED)
@settings(max_examples=settings.default.max_examples // 3)
@given(data=st.data())
def test_owners_read_what_was_held(name: str, data: st.DataObject) -> None:
    shape = data.draw(grids)
    assume(name != 'mrc' or shape[2] != 2)
    tags = tuple(data.draw(st.lists(st.integers(2, 3), max_size=1))) if name not in ('vtk', 'mrc') else ()
    kind, seed = data.draw(st.sampled_from(KINDS)), data.draw(st.integers(0, 1000))
    series = random_series(data.draw(st.sampled_from(OWNED[name])), shape, tags, kind, seed)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter('ignore')
        path = Path(folder, f'a.{name}')
        series.write(path)
        found = by_its_owner(path)
    np.testing.assert_array_equal(found.reshape(series.shape), np.asarray(series))
