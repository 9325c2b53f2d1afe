"""Several criteria at once: which of them is ranked, and what is refused."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from imagedata import Series, errors
from imagedata.reading import read
from synthetic import save, stack, uid

FOUR = [(0, 0, 3 * i) for i in range(4)]
DIRECTIONS = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.6, 0.8)]


def clock(seconds: float) -> str:
    """Return a time of day, seconds after ten o'clock."""
    return f'10{int(seconds) // 60:02d}{seconds % 60:05.2f}'


def diffusion(b: float, vector: Sequence[float] | None = None, **others: object) -> dict[str, object]:
    return {'DiffusionBValue': b, **others} | (
        {} if vector is None else {'DiffusionGradientOrientation': list(vector)}
    )


def volumes(series: Series) -> np.ndarray:
    """Return the number of the volume that each image is of, at each slice."""
    return np.asarray(series)[..., 0, 0] // 1000


@pytest.mark.parametrize('order', ['auto', 'time,te'])
@pytest.mark.parametrize('slices', [1, 4])
@pytest.mark.parametrize('common', [True, False])
def test_each_echo_has_times_of_its_own(tmp_path: Path, order: str, slices: int, common: bool) -> None:
    """No time is that of two echoes, at one slice or at all of them."""
    series = Series(save(tmp_path, stack(FOUR[:slices], 6, lambda t, s: {
        'AcquisitionTime': clock(t + (0 if common else 0.1 * s)), 'EchoTime': 10 * (t % 2 + 1),
    })), order)  # fmt: skip
    assert series.axes._fields[:2] == ('time', 'te')
    np.testing.assert_array_equal(volumes(series)[..., 0], [[0, 1], [2, 3], [4, 5]])
    assert list(series.axes.time.values) == [36000, 36002, 36004]
    assert 'time: the images of an index differ' in series.explain()
    times = series.header.images.tags['time']
    np.testing.assert_allclose(times[..., 0].astype(float), 36000 + np.arange(6).reshape(3, 2))


