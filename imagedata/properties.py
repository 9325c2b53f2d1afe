"""The public properties of a Series: axes, tags, geometry, time, window, patient, study, series.

All of them are views of the Series' header; setting one replaces the header of that one Series.
Public coordinates are in z, y, x order, mm, DICOM patient system (LPS).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .attributes import converted_attribute, finite_range, first_number, valid_uid
from .axis import SPATIAL, Axis, VariableAxis, to_namedtuple
from .errors import (
    AxisError,
    CorruptFileError,
    DoNotSetSlicesError,
    GeometryError,
    NotTimeOrder,
)
from .geometry import FloatArray, Geometry, flip_handedness
from .header import ATTRIBUTES, Header, Identity, Images, image_uid, new_uid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.uid import UID

__all__ = ['SeriesProperties']

_TIME_AXES = ('time', 'triggertime')


def _attribute_property(name: str) -> Any:
    """Return a property for a series-level attribute of `ATTRIBUTES`."""
    spec = ATTRIBUTES[name]

    def getter(self: SeriesProperties) -> Any:
        value = self.header.attribute(name)
        if value is None:
            if spec.default is None:
                raise ValueError(f'{name} ({spec.keyword}) is not set: assign series.{name} first')
            return spec.default
        if spec.kind is list:
            return [value] if isinstance(value, str) else [str(part) for part in value]
        if spec.kind is str and name.endswith('UID'):
            from pydicom.uid import UID

            return UID(str(value))
        try:
            return spec.kind(value)
        except (TypeError, ValueError) as error:
            raise CorruptFileError(
                f'{name} ({spec.keyword}) is {value!r} in the file, which is no {spec.kind.__name__}: '
                f'assign series.{name} first'
            ) from error

    def setter(self: SeriesProperties, value: Any) -> None:
        if value is not None:
            value = converted_attribute(name, spec.kind, value)
        self.header = self.header.with_attributes(**{name: value})

    unit = f'DICOM {spec.keyword}.'
    return property(getter, setter, doc=f'{unit} Unset, reading it raises ValueError.'
                    if spec.default is None else unit)  # fmt: skip


class SeriesProperties:
    """Properties that read from, and write to, the header of a Series."""

    header: Header
    _identity: Identity | None
    if TYPE_CHECKING:
        ndim: int
        dtype: np.dtype[Any]
        _shape: tuple[int, ...]

    # --- axes and tags ------------------------------------------------------------------

    @property
    def axes(self) -> Any:
        """Named tuple of the axes, one for each dimension: `series.axes.time`, `series.axes[0]`."""
        return to_namedtuple(self.header.axes(self._shape))

    @axes.setter
    def axes(self, axes: Iterable[Axis] | None) -> None:
        header = self.header
        if axes is None:
            self.header = header.plain(tuple(f'unknown{i}' for i in range(self.ndim)))
            return
        new = tuple(axes)
        if len(new) != self.ndim:
            raise AxisError(f'{self.ndim} dimensions need as many axes, got {len(new)}')
        for axis, n in zip(new, self._shape, strict=True):
            if not isinstance(axis, Axis):
                raise AxisError(f'an axis must be an Axis, got {type(axis).__name__}')
            if len(axis) != n:
                raise AxisError(f'axis {axis.name!r} has {len(axis)} values for a dimension of length {n}')
        to_namedtuple(new)
        self.header = _with_axes(header, new)

    @property
    def input_order(self) -> str:
        """Names of the tag axes, separated by commas; 'none' without."""
        return self.header.input_order

    @input_order.setter
    def input_order(self, order: str | None) -> None:
        header = self.header
        names = [] if order in (None, 'none', '') else str(order).split(',')
        old = header.tag_dims
        if len(names) != len(old):
            if not names and len(old) == 1:
                names = ['none']
            else:
                raise AxisError(f'input_order {order!r} names {len(names)} axes, the Series has {len(old)}')
        renames = dict(zip(old, names, strict=True))
        dims = tuple(renames.get(d, d) for d in header.dims)
        tag_axes = {renames[k]: v.renamed(renames[k]) for k, v in header.tag_axes.items()}
        images = header.images.renamed(renames) if header.images else None
        self.header = replace(header, dims=dims, tag_axes=tag_axes, images=images)

    @property
    def input_format(self) -> str | None:
        """Name of the format that the Series was read from, None when it was not read."""
        return self.header.attributes.get('input_format')

    @input_format.setter
    def input_format(self, value: str | None) -> None:
        self.header = self.header.with_attributes(input_format=value)

    @property
    def input_sort(self) -> int:
        """Order in which files were, or are to be, written: SORT_ON_SLICE (0) or SORT_ON_TAG (1)."""
        return int(self.header.attributes.get('input_sort', 0))

    @input_sort.setter
    def input_sort(self, value: int | None) -> None:
        if value not in (0, 1, None):
            raise ValueError(f'input_sort is SORT_ON_SLICE (0) or SORT_ON_TAG (1), got {value!r}')
        self.header = self.header.with_attributes(input_sort=value)

    sort_on = input_sort

    def get_slice_axis(self) -> Axis:
        """Return the slice axis."""
        return self._axis_named('slice')

    def get_tag_axis(self) -> Axis | None:
        """Return the axis that carries the name of `input_order`; None with several or no tag axes."""
        names = self.header.tag_dims
        return self._axis_named(names[0]) if len(names) == 1 else None

    def _axis_named(self, name: str) -> Axis:
        header = self.header
        if name not in header.dims:
            raise AxisError(f'there is no axis {name!r}: the axes are {", ".join(header.dims) or "none"}')
        return header.axis(name, self._shape[header.dims.index(name)])

    def _count(self, name: str) -> int:
        header = self.header
        if name in header.dims:
            return int(self._shape[header.dims.index(name)])
        return 1

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self._count('row')

    @property
    def columns(self) -> int:
        """Number of columns."""
        return self._count('column')

    @property
    def slices(self) -> int:
        """Number of slices; 1 for an array without slice axis."""
        return self._count('slice')

    @slices.setter
    def slices(self, value: int) -> None:
        raise DoNotSetSlicesError(f'the number of slices follows from the array, it cannot be set to {value}')

    @property
    def tags(self) -> dict[int, NDArray[Any]]:
        """For each slice, an array of tuples: the values that the images were sorted on.

        The array has the dimensions of the tag axes (none of them: 0-dimensional). None stands
        where an image is missing.
        """
        names = self.header.tag_dims
        shape = tuple(self._count(name) for name in names)
        columns = [self._tag_values(name) for name in names]
        tags = {}
        for s in range(self.slices):
            cells = np.empty(shape, dtype=object)
            for index in np.ndindex(shape):
                cells[index] = tuple(column[(*index, s)] for column in columns)
            tags[s] = cells
        return tags

    @tags.setter
    def tags(self, tags: Mapping[int, ArrayLike] | None) -> None:
        names = self.header.tag_dims
        shape = tuple(self._count(name) for name in names)
        if tags is None:
            images = self.header.images
            if images is not None:
                self.header = replace(self.header, images=images.without_tags(names))
            return
        values = {name: np.empty((*shape, self.slices), dtype=object) for name in names}
        for s in range(self.slices):
            cells = _tag_cells(tags[s], shape, len(names))
            for index in np.ndindex(shape):
                for name, value in zip(names, cells[index], strict=True):
                    values[name][(*index, s)] = value
        self.header = _with_tag_values(self.header, values)

    def _tag_values(self, name: str) -> NDArray[Any]:
        """Return the value of one criterion for each (tag..., slice)."""
        header = self.header
        names = header.tag_dims
        shape = (*(self._count(n) for n in names), self.slices)
        images = header.images
        if images is not None and name in images.tags:
            # Dimensions that the array no longer has count 1; those that it has gained are not there.
            wanted = (*names, 'slice')
            have = [n for n in wanted if n in images.dims]
            rest = [i for i, n in enumerate(images.dims) if n not in have]
            order = [images.dims.index(n) for n in have]
            column = np.transpose(images.tags[name], [*rest, *order])
            column = column.reshape([m if n in have else 1 for n, m in zip(wanted, shape, strict=True)])
            return np.broadcast_to(column, shape)
        axis = self._axis_named(name)
        values = np.empty(shape, dtype=object)
        at = names.index(name)
        for i, value in enumerate(axis.values):
            _fill(values[(slice(None),) * at + (i,)], value)
        return values

    # --- geometry -----------------------------------------------------------------------

    def _grid(self) -> Geometry:
        geometry = self.header.geometry
        if geometry is None:
            raise GeometryError(
                'this Series has no geometry: an operation after which no voxel has a known place '
                'dropped it. Assign transformationMatrix, or give geometry=, to state it'
            )
        return geometry

    def _geometry_to_set(self) -> Geometry:
        geometry = self.header.geometry
        if geometry is not None:
            return geometry
        if 'row' not in self.header.dims or 'column' not in self.header.dims:
            raise GeometryError('geometry needs axes named row and column: assign series.axes first')
        grid = Geometry.unit((self.slices, self.rows, self.columns))
        return replace(grid, frame_of_reference=new_uid())

    @property
    def spacing(self) -> FloatArray:
        """Distance from one slice, row and column to the next: (3,) in mm.

        The first is measured between the first voxels of neighbouring slices. Where slices are
        shifted against each other (gantry tilt), that is more than the distance of their planes:
        `np.diff(s.sliceLocations)`.
        """
        return self._grid().spacing

    @spacing.setter
    def spacing(self, spacing: ArrayLike | None) -> None:
        if spacing is not None and np.shape(spacing) != (3,):
            raise ValueError(f'spacing needs 3 values (slice, row, column), got shape {np.shape(spacing)}')
        self._set_geometry(None if spacing is None else self._geometry_to_set().with_spacing(spacing))

    @property
    def orientation(self) -> FloatArray:
        """Image orientation: (6,), z, y, x of the row cosines, then of the column cosines."""
        return self._grid().orientation[[2, 1, 0, 5, 4, 3]]

    @orientation.setter
    def orientation(self, orientation: ArrayLike | None) -> None:
        if orientation is None:
            self._set_geometry(None)
            return
        cosines = np.asarray(orientation, dtype=float)
        if cosines.shape != (6,):
            raise ValueError(f'orientation needs 6 cosines, got shape {cosines.shape}')
        self._set_geometry(self._geometry_to_set().with_orientation(cosines[[2, 1, 0, 5, 4, 3]]))

    @property
    def imagePositions(self) -> dict[int, FloatArray]:
        """Place of the first voxel of each slice: {slice: (z, y, x)} in mm."""
        return {i: p[::-1].copy() for i, p in enumerate(self._grid().slice_positions)}

    @imagePositions.setter
    def imagePositions(self, positions: Mapping[int, ArrayLike] | None) -> None:
        if positions is None:
            self._set_geometry(None)
            return
        if not isinstance(positions, Mapping):
            raise ValueError(
                f'imagePositions is a dict of slice to (z, y, x), got {type(positions).__name__}'
            )
        geometry = self._geometry_to_set()
        places = geometry.slice_positions.copy()
        for index, place in positions.items():
            zyx = np.asarray(place, dtype=float).ravel()
            if zyx.shape != (3,):
                raise ValueError(f'the position of slice {index} needs z, y and x, got {place!r}')
            if not 0 <= int(index) < len(places):
                raise ValueError(f'there is no slice {index}: the Series has {len(places)}')
            places[int(index)] = zyx[::-1]
        self._set_geometry(geometry.with_positions(places))

    @property
    def sliceLocations(self) -> FloatArray:
        """Distance of each slice from the origin of the patient system, along the normal: (slices,) in mm."""
        return self._grid().slice_locations

    @sliceLocations.setter
    def sliceLocations(self, locations: ArrayLike | None) -> None:
        if locations is None:
            return
        wanted = np.asarray(locations, dtype=float).ravel()
        geometry = self._geometry_to_set()
        if len(wanted) != self.slices:
            raise ValueError(f'{self.slices} slices need as many sliceLocations, got {len(wanted)}')
        along = (wanted - geometry.slice_locations)[:, np.newaxis] * geometry.normal
        self._set_geometry(geometry.with_positions(geometry.slice_positions + along))

    @property
    def transformationMatrix(self) -> FloatArray:
        """From voxel index to place: (4, 4), (slice, row, column, 1) to (z, y, x, 1) in mm.

        Its columns stand in the order of the array's own spatial dimensions, should they have
        been permuted. A stack of unevenly spaced slices has its mean step here;
        `getPositionForVoxel` is exact.
        """
        return flip_handedness(self._grid().affine)[:, [*self._column_order(), 3]]

    @transformationMatrix.setter
    def transformationMatrix(self, matrix: ArrayLike | None) -> None:
        if matrix is None:
            self._set_geometry(None)
            return
        given = np.asarray(matrix, dtype=float)
        if given.shape != (4, 4):
            raise ValueError(f'transformationMatrix is a 4 x 4 matrix, got shape {given.shape}')
        back = np.argsort(self._column_order())
        self._set_geometry(self._geometry_to_set().with_affine(flip_handedness(given)[:, [*back, 3]]))

    def _column_order(self) -> list[int]:
        """Return which of slice, row, column each index of a voxel is, in the array's order.

        A spatial dimension that the array does not have stands at its own place.
        """
        order = [SPATIAL.index(d) for d in self.header.dims if d in SPATIAL]
        for i in range(3):
            if i not in order:
                order.insert(i, i)
        return order

    def _set_geometry(self, geometry: Geometry | None) -> None:
        self.header = self.header.with_geometry(geometry)

    @property
    def frameOfReferenceUID(self) -> UID:
        """Frame of Reference UID: places are comparable within one."""
        from pydicom.uid import UID

        uid = self._grid().frame_of_reference
        if uid is None:
            raise ValueError('frameOfReferenceUID is not set: assign it first')
        return UID(uid)

    @frameOfReferenceUID.setter
    def frameOfReferenceUID(self, uid: str | None) -> None:
        geometry = self._geometry_to_set()
        given = None if uid is None else valid_uid('frameOfReferenceUID', uid)
        self._set_geometry(replace(geometry, frame_of_reference=given))

    # --- time and diffusion ---------------------------------------------------------------

    @property
    def timeline(self) -> FloatArray:
        """Time of each point since the first: (times,) in s, from the axis `time` or `triggertime`."""
        for name in _TIME_AXES:
            if name in self.header.dims:
                times = np.asarray(self._axis_named(name), dtype=float)
                return times - times[0] if times.size else times
        raise NotTimeOrder(f'there is no time axis: the axes are {", ".join(self.header.dims)}')

    @property
    def bvalues(self) -> NDArray[Any]:
        """B value of each point along the axis `b`: in s/mm2."""
        return np.asarray(self._axis_named('b'))

    # --- window and colour ------------------------------------------------------------------

    @property
    def windowCenter(self) -> float:
        """Centre of the display window: as set, as in the source, else from the values."""
        return self._window()[0]

    @windowCenter.setter
    def windowCenter(self, value: float | None) -> None:
        self._set_window('windowCenter', value)

    @property
    def windowWidth(self) -> float:
        """Width of the display window."""
        return self._window()[1]

    @windowWidth.setter
    def windowWidth(self, value: float | None) -> None:
        self._set_window('windowWidth', value)

    def _set_window(self, name: str, value: float | None) -> None:
        if value is not None and not isinstance(value, (int, float, np.number)):
            raise TypeError(f'{name} must be a number, got {type(value).__name__}')
        if value is not None and not (np.isfinite(value) and (value > 0 or name == 'windowCenter')):
            raise ValueError(f'{name} must be a finite number, a width above 0, got {value}')
        self.header = self.header.with_attributes(**{name: None if value is None else float(value)})

    def _given_window(self) -> list[float | None]:
        """Return centre and width as set, or as in the source; None where neither tells."""
        header = self.header
        given = [header.attributes.get('windowCenter'), header.attributes.get('windowWidth')]
        if self._has_source_values():
            source = [header.element('WindowCenter'), header.element('WindowWidth')]
            given = [g if g is not None else first_number(v) for g, v in zip(given, source, strict=True)]
        return given

    def _has_source_values(self) -> bool:
        """Return whether the values are those of the images that the header is of."""
        changed = self._identity is not None and self._identity.values_changed
        return self.header.images is not None and self.header.images.own and not changed

    def _window(self) -> tuple[float, float]:
        given = self._given_window()
        if given[0] is not None and given[1] is not None:
            return float(given[0]), float(given[1])
        low, high = finite_range(self)
        centre = low / 2 + high / 2 if given[0] is None else float(given[0])
        width = min(high - low, np.finfo(float).max) if given[1] is None else float(given[1])
        return centre, float(width)

    @property
    def color(self) -> bool:
        """Whether the voxels are RGB: structured, with unsigned bytes R, G and B."""
        dtype = self.dtype
        return dtype.names == ('R', 'G', 'B') and all(dtype[i] == np.uint8 for i in range(3))

    # --- identity -----------------------------------------------------------------------------

    @property
    def seriesInstanceUID(self) -> UID:
        """Series Instance UID; a new one after arithmetic and for copies."""
        from pydicom.uid import UID

        return UID(self._get_identity().uid)

    @seriesInstanceUID.setter
    def seriesInstanceUID(self, uid: str | None) -> None:
        changed = self._identity is not None and self._identity.values_changed
        given = None if uid is None else valid_uid('seriesInstanceUID', uid)
        self._identity = Identity(given, values_changed=changed)

    def _mark_changed(self) -> None:
        """Note that values were set in place: also for the arrays that share them."""
        self._get_identity().values_changed = True
        self._identity = Identity(values_changed=True)

    def _get_identity(self) -> Identity:
        if self._identity is None:
            self._identity = Identity()
        return self._identity

    @property
    def SOPInstanceUIDs(self) -> dict[tuple[int, ...], UID]:
        """SOP Instance UID of each image: {(tag..., slice): uid}, (0, slice) without tags."""
        from pydicom.uid import UID

        images = self._image_grid()
        uids = {}
        for index in np.ndindex(images.ids.shape):
            key = index if len(index) > 1 else (0, *index)
            uids[key] = UID(image_uid(self._get_identity(), images, index))
        return uids

    def _image_grid(self) -> Images:
        """Return the images of this Series, numbered, also where none were read."""
        images = self.header.images
        if images is not None:
            return images
        names = self.header.tag_dims
        shape = (*(self._count(n) for n in names), self.slices)
        return Images((*names, 'slice'), np.arange(int(np.prod(shape))).reshape(shape), own=True)

    @property
    def dicomTemplate(self) -> Dataset | None:
        """DICOM header of the first image, without pixels; None when there is none.

        A copy: elements of this Series are set with `setDicomAttribute`.
        """
        images = self.header.images
        return None if images is None else deepcopy(images.first())

    seriesNumber: int = _attribute_property('seriesNumber')
    seriesDescription: str = _attribute_property('seriesDescription')
    imageType: list[str] = _attribute_property('imageType')
    studyInstanceUID: UID = _attribute_property('studyInstanceUID')
    studyID: str = _attribute_property('studyID')
    SOPClassUID: UID = _attribute_property('SOPClassUID')
    accessionNumber: str = _attribute_property('accessionNumber')
    modality: str = _attribute_property('modality')
    laterality: str = _attribute_property('laterality')
    bodyPartExamined: str = _attribute_property('bodyPartExamined')
    patientPosition: str = _attribute_property('patientPosition')
    protocolName: str = _attribute_property('protocolName')
    seriesDate: str = _attribute_property('seriesDate')
    seriesTime: str = _attribute_property('seriesTime')
    patientName: str = _attribute_property('patientName')
    patientID: str = _attribute_property('patientID')
    patientBirthDate: str = _attribute_property('patientBirthDate')
    photometricInterpretation: str = _attribute_property('photometricInterpretation')
    acquisitionNumber: int = _attribute_property('acquisitionNumber')
    echoNumbers: int = _attribute_property('echoNumbers')


def _fill(cells: NDArray[Any], value: Any) -> None:
    """Put one tuple or array, whole, in each cell."""
    for index in np.ndindex(cells.shape):
        cells[index] = value


def _tag_cells(given: ArrayLike, shape: tuple[int, ...], width: int) -> NDArray[Any]:
    """Return tags as an object array of tuples of `width` values."""
    source = given if isinstance(given, np.ndarray) and given.dtype == object else None
    cells = np.empty(shape, dtype=object)
    flat = list(source.flat) if source is not None else list(np.asarray(given, dtype=object).flat)
    if source is not None and source.size != cells.size and source.ndim == len(shape) + 1:
        flat = [tuple(row) for row in source.reshape(-1, source.shape[-1])]
    if len(flat) != cells.size:
        raise AxisError(f'tags of shape {shape} are needed, got {len(flat)} of them')
    for index, value in zip(np.ndindex(shape), flat, strict=True):
        cells[index] = value if isinstance(value, tuple) and len(value) == width else (value,) * width
    return cells


def _with_axes(header: Header, axes: Sequence[Axis]) -> Header:
    """Return the header with its dimensions named and valued anew."""
    dims = tuple(axis.name for axis in axes)
    renames = dict(zip(header.dims, dims, strict=True))
    images = header.images
    if images is not None:
        stale = [a.name for a in axes if renames and a != header.tag_axes.get(a.name)]
        images = images.renamed(renames).without_tags(stale)
    geometry = header.geometry
    spatial = {axis.name: axis for axis in axes if axis.name in SPATIAL}
    if geometry is not None and spatial:
        spacing = geometry.spacing
        for i, name in enumerate(SPATIAL):
            step = getattr(spatial.get(name), 'step', None)
            if step and step > 0:
                spacing[i] = step
        if not np.allclose(spacing, geometry.spacing, rtol=1e-9, atol=0):
            geometry = geometry.with_spacing(spacing)
    tag_axes = {axis.name: axis for axis in axes if axis.name not in SPATIAL}
    return replace(header, dims=dims, tag_axes=tag_axes, images=images, geometry=geometry)


def _with_tag_values(header: Header, values: Mapping[str, NDArray[Any]]) -> Header:
    """Return the header with values of its sort criteria for each (tag..., slice)."""
    names = header.tag_dims
    tag_axes = dict(header.tag_axes)
    for at, name in enumerate(names):
        first = [0] * len(names)
        column = []
        for i in range(values[name].shape[at]):
            first[at] = i
            column.append(values[name][(*first, 0)])
        tag_axes[name] = VariableAxis(name, column)
    images = header.images
    if images is not None and set(images.dims) == {*names, 'slice'}:
        order = [(*names, 'slice').index(d) for d in images.dims]
        tags = {**images.tags, **{n: np.transpose(v, order) for n, v in values.items()}}
        images = replace(images, tags=tags)
    return replace(header, tag_axes=tag_axes, images=images)
