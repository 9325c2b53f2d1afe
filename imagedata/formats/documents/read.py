"""Pages of a document to one array."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...axis import SPATIAL
from ...conversion import converted
from ...errors import CorruptFileError, DataTypeError, NotImageError
from ...header import Identity, SeriesData
from ..contract import ReadRequest, ReadResult, Source
from ..described import RGB, assumed_geometry, new_header, tag_axes

__all__ = ['MOST_PIXELS', 'REMEDY', 'check_pixels', 'kind_of', 'read_sources']

MOST_PIXELS = 1 << 28
"""Pixels of all pages that are drawn: 768 MiB of colour."""

REMEDY = 'it is truncated or damaged: get it again from where it came from'


def kind_of(head: bytes) -> str | None:
    """Return 'PDF' or 'PostScript' by the first bytes of a file, None for others.

    A PDF header may stand anywhere in the first kB (ISO 32000-1, implementation note 13 of
    Adobe's reference); an EPS file may begin with the place of its PostScript part (EPSF 3.0).
    """
    if b'%PDF-' in head[:1024] and not head.startswith(b'%!PS'):
        return 'PDF'
    if head.startswith((b'%!', b'\x04%!', b'\xc5\xd0\xd3\xc6')):
        return 'PostScript'
    return None


def read_sources(sources: Sequence[Source], request: ReadRequest) -> ReadResult:
    """Read each document; see `DocumentPlugin.read`."""
    series = []
    left = []
    for source in sources:
        with source.open() as file:
            kind = kind_of(file.read(1024))
        if kind is None and source.basename.lower().endswith(('.pdf', '.ps', '.eps')):
            raise CorruptFileError(
                f'{source.name}: the name says that it is a document, and it begins otherwise; {REMEDY}'
            )
        if kind is None:
            left.append((source, 'no document'))
            continue
        series.append(_series(source, kind, request))
    return ReadResult(series, left)


def _series(source: Source, kind: str, request: ReadRequest) -> SeriesData:
    from .pdf import draw as draw_pdf
    from .postscript import draw as draw_postscript

    dpi = _dpi(request.options.get('dpi', 150))
    wanted = request.options.get('pages')
    draw = draw_pdf if kind == 'PDF' else draw_postscript
    pages = draw(source, dpi, _chosen(wanted), request.options)
    sizes = {page.shape[:2] for page in pages}
    if len(sizes) > 1:
        listed = ', '.join(f'{r} x {c}' for r, c in sorted(sizes))
        raise NotImageError(
            f'{source.name} holds no image of one size: its pages have {listed} rows and columns at '
            f"{dpi:g} dpi; choose pages of one size with pages='1' or pages='2-5'"
        )
    rows, columns = sizes.pop()
    array: NDArray[Any] = np.empty((), dtype=object)
    if not request.options.get('headers_only'):
        array = np.stack([np.ascontiguousarray(page).view(RGB)[..., 0] for page in pages])
        if request.options.get('dtype') is not None:
            array = converted(array, np.dtype(request.options['dtype']), DataTypeError)
    tag_axes(request.order, [], None, [], source.name)
    geometry = assumed_geometry([1, 25.4 / dpi, 25.4 / dpi], (len(pages), rows, columns))
    line = f'{source.name}: {kind}, pages {wanted or "all"}, drawn at {dpi:g} dpi; slices are pages'
    return SeriesData(array, new_header([], SPATIAL, geometry, 'document', [line]), Identity())


def _dpi(value: Any) -> float:
    try:
        dpi = float(value)
    except (TypeError, ValueError):
        dpi = 0
    if not 1 <= dpi <= 10_000:
        raise NotImageError(f'dpi={value!r} draws no image: give dots per inch, 1 to 10000')
    return dpi


def _chosen(wanted: Any) -> list[int] | None:
    """Return page numbers, counted from 1; None for all."""
    if wanted is None:
        return None
    if isinstance(wanted, (list, tuple, range)) and all(isinstance(n, int) and n > 0 for n in wanted):
        return list(wanted)
    pages: list[int] = []
    for part in str(wanted).split(','):
        match = re.fullmatch(r'\s*(\d{1,6})\s*(?:-\s*(\d{1,6}))?\s*', part)
        if match is None or int(match[1]) < 1 or int(match[2] or match[1]) < int(match[1]):
            raise NotImageError(f"pages={wanted!r} names no page: give numbers from 1, as '2' or '1-3,7'")
        pages += range(int(match[1]), int(match[2] or match[1]) + 1)
    return pages


def check_pixels(sizes: Sequence[tuple[float, float]], dpi: float, source: Source) -> None:
    """Refuse pages that are too large to draw.

    Parameters
    ----------
    sizes : sequence of (float, float)
        Width and height of each page in points (1/72 inch).
    dpi : float
    source : Source
    """
    pixels = sum((width * dpi / 72 + 1) * (height * dpi / 72 + 1) for width, height in sizes)
    if not pixels <= MOST_PIXELS:
        raise CorruptFileError(
            f'{source.name}: its {len(sizes)} pages would be {pixels:.3g} pixels at {dpi:g} dpi, more than '
            f'{MOST_PIXELS}: lower dpi=, or choose fewer pages='
        )
