"""medio's interface, against closed formulas, nibabel, pydicom, and medio itself."""

import copy
import json
import lzma
import os
import pickle
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import nibabel
import numpy as np
import PIL.Image
import pydicom
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st

import imagedata.medio as medio
import medio_cases
import strategies
import synthetic
from imagedata import Series
from imagedata.errors import ImagedataError, LossWarning
from imagedata.medio.backends.nib_io import NibIO
from imagedata.medio.backends.pdcm_io import PdcmIO
from imagedata.medio.images import reoriented
from imagedata.medio.metadata.itk_orientation import ItkOrientationCode, codes_str_dict, itk_orientation_code
from imagedata.medio.metadata.metadata import MetaData, is_right_handed_axcodes
from imagedata.medio.utils.explicit_slicing import explicit_inds
from imagedata.medio.utils.two_way_dict import TwoWayDict

CODES = medio_cases.CODES
RECORD = Path(__file__).parent / "medio_results.json.xz"
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
    _more_inputs(folder)
    return folder


def _more_inputs(folder: Path) -> None:
    """Colour, two dimensions, many frames: written by nibabel, SimpleITK, Pillow and pydicom."""
    colours = (np.arange(360).reshape(4, 5, 6, 3) % 251).astype(np.uint8)
    rgb = np.ascontiguousarray(colours).view([("R", "u1"), ("G", "u1"), ("B", "u1")])[..., 0]
    lps = affine_of("RAI")
    nibabel.save(nibabel.Nifti1Image(rgb, np.diag([-1, -1, 1, 1]) @ lps), folder / "colour.nii.gz")
    times = np.arange(240, dtype=np.int16).reshape(4, 5, 6, 2)
    nibabel.save(nibabel.Nifti1Image(times, np.diag([-1, -1, 1, 1]) @ lps), folder / "four.nii")
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(colours.transpose(2, 1, 0, 3)), isVector=True)
    grey = SimpleITK.GetImageFromArray(np.arange(120, dtype=np.int16).reshape(6, 5, 4))
    for volume in (image, grey):
        volume.SetSpacing((1.5, 2, 3))
        volume.SetOrigin((-20, 7, 11))
    SimpleITK.WriteImage(image, folder / "colour.nrrd")
    for name in ("grey.mha", "grey.nrrd"):
        SimpleITK.WriteImage(grey, folder / name)
    flat = SimpleITK.GetImageFromArray(np.arange(20, dtype=np.int16).reshape(5, 4))
    flat.SetSpacing((1.5, 2))
    SimpleITK.WriteImage(flat, folder / "flat.mha")
    for name in ("flat.png", "flat.tif", "flat.bmp"):
        PIL.Image.fromarray(np.arange(20, dtype=np.uint8).reshape(5, 4)).save(folder / name)
    PIL.Image.fromarray(np.ascontiguousarray(colours[:, :, 0].transpose(1, 0, 2))).save(
        folder / "flat-colour.png"
    )
    one = {"series": "o", "RescaleSlope": 2, "RescaleIntercept": -7}
    synthetic.stack([(1, 2, 3)], **one)[0].save_as(folder / "one.dcm", enforce_file_format=True)
    in_colour = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    slices = [
        synthetic.image(colours[:, :, z].transpose(1, 0, 2).copy(), (0, 0, 3 * z), number=z + 1, **in_colour)
        for z in range(6)
    ]
    synthetic.save(folder / "colour-dicom", slices)
    frames = synthetic.frames([(1, 2, 3 * z + 5) for z in range(4)])
    frames.save_as(folder / "frames.dcm", enforce_file_format=True)
    _kinds(folder, colours)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(slices[0], keyword)
    slices[0].save_as(folder / "unplaced.dcm", enforce_file_format=True)


