"""Any values, anywhere, come back by this library, pydicom and SimpleITK, within the stated error."""

import re
import shutil
import warnings
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st

from imagedata import Series, errors
from imagedata.geometry import Geometry
from strategies import affine_of

KINDS = ["bool", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"]


@st.composite
def arrays(draw: st.DrawFn) -> np.ndarray:
    """An array of any type and range: of all values, of few, of one."""
    dtype = np.dtype(draw(st.sampled_from(KINDS)))
    shape = draw(st.tuples(*[st.integers(1, 5)] * 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if dtype.kind == "b":
        return rng.random(shape) > 0.5
    if dtype.kind == "f":
        scale = draw(st.sampled_from([1e-4, 1.0, 300.0] if dtype == "f2" else [1e-30, 1e-3, 1.0, 1e30]))
        return (rng.normal(size=shape) * scale + draw(st.sampled_from([0, 1])) * scale * 100).astype(dtype)
    info = np.iinfo(dtype)
    low, high = draw(st.sampled_from([(info.min, info.max), (max(info.min, -1000), min(info.max, 70000))]))
    return rng.integers(low, high, shape, dtype=dtype, endpoint=True)


def stated(dataset: pydicom.Dataset) -> float:
    """The greatest error that the file itself says its values have."""
    found = re.search(r"greatest error ([-+.e0-9]+)", str(dataset.get("DerivationDescription")))
    return float(found[1]) * (1 + 1e-5) if found else 0.0


@given(
    arrays(),
    st.sampled_from(["axial", "oblique", "left-handed", "sheared"]),
    st.sampled_from(["SC", "MR", "CT"]),
    st.sampled_from(["series", "image"]),
    st.integers(0, 2**32 - 1),
)
def test_whatever_is_written_comes_back(
    tmp_path_factory: object, array: np.ndarray, kind: str, sop_class: str, scaling: str, seed: int
) -> None:
    folder = Path(tmp_path_factory.mktemp("any")) / "out"  # type: ignore[attr-defined]
    series = Series(array)
    affine = affine_of(kind, np.random.default_rng(seed))
    geometry = Geometry(affine, array.shape, "2.25.7")
    series.transformationMatrix = _zyx(affine)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", errors.LossWarning)
        series.write(folder, formats="dicom", SOPClassUID=sop_class, scaling=scaling)
    found = sorted((pydicom.dcmread(p) for p in folder.iterdir()), key=lambda d: int(d.InstanceNumber))
    wanted = array.astype(np.longdouble)
    for number, dataset in enumerate(found):
        values = dataset.pixel_array * np.float64(dataset.get("RescaleSlope", 1)) + np.float64(
            dataset.get("RescaleIntercept", 0)
        )
        apart = np.abs(values.astype(np.longdouble) - wanted[number])
        assert apart.max() <= stated(dataset)
        if array.dtype.kind in "bui" and array.dtype.itemsize <= 2:
            assert stated(dataset) == 0
        if array.dtype.itemsize == 4 and array.dtype.kind in "ui" and sop_class == "SC":
            assert stated(dataset) == 0
        image = SimpleITK.ReadImage(dataset.filename)
        far = (array.shape[2] - 1, array.shape[1] - 1, 0)
        np.testing.assert_allclose(
            image.TransformIndexToPhysicalPoint(far), geometry.to_world([number, far[1], far[0]]), atol=1e-4
        )
    back = Series(folder)
    given_back, positions = _by_place(back, len(found))
    for number in range(len(found)):
        place = geometry.to_world([number, 0, 0])
        at = int(np.argmin(np.linalg.norm(positions - place, axis=1)))
        np.testing.assert_allclose(positions[at], place, atol=1e-4)
        apart = np.abs(given_back[at].astype(np.longdouble) - wanted[number])
        assert apart.max() <= max(stated(d) for d in found)
    shutil.rmtree(folder)


def _zyx(affine: np.ndarray) -> np.ndarray:
    """A matrix to (x, y, z) as one to (z, y, x)."""
    return affine[[2, 1, 0, 3]]


def _by_place(series: Series, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Slices, and the place (x, y, z) of the first voxel of each."""
    values = np.asarray(series).reshape(count, *_rows_columns(series))
    first = [series.getPositionForVoxel((s, 0, 0)).ravel()[::-1] for s in range(count)]
    return values, np.array(first)


def _rows_columns(series: Series) -> tuple[int, int]:
    return int(series.rows), int(series.columns)
