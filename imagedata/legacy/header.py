"""The header that plugins of imagedata 3 fill in, and what it says in our terms.

Coordinates in it are z, y, x; positions are by slice number; the matrix goes from (slice, row,
column, 1) to (z, y, x, 1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..axis import SPATIAL, Axis
from ..dicom_elements import parse_tag
from ..errors import BadShapeGiven, LossWarning
from ..geometry import Geometry, affine_from_parts
from ..header import ATTRIBUTES, Edit, Header, Identity, SeriesData, default_header, new_uid
from ..notices import warn_user

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['PluginHeader', 'series_data']

_UNSET = (
    'input_format', 'referencedSeriesUID', 'frameOfReferenceUID', 'seriesInstanceUID', 'SOPInstanceUIDs',
    'dicomTemplate', 'colormap', 'colormap_norm', 'colormap_label', 'windowCenter', 'windowWidth',
    'spacing', 'orientation', 'transformationMatrix', 'sliceLocations', 'axes', *ATTRIBUTES,
)  # fmt: skip

_SERIES = ('windowCenter', 'windowWidth', 'colormap', 'colormap_norm', 'colormap_label', *ATTRIBUTES)
"""What is handed on as attributes of the series."""


class PluginHeader:
    """What a plugin sets: the attributes of imagedata 3's `Header`, None until they are set.

    Parameters
    ----------
    input_order : str
    input_format : str
    """

    def __init__(self, input_order: str = 'none', input_format: str | None = None) -> None:
        for name in _UNSET:
            setattr(self, name, None)
        self.input_order = input_order
        self.input_format = input_format
        self.input_sort = self.sort_on = 0
        self.color = False
        self.geometryIsDefined = False
        self.imagePositions: dict[int, Any] = {}
        self.tags: dict[int, Any] = {}
        self.dicomToDo: list[tuple[Any, ...]] = []
        self.datasets: list[Any] = []
        self.studyInstanceUID = new_uid()

    def __getattr__(self, name: str) -> Any:
        # Only for names that were never set.
        raise AttributeError(f'a header has no attribute {name!r}')

    def new_uid(self) -> str:
        """Return a new UID."""
        return new_uid()


def series_data(array: Any, hdr: Any) -> SeriesData:
    """Return what a plugin read as this version has it.

    Parameters
    ----------
    array : ndarray or None
        None for a document without pixels.
    hdr : PluginHeader

    Raises
    ------
    BadShapeGiven
        When its axes do not fit the array.
    """
    attributes = {name: getattr(hdr, name, None) for name in _SERIES}
    attributes['input_format'] = hdr.input_format
    given = {name: value for name, value in attributes.items() if value is not None}
    edits, partial = _edits(hdr.dicomToDo or ())
    if partial:
        warn_user(f'{", ".join(partial)} of single images, set by a plugin, are not kept', LossWarning)
    identity = Identity(str(hdr.seriesInstanceUID)) if hdr.seriesInstanceUID else Identity()
    if array is None:
        document = _document(edits, given)
        header = Header(attributes=given, datasets=(document,))
        return SeriesData(np.array(None, dtype=object), header, identity)
    values = np.asarray(array)
    header = default_header(values.shape, hdr.input_order or 'none')
    if hdr.axes is not None:
        header = _with_axes(header, list(hdr.axes), values.shape)
    if header.geometry is not None:
        header = replace(header, geometry=_geometry(hdr, header.geometry))
    header = replace(header, attributes={**header.attributes, **given}, edits=edits)
    return SeriesData(values, header, identity)


def _with_axes(header: Header, axes: Sequence[Axis], shape: tuple[int, ...]) -> Header:
    """Return the header with the names of axes, and the values of those that are not spatial."""
    dims = tuple(axis.name for axis in axes)
    if tuple(len(axis) for axis in axes) != shape or len(set(dims)) != len(dims):
        told = ', '.join(f'{axis.name} ({len(axis)})' for axis in axes)
        raise BadShapeGiven(f'the plugin gives an array of shape {shape} with the axes {told}')
    tag_axes = {axis.name: axis for axis in axes if axis.name not in SPATIAL}
    geometry = header.geometry
    steps = {axis.name: getattr(axis, 'step', None) for axis in axes if axis.name in SPATIAL}
    spacing = [steps.get(name) or 1.0 for name in SPATIAL]
    if geometry is not None and not np.allclose(spacing, 1):
        geometry = geometry.with_spacing(spacing)
    return replace(header, dims=dims, tag_axes=tag_axes, geometry=geometry)


def _geometry(hdr: Any, known: Geometry) -> Geometry:
    """Return the geometry that a plugin set, `known` where it set none."""
    grid = known.shape
    frame = str(hdr.frameOfReferenceUID) if hdr.frameOfReferenceUID else known.frame_of_reference
    if hdr.transformationMatrix is not None:
        matrix = np.array(hdr.transformationMatrix, dtype=np.float64)
        return Geometry(matrix[[2, 1, 0, 3]], grid, frame)
    spacing = known.spacing if hdr.spacing is None else np.asarray(hdr.spacing, dtype=np.float64)
    if hdr.orientation is None:
        return known if hdr.spacing is None else known.with_spacing(spacing)
    zyx = np.asarray(hdr.orientation, dtype=np.float64)
    orientation = np.concatenate([zyx[2::-1], zyx[:2:-1]])
    positions = hdr.imagePositions or {}
    places = [np.asarray(positions[i], dtype=np.float64).ravel()[::-1] for i in sorted(positions)]
    if len(places) == grid[0]:
        return Geometry.from_slices(
            places, orientation, spacing[1:], grid, slice_spacing=spacing[0], frame_of_reference=frame
        )
    if not places:
        return known.with_spacing(spacing).with_orientation(orientation)
    return Geometry(affine_from_parts(orientation, spacing, places[0]), grid, frame)


def _edits(todo: Sequence[tuple[Any, ...]]) -> tuple[tuple[Edit, ...], list[str]]:
    """Return elements to be set in all images, and the names of those for single ones."""
    edits: list[Edit] = []
    partial: list[str] = []
    for tag, value, *where in todo:
        name = str(parse_tag(tag))
        if any(place is not None for place in where):
            partial.append(name)
        else:
            edits.append(Edit(name, value))
    return tuple(edits), partial


def _document(edits: Sequence[Edit], attributes: Mapping[str, Any]) -> Dataset:
    """Return a DICOM object without pixels, such as an encapsulated document, as a plugin describes it."""
    from pydicom.datadict import dictionary_VR
    from pydicom.dataset import Dataset

    dataset = Dataset()
    for name, value in attributes.items():
        if name in ATTRIBUTES:
            setattr(dataset, ATTRIBUTES[name].keyword, value)
    for edit in edits:
        if edit.value is not None:
            tag = parse_tag(edit.keyword)
            dataset.add_new(tag, dictionary_VR(tag), edit.value)
    return dataset


