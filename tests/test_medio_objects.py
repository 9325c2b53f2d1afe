"""Images in memory: of ITK, of SimpleITK, of medio and Series, in all types, dimensions and directions."""

import itertools
from typing import Any

import numpy as np
import pytest
import SimpleITK

import imagedata.medio as medio
import medio_cases
from imagedata import Series
from imagedata.errors import ImagedataError
from imagedata.medio import ItkIO

# Rotations by 20 degrees about z and 30 about x.
_C, _S = np.cos(np.radians([20, 30])), np.sin(np.radians([20, 30]))
OBLIQUE = np.array([[_C[0], -_S[0], 0], [_S[0], _C[0], 0], [0, 0, 1]]) @ np.array([
    [1, 0, 0], [0, _C[1], -_S[1]], [0, _S[1], _C[1]],
])  # fmt: skip

TYPES = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")


def directions(dims: int) -> np.ndarray:
    """Oblique, where there are three dimensions."""
    matrix = np.eye(dims)
    if dims >= 3:
        matrix[:3, :3] = OBLIQUE
    return matrix


def simple_image(dims: int, dtype: str, components: int = 0) -> SimpleITK.Image:
    """Values that differ, an oblique place, a text of metadata."""
    shape = (3, 4, 5, 2)[:dims][::-1] + ((components,) if components else ())
    values = (np.arange(np.prod(shape)) % 120 + 1).reshape(shape).astype(dtype)
    image = SimpleITK.GetImageFromArray(values, isVector=bool(components))
    image.SetSpacing((1.5, 2, 3, 4)[:dims])
    image.SetOrigin((7, 8, -9, 1)[:dims])
    image.SetDirection(directions(dims).ravel().tolist())
    return image


@pytest.mark.parametrize("components", [0, 2, 3, 4])
@pytest.mark.parametrize("dtype", [*TYPES, "c8", "c16"])
@pytest.mark.parametrize("dims", [2, 3, 4])
def test_simpleitk(dims: int, dtype: str, components: int) -> None:
    """Every voxel, every place, and nothing shared."""
    if components and dtype.startswith("c"):
        pytest.skip("vectors are of real numbers")
    image = simple_image(dims, dtype, components)
    array, metadata = ItkIO.from_itk_img(image, components_axis=-1)
    space = min(dims, 3)
    for index in itertools.islice(np.ndindex(image.GetSize()), 0, None, 7):
        assert np.array_equal(array[index], image.GetPixel(*index))
        place = image.TransformIndexToPhysicalPoint(index)[:space]
        np.testing.assert_allclose(metadata.affine.index2coord(index[:space]), place, atol=1e-9)
    back = ItkIO.to_sitk_img(array, metadata, -1 if components else None)
    assert (back.GetPixelID(), back.GetSize()) == (image.GetPixelID(), image.GetSize())
    original = SimpleITK.GetArrayFromImage(image)
    np.testing.assert_allclose(back.GetDirection(), image.GetDirection(), atol=1e-12)
    array[...] = 0
    for kept in (image, back):
        np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(kept), original)


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "u4", "f4", "f8"])
@pytest.mark.parametrize("dims", [2, 3, 4])
def test_itk(dims: int, dtype: str) -> None:
    itk = pytest.importorskip("itk")
    values = (np.arange(np.prod((3, 4, 5, 2)[:dims])) + 1).reshape((3, 4, 5, 2)[:dims][::-1]).astype(dtype)
    image = itk.image_from_array(values)
    image.SetSpacing([1.5, 2.0, 3.0, 4.0][:dims])
    image.SetOrigin([7.0, 8.0, -9.0, 1.0][:dims])
    image.SetDirection(itk.matrix_from_array(directions(dims)))
    array, metadata = ItkIO.from_itk_img(image)
    np.testing.assert_array_equal(array, values.T)
    index, space = (2, 1, 3, 1)[:dims], min(dims, 3)
    place = list(image.TransformIndexToPhysicalPoint(index))[:space]
    np.testing.assert_allclose(metadata.affine.index2coord(index[:space]), place, atol=1e-9)
    back = ItkIO.to_itk_img(array, metadata)
    assert type(back) is type(image)
    np.testing.assert_allclose(itk.array_from_matrix(back.GetDirection()), directions(dims), atol=1e-12)
    array[...] = 0
    for kept in (image, back):
        np.testing.assert_array_equal(itk.array_from_image(kept), values)


@pytest.mark.parametrize("thing", [np.zeros((2, 3)), None, 5, "image.mha"])
def test_what_is_no_image(thing: Any) -> None:
    for use in (ItkIO.from_itk_img, ItkIO.get_img_aff, ItkIO.itk_img_to_array,
                lambda t: ItkIO.reorient(t, "RAI"), lambda t: ItkIO.save_img_file(t, "a.mha")):  # fmt: skip
        with pytest.raises(TypeError, match="SimpleITK") as caught:
            use(thing)
        assert isinstance(caught.value, ImagedataError)


