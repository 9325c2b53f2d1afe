"""Formats of plain images: their first bytes, their extensions, and the types that they hold."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ['KINDS', 'Kind', 'kind_of', 'kind_of_name']


@dataclass(frozen=True)
class Kind:
    """One format.

    Parameters
    ----------
    name : str
        As Pillow calls it.
    extensions : tuple of str
    types : tuple of str
        Grey values that it stores exactly; all but GIF store colour too.
    pages : bool
        Whether a file holds several images.
    """

    name: str
    extensions: tuple[str, ...]
    types: tuple[str, ...]
    pages: bool = False


KINDS = (
    Kind('TIFF', ('.tif', '.tiff'), ('bool', 'uint8', 'uint16', 'int32', 'float32'), pages=True),
    Kind('PNG', ('.png',), ('bool', 'uint8', 'uint16')),
    Kind('JPEG', ('.jpg', '.jpeg'), ('uint8',)),
    Kind('BMP', ('.bmp',), ('bool', 'uint8')),
    Kind('GIF', ('.gif',), ('uint8',), pages=True),
    Kind('WEBP', ('.webp',), ('uint8',), pages=True),
    Kind('JPEG2000', ('.jp2', '.j2k'), ('uint8', 'uint16')),
)


def kind_of(head: bytes) -> Kind | None:
    """Return the format of a file by its first bytes, None where it is none of these."""
    starts = {
        'TIFF': (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+'),
        'PNG': (b'\x89PNG\r\n\x1a\n',),
        'JPEG': (b'\xff\xd8\xff',),
        'GIF': (b'GIF87a', b'GIF89a'),
        'JPEG2000': (b'\0\0\0\x0cjP  \r\n\x87\n', b'\xff\x4f\xff\x51'),
    }
    found = next((name for name, words in starts.items() if head.startswith(words)), None)
    if found is None and head[:4] == b'RIFF' and head[8:12] == b'WEBP':
        found = 'WEBP'
    # Two letters are little: the size of the header behind them is one of Microsoft's.
    header_size = int.from_bytes(head[14:18], 'little')
    if found is None and head[:2] == b'BM' and header_size in (12, 40, 52, 56, 64, 108, 124):
        found = 'BMP'
    return next((kind for kind in KINDS if kind.name == found), None)


def kind_of_name(name: str) -> Kind | None:
    """Return the format that a file name tells."""
    lower = name.lower()
    return next((kind for kind in KINDS if lower.endswith(kind.extensions)), None)
