"""Sorting and rescaling of DICOM series whose right answer is known from how they were made."""

import re
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import EnhancedMRImageStorage

from imagedata import Series, errors
from synthetic import image, save, stack, uid

FOUR = [(0, 0, 3 * i) for i in range(4)]


def test_slices_follow_the_normal_whatever_the_numbers_say(tmp_path: Path) -> None:
    images = stack(FOUR)
    for i, ds in enumerate(images):
        ds.InstanceNumber = 10 - i
    series = Series(save(tmp_path, reversed(images)))
    assert series[:, 0, 0].tolist() == [0, 100, 200, 300]
    np.testing.assert_allclose(series.sliceLocations, [0, 3, 6, 9])
    np.testing.assert_allclose(series.spacing, [3, 2, 1.5])


def test_per_slice_slopes_are_not_truncated(tmp_path: Path) -> None:
    """Stored 9 with slopes 1, 1/2, 1/4, 1/2, 1: 9, 4.5, 2.25, 4.5, 9."""
    slopes = [1, 0.5, 0.25, 0.5, 1]
    images = [
        image(np.full((2, 2), 9, np.uint16), (0, 0, i), number=i, RescaleSlope=s, RescaleIntercept=0)
        for i, s in enumerate(slopes)
    ]
    series = Series(save(tmp_path, images))
    assert series[:, 0, 0].tolist() == [9, 4.5, 2.25, 4.5, 9]


@pytest.mark.parametrize(
    ('stored', 'slope', 'intercept', 'dtype'),
    [
        (np.array([[0, 4095]], np.uint16), 1, -1024, np.int16),
        (np.array([[0, 65535]], np.uint16), 1, -1024, np.int32),
        (np.array([[-5, 3000]], np.int16), 2, 0, np.int16),
        (np.array([[-5, 30000]], np.int16), 2, 0, np.int32),
        (np.array([[0, 255]], np.uint8), 1, 0, np.uint8),
        (np.array([[0, 255]], np.uint8), 100, 0, np.int16),
        (np.array([[0, 65535]], np.uint16), 100000, 0, np.int64),
        (np.array([[0, 3]], np.uint16), 0.5, 0, np.float64),
        (np.array([[0, 3]], np.uint16), 1, 0.5, np.float64),
    ],
)
def test_integers_stay_integers_that_hold_every_value(
    tmp_path: Path, stored: np.ndarray, slope: float, intercept: float, dtype: type
) -> None:
    ds = image(stored, (0, 0, 0), number=1, RescaleSlope=slope, RescaleIntercept=intercept)
    series = Series(save(tmp_path, [ds]))
    assert series.dtype == dtype
    np.testing.assert_array_equal(series, stored.astype(float) * slope + intercept)


def test_time_axis_and_time_of_each_slice(tmp_path: Path) -> None:
    """Volumes 2.5 s apart, slices 0.25 s apart within each."""

    def times(t: int, s: int) -> dict[str, object]:
        second = 10 + 2.5 * t + 0.25 * s
        return {'AcquisitionTime': f'1000{second:09.6f}', 'AcquisitionDate': '20240101'}

    series = Series(save(tmp_path, stack(FOUR, 3, times)), 'time')
    assert series.axes._fields == ('time', 'slice', 'row', 'column')
    np.testing.assert_allclose(series.timeline, [0, 2.5, 5])
    for s in range(4):
        expected = [36010 + 2.5 * t + 0.25 * s for t in range(3)]
        assert [tag[0] for tag in series.tags[s]] == pytest.approx(expected)
    assert series[2, 3, 0, 0] == 2300


def test_a_dynamic_past_midnight_stays_in_order(tmp_path: Path) -> None:
    moments = [('20240101', '235958.5'), ('20240101', '235959.5'), ('20240102', '000000.5')]
    series = Series(
        save(
            tmp_path,
            stack(FOUR, 3, lambda t, s: {'AcquisitionDate': moments[t][0], 'AcquisitionTime': moments[t][1]}),
        ),
        'time',
    )
    np.testing.assert_allclose(series.timeline, [0, 1, 2])
    assert series[:, 0, 0, 0].tolist() == [0, 1000, 2000]


