"""Space: turning, cropping and fitting volumes to each other voxel by voxel, without interpolation.

Orientation codes are three letters, of the directions in which column, row and slice index grow:
L or R (to the patient's left or right), P or A (back, front), S or I (head, feet). So the voxels
of an axial series of a supine patient are 'LPS', as in ITK and NIfTI.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .axis import SPATIAL
from .errors import AxisError, GeometryError, GeometryMismatchError
from .geometry import POSITION_TOLERANCE, Geometry
from .header import Header, Images

if TYPE_CHECKING:
    from .series import Series

__all__ = [
    'canonical',
    'crop',
    'equals',
    'grid_of',
    'match_geometry',
    'orientation_code',
    'pad',
    'reorient',
    'same_geometry',
]

_AXIS_OF = {'L': 0, 'R': 0, 'P': 1, 'A': 1, 'S': 2, 'I': 2}
_SIGN = {'L': 1, 'P': 1, 'S': 1, 'R': -1, 'A': -1, 'I': -1}


def grid_of(series: Series) -> Geometry:
    """Return the geometry of a Series with rows and columns.

    Raises
    ------
    GeometryError
        When it has no geometry, or no axes named row and column.
    """
    header = series.header
    for name in ('row', 'column'):
        if name not in header.dims:
            raise GeometryError(f'there is no axis {name!r}: the axes are {", ".join(header.dims)}')
    return series._grid()


def canonical(series: Series) -> Any:
    """Return the Series with dimensions (tags..., slice, row, column), a slice axis added if need be.

    A view. A slice that an integer index took out of a volume is a volume of one slice.
    """
    header = series.header
    grid_of(series)
    order = [i for i, d in enumerate(header.dims) if d not in SPATIAL]
    tags = len(order)
    order += [header.dims.index(d) for d in SPATIAL if d in header.dims]
    moved = series.transpose(order)
    if 'slice' in header.dims:
        return moved
    values = np.expand_dims(moved.view(np.ndarray), tags)
    dims = (*moved.header.dims[:tags], *SPATIAL)
    return series._attached(values, replace(moved.header, dims=dims), series._get_identity())


# --- orientation --------------------------------------------------------------------------------


def _nearest_axes(geometry: Geometry) -> tuple[list[int], list[int]]:
    """Return, for slice, row and column, the patient axis (x, y, z) nearest to it, and the sign.

    Each patient axis is taken once; of all ways, the one with the largest cosines.
    """
    cosines = geometry.directions.T
    best = max(permutations(range(3)), key=lambda p: sum(abs(cosines[i, p[i]]) for i in range(3)))
    return list(best), [1 if cosines[i, best[i]] >= 0 else -1 for i in range(3)]


def orientation_code(geometry: Geometry) -> str:
    """Return the orientation code of a geometry, of the patient axes nearest to its own."""
    axes, signs = _nearest_axes(geometry)
    letters = []
    for i in (2, 1, 0):
        letters.append(('LPS' if signs[i] > 0 else 'RAI')[axes[i]])
    return ''.join(letters)


def reorient(series: Series, code: str) -> Any:
    """Return the volume with its axes permuted and flipped to an orientation code."""
    letters = str(code).upper()
    if len(letters) != 3 or sorted(_AXIS_OF.get(c, 9) for c in letters) != [0, 1, 2]:
        raise GeometryError(
            f'{code!r} is no orientation: give one letter of each of L/R, P/A and S/I, '
            "such as 'LPS' or 'RAS', for the directions of column, row and slice index"
        )
    volume = canonical(series)
    axes, signs = _nearest_axes(volume.header.geometry)
    # For each new slice, row, column: which old axis it is, and whether it is reversed.
    sources, reverse = [], []
    for letter in letters[::-1]:
        old = axes.index(_AXIS_OF[letter])
        sources.append(old)
        reverse.append(signs[old] != _SIGN[letter])
    return rearranged(volume, sources, reverse)


def rearranged(volume: Series, sources: list[int], reverse: list[bool]) -> Any:
    """Return a canonical volume with its spatial axes permuted and reversed.

    Parameters
    ----------
    volume : Series
        With dimensions (tags..., slice, row, column).
    sources : list of int
        Which of slice, row, column becomes the new slice, row and column.
    reverse : list of bool
        Whether the index then runs the other way.

    Raises
    ------
    GeometryError
        When slices that are not evenly spaced would become rows or columns.
    """
    geometry = volume.header.geometry
    assert geometry is not None
    tags = volume.ndim - 3
    if not geometry.is_uniform and sources[0] != 0:
        raise GeometryError(
            'the slices are not evenly spaced, and cannot become rows or columns: '
            'resample() the volume first'
        )
    flipped = [False, False, False]
    for source, back in zip(sources, reverse, strict=True):
        flipped[source] = back
    key = tuple(slice(None, None, -1) if back else slice(None) for back in flipped)
    turned = volume[(..., *key)]
    values = turned.view(np.ndarray).transpose(*range(tags), *(tags + s for s in sources))
    header = _permuted(turned.header, sources)
    window = volume._given_window()
    if sources[0] != 0 and None not in window:
        # The same values: what shows them well does so in another plane.
        header = header.with_attributes(windowCenter=window[0], windowWidth=window[1])
    return volume._attached(values, header, volume._get_identity())


def _permuted(header: Header, sources: list[int]) -> Header:
    """Return the header of a volume in which other axes are called slice, row and column."""
    old = header.geometry
    assert old is not None
    if sources == [0, 1, 2]:
        return header
    affine = old.affine[:, [*sources, 3]]
    counts = [old.shape[s] for s in sources]
    positions = old.positions if sources[0] == 0 else None
    geometry = replace(
        old, affine=affine, shape=(counts[0], counts[1], counts[2]), positions=positions
    )
    images = header.images
    if images is not None and sources[0] != 0:
        images = _resliced(images, counts[0])
    return replace(header, geometry=geometry, images=images)


def _resliced(images: Images, count: int) -> Images:
    """Return images for slices in another plane: the first slice's describes all of them."""
    picked = images.take('slice', [0] * count) if images.ids.shape[-1] else images
    return replace(picked, tags={}, own=False)


