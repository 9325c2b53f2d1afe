"""MATLAB files against SciPy and h5py, in both directions; broken files."""

import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.io.matlab
from hypothesis import given
from hypothesis import strategies as st

from formats_helpers import RGB, random_series, random_values, same
from imagedata import Series
from imagedata.errors import (
    CorruptFileError,
    ImagedataError,
    ImagedataWarning,
    LossWarning,
    NotImageError,
    WriteError,
)

TYPES = ['bool', 'u1', 'i1', 'u2', 'i2', 'u4', 'i4', 'u8', 'i8', 'f4', 'f8', 'c8', 'c16']
SCIPY_FILES = Path(scipy.io.matlab.__file__).parent / 'tests' / 'data'


@given(st.data())
def test_files_of_scipy(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(2, 4), min_size=2, max_size=5)))
    dtype = data.draw(st.sampled_from(TYPES))
    version = '4' if len(shape) == 2 and dtype in ('f8', 'c16', 'i2', 'u1') else '5'
    values = random_values(np.random.default_rng(data.draw(st.integers(0, 99))), shape, dtype)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, 'a.mat')
        extra = {'name': 'text', 'times': np.arange(3.0)} if version == '5' else {}
        compress = data.draw(st.booleans())
        scipy.io.savemat(path, {'V': values, **extra}, format=version, do_compression=compress)
        found = Series(path)
    # Version 4 has doubles only.
    assert found.dtype == (np.float64 if version == '4' and dtype != 'c16' else values.dtype)
    for at in np.ndindex(*shape):
        # MATLAB's (row, column, slice, tags...) is (tags..., slice, row, column) here.
        ours = (*at[3:], *at[2:3], *at[:2])
        assert found[ours] == values[at]


@pytest.mark.parametrize('version', ['7', '7.3'])
@pytest.mark.parametrize('compression', [True, False])
def test_what_matlab_finds(version: str, compression: bool, tmp_path: Path) -> None:
    """The struct, in MATLAB's own order: affine * [r-1; c-1; s-1; 1] is the place of A(r, c, s)."""
    series = random_series('i2', tags=(2,))
    series.write(tmp_path / 'a.mat', mat_version=version, compression=compression)
    if version == '7':
        loaded = scipy.io.loadmat(tmp_path / 'a.mat', squeeze_me=True)
        values, struct = loaded['A'], loaded['imagedata']
        affine, dimensions = struct['affine'][()], str(struct['dimensions'])
    else:
        with h5py.File(tmp_path / 'a.mat') as file:
            values, affine = file['A'][()].T, file['imagedata/affine'][()].T
            dimensions = ''.join(map(chr, file['imagedata/dimensions'][()].T.ravel()))
            assert file['A'].attrs['MATLAB_class'] == b'int16'
            assert file.userblock_size == 512
    assert dimensions == 'row,column,slice,time'
    assert values.shape == (4, 5, 3, 2)
    for r, c, s, t in np.ndindex(4, 5, 3, 2):
        assert values[r, c, s, t] == series[t, s, r, c]
        np.testing.assert_allclose((affine @ [r, c, s, 1])[:3], series.header.geometry.to_world([s, r, c]))


def test_a_file_of_imagedata_3_has_one_variable(tmp_path: Path) -> None:
    """Its layout, as it writes it: a variable A of (rows, columns, slices, tags)."""
    scipy.io.savemat(tmp_path / 'a.mat', {'A': np.arange(120, dtype='u2').reshape(3, 4, 2, 5)})
    with pytest.warns(ImagedataWarning, match="no values for axis 'time'"):
        found = Series(tmp_path / 'a.mat', 'time')
    assert found.shape == (5, 2, 3, 4)
    assert found.header.geometry.assumed


def test_choice_of_variable(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / 'a.mat', {'map': np.ones((2, 3)), 'mask': np.zeros((2, 3), bool), 't': 'x'})
    with pytest.raises(NotImageError, match=r'map \(2 x 3 double\), mask \(2 x 3 logical\).*variable='):
        Series(tmp_path / 'a.mat')
    assert Series(tmp_path / 'a.mat', variable='mask').dtype == bool
    with pytest.raises(NotImageError, match="'other'"):
        Series(tmp_path / 'a.mat', variable='other')
    random_series('f4').write(tmp_path / 'b.mat', variable='perfusion')
    assert 'perfusion' in scipy.io.loadmat(tmp_path / 'b.mat')
    same(Series(tmp_path / 'b.mat'), random_series('f4'))
    for name in ('1a', 'a b', 'imagedata'):
        with pytest.raises(WriteError, match='no name'):
            random_series().write(tmp_path / 'c.mat', variable=name)


@pytest.mark.parametrize('version', ['7', '7.3'])
def test_colour_and_single_slices(version: str, tmp_path: Path) -> None:
    for dtype, shape in ((RGB, (1, 4, 5)), ('f4', (1, 4, 1)), ('u1', (2, 1, 1))):
        series = random_series(dtype, shape)
        series.write(tmp_path / 'a.mat', mat_version=version)
        same(Series(tmp_path / 'a.mat'), series)


def test_other_dimensions_after_a_change_elsewhere(tmp_path: Path) -> None:
    """A struct that does not fit the variable any more does not count."""
    random_series('u2', tags=(2,)).write(tmp_path / 'a.mat')
    loaded = scipy.io.loadmat(tmp_path / 'a.mat')
    cropped = {'A': loaded['A'][..., :1, :], 'imagedata': loaded['imagedata']}
    cropped['imagedata'][0, 0]['axes'] = 'no JSON'
    scipy.io.savemat(tmp_path / 'a.mat', cropped)
    found = Series(tmp_path / 'a.mat')
    assert found.shape == (2, 1, 4, 5)
    assert found.header.geometry.assumed


