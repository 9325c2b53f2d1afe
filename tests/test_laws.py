"""The five laws of docs/architecture.md, each held by tests that carry its name.

Each test fails when its law is broken: that was tried, by breaking the law on purpose in the place
that the test's docstring names.
"""

import copy
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided
from pydicom.dataset import Dataset

import strategies
import synthetic
from imagedata import Series
from imagedata.axis import UniformAxis
from imagedata.errors import ImagedataError, LossWarning
from imagedata.geometry import Geometry

# --- 1. Right, or absent; never stale -------------------------------------------------------

OPERATIONS: dict[str, Callable[[Series], object]] = {
    "flip": lambda s: np.flip(s, -1),
    "flip all": np.flip,
    "transpose": np.transpose,
    "swapaxes": lambda s: np.swapaxes(s, -1, -2),
    "moveaxis": lambda s: np.moveaxis(s, -1, 0),
    "rot90": lambda s: np.rot90(s, axes=(-2, -1)),
    "roll": lambda s: np.roll(s, 1, -1),
    "every other": lambda s: s[..., ::2],
    "backwards": lambda s: s[..., ::-1, :],
    "an index": lambda s: s[..., -1, :, :],
    "a list": lambda s: s[..., [0, -1]],
    "a mask": lambda s: s[..., np.arange(s.shape[-1]) % 2 == 0],
    "newaxis": lambda s: s[np.newaxis],
    "ravel": np.ravel,
    "reshape": lambda s: s.reshape(s.shape[::-1]),
    "squeeze": np.squeeze,
    "partition": lambda s: np.partition(s, 0, axis=-1),
    "take": lambda s: np.take(s, [0], axis=-1),
    "tile": lambda s: np.tile(s, 2),
    "concatenate": lambda s: np.concatenate([s, s]),
    "stack": lambda s: np.stack([s, s]),
    "pad": lambda s: np.pad(s, 1, mode="edge")[(slice(1, -1),) * s.ndim],
    "delete": lambda s: np.delete(s, 0, axis=-1),
    "view": lambda s: s.view(),
    "copy": lambda s: s.copy(),
    "deepcopy": copy.deepcopy,
    "pickle": lambda s: pickle.loads(pickle.dumps(s)),
    "Fortran order": np.asfortranarray,
    "diagonal": lambda s: np.diagonal(s, axis1=-2, axis2=-1),
    "split": lambda s: np.array_split(s, 2, axis=-1)[-1],
    "broadcast": lambda s: np.broadcast_to(s, (2, *s.shape)),
    "resized in place": lambda s: np.resize(s, (2, 3, 4)),
    "as an ndarray, and back": lambda s: s.view(np.ndarray)[..., ::-1].view(Series),
    "behind our back": lambda s: np.ndarray.__getitem__(s, (..., slice(None, None, -1))),
    "transposed behind our back": lambda s: np.ndarray.transpose(s),
    "other strides": lambda s: as_strided(s, s.shape[-1:], s.strides[-1:], subok=True)[::-1],
}  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
@given(series=strategies.series(min_side=2))
def test_law_1_right_or_absent(operation: Callable[[Series], object], series: Series) -> None:
    """What a result claims of a voxel is true of the voxel that its value came from.

    The value of a voxel is its number. Broken on purpose: `indexing.index_header` that keeps the
    parent's geometry; `__array_finalize__` that copies the header.
    """
    places = world(series)
    times = tag_values(series)
    result = operation(series)
    if not isinstance(result, Series):
        return
    header = result.header
    origin = np.asarray(result).astype(int)
    if header.geometry is not None:
        np.testing.assert_allclose(world(result), places.reshape(-1, 3)[origin], atol=1e-6)
    for name, values in tag_values(result).items():
        np.testing.assert_array_equal(values, times[name].ravel()[origin])


def world(series: Series) -> np.ndarray:
    """The place of every voxel, (..., 3), from its matrix or positions, by the closed formula."""
    header = series.header
    geometry = header.geometry
    assert geometry is not None
    numbers = np.indices(series.shape)
    index = [
        numbers[header.dims.index(name)] if name in header.dims else np.zeros(series.shape, int)
        for name in ("slice", "row", "column")
    ]
    matrix = np.asarray(geometry.affine)
    if geometry.positions is not None:
        start = np.asarray(geometry.positions)[index[0]]
    else:
        start = matrix[:3, 3] + index[0][..., None] * matrix[:3, 0]
    return start + index[1][..., None] * matrix[:3, 1] + index[2][..., None] * matrix[:3, 2]


