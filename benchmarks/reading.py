"""How long reading takes beside other readers, and how much memory: ratios of one run.

    python benchmarks/reading.py [--data FOLDER] [--incumbent PYTHON] [--work FOLDER] [--only NAME ...]

Makes its own data, once, in the work folder: a dynamic of 2000 files (40 times, 50 slices of
128 x 128), a CT of 300 slices of 512 x 512, the same CT in JPEG 2000 and lossless JPEG, an enhanced file of
2000 frames, and an archive of 20 000 files of 200 series. Headers of the dynamic are those of a Siemens
file below `--data` (136 KB each), or synthetic ones of that size.

Peers are installed into an environment of their own in the work folder. Every program reads in a process of
its own, once to warm up, and then is timed; the programs take turns, and the median of all rounds counts.
Where others use the machine, the time of processors says more than that of the clock.
`--incumbent` is the Python of an environment with imagedata==3.10.0.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PEERS = ("dicomsdl==0.109.4", "SimpleITK", "dcm2niix", "pydicom", "numpy")
ROUNDS = 5

# --- programs -----------------------------------------------------------------------------------------
# Each is run as `python -c PROGRAM folder work`; prints seconds, seconds of all processors, peak memory.

_BEGIN = """
import json, resource, sys, time
folder, work = sys.argv[1:3]
def run(read):
    read()
    times = []
    for _ in range(3):
        began, worked = time.perf_counter(), used()
        result = read()
        times.append((time.perf_counter() - began, used() - worked))
        del result
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([*sorted(times)[1], peak]))
def used():
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime
"""

OURS = """
from imagedata import Series
run(lambda: Series(folder, ORDER))
"""

DICOMSDL = """
import os, dicomsdl, numpy as np
KEYS = ('SeriesInstanceUID', 'SOPInstanceUID', 'InstanceNumber', 'AcquisitionTime', 'ImagePositionPatient',
        'ImageOrientationPatient', 'PixelSpacing', 'SliceLocation', 'RescaleSlope', 'RescaleIntercept',
        'Rows', 'Columns')
def read():
    names = sorted(os.listdir(folder))
    stack, headers = None, []
    for i, name in enumerate(names):
        image = dicomsdl.open_file(os.path.join(folder, name))
        headers.append([image[key] for key in KEYS])
        pixels = image.pixelData(storedvalue=True)
        if stack is None:
            stack = np.empty((len(names), *pixels.shape), pixels.dtype)
        stack[i] = pixels
    return stack, headers
run(read)
"""

SIMPLEITK = """
import SimpleITK as sitk
def read():
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(folder))
    return sitk.GetArrayFromImage(reader.Execute())
run(read)
"""

PYDICOM = """
import os, numpy as np, pydicom
def read():
    names = sorted(os.listdir(folder))
    return np.stack([pydicom.dcmread(os.path.join(folder, name)).pixel_array for name in names])
run(read)
"""

DCM2NIIX = """
import os, subprocess
def read():
    program = os.path.join(os.path.dirname(sys.executable), 'dcm2niix')
    out = os.path.join(work, 'nifti')
    os.makedirs(out, exist_ok=True)
    subprocess.run([program, '-z', 'n', '-b', 'n', '-w', '1', '-o', out, '-f', 'x', folder], check=True,
                   stdout=subprocess.DEVNULL)
run(read)
"""

BYTES = """
import os
def read():
    return [open(os.path.join(folder, name), 'rb').read() for name in sorted(os.listdir(folder))]
