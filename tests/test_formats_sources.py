"""Files that are not on the local disk: every format reads them through `Source.open` and `beside`."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest

from formats_helpers import random_series
from imagedata import Series
from imagedata.errors import UnknownInputError
from imagedata.formats.contract import ReadRequest, Source
from imagedata.registry import formats

FILES = {
    'a.mha': 'itk', 'a.mhd': 'itk', 'a.nrrd': 'itk', 'a.nhdr': 'itk', 'a.h5': 'itk', 'a.mat': 'mat',
    'b.mat': 'mat', 'a.tif': 'pillow', 'a.png': 'pillow', 'a.npz': 'numpy', 'a.npy': 'numpy',
}  # fmt: skip


def in_memory(path: Path) -> Source:
    """The file as it would stand in an archive: bytes, and a name that is no path."""
    def neighbour(name: str) -> Source | None:
        other = path.with_name(name)
        return in_memory(other) if other.is_file() else None

    content = path.read_bytes()
    return Source(f'archive.zip?{path.name}', None, lambda: io.BytesIO(content), neighbour)


@pytest.mark.filterwarnings('ignore::imagedata.errors.LossWarning')
@pytest.mark.parametrize('name', FILES)
def test_bytes_without_a_path(name: str, tmp_path: Path) -> None:
    series = random_series('u2', (1, 4, 5))
    series.write(tmp_path / name, **({'mat_version': '7.3'} if name == 'b.mat' else {}))
    plugin = next(f for f in formats() if f.name == FILES[name])
    source = in_memory(tmp_path / name)
    with source.open() as file:
        assert plugin.identifies(source.basename, file.read(4096))
    result = plugin.read([source], ReadRequest('auto', {}))
    np.testing.assert_array_equal(result.series[0].array.reshape(series.shape), np.asarray(series))
    companions = {'a.mhd': ['a.raw'], 'a.nhdr': ['a.raw'], 'a.npy': ['a.npy.json']}
    assert [used.split('?')[1] for used in result.used] == companions.get(name, [])


# --- open files ---------------------------------------------------------------------------------

CT = Path(__file__).parents[1] / 'data' / 'dicom' / 'ct'


def test_open_files_are_read_as_their_paths_are() -> None:
    """From their bytes alone: the streams have no names, or all the same one. They are not closed."""
    named = Series(CT)
    streams = [io.BytesIO(path.read_bytes()) for path in sorted(CT.iterdir())]
    assert Series(streams).equals(named)
    assert not any(stream.closed for stream in streams)
    files = [path.open('rb') for path in sorted(CT.iterdir())]
    assert Series(files).equals(named)
    for file in files:
        file.close()


def test_an_open_archive(tmp_path: Path) -> None:
    path = shutil.make_archive(str(tmp_path / 'ct'), 'zip', CT)
    with open(path, 'rb') as file:
        assert Series(file).equals(Series(CT))
    assert Series(io.BytesIO(Path(path).read_bytes())).equals(Series(CT))


@pytest.mark.parametrize('name', ['a.nii', 'a.nii.gz', 'a.mha', 'a.nrrd', 'a.mat', 'a.tif', 'a.npy'])
@pytest.mark.filterwarnings('ignore::imagedata.errors.ImagedataWarning')
def test_an_open_file_of_each_format(name: str, tmp_path: Path) -> None:
    series = random_series('i2', (1, 4, 5))
    series.write(tmp_path / name)
    got = Series(io.BytesIO((tmp_path / name).read_bytes()))
    np.testing.assert_array_equal(np.asarray(got).reshape(series.shape), np.asarray(series))


def test_a_stream_that_is_no_image() -> None:
    with pytest.raises(UnknownInputError, match='the stream'):
        Series(io.BytesIO(b'no image'))
    with pytest.raises(TypeError, match='mode "rb"'):
        Series(io.StringIO('text'))
