"""Compare volumes with the NIfTI references of ``shared/data``: a test oracle.

Nothing of ``imagedata`` is used here. A volume is an array of slices, rows and
columns (colour: a fourth axis) and an affine that maps ``(slice, row, column, 1)``
to DICOM patient coordinates (LPS) in mm. `compare_series` tells for every volume of
every reference NIfTI of a series whether the candidates hold it: same values, every
corner voxel within 0.01 mm, volumes in the order of the reference. `load_nifti` makes
volumes of a NIfTI file, `truth` of DICOM files (pydicom and numpy only).
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations, product
from pathlib import Path
from typing import Any, NamedTuple

import nibabel
import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import Dataset

TOLERANCE = 0.01
"""Largest distance in mm at which a voxel is in its place."""
RELATIVE = 1e-5
"""Largest difference of scaled values, relative to the range of the reference."""

Array = npt.NDArray[Any]


class Volume(NamedTuple):
    """One 3D image in patient space."""

    array: Array
    affine: Array


FULL, FIRST, SKIP = "full", "first", "skip"
_GAP = "a slice is missing: the reference has steps of the first"
EXCEPTIONS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("ct_ge_tilt/head", ""): (FIRST, "tilt, 3 step sizes: the reference has steps of the first"),
    ("dicom2nifti_suite/failing_sliceincrement_001", ""): (FIRST, _GAP),
    ("siemens_qt2/echoes", "echoes_e1.nii.gz"): (FIRST, _GAP),
    ("dicom2nifti_suite/philips_enh_fmri_001", ".dicom2nifti.nii.gz"): (
        SKIP,
        "dicom2nifti scales Philips enhanced for display",
    ),
    ("non_image/spectroscopy_31", ""): (SKIP, "spectroscopy: no pixel data"),
}
"""References that the files themselves decide, by dataset/series and end of file name.

