"""Wrong results that reviewers found once, and that must not come back."""

import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    NuclearMedicineImageStorage,
    PositronEmissionTomographyImageStorage,
    RTDoseStorage,
)

from imagedata import Series, errors
from imagedata.axis import VariableAxis
from imagedata.formats.dicom.criteria import b_value, b_vector
from imagedata.formats.dicom.vendor.siemens import slice_time
from synthetic import image, save, stack

FOUR = [(0, 0, 3 * i) for i in range(4)]


def images(folder: Path) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(p) for p in sorted(folder.rglob('*')) if p.is_file()]


def test_slices_of_a_grid_are_no_grids_themselves(real_data: Path, tmp_path: Path) -> None:
    s = Series(real_data / 'uih_dwi/ap_134434_9')[:3]
    s.write(tmp_path / 'whole')
    np.testing.assert_array_equal(Series(tmp_path / 'whole'), s)
    part = s[..., 10:40, 5:50]
    part.write(tmp_path / 'part')
    back = Series(tmp_path / 'part')
    np.testing.assert_array_equal(back, part)
    assert back.header.geometry.difference(part.header.geometry) is None


@pytest.mark.parametrize('times', [[0, 86399, 86400.5], [-5, 0, 5]])
def test_times_that_no_clock_shows_are_refused(times: list[float], tmp_path: Path) -> None:
    s = Series(np.zeros((3, 2, 4, 5), np.uint16), 'time')
    s.axes = [VariableAxis('time', times), *list(s.axes)[1:]]
    with pytest.raises(errors.WriteError, match='no time of one day'):
        s.write(tmp_path / 'out')
    assert list(tmp_path.iterdir()) == []


def test_fewer_times_than_the_template(sample_data: Path, tmp_path: Path) -> None:
    """Another tool keeps 5 of 10 volumes: each gets the headers of its own time."""
    a = Series(sample_data / 'time', 'time')
    a.write(tmp_path / 't.nii.gz')
    nib.save(nib.load(tmp_path / 't.nii.gz').slicer[..., :5], tmp_path / 'five.nii.gz')
    with pytest.warns(errors.ImagedataWarning, match='first is taken for the first'):
        s = Series(tmp_path / 'five.nii.gz', 'time', template=a)
    s.write(tmp_path / 'out')
    triggers = {float(ds.TriggerTime) for ds in images(tmp_path / 'out')}
    assert triggers == {float(a.getDicomAttribute('TriggerTime', 0, t)) for t in range(5)}
    np.testing.assert_array_equal(Series(tmp_path / 'out', 'time'), a[:5])


def test_cropped_slices_keep_their_own_times(sample_data: Path, tmp_path: Path) -> None:
    a = Series(sample_data / 'time', 'time')
    a.write(tmp_path / 't.nii.gz')
    nib.save(nib.load(tmp_path / 't.nii.gz').slicer[:, :, 3:7], tmp_path / 'x.nii.gz')
    s = Series(tmp_path / 'x.nii.gz', 'time', template=a)
    s.write(tmp_path / 'out')
    back = Series(tmp_path / 'out', 'time')
    for i in range(4):
        assert [t[0] for t in back.tags[i]] == pytest.approx([t[0] for t in a.tags[3 + i]])


@pytest.mark.parametrize(('values', 'dtype'), [([[300, -1]], 'u1'), ([[0.5, np.nan]], 'i2'), ([[7e4]], 'i2')])
def test_a_type_that_cannot_hold_the_values(values: list[list[float]], dtype: str) -> None:
    with pytest.raises(ValueError, match=r'not (fit|finite)|NaN|finite'):
        Series(np.array(values), dtype=dtype)
    with pytest.raises(ValueError, match=r'not (fit|finite)|NaN|finite'):
        Series(Series(np.array(values)), dtype=dtype)


@pytest.mark.parametrize('keyword', ['RescaleSlope', 'SpecificCharacterSet', 'SOPInstanceUID', 'SOPClassUID'])
def test_elements_that_follow_from_the_array(keyword: str, sample_data: Path, tmp_path: Path) -> None:
    s = Series(sample_data / 'ct')[:2]
    s.setDicomAttribute(keyword, '5')
    with pytest.raises(errors.WriteError, match=keyword):
        s.write(tmp_path / 'out')


