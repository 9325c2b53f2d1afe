"""What the volumes of a Philips PAR header are: parts, dynamics, b values, phases and echoes.

Source: the definitions of columns in the PAR files themselves. Their x, y, z are called ap, fh, rl:
from anterior to posterior, from foot to head, from right to left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...axis import Axis, VariableAxis
from ..described import counted_axes

__all__ = ['volumes_of']

_PARTS = {0: 'M', 1: 'R', 2: 'I', 3: 'P'}
"""Codes of `image_type_mr`, as the axis 'component' calls them."""


def volumes_of(header: Any) -> tuple[list[Axis], list[tuple[float, ...]] | None, list[str]]:
    """Return the axes of the volumes, directions of the axis 'b', and lines for the report.

    The axes are a grid, slowest first, where the volumes are one; else there is one axis.

    Parameters
    ----------
    header : nibabel.parrec.PARRECHeader
        In strict order.
    """
    order = header.get_sorted_slice_indices()
    rows = header.image_defs[order]
    rows = rows[rows['slice number'] == rows['slice number'].min()]
    if len(rows) < 2:
        return [], None, []
    keys = {name: key for name, key in _keys(header, rows).items() if len(set(key)) > 1}
    counts = {name: list(dict.fromkeys(key)) for name, key in keys.items()}
    lengths = [len(values) for values in counts.values()]
    found = list(zip(*keys.values(), strict=True))
    grid = np.stack(np.meshgrid(*map(np.arange, lengths), indexing='ij'), axis=-1).reshape(-1, len(lengths))
    expected = [tuple(values[i] for values, i in zip(counts.values(), at, strict=True)) for at in grid]
    if found != expected:
        labels = ', '.join(header.get_volume_labels()) or 'nothing'
        return counted_axes([len(rows)]), None, [f'the volumes are no grid; they differ in: {labels}']
    axes: list[Axis] = []
    directions = None
    for at, name in enumerate(counts):
        # The first volume of each value, all else being first.
        step = int(np.prod(lengths[at + 1 :]))
        some = rows[: step * lengths[at] : step]
        axes.append(_AXES[name](some))
        if name == 'b':
            directions = _directions(some)
    return axes, directions, []


def _keys(header: Any, rows: NDArray[Any]) -> dict[str, list[Any]]:
    """Return what may tell volumes apart, slowest first, in the order in which nibabel sorts them."""
    keys = {'component': rows['image_type_mr'].tolist(), 'time': rows['dynamic scan number'].tolist()}
    names = rows.dtype.names or ()
    if 'label type' in names:
        keys['label'] = rows['label type'].tolist()
    keys['phase'] = rows['cardiac phase number'].tolist()
    keys['te'] = rows['echo number'].tolist()
    if header.general_info.get('diffusion'):
        others = list(zip(*keys.values(), strict=True))
        # Which of the volumes it is that are alike in all else; in old files nothing else tells.
        number = [others[:i].count(others[i]) for i in range(len(others))]
        fast = {name: keys.pop(name) for name in ('phase', 'te')}
        keys = {**keys, 'b': number, **fast}
    return keys


def _rising(values: NDArray[Any]) -> bool:
    return bool((np.diff(values) > 0).all())


def _times(rows: NDArray[Any]) -> Axis:
    begins = rows['dyn_scan_begin_time']
    if _rising(begins):
        return VariableAxis('time', begins.tolist())
    return VariableAxis('temporalposition', rows['dynamic scan number'].tolist())


def _phases(rows: NDArray[Any]) -> Axis:
    delays = rows['trigger_time']
    if _rising(delays):
        return VariableAxis('triggertime', (delays / 1000).tolist())
    return VariableAxis('phasenumber', rows['cardiac phase number'].tolist())


def _echoes(rows: NDArray[Any]) -> Axis:
    times = rows['echo_time']
    if len(set(times.tolist())) == len(times):
        return VariableAxis('te', times.tolist())
    return VariableAxis('echo', rows['echo number'].tolist())


def _parts(rows: NDArray[Any]) -> Axis:
    return VariableAxis('component', [_PARTS.get(int(c), str(c)) for c in rows['image_type_mr']])


_AXES: dict[str, Callable[[NDArray[Any]], Axis]] = {
    'component': _parts,
    'time': _times,
    'label': lambda rows: VariableAxis('label', rows['label type'].tolist()),
    'b': lambda rows: VariableAxis('b', rows['diffusion_b_factor'].tolist()),
    'phase': _phases,
    'te': _echoes,
}


def _directions(rows: NDArray[Any]) -> list[tuple[float, ...]] | None:
    """Return gradient directions in the patient (LPS), () where there is none; None before version 4.1."""
    if 'diffusion' not in (rows.dtype.names or ()):
        return None
    vectors: Sequence[Sequence[float]] = rows['diffusion'][:, [2, 0, 1]].tolist()
    return [tuple(v) if any(v) else () for v in vectors]
