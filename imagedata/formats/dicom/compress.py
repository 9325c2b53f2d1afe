"""Transfer syntaxes that files are written in: uncompressed, or without loss."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import WriteError

__all__ = ['EXPLICIT_LITTLE_ENDIAN', 'Frames', 'transfer_syntax']

EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1'
_RLE = '1.2.840.10008.1.2.5'
_JPEG_LS = '1.2.840.10008.1.2.4.80'
_JPEG_2000 = '1.2.840.10008.1.2.4.90'

_NAMES: Mapping[str, str] = {
    'explicit': EXPLICIT_LITTLE_ENDIAN, 'explicitvrlittleendian': EXPLICIT_LITTLE_ENDIAN,
    'rle': _RLE, 'rlelossless': _RLE,
    'jpegls': _JPEG_LS, 'jpeglslossless': _JPEG_LS,
    'jpeg2000': _JPEG_2000, 'j2k': _JPEG_2000, 'jpeg2000lossless': _JPEG_2000,
}  # fmt: skip
"""Names, as people and pydicom's keywords have them, without spaces and hyphens."""

_WIDEST = 16
"""Bits that compressed images hold (PS3.5 8.2.2, 8.2.3; JPEG 2000: as all decoders read it)."""


def transfer_syntax(given: Any) -> str:
    """Return the UID of a transfer syntax that is written, from its UID, keyword or short name.

    Raises
    ------
    WriteError
        For any other.

    Examples
    --------
    >>> transfer_syntax('RLE')
    '1.2.840.10008.1.2.5'
    """
    text = str(given or 'explicit').strip()
    uid = _NAMES.get(text.lower().replace('-', '').replace(' ', '').replace('_', ''), text)
    if uid not in _NAMES.values():
        raise WriteError(
            f"transfer_syntax={given!r} is none that is written: 'explicit' (explicit VR little endian, the "
            "default), or without loss 'rle', 'jpeg-ls' and 'jpeg2000', or the UID of one of these"
        )
    return uid


class Frames:
    """Makes the value of Pixel Data in one transfer syntax.

    Parameters
    ----------
    syntax : str
        UID of the transfer syntax.
    bits : (int, int, int)
        Bits Allocated, Bits Stored, Pixel Representation.
    """

    def __init__(self, syntax: str, bits: tuple[int, int, int]) -> None:
        self.syntax = syntax
        self._bits = bits
        if self.is_compressed and bits[0] > _WIDEST:
            raise WriteError(
                f'{_called(syntax)} holds {_WIDEST} bits, and these values take {bits[0]}: leave '
                'transfer_syntax out to write them uncompressed, or give bits=16 to scale them'
            )

    @property
    def is_compressed(self) -> bool:
        """Whether the value is encapsulated."""
        return self.syntax != EXPLICIT_LITTLE_ENDIAN

    def value(self, stored: Sequence[NDArray[Any]]) -> bytes | memoryview:
        """Return the value of Pixel Data, of even length, from stored (rows, columns[, 3]) values.

        That of one uncompressed image is the memory of the array itself.
        """
        if not self.is_compressed:
            if len(stored) == 1 and stored[0].nbytes % 2 == 0:
                return np.ascontiguousarray(stored[0]).reshape(-1).view(np.uint8).data
            data = b''.join(image.tobytes() for image in stored)
            return data + b'\0' if len(data) % 2 else data
        from pydicom.encaps import encapsulate

        return encapsulate([self._encoded(np.ascontiguousarray(image)) for image in stored])

    def _encoded(self, image: NDArray[Any]) -> bytes:
        from pydicom.pixels.encoders.base import get_encoder

        color = image.ndim == 3
        if self.syntax == _JPEG_2000 and min(image.shape[:2]) < _SMALLEST:
            raise WriteError(
                f'{image.shape[0]} rows and {image.shape[1]} columns are too few for JPEG 2000, which needs '
                f"{_SMALLEST} of both here: write them with transfer_syntax='jpeg-ls' or 'rle'"
            )
        allocated, bits, signed = self._bits
        # pydicom logs a traceback of each failure, which is raised here anyway.
        logger = logging.getLogger('pydicom.pixels.encoders.base')
        logger.addFilter(_nothing)
        try:
            return get_encoder(self.syntax).encode(
                image, rows=image.shape[0], columns=image.shape[1], number_of_frames=1,
                samples_per_pixel=3 if color else 1, bits_allocated=allocated, bits_stored=bits,
                pixel_representation=signed, planar_configuration=0,
                photometric_interpretation='RGB' if color else 'MONOCHROME2',
                encoding_plugin=_ENCODERS[self.syntax],
            )  # fmt: skip
        except (RuntimeError, ValueError, NotImplementedError) as error:
            reason = ' '.join(str(error).split())
            raise WriteError(
                f'{_called(self.syntax)} cannot hold an image of shape {image.shape} and {allocated} bits: '
                f'{reason}; leave transfer_syntax out to write it uncompressed'
            ) from error
        finally:
            logger.removeFilter(_nothing)


def _nothing(record: logging.LogRecord) -> bool:
    return False


_ENCODERS: Mapping[str, str] = {_RLE: 'pylibjpeg', _JPEG_LS: 'pyjpegls', _JPEG_2000: 'pylibjpeg'}
"""Encoders by name: GDCM, which pydicom may choose, can end the process on small images."""

_SMALLEST = 32
"""Rows and columns that the JPEG 2000 encoder needs, which always makes six resolutions."""


def _called(syntax: str) -> str:
    from pydicom.uid import UID

    return UID(syntax).name