def _kinds(folder: Path, colours: np.ndarray) -> None:
    """Opacity, vectors, dimensions, scaling; slices in all orders and directions."""
    ras = np.diag([-1, -1, 1, 1]) @ affine_of("RAI")
    opaque = (np.arange(480).reshape(4, 5, 6, 4) % 251).astype(np.uint8)
    fields = opaque.view([(c, "u1") for c in "RGBA"])[..., 0]
    nibabel.save(nibabel.Nifti1Image(fields, ras), folder / "opacity.nii")
    PIL.Image.fromarray(np.ascontiguousarray(opaque[:, :, 0].transpose(1, 0, 2)), "RGBA").save(
        folder / "opacity.png"
    )
    vectors = SimpleITK.GetImageFromArray(colours.transpose(2, 1, 0, 3).astype("f4"), isVector=True)
    for name in ("vectors.nrrd", "vectors.vtk"):
        SimpleITK.WriteImage(vectors, folder / name)
    five = np.arange(720, dtype="i2").reshape(4, 5, 6, 2, 3)
    images = {
        "five": five, "four-of-one": five[..., :1, 0], "vectors": five[..., :1, :].astype("f4"),
        "one-slice": five[:, :, :1, 0, 0], "scaled-2": five[..., 0, 0], "scaled-half": five[..., 0, 0],
        "scaled-double": five[..., 0, 0].astype("f8"), "sform-less": five[..., 0, 0],
    }  # fmt: skip
    for name, array in images.items():
        image = nibabel.Nifti1Image(array, ras)
        if name == "vectors":
            image.header.set_intent("vector")
        if name.startswith("scaled"):
            image.header.set_slope_inter(0.5 if name == "scaled-half" else 2, -3)
        if name == "sform-less":
            image.header.set_sform(None, 0)
            image.header.set_qform(ras, 1)
        nibabel.save(image, folder / f"{name}.nii")
    nibabel.save(nibabel.Nifti1Pair(five[..., 0, 0], ras), folder / "pair.hdr")
    for name, order in {"from-the-last": (3, 2, 1, 0), "unsorted": (2, 0, 3, 1)}.items():
        frames = synthetic.frames([(1, 2, 3 * z + 5) for z in order])
        frames.save_as(folder / f"{name}.dcm", enforce_file_format=True)
    stacks = {
        "jitter": ([(0, 0, z) for z in (0, 3, 6.02, 9, 12)], (1, 0, 0, 0, 1, 0)),
        "coronal": ([(10, 3 * z, 20) for z in range(5)], (1, 0, 0, 0, 0, -1)),
        "oblique": ([(0, 1.8 * z, 2.4 * z) for z in range(5)], (1, 0, 0, 0, 0.8, -0.6)),
        "mirrored": ([(0, 0, 3 * z) for z in range(5)], (-1, 0, 0, 0, 1, 0)),
        "descending": ([(0, 0, -3 * z) for z in range(5)], (1, 0, 0, 0, 1, 0)),
        "tilted-gantry": ([(0, 0.3 * z, 3 * z) for z in range(5)], (1, 0, 0, 0, 1, 0)),
        "twice": ([(0, 0, 3 * z) for z in (0, 1, 2, 3, 0)], (1, 0, 0, 0, 1, 0)),
    }
    for name, (at, orientation) in stacks.items():
        synthetic.save(folder / name, synthetic.stack(at, series=name, orientation=orientation))
    synthetic.save(folder / "deep" / "below", synthetic.stack([(0, 0, 3 * z) for z in range(4)], series="d"))
    for number, file in enumerate(sorted((folder / "deep" / "below").iterdir())):
        file.rename(file.with_name(f"{number}.dcm"))


