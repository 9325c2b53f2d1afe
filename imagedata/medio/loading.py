"""Reading for medio's interface: one volume from a file, folder or URL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from ..axis import SPATIAL
from ..errors import CannotSort, DataTypeError, InputNotFoundError, MissingSliceError, UnknownInputError
from ..geometry import Geometry
from ..header import SeriesData
from ..reading import read
from .utils.dcm_series import InconsistentSeriesError
from .utils.files import parse_series_uids

__all__ = ['Choice', 'load']


@dataclass(frozen=True, slots=True)
class Choice:
    """Which series of a folder, and what is asked of it.

    Parameters
    ----------
    series : str or int, optional
        Its UID, or its index among the sorted UIDs.
    validate_series : bool
        Refuse slices that do not make one even volume.
    keep_dominant_geometry : bool
        Leave out those that differ from most in direction, spacing or matrix.
    globber : str
        Which files of the folder.
    keep_dimensions : bool
        Whether those of length 1 stay, beside the spatial ones.
    mapped : bool
        Whether values may be a view of their file, copied on write, where they lie in it as they are.
    """

    series: str | int | None = None
    validate_series: bool = True
    keep_dominant_geometry: bool = False
    globber: str = '*'
    keep_dimensions: bool = False
    mapped: bool = False


def load(
    path: str | PathLike[str], choice: Choice, *, headers_only: bool = False, alpha: bool = False
) -> SeriesData:
    """Read one volume.

    A folder is read without those below it, unless the pattern names them. `alpha`: colours have
    their opacity, where the file has it.

    Raises
    ------
    FileNotFoundError
        When there is no such path, or no file in it.
    InconsistentSeriesError
        When the slices of a folder do not make one volume.
    """
    text = fspath(path)
    folder = '://' not in text and Path(text).is_dir()
    options: dict[str, Any] = {
        'headers_only': headers_only, 'alpha': alpha, 'keep_dimensions': choice.keep_dimensions,
    }  # fmt: skip
    sources = _files(Path(text), choice.globber) if folder else text
    try:
        try:
            found = _read(sources, options, mapped=choice.mapped)
        except MissingSliceError:
            if choice.validate_series:
                raise
            found = read(sources, 'auto', options | {'missing': 'drop'})
    except CannotSort as error:
        if not folder:
            raise
        remedy = '; or give validate_series=False' if isinstance(error, MissingSliceError) else ''
        raise InconsistentSeriesError(f'{error}{remedy}') from error
    except UnknownInputError as error:
        if not folder:
            raise
        raise InputNotFoundError(f'there is no image in {text}: {error}') from error
    if not folder:
        return _counted(_only(text, found, None))
    uids: Iterable[str] = {data.identity.uid for data in found}
    uid = parse_series_uids(text, uids, choice.series, choice.globber)
    data = _only(text, [d for d in found if d.identity.uid == uid], choice)
    return _counted(_checked(text, data, choice))


def _read(sources: Any, options: dict[str, Any], *, mapped: bool) -> list[SeriesData]:
    if mapped and not options['headers_only']:
        try:
            return list(read(sources, 'auto', options | {'mmap': 'c'}))
        except DataTypeError:
            pass  # compressed, scaled, or on a server
    return list(read(sources, 'auto', options))


def _counted(data: SeriesData) -> SeriesData:
    """Return an image with the dimensions that ITK gives it: DICOM has slices, a picture has none."""
    header, array = data.header, data.array
    kind = header.attributes.get('input_format')
    if kind == 'dicom' and 'slice' not in header.dims:
        header = replace(header, dims=(*header.tag_dims, *SPATIAL))
        array = array[..., np.newaxis, :, :] if array.ndim else array
    elif kind == 'pillow' and 'slice' in header.dims and header.geometry and header.geometry.shape[0] == 1:
        header = replace(header, dims=(*header.tag_dims, *SPATIAL[1:]))
        array = array[..., 0, :, :] if array.ndim else array
    return SeriesData(array, header, data.identity)


def _files(folder: Path, globber: str) -> list[str]:
    files = sorted(str(path) for path in folder.glob(globber) if path.is_file())
    if not files:
        raise InputNotFoundError(f'there is no file in {folder} ({globber}): name a folder with images')
    return files


def _only(name: str, found: Sequence[SeriesData], choice: Choice | None) -> SeriesData:
    """Return the one volume of a series, or the largest where that is wanted."""
    if len(found) == 1:
        return found[0]
    if choice is not None and choice.keep_dominant_geometry:
        return max(found, key=lambda data: len(data.header.images.ids.ravel()) if data.header.images else 0)
    raise InconsistentSeriesError(
        f'{name} holds {len(found)} volumes that differ in direction, spacing or matrix: name the files '
        'of one, or take the largest with keep_dominant_geometry=True'
    )


def _checked(name: str, data: SeriesData, choice: Choice) -> SeriesData:
    geometry = data.header.geometry
    if choice.validate_series and geometry is not None and not _is_even(geometry):
        raise InconsistentSeriesError(
            f'the slices of {name} are not evenly spaced: give validate_series=False for their mean '
            'spacing, or read them with imagedata.Series, which keeps the place of each'
        )
    return data


def _is_even(geometry: Geometry) -> bool:
    """Return whether all gaps are within 1 % of the middle one, which medio takes for even."""
    gaps = np.linalg.norm(np.diff(geometry.slice_positions, axis=0), axis=1)
    return geometry.is_uniform or bool(np.abs(gaps - np.median(gaps)).max() <= 0.01 * np.median(gaps))