``full``: values and all corners; ``first``: values, and the corners of the first slice;
``skip``: not compared. The ``.ibsi`` twins in ``ref`` do share patient space: no entry.
"""
STORED: Mapping[str, str] = {
    "philips_epi/func_task_4_volumes": "no RescaleSlope, only private and real-world slopes",
}
"""Series whose files have no modality LUT where dcm2niix takes a slope from elsewhere."""


class Reference(NamedTuple):
    """A reference file, its volumes as seen through the possible scalings."""

    name: str
    mode: str
    note: str
    volumes: dict[str, list[Volume]]


class Outcome(NamedTuple):
    """The result for one reference file."""

    file: str
    matched: bool
    reason: str
    indices: tuple[int, ...] = ()


class Result(NamedTuple):
    """The result for all reference files of one series."""

    series: str
    outcomes: tuple[Outcome, ...]

    @property
    def matched(self) -> bool:
        """Whether every reference was found."""
        return bool(self.outcomes) and all(one.matched for one in self.outcomes)

    def __str__(self) -> str:
        """Give one line for the series and one for each reference."""
        lines = [f"{self.series}: {'equal' if self.matched else 'DIFFERENT'}"]
        for one in self.outcomes:
            lines.append(f"  {'ok ' if one.matched else 'BAD'} {one.file}: {one.reason}")
        return "\n".join(lines)


def _plain(array: Array) -> Array:
    """Turn a structured colour array into one with a channel axis (RGB)."""
    names = array.dtype.names
    if names is None:
        return array
    return np.stack([array[name] for name in names[:3]], axis=-1)


def _lps(affine: Array) -> Array:
    """Turn a NIfTI affine (i, j, k to RAS) into (k, j, i) to LPS."""
    out: Array = np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.asarray(affine, dtype=float)
    return out[:, [2, 1, 0, 3]]


def _read(path: Path) -> tuple[Array, Array, float, float]:
    """Give stored voxels as (volume, k, j, i[, channel]), affine, slope, intercept."""
    image: Any = nibabel.load(path)
    stored = np.asanyarray(image.dataobj.get_unscaled())
    shape = (*image.shape, 1, 1)[:3]
    stored = _plain(stored.reshape(*shape, -1, order="F"))  # Axes 4, 5, ... are volumes.
    stored = stored.transpose(3, 2, 1, 0, *range(4, stored.ndim))
    return stored, _lps(image.affine), float(image.dataobj.slope), float(image.dataobj.inter)


def _scaled(stored: Array, slope: float, inter: float) -> Array:
    """Apply a scaling; integers stay integers where it is exact."""
    if slope == 1 and inter == 0:
        return stored
    if stored.dtype.kind in "iu" and slope.is_integer() and inter.is_integer():
        return stored.astype(np.int64) * int(slope) + int(inter)
    return stored.astype(np.float64) * slope + inter


def load_nifti(path: str | Path) -> list[Volume]:
    """Load the volumes of a NIfTI file, scaled as its header tells.

    Parameters
    ----------
    path
        File name, ``.nii`` or ``.nii.gz``.

    Returns
    -------
    list of Volume
        The 3D volumes in the order of the file.
    """
    stored, affine, slope, inter = _read(Path(path))
    return [Volume(array, affine) for array in _scaled(stored, slope, inter)]


def references(root: str | Path, row: object) -> list[Reference]:
    """Load the references of a series.

    Parameters
    ----------
    root
        Folder that ``unpack.py`` filled.
    row
        Row of the catalogue, or 'dataset/series' (its ``str`` is used).

    Returns
    -------
    list of Reference
        One for each NIfTI file; its volumes by scaling: ``direct`` as the header tells,
        ``modality`` with slope and intercept of the DICOM files, ``stored`` with none
        (only series of `STORED`).
    """
    series = str(row)
    folder = Path(root) / series.split("/")[0] / "ref"
    found = []
    text = (folder / "INDEX.tsv").read_text(encoding="utf-8")
    for line in csv.DictReader(text.splitlines(), delimiter="\t"):
        file = line["file"]
        if line["series"] != series.split("/")[1] or not file.endswith((".nii", ".nii.gz")):
            continue
        known = (v for k, v in EXCEPTIONS.items() if k[0] == series and file.endswith(k[1]))
        mode, note = next(known, (FULL, ""))
        volumes: dict[str, list[Volume]] = {}
        if mode != SKIP:
            stored, affine, slope, inter = _read(folder / file)
            scalings = {"direct": (slope, inter)}
            pair = (line["scl_slope_with_p_n"] or "", line["scl_inter_with_p_n"] or "")
            if all(pair) and pair[0][0].isdigit():  # Else "other voxels": no relation.
                scalings["modality"] = (float(pair[0]), float(pair[1]))
            if series in STORED:
                scalings["stored"] = (1.0, 0.0)
            for name, scaling in scalings.items():
                volumes[name] = [Volume(v, affine) for v in _scaled(stored, *scaling)]
        found.append(Reference(file, mode, note, volumes))
    return found


def _axes(reference: Array, candidate: Array) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Give, for each axis of the reference, the candidate's axis and its sign."""
    one = reference[:3, :3] / np.maximum(np.linalg.norm(reference[:3, :3], axis=0), 1e-12)
    two = candidate[:3, :3] / np.maximum(np.linalg.norm(candidate[:3, :3], axis=0), 1e-12)
    cosines = one.T @ two
    best = max(permutations(range(3)), key=lambda p: sum(abs(cosines[a, p[a]]) for a in range(3)))
    return best, tuple(1 if cosines[a, best[a]] >= 0 else -1 for a in range(3))


def _orient(volume: Volume, order: Sequence[int], signs: Sequence[int]) -> Volume:
    """Permute and flip a volume, with its affine."""
    array = volume.array.transpose(*order, *range(3, volume.array.ndim))
    change = np.zeros((4, 4))
    change[3, 3] = 1
    for axis, (source, sign) in enumerate(zip(order, signs, strict=True)):
        change[source, axis] = sign
        if sign < 0:
            change[source, 3] = array.shape[axis] - 1
            array = np.flip(array, axis)
    return Volume(array, volume.affine @ change)