# --- cropping and padding ---------------------------------------------------------------------------


def crop(series: Series, **bounds: Any) -> Any:
    """Return a box of the volume: for each axis, (start, stop) or a slice of voxel indices."""
    header = series.header
    key: list[Any] = [slice(None)] * series.ndim
    for name, bound in bounds.items():
        if bound is None:
            continue
        if name not in header.dims:
            raise AxisError(f'there is no axis {name!r}: the axes are {", ".join(header.dims)}')
        at = header.dims.index(name)
        n = series.shape[at]
        wanted = bound if isinstance(bound, slice) else slice(*(int(b) for b in bound))
        start, stop, step = wanted.indices(n)
        if wanted.step not in (None, 1) or stop <= start:
            raise GeometryError(f'{name} {bound!r} is no part of its {n} indices')
        if (wanted.stop is not None and wanted.stop > n) or (wanted.start or 0) < -n:
            raise GeometryError(f'{name} {bound!r} reaches beyond its {n} indices: use pad()')
        key[at] = slice(start, stop, step)
    return series[tuple(key)]


def pad(series: Series, mode: str = 'constant', fill_value: Any = 0, **widths: Any) -> Any:
    """Return the volume with voxels added at its ends: for each axis, (before, after)."""
    header = series.header
    pairs: list[tuple[int, int]] = [(0, 0)] * series.ndim
    for name, width in widths.items():
        if width is None:
            continue
        if name not in header.dims:
            raise AxisError(f'there is no axis {name!r}: the axes are {", ".join(header.dims)}')
        before, after = (width, width) if np.ndim(width) == 0 else width
        if before < 0 or after < 0:
            raise GeometryError(f'{name} cannot be padded by {width!r}: use crop()')
        pairs[header.dims.index(name)] = (int(before), int(after))
    options: dict[str, Any] = {'constant_values': fill_value} if mode == 'constant' else {}
    return np.pad(series, pairs, mode=mode, **options)  # type: ignore[call-overload]


# --- fitting one volume to another ----------------------------------------------------------------------


def match_geometry(series: Series, reference: Series, fill_value: Any, tolerance: float) -> Any:
    """Return the volume with the reference's grid, by permuting, flipping, cropping and padding."""
    mine, theirs = grid_of(series), grid_of(reference)
    frames = {mine.frame_of_reference, theirs.frame_of_reference} - {None}
    if len(frames) > 1:
        raise GeometryMismatchError(
            f'the frames of reference differ: {mine.frame_of_reference} and '
            f'{theirs.frame_of_reference}. align(force=True) takes them for one'
        )
    volume = canonical(series)
    sources, reverse = _same_directions(mine, theirs, tolerance)
    turned = rearranged(volume, sources, reverse)
    picked, offset = _whole_offset(turned.header.geometry, theirs, tolerance)
    count = turned.header.geometry.shape[0]
    inside = [i for i in picked if 0 <= i < count]
    if picked != list(range(picked[0], picked[0] + len(picked))) and len(inside) == len(picked):
        turned = turned.take(picked, -3)
        offset[0] = 0
    elif picked != list(range(picked[0], picked[0] + len(picked))):
        raise GeometryMismatchError(
            'slices of the reference lie between, or beyond, those of an unevenly spaced stack. '
            'Use align()'
        )
    fitted = _fitted(turned, offset, theirs.shape, fill_value)
    frame = theirs.frame_of_reference or mine.frame_of_reference
    fitted.header = fitted.header.with_geometry(replace(theirs, frame_of_reference=frame))
    if 'slice' not in reference.header.dims and theirs.shape[0] == 1:
        return fitted[..., 0, :, :]
    return fitted