@pytest.mark.skipif(not SCIPY_FILES.is_dir(), reason='this SciPy comes without its sample files')
@pytest.mark.parametrize('version', ['7', '7.3'])
def test_a_variable_that_was_cut_is_not_placed_where_the_whole_was(version: str, tmp_path: Path) -> None:
    """`A = A(:, :, 2:3)` in MATLAB leaves the struct as it is."""
    series = random_series('i2', (5, 4, 3))
    path = tmp_path / 'a.mat'
    series.write(path, mat_version=version)
    if version == '7':
        loaded = {k: v for k, v in scipy.io.loadmat(path).items() if not k.startswith('__')}
        scipy.io.savemat(path, {**loaded, 'A': loaded['A'][..., 1:3]})
    else:
        with h5py.File(path, 'r+') as file:
            values, attributes = file['A'][1:3], dict(file['A'].attrs)
            del file['A']
            file['A'] = values
            file['A'].attrs.update(attributes)
    with pytest.warns(ImagedataWarning, match='does not fit 2 x 4 x 3'):
        found = Series(path)
    assert found.header.geometry.assumed
    assert np.array_equal(found, np.asarray(series)[1:3])


def test_sample_files_of_scipy() -> None:
    read = 0
    for path in sorted(SCIPY_FILES.glob('*.mat')):
        try:
            loaded = scipy.io.loadmat(path)
        except NotImplementedError:
            continue  # Of version 7.3
        except Exception:  # noqa: BLE001 - broken samples: anything may be raised
            with pytest.raises(ImagedataError, match=path.name):
                Series(path)
            continue
        try:
            found = Series(path)
        except NotImageError:
            continue
        read += 1
        variable = found.explain().split('variable ')[1].split(';')[0]
        wanted = loaded[variable]
        wanted = wanted.toarray() if hasattr(wanted, 'toarray') else wanted
        order = (*range(3, wanted.ndim), 2, 0, 1) if wanted.ndim > 2 else (0, 1)
        np.testing.assert_array_equal(np.asarray(found), wanted.transpose(order))
    assert read > 5


# --- broken -------------------------------------------------------------------------------


@pytest.mark.parametrize('version', ['7', '7.3'])
@pytest.mark.parametrize('compression', [True, False])
def test_truncated(version: str, compression: bool, tmp_path: Path) -> None:
    random_series('u2', (6, 20, 20)).write(tmp_path / 'a.mat', mat_version=version, compression=compression)
    content = (tmp_path / 'a.mat').read_bytes()
    for length in (len(content) * 3 // 4, len(content) // 2, 600, 300, 130, 20, 1):
        (tmp_path / 'bad.mat').write_bytes(content[:length])
        with pytest.raises(ImagedataError, match=r'bad\.mat'):
            Series(tmp_path / 'bad.mat')


def test_garbage(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    hdf5 = b'MATLAB 7.3 MAT-file'.ljust(512) + b'\x89HDF\r\n\x1a\n' + rng.bytes(2000)
    for content in (b'', b'MATLAB 5.0 MAT-file', hdf5, rng.bytes(3000), bytes(3000)):
        (tmp_path / 'bad.mat').write_bytes(content)
        with pytest.raises(ImagedataError, match=r'bad\.mat'):
            Series(tmp_path / 'bad.mat')


def test_claims_that_no_memory_is_taken_for(tmp_path: Path) -> None:
    with h5py.File(tmp_path / 'bad.mat', 'w', userblock_size=512) as file:
        # 8 TB of zeros that take no place in the file.
        dataset = file.create_dataset('A', (10**4, 10**4, 10**4), 'f8', chunks=(10, 10, 10))
        dataset.attrs['MATLAB_class'] = np.bytes_('double')
    with (tmp_path / 'bad.mat').open('r+b') as raw:
        raw.write(b'MATLAB 7.3 MAT-file'.ljust(124) + b'\x00\x02IM')
    with pytest.raises(CorruptFileError, match='claims 10000 x 10000 x 10000'):
        Series(tmp_path / 'bad.mat')


def test_values_in_other_files_are_not_read(tmp_path: Path) -> None:
    (tmp_path / 'secret').write_bytes(bytes(800))
    with h5py.File(tmp_path / 'a.mat', 'w', userblock_size=512) as file:
        dataset = file.create_dataset('A', (10, 10), 'f8', external=[(str(tmp_path / 'secret'), 0, 800)])
        dataset.attrs['MATLAB_class'] = np.bytes_('double')
        file['B'] = h5py.ExternalLink('secret.h5', '/x')
    with (tmp_path / 'a.mat').open('r+b') as raw:
        raw.write(b'MATLAB 7.3 MAT-file'.ljust(124) + b'\x00\x02IM')
    with pytest.raises(CorruptFileError, match='lie in other files'):
        Series(tmp_path / 'a.mat')
    with pytest.raises(NotImageError, match="'B'"):
        Series(tmp_path / 'a.mat', variable='B')


def test_long_double_is_told(tmp_path: Path) -> None:
    with pytest.warns(LossWarning, match='written as float64'):
        random_series('f8').astype(np.longdouble).write(tmp_path / 'a.mat')
