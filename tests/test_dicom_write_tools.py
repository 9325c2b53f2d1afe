"""Programs of others read what is written: dcm2niix (values and affine) and DCMTK's dcmdump."""

import re
import shutil
import subprocess
import warnings
from pathlib import Path

import nibabel
import numpy as np
import pytest

from imagedata import Series, errors
from strategies import affine_of

NEEDS_DCM2NIIX = pytest.mark.skipif(
    shutil.which("dcm2niix") is None, reason="no dcm2niix: apt-get install dcm2niix"
)
NEEDS_DCMDUMP = pytest.mark.skipif(
    shutil.which("dcmdump") is None, reason="no dcmdump: apt-get install dcmtk"
)


def files(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.rglob("*")) if p.is_file()]


def written(series: Series, folder: Path, **options: object) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", errors.LossWarning)
        series.write(folder, formats="dicom", **options)
    return folder


def converted(folder: Path, out: Path) -> nibabel.Nifti1Image:
    """The one NIfTI file that dcm2niix makes of a folder."""
    out.mkdir()
    run = subprocess.run(
        ["dcm2niix", "-z", "n", "-b", "n", "-d", "9", "-o", str(out), "-f", "x", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = sorted(out.glob("*.nii"))
    assert len(found) == 1, run.stdout + run.stderr
    return nibabel.load(found[0])


def same_places(series: Series, image: nibabel.Nifti1Image, tolerance: float = 1e-3) -> np.ndarray:
    """The values of a NIfTI image at the voxels of the series, found by their place in the patient.

    Its affine is to RAS mm, in single precision; that of the series to z, y, x in LPS.
    """
    shape = series.shape[-3:]
    index = np.indices(shape).reshape(3, -1)
    zyx = (series.transformationMatrix @ np.vstack([index, np.ones(index.shape[1])]))[:3]
    ras = np.array([-zyx[2], -zyx[1], zyx[0], np.ones(index.shape[1])])
    voxel = (np.linalg.inv(image.affine) @ ras)[:3]
    nearest = np.rint(voxel).astype(int)
    spacing = np.linalg.norm(image.affine[:3, :3], axis=0)
    assert np.abs((voxel - nearest) * spacing[:, None]).max() < tolerance
    data = np.asanyarray(image.dataobj)
    values = data[tuple(nearest)]
    if data.ndim == 3:
        return values.reshape(shape)
    return np.moveaxis(values, -1, 0).reshape(*data.shape[3:], *shape)


@NEEDS_DCM2NIIX
@pytest.mark.parametrize(
    ("name", "order"), [("ct", "none"), ("sagittal", "none"), ("time", "time"), ("b", "b")]
)
def test_dcm2niix_of_a_template(sample_data: Path, tmp_path: Path, name: str, order: str) -> None:
    source = Series(sample_data / name, order)
    result = source[..., 2:, 3:] + 1 if name != "b" else source
    image = converted(written(result, tmp_path / "out"), tmp_path / "nii")
    np.testing.assert_array_equal(same_places(result, image), result)


@NEEDS_DCM2NIIX
@pytest.mark.parametrize("kind", ["axial", "oblique", "left-handed"])
@pytest.mark.parametrize("seed", range(3))
def test_dcm2niix_of_an_array(tmp_path: Path, kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    series = Series(rng.normal(size=(4, 40, 50)))
    series.transformationMatrix = affine_of(kind, rng)[[2, 1, 0, 3]]
    image = converted(written(series, tmp_path / "out", SOPClassUID="MR"), tmp_path / "nii")
    bound = np.ptp(np.asarray(series)) / 65534
    np.testing.assert_allclose(same_places(series, image), series, atol=bound)


@NEEDS_DCM2NIIX
@pytest.mark.parametrize("name", [
    "ct_3slice/liver", "siemens_prone/t1_hfp", "dicom2nifti_suite/hitachi_001", "ge_dce/breast_dce_10_slices",
    "siemens_mosaic_orient/sag_desc_35",
])  # fmt: skip
def test_dcm2niix_of_real_series(real_data: Path, tmp_path: Path, name: str) -> None:
    source = Series(real_data / name)
    result = np.clip(source // 2, 0, None)
    image = converted(written(result, tmp_path / "out"), tmp_path / "nii")
    np.testing.assert_array_equal(same_places(result, image), result)


DUMPED = {
    "array": {},
    "float": {},
    "rle": {"transfer_syntax": "rle"},
    "jpeg-ls": {"transfer_syntax": "jpeg-ls"},
}


@NEEDS_DCMDUMP
@pytest.mark.parametrize("name", DUMPED)
def test_dcmdump_reads_every_file(sample_data: Path, tmp_path: Path, name: str) -> None:
    ct = Series(sample_data / "ct")[:3]
    series = ct / 7 if name == "float" else ct
    for path in files(written(series, tmp_path / "out", **DUMPED[name])):
        run = subprocess.run(
            ["dcmdump", "-q", "+W", str(tmp_path), "+P", "7fe0,0010", "+P", "0020,0032", "-M", str(path)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert not re.search(r"(?m)^[WE]: ", run.stderr), run.stderr
        assert "PixelData" in run.stdout
    if name in ("array", "float"):
        for number, raw in enumerate(sorted(tmp_path.glob("*.raw"))):
            stored = np.fromfile(raw, "<u2" if name == "float" else _stored_type(tmp_path))
            slope, intercept = _rescale(tmp_path, number)
            values = stored.reshape(ct.shape[1:]) * slope + intercept
            bound = np.ptp(np.asarray(series)) / 65534 if name == "float" else 0
            np.testing.assert_allclose(values, series[number], atol=bound)


def _dumped(folder: Path, number: int, tag: str) -> str:
    path = files(folder / "out")[number]
    run = subprocess.run(["dcmdump", "+P", tag, str(path)], capture_output=True, text=True, check=True)
    found = re.search(r"\[(.*?)\]|(?:US|SS) (\d+)", run.stdout)
    return (found[1] or found[2]) if found else ""


def _rescale(folder: Path, number: int) -> tuple[float, float]:
    return float(_dumped(folder, number, "0028,1053") or 1), float(_dumped(folder, number, "0028,1052") or 0)


def _stored_type(folder: Path) -> str:
    return "<i2" if _dumped(folder, 0, "0028,0103") == "1" else "<u2"
