"""The formats of ITK: what their files begin with, and the ImageIO class that reads them.

Each file is given to the one ImageIO of its format. SimpleITK's own choice would give DICOM and
NIfTI files to ITK's readers too, which know less of them than the plugins for these.

Sources of the magic words: the MetaIO, NRRD 5, VTK 3 (legacy), MRC2014 and GIPL format
descriptions, and HDF5 and LSM's; the BioRad number stands at byte 54.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

__all__ = ['KINDS', 'Kind', 'kind_of', 'kind_of_name']

_META = re.compile(rb'\A\s*(Comment|ObjectType|ObjectSubType|NDims|TransformType|Name|ID)\s*=', re.IGNORECASE)
_GIPL = (b'\xef\xff\xe9\xb0', b'\x2a\xe3\x89\xb8')
_HDF5 = b'\x89HDF\r\n\x1a\n'


@dataclass(frozen=True)
class Kind:
    """One format.

    Parameters
    ----------
    name : str
    image_io : str
        SimpleITK's name of the class that reads and writes it.
    extensions : tuple of str
    writes : bool
    compresses : bool
        Whether voxels may be compressed.
    """

    name: str
    image_io: str
    extensions: tuple[str, ...]
    writes: bool = True
    compresses: bool = False


KINDS = {
    kind.name: kind
    for kind in (
        Kind('MetaImage', 'MetaImageIO', ('.mha', '.mhd'), compresses=True),
        Kind('NRRD', 'NrrdImageIO', ('.nrrd', '.nhdr'), compresses=True),
        Kind('VTK', 'VTKImageIO', ('.vtk',)),
        Kind('MRC', 'MRCImageIO', ('.mrc',)),
        Kind('GIPL', 'GiplImageIO', ('.gipl.gz', '.gipl'), compresses=True),
        Kind('HDF5', 'HDF5ImageIO', ('.h5', '.hdf5'), compresses=True),
        Kind('BioRad', 'BioRadImageIO', ('.pic',), writes=False),
        Kind('Stimulate', 'StimulateImageIO', ('.spr',), writes=False),
        Kind('LSM', 'LSMImageIO', ('.lsm',), writes=False, compresses=True),
    )
}


def kind_of(name: str, head: bytes) -> Kind | None:
    """Return the format of a file by what it begins with, None where it is none of these.

    Parameters
    ----------
    name : str
        Counts where the first bytes are those of several formats (TIFF).
    head : bytes
        The first 4096 bytes, fewer in a shorter file.
    """
    lower = name.lower()
    found = None
    if _META.match(head) and (b'NDims' in head or lower.endswith(('.mha', '.mhd'))):
        found = 'MetaImage'
    elif head.startswith(b'NRRD000'):
        found = 'NRRD'
    elif head.startswith(b'# vtk DataFile'):
        found = 'VTK'
    elif head[208:212] in (b'MAP ', b'MAP\0'):
        found = 'MRC'
    elif _unpacked(head)[252:256] in _GIPL:
        found = 'GIPL'
    elif head.startswith(_HDF5):
        # The name of the group at the root, which is among the first things in the file.
        found = 'HDF5' if b'ITKImage' in head else None
    elif lower.endswith('.lsm') and head[:4] in (b'II*\0', b'MM\0*'):
        found = 'LSM'
    elif lower.endswith('.pic') and head[54:56] == b'\x39\x30':
        found = 'BioRad'
    elif lower.endswith('.spr') and b'numDim:' in head[:200]:
        found = 'Stimulate'
    return None if found is None else KINDS[found]


def _unpacked(head: bytes) -> bytes:
    """Return the first bytes of what a gzip file holds; others as they are."""
    if not head.startswith(b'\x1f\x8b'):
        return head
    try:
        return zlib.decompressobj(31).decompress(head, 1024)
    except zlib.error:
        return b''


def kind_of_name(name: str) -> Kind | None:
    """Return the format that a file name tells."""
    lower = name.lower()
    return next((kind for kind in KINDS.values() if lower.endswith(kind.extensions)), None)