def test_the_same_as_medio(inputs: Path, tmp_path: Path) -> None:
    """Every case gives what medio gives, with medio's kind of error.

    IMAGEDATA_MEDIO_PYTHON names a Python that has medio 0.7.1. Without it, what that gave when it was run
    last (IMAGEDATA_MEDIO_RECORD=1) stands for it.
    """
    python = os.environ.get("IMAGEDATA_MEDIO_PYTHON")
    if python:
        script = Path(medio_cases.__file__)
        result = tmp_path / "medio.pickle"
        command = [python, str(script), "medio", str(inputs), str(result)]
        subprocess.run(command, check=True, capture_output=True)
        theirs = pickle.loads(result.read_bytes())
        if os.environ.get("IMAGEDATA_MEDIO_RECORD"):
            RECORD.write_bytes(lzma.compress(json.dumps(medio_cases.plain(theirs)).encode()))
    else:
        theirs = medio_cases.unplain(json.loads(lzma.decompress(RECORD.read_bytes())))
    ours = medio_cases.main("imagedata.medio", inputs)
    assert list(ours) == list(theirs)
    differ = {name: (theirs[name], ours[name]) for name in theirs if not same(theirs[name], ours[name])}
    without = set() if find_spec("itk") else NEED_ITK
    unlisted = sorted(set(differ) - set(DIFFERENCES) - without)
    assert not unlisted, {name: differ[name] for name in unlisted[:3]}
    assert not sorted(set(DIFFERENCES) - set(differ))
    assert not [name for name in DIFFERENCES if "error" in ours[name] and name not in REFUSED]
    read = [n for n in theirs if n.startswith("read ") and n not in differ]
    types = {n: (theirs[n]["dtype"].lstrip("<"), ours[n]["dtype"]) for n in read}
    others = {n: b for n, b in types.items() if "[" not in b[0] and np.dtype(b[0]) != np.dtype(b[1])}
    # medio's int16 overflows there.
    assert others == {"read frames.dcm pdcm": ("int16", "float32")}


NEED_ITK = {"pixel type", "pixel type, not needed"}
"""Cases that cannot be run without the package itk."""

SLICES_ALONE = (("read", " -1"), ("read", " None"), ("meta", ""), ("meta", " pdcm"))
COLOUR_AS_GREY = "medio reads the colours of MetaImage, and of NRRD vectors, as grey"
NO_SPACING = "a slice alone is as thick as its header says, not 1 mm"
NOT_WRAPPED = "ITK's filter for turning images is not there for int32"
DIFFERENCES = {
    **{f"read colour.nrrd {a}": COLOUR_AS_GREY for a in (-1, 0, 1, None, "turned")},
    **{f"save {what} as mha": COLOUR_AS_GREY for what in ("colour", "colour, first axis,")},
    "save flat colour mha": COLOUR_AS_GREY,
    "read flat.bmp -1": "a palette of greys is grey, and the resolution is that of the file",
    "read flat.bmp None": "the same",
    **dict.fromkeys([f"{what} one.dcm{how}" for what, how in SLICES_ALONE], NO_SPACING),
    "folder one slice": NO_SPACING,
    "read one.dcm turned": NOT_WRAPPED,
    "read frames.dcm turned": NOT_WRAPPED,
    "read one.dcm pdcm": "medio cannot read it",
    **{f"slices unsorted.dcm {backend} {{}}": "frames are taken as they come" for backend in ("itk", "pdcm")},
    **{
        f"slices tilted-gantry {backend} {given}": "the tilt is lost: slices are beside their places"
        for backend in ("itk", "pdcm")
        for given in ({}, {"validate_series": False}, {"keep_dominant_geometry": True}, {"series": 1})
    },
    "slices twice itk {'validate_series': False}": "two images of one place become two slices",
}  # fmt: skip
"""Cases in which medio is wrong or refuses, and why; the tests below say what is right there."""
REFUSED = ("slices twice itk {'validate_series': False}",)
"""Those of them that are errors here."""


def same(theirs: dict, ours: dict) -> bool:
    """Whether a result is the same: values exactly, places to 1e-4 mm, errors of the same kinds."""
    if "error" in theirs or "error" in ours:
        return set(theirs.get("error", "0")) <= set(ours.get("error", ""))
    return theirs.keys() == ours.keys() and all(
        alike(value, ours[key]) for key, value in theirs.items() if key != "dtype"
    )


def alike(theirs: object, ours: object) -> bool:
    if not isinstance(theirs, np.ndarray):
        return bool(theirs == ours)
    if theirs.dtype.names:
        return bool(np.array_equal(theirs, ours))
    return np.shape(theirs) == np.shape(ours) and np.allclose(theirs, ours, atol=1e-4, equal_nan=True)


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


