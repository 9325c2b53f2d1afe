"""Reading and writing an image in one line."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..conversion import converted
from ..errors import DataTypeError, GeometryError
from .backends.itk_io import ItkIO
from .backends.nib_io import NibIO
from .backends.pdcm_io import PdcmIO
from .backends.volumes import Array
from .metadata.convert_nib_itk import inv_axcodes
from .metadata.metadata import MetaData, check_ornt
from .utils.files import is_nifti

__all__ = ['read_img', 'read_meta', 'save_dir', 'save_img']

_READERS: dict[str, Any] = {'itk': ItkIO, 'nib': NibIO, 'pdcm': PdcmIO, 'pydicom': PdcmIO}


def read_img(
    input_path: str | PathLike[str],
    desired_ornt: str | tuple[str, ...] | None = None,
    backend: str | None = None,
    dtype: DTypeLike | None = None,
    header: bool = False,
    channels_axis: int | None = -1,
    coord_sys: str | None = 'itk',
    **kwargs: Any,
) -> tuple[Array, MetaData[Any]]:
    """Read an image.

    Parameters
    ----------
    input_path : str or path
        A file, a folder with one DICOM series, or a URL.
    desired_ornt : str, optional
        Orientation code that the array is to have, such as 'RAI', in the convention of
        `coord_sys`. Axes are permuted and flipped; nothing is interpolated.
    backend : {'itk', 'nib', 'pdcm', 'pydicom'}, optional
        Whose conventions; None: 'nib' for NIfTI, else 'itk'.
    dtype : data type, optional
        That the values are converted to; it must hold them.
    header : bool
        Whether to give the fields of the file in `MetaData.header`.
    channels_axis : int or None
        Where colours go.
    coord_sys : {'itk', 'nib'} or None
        Convention of `desired_ornt` and of the result: LPS+ or RAS+. None: that of the back end.
    **kwargs
        `series`, `validate_series`, `keep_dominant_geometry` choose from a folder; 'pdcm' has
        `globber` and `allow_default_affine` too.

    Returns
    -------
    array : (x, y), (x, y, z) or (x, y, z, t) array
        With an axis of channels, where the image has colours.
    metadata : MetaData

    Raises
    ------
    FileNotFoundError
    ValueError
        For an unknown back end, coordinate system or orientation; `InconsistentSeriesError` for
        slices that do not make one volume.
    """
    reader, code = _reader(input_path, desired_ornt, backend, coord_sys)
    array, metadata = reader.read_img(input_path, code, header, channels_axis, **kwargs)
    if dtype is not None:
        array = converted(array, np.dtype(dtype), DataTypeError)
    metadata.convert(coord_sys or reader.coord_sys)
    return array, metadata


def read_meta(
    input_path: str | PathLike[str],
    desired_ornt: str | tuple[str, ...] | None = None,
    backend: str | None = None,
    header: bool = False,
    coord_sys: str | None = 'itk',
    **kwargs: Any,
) -> MetaData[Any]:
    """Read what is known of an image, without its voxels: the same as `read_img` gives.

    Returns
    -------
    MetaData
        With `spatial_shape`.
    """
    reader, code = _reader(input_path, desired_ornt, backend, coord_sys)
    metadata: MetaData[Any] = reader.read_meta(input_path, code, header, **kwargs)
    metadata.convert(coord_sys or reader.coord_sys)
    return metadata


def _reader(
    path: str | PathLike[str], ornt: str | tuple[str, ...] | None, backend: str | None, coord_sys: str | None
) -> tuple[Any, str | None]:
    """Return the back end, and the orientation in its own convention."""
    if backend is not None and backend not in _READERS:
        raise GeometryError(f'backend is one of {", ".join(_READERS)} or None, not {backend!r}')
    reader = _READERS[backend or ('nib' if is_nifti(path) else 'itk')]
    system = reader.coord_sys if coord_sys is None else MetaData.check_valid_coord_sys(coord_sys)
    code = None if ornt is None else check_ornt(ornt)
    return reader, code if system == reader.coord_sys else inv_axcodes(code)


def save_img(
    filename: str | PathLike[str],
    np_image: Array,
    metadata: MetaData[Any],
    use_original_ornt: bool = True,
    backend: str | None = None,
    dtype: DTypeLike | None = None,
    channels_axis: int | None = None,
    mkdir: bool = False,
    parents: bool = False,
    **kwargs: Any,
) -> None:
    """Write an image into one file, whose extension tells the format.

    Parameters
    ----------
    filename : str or path
    np_image : (x, y), (x, y, z) or (x, y, z, t) array
    metadata : MetaData
        In either coordinate system; it is not changed.
    use_original_ornt : bool
        Turn the array to `metadata.orig_ornt` first.
    backend : {'itk', 'nib'}, optional
        None: 'nib' for NIfTI, else 'itk'.
    dtype : data type, optional
        That the values are converted to; it must hold them.
    channels_axis : int, optional
        Where the colours are; None: there are none.
    mkdir, parents : bool
        Make the folder, and those above it.
    **kwargs
        'itk' has `allow_dcm_reorient` and `compression`.

    Raises
    ------
    FileNotFoundError
        When the folder is not there.
    ValueError
        For a left-handed orientation in DICOM, without `allow_dcm_reorient`.
    """
    if backend not in (None, 'itk', 'nib'):
        raise GeometryError(f"backend is 'itk', 'nib' or None for writing, not {backend!r}")
    values = np.asarray(np_image) if dtype is None else converted(np.asarray(np_image), np.dtype(dtype))
    if mkdir or parents:
        Path(fspath(filename)).absolute().parent.mkdir(parents=parents, exist_ok=True)
    writer: Any = NibIO if backend == 'nib' or (backend is None and is_nifti(filename, False)) else ItkIO
    writer.save_img(filename, values, metadata, use_original_ornt, channels_axis, **kwargs)


def save_dir(
    dirname: str | PathLike[str],
    np_image: Array,
    metadata: MetaData[Any],
    use_original_ornt: bool = True,
    dtype: DTypeLike | None = None,
    channels_axis: int | None = None,
    parents: bool = False,
    exist_ok: bool = False,
    allow_dcm_reorient: bool = False,
    **kwargs: Any,
) -> None:
    """Write a folder of DICOM files, one for each index of the last spatial axis.

    Parameters
    ----------
    dirname : str or path
        Made where it is not there; else it must be empty, unless `exist_ok`.
    np_image, metadata, use_original_ornt, dtype, channels_axis
        As in `save_img`.
    parents : bool
        Make the folders above.
    exist_ok : bool
        Whether the folder may hold files.
    allow_dcm_reorient : bool
        Turn the last axis of a left-handed array.
    **kwargs
        `pattern`: names of the files, with `{}` for their number, which begins with 1;
        `metadata_dict`: values of elements, such as ``{'0010|0010': 'Name'}``.

    Raises
    ------
    FileExistsError, FileNotFoundError
    ValueError
        For a left-handed orientation, without `allow_dcm_reorient`.
    """
    values = np.asarray(np_image) if dtype is None else converted(np.asarray(np_image), np.dtype(dtype))
    ItkIO.save_dcm_dir(
        dirname, values, metadata, use_original_ornt, channels_axis, parents, exist_ok, allow_dcm_reorient,
        **kwargs,
    )
