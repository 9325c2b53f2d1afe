"""DICOM series made for tests: small, complete, and with every element open to change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def uid(*names: object) -> str:
    """Return a UID that follows from names."""
    return generate_uid(prefix='2.25.', entropy_srcs=[str(n) for n in names])


def image(
    pixels: np.ndarray,
    position: Sequence[float],
    *,
    number: int,
    series: str = 'series',
    orientation: Sequence[float] = AXIAL,
    spacing: Sequence[float] = (2.0, 1.5),
    **elements: object,
) -> Dataset:
    """Return a classic MR image; `elements` are set last, None deletes."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = MRImageStorage
    ds.SOPClassUID = MRImageStorage
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid(series, number)
    ds.StudyInstanceUID, ds.SeriesInstanceUID = uid('study'), uid(series)
    ds.FrameOfReferenceUID = uid('frame')
    ds.PatientName, ds.PatientID, ds.Modality = 'Test^Case', 'T1', 'MR'
    ds.SeriesNumber, ds.InstanceNumber = 1, number
    ds.ImagePositionPatient = [f'{v:.10g}' for v in position]
    ds.ImageOrientationPatient = [f'{v:.10g}' for v in orientation]
    ds.PixelSpacing, ds.SliceThickness = list(spacing), 3
    ds.Rows, ds.Columns = pixels.shape[:2]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, 'MONOCHROME2'
    bits = pixels.dtype.itemsize * 8
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits, bits, bits - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == 'i')
    ds.PixelData = pixels.tobytes()
    for keyword, value in elements.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    return ds


def save(folder: Path, datasets: Sequence[Dataset]) -> Path:
    """Write datasets under names that say nothing of their order; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, dataset in enumerate(datasets):
        name = f'{(i * 7919) % 10007:05d}'
        dataset.save_as(folder / name, enforce_file_format=True)
    return folder


def stack(
    positions: Sequence[Sequence[float]],
    count: int = 1,
    change: Callable[[int, int], dict[str, object]] = lambda tag, slice_: {},
    shape: tuple[int, int] = (4, 3),
    dtype: object = np.uint16,
    **fixed: object,
) -> list[Dataset]:
    """Return `count` volumes of images at positions; voxels count tag x 1000 + slice x 100 + index.

    `change(tag, slice)` gives elements of one image.
    """
    found = []
    for t in range(count):
        for s, position in enumerate(positions):
            values = np.arange(shape[0] * shape[1], dtype=dtype).reshape(shape) + t * 1000 + s * 100
            elements = {**fixed, **change(t, s)}
            found.append(image(values.astype(dtype), position, number=t * len(positions) + s + 1, **elements))
    return found
