"""Every kind of DICOM object: segmentations, maps, dose, cines, projections, and those without pixels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.fileset import FileSet
from pydicom.pixels.utils import pack_bits
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import (
    BasicTextSRStorage,
    DigitalXRayImageStorageForPresentation,
    EnhancedUSVolumeStorage,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    NuclearMedicineImageStorage,
    ParametricMapStorage,
    RTDoseStorage,
    RTStructureSetStorage,
    SegmentationStorage,
    UltrasoundMultiFrameImageStorage,
    XRayAngiographicImageStorage,
)

from imagedata import Series, errors
from imagedata.reading import read
from synthetic import image, save, stack, uid

FOUR = [(0, 0, 3 * i) for i in range(4)]
PLACE = ('ImagePositionPatient', 'ImageOrientationPatient', 'PixelSpacing', 'SliceThickness')
IMAGE_PLACE: dict[str, None] = dict.fromkeys(('ImagePositionPatient', 'ImageOrientationPatient'))


def item(**elements: object) -> DicomSequence:
    """Return a sequence of one item."""
    inner = Dataset()
    for keyword, value in elements.items():
        setattr(inner, keyword, value)
    return DicomSequence([inner])


def multi_frame(
    frames: np.ndarray, sop_class: str, places: Sequence[float] | None, **elements: object
) -> Dataset:
    """Return an enhanced object whose frames lie at heights; places None: without a place."""
    ds = image(np.concatenate(list(frames)), (0, 0, 0), number=1)
    for keyword in PLACE:
        delattr(ds, keyword)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = sop_class
    ds.NumberOfFrames, ds.Rows = len(frames), frames.shape[1]
    shared = Dataset()
    if places is not None:
        shared.PlaneOrientationSequence = item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
        shared.PixelMeasuresSequence = item(PixelSpacing=[2, 1.5], SliceThickness=3, SpacingBetweenSlices=3)
    ds.SharedFunctionalGroupsSequence = DicomSequence([shared])
    groups = []
    for i in range(len(frames)):
        group = Dataset()
        if places is not None:
            group.PlanePositionSequence = item(ImagePositionPatient=[1, 2, places[i]])
        group.FrameContentSequence = item(FrameAcquisitionNumber=1)
        groups.append(group)
    ds.PerFrameFunctionalGroupsSequence = DicomSequence(groups)
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


# --- segmentation ---------------------------------------------------------------------------------

RNG = np.random.default_rng(4)
MASKS = RNG.integers(0, 2, (2, 5, 5, 3), np.uint8)
"""Two segments of five slices of 15 pixels: frames do not end at whole bytes."""


def segmentation(
    frames: Sequence[tuple[int, int]],
    kind: str = 'BINARY',
    labels: Sequence[str] = ('Liver', 'Spleen'),
    masks: np.ndarray = MASKS,
    placed: bool = True,
) -> Dataset:
    """Return a segmentation with the given (segment, slice) frames of `masks`, slices 3 mm apart."""
    pixels = np.stack([masks[segment, s] for segment, s in frames])
    places = [3.0 * s for _, s in frames] if placed else None
    ds = multi_frame(pixels, SegmentationStorage, places, Modality='SEG', SegmentationType=kind)
    ds.SegmentSequence = DicomSequence(
        [item(SegmentNumber=i + 1, SegmentLabel=label)[0] for i, label in enumerate(labels)]
    )
    if kind == 'BINARY':
        ds.BitsAllocated = ds.BitsStored = 1
        ds.HighBit = 0
        ds.PixelData = pack_bits(pixels.ravel())
    if kind == 'FRACTIONAL':
        ds.MaximumFractionalValue, ds.SegmentationFractionalType = 200, 'PROBABILITY'
    if kind != 'LABELMAP':
        for group, (segment, _) in zip(ds.PerFrameFunctionalGroupsSequence, frames, strict=True):
            group.SegmentIdentificationSequence = item(ReferencedSegmentNumber=segment + 1)
    return ds


ALL = [(segment, s) for segment in range(2) for s in range(5)]


@pytest.mark.parametrize('order', ['auto', 'segment', 'text'])
def test_binary_segmentation(tmp_path: Path, order: str) -> None:
    series = Series(save(tmp_path, [segmentation(ALL)]), order)
    assert series.dtype == np.uint8
    assert series.axes._fields == ('segment', 'slice', 'row', 'column')
    assert list(series.axes.segment) == ['Liver', 'Spleen']
    np.testing.assert_array_equal(series, MASKS)
    np.testing.assert_allclose(series.spacing, [3, 2, 1.5])
    np.testing.assert_allclose(series.getPositionForVoxel([4, 0, 0]).ravel(), [12, 2, 1])
    assert series.input_order == 'segment'


def test_frames_that_are_not_there_are_empty(tmp_path: Path) -> None:
    """Slice 2 has no frame at all, the spleen none at slices 0, 1 and 2, the kidney none anywhere."""
    frames = [(0, 4), (1, 3), (0, 0), (0, 1), (1, 4), (0, 3)]
    series = Series(save(tmp_path, [segmentation(frames, labels=('Liver', 'Spleen', 'Kidney'))]))
    expected = np.zeros((3, 5, 5, 3), np.uint8)
    for segment, s in frames:
        expected[segment, s] = MASKS[segment, s]
    np.testing.assert_array_equal(series, expected)
    np.testing.assert_allclose(series.sliceLocations, [0, 3, 6, 9, 12])
    assert list(series.axes.segment) == ['Liver', 'Spleen', 'Kidney']
    assert '6 frames' in series.explain()


def test_every_other_slice_of_a_segmentation(tmp_path: Path) -> None:
    """Frames at 0, 6 and 12 mm, and Spacing Between Slices says 3 mm."""
    series = Series(save(tmp_path, [segmentation([(0, 0), (0, 2), (0, 4)], labels=['Tumour'])]))
    assert series.axes._fields == ('slice', 'row', 'column')
    np.testing.assert_array_equal(series[::2], MASKS[0, ::2])
    assert not np.asarray(series[1::2]).any()
    assert (series.header.images.tags['segment'] == 'Tumour').all()


def test_fractional_segmentation(tmp_path: Path) -> None:
    masks = RNG.integers(0, 201, MASKS.shape).astype(np.uint8)
    frames = ALL[:-1]
    folder = save(tmp_path, [segmentation(frames, 'FRACTIONAL', masks=masks)])
    series = Series(folder)
    expected = masks / 200.0
    expected[1, 4] = 0
    assert series.dtype == np.float64
    np.testing.assert_allclose(series, expected, rtol=1e-15)
    stored = Series(folder, scaling='stored')
    assert stored.dtype == np.uint8
    np.testing.assert_array_equal(stored[0], masks[0])


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('photometric', ['MONOCHROME2', 'PALETTE COLOR'])
def test_label_map(tmp_path: Path, dtype: type, photometric: str) -> None:
    labels = RNG.integers(0, 3, (1, 5, 5, 3)).astype(dtype)
    frames = [(0, s) for s in (0, 1, 3, 4)]
    ds = segmentation(frames, 'LABELMAP', masks=labels)
    ds.PhotometricInterpretation = photometric
    series = Series(save(tmp_path, [ds]))
    expected = labels[0].copy()
    expected[2] = 0
    assert series.dtype == dtype
    np.testing.assert_array_equal(series, expected)
    assert '1 Liver, 2 Spleen' in series.explain()


def test_segmentation_of_one_frame(tmp_path: Path) -> None:
    series = Series(save(tmp_path, [segmentation([(0, 3)], labels=['Node'])]))
    np.testing.assert_array_equal(series, MASKS[0, 3])
    np.testing.assert_allclose(series.sliceLocations, [9])


def test_segments_of_one_name_are_told_apart(tmp_path: Path) -> None:
    series = Series(save(tmp_path, [segmentation(ALL, labels=['Node', 'Node'])]))
    assert list(series.axes.segment) == ['Node', 'Node (2)']


def test_segmentation_without_a_place(tmp_path: Path) -> None:
    series = Series(save(tmp_path, [segmentation(ALL, placed=False)]))
    np.testing.assert_array_equal(series, MASKS)
    with pytest.raises(errors.CannotSort, match='different numbers'):
        Series(save(tmp_path / 'sparse', [segmentation(ALL[:-1], placed=False)]))


def test_segmentations_that_contradict_themselves(tmp_path: Path) -> None:
    with pytest.raises(errors.DuplicateImageError, match='Liver'):
        Series(save(tmp_path / 'twice', [segmentation([(0, 0), (0, 0)])]))
    with pytest.raises(errors.CorruptFileError, match='not described'):
        Series(save(tmp_path / 'unknown', [segmentation(ALL, labels=['Liver'])]))
    nameless = segmentation(ALL)
    del nameless.PerFrameFunctionalGroupsSequence[3].SegmentIdentificationSequence
    with pytest.raises(errors.CorruptFileError, match='frame 3'):
        Series(save(tmp_path / 'nameless', [nameless]))
    with pytest.raises(errors.OrderNotFoundError, match='2 segments'):
        Series(save(tmp_path / 'order', [segmentation(ALL)]), 'time')
    short = segmentation(ALL)
    short.PixelData = short.PixelData[:10]
    with pytest.raises(errors.CorruptFileError, match='19 bytes'):
        Series(save(tmp_path / 'short', [short]))


# --- maps and dose ----------------------------------------------------------------------------------


@pytest.mark.parametrize(('keyword', 'dtype'), [('FloatPixelData', '<f4'), ('DoubleFloatPixelData', '<f8')])
def test_parametric_map(tmp_path: Path, keyword: str, dtype: str) -> None:
    values = RNG.normal(size=(4, 5, 3)).astype(dtype)
    ds = multi_frame(np.zeros((4, 5, 3), np.uint8), ParametricMapStorage, [9, 6, 0, 3], Modality='MR')
    for gone in ('PixelData', 'BitsStored', 'HighBit', 'PixelRepresentation'):
        delattr(ds, gone)
    ds.BitsAllocated = values.dtype.itemsize * 8
    setattr(ds, keyword, values.tobytes())
    mapping = item(RealWorldValueSlope=2.0, RealWorldValueIntercept=1.0)
    mapping[0].DoubleFloatRealWorldValueFirstValueMapped = -100.0
    mapping[0].DoubleFloatRealWorldValueLastValueMapped = 100.0
    ds.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence = mapping
    folder = save(tmp_path, [ds])
    series = Series(folder)
    assert series.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(series, values[[2, 3, 1, 0]])
    assert 'RealWorldValueMappingSequence' in series.header.images.first()
    real = Series(folder, scaling='real_world')
    np.testing.assert_allclose(real, values[[2, 3, 1, 0]] * 2.0 + 1, rtol=1e-6)
    headers = Series(folder, headers_only=True)
    assert headers.header.geometry == series.header.geometry


@pytest.mark.parametrize('offsets', [[0, 2, 4, 6], [0, -2, -4, -6], [-20, -18, -16, -14]])
def test_dose_in_gray(tmp_path: Path, offsets: list[float]) -> None:
    stored = RNG.integers(0, 2**31, (4, 5, 3)).astype(np.uint32)
    ds = image(stored.reshape(20, 3), (5, 6, -20), number=1, Modality='RTDOSE', SliceThickness=None)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = RTDoseStorage
    ds.NumberOfFrames, ds.Rows, ds.GridFrameOffsetVector = 4, 5, offsets
    ds.DoseUnits, ds.DoseGridScaling = 'GY', '1.5e-8'
    folder = save(tmp_path, [ds])
    series = Series(folder)
    rising = offsets[1] > offsets[0]
    np.testing.assert_allclose(series, (stored if rising else stored[::-1]) * 1.5e-8, rtol=1e-15)
    first = -20 if rising else -26
    np.testing.assert_allclose(series.sliceLocations, first + np.arange(4) * 2.0)
    assert Series(folder, scaling='stored').dtype == np.uint32


def test_dose_of_pydicom() -> None:
    import pydicom

    path = get_testdata_file('rtdose.dcm')
    ds = pydicom.dcmread(path)
    series = Series(path)
    expected = ds.pixel_array * float(ds.DoseGridScaling)
    descending = float(ds.GridFrameOffsetVector[1]) < float(ds.GridFrameOffsetVector[0])
    np.testing.assert_allclose(series, expected[::-1] if descending else expected)


# --- cines --------------------------------------------------------------------------------------------


def cine(sop_class: str, modality: str, pixels: np.ndarray, **elements: object) -> Dataset:
    ds = image(pixels.reshape(-1, *pixels.shape[2:]), (0, 0, 0), number=1, **IMAGE_PLACE)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = sop_class
    ds.Modality, ds.NumberOfFrames, ds.Rows = modality, len(pixels), pixels.shape[1]
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


MOVIE = RNG.integers(0, 255, (6, 5, 3), np.uint8)


@pytest.mark.parametrize('order', ['auto', 'time'])
@pytest.mark.parametrize(
    ('sop_class', 'modality'),
    [
        (UltrasoundMultiFrameImageStorage, 'US'),
        (XRayAngiographicImageStorage, 'XA'),
        (MultiFrameGrayscaleByteSecondaryCaptureImageStorage, 'OT'),
        (NuclearMedicineImageStorage, 'NM'),
    ],
)
def test_cine_with_frame_time(tmp_path: Path, sop_class: str, modality: str, order: str) -> None:
    series = Series(save(tmp_path, [cine(sop_class, modality, MOVIE, FrameTime='40')]), order)
    assert series.axes._fields[0] == 'time'
    np.testing.assert_allclose(series.timeline, np.arange(6) * 0.04)
    np.testing.assert_array_equal(np.squeeze(np.asarray(series)), MOVIE)


def test_cine_with_frame_time_vector(tmp_path: Path) -> None:
    ds = cine(XRayAngiographicImageStorage, 'XA', MOVIE, FrameTimeVector=[0, 40, 50, 40, 1000, 40])
    series = Series(save(tmp_path, [ds]))
    np.testing.assert_allclose(series.timeline, [0, 0.04, 0.09, 0.13, 1.13, 1.17])


def test_colour_cine_and_its_spacing(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 255, (6, 5, 3, 3), np.uint8)
    ds = cine(UltrasoundMultiFrameImageStorage, 'US', pixels, FrameTime='25', SamplesPerPixel=3,
              PhotometricInterpretation='RGB', PlanarConfiguration=0)  # fmt: skip
    del ds.PixelSpacing
    ds.SequenceOfUltrasoundRegions = item(
        PhysicalUnitsXDirection=3, PhysicalUnitsYDirection=3, PhysicalDeltaX=0.02, PhysicalDeltaY=0.05
    )
    series = Series(save(tmp_path, [ds]))
    array = np.squeeze(np.asarray(series))
    for i, channel in enumerate('RGB'):
        np.testing.assert_array_equal(array[channel], pixels[..., i])
    np.testing.assert_allclose(series.spacing[1:], [0.5, 0.2])


def test_ultrasound_of_pydicom_equals_its_own_colours() -> None:
    import pydicom
    from pydicom.pixels import pixel_array

    path = get_testdata_file('examples_ybr_color.dcm')
    ds = pydicom.dcmread(path)
    array = np.squeeze(np.asarray(Series(path)))
    expected = pixel_array(ds)
    np.testing.assert_array_equal(np.stack([array[c] for c in 'RGB'], -1), expected)


def test_palette_colour_without_compression(tmp_path: Path) -> None:
    ds = image(np.array([[0, 1], [2, 1]], np.uint8), (0, 0, 0), number=1)
    ds.PhotometricInterpretation = 'PALETTE COLOR'
    for i, colour in enumerate(('Red', 'Green', 'Blue')):
        setattr(ds, f'{colour}PaletteColorLookupTableDescriptor', [4, 0, 8])
        values = np.array([10, 20, 30, 40], np.uint8) + i
        setattr(ds, f'{colour}PaletteColorLookupTableData', values.tobytes())
    series = Series(save(tmp_path, [ds]))
    assert series['R'].tolist() == [[10, 20], [30, 20]]
    assert series['B'].tolist() == [[12, 22], [32, 22]]


def test_enhanced_ultrasound_volumes(tmp_path: Path) -> None:
    """Two times of three planes: the place is that in the volume, not in the patient."""
    pixels = RNG.integers(0, 255, (6, 5, 3), np.uint8)
    ds = multi_frame(pixels, EnhancedUSVolumeStorage, None, Modality='US', FrameOfReferenceUID=uid('volume'))
    shared = ds.SharedFunctionalGroupsSequence[0]
    shared.PlaneOrientationVolumeSequence = item(ImageOrientationVolume=[1.0, 0, 0, 0, 1, 0])
    shared.PixelMeasuresSequence = item(PixelSpacing=[0.5, 0.25])
    for i, group in enumerate(ds.PerFrameFunctionalGroupsSequence):
        group.PlanePositionVolumeSequence = item(ImagePositionVolume=[0.0, 0, 0.7 * (i % 3)])
        group.TemporalPositionSequence = item(TemporalPositionTimeOffset=0.1 * (i // 3))
    series = Series(save(tmp_path, [ds]))
    assert series.axes._fields == ('time', 'slice', 'row', 'column')
    np.testing.assert_allclose(series.timeline, [0, 0.1])
    np.testing.assert_array_equal(series, pixels.reshape(2, 3, 5, 3))
    np.testing.assert_allclose(series.spacing, [0.7, 0.5, 0.25])
    assert 'not in the patient' in series.explain()


def test_nuclear_medicine_counts_its_frames(tmp_path: Path) -> None:
    """Planar: two energy windows of three detectors, the windows slowest."""
    ds = cine(NuclearMedicineImageStorage, 'NM', MOVIE)
    ds.EnergyWindowVector, ds.DetectorVector = [1, 1, 1, 2, 2, 2], [1, 2, 3, 1, 2, 3]
    series = Series(save(tmp_path, [ds]))
    assert series.input_order == 'energywindow,detector'
    np.testing.assert_array_equal(np.squeeze(np.asarray(series)), MOVIE.reshape(2, 3, 5, 3))


def test_gated_tomography_has_its_slices_in_place(tmp_path: Path) -> None:
    """Two time slots of three slices, 4 mm apart along the normal."""
    ds = cine(NuclearMedicineImageStorage, 'NM', MOVIE, SpacingBetweenSlices=4)
    ds.SliceVector, ds.TimeSlotVector = [1, 2, 3, 1, 2, 3], [1, 1, 1, 2, 2, 2]
    ds.DetectorInformationSequence = item(
        ImagePositionPatient=[1, 2, 30], ImageOrientationPatient=[1, 0, 0, 0, 1, 0]
    )
    series = Series(save(tmp_path, [ds]))
    assert series.axes._fields == ('timeslot', 'slice', 'row', 'column')
    np.testing.assert_array_equal(series, MOVIE.reshape(2, 3, 5, 3))
    np.testing.assert_allclose(series.sliceLocations, [30, 34, 38])


def test_slices_by_number_alone(tmp_path: Path) -> None:
    ds = cine(NuclearMedicineImageStorage, 'NM', MOVIE)
    ds.SliceVector, ds.TimeSlotVector = [1, 2, 3, 1, 2, 3], [1, 1, 1, 2, 2, 2]
    series = Series(save(tmp_path, [ds]))
    np.testing.assert_array_equal(series, MOVIE.reshape(2, 3, 5, 3))


@pytest.mark.parametrize(
    'keyword', ['ImagerPixelSpacing', 'NominalScannedPixelSpacing', 'ImagePlanePixelSpacing']
)
def test_projections_are_flat(tmp_path: Path, keyword: str) -> None:
    ds = image(MOVIE[0], (0, 0, 0), number=1, PixelSpacing=None, Modality='DX', **IMAGE_PLACE)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    setattr(ds, keyword, [0.2, 0.1])
    series = Series(save(tmp_path, [ds]))
    assert series.axes._fields == ('row', 'column')
    np.testing.assert_array_equal(series, MOVIE[0])
    np.testing.assert_allclose(series.spacing[1:], [0.2, 0.1])


# --- objects without pixels ----------------------------------------------------------------------------


def document(sop_class: str, modality: str, number: int, study: str = 'study') -> Dataset:
    """Return an object without pixels."""
    ds = image(MOVIE[0], (0, 0, 0), number=number, series=modality)
    for keyword in (*PLACE, 'Rows', 'Columns', 'PixelData', 'BitsAllocated', 'BitsStored', 'HighBit'):
        delattr(ds, keyword)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = sop_class
    ds.Modality, ds.StudyInstanceUID, ds.ContentLabel = modality, uid(study), 'KEPT'
    return ds


def test_objects_without_pixels_are_kept(tmp_path: Path) -> None:
    """Those of the same study, as they are; one of another study is left out."""
    report = document(BasicTextSRStorage, 'SR', 1)
    structures = document(RTStructureSetStorage, 'RTSTRUCT', 2)
    stranger = document(BasicTextSRStorage, 'SR', 3, study='another')
    series = Series(save(tmp_path, [*stack(FOUR), report, structures, stranger]))
    kept = {str(ds.Modality): ds for ds in series.header.datasets}
    assert set(kept) == {'SR', 'RTSTRUCT'}
    assert kept['SR'] == report
    assert kept['RTSTRUCT'] == structures
    assert len(series[1:3].header.datasets) == 2
    text = series.explain()
    assert text.count('kept in header.datasets') == 2
    assert text.count('no image') == 1


def test_objects_without_pixels_alone_are_no_image(tmp_path: Path) -> None:
    with pytest.raises(errors.NotImageError, match='no image'):
        Series(save(tmp_path, [document(BasicTextSRStorage, 'SR', 1)]))


# --- DICOMDIR ----------------------------------------------------------------------------------------------


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    """A medium with a DICOMDIR of four images."""
    files = FileSet()
    for ds in stack(FOUR):
        ds.StudyDate, ds.StudyTime, ds.StudyID, ds.AccessionNumber = '20240101', '10', '1', ''
        files.add(ds)
    files.write(tmp_path / 'medium')
    files._stage['t'].cleanup()
    return tmp_path / 'medium'


def test_a_dicomdir_stands_for_its_files(medium: Path) -> None:
    (medium / 'beside').write_bytes(next(p for p in medium.rglob('*') if p.is_file()).read_bytes())
    series = Series(medium / 'DICOMDIR')
    assert series[:, 0, 0].tolist() == [0, 100, 200, 300]
    assert 'a DICOMDIR of 4 files' in series.explain()


def test_a_dicomdir_in_a_folder_is_skipped(medium: Path) -> None:
    series = Series(medium)
    assert series.shape == (4, 4, 3)
    assert 'DICOMDIR: a DICOMDIR, no image itself' in series.explain()


def test_a_dicomdir_whose_files_are_in_lower_case(medium: Path) -> None:
    for path in sorted(medium.rglob('*'), reverse=True):
        if path.name != 'DICOMDIR':
            path.rename(path.with_name(path.name.lower()))
    assert Series(medium / 'DICOMDIR').shape == (4, 4, 3)


def test_a_dicomdir_whose_files_are_gone(medium: Path) -> None:
    images = [p for p in medium.rglob('*') if p.is_file() and p.name != 'DICOMDIR']
    images[0].unlink()
    with pytest.raises(errors.InputNotFoundError, match='1 of them are not there'):
        Series(medium / 'DICOMDIR')
    assert len(read(medium / 'DICOMDIR', 'auto', {'skip_broken_series': True, 'missing': 'drop'})) == 1
    for path in images[1:]:
        path.unlink()
    with pytest.raises(errors.InputNotFoundError):
        Series(medium / 'DICOMDIR', skip_broken_series=True)


@pytest.mark.parametrize('parts', [['..', 'SECRET'], ['/etc', 'passwd'], ['..'], ['A/../..', 'SECRET']])
def test_a_dicomdir_never_leads_outside(medium: Path, parts: list[str]) -> None:
    import pydicom

    directory = pydicom.dcmread(medium / 'DICOMDIR')
    record = next(r for r in directory.DirectoryRecordSequence if 'ReferencedFileID' in r)
    record.ReferencedFileID = parts
    directory.save_as(medium / 'DICOMDIR')
    with pytest.raises(errors.CorruptFileError, match='below its folder'):
        Series(medium / 'DICOMDIR')


def test_a_link_in_a_medium_does_not_lead_outside(medium: Path, tmp_path: Path) -> None:
    path = next(p for p in medium.rglob('*') if p.is_file() and p.name != 'DICOMDIR')
    path.rename(tmp_path / 'secret')
    path.symlink_to(tmp_path / 'secret')
    with pytest.raises(errors.CorruptFileError, match='outside'):
        Series(medium / 'DICOMDIR')
