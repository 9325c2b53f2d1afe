"""Reading DICOM with pydicom alone, and judging what was written: oracles for the DICOM writer."""

import re
import subprocess
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from imagedata.axis import VariableAxis
from imagedata.errors import LossWarning
from imagedata.formats.contract import WriteRequest
from imagedata.formats.dicom.write import write
from imagedata.geometry import Geometry, slice_normal
from imagedata.header import Header, Identity, Images, SeriesData


@dataclass
class ListRecords:
    """Records from datasets in memory."""

    datasets: Sequence[Dataset]

    def __len__(self) -> int:
        return len(self.datasets)

    def dataset(self, index: int) -> Dataset:
        return self.datasets[index]


def values_of(dataset: Dataset) -> np.ndarray:
    """Stored values by slope and intercept; integers where those are whole."""
    pixels = dataset.pixel_array
    slope = float(dataset.get("RescaleSlope") or 1)
    intercept = float(dataset.get("RescaleIntercept") or 0)
    if slope == 1 and intercept == 0:
        return pixels
    if slope.is_integer() and intercept.is_integer():
        return pixels.astype(np.int64) * int(slope) + int(intercept)
    return pixels * slope + intercept


def read_files(folder: Path) -> list[Dataset]:
    """Every file of a folder, and those below."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            dataset = pydicom.dcmread(path, force=True)
            if "PixelData" in dataset:
                found.append(dataset)
    return found


def location(dataset: Dataset) -> float:
    normal = slice_normal(dataset.ImageOrientationPatient)
    return float(np.dot(normal, [float(v) for v in dataset.ImagePositionPatient]))


def by_slice(datasets: Sequence[Dataset], key: str | None = None) -> list[list[Dataset]]:
    """Volumes of images: slices along the normal, those of one place in the order of `key`."""
    cells: dict[float, list[Dataset]] = {}
    for dataset in datasets:
        cells.setdefault(round(location(dataset), 2), []).append(dataset)
    rank = (lambda d: float(d[key].value)) if key else (lambda d: int(d.InstanceNumber))
    stacks = [sorted(cells[place], key=rank) for place in sorted(cells)]
    depth = min(len(stack) for stack in stacks)
    return [[stack[t] for stack in stacks] for t in range(depth)]


def series_data(
    volumes: Sequence[Sequence[Dataset]], tag: str | None = None, values: Any = None
) -> SeriesData:
    """What a reader hands up for volumes of images."""
    first = volumes[0][0]
    array = np.stack([np.stack([values_of(d) for d in volume]) for volume in volumes])
    if array.ndim == 5:
        rgb = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
        array = np.ascontiguousarray(array).view(rgb)[..., 0]
    geometry = Geometry.from_slices(
        [[float(v) for v in d.ImagePositionPatient] for d in volumes[0]],
        [float(v) for v in first.ImageOrientationPatient],
        [float(v) for v in first.PixelSpacing],
        (len(volumes[0]), int(first.Rows), int(first.Columns)),
        frame_of_reference=first.get("FrameOfReferenceUID"),
    )
    n, slices = array.shape[:2]
    ids = np.arange(n * slices).reshape(n, slices)
    records = ListRecords([d for volume in volumes for d in volume])
    tag_axes = {}
    dims: tuple[str, ...] = ("slice", "row", "column")
    if tag:
        dims = (tag, *dims)
        tag_axes[tag] = VariableAxis(tag, range(n) if values is None else values)
    else:
        array, ids = array[0], ids[0]
    images = Images((*dims[:-3], "slice"), ids, records)
    header = Header(dims=dims, geometry=geometry, tag_axes=tag_axes, images=images)
    return SeriesData(array, header, Identity(str(first.SeriesInstanceUID)))


def plain_data(array: np.ndarray, **attributes: Any) -> SeriesData:
    """An array without a past, of dimensions (slice, row, column), as a Series makes it."""
    from imagedata.header import default_header

    header = default_header(array.shape).with_attributes(**attributes)
    return SeriesData(array, header, Identity())


def written(data: SeriesData, folder: Path, filename: str | None = None, **options: Any) -> list[Dataset]:
    """Write, and read back with pydicom in the order written; losses are no failures here."""
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LossWarning)
        names = write(data, WriteRequest(folder, filename, options))
    return [pydicom.dcmread(folder / name) for name in names]


def dciodvfy(path: Path) -> set[str]:
    """Errors that dciodvfy finds in a file, values left out."""
    result = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, check=False)
    text = (result.stderr + result.stdout).decode("utf-8", "replace")
    lines = {line.strip() for line in text.splitlines() if line.startswith("Error")}
    return {re.sub(r"(= )?<[^<>]*>", "<>", line) if "Value invalid" in line else line for line in lines}
