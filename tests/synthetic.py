"""DICOM series made for tests: small, complete, and with every element open to change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

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

    `change(tag, slice)` gives elements of one image, by keyword. Private ones are added to what is
    returned, volume by volume: `found[t * len(positions) + s].private_block(...).add_new(...)`.
    """
    found = []
    for t in range(count):
        for s, position in enumerate(positions):
            values = np.arange(shape[0] * shape[1], dtype=dtype).reshape(shape) + t * 1000 + s * 100
            elements = {**fixed, **change(t, s)}
            found.append(image(values.astype(dtype), position, number=t * len(positions) + s + 1, **elements))
    return found


def frames(positions: Sequence[Sequence[float]], shape: tuple[int, int] = (4, 3)) -> Dataset:
    """Return an enhanced MR object with a frame at each position, rescaled by 2 and -7."""
    values = np.arange(len(positions) * shape[0] * shape[1], dtype=np.uint16).reshape(-1, *shape)
    ds = image(values[0], positions[0], number=1, series='frames')
    place = (ds.ImageOrientationPatient, ds.PixelSpacing, ds.SliceThickness)
    for keyword in ('ImagePositionPatient', 'ImageOrientationPatient', 'PixelSpacing', 'SliceThickness'):
        delattr(ds, keyword)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    ds.NumberOfFrames, ds.PixelData = len(positions), values.tobytes()
    shared = Dataset()
    shared.PlaneOrientationSequence = [Dataset()]
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = place[0]
    shared.PixelMeasuresSequence = [Dataset()]
    shared.PixelMeasuresSequence[0].PixelSpacing = place[1]
    shared.PixelMeasuresSequence[0].SliceThickness = place[2]
    shared.PixelMeasuresSequence[0].SpacingBetweenSlices = 3
    shared.PixelValueTransformationSequence = [Dataset()]
    transform = shared.PixelValueTransformationSequence[0]
    transform.RescaleSlope, transform.RescaleIntercept, transform.RescaleType = 2, -7, 'US'
    ds.SharedFunctionalGroupsSequence = [shared]
    ds.PerFrameFunctionalGroupsSequence = [Dataset() for _ in positions]
    for group, position in zip(ds.PerFrameFunctionalGroupsSequence, positions, strict=True):
        group.PlanePositionSequence = [Dataset()]
        group.PlanePositionSequence[0].ImagePositionPatient = [f'{v:.10g}' for v in position]
    return ds
