"""The plugin for documents: PDF and PostScript, as pictures of their pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

from .contract import Capabilities, Format, ReadRequest, ReadResult, Source

__all__ = ['DocumentPlugin']


class DocumentPlugin(Format):
    """PDF, drawn by pypdfium2, and PostScript, drawn by the program Ghostscript; read only.

    Each page becomes one colour picture; the pages are the slices of the series.
    """

    name: ClassVar[str] = 'document'
    description: ClassVar[str] = 'Pages of PDF and PostScript documents (read only)'
    extensions: ClassVar[tuple[str, ...]] = ('.pdf', '.ps', '.eps')
    single_file: ClassVar[bool] = True
    options: ClassVar[tuple[str, ...]] = ('dpi', 'pages')
    capabilities: ClassVar[Capabilities] = Capabilities(writes=False, dimensions=3, dtypes=('uint8',))
    requires: ClassVar[Mapping[str, str]] = MappingProxyType({'pypdfium2': 'imagedata[documents]'})

    def identifies(self, name: str, head: bytes) -> bool:
        """Return whether the file begins as PDF or PostScript (or EPS with a preview) does."""
        from .documents.read import kind_of

        return kind_of(head) is not None

    def read(self, sources: Sequence[Source], request: ReadRequest) -> ReadResult:
        """Read one series from each document.

        Parameters
        ----------
        sources : sequence of Source
        request : ReadRequest
            Options: `dpi` (150), `pages` ('2', '1-3,7'; counted from 1; all when not given),
            `timeout` of Ghostscript in s (60); `headers_only` draws nothing of PDF.

        Raises
        ------
        CorruptFileError
            When a document is damaged or encrypted, its pages are too large to draw, or drawing
            takes too long.
        NotImageError
            When its pages differ in size and no choice is made.
        MissingDependencyError
            When pypdfium2 or Ghostscript is not installed.
        """
        from .documents.read import read_sources

        return read_sources(sources, request)
