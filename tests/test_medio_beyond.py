"""medio's interface: errors by kind, and what medio refuses and is possible here."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import PIL.Image
import pydicom
import pytest
import SimpleITK
from nibabel.filebasedimages import ImageFileError
from pydicom.errors import InvalidDicomError

import imagedata.medio as medio
import medio_cases
import synthetic
from imagedata import Series
from imagedata.errors import ImagedataError, LossWarning
from imagedata.medio.metadata.dcm_uid import MEDIO_ROOT_UID, generate_uid
from servers import web_server


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A volume, a folder of slices, and what is none."""
    array, metadata = medio_cases.volume(medio, "i2")
    medio.save_img(tmp_path / "ok.nii", array, metadata)
    medio.save_dir(tmp_path / "ok", array, metadata)
    for name in ("junk", "junk.nii", "junk.nii.gz", "junk.mha", "junk.dcm", "junk.png", "junk.nrrd"):
        (tmp_path / name).write_bytes(b"no image " * 100)
    (tmp_path / "none.nii").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "notes.txt").write_text("nothing to see")
    return tmp_path


BACKENDS = (None, "itk", "nib", "pdcm", "pydicom")
READERS = (medio.read_img, medio.read_meta)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["nothing", "nothing.nii", "nothing.nii.gz", "nothing.dcm", "no/thing.mha"])
def test_missing_path(name: str, backend: str, read: Callable[..., Any], files: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        read(files / name, backend=backend)
    assert isinstance(caught.value, ImagedataError)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["empty", "texts"])
def test_folder_without_images(name: str, backend: str, read: Callable[..., Any], files: Path) -> None:
    kind = ImageFileError if backend == "nib" else FileNotFoundError
    with pytest.raises(kind) as caught:
        read(files / name, backend=backend)
    assert isinstance(caught.value, FileNotFoundError)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("name", ["junk", "junk.nii", "junk.nii.gz", "junk.mha", "junk.dcm", "junk.png",
                                  "junk.nrrd", "none.nii"])  # fmt: skip
@pytest.mark.parametrize(("backend", "kind"), [
    ("itk", RuntimeError), ("nib", ImageFileError), ("pdcm", InvalidDicomError),
    ("pydicom", InvalidDicomError), (None, (RuntimeError, ImageFileError)),
])  # fmt: skip
def test_junk(name: str, backend: str, kind: Any, read: Callable[..., Any], files: Path) -> None:
    with pytest.raises(kind) as caught:
        read(files / name, backend=backend)
    assert isinstance(caught.value, ImagedataError)
    assert name in str(caught.value)


@pytest.mark.parametrize("backend", [None, "itk", "nib"])
@pytest.mark.parametrize("name", ["x", "x.xyz", "x.txt", "x.gz"])
def test_unknown_suffix(name: str, backend: str, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        medio.save_img(tmp_path / name, *medio_cases.volume(medio, "i2"), backend=backend)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["x.nrrd", "x.mha", "x.dcm", "x.png"])
def test_nib_writes_nifti_alone(name: str, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="NIfTI"):
        medio.save_img(tmp_path / name, *medio_cases.volume(medio, "i2"), backend="nib")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("backend", ["vtk", "ITK", "", 5])
