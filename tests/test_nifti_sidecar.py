"""The JSON file beside NIfTI: against those of dcm2niix, for the same series, and read back.

Where the two differ, dcm2niix changes what the DICOM says: it shortens names of manufacturers, adds
MAGNITUDE to Image Type, calls COLUMN of enhanced images COL, and for some series takes the slice times
of the second volume. What this library does not write of it is in `LEFT_OUT`.
"""

import json
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from pydicom.dataset import Dataset

from imagedata import Series
from imagedata.axis import VariableAxis
from imagedata.errors import CorruptFileError, ImagedataWarning, WriteNotImplemented
from imagedata.formats.nifti.bids import FIELDS, sidecar_text
from imagedata.formats.nifti.layout import nifti_from_lps
from imagedata.header import Identity, Images, SeriesData
from realdata import CatalogueRow, catalogue

EXACT = (
    'Modality', 'MagneticFieldStrength', 'ImagingFrequency', 'BodyPart', 'PatientPosition',
    'SoftwareVersions',
    'MRAcquisitionType', 'SeriesDescription', 'ProtocolName', 'ScanningSequence', 'SequenceVariant',
    'ScanOptions', 'SequenceName', 'SeriesNumber', 'AcquisitionNumber', 'SliceThickness', 'EchoTime',
    'FlipAngle',
    'PercentPhaseFOV', 'PercentSampling', 'PhaseEncodingSteps', 'PixelBandwidth', 'SAR', 'MTState',
    'PartialFourierDirection', 'ParallelReductionFactorInPlane', 'ParallelAcquisitionTechnique',
    'BandwidthPerPixelPhaseEncode', 'EstimatedTotalReadoutTime', 'InstitutionName', 'StationName',
    'DeviceSerialNumber', 'ConvolutionKernel', 'XRayTubeCurrent', 'RadionuclideHalfLife',
    'InjectedRadioactivity',
)  # fmt: skip
LEFT_OUT = {
    # A protocol in text form, shims, tables, and guesses: not elements of the DICOM standard.
    ('ge_dwi/tensor_r2', 'TotalReadoutTime'): 'dcm2niix multiplies the spacing of 128 lines by 255',
    ('ge_dwi/tensor_r2', 'EffectiveEchoSpacing'): 'the same',
    ('philips_asl/pcasl3d_source_402', 'RepetitionTime'): 'volumes follow each other in 4.2 s',
    ('ge_dce/breast_dce_10_slices', 'RepetitionTime'): 'uneven volumes: VolumeTiming',
    ('uih_dwi/ap_134434_9', 'TotalReadoutTime'): 'not worked out for United Imaging',
}
ELSEWHERE = (
    'EstimatedTotalReadoutTime', 'ParallelReductionFactorInPlane', 'ParallelAcquisitionTechnique',
    'ProtocolName',
    'InstitutionName', 'PartialFourierDirection', 'SoftwareVersions', 'ScanOptions', 'ScanningSequence',
    'SequenceVariant', 'SequenceName', 'MTState',
)  # fmt: skip
"""Fields that dcm2niix takes from private texts, or makes up of other elements, for some series."""
PHASE = ('PhaseEncodingDirection', 'PhaseEncodingAxis')


def sidecar(series: Series, folder: Path, **options: object) -> dict:
    series.write(folder / 'x.nii.gz', sidecar=options.pop('sidecar', True), **options)
    return json.loads((folder / 'x.json').read_text(encoding='utf-8'))


def one_reference(row: CatalogueRow, real_data: Path) -> dict | None:
    found = [p for r in row.references(real_data) if (p := r.beside('.json')) and r.by_dcm2niix]
    try:
        return json.loads(found[0].read_text(encoding='utf-8')) if len(found) == 1 else None
    except ValueError:
        return None