def test_two_orders_give_five_dimensions(tmp_path: Path) -> None:
    """Three times of two echoes: (time, te, slice, row, column)."""

    def change(t: int, s: int) -> dict[str, object]:
        return {'AcquisitionTime': f'1000{t // 2:02d}', 'EchoTime': [10, 30][t % 2]}

    images = stack(FOUR, 6, change)
    for order, shape in (('time,te', (3, 2, 4, 4, 3)), ('te,time', (2, 3, 4, 4, 3))):
        series = Series(save(tmp_path, images), order)
        assert series.shape == shape
        assert series.input_order == order
        assert np.asarray(series.axes.te).tolist() == [10, 30]
    assert series[1, 2, 3, 0, 0] == 5300
    assert Series(tmp_path).input_order == 'time,te'


@pytest.mark.parametrize(
    ('order', 'keyword', 'values', 'axis'),
    [
        ('b', 'DiffusionBValue', [0.0, 50.0, 800.0], [0, 50, 800]),
        ('te', 'EchoTime', [10, 25.5, 60], [10, 25.5, 60]),
        ('fa', 'FlipAngle', [2, 5, 15], [2, 5, 15]),
        ('ti', 'InversionTime', [100, 500, 2000], [100, 500, 2000]),
        ('triggertime', 'TriggerTime', [0, 250, 500], [0, 0.25, 0.5]),
        ('RepetitionTime', 'RepetitionTime', [300, 600, 1200], [300, 600, 1200]),
    ],
)
def test_orders_sort_on_their_own_element(
    tmp_path: Path, order: str, keyword: str, values: list[float], axis: list[float]
) -> None:
    """Volumes were acquired in falling order; they are sorted rising."""
    images = stack(FOUR, 3, lambda t, s: {keyword: values[2 - t]})
    series = Series(save(tmp_path, images), order)
    assert np.asarray(series.axes[0]).tolist() == axis
    assert series[:, 1, 0, 0].tolist() == [2100, 1100, 100]


def test_own_criterion_by_keyword_and_function(tmp_path: Path) -> None:
    images = stack(FOUR, 2, lambda t, s: {'InversionTime': 100 * (t + 1)})
    folder = save(tmp_path, images)
    assert np.asarray(Series(folder, 'prep', prep='InversionTime').axes.prep).tolist() == [100, 200]
    falling = Series(folder, 'prep', prep=lambda ds: -float(ds.InversionTime))
    assert np.asarray(falling.axes.prep).tolist() == [-200, -100]
    assert falling[0, 0, 0, 0] == 1000


def test_several_directions_of_one_b_value(tmp_path: Path) -> None:
    b = [0.0, 1000.0, 1000.0, 0.0]
    images = stack(FOUR, 4, lambda t, s: {'DiffusionBValue': b[t]})
    folder = save(tmp_path, images)
    assert Series(folder).bvalues.tolist() == b  # acquisition order
    by_b = Series(folder, 'b')
    assert by_b.bvalues.tolist() == [0, 0, 1000, 1000]
    assert by_b[:, 0, 0, 0].tolist() == [0, 3000, 1000, 2000]


@pytest.mark.parametrize('jitter', [1e-5, 5e-3])
def test_positions_agree_within_a_tolerance(tmp_path: Path, jitter: float) -> None:
    """Positions differ by noise between the volumes: still the same slices."""
    rng = np.random.default_rng(3)
    images = stack(FOUR, 3, lambda t, s: {'AcquisitionTime': f'10000{t}'})
    for ds in images:
        z = float(ds.ImagePositionPatient[2]) + rng.uniform(-jitter, jitter) / 2
        ds.ImagePositionPatient = [0, 0, f'{z:.9f}']
    series = Series(save(tmp_path, images), 'time')
    assert series.shape[:2] == (3, 4)
    np.testing.assert_allclose(series.spacing[0], 3, atol=jitter)


def test_gantry_tilt_keeps_its_shear(tmp_path: Path) -> None:
    """Slices 2 mm apart drift 0.5 mm along y: the affine says so, and each corner is in place."""
    places = [(0, 0.5 * i, 2 * i) for i in range(4)]
    series = Series(save(tmp_path, stack(places)))
    np.testing.assert_allclose(series.transformationMatrix[:3, 0], [2, 0.5, 0])
    for s, place in enumerate(places):
        np.testing.assert_allclose(series.getPositionForVoxel([s, 0, 0]).ravel(), place[::-1])
    assert series.header.geometry.is_sheared