@pytest.mark.parametrize("suffix", ["mha", "nrrd", "vtk", "nii.gz", "dcm"])
def test_colour_is_colour(suffix: str, tmp_path: Path) -> None:
    """MetaImage too, which medio reads back as grey."""
    array, metadata = medio_cases.colours(medio)
    medio.save_img(tmp_path / f"a.{suffix}", array, metadata, channels_axis=-1)
    for axis in (-1, 0, 1):
        again, found = medio.read_img(tmp_path / f"a.{suffix}", channels_axis=axis)
        np.testing.assert_array_equal(again, np.moveaxis(array, -1, axis))
        np.testing.assert_allclose(found.affine, metadata.affine, atol=1e-4)
    assert medio.read_meta(tmp_path / f"a.{suffix}").spatial_shape == (4, 5, 6)


@pytest.mark.parametrize(("factor", "dtype", "bits"), [(1, "i2", 16), (1e5, "i4", 32), (-1, "i2", 16)])
def test_one_file_holds_integers_exactly(factor: float, dtype: str, bits: int, tmp_path: Path) -> None:
    """Below 0 and of 32 bits among them, which medio refuses; as pydicom reads them."""
    array, metadata = medio_cases.volume(medio, dtype)
    array = (array * factor).astype(dtype)
    medio.save_img(tmp_path / "a.dcm", array, metadata)
    dataset = pydicom.dcmread(tmp_path / "a.dcm")
    values = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    np.testing.assert_array_equal(values.transpose(2, 1, 0), array)
    assert (dataset.BitsAllocated, dataset.PixelRepresentation, dataset.NumberOfFrames) == (bits, 0, 6)
    groups = dataset.PerFrameFunctionalGroupsSequence
    found = [group.PlanePositionSequence[0].ImagePositionPatient for group in groups]
    np.testing.assert_allclose(found, [(-20, 7, 11 + 3 * z) for z in range(6)])
    np.testing.assert_array_equal(medio.read_img(tmp_path / "a.dcm")[0], array)


@pytest.mark.parametrize("name", ["a.dcm", "folder"])
def test_floats_are_scaled_and_that_is_told(name: str, tmp_path: Path) -> None:
    array, metadata = medio_cases.volume(medio, "f4")
    save = medio.save_img if name.endswith("dcm") else medio.save_dir
    with pytest.warns(LossWarning, match="scaled"):
        save(tmp_path / name, array / 7, metadata)
    again, found = medio.read_img(tmp_path / name)
    assert 0 < np.abs(again - array / 7).max() < 119 / 7 / 65534
    np.testing.assert_allclose(found.affine, metadata.affine, atol=1e-4)


@pytest.mark.parametrize("kind", ["u1", "u2", "colour"])
def test_one_file_conforms(kind: str, tmp_path: Path) -> None:
    """dciodvfy finds no error in it."""
    if not shutil.which("dciodvfy"):
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    colour = kind == "colour"
    image = medio_cases.colours(medio) if colour else medio_cases.volume(medio, kind)
    medio.save_img(tmp_path / "a.dcm", *image, channels_axis=-1 if colour else None)
    found = subprocess.run(["dciodvfy", tmp_path / "a.dcm"], capture_output=True, text=True).stderr
    names = {"u1": "GrayscaleByte", "u2": "GrayscaleWord", "colour": "TrueColor"}
    assert f"Multiframe{names[kind]}SC" in found
    assert "Error" not in found


def test_compression_of_one_file(tmp_path: Path) -> None:
    array = np.arange(40 * 50 * 3, dtype=np.uint16).reshape(40, 50, 3)
    medio.save_img(tmp_path / "a.dcm", array, MetaData(np.eye(4)), compression=True)
    syntax = pydicom.dcmread(tmp_path / "a.dcm").file_meta.TransferSyntaxUID
    assert syntax == pydicom.uid.JPEG2000Lossless
    np.testing.assert_array_equal(medio.read_img(tmp_path / "a.dcm")[0], array)


