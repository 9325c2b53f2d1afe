"""A cohort of many series: how long it takes to list, sort, read and convert, how much memory, and what
is left of it when the programs are ended in the middle again and again.

Makes `--series` series (200) of `--files` files each (100), and measures, in processes of their own:
the list of its series; sorting every series by its headers; reading every series; converting all to
NIfTI; `dicom_sort`, copying and moving. Then ends the programs by SIGINT, SIGTERM and SIGKILL at several
moments, goes on with them by the same command, and compares every file with what must be there.

    python benchmarks/cohort.py --folder /tmp/cohort --results benchmarks/RESULTS.md
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

SIZES = (32, 48, 64)
PATIENTS = 20
TIMES = 10
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
MOMENTS = (0.2, 0.5, 0.8)
"""How much of the work is done when it is interrupted: each time the rest is done by the next run."""


def pixels(number: int, image: int) -> np.ndarray:
    """Return the values of an image of a series."""
    size = SIZES[number % len(SIZES)]
    place = np.arange(size * size, dtype=np.uint32).reshape(size, size)
    return ((place * 13 + number * 101 + image * 7) % 4001).astype(np.uint16)


def make(folder: Path, series: int, files: int) -> None:
    """Write a cohort: each series 10 times of slices, in folders of patients."""
    import pydicom
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

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
            ds.SeriesNumber, ds.InstanceNumber = number, image + 1
            ds.AcquisitionTime = f'1000{image % TIMES:02}'
            ds.ImagePositionPatient = [0, 0, 3 * (image // TIMES)]
            ds.ImageOrientationPatient, ds.PixelSpacing, ds.SliceThickness = [1, 0, 0, 0, 1, 0], [2, 2], 3
            values = pixels(number, image)
            ds.Rows, ds.Columns = values.shape
            ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, 'MONOCHROME2'
            ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
            ds.PixelData = values.tobytes()
            pydicom.dcmwrite(target / f'{image:05}', ds, enforce_file_format=True)


# --- what is measured -----------------------------------------------------------------------------


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


PARTS = {'list': catalogue, 'sort every series by its headers': sort, 'read every series': walk}


def measured(command: list[str]) -> tuple[float, float, float]:
    """Run a program; return seconds, those of processors, and the greatest memory of a process in MB."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, (command, status)
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def program(module: str, *arguments: object) -> list[str]:
    """Return the command of a program of imagedata."""
    return [sys.executable, '-m', f'imagedata.cli.{module}', *map(str, arguments)]


def times(folder: Path, total: int, jobs: str) -> list[str]:
    """Return a line of a table for each part of the work."""
    source, out = folder / 'in', folder / 'out'
    own = [sys.executable, __file__, '--folder', str(folder), '--only']
    commands = {what: [*own, what] for what in PARTS}
    commands[f'convert to NIfTI, {jobs} processes'] = program(
        'data', '--of', 'nifti', '--jobs', jobs, out, source
    )
    commands['`dicom_sort`'] = program('sort', out, source)
    commands['`dicom_sort --move`'] = program('sort', '--move', out, folder / 'moved')
    rows = []
    for what, command in commands.items():
        _removed(out)
        if command[-1] == str(folder / 'moved'):
            shutil.copytree(source, folder / 'moved')
        seconds, worked, memory = measured(command)
        rows.append(f'| {what} | {seconds:.1f} | {worked:.1f} | {total / worked:.0f} | {memory:.0f} MB |')
        print(rows[-1], flush=True)
    shutil.rmtree(folder / 'moved')
    shutil.rmtree(out)
    return rows


def _removed(path: Path) -> None:
    """Remove a file or folder that may be there."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


# --- interrupted ----------------------------------------------------------------------------------


class Interrupted:
    """Runs a program that is ended by a signal at several moments, and then once to its end.

    Parameters
    ----------
    command : list of str
    done : function
        Tells how much of the work is done, 0 to 1.
    """

    def __init__(self, command: list[str], done: Callable[[], float]) -> None:
        self._command = command
        self._done = done

    def run(self, number: signal.Signals) -> list[float]:
        """Return how much was done at the end of each run that was ended; the last run ends by itself."""
        reached = []
        for moment in MOMENTS:
            process = subprocess.Popen(
                self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )  # fmt: skip
            while process.poll() is None and self._done() < moment:
                time.sleep(0.02)
            process.send_signal(number)
            status = process.wait()
            # The second, of a signal that comes before or after the work.
            assert status in (128 + number, -number), status
            reached.append(self._done())
            assert reached[-1] < 1, 'it was ended before it was done'
        subprocess.run(self._command, stdout=subprocess.DEVNULL, check=True)
        return reached


def files_in(folder: Path) -> Counter[str]:
    """Return the hashes of all files in a folder, those with a dot as well."""
    return Counter(
        hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob('*') if path.is_file()
    )


def sorted_anyhow(folder: Path, number: signal.Signals, *, move: bool) -> list[float]:
    """Sort with interruptions, and check that each file is there once, byte by byte."""
    source, out = folder / 'in', folder / 'out'
    if move:
        source = folder / 'moved'
        shutil.copytree(folder / 'in', source)
    wanted = files_in(source)
    command = program('sort', *(['--move'] if move else []), out, source)
    counted = _Counting(out)
    reached = Interrupted(command, lambda: counted.number / wanted.total()).run(number)
    counted.end()
    assert files_in(out) == wanted, 'every file is there, and none twice'
    assert files_in(source) == (Counter() if move else wanted)
    shutil.rmtree(out)
    if move:
        shutil.rmtree(source)
    return reached


class _Counting(threading.Thread):
    """Counts the files in a folder while others write there."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self._folder = folder
        self._ended = threading.Event()
        self.number = 0
        self.start()

    def run(self) -> None:
        while not self._ended.wait(0.1):
            self.number = sum(len(names) for _, _, names in os.walk(self._folder))

    def end(self) -> None:
        self._ended.set()
        self.join()