def test_spacing_under_a_tilted_gantry_is_that_of_the_table(tmp_path: Path) -> None:
    """The step from origin to origin; thickness, the tilt and the distance told in headers are not asked."""
    tilt = np.deg2rad(20)
    told = {'SliceThickness': 3, 'SpacingBetweenSlices': 7, 'GantryDetectorTilt': 10}
    orientation = (1, 0, 0, 0, np.cos(tilt), -np.sin(tilt))
    images = stack([(0, 0, 5 * i) for i in range(4)], orientation=orientation, Modality='CT', **told)
    series = Series(save(tmp_path / 'read', images))
    planes = 5 * np.cos(tilt)
    np.testing.assert_allclose(series.spacing, [5, 2, 1.5])
    np.testing.assert_allclose(np.diff(series.sliceLocations), planes)
    np.testing.assert_allclose(series.deskew().spacing[0], planes)
    assert f'sheared (planes {planes:.4g} mm apart)' in str(series)
    series.write(tmp_path / 'written')
    written = Series(tmp_path / 'written').getDicomAttribute('SpacingBetweenSlices')
    assert float(written) == pytest.approx(planes)


def test_uneven_slices_keep_their_places(tmp_path: Path) -> None:
    heights = [0, 4, 8, 15, 22]
    series = Series(save(tmp_path, stack([(0, 0, z) for z in heights])))
    np.testing.assert_allclose(series.sliceLocations, heights)
    assert 'unevenly' in series.explain()
    np.testing.assert_allclose(series[3:].sliceLocations, heights[3:])
    np.testing.assert_allclose(series.getPositionForVoxel([3, 1, 2]).ravel(), [15, 2, 3])


def test_missing_slice(tmp_path: Path) -> None:
    folder = save(tmp_path, stack([(0, 0, z) for z in (0, 2, 4, 8, 10)]))
    with pytest.raises(errors.MissingSliceError, match=r'4\.000 mm where others are 2\.000'):
        Series(folder)
    filled = Series(folder, missing='fill')
    assert filled[:, 0, 0].tolist() == [0, 100, 200, 0, 300, 400]
    np.testing.assert_allclose(filled.sliceLocations, [0, 2, 4, 6, 8, 10])
    np.testing.assert_allclose(Series(folder, missing='drop').sliceLocations, [0, 2, 4, 8, 10])


def test_missing_image_of_one_time(tmp_path: Path) -> None:
    images = stack(FOUR, 5, lambda t, s: {'AcquisitionTime': f'10000{t}'})
    del images[6]
    folder = save(tmp_path, images)
    with pytest.raises(errors.MissingImageError, match='slice 2'):
        Series(folder, 'time')
    assert Series(folder, 'time', missing='drop').shape[:2] == (4, 4)
    filled = Series(folder, 'time', missing='fill')
    assert filled.shape[:2] == (5, 4)
    assert 'filled' in filled.explain()


def test_unused_bits_that_hold_overlays_are_not_pixels(tmp_path: Path) -> None:
    values = np.arange(12, dtype=np.uint16).reshape(4, 3)
    overlay = image(values | 0x1000, (0, 0, 0), number=1, BitsStored=12, HighBit=11)
    overlay.add_new(0x60000100, 'US', 16)
    overlay.add_new(0x60000102, 'US', 12)
    np.testing.assert_array_equal(Series(save(tmp_path / 'overlay', [overlay])), values)
    # Without an overlay the header is wrong, and the values are kept whole.
    plain = image(values | 0x1000, (0, 0, 0), number=1, BitsStored=12, HighBit=11)
    np.testing.assert_array_equal(Series(save(tmp_path / 'plain', [plain])), values | 0x1000)


def test_signed_values_without_their_sign_bits(tmp_path: Path) -> None:
    """12 bits stored, two's complement, upper bits zero: 0xFFF is -1."""
    stored = np.array([[0, 0x7FF, 0x800, 0xFFF]], np.int16)
    ds = image(stored, (0, 0, 0), number=1, BitsStored=12, HighBit=11)
    assert Series(save(tmp_path, [ds])).tolist() == [[0, 2047, -2048, -1]]


