"""The Series: a NumPy array that knows what its axes are, where its voxels lie, and whose they are.

NumPy's own `__array_finalize__` is left alone, so that a view made behind our back carries no
header at all. The operations below attach one where they can prove that it is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from . import numpy_functions, ufuncs
from .array_methods import ArrayMethods
from .axis import SPATIAL, Axis
from .conversion import converted
from .errors import (
    DataTypeError,
    DoNotSetSlicesError,
    MultipleSeriesError,
    NoDataReadError,
    UnknownInputError,
    UnknownTag,
)
from .formats.contract import is_location
from .geometry import FloatArray
from .header import Edit, Header, Identity, SeriesData, default_header
from .indexing import PendingHeader, index_header, is_basic, plain_dims, resolve
from .options import OptionsLike, merge_options, warn_of_misspelt
from .picture_methods import PictureMethods
from .properties import SeriesProperties
from .template import apply_geometry, apply_template, warn_of_another_patient
from .volume_methods import VolumeMethods

__all__ = ['DoNotSetSlicesError', 'MultipleSeriesError', 'NoDataReadError', 'Series']

_NDARRAY = np.ndarray
_ndarray_getitem = np.ndarray.__getitem__
_view = np.ndarray.view
_shape_of = np.ndarray.shape.__get__
_dtype_of = np.ndarray.dtype.__get__
_ndim_of = np.ndarray.ndim.__get__


class Series(SeriesProperties, VolumeMethods, PictureMethods, ArrayMethods, np.ndarray):
    """Medical image series: a NumPy array with axes, geometry and DICOM attributes.

    Parameters
    ----------
    data : str, path, open binary file, list of them, array_like or Series
        What to read, or values. A path may be a file, a folder, or a pattern with `*`.
    input_order : str
        What the images of one slice position are sorted on: 'auto', 'none', 'time',
        'triggertime', 'b', 'fa', 'te', any DICOM keyword, or several separated by commas. For
        an array: names of its leading dimensions.
    opts : dict or argparse.Namespace, optional
        Options, as an alternative to keywords. It is not changed.
    input_format : str, optional
        Name of the only format to try.
    dtype : data type, optional
        Type of the values; they are converted.
    template : Series, str or path, optional
        DICOM series whose patient, study and acquisition attributes describe these values.
    geometry : Series, str or path, optional
        Series whose voxels lie where these do.
    axes : iterable of Axis, optional
        One for each dimension.
    shape, buffer, offset, strides, order
        Ignored; here for programs that subclass.
    **kwargs
        Further options.

    Raises
    ------
    ImagedataError
        Of a kind of its own for each thing that can be wrong with the input; the message
        names the file.

    Examples
    --------
    >>> import numpy as np
    >>> a = Series(np.zeros((4, 3, 5, 6), np.uint16), 'time')
    >>> a.axes._fields
    ('time', 'slice', 'row', 'column')
    >>> a[1, :, 2:].shape
    (3, 3, 6)
    """

    name: ClassVar[str] = 'Series'
    description: ClassVar[str] = 'Medical image series'
    authors: ClassVar[str] = 'the imagedata developers'
    version: ClassVar[str] = '4.0.0'
    url: ClassVar[str] = ''

    _state: Header | PendingHeader | None = None
    _identity: Identity | None = None

    def __new__(
        cls,
        data: Any,
        input_order: str = 'auto',
        opts: OptionsLike = None,
        input_format: str | None = None,
        shape: Sequence[int] = (0,),
        dtype: DTypeLike | None = None,
        buffer: Any = None,
        offset: int = 0,
        strides: Any = None,
        order: str | None = None,
        template: Series | Header | str | PathLike[str] | None = None,
        geometry: Series | Header | str | PathLike[str] | None = None,
        axes: Iterable[Axis] | None = None,
        **kwargs: Any,
    ) -> Series:
        """Read, or take, the values; see the class."""
        options = merge_options(opts, kwargs)
        template = options.pop('template', None) if template is None else template
        geometry = options.pop('geometry', None) if geometry is None else geometry
        axes = options.pop('axes', None) if axes is None else axes
        dtype = options.pop('dtype', None) if dtype is None else dtype
        if not isinstance(input_order, str):
            raise UnknownTag(f"input_order is a text such as 'time' or 'time,te', got {input_order!r}")
        if input_order == 'auto':
            input_order = options.pop('input_order', 'auto')
        options.pop('input_order', None)
        if input_format is None:
            input_format = options.pop('input_format', None)
        if is_location(data):
            loaded = _read_one(data, input_order, {**options, 'input_format': input_format, 'dtype': dtype})
        else:
            loaded = _from_values(data, input_order, dtype)
        header = loaded.header
        place = None if geometry is None else _header_of(geometry, options)
        if place is not None:
            header = apply_geometry(header, place)
        if template is not None:
            described = _header_of(template, options)
            warn_of_another_patient(described, place if place is not None else header)
            header = apply_template(header, described)
        series = _view(loaded.array, cls)
        series._state = header
        series._identity = loaded.identity
        if axes is not None:
            series.axes = axes
        return series

    # --- header and identity --------------------------------------------------------------

    @property
    def header(self) -> Header:
        """What is known of the array beside its values. It never changes; setters replace it."""
        state = self._state
        if type(state) is Header:
            return state
        if state is None:
            header = Header(dims=plain_dims(self.ndim))
        else:
            header = resolve(state)
        self._state = header
        return header

    @header.setter
    def header(self, header: Header) -> None:
        self._state = header

    @property
    def _shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """Shape of the array, or of the one that was not read with `headers_only`."""
        header = self.header
        if self.ndim == len(header.dims):
            return self.shape
        counts = dict(zip(SPATIAL, header.geometry.shape if header.geometry else (1, 1, 1), strict=True))
        return tuple(counts[d] if d in counts else len(header.tag_axes[d]) for d in header.dims)

    def _attached(self, result: Any, state: Header | PendingHeader, identity: Identity | None) -> Any:
        """Return a result of this class with header and identity; NumPy scalars as they are."""
        if not isinstance(result, _NDARRAY):
            return result
        series = _view(result, type(self))
        series._state = state
        series._identity = identity
        return series

    def _derived(self, result: Any, derive: Callable[[Header], Header] | None) -> Any:
        """Return new values with the header that `derive` makes of this one's; lazily."""
        if type(result) is not _NDARRAY:
            return result
        state = ufuncs.for_new_values(self._keep())
        if derive is not None:
            state = PendingHeader(state, derive, self.shape, result.ndim)
        return self._attached(result, state, Identity(values_changed=True))

    def with_data(self, array: ArrayLike) -> Series:
        """Return other values at the places of this Series.

        Parameters
        ----------
        array : array_like
            Of this Series' shape, for instance a result of `scipy.ndimage`.

        Raises
        ------
        BadShapeGiven
            When the shapes differ.
        """
        from .errors import BadShapeGiven

        values = np.asarray(array)
        if values.shape != self.shape:
            raise BadShapeGiven(
                f'values of shape {values.shape} do not fit this Series of shape {self.shape}'
            )
        result: Series = self._derived(values, None)
        return result

    def _copied(self, result: Any, derive: Callable[[Header], Header]) -> Any:
        """Return the same values, some of them again or with others, as a series of their own."""
        state = PendingHeader(self._keep(), derive, self.shape, result.ndim)
        return self._attached(result, state, self._new_identity())

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each dimension."""
        return _shape_of(self)  # type: ignore[no-any-return]

    @shape.setter
    def shape(self, shape: Any) -> None:
        raise IndexError('the shape of a Series cannot be set: use reshape(), which gives a new one')

    @property
    def dtype(self) -> Any:
        """Type of the values."""
        return _dtype_of(self)

    @dtype.setter
    def dtype(self, dtype: DTypeLike) -> None:
        before = self.shape
        descriptor: Any = _NDARRAY.dtype
        descriptor.__set__(self, dtype)
        if self.shape != before:
            self._state = ufuncs.plain_state(self, self.ndim)

    def explain(self) -> str:
        """Tell how the files were grouped, sorted and decoded, and what was left out and why."""
        return '\n'.join(self.header.report) or 'This Series was not read from files.'

    # --- indexing ---------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Any:
        result = _ndarray_getitem(self, key)
        if not isinstance(result, Series):
            return result
        state = self._state
        if state is not None:
            if is_basic(key):
                result._state = PendingHeader(state, key, _shape_of(self), _ndim_of(result))
            elif isinstance(key, str) or (type(key) is list and key and isinstance(key[0], str)):
                result._state = state
            else:
                header = self.header
                picked = index_header(header, _plain(key), self.shape)
                if picked is None or len(picked.dims) != result.ndim:
                    picked = header.plain(plain_dims(result.ndim))
                result._state = picked
            identity = self._identity
            result._identity = self._get_identity() if identity is None else identity
        return result

    def __setitem__(self, key: Any, value: Any) -> None:
        _NDARRAY.__setitem__(self, _plain(key), value)
        # Views share values and identity: none of them shows the source's pixels any more.
        self._get_identity().values_changed = True

    # --- NumPy's protocols --------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return ufuncs.call(self, ufunc, method, inputs, kwargs)

    def __array_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: Any, kwargs: Any
    ) -> Any:
        for kind in types:
            if not issubclass(kind, _NDARRAY):
                return NotImplemented
        return numpy_functions.dispatch(self, func, args, kwargs)

    def __eq__(self, other: object) -> Any:
        return self._compared(_NDARRAY.__eq__, other)

    def __ne__(self, other: object) -> Any:
        return self._compared(_NDARRAY.__ne__, other)

    __hash__ = None

    def _compared(self, compare: Callable[[Any, Any], Any], other: object) -> Any:
        """Compare; NumPy compares colours without asking for the header of the result."""
        if _dtype_of(self).names is None:
            return compare(self, other)
        result = compare(_plain(self), _plain(other))
        return ufuncs.attach(result, (self, other))

    # --- copies -----------------------------------------------------------------------------

    def copy(self, order: Any = 'C') -> Series:
        """Return a copy: a series of its own, with the same header."""
        copied: Series = self._attached(_view(self, _NDARRAY).copy(order), self._keep(), self._new_identity())
        return copied

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any] | None) -> Series:
        return self.copy()

    def _keep(self) -> Header | PendingHeader:
        return self.header if self._state is None else self._state

    def _new_identity(self) -> Identity:
        changed = self._identity is not None and self._identity.values_changed
        return Identity(values_changed=changed)

    def __reduce__(self) -> Any:
        rebuild, args, state = cast('tuple[Any, Any, Any]', _NDARRAY.__reduce__(self))
        identity = self._get_identity()
        return rebuild, args, (state, self.header, identity.uid, identity.values_changed)

    def __setstate__(self, state: Any) -> None:
        array, header, uid, changed = state
        _NDARRAY.__setstate__(self, array)
        self._state = header
        self._identity = Identity(uid, values_changed=changed)

    # --- the patient ---------------------------------------------------------------------------

    def anonymize(
        self,
        uid_table: MutableMapping[str, str] | None = None,
        extra_anonymization_rules: Mapping[Any, Any] | None = None,
        **rules: Any,
    ) -> Series:
        """Return a Series by which its patient is not known, after PS3.15 Annex E.

        The pixels are the same: `explain()` says where names may stand in them.

        Parameters
        ----------
        uid_table : dict, optional
            Old UID to new one. It is filled; series that are given the same table still belong
            together. It leads back to the patient: keep it apart, or forget it.
        extra_anonymization_rules : dict, optional
            (group, element) to a function of (dataset, tag), such as `dicomanonymizer.keep`.
        **rules
            Options `retain_uids`, `retain_device`, `retain_institution`, `retain_patient`,
            `retain_safe_private`, `clean_descriptors` (False), `dates` ('remove', 'shift' or
            'keep'); and values by name of an attribute or keyword: `patientName='P7'`, None
            takes an element away, a function is given the old value.

        Raises
        ------
        MissingDependencyError
            When dicom-anonymizer is not installed.
        UnknownTag
            For a rule that is neither an option nor a DICOM element.
        """
        from .anonymize import anonymized, plan_of

        return anonymized(self, plan_of(uid_table, extra_anonymization_rules, rules))

    # --- DICOM elements -----------------------------------------------------------------------

    def getDicomAttribute(self, keyword: str | int | tuple[int, int], slice: int = 0, tag: Any = None) -> Any:
        """Return the value of a DICOM element, None when it is not there.

        Parameters
        ----------
        keyword : str, int or pair
            A keyword ('EchoTime'), or a tag (0x00180081, (0x0018, 0x0081), '0018|0081').
        slice : int
            Slice whose image is asked.
        tag : int or tuple of int, optional
            Index along the tag axes; the first when not given.
        """
        from .dicom_elements import element_value

        return element_value(self, keyword, slice, tag)

    def setDicomAttribute(
        self,
        keyword: str | int | tuple[int, int],
        value: Any,
        slice: int | None = None,
        tag: Any = None,
    ) -> None:
        """Set the value of a DICOM element in what is written.

        Parameters
        ----------
        keyword : str, int or pair
            A keyword ('EchoTime'), or a tag (0x00180081, (0x0018, 0x0081), '0018|0081').
        value : object
            Value, or None to leave the element out.
        slice : int, optional
            The one slice to set it for; all when not given.
        tag : int or tuple, optional
            The one index along the tag axes, or values of the tags, to set it for.

        Raises
        ------
        ValueError
            When the keyword is not in the DICOM dictionary.
        """
        from .dicom_elements import image_numbers, parse_tag

        name = str(parse_tag(keyword))
        header = self.header
        images = None
        if slice is not None or tag is not None:
            if header.images is None:
                self.header = header = replace(header, images=self._image_grid())
            images = image_numbers(self, slice, tag)
        self.header = replace(header, edits=(*header.edits, Edit(name, value, images)))

    # --- places -------------------------------------------------------------------------------

    def getPositionForVoxel(self, r: ArrayLike, transformation: ArrayLike | None = None) -> FloatArray:
        """Return the place of a voxel.

        Parameters
        ----------
        r : (3,) array_like
            Slice, row and column; whole or fractional.
        transformation : (4, 4) array_like, optional
            Used instead of this Series' own.

        Returns
        -------
        (3, 1) ndarray
            z, y, x in mm.
        """
        index = np.asarray(r, dtype=float).reshape(3)
        if transformation is not None:
            return (np.asarray(transformation, dtype=float) @ [*index, 1.0])[:3].reshape(3, 1)  # type: ignore[no-any-return]
        canonical = np.empty(3)
        canonical[self._column_order()] = index
        return self._grid().to_world(canonical)[::-1].reshape(3, 1).copy()

    def getVoxelForPosition(self, p: ArrayLike, transformation: ArrayLike | None = None) -> NDArray[np.int64]:
        """Return the voxel nearest to a place.

        Parameters
        ----------
        p : (3,) array_like
            z, y, x in mm.
        transformation : (4, 4) array_like, optional
            Used instead of this Series' own.

        Returns
        -------
        (3, 1) ndarray of int
            Slice, row and column; outside the grid where the place is.
        """
        place = np.asarray(p, dtype=float).reshape(3)
        if transformation is not None:
            index = (np.linalg.inv(np.asarray(transformation, dtype=float)) @ [*place, 1.0])[:3]
        else:
            index = self._grid().to_index(place[::-1])[self._column_order()]
        return np.floor(index + 0.5).astype(int).reshape(3, 1)  # type: ignore[no-any-return]

    def get_transformation_components_xyz(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return origin (3,), orientation (6,) and slice normal (3,), all in x, y, z order."""
        grid = self._grid()
        return grid.origin.copy(), grid.orientation, grid.normal

    # --- writing --------------------------------------------------------------------------------

    def write(
        self,
        url: str | PathLike[str],
        opts: OptionsLike = None,
        formats: str | Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        """Write the Series.

        Parameters
        ----------
        url : str or path
            A file, whose extension tells the format, or a folder.
        opts : dict or argparse.Namespace, optional
            Options, as an alternative to keywords. It is not changed.
        formats : str or list of str, optional
            Names or extensions of the formats to write; '%p' in `url` becomes the name of each.
        **kwargs
            Options of writing: `keep_uid`, `sernum`, `serdes`, `imagetype`, `window`, ...; one that is
            not known is an `ImagedataWarning`.

        Raises
        ------
        WriteError
            When it failed; what was there before is untouched.
        """
        from .writing import write

        options = merge_options(opts, kwargs)
        warn_of_misspelt(options, self.header.input_order, kwargs)
        write(SeriesData(_view(self, _NDARRAY), self.header, self._get_identity()), url, formats, options)

    # --- text -----------------------------------------------------------------------------------

    def __repr__(self) -> str:
        dims = ', '.join(f'{d}: {n}' for d, n in zip(self.header.dims, self._shape, strict=True))
        text = f'<Series ({dims}) {"RGB" if self.color else self.dtype}'
        grid = self.header.geometry
        if grid is not None and not grid.assumed:
            text += ' ' + ' x '.join(f'{s:.4g}' for s in grid.spacing) + ' mm'
        modality = self.header.attribute('modality')
        described = self.header.attribute('seriesDescription')
        if modality or described:
            text += f' {modality or ""} {described or ""!r}'.rstrip()
        return text + '>'

    def __str__(self) -> str:
        from .summary import summary

        return summary(self)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


def _read_one(data: Any, order: str, options: dict[str, Any]) -> SeriesData:
    """Read one series; several are an error that lists them."""
    from .reading import read_series

    return read_series(data, order, options)


def _from_values(data: Any, input_order: str, dtype: DTypeLike | None) -> SeriesData:
    """Return values with the header that they bring, or a default one."""
    if isinstance(data, Series):
        values = _view(data, _NDARRAY)
        values = converted(values, np.dtype(dtype), DataTypeError) if dtype is not None else values
        return SeriesData(values, data.header, data._new_identity())
    values = np.asarray(data)
    if dtype is not None and values.dtype != object:
        values = converted(values, np.dtype(dtype), DataTypeError)
    if values.dtype.kind in 'OSU' and not isinstance(data, np.ndarray):
        raise UnknownInputError(f'a Series cannot be made from {type(data).__name__}: give a path or numbers')
    if values.ndim == 0:
        values = values.reshape(1)
    order = 'none' if input_order == 'auto' else input_order
    return SeriesData(values, default_header(values.shape, order), Identity())


def _header_of(source: Any, options: dict[str, Any]) -> Header:
    """Return the header of a template or geometry, reading it when it is a path."""
    if isinstance(source, Series):
        return source.header
    if isinstance(source, Header):
        return source
    if isinstance(source, (str, PathLike)):
        from .reading import read_template

        return read_template(source)
    raise ValueError(f'a template or geometry is a Series, a Header or a path, got {type(source).__name__}')


def _plain(key: Any) -> Any:
    """Return an index without Series in it."""
    if isinstance(key, Series):
        return _view(key, _NDARRAY)
    if isinstance(key, tuple):
        return tuple(_view(k, _NDARRAY) if isinstance(k, Series) else k for k in key)
    return key
