"""`template=` and `geometry=`: whose header each image gets, and what does not fit."""

from pathlib import Path

import numpy as np
import pytest

from imagedata import Series, errors
from imagedata.axis import VariableAxis
from synthetic import save, stack

FIVE = [(10, 20, 4 * i) for i in range(5)]


@pytest.fixture
def dynamic(tmp_path: Path) -> Series:
    """Three times of five slices, each image with an EchoTrainLength of 100 t + s."""
    images = stack(
        FIVE, 3, lambda t, s: {'AcquisitionTime': f'1000{10 * t:02d}', 'EchoTrainLength': 100 * t + s}
    )
    return Series(save(tmp_path / 'dynamic', images), 'time')


def sources(series: Series) -> list[list[int]]:
    """Return 100 t + s of the image that describes each (tag, slice)."""
    tags = series.shape[0] if series.ndim == 4 else 1
    return [
        [series.getDicomAttribute('EchoTrainLength', s, t if series.ndim == 4 else None)
         for s in range(series.slices)]
        for t in range(tags)
    ]  # fmt: skip


def test_array_takes_the_place_of_a_template_that_fits(dynamic: Series) -> None:
    s = Series(np.zeros(dynamic.shape), 'time', template=dynamic)
    assert s.header.geometry.difference(dynamic.header.geometry) is None
    assert s.axes == dynamic.axes
    assert s.patientID == 'T1'
    assert s.studyInstanceUID == dynamic.studyInstanceUID
    assert s.seriesInstanceUID != dynamic.seriesInstanceUID
    assert sources(s) == sources(dynamic) == [[100 * t + i for i in range(5)] for t in range(3)]


def test_volume_is_described_by_the_first_time(dynamic: Series) -> None:
    s = Series(np.zeros(dynamic.shape[1:]), template=dynamic)
    assert sources(s) == [[0, 1, 2, 3, 4]]


def test_slices_are_matched_by_place(dynamic: Series) -> None:
    part = dynamic[:, 1:4]
    assert sources(Series(np.zeros(part.shape), 'time', template=dynamic, geometry=part)) == [
        [100 * t + s for s in (1, 2, 3)] for t in range(3)
    ]
    turned = dynamic[:, ::-1]
    assert sources(Series(np.zeros(turned.shape), 'time', template=dynamic, geometry=turned)) == [
        [100 * t + s for s in (4, 3, 2, 1, 0)] for t in range(3)
    ]


def test_finer_slices_take_the_nearest(dynamic: Series) -> None:
    fine = Series(np.zeros((9, 4, 3)))
    fine.spacing = (2, 2, 1.5)
    fine.imagePositions = {i: (2 * i + 0.1, 20, 10) for i in range(9)}
    assert sources(Series(fine, template=dynamic)) == [[0, 1, 1, 2, 2, 3, 3, 4, 4]]


def test_times_are_matched_by_value(dynamic: Series) -> None:
    some = Series(np.zeros((2, 5, 4, 3)), 'time', geometry=dynamic)
    start = 36000
    some.axes = [VariableAxis('time', [start + 11, start + 21]), *some.axes[1:]]
    s = Series(some, template=dynamic)
    assert [row[0] for row in sources(s)] == [100, 200]
    assert np.asarray(s.axes.time).tolist() == [start + 11, start + 21]


def test_unnamed_dimension_takes_the_name_of_the_template(dynamic: Series) -> None:
    s = Series(np.zeros(dynamic.shape), template=dynamic, geometry=dynamic)
    assert s.input_order == 'time'
    assert s.axes.time == dynamic.axes.time


def test_slices_of_a_template_keep_their_own_headers(dynamic: Series) -> None:
    assert sources(dynamic[1:, ::2]) == [[100, 102, 104], [200, 202, 204]]
    assert sources(dynamic[2][::-1]) == [[204, 203, 202, 201, 200]]
    assert sources((dynamic * 2.0)[1:]) == [[100 * t + s for s in range(5)] for t in (1, 2)]


