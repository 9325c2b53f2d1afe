"""The plugin for formats of neuroimaging, through nibabel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

from ..header import SeriesData
from .contract import Capabilities, Format, ReadRequest, ReadResult, Source, WriteRequest

__all__ = ['NibabelPlugin']


class NibabelPlugin(Format):
    """FreeSurfer's MGH, read and written; PAR/REC, AFNI, MINC, ANALYZE and ECAT read.

    Values and places are nibabel's; places are turned from RAS to LPS. `imagedata.formats.neuro.kinds`
    lists what each of the formats is known by.
    """

    name: ClassVar[str] = 'nibabel'
    description: ClassVar[str] = 'MGH, PAR/REC, AFNI, MINC, ANALYZE and ECAT, through nibabel'
    extensions: ClassVar[tuple[str, ...]] = (
        '.mgz', '.mgh', '.mgh.gz', '.par', '.rec', '.head', '.brik', '.brik.gz', '.mnc', '.mnc.gz', '.hdr',
        '.img', '.hdr.gz', '.img.gz', '.v',
    )  # fmt: skip
    single_file: ClassVar[bool] = True
    requires: ClassVar[Mapping[str, str]] = MappingProxyType({'h5py': 'imagedata[hdf5]'})
    options: ClassVar[tuple[str, ...]] = ('permit_truncated',)
    capabilities: ClassVar[Capabilities] = Capabilities(
        dimensions=4, dtypes=('uint8', 'int16', 'int32', 'float32'), colour=False
    )

    def identifies(self, name: str, head: bytes) -> bool:
        """Return whether the file begins as one of these does, or as streamlines or surfaces do."""
        from .neuro.kinds import kind_of, no_image

        return kind_of(name, head) is not None or no_image(head) is not None

    def read(self, sources: Sequence[Source], request: ReadRequest) -> ReadResult:
        """Read one series from each file, or header with its voxels.

        Parameters
        ----------
        sources : sequence of Source
        request : ReadRequest
            `order` names the dimensions before the slices; 'auto' takes what the file says.
            Options: `dtype`, `headers_only` (of PAR, HEAD and ANALYZE, the voxels need not be there),
            `permit_truncated` (PAR/REC: the volumes that are complete, as nibabel has them).

        Raises
        ------
        CorruptFileError
            When a file is truncated or contradicts itself, or its voxels are not beside it.
        MissingDependencyError
            When h5py is missing, for MINC 2.

        Warns
        -----
        ImagedataWarning
            When the format does not tell left from right, or something else that nibabel assumes.
        """
        from .neuro.read import read_sources

        return read_sources(sources, request)

    def write(self, data: SeriesData, request: WriteRequest) -> list[str]:
        """Write a series to an MGH file, compressed when its name ends in '.mgz' or '.gz'.

        Parameters
        ----------
        data : SeriesData
            One axis beside slice, row and column at most.
        request : WriteRequest
            Without a file name, it is 'Image.mgz'.

        Raises
        ------
        WriteNotImplemented
            For the other formats, and values that MGH cannot hold.

        Warns
        -----
        LossWarning
            When values are rounded, or something of place and axes is not kept.
        """
        from .neuro.write import write_file

        return write_file(data, request)
