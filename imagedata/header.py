"""What is known of a series beside its pixels, as immutable values shared between arrays.

A `Header` names the dimensions of an array, holds the values of its tag axes, its geometry,
series-level attributes, and the records of its images: which source image each (tag, slice)
came from. Operations on arrays give new headers by picking and permuting these parts.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .axis import SPATIAL, Axis, UniformLengthAxis, VariableAxis
from .errors import AxisError
from .geometry import EXACT_TOLERANCE, Geometry

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['ATTRIBUTES', 'Attribute', 'Edit', 'Header', 'Identity', 'Images', 'Pick', 'Records',
           'SeriesData', 'default_dims', 'default_header', 'image_uid', 'new_uid']

Pick: TypeAlias = 'range | list[int]'
"""Indices picked along one dimension: a range (evenly, perhaps backwards) or a list."""


def new_uid() -> str:
    """Return a new UID: 2.25 and a random UUID as an integer (DICOM PS3.5 B.2)."""
    return f'2.25.{uuid.uuid4().int}'


class Records(Protocol):
    """Headers of source images, kept as their format likes, shown as DICOM datasets."""

    def __len__(self) -> int: ...

    def dataset(self, index: int) -> Dataset:
        """Return the header of one image, without pixels. It must not be changed."""
        ...


@dataclass(frozen=True, slots=True)
class Attribute:
    """A series-level attribute: a property of `Series`, and an element of a DICOM header."""

    keyword: str
    kind: type = str
    default: Any = None


ATTRIBUTES: Mapping[str, Attribute] = MappingProxyType({
    'seriesNumber': Attribute('SeriesNumber', int),
    'seriesDescription': Attribute('SeriesDescription', str, ''),
    'imageType': Attribute('ImageType', list),
    'studyInstanceUID': Attribute('StudyInstanceUID'),
    'studyID': Attribute('StudyID', str, ''),
    'SOPClassUID': Attribute('SOPClassUID'),
    'accessionNumber': Attribute('AccessionNumber', str, ''),
    'modality': Attribute('Modality'),
    'laterality': Attribute('Laterality'),
    'bodyPartExamined': Attribute('BodyPartExamined'),
    'patientPosition': Attribute('PatientPosition'),
    'protocolName': Attribute('ProtocolName'),
    'seriesDate': Attribute('SeriesDate'),
    'seriesTime': Attribute('SeriesTime'),
    'patientName': Attribute('PatientName', str, ''),
    'patientID': Attribute('PatientID', str, ''),
    'patientBirthDate': Attribute('PatientBirthDate', str, ''),
    'photometricInterpretation': Attribute('PhotometricInterpretation'),
    'acquisitionNumber': Attribute('AcquisitionNumber', int),
    'echoNumbers': Attribute('EchoNumbers', int),
})
"""Property name of `Series` to DICOM element (PS3.6)."""


class Identity:
    """The series that an array is: its Series Instance UID, made when first asked for.

    Slices and views of an array share its identity; arithmetic and copies get a new one.

    Parameters
    ----------
    uid : str, optional
        A given Series Instance UID.
    values_changed : bool
        Whether the pixel values differ from those of the source images, so that display
        windows and the like of the source no longer apply.
    """

    __slots__ = ('_uid', 'values_changed')

    def __init__(self, uid: str | None = None, *, values_changed: bool = False) -> None:
        self._uid = uid
        self.values_changed = values_changed

    @property
    def uid(self) -> str:
        """Series Instance UID."""
        if self._uid is None:
            self._uid = new_uid()
        return self._uid

    def image_uid(self, image: int) -> str:
        """Return the SOP Instance UID of an image of this series: always the same one."""
        return f'2.25.{uuid.uuid5(uuid.NAMESPACE_OID, f"{self.uid}/{image}").int}'


@dataclass(frozen=True, slots=True)
class Edit:
    """A DICOM element that the user set, for all images (`images` is None) or for some."""

    keyword: str
    value: Any
    images: frozenset[int] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """The source image of each (tag..., slice) of an array.

    Parameters
    ----------
    dims : tuple of str
        Names of the dimensions of `ids`: those of tag axes, then 'slice'. A dimension that an
        integer index removed from the array stays here with length 1.
    ids : (tags..., slices) ndarray of int
        Number of the image in `records`, -1 where there is none.
    records : Records or None
        Headers of the source images.
    tags : mapping of str to (tags..., slices) ndarray
        Values per image of the sort criteria: time may differ from slice to slice.
    own : bool
        True for the images that the pixels were read from, False for those of a template.
    """

    dims: tuple[str, ...]
    ids: NDArray[np.intp]
    records: Records | None = None
    tags: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    own: bool = True

    def __post_init__(self) -> None:
        if self.ids.ndim != len(self.dims):
            raise AxisError(f'images have dimensions {self.dims}, and numbers of shape {self.ids.shape}')

    def take(self, name: str, picked: Pick) -> Images:
        """Return the images of some indices along one dimension."""
        if name not in self.dims:
            return self
        at = self.dims.index(name)
        index = np.asarray(picked, dtype=np.intp)
        tags = {key: np.take(values, index, axis=at) for key, values in self.tags.items()}
        return replace(self, ids=np.take(self.ids, index, axis=at), tags=tags)

    def without_tags(self, names: Sequence[str]) -> Images:
        """Return the images without the values of some sort criteria."""
        # A gradient direction belongs to its b value.
        gone = {*names, 'bvector'} if 'b' in names else set(names)
        return replace(self, tags={k: v for k, v in self.tags.items() if k not in gone})

    def renamed(self, names: Mapping[str, str]) -> Images:
        """Return the images with dimensions, and their values, under other names.

        A dimension that the array no longer has gives way to one that takes its name.
        """
        new = {names[d] for d in self.dims if d in names}
        gone = tuple(i for i, d in enumerate(self.dims) if d in new and d not in names)
        tags = {k: v for k, v in self.tags.items() if k in names or k not in new}
        return replace(
            self,
            dims=tuple(names.get(d, d) for i, d in enumerate(self.dims) if i not in gone),
            ids=np.squeeze(self.ids, axis=gone),
            tags={names.get(k, k): np.squeeze(v, axis=gone) for k, v in tags.items()},
        )

    def first(self) -> Dataset | None:
        """Return the header of the first image, None when there is none."""
        if self.records is None or not len(self.records):
            return None
        present = self.ids[self.ids >= 0]
        return self.records.dataset(int(present[0]) if present.size else 0)

    def dataset(self, *index: int) -> Dataset | None:
        """Return the header of the image at (tag..., slice), None for a hole."""
        image = int(self.ids[index])
        if self.records is None or image < 0 or image >= len(self.records):
            return None
        return self.records.dataset(image)


def image_uid(identity: Identity, images: Images, index: tuple[int, ...]) -> str:
    """Return the SOP Instance UID of an image of a series.

    That of the source where the series is still the one that was read; else one that follows
    from the series.

    Parameters
    ----------
    identity : Identity
        Of the series.
    images : Images
        Of the series.
    index : tuple of int
        Into `images.ids`.
    """
    dataset = images.dataset(*index) if images.own else None
    if dataset is not None and str(dataset.get('SeriesInstanceUID', '')) == identity.uid:
        uid = str(dataset.get('SOPInstanceUID') or '')
        if uid:
            return uid
    number = int(images.ids[index])
    return identity.image_uid(number if number >= 0 and images.own else hash(index))


def _nothing() -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Header:
    """Everything known of an array beside its values.

    Parameters
    ----------
    dims : tuple of str
        One name for each dimension of the array.
    geometry : Geometry, optional
        Where the voxels are; None when that is not known. Its `shape` counts slices, rows and
        columns, 1 for a dimension that the array does not have.
    tag_axes : mapping of str to Axis
        Axes that are not spatial, by name.
    images : Images, optional
    attributes : mapping
        Attributes set by the user or by a format other than DICOM, by property name. They
        come before those of the images.
    edits : tuple of Edit
        DICOM elements to be set when written.
    report : tuple of str
        How the files were grouped, sorted and decoded, and what was left out.
    datasets : tuple of Dataset
        DICOM objects without pixels that were read beside the images, of the same study:
        structured reports, key objects, presentation states, structure sets. They are as they
        were read, and are not written again.
    """

    dims: tuple[str, ...] = ()
    geometry: Geometry | None = None
    tag_axes: Mapping[str, Axis] = field(default_factory=_nothing)
    images: Images | None = None
    attributes: Mapping[str, Any] = field(default_factory=_nothing)
    edits: tuple[Edit, ...] = ()
    report: tuple[str, ...] = ()
    datasets: tuple[Dataset, ...] = ()

    # --- reading ----------------------------------------------------------------------

    @property
    def tag_dims(self) -> tuple[str, ...]:
        """Names of the dimensions that are not spatial, in the order of the array."""
        return tuple(d for d in self.dims if d not in SPATIAL)

    @property
    def taken_names(self) -> tuple[str, ...]:
        """Names that a new dimension must not have: those of the array and of its images."""
        return self.dims if self.images is None else (*self.dims, *self.images.dims)

    @property
    def input_order(self) -> str:
        """Names of the tag axes, separated by commas; 'none' when there are none."""
        return ','.join(self.tag_dims) or 'none'

    def axes(self, shape: Sequence[int]) -> tuple[Axis, ...]:
        """Return one axis for each dimension of an array of this shape."""
        return tuple(self.axis(name, n) for name, n in zip(self.dims, shape, strict=True))

    def axis(self, name: str, n: int) -> Axis:
        """Return the axis of one dimension of length `n`.

        A spatial axis starts at the z, y or x of the first voxel, as in the public properties.
        """
        if name in self.tag_axes:
            return self.tag_axes[name]
        if name in SPATIAL and self.geometry is not None:
            at = SPATIAL.index(name)
            start = float(self.geometry.slice_positions[0][2 - at]) if self.geometry.shape[0] else 0.0
            if name == 'slice' and not self.geometry.is_uniform:
                places = self.geometry.slice_positions
                distances = np.linalg.norm(places - places[0], axis=1)
                return VariableAxis(name, (start + distances).tolist())
            return UniformLengthAxis(name, start, n, float(self.geometry.spacing[at]))
        return UniformLengthAxis(name, 0, n, 1)

    def attribute(self, name: str) -> Any:
        """Return a series-level attribute: as set, else of the first image, else None."""
        if name in self.attributes:
            return self.attributes[name]
        known = ATTRIBUTES.get(name)
        if known is None:
            return None
        value = self.element(known.keyword)
        return None if value is None or value == '' else value

    def element(self, keyword: str) -> Any:
        """Return the value of a DICOM element of the first image, None when it is not there."""
        dataset = None if self.images is None else self.images.first()
        return None if dataset is None else dataset.get(keyword)

    # --- derived headers --------------------------------------------------------------

    def with_attributes(self, **values: Any) -> Header:
        """Return the header with attributes set; None takes one away."""
        merged = {**self.attributes, **values}
        return replace(self, attributes={k: v for k, v in merged.items() if v is not None})

    def with_geometry(self, geometry: Geometry | None) -> Header:
        """Return the header with another geometry."""
        return replace(self, geometry=geometry)

    def picked(self, picks: Mapping[str, Pick], dims: tuple[str, ...]) -> Header:
        """Return the header of a part of the array.

        Parameters
        ----------
        picks : mapping of str to range or list of int
            Indices picked along dimensions; others are kept whole.
        dims : tuple of str
            Names of the dimensions of the result. Names that this header does not have are
            new ones without values; names that are missing were dropped.
        """
        images = self.images
        for name, picked in picks.items():
            if images is not None:
                images = images.take(name, picked)
        tag_axes = {
            name: axis.take(picks[name]) if name in picks else axis
            for name, axis in self.tag_axes.items()
            if name in dims
        }
        return replace(
            self, dims=dims, images=images, tag_axes=tag_axes, geometry=self._picked_geometry(picks)
        )

    def _picked_geometry(self, picks: Mapping[str, Pick]) -> Geometry | None:
        if self.geometry is None or not any(name in picks for name in SPATIAL):
            return self.geometry
        whole = [range(n) for n in self.geometry.shape]
        wanted = [picks.get(name, whole[i]) for i, name in enumerate(SPATIAL)]
        even = [p if isinstance(p, range) else whole[i] for i, p in enumerate(wanted)]
        geometry = self.geometry.take(even)
        if isinstance(wanted[1], list) or isinstance(wanted[2], list):
            return None  # rows or columns left out unevenly: no affine describes them
        if isinstance(wanted[0], list):
            places = geometry.slice_positions[wanted[0]]
            if len(places) == 0 or len(set(wanted[0])) != len(wanted[0]):
                return None
            shape = (len(places), geometry.shape[1], geometry.shape[2])
            geometry = replace(geometry, shape=shape, positions=None).with_positions(places, EXACT_TOLERANCE)
        return geometry

    def transposed(self, order: Sequence[int]) -> Header:
        """Return the header of the array with its dimensions in another order."""
        return replace(self, dims=tuple(self.dims[i] for i in order))

    def reduced(self, names: Sequence[str], *, keepdims: bool = False) -> Header:
        """Return the header of the array reduced along some dimensions.

        Along a tag axis the geometry stays. Along a spatial axis the result is no longer a
        part of the volume, and has no geometry. Values of the reduced criteria are gone.
        """
        images = self.images
        if images is not None:
            images = replace(images.without_tags(names), own=False)
            for name in set(names) & set(images.dims):
                images = images.take(name, range(min(1, images.ids.shape[images.dims.index(name)])))
        return replace(
            self,
            dims=self.dims if keepdims else tuple(d for d in self.dims if d not in names),
            geometry=None if set(names) & set(SPATIAL) else self.geometry,
            images=images,
            tag_axes={k: v for k, v in self.tag_axes.items() if k not in names},
        )

    def plain(self, dims: tuple[str, ...]) -> Header:
        """Return a header without axes, geometry and images: patient and study alone."""
        kept = {name: self.attribute(name) for name in ATTRIBUTES}
        kept.update(self.attributes)
        values = {k: v for k, v in kept.items() if v is not None}
        return Header(dims=dims, attributes=values)


def default_dims(ndim: int, input_order: str = 'none') -> tuple[str, ...]:
    """Return names for the dimensions of an array of which nothing is known.

    Examples
    --------
    >>> default_dims(4, 'time')
    ('time', 'slice', 'row', 'column')
    >>> default_dims(5, 'time')
    ('time', 'unknown1', 'slice', 'row', 'column')
    """
    if ndim <= 1:
        return ('number',) * ndim
    orders = [] if input_order in ('', 'auto') else input_order.split(',')
    leading = max(0, ndim - 3)
    names = [orders[i] if i < len(orders) else f'unknown{i}' for i in range(leading)]
    return (*names, *SPATIAL[3 - min(3, ndim) :])


def default_header(shape: Sequence[int], input_order: str = 'none') -> Header:
    """Return the header of an array of which nothing is known: unit spacing, identity new."""
    dims = default_dims(len(shape), input_order)
    counts = dict(zip(dims, shape, strict=True))
    geometry = None
    if len(shape) >= 2:
        grid = (counts.get('slice', 1), counts['row'], counts['column'])
        geometry = replace(Geometry.unit(grid), frame_of_reference=new_uid())
    tag_axes = {d: VariableAxis(d, range(counts[d])) for d in dims if d not in SPATIAL}
    return Header(
        dims=dims,
        geometry=geometry,
        tag_axes=tag_axes,
        attributes={'studyInstanceUID': new_uid(), 'SOPClassUID': '1.2.840.10008.5.1.4.1.1.7'},
    )


@dataclass(frozen=True, slots=True, eq=False)
class SeriesData:
    """What formats hand up and are handed to write: values, what is known of them, who they are.

    Parameters
    ----------
    array : ndarray
        Values; an object array of shape () when only headers were read.
    header : Header
    identity : Identity
    """

    array: NDArray[Any]
    header: Header
    identity: Identity