def converted_anyhow(folder: Path, number: signal.Signals, series: int, files: int, jobs: str) -> list[float]:
    """Convert with interruptions, and check every voxel of every series."""
    import nibabel

    source, out, ledger = folder / 'in', folder / 'out', folder / 'done'
    command = program('data', '--of', 'nifti', '--jobs', jobs, '--resume', ledger, out, source)

    def done() -> float:
        return ledger.read_bytes().count(b'\n') / (series + 1) if ledger.exists() else 0.0

    reached = Interrupted(command, done).run(number)
    written = [path for path in out.rglob('*') if path.is_file()]
    assert len(written) == series, 'one file for each series, and nothing else'
    slices = -(-files // TIMES)
    for path in written:
        found = np.asarray(nibabel.load(path).dataobj)
        which = int(path.name.split('.')[0])
        images = [[pixels(which, z * TIMES + t) for t in range(TIMES)] for z in range(slices)]
        # Columns, rows from below, slices, times.
        assert np.array_equal(found, np.array(images).transpose(3, 2, 0, 1)[:, ::-1]), path
    shutil.rmtree(out)
    ledger.unlink()
    return reached


def interruptions(folder: Path, series: int, files: int, jobs: str) -> list[str]:
    """Return a line of a table for each program and signal."""
    programs: dict[str, Callable[[signal.Signals], list[float]]] = {
        f'`image_data --jobs {jobs} --resume`': lambda n: converted_anyhow(folder, n, series, files, jobs),
        '`dicom_sort`': lambda n: sorted_anyhow(folder, n, move=False),
        '`dicom_sort --move`': lambda n: sorted_anyhow(folder, n, move=True),
    }
    rows = []
    for what, run in programs.items():
        for number in SIGNALS:
            reached = ', '.join(f'{100 * part:.0f} %' for part in run(number))
            rows.append(f'| {what} | {number.name} | {reached} | all of it, once |')
            print(rows[-1], flush=True)
    return rows


# --- results --------------------------------------------------------------------------------------

SECTION = """## A cohort

`python benchmarks/cohort.py`: {series} series of {files} files ({sizes} pixels a side), {patients} patients,
{total} files, on {processors} processors; load of the machine when it ended: {load:.1f}. Files a second are
those of processor time.

| work | s | s of processors | files/s | greatest memory of a process |
|---|---|---|---|---|
{times}

A series is forgotten when it is done: memory is that of Python, NumPy, pydicom and the list of files.

Ended by a signal at these parts of the work, each time gone on with by the same command. In the end every
file (sorting) or voxel (conversion) was compared with what must be there, and there is no file beside them.

| program | signal | ended at | found in the end |
|---|---|---|---|
{interruptions}

"""


def write_results(path: Path, text: str) -> None:
    """Put the section in place of an older one, or at the end."""
    before = path.read_text() if path.exists() else ''
    rest = re.sub(r'## A cohort\n.*?(?=^## |\Z)', '', before, flags=re.DOTALL | re.MULTILINE)
    path.write_text(rest.rstrip() + '\n\n' + text.rstrip() + '\n')


def main() -> None:
    """Make the cohort, measure, and interrupt."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--folder', type=Path, required=True)
    parser.add_argument('--series', type=int, default=200)
    parser.add_argument('--files', type=int, default=100)
    parser.add_argument('--jobs', default='2')
    parser.add_argument('--results', type=Path, help='file of results: the section on cohorts is replaced')
    parser.add_argument('--only', choices=list(PARTS))
    given = parser.parse_args()
    if given.files % TIMES:
        parser.error(f'--files has to be a multiple of {TIMES}')
    source, total = given.folder / 'in', given.series * given.files
    if given.only:
        PARTS[given.only](source)
        return
    if not source.exists():
        make(source, given.series, given.files)
    for left in ('out', 'moved', 'done'):
        _removed(given.folder / left)
    text = SECTION.format(
        series=given.series, files=given.files, sizes=', '.join(map(str, SIZES)), patients=PATIENTS,
        total=total, processors=os.cpu_count(),
        times='\n'.join(times(given.folder, total, given.jobs)),
        interruptions='\n'.join(interruptions(given.folder, given.series, given.files, given.jobs)),
        load=os.getloadavg()[0],
    )  # fmt: skip
    if given.results:
        write_results(given.results, text)


if __name__ == '__main__':
    main()