def test_echo_times_that_jitter_from_slice_to_slice(tmp_path: Path) -> None:
    def change(t: int, s: int) -> dict[str, object]:
        echo = 10 * (t % 3 + 1) + 0.004 * s
        return {'AcquisitionTime': clock(10 * (t // 3) + s), 'EchoTime': f'{echo:.3f}'}

    echoes = Series(save(tmp_path / 'one', stack(FOUR, 3, change)))
    assert echoes.input_order == 'te'
    np.testing.assert_array_equal(volumes(echoes), np.arange(3)[:, None].repeat(4, 1))
    dynamic = Series(save(tmp_path / 'two', stack(FOUR, 6, change)))
    assert dynamic.input_order == 'time,te'
    np.testing.assert_array_equal(volumes(dynamic)[..., 3], [[0, 1, 2], [3, 4, 5]])
    assert list(dynamic.axes.te.values) == [10, 20, 30]
    assert 'te: the images of an index differ' in dynamic.explain()


def test_echo_times_that_are_close_and_no_jitter(tmp_path: Path) -> None:
    folder = save(tmp_path, stack(FOUR, 3, lambda t, s: {'EchoTime': f'{0.032 + 0.004 * t:.3f}'}))
    np.testing.assert_allclose([float(v) for v in Series(folder).axes.te.values], [0.032, 0.036, 0.04])


@pytest.mark.parametrize('order', ['b,bvector,te', 'te,b,bvector', 'b,te,bvector', 'te,bvector,b'])
def test_shells_directions_and_echoes(tmp_path: Path, order: str) -> None:
    """Every criterion that is asked for is an axis; directions are acquired in turns."""
    turn = (2, 0, 1)

    def change(t: int, s: int) -> dict[str, object]:
        direction = turn[t // 2 % 3] if t < 6 else t // 2 % 3
        return diffusion((1000.0, 500.0)[t // 6], DIRECTIONS[direction], EchoTime=10 * (t % 2 + 1))

    folder = save(tmp_path, stack(FOUR, 12, change))
    series = Series(folder, order)
    names = order.split(',')
    assert list(series.axes._fields[:3]) == names
    assert list(series.axes.b.values) == [500, 1000]
    shown = [DIRECTIONS.index(tuple(v)) for v in series.axes.bvector.values]
    assert sorted(shown) == [0, 1, 2]
    found = volumes(series).transpose(*map(names.index, ('b', 'bvector', 'te')), 3)
    for (i, j, k, _), volume in np.ndenumerate(found):
        direction = turn.index(shown[j]) if i == 1 else shown[j]
        assert volume == (6, 0)[i] + 2 * direction + k


def test_b_values_and_directions_that_are_no_grid(tmp_path: Path) -> None:
    """One image without a direction, three with: not dropped, not squeezed into an axis of directions."""
    folder = save(tmp_path, stack(FOUR, 4, lambda t, s: diffusion(1000.0, DIRECTIONS[t - 1])
                                  if t else diffusion(0.0)))  # fmt: skip
    with pytest.raises(errors.MissingImageError, match=r"grid of b \(2\) x bvector \(3\).*order 'dti'"):
        Series(folder, 'b,bvector')
    filled = Series(folder, 'b,bvector', missing='fill')
    assert filled.shape == (2, 3, 4, 4, 3)
    np.testing.assert_array_equal(volumes(filled)[1, :, 0], [1, 2, 3])
    assert not np.asarray(filled)[0, 1:].any()
    np.testing.assert_array_equal(volumes(Series(folder, 'dti'))[:, 0], [0, 1, 2, 3])


@pytest.mark.parametrize('own', [True, False])
@pytest.mark.parametrize('order', ['time,bvector', 'bvector,time'])
def test_repeated_directions_are_ranked_by_time(tmp_path: Path, own: bool, order: str) -> None:
    """Two passes over three directions, with times of each slice, or of each volume."""
    folder = save(tmp_path, stack(FOUR, 6, lambda t, s: diffusion(
        1000.0, DIRECTIONS[(0, 1, 2, 2, 0, 1)[t]], AcquisitionTime=clock(10 * t + (s if own else 0)),
    )))  # fmt: skip
    series = Series(folder, order)
    expected = np.array([[0, 1, 2], [4, 5, 3]])
    if order == 'bvector,time':
        expected = expected.T
    for s in range(4):
        np.testing.assert_array_equal(volumes(series)[..., s], expected)
    np.testing.assert_allclose(np.array(list(series.axes.bvector.values)), DIRECTIONS)
    assert list(series.axes.time.values) == [36000, 36040]
    times = np.vectorize(float)(series.header.images.tags['time'])
    np.testing.assert_allclose(times[..., 2], 36000 + 10 * expected + (2 if own else 0))


def test_two_criteria_of_each_slice(tmp_path: Path) -> None:
    """Time and trigger time both differ from slice to slice: both are ranked where that is possible."""
    def change(most: int) -> Callable[[int, int], dict[str, object]]:
        return lambda t, s: {
            'AcquisitionTime': clock(10 * t + s),
            'TriggerTime': str(100 * (t % (most if s == 1 else 3)) + s),
        }

    series = Series(save(tmp_path / 'even', stack(FOUR, 6, change(3))), 'time,triggertime')
    for s in range(4):
        np.testing.assert_array_equal(volumes(series)[..., s], [[0, 1, 2], [3, 4, 5]])
    assert list(series.axes.triggertime.values) == [0, 0.1, 0.2]
    with pytest.raises(errors.OrderNotFoundError, match=r'both differ from slice to slice.*3 to 6 values'):
        Series(save(tmp_path / 'uneven', stack(FOUR, 6, change(6))), 'time,triggertime')


def test_a_missing_image_is_told_with_its_time_of_day(tmp_path: Path) -> None:
    folder = save(tmp_path, stack(FOUR, 3, lambda t, s: {'AcquisitionTime': clock(10.5 * t)})[:-1])
    with pytest.raises(errors.MissingImageError, match=r'1 image is missing: time 10:00:21 at slice 3'):
        Series(folder, 'time')


def test_what_is_offered_for_duplicates_works(tmp_path: Path) -> None:
    """Of one slice only: accepting it alone would leave holes at the others."""
    one = stack(FOUR, 1, AcquisitionTime='100000')
    again = stack([FOUR[1]], 1, AcquisitionTime='100000', InstanceNumber=9, SOPInstanceUID='1.2.3')
    folder = save(tmp_path / 'one', [*one, *again])
    with pytest.raises(errors.DuplicateImageError, match="accept_duplicate_tag=True and missing='drop'"):
        Series(folder, 'time')
    series = Series(folder, 'time', accept_duplicate_tag=True, missing='drop')
    np.testing.assert_array_equal(np.asarray(series)[:, 0, 0], [0, 100, 200, 300])
    assert Series(folder, 'time', accept_duplicate_tag=True, missing='fill').shape == (2, 4, 4, 3)
    with pytest.raises(errors.DuplicateImageError, match="missing='drop'"):
        Series(folder)
    assert Series(folder, missing='drop').shape == (4, 4, 3)
    pairs = save(tmp_path / 'all', stack(FOUR, 4, lambda t, s: {'AcquisitionTime': clock(t // 2)}))
    with pytest.raises(errors.DuplicateImageError, match=r'with accept_duplicate_tag=True$'):
        Series(pairs, 'time')
    assert Series(pairs, 'time', accept_duplicate_tag=True).shape == (4, 4, 4, 3)


def test_positions_that_are_almost_one(tmp_path: Path) -> None:
    """The same slices at three times, 0.03 mm apart: the error says which tolerance joins them."""
    folder = save(tmp_path, stack(FOUR, 3, lambda t, s: {
        'AcquisitionTime': clock(t), 'ImagePositionPatient': [0, 0, f'{3 * s + 0.03 * t:.2f}'],
    }))  # fmt: skip
    with pytest.raises(errors.CannotSort, match=r'slice_tolerance=0\.045'):
        Series(folder)
    series = Series(folder, slice_tolerance=0.045)
    np.testing.assert_array_equal(volumes(series), np.arange(3)[:, None].repeat(4, 1))


def test_one_image_without_a_position_is_named(tmp_path: Path) -> None:
    images = stack(FOUR, 1)
    del images[3].ImagePositionPatient
    folder = save(tmp_path, images)
    name = next(p.name for p in folder.iterdir() if p.name == f'{3 * 7919 % 10007:05d}')
    with pytest.raises(errors.CannotSort, match=rf'{name}: no Image Position.*3 other images.*input_stack=0'):
        Series(folder)
    assert Series(folder, input_stack=0).shape == (3, 4, 3)
    skipped = Series(folder, skip_broken_series=True)
    assert skipped.shape == (3, 4, 3)
    assert f'{name}: no Image Position' in skipped.explain()


@pytest.mark.parametrize('kind', ['times', 'slices'])
def test_images_of_one_slice_location_lie_at_one_place(tmp_path: Path, kind: str) -> None:
    def change(t: int, s: int) -> dict[str, object]:
        if kind == 'times':
            place = [40 * t, 0, 3 * s]
            return {'AcquisitionTime': clock(t), 'SliceLocation': 3 * s, 'ImagePositionPatient': place}
        return {'AcquisitionTime': clock(s), 'SliceLocation': 3 * (s // 2)}

    folder = save(tmp_path, stack(FOUR, 2 if kind == 'times' else 1, change))
    apart = 40 if kind == 'times' else 3
    with pytest.raises(errors.CannotSort, match=f'one Slice Location and lie {apart}.000 mm'):
        Series(folder, 'time', sort_on_slice_location=True)


def test_a_slope_of_zero_is_told(tmp_path: Path) -> None:
    folder = save(tmp_path, stack(FOUR, 1, RescaleSlope=0, RescaleIntercept=5))
    series = Series(folder)
    assert series[:, 0, 0].tolist() == [5, 105, 205, 305]
    assert 'Rescale Slope is 0, which no image can have: taken as 1' in series.explain()
    assert 'Rescale Slope' not in Series(folder, scaling='stored').explain()


@pytest.mark.parametrize(('heights', 'told'), [((0, 2, 6), True), ((0, 4, 11), False)])
def test_a_stack_with_a_gap_is_told_when_it_is_written(
    tmp_path: Path, heights: tuple[int, ...], told: bool
) -> None:
    """It would be taken for one with missing slices: the way back is in the warning."""
    series = Series(save(tmp_path / 'in', stack([(0, 0, z) for z in heights])), missing='drop')
    if told:
        with pytest.warns(errors.ImagedataWarning, match="1 slice is missing.*missing='drop'"):
            series.write(tmp_path / 'out')
        with pytest.raises(errors.MissingSliceError):
            Series(tmp_path / 'out')
    else:
        series.write(tmp_path / 'out')
        np.testing.assert_array_equal(Series(tmp_path / 'out'), series)
    again = Series(tmp_path / 'out', missing='drop')
    np.testing.assert_array_equal(again, series)
    np.testing.assert_allclose(again.sliceLocations, heights)


def test_acquisitions_that_cover_different_slices(tmp_path: Path) -> None:
    """Two phases of CT, the second one slice further: the error says how to read each."""
    first = stack(FOUR, 1, AcquisitionNumber=1, AcquisitionTime=clock(0), Modality='CT')
    second = stack([*FOUR[1:], (0, 0, 12)], 1, AcquisitionNumber=2, AcquisitionTime=clock(60), Modality='CT')
    for ds in second:
        ds.InstanceNumber += 10
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid('second', ds.InstanceNumber)
    folder = save(tmp_path, [*first, *second])
    with pytest.raises(errors.MissingImageError, match=r'2 acquisitions \(1 to 2\): input_acquisition='):
        Series(folder)
    np.testing.assert_allclose(Series(folder, input_acquisition=2).sliceLocations, [3, 6, 9, 12])
    divided = read(folder, 'auto', {'split_acquisitions': True})
    assert [data.array.shape for data in divided] == [(4, 4, 3)] * 2


def test_a_series_without_a_frame_of_reference_has_one_space(tmp_path: Path) -> None:
    folder = save(tmp_path, stack(FOUR, 1, FrameOfReferenceUID=None))
    once, again = Series(folder), Series(folder, headers_only=True)
    assert once.header.geometry == again.header.geometry
    other = Series(save(tmp_path / 'other', stack(FOUR, 1, FrameOfReferenceUID=None, series='other')))
    assert other.frameOfReferenceUID != once.frameOfReferenceUID


def test_thin_slices_then_thick_ones_are_complete(tmp_path: Path) -> None:
    """A head: 2.5 mm through the base, 5 mm above. Of one thickness, the same gaps are holes."""
    heights, thick = [0, 2.5, 5, 10, 15], ['2.5', '2.5', '5', '5', '5']
    places = [(0, 0, z) for z in heights]
    varied = save(tmp_path / 'varied', stack(places, 1, lambda t, s: {'SliceThickness': thick[s]}))
    series = Series(varied)
    np.testing.assert_allclose(series.sliceLocations, heights)
    assert 'unevenly spaced' in series.explain()
    series.write(tmp_path / 'again')
    np.testing.assert_array_equal(Series(tmp_path / 'again'), series)
    with pytest.raises(errors.MissingSliceError, match='2 slices are missing'):
        Series(save(tmp_path / 'same', stack(places, 1, SliceThickness='5')))
    gone = stack([*places, (0, 0, 25)], 1, lambda t, s: {'SliceThickness': [*thick, '5'][s]})
    with pytest.raises(errors.MissingSliceError, match='1 slice is missing'):
        Series(save(tmp_path / 'gone', gone))
    filled = Series(tmp_path / 'gone', missing='fill')
    np.testing.assert_allclose(filled.sliceLocations, [*heights, 20, 25])


@pytest.mark.parametrize('contrary', [True, False])
def test_content_times_that_contradict_the_temporal_position(tmp_path: Path, contrary: bool) -> None:
    """Images whose content was made in another order than they were acquired in."""
    made = (2, 0, 1) if contrary else (0, 1, 2)
    series = Series(save(tmp_path, stack(FOUR, 3, lambda t, s: {
        'ContentTime': clock(made[t]), 'ContentDate': '20240101', 'TemporalPositionIdentifier': t + 1,
    })))  # fmt: skip
    np.testing.assert_array_equal(volumes(series)[:, 0], [0, 1, 2])
    assert series.input_order == ('temporalposition' if contrary else 'time')
