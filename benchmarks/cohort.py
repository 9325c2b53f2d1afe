"""How long a cohort of many series takes to catalogue, sort and convert, and how much memory.

Makes `--series` series (200) of `--files` files each (100), and measures in processes of their own:
the catalogue, sorting every series by its headers, converting all to NIfTI; the same interrupted
half-way by a signal and resumed. Prints a line for each: what, seconds, files per
second, greatest memory in MB.

    python benchmarks/cohort.py --folder /tmp/cohort
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

SIZE = 128
PATIENTS = 20


def make(folder: Path, series: int, files: int) -> None:
    """Write a cohort: each series 10 times of slices of SIZE x SIZE, in folders of patients."""
    import pydicom
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

    rng = np.random.default_rng(1)
    noise = rng.integers(0, 1000, (SIZE, SIZE), dtype=np.uint16)
    times = 10 if files % 10 == 0 else 1
    for number in range(series):
        patient = number % PATIENTS
        target = folder / f'{patient:03}' / f'{number:04}'
        target.mkdir(parents=True)
        for image in range(files):
            ds = Dataset()
            ds.file_meta = FileMetaDataset()
            ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = MRImageStorage
            ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f'2.25.1{number:05}{image:05}'
            ds.StudyInstanceUID, ds.SeriesInstanceUID = f'2.25.2{patient:05}', f'2.25.3{number:05}'
            ds.FrameOfReferenceUID = f'2.25.4{patient:05}'
            ds.PatientID, ds.PatientName, ds.Modality = f'P{patient:03}', f'Case^{patient}', 'MR'
            ds.SeriesNumber, ds.InstanceNumber = number // PATIENTS + 1, image + 1
            ds.AcquisitionTime = f'1000{image % times:02}'
            ds.ImagePositionPatient = [0, 0, 3 * (image // times)]
            ds.ImageOrientationPatient, ds.PixelSpacing, ds.SliceThickness = [1, 0, 0, 0, 1, 0], [2, 2], 3
            ds.Rows = ds.Columns = SIZE
            ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, 'MONOCHROME2'
            ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
            ds.PixelData = (noise + number).tobytes()
            pydicom.dcmwrite(target / f'{image:05}', ds, enforce_file_format=True)


def catalogue(folder: Path) -> None:
    """Find the series."""
    from imagedata.collection import Cohort

    print(len(Cohort(folder).to_records()))


def sort(folder: Path) -> None:
    """Sort every series by its headers alone."""
    from imagedata.collection import Cohort

    print(sum(s.header.images is not None for _, s in Cohort(folder, headers_only=True).stream()))


def walk(folder: Path) -> None:
    """Read every series, one after the other."""
    from imagedata.collection import Cohort

    print(len(Cohort(folder).map(np.max).values))


def measured(what: str, command: list[str], files: int) -> None:
    """Run a program, and print time and memory."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - began
    assert status == 0, (what, status)
    memory = usage.ru_maxrss / 1024
    print(f'{what:32} {took:8.1f} s {files / took:8.0f} files/s {memory:6.0f} MB', flush=True)


def interrupted(command: list[str], ledger: Path, half: int) -> None:
    """Run a program, and end it by a signal when half of the work is noted."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        if ledger.exists() and len(ledger.read_text().splitlines()) >= half:
            process.send_signal(signal.SIGTERM)
            break
        time.sleep(0.05)
    process.wait()


def main() -> None:
    """Make the cohort, and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--folder', type=Path, required=True)
    parser.add_argument('--series', type=int, default=200)
    parser.add_argument('--files', type=int, default=100)
    parser.add_argument('--jobs', default='2')
    parser.add_argument('--only', choices=('catalogue', 'sort', 'walk'))
    given = parser.parse_args()
    source, out, ledger = given.folder / 'in', given.folder / 'out', given.folder / 'done'
    if given.only:
        {'catalogue': catalogue, 'sort': sort, 'walk': walk}[given.only](source)
        return
    if not source.exists():
        make(source, given.series, given.files)
    total = given.series * given.files
    own = [sys.executable, __file__, '--folder', str(given.folder), '--only']
    for what in ('catalogue', 'sort', 'walk'):
        measured(what, [*own, what], total)
    convert = [sys.executable, '-m', 'imagedata.cli.data', '--of', 'nifti']
    for path in (out, ledger):
        shutil.rmtree(path, ignore_errors=True)
    at_once = [*convert, '--jobs', given.jobs, str(out), str(source)]
    measured(f'convert, {given.jobs} processes', at_once, total)
    shutil.rmtree(out)
    ledger.unlink(missing_ok=True)
    resumed = [*convert, '--resume', str(ledger), str(out), str(source)]
    interrupted(resumed, ledger, given.series // 2)
    half = len(ledger.read_text().splitlines())
    measured('the rest, after a signal', resumed, (given.series - half) * given.files)
    written = sorted(out.rglob('*.nii.gz'))
    noted = [json.loads(line)['series'] for line in ledger.read_text().splitlines()]
    assert len(written) == len(noted) == len(set(noted)) == given.series, (len(written), len(noted))
    print(f'{half} series before the signal; {len(written)} series in the end, each once')


if __name__ == '__main__':
    main()