@pytest.mark.parametrize('shape', [(4, 4, 3), (5, 3, 4), (5, 4, 4), (3, 6, 4, 3)])
def test_template_that_does_not_fit(dynamic: Series, shape: tuple[int, ...]) -> None:
    with pytest.raises(errors.TemplateMismatchError, match='5 slices, 4 rows, 3 columns'):
        Series(np.zeros(shape), 'time', template=dynamic)
    with pytest.raises(errors.TemplateMismatchError, match='5 slices, 4 rows, 3 columns'):
        Series(np.zeros(shape), 'time', geometry=dynamic)


def test_data_elsewhere_do_not_fit(dynamic: Series) -> None:
    far = Series(np.zeros((5, 4, 3)))
    far.imagePositions = {i: (1000 + i, 0, 0) for i in range(5)}
    with pytest.raises(errors.TemplateMismatchError, match='outside the template'):
        Series(far, template=dynamic)


def test_what_is_given_does_not_change(dynamic: Series) -> None:
    options = {'template': dynamic, 'geometry': dynamic, 'seriesDescription': 'x'}
    before = dict(options)
    s = Series(np.zeros(dynamic.shape), 'time', options)
    assert options == before
    s.patientName = 'Another'
    s.setDicomAttribute('EchoTime', 7)
    s.spacing = (1, 1, 1)
    assert str(dynamic.patientName) == 'Test^Case'
    assert dynamic.getDicomAttribute('EchoTime') is None
    np.testing.assert_allclose(dynamic.spacing, [4, 2, 1.5])


def test_template_by_path(dynamic: Series, tmp_path: Path) -> None:
    path = tmp_path / 'dynamic'
    s = Series(np.zeros(dynamic.shape), 'time', template=path, geometry=str(path))
    assert sources(s) == sources(dynamic)
    with pytest.raises(FileNotFoundError):
        Series(np.zeros(3), template=tmp_path / 'nothing')


@pytest.mark.parametrize('wrong', [3, b'x', ['a']])
def test_template_of_a_wrong_kind(wrong: object) -> None:
    with pytest.raises(ValueError, match='Series, a Header or a path'):
        Series(np.zeros((2, 2)), template=wrong)


def test_attributes_of_single_images(dynamic: Series) -> None:
    dynamic.setDicomAttribute('EchoTime', 5)
    dynamic.setDicomAttribute('EchoTime', 9, slice=2, tag=1)
    assert dynamic.getDicomAttribute('EchoTime', 2, 1) == 9
    assert dynamic.getDicomAttribute('EchoTime', 2, 0) == 5
    part = dynamic[1, 1:]
    assert [part.getDicomAttribute('EchoTime', s) for s in range(4)] == [5, 9, 5, 5]
    assert dynamic.getDicomAttribute('0018|0091') == dynamic.getDicomAttribute((0x18, 0x91)) == 0
    with pytest.raises(ValueError, match='not a DICOM keyword'):
        dynamic.setDicomAttribute('NoSuchThing', 1)


@pytest.mark.parametrize('name', ['a.nii.gz', 'a.mha', 'a.nrrd'])
def test_uneven_slices_are_where_they_were(tmp_path: Path, name: str) -> None:
    """A format that places slices evenly must not move them in the patient."""
    places = [(0, 0, z) for z in (0, 2, 5, 10, 18)]
    images = stack(places, change=lambda t, s: {'EchoTrainLength': s})
    source = Series(save(tmp_path / 'dicom', images))
    with pytest.warns(errors.LossWarning, match='not evenly spaced'):
        source.write(tmp_path / name)
    with pytest.warns(errors.ImagedataWarning, match='5 even slices.*taken for these'):
        again = Series(tmp_path / name, template=source)
    np.testing.assert_allclose(again.sliceLocations, source.sliceLocations)
    assert sources(again) == sources(source)
