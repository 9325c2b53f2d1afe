"""medio's interface, against closed formulas, nibabel, pydicom, and medio itself."""

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import imagedata.medio as medio
import medio_cases
import strategies
import synthetic
from imagedata import Series
from imagedata.errors import ImagedataError
from imagedata.medio.images import reoriented
from imagedata.medio.metadata.itk_orientation import ItkOrientationCode, codes_str_dict, itk_orientation_code
from imagedata.medio.metadata.metadata import MetaData, is_right_handed_axcodes
from imagedata.medio.utils.explicit_slicing import explicit_inds
from imagedata.medio.utils.two_way_dict import TwoWayDict

CODES = medio_cases.CODES
SIDES = ("RL", "AP", "IS")
codes = st.sampled_from(CODES)


def affine_of(code: str) -> np.ndarray:
    """An affine to LPS whose axes start from the sides of a code, by the definition of the code."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for column, letter in enumerate(code):
        row = next(r for r, sides in enumerate(SIDES) if letter in sides)
        affine[row, column] = (1.5, 2, 3)[column] * (1 if letter in "RAI" else -1)
    affine[:3, 3] = -20, 7, 11
    return affine


def places(affine: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The place of every voxel, (n, 3)."""
    index = np.indices(shape).reshape(3, -1)
    return (np.asarray(affine)[:3, :3] @ index).T + np.asarray(affine)[:3, 3]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the cases of medio_cases.py read: unique values, three lengths, all orientations."""
    folder = tmp_path_factory.mktemp("medio")
    array = np.arange(120, dtype=np.int16).reshape(4, 5, 6)
    for code in CODES:
        image = nibabel.Nifti1Image(array, np.diag([-1, -1, 1, 1]) @ affine_of(code))
        nibabel.save(image, folder / f"volume-{code}.nii")
    at = [(10, 20, 3 * z) for z in range(4)]
    synthetic.save(folder / "volume-dicom", synthetic.stack(at, series="a"))
    half = synthetic.stack(at, series="b", RescaleSlope=0.5, RescaleIntercept=-3)
    synthetic.save(folder / "volume-dicom-half", half)
    ct = {"Modality": "CT", "BitsStored": 12, "HighBit": 11, "RescaleSlope": 1, "RescaleIntercept": -1024}
    hounsfield = synthetic.stack(at, series="b", **ct)
    synthetic.save(folder / "volume-dicom-ct", hounsfield)
    two = synthetic.stack(at, series="a") + synthetic.stack(at, series="b", shape=(3, 5))
    synthetic.save(folder / "several", two)
    synthetic.save(folder / "uneven", synthetic.stack([(0, 0, z) for z in (0, 3, 6, 12, 15)], series="u"))
    tilted = synthetic.stack([(0, 0, 3 * z) for z in range(5)], series="t")
    across = synthetic.stack([(0, 0, 100)], series="t", orientation=(1, 0, 0, 0, 0, -1))
    across[0].SOPInstanceUID = across[0].file_meta.MediaStorageSOPInstanceUID = "2.25.77"
    synthetic.save(folder / "tilted", tilted + across)
    return folder


def test_the_same_as_medio(inputs: Path, tmp_path: Path) -> None:
    """Every case gives what medio gives, with medio's kind of error.

    IMAGEDATA_MEDIO_PYTHON names a Python that has medio 0.7.1.
    """
    python = os.environ.get("IMAGEDATA_MEDIO_PYTHON")
    if not python:
        pytest.skip("IMAGEDATA_MEDIO_PYTHON names no Python with medio 0.7.1")
    script = Path(medio_cases.__file__)
    result = tmp_path / "medio.pickle"
    subprocess.run([python, str(script), "medio", str(inputs), str(result)], check=True, capture_output=True)
    theirs = pickle.loads(result.read_bytes())
    ours = medio_cases.main("imagedata.medio", inputs)
    assert list(ours) == list(theirs)
    differ = {name: (theirs[name], ours[name]) for name in theirs if not same(theirs[name], ours[name])}
    assert not differ


def same(theirs: dict, ours: dict) -> bool:
    """Whether a result is the same: values exactly, places to 1e-4 mm, errors of the same kinds."""
    if "error" in theirs or "error" in ours:
        return set(theirs.get("error", "0")) <= set(ours.get("error", ""))
    return theirs.keys() == ours.keys() and all(
        np.shape(value) == np.shape(ours[key]) and np.allclose(value, ours[key], atol=1e-4)
        if isinstance(value, np.ndarray)
        else value == ours[key]
        for key, value in theirs.items()
        if key != "dtype"
    )


@given(before=codes, after=codes)
def test_reorientation_moves_no_voxel(before: str, after: str) -> None:
    array = np.arange(120).reshape(4, 5, 6)
    view, affine = reoriented(array, medio.Affine(affine_of(before)), after)
    assert np.shares_memory(view, array)
    assert MetaData(affine).ornt == after
    np.testing.assert_allclose(
        places(affine, view.shape), places(affine_of(before), array.shape)[view.ravel()], atol=1e-9
    )


@pytest.mark.parametrize("code", CODES)
def test_codes_and_numbers(code: str) -> None:
    affine = affine_of(code)
    assert MetaData(affine).ornt == code
    right = np.linalg.det(affine) > 0
    assert is_right_handed_axcodes(code) == right == MetaData(affine).is_right_handed_ornt()
    ras = nibabel.aff2axcodes(np.diag([-1, -1, 1, 1]) @ affine)
    assert MetaData(np.diag([-1, -1, 1, 1]) @ affine, coord_sys="nib").ornt == "".join(ras)
    assert codes_str_dict[codes_str_dict[code]] == code == codes_str_dict[getattr(ItkOrientationCode, code)]


def test_number_of_rai() -> None:
    """The number that ITK documents for RAI."""
    assert itk_orientation_code("RAI") == 2 + (5 << 8) + (8 << 16) == 525570


@given(code=codes, desired=codes)
def test_meta_is_that_of_the_image(code: str, desired: str, inputs: Path) -> None:
    """What medio gets wrong: `read_meta(desired_ornt=...)`."""
    path = inputs / f"volume-{code}.nii"
    array, metadata = medio.read_img(path, desired)
    alone = medio.read_meta(path, desired)
    assert alone.spatial_shape == array.shape
    assert (alone.ornt, alone.orig_ornt) == (metadata.ornt, metadata.orig_ornt) == (desired, code)
    np.testing.assert_allclose(alone.affine, metadata.affine)


def test_affine_stays_whole() -> None:
    """Copies, pickles and results know their spacing; a change of the matrix changes it."""
    affine = medio.Affine(direction=np.eye(3)[::-1], spacing=[1, 2, 3], origin=[4, 5, 6])
    pickled = pickle.loads(pickle.dumps(affine))
    for other in (copy.copy(affine), copy.deepcopy(affine), pickled, affine.clone()):
        np.testing.assert_array_equal(other.spacing, [1, 2, 3])
        np.testing.assert_array_equal(other.origin, [4, 5, 6])
    np.testing.assert_array_equal((affine * 2).spacing, [2, 4, 6])
    affine.spacing = [3, 3, 3]
    np.testing.assert_array_equal(affine.direction, np.eye(3)[::-1])
    affine[2, 0] = -7
    assert affine.spacing[0] == 7
    assert affine.direction[2, 0] == -1
    corner = affine[:3, :3].sum(1) + np.array([4, 5, 6])
    np.testing.assert_allclose(affine.index2coord(np.ones((3, 5))), np.repeat(corner[:, None], 5, 1))
    whole = medio.Affine(np.eye(4, dtype=int))
    whole.spacing = [0.5, 0.5, 0.5]
    assert whole[0, 0] == 0.5
    np.testing.assert_array_equal(medio.Affine(spacing=[1, 1, 2]).origin, [0, 0, 0])


@given(
    code=codes,
    key=st.tuples(*[
        strategies.slices(n).filter(lambda s, n=n: len(range(n)[s]) > 0) | st.integers(-n, n - 1)
        for n in (4, 5, 6)
    ]),
)
def test_parts_of_an_image_lie_where_they_were(code: str, key: tuple) -> None:
    """Negative integers and steps among them, which medio gets wrong."""
    array = np.arange(120).reshape(4, 5, 6)
    part = medio.MedImg(array, MetaData(affine_of(code)))[key]
    np.testing.assert_array_equal(np.squeeze(part.np_image), np.squeeze(array[key]))
    np.testing.assert_allclose(
        places(part.metadata.affine, part.np_image.shape),
        places(affine_of(code), array.shape)[part.np_image.ravel()],
        atol=1e-9,
    )


@given(key=st.tuples(*[strategies.slices(n) for n in (4, 5)]), dots=st.booleans())
def test_explicit_indices(key: tuple, dots: bool) -> None:
    start, stop, step = explicit_inds((..., *key) if dots else key, (4, 5) if not dots else (9, 4, 5))
    expected = [s.indices(n) for s, n in zip(key, (4, 5), strict=True)]
    assert list(zip(start, stop, step, strict=True))[-2:] == expected


@pytest.mark.parametrize(("key", "error"), [
    ((..., ...), IndexError), ((0, 0, 0), IndexError), ((7,), IndexError),
    ((None,), NotImplementedError), (([0, 1],), NotImplementedError), ((True,), NotImplementedError),
])  # fmt: skip
def test_indices_that_are_none(key: tuple, error: type) -> None:
    with pytest.raises(error):
        explicit_inds(key, (4, 5))


def test_two_way_dict() -> None:
    pairs = TwoWayDict({"a": 1, "b": 2})
    assert (pairs[1], pairs["b"], len(pairs)) == ("a", 2, 2)
    pairs["a"] = 2
    assert (dict(pairs), len(pairs)) == ({"a": 2, 2: "a"}, 1)


@given(series=strategies.series(max_tags=1, min_side=1))
def test_series_to_medio_and_back(series: Series) -> None:
    """Places of every voxel, in both directions."""
    geometry = series.header.geometry
    if not geometry.is_uniform:
        return
    array, metadata = series.to_medio(coord_sys="nib")
    n = series.ndim
    expected = np.asarray(series).transpose(*range(n - 1, -1, -1))
    np.testing.assert_array_equal(array, expected)
    lps = np.asarray(geometry.affine)[:, [2, 1, 0, 3]]
    np.testing.assert_allclose(metadata.affine, np.diag([-1, -1, 1, 1]) @ lps)
    back = Series.from_medio(array, metadata)
    np.testing.assert_array_equal(np.asarray(back), np.asarray(series))
    np.testing.assert_allclose(back.header.geometry.affine, geometry.affine, atol=1e-9)


@pytest.mark.parametrize(("call", "error"), [
    (lambda p: medio.read_img(p / "nothing.nii"), FileNotFoundError),
    (lambda p: medio.read_meta(p / "nothing"), FileNotFoundError),
    (lambda p: medio.read_img(p), FileNotFoundError),
    (lambda p: medio.read_img(p / "a.nii", backend="vtk"), ValueError),
    (lambda p: medio.read_img(p / "a.nii", coord_sys="lps"), ValueError),
    (lambda p: medio.read_img(p / "a.nii", "RRS"), ValueError),
    (lambda p: medio.read_img(p / "a.nii", "RA"), ValueError),
    (lambda p: medio.read_img(p / "a.nii", "XYZ"), ValueError),
    (lambda p: medio.save_img(p / "no" / "a.nii", np.zeros((2, 3)), MetaData(np.eye(3))), FileNotFoundError),
    (lambda p: medio.save_img(p / "a.nii", np.zeros(2), MetaData(np.eye(4))), ValueError),
    (lambda p: medio.save_dir(p / "d", np.zeros((2, 3, 4)), MetaData(affine_of("RAS"))), ValueError),
    (lambda p: medio.MedImg(None, None), ValueError),
    (lambda p: MetaData(np.zeros((4, 4))), ValueError),
    (lambda p: medio.Affine(np.ones((3, 4))), ValueError),
])  # fmt: skip
def test_errors(call: object, error: type, tmp_path: Path) -> None:
    """The kinds that medio-api lists, validated before anything is read."""
    with pytest.raises(error) as caught:
        call(tmp_path)
    assert isinstance(caught.value, ImagedataError)


def test_import_is_light() -> None:
    """No reader's library is imported before something is read."""
    heavy = ("pydicom", "nibabel", "SimpleITK", "itk")
    code = f"import imagedata.medio, sys; print([m for m in {heavy} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