def test_orientations_in_one_series_are_several_stacks(tmp_path: Path) -> None:
    sagittal = stack([(x, 0, 0) for x in range(3)], orientation=(0, 1, 0, 0, 0, -1))
    for i, ds in enumerate(sagittal):
        ds.InstanceNumber, ds.SOPInstanceUID = 100 + i, uid('sagittal', i)
    folder = save(tmp_path, [*stack(FOUR), *sagittal])
    with pytest.raises(errors.MultipleSeriesError, match='input_stack=1'):
        Series(folder)
    assert Series(folder, input_stack=0).shape == (4, 4, 3)
    assert Series(folder, input_stack=1).shape == (3, 4, 3)


def enhanced(times: int, slices: int, echoes: int) -> Dataset:
    """Return an enhanced MR object with time and echo dimensions, frames in shuffled order."""
    rng = np.random.default_rng(5)
    grid = [(t, e, s) for t in range(times) for e in range(echoes) for s in range(slices)]
    order = rng.permutation(len(grid))
    frames = [np.full((4, 3), 1000 * grid[i][0] + 100 * grid[i][1] + grid[i][2], np.uint16) for i in order]
    ds = image(np.concatenate(frames), (0, 0, 0), number=1)
    for keyword in ('ImagePositionPatient', 'ImageOrientationPatient', 'PixelSpacing', 'SliceThickness'):
        delattr(ds, keyword)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    ds.NumberOfFrames, ds.Rows = len(frames), 4

    def item(**elements: object) -> DicomSequence:
        inner = Dataset()
        for keyword, value in elements.items():
            setattr(inner, keyword, value)
        return DicomSequence([inner])

    shared = Dataset()
    shared.PlaneOrientationSequence = item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    shared.PixelMeasuresSequence = item(PixelSpacing=[2, 1.5], SliceThickness=3)
    ds.SharedFunctionalGroupsSequence = DicomSequence([shared])
    per_frame = []
    for i in order:
        t, e, s = grid[i]
        group = Dataset()
        group.PlanePositionSequence = item(ImagePositionPatient=[0, 0, 3 * s])
        group.FrameContentSequence = item(FrameAcquisitionDateTime=f'2024010110000{t}.5')
        group.MREchoSequence = item(EffectiveEchoTime=10.0 + 20 * e)
        group.PixelValueTransformationSequence = item(
            RescaleSlope=1 + t, RescaleIntercept=0, RescaleType='US'
        )
        per_frame.append(group)
    ds.PerFrameFunctionalGroupsSequence = DicomSequence(per_frame)
    return ds


def test_enhanced_in_five_dimensions(tmp_path: Path) -> None:
    folder = save(tmp_path, [enhanced(3, 4, 2)])
    for order in ('auto', 'time,te'):
        series = Series(folder, order)
        assert series.axes._fields == ('time', 'te', 'slice', 'row', 'column')
        np.testing.assert_allclose(series.spacing, [3, 2, 1.5])
        assert np.asarray(series.axes.te).tolist() == [10, 30]
        for t, e, s in np.ndindex(3, 2, 4):
            assert series[t, e, s, 0, 0] == (1 + t) * (1000 * t + 100 * e + s)


def test_the_report_says_what_was_done(tmp_path: Path) -> None:
    folder = save(tmp_path, stack(FOUR, 2, lambda t, s: {'EchoTime': 10 * (t + 1)}))
    (folder / 'notes.txt').write_text('not an image')
    report = Series(folder).explain()
    assert re.search(r'8 images, 4 slices', report)
    assert 'sorted on te, chosen automatically' in report
    assert 'notes.txt: not DICOM' in report