def tag_values(series: Series) -> dict[str, np.ndarray]:
    """The value of every voxel on each axis that is not a spatial one."""
    header = series.header
    numbers = np.indices(series.shape)
    return {
        name: np.asarray(list(header.tag_axes[name]))[numbers[header.dims.index(name)]]
        for name in header.tag_dims
        if name in header.tag_axes and name in strategies.TAGS
    }


@pytest.mark.parametrize("function", [np.sum, np.mean, np.median, np.max], ids=lambda f: f.__name__)
@pytest.mark.parametrize("name", ["slice", "row", "column"])
def test_law_1_no_place_for_what_has_none(function: Callable[..., Series], name: str) -> None:
    """A sum over columns lies nowhere. Broken on purpose: `derive` that keeps the geometry."""
    series = strategies.make_series()
    result = function(series, axis=series.header.dims.index(name))
    assert result.header.geometry is None


# --- 2. What is written is what was held ------------------------------------------------------


@pytest.mark.parametrize("target", ["folder/", "image.nii.gz"])
@given(
    dtype=st.sampled_from([np.uint8, np.int16, np.uint16]), seed=st.integers(0, 100),
    tags=st.sampled_from([(), (3,)]), kind=st.sampled_from(["axial", "oblique", "left-handed"]),
)  # fmt: skip
def test_law_2_written_is_held(
    target: str, dtype: type, seed: int, tags: tuple[int, ...], kind: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    """Read back: the same values at the same places.

    Broken on purpose: `encode` that stores one unit less; `place` that writes rows for columns.
    """
    series = strategies.make_series((3, 4, 5), tags, kind, seed, records=False)
    held = (series % 200).astype(dtype)
    path = tmp_path_factory.mktemp("law")
    with warnings.catch_warnings():
        # NIfTI has no place for times that are not even but an extension, and says so.
        warnings.simplefilter("ignore", LossWarning)
        held.write(f"{path}/{target}")
    back = Series(f"{path}/{target}", "time" if tags else "auto")
    assert back.shape == held.shape
    np.testing.assert_allclose(by_value(back), by_value(held), atol=1e-3)


def by_value(series: Series) -> np.ndarray:
    """Rows of (value, x, y, z, tags...), sorted by the values, which are unique here."""
    parts = [np.asarray(series, float).reshape(-1, 1), world(series).reshape(-1, 3)]
    parts += [values.reshape(-1, 1) for values in tag_values(series).values()]
    rows = np.concatenate(parts, axis=1)
    return np.asarray(rows[np.argsort(rows[:, 0])])


# --- 3. No silent fall-through ------------------------------------------------------------------


def dicom_folder(folder: Path) -> list[Path]:
    return sorted(synthetic.save(folder, synthetic.stack([(0, 0, 3 * z) for z in range(4)])).iterdir())


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9, 0.99])
def test_law_3_broken_dicom_is_an_error_about_it(kept: float, tmp_path: Path) -> None:
    """A truncated file beside good ones. Broken on purpose: `scan` that leaves it to others."""
    files = dicom_folder(tmp_path / "in")
    broken = files[1].read_bytes()
    files[1].write_bytes(broken[: int(len(broken) * kept)])
    with pytest.raises(ImagedataError, match=files[1].name):
        Series(tmp_path / "in")


def test_law_3_every_file_is_accounted_for(tmp_path: Path) -> None:
    """Each file that is not in the array is named, with a reason.

    Broken on purpose: `reading.read` that does not report what nobody read.
    """
    dicom_folder(tmp_path / "in")
    (tmp_path / "in" / "notes.txt").write_text("not an image")
    report = Series(tmp_path / "in").explain()
    line = next(line for line in report.splitlines() if "notes.txt" in line)
    assert "left out" in line


def test_law_3_a_missing_image_is_not_passed_over(tmp_path: Path) -> None:
    """Broken on purpose: `sort` with `missing='drop'` as the default."""
    synthetic.save(tmp_path / "in", synthetic.stack([(0, 0, 3 * z) for z in (0, 1, 3, 4)]))
    with pytest.raises(ImagedataError, match=r"missing|slice"):
        Series(tmp_path / "in")


# --- 4. Metadata is immutable and shared ----------------------------------------------------------


def test_law_4_values_are_immutable() -> None:
    """Broken on purpose: dataclasses that are not frozen, arrays that may be written to."""
    header = strategies.make_series(tags=(2,)).header
    for value, name in [
        (header, "dims"), (header.geometry, "affine"), (header.tag_axes["time"], "name"),
        (UniformAxis("time", 0, 10, 1), "name"),
    ]:  # fmt: skip
        with pytest.raises((AttributeError, TypeError)):
            setattr(value, name, None)
    geometry = header.geometry
    assert isinstance(geometry, Geometry)
    with pytest.raises(ValueError, match="read-only"):
        geometry.affine[0, 0] = 7