def test_bad_backend(backend: Any, files: Path) -> None:
    for read in READERS:
        with pytest.raises(ValueError, match="backend"):
            read(files / "ok.nii", backend=backend)
    with pytest.raises(ValueError, match="backend"):
        medio.save_img(files / "out.nii", *medio_cases.volume(medio, "i2"), backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_bad_coordinate_system(backend: str, files: Path) -> None:
    """Before anything is read: the file is none."""
    for read in READERS:
        with pytest.raises(ValueError, match="coord_sys"):
            read(files / "junk.nii", backend=backend, coord_sys="lps")


@pytest.mark.parametrize("code", ["RRS", "XYZ", "RA", "RAIS", "rai", "", 5, ("R", "R", "S"), ("R", "A")])
@pytest.mark.parametrize("backend", BACKENDS)
def test_bad_orientation(code: Any, backend: str, files: Path) -> None:
    """Before anything is read: the file is none."""
    for read in READERS:
        for system in ("itk", "nib", None):
            with pytest.raises(ValueError, match="no orientation"):
                read(files / "junk.nii", code, backend=backend, coord_sys=system)


@pytest.mark.parametrize("backend", BACKENDS)
def test_options_that_a_back_end_has_not(backend: str, files: Path) -> None:
    for read in READERS:
        with pytest.raises(TypeError):
            read(files / "ok.nii", backend=backend, frobnicate=1)
    with pytest.raises(TypeError):
        medio.read_img(files / "ok.nii", backend="nib", series=0)


@pytest.mark.parametrize("name", ["no/a.nii", "no/a.mha", "no/a.dcm"])
def test_folder_of_a_file_that_is_not_there(name: str, tmp_path: Path) -> None:
    """ITK's kind and nibabel's."""
    for kind in (FileNotFoundError, RuntimeError):
        with pytest.raises(kind):
            medio.save_img(tmp_path / name, *medio_cases.volume(medio, "i2"))


def test_flat_images_are_not_turned(tmp_path: Path) -> None:
    medio.save_img(tmp_path / "a.png", *medio_cases.flat(medio))
    with pytest.raises(ValueError, match="2 dimensions"):
        medio.read_img(tmp_path / "a.png", "SAR")


def test_a_type_that_does_not_hold_the_values(files: Path) -> None:
    """medio takes them modulo 256."""
    array = np.array([[[0, 300]]], np.int16)
    medio.save_img(files / "a.nii", array, medio.MetaData(np.eye(4)))
    with pytest.raises(ValueError, match="300"):
        medio.read_img(files / "a.nii", dtype="u1")


@pytest.mark.parametrize("index", ["a", 1.5, (0, 1.5)])
def test_indices_of_no_kind(index: Any) -> None:
    image = medio.MedImg(*medio_cases.volume(medio, "i2"))
    with pytest.raises(IndexError):
        image[index]


@pytest.mark.parametrize("make", [medio.save_dir, medio.save_img])
def test_a_write_that_fails_leaves_nothing(make: Callable[..., None], tmp_path: Path) -> None:
    array, metadata = medio_cases.volume(medio, "i2")
    with pytest.raises(NotImplementedError):
        make(tmp_path / "out.dcm", array * 1j, metadata)
    with pytest.raises(ValueError, match="channels"):
        make(tmp_path / "out.dcm", medio_cases.colours(medio)[0].astype("f4"), metadata, channels_axis=-1)
    assert not list(tmp_path.iterdir())


def test_uids() -> None:
    assert generate_uid().startswith(MEDIO_ROOT_UID)
    assert generate_uid() != generate_uid()
    assert generate_uid(entropy_srcs=["a"]) == generate_uid(entropy_srcs=["a"])
    assert generate_uid(prefix="1.2.826.0.1.").startswith("1.2.826.0.1.")


# --- what medio refuses ----------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", [None, "pdcm"])
@pytest.mark.parametrize("target", ["folder", "one.dcm"])
def test_headers_are_kept(target: str, backend: str, sample_data: Path, tmp_path: Path) -> None:
    """Who, which study, where it was made: what `header=True` gave is written with the result."""
    source = pydicom.dcmread(next(p for p in (sample_data / "ct").iterdir()))
    array, metadata = medio.read_img(sample_data / "ct", header=True, backend=backend)
    save = medio.save_dir if target == "folder" else medio.save_img
    save(tmp_path / target, array.astype(np.int16) // 2, metadata)
    written = tmp_path / target
    dataset = pydicom.dcmread(sorted(written.iterdir())[0] if written.is_dir() else written)
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientWeight",
                    "StudyInstanceUID", "StudyDate", "StudyDescription", "AccessionNumber", "Manufacturer",
                    "SeriesDescription", "FrameOfReferenceUID"):  # fmt: skip
        assert dataset.get(keyword) == source.get(keyword), keyword
    assert dataset.SeriesInstanceUID != source.SeriesInstanceUID
    assert dataset.SOPInstanceUID != source.SOPInstanceUID
    back, found = medio.read_img(tmp_path / target)
    np.testing.assert_array_equal(back, array.astype(np.int16) // 2)
    np.testing.assert_allclose(found.affine, metadata.affine, atol=1e-4)


def test_given_elements_come_before_those_of_the_header(sample_data: Path, tmp_path: Path) -> None:
    array, metadata = medio.read_img(sample_data / "ct", header=True)
    given = {"0010|0010": "Nobody", "0008|103e": "mine"}
    medio.save_dir(tmp_path / "out", array.astype("i2"), metadata, metadata_dict=given)
    dataset = pydicom.dcmread(sorted((tmp_path / "out").iterdir())[0])
    assert (dataset.PatientName, dataset.SeriesDescription) == ("Nobody", "mine")
    assert dataset.PatientID == metadata.header["0010|0020"].strip()


def test_without_header_no_patient(sample_data: Path, tmp_path: Path) -> None:
    array, metadata = medio.read_img(sample_data / "ct")
    medio.save_dir(tmp_path / "out", array.astype("i2"), metadata)
    dataset = pydicom.dcmread(sorted((tmp_path / "out").iterdir())[0])
    assert not dataset.PatientName
    assert not dataset.PatientID


def test_texts_of_other_headers_are_kept(tmp_path: Path) -> None:
    array, metadata = medio_cases.volume(medio, "i2")
    image = medio.ItkIO.to_sitk_img(array, metadata)
    image.SetMetaData("made by", "hand")
    SimpleITK.WriteImage(image, tmp_path / "a.nrrd")
    found, metadata = medio.read_img(tmp_path / "a.nrrd", header=True)
    assert metadata.header["made by"] == "hand"
    medio.save_img(tmp_path / "b.nrrd", found, metadata)
    assert SimpleITK.ReadImage(tmp_path / "b.nrrd").GetMetaData("made by") == "hand"


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "folder"])
def test_four_dimensions(name: str, tmp_path: Path) -> None:
    """(x, y, z, t), in all that hold times: as nibabel, SimpleITK and pydicom see them."""
    array = np.arange(240, dtype=np.int16).reshape(4, 5, 6, 2)
    metadata = medio_cases.volume(medio, "i2")[1]
    (medio.save_dir if name == "folder" else medio.save_img)(tmp_path / name, array, metadata)
    if ".nii" in name:
        np.testing.assert_array_equal(np.asarray(nibabel.load(tmp_path / name).dataobj), array)
    elif name == "folder":
        assert len(list((tmp_path / name).iterdir())) == 12
    else:
        image = SimpleITK.ReadImage(tmp_path / name)
        assert image.GetPixel(3, 1, 4, 1) == array[3, 1, 4, 1]
    back, found = medio.read_img(tmp_path / name)
    np.testing.assert_array_equal(back, array)
    np.testing.assert_allclose(found.affine, metadata.affine, atol=1e-4)
    turned, _ = medio.read_img(tmp_path / name, "SAR")
    assert turned.shape == (6, 5, 4, 2)


