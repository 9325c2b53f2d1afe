"""Exchange in memory: the same values at the same places, in other libraries and back."""

import subprocess
import sys

import nibabel
import numpy as np
import pytest
import SimpleITK

from imagedata import Series
from imagedata.axis import VariableAxis
from imagedata.errors import LossWarning, WriteNotImplemented
from strategies import KINDS, claims, make_series

plain = np.asarray
TYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "c8", "c16"]
RGB = [("R", "u1"), ("G", "u1"), ("B", "u1")]


def timed(kind: str = "oblique", count: int = 2) -> Series:
    s = make_series((3, 4, 5), (count,), kind)
    s.axes = [VariableAxis("time", [10.0 + 2.5 * i for i in range(count)]), *s.axes[1:]]
    return s


# --- SimpleITK ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_sitk_places_and_values(kind: str) -> None:
    s = make_series((3, 4, 5), (), kind)
    image = s.to_sitk()
    world = claims(s).world
    for index in np.ndindex(s.shape):
        assert image[tuple(map(int, index[::-1]))] == s[index]
        assert np.allclose(image.TransformIndexToPhysicalPoint(index[::-1]), world[index])
    back = Series.from_sitk(image)
    assert back.same_geometry(s)
    assert np.array_equal(back, s)
    assert back.frameOfReferenceUID == s.frameOfReferenceUID


def test_sitk_slicing_and_permuting_agree() -> None:
    for kind in ("axial", "oblique", "left-handed"):
        s = make_series((5, 6, 7), (), kind, 2)
        image = s.to_sitk()
        for ours, theirs in (
            (s[1:4, ::2, 2:], image[2:, ::2, 1:4]),
            (s[::-1], image[:, :, ::-1]),
            (s[:, ::-1, ::-1], image[::-1, ::-1]),
            (s[-2:, 100:][:, :], None),
            (np.flip(s, 1), SimpleITK.Flip(image, [False, True, False], False)),
            (s.crop(row=(1, 5)), SimpleITK.Crop(image, [0, 1, 0], [0, 1, 0])),
            (np.pad(s, ((1, 2), (0, 0), (3, 0))), SimpleITK.ConstantPad(image, [3, 0, 1], [0, 0, 2])),
        ):
            if theirs is None:
                assert ours.size == 0
                continue
            got = Series.from_sitk(theirs)
            assert got.same_geometry(ours)
            assert np.array_equal(got, ours)
        turned = SimpleITK.PermuteAxes(image, [2, 0, 1])
        ours = np.moveaxis(s, 0, -1)
        assert np.array_equal(SimpleITK.GetArrayFromImage(turned), ours)
        theirs_world = claims(Series.from_sitk(turned)).world
        assert np.allclose(theirs_world, claims(ours).world)


def test_sitk_any_order_of_axes_and_planes() -> None:
    s = make_series((3, 4, 5))
    assert Series.from_sitk(s.T.to_sitk()).same_geometry(s)
    plane = s[2].to_sitk()
    assert plane.GetSize() == (5, 4, 1)
    assert np.allclose(plane.GetOrigin(), claims(s).world[2, 0, 0])


def test_sitk_time() -> None:
    s = timed()
    image = s.to_sitk()
    assert image.GetDimension() == 4
    assert image.GetSpacing()[3] == 2.5
    assert image.GetOrigin()[3] == 10
    back = Series.from_sitk(image, "time")
    assert back.axes.time.values == [10, 12.5]
    assert back.same_geometry(s)
    assert np.array_equal(back, s)


@pytest.mark.parametrize("dtype", TYPES)
def test_types(dtype: str) -> None:
    s = make_series((3, 4, 5)).astype(dtype)
    assert Series.from_sitk(s.to_sitk()).dtype == s.dtype
    assert np.array_equal(Series.from_sitk(s.to_sitk()), s)
    if dtype != "i8":
        assert np.array_equal(Series.from_nibabel(s.to_nibabel()), s)
    assert Series.from_nibabel(s.to_nibabel()).dtype == s.dtype


def test_other_types() -> None:
    s = make_series((3, 4, 5))
    assert Series.from_sitk((s > 3).to_sitk()).dtype == np.uint8
    assert Series.from_nibabel(s.astype(np.float16).to_nibabel()).dtype == np.float32
    assert np.array_equal(Series.from_sitk(s.astype(">i2").to_sitk()), s)
    with pytest.raises(WriteNotImplemented, match="no values of type"):
        s.astype("U3").to_sitk()
    rgb = np.zeros(s.shape, RGB)
    rgb["G"], rgb["B"] = s, 255 - s
    colour = s.with_data(rgb)
    for back in (Series.from_sitk(colour.to_sitk()), Series.from_nibabel(colour.to_nibabel())):
        assert back.color
        assert np.array_equal(back, colour)
        assert back.same_geometry(colour)
    vector = SimpleITK.GetImageFromArray(np.zeros((3, 4, 5, 2)), isVector=True)
    assert Series.from_sitk(vector).shape == (2, 3, 4, 5)
    flat = Series.from_sitk(SimpleITK.GetImageFromArray(np.zeros((4, 5))))
    assert flat.shape == (1, 4, 5)