@pytest.mark.parametrize(
    "operation",
    [lambda s: s + 1, np.sqrt, lambda s: s * s, np.abs, lambda s: s.astype(float), lambda s: s > 3],
)
def test_law_4_arithmetic_shares_the_header(operation: Callable[[Series], Series]) -> None:
    """Broken on purpose: `ufuncs.call` that copies the header."""
    series = strategies.make_series(tags=(2,))
    result = operation(series)
    assert result.header.geometry is series.header.geometry
    assert result.header.images is series.header.images


@pytest.mark.parametrize(
    "relative", [lambda s: s[:], lambda s: s.copy(), lambda s: s + 0, lambda s: s[0], copy.copy, np.array]
)
def test_law_4_setting_changes_that_series_alone(relative: Callable[[Series], Series]) -> None:
    """Broken on purpose: setters that change the header in place."""
    series = strategies.make_series(tags=(2,))
    other = relative(series)
    if not isinstance(other, Series):
        return
    before = series.header.geometry, series.header.attributes.copy(), series.header.tag_axes.copy()
    other.spacing = (9, 9, 9)
    other.patientID = "another"
    other.setDicomAttribute("EchoTime", 7)
    assert (series.header.geometry, series.header.attributes, series.header.tag_axes) == before


# --- 5. Pay for what is used ------------------------------------------------------------------------

HEAVY = (
    "pydicom", "nibabel", "scipy", "SimpleITK", "PIL", "matplotlib", "fsspec", "pynetdicom", "isal",
    "imagecodecs",
)  # fmt: skip


def test_law_5_import_brings_numpy_only() -> None:
    """Broken on purpose: `import pydicom` at the head of header.py."""
    code = f"import imagedata, sys; print([m for m in {HEAVY} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


OPENED = """
import sys
from collections import Counter
opened = Counter()
folder = sys.argv[1]
def look(event, args):
    if event == "open" and str(args[0]).startswith(folder):
        opened[args[0]] += 1
sys.addaudithook(look)
from imagedata import Series
s = Series(folder, "auto")
s.mean(), s.spacing, s.getDicomAttribute("PatientID")
print(len(opened), sorted(set(opened.values())))
"""


@pytest.mark.parametrize("kind", ["dicom", "nifti"])
def test_law_5_each_file_is_opened_once(kind: str, tmp_path: Path) -> None:
    """Counted by audit events; of a file that is named alone, the first bytes are looked at before.

    Broken on purpose: a second `source.open()` in scan.
    """
    if kind == "dicom":
        count = len(dicom_folder(tmp_path / "in"))
    else:
        (tmp_path / "in").mkdir()
        image = nibabel.Nifti1Image(np.zeros((3, 4, 5), np.int16), np.eye(4))
        nibabel.save(image, tmp_path / "in" / "a.nii")
        count = 1
    run = subprocess.run(
        [sys.executable, "-c", OPENED, str(tmp_path / "in")], capture_output=True, text=True, check=True
    )
    assert run.stdout.split(maxsplit=1) == [str(count), "[1]\n" if kind == "dicom" else "[2]\n"]


def test_law_5_slices_work_out_no_header(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice that nobody asks for its place costs none. Broken on purpose: eager `__getitem__`."""
    from imagedata import indexing

    asked: list[object] = []
    real = indexing.index_header
    monkeypatch.setattr(indexing, "index_header", lambda *a, **k: asked.append(a) or real(*a, **k))
    series = strategies.make_series(tags=(3,))
    parts = [series[i, :, ::-1] for i in range(3)]
    assert asked == []
    assert parts[2].header.geometry is not None
    assert len(asked) == 1


def test_law_5_elements_are_parsed_when_asked_for(tmp_path: Path) -> None:
    """Private elements stay bytes until someone looks. Broken on purpose: iterating the dataset."""
    datasets = synthetic.stack([(0, 0, 3 * z) for z in range(2)])
    for ds in datasets:
        block = ds.private_block(0x0029, "SOMEONE", create=True)
        block.add_new(0x10, "OB", b"\0" * 1000)
    synthetic.save(tmp_path / "in", datasets)
    series = Series(tmp_path / "in")
    records = series.header.images.records
    dataset = records.dataset(0)
    assert isinstance(dataset, Dataset)
    from pydicom.dataelem import RawDataElement

    raw = [e for e in dataset._dict.values() if isinstance(e, RawDataElement)]
    assert any(e.tag.group == 0x0029 for e in raw)
