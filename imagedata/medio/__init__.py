"""The interface of medio, over the readers and writers of imagedata.

``import imagedata.medio as medio`` is the only change that a program needs. Arrays are indexed
(x, y, z); see docs/migrating for what differs from medio 0.7.
"""

from __future__ import annotations

from .backends.itk_io import ItkIO
from .medimg import MedImg
from .metadata.affine import Affine
from .metadata.metadata import CoordSys, MetaData
from .read_save import read_img, read_meta, save_dir, save_img
from .utils.dcm_series import InconsistentSeriesError

__all__ = [
    'Affine',
    'CoordSys',
    'InconsistentSeriesError',
    'ItkIO',
    'MedImg',
    'MetaData',
    '__version__',
    'read_img',
    'read_meta',
    'save_dir',
    'save_img',
]

from .. import __version__
