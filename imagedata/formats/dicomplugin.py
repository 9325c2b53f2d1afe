"""The DICOM format plugin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ..header import SeriesData
from .contract import Format, Made, ReadRequest, ReadResult, Source, WriteRequest

__all__ = ['DICOMPlugin']


class DICOMPlugin(Format):
    """DICOM files (PS3.10): reads single- and multi-frame images and mosaics, writes single-frame ones."""

    plugin_type: ClassVar[str] = 'format'
    name: ClassVar[str] = 'dicom'
    description: ClassVar[str] = 'DICOM files'
    extensions: ClassVar[tuple[str, ...]] = ('.dcm', '.dicom', '.ima')
    single_file: ClassVar[bool] = False
    options: ClassVar[tuple[str, ...]] = (
        'accept_duplicate_tag', 'accept_uneven_slices', 'auto_sort', 'bits', 'correct_acq',
        'dir_cosine_tolerance', 'ignore_series_uid', 'input_acquisition', 'input_echo', 'input_serinsuid',
        'input_stack', 'keep_uid', 'missing', 'mmap', 'output_dir', 'output_sort', 'scaling',
        'slice_tolerance', 'sort_on_slice_location', 'split_acquisitions', 'split_echo_numbers', 'suv',
        'transfer_syntax', 'uid_seed', 'window',
    )  # fmt: skip

    def identifies(self, name: str, head: bytes) -> bool:
        """Return whether a file has the prefix of PS3.10. `read` also knows older files without it."""
        return head[128:132] == b'DICM'

    def read(self, sources: Sequence[Source], request: ReadRequest) -> ReadResult:
        """Read the DICOM series in `sources`; files that are not DICOM are left."""
        from .dicom.read import read

        return read(sources, request)

    def wrote(self, path: Path) -> bool:
        """Return whether a file was written by this plugin before, and may be replaced."""
        from .dicom.serialize import IMPLEMENTATION_VERSION_NAME

        with path.open('rb') as file:
            return IMPLEMENTATION_VERSION_NAME.encode() in file.read(1024)

    def write(self, data: SeriesData, request: WriteRequest) -> list[str]:
        """Write one file an image, and return their paths relative to the folder."""
        from .dicom.gaps import warn_of_gaps
        from .dicom.write import write

        warn_of_gaps(data.header)
        return write(data, request)

    def made(self, data: SeriesData, options: Mapping[str, Any]) -> Sequence[Made]:
        """Return the files of the images, each encoded when it is asked for."""
        from .dicom.gaps import warn_of_gaps
        from .dicom.write import made

        warn_of_gaps(data.header)
        return made(data, options)
