"""The sample series of `data/`, against the formula that they were made from.

The generator says what each voxel is at its place in the patient. What is read must have that
value at that place, for every voxel: a flip, swap or shift anywhere would show.
"""

import filecmp
import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import realdata
from imagedata import Series

ORDERS = {'ct': 'none', 'time': 'time', 'b': 'b', 'te': 'te', 'fa': 'fa', 'sagittal': 'none'}


@pytest.fixture(scope='session')
def generator() -> ModuleType:
    """The module `data/generate.py`."""
    path = realdata.REPOSITORY / 'data' / 'generate.py'
    spec = importlib.util.spec_from_file_location('generate', path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def places(series: Series) -> np.ndarray:
    """Return x, y, z of each voxel, by the public matrix: (slice, row, column, 3)."""
    grid = np.indices(series.shape[-3:]).reshape(3, -1)
    zyx = (series.transformationMatrix @ np.vstack([grid, np.ones(grid.shape[1])]))[:3]
    return zyx[::-1].T.reshape(*series.shape[-3:], 3)


@pytest.mark.parametrize('order', ['auto', 'named'])
@pytest.mark.parametrize('kind', ORDERS)
def test_every_voxel_has_the_value_of_its_place(
    kind: str, order: str, sample_data: Path, generator: ModuleType
) -> None:
    series = Series(sample_data / kind, ORDERS[kind] if order == 'named' else 'auto')
    made = generator.SERIES[kind]
    assert series.shape[-3:] == tuple(made.shape)
    xyz = places(series)
    parameters = list(made.parameters) if ORDERS[kind] != 'none' else [None]
    volumes = series.reshape(-1, *made.shape)
    assert len(volumes) == len(parameters)
    # Decimal strings round a place by less than a micrometre: voxels at that distance of an
    # edge between tissues may fall on its other side.
    inside = generator.interior(xyz, 0.001)
    assert inside.mean() > 0.99
    for volume, parameter in zip(volumes, parameters, strict=True):
        expected = generator.expected(kind, xyz, parameter)
        difference = np.abs(np.asarray(volume, dtype=int) - expected)[inside]
        assert difference.max() <= (0 if kind == 'ct' else 1)


@pytest.mark.parametrize('kind', ['b', 'te', 'fa'])
def test_axes_have_the_values_of_the_protocol(kind: str, sample_data: Path, generator: ModuleType) -> None:
    series = Series(sample_data / kind, kind)
    assert np.asarray(series.axes[0]).tolist() == pytest.approx(list(generator.SERIES[kind].parameters))


def test_time_line_of_the_dynamic(sample_data: Path, generator: ModuleType) -> None:
    series = Series(sample_data / 'time', 'time')
    np.testing.assert_allclose(series.timeline, generator.SERIES['time'].parameters, atol=1e-5)


def test_apparent_diffusion_of_the_phantom(sample_data: Path, generator: ModuleType) -> None:
    """A user's job: the ADC map by NumPy is that of the tissues, with its place and patient."""
    series = Series(sample_data / 'b', 'b')
    with np.errstate(divide='ignore', invalid='ignore'):
        adc = np.log(series[0].astype(float) / series[3]) / (series.bvalues[3] - series.bvalues[0])
    assert adc.axes == series[0].axes
    assert adc.patientID == series.patientID
    signal = [generator.expected('b', places(series), b).astype(float) for b in series.bvalues]
    inside = generator.interior(places(series), 0.001) & (signal[3] > 50)
    truth = np.log(signal[0][inside] / signal[3][inside]) / 800
    np.testing.assert_allclose(np.asarray(adc)[inside], truth, rtol=0.05)


def test_the_generator_makes_the_same_files(generator: ModuleType, sample_data: Path, tmp_path: Path) -> None:
    generator.write(tmp_path)
    found = {p.relative_to(sample_data) for p in sample_data.rglob('*') if p.is_file()}
    made = tmp_path if (tmp_path / 'ct').exists() else tmp_path / 'dicom'
    assert {p.relative_to(made) for p in made.rglob('*') if p.is_file()} == found
    for name in found:
        assert filecmp.cmp(made / name, sample_data / name, shallow=False), name
