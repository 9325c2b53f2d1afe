"""Memory-mapped voxels of MetaImage files.

Source of the format: Kitware, MetaIO documentation, "MetaImage file format" (tags of objects and images).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataTypeError
from ..contract import Source
from ..mapping import mapped, mode_of, reasons_of, refuse

__all__ = ['mapped_voxels', 'plain_voxels']

_TYPES = {
    'MET_CHAR': 'i1', 'MET_UCHAR': 'u1', 'MET_SHORT': 'i2', 'MET_USHORT': 'u2', 'MET_INT': 'i4',
    'MET_UINT': 'u4', 'MET_LONG_LONG': 'i8', 'MET_ULONG_LONG': 'u8', 'MET_FLOAT': 'f4', 'MET_DOUBLE': 'f8',
}  # fmt: skip
"""Types of one size on all machines."""

_HEAD = 1 << 16


def mapped_voxels(
    source: Source, kind: str, voxels: Sequence[Source], dims: Sequence[int], options: Mapping[str, Any]
) -> NDArray[Any]:
    """Return the voxels of a MetaImage as a view of their file: (tags..., slice, row, column).

    Parameters
    ----------
    source : Source
    kind : str
        Name of the format.
    voxels : sequence of Source
        Files of voxels beside the header; none where they follow it.
    dims : sequence of int
        Columns, rows, slices...
    options : mapping
        `mmap`: True or 'r' for read-only values, 'c' for values that can be changed in memory.

    Raises
    ------
    DataTypeError
        When the values are not those that lie in the file: compressed, of another type, of another format.
    """
    mode = mode_of(options)
    refuse(source.name, {f'it is {kind}, and only MetaImage is': kind != 'MetaImage'})
    tags, behind = _header(source)
    big = any(_is_true(tags, name) for name in ('BinaryDataByteOrderMSB', 'ElementByteOrderMSB'))
    code = _TYPES.get(tags.get('ElementType', ''))
    dtype = np.dtype(code or 'u1').newbyteorder('>' if big else '<')
    at = voxels[0] if voxels else source
    skipped = int(tags.get('HeaderSize', '0') or 0)
    refuse(source.name, {
        **reasons_of(at, dtype, options),
        'it is compressed: write it with compression=False': _is_true(tags, 'CompressedData'),
        f'its values are {tags.get("ElementType")}, which maps to no type': code is None,
        'its values are texts': not _is_true(tags, 'BinaryData', 'True'),
        'its voxels have several components': tags.get('ElementNumberOfChannels', '1') != '1',
        'its voxels are in several files': len(voxels) > 1,
        f'its header has the size {skipped}': bool(skipped) and not voxels,
    })  # fmt: skip
    shape = tuple(dims[::-1])
    nbytes = int(np.prod(shape, dtype=object)) * dtype.itemsize
    offset = behind if not voxels else at.size() - nbytes if skipped < 0 else skipped
    refuse(at.name, {f'{nbytes} bytes of voxels do not follow byte {offset}': offset + nbytes > at.size()})
    return mapped(at, dtype, mode, offset, shape)


def plain_voxels(
    source: Source, kind: str, voxels: Sequence[Source], dims: Sequence[int]
) -> NDArray[Any] | None:
    """Return the voxels of a file that holds them as they are, read at once; None for any other.

    Parameters are those of `mapped_voxels`. SimpleITK reads them too, and copies them once more.
    """
    try:
        view: Any = mapped_voxels(source, kind, voxels, dims, {'mmap': True})
    except DataTypeError:
        return None
    values = np.fromfile(view.filename, view.dtype, view.size, offset=view.offset).reshape(view.shape)
    native = np.dtype(view.dtype.str[1:])
    return values.view(native) if view.dtype.isnative else values.astype(native)


def _header(source: Source) -> tuple[dict[str, str], int]:
    """Return the lines of the header as a dict, and the byte that follows them."""
    tags: dict[str, str] = {}
    with source.open() as file:
        block = file.read(_HEAD)
    at = 0
    while 'ElementDataFile' not in tags and at < len(block):
        end = block.find(b'\n', at) + 1 or len(block)
        name, _, value = block[at:end].decode('latin-1').partition('=')
        tags[name.strip()] = value.strip()
        at = end
    return tags, at


def _is_true(tags: Mapping[str, str], name: str, default: str = 'False') -> bool:
    return tags.get(name, default).lower() in ('true', '1')