run(read)
"""

CATALOGUE = """
from imagedata.formats.dicom.catalogue import catalogue, files_in
run(lambda: catalogue(files_in(folder)))
"""

CASES: dict[str, tuple[str, dict[str, str]]] = {
    "dynamic": ("time", {"dicomsdl": DICOMSDL, "SimpleITK": SIMPLEITK, "pydicom": PYDICOM,
                         "dcm2niix": DCM2NIIX, "bytes": BYTES}),
    "ct": ("none", {"dicomsdl": DICOMSDL, "SimpleITK": SIMPLEITK, "pydicom": PYDICOM,
                    "dcm2niix": DCM2NIIX, "bytes": BYTES}),
    "jpeg2000": ("none", {"SimpleITK": SIMPLEITK, "dcm2niix": DCM2NIIX}),
    "lossless_jpeg": ("none", {"SimpleITK": SIMPLEITK, "dcm2niix": DCM2NIIX}),
    "enhanced": ("time", {"pydicom": PYDICOM, "bytes": BYTES}),
}  # fmt: skip
"""Name to the order that it is sorted on, and its peers."""


# --- data -----------------------------------------------------------------------------------------


def once(folder: Path, make: Callable[[Path], None]) -> Path:
    """Return a folder, which a function fills when it is not there yet."""
    if not folder.exists():
        part = folder.with_suffix(".part")
        part.mkdir(parents=True, exist_ok=True)
        make(part)
        part.rename(folder)
    return folder


def template(data: Path | None, modality: str) -> Any:
    """Return the header to make a series of: a real one with much in it, else a synthetic one."""
    import pydicom

    name = {"MR": "siemens_prone", "CT": "ct_3slice"}[modality]
    found = sorted((data / name).rglob("*.dcm")) if data is not None else []
    if found:
        return pydicom.dcmread(found[0])
    return synthetic(modality)


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


def make_dynamic(folder: Path, data: Path | None, times: int = 40, slices: int = 50) -> None:
    import numpy as np
    from pydicom.uid import generate_uid

    ds = template(data, "MR")
    ds.SeriesInstanceUID, ds.Rows, ds.Columns = generate_uid(), 128, 128
    csa = ds[0x00291010].value if 0x00291010 in ds else b""
    rng = np.random.default_rng(0)
    for number in range(times * slices):
        t, z = divmod(number, slices)
        if csa:  # the image's own header, in the files of a scanner as well
            ds[0x00291010].value = csa[:5000] + number.to_bytes(4, "little") + csa[5004:]
        ds.PixelData = rng.integers(0, 4000, (128, 128), dtype=np.uint16).tobytes()
        clock = f"10{t * 3 // 60:02d}{t * 3 % 60:02d}.500000"
        save_image(ds, folder / f"{number:05d}.dcm", 2.5 * z, number + 1, clock)


def make_ct(folder: Path, data: Path | None) -> None:
    import numpy as np
    from pydicom.uid import generate_uid
    from scipy.ndimage import gaussian_filter

    ds = template(data, "CT")
    ds.SeriesInstanceUID, ds.Rows, ds.Columns = generate_uid(), 512, 512
    noise = gaussian_filter(np.random.default_rng(0).normal(1000, 900, (512, 512)), 2)
    image = np.clip(noise, 0, 4000).astype(np.uint16)
    for z in range(300):
        ds.PixelData = np.roll(image, z, 0).tobytes()
        save_image(ds, folder / f"{z:05d}.dcm", 1.25 * z, z + 1, "101010")


def make_compressed(folder: Path, source: Path, syntax: str) -> None:
    """Compress a series: JPEG 2000 by pydicom's encoder, lossless JPEG by dcmtk's dcmcjpeg."""
    import pydicom

    for path in sorted(source.iterdir()):
        if syntax == "lossless_jpeg":
            subprocess.run(["dcmcjpeg", "+e1", "+un", path, folder / path.name], check=True)
        else:
            ds = pydicom.dcmread(path)
            kind = pydicom.uid.JPEG2000Lossless
            ds.compress(kind, encoding_plugin="pylibjpeg", generate_instance_uid=False)
            ds.save_as(folder / path.name)


def make_enhanced(folder: Path, frames: int = 2000) -> None:
    """An enhanced MR object of 40 times and 50 slices, with the functional groups that it must have."""
    import numpy as np
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


def make_archive(folder: Path, data: Path | None, series: int = 200, images: int = 100) -> None:
    """Make an archive of small images: each is a file of its own, as in a real one."""
    import numpy as np
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


# --- measuring --------------------------------------------------------------------------------------


def peers(work: Path) -> str:
    """Return the Python of an environment with the peers."""
    folder = work / "peers"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PEERS], check=True)
    return str(python)


def measured(python: str, program: str, folder: Path, work: Path) -> tuple[float, float, float]:
    """Return seconds, seconds of all processors, and peak memory in MB of one program."""
    done = subprocess.run(
        [python, "-W", "ignore", "-c", _BEGIN + program, str(folder), str(work)],
        capture_output=True, text=True, check=False, cwd=work,
    )  # fmt: skip
    if done.returncode:
        print(done.stderr[-800:], file=sys.stderr)
        return float("nan"), float("nan"), float("nan")
    seconds, worked, peak = json.loads(done.stdout.splitlines()[-1])
    return seconds, worked, peak


def compared(name: str, folder: Path, args: argparse.Namespace) -> None:
    """Print the medians of a case, and how they relate to ours."""
    order, programs = CASES[name]
    ours = OURS.replace("ORDER", repr(order))
    rows: dict[str, tuple[str, str]] = {"imagedata": (sys.executable, ours)}
    if args.incumbent and name in ("dynamic", "ct"):
        rows["incumbent"] = (args.incumbent, ours.replace("imagedata", "imagedata.series", 1))
    python = peers(args.work)
    rows |= {peer: (python, program) for peer, program in programs.items()}
    found: dict[str, list[tuple[float, float, float]]] = {row: [] for row in rows}
    for _ in range(args.rounds):
        for row, (interpreter, program) in rows.items():
            found[row].append(measured(interpreter, program, folder, args.work))
    own = medians(found["imagedata"])
    print(f"\n{name}", flush=True)
    for row, results in found.items():
        seconds, worked, peak = medians(results)
        print(
            f"  {row:12} {seconds:8.3f} s  {peak:7.0f} MB   {seconds / own[0]:6.2f} x ours   "
            f"(processors {worked:8.3f} s, {worked / own[1]:6.2f} x)", flush=True,
        )  # fmt: skip


def medians(results: list[tuple[float, float, float]]) -> list[float]:
    return [statistics.median(column) for column in zip(*results, strict=True)]


def catalogued(folder: Path, args: argparse.Namespace) -> None:
    count = sum(1 for _ in folder.rglob("*.dcm"))
    results = [measured(sys.executable, CATALOGUE, folder, args.work) for _ in range(args.rounds)]
    seconds, _, peak = medians(results)
    print(f"\ncatalogue\n  {count} files: {count / seconds:.0f} files/s, peak {peak:.0f} MB")


def imported(args: argparse.Namespace) -> None:
    """Print how long `import imagedata` takes beyond NumPy."""
    times: dict[str, list[float]] = {"numpy": [], "imagedata": []}
    for _ in range(3 * args.rounds):
        for name, found in times.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", f"import {name}"], check=True)
            found.append(time.perf_counter() - began)
    beyond = statistics.median(times["imagedata"]) - statistics.median(times["numpy"])
    print(f"\nimport imagedata beyond NumPy: {beyond:.3f} s")


def cases(args: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    """Yield the name and the folder of each case, made when it is wanted."""
    work, data = args.work, args.data
    makers: dict[str, Callable[[Path], None]] = {
        "dynamic": lambda f: make_dynamic(f, data),
        "ct": lambda f: make_ct(f, data),
        "jpeg2000": lambda f: make_compressed(f, once(work / "ct", makers["ct"]), "jpeg2000"),
        "lossless_jpeg": lambda f: make_compressed(f, once(work / "ct", makers["ct"]), "lossless_jpeg"),
        "enhanced": make_enhanced,
        "catalogue": lambda f: make_archive(f, data),
    }
    for name, make in makers.items():
        if not args.only or name in args.only:
            yield name, once(work / name, make)


def main() -> None:
    """Make the data, run all cases, and print ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of real series, as the tests use it")
    parser.add_argument("--incumbent", help="Python with imagedata==3.10.0")
    parser.add_argument("--work", type=Path, default=Path("benchmarks") / "work", help="for data and peers")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", nargs="*", default=(), help="names of cases")
    args = parser.parse_args()
    args.work = args.work.absolute()
    args.work.mkdir(parents=True, exist_ok=True)
    for name, folder in cases(args):
        if name == "catalogue":
            catalogued(folder, args)
        else:
            compared(name, folder, args)
    if not args.only or "import" in args.only:
        imported(args)


if __name__ == "__main__":
    main()