@pytest.mark.filterwarnings('ignore::imagedata.errors.ImagedataWarning')
@pytest.mark.parametrize('row', [r for r in catalogue() if r.reference_files and r.files < 400], ids=str)
def test_against_dcm2niix(row: CatalogueRow, real_data: Path) -> None:
    theirs = one_reference(row, real_data)
    if theirs is None or str(row).endswith(('failing_sliceincrement_001', 'spectroscopy_31')):
        pytest.skip('no single JSON file to compare with, or refused')
    header = Series(row.folder(real_data), headers_only=True).header
    ours = json.loads(sidecar_text(SeriesData(np.empty(()), header, Identity()), identifying=True))
    for name in (*EXACT, *PHASE, 'RepetitionTime', 'TotalReadoutTime', 'EffectiveEchoSpacing'):
        if name not in theirs or (str(row), name) in LEFT_OUT:
            continue
        if name not in ours and name in ELSEWHERE:
            continue
        if isinstance(theirs[name], (int, float)) and not isinstance(theirs[name], bool):
            assert ours[name] == pytest.approx(theirs[name], rel=2e-5), name
        else:
            assert str(ours[name]).strip().lower() == str(theirs[name]).strip().lower(), name
    if 'SliceTiming' in ours and 'SliceTiming' in theirs:
        # Clocks tick in 2.5 ms. Slices may be counted from the other end.
        times = [np.array(x['SliceTiming']) for x in (ours, theirs)]
        if str(row) == 'siemens_xa10_enhanced/rest':
            return
        assert min(np.abs(times[0] - t).max() for t in (times[1], times[1][::-1])) < 0.006


# --- what is written ----------------------------------------------------------------------------