def _same_directions(
    mine: Geometry, theirs: Geometry, tolerance: float
) -> tuple[list[int], list[bool]]:
    """Return which axis of `mine` is each of `theirs`, and which run the other way.

    Steps are compared; where there is one voxel only, or slices have places of their own,
    directions alone.
    """
    sources, reverse = [], []
    for i, name in enumerate(SPATIAL):
        reach = max(theirs.shape[i] - 1, 1)
        found = []
        for j in range(3):
            loose = theirs.shape[i] == 1 or (j == 0 and not mine.is_uniform) or (
                i == 0 and not theirs.is_uniform
            )
            a, b = (mine.directions, theirs.directions) if loose else (mine.affine, theirs.affine)
            apart = [float(np.linalg.norm(sign * a[:3, j] - b[:3, i])) * reach for sign in (1, -1)]
            found.append((min(apart), j, apart[1] < apart[0]))
        distance, best, back = min(f for f in found if f[1] not in sources)
        if distance > tolerance:
            raise GeometryMismatchError(
                f'no axis of the Series has the {name} step of the reference, '
                f'{np.round(theirs.affine[2::-1, i], 4).tolist()} mm (z, y, x): '
                'spacing or orientation differ. Use align()'
            )
        sources.append(best)
        reverse.append(back)
    return sources, reverse


def _whole_offset(
    mine: Geometry, theirs: Geometry, tolerance: float
) -> tuple[list[int], NDArray[np.int64]]:
    """Return the slice of `mine` at each slice of `theirs`, and the index of its first voxel."""
    offset = np.rint(mine.to_index(theirs.slice_positions))
    apart = np.linalg.norm(mine.to_world(offset) - theirs.slice_positions, axis=1)
    if apart.size and apart[0] > tolerance:
        part = mine.to_index(theirs.slice_positions[0]) - offset[0]
        told = ', '.join(f'{n} {o:.4g}' for n, o in zip(SPATIAL, part, strict=True))
        raise GeometryMismatchError(
            f'the grids are shifted by part of a voxel ({told}). Use align()'
        )
    if apart.max(initial=0) > tolerance:
        raise GeometryMismatchError(
            f'the slices are spaced differently: up to {apart.max():.4g} mm apart. Use align()'
        )
    whole = offset.astype(np.int64)
    if not len(whole):
        return [0], np.zeros(3, dtype=np.int64)
    return whole[:, 0].tolist(), whole[0]


def _fitted(volume: Any, offset: NDArray[np.int64], shape: tuple[int, ...], fill_value: Any) -> Any:
    """Return the box of a volume that starts at `offset`, filled where it lies outside."""
    tags = volume.ndim - 3
    key, widths = [], [(0, 0)] * tags
    for start, n, have in zip(offset.tolist(), shape, volume.shape[tags:], strict=True):
        low, high = min(max(start, 0), have), max(min(start + n, have), 0)
        high = max(low, high)
        key.append(slice(low, high))
        before = min(max(-start, 0), n)
        widths.append((before, n - (high - low) - before))
    part = volume[(..., *key)]
    if not any(any(w) for w in widths):
        return part
    return np.pad(part, widths, constant_values=fill_value)


# --- comparing ----------------------------------------------------------------------------------------------


def same_geometry(series: Series, other: Series, tolerance: float = POSITION_TOLERANCE) -> bool:
    """Return whether two Series have their voxels in the same places, axis by axis."""
    a, b = series.header, other.header
    if [d for d in a.dims if d in SPATIAL] != [d for d in b.dims if d in SPATIAL]:
        return False
    if a.geometry is None or b.geometry is None:
        return a.geometry is b.geometry
    return a.geometry.difference(b.geometry, tolerance) is None


def equals(series: Series, other: object, tolerance: float = POSITION_TOLERANCE) -> bool:
    """Return whether values, axes and geometry are the same; NaN equals NaN."""
    if type(other) is not type(series):
        return False
    assert hasattr(other, 'header')
    if other.header.dims != series.header.dims or other.dtype != series.dtype:
        return False
    floating = series.dtype.kind in 'fc'
    mine, theirs = series.view(np.ndarray), other.view(np.ndarray)
    if not np.array_equal(mine, theirs, equal_nan=floating):
        return False
    if not same_geometry(series, other, tolerance):
        return False
    return all(series.header.tag_axes.get(d) == other.header.tag_axes.get(d) for d in series.header.tag_dims)
