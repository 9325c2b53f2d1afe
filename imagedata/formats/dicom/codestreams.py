"""Compressed frames to values, by imagecodecs: a decoding plugin of pydicom.

Other threads run while imagecodecs decodes, and it raises an error where GDCM ends the process.
What pydicom does with decoded frames (signs, unused bits, colour) stays its own.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .jpegs import check_bits, lossless_scans

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import DecodeRunner

__all__ = [
    'DECODER_DEPENDENCIES', 'JPEG_2000', 'JPEG_EXTENDED', 'JPEG_LS', 'LOSSLESS_JPEG', 'decode_frame',
    'is_available',
]  # fmt: skip

JPEG_EXTENDED = '1.2.840.10008.1.2.4.51'
LOSSLESS_JPEG = frozenset({'1.2.840.10008.1.2.4.57', '1.2.840.10008.1.2.4.70'})
JPEG_LS = frozenset({'1.2.840.10008.1.2.4.80', '1.2.840.10008.1.2.4.81'})
JPEG_2000 = frozenset({
    '1.2.840.10008.1.2.4.90', '1.2.840.10008.1.2.4.91',
    '1.2.840.10008.1.2.4.201', '1.2.840.10008.1.2.4.202', '1.2.840.10008.1.2.4.203',  # high throughput
})  # fmt: skip

DECODER_DEPENDENCIES = dict.fromkeys((JPEG_EXTENDED, *LOSSLESS_JPEG, *JPEG_LS, *JPEG_2000), ('imagecodecs',))
"""What pydicom says is missing."""


def is_available(syntax: str) -> bool:
    """Return whether a transfer syntax can be decoded here."""
    return syntax in DECODER_DEPENDENCIES and find_spec('imagecodecs') is not None


def decode_frame(stream: bytes, runner: DecodeRunner) -> NDArray[Any]:
    """Return the stored values of a frame, as pydicom wants them of a plugin.

    Raises
    ------
    ValueError
        For a stream that is damaged, or of another size than the header announces.
    """
    import imagecodecs

    syntax = str(runner.transfer_syntax)
    shape = (runner.rows, runner.columns, runner.samples_per_pixel)
    runner.set_option('planar_configuration', 0)
    # An array of the announced size is given: a stream of another one is refused before it is decoded.
    if syntax in LOSSLESS_JPEG:
        precision, scans = lossless_scans(stream, shape)
        values = _room(shape, precision)
        # From a colour space to the same: nothing is converted, whatever the components are called.
        space = 'RGB' if values.ndim == 3 else 'GRAYSCALE'
        imagecodecs.jpeg8_decode(stream, colorspace=space, outcolorspace=space, out=values)
        check_bits(values, precision, scans)
        return _held(values, runner)
    if syntax == JPEG_EXTENDED:
        values = _room(shape, runner.bits_stored)
        imagecodecs.jpeg8_decode(stream, out=values)
        return _held(values, runner)
    # pydicom corrects signs by the precision of these streams, and takes as many bytes as hold it.
    named = 'jls_precision' if syntax in JPEG_LS else 'j2k_precision'
    values = _room(shape, runner.get_option(named, runner.bits_stored))
    runner.set_option('bits_allocated', 8 * values.itemsize)
    if syntax in JPEG_LS:
        imagecodecs.jpegls_decode(stream, out=values)
        return values
    imagecodecs.jpeg2k_decode(stream, out=values)
    if runner.photometric_interpretation in ('YBR_ICT', 'YBR_RCT'):  # converted by the decoder
        runner.set_option('photometric_interpretation', 'RGB')
    return values


def _room(shape: tuple[int, int, int], bits: int) -> NDArray[Any]:
    """Return an array for unsigned integers of so many bits."""
    size = 1 if bits <= 8 else 2 if bits <= 16 else 4
    return np.empty(shape if shape[2] > 1 else shape[:2], f'u{size}')


def _held(values: NDArray[Any], runner: DecodeRunner) -> NDArray[Any]:
    """Return values in the bytes that the header allocates for each."""
    size = runner.bits_allocated // 8
    if values.itemsize > size:
        raise ValueError(f'pixels of {8 * values.itemsize} bits, and {runner.bits_allocated} are allocated')
    return values if values.itemsize == size else values.astype(f'u{size}')
