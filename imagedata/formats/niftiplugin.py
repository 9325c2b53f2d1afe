"""The NIfTI format plugin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar
from zlib import decompressobj
from zlib import error as zlib_error

from ..header import SeriesData
from .contract import Format, ReadRequest, ReadResult, Source, WriteRequest

__all__ = ['NiftiPlugin']


class NiftiPlugin(Format):
    """NIfTI files: `.nii`, `.nii.gz`, and `.hdr` with `.img`.

    NIfTI-1 and NIfTI-2 are read and written, NIfTI-2 on request, and where a dimension is longer
    than NIfTI-1 can count (32767). `imagedata.formats.nifti.layout` describes the voxel layout.
    `.bval`, `.bvec` (FSL) and `.json` (BIDS) files beside an image belong to it.
    """

    plugin_type: ClassVar[str] = 'format'
    name: ClassVar[str] = 'nifti'
    description: ClassVar[str] = 'NIfTI files'
    extensions: ClassVar[tuple[str, ...]] = ('.nii.gz', '.nii', '.hdr', '.img', '.hdr.gz', '.img.gz')
    single_file: ClassVar[bool] = True
    options: ClassVar[tuple[str, ...]] = (
        'aux_file', 'compresslevel', 'descrip', 'form', 'intent_code', 'intent_name', 'intent_p', 'mmap',
        'nifti_version', 'qform_code', 'scaling', 'sform_code', 'sidecar',
    )  # fmt: skip

    def identifies(self, name: str, head: bytes) -> bool:
        """Return whether a file, or what is compressed in it, has the magic word of NIfTI-1 or -2."""
        if head[:2] == b'\x1f\x8b':
            try:
                head = decompressobj(31).decompress(head, 348)
            except zlib_error:
                return False
        return head[344:348] in (b'n+1\0', b'ni1\0') or head[4:8] in (b'n+2\0', b'ni2\0')

    def read(self, sources: Sequence[Source], request: ReadRequest) -> ReadResult:
        """Read one series from each NIfTI file.

        Parameters
        ----------
        sources : sequence of Source
        request : ReadRequest
            `order` names the dimensions after the third ('time', 'b', 'time,te'); 'auto' takes
            the names that imagedata stored, else 'b' where a fitting `.bval` file lies beside
            the image, else 'none'. Options: `dtype`, `headers_only`; `form='qform'` (place by
            the qform first), `mmap` (see `nifti.mapped`), `scaling='stored'` (slope and
            intercept left out), `sidecar=False` (the JSON file beside is not read).

        Returns
        -------
        ReadResult
            Files that are not NIfTI are left.

        Raises
        ------
        CorruptFileError
            When a file contradicts itself or is truncated.
        OrderNotFoundError
            When the file does not have as many dimensions as `order` names.
        """
        from .nifti.read import read_sources

        return read_sources(sources, request)

    def companions(self, name: str) -> Sequence[str]:
        """Return the names of the tables of diffusion, and of the JSON file, beside an image."""
        from .nifti.write import stem_of

        return [stem_of(name) + suffix for suffix in ('.bval', '.bvec', '.json')]

    def write(self, data: SeriesData, request: WriteRequest) -> list[str]:
        """Write a series to one file or a pair, compressed when the name ends in '.gz'.

        Parameters
        ----------
        data : SeriesData
            Dimensions (tags..., slice, row, column), four tags at most.
        request : WriteRequest
            Without a file name, it is 'Image.nii.gz'. Options: see `nifti.write`.

        Returns
        -------
        list of str
            The names of the files.

        Raises
        ------
        WriteNotImplemented
            When NIfTI cannot hold the values or the dimensions.

        Warns
        -----
        LossWarning
            When slice positions, times or the type of values are not kept exactly.
        """
        from .nifti.write import write_file

        return write_file(data, request)
