"""The back end 'pdcm': DICOM, LPS+, values of float32 wherever a file rescales them."""

from __future__ import annotations

from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from ...errors import GeometryError
from ...header import SeriesData
from ..images import reoriented
from ..loading import Choice
from ..metadata.affine import Affine
from ..metadata.metadata import MetaData, check_ornt
from ..utils.dcm_series import resolve_series_datasets
from ..utils.files import parse_series_uids
from .pdcm_save import save_in_template
from .unreadable import as_pydicom
from .volumes import Array, itk_code, read_metadata, read_volume

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

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
        axis = PdcmIO.DEFAULT_CHANNELS_AXES_PYDICOM[1] if channels_axis is None else channels_axis
        placed = _Placed(allow_default_affine)
        with as_pydicom():
            return read_volume(input_path, code, choice, axis, fields if header else None, placed)

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
        code = itk_code(desired_ornt, 'itk')
        with as_pydicom():
            return read_metadata(input_path, code, choice, fields if header else None)

    @staticmethod
    def aff2meta(affine: Affine | Array) -> MetaData[Any]:
        """Return the metadata of an affine."""
        metadata: MetaData[Any] = MetaData(affine)
        metadata.orig_ornt = metadata.ornt
        return metadata

    @staticmethod
    def read_dcm_file(
        filename: str | PathLike[str],
        header: bool = False,
        allow_default_affine: bool = False,
        channels_axis: int | None = None,
    ) -> tuple[Array, MetaData[Any], bool]:
        """Read a file; return also whether it has colours."""
        found = PdcmIO.read_img(
            filename, None, header, channels_axis, allow_default_affine=allow_default_affine
        )
        return *found, _has_channels(*found)

    @staticmethod
    def read_dcm_dir(
        input_dir: str | PathLike[str],
        header: bool = False,
        globber: str = '*',
        channels_axis: int | None = None,
        series: str | int | None = None,
        validate_series: bool = True,
        keep_dominant_geometry: bool = False,
    ) -> tuple[Array, MetaData[Any], bool]:
        """Read a folder; return also whether it has colours."""
        found = PdcmIO.read_img(
            input_dir, None, header, channels_axis, globber, True, series, validate_series,
            keep_dominant_geometry,
        )
        return *found, _has_channels(*found)

    @staticmethod
    def extract_slices(
        input_dir: str | PathLike[str],
        globber: str = '*',
        series: str | int | None = None,
        validate_series: bool = True,
        keep_dominant_geometry: bool = False,
    ) -> list[Dataset]:
        """Return the datasets of the slices of one series of a folder, as pydicom reads them.

        Files that are not DICOM are left out.

        Raises
        ------
        FileNotFoundError
            When there is none.
        InconsistentSeriesError
            When they do not make one volume.
        """
        return _slices(input_dir, globber, series, validate_series, keep_dominant_geometry, pixels=True)

    @staticmethod
    def extract_slices_no_pixels(
        input_dir: str | PathLike[str],
        globber: str = '*',
        series: str | int | None = None,
        validate_series: bool = True,
        keep_dominant_geometry: bool = False,
    ) -> list[Dataset]:
        """Return the same without their pixels."""
        return _slices(input_dir, globber, series, validate_series, keep_dominant_geometry, pixels=False)

    @staticmethod
    def move_channels_axis(
        array: Array,
        samples_per_pixel: int,
        channels_axis: int | None = None,
        planar_configuration: int | None = None,
        default_axes: tuple[int, int] = DEFAULT_CHANNELS_AXES_PYDICOM,
    ) -> Array:
        """Return an array with its axis of channels elsewhere.

        Parameters
        ----------
        array : array
        samples_per_pixel : int
            1: there are no channels, and nothing moves.
        channels_axis : int, optional
            None: where it is.
        planar_configuration : {0, 1, None}
            Which of `default_axes` it is now: the second for 1, else the first.
        default_axes : tuple of int
        """
        if samples_per_pixel == 1 or channels_axis is None:
            return array
        return np.moveaxis(array, default_axes[int(planar_configuration or 0)], channels_axis)

    @staticmethod
    def reorient(
        img: Array, metadata: MetaData[Any], desired_ornt: str | tuple[str, ...] | None
    ) -> tuple[Array, MetaData[Any]]:
        """Return an image in another orientation; `metadata` is not changed."""
        own = metadata.clone()
        if desired_ornt is None or own.ornt == desired_ornt:
            return img, own
        own.orig_ornt = own.ornt
        view, own.affine = reoriented(img, own.affine, check_ornt(desired_ornt))
        return view, own

    @staticmethod
    def save_arr2dcm_file(
        output_filename: str | PathLike[str],
        template_filename: str | PathLike[str],
        img_arr: Array,
        dtype: DTypeLike | None = None,
        keep_rescale: bool = False,
    ) -> None:
        """Write an array in place of the pixels of a DICOM file, into another file.

        All elements of the template stay, except those that would be false: those of the size and
        bits of pixels; the SOP Instance UID, as it is a new image; slope and intercept.

        Parameters
        ----------
        output_filename, template_filename : str or path
        img_arr : (rows, columns), (frames, rows, columns) or (..., samples) array of integers
            In pydicom's order, and of the size of the template's.
        dtype : data type, optional
            That the values are converted to; it must hold them.
        keep_rescale : bool
            Whether the array holds stored values, to which slope and intercept of the template apply.

        Raises
        ------
        ValueError
            For an array of another size, or of values that are no integers of 8, 16 or 32 bits.
        """
        save_in_template(output_filename, template_filename, img_arr, dtype, keep_rescale=keep_rescale)


def _has_channels(array: Array, metadata: MetaData[Any]) -> bool:
    return bool(array.dtype == np.uint8 and array.ndim > metadata.affine.dim and array.shape[-1] == 3)


def _slices(
    folder: str | PathLike[str],
    globber: str,
    series: str | int | None,
    validate: bool,
    dominant: bool,
    *,
    pixels: bool,
) -> list[Dataset]:
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    found = []
    for path in sorted(p for p in Path(folder).glob(globber) if p.is_file()):
        with suppress(InvalidDicomError):
            found.append(dcmread(path, stop_before_pixels=not pixels))
    uids = {str(dataset.get('SeriesInstanceUID', '')) for dataset in found}
    uid = parse_series_uids(folder, uids, series, globber)
    chosen: list[Dataset] = [ds for ds in found if str(ds.get('SeriesInstanceUID', '')) == uid]
    return resolve_series_datasets(chosen, validate, dominant)


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