def test_no_pixel_spacing_is_no_place(tmp_path: Path) -> None:
    folder = save(tmp_path / 'in', stack(FOUR, PixelSpacing=None))
    with pytest.warns(errors.ImagedataWarning, match='no Pixel Spacing'):
        s = Series(folder)
    assert s.header.geometry.assumed


@pytest.mark.parametrize('content', [b'', bytes(100), bytes(2000)])
def test_empty_files_beside_images_are_told(content: bytes, tmp_path: Path) -> None:
    folder = save(tmp_path / 'in', stack(FOUR))
    (folder / 'last').write_bytes(content)
    with pytest.warns(errors.ImagedataWarning, match='last is empty'):
        assert Series(folder).shape == (4, 4, 3)


@pytest.mark.parametrize('name', ['x.foo', 'x.dat'])
def test_foreign_extensions_are_no_folders(name: str, sample_data: Path, tmp_path: Path) -> None:
    with pytest.raises(errors.FormatPluginNotFound, match='no format has the extension'):
        Series(sample_data / 'ct').write(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_setting_values_is_a_change(sample_data: Path, tmp_path: Path) -> None:
    """A window of the source does not describe other values."""
    s = Series(sample_data / 'ct')[:2]
    s[...] = 7
    s.write(tmp_path / 'out', keep_uid=True)
    source = {ds.SOPInstanceUID for ds in images(sample_data / 'ct')}
    for ds in images(tmp_path / 'out'):
        assert ds.ImageType[0] == 'DERIVED'
        assert 'SmallestImagePixelValue' not in ds
    assert source


def test_another_modality_is_not_silently_dropped(sample_data: Path, tmp_path: Path) -> None:
    s = Series(sample_data / 'ct')[:2]
    s.modality = 'MR'
    with pytest.warns(errors.LossWarning, match='modality'):
        s.write(tmp_path / 'out')


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('studyInstanceUID', 'x'), ('frameOfReferenceUID', '1.02'), ('seriesInstanceUID', '1' * 65),
        ('seriesNumber', 3.7), ('seriesNumber', 2**40), ('patientName', 'A\0B'),
        ('seriesDescription', 'a\\b'), ('windowWidth', 0), ('windowCenter', np.nan),
    ],
)  # fmt: skip
def test_values_that_dicom_cannot_hold(name: str, value: object) -> None:
    s = Series(np.zeros((2, 3, 4)))
    with pytest.raises(ValueError, match=name):
        setattr(s, name, value)


@pytest.mark.parametrize('order', [None, 5, ['te']])
def test_orders_are_texts(order: object, sample_data: Path) -> None:
    with pytest.raises(ValueError, match='input_order is a text'):
        Series(sample_data / 'ct', order)


def test_empty_paths(sample_data: Path) -> None:
    with pytest.raises(FileNotFoundError, match='empty path'):
        Series('')
    with pytest.raises(OSError, match='empty path'):
        Series(sample_data / 'ct').write('')


@pytest.mark.parametrize('data', [None, b'/path', ['a', 1]])
def test_what_is_no_array(data: object) -> None:
    with pytest.raises(ValueError, match='cannot be made'):
        Series(data)


def test_stacked_slices_are_in_their_places_or_nowhere(sample_data: Path) -> None:
    ct = Series(sample_data / 'ct')
    for picked in ([3, 1, 7], [5, 4, 3], [0, 1, 2]):
        s = np.stack([ct[i] for i in picked])
        if s.header.geometry is not None:
            for i, k in enumerate(picked):
                place = ct.getPositionForVoxel([k, 0, 0])
                np.testing.assert_allclose(s.getPositionForVoxel([i, 0, 0]), place)


def test_slices_without_places_are_not_times(tmp_path: Path) -> None:
    """Without positions nothing says what tells the images apart: no time axis is claimed."""
    gone = {'ImagePositionPatient': None, 'ImageOrientationPatient': None}
    made = stack(FOUR, 1, lambda t, s: {'AcquisitionTime': f'10000{s}'}, Modality='CT', **gone)
    s = Series(save(tmp_path, made))
    assert 'time' not in s.axes._fields


