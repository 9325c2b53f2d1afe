"""Drawing PDF pages with pypdfium2. No script in a document is run, no link is followed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import CorruptFileError, NotImageError
from ..contract import Source, require
from .read import REMEDY, check_pixels

__all__ = ['draw']


def draw(
    source: Source, dpi: float, wanted: Sequence[int] | None, options: Mapping[str, Any]
) -> list[NDArray[np.uint8]]:
    """Return the pages as (rows, columns, 3) arrays, white where nothing is drawn.

    With the option `headers_only`, they are empty.
    """
    pdfium: Any = require('pypdfium2', 'imagedata[documents]', 'PDF documents')
    with source.open() as file:
        content = file.read()
    try:
        document = pdfium.PdfDocument(content)
    except pdfium.PdfiumError as error:
        hint = 'save it without its password' if 'assword' in str(error) else REMEDY
        raise CorruptFileError(f'{source.name} cannot be read as PDF ({error}); {hint}') from error
    try:
        numbers = list(wanted) if wanted is not None else list(range(1, len(document) + 1))
        if not numbers or max(numbers) > len(document):
            raise NotImageError(f'{source.name} holds no image of page {max(numbers, default=1)}: '
                                f'it has {len(document)} pages')  # fmt: skip
        sizes = [document.get_page_size(number - 1) for number in numbers]
        check_pixels(sizes, dpi, source)
        if options.get('headers_only'):
            return [_blank(size, dpi) for size in sizes]
        return [_drawn(document, number - 1, dpi) for number in numbers]
    except pdfium.PdfiumError as error:
        raise CorruptFileError(f'{source.name} cannot be read as PDF ({error}); {REMEDY}') from error
    finally:
        document.close()


def _blank(size: tuple[float, float], dpi: float) -> NDArray[np.uint8]:
    rows, columns = (int(np.ceil(length * dpi / 72)) for length in size[::-1])
    return np.broadcast_to(np.uint8(255), (rows, columns, 3))


def _drawn(document: Any, index: int, dpi: float) -> NDArray[np.uint8]:
    page = document[index]
    bitmap = page.render(scale=dpi / 72, rev_byteorder=True, fill_color=(255, 255, 255, 255))
    try:
        values = bitmap.to_numpy()
        values = values[..., :3] if values.ndim == 3 else values[..., np.newaxis].repeat(3, axis=-1)
        return np.array(values, dtype=np.uint8)
    finally:
        bitmap.close()
        page.close()