def _corners(volume: Volume, shape: Sequence[int]) -> Array:
    """Give the patient coordinates of the corner voxels."""
    index = np.array([(*c, 1) for c in product(*((0, n - 1) for n in shape))], dtype=float)
    corners: Array = (volume.affine @ index.T).T[:, :3]
    return corners


def _values(reference: Array, candidate: Array) -> str:
    """Tell how the values differ ('' where they do not)."""
    if reference.dtype.kind in "iub":
        wrong = reference != candidate
    else:
        one, two = reference.astype(np.float64), candidate.astype(np.float64)
        limit = RELATIVE * float(np.nanmax(one) - np.nanmin(one))
        wrong = ~(np.abs(one - two) <= limit) & ~(np.isnan(one) & np.isnan(two))
    count = int(np.count_nonzero(wrong))
    if not count:
        return ""
    at = tuple(int(n) for n in np.argwhere(wrong)[0])
    return f"{count} values differ, the first is {candidate[at]}, not {reference[at]}, at {at}"


def compare(reference: Volume, candidate: Volume, mode: str = FULL) -> str:
    """Compare one volume with one reference volume.

    Parameters
    ----------
    reference, candidate
        The volumes; they may be stored in different axis orders and directions.
    mode
        ``full`` or ``first``; see `EXCEPTIONS`.

    Returns
    -------
    str
        Why they differ; empty where they are equal.
    """
    candidate = Volume(_plain(np.asarray(candidate.array)), np.asarray(candidate.affine, float))
    reference = Volume(_plain(np.asarray(reference.array)), np.asarray(reference.affine, float))
    if candidate.array.ndim < 3 or candidate.affine.shape != (4, 4):
        return f"not a volume: {candidate.array.shape}, affine {candidate.affine.shape}"
    if not np.isfinite(candidate.affine).all():
        return "affine is not finite"
    order, signs = _axes(reference.affine, candidate.affine)
    turned = _orient(candidate, order, signs)
    if turned.array.shape != reference.array.shape:
        return f"shape {turned.array.shape}, not {reference.array.shape}"
    shape = list(reference.array.shape[:3])
    if mode == FIRST:
        shape[order.index(0)] = 1  # The candidate's axis 0 holds the slices.
    away = np.linalg.norm(_corners(turned, shape) - _corners(reference, shape), axis=1).max()
    if away > TOLERANCE:
        return f"a corner voxel is {away:.4g} mm from its place"
    return _values(reference.array, turned.array)


def find(wanted: Sequence[Volume], have: Sequence[Volume], mode: str = FULL) -> Outcome:
    """Find volumes among candidates, in order.

    Parameters
    ----------
    wanted
        The volumes of one reference, in its order.
    have
        The candidates, in the order in which they were read.
    mode
        See `EXCEPTIONS`.

    Returns
    -------
    Outcome
        With the index of the candidate for each volume, strictly increasing.
    """
    indices: list[int] = []
    for number, volume in enumerate(wanted):
        start = indices[-1] + 1 if indices else 0
        reasons = []
        for index in [*range(start, len(have)), *range(start)]:
            reason = compare(volume, have[index], mode)
            if not reason:
                break
            reasons.append(reason)
        else:
            # The most telling reason: wrong values in the right place, else wrong place.
            for word in ("values", "corner", ""):
                close = [reason for reason in reasons or ["none"] if word in reason]
                if close:
                    break
            return Outcome("", False, f"volume {number} not among {len(have)}: {close[0]}")
        if index < start:
            return Outcome("", False, f"volume {number} is candidate {index}, out of order")
        indices.append(index)
    found = ",".join(str(index) for index in indices)
    return Outcome("", bool(indices), f"volumes {found}", tuple(indices))


