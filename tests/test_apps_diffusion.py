"""b values and gradient directions in headers and files: closed forms, dcm2niix, and the incumbent.

The values called the incumbent's are what imagedata 3.10 printed for the same call.
"""

import io
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset

from imagedata import Series
from imagedata.apps import diffusion
from imagedata.errors import (
    CorruptFileError,
    GeometryError,
    ImagedataWarning,
    MissingDependencyError,
    OrderNotFoundError,
)

UNIT = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1).map(
    lambda v: tuple(np.array(v) / np.linalg.norm(v)))


# --- files --------------------------------------------------------------------------------------


def test_text_as_the_incumbent_writes_it():
    """An axial image: y has the other sign in a file."""
    file = io.StringIO()
    diffusion.write_b_value_file(file, [0, 500, 1000.5])
    assert file.getvalue() == '0 500 1000.5\n'
    file = io.StringIO()
    vectors = [np.array(v, float) for v in ((0, 0, 0), (1, 0, 0), (0, 0.6, 0.8))]
    diffusion.write_b_vector_file(file, vectors)
    written = np.array([line.split() for line in file.getvalue().splitlines()], float)
    # The incumbent: '0.0 1.0 0.0\n-0.0 -0.0 -0.6\n0.0 0.0 0.8\n'
    np.testing.assert_array_equal(written, [[0, 1, 0], [0, 0, -0.6], [0, 0, 0.8]])


@pytest.mark.parametrize('kind', ['path', 'text', 'bytes'])
def test_files_are_read(tmp_path, kind):
    (tmp_path / 'a.bval').write_text('0 500\t1000.5\n')
    (tmp_path / 'a.bvec').write_text('0 1 0\n0 0 -.6\n\n0 0 .8\n')

    def given_as(path: Path) -> object:
        if kind == 'path':
            return str(path)
        return io.StringIO(path.read_text()) if kind == 'text' else io.BytesIO(path.read_bytes())

    assert diffusion.read_b_value_file(given_as(tmp_path / 'a.bval')) == [0.0, 500.0, 1000.5]
    found = diffusion.read_b_vector_file(given_as(tmp_path / 'a.bvec'))
    np.testing.assert_array_equal(found, [[0, 0, 0], [1, 0, 0], [0, 0.6, 0.8]])


@pytest.mark.parametrize('text', ['0 1 x\n', '0 1\n0 1 2\n0 1\n', '', '1 2 3 4\n'])
def test_files_that_are_none(tmp_path, text):
    (tmp_path / 'a.bvec').write_text(text)
    with pytest.raises(CorruptFileError, match='bvec'):
        diffusion.read_b_vector_file(tmp_path / 'a.bvec')


@given(directions=st.lists(UNIT, min_size=1, max_size=6), seed=st.integers(0, 1000))
def test_there_and_back_in_any_image(directions, seed):
    rng = np.random.default_rng(seed)
    image = Series(np.zeros((3, 4, 5)))
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    image.transformationMatrix = np.block([[turn * [2, 3, 4], np.zeros((3, 1))], [np.zeros(3), 1]])
    file = io.StringIO()
    diffusion.write_b_vector_file(file, directions, image)
    along = np.array([line.split() for line in file.getvalue().splitlines()], float)
    np.testing.assert_allclose(np.linalg.norm(along, axis=0), 1, atol=1e-5)
    file.seek(0)
    np.testing.assert_allclose(diffusion.read_b_vector_file(file, image), directions, atol=1e-5)


# --- images -------------------------------------------------------------------------------------

REAL = {
    'siemens_mosaic_dwi/dti_pitch': 'dti_pitch',
    'ge_dwi/tensor_r2': 'tensor_r2',
    'canon_dwi/enhanced_sag_9000': 'enhanced_sag_9000',
    'dicom2nifti_suite/philips_dti_001': 'philips_dti_001',
}


@pytest.mark.filterwarnings('ignore::imagedata.errors.LossWarning')
@pytest.mark.parametrize(('name', 'reference'), REAL.items())
@pytest.mark.parametrize('order', ['dti', 'auto'])
def test_files_beside_images_are_read_back(name, reference, order, real_data, tmp_path):
    """Read from a NIfTI file of dcm2niix with its .bval and .bvec, as from the DICOM itself."""
    source = Series(real_data / name, 'dti')
    theirs = Series(real_data / name.split('/')[0] / 'ref' / f'{reference}.nii.gz', order)
    assert theirs.header.tag_dims == ('b' if order == 'auto' else 'dti',)
    table = diffusion.get_g_vectors(theirs)
    ours = diffusion.get_g_vectors(source)
    assert list(table.columns) == ['b', 'z', 'y', 'x']
    np.testing.assert_allclose(sorted(table.b), sorted(ours.b), atol=0.5)
    mine = ours[['x', 'y', 'z']].to_numpy()
    for row in table[table.b > 50][['x', 'y', 'z']].to_numpy():
        if np.linalg.norm(row) > 0.5:
            # A direction and its opposite are the same; the volumes may stand in another order.
            assert np.abs(mine @ row).max() == pytest.approx(1, abs=3e-3)
    # Written again, from what was read: the same numbers.
    theirs.write(tmp_path / 'x.nii.gz')
    stem = real_data / name.split('/')[0] / 'ref' / reference
    b_values, before = np.loadtxt(f'{stem}.bval'), np.loadtxt(f'{stem}.bvec')
    np.testing.assert_allclose(np.loadtxt(tmp_path / 'x.bval'), b_values, atol=2e-5)
    after = np.loadtxt(tmp_path / 'x.bvec')
    np.testing.assert_allclose(after[:, b_values > 0], before[:, b_values > 0], atol=2e-5)


