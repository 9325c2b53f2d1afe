"""The plugin: what imagedata needs to know before a file is opened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from imagedata.formats.contract import Capabilities, Format, ReadRequest, ReadResult, Source, WriteRequest
from imagedata.header import SeriesData


class MifPlugin(Format):
    """MRtrix images in one file."""

    name: ClassVar[str] = 'mif'
    description: ClassVar[str] = 'MRtrix images'
    extensions: ClassVar[tuple[str, ...]] = ('.mif',)
    capabilities: ClassVar[Capabilities] = Capabilities(
        dimensions=4,
        dtypes=('int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'float32', 'float64',
                'complex64', 'complex128'),
        colour=False,
    )  # fmt: skip

    # [identifies]
    def identifies(self, name: str, head: bytes) -> bool:
        """Return whether the file begins with the magic line of MRtrix."""
        return head.startswith(b'mrtrix image\n')

    # [read]
    def read(self, sources: Sequence[Source], request: ReadRequest) -> ReadResult:
        """Read one series from each file."""
        from .mif import read_file

        series, left = [], []
        for source in sources:
            with source.open() as file:
                if not self.identifies(source.basename, file.read(16)):
                    left.append((source, 'not MRtrix'))
                    continue
                file.seek(0)
                series.append(read_file(file, source, request))
        return ReadResult(series, left)

    # [write]
    def write(self, data: SeriesData, request: WriteRequest) -> list[str]:
        """Write one file."""
        from .mif import write_file

        name = request.filename or 'Image.mif'
        with (request.folder / name).open('wb') as file:
            write_file(file, data)
        return [name]
