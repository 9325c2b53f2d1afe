"""Writing a series as DICOM: one file an image, or one of all frames where the object is such.

What stands in a file is made by `compose`, its bytes by `serialize`, and those of many alike by `stencils`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ...errors import WriteError
from ...header import SeriesData
from ...progress import tracked
from ..contract import WriteRequest
from .bundle import bundled
from .compose import Composer
from .names import file_names
from .serialize import Serializer
from .stencils import Stencils

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['write']

_ENCODING_ERRORS = (
    ValueError, TypeError, NotImplementedError, AttributeError, KeyError, OSError,
)  # fmt: skip
"""What pydicom raises for a value that its VR cannot hold. No disk is touched there."""

_CHOICES: Mapping[str, tuple[Any, ...]] = {
    'keep_uid': (False, True),
    'window': (None, 'original'),
    # Those of reading may stand in the same options, and mean nothing here.
    'scaling': (None, 'series', 'image', 'rescale', 'stored', 'real_world', 'philips'),
    'bits': (None, 16, 32),
}
"""Options of few values."""


def write(data: SeriesData, request: WriteRequest) -> list[str]:
    """Write a series, and return the paths of its files relative to the folder.

    Parameters
    ----------
    data : SeriesData
        Of dimensions (tags..., slice, row, column).
    request : WriteRequest
        Options: `keep_uid` (False: a new series of new images), `uid_seed` (new UIDs follow from
        it and from the content), `window` ('original': as in the source), `scaling` ('series'
        or 'image': reach of slope and intercept where values must be scaled), `bits` (16 or 32:
        most bits allocated), `transfer_syntax` ('explicit', 'rle', 'jpeg-ls', 'jpeg2000' or its
        UID), `output_sort`, `output_dir`.

    Raises
    ------
    WriteError
        When an option has a value that it cannot have, the series does not fit the names, or
        an attribute does not fit DICOM.
    WriteNotImplemented
        For values that DICOM images do not hold.
    """
    _check(request.options)
    with warnings.catch_warnings():
        # What pydicom finds odd in the source's own values is the source's.
        warnings.filterwarnings('ignore', module='pydicom')
        return _write(data, request)


def _check(options: Mapping[str, Any]) -> None:
    for name, choices in _CHOICES.items():
        if options.get(name) not in choices and name in options:
            wanted = ', '.join(repr(c) for c in choices[:3] if c is not None)
            raise WriteError(f'{name}= is one of {wanted}; got {options[name]!r}')
    if options.get('keep_uid') and options.get('uid_seed') is not None:
        raise WriteError('keep_uid=True keeps the UIDs, and uid_seed= makes new ones: give one of them')


def _write(data: SeriesData, request: WriteRequest) -> list[str]:
    series = Composer(data, request.options)
    serializer = Serializer(series.common.values(), series.frames.syntax)
    dims = (*data.header.tag_dims, 'slice')
    if series.in_one_file:
        names = file_names(request.filename, ('slice',), (1,), request.options)
        _put(request, names[0], [_content(series, serializer, None)])
        return names
    names = file_names(request.filename, dims, series.counts, request.options)
    stencils = Stencils(series, serializer)
    for below in {name.rpartition('/')[0] for name in names}:
        (request.folder / below).mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(tracked(names, 'Writing')):
        _put(request, name, _parts(series, serializer, stencils, number))
    return names


def _parts(
    series: Composer, serializer: Serializer, stencils: Stencils, number: int
) -> list[bytes | memoryview]:
    """Return the file of one image, in parts that follow each other."""
    try:
        around = stencils.header(number)
    except _ENCODING_ERRORS:
        around = None  # making the image by itself tells what is wrong with it
    if around is None:
        return [_content(series, serializer, number)]
    before, behind = around
    return [before, *serializer.pixels(series.pixel_vr, series.pixel_value([number])), behind]


def _content(series: Composer, serializer: Serializer, number: int | None) -> bytes:
    """Return the file of one image, or, where `number` is None, of all of them."""
    dataset: Dataset = bundled(series) if number is None else series.image(number)
    pixels = series.pixels(range(len(series.indices)) if number is None else [number])
    dataset[pixels.tag] = pixels
    try:
        return serializer.file(dataset)
    except _ENCODING_ERRORS as error:
        reason = ' '.join(str(error).split())
        called = 'the series' if number is None else series.called(number)
        raise WriteError(
            f'{called} cannot be encoded as DICOM: {reason}; the attribute named there '
            'can be set, or left out (None), with setDicomAttribute'
        ) from error


def _put(request: WriteRequest, name: str, parts: Iterable[bytes | memoryview]) -> None:
    with open(request.folder / name, 'wb') as file:
        file.writelines(parts)