def test_a_new_dimension_may_take_the_name_of_one_that_is_gone(sample_data: Path, tmp_path: Path) -> None:
    a = Series(sample_data / 'time', 'time')
    x = np.stack([a[0], a[3], a[5]])
    x.axes = [VariableAxis('time', [50390, 50395, 50399]), *list(x.axes)[1:]]
    assert x.getDicomAttribute('TriggerTime', 0, 1) == a.getDicomAttribute('TriggerTime', 0, 3)
    x.write(tmp_path / 'out')
    np.testing.assert_array_equal(Series(tmp_path / 'out', 'time'), x)
    both = np.stack([a, a])
    again = np.stack([both[0], both[1]])
    assert again.shape == both.shape
    assert len(set(again.axes._fields)) == 5


def test_edits_stay_on_their_images_when_joined(sample_data: Path) -> None:
    a = Series(sample_data / 'time', 'time')
    edited = a.copy()
    edited.setDicomAttribute('ImageComments', 'E')
    for joined in (np.concatenate([a[:2], edited[3:]]), np.stack([a[0], edited[3]])):
        assert joined.getDicomAttribute('ImageComments', 0, 0) is None
        assert joined.getDicomAttribute('ImageComments', 0, len(joined) - 1) == 'E'


@pytest.mark.parametrize(
    'change', [lambda s: s.fill(7), lambda s: s.put([0], [7]), lambda s: np.add(s[1], 5, out=s[1])]
)
def test_changes_in_place_are_noticed(change: object, sample_data: Path) -> None:
    """The window of the source does not describe other values."""
    s = Series(sample_data / 'ct')
    before = s.windowCenter, s.windowWidth
    change(s)
    assert (s.windowCenter, s.windowWidth) != before


def test_slices_of_a_few_micrometres(tmp_path: Path) -> None:
    made = stack([(0, 0, 0.008 * i) for i in range(5)], SliceThickness=0.008)
    s = Series(save(tmp_path, made))
    assert s.shape == (5, 4, 3)
    np.testing.assert_allclose(s.spacing[0], 0.008)


def test_midnight_without_dates_is_told(tmp_path: Path) -> None:
    times = ['235955', '000000', '000005']
    made = stack(FOUR, 3, lambda t, s: {'AcquisitionTime': times[t]})
    with pytest.warns(errors.ImagedataWarning, match='midnight'):
        Series(save(tmp_path, made), 'time')


def test_stacks_of_one_series_are_several(tmp_path: Path) -> None:
    second = stack([(0, 50, 3 * i) for i in range(4)], StackID='2')
    for i, ds in enumerate(second):
        ds.SOPInstanceUID, ds.InstanceNumber = f'2.25.{i + 1}', 50 + i
    folder = save(tmp_path, [*stack(FOUR, StackID='1'), *second])
    assert Series(folder, input_stack=1).shape == (4, 4, 3)


def test_misspelt_options_are_told(sample_data: Path) -> None:
    with pytest.warns(errors.ImagedataWarning, match='input_echo'):
        Series(sample_data / 'ct', input_ecco=2)


def directions(s: Series) -> list[np.ndarray]:
    """Gradient direction of each volume, as the headers of the images give it."""
    return [np.asarray(b_vector(s.header.images.dataset(t, 0))) for t in range(len(s))]


