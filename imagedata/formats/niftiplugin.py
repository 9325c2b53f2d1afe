"""The NIfTI format plugin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..header import SeriesData
from .contract import ReadRequest, ReadResult, Source, WriteRequest

__all__ = ['NiftiPlugin']


class NiftiPlugin:
    """NIfTI-1 files."""

    plugin_type: ClassVar[str] = 'format'
    name: ClassVar[str] = 'nifti'
    description: ClassVar[str] = 'NIfTI files'
    extensions: ClassVar[tuple[str, ...]] = ('.nii.gz', '.nii')
    single_file: ClassVar[bool] = True

    def read(self, sources: Sequence[Source], request: ReadRequest) -> ReadResult:
        raise NotImplementedError

    def write(self, data: SeriesData, request: WriteRequest) -> list[str]:
        raise NotImplementedError
