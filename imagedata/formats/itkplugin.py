"""The plugin for the formats of ITK, through SimpleITK."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..header import SeriesData
from .contract import Capabilities, Format, ReadRequest, ReadResult, Source, WriteRequest

__all__ = ['ITKPlugin']


class ITKPlugin(Format):
    """MetaImage, NRRD, VTK, MRC, GIPL and ITK's HDF5, read and written; BioRad, Stimulate and LSM read.

    Places in these files are LPS in mm, as here. `imagedata.formats.itk.kinds` lists what each of
    the formats is known by and can hold.
    """

    name: ClassVar[str] = 'itk'
    description: ClassVar[str] = 'MetaImage, NRRD, VTK, MRC, GIPL and others, through SimpleITK'
    extensions: ClassVar[tuple[str, ...]] = (
        '.mha', '.mhd', '.nrrd', '.nhdr', '.vtk', '.mrc', '.gipl.gz', '.gipl', '.h5', '.hdf5', '.pic',
        '.spr', '.lsm',
    )  # fmt: skip
    single_file: ClassVar[bool] = True
    options: ClassVar[tuple[str, ...]] = ('compression', 'mmap')
    capabilities: ClassVar[Capabilities] = Capabilities(
        dimensions=6,
        dtypes=('uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'uint64', 'int64', 'float32',
                'float64', 'complex64', 'complex128'),
    )

    def identifies(self, name: str, head: bytes) -> bool:
        """Return whether the file begins as one of these formats does."""
        from .itk.kinds import kind_of

        return kind_of(name, head) is not None

    def read(self, sources: Sequence[Source], request: ReadRequest) -> ReadResult:
        """Read one series from each file.

        Parameters
        ----------
        sources : sequence of Source
        request : ReadRequest
            `order` names the dimension after the third; 'auto' takes the names that imagedata
            stored, else 'time'. Options: `dtype`, `headers_only`, `mmap` (MetaImage; see `itk.mapped`).

        Raises
        ------
        CorruptFileError
            When a file is truncated or contradicts itself, or names voxel files that are not
            in its folder.
        """
        from .itk.read import read_sources

        return read_sources(sources, request)

    def write(self, data: SeriesData, request: WriteRequest) -> list[str]:
        """Write a series to one file, and a file of voxels beside a header (`.mhd`, `.nhdr`).

        Parameters
        ----------
        data : SeriesData
            An axis 'component' becomes the components of a voxel.
        request : WriteRequest
            Without a file name, it is 'Image.mha'. Option: `compression`.

        Raises
        ------
        WriteNotImplemented
            When the format cannot hold the values or the dimensions.

        Warns
        -----
        LossWarning
            When it cannot hold the place, the values of axes or the metadata; each is named.
        """
        from .itk.write import write_file

        return write_file(data, request)