@pytest.mark.parametrize(("options", "error"), [
    ({"pattern": "a.dcm"}, ValueError), ({"pattern": "x/a{}.dcm"}, ValueError),
    ({"pattern": "{a}.dcm"}, ValueError),
    ({"metadata_dict": {"Nobody": "1"}}, ValueError), ({"metadata_dict": {"0020|0032": "1"}}, ValueError),
    ({"metadata_dict": {"0018|0050": "thick"}}, ImagedataError), ({"frobnicate": 1}, TypeError),
])  # fmt: skip
def test_options_that_are_none_leave_nothing(options: dict, error: type, tmp_path: Path) -> None:
    with pytest.raises(error):
        medio.save_dir(tmp_path / "out", *medio_cases.volume(medio, "i2"), **options)
    assert not list(tmp_path.rglob("*.dcm"))


def test_times_are_refused_in_one_file(tmp_path: Path) -> None:
    with pytest.raises(NotImplementedError, match="folder"):
        medio.save_img(tmp_path / "a.dcm", np.zeros((2, 3, 4, 5), "u2"), MetaData(np.eye(4)))
    assert not list(tmp_path.iterdir())


def test_times_of_a_folder_are_a_fourth_axis(sample_data: Path) -> None:
    """medio takes slices at one place for an inconsistent series."""
    array, metadata = medio.read_img(sample_data / "time", "SAR")
    series = Series(sample_data / "time", "time")
    assert array.shape == (8, 80, 96, 10)
    assert metadata.ornt == "SAR"
    assert sorted(array[..., 3].ravel()) == sorted(np.asarray(series[3]).ravel())
    assert medio.read_meta(sample_data / "time").spatial_shape == (96, 80, 8)


def test_a_slice_alone_is_as_thick_as_it_says(inputs: Path) -> None:
    assert pydicom.dcmread(inputs / "one.dcm").SliceThickness == 3
    assert medio.read_img(inputs / "one.dcm")[1].spacing[2] == 3


@pytest.mark.parametrize("channels", [False, True])
def test_simpleitk_both_ways(channels: bool) -> None:
    image = medio_cases.colours(medio) if channels else medio_cases.volume(medio, "i2", "LPI")
    there = medio.ItkIO.to_sitk_img(*image, -1 if channels else None)
    index = (3, 1, 4)
    assert there.GetSize() == (4, 5, 6)
    assert np.array_equal(there.GetPixel(*index), image[0][index])
    np.testing.assert_allclose(
        there.TransformIndexToPhysicalPoint(index), image[1].affine.index2coord(index), atol=1e-9
    )
    array, _ = medio.ItkIO.from_itk_img(there, components_axis=-1)
    np.testing.assert_array_equal(array, image[0])
    turned, number = medio.ItkIO.reorient(there, "SLP")
    assert isinstance(turned, SimpleITK.Image)
    assert codes_str_dict[number] == image[1].ornt
    place = image[1].affine.index2coord(index)
    assert np.array_equal(turned.GetPixel(*turned.TransformPhysicalPointToIndex(place)), image[0][index])


@pytest.mark.parametrize("channels", [False, True])
def test_itk_both_ways(channels: bool) -> None:
    """Against ITK's own access to voxels and places."""
    itk = pytest.importorskip("itk")
    image = medio_cases.colours(medio) if channels else medio_cases.volume(medio, "i2", "LPI")
    there = medio.ItkIO.to_itk_img(*image, -1 if channels else None)
    assert tuple(itk.size(there)) == (4, 5, 6)
    index = (3, 1, 4)
    voxel = there.GetPixel(index)
    assert (list(voxel) if channels else voxel) == image[0][index].tolist()
    np.testing.assert_allclose(
        there.TransformIndexToPhysicalPoint(index), image[1].affine.index2coord(index), atol=1e-9
    )
    array, metadata = medio.ItkIO.from_itk_img(there, components_axis=-1, coord_sys="nib")
    np.testing.assert_array_equal(array, image[0])
    assert metadata.ornt == "".join(nibabel.aff2axcodes(np.asarray(metadata.affine)))
    turned, number = medio.ItkIO.reorient(there, itk_orientation_code("SLP"))
    assert codes_str_dict[number] == image[1].ornt
    at = turned.TransformPhysicalPointToIndex(image[1].affine.index2coord(index).tolist())
    voxel = turned.GetPixel(at)
    assert (list(voxel) if channels else voxel) == image[0][index].tolist()


