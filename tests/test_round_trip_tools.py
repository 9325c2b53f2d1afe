"""DICOM to another format, through another tool that turns, flips or crops, and back with `template=`.

The oracle is the place of each voxel in the patient: wherever the tool put it, its value is that
of the DICOM voxel there, read with pydicom.
"""

import warnings
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import scipy.io
import SimpleITK
from pydicom.dataset import Dataset

from imagedata import Series, errors
from synthetic import save, stack

Image = nibabel.Nifti1Image

OBLIQUE = (0.96, 0.28, 0.0, -0.224, 0.768, 0.6)
NORMAL = np.cross(OBLIQUE[:3], OBLIQUE[3:])
ORIGIN = np.array([10.0, -20.0, 33.0])


def dicom(folder: Path, tags: dict[str, list[float]]) -> Path:
    """Five oblique slices of 6 x 7 at each combination of tag values; each image says which it is."""
    places = [tuple(ORIGIN + 4.0 * i * NORMAL) for i in range(5)]
    combinations = [{}]
    for keyword, values in tags.items():
        combinations = [{**c, keyword: v} for c in combinations for v in values]
    datasets = stack(
        places, max(1, len(combinations)),
        lambda t, s: {**combinations[t], "TriggerTime": 10 * t + s, "SeriesDescription": "origin"},
        shape=(6, 7), orientation=OBLIQUE, SpacingBetweenSlices=4,
    )  # fmt: skip
    rng = np.random.default_rng(5)
    for dataset in datasets:
        dataset.PixelData = rng.integers(0, 4000, (6, 7)).astype("<u2").tobytes()
    return save(folder, datasets)


def datasets(folder: Path) -> list[Dataset]:
    return [pydicom.dcmread(p) for p in sorted(folder.rglob("*")) if p.is_file()]


def voxels(found: list[Dataset], keys: tuple[str, ...]) -> dict[tuple[object, ...], float]:
    """The value at each place (x, y, z in 0.01 mm) and tag, by PS3.3 C.7.6.2.1.1."""
    at = {}
    for d in found:
        row, column = (np.array(d.ImageOrientationPatient[i : i + 3], float) for i in (0, 3))
        dr, dc = map(float, d.PixelSpacing)
        values = d.pixel_array * float(d.get("RescaleSlope", 1)) + float(d.get("RescaleIntercept", 0))
        tag = tuple(float(d[k].value) for k in keys)
        for (r, c), value in np.ndenumerate(values):
            place = np.array(d.ImagePositionPatient, float) + column * dr * r + row * dc * c
            at[(*tag, *np.rint(place * 100).astype(int).tolist())] = float(value)
    return at


def height(dataset: Dataset) -> float:
    """Where a slice lies along the normal, mm."""
    return round(float(NORMAL @ np.array(dataset.ImagePositionPatient, float)), 2)


def ras(image: Image) -> Image:
    return nibabel.as_closest_canonical(image)


def flipped(image: Image) -> Image:
    return Image(np.asanyarray(image.dataobj)[::-1], image.affine @ _step(0, -1, image.shape[0] - 1))


def upside_down(image: Image) -> Image:
    data = np.asanyarray(image.dataobj)
    return Image(data[:, :, ::-1], image.affine @ _step(2, -1, image.shape[2] - 1))


def cropped(image: Image) -> Image:
    return Image(np.asanyarray(image.dataobj)[2:6, 1:, 1:4], image.affine @ _offset([2, 1, 1]))


def transposed(image: Image) -> Image:
    order = [2, 0, 1]
    data = np.moveaxis(np.asanyarray(image.dataobj), order, [0, 1, 2])
    return Image(data, image.affine[:, [*order, 3]])


def _step(axis: int, step: int, start: int) -> np.ndarray:
    matrix = np.eye(4)
    matrix[axis, axis], matrix[axis, 3] = step, start
    return matrix


def _offset(index: list[int]) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, 3] = index
    return matrix


TOOLS: list[Callable[[Image], Image]] = [ras, flipped, upside_down, cropped, transposed]
SERIES = {
    "3D": ("none", {}),
    "4D": ("te", {"EchoTime": [10.0, 20.0, 40.0]}),
    "5D": ("te,fa", {"EchoTime": [10.0, 20.0], "FlipAngle": [5.0, 15.0, 30.0]}),
}
KEYS = {"3D": (), "4D": ("EchoTime",), "5D": ("EchoTime", "FlipAngle")}


def back(result: Series, folder: Path) -> list[Dataset]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", errors.LossWarning)
        result.write(folder)
    return datasets(folder)


def check(found: list[Dataset], sources: list[Dataset], keys: tuple[str, ...], share: float) -> None:
    """Every voxel written is one of the source: same place, same tag, same value."""
    new, old = voxels(found, keys), voxels(sources, keys)
    assert len(new) == pytest.approx(share * len(old))
    assert all(old.get(where) == value for where, value in new.items())
    for d in found:
        assert d.PatientID == sources[0].PatientID
        assert d.StudyInstanceUID == sources[0].StudyInstanceUID
        assert d.FrameOfReferenceUID == sources[0].FrameOfReferenceUID
        assert d.SeriesInstanceUID != sources[0].SeriesInstanceUID


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("kind", SERIES)
def test_through_nibabel(tmp_path: Path, kind: str, tool: Callable[[Image], Image]) -> None:
    order, tags = SERIES[kind]
    folder = dicom(tmp_path / "in", tags)
    source = Series(folder, order)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", errors.LossWarning)
        source.write(tmp_path / "a.nii.gz")
    nibabel.save(tool(nibabel.load(tmp_path / "a.nii.gz")), tmp_path / "b.nii.gz")
    with warnings.catch_warnings():
        # nibabel drops the header extension that says what the further axes are.
        warnings.simplefilter("ignore", errors.ImagedataWarning)
        result = Series(tmp_path / "b.nii.gz", order, template=source)
    found = back(result, tmp_path / "out")
    check(found, datasets(folder), KEYS[kind], 4 * 5 * 3 / (5 * 6 * 7) if tool is cropped else 1)
    if tool in (flipped, upside_down, cropped):  # slices are those of the template: each from its own
        origin = {
            (*(float(d[k].value) for k in KEYS[kind]), height(d)): d.TriggerTime for d in datasets(folder)
        }
        for d in found:
            tag = tuple(float(d[k].value) for k in KEYS[kind])
            assert d.TriggerTime == origin[(*tag, height(d))]


