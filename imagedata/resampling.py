"""Space: volumes on another grid, by interpolation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import GeometryError, GeometryMismatchError
from .geometry import POSITION_TOLERANCE, FloatArray, Geometry, affine_from_parts
from .header import Identity
from .spatial import canonical, grid_of
from .template import nearest_slices

if TYPE_CHECKING:
    from .series import Series

__all__ = ['align', 'deskew', 'resample', 'to_grid']

_ORDERS = {'nearest': 0, 'linear': 1, 'cubic': 3}
_EDGE = 0.5
"""A voxel reaches this far from its centre, in voxels: places within have a value."""

_ROUNDING = 1e-6
_FEW = 32
"""An array of integers with so many different values at most is a map of labels."""


def align(
    series: Series, reference: Series, interpolation: str, force: bool, fill_value: Any,
    labels: bool | None,
) -> Any:  # fmt: skip
    """Return the volume resampled on the grid of a reference; see `Series.align`."""
    mine, theirs = grid_of(series), grid_of(reference)
    frames = {mine.frame_of_reference, theirs.frame_of_reference} - {None}
    if len(frames) > 1 and not force:
        raise GeometryMismatchError(
            f'the frames of reference differ: {mine.frame_of_reference} and '
            f'{theirs.frame_of_reference}. Give force=True if their places can be compared'
        )
    result = to_grid(series, theirs, interpolation, fill_value, labels)
    if 'slice' not in reference.header.dims and theirs.shape[0] == 1:
        return result[..., 0, :, :]
    return result


def resample(
    series: Series, spacing: ArrayLike, interpolation: str, fill_value: Any, labels: bool | None
) -> Any:
    """Return the volume with other voxel sizes, about the same centre; see `Series.resample`."""
    grid = grid_of(series)
    wanted = np.broadcast_to(np.asarray(spacing, dtype=np.float64), (3,))
    if not (np.isfinite(wanted).all() and (wanted > 0).all()):
        raise GeometryError(f'spacing is lengths in mm above 0, got {np.asarray(spacing).tolist()}')
    count = np.array(grid.shape)
    step = wanted / grid.spacing
    new = np.maximum(1, np.rint(count / step - 1e-9)).astype(int)
    new = np.where(count == 0, 0, new)
    affine = grid.affine.copy()
    affine[:3, :3] *= step
    first = (count - 1) / 2 - (new - 1) / 2 * step
    affine[:3, 3] = _even(grid).to_world(first)
    target = replace(
        grid, affine=affine, shape=(int(new[0]), int(new[1]), int(new[2])), positions=None
    )
    return to_grid(series, target, interpolation, fill_value, labels)


def _even(grid: Geometry) -> Geometry:
    """Return the evenly spaced stack between the ends of an uneven one."""
    return replace(grid, positions=None) if grid.positions is not None else grid


def deskew(series: Series, interpolation: str, fill_value: Any, labels: bool | None) -> Any:
    """Return a sheared stack on an upright grid that holds all of it; see `Series.deskew`."""
    grid = grid_of(series)
    upright = affine_from_parts(grid.orientation, [1, 1, 1], [0, 0, 0])[:3, :3]
    inplane = grid.affine[:3, 1:3]
    # Where each slice starts, in rows and columns from the first slice, and along the normal.
    offset = grid.slice_positions - grid.slice_positions[:1]
    shift = offset @ np.linalg.pinv(inplane).T
    if np.abs(inplane @ shift.T).max(initial=0) <= POSITION_TOLERANCE:
        return series
    along = offset @ upright[:, 0]
    low = np.floor(shift.min(axis=0) + 1e-6).astype(int)
    high = np.ceil(shift.max(axis=0) - 1e-6).astype(int)
    places = grid.slice_positions[0] + inplane @ low + along[:, np.newaxis] * upright[:, 0]
    affine = grid.affine.copy()
    affine[:3, 3] = places[0]
    affine[:3, 0] = upright[:, 0] * float(grid.affine[:3, 0] @ upright[:, 0])
    rows, columns = (np.array(grid.shape[1:]) + high - low).tolist()
    shape = (grid.shape[0], int(rows), int(columns))
    target = replace(grid, affine=affine, shape=shape, positions=None)
    if len(places) > 1:
        target = target.with_positions(places)
    return to_grid(series, target, interpolation, fill_value, labels)


def is_label_map(values: NDArray[Any]) -> bool:
    """Return whether values are labels: booleans, or integers of few different values."""
    if values.dtype.kind == 'b':
        return True
    if values.dtype.kind not in 'iu':
        return False
    sample = values.ravel()[:: max(1, values.size // 4096)]
    return len(np.unique(sample)) <= _FEW and len(np.unique(values)) <= _FEW


def to_grid(
    series: Series, target: Geometry, interpolation: str, fill_value: Any, labels: bool | None
) -> Any:
    """Return the volume sampled at the voxels of another grid.

    Parameters
    ----------
    series : Series
    target : Geometry
    interpolation : {'nearest', 'linear', 'cubic'}
    fill_value : number
        Where the grid lies outside of the volume.
    labels : bool or None
        Whether values are labels, which are never mixed; None to see from the values.
    """
    if interpolation not in _ORDERS:
        raise ValueError(f'interpolation is one of {", ".join(_ORDERS)}, got {interpolation!r}')
    volume = canonical(series)
    values = volume.view(np.ndarray)
    order = _ORDERS[interpolation]
    if order and (is_label_map(values) if labels is None else labels):
        order = 0
    tags = values.shape[:-3]
    result = np.full((*tags, *target.shape), fill_value, dtype=values.dtype)
    grid = volume.header.geometry
    if values.size:
        for name in values.dtype.names or (None,):
            source, into = (values, result) if name is None else (values[name], result[name])
            _sample(source, into, grid, target, order, fill_value)
    header = volume.header
    images = header.images
    if images is not None and images.ids.shape[images.dims.index('slice')]:
        nearest = nearest_slices(target, grid, images)
        images = replace(images.take('slice', nearest), own=False)
    frame = target.frame_of_reference or grid.frame_of_reference
    header = replace(header, geometry=replace(target, frame_of_reference=frame), images=images)
    return series._attached(result, header, Identity(values_changed=True))


def _sample(
    values: NDArray[Any], result: NDArray[Any], grid: Geometry, target: Geometry, order: int,
    fill_value: Any,
) -> None:  # fmt: skip
    """Fill `result` with values at the voxels of `target`, slice by slice."""
    from scipy import ndimage

    dtype = values.dtype
    exact = dtype if dtype.kind == 'c' else np.float64
    sources: dict[tuple[int, ...], Any] = {}
    row, column = np.indices(target.shape[1:])
    for s in range(target.shape[0]):
        index = np.stack([np.full_like(row, s), row, column], axis=-1)
        at, inside = _coordinates(grid, target.to_world(index))
        if not inside.any():
            continue
        if order == 0:
            nearest = np.floor(at + 0.5 - _ROUNDING).astype(np.intp)
            low = np.clip(nearest, 0, np.array(grid.shape) - 1)[inside]
            result[..., s, :, :][..., inside] = values[..., low[:, 0], low[:, 1], low[:, 2]]
            continue
        for tag in np.ndindex(values.shape[:-3]):
            if tag not in sources:
                one = values[tag].astype(exact)
                sources[tag] = ndimage.spline_filter(one, order, mode='mirror') if order > 1 else one
            found = ndimage.map_coordinates(
                sources[tag], at[inside].T, order=order, mode='mirror', prefilter=False
            )
            result[(*tag, s)][inside] = _as_type(found, dtype)


def _coordinates(grid: Geometry, places: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the indices of places, moved into the grid, and which lie within its voxels."""
    index = grid.to_index(places)
    last = np.array(grid.shape) - 1
    reach = _EDGE + _ROUNDING
    inside = np.all((index >= -reach) & (index <= last + reach), axis=-1)
    return np.clip(index, 0, last), np.asarray(inside)


def _as_type(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return interpolated values as the type of the source: rounded, and within its range."""
    if dtype.kind == 'b':
        return np.asarray(values > 0.5)
    if dtype.kind in 'iu':
        limits = np.iinfo(dtype)
        # The largest integers are no floats: beyond them, clip to the next float that fits.
        high = np.nextafter(float(limits.max) + 1, 0) if limits.bits > 32 else limits.max
        return np.asarray(np.clip(np.rint(values), limits.min, high).astype(dtype))
    return values.astype(dtype)
