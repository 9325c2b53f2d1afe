"""Images of every kind that have no volume, or one of several dimensions: projections, cines, PET, NM."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalMammographyXRayImageStorageForProcessing,
    DigitalXRayImageStorageForProcessing,
    EnhancedXAImageStorage,
    NuclearMedicineImageStorage,
    PositronEmissionTomographyImageStorage,
    RTImageStorage,
    SegmentationStorage,
    UltrasoundMultiFrameImageStorage,
    VLWholeSlideMicroscopyImageStorage,
    XRayAngiographicImageStorage,
    XRayRadiofluoroscopicImageStorage,
)

from imagedata import Series, errors
from imagedata.reading import read
from synthetic import image, save, stack, uid
from test_dicom_objects import IMAGE_PLACE, cine, item, multi_frame

RNG = np.random.default_rng(40)
FLAT = RNG.integers(0, 4000, (5, 4), np.uint16)
MOVIE = RNG.integers(0, 255, (6, 5, 3), np.uint8)
FOUR = [(0, 0, 3 * i) for i in range(4)]


def flat(sop_class: str, modality: str, number: int = 1, **elements: object) -> Dataset:
    """Return a picture without a place: rows and columns at the detector."""
    ds = image(FLAT + np.uint16(number - 1), (0, 0, 0), number=number, SliceThickness=None,
               **{'PixelSpacing': None, **IMAGE_PLACE, **elements})  # fmt: skip
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = sop_class
    ds.Modality = modality
    return ds


# --- projections ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('sop_class', 'modality', 'spacing'),
    [
        (ComputedRadiographyImageStorage, 'CR', 'PixelSpacing'),
        (DigitalXRayImageStorageForProcessing, 'DX', 'ImagerPixelSpacing'),
        (DigitalMammographyXRayImageStorageForPresentation, 'MG', 'ImagerPixelSpacing'),
        (RTImageStorage, 'RTIMAGE', 'ImagePlanePixelSpacing'),
        (XRayAngiographicImageStorage, 'XA', 'ImagerPixelSpacing'),
        (XRayRadiofluoroscopicImageStorage, 'RF', 'ImagerPixelSpacing'),
    ],
)
def test_a_projection(tmp_path: Path, sop_class: str, modality: str, spacing: str) -> None:
    """A picture: its values, the distance of rows and columns, and no claim of a place."""
    ds = flat(sop_class, modality)
    setattr(ds, spacing, [0.2, 0.1])
    series = Series(save(tmp_path, [ds]))
    assert series.axes._fields == ('row', 'column')
    assert series.dtype == np.uint16
    np.testing.assert_array_equal(series, FLAT)
    np.testing.assert_allclose(series.spacing[1:], [0.2, 0.1])
    assert series.header.geometry.assumed
    assert series.getDicomAttribute('Modality') == modality
    assert 'no position' in series.explain()


def test_mammography_of_12_bits_inverted(tmp_path: Path) -> None:
    """MONOCHROME1, 12 bits of 16: values are those of the modality, not of the screen."""
    ds = flat(DigitalMammographyXRayImageStorageForProcessing, 'MG', RescaleSlope=-1, RescaleIntercept=4095,
              PhotometricInterpretation='MONOCHROME1', BitsStored=12, HighBit=11)  # fmt: skip
    series = Series(save(tmp_path, [ds]))
    np.testing.assert_array_equal(series, 4095 - FLAT.astype(int))


def test_a_radiograph_with_a_modality_lut(tmp_path: Path) -> None:
    ds = flat(ComputedRadiographyImageStorage, 'CR')
    table = (np.arange(4096)[::-1] * 2).astype(np.uint16)
    ds.ModalityLUTSequence = item(LUTDescriptor=[4096, 0, 16], ModalityLUTType='US', LUTData=table.tobytes())
    ds.ModalityLUTSequence[0]['LUTData'].VR = 'OW'
    np.testing.assert_array_equal(Series(save(tmp_path, [ds])), table[FLAT])


def test_views_of_one_study_by_time_or_angle(tmp_path: Path) -> None:
    """Four mammograms follow each other by time; portal images by gantry angle, when asked."""
    views = [
        flat(DigitalMammographyXRayImageStorageForPresentation, 'MG', n, AcquisitionTime=f'10000{5 - n}')
        for n in (1, 2, 3, 4)
    ]
    series = Series(save(tmp_path / 'views', views))
    assert series.axes._fields[0] == 'time'
    np.testing.assert_array_equal(series[:, 0], [FLAT + n for n in (3, 2, 1, 0)])
    portal = [flat(RTImageStorage, 'RTIMAGE', n, GantryAngle=a) for n, a in ((1, 270.0), (2, 0.0), (3, 90.0))]
    series = Series(save(tmp_path / 'portal', portal), 'GantryAngle')
    assert list(series.axes.GantryAngle.values) == [0, 90, 270]
    np.testing.assert_array_equal(series[:, 0], [FLAT + 1, FLAT + 2, FLAT])


def test_views_of_different_sizes_are_listed(tmp_path: Path) -> None:
    small = image(MOVIE[0], (0, 0, 0), number=2, **IMAGE_PLACE)
    folder = save(tmp_path, [flat(DigitalXRayImageStorageForProcessing, 'DX'), small])
    with pytest.raises(errors.MultipleSeriesError, match='input_stack=1'):
        Series(folder)
    np.testing.assert_array_equal(Series(folder, input_stack=1), MOVIE[0])


# --- cines ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('sop_class', 'modality'),
    [(XRayRadiofluoroscopicImageStorage, 'RF'), (RTImageStorage, 'RTIMAGE')],
)
def test_cine_of_a_projection(tmp_path: Path, sop_class: str, modality: str) -> None:
    series = Series(save(tmp_path, [cine(sop_class, modality, MOVIE, FrameTime='66.7')]))
    np.testing.assert_allclose(series.timeline, np.arange(6) * 0.0667)
    np.testing.assert_array_equal(series[:, 0], MOVIE)


def test_enhanced_angiography(tmp_path: Path) -> None:
    """With a time of each frame, and with Frame Time alone."""
    ds = multi_frame(MOVIE, EnhancedXAImageStorage, None, Modality='XA')
    for i, group in enumerate(ds.PerFrameFunctionalGroupsSequence):
        group.FrameContentSequence = item(FrameAcquisitionDateTime=f'2024010110000{5 - i}.25')
    series = Series(save(tmp_path / 'each', [ds]))
    np.testing.assert_allclose(series.timeline, np.arange(6))
    np.testing.assert_array_equal(series[:, 0], MOVIE[::-1])
    plain = multi_frame(MOVIE, EnhancedXAImageStorage, None, Modality='XA', FrameTime='40')
    np.testing.assert_allclose(Series(save(tmp_path / 'one', [plain])).timeline, np.arange(6) * 0.04)


@pytest.mark.parametrize('lengths', [(6, 6), (6, 4)])
def test_each_run_is_an_array_of_its_own(tmp_path: Path, lengths: tuple[int, int]) -> None:
    """Two clips of one series, each with a clock that starts at 0."""
    runs = [
        cine(UltrasoundMultiFrameImageStorage, 'US', MOVIE[:count], FrameTime='40', InstanceNumber=n + 1,
             SOPInstanceUID=uid('run', n))
        for n, count in enumerate(lengths)
    ]  # fmt: skip
    folder = save(tmp_path, runs)
    with pytest.raises(errors.MultipleSeriesError, match='input_stack=1'):
        Series(folder)
    for number, count in enumerate(lengths):
        series = Series(folder, input_stack=number)
        np.testing.assert_allclose(series.timeline, np.arange(count) * 0.04)
        np.testing.assert_array_equal(series[:, 0], MOVIE[:count])


# --- slides -----------------------------------------------------------------------------------------


def slide(sop_class: str, rows: int, columns: int) -> Dataset:
    ds = cine(sop_class, 'SM', MOVIE)
    ds.TotalPixelMatrixRows, ds.TotalPixelMatrixColumns = rows, columns
    if sop_class == SegmentationStorage:
        ds.SegmentationType, ds.SegmentSequence = 'FRACTIONAL', item(SegmentNumber=1, SegmentLabel='Tumour')
        ds.DimensionOrganizationType = 'TILED_FULL'
    return ds


@pytest.mark.parametrize('sop_class', [VLWholeSlideMicroscopyImageStorage, SegmentationStorage])
def test_tiles_are_refused(tmp_path: Path, sop_class: str) -> None:
    """Tiles are parts of one image; an array of them would claim that they are slices or times."""
    folder = save(tmp_path, [slide(sop_class, 10, 9)])
    with pytest.raises(errors.CannotSort, match=r'6 tiles of 5 x 3 pixels of a slide of 10 x 9'):
        Series(folder)
    save(folder / 'more', [flat(ComputedRadiographyImageStorage, 'CR', 2)])
    assert '6 tiles' in Series(folder, skip_broken_series=True).explain()


def test_tiles_with_positions_are_refused(tmp_path: Path) -> None:
    """TILED_SPARSE: the same object, with functional groups."""
    ds = multi_frame(MOVIE, SegmentationStorage, [0] * 6, SegmentationType='BINARY')
    ds.TotalPixelMatrixRows, ds.TotalPixelMatrixColumns = 10, 9
    with pytest.raises(errors.CannotSort, match='slide of 10 x 9'):
        Series(save(tmp_path, [ds]))


def test_the_label_of_a_slide_is_a_picture(tmp_path: Path) -> None:
    """One tile that is the whole: nothing is to be put together."""
    ds = flat(VLWholeSlideMicroscopyImageStorage, 'SM', NumberOfFrames=1)
    ds.TotalPixelMatrixRows, ds.TotalPixelMatrixColumns = FLAT.shape
    np.testing.assert_array_equal(Series(save(tmp_path, [ds])), FLAT)


# --- PET ----------------------------------------------------------------------------------------------


def pet(count: int, change: object, **elements: object) -> list[Dataset]:
    images = stack(FOUR, count, change, Modality='PT', Units='BQML', **elements)
    for ds in images:
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = PositronEmissionTomographyImageStorage
    return images


def counts(tag: int) -> np.ndarray:
    """Return the stored values of a volume of `stack`."""
    return np.arange(12).reshape(4, 3) + tag * 1000 + 100 * np.arange(4)[:, None, None]


def test_dynamic_pet(tmp_path: Path) -> None:
    """Frames of 5, 10 and 60 s; a slope for each image."""
    starts, lengths = [0, 5, 15], [5, 10, 60]
    folder = save(tmp_path, pet(3, lambda t, s: {
        'AcquisitionDate': '20240101', 'AcquisitionTime': f'1000{starts[t]:02d}',
        'FrameReferenceTime': 1000 * (starts[t] + lengths[t] / 2), 'ActualFrameDuration': 1000 * lengths[t],
        'RescaleSlope': str(0.5 + t + 0.25 * s), 'RescaleIntercept': '0',
    }, SeriesType=['DYNAMIC', 'IMAGE'], NumberOfTimeSlices=3, NumberOfSlices=4))  # fmt: skip
    series = Series(folder)
    slopes = 0.5 + np.arange(3)[:, None] + 0.25 * np.arange(4)
    expected = np.stack([counts(t) for t in range(3)]) * slopes[..., None, None]
    np.testing.assert_allclose(series, expected, rtol=1e-15)
    np.testing.assert_allclose(series.timeline, starts)
    middle = Series(folder, 'framereferencetime')
    np.testing.assert_allclose([float(v) for v in middle.axes[0].values], [2.5, 10, 45])
    np.testing.assert_array_equal(middle, series)


@pytest.mark.parametrize('trigger', [True, False])
def test_gated_pet(tmp_path: Path, trigger: bool) -> None:
    """Three time slots of the heart beat, by Trigger Time, else by Instance Number."""
    folder = save(tmp_path, pet(3, lambda t, s: {
        'AcquisitionTime': '100000', 'FrameTime': 250,
        **({'TriggerTime': 250 * (2 - t)} if trigger else {}),
    }, SeriesType=['GATED', 'IMAGE'], NumberOfTimeSlots=3, NumberOfSlices=4))  # fmt: skip
    series = Series(folder)
    order = [2, 1, 0] if trigger else [0, 1, 2]
    np.testing.assert_array_equal(series, np.stack([counts(t) for t in order]))
    assert series.axes._fields[0] == ('triggertime' if trigger else 'InstanceNumber')
    if trigger:
        assert list(series.axes.triggertime.values) == [0, 0.25, 0.5]


def test_whole_body_pet_is_one_volume(tmp_path: Path) -> None:
    """Beds have times of their own, and no slice has two."""
    series = Series(save(tmp_path, pet(1, lambda t, s: {
        'AcquisitionTime': f'10{s // 2}000', 'FrameReferenceTime': 1000 * (s // 2),
    }, SeriesType=['WHOLE BODY', 'IMAGE'])))  # fmt: skip
    assert series.axes._fields == ('slice', 'row', 'column')
    np.testing.assert_array_equal(series, counts(0))


# --- nuclear medicine -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('vectors', 'order', 'shape'),
    [
        ({'Phase': [1, 1, 1, 2, 2, 2], 'TimeSlice': [1, 2, 3, 1, 2, 3]}, 'phase,timeslice', (2, 3)),
        ({'Detector': [1, 1, 1, 2, 2, 2], 'AngularView': [1, 2, 3, 1, 2, 3]}, 'detector,angularview', (2, 3)),
        ({'TimeSlot': [1, 1, 2, 2, 3, 3], 'AngularView': [1, 2, 1, 2, 1, 2]}, 'timeslot,angularview', (3, 2)),
        ({'EnergyWindow': [1, 1, 1, 2, 2, 2], 'Detector': [1] * 6, 'TimeSlice': [1, 2, 3] * 2},
         'energywindow,timeslice', (2, 3)),
        ({'Phase': [1, 1, 2, 2, 2, 2], 'TimeSlice': [1, 2, 1, 2, 3, 4]}, 'InstanceNumber', (6,)),
        ({'EnergyWindow': [1] * 6, 'Detector': [1, 1, 1, 2, 2, 2]}, 'InstanceNumber,detector', (3, 2)),
    ],
)  # fmt: skip
def test_what_the_frames_count(
    tmp_path: Path, vectors: dict[str, list[int]], order: str, shape: tuple[int, ...]
) -> None:
    """Dynamic, tomographic, gated: each vector is an axis where they make a full grid."""
    ds = cine(NuclearMedicineImageStorage, 'NM', MOVIE)
    for name, values in vectors.items():
        setattr(ds, f'{name}Vector', values)
    series = Series(save(tmp_path, [ds]))
    assert series.input_order == order
    frames = np.arange(6).reshape(shape) if 'r,d' not in order else np.arange(6).reshape(2, 3).T
    np.testing.assert_array_equal(np.squeeze(np.asarray(series)), MOVIE[frames])


def test_reconstructed_windows_of_a_tomography(tmp_path: Path) -> None:
    """Two energy windows of three slices, oblique, 4 mm apart."""
    ds = cine(NuclearMedicineImageStorage, 'NM', MOVIE, SpacingBetweenSlices=4)
    ds.SliceVector, ds.EnergyWindowVector = [1, 2, 3, 1, 2, 3], [1, 1, 1, 2, 2, 2]
    ds.DetectorInformationSequence = item(
        ImagePositionPatient=[1, 2, 30], ImageOrientationPatient=[0.6, 0.8, 0, -0.8, 0.6, 0]
    )
    series = Series(save(tmp_path, [ds]))
    np.testing.assert_array_equal(series, MOVIE.reshape(2, 3, 5, 3))
    np.testing.assert_allclose(series.getPositionForVoxel([2, 0, 0]).ravel(), [38, 2, 1])


def test_static_views_in_files_of_their_own(tmp_path: Path) -> None:
    """Anterior and posterior, two frames each."""
    views = []
    for n in range(2):
        ds = cine(NuclearMedicineImageStorage, 'NM', MOVIE[2 * n : 2 * n + 2], InstanceNumber=n + 1,
                  SOPInstanceUID=uid('view', n), EnergyWindowVector=[1, 2],
                  DetectorVector=[1, 1])  # fmt: skip
        views.append(ds)
    (data,) = read(save(tmp_path, views))
    assert data.header.dims[:2] == ('InstanceNumber', 'energywindow')
    np.testing.assert_array_equal(data.array[:, :, 0], MOVIE[:4].reshape(2, 2, 5, 3))
