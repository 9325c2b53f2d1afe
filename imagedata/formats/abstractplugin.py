"""The format plugin class of imagedata 3, for plugins that were written for it.

New plugins subclass `imagedata.formats.contract.Format`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..errors import BadShapeGiven, EmptyImageError, NotImageError
from . import SORT_ON_TAG

__all__ = ['AbstractPlugin', 'read_members']


class AbstractPlugin(ABC):
    """Base of format plugins of imagedata 3.

    Coordinates in headers are in z, y, x order; arrays have dimensions (tags..., slice, row,
    column).
    """

    plugin_type: ClassVar[str] = 'format'
    name: str
    description: str
    authors: str
    version: str
    url: str

    def __init__(self, name: str, description: str, authors: str, version: str, url: str) -> None:
        self.name, self.description = name, description
        self.authors, self.version, self.url = authors, version, url

    # --- to be written by a plugin ---------------------------------------------------------------

    @abstractmethod
    def _read_image(self, f: Any, opts: dict[str, Any], hdr: Any) -> tuple[Any, Any]:
        """Read one file: return what `_set_tags` needs (None: leave the file out), and the array."""

    @abstractmethod
    def _set_tags(self, image_list: list[tuple[Any, Any]], hdr: Any, si: Any) -> None:
        """Set axes, tags, spacing and the like in `hdr`, for the array of all files."""

    @abstractmethod
    def write_3d_numpy(self, si: Any, destination: dict[str, Any], opts: dict[str, Any]) -> None:
        """Write a Series without tag axes."""

    @abstractmethod
    def write_4d_numpy(self, si: Any, destination: dict[str, Any], opts: dict[str, Any]) -> None:
        """Write a Series with tag axes."""

    def _need_local_file(self) -> bool:
        """Return whether `_read_image` gets the name of a local file, not an open one."""
        return False

    # --- reading ---------------------------------------------------------------------------------

    def read(
        self, sources: Sequence[Mapping[str, Any]], pre_hdr: Any, input_order: str, opts: dict[str, Any]
    ) -> tuple[dict[Any, Any], dict[Any, Any]]:
        """Read the files of `sources` into one array, and return header and array by a key.

        Raises
        ------
        NotImageError
            When no file is of this format.
        """
        pre_hdr.input_order = input_order
        array, skipped = read_members(self, sources, pre_hdr, opts)
        if array is None and skipped:
            raise NotImageError('; '.join(f'{name}: {reason}' for name, reason in skipped.items()))
        return {0: pre_hdr}, {0: array}

    # --- help for plugins ------------------------------------------------------------------------

    @staticmethod
    def _reduce_shape(si: NDArray[Any], axes: Any = None) -> NDArray[Any]:
        """Return the array without leading dimensions of length 1, down to two dimensions."""
        while si.ndim > 2 and si.shape[0] == 1:
            si = si.reshape(si.shape[1:])
        return si

    def _reorder_to_dicom(
        self, data: NDArray[Any], flip: bool = False, flipud: bool = False
    ) -> NDArray[Any]:
        """Return (a, b, slice, tags...) as (tags..., slice, a, b), or with `flipud` (..., b, a).

        `flip` turns b around.
        """
        if flip:
            data = np.flip(data, 1)
        plane = (1, 0) if flipud else (0, 1)
        return np.transpose(data, (*range(data.ndim - 1, 1, -1), *plane))

    def _reorder_from_dicom(
        self, data: NDArray[Any], flip: bool = False, flipud: bool = False
    ) -> NDArray[Any]:
        """Undo `_reorder_to_dicom`."""
        plane = (data.ndim - 1, data.ndim - 2) if flipud else (data.ndim - 2, data.ndim - 1)
        moved = np.transpose(data, (*plane, *range(data.ndim - 3, -1, -1)))
        return np.flip(moved, 1) if flip else moved


def read_members(
    plugin: AbstractPlugin, sources: Sequence[Mapping[str, Any]], hdr: Any, opts: dict[str, Any]
) -> tuple[Any, dict[str, str]]:
    """Read the files of a plugin into one array.

    Parameters
    ----------
    plugin : AbstractPlugin
    sources : sequence of mapping
        Each with an 'archive' and the names of 'files' in it (None: all).
    hdr : Header of a plugin
        Filled in.
    opts : dict

    Returns
    -------
    array : ndarray or None
        (files..., as in each file), without leading dimensions of length 1; None where no file
        has an array.
    skipped : dict of str to str
        Names of files that the plugin does not know, with the reason.
    """
    images: list[tuple[Any, Any]] = []
    skipped: dict[str, str] = {}
    for source in sources:
        archive = source['archive']
        for member in sorted(archive.getmembers(source['files']), key=lambda m: str(m.filename)):
            try:
                info, image = _read_member(plugin, archive, member, opts, hdr)
            except (NotImageError, EmptyImageError) as error:
                skipped[member.filename] = str(error) or f'not {plugin.name}'
                continue
            if info is None:
                skipped[member.filename] = f'left out by {plugin.name}'
            else:
                images.append((info, image))
    if not images:
        return None, skipped
    array = _stacked(images, opts)
    plugin._set_tags(images, hdr, array)
    return array, skipped


def _read_member(
    plugin: AbstractPlugin, archive: Any, member: Any, opts: dict[str, Any], hdr: Any
) -> tuple[Any, Any]:
    if plugin._need_local_file():
        return plugin._read_image(archive.to_localfile(member), opts, hdr)
    with archive.open(member, mode='rb') as file:
        return plugin._read_image(file, opts, hdr)


def _stacked(images: list[tuple[Any, Any]], opts: Mapping[str, Any]) -> Any:
    """Return the arrays of all files as one, in the shape that the user wants."""
    arrays = [np.asarray(image) for _, image in images if image is not None]
    if not arrays:
        return None
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        raise BadShapeGiven(f'the files have images of different shapes: {sorted(shapes)}; name those of one')
    # A file for each slice, which holds all tags: the files are the slices.
    at = 1 if opts.get('input_sort') == SORT_ON_TAG and arrays[0].ndim > 2 and len(arrays) > 1 else 0
    array = AbstractPlugin._reduce_shape(np.stack(arrays, axis=at))
    wanted = opts.get('input_shape')
    if not wanted:
        return array
    try:
        shape = tuple(int(n) for n in (wanted.split('x') if isinstance(wanted, str) else wanted))
    except ValueError as error:
        raise BadShapeGiven(f"input_shape is like '3x4' (tags x slices), got {wanted!r}") from error
    for full in ((*shape, *array.shape[-2:]), shape):
        if np.prod(full, dtype=np.int64) == array.size:
            return AbstractPlugin._reduce_shape(array.reshape(full))
    raise BadShapeGiven(f'input_shape {wanted!r} does not fit an array of shape {array.shape}')