class Headers:
    """Headers of an echo planar series of four slices and three volumes."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def dataset(self, index: int) -> Dataset:
        ds = Dataset()
        ds.Modality, ds.Manufacturer, ds.ScanningSequence, ds.MRAcquisitionType = 'MR', 'Maker', 'EP', '2D'
        ds.PatientName, ds.PatientID, ds.InstitutionName = 'Doe^Jane', '4711', 'Hospital'
        ds.DeviceSerialNumber, ds.StudyDescription = '123', 'Jane, second visit'
        ds.RepetitionTime, ds.EchoTime, ds.FlipAngle = '2000', '30.5', '77'
        ds.ImageOrientationPatient, ds.InPlanePhaseEncodingDirection = [1, 0, 0, 0, 1, 0], 'COL'
        ds.ImageType = ['ORIGINAL', 'PRIMARY', 'M']
        ds.Rows, ds.Columns = 5, 6
        volume, z = divmod(index, 4)
        ds.AcquisitionTime = f'1000{2 * volume + (0, 1.0, 0.5, 1.5)[z]:09.6f}'
        return ds


def epi() -> Series:
    series = Series(np.zeros((3, 4, 5, 6), 'i2'), 'time')
    series.spacing = [3, 2, 2]
    images = Images(('time', 'slice'), np.arange(12).reshape(3, 4), Headers(12))
    series.header = replace(series.header, images=images)
    series.axes = [VariableAxis('time', [0, 2, 4]), *series.axes[1:]]
    return series


def test_none_unless_asked_for(tmp_path):
    epi().write(tmp_path / 'x.nii')
    assert [p.name for p in tmp_path.iterdir()] == ['x.nii']


def test_fields_by_hand(tmp_path):
    found = sidecar(epi(), tmp_path)
    assert (found['EchoTime'], found['RepetitionTime'], found['FlipAngle']) == (0.0305, 2, 77)
    assert found['SliceTiming'] == [0, 1, 0.5, 1.5]
    # Columns of an axial image run to the back; rows are stored from the back to the front.
    assert found['PhaseEncodingAxis'] == 'j'


def test_who_and_where_on_request_only(tmp_path):
    text = json.dumps(sidecar(epi(), tmp_path))
    for word in ('Doe', '4711', 'Hospital', '123', 'Jane'):
        assert word not in text
    found = sidecar(epi(), tmp_path, sidecar='identifying')
    names = ('PatientName', 'PatientID', 'InstitutionName')
    assert [found[name] for name in names] == ['Doe^Jane', '4711', 'Hospital']


def test_slices_that_were_picked_turned_or_left_out(tmp_path):
    assert sidecar(epi()[:, ::-1], tmp_path)['SliceTiming'] == [1.5, 0.5, 1, 0]
    assert sidecar(epi()[:, 1:3], tmp_path)['SliceTiming'] == [0.5, 0]
    across = epi().reorient('RPI')
    assert 'SliceTiming' in sidecar(across, tmp_path)
    other = epi()[0].reorient('PIR')  # slices are no longer those of the scanner
    found = sidecar(other, tmp_path)
    assert 'SliceTiming' not in found


def test_slices_that_were_not_acquired(tmp_path):
    made = Series(np.zeros((3, 4, 5, 6)), 'time', template=epi(), geometry=epi())
    found = sidecar(made, tmp_path)
    assert 'SliceTiming' not in found
    assert found['EchoTime'] == 0.0305
    assert 'SliceTiming' not in sidecar(epi().resample([1.5, 2, 2]), tmp_path)


def test_computed_values_are_derived(tmp_path):
    assert sidecar(epi() * 2, tmp_path)['ImageType'] == ['DERIVED', 'PRIMARY', 'M']


def test_what_was_set_comes_first(tmp_path):
    series = epi()
    series.setDicomAttribute('EchoTime', 12)
    series.seriesDescription = 'new'
    found = sidecar(series, tmp_path)
    assert (found['EchoTime'], found['SeriesDescription']) == (0.012, 'new')


def test_volumes_that_take_many_excitations(tmp_path):
    series = epi()
    series.axes = [VariableAxis('time', [0, 7.5, 15]), *series.axes[1:]]
    found = sidecar(series, tmp_path)
    assert (found['RepetitionTime'], found['RepetitionTimeExcitation']) == (7.5, 2)


@pytest.mark.filterwarnings('ignore::imagedata.errors.LossWarning')
def test_uneven_volumes(tmp_path):
    series = epi()
    series.axes = [VariableAxis('time', [10, 12, 17]), *series.axes[1:]]
    found = sidecar(series, tmp_path)
    assert found['VolumeTiming'] == [0, 2, 7]
    assert 'RepetitionTime' not in found  # BIDS: one of the two
    again = Series(tmp_path / 'x.nii.gz')
    assert list(again.axes.time) == [10, 12, 17]


@pytest.mark.parametrize('flip', [np.s_[:], np.s_[:, :, ::-1], np.s_[:, :, :, ::-1], np.s_[:, ::-1]])
def test_phase_encoding_of_flipped_images(real_data, tmp_path, flip):
    """The direction is one in the patient: of the file's axes, that of the flipped one turns round."""
    def in_patient(series: Series) -> np.ndarray:
        direction = sidecar(series, tmp_path)['PhaseEncodingDirection']
        grid = series.header.geometry
        affine = nifti_from_lps(grid.affine, grid.shape[1])
        return affine[:3, 'ijk'.index(direction[0])] * (-1 if direction.endswith('-') else 1)

    series = Series(real_data / 'siemens_mosaic_dwi' / 'dti_pitch')[:1]
    np.testing.assert_allclose(in_patient(series[flip]), in_patient(series), atol=1e-6)


# --- what is read back --------------------------------------------------------------------------


def test_elements_come_back(tmp_path):
    first = sidecar(epi(), tmp_path)
    series = Series(tmp_path / 'x.nii.gz')
    assert series.getDicomAttribute('EchoTime') == 30.5
    assert series.getDicomAttribute('FlipAngle') == 77
    assert series.modality == 'MR'
    assert 'x.json' in series.explain()
    again = sidecar(series, tmp_path)
    assert again == first
    # Other slices were acquired at other times than those of the file.
    assert 'SliceTiming' not in sidecar(series[:, 1:], tmp_path)
    assert Series(tmp_path / 'x.nii.gz', sidecar=False).getDicomAttribute('EchoTime') is None


@pytest.mark.filterwarnings('ignore::imagedata.errors.LossWarning')
@pytest.mark.parametrize('kind', ['time', 'te', 'fa', 'b'])
def test_back_to_dicom(sample_data, tmp_path, kind):
    """What a JSON file says of all images does not overrule what each of them has."""
    source = Series(sample_data / kind, kind)
    source.write(tmp_path / 'x.nii', sidecar=True)
    Series(tmp_path / 'x.nii').write(tmp_path / 'dicom', formats='dicom')
    back = Series(tmp_path / 'dicom', kind)
    np.testing.assert_allclose(np.asarray(back.axes[0], float), np.asarray(source.axes[0], float))
    for keyword in ('EchoTime', 'RepetitionTime', 'FlipAngle', 'MagneticFieldStrength'):
        assert float(back.getDicomAttribute(keyword)) == float(source.getDicomAttribute(keyword))


