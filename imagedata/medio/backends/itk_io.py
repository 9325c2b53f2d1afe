"""The back end 'itk': every format, LPS+; and the bridge to objects of ITK and SimpleITK."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...conversion import converted
from ...errors import DataTypeError, GeometryError, ImagedataError, MissingDependencyError
from ...formats.contract import Source
from ...header import SeriesData
from ...registry import format_for
from ..images import move_channels, reoriented
from ..loading import Choice
from ..metadata.affine import Affine
from ..metadata.convert_nib_itk import convert_affine
from ..metadata.itk_orientation import codes_str_dict
from ..metadata.metadata import MetaData, check_dcm_ornt, check_ornt
from ..utils.dcm_series import in_slice_order, resolve_series_files
from ..utils.files import check_dir, is_dicom, parse_series_uids
from .dicom_elements import (
    check_pattern,
    frame_of_reference,
    given_elements,
    kept_elements,
    kept_texts,
)
from .unreadable import as_itk
from .volumes import (
    Array,
    Types,
    check_folder,
    format_of_suffix,
    itk_code,
    read_metadata,
    read_volume,
    scaled_type,
    turned_back,
    write_volume,
)

__all__ = ['ItkIO']

_FRAMES = '1.2.840.10008.5.1.4.1.1.7.3'
"""Multi-frame Secondary Capture: the writer takes the one of bytes, words or colours."""


class ItkIO:
    """Reading and writing with ITK's conventions.

    The type of the values is that of the file, unless `fallback_only` is False and `pixel_type`
    names another: a type of ITK (`itk.F`) or NumPy, which must hold them. `private_tags` is taken
    for compatibility: private elements are always there.
    """

    coord_sys = 'itk'
    DEFAULT_COMPONENTS_AXIS = 0
    dimension = 3
    pixel_type: ClassVar[Any] = None

    @staticmethod
    def read_img(
        input_path: str | PathLike[str],
        desired_axcodes: str | tuple[str, ...] | None = None,
        header: bool = False,
        components_axis: int | None = None,
        pixel_type: Any = None,
        fallback_only: bool = True,
        series: str | int | None = None,
        private_tags: bool = False,
        validate_series: bool = True,
        keep_dominant_geometry: bool = False,
    ) -> tuple[Array, MetaData[Any]]:
        """Read an image; see `imagedata.medio.read_img`."""
        axis = ItkIO.DEFAULT_COMPONENTS_AXIS if components_axis is None else components_axis
        code = itk_code(desired_axcodes, 'itk')
        choice = Choice(series, validate_series, keep_dominant_geometry)
        types = rescaled_type if fallback_only else _of_type(pixel_type)
        with as_itk():
            return read_volume(input_path, code, choice, axis, fields if header else None, types)

    @staticmethod
    def read_meta(
        input_path: str | PathLike[str],
        desired_axcodes: str | tuple[str, ...] | None = None,
        header: bool = False,
        pixel_type: Any = None,
        fallback_only: bool = True,
        series: str | int | None = None,
        private_tags: bool = False,
        validate_series: bool = True,
        keep_dominant_geometry: bool = False,
    ) -> MetaData[Any]:
        """Read what is known of an image; see `imagedata.medio.read_meta`."""
        choice = Choice(series, validate_series, keep_dominant_geometry)
        code = itk_code(desired_axcodes, 'itk')
        with as_itk():
            return read_metadata(input_path, code, choice, fields if header else None)

    @staticmethod
    def save_img(
        filename: str | PathLike[str],
        image_np: Array,
        metadata: MetaData[Any],
        use_original_ornt: bool = True,
        components_axis: int | None = None,
        allow_dcm_reorient: bool = False,
        compression: bool = False,
    ) -> None:
        """Write an image into one file; see `imagedata.medio.save_img`."""
        dicom = is_dicom(filename, check_exist=False)
        array, own = ItkIO.prepare_image(
            image_np, metadata, use_original_ornt, components_axis, dicom, allow_dcm_reorient
        )
        named = format_for('dicom' if dicom else format_of_suffix(filename))
        options: dict[str, Any] = {}
        if compression:
            options = {'transfer_syntax': 'jpeg2000'} if dicom else {'compression': True}
        color = components_axis is not None
        check_folder(filename)
        if dicom:
            given = given_elements(kept_elements(metadata.header), color=color)
            attributes: dict[str, Any] = {**given.attributes, 'SOPClassUID': _FRAMES}
            del attributes['modality']  # that of the kind of object
            options['frame'] = frame_of_reference(metadata.header)
            write_volume(filename, array, own, color, 'dicom', options, attributes, edits=given.edits)
            return
        if own.affine.dim == 2 and named.name == 'itk':
            options['dimensions'] = 2
        texts = kept_texts(metadata.header) if named.name == 'itk' else {}
        attributes = {'itk_metadata': texts} if texts else {}
        write_volume(filename, array, own, color, named.name, options, attributes)

    @staticmethod
    def prepare_image(
        image_np: Array,
        metadata: MetaData[Any],
        use_original_ornt: bool,
        components_axis: int | None = None,
        is_dcm: bool = False,
        allow_dcm_reorient: bool = False,
    ) -> tuple[Array, MetaData[Any]]:
        """Return array (channels last) and metadata (of 'itk') as they are to be written."""
        array, own = turned_back(image_np, metadata, use_original_ornt, components_axis)
        if is_dcm and own.affine.dim == 3:
            code = check_dcm_ornt(None, own, allow_dcm_reorient)
            array, own.affine = reoriented(array, own.affine, code)
        return array, own

    @staticmethod
    def save_dcm_dir(
        dirname: str | PathLike[str],
        image_np: Array,
        metadata: MetaData[Any],
        use_original_ornt: bool = True,
        components_axis: int | None = None,
        parents: bool = False,
        exist_ok: bool = False,
        allow_dcm_reorient: bool = False,
        pattern: str = 'IM{}.dcm',
        metadata_dict: Mapping[str, str] | None = None,
    ) -> None:
        """Write a folder of DICOM files, one for each slice; see `imagedata.medio.save_dir`."""
        array, own = ItkIO.prepare_image(
            image_np, metadata, use_original_ornt, components_axis, True, allow_dcm_reorient
        )
        color = components_axis is not None
        check_pattern(pattern)
        elements = {**kept_elements(metadata.header), **(metadata_dict or {})}
        given = given_elements(elements, color=color)
        check_dir(dirname, parents, exist_ok)
        options = {
            'overwrite': exist_ok, 'pattern': pattern, 'first_number': 1,
            'keep_uid': given.series_uid is not None, 'frame': frame_of_reference(metadata.header),
        }  # fmt: skip
        write_volume(
            f'{fspath(dirname)}/', array, own, color, 'dicom', options, given.attributes,
            edits=given.edits, series_uid=given.series_uid,
        )  # fmt: skip

    @staticmethod
    def prepare_dcm_array(image_np: Array, is_vector: bool = False) -> Array:
        """Return values in the type in which medio writes them to one DICOM file.

        The first of uint8 and uint16 (colours: uint8; one slice: int16 too) that holds all of them.
        `save_img` needs no such thing.

        Raises
        ------
        DataTypeError
            When none does.
        """
        values = np.asarray(image_np)
        one_slice = values.ndim == 2 or values.shape[2] == 1
        names = ['uint8'] if is_vector else ['uint8', 'uint16', *(['int16'] if one_slice else [])]
        for name in names:
            # What does not fit is found by the comparison.
            with np.errstate(invalid='ignore'):
                cast = values.astype(name)
            if np.array_equal(cast, values):
                return cast
        raise DataTypeError(f'no type of {", ".join(names)} holds these values of {values.dtype}')

    @staticmethod
    def extract_series(
        dirname: str | PathLike[str],
        series: str | int | None = None,
        validate_series: bool = True,
        keep_dominant_geometry: bool = False,
    ) -> list[str]:
        """Return the files of one DICOM series of a folder, along the normal of their slices.

        Raises
        ------
        FileNotFoundError
            When there is none.
        InconsistentSeriesError
            When they do not make one volume.
        """
        from ...formats.dicom.catalogue import catalogue

        sources = [Source(str(p), p) for p in sorted(Path(dirname).iterdir()) if p.is_file()]
        found: dict[str, dict[str, None]] = {}
        for image in catalogue(sources, skip_broken=True).images:
            found.setdefault(image.kin.identity[2], {})[image.name] = None
        uid = parse_series_uids(dirname, found, series)
        kept = resolve_series_files(list(found[uid]), validate_series, keep_dominant_geometry)
        return in_slice_order(kept)

    # --- objects of ITK and SimpleITK --------------------------------------------------------

    @staticmethod
    def from_itk_img(
        itk_img: Any,
        desired_ornt: str | tuple[str, ...] | None = None,
        coord_sys: str | None = 'itk',
        components_axis: int | None = None,
    ) -> tuple[Array, MetaData[Any]]:
        """Return a copy of an image of ITK or SimpleITK as an array and metadata.

        Parameters
        ----------
        itk_img : itk.Image or SimpleITK.Image
        desired_ornt : str, optional
            In the convention of `coord_sys`.
        coord_sys : {'itk', 'nib'}
        components_axis : int, optional
            Where channels go; the first axis when not given.

        Returns
        -------
        array : (x, y), (x, y, z) or (x, y, z, t) array
        metadata : MetaData
            Of space alone: the times of an image of four dimensions are not in it.
        """
        system = MetaData.check_valid_coord_sys(coord_sys or 'itk')
        code = itk_code(desired_ornt, system)
        array, affine = ItkIO.unpack_img(itk_img)
        channels = array.ndim > affine.dim and _components(itk_img) > 1
        affine = _spatial(affine)
        metadata: MetaData[Any] = MetaData(affine)
        values = np.moveaxis(array, 0, -1) if channels else array
        metadata.orig_ornt = metadata.ornt
        if code is not None:
            values, metadata.affine = reoriented(values, affine, code)
        if channels:
            values = np.moveaxis(values, -1, 0 if components_axis is None else components_axis)
        metadata.convert(system)
        return values, metadata

    @staticmethod
    def to_itk_img(np_image: Array, metadata: MetaData[Any], components_axis: int | None = None) -> Any:
        """Return a copy as an image of ITK; the metadata are not changed."""
        return ItkIO.pack2img(np_image, _lps(metadata), components_axis)

    @staticmethod
    def to_sitk_img(np_image: Array, metadata: MetaData[Any], components_axis: int | None = None) -> Any:
        """Return a copy as an image of SimpleITK; the metadata are not changed."""
        image = _simple_image(np_image, components_axis)
        ItkIO.set_img_aff(image, _lps(metadata))
        return image

    @staticmethod
    def read_img_file(
        filename: str | PathLike[str],
        pixel_type: Any = None,
        fallback_only: bool = False,
        imageio: Any = None,
    ) -> Any:
        """Return a file as an image of ITK, read by this library."""
        types = rescaled_type if fallback_only else _of_type(pixel_type)
        with as_itk():
            return _as_itk(*read_volume(filename, None, Choice(), None, None, types))

    @staticmethod
    def read_dir(
        dirname: str | PathLike[str],
        pixel_type: Any = None,
        fallback_only: bool = False,
        series: str | int | None = None,
        imageio: Any = None,
        validate_series: bool = True,
        keep_dominant_geometry: bool = False,
    ) -> Any:
        """Return one DICOM series of a folder as an image of ITK, read by this library."""
        choice = Choice(series, validate_series, keep_dominant_geometry)
        types = rescaled_type if fallback_only else _of_type(pixel_type)
        with as_itk():
            return _as_itk(*read_volume(dirname, None, choice, None, None, types))

    @staticmethod
    def save_img_file(image: Any, filename: str | PathLike[str], compression: bool = False) -> None:
        """Write an image of ITK or SimpleITK."""
        values, metadata = ItkIO.from_itk_img(image)
        axis = 0 if _components(image) > 1 else None
        ItkIO.save_img(filename, values, metadata, components_axis=axis, compression=compression)

    @staticmethod
    def itk_img_to_array(img_itk: Any) -> Array:
        """Return a copy of the values, (x, y, z), channels first."""
        _check_image(img_itk)
        if _is_simple(img_itk):
            import SimpleITK

            values: Array = SimpleITK.GetArrayFromImage(img_itk)
        else:
            values = _itk().array_from_image(img_itk)
        return values.T

    @staticmethod
    def array_to_itk_img(img_array: Array, components_axis: int | None = None) -> Any:
        """Return a copy of the values as an image of ITK without a place."""
        values = np.asarray(img_array)
        if components_axis is not None:
            values = np.moveaxis(values, components_axis, 0)
        contiguous = np.ascontiguousarray(values.T)
        return _itk().image_from_array(contiguous, is_vector=components_axis is not None)

    @staticmethod
    def unpack_img(img: Any) -> tuple[Array, Affine]:
        """Return values and affine."""
        return ItkIO.itk_img_to_array(img), ItkIO.get_img_aff(img)

    @staticmethod
    def pack2img(image_np: Array, affine: Affine | Array, components_axis: int | None = None) -> Any:
        """Return an image of ITK with values and affine."""
        image = ItkIO.array_to_itk_img(image_np, components_axis)
        ItkIO.set_img_aff(image, affine)
        return image

    @staticmethod
    def get_img_aff(img: Any) -> Affine:
        """Return the affine of an image of ITK or SimpleITK."""
        _check_image(img)
        origin = np.asarray(img.GetOrigin(), float)
        direction = img.GetDirection()
        if _is_simple(img):
            matrix = np.reshape(direction, (len(origin), len(origin)))
        else:
            matrix = np.asarray(_itk().array_from_matrix(direction))
        return Affine(direction=matrix, spacing=np.asarray(img.GetSpacing(), float), origin=origin)

    @staticmethod
    def set_img_aff(image: Any, affine: Affine | Array) -> None:
        """Set origin, spacing and direction of an image of ITK or SimpleITK."""
        matrix = np.asarray(affine, float)
        count = image.GetDimension() if _is_simple(image) else image.GetImageDimension()
        if count > len(matrix) - 1:
            # Further axes, as that of time, are counted from 0.
            whole = np.eye(count + 1)
            keep = [*range(len(matrix) - 1), count]
            whole[np.ix_(keep, keep)] = matrix
            matrix = whole
        direction, spacing, origin = Affine.affine2comps(matrix)
        image.SetOrigin(origin.tolist())
        image.SetSpacing(spacing.tolist())
        if _is_simple(image):
            image.SetDirection(direction.ravel().tolist())
        else:
            image.SetDirection(_itk().matrix_from_array(np.ascontiguousarray(direction)))

    @staticmethod
    def reorient(img: Any, desired_orientation: int | str | tuple[str, ...] | None) -> tuple[Any, int | None]:
        """Return an image of ITK in another orientation, and ITK's number of the one that it had.

        Parameters
        ----------
        img : itk.Image or SimpleITK.Image
            The result is of the same kind.
        desired_orientation : int, str, tuple of str or None
            A code, or ITK's number of it; None: as it is.
        """
        if desired_orientation is None:
            return img, None
        code = desired_orientation
        if isinstance(code, int):
            code = codes_str_dict[code]  # type: ignore[assignment]
        array, affine = ItkIO.unpack_img(img)
        channels = _components(img) > 1
        values = np.moveaxis(array, 0, -1) if channels else array
        given = MetaData(affine).ornt
        values, affine = reoriented(values, affine, check_ornt(code))
        pack = ItkIO.to_sitk_img if _is_simple(img) else ItkIO.to_itk_img
        turned = pack(values, MetaData(affine), -1 if channels else None)
        return turned, codes_str_dict[given]  # type: ignore[return-value]


def _as_itk(array: Array, metadata: MetaData[Any]) -> Any:
    color = array.dtype.names is not None
    return ItkIO.to_itk_img(move_channels(array, -1), metadata, -1 if color else None)


def _lps(metadata: MetaData[Any]) -> Affine:
    return metadata.affine if metadata.coord_sys == 'itk' else convert_affine(metadata.affine)


def _simple_image(array: Array, components_axis: int | None) -> Any:
    import SimpleITK

    values = np.asarray(array)
    if components_axis is not None:
        values = np.moveaxis(values, components_axis, 0)
    # The slowest axis of SimpleITK comes first, its components last.
    values = np.ascontiguousarray(values.T)
    return SimpleITK.GetImageFromArray(values, isVector=components_axis is not None)


class NoImageError(ImagedataError, TypeError):
    """An object is no image of ITK or SimpleITK."""


def _check_image(image: Any) -> None:
    if not all(hasattr(image, name) for name in ('GetOrigin', 'GetNumberOfComponentsPerPixel')):
        raise NoImageError(
            f'an image of ITK or SimpleITK is needed, not {type(image).__name__}: to_itk_img and to_sitk_img '
            'make one of an array'
        )


def _spatial(affine: Affine) -> Affine:
    """Return the affine of the first three axes of an image of more."""
    matrix = np.asarray(affine)
    if affine.dim <= 3:
        return affine
    if np.abs(matrix[:3, 3:-1]).max() > 1e-6 or np.abs(matrix[3:-1, :3]).max() > 1e-6:
        raise GeometryError('the directions of the image mix space with the dimension after the third')
    keep = [0, 1, 2, affine.dim]
    return Affine(matrix[np.ix_(keep, keep)])


def _is_simple(image: Any) -> bool:
    return type(image).__module__.split('.')[0] == 'SimpleITK'


def _components(image: Any) -> int:
    return int(image.GetNumberOfComponentsPerPixel())


def _itk() -> Any:
    try:
        import itk
    except ImportError as error:
        raise MissingDependencyError(
            "objects of ITK need the package itk: pip install itk (SimpleITK's images need nothing more)"
        ) from error
    return itk


# --- the type of values --------------------------------------------------------------------------


def rescaled_type(array: Array, data: SeriesData) -> Array:
    """Return values in the type that GDCM gives to rescaled integers.

    The smallest one that holds whatever the stored bits could be rescaled to; float64 where slope or
    intercept are not whole (GDCM, gdcmRescaler.cxx, ComputeInterceptSlopePixelType). Scaled values of
    NIfTI are float32, and float64 where they are stored so.
    """
    images = data.header.images
    if scaled_type(data) is not None:
        return array if scaled_type(data) == 'float64' else array.astype(np.float32)
    if images is None or images.records is None or not images.own or array.dtype.kind not in 'iuf':
        return array
    low, high = 0.0, 0.0
    for number in np.unique(images.ids[images.ids >= 0]):
        dataset = images.records.dataset(int(number))
        if 'RescaleSlope' not in dataset or 'RescaleIntercept' not in dataset:
            return array
        slope, intercept = float(dataset.RescaleSlope), float(dataset.RescaleIntercept)
        if not (slope.is_integer() and intercept.is_integer()):
            return array.astype(np.float64)
        bits = dataset.BitsAllocated if (slope, intercept) == (1, 0) else dataset.BitsStored
        signed = int(dataset.PixelRepresentation)
        stored = np.array([-(1 << (bits - 1)) if signed else 0, (1 << (bits - signed)) - 1], float)
        low, high = min(low, *(stored * slope + intercept)), max(high, *(stored * slope + intercept))
    names = ('u1', 'u2', 'u4') if low >= 0 else ('i1', 'i2', 'i4')
    fitting = [n for n in names if np.iinfo(n).min <= low and high <= np.iinfo(n).max]
    if not fitting or array.dtype.kind == 'f':
        return array
    # Files may hold more than their Bits Stored allow.
    limits = np.iinfo(fitting[0])
    holds = limits.min <= array.min() and array.max() <= limits.max
    return array.astype(fitting[0]) if holds else array


def _of_type(pixel_type: Any) -> Types:
    """Return what gives values the type that ITK or NumPy names; colours keep theirs."""
    dtype = getattr(pixel_type, 'dtype', pixel_type)
    if pixel_type is None or not isinstance(dtype, (np.dtype, str, type)):
        return rescaled_type
    if isinstance(dtype, type) and not issubclass(dtype, np.generic):
        return rescaled_type  # itk.RGBPixel[itk.UC]

    def typed(array: Array, data: SeriesData) -> Array:
        return array if array.dtype.names else converted(array, np.dtype(dtype), DataTypeError)

    return typed


# --- header=True ---------------------------------------------------------------------------------


def fields(path: str, data: SeriesData) -> dict[str, str]:
    """Return the header of a file as ITK shows it: DICOM's are '0008|0060' and a text.

    Elements of the last slice, where there are several. Sequences and binary values are left out.
    """
    images = data.header.images
    if images is None or images.records is None or not images.own:
        if data.header.attributes.get('input_format') == 'nifti':
            return _nifti_texts(path)
        return dict(data.header.attributes.get('itk_metadata') or {})
    dataset = images.records.dataset(int(images.ids.reshape(-1)[-1]))
    found = {}
    for element in dataset:
        if element.VR in ('SQ', 'OB', 'OW', 'OF', 'OD', 'OL', 'OV', 'UN'):
            continue
        values = element.value if element.VM > 1 else [element.value]
        text = '\\'.join('' if value is None else str(value) for value in values)
        found[f'{element.tag.group:04x}|{element.tag.element:04x}'] = text
    return found


def _nifti_texts(path: str) -> dict[str, str]:
    from .nib_io import fields as nib_fields

    texts = {}
    for name, value in nib_fields(path, None).items():
        values = np.atleast_1d(value)
        if values.dtype.kind == 'S':
            texts[name] = b''.join(values.tolist()).decode('latin-1')
        elif len(values) == 1:
            texts[name] = str(values[0])
        else:
            texts.update({f'{name}[{i}]': str(v) for i, v in enumerate(values)})
    return texts
