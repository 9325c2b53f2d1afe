"""MRtrix images: what is read is compared with bytes laid out here, and with nibabel for places."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

from imagedata import Series
from imagedata.axis import VariableAxis
from imagedata.errors import (
    CorruptFileError,
    ImagedataWarning,
    LossWarning,
    OrderNotFoundError,
    WriteNotImplemented,
)

VALUES = np.arange(2 * 3 * 4 * 5, dtype=np.int16).reshape(2, 3, 4, 5)  # volume, z, y, x


def save(path: Path, *lines: str, stored: bytes) -> Path:
    text = '\n'.join(('mrtrix image', *lines, 'file: . 512', 'END', '')).encode()
    path.write_bytes(text.ljust(512, b'\0') + stored)
    return path


def test_layout(tmp_path: Path) -> None:
    """Volumes fastest, x backwards: as in a file of dwi2tensor."""
    stored = VALUES[..., ::-1].transpose(1, 2, 3, 0).astype('>i2').tobytes()
    path = save(tmp_path / 'a.mif', 'dim: 5,4,3,2', 'vox: 1.5,2,3,0.5', 'layout: -1,+2,+3,+0',
                'datatype: Int16BE', stored=stored)  # fmt: skip
    series = Series(path, 'time')
    np.testing.assert_array_equal(series, VALUES)
    np.testing.assert_allclose(series.spacing, [3, 2, 1.5])
    np.testing.assert_allclose(series.timeline, [0, 0.5])
    assert series.input_format == 'mif'


def test_content_decides(tmp_path: Path) -> None:
    path = save(tmp_path / 'a.nii', 'dim: 5,4,3', 'vox: 1,1,1', 'layout: +0,+1,+2', 'datatype: Int16LE',
                stored=VALUES[0].tobytes())  # fmt: skip
    np.testing.assert_array_equal(Series(path), VALUES[0])


def test_scaling(tmp_path: Path) -> None:
    path = save(tmp_path / 'a.mif', 'dim: 5,4,3', 'vox: 1,1,1', 'layout: +0,+1,+2', 'datatype: Int16LE',
                'scaling: 10,0.5', stored=VALUES[0].tobytes())  # fmt: skip
    np.testing.assert_allclose(Series(path), VALUES[0] * 0.5 + 10)


def test_place(tmp_path: Path) -> None:
    """World coordinates of a voxel, by hand: RAS in the file, (z, y, x) of LPS in imagedata."""
    path = save(tmp_path / 'a.mif', 'dim: 5,4,3', 'vox: 2,3,4', 'layout: +0,+1,+2', 'datatype: Int16LE',
                'transform: 0,-1,0,10', 'transform: 1,0,0,20', 'transform: 0,0,1,30',
                stored=VALUES[0].tobytes())  # fmt: skip
    x, y, z = 10 - 3 * 2, 20 + 2 * 4, 30 + 4 * 1
    place = Series(path).getPositionForVoxel((1, 2, 4)).ravel()
    np.testing.assert_allclose(place, [z, -y, -x])


def test_round_trip_and_nifti(tmp_path: Path) -> None:
    """To .mif and on to NIfTI: nibabel finds each voxel where it was."""
    affine = np.array([[-1.4, 0.2, 0.1, 30], [0.2, 1.9, -0.3, -20], [0.1, 0.4, 2.5, 5], [0, 0, 0, 1]])
    u, _, vt = np.linalg.svd(affine[:3, :3])
    affine[:3, :3] = u @ vt @ np.diag([1.5, 2, 3])  # no shear
    image = nibabel.Nifti1Image(VALUES.transpose(3, 2, 1, 0), affine)
    nibabel.save(image, tmp_path / 'a.nii')
    Series(tmp_path / 'a.nii', 'time').write(tmp_path / 'b.mif')
    series = Series(tmp_path / 'b.mif', 'time')
    np.testing.assert_array_equal(series, Series(tmp_path / 'a.nii', 'time'))
    series.write(tmp_path / 'c.nii')
    back = nibabel.load(tmp_path / 'c.nii')
    here = np.array([3, 1, 2, 1])
    (value,) = np.argwhere(np.asarray(back.dataobj)[..., 1] == VALUES[1, 2, 1, 3])
    np.testing.assert_allclose(back.affine @ [*value, 1], affine @ here, atol=1e-3)


def test_axes_are_the_users_or_the_files(tmp_path: Path) -> None:
    """An order that does not fit is an error, and seconds do not become b values."""
    path = save(tmp_path / 'a.mif', 'dim: 5,4,3,2', 'vox: 1,1,1,2.5', 'layout: +0,+1,+2,+3',
                'datatype: Int16LE', stored=VALUES.tobytes())  # fmt: skip
    series = Series(path)
    assert series.header.tag_dims == ('time',)
    assert list(series.timeline) == [0, 2.5]
    assert 'MRtrix' in series.explain()
    with pytest.raises(OrderNotFoundError, match='names 2 dimensions'):
        Series(path, 'time,te')
    with pytest.warns(ImagedataWarning, match="no values for axis 'b'"):
        assert list(Series(path, 'b').bvalues) == [0, 1]


@pytest.mark.parametrize('dtype', ['u1', 'i4', 'f4', 'f8', 'c8'])
def test_types_are_kept(dtype: str, tmp_path: Path) -> None:
    values = VALUES[0].astype(dtype)
    Series(values).write(tmp_path / 'a.mif')
    again = Series(tmp_path / 'a.mif')
    assert again.dtype == values.dtype
    np.testing.assert_array_equal(again, values)
    assert again.header.geometry.assumed


def test_what_it_cannot_hold(tmp_path: Path) -> None:
    with pytest.warns(LossWarning, match='uint8'):
        Series(VALUES[0] > 3).write(tmp_path / 'a.mif')
    series = Series(VALUES, 'b')
    series.axes = series.axes._replace(b=VariableAxis('b', [0, 1000]))
    with pytest.warns(LossWarning, match="values of axis 'b'"):
        series.write(tmp_path / 'c.mif')
    with pytest.raises(WriteNotImplemented, match='4 dimensions'):
        Series(np.zeros((2, 2, 3, 4, 5)), 'time,te').write(tmp_path / 'b.mif')
    with pytest.raises(WriteNotImplemented, match='no colour'):
        Series(np.zeros((2, 3, 4), [(c, 'u1') for c in 'RGB'])).write(tmp_path / 'b.mif')
    assert not (tmp_path / 'b.mif').exists()


@pytest.mark.parametrize(
    ('lines', 'word'),
    [
        (('dim: 5,4,3', 'vox: 1,1,1', 'layout: +0,+1,+2', 'datatype: Float64LE'), 'truncated'),
        (('dim: 5,4,3', 'vox: 1,1,1', 'layout: +0,+0,+2', 'datatype: Int16LE'), 'layout'),
        (('dim: 5,4,3', 'vox: 1,1,1', 'layout: +0,+1,+2', 'datatype: Bit'), 'bit'),
        (('vox: 1,1,1', 'layout: +0,+1,+2', 'datatype: Int16LE'), 'dim'),
    ],
)
def test_damaged_files_are_errors(lines: tuple[str, ...], word: str, tmp_path: Path) -> None:
    path = save(tmp_path / 'a.mif', *lines, stored=VALUES[0].tobytes())
    with pytest.raises(CorruptFileError, match=word) as caught:
        Series(path)
    assert str(path) in str(caught.value)
