"""The options input_shape and input_sort: images of other formats than DICOM, divided as the user says."""

from collections.abc import Sequence
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from imagedata import Cohort, Series, image_data
from imagedata.errors import BadShapeGiven

SAMPLES = Path(__file__).resolve().parent.parent / 'data' / 'dicom'


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Six pictures, the values of each its number."""
    folder = tmp_path / 'pictures'
    folder.mkdir()
    for number in range(6):
        Image.fromarray(np.full((4, 5), number, 'u1')).save(folder / f'{number}.png')
    return folder


@pytest.mark.parametrize(
    ('options', 'order', 'expected', 'axes'),
    [
        ({'input_shape': '2x3'}, 'time', [[0, 1, 2], [3, 4, 5]], ('time',)),
        ({'input_shape': (2, 3)}, 'auto', [[0, 1, 2], [3, 4, 5]], ('none',)),
        ({'input_shape': '3x2x4x5'}, 'te', [[0, 1], [2, 3], [4, 5]], ('te',)),
        ({'input_shape': '2x3', 'input_sort': 1}, 'time', [[0, 2, 4], [1, 3, 5]], ('time',)),
        ({'input_shape': '2x3', 'input_sort': 'tag'}, 'time', [[0, 2, 4], [1, 3, 5]], ('time',)),
        ({'input_shape': '3x2x1'}, 'time,te', [[[0], [1]], [[2], [3]], [[4], [5]]], ('time', 'te')),
        ({'input_shape': '6'}, 'auto', [0, 1, 2, 3, 4, 5], ()),
    ],
)
def test_pictures(
    pictures: Path, options: dict[str, object], order: str, expected: Sequence[object], axes: tuple[str, ...]
) -> None:
    series = Series(pictures, order, **options)
    np.testing.assert_array_equal(np.asarray(series)[..., 0, 0], expected)
    assert series.axes._fields == (*axes, 'slice', 'row', 'column')
    assert series.shape == (*np.shape(expected), 4, 5)
    headers = Series(pictures, order, headers_only=True, **options)
    assert [len(a) for a in headers.axes] == list(series.shape)
    if axes:
        assert 'divided' in series.explain()


def test_slices_lie_where_the_first_of_them_do(tmp_path: Path) -> None:
    affine = np.array([[2.0, 0, 0, 10], [0, 2, 0, 20], [0, 0, 3, -30], [0, 0, 0, 1]])
    values = np.arange(4 * 5 * 6, dtype='i2').reshape(5, 4, 6)
    nibabel.save(nibabel.Nifti1Image(values, affine), tmp_path / 'x.nii')
    plain, series = Series(tmp_path / 'x.nii'), Series(tmp_path / 'x.nii', 'time', input_shape='2x3')
    assert series.shape == (2, 3, 4, 5)
    np.testing.assert_array_equal(np.asarray(series).reshape(6, 4, 5), np.asarray(plain))
    np.testing.assert_allclose(series.transformationMatrix, plain.transformationMatrix)
    series.write(tmp_path / 'y.nii')
    np.testing.assert_allclose(nibabel.load(tmp_path / 'y.nii').affine, affine)
    assert nibabel.load(tmp_path / 'y.nii').shape == (5, 4, 3, 2)


@pytest.mark.parametrize('shape', ['2x4', '0x6', '-2x-3', 'axb', '2x3x4', (2, 'x'), '3', 'nan', '9' * 30])
def test_shapes_that_do_not_fit(pictures: Path, shape: object) -> None:
    with pytest.raises(BadShapeGiven, match='input_shape'):
        Series(pictures, input_shape=shape)


def test_order_that_does_not_name_the_axes(pictures: Path) -> None:
    for order in ('time,te', 'slice', 'time,time'):
        with pytest.raises(BadShapeGiven, match='order'):
            Series(pictures, order, input_shape='2x3')


def test_dicom_tells_by_itself() -> None:
    with pytest.raises(BadShapeGiven, match='DICOM'):
        Series(SAMPLES / 'ct', input_shape='2x16')


def test_pictures_of_a_folder_are_one_series_of_a_collection(pictures: Path, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((9, 9), 'u1')).save(tmp_path / 'pictures' / 'other.jpg')
    records = Cohort(pictures).to_records()
    assert sorted((r['seriesDescription'], r['images'], r['rows']) for r in records) == [
        ('other', 1, 9), ('pictures', 6, 4),
    ]  # fmt: skip
    # Those of several sizes are not one.
    Image.fromarray(np.zeros((9, 9), 'u1')).save(pictures / '9.png')
    assert len(Cohort(pictures).to_records()) == 8


def test_program(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ['--order', 'time', '--input_shape', '2x3', '--input_sort', 'tag']
    assert image_data.conversion([*options, str(tmp_path / 'x.nii'), str(pictures)]) == 0
    np.testing.assert_array_equal(np.asarray(Series(tmp_path / 'x.nii'))[..., 0, 0], [[0, 2, 4], [1, 3, 5]])
    capsys.readouterr()
    assert image_data.list(['-v', *options, str(pictures)]) == 0
    assert '2 x 3 x 4 x 5 (time, slice, row, column)' in capsys.readouterr().out
    assert image_data.conversion(['--input_shape', '7x9', str(tmp_path / 'y.nii'), str(pictures)]) == 1
    assert '63 images, and there are 6' in capsys.readouterr().err
