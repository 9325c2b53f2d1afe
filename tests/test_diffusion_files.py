"""`.bval` and `.bvec` beside NIfTI, against those that dcm2niix wrote for the same series."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from imagedata import Series
from imagedata.formats.nifti.diffusion import fsl_directions

SERIES = {
    'siemens_mosaic_dwi/dti_pitch': 'dti_pitch',
    'siemens_xa60_enhanced/diff_14': 'diff_14',
    'toshiba_dwi/ortho_7006_first_3': 'ortho_7006_first_3',
    'ge_dwi/tensor_r2': 'tensor_r2',
    'canon_dwi/enhanced_sag_9000': 'enhanced_sag_9000',
    'canon_dwi/ortho_9000': 'ortho_9000',
    'uih_dwi/ap_134434_9': 'ap_134434_9',
    'dicom2nifti_suite/philips_dti_001': 'philips_dti_001',
    'dicom2nifti_suite/siemens_dti_classic_001': 'siemens_dti_classic_001',
}


@pytest.mark.filterwarnings('ignore::imagedata.errors.LossWarning')
@pytest.mark.parametrize(('name', 'reference'), SERIES.items())
@pytest.mark.parametrize('flip', [False, True])
def test_directions_are_those_of_dcm2niix(
    name: str, reference: str, flip: bool, real_data: Path, tmp_path: Path
) -> None:
    """Also of a volume whose slices were turned round: its determinant has the other sign."""
    series = Series(real_data / name)
    (series[:, ::-1] if flip else series).write(tmp_path / 'x.nii.gz')
    folder = real_data / name.split('/')[0] / 'ref'
    theirs_b = np.loadtxt(folder / f'{reference}.bval')
    theirs = np.loadtxt(folder / f'{reference}.bvec')
    np.testing.assert_allclose(np.loadtxt(tmp_path / 'x.bval'), theirs_b, atol=0.1)
    ours = np.loadtxt(tmp_path / 'x.bvec')
    affines = [nib.load(p).affine[:3, :3] for p in (tmp_path / 'x.nii.gz', folder / f'{reference}.nii.gz')]

    def in_patient(vectors: np.ndarray, affine: np.ndarray) -> np.ndarray:
        turned = vectors.copy()
        if np.linalg.det(affine) > 0:
            turned[0] = -turned[0]
        return affine / np.linalg.norm(affine, axis=0) @ turned

    mine, others = in_patient(ours, affines[0]), in_patient(theirs, affines[1])
    for i in np.flatnonzero((theirs_b > 50) & (np.linalg.norm(theirs, axis=0) > 0.5)):
        # A direction and its opposite are the same for diffusion.
        assert abs(mine[:, i] @ others[:, i]) == pytest.approx(1, abs=2e-3)


def test_an_axial_image_by_hand() -> None:
    """Rows stored bottom-up: j grows to the front, against y; the determinant is negative."""
    affine = np.diag([-2.0, 2.0, 3.0, 1.0])  # i to the left: RAS -x; j to the front; k to the head
    found = fsl_directions([(1, 0, 0), (0, 1, 0), (0, 0, 1), ()], affine)
    np.testing.assert_allclose(found.T, [[1, 0, 0], [0, -1, 0], [0, 0, 1], [0, 0, 0]])
    mirrored = fsl_directions([(1, 0, 0)], np.diag([2.0, 2.0, 3.0, 1.0]))
    np.testing.assert_allclose(mirrored.T, [[1, 0, 0]])


def test_a_series_without_directions_has_b_values_only(sample_data: Path, tmp_path: Path) -> None:
    Series(sample_data / 'te', 'te').write(tmp_path / 'te.nii.gz')
    assert [p.name for p in tmp_path.iterdir()] == ['te.nii.gz']
