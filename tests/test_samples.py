"""The samples of the package: the same as data/, and as the formulas that they were made from."""

import importlib.util
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import PIL.Image
import pydicom
import pytest
import SimpleITK

import realdata
from imagedata import Series, samples
from imagedata.errors import DataTypeError, FileAlreadyExistsError, InputNotFoundError

KINDS = ("ct", "time", "b", "te", "fa", "sagittal")


def made() -> object:
    """The module `data/generate.py`."""
    spec = importlib.util.spec_from_file_location("generate", realdata.REPOSITORY / "data" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("kind", KINDS)
def test_archives_hold_the_sample_data(kind: str, sample_data: Path) -> None:
    with tarfile.open(samples.path(kind)) as archive:
        found = {m.name: archive.extractfile(m).read() for m in archive.getmembers()}
    assert found == {file.name: file.read_bytes() for file in (sample_data / kind).iterdir()}


def test_picture_and_labels_are_those_of_the_generator() -> None:
    generator = made()
    picture = samples.series("picture")
    np.testing.assert_array_equal(np.stack([picture[c] for c in "RGB"], axis=-1), generator.picture())
    values, affine = generator.labels()
    labels = samples.series("labels")
    np.testing.assert_array_equal(labels, values)
    np.testing.assert_allclose(labels.header.geometry.affine, affine, atol=1e-4)
    assert labels.same_geometry(samples.series("ct"))


def test_grey_of_the_picture() -> None:
    """Rec. 601 by hand, against Pillow's; the plain mean against NumPy's."""
    picture = samples.series("picture")
    grey = picture.to_gray()
    red, green, blue = (np.asarray(picture[c], float) for c in "RGB")
    np.testing.assert_allclose(grey, 0.299 * red + 0.587 * green + 0.114 * blue)
    assert grey.axes == picture.axes
    with PIL.Image.open(samples.path("picture")) as image:
        assert np.abs(np.asarray(image.convert("L"), float) - grey).max() <= 1
    mean = picture.to_gray((1 / 3, 1 / 3, 1 / 3))
    np.testing.assert_allclose(mean, np.mean([red, green, blue], axis=0))
    with pytest.raises(DataTypeError):
        grey.to_gray()


def test_labels_as_simpleitk_reads_them() -> None:
    image = SimpleITK.ReadImage(str(samples.path("labels")))
    generator = made()
    for index in ((80, 60, 16), (70, 30, 10), (100, 90, 20)):
        place = np.array(image.TransformIndexToPhysicalPoint(index))
        assert image[index] == int(generator.phantom(place))


def test_every_name_is_described_and_read() -> None:
    assert set(samples.names()) == set(samples.DESCRIPTIONS)
    for name in samples.names():
        assert samples.series(name).size > 1000


def test_options_reach_the_reader() -> None:
    dynamic = samples.series("time", "time", dtype=float)
    assert dynamic.dtype == float
    assert dynamic.axes._fields[0] == "time"


def test_unpacked_files_are_those_of_any_folder(tmp_path: Path) -> None:
    folder = samples.unpack("ct", tmp_path / "new" / "ct")
    assert {pydicom.dcmread(file).Modality for file in folder.iterdir()} == {"CT"}
    np.testing.assert_array_equal(Series(folder), samples.series("ct"))
    assert [file.name for file in samples.unpack("picture", tmp_path / "p").iterdir()] == ["picture.png"]
    with pytest.raises(FileAlreadyExistsError):
        samples.unpack("te", folder)


def test_a_name_that_is_none() -> None:
    with pytest.raises(InputNotFoundError, match="sagittal"):
        samples.path("lung")


def test_they_are_small() -> None:
    """They are in everybody's wheel."""
    assert sum(samples.path(name).stat().st_size for name in samples.names()) < 500_000


def test_import_is_light() -> None:
    heavy = ("pydicom", "SimpleITK", "PIL", "nibabel")
    code = f"import imagedata.samples, sys; print([m for m in {heavy} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
