"""The NumPy format plugin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..header import SeriesData
from .contract import Capabilities, Format, ReadRequest, ReadResult, Source, WriteRequest

__all__ = ['NumpyPlugin']


class NumpyPlugin(Format):
    """NumPy files: `.npz` with axes and geometry in it, `.npy` with them in a `.json` file beside it.

    Nothing is ever unpickled. `imagedata.formats.described` documents what is beside the values.
    """

    name: ClassVar[str] = 'numpy'
    description: ClassVar[str] = 'NumPy files, with axes and geometry beside the values'
    extensions: ClassVar[tuple[str, ...]] = ('.npz', '.npy')
    single_file: ClassVar[bool] = True
    options: ClassVar[tuple[str, ...]] = ('compression', 'variable')
    capabilities: ClassVar[Capabilities] = Capabilities(
        dtypes=('bool', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64',
                'float16', 'float32', 'float64', 'complex64', 'complex128')
    )

    def identifies(self, name: str, head: bytes) -> bool:
        """Return whether the file is `.npy` by its magic word, or a zip file whose first member is."""
        return head.startswith(b'\x93NUMPY') or (
            head.startswith(b'PK\x03\x04') and name.lower().endswith('.npz')
        )

    def read(self, sources: Sequence[Source], request: ReadRequest) -> ReadResult:
        """Read one array from each file.

        Parameters
        ----------
        sources : sequence of Source
        request : ReadRequest
            `order` names the dimensions before slice, row and column. Options: `variable`, the
            name of the array in an `.npz` file; `dtype`, `headers_only`.

        Raises
        ------
        CorruptFileError
            When a file is truncated, or its header and size disagree.
        NotImageError
            When it holds no array of numbers, or several and no choice is made.
        """
        from .numpyfiles.read import read_sources

        return read_sources(sources, request)

    def write(self, data: SeriesData, request: WriteRequest) -> list[str]:
        """Write a series; `compression=False` leaves an `.npz` file uncompressed."""
        from .numpyfiles.write import write_file

        return write_file(data, request)
