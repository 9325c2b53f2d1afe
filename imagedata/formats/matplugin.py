"""The MATLAB format plugin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..header import SeriesData
from .contract import Capabilities, Format, ReadRequest, ReadResult, Source, WriteRequest

__all__ = ['MatPlugin']


class MatPlugin(Format):
    """MATLAB files: versions 4 to 7 through SciPy, 7.3 (HDF5) through h5py.

    An image has the dimensions (row, column, slice, tags...). `imagedata.formats.mat.layout`
    documents the struct that keeps axes and geometry beside it.
    """

    name: ClassVar[str] = 'mat'
    description: ClassVar[str] = 'MATLAB files'
    extensions: ClassVar[tuple[str, ...]] = ('.mat',)
    single_file: ClassVar[bool] = True
    options: ClassVar[tuple[str, ...]] = ('compression', 'mat_version', 'variable')
    capabilities: ClassVar[Capabilities] = Capabilities(
        dtypes=('bool', 'uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'uint64', 'int64', 'float32',
                'float64', 'complex64', 'complex128')
    )

    def identifies(self, name: str, head: bytes) -> bool:
        """Return whether the file has MATLAB's header of version 5 to 7.3, or is a version 4 file by name."""
        from .mat.layout import version_of

        return version_of(name, head) is not None

    def read(self, sources: Sequence[Source], request: ReadRequest) -> ReadResult:
        """Read one variable of each file.

        Parameters
        ----------
        sources : sequence of Source
        request : ReadRequest
            `order` names the dimensions after the third. Options: `variable`, where a file holds
            several; `dtype`, `headers_only`.

        Raises
        ------
        CorruptFileError
            When a file is truncated or damaged.
        NotImageError
            When it holds no array of numbers, or several and no choice is made.
        MissingDependencyError
            When it is of version 7.3 and h5py is not installed.
        """
        from .mat.read import read_sources

        return read_sources(sources, request)

    def write(self, data: SeriesData, request: WriteRequest) -> list[str]:
        """Write a series to one variable.

        Parameters
        ----------
        data : SeriesData
        request : WriteRequest
            Options: `variable` ('A'), `mat_version` ('7', or '7.3' for variables of 2 GB and
            more), `compression` (True).
        """
        from .mat.write import write_file

        return write_file(data, request)
