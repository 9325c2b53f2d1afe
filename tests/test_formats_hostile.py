"""Every format with every other: converted, under wrong names, empty, and with damaged beginnings."""

import itertools
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

import hostile
from formats_helpers import random_series
from imagedata import Series, errors
from imagedata.registry import formats

KEPT = ('nii', 'nii.gz', 'mha', 'mhd', 'nrrd', 'nhdr', 'h5', 'mat', 'npz', 'npy', 'tif', 'mgz')
"""Formats that keep values and places, of one type."""

VALUES = ('vtk', 'mrc', 'gipl', 'gif', 'webp', 'png', 'bmp', 'jp2')
BESIDE = {'mhd': 'raw', 'nhdr': 'raw', 'npy': 'npy.json'}
HOSTILE = (
    'nii', 'nii.gz', 'mha', 'nrrd', 'vtk', 'mrc', 'gipl', 'h5', 'mat', 'npz', 'npy', 'tif', 'png', 'mgz',
)  # fmt: skip


@pytest.fixture(scope='module')
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Series, Path]:
    """A series, and a folder with it in every format."""
    folder = tmp_path_factory.mktemp('formats')
    series = random_series('u1', (1, 6, 7), kind='oblique')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        for name in (*KEPT, *VALUES):
            target = folder / name / f'a.{name}'
            target.parent.mkdir()
            series.write(target)
    return series, folder


def same_place(a: Series, b: Series) -> None:
    index = np.array([*np.ndindex(2, 2, 2)]) * (np.array(a.header.geometry.shape) - 1)
    world = {tuple(p.round(3)): n for n, p in enumerate(a.header.geometry.to_world(index))}
    # Rows of a file may run either way: what counts is the value at a place.
    grids = [np.asarray(s).reshape(s.header.geometry.shape) for s in (a, b)]
    for at in index:
        place = b.header.geometry.to_world(at)
        near = min(world, key=lambda p: np.linalg.norm(np.array(p) - place))
        np.testing.assert_allclose(near, place, atol=2e-3)
        assert grids[0][tuple(index[world[near]])] == grids[1][tuple(at)]


@pytest.mark.filterwarnings('ignore::imagedata.errors.LossWarning')
@pytest.mark.parametrize('first', KEPT)
def test_from_every_format_to_every_other(first: str, written: tuple[Series, Path], tmp_path: Path) -> None:
    series, folder = written
    held = Series(folder / first / f'a.{first}')
    same_place(series, held)
    for second in KEPT:
        held.write(tmp_path / f'b.{second}', overwrite=True)
        found = Series(tmp_path / f'b.{second}')
        same_place(series, found)
        np.testing.assert_array_equal(np.sort(np.asarray(found), axis=None), np.sort(series, axis=None))
        for path in tmp_path.iterdir():
            path.unlink()


@pytest.mark.filterwarnings('ignore::imagedata.errors.ImagedataWarning')
@pytest.mark.parametrize('real', [name for name in (*KEPT, *VALUES) if name != 'npz'])
def test_wrong_names(real: str, written: tuple[Series, Path], tmp_path: Path) -> None:
    """Content comes before the name; but NumPy's `.npz` is a zip archive as good as any other."""
    _, folder = written
    wanted = np.asarray(Series(folder / real / f'a.{real}'))
    if real in BESIDE:
        shutil.copy(folder / real / f'a.{BESIDE[real]}', tmp_path)
    for name in (*KEPT, *VALUES, 'dcm', 'pdf', 'unknown'):
        path = tmp_path / f'a.{name}'
        if path.exists():
            continue
        shutil.copy(folder / real / f'a.{real}', path)
        found = np.asarray(Series(path))
        np.testing.assert_array_equal(np.sort(found, axis=None), np.sort(wanted, axis=None))
        path.unlink()


def extensions() -> list[str]:
    return sorted({extension for plugin in formats() for extension in plugin.extensions})


@pytest.mark.parametrize('content', [b'', b'\0' * 5000, b'nothing of the kind\n' * 300, b'\x1f\x8b\x08 x'])
def test_contents_of_no_format(content: bytes, tmp_path: Path) -> None:
    for extension in extensions():
        path = tmp_path / f'a{extension}'
        path.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            with pytest.raises(errors.ImagedataError, match=r'a\.'):
                Series(path)
        assert [p.name for p in tmp_path.iterdir()] == [path.name]
        path.unlink()


@pytest.mark.parametrize('name', BESIDE)
def test_voxels_of_another_size(name: str, written: tuple[Series, Path], tmp_path: Path) -> None:
    """Header and voxels that disagree: fewer are an error; nothing is read from elsewhere."""
    _, folder = written
    shutil.copy(folder / name / f'a.{name}', tmp_path)
    other = tmp_path / f'a.{BESIDE[name]}'
    content = (folder / name / other.name).read_bytes()
    if name == 'npy':
        other.write_bytes(content.replace(b'"grid":[1,6,7]', b'"grid":[1,6,8]'))
        with pytest.warns(errors.ImagedataWarning, match='does not fit'):
            assert Series(tmp_path / 'a.npy').header.geometry.assumed
        return
    for part in (0, 1, len(content) - 1):
        other.write_bytes(content[:part])
        with pytest.raises(errors.CorruptFileError, match=r'a\.'):
            Series(tmp_path / f'a.{name}')
    other.unlink()
    with pytest.raises(errors.CorruptFileError, match='not there'):
        Series(tmp_path / f'a.{name}')


def test_damaged_beginnings(written: tuple[Series, Path]) -> None:
    """Read in a process of its own, with bounded memory: an error that names the file, or an image."""
    _, folder = written
    files = [folder / name / f'a.{name}' for name in HOSTILE]
    cases = [
        {'file': str(path), 'kind': 'start', 'number': number}
        for path, number in itertools.product(files, range(15))
    ]
    failures = [failure for lot in hostile.batches(cases) for failure in hostile.run(lot, seconds=200)]
    assert failures == []


@pytest.mark.parametrize('name', ['mat', 'npz', 'npy', 'tif', 'mgz', 'nrrd', 'png'])
def test_what_cannot_be_mapped_is_refused(name: str, written: tuple[Series, Path]) -> None:
    with pytest.raises(errors.DataTypeError, match='cannot be memory-mapped'):
        Series(written[1] / name / f'a.{name}', mmap=True)
