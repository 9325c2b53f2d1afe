"""Headers of what operations make of arrays: reduced, repeated, padded, joined, ...

Pure functions from headers to headers. What an operation makes unknown is left out: a dimension
that loses its meaning gets a new name, a grid that no affine describes is no geometry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .axis import SPATIAL, Axis, VariableAxis
from .errors import AxisError
from .geometry import EXACT_TOLERANCE, POSITION_TOLERANCE, Geometry, apply_affine
from .header import Edit, Header, Images, Records
from .indexing import fresh_names

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    'axis_number',
    'broadcast',
    'degraded',
    'differenced',
    'expanded',
    'joined',
    'padded',
    'reduced',
    'repeated',
    'rolled',
    'squeezed',
    'stacked',
]


def axis_number(dims: Sequence[str], axis: Any) -> Any:
    """Return an axis, or several, by number, where they are given by name.

    Raises
    ------
    AxisError
        When there is no dimension of that name.
    """
    if isinstance(axis, str):
        if axis not in dims:
            raise AxisError(f'there is no axis {axis!r}: the axes are {", ".join(dims) or "none"}')
        return list(dims).index(axis)
    if isinstance(axis, (tuple, list)) and any(isinstance(a, str) for a in axis):
        return tuple(axis_number(dims, a) for a in axis)
    return axis


def names_of(dims: Sequence[str], axis: Any) -> list[str]:
    """Return the names of the dimensions that `axis` stands for: None for all."""
    if axis is None:
        return list(dims)
    return [dims[int(i)] for i in (axis if isinstance(axis, (tuple, list)) else (axis,))]


# --- one array -------------------------------------------------------------------------------


def reduced(header: Header, axis: Any, keepdims: bool, lead: int = 0) -> Header:
    """Return the header of an array reduced along `axis`.

    Parameters
    ----------
    header : Header
    axis : int, tuple of int, or None
    keepdims : bool
        Whether the dimensions stay, with length 1. A voxel of the result then covers what it
        was made from: spacing times the number of voxels.
    lead : int
        Number of new dimensions in front (those of `q` in `percentile`).
    """
    names = names_of(header.dims, axis)
    new = header.reduced(names, keepdims=keepdims)
    if keepdims:
        tags = {name: VariableAxis(name, [np.nan]) for name in names if name in header.tag_axes}
        geometry = None if header.geometry is None else _slab(header.geometry, names)
        new = replace(new, tag_axes={**new.tag_axes, **tags}, geometry=geometry)
    if lead:
        new = replace(new, dims=(*fresh_names(header.taken_names, lead), *new.dims))
    return new


def _slab(geometry: Geometry, names: Sequence[str]) -> Geometry | None:
    """Return the geometry with one voxel along some dimensions, as large as all of them."""
    counts = np.array([n if d in names else 1 for d, n in zip(SPATIAL, geometry.shape, strict=True)])
    if (counts == 1).all():
        return geometry
    if not counts.all() or (counts[0] > 1 and geometry.positions is not None):
        return None
    affine = geometry.affine.copy()
    positions = geometry.positions
    if positions is not None:
        positions = positions + affine[:3, 1:3] @ ((counts[1:] - 1) / 2)
    affine[:3, 3] = apply_affine(affine, (counts - 1) / 2)
    affine[:3, :3] *= counts
    shape = [1 if d in names else n for d, n in zip(SPATIAL, geometry.shape, strict=True)]
    return replace(geometry, affine=affine, positions=positions, shape=_three(shape))


def _three(counts: Iterable[int]) -> tuple[int, int, int]:
    slices, rows, columns = counts
    return slices, rows, columns


def degraded(header: Header, names: Iterable[str]) -> Header:
    """Return the header of an array in which some dimensions have lost their meaning."""
    lost = [d for d in header.dims if d in set(names)]
    if not lost:
        return header
    new = dict(zip(lost, fresh_names(header.taken_names, len(lost)), strict=True))
    kept = header.reduced(lost, keepdims=True)
    return replace(kept, dims=tuple(new.get(d, d) for d in header.dims))


def rolled(header: Header, shape: Sequence[int], shifts: Mapping[str, int]) -> Header:
    """Return the header of an array rolled along some dimensions by so many elements.

    No affine describes a volume whose end comes before its beginning.
    """
    picks: dict[str, Any] = {}
    for name, shift in shifts.items():
        n = shape[header.dims.index(name)]
        if n and shift % n:
            picks[name] = [(i - shift) % n for i in range(n)]
    if not picks:
        return header
    if set(picks) & set(SPATIAL):
        header = header.with_geometry(None)
    return header.picked(picks, header.dims)


def repeated(header: Header, name: str, n: int, count: int) -> Header:
    """Return the header of an array each of whose `n` elements along `name` is there `count` times.

    Along a spatial dimension the voxels become that much smaller.
    """
    if count == 1:
        return header
    geometry = header.geometry
    at = SPATIAL.index(name) if name in SPATIAL else None
    indices = [i for i in range(n) for _ in range(count)]
    if at is None or geometry is None or count == 0:
        return header.picked({name: indices if count else range(0)}, header.dims)
    new = header.with_geometry(None).picked({name: indices}, header.dims)
    if at == 0 and geometry.positions is not None:
        return new
    affine = geometry.affine.copy()
    shift = affine[:3, at] * (1 - count) / (2 * count)
    affine[:3, 3] += shift
    affine[:3, at] /= count
    positions = None if geometry.positions is None else geometry.positions + shift
    shape = _three(m * count if i == at else m for i, m in enumerate(geometry.shape))
    return new.with_geometry(replace(geometry, affine=affine, positions=positions, shape=shape))


def padded(header: Header, shape: Sequence[int], widths: Mapping[str, tuple[int, int]]) -> Header:
    """Return the header of an array with elements added before and after.

    Parameters
    ----------
    header : Header
    shape : tuple of int
        Shape of the array before.
    widths : mapping of str to pair of int
        Number of elements added before and after, by dimension.
    """
    tag_axes = {
        name: _continued(axis, *widths[name]) if name in widths else axis
        for name, axis in header.tag_axes.items()
    }
    images = header.images
    for name, width in widths.items():
        if images is not None and any(width):
            images = _padded_images(images, name, width, header.tag_axes)
    geometry = header.geometry
    if geometry is not None:
        geometry = _grown(geometry, [widths.get(name, (0, 0)) for name in SPATIAL])
    return replace(header, tag_axes=tag_axes, images=images, geometry=geometry)


def _continued(axis: Axis, before: int, after: int) -> Axis:
    """Return a tag axis with values added: evenly where it is even, else none (NaN)."""
    values = axis.values
    if not before and not after:
        return axis
    step = getattr(axis, 'step', None)
    if step is not None and values:
        first = [values[0] - step * i for i in range(before, 0, -1)]
        last = [values[-1] + step * i for i in range(1, after + 1)]
        return VariableAxis(axis.name, [*first, *values, *last])
    return VariableAxis(axis.name, [*[np.nan] * before, *values, *[np.nan] * after])


def _padded_images(
    images: Images, name: str, width: tuple[int, int], tag_axes: Mapping[str, Axis]
) -> Images:
    """Return the images with holes before and after along one dimension.

    A hole in a slice has the values of the tag axes; it has none of its own.
    """
    if name not in images.dims:
        return images
    at = images.dims.index(name)
    widths = [width if i == at else (0, 0) for i in range(images.ids.ndim)]
    ids = np.pad(images.ids, widths, constant_values=-1)
    inside = np.pad(np.ones(images.ids.shape, dtype=bool), widths)
    tags = {}
    for key, values in images.tags.items():
        if key == name or key not in images.dims or key not in tag_axes:
            continue
        along = images.dims.index(key)
        if len(tag_axes[key]) != images.ids.shape[along]:
            continue
        common = np.empty(len(tag_axes[key]), dtype=object)
        for i, value in enumerate(tag_axes[key].values):
            common[i] = value
        filled = np.pad(values.astype(object), widths)
        shape = [-1 if i == along else 1 for i in range(ids.ndim)]
        tags[key] = np.where(inside, filled, common.reshape(shape)).astype(values.dtype)
    return replace(images, ids=ids, tags=tags)


def _grown(geometry: Geometry, widths: Sequence[tuple[int, int]]) -> Geometry:
    """Return the geometry of a grid with voxels added (negative: taken away) at its ends."""
    if not any(any(w) for w in widths):
        return geometry
    before = [w[0] for w in widths]
    shape = _three(n + a + b for n, (a, b) in zip(geometry.shape, widths, strict=True))
    affine = geometry.affine.copy()
    affine[:3, 3] = geometry.to_world([-b for b in before])
    positions = None
    if geometry.positions is not None:
        index = np.zeros((shape[0], 3))
        index[:, 0] = np.arange(shape[0]) - before[0]
        index[:, 1:] = [-before[1], -before[2]]
        positions = geometry.to_world(index)
    grown = replace(geometry, affine=affine, shape=shape, positions=None)
    return grown if positions is None else grown.with_positions(positions, EXACT_TOLERANCE)


def differenced(header: Header, name: str, n: int, order: int) -> Header:
    """Return the header of the `order`-th differences along a dimension of length `n`.

    A difference lies half-way between the two elements that it is of.
    """
    left = max(n - order, 0)
    whole = header
    header = header.with_geometry(None).picked({name: range(left)}, header.dims)
    images = header.images
    if images is not None:
        tags = {} if name == 'slice' else images.without_tags([name]).tags
        images = replace(images, own=False, tags=tags)
    tag_axes = dict(header.tag_axes)
    if name in tag_axes:
        middle = _between(whole.tag_axes[name].values, order)
        if middle is None or len(middle) != left:
            return degraded(replace(whole, images=images), [name])
        tag_axes[name] = VariableAxis(name, middle)
    geometry = whole.geometry
    if geometry is not None and name in SPATIAL:
        at = SPATIAL.index(name)
        affine = geometry.affine.copy()
        shift = affine[:3, at] * order / 2
        affine[:3, 3] += shift
        shape = _three(left if i == at else m for i, m in enumerate(geometry.shape))
        places = geometry.positions
        geometry = replace(geometry, affine=affine, shape=shape, positions=None)
        if places is not None and left:
            places = _between(places, order) if at == 0 else places + shift
            geometry = geometry.with_positions(places, EXACT_TOLERANCE)  # type: ignore[arg-type]
    return replace(header, images=images, tag_axes=tag_axes, geometry=geometry)


def _between(values: Any, order: int) -> NDArray[Any] | None:
    """Return the values half-way between neighbours, `order` times over; None when not numbers."""
    try:
        middle = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        return None
    for _ in range(order):
        middle = (middle[:-1] + middle[1:]) / 2
    return middle


def expanded(header: Header, positions: Sequence[int], ndim: int) -> Header:
    """Return the header of an array of `ndim` dimensions, those at `positions` new, of length 1."""
    names = iter(fresh_names(header.taken_names, len(positions)))
    old = iter(header.dims)
    dims = tuple(next(names) if i in positions else next(old) for i in range(ndim))
    return replace(header, dims=dims)


def squeezed(header: Header, axes: Iterable[int]) -> Header:
    """Return the header of an array without the dimensions of number `axes`, of length 1 each."""
    gone = [header.dims[i] for i in axes]
    dims = tuple(d for d in header.dims if d not in gone)
    return header.picked({name: range(1) for name in gone}, dims)


def broadcast(header: Header, old: Sequence[int], new: Sequence[int]) -> Header:
    """Return the header of an array of shape `old` broadcast to shape `new`."""
    lead = len(new) - len(old)
    picks: dict[str, Any] = {}
    spatial = False
    for name, was, is_ in zip(header.dims, old, new[lead:], strict=True):
        if was != is_:
            picks[name] = [0] * is_
            spatial = spatial or name in SPATIAL
    if spatial:
        header = header.with_geometry(None)
    header = header.picked(picks, header.dims)
    return replace(header, dims=(*fresh_names(header.taken_names, lead), *header.dims))


# --- several arrays ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JoinedRecords:
    """Headers of source images of several series, one after the other."""

    parts: tuple[Records, ...]

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    def dataset(self, index: int) -> Dataset:
        """Return the header of one image, without pixels."""
        for part in self.parts:
            if index < len(part):
                return part.dataset(index)
            index -= len(part)
        raise IndexError(f'there is no image {index}')


def joined(headers: Sequence[Header | None], lengths: Sequence[int], axis: int) -> Header:
    """Return the header of arrays one after the other.

    Parameters
    ----------
    headers : sequence of Header or None
        None for an array of which nothing is known. At least one is a Header.
    lengths : sequence of int
        Lengths of the arrays along `axis`.
    axis : int
        Dimension along which they follow each other.
    """
    known = [h for h in headers if h is not None]
    first = known[0]
    name = first.dims[axis]
    if len(known) < len(headers) or any(h.dims != first.dims for h in known):
        return degraded(first, [name])
    tag_axes = dict(first.tag_axes)
    if all(name in h.tag_axes for h in known):
        joint = known[0].tag_axes[name]
        for h in known[1:]:
            joint = joint.append(h.tag_axes[name])
        tag_axes[name] = joint
    elif name in tag_axes:
        return degraded(first, [name])
    geometry = first.geometry
    if name in SPATIAL:
        parts = [h.geometry for h, n in zip(known, lengths, strict=True) if n] or [geometry]
        geometry = _joined_geometry(parts, SPATIAL.index(name))
    images = _joined_images([h.images for h in known], name)
    edits = _joined_edits(known)
    return replace(first, tag_axes=tag_axes, geometry=geometry, images=images, edits=edits)


def _joined_images(parts: Sequence[Images | None], name: str) -> Images | None:
    """Return the images of all parts; those of the first along `name` where they do not fit."""
    first = parts[0]
    if first is None or name not in first.dims:
        return first
    at = first.dims.index(name)
    rest = _without(first.ids.shape, at)
    known = [p for p in parts if p is not None]
    if len(known) < len(parts) or any(
        p.dims != first.dims or _without(p.ids.shape, at) != rest for p in known
    ):
        return replace(first.without_tags([name]).take(name, range(1)), own=False)
    records, starts = _joined_records(known)
    ids = [np.where(p.ids < 0, p.ids, p.ids + start) for p, start in zip(known, starts, strict=True)]
    keys = [key for key in first.tags if all(key in p.tags for p in known)]
    tags = {key: np.concatenate([p.tags[key] for p in known], axis=at) for key in keys}
    own = all(p.own for p in known)
    return Images(first.dims, np.concatenate(ids, axis=at), records, tags, own)


def _joined_edits(headers: Sequence[Header]) -> tuple[Edit, ...]:
    """Return the elements that were set for all of the arrays, each for its own images."""
    first = headers[0]
    if all(h.edits is first.edits or h.edits == first.edits for h in headers):
        return first.edits
    parts = [h.images for h in headers]
    known = [p for p in parts if p is not None]
    if len(known) < len(parts):
        return first.edits
    _, starts = _joined_records(known)
    edits: list[Edit] = []
    # Of an image that is in several of the arrays, what the first of them says comes last, and holds.
    for header, images, start in reversed(list(zip(headers, known, starts, strict=True))):
        own = frozenset(int(i) + start for i in images.ids.ravel() if i >= 0)
        for edit in header.edits:
            chosen = own if edit.images is None else frozenset(i + start for i in edit.images)
            edits.append(replace(edit, images=chosen))
    return tuple(edits)


def _joined_records(parts: Sequence[Images]) -> tuple[Records | None, list[int]]:
    """Return the records of all parts, each once, and the number of each part's first."""
    all_records: list[Records] = []
    starts: dict[int, int] = {}
    total = 0
    for part in parts:
        if part.records is not None and id(part.records) not in starts:
            starts[id(part.records)] = total
            total += len(part.records)
            all_records.append(part.records)
    if any(part.records is None for part in parts):
        return None, [0] * len(parts)
    records = all_records[0] if len(all_records) == 1 else JoinedRecords(tuple(all_records))
    return records, [starts[id(part.records)] for part in parts]


