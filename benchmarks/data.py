"""The files that the benchmarks read: made from the header of a real file where there is one.

A dynamic of 50 slices of 128 x 128 and any number of times, with the header of a Siemens file (136 KB each);
a CT of 512 x 512, as it is and compressed; an enhanced file; an archive of many small series.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

SLICES = 50


def once(folder: Path, make: Callable[[Path], None]) -> Path:
    """Return a folder, which a function fills when it is not there yet."""
    if not folder.exists():
        part = folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        make(part)
        part.rename(folder)
    return folder


def template(data: Path, modality: str) -> Any:
    """Return the header to make a series of: a real one with much in it, else a synthetic one."""
    import pydicom

    archive = data / {"MR": "siemens_prone.zip", "CT": "ct_3slice.zip"}[modality]
    if not archive.exists():
        return synthetic(modality)
    with zipfile.ZipFile(archive) as members:
        first = min(name for name in members.namelist() if name.endswith(".dcm"))
        return pydicom.dcmread(BytesIO(members.read(first)))


def synthetic(modality: str) -> Any:
    """Return a header of 120 elements; for MR with private elements of 130 KB."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    kind = "1.2.840.10008.5.1.4.1.1.4" if modality == "MR" else "1.2.840.10008.5.1.4.1.1.2"
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = kind
    ds.Modality, ds.PatientName, ds.PatientID = modality, "Bench^Mark", "B1"
    ds.StudyInstanceUID, ds.FrameOfReferenceUID = generate_uid(), generate_uid()
    ds.SeriesNumber, ds.PixelSpacing, ds.SliceThickness = 1, [1, 1], 2
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    if modality == "MR":
        csa = ds.private_block(0x29, "SIEMENS CSA HEADER", create=True)
        csa.add_new(0x10, "OB", os.urandom(11_000))
        csa.add_new(0x20, "OB", os.urandom(120_000))
    else:
        ds.RescaleSlope, ds.RescaleIntercept = 1, -1024
    block = ds.private_block(0x19, "BENCHMARK", create=True)
    for number in range(90):
        block.add_new(number, "LO", f"value {number}")
    return ds


def save_image(ds: Any, path: Path, place: float, number: int, clock: str) -> None:
    """Save one image of a series, with what differs from image to image."""
    from pydicom.uid import generate_uid

    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ds.InstanceNumber = number
    ds.AcquisitionTime = ds.ContentTime = clock
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.ImagePositionPatient = ["-100", "-100", f"{place:.8g}"]
    ds.SliceLocation = f"{place:.8g}"
    ds.save_as(path, enforce_file_format=True)


def make_dynamic(folder: Path, data: Path, files: int) -> None:
    """Make a dynamic of some files, 50 of each time."""
    from pydicom.uid import generate_uid

    ds = template(data, "MR")
    ds.SeriesInstanceUID, ds.Rows, ds.Columns = generate_uid(), 128, 128
    csa = ds[0x00291010].value if 0x00291010 in ds else b""
    rng = np.random.default_rng(0)
    for number in range(files):
        t, z = divmod(number, SLICES)
        if csa:  # the image's own header, in the files of a scanner as well
            ds[0x00291010].value = csa[:5000] + number.to_bytes(4, "little") + csa[5004:]
        ds.PixelData = rng.integers(0, 4000, (128, 128), dtype=np.uint16).tobytes()
        clock = f"10{t * 3 // 60:02d}{t * 3 % 60:02d}.500000"
        save_image(ds, folder / f"{number:05d}.dcm", 2.5 * z, number + 1, clock)


def make_ct(folder: Path, data: Path, files: int) -> None:
    """Make a CT of some slices, smooth with noise."""
    from pydicom.uid import generate_uid
    from scipy.ndimage import gaussian_filter

    ds = template(data, "CT")
    ds.SeriesInstanceUID, ds.Rows, ds.Columns = generate_uid(), 512, 512
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    noise = gaussian_filter(np.random.default_rng(0).normal(1000, 900, (512, 512)), 2)
    image = np.clip(noise, 0, 4000).astype(np.uint16)
    for z in range(files):
        ds.PixelData = np.roll(image, z, 0).tobytes()
        save_image(ds, folder / f"{z:05d}.dcm", 1.25 * z, z + 1, "101010")


