"""The sample files inside nibabel's package: values and world coordinates as nibabel has them."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

from imagedata import Series
from imagedata.errors import UnknownInputError

DATA = Path(nibabel.__file__).parent / 'tests' / 'data'
READ = (
    'standard.nii.gz', 'example4d.nii.gz', 'example_nifti2.nii.gz', 'anatomical.nii', 'functional.nii',
    'reoriented_anat_moved.nii', 'resampled_anat_moved.nii',
)  # fmt: skip
TO_LPS = np.diag([-1.0, -1.0, 1.0])

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason='this nibabel comes without its test data')


@pytest.mark.parametrize('name', READ)
def test_values_and_places(name: str) -> None:
    image = nibabel.load(DATA / name)
    series = Series(DATA / name)
    theirs = np.asarray(image.dataobj)
    theirs = theirs.reshape((*theirs.shape, 1, 1)[: max(3, theirs.ndim)])
    ours = np.asarray(series)
    tags = ours.ndim - 3
    turned = ours.transpose(*range(ours.ndim)[: tags - 1 if tags else None : -1], *range(tags))[:, ::-1]
    np.testing.assert_allclose(turned, np.squeeze(theirs).reshape(turned.shape), rtol=1e-6)
    if image.header['sform_code'] or image.header['qform_code']:
        rows = ours.shape[-2]
        for s, r, c in np.ndindex(2, 2, 2):
            index = np.array([s, r, c]) * (np.array(ours.shape[-3:]) - 1)
            ijk = [index[2], rows - 1 - index[1], index[0]]
            world = TO_LPS @ nibabel.affines.apply_affine(image.affine, ijk)
            np.testing.assert_allclose(series.getPositionForVoxel(index).ravel()[::-1], world, atol=1e-4)


@pytest.mark.parametrize('name', READ)
def test_written_again(name: str, tmp_path: Path) -> None:
    series = Series(DATA / name)
    series.write(tmp_path / 'x.nii')
    before, after = nibabel.load(DATA / name), nibabel.load(tmp_path / 'x.nii')
    ours, theirs = (np.asarray(i.dataobj).squeeze() for i in (after, before))
    # Rows of a file may run either way: what counts is the value at a place.
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    if before.header['sform_code'] or before.header['qform_code']:
        np.testing.assert_allclose(after.affine, before.affine, atol=1e-4)
        assert max(after.header['sform_code'], 1) == max(
            before.header['sform_code'] or before.header['qform_code'], 1)
    for field in ('descrip', 'intent_code', 'intent_name', 'aux_file'):
        assert after.header[field] == before.header[field]


@pytest.mark.parametrize('name', ['analyze.hdr', 'test.mgz', 'tiny.mnc', 'example4d+orig.BRIK.gz'])
def test_other_formats_are_left(name: str) -> None:
    with pytest.raises(UnknownInputError, match='not NIfTI'):
        Series(DATA / name, input_format='nifti')


@pytest.mark.parametrize('name', ['nifti1.hdr', 'nifti2.hdr'])
def test_headers_without_voxels(name: str) -> None:
    with pytest.raises(ValueError, match=r'\.img|dimension'):
        Series(DATA / name)
