"""Tests of the comparison with references itself: what it must find, it finds."""

import csv
import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest

import reference
from realdata import CatalogueRow, classic
from reference import Volume, compare, compare_series, load_nifti, truth

COLUMNS = ["series", "file", "scl_slope_with_p_n", "scl_inter_with_p_n"]
OBLIQUE = np.array(
    [
        [0.2, 0.4, -1.7, -40.0],
        [3.0, 0.1, 0.3, 12.0],
        [0.1, -2.0, -0.2, 70.0],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
"""(slice, row, column) to LPS, near a coronal volume; sheared a little."""


def volumes(dtype: str = "int16", count: int = 3) -> list[Volume]:
    """Volumes of 4 slices, 5 rows, 6 columns."""
    values = np.random.default_rng(1).integers(0, 4000, (count, 4, 5, 6))
    return [Volume(one.astype(dtype), OBLIQUE) for one in values]


def dcm2niix_like(path: Path, have: list[Volume], slope: float = 1, inter: float = 0) -> None:
    """Write as dcm2niix does: columns, rows from the last to the first, slices, volumes."""
    data = np.stack([one.array[:, ::-1].transpose(2, 1, 0) for one in have], axis=-1)
    flip = np.eye(4)[[2, 1, 0, 3]]
    flip[1, 1], flip[1, 3] = -1, have[0].array.shape[1] - 1
    affine = np.diag([-1, -1, 1, 1]) @ have[0].affine @ flip
    image = nibabel.Nifti1Image(data[..., 0] if len(have) == 1 else data, affine)
    image.header.set_slope_inter(slope, inter)
    # nibabel divides by slope when it saves; the stored voxels are written as they are.
    raw = bytearray(image.header.binaryblock + b"\0" * 4 + data.tobytes(order="F"))
    raw[108:112] = np.float32(352).tobytes()
    path.write_bytes(gzip.compress(bytes(raw)) if path.suffix == ".gz" else bytes(raw))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder like that of `unpack.py`, with one reference of three volumes."""
    (tmp_path / "set" / "ref").mkdir(parents=True)
    declare(tmp_path, [["one", "one.nii.gz", "1", "0"]])
    dcm2niix_like(tmp_path / "set" / "ref" / "one.nii.gz", volumes())
    return tmp_path


def declare(root: Path, lines: list[list[str]]) -> None:
    """Write the index of references."""
    with (root / "set" / "ref" / "INDEX.tsv").open("w", newline="") as stream:
        csv.writer(stream, delimiter="\t").writerows([COLUMNS, *lines])


def test_equal(root: Path) -> None:
    result = compare_series(root, "set/one", volumes())
    assert result.matched
    assert result.outcomes[0].indices == (0, 1, 2)
    assert "ok  one.nii.gz: volumes 0,1,2" in str(result)


def test_load_nifti_gives_the_same_volumes(root: Path) -> None:
    again = load_nifti(root / "set" / "ref" / "one.nii.gz")
    assert len(again) == 3
    assert again[0].array.dtype == np.int16
    assert compare_series(root, "set/one", again).matched


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_another_storage_of_the_same_image_is_equal(root: Path, axis: int) -> None:
    change = np.eye(4)
    change[axis, axis], change[axis, 3] = -1, volumes()[0].array.shape[axis] - 1
    have = [Volume(np.flip(v.array, axis), v.affine @ change) for v in volumes()]
    assert compare_series(root, "set/one", have).matched
    have = [
        Volume(v.array.transpose(2, 0, 1), v.affine[:, [2, 0, 1, 3]])
        for v in (Volume(h.array, h.affine) for h in have)
    ]
    assert compare_series(root, "set/one", have).matched


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_flip(root: Path, axis: int) -> None:
    have = [Volume(np.flip(v.array, axis), v.affine) for v in volumes()]
    result = compare_series(root, "set/one", have)
    assert not result.matched
    assert "values differ" in str(result)


def test_swapped_axes(tmp_path: Path) -> None:
    square = Volume(volumes()[0].array[:, :, :5], OBLIQUE)
    assert compare(square, Volume(square.array.transpose(0, 2, 1), OBLIQUE))
    assert "shape" in compare(volumes()[0], Volume(volumes()[0].array.transpose(0, 2, 1), OBLIQUE))


def test_mirrored_affine() -> None:
    one = volumes()[0]
    mirrored = one.affine @ np.diag([1, 1, -1, 1])
    assert "corner" in compare(one, Volume(one.array, mirrored))


@pytest.mark.parametrize(
    ("shift", "equal"), [(0.009, True), (0.011, False), (-0.011, False), (np.nan, False)]
)
def test_place(root: Path, shift: float, equal: bool) -> None:
    moved = OBLIQUE.copy()
    moved[2, 3] += shift
    have = [Volume(v.array, moved) for v in volumes()]
    assert compare_series(root, "set/one", have).matched is equal


def test_spacing_shows_in_the_far_corner() -> None:
    stretched = OBLIQUE.copy()
    stretched[:3, 0] *= 1.002  # 3 mm x 3 slices x 0.002 = 0.018 mm
    assert "corner" in compare(volumes()[0], Volume(volumes()[0].array, stretched))
    assert not compare(volumes()[0], Volume(volumes()[0].array, stretched), reference.FIRST)


def test_first_slice_is_in_its_place() -> None:
    one, moved = volumes()[0], OBLIQUE.copy()
    moved[0, 3] += 0.02
    assert "corner" in compare(one, Volume(one.array, moved), reference.FIRST)
    assert "values" in compare(one, Volume(one.array[::-1], OBLIQUE), reference.FIRST)


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 1, 0), (1, 2, 0)])
def test_shifted_order(root: Path, order: tuple[int, ...]) -> None:
    result = compare_series(root, "set/one", [volumes()[i] for i in order])
    assert not result.matched
    assert "out of order" in str(result)


def test_volumes_between_do_no_harm(root: Path) -> None:
    have, other = volumes(), Volume(volumes()[0].array + 1, OBLIQUE)
    result = compare_series(root, "set/one", [have[0], other, have[1], have[2], other])
    assert result.outcomes[0].indices == (0, 2, 3)


def test_each_candidate_serves_once(root: Path) -> None:
    dcm2niix_like(root / "set" / "ref" / "one.nii.gz", [volumes()[0]] * 2)
    assert compare_series(root, "set/one", [volumes()[0]] * 2).outcomes[0].indices == (0, 1)
    assert not compare_series(root, "set/one", volumes()).matched


def test_missing_volume(root: Path) -> None:
    assert "volume 2 not among 2" in str(compare_series(root, "set/one", volumes()[:2]))
    assert not compare_series(root, "set/one", []).matched


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_one_wrong_value(root: Path, dtype: str) -> None:
    have = volumes(dtype)
    have[1].array[2, 3, 4] += 1
    result = compare_series(root, "set/one", have)
    assert not result.matched
    assert "volume 1 not among 3: 1 values differ" in str(result)


def test_integers_must_be_exact_and_floats_nearly(root: Path) -> None:
    near = [Volume(v.array + 1e-3, v.affine) for v in volumes()]
    assert not compare_series(root, "set/one", near).matched
    dcm2niix_like(root / "set" / "ref" / "one.nii.gz", volumes("float32"))
    assert compare_series(root, "set/one", near).matched
    far = [Volume(v.array + 0.05, v.affine) for v in volumes()]
    assert not compare_series(root, "set/one", far).matched


def test_scaling_of_the_header_or_of_the_dicom_files(root: Path) -> None:
    declare(root, [["one", "one.nii.gz", "1.5", "-10"]])
    dcm2niix_like(root / "set" / "ref" / "one.nii.gz", volumes(), slope=250.5, inter=3)
    for slope, inter, equal in [(250.5, 3, True), (1.5, -10, True), (1, 0, False), (1.6, 0, False)]:
        have = [Volume(v.array * slope + inter, v.affine) for v in volumes()]
        assert compare_series(root, "set/one", have).matched is equal


def test_no_known_relation(root: Path) -> None:
    declare(root, [["one", "one.nii.gz", "other voxels", ""]])
    assert compare_series(root, "set/one", volumes()).matched


def test_every_reference_of_the_series_and_no_other(root: Path) -> None:
    declare(
        root,
        [["one", "one.nii.gz", "1", "0"], ["one", "b.nii", "1", "0"], ["two", "no.nii", "1", "0"]],
    )
    dcm2niix_like(root / "set" / "ref" / "b.nii", volumes(count=4)[3:])
    assert not compare_series(root, "set/one", volumes()).matched
    assert compare_series(root, "set/one", volumes(count=4)).matched
    assert not compare_series(root, "set/three", volumes()).matched


def test_colour() -> None:
    names = [("R", "u1"), ("G", "u1"), ("B", "u1")]
    plain = np.random.default_rng(2).integers(0, 255, (4, 5, 6, 3)).astype("u1")
    packed = np.ascontiguousarray(plain).view(names)[..., 0]
    assert not compare(Volume(packed, OBLIQUE), Volume(plain, OBLIQUE))
    assert compare(Volume(packed, OBLIQUE), Volume(plain[..., ::-1], OBLIQUE))


@pytest.mark.parametrize("row", classic(), ids=str)
def test_truth_equals_the_references(row: CatalogueRow, real_data: Path) -> None:
    """The independent reading of real files passes: the harness asks for what is there."""
    files = [f for f in row.folder(real_data).rglob("*") if f.is_file()]
    result = compare_series(real_data, row, truth(files))
    assert result.matched, str(result)
    assert len(result.outcomes) == row.reference_files or row.dataset == "dicom2nifti_suite"