def test_losses_are_told() -> None:
    uneven = make_series((4, 4, 5), uneven=True)
    with pytest.warns(LossWarning, match="SimpleITK cannot hold slices") as caught:
        uneven.to_sitk()
    assert caught[0].filename == __file__
    with pytest.warns(LossWarning, match="NIfTI cannot hold slices"):
        uneven.to_nibabel()
    s = make_series((3, 4, 5), (3,))
    with pytest.warns(LossWarning, match="axis 'time'"):
        s.to_sitk()
    with pytest.warns(LossWarning, match="axis 'time'"):
        s.to_nibabel()
    with pytest.raises(WriteNotImplemented, match="time, b"):
        make_series((3, 4, 5), (2, 2)).to_sitk()


# --- nibabel ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_nibabel(kind: str) -> None:
    s = timed(kind, 3)
    image = s.to_nibabel()
    assert image.shape == (5, 4, 3, 3)
    world = claims(s).world
    for t, z, y, x in [(0, 0, 0, 0), (1, 2, 3, 4), (2, 1, 0, 3)]:
        assert image.dataobj[x, y, z, t] == s[t, z, y, x]
        ras = nibabel.affines.apply_affine(image.affine, [x, y, z])
        assert np.allclose(ras * [-1, -1, 1], world[t, z, y, x])
    assert image.header.get_xyzt_units() == ("mm", "sec")
    assert image.header.get_zooms()[3] == 2.5
    assert int(image.header["sform_code"]) == 1
    assert int(image.header["qform_code"]) == (0 if kind == "sheared" else 1)
    assert np.shares_memory(np.asanyarray(image.dataobj), s)
    back = Series.from_nibabel(image, "time")
    assert np.array_equal(back, s)
    assert back.same_geometry(s, tolerance=1e-3)
    assert back.axes.time.values == [0, 2.5, 5]
    again = Series.from_nibabel(nibabel.Nifti1Image.from_bytes(image.to_bytes()), "time")
    assert again.same_geometry(s, tolerance=1e-2)


def test_nibabel_few_and_many_dimensions() -> None:
    s = make_series((3, 4, 5), (2, 3))
    s.axes = [VariableAxis("time", [0, 1]), *s.axes[1:]]
    image = s.to_nibabel()
    assert image.shape == (5, 4, 3, 2, 3)
    assert np.array_equal(Series.from_nibabel(image, "time,b"), s)
    flat = Series.from_nibabel(nibabel.Nifti1Image(np.zeros((5, 4), np.int16), np.eye(4)))
    assert flat.shape == (1, 4, 5)
    unknown = Series(np.zeros((3, 4, 5), np.int16)).to_nibabel()
    assert int(unknown.header["sform_code"]) == 0


# --- xarray, torch, DLPack --------------------------------------------------------------------------------


def test_xarray() -> None:
    xarray = pytest.importorskip("xarray")
    s = timed()
    s.seriesDescription = "perfusion"
    array = s.to_xarray()
    assert isinstance(array, xarray.DataArray)
    assert array.dims == ("time", "slice", "row", "column")
    assert array.name == "perfusion"
    assert array.time.values.tolist() == [10, 12.5]
    assert array.time.attrs["units"] == "s"
    assert np.allclose(array.row.values, np.arange(4) * s.spacing[1])
    assert np.shares_memory(array.values, s)
    assert np.array_equal(array.sel(time=12.5).values, s.sel(time=12.5))
    affine = np.array(array.attrs["affine"])
    assert np.allclose((affine @ [2, 1, 3, 1])[:3], claims(s).world[0, 2, 1, 3])
    uneven = make_series((4, 4, 5), uneven=True).to_xarray()
    assert len(uneven.attrs["slice_positions"]) == 4
    assert uneven.slice.values[0] == 0
    assert "affine" not in s.ravel().to_xarray().attrs
    assert type(array + s.to_xarray()) is xarray.DataArray
    assert type(s + array) is xarray.DataArray


def test_dlpack_shares_memory() -> None:
    s = make_series((3, 4, 5))
    other = np.from_dlpack(s)
    assert type(other) is np.ndarray
    assert np.shares_memory(other, s)
    assert np.shares_memory(np.asarray(s), s)
    assert np.shares_memory(np.frombuffer(s, dtype=s.dtype), s)


def test_torch_shares_memory() -> None:
    torch = pytest.importorskip("torch")
    s = make_series((3, 4, 5)).astype(np.float32)
    for tensor in (torch.from_numpy(s), torch.from_dlpack(s), torch.as_tensor(s)):
        assert tensor.shape == s.shape
        tensor[0, 0, 0] = -5
        assert s[0, 0, 0] == -5
        s[0, 0, 0] = 0
    assert s.with_data(torch.from_numpy(s) * 2).same_geometry(s)


def test_scipy_results_are_attached_again() -> None:
    from scipy import ndimage

    s = make_series((3, 4, 5)).astype(float)
    got = s.with_data(ndimage.gaussian_filter(s, 1))
    assert got.header is s.header
    assert got.seriesInstanceUID != s.seriesInstanceUID


def test_nothing_of_this_is_imported_with_the_package() -> None:
    code = (
        "import sys, imagedata, numpy\n"
        "s = imagedata.Series(numpy.ones((3, 4, 5)))\n"
        "s.mean(axis=0), s[1].T + 1\n"
        "heavy = ('scipy', 'SimpleITK', 'nibabel', 'xarray', 'pydicom', 'matplotlib')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
