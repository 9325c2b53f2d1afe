"""The package imagedata-registration, as it is on PyPI: a program that uses Series."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from imagedata import Series
from imagedata.axis import VariableAxis

pytest.importorskip("imagedata_registration", reason="pip install --no-deps imagedata-registration")


def moved(shift: int) -> np.ndarray:
    """Return a blob, moved along the columns."""
    values = np.zeros((8, 32, 32))
    values[3:5, 12:20, 12 + shift : 20 + shift] = 1000
    return gaussian_filter(values, 2)


@pytest.fixture
def dynamic() -> Series:
    series = Series(np.stack([moved(0), moved(2), moved(3)]).astype(np.float32), "time")
    series.axes = series.axes._replace(time=VariableAxis("time", [0.0, 2.5, 5.0]))
    series.spacing = (2, 1, 1)
    series.seriesDescription = "dynamic"
    return series


def error(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(np.asarray(a, float) - np.asarray(b, float)).mean())


def check(out: Series, dynamic: Series, name: str) -> None:
    """What any registration to the first volume must give."""
    assert isinstance(out, Series)
    assert out.shape == dynamic.shape
    assert out.input_order == "time"
    np.testing.assert_allclose(out.timeline, [0, 2.5, 5])
    np.testing.assert_allclose(out.transformationMatrix, dynamic.transformationMatrix)
    assert name in out.seriesDescription
    for i in (1, 2):
        assert error(out[i], dynamic[0]) < 0.8 * error(dynamic[i], dynamic[0])


def test_npreg(dynamic: Series, capsys: pytest.CaptureFixture[str]) -> None:
    npreg = pytest.importorskip("imagedata_registration.NPreg")
    out = npreg.register_npreg(0, dynamic, cycle=npreg.CYCLE_NONE, prm={"maxniter": 8})
    check(out, dynamic, "NPreg")


def test_elastix(dynamic: Series, capfd: pytest.CaptureFixture[str]) -> None:
    elastix = pytest.importorskip("imagedata_registration.Elastix", reason="pip install itk-elastix")
    check(elastix.register_elastix(0, dynamic), dynamic, "Elastix")


def test_fsl(dynamic: Series, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """FSL is no Python package: in its place, a method that takes the same files and moves nothing."""
    fsl = pytest.importorskip("imagedata_registration.FSL", reason="pip install nipype")

    class Inputs:
        in_file = out_file = cost = ""
        ref_vol = 0

    class Method:
        cmd = cmdline = "stand-in"

        def __init__(self) -> None:
            self.inputs = Inputs()

        def run(self) -> None:
            Path(self.inputs.out_file).write_bytes(Path(self.inputs.in_file).read_bytes())

    out = fsl.register_fsl(0, dynamic, Method)
    np.testing.assert_allclose(np.asarray(out), np.asarray(dynamic))
    np.testing.assert_allclose(out.timeline, [0, 2.5, 5])
    assert "stand-in corratio" in out.seriesDescription