def test_itk_files_and_folders(inputs: Path, tmp_path: Path) -> None:
    """As ITK itself reads what was written, and as pydicom sees the order of slices."""
    itk = pytest.importorskip("itk")
    image = medio.ItkIO.read_dir(inputs / "volume-dicom-ct")
    assert tuple(itk.size(image)) == (3, 4, 4)
    medio.ItkIO.save_img_file(image, tmp_path / "a.mha", compression=True)
    again = itk.imread(str(tmp_path / "a.mha"))
    np.testing.assert_array_equal(itk.array_from_image(again), itk.array_from_image(image))
    np.testing.assert_allclose(tuple(again.GetOrigin()), (10, 20, 0))
    colour = medio.ItkIO.read_img_file(inputs / "colour.nii.gz")
    assert colour.GetNumberOfComponentsPerPixel() == 3


def test_files_of_a_series_lie_in_their_order(inputs: Path) -> None:
    files = medio.ItkIO.extract_series(inputs / "several", series=1)
    found = [pydicom.dcmread(file) for file in files]
    assert [float(dataset.ImagePositionPatient[2]) for dataset in found] == [0, 3, 6, 9]
    assert len({dataset.SeriesInstanceUID for dataset in found}) == 1
    with pytest.raises(medio.InconsistentSeriesError):
        medio.ItkIO.extract_series(inputs / "uneven")


@pytest.mark.parametrize(("values", "vector", "dtype"), [
    ([0, 255], False, "u1"), ([0, 256], False, "u2"), ([1.0, 2.0], False, "u1"), ([1.5, 2], False, None),
    ([-1, 2], False, None), ([0, 70000], False, None), ([0, 256], True, None),
])  # fmt: skip
def test_types_for_one_dicom_file(values: list, vector: bool, dtype: str | None) -> None:
    array = np.resize(values, (2, 3, 4))
    if dtype is None:
        with pytest.raises(ImagedataError):
            medio.ItkIO.prepare_dcm_array(array, vector)
    else:
        assert medio.ItkIO.prepare_dcm_array(array, vector).dtype == dtype


def test_nibabel_reorient() -> None:
    array, metadata = medio_cases.volume(medio, "i2")
    image = nibabel.Nifti1Image(array, np.diag([-1, -1, 1, 1]) @ np.asarray(metadata.affine))
    turned = NibIO.reorient(image, "SAR")
    assert "".join(nibabel.aff2axcodes(turned.affine)) == "SAR"
    values = np.asarray(turned.dataobj)
    np.testing.assert_allclose(
        places(turned.affine, values.shape), places(image.affine, array.shape)[values.ravel()]
    )


@pytest.mark.parametrize("array", [
    (np.zeros((3, 4), "u2")), (np.zeros((4, 3))), (np.zeros((2, 4, 3), "u2")),
])  # fmt: skip
def test_arrays_that_do_not_fit_a_template(array: np.ndarray, inputs: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"array|integers"):
        PdcmIO.save_arr2dcm_file(tmp_path / "a.dcm", inputs / "one.dcm", array)
    assert not list(tmp_path.iterdir())


def test_an_array_in_a_template_is_another_image(inputs: Path, tmp_path: Path) -> None:
    PdcmIO.save_arr2dcm_file(tmp_path / "a.dcm", inputs / "one.dcm", np.full((4, 3), 200, "u1"))
    before, after = pydicom.dcmread(inputs / "one.dcm"), pydicom.dcmread(tmp_path / "a.dcm")
    assert after.SOPInstanceUID == after.file_meta.MediaStorageSOPInstanceUID != before.SOPInstanceUID
    assert (after.BitsAllocated, after.PatientID) == (8, before.PatientID)
    assert (after.pixel_array == 200).all()


def test_import_is_light() -> None:
    """No reader's library is imported before something is read."""
    heavy = ("pydicom", "nibabel", "SimpleITK", "itk")
    code = f"import imagedata.medio, sys; print([m for m in {heavy} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