def make_compressed(folder: Path, source: Path, syntax: str) -> None:
    """Compress the files of a series without loss: 'jpeg2000' or 'jpeg' (process 14)."""
    import imagecodecs
    import pydicom
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1

    for path in sorted(source.iterdir()):
        ds = pydicom.dcmread(path)
        if syntax == "jpeg2000":
            ds.compress(JPEG2000Lossless, generate_instance_uid=False)
        else:
            stream = imagecodecs.jpeg8_encode(ds.pixel_array, lossless=True, predictor=1, bitspersample=12)
            ds.PixelData = encapsulate([stream])
            ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
            ds.file_meta.TransferSyntaxUID = JPEGLosslessSV1
        ds.save_as(folder / path.name, enforce_file_format=True)


def make_enhanced(folder: Path, frames: int) -> None:
    """Make an enhanced MR object of 50 slices, with the functional groups that it must have."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence
    from pydicom.uid import generate_uid

    def item(**elements: Any) -> Any:
        made = Dataset()
        for keyword, value in elements.items():
            setattr(made, keyword, value)
        return made

    ds = synthetic("CT")
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
    ds.Modality, ds.SeriesInstanceUID, ds.NumberOfFrames = "MR", generate_uid(), frames
    del ds.RescaleSlope, ds.RescaleIntercept
    ds.Rows = ds.Columns = 128
    ds.SharedFunctionalGroupsSequence = Sequence([item(
        PixelMeasuresSequence=Sequence([item(PixelSpacing=[1, 1], SliceThickness=2)]),
        PlaneOrientationSequence=Sequence([item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]),
    )])  # fmt: skip
    ds.PerFrameFunctionalGroupsSequence = Sequence([
        item(
            FrameContentSequence=Sequence([item(
                FrameAcquisitionDateTime=f"2026010110{n // 50 * 3 // 60:02d}{n // 50 * 3 % 60:02d}.5",
                StackID="1", InStackPositionNumber=n % 50 + 1, TemporalPositionIndex=n // 50 + 1,
                DimensionIndexValues=[1, n % 50 + 1, n // 50 + 1],
            )]),
            PlanePositionSequence=Sequence([item(ImagePositionPatient=[0, 0, 2.5 * (n % 50)])]),
            PixelValueTransformationSequence=Sequence([
                item(RescaleSlope=1, RescaleIntercept=0, RescaleType="US"),
            ]),
            FrameVOILUTSequence=Sequence([item(WindowCenter=100, WindowWidth=200)]),
            MREchoSequence=Sequence([item(EffectiveEchoTime=2.5)]),
        )
        for n in range(frames)
    ])  # fmt: skip
    rng = np.random.default_rng(0)
    ds.PixelData = rng.integers(0, 4000, (frames, 128, 128), dtype=np.uint16).tobytes()
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ds.save_as(folder / "enhanced.dcm", enforce_file_format=True)


def make_archive(folder: Path, data: Path, series: int, images: int = 100) -> None:
    """Make an archive of small images: each is a file of its own, as in a real one."""
    from pydicom.uid import generate_uid

    ds = template(data, "MR")
    ds.Rows = ds.Columns = 16
    ds.PixelData = np.zeros((16, 16), np.uint16).tobytes()
    for tag in (0x00291010, 0x00291020):
        if tag in ds:
            ds[tag].value = ds[tag].value[:2000]
    for s in range(series):
        (folder / f"{s:03d}").mkdir()
        ds.SeriesInstanceUID, ds.SeriesNumber, ds.PatientID = generate_uid(), s, f"P{s // 4}"
        for i in range(images):
            save_image(ds, folder / f"{s:03d}" / f"{i:04d}.dcm", 2.0 * i, i + 1, "101010")




def unique_bytes(folder: Path) -> int:
    """Return how many bytes the headers in a folder have, each value of an element counted once."""
    import pydicom

    seen: dict[int, int] = {}
    for path in folder.iterdir():
        header = pydicom.dcmread(path, stop_before_pixels=True)
        for tag in header.keys():  # noqa: SIM118 (elements stay unparsed)
            value = header.get_item(tag).value
            if isinstance(value, bytes):
                seen[hash((tag, value))] = len(value)
    return sum(seen.values())


def make_volume(path: Path, times: int) -> None:
    """Save the values of a head-like dynamic, 50 x 128 x 128, with noise and an empty background."""
    rng = np.random.default_rng(0)
    z, y, x = np.meshgrid(*[np.linspace(-1, 1, n) for n in (SLICES, 128, 128)], indexing="ij")
    inside = x**2 + y**2 + z**2 < 0.8
    volume = 800 * inside * (1 + 0.3 * np.sin(9 * x) * np.cos(7 * y))
    uptake = 1 + 0.3 * np.linspace(0, 1, times)[:, None, None, None]
    noise = rng.normal(0, 8, (times, *volume.shape))
    np.save(path / "values.npy", np.abs(volume * uptake + noise).astype(np.int16))
