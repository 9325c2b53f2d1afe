"""Mosaics: all slices of a volume as tiles of one image (Siemens MOSAIC, United Imaging grid).

The header describes the mosaic as if it were one large slice. The corner of a tile follows from
the centre, which both share: a tile's own first voxel lies further in by half the difference of
the sizes. Source: Siemens DICOM conformance statement; NiBabel's documentation of the mosaic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...errors import CorruptFileError
from ...geometry import FloatArray
from .frames import Frame, Pixels, Tile, floats, frame_from, vector
from .records import as_ds, put, shallow_copy
from .scan import Instance
from .vendor import siemens, uih

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['Tiles', 'frames', 'tiles']


@dataclass(frozen=True, slots=True)
class Tiles:
    """How a mosaic is laid out.

    Parameters
    ----------
    count : int
        Number of slices.
    normal : (3,) ndarray or None
        Direction in which the slices follow each other.
    positions : (count, 3) ndarray or None
        Image Position (Patient) of each slice, where the header tells.
    """

    count: int
    normal: FloatArray | None
    positions: FloatArray | None


def tiles(dataset: Dataset, name: str) -> Tiles | None:
    """Return the layout of a mosaic, None for other images.

    Raises
    ------
    CorruptFileError
        For a mosaic whose header does not tell its slices.
    """
    positions = uih.grid_positions(dataset)
    if positions is not None and len(positions) > 1:
        return Tiles(len(positions), None, np.array(positions))
    count = siemens.mosaic_count(dataset)
    is_mosaic = 'MOSAIC' in [str(part).upper() for part in (dataset.get('ImageType') or [])]
    if not is_mosaic and count is None:
        return None
    if count is None or count < 1:
        raise CorruptFileError(
            f'{name} is a mosaic, and its header does not tell the number of its slices '
            '(private elements were removed): it cannot be divided'
        )
    return Tiles(count, siemens.slice_normal(dataset), None)


def frames(instance: Instance, pixels: Pixels, layout: Tiles) -> list[Frame]:
    """Return a frame for each slice of a mosaic."""
    dataset = instance.dataset
    across = int(np.ceil(np.sqrt(layout.count)))
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    if layout.positions is not None:
        down = int(np.ceil(layout.count / across))
        down = down if rows % across else across
    else:
        down = across
    if rows % down or columns % across:
        raise CorruptFileError(
            f'{instance.name}: a mosaic of {rows} x {columns} pixels cannot hold {layout.count} slices '
            f'in {down} x {across} tiles'
        )
    height, width = rows // down, columns // across
    places = layout.positions if layout.positions is not None else _places(instance, layout, height, width)
    number = int((floats(instance.name, dataset, 'InstanceNumber') or [1])[0])
    found = []
    for k in range(layout.count):
        tile = Tile(k // across * height, k % across * width, height, width)
        header = _header(dataset, tile, places[k])
        put(header, 'InstanceNumber', max(number - 1, 0) * layout.count + k + 1)
        found.append(frame_from(instance.name, header, pixels, 0, tile))
    return found


def _places(instance: Instance, layout: Tiles, height: int, width: int) -> FloatArray:
    """Return Image Position (Patient) of each tile of a Siemens mosaic."""
    dataset = instance.dataset
    corner = vector(instance.name, dataset, 'ImagePositionPatient', 3)
    orientation = vector(instance.name, dataset, 'ImageOrientationPatient', 6)
    spacing = vector(instance.name, dataset, 'PixelSpacing', 2)
    step = floats(instance.name, dataset, 'SpacingBetweenSlices') or floats(
        instance.name, dataset, 'SliceThickness'
    )
    if corner is None or orientation is None or spacing is None or not step or layout.normal is None:
        raise CorruptFileError(
            f'{instance.name} is a mosaic without the place of its slices (position, orientation, '
            'spacing and Siemens slice normal are needed): private elements were removed'
        )
    across, down = orientation[:3], orientation[3:]
    first = (
        corner
        + across * spacing[1] * (int(dataset.Columns) - width) / 2
        + down * spacing[0] * (int(dataset.Rows) - height) / 2
    )
    return np.asarray(first + np.arange(layout.count)[:, np.newaxis] * layout.normal * step[0])


def _header(dataset: Dataset, tile: Tile, place: FloatArray) -> Dataset:
    """Return the header of one slice of a mosaic."""
    header = shallow_copy(dataset)
    put(header, 'Rows', tile.rows)
    put(header, 'Columns', tile.columns)
    put(header, 'ImagePositionPatient', [as_ds(v) for v in place])
    uih.remove_grid(header)
    kinds = [part for part in (dataset.get('ImageType') or []) if str(part).upper() != 'MOSAIC']
    put(header, 'ImageType', kinds)
    return header
