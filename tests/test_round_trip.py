"""DICOM to NIfTI to DICOM with the original as template, on real series of several vendors."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import UID

from dicom_write_helpers import dciodvfy
from imagedata import Series

SERIES = {
    'ct_3slice/liver': 'none',  # GE, axial, InstanceNumber against the normal
    'pet_ct_mr_sts/sts002_pet': 'none',  # GE PET, a slope for each slice
    'siemens_prone/t1_hfp': 'none',  # Siemens, sagittal, head first prone
    'siemens_pd_t2/pd_t2_tse': 'te',  # Siemens, two echoes
    'ge_dce/breast_dce_10_slices': 'time',  # GE, sagittal dynamic
    'philips_epi/magdeburg_fmri': 'time',  # Philips, oblique, fractional slope
    'toshiba_dwi/ortho_7006_first_3': 'b',  # Toshiba, diffusion
    'dicom2nifti_suite/hitachi_001': 'none',  # Hitachi, oblique in two directions
}

SAME = (
    'PatientName', 'PatientID', 'PatientBirthDate', 'PatientSex', 'StudyInstanceUID', 'StudyDate',
    'StudyTime', 'StudyID', 'AccessionNumber', 'ReferringPhysicianName', 'FrameOfReferenceUID',
    'Modality', 'SOPClassUID', 'Manufacturer', 'RepetitionTime', 'EchoTime', 'FlipAngle',
    'PatientPosition', 'SeriesNumber', 'AcquisitionTime', 'TriggerTime', 'DiffusionBValue',
)  # fmt: skip


def written_images(folder: Path) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(p) for p in sorted(folder.rglob('*')) if p.is_file()]


def rescaled(ds: pydicom.Dataset) -> np.ndarray:
    return ds.pixel_array * float(ds.get('RescaleSlope', 1)) + float(ds.get('RescaleIntercept', 0))


def place(ds: pydicom.Dataset) -> tuple[float, ...]:
    return tuple(np.round(np.array(ds.ImagePositionPatient, float), 3))


@pytest.mark.filterwarnings('ignore::imagedata.errors.LossWarning')
@pytest.mark.parametrize(('name', 'order'), SERIES.items())
def test_back_to_dicom(name: str, order: str, real_data: Path, tmp_path: Path) -> None:
    original = Series(real_data / name, order)
    original.write(tmp_path / 'a.nii.gz')
    back = Series(tmp_path / 'a.nii.gz', order, template=original)
    back.write(tmp_path / 'out')

    sources = {}
    for path in (real_data / name).rglob('*'):
        ds = pydicom.dcmread(path)
        sources[ds.SOPInstanceUID] = ds
    images = written_images(tmp_path / 'out')
    assert len(images) == len(sources)
    assert len({ds.SOPInstanceUID for ds in images}) == len(images)
    assert len({ds.SeriesInstanceUID for ds in images}) == 1
    for ds in images:
        source = sources.pop(ds.SourceImageSequence[0].ReferencedSOPInstanceUID)
        # Both files say the same value, each with its own slope: equal but for the last bit.
        np.testing.assert_allclose(rescaled(ds), rescaled(source), rtol=1e-12, atol=0)
        for keyword in ('ImagePositionPatient', 'ImageOrientationPatient', 'PixelSpacing'):
            np.testing.assert_allclose(
                np.array(ds[keyword].value, float), np.array(source[keyword].value, float), atol=1e-4
            )
        for keyword in SAME:
            if keyword in source:
                assert ds.get(keyword) == source.get(keyword), keyword
        for uid in (ds.SOPInstanceUID, ds.SeriesInstanceUID):
            assert UID(uid).is_valid
            assert uid not in (source.SOPInstanceUID, source.SeriesInstanceUID)
        assert ds.ImageType[0] == 'DERIVED'
    assert not sources


@pytest.mark.filterwarnings('ignore::imagedata.errors.LossWarning')
@pytest.mark.parametrize('name', SERIES)
def test_no_new_error_of_dciodvfy(name: str, real_data: Path, tmp_path: Path) -> None:
    original = Series(real_data / name, SERIES[name])
    original.write(tmp_path / 'a.nii.gz')
    Series(tmp_path / 'a.nii.gz', SERIES[name], template=original).write(tmp_path / 'out')
    source = {e for p in sorted((real_data / name).rglob('*'))[:2] for e in dciodvfy(p)}
    for path in [p for p in sorted((tmp_path / 'out').rglob('*')) if p.is_file()][:6]:
        assert dciodvfy(path) <= source


def test_arithmetic_on_a_real_dynamic(real_data: Path, tmp_path: Path) -> None:
    """(a - a[0]) / a[0]: axes, spacing, corners and patient kept; written, read back, equal."""
    a = Series(real_data / 'ge_dce/breast_dce_10_slices', 'time')
    with np.errstate(divide='ignore', invalid='ignore'):
        b = (a - a[0].astype(float)) / a[0]
    b = np.nan_to_num(b, posinf=0, neginf=0)
    assert b.axes == a.axes
    np.testing.assert_array_equal(b.spacing, a.spacing)
    for corner in np.ndindex(2, 2, 2):
        voxel = np.array(corner) * (np.array(a.shape[1:]) - 1)
        np.testing.assert_array_equal(b.getPositionForVoxel(voxel), a.getPositionForVoxel(voxel))
    assert (b.patientName, b.patientID) == (a.patientName, a.patientID)
    assert b.studyInstanceUID == a.studyInstanceUID
    assert b.seriesInstanceUID != a.seriesInstanceUID

    with pytest.warns(match='times of axis'):
        b.write(tmp_path / 'b.nii.gz')
    np.testing.assert_array_equal(Series(tmp_path / 'b.nii.gz', 'time'), b)
    with pytest.warns(match='greatest error|scaled|rounded'):
        b.write(tmp_path / 'dicom')
    back = Series(tmp_path / 'dicom', 'time')
    assert back.axes == b.axes
    step = (float(b.max()) - float(b.min())) / 65535
    np.testing.assert_allclose(back, b, atol=step * 0.51)
    assert back.patientID == a.patientID
