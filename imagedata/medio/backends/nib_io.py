"""The back end 'nib': NIfTI, RAS+."""

from __future__ import annotations

from os import PathLike, fspath
from typing import Any

import numpy as np

from ...header import SeriesData
from ..images import move_channels, pack_channels
from ..loading import Choice
from ..metadata.metadata import MetaData, check_ornt
from ..utils.files import is_nifti
from .unreadable import as_nibabel
from .volumes import (
    Array,
    UnknownSuffixError,
    check_folder,
    itk_code,
    read_metadata,
    read_volume,
    scaled_type,
    turned_back,
    write_volume,
)

__all__ = ['NibIO']


_WHOLE = Choice(keep_dimensions=True, mapped=True)


class NibIO:
    """Reading and writing with nibabel's conventions."""

    coord_sys = 'nib'
    RGB_DTYPE = np.dtype([('R', 'u1'), ('G', 'u1'), ('B', 'u1')])
    RGBA_DTYPE = np.dtype([('R', 'u1'), ('G', 'u1'), ('B', 'u1'), ('A', 'u1')])

    @staticmethod
    def read_img(
        input_path: str | PathLike[str],
        desired_axcodes: str | tuple[str, ...] | None = None,
        header: bool = False,
        channels_axis: int | None = None,
    ) -> tuple[Array, MetaData[Any]]:
        """Read an image; see `imagedata.medio.read_img`."""
        code = itk_code(desired_axcodes, 'nib')
        with as_nibabel():
            found = fields if header else None
            array, metadata = read_volume(input_path, code, _WHOLE, channels_axis, found, floats)
        metadata.convert('nib')
        return array, metadata

    @staticmethod
    def read_meta(
        input_path: str | PathLike[str],
        desired_axcodes: str | tuple[str, ...] | None = None,
        header: bool = False,
    ) -> MetaData[Any]:
        """Read what is known of an image; see `imagedata.medio.read_meta`."""
        code = itk_code(desired_axcodes, 'nib')
        with as_nibabel():
            metadata = read_metadata(input_path, code, _WHOLE, fields if header else None)
        metadata.convert('nib')
        return metadata

    @staticmethod
    def save_img(
        filename: str | PathLike[str],
        img: Array,
        metadata: MetaData[Any],
        use_original_ornt: bool = True,
        channels_axis: int | None = None,
    ) -> None:
        """Write an image; see `imagedata.medio.save_img`."""
        if not is_nifti(filename, check_exist=False):
            name = fspath(filename)
            raise UnknownSuffixError(f'{name} is not named as NIfTI: name it .nii, .nii.gz or .hdr')
        check_folder(filename)
        array, own = turned_back(img, metadata, use_original_ornt, channels_axis)
        write_volume(filename, array, own, channels_axis is not None, 'nifti', {})

    @staticmethod
    def reorient(img_struct: Any, desired_axcodes: str | tuple[str, ...] | None) -> Any:
        """Return an image of nibabel with its axes in another order and direction.

        Parameters
        ----------
        img_struct : nibabel.Nifti1Image
            Not changed.
        desired_axcodes : str, tuple of str or None
            In the convention of 'nib'; None: as it is.
        """
        from nibabel import orientations as module

        if desired_axcodes is None:
            return img_struct
        code = check_ornt(desired_axcodes)
        orientations: Any = module
        now = orientations.io_orientation(img_struct.affine)
        turn = orientations.ornt_transform(now, orientations.axcodes2ornt(tuple(code)))
        return img_struct.as_reoriented(turn)

    @staticmethod
    def unravel_array(array: Array, channels_axis: int = -1) -> Array:
        """Return colours that are fields of a structured type as an axis."""
        return move_channels(array, channels_axis)

    @staticmethod
    def pack_channeled_img(img: Array, channels_axis: int) -> Array:
        """Return colours that are an axis as fields of a structured type."""
        return pack_channels(img, channels_axis)


def fields(path: str, data: SeriesData | None) -> dict[str, Array]:
    """Return the fields of a NIfTI header by name."""
    import nibabel

    image: Any = nibabel.load(path)
    return {name: image.header[name] for name in image.header.keys()}  # noqa: SIM118 - no mapping


def floats(array: Array, data: SeriesData) -> Array:
    """Return scaled integers as float64, which nibabel makes of them."""
    return array.astype(np.float64) if array.dtype.kind in 'iu' and scaled_type(data) else array
