"""Writing a series as DICOM: one file an image, or one of all frames where the object is such.

What stands in a file is made by `compose`, its bytes by `serialize`, and those of many alike by `stencils`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

from ...errors import WriteError
from ...header import SeriesData
from ...progress import tracked
from ..contract import Made, WriteRequest
from .bundle import bundled
from .compose import Composer
from .names import file_names
from .serialize import Serializer
from .stencils import Stencils

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['made', 'write']

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
    with _of_sources():
        files = _Files(data, request.options, request.filename)
        for below in {name.rpartition('/')[0] for name in files.names}:
            (request.folder / below).mkdir(parents=True, exist_ok=True)
        for number, name in enumerate(tracked(files.names, 'Writing')):
            _put(request, name, files.parts(number))
    return files.names


def made(data: SeriesData, options: Mapping[str, Any]) -> list[Made]:
    """Return the files of a series without writing them, each encoded when it is asked for.

    Every header is made once before, so that a series whose attributes do not fit DICOM is an
    error before a part of it is sent. So is one of values that the transfer syntax does not hold.

    Parameters
    ----------
    data, options
        As `write` has them.

    Raises
    ------
    WriteError, WriteNotImplemented
    """
    with _of_sources():
        files = _Files(data, options, None)
        for number in range(len(files.names)):
            files.head(number)
        if not files.in_one_file:
            files.parts(0)
    return [
        Made(name, partial(_opened, files, number), partial(_joined, files, number))
        for number, name in enumerate(files.names)
    ]


def _opened(files: _Files, number: int) -> BinaryIO:
    with _of_sources():
        return BytesIO(files.head(number))


def _joined(files: _Files, number: int) -> bytes:
    with _of_sources():
        return b''.join(files.parts(number))


@contextmanager
def _of_sources() -> Iterator[None]:
    """Keep quiet of what pydicom finds odd in the source's own values: it is the source's."""
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', module='pydicom')
        yield


def _check(options: Mapping[str, Any]) -> None:
    for name, choices in _CHOICES.items():
        if options.get(name) not in choices and name in options:
            wanted = ', '.join(repr(c) for c in choices[:3] if c is not None)
            raise WriteError(f'{name}= is one of {wanted}; got {options[name]!r}')
    if options.get('keep_uid') and options.get('uid_seed') is not None:
        raise WriteError('keep_uid=True keeps the UIDs, and uid_seed= makes new ones: give one of them')


class _Files:
    """The files of one series: what they are called, and what stands in each.

    Parameters
    ----------
    data, options
        As `write` has them.
    filename : str or None
        Name that the user gave.
    """

    def __init__(self, data: SeriesData, options: Mapping[str, Any], filename: str | None) -> None:
        _check(options)
        series = Composer(data, options)
        self._series = series
        self._serializer = Serializer(series.common.values(), series.frames.syntax)
        self._stencils = Stencils(series, self._serializer)
        self.in_one_file = series.in_one_file
        dims: tuple[str, ...] = (*data.header.tag_dims, 'slice')
        counts = series.counts
        if series.in_one_file:
            dims, counts = ('slice',), (1,)
        self.names = file_names(filename, dims, counts, options)

    def parts(self, number: int) -> list[bytes | memoryview]:
        """Return one file, in parts that follow each other."""
        around = self._around(number)
        if around is None:
            return [self._whole(number, with_pixels=True)]
        before, behind = around
        series = self._series
        return [before, *self._serializer.pixels(series.pixel_vr, series.pixel_value([number])), behind]

    def head(self, number: int) -> bytes:
        """Return one file up to its pixels, or without these."""
        around = self._around(number)
        return self._whole(number, with_pixels=False) if around is None else around[0]

    def _around(self, number: int) -> tuple[bytes, bytes] | None:
        """Return what stands before and behind the pixels; None: it has to be made by itself."""
        if self.in_one_file:
            return None
        try:
            return self._stencils.header(number)
        except _ENCODING_ERRORS:
            return None  # making the image by itself tells what is wrong with it

    def _whole(self, number: int, *, with_pixels: bool) -> bytes:
        series = self._series
        dataset: Dataset = bundled(series) if self.in_one_file else series.image(number)
        if with_pixels:
            pixels = series.pixels(range(len(series.indices)) if self.in_one_file else [number])
            dataset[pixels.tag] = pixels
        try:
            return self._serializer.file(dataset)
        except _ENCODING_ERRORS as error:
            reason = ' '.join(str(error).split())
            called = 'the series' if self.in_one_file else series.called(number)
            raise WriteError(
                f'{called} cannot be encoded as DICOM: {reason}; the attribute named there '
                'can be set, or left out (None), with setDicomAttribute'
            ) from error


def _put(request: WriteRequest, name: str, parts: Iterable[bytes | memoryview]) -> None:
    with open(request.folder / name, 'wb') as file:
        file.writelines(parts)
