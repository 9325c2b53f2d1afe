"""Every series of the real data, against its reference conversion.

What is read with `auto` and no options, and the NIfTI that is written, must hold each reference
volume: the same voxel values, each voxel within 0.01 mm of its place, volumes in the same order.
"""

import warnings
from pathlib import Path

import numpy as np
import pytest

import realdata
import reference
from explained import NOT_THE_FILES, OTHER_ORDER, REFUSED, UNPLACED
from imagedata import Series, errors, reading
from imagedata.header import SeriesData


def key(row: realdata.CatalogueRow) -> str:
    """Return the name of a series: dataset/series."""
    return f'{row.dataset}/{row.series}'


Volumes = list[tuple[np.ndarray, np.ndarray]]


def volumes(data: SeriesData) -> Volumes:
    """Return the volumes of a series, each with its affine to LPS, as `reference` wants them."""
    assert data.header.geometry is not None
    array = data.array
    if array.dtype.names:
        array = np.stack([array[c] for c in array.dtype.names], axis=-1)
        stack = array.reshape(-1, *array.shape[-4:])
    else:
        stack = array.reshape(-1, *(array.shape if array.ndim > 2 else (1, *array.shape))[-3:])
    return [(volume, data.header.geometry.affine) for volume in stack]


def assert_equal_reference(row: realdata.CatalogueRow, root: Path, candidates: Volumes) -> None:
    """Fail when a reference volume is not among the candidates, in order."""
    name = key(row)
    if name in OTHER_ORDER:
        candidates = [candidates[i] for i in OTHER_ORDER[name]]
    if name in UNPLACED:
        theirs = reference.load_nifti(row.references(root)[0].path)[0]
        candidates = [(rows, theirs.affine) for array, _ in candidates for rows in (array, array[:, ::-1])]
    result = reference.compare_series(root, row, candidates)
    different = {o.file for o in result.outcomes if not o.matched} - NOT_THE_FILES
    assert not different, str(result)


SERIES = [row for row in realdata.catalogue() if key(row) not in REFUSED]


@pytest.mark.parametrize('row', SERIES, ids=key)
def test_read_equals_the_reference(row: realdata.CatalogueRow, real_data: Path) -> None:
    found = reading.read(real_data / key(row))
    assert_equal_reference(row, real_data, [v for data in found for v in volumes(data)])


@pytest.mark.parametrize('row', SERIES, ids=key)
def test_written_nifti_equals_the_reference(
    row: realdata.CatalogueRow, real_data: Path, tmp_path: Path
) -> None:
    stacks = reading.read(real_data / key(row))
    candidates = []
    for number in range(len(stacks)):
        options = {'input_stack': number} if len(stacks) > 1 else {}
        series = Series(real_data / key(row), **options)
        target = tmp_path / f'{number}.nii.gz'
        with warnings.catch_warnings():
            # Uneven slices and times, which NIfTI cannot hold: tested with the NIfTI writer.
            warnings.simplefilter('ignore', errors.LossWarning)
            series.write(target)
        written = [(v.array, v.affine) for v in reference.load_nifti(target)]
        # In the file the first tag axis runs fastest, in the array the last one.
        tags = series.shape[:-3]
        order = np.arange(len(written)).reshape(tags[::-1] or (1,)).T.ravel()
        candidates += [written[i] for i in order]
    assert_equal_reference(row, real_data, candidates)


@pytest.mark.parametrize(('name', 'error'), REFUSED.items())
def test_incomplete_series_are_refused_with_the_reason(
    name: str, error: type[Exception], real_data: Path
) -> None:
    with pytest.raises(error, match=r'missing|no image'):
        reading.read(real_data / name)


def test_a_missing_slice_can_be_left_out(real_data: Path) -> None:
    """Positions 0, 5, 10 and 20 mm: the slices that are there keep their own places."""
    folder = real_data / 'dicom2nifti_suite/failing_sliceincrement_001'
    series = Series(folder, missing='drop')
    np.testing.assert_allclose(np.diff(series.sliceLocations), [5, 5, 10], atol=1e-4)


def test_a_missing_slice_can_be_filled(real_data: Path) -> None:
    folder = real_data / 'dicom2nifti_suite/failing_sliceincrement_001'
    series = Series(folder, missing='fill')
    assert series.shape[0] == 5
    np.testing.assert_allclose(np.diff(series.sliceLocations), 5, atol=1e-4)
    assert 'filled' in series.explain()