def originals(series: Series) -> list[list[int]]:
    """Return the volume, as made by `stack`, of each (tag, slice); -1 for a hole."""
    first = np.asarray(series)[:, :, 0, 0].astype(int)
    return [[v // 1000 if v % 1000 // 100 == s else -1 for s, v in enumerate(row)] for row in first]


@pytest.mark.parametrize(
    ('keyword', 'values', 'order'),
    [
        ('DiffusionBValue', [0.0, 500.0, 1000.0], 'b'),
        ('EchoTime', [10, 20, 30], 'te'),
        ('TriggerTime', [0, 100, 200], 'triggertime'),
        ('AcquisitionTime', ['100000', '100010', '100020'], 'time'),
    ],
)
@pytest.mark.parametrize('gone', [0, 1, 2])
def test_images_behind_a_missing_one_do_not_move_up(
    keyword: str, values: list[object], order: str, gone: int, tmp_path: Path
) -> None:
    images = stack(FOUR, 3, lambda t, s: {keyword: values[t]})
    del images[4 * gone + 2]
    folder = save(tmp_path, images)
    with pytest.raises(errors.MissingImageError, match='slice 2'):
        Series(folder, order)
    expected = [[t] * 4 for t in range(3)]
    filled = Series(folder, order, missing='fill')
    got = np.asarray(filled)[:, :, 0, 1].astype(int)  # a voxel that is never 0 in an image
    for t, s in np.ndindex(3, 4):
        assert got[t, s] == (0 if (t, s) == (gone, 2) else 1000 * expected[t][s] + 100 * s + 1)


def test_times_of_each_slice_are_lined_up(tmp_path: Path) -> None:
    """Slices 0.4 s apart in volumes 2 s apart: the hole is where the image is missing."""
    for gone in range(1, 4):

        def times(t: int, s: int) -> dict[str, object]:
            return {'AcquisitionTime': f'1000{2 * t + 0.4 * s:09.6f}'}

        images = stack(FOUR, 5, times)
        del images[4 * gone + 2]
        filled = Series(save(tmp_path / str(gone), images), 'time', missing='fill')
        got = np.asarray(filled)[:, 2, 0, 1].astype(int)
        assert got.tolist() == [0 if t == gone else 1000 * t + 201 for t in range(5)]


def test_each_slice_lacks_another_image(tmp_path: Path) -> None:
    """All slices have two images, and no volume is complete: never a volume of mixed b values."""
    images = stack(FOUR, 3, lambda t, s: {'DiffusionBValue': [0.0, 500.0, 1000.0][t]})
    images = [ds for i, ds in enumerate(images) if i not in (4, 9, 2, 3)]
    with pytest.raises(errors.MissingImageError, match='4 images are missing'):
        Series(save(tmp_path, images))


@pytest.mark.parametrize('order', ['auto', 'b', 'dti', 'bvector'])
def test_directions_in_another_order_at_other_slices(order: str, tmp_path: Path) -> None:
    """Instance Numbers run backwards at odd slices: volumes still have one b value and direction."""
    b = [0.0, 1000.0, 1000.0]
    directions = [None, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]

    def change(t: int, s: int) -> dict[str, object]:
        number = 10 * s + (t if s % 2 else 3 - t)
        found: dict[str, object] = {'DiffusionBValue': b[t], 'InstanceNumber': number}
        if directions[t] is not None:
            found['DiffusionGradientOrientation'] = directions[t]
        return found

    series = Series(save(tmp_path, stack(FOUR, 3, change)), order)
    for row in originals(series):
        assert len(set(row)) == 1
    assert sorted(row[0] for row in originals(series)) == [0, 1, 2]


@pytest.mark.parametrize(
    ('second', 'values', 'axes'),
    [
        ('TriggerTime', [0, 100, 200], ('triggertime', 'temporalposition')),
        ('EchoNumbers', [1, 2, 3], ('temporalposition', 'echo')),
    ],
)
def test_auto_finds_the_product_of_two_criteria(
    second: str, values: list[int], axes: tuple[str, ...], tmp_path: Path
) -> None:
    """Two temporal positions of three triggers or echoes: five dimensions."""
    images = stack(FOUR, 6, lambda t, s: {'TemporalPositionIdentifier': t // 3 + 1, second: values[t % 3]})
    series = Series(save(tmp_path, images))
    assert series.axes._fields[:2] == axes
    assert sorted(series.shape[:2]) == [2, 3]
    for row in np.asarray(series)[..., 0, 0].reshape(6, 4).tolist():
        assert len({v // 1000 for v in row}) == 1