@pytest.mark.parametrize('name', ['ge_dwi/tensor_r2', 'uih_dwi/ap_134434_9'])
def test_gradients_stay_in_the_patient_when_images_are_flipped(
    name: str, real_data: Path, tmp_path: Path
) -> None:
    """GE and United Imaging write them in the axes of the image, which are others then."""
    s = Series(real_data / name)
    s[..., ::-1, :].write(tmp_path / 'out')
    for ours, theirs in zip(directions(Series(tmp_path / 'out')), directions(s), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize('step', [3, -3])
def test_nuclear_slices_follow_each_other_on_the_side_that_the_sign_tells(step: int, tmp_path: Path) -> None:
    """PS3.3 C.8.4.15: a negative distance stacks the slices against the normal."""
    ds = image(np.zeros((4, 3), np.uint16), (0, 0, 0), number=1, Modality='NM',
               ImagePositionPatient=None, ImageOrientationPatient=None)  # fmt: skip
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = NuclearMedicineImageStorage
    detector = pydicom.Dataset()
    detector.ImagePositionPatient, detector.ImageOrientationPatient = [0, 0, 100], [1, 0, 0, 0, 1, 0]
    ds.DetectorInformationSequence = [detector]
    ds.SpacingBetweenSlices, ds.SliceVector, ds.NumberOfSlices = step, [1, 2, 3, 4], 4
    ds.NumberOfFrames, ds.FrameIncrementPointer = 4, 0x00540080
    pixels = np.arange(48, dtype=np.uint16).reshape(4, 4, 3)
    ds.PixelData = pixels.tobytes()
    s = Series(save(tmp_path / 'in', [ds]))
    places = {float(s[k].getPositionForVoxel((0, 0, 0))[0, 0]): int(s[k, 0, 0]) for k in range(4)}
    assert places == {100 + k * step: int(pixels[k, 0, 0]) for k in range(4)}
    for number, part in enumerate((s, s[::-1], s[1:3])):
        part.write(tmp_path / str(number))
        back = Series(tmp_path / str(number))
        for k in range(len(back)):
            assert places[float(back[k].getPositionForVoxel((0, 0, 0))[0, 0])] == int(back[k, 0, 0])


def test_a_time_does_not_mix_kinds_of_images(tmp_path: Path) -> None:
    """Water and fat of one acquisition, whose contents were made in another order at one slice."""
    images_of = stack(FOUR, 2, lambda kind, s: {
        'ImageType': ['DERIVED', 'PRIMARY', 'WF'[kind]], 'AcquisitionTime': '100000',
        'ContentDate': '20240101', 'ContentTime': f'1001{2 * s + (1 - kind if s == 1 else kind):02d}',
    })  # fmt: skip
    folder = save(tmp_path / 'in', images_of)
    s = Series(folder)
    assert s.axes[0].name == 'ImageType'
    assert [kind[-1] for kind in s.axes[0].values] == ['F', 'W']
    np.testing.assert_array_equal(np.asarray(s)[:, :, 0, 0] // 1000, [[1] * 4, [0] * 4])
    s.write(tmp_path / 'out')
    np.testing.assert_array_equal(Series(tmp_path / 'out'), s)
    with pytest.warns(errors.ImagedataWarning, match='several kinds'):
        Series(folder, 'contenttime')


def test_a_date_with_the_time_orders_past_midnight(tmp_path: Path) -> None:
    """Acquisition Date is missing, and Acquisition DateTime has it."""
    moments = ['20240101235950', '20240101235955.5', '20240102000001']
    s = Series(save(tmp_path / 'in', stack(FOUR, 3, lambda t, _: {
        'AcquisitionDateTime': moments[t], 'AcquisitionTime': moments[t][8:],
    })), 'time')  # fmt: skip
    assert s.axes[0].values == [86390.0, 86395.5, 86401.0]
    np.testing.assert_array_equal(np.asarray(s)[:, 0, 0, 0], [0, 1000, 2000])
    (s[1:] + 1).write(tmp_path / 'out')
    assert Series(tmp_path / 'out', 'time').axes[0].values == [86395.5, 86401.0]


def test_uptake_values_are_written_with_their_unit(tmp_path: Path) -> None:
    drug = pydicom.Dataset()
    drug.RadiopharmaceuticalStartTime, drug.RadionuclideTotalDose = '090000', 3.7e8
    drug.RadionuclideHalfLife = 6586.2
    folder = save(tmp_path / 'in', stack(
        FOUR, SOPClassUID=PositronEmissionTomographyImageStorage, Modality='PT', Units='BQML',
        DecayCorrection='START', CorrectedImage=['ATTN', 'DECY'], PatientWeight=70, RescaleSlope=2.5,
        RescaleIntercept=0, SeriesDate='20240101', SeriesTime='100000', AcquisitionDate='20240101',
        AcquisitionTime='100000', RadiopharmaceuticalInformationSequence=[drug],
    ))  # fmt: skip
    s = Series(folder, suv='bw')
    with pytest.warns(errors.LossWarning, match='greatest error'):
        (s * 1.01).write(tmp_path / 'out')
    assert {(ds.Units, ds.SUVType) for ds in images(tmp_path / 'out')} == {('GML', 'BW')}
    np.testing.assert_allclose(Series(tmp_path / 'out', suv='bw'), s * 1.01, atol=1e-5)


def test_slices_with_a_gap_have_their_own_places_on_the_axis(tmp_path: Path) -> None:
    s = Series(save(tmp_path, stack([(0, 0, 10), (0, 0, 13), (0, 0, 19)])), missing='drop')
    np.testing.assert_allclose(s.axes.slice.values, [10, 13, 19])
    np.testing.assert_allclose(s[1:].axes.slice.values, [13, 19])


@pytest.mark.parametrize('rows', [1, -1])
def test_planes_of_dose_at_patient_coordinates(rows: int, tmp_path: Path) -> None:
    """PS3.3 C.8.8.3.2 b: a first offset that is not 0 is z, whichever way the normal points."""
    ds = image(np.zeros((4, 3), np.uint32), (0, 0, -50), number=1, Modality='RTDOSE',
               orientation=(1, 0, 0, 0, rows, 0))  # fmt: skip
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = RTDoseStorage
    ds.NumberOfFrames, ds.FrameIncrementPointer, ds.DoseGridScaling = 3, 0x3004000C, 1e-3
    ds.GridFrameOffsetVector = [-50, -48, -43]
    pixels = np.repeat(np.arange(1, 4, dtype=np.uint32), 12)
    ds.PixelData = pixels.tobytes()
    s = Series(save(tmp_path, [ds]))
    places = [float(s.getPositionForVoxel((k, 0, 0))[0, 0]) for k in range(3)]
    doses = [round(float(s[k, 0, 0]) * 1000) for k in range(3)]
    assert dict(zip(doses, places, strict=True)) == {1: -50.0, 2: -48.0, 3: -43.0}


@pytest.mark.parametrize('offsets', [None, [0, 2]])
def test_planes_of_dose_without_offsets_are_refused(offsets: list[float] | None, tmp_path: Path) -> None:
    ds = image(np.zeros((4, 3), np.uint16), (0, 0, -50), number=1, Modality='RTDOSE')
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = RTDoseStorage
    ds.NumberOfFrames, ds.GridFrameOffsetVector, ds.DoseGridScaling = 3, offsets, 1e-3
    ds.PixelData = np.zeros((3, 4, 3), np.uint16).tobytes()
    with pytest.raises(errors.CorruptFileError, match=f'3 planes of a dose and {len(offsets or [])} offsets'):
        Series(save(tmp_path, [ds]))


def test_in_phase_is_no_imaginary_part(tmp_path: Path) -> None:
    """MR Image Type of Philips: M, P, R and I are parts of a complex image, IP and OP are not."""
    found = stack(FOUR, 2, lambda kind, s: {'ImageType': ['ORIGINAL', 'PRIMARY', ('OP', 'IP')[kind]]})
    for k, ds in enumerate(found):
        block = ds.private_block(0x2005, 'Philips MR Imaging DD 001', create=True)
        block.add_new(0x11, 'CS', ('OP', 'IP')[k // 4])
    s = Series(save(tmp_path, found))
    assert s.axes[0].name != 'component'
    np.testing.assert_array_equal(np.asarray(s)[:, 0, 0, 0], [0, 1000])


def test_slices_of_a_mosaic_keep_their_own_times(real_data: Path, tmp_path: Path) -> None:
    """The private header has those of all tiles, in the order of the mosaic; here it runs downwards."""
    s = Series(real_data / 'siemens_mosaic_slice_order/cmrr_int_hf')
    times = [slice_time(s.header.images.dataset(0, z)) for z in range(40)]
    assert len(set(times)) == 40
    for number, part in enumerate((s[:2], s[:2, 3:8])):
        part.write(tmp_path / str(number))
        back = Series(tmp_path / str(number))
        found = [slice_time(back.header.images.dataset(1, z)) for z in range(back.shape[1])]
        of_voxels = {s[0, z].tobytes(): time for z, time in enumerate(times)}
        np.testing.assert_allclose(found, [of_voxels[back[0, z].tobytes()] for z in range(back.shape[1])])
        header = images(tmp_path / str(number))[0]
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', UserWarning)  # NiBabel's, of its DICOM module
            from nibabel.nicom import csareader
        csa = csareader.read(header[0x0029, 0x1010].value)['tags']
        assert csa['NumberOfImagesInMosaic']['items'] == [0]
        assert csa['MosaicRefAcqTimes']['items'] == []
        assert csa['SliceNormalVector']['items']


@pytest.mark.parametrize('name', [
    'siemens_mosaic_dwi/dti_pitch', 'ge_dwi/tensor_r2', 'philips_dwi/vanderbilt_601', 'uih_dwi/ap_134434_9',
    'canon_dwi/ortho_9000',
])  # fmt: skip
def test_a_mean_over_b_values_has_none(name: str, real_data: Path, tmp_path: Path) -> None:
    """Private elements would say the first one's."""
    s = Series(real_data / name)
    mean = np.rint(np.mean(s[:, :2], axis=0)).astype(np.uint16)
    mean.write(tmp_path / 'out')
    assert {b_value(ds) for ds in images(tmp_path / 'out')} == {None}
    s[2, :2].write(tmp_path / 'one')
    assert {b_value(ds) for ds in images(tmp_path / 'one')} == {float(s.axes[0].values[2])}


def test_times_of_the_content_are_not_written_as_those_of_the_acquisition(tmp_path: Path) -> None:
    s = Series(save(tmp_path / 'in', stack(FOUR, 3, lambda t, z: {
        'AcquisitionDate': '20240101', 'AcquisitionTime': '100000', 'ContentDate': '20240101',
        'ContentTime': f'1001{t}{z}',
    })))  # fmt: skip
    s.write(tmp_path / 'out')
    assert {ds.AcquisitionTime for ds in images(tmp_path / 'out')} == {'100000'}
    back = Series(tmp_path / 'out')
    np.testing.assert_array_equal(back, s)
    assert back.axes[0].values == s.axes[0].values == [36060, 36070, 36080]


def test_volumes_that_follow_the_patient_are_told_from_missing_slices(tmp_path: Path) -> None:
    """Prospective correction of motion moves the slices from volume to volume."""
    found = stack(FOUR, 3, lambda t, z: {
        'ImagePositionPatient': [0, 0, f'{3 * z + 0.3 * t:g}'], 'AcquisitionDate': '20240101',
        'AcquisitionTime': f'10000{t}',
    })  # fmt: skip
    with pytest.raises(errors.MissingSliceError, match=r'slice_tolerance=0\.45 takes them as one'):
        Series(save(tmp_path, found))
    s = Series(tmp_path, slice_tolerance=0.45)
    wanted = np.add.outer([0, 1000, 2000], [0, 100, 200, 300])
    np.testing.assert_array_equal(np.asarray(s)[:, :, 0, 0], wanted)


def test_times_of_a_template_with_more_axes(tmp_path: Path) -> None:
    """One echo of several comes back, with times that count from 0: not as those of midnight."""
    found = stack(FOUR, 6, lambda t, z: {
        'AcquisitionDate': '20240101', 'AcquisitionTime': f'1200{t // 2:02d}', 'EchoTime': 10 + t % 2,
    })  # fmt: skip
    template = Series(save(tmp_path / 'in', found))
    assert template.input_order == 'time,te'
    whole = Series(np.asarray(template)[:, 0], 'time', template=template, geometry=template)
    assert whole.axes[0].values == [43200, 43201, 43202]
    with pytest.warns(errors.ImagedataWarning, match='first is taken for the first'):
        part = Series(np.asarray(template)[:2, 0], 'time', template=template, geometry=template)
    part.write(tmp_path / 'out')
    assert {ds.AcquisitionTime for ds in images(tmp_path / 'out')} == {'120000', '120001'}
