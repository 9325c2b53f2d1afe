"""Series as vendors write them: what `auto` makes of each, with no options.

Headers with the private elements of each vendor are in `test_criteria`.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedCTImageStorage, EnhancedMRImageStorage, EnhancedPETImageStorage

from imagedata import Series, errors
from synthetic import save, stack, uid
from test_dicom_objects import item, multi_frame

FOUR = [(0, 0, 3 * i) for i in range(4)]
DIRECTIONS = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.6, 0.8)]


def clock(seconds: float) -> str:
    return f'10{int(seconds) // 60:02d}{seconds % 60:05.2f}'


def volumes(series: Series) -> np.ndarray:
    """Return the number of the volume, as made by `stack`, of each image; see that slices are in place."""
    first = np.asarray(series)[..., 0, 0]
    np.testing.assert_array_equal(first % 1000 // 100, np.zeros_like(first) + np.arange(first.shape[-1]))
    return first[..., 0] // 1000


@pytest.mark.parametrize(
    ('kind', 'count', 'change', 'order', 'expected'),
    [
        ('GE multi-echo, echoes of a slice numbered one after the other', 3,
         lambda t, s: {'EchoTime': str(5 + 3.1 * t), 'EchoNumbers': t + 1, 'InstanceNumber': 3 * s + t + 1,
                       'AcquisitionTime': '100000', 'TriggerTime': '0'}, 'te', [0, 1, 2]),
        ('GE functional: one acquisition time, triggers of each slice', 3,
         lambda t, s: {'TriggerTime': str(2000 * t + 500 * (s * 3 % 4)), 'AcquisitionTime': '100000',
                       'TemporalPositionIdentifier': t + 1}, 'triggertime', [0, 1, 2]),
        ('Philips dynamic: temporal position alone', 3,
         lambda t, s: {'TemporalPositionIdentifier': 3 - t, 'AcquisitionTime': '100000'},
         'temporalposition', [2, 1, 0]),
        ('velocity: magnitude and phase of each trigger', 6,
         lambda t, s: {'TriggerTime': str(40 * (t // 2)), 'AcquisitionTime': '100000',
                       'ImageType': ['ORIGINAL', 'SECONDARY', 'MP'[t % 2], 'ND']},
         'triggertime,component', [[0, 1], [2, 3], [4, 5]]),
        ('two phases of CT, each an acquisition', 2,
         lambda t, s: {'AcquisitionNumber': t + 1, 'AcquisitionTime': clock(60 * t + s / 2)},
         'time', [0, 1]),
        ('the same without times', 2,
         lambda t, s: {'AcquisitionNumber': 2 - t, 'Modality': 'CT'}, 'acquisition', [1, 0]),
        ('no acquisition time: that of the content', 3,
         lambda t, s: {'ContentTime': clock(10 * t + s), 'ContentDate': '20240101'}, 'time', [0, 1, 2]),
        ('an acquisition time in some headers only', 3,
         lambda t, s: {'ContentTime': clock(10 * t + s), **({'AcquisitionTime': clock(t)} if t < 2 else {})},
         'time', [0, 1, 2]),
        ('acquisition date and time in one element, with a time zone', 3,
         lambda t, s: {'AcquisitionDateTime': f'20240101{clock(10 * t + s)}+0100'}, 'time', [0, 1, 2]),
        ('times of a slice behind those of the next volume of others', 3,
         lambda t, s: {'AcquisitionTime': clock(2 * t + 3 * s)}, 'time', [0, 1, 2]),
        ('flip angles and echoes', 4,
         lambda t, s: {'FlipAngle': (2, 15)[t // 2], 'EchoTime': (3, 6)[t % 2],
                       'AcquisitionTime': clock(60 * t)},
         'te,fa', [[0, 2], [1, 3]]),
        ('inversion times', 2,
         lambda t, s: {'InversionTime': (2500, 700)[t], 'AcquisitionTime': clock(s)}, 'ti', [1, 0]),
        ('magnitudes of two echoes and a phase difference', 3,
         lambda t, s: {'EchoTime': (4.9, 7.4, 7.4)[t], 'ImageType': ['ORIGINAL', 'PRIMARY', 'MMP'[t], 'ND']},
         'InstanceNumber', [0, 1, 2]),
    ],
)  # fmt: skip
def test_classic_series(
    tmp_path: Path,
    kind: str,
    count: int,
    change: Callable[[int, int], dict[str, object]],
    order: str,
    expected: list[object],
) -> None:
    folder = save(tmp_path, stack(FOUR, count, change))
    series = Series(folder)
    assert series.input_order == order, kind
    np.testing.assert_array_equal(volumes(series), expected, kind)
    # The order that is told gives the same when it is asked for.
    np.testing.assert_array_equal(Series(folder, order), series, kind)


# --- enhanced -----------------------------------------------------------------------------------------


def enhanced(
    count: int,
    change: Callable[[int], dict[str, object]],
    sop_class: str = EnhancedMRImageStorage,
    modality: str = 'MR',
    first: int = 0,
) -> Dataset:
    """Return an enhanced object whose frames are of the values `first`, `first` + 1, ..."""
    frames = np.broadcast_to(np.arange(first, first + count, dtype=np.uint16)[:, None, None], (count, 4, 5))
    ds = multi_frame(frames, sop_class, [0] * count, Modality=modality)
    for i, group in enumerate(ds.PerFrameFunctionalGroupsSequence):
        for keyword, value in change(i).items():
            setattr(group, keyword, value)
    return ds


def at(height: float) -> object:
    return item(ImagePositionPatient=[0, 0, height])


@pytest.mark.parametrize(
    ('sop_class', 'modality', 'change', 'order', 'values'),
    [
        (EnhancedCTImageStorage, 'CT', lambda t: {
            'CardiacSynchronizationSequence': item(NominalCardiacTriggerDelayTime=250.0 * t)},
         'triggertime', [0, 0.25, 0.5]),
        (EnhancedPETImageStorage, 'PT', lambda t: {
            'FrameContentSequence': item(FrameAcquisitionDateTime=f'2024010123595{8 + t}'[:14] if t < 2
                                         else '20240102000003')},
         'time', [86398, 86399, 86403]),
        (EnhancedMRImageStorage, 'MR', lambda t: {
            'FrameContentSequence': item(TemporalPositionIndex=t + 1)}, 'temporalposition', [1, 2, 3]),
        (EnhancedMRImageStorage, 'MR', lambda t: {
            'TemporalPositionSequence': item(TemporalPositionTimeOffset=1.5 * t)}, 'time', [0, 1.5, 3]),
        (EnhancedMRImageStorage, 'MR', lambda t: {
            'MRImageFrameTypeSequence': item(ComplexImageComponent=('MAGNITUDE', 'PHASE', 'REAL')[t])},
         'component', ['M', 'P', 'R']),
    ],
)  # fmt: skip
def test_one_enhanced_file(
    tmp_path: Path,
    sop_class: str,
    modality: str,
    change: Callable[[int], dict[str, object]],
    order: str,
    values: list[object],
) -> None:
    """Three volumes of three slices, slices fastest."""
    def frame(i: int) -> dict[str, object]:
        return {'PlanePositionSequence': at(3 * (i % 3)), **change(i // 3)}

    ds = enhanced(9, frame, sop_class, modality)
    series = Series(save(tmp_path, [ds]))
    assert series.input_order == order
    assert list(series.axes[0].values) == values
    np.testing.assert_array_equal(series[..., 0, 0], np.arange(9).reshape(3, 3))


@pytest.mark.parametrize('files', [1, 4])
def test_enhanced_diffusion(tmp_path: Path, files: int) -> None:
    """One file, or one for each volume (Siemens XA): b = 0, then three directions."""
    def change(i: int) -> dict[str, object]:
        t, s = divmod(i, 3)
        gradient = item(DiffusionBValue=1000.0 if t else 0.0)
        if t:
            direction = item(DiffusionGradientOrientation=list(DIRECTIONS[t - 1]))
            gradient[0].DiffusionGradientDirectionSequence = direction
        return {'PlanePositionSequence': at(3 * s), 'MRDiffusionSequence': gradient}

    each = 12 // files
    images = []
    for n in range(files):
        ds = enhanced(each, lambda i, n=n: change(i + n * each), first=n * each)
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid('volume', n)
        ds.InstanceNumber = n + 1
        images.append(ds)
    folder = save(tmp_path, images)
    series = Series(folder)
    np.testing.assert_array_equal(series[..., 0, 0], np.arange(12).reshape(4, 3))
    assert list(series.axes.b.values) == [0, 1000, 1000, 1000]
    pairs = list(Series(folder, 'dti').axes.dti.values)
    assert [tuple(vector) for _, vector in pairs] == [(), *DIRECTIONS]


def test_stacks_of_one_enhanced_file(tmp_path: Path) -> None:
    """Philips: two stacks, axial and sagittal; then two that are parallel."""
    def oblique(i: int) -> dict[str, object]:
        sagittal = i >= 3
        return {
            'FrameContentSequence': item(StackID=str(i // 3 + 1), InStackPositionNumber=i % 3 + 1),
            'PlaneOrientationSequence': item(ImageOrientationPatient=[0, 1, 0, 0, 0, -1] if sagittal else
                                             [1, 0, 0, 0, 1, 0]),
            'PlanePositionSequence': item(ImagePositionPatient=[-3 * (i % 3) if sagittal else 0, 0,
                                                                0 if sagittal else 3 * (i % 3)]),
        }  # fmt: skip

    ds = enhanced(6, oblique)
    del ds.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence
    folder = save(tmp_path / 'oblique', [ds])
    with pytest.raises(errors.MultipleSeriesError, match='input_stack=1'):
        Series(folder)
    axial, sagittal = Series(folder, input_stack=0), Series(folder, input_stack=1)
    np.testing.assert_array_equal(axial[:, 0, 0], [0, 1, 2])
    np.testing.assert_array_equal(sagittal[:, 0, 0], [3, 4, 5])
    np.testing.assert_allclose(sagittal.getPositionForVoxel([2, 0, 0]).ravel(), [0, 0, -6])
    parallel = enhanced(6, lambda i: {
        'FrameContentSequence': item(StackID=str(i // 3 + 1)),
        'PlanePositionSequence': at(3 * (i % 3) + 100 * (i // 3)),
    })  # fmt: skip
    np.testing.assert_allclose(Series(save(tmp_path / 'parallel', [parallel]), input_stack=1).sliceLocations,
                               [100, 103, 106])  # fmt: skip


def test_a_concatenation_is_one_volume(tmp_path: Path) -> None:
    """One object in two files (PS3.3 C.7.6.16.2.2.4), both with Instance Number 1."""
    parts = []
    for n in range(2):
        ds = enhanced(3, lambda i, n=n: {'PlanePositionSequence': at(3 * (i + 3 * n))}, first=3 * n)
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid('part', n)
        ds.ConcatenationUID, ds.InConcatenationNumber = uid('whole'), n + 1
        parts.append(ds)
    np.testing.assert_array_equal(Series(save(tmp_path, parts))[:, 0, 0], np.arange(6))