def _without(shape: Sequence[int], at: int) -> tuple[int, ...]:
    return (*shape[:at], *shape[at + 1 :])


def _joined_geometry(parts: Sequence[Geometry | None], at: int) -> Geometry | None:
    """Return the geometry of grids one after the other, None where no one grid describes them."""
    known = [p for p in parts if p is not None]
    if len(known) < len(parts):
        return None
    first = known[0]
    total = sum(p.shape[at] for p in known)
    shape = _three((*first.shape[:at], total, *first.shape[at + 1 :]))
    if all(p.assumed for p in known):
        return replace(first, shape=shape, positions=None)
    extent = max(max(p.shape) for p in known)
    for part in known[1:]:
        frames = {first.frame_of_reference, part.frame_of_reference} - {None}
        columns = [c for c in range(3) if c != at or at != 0]
        apart = np.abs(part.affine[:3, columns] - first.affine[:3, columns]) * extent
        if len(frames) > 1 or part.assumed or apart.max() > POSITION_TOLERANCE:
            return None
        if _without(part.shape, at) != _without(first.shape, at):
            return None
    if at == 0:
        places = np.concatenate([p.slice_positions for p in known])
        if len(np.unique(np.round(places / POSITION_TOLERANCE), axis=0)) < len(places):
            return None
        return replace(first, shape=shape, positions=None).with_positions(places, EXACT_TOLERANCE)
    offset = 0
    for part in known:
        start = first.slice_positions + first.affine[:3, at] * offset
        if np.abs(part.slice_positions - start).max(initial=0) > POSITION_TOLERANCE:
            return None
        offset += part.shape[at]
    return replace(first, shape=shape)


