"""What is measured: small programs, each for a process of its own, of this library and of others.

Each is run as `python -c BEGIN + program FOLDER OUT`, and ends with `run(work)`, which prints seconds,
seconds of all processors, and peak memory in MB. `prepare` is run before each turn of the work, and not
timed.
"""

from __future__ import annotations

BEGIN = """
import json, os, resource, shutil, statistics, sys, time
folder, out = sys.argv[1:3]
def used():
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime
def peak():
    try:  # of this program alone: what getrusage tells counts the process that started it as well
        status = open('/proc/self/status').read()
        return int(status.partition('VmHWM:')[2].split()[0]) / 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
def emptied():
    # ext4 does not use the number of a removed file again for some minutes, and looks at all of them for each
    # file that is made: what was written is cut off and put aside, and removed when all has been measured.
    aside = os.path.join(os.path.dirname(out), 'aside')
    os.makedirs(aside, exist_ok=True)
    if os.path.isdir(out):
        for place, _, names in os.walk(out):
            for name in names:
                os.truncate(os.path.join(place, name), 0)
        os.rename(out, os.path.join(aside, str(time.time_ns())))
def run(work, prepare=lambda: None):
    times, total = [], 0.0
    for turn in range(4):
        prepare()
        began, worked = time.perf_counter(), used()
        result = work()
        took = time.perf_counter() - began
        if turn or took > 3:  # the first one warms up, which shows in short ones
            times.append((took, used() - worked))
            total += took
        del result
        if total > 1.5:
            break
    middle = [statistics.median(column) for column in zip(*times)]
    print(json.dumps([*middle, peak()]))
"""

IMAGEDATA = """
from imagedata.series import Series
run(lambda: Series(folder, ORDER))
"""

DICOMSDL = """
import dicomsdl, numpy as np
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
import numpy as np, pydicom
def read():
    names = sorted(os.listdir(folder))
    return np.stack([pydicom.dcmread(os.path.join(folder, name)).pixel_array for name in names])
run(read)
"""

DCM2NIIX = """
import subprocess
program = os.path.join(os.path.dirname(sys.executable), 'dcm2niix')
def convert():
    subprocess.run([program, '-z', 'LEVEL', '-b', 'n', '-w', '1', '-o', out, '-f', 'x', folder], check=True,
                   stdout=subprocess.DEVNULL)
def prepare():
    emptied()
    os.makedirs(out)
run(convert, prepare)
"""

BYTES = """
def read():
    return [open(os.path.join(folder, name), 'rb').read() for name in sorted(os.listdir(folder))]
run(read)
"""

CONVERT = """
import subprocess
program = os.path.join(os.path.dirname(sys.executable), 'image_data')
command = [program, '--order', 'ORDER', out + '.nii.gz', folder]
def prepare():
    if os.path.exists(out + '.nii.gz'):
        os.remove(out + '.nii.gz')
run(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL), prepare)
"""

WRITE = """
import warnings
warnings.simplefilter('ignore')
from imagedata.series import Series
s = Series(folder, 'time')
run(lambda: s.write(out, formats=['dicom']), emptied)
"""

WRITE_PYDICOM = """
import pydicom
images = [pydicom.dcmread(os.path.join(folder, name)) for name in sorted(os.listdir(folder))]
def write():
    os.makedirs(out)
    for number, image in enumerate(images):
        image.save_as(os.path.join(out, f'{number}.dcm'))
run(write, emptied)
"""

WRITE_BYTES = """
images = [open(os.path.join(folder, name), 'rb').read() for name in sorted(os.listdir(folder))]
def write():
    os.makedirs(out)
    for number, image in enumerate(images):
        with open(os.path.join(out, f'{number}.dcm'), 'wb') as file:
            file.write(image)
run(write, emptied)
"""

NIFTI_WRITE = """
import numpy as np
from imagedata import Series
s = Series(np.load(os.path.join(folder, 'values.npy')), 'time')
run(lambda: s.write(os.path.join(folder, 'ours.nii.gz')))
"""

NIBABEL_WRITE = """
import nibabel, numpy as np
values = np.load(os.path.join(folder, 'values.npy'))
image = nibabel.Nifti1Image(values.T[:, ::-1].copy(order='F'), np.eye(4))
run(lambda: nibabel.save(image, os.path.join(folder, 'theirs.nii.gz')))
"""

NIFTI_READ = """
from imagedata import Series
run(lambda: Series(os.path.join(folder, 'theirs.nii.gz'), 'time'))
"""

NIBABEL_READ = """
import nibabel, numpy as np
run(lambda: np.array(nibabel.load(os.path.join(folder, 'theirs.nii.gz')).dataobj))
"""

CATALOGUE = """
from imagedata.collection import Cohort
run(lambda: Cohort(folder))
"""

STARTS = """
import subprocess
run(lambda: subprocess.run(COMMAND, check=True, stdout=subprocess.DEVNULL))
"""

PROFILE = """
import cProfile, pstats, warnings
warnings.simplefilter('ignore')
from imagedata.series import Series
def profiled(work):
    work()
    emptied()
    profile = cProfile.Profile()
    profile.runcall(work)
    found = pstats.Stats(profile).stats
    total = sum(row[2] for row in found.values())
    rows = sorted(found.items(), key=lambda item: -item[1][2])[:12]
    print(json.dumps([[name(*key), row[0], row[2] / total] for key, row in rows]))
def name(file, line, function):
    short = '/'.join(file.replace(os.sep, '/').split('/')[-2:]) if file != '~' else ''
    return f'{short} {function}'.strip()
if 'WHAT' == 'write the dynamic as DICOM':
    s = Series(folder, 'time')
    profiled(lambda: s.write(out, formats=['dicom'], overwrite=True))
elif 'WHAT' == 'write .nii.gz':
    import numpy as np
    s = Series(np.load(os.path.join(folder, 'values.npy')), 'time')
    profiled(lambda: s.write(out + '.nii.gz', overwrite=True))
else:
    profiled(lambda: Series(folder, 'none' if 'JPEG' in 'WHAT' else 'time'))
"""