def compare_series(
    root: str | Path, row: object, candidates: Iterable[tuple[Array, Array]]
) -> Result:
    """Compare what was read of a series with all of its references.

    Parameters
    ----------
    root
        Folder that ``unpack.py`` filled.
    row
        Row of the catalogue, or 'dataset/series' (its ``str`` is used).
    candidates
        Pairs of array (slice, row, column) and affine (to LPS), in reading order.

    Returns
    -------
    Result
        One outcome for each reference NIfTI.
    """
    have = [Volume(*pair) for pair in candidates]
    outcomes = []
    for file, mode, note, volumes in references(root, row):
        tried = {name: find(wanted, have, mode) for name, wanted in volumes.items()}
        tried = tried or {"no": Outcome("", mode == SKIP, "not compared")}
        scaling = max(tried, key=lambda name: tried[name].matched)
        reason = f"{tried[scaling].reason}, {scaling} scaling" + (f" ({note})" if note else "")
        outcomes.append(tried[scaling]._replace(file=file, reason=reason))
    return Result(str(row), tuple(outcomes))


def _rescaled(dataset: Dataset) -> Array:
    """Decode the pixels and apply slope and intercept."""
    slope = float(dataset.get("RescaleSlope") or 1)
    return _scaled(dataset.pixel_array, slope, float(dataset.get("RescaleIntercept") or 0))


def truth(files: Iterable[str | Path]) -> list[Volume]:
    """Read classic DICOM files into volumes, independently of the project.

    Images are grouped by series, matrix, orientation, component (magnitude, phase) and
    echo time; in a group, the n-th image in InstanceNumber order at each position
    belongs to volume n. Slices ascend along the normal. Uneven or tilted slices get
    the affine of the first slice and the mean step.

    Parameters
    ----------
    files
        DICOM files of one folder; those without pixels and position are left out.

    Returns
    -------
    list of Volume
        In order of orientation, component, echo and instance number.
    """
    groups: dict[tuple[Any, ...], list[Dataset]] = defaultdict(list)
    for file in sorted(Path(f) for f in files):
        one: Dataset = pydicom.dcmread(file, force=True)
        if "PixelData" not in one or "ImageOrientationPatient" not in one:
            continue
        turn = tuple(round(float(x), 3) + 0.0 for x in one.ImageOrientationPatient)
        phase = not {"P", "PHASE"}.isdisjoint(str(part) for part in one.get("ImageType") or [])
        kind = (phase, float(one.get("EchoTime") or 0))
        groups[(one.SeriesInstanceUID, one.Rows, one.Columns, turn, *kind)].append(one)
    volumes = []
    for key in sorted(groups):
        cosines = np.array(groups[key][0].ImageOrientationPatient, dtype=float).reshape(2, 3)
        normal = np.cross(*cosines)
        stacks: dict[float, list[Dataset]] = defaultdict(list)
        for one in groups[key]:
            place = float(np.array(one.ImagePositionPatient, dtype=float) @ normal)
            stacks[next((p for p in stacks if abs(p - place) < TOLERANCE), place)].append(one)
        places = sorted(stacks)
        for stack in stacks.values():
            stack.sort(key=lambda d: (int(d.get("InstanceNumber") or 0), str(d.SOPInstanceUID)))
        for number in range(max(len(stack) for stack in stacks.values())):
            images = [stacks[p][number] for p in places if number < len(stacks[p])]
            first, last = (np.array(images[i].ImagePositionPatient, dtype=float) for i in (0, -1))
            step = (last - first) / (len(images) - 1) if len(images) > 1 else normal
            down, across = (float(x) for x in images[0].PixelSpacing)
            affine = np.eye(4)
            affine[:3] = np.stack([step, cosines[1] * down, cosines[0] * across, first], axis=1)
            volumes.append(Volume(np.stack([_rescaled(one) for one in images]), affine))
    return volumes