def stacked(headers: Sequence[Header | None], axis: int) -> Header:
    """Return the header of arrays of one shape along a new dimension at `axis`.

    Planes that lie beside each other become slices. Of other arrays that do not all lie in one
    place, none is where the first one is: the result has no geometry.
    """
    first = next(h for h in headers if h is not None)
    known = [h for h in headers if h is not None]
    if len(known) == len(headers) and _apart(known):
        slices = _planes(known, axis)
        if slices is not None:
            return slices
        first = replace(first, geometry=None)
    name = fresh_names([n for h in known for n in h.taken_names])[0]
    dims = (*first.dims[:axis], name, *first.dims[axis:])
    images = first.images
    if images is not None:
        parts = [None if h is None else h.images for h in headers]
        if all(p is not None and p.dims == images.dims for p in parts):
            images = _joined_images([_on_new_axis(p, name) for p in parts if p is not None], name)
        else:
            images = replace(images, own=False)
    edits = _joined_edits(known) if len(known) == len(headers) else first.edits
    return replace(first, dims=dims, images=images, edits=edits)


def _apart(headers: Sequence[Header]) -> bool:
    """Return whether arrays with geometry lie in different places."""
    first = headers[0].geometry
    if first is None:
        return False
    return any(h.geometry is None or h.geometry.difference(first) is not None for h in headers[1:])


def _planes(headers: Sequence[Header], axis: int) -> Header | None:
    """Return the header of planes as the slices of a volume, None where they do not form one."""
    first = headers[0]
    grids = [h.geometry for h in headers]
    if 'slice' in first.dims or any(h.dims != first.dims for h in headers):
        return None
    geometry = _joined_geometry(grids, 0)
    if geometry is None or any(g is None or g.shape[0] != 1 for g in grids):
        return None
    along = geometry.slice_locations
    if np.any(np.abs(along[:, np.newaxis] - along)[~np.eye(len(along), dtype=bool)] < POSITION_TOLERANCE):
        return None
    dims = (*first.dims[:axis], 'slice', *first.dims[axis:])
    images = _joined_images([h.images for h in headers], 'slice')
    edits = _joined_edits(headers)
    return replace(first, dims=dims, geometry=geometry, images=images, edits=edits)


def _on_new_axis(images: Images, name: str) -> Images:
    tags = {key: values[np.newaxis] for key, values in images.tags.items()}
    return replace(images, dims=(name, *images.dims), ids=images.ids[np.newaxis], tags=tags)
