"""Array and affine of a dataset of pydicom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import GeometryError
from .volumes import Array

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['affine_from_dataset', 'unpack_dataset']


def affine_from_dataset(dataset: Dataset, allow_default_affine: bool = False) -> NDArray[np.float32]:
    """Return the affine of (x, y, z) to LPS, in mm.

    Parameters
    ----------
    dataset : Dataset
        Of one slice, or of several frames as `convert_ds` returns it.
    allow_default_affine : bool
        Unit matrix where the dataset does not say where its image lies.

    Returns
    -------
    (4, 4) array of float32

    Raises
    ------
    AttributeError
        When it does not, and that is not allowed.

    Notes
    -----
    PS3.3 C.7.6.2.1.1: the first three numbers of Image Orientation are the direction in which the
    column index grows. The step from frame to frame is (last - first) / (frames - 1).
    """
    from ..metadata.pdcm_ds import convert_ds, is_multi_frame

    if is_multi_frame(dataset):
        dataset = convert_ds(dataset)  # type: ignore[arg-type]
    matrix = np.eye(4)
    try:
        x, y = np.asarray(dataset.ImageOrientationPatient, float).reshape(2, 3)
        rows, columns = (float(v) for v in dataset.PixelSpacing)
        origin = np.asarray(dataset.ImagePositionPatient, float)
        step = _step(dataset, np.cross(x, y), origin)
    except AttributeError:
        if allow_default_affine:
            return matrix.astype(np.float32)
        raise
    matrix[:3] = np.column_stack([x * columns, y * rows, step, origin])
    return matrix.astype(np.float32)


def _step(dataset: Any, normal: Array, origin: Array) -> Array:
    """Return the way from one slice to the next."""
    from ..metadata.pdcm_ds import is_multi_frame

    if is_multi_frame(dataset):
        count = int(dataset.NumberOfFrames)
        last = np.asarray(dataset.slice_position(count - 1), float)
        return np.asarray((last - origin) / (count - 1))
    for keyword in ('SpacingBetweenSlices', 'SliceThickness'):
        if keyword in dataset and dataset[keyword].value:
            return np.asarray(normal * abs(float(dataset[keyword].value)))
    return normal


def unpack_dataset(
    dataset: Dataset, rescale: bool | None = None, allow_default_affine: bool = False
) -> tuple[Array, NDArray[np.float32]]:
    """Return array and affine of a dataset with pixels.

    Parameters
    ----------
    dataset : Dataset
    rescale : bool, optional
        Whether to apply slope and intercept, to float32; None: where the dataset has them.
    allow_default_affine : bool

    Returns
    -------
    array : (x, y), (x, y, z) or (channels, x, y[, z]) array
        x, y for one slice.
    affine : (4, 4) array of float32
    """
    from ..metadata.pdcm_ds import convert_ds, is_multi_frame

    if is_multi_frame(dataset):
        dataset = convert_ds(dataset)  # type: ignore[arg-type]
    affine = affine_from_dataset(dataset, allow_default_affine)
    values = dataset.pixel_array.T
    given = [getattr(dataset, name, None) for name in ('RescaleSlope', 'RescaleIntercept')]
    if rescale is False or (rescale is None and given == [None, None]):
        return values, affine
    if rescale and None in given:
        raise GeometryError('the dataset has no slope and intercept to apply: give rescale=None')
    slope, intercept = (float(n if v is None else v) for v, n in zip(given, (1, 0), strict=True))
    return (values.astype(np.float64) * slope + intercept).astype(np.float32), affine
