"""b values and gradient directions of diffusion images: in DICOM headers, and in files beside NIfTI.

Directions are x, y, z in the patient (LPS), as DICOM's Diffusion Gradient Orientation has them
(PS3.3 C.8.13.5.9); private elements of vendors that are relative to the image, or to the pulse
sequence, are turned. `.bvec` files are relative to the axes of an image (FSL): they mean a direction
only together with one. Without one, the functions take an axial image, rows along x and columns along
y, as NIfTI files of this library hold it: then y has the other sign.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptFileError, GeometryError, MissingDependencyError, OrderNotFoundError
from ..formats.dicom.vendor.diffusion import VENDORS
from ..formats.dicom.vendor.values import PrivateElements, private_block
from ..formats.nifti.diffusion import (
    bval_text,
    bvec_text,
    diffusion_of,
    directions_from_fsl,
    fsl_directions,
    numbers_of,
)
from ..formats.nifti.layout import nifti_from_lps
from ..geometry import Geometry
from ..series import Series

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    'get_b_value', 'get_ds_b_value', 'get_ds_b_vectors', 'get_g_vectors', 'read_b_value_file',
    'read_b_vector_file', 'set_ds_b_value', 'set_ds_b_vector', 'write_b_value_file', 'write_b_vector_file',
]  # fmt: skip

_AXIAL = Geometry.unit((1, 1, 1))


# --- images -------------------------------------------------------------------------------------


def get_g_vectors(img: Series) -> Any:
    """Return b value and gradient direction of each volume.

    Parameters
    ----------
    img : Series
        Sorted on 'b', 'dti' or 'bvector', or a single volume.

    Returns
    -------
    pandas.DataFrame
        Columns b (s/mm2), z, y, x; directions 0, 0, 0 where there is none.

    Raises
    ------
    IndexError
        When no image has a direction.
    MissingDependencyError
        Without pandas.
    """
    try:
        pandas: Any = import_module('pandas')
    except ImportError as error:
        raise MissingDependencyError('get_g_vectors gives a DataFrame: pip install pandas') from error
    b_values, directions = _volumes(img)
    if not any(len(d) for d in directions):
        raise IndexError('no image of this Series has a gradient direction')
    zyx = [tuple(d)[::-1] if len(d) else (0.0, 0.0, 0.0) for d in directions]
    rows = [(b, *d) for b, d in zip(b_values, zyx, strict=True)]
    return pandas.DataFrame(rows, columns=['b', 'z', 'y', 'x'])


def get_b_value(img: Series) -> float:
    """Return the b value of the first image in s/mm2, NaN where it has none."""
    return float(_volumes(img)[0][0])


def _volumes(img: Series) -> tuple[list[float], list[Sequence[float]]]:
    """Return b value (NaN without) and direction (() without) of each volume."""
    from ..formats.dicom.criteria import b_value, b_vector

    header = img.header
    name = next((d for d in header.tag_dims if d in ('b', 'dti', 'rsi', 'bvector')), None)
    count = img.shape[header.dims.index(name)] if name else 1
    images = header.images
    if name in ('b', 'dti', 'rsi') and header.tag_dims == (name,):
        found = diffusion_of(header, count)
        if found is not None:
            return found[0], found[1] or [()] * count
    first = [] if images is None else [_first_of(images, name, i) for i in range(count)]
    told = [None if ds is None else b_value(ds) for ds in first]
    b_values = [np.nan if b is None else b for b in told]
    directions: list[Sequence[float]] = [() if ds is None else b_vector(ds) for ds in first]
    if name is None and images is not None and images.records is None and images.ids.size:
        # One volume of a NIfTI file: its tags alone know.
        tags = {key: values.ravel()[0] for key, values in images.tags.items()}
        pair = tags.get('dti') or tags.get('rsi', (tags.get('b', np.nan), ()))
        return [float(pair[0])], [tags.get('bvector', pair[1])]
    if name == 'bvector':
        directions = [tuple(v) if np.ndim(v) else () for v in header.tag_axes[name].values]
    return b_values or [np.nan] * count, directions or [()] * count


def _first_of(images: Any, name: str | None, index: int) -> Dataset | None:
    """Return the header of the first image of a volume."""
    at = tuple(index if dim == name else 0 for dim in images.dims)
    found: Dataset | None = images.dataset(*at)
    return found


# --- DICOM headers ------------------------------------------------------------------------------


def get_ds_b_value(ds: Dataset) -> float:
    """Return the b value of a DICOM header in s/mm2, from the standard element or the vendor's own.

    Raises
    ------
    IndexError
        When it has none.
    """
    from ..formats.dicom.criteria import b_value

    found = b_value(ds)
    if found is None:
        raise IndexError('the header has no b value: neither (0018,9087) nor a private one')
    return float(found)


def get_ds_b_vectors(ds: Dataset) -> NDArray[np.float64]:
    """Return the gradient direction of a DICOM header: (3,) x, y, z; zeros at b = 0.

    Raises
    ------
    IndexError
        When it has none, and b is not 0.
    """
    from ..formats.dicom.criteria import b_value, b_vector

    found = b_vector(ds)
    if found:
        return np.array(found, dtype=np.float64)
    if b_value(ds) is None:
        raise IndexError('the header has no gradient direction, neither (0018,9089) nor a private one')
    return np.zeros(3)


def set_ds_b_value(ds: Dataset, value: float) -> None:
    """Set the b value of a DICOM header: the standard element, and the vendor's own where it has one.

    Parameters
    ----------
    ds : Dataset
        It is changed.
    value : float
        In s/mm2.
    """
    ds.DiffusionBValue = float(value)
    for vendor in VENDORS:
        _set_private(ds, vendor.DIFFUSION.b_value, [float(value)])


def set_ds_b_vector(ds: Dataset, value: Sequence[float] | NDArray[Any]) -> None:
    """Set the gradient direction of a DICOM header: the standard element, and the vendor's own.

    Parameters
    ----------
    ds : Dataset
        It is changed. Elements that are relative to the image or the pulse sequence are turned.
    value : (3,) array_like
        x, y, z in the patient.

    Raises
    ------
    GeometryError
        When it is not three finite numbers.
    """
    vector = np.asarray(value, dtype=np.float64)
    if vector.shape != (3,) or not np.isfinite(vector).all():
        raise GeometryError(f'a gradient direction is three finite numbers, got {value!r}')
    ds.DiffusionGradientOrientation = [float(v) for v in vector]
    for vendor in VENDORS:
        axes = np.eye(3) if vendor.DIFFUSION.axes is None else vendor.DIFFUSION.axes(ds)
        if axes is not None:
            _set_private(ds, vendor.DIFFUSION.direction, [float(v) for v in np.linalg.solve(axes, vector)])


def _set_private(ds: Dataset, where: PrivateElements | None, values: Sequence[float]) -> None:
    """Set private elements that the header has; others are not added."""
    block = None if where is None else private_block(ds, where.group, where.creator)
    if where is None or block is None:
        return
    parts = [values] if len(where.elements) == 1 else [[value] for value in values]
    for element, part in zip(where.elements, parts, strict=True):
        tag = (where.group, block << 8 | element)
        if tag not in ds:
            continue
        vr = ds[tag].VR
        if vr == 'UN':
            # Of a type that is not known: what cannot be set is better gone than wrong.
            del ds[tag]
            continue
        old = ds[tag].value
        many = not isinstance(old, (str, bytes)) and hasattr(old, '__len__')
        new = [_as_vr(vr, value) for value in part]
        new += list(old)[len(new) :] if many else []
        ds[tag].value = new if len(new) > 1 else new[0]


def _as_vr(vr: str, value: float) -> float | int | str:
    """Return a number as an element of a type holds it."""
    if vr == 'DS':
        return f'{value:.8g}'
    return round(value) if vr in ('IS', 'SL', 'SS', 'UL', 'US') else value


# --- files --------------------------------------------------------------------------------------


def read_b_value_file(f: Any) -> list[float]:
    """Return the b values of a `.bval` file.

    Parameters
    ----------
    f : path or file
        A path, or something to read text or bytes from.

    Raises
    ------
    CorruptFileError
        When it holds something other than numbers.
    """
    return [value for row in _rows(f) for value in row]


def read_b_vector_file(f: Any, geometry: Series | None = None) -> list[NDArray[np.float64]]:
    """Return the gradient directions of a `.bvec` file.

    Parameters
    ----------
    f : path or file
        A path, or something to read text or bytes from.
    geometry : Series, optional
        The image that the file belongs to; without it, see the beginning of this module.

    Returns
    -------
    list of (3,) ndarray
        x, y, z in the patient; zeros where there is none.

    Raises
    ------
    CorruptFileError
        When it does not hold three lines of as many numbers.
    """
    rows = _rows(f)
    count = len(rows[0]) if len(rows) == 3 else len(rows)
    found = directions_from_fsl(rows, _grid(geometry), count)
    if found is None:
        raise CorruptFileError(
            f'{_name(f)}: a .bvec file has three lines of as many numbers, this one lines of '
            f'{[len(row) for row in rows][:5]}: correct it'
        )
    return [np.array(v if len(v) else (0.0, 0.0, 0.0)) for v in found]


def write_b_value_file(f: Any, bvalues: Series | Iterable[float]) -> None:
    """Write a `.bval` file.

    Parameters
    ----------
    f : path or file
        A path, or something to write text to.
    bvalues : Series or sequence of float
        A Series sorted on 'b' or 'dti', or b values in s/mm2.
    """
    if isinstance(bvalues, Series):
        values = _volumes(bvalues)[0]
        if np.isnan(values).any():
            order = bvalues.input_order
            raise OrderNotFoundError(f"this Series has no b values: sort it on 'b' or 'dti', not {order!r}")
    else:
        values = [float(b) for b in bvalues]
    _write(f, bval_text(values))


def write_b_vector_file(
    f: Any, bvectors: Series | Iterable[Sequence[float] | NDArray[Any]], geometry: Series | None = None
) -> None:
    """Write a `.bvec` file.

    Parameters
    ----------
    f : path or file
        A path, or something to write text to.
    bvectors : Series or sequence of (3,) array_like
        A Series sorted on 'b', 'dti' or 'bvector', whose own axes count then; or directions x, y, z in
        the patient, empty where there is none.
    geometry : Series, optional
        The image that the directions belong to; without it, see the beginning of this module.
    """
    if isinstance(bvectors, Series):
        directions = _volumes(bvectors)[1]
        if not any(len(d) for d in directions):
            raise OrderNotFoundError("this Series has no gradient directions: sort it on 'dti' or 'bvector'")
        geometry = bvectors if geometry is None else geometry
    else:
        directions = [tuple(float(x) for x in v) for v in bvectors]
    grid = _grid(geometry)
    _write(f, bvec_text(fsl_directions(directions, nifti_from_lps(grid.affine, grid.shape[1]))))


def _grid(series: Series | None) -> Geometry:
    if series is None:
        return _AXIAL
    grid = series.header.geometry
    if grid is None or grid.assumed:
        raise GeometryError('the place of the image is not known: directions cannot be turned to its axes')
    return grid


def _name(f: Any) -> str:
    return fspath(f) if isinstance(f, (str, PathLike)) else str(getattr(f, 'name', 'the file'))


def _rows(f: Any) -> list[list[float]]:
    rows = numbers_of(Path(f).read_bytes() if isinstance(f, (str, PathLike)) else f.read())
    if rows is None:
        raise CorruptFileError(f'{_name(f)} holds something other than numbers: correct it')
    return rows


def _write(f: Any, text: str) -> None:
    if isinstance(f, (str, PathLike)):
        Path(f).write_text(text, encoding='ascii')
    else:
        f.write(text)
