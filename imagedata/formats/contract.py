"""What a format plugin is: a small class with a name, extensions, `read` and `write`.

A plugin is found by an entry point in the group `imagedata_plugins`. It deals in plain values
(`SeriesData`: an array and a `Header`) and never imports `Series`. Its module must be cheap to
import: import heavy libraries in the functions that use them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Protocol

import numpy as np

from ..header import Header, SeriesData

__all__ = ['Format', 'ReadRequest', 'ReadResult', 'Source', 'WriteRequest', 'natural_image']


@dataclass(frozen=True, slots=True)
class Source:
    """One file to read.

    Parameters
    ----------
    name : str
        What messages call it: its path or URL.
    path : Path
        Where it is on the local disk.
    """

    name: str
    path: Path

    def open(self) -> BinaryIO:
        """Open the file for reading bytes."""
        return self.path.open('rb')


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """How the user wants it read.

    Parameters
    ----------
    order : str
        'auto', 'none', or names of sort criteria separated by commas.
    options : mapping
        Further options, by name: `dtype`, `headers_only`, and those of one format.
    """

    order: str = 'auto'
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What a plugin made of the sources.

    Parameters
    ----------
    series : sequence of SeriesData
    left : sequence of (Source, str)
        Sources that are not of this format, each with the reason, for the next plugin.
    """

    series: Sequence[SeriesData]
    left: Sequence[tuple[Source, str]] = ()


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """How, and in what, a Series is to be written.

    Parameters
    ----------
    folder : Path
        An existing empty folder to write into: staging, whose files are moved into place
        together when all are written. No file is to be written elsewhere.
    filename : str or None
        Name that the user gave the file; None: the plugin chooses names.
    options : mapping
        Further options, by name.
    """

    folder: Path
    filename: str | None
    options: Mapping[str, Any] = field(default_factory=dict)


class Format(Protocol):
    """A format plugin.

    `read` raises an `ImagedataError` for a file that is of its format and cannot be read: no
    other plugin is tried on it then. `write` gets an array of dimensions (tags..., slice, row,
    column), whatever the user's array was, and returns the paths that it wrote, relative to
    `request.folder`.
    """

    plugin_type: ClassVar[str]
    name: ClassVar[str]
    description: ClassVar[str]
    extensions: ClassVar[tuple[str, ...]]
    single_file: ClassVar[bool]

    def read(self, sources: Sequence[Source], request: ReadRequest) -> ReadResult:
        """Read the series in `sources`."""
        ...

    def wrote(self, path: Path) -> bool:
        """Return whether a file was written by this plugin before, and may be replaced."""
        ...

    def write(self, data: SeriesData, request: WriteRequest) -> list[str]:
        """Write a series, and return the relative paths of the files."""
        ...


def natural_image(data: SeriesData) -> SeriesData:
    """Return the data with dimensions (tags..., slice, row, column), as formats write them.

    A spatial dimension that the array does not have gets length 1.

    Raises
    ------
    WriteNotImplemented
        When the array has no rows and columns.
    """
    from dataclasses import replace

    from ..axis import SPATIAL
    from ..errors import WriteNotImplemented
    from ..indexing import canonical_order

    header = data.header
    if 'row' not in header.dims and 'column' not in header.dims:
        raise WriteNotImplemented(
            f'an image needs rows and columns; this array of shape {data.array.shape} has the '
            f'dimensions {", ".join(header.dims) or "none"}: assign series.axes to name them'
        )
    order = canonical_order(header.dims)
    array = np.transpose(data.array, order)
    tags = header.tag_dims
    for at, name in enumerate(SPATIAL):
        if name not in header.dims:
            array = np.expand_dims(array, len(tags) + at)
    natural: Header = replace(header, dims=(*tags, *SPATIAL))
    return SeriesData(array, natural, data.identity)