def dwi(tmp_path: Path, affine: np.ndarray) -> Path:
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 5, 3, 3), 'i2'), affine), tmp_path / 'a.nii')
    (tmp_path / 'a.bval').write_text('0 1000 1000\n')
    (tmp_path / 'a.bvec').write_text('0 1 0\n0 0 0.6\n0 0 0.8\n')
    return tmp_path / 'a.nii'


@pytest.mark.parametrize(
    ('affine', 'first', 'second'),
    [
        # i to the left, j to the front: determinant negative, nothing negated. LPS: x left, y back.
        (np.diag([-2.0, 2, 3, 1]), (1, 0, 0), (0, -0.6, 0.8)),
        # i to the right: FSL negates the first component.
        (np.diag([2.0, 2, 3, 1]), (1, 0, 0), (0, -0.6, 0.8)),
    ],
)
def test_directions_by_hand(tmp_path, affine, first, second):
    series = Series(dwi(tmp_path, affine), 'dti')
    assert [value[0] for value in series.axes.dti] == [0, 1000, 1000]
    np.testing.assert_allclose(series.axes.dti[1][1], first, atol=1e-12)
    np.testing.assert_allclose(series.axes.dti[2][1], second, atol=1e-12)
    assert series.tags[0][1][0][1] == pytest.approx(first)
    assert diffusion.get_b_value(series[1]) == 1000
    assert Series(tmp_path / 'a.nii', 'bvector').axes.bvector[0] == ()
    plain = Series(tmp_path / 'a.nii')
    assert (plain.input_order, plain.bvalues.tolist()) == ('b', [0, 1000, 1000])
    plain[:, 1:].write(tmp_path / 'b.nii')
    assert (tmp_path / 'b.bvec').exists()


def test_directions_that_do_not_fit(tmp_path):
    path = dwi(tmp_path, np.diag([-2.0, 2, 3, 1]))
    (tmp_path / 'a.bvec').write_text('0 1\n0 0\n0 0\n')
    with pytest.raises(OrderNotFoundError, match='bvec'):
        Series(path, 'dti')
    with pytest.warns(ImagedataWarning, match='directions are left out'):
        assert Series(path).input_order == 'b'


def test_series_without(monkeypatch):
    plain = Series(np.zeros((2, 3, 4)))
    assert np.isnan(diffusion.get_b_value(plain))
    with pytest.raises(IndexError):
        diffusion.get_g_vectors(plain)
    with pytest.raises(OrderNotFoundError, match='dti'):
        diffusion.write_b_vector_file(io.StringIO(), plain)
    with pytest.raises(OrderNotFoundError, match='none'):
        diffusion.write_b_value_file(io.StringIO(), plain)
    monkeypatch.setitem(__import__('sys').modules, 'pandas', None)
    with pytest.raises(MissingDependencyError, match='pip install pandas'):
        diffusion.get_g_vectors(plain)


# --- headers ------------------------------------------------------------------------------------


def files(folder: Path) -> list[Dataset]:
    return [dcmread(path) for path in sorted(folder.iterdir())[-3:]]


def test_headers_of_siemens_as_the_incumbent_reads_them(real_data):
    found = files(real_data / 'siemens_mosaic_dwi' / 'dti_pitch')
    assert [diffusion.get_ds_b_value(ds) for ds in found] == [2000.0] * 3
    incumbent = [[0.11043287, 0.26313639, 0.95841753], [0.11043877, -0.26520589, 0.95784616],
                 [0.03181092, -0.80048382, 0.59850955]]  # fmt: skip
    np.testing.assert_allclose([diffusion.get_ds_b_vectors(ds) for ds in found], incumbent, atol=1e-8)


@pytest.mark.parametrize(
    'name', ['siemens_mosaic_dwi/dti_pitch', 'ge_dwi/tensor_r2', 'philips_dwi/vanderbilt_601'])
def test_headers_that_are_set(name, real_data):
    ds = files(real_data / name)[0]
    diffusion.set_ds_b_value(ds, 123)
    diffusion.set_ds_b_vector(ds, [0, 0.6, 0.8])
    assert diffusion.get_ds_b_value(ds) == 123
    np.testing.assert_allclose(diffusion.get_ds_b_vectors(ds), [0, 0.6, 0.8])
    # A reader that knows the vendor's elements alone finds the same.
    del ds.DiffusionBValue, ds.DiffusionGradientOrientation
    assert diffusion.get_ds_b_value(ds) == 123
    np.testing.assert_allclose(np.abs(diffusion.get_ds_b_vectors(ds)), [0, 0.6, 0.8], atol=1e-6)


def test_headers_by_hand():
    ds = Dataset()
    for get in (diffusion.get_ds_b_value, diffusion.get_ds_b_vectors):
        with pytest.raises(IndexError):
            get(ds)
    diffusion.set_ds_b_value(ds, 0)
    np.testing.assert_array_equal(diffusion.get_ds_b_vectors(ds), [0, 0, 0])
    for wrong in ([1, 2], [0, np.nan, 1], 'abc'):
        with pytest.raises((GeometryError, ValueError)):
            diffusion.set_ds_b_vector(ds, wrong)
    assert 'DiffusionGradientOrientation' not in ds