@pytest.mark.parametrize("how", ["orient", "crop", "flip"])
def test_through_simpleitk(tmp_path: Path, how: str) -> None:
    folder = dicom(tmp_path / "in", {})
    source = Series(folder)
    SimpleITK.WriteImage(source.to_sitk(), tmp_path / "a.mha")
    image = SimpleITK.ReadImage(tmp_path / "a.mha")
    if how == "orient":
        image = SimpleITK.DICOMOrient(image, "RAS")
    elif how == "flip":
        image = SimpleITK.Flip(image, [True, False, True])
    else:
        image = image[1:5, 2:, 1:4]
    result = Series(Series.from_sitk(image), template=source)
    share = 4 * 4 * 3 / (5 * 6 * 7) if how == "crop" else 1
    check(back(result, tmp_path / "out"), datasets(folder), (), share)


def test_through_matlab(tmp_path: Path) -> None:
    """A MAT file has no geometry: the values come back on the template's grid."""
    folder = dicom(tmp_path / "in", {"EchoTime": [10.0, 20.0]})
    source = Series(folder, "te")
    scipy.io.savemat(tmp_path / "a.mat", {"A": np.asarray(source)})
    values = scipy.io.loadmat(tmp_path / "a.mat")["A"]
    result = Series(values, "te", template=source)
    check(back(result, tmp_path / "out"), datasets(folder), ("EchoTime",), 1)
    wrong = scipy.io.loadmat(tmp_path / "a.mat")["A"][:, :, 1:]
    with pytest.raises(errors.TemplateMismatchError, match="5 slices, 6 rows, 7 columns"):
        Series(wrong, "te", template=source)


def test_template_and_geometry_by_path(tmp_path: Path) -> None:
    folder = dicom(tmp_path / "in", {})
    source = Series(folder)
    values = np.asarray(source)
    for given in (folder, str(folder), folder.as_uri()):
        result = Series(values, template=given, geometry=given)
        check(back(result, tmp_path / f"out{len(str(given))}"), datasets(folder), (), 1)


# --- what one patient's images are to another's -------------------------------------------------


def test_template_of_another_patient_is_told(tmp_path: Path) -> None:
    first = Series(dicom(tmp_path / "in", {}))
    other = datasets(tmp_path / "in")
    for i, d in enumerate(other):
        d.PatientID, d.SeriesInstanceUID, d.SOPInstanceUID = "T2", "1.2.3.4", f"1.2.3.4.{i}"
    second = Series(save(tmp_path / "other", other))
    with pytest.warns(errors.ImagedataWarning, match="another patient") as caught:
        Series(np.zeros(first.shape), template=first, geometry=second)
    message = str(caught[0].message)
    assert first.seriesInstanceUID in message
    assert "1.2.3.4" in message
    assert "T1" not in message
    assert "T2" not in message
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Series(np.zeros(first.shape), template=first, geometry=first)


# --- what single images hold ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("siemens_pd_t2/pd_t2_tse", "te"),
        ("ge_dce/breast_dce_10_slices", "time"),
        ("siemens_prone/t1_hfp", "none"),
        ("siemens_fieldmap/magph_2te", "auto"),
    ],
)
def test_attributes_of_images_stay_with_them(
    real_data: Path, tmp_path: Path, name: str, order: str
) -> None:
    """Arithmetic, slicing, reversing, writing: times and CSA headers are those of the same slice and tag."""
    source = Series(real_data / name, order)
    result = np.sqrt((source * 2.0)[..., ::2, :, :][..., ::-1, 4:, :])
    sources = {d.SOPInstanceUID: d for d in datasets(real_data / name)}
    found = back(result, tmp_path / "out")
    assert len(found) == int(np.prod(result.shape[:-2]))
    for d in found:
        origin = sources.pop(d.SourceImageSequence[0].ReferencedSOPInstanceUID)
        for keyword in ("TriggerTime", "AcquisitionTime", "EchoTime", "SliceLocation", "SAR"):
            if keyword in origin:
                assert d.get(keyword) == origin.get(keyword), keyword
        private = {e.tag for e in origin if e.tag.is_private and e.tag.group in (0x0029, 0x0051, 0x0019)}
        kept = [tag for tag in private if tag in d]
        assert all(d[tag].value == origin[tag].value for tag in kept)
        if name.startswith("siemens"):
            assert {(0x0029, 0x1010), (0x0029, 0x1020)} <= {(t.group, t.element) for t in kept}
        normal = np.cross(origin.ImageOrientationPatient[:3], origin.ImageOrientationPatient[3:])
        apart = np.array(d.ImagePositionPatient, float) - np.array(origin.ImagePositionPatient, float)
        assert abs(float(normal @ apart)) < 1e-3
        values = np.sqrt(2.0 * origin.pixel_array[4:].astype(float))
        stored = d.pixel_array * float(d.RescaleSlope) + float(d.RescaleIntercept)
        np.testing.assert_allclose(stored, values, atol=float(np.nanmax(result)) / 65534)
