"""What all back ends do: read a volume, turn it, describe it; turn it back, write it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import FormatPluginNotFound, GeometryError, InputNotFoundError
from ...header import Edit, Identity, SeriesData
from ...writing import format_of_name, write
from ..images import (
    COMPONENT,
    flipped_rows,
    flipped_slices,
    from_medio,
    move_channels,
    pack_channels,
    reoriented,
    spatial_shape,
    to_medio,
)
from ..loading import Choice, load
from ..metadata.affine import Affine
from ..metadata.convert_nib_itk import inv_axcodes
from ..metadata.metadata import MetaData, check_ornt

__all__ = [
    'Array', 'NoFolderError', 'Types', 'UnknownSuffixError', 'check_folder', 'format_of_suffix', 'itk_code',
    'read_metadata', 'read_volume', 'scaled_type', 'turned_back', 'write_volume',
]  # fmt: skip

Array = NDArray[Any]
Fields = Callable[[str, SeriesData], Any]
Types = Callable[[Array, SeriesData], Array]


def read_volume(
    path: str | PathLike[str],
    code: str | None,
    choice: Choice,
    channels_axis: int | None,
    fields: Fields | None,
    types: Types = lambda array, data: array,
) -> tuple[Array, MetaData[Any]]:
    """Return voxels, and what is known of them in the convention of 'itk'.

    Parameters
    ----------
    path : str or path
    code : str or None
        The orientation that is wanted.
    choice : Choice
    channels_axis : int or None
    fields : function of (path, SeriesData), optional
        Makes `MetaData.header`.
    types : function of (array, SeriesData)
        The type of values that a back end has.
    """
    if code is not None:
        check_ornt(code)
    data = load(path, choice, alpha=True)
    array, affine = to_medio(data, None)
    array, affine = _as_in_file(array, affine, data, single=not Path(path).is_dir())
    array = types(array, data)
    vectors = COMPONENT in data.header.tag_dims
    metadata = _metadata(path, data, affine, fields)
    if code is not None:
        array, metadata.affine = reoriented(array, metadata.affine, code)
    metadata.spatial_shape = array.shape[: metadata.affine.dim]
    return move_channels(array, channels_axis, components=vectors), metadata


def read_metadata(
    path: str | PathLike[str], code: str | None, choice: Choice, fields: Fields | None
) -> MetaData[Any]:
    """Return what is known of an image, without its voxels."""
    if code is not None:
        check_ornt(code)
    data = load(path, choice, headers_only=True)
    shape = spatial_shape(data.header)
    _, affine = to_medio(data, None)
    _, affine = _as_in_file(np.empty(()), affine, data, single=not Path(path).is_dir())
    metadata = _metadata(path, data, affine, fields)
    if code is not None:
        # Strides of 0: an array of that shape which holds one number.
        blank = np.broadcast_to(np.zeros((), np.uint8), shape)
        blank, metadata.affine = reoriented(blank, metadata.affine, code)
        shape = blank.shape
    metadata.spatial_shape = shape[: metadata.affine.dim]
    return metadata


def _as_in_file(array: Array, affine: Affine, data: SeriesData, *, single: bool) -> tuple[Array, Affine]:
    if data.header.attributes.get('input_format') == 'nifti':
        return flipped_rows(array, affine, spatial_shape(data.header)[1])
    if single and _from_the_last(data):
        return flipped_slices(array, affine, spatial_shape(data.header)[2])
    return array, affine


def _from_the_last(data: SeriesData) -> bool:
    """Return whether the frames of a file lie in it from the last slice to the first."""
    images = data.header.images
    if images is None or images.records is None or images.ids.ndim != 1 or images.ids.size < 2:
        return False
    datasets = [images.records.dataset(int(number)) for number in images.ids if number >= 0]
    numbers = [int(dataset.get('InstanceNumber') or 0) for dataset in datasets]
    return numbers == list(range(len(images.ids), 0, -1))


def scaled_type(data: SeriesData) -> str | None:
    """Return the stored type of a NIfTI file whose slope and intercept were applied, as its report says."""
    lines = data.header.report if data.header.attributes.get('input_format') == 'nifti' else ()
    return next((line.partition(' ')[0] for line in lines if ' scaled: slope ' in line), None)


def _metadata(
    path: str | PathLike[str], data: SeriesData, affine: Affine, fields: Fields | None
) -> MetaData[Any]:
    metadata: MetaData[Any] = MetaData(affine)
    metadata.orig_ornt = metadata.ornt
    if fields is not None:
        metadata.header = fields(fspath(path), data)
    return metadata


def turned_back(
    array: Array, metadata: MetaData[Any], use_original: bool, channels_axis: int | None
) -> tuple[Array, MetaData[Any]]:
    """Return an image as it is written: channels last, in the orientation that it had in its file.

    Parameters
    ----------
    array : array
    metadata : MetaData
        In either coordinate system; it is not changed.
    use_original : bool
    channels_axis : int or None

    Returns
    -------
    array : array
    metadata : MetaData
        Of 'itk'.
    """
    values = np.asarray(array)
    if channels_axis is not None:
        values = np.moveaxis(values, channels_axis, -1)
    own = metadata.clone()
    own.convert('itk')
    spatial = values.ndim - (channels_axis is not None)
    if spatial < own.affine.dim:
        raise GeometryError(
            f'an affine of {own.affine.dim} dimensions does not fit an array of shape {np.shape(array)}: its '
            'axes are (x, y, z, ...)'
        )
    if use_original and own.orig_ornt is not None and own.orig_ornt != own.ornt:
        values, own.affine = reoriented(values, own.affine, own.orig_ornt)
    return values, own


class UnknownSuffixError(FormatPluginNotFound, RuntimeError):
    """The extension of a file to write is that of no format."""


class NoFolderError(InputNotFoundError, RuntimeError):
    """The folder of a file to write is not there."""


def format_of_suffix(path: str | PathLike[str]) -> str:
    """Return the name of the format that the extension of a file tells.

    Raises
    ------
    UnknownSuffixError
        When it tells none.
    """
    text = fspath(path)
    try:
        named = format_of_name(text)
    except FormatPluginNotFound as error:
        raise UnknownSuffixError(str(error)) from error
    if named is None:
        raise UnknownSuffixError(f'{text} has no extension, which would tell the format to write')
    return named.name


def check_folder(path: str | PathLike[str]) -> None:
    """Check that the folder of a file to write is there.

    Raises
    ------
    NoFolderError
    """
    text = fspath(path)
    folder = Path(text).absolute().parent
    if '://' not in text and not folder.is_dir():
        raise NoFolderError(f'there is no folder {folder}: make it, or give mkdir=True')


def write_volume(
    path: str | PathLike[str],
    array: Array,
    metadata: MetaData[Any],
    channels: bool,
    wanted: str,
    options: Mapping[str, Any],
    attributes: Mapping[str, Any] | None = None,
    edits: tuple[Edit, ...] = (),
    series_uid: str | None = None,
) -> list[Path | str]:
    """Write an image that `turned_back` returned.

    Parameters
    ----------
    path : str or path
        With '/' at its end for a folder, which is made.
    array : array
    metadata : MetaData
        Of 'itk'.
    channels : bool
        Whether the last axis is that of colours.
    wanted : str
        Name of the format.
    options : mapping
    attributes : mapping, optional
    edits : tuple of Edit
        DICOM elements to set.
    series_uid : str, optional

    """
    text = fspath(path)
    affine = metadata.affine
    if wanted == 'nifti':
        array, affine = flipped_rows(array, affine, array.shape[1])
    alone = ('nifti', 'dicom', *(('pillow',) if array.shape[-1] == 4 else ()))
    if channels and array.shape[-1] > 1 and wanted in alone:
        # They hold colours, and no other vectors.
        array, channels = pack_channels(array, -1), False
    data = from_medio(array, MetaData(affine), -1 if channels else None, attributes)
    geometry = data.header.geometry
    if wanted == 'pillow' and geometry is not None and np.array_equal(affine, np.eye(affine.dim + 1)):
        # Nobody said where it lies, and so nothing of that is lost.
        header = data.header.with_geometry(replace(geometry, assumed=True))
        data = SeriesData(data.array, header, data.identity)
    identity = data.identity if series_uid is None else Identity(series_uid)
    data = SeriesData(data.array, replace(data.header, edits=edits), identity)
    return write(data, text, wanted, options)


def itk_code(code: str | tuple[str, ...] | None, coord_sys: str) -> str | None:
    """Return an orientation in the convention of 'itk'.

    Raises
    ------
    ValueError
        When it is none of the 48.
    """
    if code is None:
        return None
    text = check_ornt(code)
    return text if coord_sys == 'itk' else inv_axcodes(text)
