"""The back end 'pdcm': DICOM, LPS+, values of float32 wherever a file rescales them."""

from __future__ import annotations

from os import PathLike
from typing import Any

import numpy as np

from ...errors import GeometryError
from ...header import SeriesData
from ..loading import Choice
from ..metadata.affine import Affine
from ..metadata.metadata import MetaData
from .volumes import Array, itk_code, read_metadata, read_volume

__all__ = ['PdcmIO']


class PdcmIO:
    """Reading DICOM with pydicom's conventions."""

    coord_sys = 'itk'
    DEFAULT_CHANNELS_AXES_PYDICOM = (0, -1)
    DEFAULT_CHANNELS_AXES_DICOM_NUMPY = (0, 2)

    @staticmethod
    def read_img(
        input_path: str | PathLike[str],
        desired_ornt: str | tuple[str, ...] | None = None,
        header: bool = False,
        channels_axis: int | None = None,
        globber: str = '*',
        allow_default_affine: bool = False,
        series: str | int | None = None,
        validate_series: bool = True,
        keep_dominant_geometry: bool = False,
    ) -> tuple[Array, MetaData[Any]]:
        """Read an image; see `imagedata.medio.read_img`."""
        choice = Choice(series, validate_series, keep_dominant_geometry, globber)
        code = itk_code(desired_ornt, 'itk')
        placed = _Placed(allow_default_affine)
        found = read_volume(input_path, code, choice, channels_axis, fields if header else None, placed)
        return found

    @staticmethod
    def read_meta(
        input_path: str | PathLike[str],
        desired_ornt: str | tuple[str, ...] | None = None,
        header: bool = False,
        globber: str = '*',
        allow_default_affine: bool = False,
        series: str | int | None = None,
        validate_series: bool = True,
        keep_dominant_geometry: bool = False,
    ) -> MetaData[Any]:
        """Read what is known of an image; see `imagedata.medio.read_meta`."""
        choice = Choice(series, validate_series, keep_dominant_geometry, globber)
        return read_metadata(
            input_path, itk_code(desired_ornt, 'itk'), choice, fields if header else None
        )

    @staticmethod
    def aff2meta(affine: Affine | Array) -> MetaData[Any]:
        """Return the metadata of an affine."""
        metadata: MetaData[Any] = MetaData(affine)
        metadata.orig_ornt = metadata.ornt
        return metadata


class _Placed:
    """The type of values, once it is clear that the image has a place."""

    def __init__(self, allow_default: bool) -> None:
        self._allow_default = allow_default

    def __call__(self, array: Array, data: SeriesData) -> Array:
        geometry = data.header.geometry
        if geometry is not None and geometry.assumed and not self._allow_default:
            raise GeometryError(
                'the file does not say where its image lies: give allow_default_affine=True for unit '
                'spacing at the origin'
            )
        images = data.header.images
        if images is None or images.records is None or array.dtype.names:
            return array
        first = images.records.dataset(int(images.ids.reshape(-1)[0]))
        return array.astype(np.float32) if 'RescaleSlope' in first or 'RescaleIntercept' in first else array


def fields(path: str, data: SeriesData) -> dict[str, Any]:
    """Return the elements of a file, '(0008, 0060)' to the element; of the last slice of several."""
    images = data.header.images
    if images is None or images.records is None:
        return {}
    dataset = images.records.dataset(int(images.ids.reshape(-1)[-1]))
    return {f'({e.tag.group:04x}, {e.tag.element:04x})': e for e in dataset}