def test_volumes_that_were_picked(tmp_path):
    sidecar(epi(), tmp_path)
    series = Series(tmp_path / 'x.nii.gz')
    assert sidecar(series, tmp_path)['AcquisitionTime'] == '10:00:00.000000'
    assert 'AcquisitionTime' not in sidecar(series[1:], tmp_path)


def test_fields_that_are_not_ours_are_kept(tmp_path):
    epi().write(tmp_path / 'x.nii.gz')
    (tmp_path / 'x.json').write_text('{"TaskName": "rest", "RepetitionTime": 2.0, "EchoTime": "thirty"}')
    series = Series(tmp_path / 'x.nii.gz')
    assert series.getDicomAttribute('EchoTime') is None
    assert sidecar(series, tmp_path)['TaskName'] == 'rest'


def test_times_that_the_image_lacks(tmp_path):
    image = nibabel.Nifti1Image(np.zeros((3, 3, 3, 4), 'i2'), np.eye(4))
    image.header.set_xyzt_units('mm', 'unknown')
    image.header['pixdim'][4] = 0
    nibabel.save(image, tmp_path / 'a.nii')
    (tmp_path / 'a.json').write_text('{"RepetitionTime": 1.5}')
    assert list(Series(tmp_path / 'a.nii', 'time').axes.time) == [0, 1.5, 3, 4.5]
    (tmp_path / 'a.json').write_text('{"VolumeTiming": [0, 2, 9, 20]}')
    assert list(Series(tmp_path / 'a.nii', 'time').axes.time) == [0, 2, 9, 20]


def test_times_that_disagree(tmp_path):
    epi().write(tmp_path / 'x.nii')
    (tmp_path / 'x.json').write_text('{"RepetitionTime": 3.0}')
    with pytest.warns(ImagedataWarning, match='differ by up to 2 s'):
        series = Series(tmp_path / 'x.nii')
    assert list(series.axes.time) == [0, 2, 4]


@pytest.mark.parametrize('text', [b'{', b'\xff\xfe', b'[' * 100_000])
def test_no_json(tmp_path, text):
    epi().write(tmp_path / 'x.nii')
    (tmp_path / 'x.json').write_bytes(text)
    with pytest.raises(CorruptFileError, match='sidecar=False'):
        Series(tmp_path / 'x.nii')
    assert Series(tmp_path / 'x.nii', sidecar=False).shape == (3, 4, 5, 6)


@pytest.mark.parametrize(
    'value', ['null', '"x"', '[]', '{}', '1e999', 'NaN', 'true', '-1', '[1, "a"]', '{"a": 1}', '1' * 5000])
def test_values_of_any_kind(tmp_path, value):
    Series(np.zeros((2, 2, 2), 'u1')).write(tmp_path / 'x.nii')
    names = [f.name for f in FIELDS] + ['VolumeTiming', 'SliceTiming']
    (tmp_path / 'x.json').write_text('{' + ', '.join(f'"{n}": {value}' for n in names) + '}')
    try:
        series = Series(tmp_path / 'x.nii')
    except CorruptFileError:
        return  # some numbers are too long for Python
    series.write(tmp_path / 'y.nii', sidecar=True)


def test_a_template_describes_anew(tmp_path):
    """What a JSON file says gives way to the headers of a template."""
    epi().write(tmp_path / 'x.nii', sidecar=True)
    template = epi()
    template.setDicomAttribute('EchoTime', 99)
    assert Series(tmp_path / 'x.nii', template=template).getDicomAttribute('EchoTime') == 99


def test_unknown_kind(tmp_path):
    with pytest.raises(WriteNotImplemented, match='sidecar'):
        epi().write(tmp_path / 'x.nii', sidecar='everything')
