"""What array operations cost on a Series, beside plain NumPy and the incumbent imagedata 3.10.

    python benchmarks/overhead.py [--incumbent PYTHON] [--random COUNT]

The series has 2000 images (40 times, 50 slices of 128 x 128 voxels) with a header of 120
elements each. `--incumbent` is the Python of another environment, with imagedata==3.10.0 in it:
the same files are read and timed there. `--random` compares that many random index
expressions with plain arrays, and does nothing else.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

TIMES, SLICES, ROWS, COLUMNS = 40, 50, 128, 128
REPEAT = 7

OPERATIONS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "x + 1, one image": lambda s, x, big: x + 1,
    "s[:, 3:9, 10:50]": lambda s, x, big: s[:, 3:9, 10:50],
    "s[0]": lambda s, x, big: s[0],
    "s[3, 4]": lambda s, x, big: s[3, 4],
    "s[3, 4] and its header": lambda s, x, big: s[3, 4].header if hasattr(s, "header") else s[3, 4],
    "x > 3, one image": lambda s, x, big: x > 3,
    "x.sum()": lambda s, x, big: x.sum(),
    "x.T": lambda s, x, big: x.T,
    "s + s, 64 MB": lambda s, x, big: big + big,
    "s.mean(axis=0), 64 MB": lambda s, x, big: big.mean(axis=0),
    "np.median(s, axis=0), 64 MB": lambda s, x, big: np.median(big, axis=0),
}


def best(function: Callable[[], Any], seconds: float = 0.3) -> float:
    """Return the shortest mean time of one call, in s, of several rounds."""
    function()
    once = timeit.timeit(function, number=1)
    number = max(1, int(seconds / REPEAT / max(once, 1e-7)))
    return min(timeit.repeat(function, number=number, repeat=REPEAT)) / number


def pairs(s: Any, plain: Any) -> dict[str, tuple[float, float]]:
    """Time each operation on a Series and on its plain array, turn by turn."""
    big, plain_big = 1.0 * s[:10], 1.0 * plain[:10]
    assert plain_big.nbytes == 65_536_000
    x, plain_x = s[0, 0] * 1, plain[0, 0] * 1
    found = {}
    for name, operation in OPERATIONS.items():
        rounds = 3 if "MB" in name else 2
        ours = theirs = np.inf
        for _ in range(rounds):
            theirs = min(theirs, best(lambda o=operation: o(plain, plain_x, plain_big)))
            ours = min(ours, best(lambda o=operation: o(s, x, big)))
        found[name] = (ours, theirs)
    return found


def write_files(folder: Path) -> None:
    """Write the series, with a header of 120 elements an image, as a scanner would."""
    import pydicom
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

    rng = np.random.default_rng(0)
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    pixels = rng.integers(0, 4000, (ROWS, COLUMNS), dtype=np.uint16)
    for number in range(TIMES * SLICES):
        t, z = divmod(number, SLICES)
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = MRImageStorage
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = study, series, frame
        ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "Bench^Mark", "1", "", "O"
        ds.Modality, ds.SeriesNumber, ds.InstanceNumber = "MR", 1, number + 1
        ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = "20200101"
        ds.AcquisitionTime = ds.ContentTime = f"1200{t:02d}.0"
        ds.ImagePositionPatient, ds.ImageOrientationPatient = [0, 0, 3 * z], [1, 0, 0, 0, 1, 0]
        ds.PixelSpacing, ds.SliceThickness, ds.SpacingBetweenSlices = [2, 2], 3, 3
        ds.SliceLocation, ds.EchoTime, ds.RepetitionTime, ds.FlipAngle = 3 * z, 2, 5, 15
        ds.WindowCenter, ds.WindowWidth = 2000, 4000
        for i in range(80):
            ds.add_new((0x0019, 0x1000 + i), "LO", f"private value {i} of image {number}")
        ds.add_new((0x0019, 0x0010), "LO", "BENCHMARK")
        ds.Rows, ds.Columns, ds.SamplesPerPixel = ROWS, COLUMNS, 1
        ds.PhotometricInterpretation = "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
        ds.PixelData = (pixels + number).astype(np.uint16).tobytes()
        pydicom.dcmwrite(folder / f"{number:05d}.dcm", ds, enforce_file_format=True)


def measure(folder: str) -> dict[str, tuple[float, float]]:
    """Read the series with the imagedata of this Python, and time it."""
    from imagedata.series import Series

    s = Series(folder, "time")
    assert s.shape == (TIMES, SLICES, ROWS, COLUMNS), s.shape
    return pairs(s, np.array(s))


def import_time(python: str) -> float:
    """Return how long `import imagedata` takes after `import numpy`, in s: the median of several."""
    text = "import time, numpy; t = time.perf_counter(); import imagedata; print(time.perf_counter() - t)"
    times = []
    for _ in range(11):
        done = subprocess.run([python, "-I", "-c", text], capture_output=True, text=True, check=True)
        times.append(float(done.stdout.split()[-1]))
    return sorted(times)[5]


def table(ours: dict[str, Any], theirs: dict[str, Any] | None) -> None:
    """Print one line for each operation."""
    print(f"{'operation':32}{'NumPy':>12}{'Series':>12}{'more':>12}{'ratio':>8}{'imagedata 3.10':>18}")
    for name, (mine, plain) in ours.items():
        line = f"{name:32}{plain * 1e6:9.1f} µs{mine * 1e6:9.1f} µs{(mine - plain) * 1e6:9.1f} µs"
        line += f"{mine / plain:8.2f}"
        if theirs is not None:
            old = theirs[name][0]
            line += f"{old * 1e6:12.1f} µs ×{old / mine:.0f}"
        print(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--incumbent", metavar="PYTHON", help="Python with imagedata==3.10.0")
    parser.add_argument("--random", type=int, metavar="COUNT", help="compare random indices")
    parser.add_argument("--measure", metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return
    if options.random:
        sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
        from test_indexing import differ

        raised = differ(options.random, seed=7, verify=50)
        print(f"{options.random} random indices do as on plain arrays; {raised} of them raise")
        return
    print(f"import imagedata beyond NumPy: {import_time(sys.executable):.3f} s")
    if options.incumbent:
        print(f"the same, imagedata 3.10: {import_time(options.incumbent):.3f} s")
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder))
        results = []
        for python in [sys.executable, *([options.incumbent] if options.incumbent else [])]:
            done = subprocess.run(
                [python, __file__, "--measure", folder], capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise SystemExit(done.stderr)
            results.append(json.loads(done.stdout.splitlines()[-1]))
    table(results[0], results[1] if len(results) > 1 else None)


if __name__ == "__main__":
    main()
