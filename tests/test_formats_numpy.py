"""NumPy files against NumPy, in both directions; broken ones, and ones that would run code."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from formats_helpers import RGB, random_series, same
from imagedata import Series
from imagedata.errors import (
    CorruptFileError,
    ImagedataError,
    ImagedataWarning,
    NotImageError,
    OrderNotFoundError,
)


def test_files_of_numpy(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for values in (rng.normal(size=(3, 4)), rng.integers(0, 9, (2, 3, 4, 5)), rng.normal(size=(2, 3, 4)).T,
                   rng.normal(size=(3, 4)).astype('>f4')):  # fmt: skip
        np.save(tmp_path / 'a.npy', values)
        found = Series(tmp_path / 'a.npy')
        np.testing.assert_array_equal(np.asarray(found), values)
        assert found.dtype == values.dtype.newbyteorder('=')
        assert found.header.geometry.assumed
    np.save(tmp_path / 'a.npy', rng.normal(size=(2, 3, 4, 5)))
    with pytest.warns(ImagedataWarning, match="no values for axis 'te'"):
        assert Series(tmp_path / 'a.npy', 'te').axes[0].name == 'te'
    with pytest.raises(OrderNotFoundError):
        Series(tmp_path / 'a.npy', 'te,time')


@pytest.mark.parametrize('dtype', ['i2', 'c8', 'bool', RGB])
def test_numpy_reads_ours(dtype: object, tmp_path: Path) -> None:
    series = random_series(dtype, tags=(2,), uneven=True)
    for name, options in (('a.npz', {}), ('b.npz', {'compression': False})):
        series.write(tmp_path / name, **options)
        with np.load(tmp_path / name, allow_pickle=False) as file:
            np.testing.assert_array_equal(file['array'], np.asarray(series))
            assert '"name":"time"' in str(file['imagedata'])
    series.write(tmp_path / 'a.npy')
    np.testing.assert_array_equal(np.load(tmp_path / 'a.npy', allow_pickle=False), np.asarray(series))
    same(Series(tmp_path / 'a.npy'), series)
    # Without what lies beside it, the array is there, and its place is not known.
    (tmp_path / 'a.npy.json').unlink()
    assert Series(tmp_path / 'a.npy').header.geometry.assumed


def test_a_folder_with_npy_and_json_is_one_series(tmp_path: Path) -> None:
    random_series().write(tmp_path / 'a.npy')
    found = Series(tmp_path)
    same(found, random_series())
    assert 'left out' not in found.explain()


def test_choice_of_array(tmp_path: Path) -> None:
    np.savez(tmp_path / 'a.npz', first=np.ones((2, 3)), second=np.zeros((2, 3)))
    with pytest.raises(NotImageError, match=r'first, second.*variable='):
        Series(tmp_path / 'a.npz')
    assert Series(tmp_path / 'a.npz', variable='second').max() == 0
    with pytest.raises(NotImageError, match="'third'"):
        Series(tmp_path / 'a.npz', variable='third')


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return Path.touch, (tmp_path / 'trapped',)

    trap = np.empty((2, 2), dtype=object)
    trap[:] = Trap()
    np.save(tmp_path / 'a.npy', trap, allow_pickle=True)
    np.savez(tmp_path / 'b.npz', array=trap)
    np.savez(tmp_path / 'c.npz', array=np.ones((2, 3)), imagedata=trap)
    (tmp_path / 'trapped').unlink(missing_ok=True)
    for name in ('a.npy', 'b.npz'):
        with pytest.raises(NotImageError, match='never unpickled'):
            Series(tmp_path / name)
    assert Series(tmp_path / 'c.npz').header.geometry.assumed
    assert not (tmp_path / 'trapped').exists()


@pytest.mark.parametrize('name', ['npy', 'npz'])
def test_truncated(name: str, tmp_path: Path) -> None:
    random_series('u2', (6, 20, 20)).write(tmp_path / f'a.{name}')
    content = (tmp_path / f'a.{name}').read_bytes()
    for length in (len(content) - 1, len(content) // 2, 100, 20, 8, 3, 0):
        (tmp_path / f'bad.{name}').write_bytes(content[:length])
        with pytest.raises(ImagedataError, match=f'bad.{name}'):
            Series(tmp_path / f'bad.{name}')


def test_claims_that_no_memory_is_taken_for(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {'descr': '<f8', 'fortran_order': False, 'shape': (10**5, 10**5, 10**5)}
    )
    (tmp_path / 'bad.npy').write_bytes(buffer.getvalue())
    with zipfile.ZipFile(tmp_path / 'bad.npz', 'w') as archive:
        archive.writestr('array.npy', buffer.getvalue())
    for name in ('bad.npy', 'bad.npz'):
        with pytest.raises(CorruptFileError, match='claims 100000 x'):
            Series(tmp_path / name)


def test_no_images(tmp_path: Path) -> None:
    for values in (np.zeros(3), np.zeros((0, 3)), np.array([['a', 'b']]), np.zeros((2, 2), 'M8[s]')):
        np.save(tmp_path / 'a.npy', values)
        with pytest.raises(NotImageError, match=r'a\.npy holds no image'):
            Series(tmp_path / 'a.npy')


def test_a_description_that_does_not_fit_does_not_count(tmp_path: Path) -> None:
    random_series('u2', tags=(2,)).write(tmp_path / 'a.npy')
    for text in ('', '[' * 100_000, 'null', '{"patient": 1}'):
        (tmp_path / 'a.npy.json').write_text(text)
        assert Series(tmp_path / 'a.npy').header.geometry.assumed
    for text in ('{"imagedata": 3}', '{"imagedata": {"axes": [], "affine": [1]}}'):
        (tmp_path / 'a.npy.json').write_text(text)
        with pytest.warns(ImagedataWarning, match='does not fit 2 x 3 x 4 x 5'):
            assert Series(tmp_path / 'a.npy').header.geometry.assumed


def test_values_that_were_cut_are_not_placed_where_the_whole_was(tmp_path: Path) -> None:
    series = random_series('u2', (5, 4, 3))
    series.write(tmp_path / 'a.npy')
    np.save(tmp_path / 'a.npy', np.asarray(series)[2:])
    with pytest.warns(ImagedataWarning, match='does not fit 3 x 4 x 3'):
        assert Series(tmp_path / 'a.npy').header.geometry.assumed