def test_directions_that_mix_space_with_time() -> None:
    image = simple_image(4, "i2")
    mixed = np.eye(4)
    mixed[2:, 2:] = [[0, 1], [1, 0]]
    image.SetDirection(mixed.ravel().tolist())
    with pytest.raises(ValueError, match="mix"):
        ItkIO.from_itk_img(image)


@pytest.mark.parametrize("dtype", ["i1", "i2", "u2", "f4", "f8", "u1"])
@pytest.mark.parametrize("components", [2, 3, 5])
@pytest.mark.parametrize("dims", [3, 4])
def test_vectors_of_a_series(dims: int, components: int, dtype: str) -> None:
    """Components are an axis of that name, as from a file, and vectors again."""
    image = simple_image(dims, dtype, components)
    series = Series.from_sitk(image, "time")
    original = SimpleITK.GetArrayFromImage(image)
    if dtype == "u1" and components == 3:
        assert series.dtype.names == ("R", "G", "B")
    else:
        assert series.axes._fields[-4] == "component"
        np.testing.assert_array_equal(np.moveaxis(np.asarray(series), -4, -1), original)
    back = series.to_sitk()
    assert (back.GetPixelID(), back.GetSize()) == (image.GetPixelID(), image.GetSize())
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(back), original)
    np.testing.assert_allclose(back.GetDirection(), image.GetDirection(), atol=1e-9)
    np.testing.assert_allclose(back.GetSpacing(), image.GetSpacing(), atol=1e-9)


@pytest.mark.parametrize("system", ["itk", "nib"])
@pytest.mark.parametrize("code", medio_cases.CODES)
def test_places_of_a_series(code: str, system: str) -> None:
    """All orientations, made oblique: the place of each voxel by the matrix that was given."""
    affine = np.eye(4)
    affine[:3, :3] = OBLIQUE @ np.asarray(medio_cases.volume(medio, "i2", code)[1].affine)[:3, :3]
    affine[:3, 3] = 5, -6, 7
    array = np.arange(120).reshape(4, 5, 6)
    given = np.diag([-1, -1, 1, 1]) @ affine if system == "nib" else affine
    metadata = medio.MetaData(given, coord_sys=system)
    series = Series.from_medio(array, metadata)
    for index in ((0, 0, 0), (3, 1, 2), (1, 4, 5)):
        z, y, x = np.ravel(series.getPositionForVoxel(index[::-1]))
        np.testing.assert_allclose((x, y, z), affine[:3, :3] @ index + affine[:3, 3], atol=1e-9)
        assert series[index[::-1]] == array[index]
    back, again = series.to_medio(coord_sys=system)
    np.testing.assert_array_equal(back, array)
    np.testing.assert_allclose(again.affine, given, atol=1e-9)
    assert metadata.coord_sys == system


@pytest.mark.parametrize("axis", [-1, 0, 1, 2])
@pytest.mark.parametrize(("dtype", "count"), [("u1", 3), ("u1", 4), ("f4", 3), ("i2", 2)])
def test_channels_of_a_series(dtype: str, count: int, axis: int) -> None:
    array = (np.arange(120 * count) % 251).reshape(4, 5, 6, count).astype(dtype)
    given = np.moveaxis(array, -1, axis)
    series = Series.from_medio(given, medio.MetaData(np.eye(4)), channels_axis=axis)
    assert series.shape[-3:] == (6, 5, 4)
    back, _ = series.to_medio(channels_axis=axis)
    np.testing.assert_array_equal(back, given)


def test_two_axes_beside_space() -> None:
    """They keep their order."""
    array = np.arange(720).reshape(4, 5, 6, 2, 3)
    series = Series.from_medio(array, medio.MetaData(np.eye(4)))
    assert series.shape == (2, 3, 6, 5, 4)
    assert series[1, 2, 5, 3, 2] == array[2, 3, 5, 1, 2]
    np.testing.assert_array_equal(series.to_medio()[0], array)


def test_a_template_gives_the_patient_back(sample_data: Any) -> None:
    """What a program of medio made of a Series is of the same patient, wherever its axes go."""
    series = Series(sample_data / "ct")
    array, metadata = series.to_medio()
    turned, known = medio.backends.pdcm_io.PdcmIO.reorient(array, metadata, "SAR")
    for made, described in ((array + 1, metadata), (turned + 1, known)):
        back = Series(Series.from_medio(made, described), template=series)
        assert back.patientID == series.patientID
        assert back.getDicomAttribute("Manufacturer") == series.getDicomAttribute("Manufacturer")
        np.testing.assert_allclose(
            np.sort(np.ravel(back.getPositionForVoxel(np.array(back.shape) - 1))),
            np.sort(np.asarray(described.affine.index2coord(np.array(made.shape) - 1))), atol=1e-6,
        )  # fmt: skip