def test_more_dimensions_stand_as_nibabel_has_them(tmp_path: Path) -> None:
    array = np.arange(720, dtype=np.int16).reshape(4, 5, 6, 2, 3)
    medio.save_img(tmp_path / "a.nii", array, medio_cases.volume(medio, "i2")[1])
    np.testing.assert_array_equal(np.asarray(nibabel.load(tmp_path / "a.nii").dataobj), array)
    np.testing.assert_array_equal(medio.read_img(tmp_path / "a.nii")[0], array)


def test_archives(files: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "ok.zip", "w") as archive:
        for path in (files / "ok").iterdir():
            archive.write(path, f"images/{path.name}")
    array, metadata = medio.read_img(tmp_path / "ok.zip")
    there, known = medio.read_img(files / "ok")
    np.testing.assert_array_equal(array, there)
    np.testing.assert_allclose(metadata.affine, known.affine)
    assert medio.read_meta(tmp_path / "ok.zip", "SAR").spatial_shape == (6, 5, 4)


def test_urls(files: Path) -> None:
    with web_server(files) as (address, _):
        array, metadata = medio.read_img(f"{address}/ok.nii")
        known = medio.read_meta(f"{address}/ok.nii")
    there, placed = medio.read_img(files / "ok.nii")
    np.testing.assert_array_equal(array, there)
    np.testing.assert_allclose(metadata.affine, placed.affine)
    np.testing.assert_allclose(known.affine, placed.affine)


@pytest.mark.parametrize("name", ["opaque.nii", "opaque.nrrd", "opaque.vtk", "opaque.mha", "opaque.png"])
@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_opacity(name: str, axis: int, tmp_path: Path) -> None:
    """Four channels, at any axis; as nibabel, SimpleITK and Pillow read them."""
    array, metadata = medio_cases.opaque(medio)
    if name.endswith("png"):
        array, metadata = array[:, :, 0], medio.MetaData(np.eye(3))
    medio.save_img(tmp_path / name, np.moveaxis(array, -1, axis), metadata, channels_axis=axis)
    if name.endswith("nii"):
        read = np.asarray(nibabel.load(tmp_path / name).dataobj)
        other = np.stack([read[c] for c in "RGBA"], -1)
    elif name.endswith("png"):
        other = np.asarray(PIL.Image.open(tmp_path / name)).transpose(1, 0, 2)
    else:
        other = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(tmp_path / name)).transpose(2, 1, 0, 3)
    np.testing.assert_array_equal(other, array)
    for wanted in (-1, 0, 1):
        back, _ = medio.read_img(tmp_path / name, channels_axis=wanted)
        np.testing.assert_array_equal(back, np.moveaxis(array, -1, wanted))


