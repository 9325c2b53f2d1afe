"""The plugin for plain image files, through Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..header import SeriesData
from .contract import Capabilities, Format, ReadRequest, ReadResult, Source, WriteRequest

__all__ = ['PillowPlugin']


class PillowPlugin(Format):
    """TIFF, PNG, JPEG, BMP, GIF, WebP and JPEG 2000 files: a picture, or pages of one size.

    The pictures of one folder that have one size and kind are the slices of a stack, in the order of their
    names, where `slice10` follows `slice9`. A resolution becomes the spacing of rows and columns.
    """

    name: ClassVar[str] = 'pillow'
    description: ClassVar[str] = 'Plain image files, such as TIFF, PNG and JPEG'
    extensions: ClassVar[tuple[str, ...]] = (
        '.tif', '.tiff', '.png', '.jpg', '.jpeg', '.bmp', '.gif', '.webp', '.jp2', '.j2k',
    )  # fmt: skip
    single_file: ClassVar[bool] = True
    one_image: ClassVar[tuple[str, ...]] = ('.png', '.jpg', '.jpeg', '.bmp', '.jp2', '.j2k')
    options: ClassVar[tuple[str, ...]] = ('compression', 'quality', 'window')
    capabilities: ClassVar[Capabilities] = Capabilities(
        dtypes=('bool', 'uint8', 'uint16', 'int32', 'float32'), geometry=False
    )

    def identifies(self, name: str, head: bytes) -> bool:
        """Return whether the file begins as one of these formats does."""
        from .pictures.kinds import kind_of

        return kind_of(head) is not None

    def read(self, sources: Sequence[Source], request: ReadRequest) -> ReadResult:
        """Read the pictures: each file of several pages, and the others by folder and size.

        Parameters
        ----------
        sources : sequence of Source
        request : ReadRequest
            Options: `dtype`, `headers_only`.

        Raises
        ------
        CorruptFileError
            When a file is truncated or damaged, or claims more pixels than Pillow's limit.

        Warns
        -----
        ImagedataWarning
            When orientation, transparency, or bits beyond the eighth of a colour, are left out.
        """
        from .pictures.read import read_sources

        return read_sources(sources, request)

    def write(self, data: SeriesData, request: WriteRequest) -> list[str]:
        """Write pages of one TIFF file, frames of a GIF or WebP file, or one file an image.

        Parameters
        ----------
        data : SeriesData
        request : WriteRequest
            The file name of several images in a format of one has a placeholder:
            `x_{:05d}.png`. Options: `window`, (center, width), 'original' or 'full', for grey
            levels from 0 to 255; `compression`; `quality` of JPEG.

        Raises
        ------
        WriteNotImplemented
            When the format cannot hold the values; the message says what would.
        """
        from .pictures.write import write_files

        return write_files(data, request)
