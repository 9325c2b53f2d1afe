"""Sample images that come with the package: no network, no real patient.

All show one analytic phantom, of one fictional patient; `data/README.md` of the sources has its
formulas.

>>> from imagedata import samples
>>> samples.series('ct').shape
(32, 128, 160)
"""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..errors import FileAlreadyExistsError, InputNotFoundError
from ..series import Series

__all__ = ['DESCRIPTIONS', 'names', 'path', 'series', 'unpack']

_FILES = {
    'ct': 'ct.tar.xz', 'time': 'time.tar.xz', 'b': 'b.tar.xz', 'te': 'te.tar.xz', 'fa': 'fa.tar.xz',
    'sagittal': 'sagittal.tar.xz', 'picture': 'picture.png', 'labels': 'labels.mha',
}  # fmt: skip

DESCRIPTIONS: Mapping[str, str] = MappingProxyType({
    'ct': 'CT in Hounsfield units, 32 slices: a folder of DICOM files',
    'time': 'MR at 10 times while contrast agent arrives: a folder of DICOM files',
    'b': 'MR with 4 b values (diffusion): a folder of DICOM files',
    'te': 'MR with 6 echo times, coronal: a folder of DICOM files',
    'fa': 'MR with 5 flip angles: a folder of DICOM files',
    'sagittal': 'MR, sagittal: a folder of DICOM files',
    'picture': 'a colour picture: PNG',
    'labels': 'what tissue each voxel of the CT is, 0 to 6: MetaImage',
})  # fmt: skip
"""What each sample is."""


def names() -> tuple[str, ...]:
    """Return the names of the samples.

    >>> from imagedata import samples
    >>> samples.names()
    ('ct', 'time', 'b', 'te', 'fa', 'sagittal', 'picture', 'labels')
    """
    return tuple(_FILES)


def path(name: str) -> Path:
    """Return the file of a sample, within the package: a picture, a MetaImage, or an archive of DICOM files.

    `Series` reads all of them; `unpack` makes files of an archive for other programs.

    Raises
    ------
    InputNotFoundError
        When there is no sample of that name.
    """
    if name not in _FILES:
        raise InputNotFoundError(f'there is no sample {name!r}: there are {", ".join(_FILES)}')
    return Path(__file__).parent / 'files' / _FILES[name]


def series(name: str, order: str = 'auto', **options: Any) -> Series:
    """Return a sample as a Series.

    Parameters
    ----------
    name : str
    order : str
        What the images of one slice are sorted on; see `Series`.
    **options
        As `Series` takes them, such as `dtype=float`.

    Raises
    ------
    InputNotFoundError
        When there is no sample of that name.
    """
    return Series(path(name), order, **options)


def unpack(name: str, folder: str | PathLike[str]) -> Path:
    """Put the files of a sample into a new folder, and return it.

    Parameters
    ----------
    name : str
    folder : str or path
        Made with those above it; it must not be there, or be empty.

    Raises
    ------
    InputNotFoundError
        When there is no sample of that name.
    FileAlreadyExistsError
        When there is something in the folder.
    """
    source, target = path(name), Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise FileAlreadyExistsError(f'{target} is there and not empty: name a new folder')
    target.mkdir(parents=True, exist_ok=True)
    if '.tar' not in source.suffixes:
        shutil.copyfile(source, target / source.name)
        return target
    with tarfile.open(source) as archive:
        archive.extractall(target, filter='data')
    return target
