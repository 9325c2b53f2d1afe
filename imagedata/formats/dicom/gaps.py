"""Slices that are missing between others, and what is done about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ImagedataWarning, MissingSliceError
from ...geometry import Geometry
from ...header import Header
from ...notices import warn_user
from .frames import Frame
from .sort import Grid, missing_policy
from .vendor.values import numbers

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['filled', 'missing_slices', 'uneven', 'warn_of_gaps']


def uneven(
    geometry: Geometry, grid: Grid, frames: Sequence[Frame], options: Mapping[str, Any]
) -> tuple[Geometry, Grid]:
    """Follow the policy for slices that are not evenly spaced."""
    gaps = np.diff(geometry.slice_locations)
    holes = _holes(gaps, [f.dataset for f in frames])
    shown = ', '.join(f'{g:.3f}' for g in gaps[:12]) + (', ...' if len(gaps) > 12 else '')
    policy = missing_policy(options)
    if not holes:
        grid.notes.append(f'slices are unevenly spaced (gaps {shown} mm): each keeps its own position')
        return geometry, grid
    at = next(iter(holes))
    told = (
        f'{_counted(sum(holes.values()), "slice")} missing: between {frames[at].name} and '
        f'{frames[at + 1].name} the gap is {gaps[at]:.3f} mm where others are {np.min(gaps):.3f} mm'
    )
    if policy == 'error':
        raise MissingSliceError(
            f"{told}; find the files, or read with missing='fill' (empty slices) or missing='drop' "
            '(the slices that there are, each at its own position)'
        )
    if policy == 'drop':
        grid.notes.append(f'{told}: each slice keeps its own position')
        return geometry, grid
    grid.notes.append(f'{told}: filled')
    return filled(geometry, grid, holes)


def _holes(gaps: np.ndarray[Any, Any], headers: Sequence[Dataset | None]) -> dict[int, int]:
    """Return how many slices are missing after which slice.

    Where slices vary in thickness, those that lie beside each other (2.5 mm ones, then 5 mm ones,
    protocols of the head) are complete, though their gaps are multiples of the smallest.
    """
    found = [[] if header is None else numbers(header.get('SliceThickness')) for header in headers]
    if not all(found):
        return missing_slices(gaps)
    thick = np.array([abs(value[0]) for value in found])
    if not np.all(np.isfinite(thick) & (thick > 0)) or np.ptp(thick) <= 0.01 * thick.max():
        return missing_slices(gaps)
    times = gaps / np.maximum(thick[1:], thick[:-1])
    if np.any((times > 1.01) & (np.abs(times - np.rint(times)) > 0.01 * times)):
        return missing_slices(gaps)
    return {int(i): int(n) - 1 for i, n in enumerate(np.rint(times)) if n > 1}


def _counted(number: int, what: str) -> str:
    """Return '1 slice is' or '2 slices are'."""
    return f'{number} {what} is' if number == 1 else f'{number} {what}s are'


def missing_slices(gaps: np.ndarray[Any, Any], tolerance: float = 0.01) -> dict[int, int]:
    """Return how many slices are missing after which slice.

    Gaps tell of missing slices when each is a whole multiple of the smallest one, within a
    hundredth of it. Other gaps are those of a stack with its own uneven spacing.

    Examples
    --------
    >>> missing_slices(np.array([5.0, 5.0, 10.0]))
    {2: 1}
    >>> missing_slices(np.array([4.0, 7.0]))
    {}
    """
    smallest = float(np.min(gaps))
    times = np.rint(gaps / smallest).astype(int)
    if np.any(np.abs(gaps - times * smallest) > tolerance * smallest * np.maximum(times, 1)):
        return {}
    return {int(i): int(n) - 1 for i, n in enumerate(times) if n > 1}


def filled(geometry: Geometry, grid: Grid, holes: Mapping[int, int]) -> tuple[Geometry, Grid]:
    """Return geometry and grid with empty slices where some are missing."""
    places: list[np.ndarray[Any, Any]] = []
    source: list[int] = []
    positions = geometry.slice_positions
    for i, place in enumerate(positions):
        places.append(place)
        source.append(i)
        count = holes.get(i, 0)
        for k in range(count):
            places.append(place + (positions[i + 1] - place) * (k + 1) / (count + 1))
            source.append(-1)
    frames = np.full((*grid.frames.shape[:-1], len(places)), None, dtype=object)
    tags = {name: np.full(frames.shape, None, dtype=object) for name in grid.tags}
    for new, old in enumerate(source):
        # An empty slice has the tag values of the slice before it, and no image.
        known = old if old >= 0 else source[max(i for i in range(new) if source[i] >= 0)]
        if old >= 0:
            frames[..., new] = grid.frames[..., old]
        for name, values in grid.tags.items():
            tags[name][..., new] = values[..., known]
    shape = (len(places), *geometry.shape[1:])
    even = replace(geometry, shape=shape, positions=None).with_positions(np.array(places))
    return even, Grid(grid.names, frames, tags, grid.notes)


def warn_of_gaps(header: Header) -> None:
    """Warn that slices which are about to be written will be taken for incomplete when they are read."""
    geometry, images = header.geometry, header.images
    if geometry is None or geometry.is_uniform:
        return
    headers: list[Dataset | None] = [None]
    if images is not None and images.ids.shape[-1] == geometry.shape[0]:
        first = (0,) * (images.ids.ndim - 1)
        headers = [images.dataset(*first, i) for i in range(geometry.shape[0])]
    holes = _holes(np.diff(geometry.slice_locations), headers)
    if holes:
        warn_user(
            f'{_counted(sum(holes.values()), "slice")} missing in the series that is written: its gaps '
            "are whole multiples of the smallest: read it back with missing='drop' to have it as it is",
            ImagedataWarning,
        )
