"""Options that choose, divide and join series, and that say what is the same: each does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from imagedata import Series, errors
from imagedata.reading import read
from synthetic import image, save, stack, uid

FOUR = [(0, 0, 3 * i) for i in range(4)]


def series_of(name: str, number: int, count: int = 1, **elements: object) -> list[Dataset]:
    """Return volumes that are a series of their own; their voxels count from 10000 x number."""
    images = stack(FOUR, count, lambda t, s: {'AcquisitionTime': f'10000{t}'},
                   SeriesInstanceUID=uid(name), SeriesNumber=number, **elements)  # fmt: skip
    for i, ds in enumerate(images):
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid(name, i)
        values = np.frombuffer(ds.PixelData, np.uint16) + 10000 * number
        ds.PixelData = values.astype(np.uint16).tobytes()
    return images


def two_echoes(**elements: object) -> list[Dataset]:
    """Return two echoes of two acquisitions, in one series; voxels count 1000 x (2 x acquisition + echo)."""
    return stack(
        FOUR, 4,
        lambda t, s: {'AcquisitionNumber': t // 2 + 1, 'AcquisitionTime': f'10000{t // 2}',
                      'EchoNumbers': t % 2 + 1, 'EchoTime': 10 + 20 * (t % 2)},
        **elements,
    )  # fmt: skip


# --- several series ---------------------------------------------------------------------------------


def test_several_series_are_listed_with_how_to_choose(tmp_path: Path) -> None:
    folder = save(tmp_path, series_of('one', 3, SeriesDescription='t1 axial'))
    save(folder / 'more', series_of('two', 5, 2))
    with pytest.raises(errors.MultipleSeriesError) as caught:
        Series(folder)
    told = str(caught.value)
    assert told.startswith('2 series were found where one is wanted; choose one with input_serinsuid=<UID>')
    assert f"{uid('one')} number 3, 't1 axial', 4 x 4 x 3" in told
    assert f"{uid('two')} number 5, 'no description', 2 x 4 x 4 x 3" in told
    # What it says is what works.
    for name, number, shape in (('one', 3, (4, 4, 3)), ('two', 5, (2, 4, 4, 3))):
        series = Series(folder, input_serinsuid=uid(name))
        assert (series.seriesNumber, series.shape) == (number, shape)
        assert int(np.asarray(series).flat[0]) == 10000 * number


def test_a_series_that_is_not_there(tmp_path: Path) -> None:
    folder = save(tmp_path, series_of('one', 3))
    with pytest.raises(errors.NoDataReadError, match=re.escape(uid('one'))):
        Series(folder, input_serinsuid='1.2.3')


def test_one_of_several_that_cannot_be_sorted_is_told_with_the_others(tmp_path: Path) -> None:
    folder = save(tmp_path, series_of('static', 3, SeriesDescription='scout'))
    save(folder / 'more', series_of('dynamic', 5, 2))
    for order, broken in (('none', 'dynamic'), ('te', 'static')):
        with pytest.raises(errors.CannotSort) as caught:
            Series(folder, order)
        first, *lines = str(caught.value).splitlines()
        assert order in first
        assert 'one of 2 series' in lines[0]
        assert f"{uid('static')} number 3, 'scout', 4 x 4 x 3" in lines[1]
        assert f"{uid('dynamic')} number 5, 'no description', 8 x 4 x 3" in lines[2]
        assert [line.endswith('this one') for line in lines[1:]] == [broken == 'static', broken == 'dynamic']


@pytest.mark.parametrize('divide', ['split_acquisitions', 'split_echo_numbers'])
def test_the_parts_of_a_divided_series_are_listed_with_how_to_choose(tmp_path: Path, divide: str) -> None:
    folder = save(tmp_path, two_echoes())
    choice = {'split_acquisitions': 'input_acquisition', 'split_echo_numbers': 'input_echo'}[divide]
    with pytest.raises(errors.MultipleSeriesError) as caught:
        Series(folder, **{divide: True})
    for number in (1, 2):
        assert f'{choice}={number}' in str(caught.value)
        part = Series(folder, **{divide: True, choice: number})
        np.testing.assert_array_equal(part, Series(folder, **{choice: number}))


def test_stacks_of_a_localizer(tmp_path: Path) -> None:
    images = []
    planes = [(1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1), (1, 0, 0, 0, 0, -1)]
    for k, plane in enumerate(planes):
        along = np.cross(plane[:3], plane[3:])
        for s in range(2 + k):
            values = np.full((4, 3), 10 * k + s, np.uint16)
            images.append(image(values, 5 * s * along, number=len(images) + 1, orientation=plane))
    folder = save(tmp_path, images)
    with pytest.raises(errors.MultipleSeriesError, match='input_stack=2'):
        Series(folder)
    for k, plane in enumerate(planes):
        series = Series(folder, input_stack=k)
        assert series[:, 0, 0].tolist() == [10 * k + s for s in range(2 + k)]
        np.testing.assert_allclose(series.orientation, [*plane[2::-1], *plane[:2:-1]])  # z, y, x
    with pytest.raises(errors.NoDataReadError, match='input_stack'):
        Series(folder, input_stack=3)


def test_the_only_stack_is_number_0(tmp_path: Path) -> None:
    assert Series(save(tmp_path, stack(FOUR)), input_stack=0).shape == (4, 4, 3)


# --- filters and divisions --------------------------------------------------------------------------


@pytest.mark.parametrize('number', [1, 2, '2'])
def test_one_echo(tmp_path: Path, number: object) -> None:
    series = Series(save(tmp_path, two_echoes()), 'time', input_echo=number)
    echo = int(str(number)) - 1
    assert series[:, 0, 0, 0].tolist() == [1000 * echo, 2000 + 1000 * echo]
    np.testing.assert_allclose(series.timeline, [0, 1])


@pytest.mark.parametrize('number', [1, 2])
def test_one_acquisition(tmp_path: Path, number: int) -> None:
    series = Series(save(tmp_path, two_echoes()), 'te', input_acquisition=number)
    assert series[:, 0, 0, 0].tolist() == [2000 * (number - 1), 2000 * (number - 1) + 1000]
    assert np.asarray(series.axes.te).tolist() == [10, 30]


def test_filters_together_and_what_is_not_there(tmp_path: Path) -> None:
    folder = save(tmp_path, two_echoes())
    assert Series(folder, input_acquisition=2, input_echo=2)[0, 0, 0] == 3000
    with pytest.raises(errors.NoDataReadError, match='input_echo=5; EchoNumbers is one of 1, 2'):
        Series(folder, input_echo=5)
    with pytest.raises(errors.NoDataReadError, match='AcquisitionNumber is one of 1, 2'):
        Series(folder, input_acquisition=5)


def test_acquisitions_and_echoes_divided(tmp_path: Path) -> None:
    folder = save(tmp_path, two_echoes())
    assert [s.array.shape for s in read(folder)] == [(2, 2, 4, 4, 3)]
    acquisitions = read(folder, 'te', {'split_acquisitions': True})
    assert [s.array[:, 0, 0, 0].tolist() for s in acquisitions] == [[0, 1000], [2000, 3000]]
    echoes = read(folder, 'time', {'split_echo_numbers': True})
    assert [s.array[:, 0, 0, 0].tolist() for s in echoes] == [[0, 2000], [1000, 3000]]
    both = read(folder, 'none', {'split_echo_numbers': True, 'split_acquisitions': True})
    assert [int(s.array[0, 0, 0]) for s in both] == [0, 1000, 2000, 3000]


def test_series_joined(tmp_path: Path) -> None:
    """A dynamic whose volumes are a series each."""
    images = [
        ds
        for t in range(3)
        for ds in series_of(f'phase {t}', t, AcquisitionDate='20240101', ContentTime=f'11000{t}')
    ]
    for ds in images:
        ds.AcquisitionTime = ds.ContentTime
    folder = save(tmp_path, images)
    with pytest.raises(errors.MultipleSeriesError, match='3 series'):
        Series(folder, 'time')
    series = Series(folder, 'time', ignore_series_uid=True)
    assert series[:, 1, 0, 0].tolist() == [100, 10100, 20100]
    np.testing.assert_allclose(series.timeline, [0, 1, 2])


# --- what does not fit ------------------------------------------------------------------------------


@pytest.mark.parametrize('order', ['time', 'time,te', 'te,time'])
def test_duplicates_accepted(tmp_path: Path, order: str) -> None:
    """Two images for each (time, echo), told apart by Instance Number alone."""
    images = two_echoes()
    for ds in two_echoes():
        ds.InstanceNumber += 100
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid('again', ds.InstanceNumber)
        ds.PixelData = (np.frombuffer(ds.PixelData, np.uint16) + 500).astype(np.uint16).tobytes()
        images.append(ds)
    folder = save(tmp_path, [ds for ds in images if order != 'time' or ds.EchoNumbers == 1])
    with pytest.raises(errors.DuplicateImageError, match='accept_duplicate_tag=True'):
        Series(folder, order)
    series = Series(folder, order, accept_duplicate_tag=True)
    first = np.asarray(series)[..., 0, 0, 0]
    expected = {
        'time': [0, 500, 2000, 2500],
        'time,te': [[0, 500, 1000, 1500], [2000, 2500, 3000, 3500]],
        'te,time': [[0, 500, 2000, 2500], [1000, 1500, 3000, 3500]],
    }[order]
    assert first.tolist() == expected
    times = [36000, 36001] if order == 'time,te' else [36000, 36000, 36001, 36001]
    np.testing.assert_allclose(np.asarray(series.axes.time, float), times)


def test_uneven_slices_accepted(tmp_path: Path) -> None:
    """A missing slice, and a missing image: both filled."""
    gap = save(tmp_path / 'gap', stack([(0, 0, z) for z in (0, 2, 6)]))
    with pytest.raises(errors.MissingSliceError):
        Series(gap)
    assert Series(gap, accept_uneven_slices=True)[:, 0, 1].tolist() == [1, 101, 0, 201]
    with pytest.raises(errors.MissingSliceError):
        Series(gap, accept_uneven_slices=True, missing='error')
    images = series_of('hole', 0, 2)
    del images[5]
    hole = save(tmp_path / 'hole', images)
    with pytest.raises(errors.MissingImageError):
        Series(hole, 'time')
    assert Series(hole, 'time', accept_uneven_slices=True)[1, :, 0, 1].tolist() == [1001, 0, 1201, 1301]


@pytest.mark.parametrize('order', ['none', 'time'])
def test_an_unknown_policy_is_refused(tmp_path: Path, order: str) -> None:
    images = series_of('hole', 0, 2)[: 4 if order == 'none' else 8]
    del images[2]
    with pytest.raises(errors.CannotSort, match="'fill' and 'drop'"):
        Series(save(tmp_path, images), order, missing='guess')


def test_broken_files_and_series_are_skipped(tmp_path: Path) -> None:
    folder = save(tmp_path, series_of('good', 1))
    twice = series_of('bad', 2)
    twice[1].ImagePositionPatient = twice[0].ImagePositionPatient
    save(folder / 'bad', twice)
    torn = folder / 'torn.dcm'
    torn.write_bytes((folder / '00000').read_bytes()[:400])
    with pytest.raises(errors.CorruptFileError, match='torn'):
        Series(folder)
    series = Series(folder, skip_broken_series=True)
    assert series.seriesNumber == 1
    report = series.explain()
    assert re.search(r'left out: .*torn\.dcm', report)
    assert f'left out: series {uid("bad")}' in report


def test_an_image_that_is_skipped_is_missing(tmp_path: Path) -> None:
    folder = save(tmp_path, stack(FOUR))
    torn = folder / '05831'  # the third one
    torn.write_bytes(torn.read_bytes()[:-10])
    with pytest.raises(errors.NoDataReadError, match=r'is cut off.*1 slice is missing'):
        Series(folder, skip_broken_series=True)
    series = Series(folder, skip_broken_series=True, missing='fill')
    assert series[:, 0, 1].tolist() == [1, 101, 0, 301]
    assert '05831 is cut off' in series.explain()
    assert '1 slice is missing' in series.explain()


def test_when_all_is_broken_the_reason_is_told(tmp_path: Path) -> None:
    folder = save(tmp_path, series_of('bad', 2, 2))
    with pytest.raises(errors.NoDataReadError, match=r"nothing is left.*order 'none' allows one"):
        Series(folder, 'none', skip_broken_series=True)


def test_headers_only(tmp_path: Path) -> None:
    folder = save(tmp_path, two_echoes())
    whole, headers = Series(folder, 'te,time'), Series(folder, 'te,time', headers_only=True)
    assert (np.asarray(headers).shape, headers.dtype) == ((), object)
    assert headers.header.geometry == whole.header.geometry
    assert headers.axes._fields == whole.axes._fields
    assert np.asarray(headers.axes.te).tolist() == [10, 30]
    assert headers.patientName == whole.patientName
    np.testing.assert_allclose(headers.transformationMatrix, whole.transformationMatrix)


# --- what is the same -------------------------------------------------------------------------------


def test_slice_tolerance_joins_positions(tmp_path: Path) -> None:
    """The patient sank by 0.05 mm between two volumes."""
    images = series_of('sunk', 0, 2)
    for ds in images[4:]:
        ds.ImagePositionPatient = [0, 0, f'{float(ds.ImagePositionPatient[2]) - 0.05:.4f}']
    folder = save(tmp_path, images)
    with pytest.raises(errors.CannotSort):
        Series(folder, 'time')
    assert Series(folder, 'time', slice_tolerance=0.1).shape == (2, 4, 4, 3)


def test_slice_tolerance_is_that_of_an_even_stack(tmp_path: Path) -> None:
    folder = save(tmp_path, stack([(0, 0, z) for z in (0, 3.04, 6.01, 9)]))
    uneven = Series(folder)
    np.testing.assert_allclose(uneven.sliceLocations, [0, 3.04, 6.01, 9])
    even = Series(folder, slice_tolerance=0.1)
    np.testing.assert_allclose(even.sliceLocations, [0, 3, 6, 9], atol=0.02)
    assert (even.header.geometry.is_uniform, uneven.header.geometry.is_uniform) == (True, False)


def test_dir_cosine_tolerance(tmp_path: Path) -> None:
    """The last slice is turned by 0.2 degrees."""
    images = stack(FOUR)
    images[3].ImageOrientationPatient = ['0.99999391', '0.00349065', '0', '-0.00349065', '0.99999391', '0']
    folder = save(tmp_path, images)
    with pytest.raises(errors.MultipleSeriesError):
        Series(folder)
    assert Series(folder, dir_cosine_tolerance=0.01).shape == (4, 4, 3)


def test_correct_acq(tmp_path: Path) -> None:
    """Slices were acquired from the last to the first: each volume begins with its last slice."""
    images = series_of('late', 0, 2)
    for i, ds in enumerate(images):
        ds.AcquisitionTime = f'1000{10 * (i // 4) + 3 - i % 4:02d}'
    folder = save(tmp_path, images)
    plain, corrected = (Series(folder, 'time', correct_acq=c) for c in (False, True))
    assert [tag[0] for tag in plain.tags[0]] == [36003, 36013]
    for s in range(4):
        assert [tag[0] for tag in corrected.tags[s]] == [36000, 36010]
    np.testing.assert_array_equal(plain, corrected)


def test_correct_acq_of_volumes_of_which_there_is_nothing(tmp_path: Path) -> None:
    """Three of four (echo, time): the fourth is filled."""
    images = [ds for ds in two_echoes() if (ds.EchoNumbers, ds.AcquisitionNumber) != (2, 2)]
    series = Series(save(tmp_path, images), 'FlipAngle,te', FlipAngle='AcquisitionNumber', missing='fill',
                    correct_acq=True)  # fmt: skip
    assert series.shape[:2] == (2, 2)
    assert not np.asarray(series[1, 1]).any()


def test_sort_on_slice_location(tmp_path: Path) -> None:
    images = stack(FOUR)
    for i, ds in enumerate(images):
        ds.SliceLocation = [2, 0, 3, 1][i]
    folder = save(tmp_path, images)
    assert Series(folder)[:, 0, 0].tolist() == [0, 100, 200, 300]
    assert Series(folder, sort_on_slice_location=True)[:, 0, 0].tolist() == [100, 300, 0, 200]


def test_auto_sort(tmp_path: Path) -> None:
    """Flip angle and echo time rise together: the first of the list that tells images apart is taken."""
    images = stack(FOUR, 3, lambda t, s: {'FlipAngle': 30 - 5 * t, 'EchoTime': 10 + t, 'InversionTime': 5})
    folder = save(tmp_path, images)
    assert Series(folder).input_order == 'te'
    for given in (['fa', 'te'], 'fa,te', ['ti', 'fa']):
        series = Series(folder, auto_sort=given)
        assert series.input_order == 'fa'
        assert series[:, 0, 0, 0].tolist() == [2000, 1000, 0]
