"""The formats that nibabel reads here: what their files begin with, and which files lie beside them.

Sources: FreeSurfer's MGH format (surfer.nmr.mgh.harvard.edu/fswiki/FsTutorial/MghFormat), AFNI's
README.attributes, MINC's reference manual, Mayo Clinic's ANALYZE 7.5 description, the heads of
Philips' PAR files, ECAT 7; TrackVis, MRtrix and GIFTI for what is no image.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Sequence

__all__ = [
    'NO_IMAGE', 'companion_names', 'header_names', 'kind_of', 'no_image', 'stem_of',
    'unpacked_head',
]  # fmt: skip

NO_IMAGE = {
    'TrackVis': 'no image: it holds streamlines (TrackVis)',
    'MRtrix tracks': 'no image: it holds streamlines (MRtrix)',
    'GIFTI': 'no image: it holds surfaces, or values on their points (GIFTI)',
}
"""Files that nibabel reads, and that hold no image."""

_MGH_TYPES = (0, 1, 3, 4, 10)
_ANALYZE_TYPES = {1: 1, 2: 8, 4: 16, 8: 32, 16: 32, 32: 64, 64: 64, 128: 24}
"""Codes of types, and bits of a voxel."""

_AFNI = re.compile(rb'\s*type\s*=\s*(string|integer|float)-attribute\s*\n\s*name\s*=')
_PAR = re.compile(rb'\s*#[ =]*DATA DESCRIPTION FILE')
_BEHIND = {'.rec': ('.par', '.PAR'), '.brik': ('.HEAD', '.head'), '.img': ('.hdr', '.HDR')}
_BESIDE = {
    'PAR/REC': ('.REC', '.rec'),
    'AFNI': ('.BRIK', '.BRIK.gz', '.brik', '.brik.gz'),
    'ANALYZE': ('.img', '.img.gz', '.IMG'),
}


def unpacked_head(head: bytes, count: int = 512) -> bytes:
    """Return the first bytes of what a gzip file holds; others as they are."""
    if not head.startswith(b'\x1f\x8b'):
        return head
    try:
        return zlib.decompressobj(31).decompress(head, count)
    except zlib.error:
        return b''


def kind_of(name: str, head: bytes) -> str | None:
    """Return the format of a file by what it begins with, None where it is none of these.

    Parameters
    ----------
    name : str
        Counts where the first bytes are those of several formats (netCDF).
    head : bytes
        The first 4096 bytes, fewer in a shorter file.
    """
    plain = unpacked_head(head, 4096)
    found = None
    if _is_mgh(plain):
        found = 'MGH'
    elif _PAR.match(plain):
        found = 'PAR/REC'
    elif _AFNI.match(plain):
        found = 'AFNI'
    elif plain.startswith((b'CDF\x01', b'CDF\x02')) and (
        b'zspace' in plain or name.lower().endswith(('.mnc', '.mnc.gz'))
    ):
        found = 'MINC-1'
    elif head.startswith(b'\x89HDF\r\n\x1a\n') and b'minc-2.0' in head:
        found = 'MINC-2'
    elif plain.startswith(b'MATRIX7'):
        found = 'ECAT'
    elif _is_analyze(plain):
        found = 'ANALYZE'
    return found


def no_image(head: bytes) -> str | None:
    """Return why a file that nibabel knows is no image, None for others."""
    plain = unpacked_head(head)
    if plain.startswith(b'TRACK\0'):
        return NO_IMAGE['TrackVis']
    if plain.startswith(b'mrtrix tracks'):
        return NO_IMAGE['MRtrix tracks']
    if b'<GIFTI' in plain or b'<!DOCTYPE GIFTI' in plain:
        return NO_IMAGE['GIFTI']
    return None


def _is_mgh(head: bytes) -> bool:
    """Return whether a file is version 1 of MGH, with sizes and a type as they may be."""
    if len(head) < 284:
        return False
    version, *dims, code, _, good = struct.unpack('>6i i h', head[:30])
    return version == 1 and all(0 < n < 1 << 24 for n in dims) and code in _MGH_TYPES and good in (0, 1)


def _is_analyze(head: bytes) -> bool:
    """Return whether a header is ANALYZE's: its size, and a type with the bits that belong to it."""
    if len(head) < 348 or head[344:348] in (b'n+1\0', b'ni1\0'):
        return False
    for order in '<>':
        (size,) = struct.unpack(f'{order}i', head[:4])
        ndim, *_ = struct.unpack(f'{order}8h', head[40:56])
        code, bits = struct.unpack(f'{order}2h', head[70:74])
        if size == 348 and 1 <= ndim <= 7 and _ANALYZE_TYPES.get(code) == bits:
            return True
    return False


def stem_of(name: str) -> str:
    """Return a file name without its extension, and that of compression."""
    return re.sub(r'\.[^.]*$', '', re.sub(r'\.gz$', '', name, flags=re.IGNORECASE))


def companion_names(name: str, kind: str) -> Sequence[str]:
    """Return the names that the voxels of a header may have, those first that are most usual."""
    stem = stem_of(name)
    suffixes = _BESIDE.get(kind, ())
    if name.lower().endswith('.gz'):
        suffixes = tuple(sorted(suffixes, key=lambda suffix: not suffix.endswith('.gz')))
    return [stem + suffix for suffix in suffixes]


def header_names(name: str) -> Sequence[str]:
    """Return the names that the header of a file of voxels may have; none for other files."""
    stem = stem_of(name)
    plain = re.sub(r'\.gz$', '', name.lower())
    packed = ['.hdr.gz'] if name.lower().endswith('.img.gz') else []
    found = next((suffixes for end, suffixes in _BEHIND.items() if plain.endswith(end)), None)
    return [] if found is None else [stem + suffix for suffix in (*packed, *found)]
