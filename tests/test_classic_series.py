"""Every classic single-frame series of the real data, against its reference conversion.

What is read, and the NIfTI that is written, must hold each reference volume: the same voxel
values, each voxel within 0.01 mm of its place, volumes in the same order.
"""

from pathlib import Path

import numpy as np
import pytest

import realdata
import reference
from imagedata import Series, errors, reading
from imagedata.header import SeriesData

REFUSED = {
    'dicom2nifti_suite/failing_sliceincrement_001': errors.MissingSliceError,
    'siemens_qt2/echoes': errors.MissingImageError,
    'non_image/spectroscopy_31': errors.NotImageError,
}
"""Series that are not read as they are: two are incomplete, one holds no image."""


def key(row: realdata.CatalogueRow) -> str:
    """Return the name of a series: dataset/series."""
    return f'{row.dataset}/{row.series}'


def volumes(data: SeriesData) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the volumes of a series, each with its affine to LPS, as `reference` wants them."""
    assert data.header.geometry is not None
    array = data.array
    if array.dtype.names:
        array = np.stack([array[c] for c in array.dtype.names], axis=-1)
        stack = array.reshape(-1, *array.shape[-4:])
    else:
        stack = array.reshape(-1, *(array.shape if array.ndim > 2 else (1, *array.shape))[-3:])
    return [(volume, data.header.geometry.affine) for volume in stack]


CLASSIC = [row for row in realdata.classic() if key(row) not in REFUSED]


@pytest.mark.parametrize('row', CLASSIC, ids=key)
def test_read_equals_the_reference(row: realdata.CatalogueRow, real_data: Path) -> None:
    found = reading.read(real_data / key(row))
    candidates = [v for data in found for v in volumes(data)]
    result = reference.compare_series(real_data, row, candidates)
    assert result.matched, str(result)


@pytest.mark.parametrize('row', CLASSIC, ids=key)
def test_written_nifti_equals_the_reference(
    row: realdata.CatalogueRow, real_data: Path, tmp_path: Path
) -> None:
    stacks = reading.read(real_data / key(row))
    candidates = []
    for number in range(len(stacks)):
        options = {'input_stack': number} if len(stacks) > 1 else {}
        series = Series(real_data / key(row), **options)
        target = tmp_path / f'{number}.nii.gz'
        if series.header.geometry.is_uniform:
            series.write(target)
        else:
            with pytest.warns(errors.LossWarning, match='not evenly spaced'):
                series.write(target)
        candidates += [(v.array, v.affine) for v in reference.load_nifti(target)]
    result = reference.compare_series(real_data, row, candidates)
    assert result.matched, str(result)


@pytest.mark.parametrize(('name', 'error'), REFUSED.items())
def test_incomplete_series_are_refused_with_the_reason(
    name: str, error: type[Exception], real_data: Path
) -> None:
    with pytest.raises(error, match='missing|no image'):
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