@pytest.mark.parametrize(("dtype", "count"), [("f4", 3), ("i2", 2), ("u2", 3), ("f8", 6)])
@pytest.mark.parametrize("suffix", ["nrrd", "mha", "vtk"])
def test_vectors(dtype: str, count: int, suffix: str, tmp_path: Path) -> None:
    array = np.arange(120 * count).reshape(4, 5, 6, count).astype(dtype)
    metadata = medio_cases.volume(medio, "i2")[1]
    medio.save_img(tmp_path / f"a.{suffix}", np.moveaxis(array, -1, 0), metadata, channels_axis=0)
    image = SimpleITK.ReadImage(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(image.GetPixel(3, 1, 4), array[3, 1, 4])
    for wanted in (-1, 0, 2):
        back, found = medio.read_img(tmp_path / f"a.{suffix}", channels_axis=wanted)
        np.testing.assert_array_equal(back, np.moveaxis(array, -1, wanted))
    np.testing.assert_allclose(found.affine, metadata.affine, atol=1e-4)
    turned, _ = medio.read_img(tmp_path / f"a.{suffix}", "SAR")
    assert turned.shape == (6, 5, 4, count)


def test_frames_out_of_order_lie_where_they_are(tmp_path: Path) -> None:
    order = (2, 0, 3, 1)
    dataset = synthetic.frames([(1, 2, 3 * z + 5) for z in order])
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    array, metadata = medio.read_img(tmp_path / "a.dcm")
    stored = pydicom.dcmread(tmp_path / "a.dcm").pixel_array
    for frame, z in enumerate(order):
        index = np.linalg.solve(metadata.affine[:3, :3], np.array([1, 2, 3 * z + 5]) - metadata.affine.origin)
        assert index[:2] == pytest.approx([0, 0])
        ranked = np.argsort(stored[frame].ravel())
        np.testing.assert_array_equal(np.argsort(array[:, :, round(index[2])].T.ravel()), ranked)


def test_a_tilted_gantry_keeps_its_tilt(tmp_path: Path) -> None:
    places = [(0, 0.3 * z, 3 * z) for z in range(5)]
    synthetic.save(tmp_path / "a", synthetic.stack(places, series="t"))
    for backend in ("itk", "pdcm"):
        metadata = medio.read_meta(tmp_path / "a", backend=backend)
        found = [metadata.affine.index2coord([0, 0, z]) for z in range(5)]
        np.testing.assert_allclose(found, places, atol=1e-5)


def test_one_place_twice_is_refused(tmp_path: Path) -> None:
    synthetic.save(tmp_path / "a", synthetic.stack([(0, 0, 3 * z) for z in (0, 1, 2, 3, 0)], series="t"))
    for validate in (True, False):
        with pytest.raises(medio.InconsistentSeriesError):
            medio.read_img(tmp_path / "a", validate_series=validate)


def test_signed_values_stay_signed(tmp_path: Path) -> None:
    """Differences of what is read would wrap around at 0."""
    array = np.arange(120, dtype=np.int16).reshape(4, 5, 6)
    medio.save_dir(tmp_path / "a", array, medio.MetaData(np.eye(4)))
    back, _ = medio.read_img(tmp_path / "a")
    assert (back.dtype, (back - 5).min()) == (np.int16, -5)
    assert Series(tmp_path / "a").dtype == np.int16


def test_pictures_without_place_lose_none(tmp_path: Path) -> None:
    """No warning: nobody said where it lies."""
    medio.save_img(tmp_path / "a.png", *medio_cases.flat(medio))
    array, metadata = medio_cases.flat(medio)
    metadata.affine.origin = [7, 9]
    with pytest.warns(LossWarning, match="position"):
        medio.save_img(tmp_path / "b.png", array, metadata)


# --- how fast it is: views ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.nii", "a.hdr"])
def test_nifti_is_a_view_of_its_file(name: str, tmp_path: Path) -> None:
    """As nibabel has it: changes stay in memory, and a file that takes its name leaves it alone."""
    array, metadata = medio_cases.volume(medio, "i2")
    medio.save_img(tmp_path / name, array, metadata)
    view, found = medio.read_img(tmp_path / name)
    assert isinstance(view, np.memmap)
    assert view.flags.writeable
    view[0, 0, 0] = 77
    np.testing.assert_array_equal(medio.read_img(tmp_path / name)[0], array)
    medio.save_img(tmp_path / name, array * 2, metadata)
    np.testing.assert_array_equal(view[1:], array[1:])
    np.testing.assert_array_equal(medio.read_img(tmp_path / name)[0], array * 2)
    medio.save_img(tmp_path / name, view, found)
    assert medio.read_img(tmp_path / name)[0][0, 0, 0] == 77


@pytest.mark.parametrize("name", ["a.nii", "a.mha", "a.nrrd", "folder"])
def test_turning_is_a_view(name: str, tmp_path: Path) -> None:
    """No voxel is copied, whatever the order of axes."""
    array, metadata = medio_cases.volume(medio, "i2")
    (medio.save_dir if name == "folder" else medio.save_img)(tmp_path / name, array, metadata)
    turned, _ = medio.read_img(tmp_path / name, "SAR")
    assert turned.base is not None
    assert turned.strides != np.empty(turned.shape, turned.dtype).strides
    assert not turned.flags.owndata
