"""Which of the installed decoders is given compressed pixels.

All of them give the same values for whole streams. For damaged ones they differ. So GDCM, which ends
the process for some, is not used, whether it is installed or not: neither is any that is not named here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from .codestreams import JPEG_2000, JPEG_EXTENDED, JPEG_LS, LOSSLESS_JPEG

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.pixels.decoders.base import Decoder

__all__ = ['decoded_frame', 'decoder_for']

_OURS = 'imagecodecs'

_PYDICOM: Mapping[str, str] = {
    '1.2.840.10008.1.2.4.50': 'pillow',  # JPEG Baseline
    '1.2.840.10008.1.2.5': 'pylibjpeg',  # RLE
}
"""Plugins of pydicom."""


def decoder_for(syntax: str, bits: int, samples: int) -> str:
    """Return the name of the plugin to decode pixels with, '' for any that pydicom has.

    Parameters
    ----------
    syntax : str
        Transfer Syntax UID.
    bits, samples : int
        Bits Stored, and Samples per Pixel.
    """
    if syntax in LOSSLESS_JPEG or syntax in JPEG_2000:
        return _OURS
    if syntax == JPEG_EXTENDED:  # colour of 12 bits is nowhere defined, and of 8 bits it is Pillow's
        return _OURS if bits > 8 and samples == 1 else 'pillow'
    if syntax in JPEG_LS:
        return _OURS if samples == 1 else 'pyjpegls'
    return _PYDICOM.get(syntax, '')


@cache
def _decoder(syntax: str, name: str) -> Decoder:
    """Return a decoder of pydicom; those with our plugin are not the ones that pydicom itself uses."""
    from pydicom.pixels.decoders.base import Decoder, get_decoder
    from pydicom.uid import UID

    if name != _OURS:
        return get_decoder(syntax)
    decoder = Decoder(UID(syntax))
    decoder.add_plugin(_OURS, (f'{__package__}.codestreams', 'decode_frame'))
    return decoder


def decoded_frame(
    dataset: Any, index: int | None, offsets: tuple[list[int], list[int]] = ([], [])
) -> NDArray[Any]:
    """Return a frame as pydicom decodes it; colour as RGB.

    Parameters
    ----------
    dataset : Dataset
        With pixels.
    index : int or None
        Number of the frame; None for the only one.
    offsets : (list of int, list of int) tuple, optional
        Of each frame, as `Pixels.offsets` finds them.

    Raises
    ------
    Exception
        What decoders raise.
    """
    from pydicom.pixels.utils import as_pixel_options

    syntax = str(dataset.file_meta.get('TransferSyntaxUID', '1.2.840.10008.1.2'))
    bits = int(dataset.get('BitsStored', 0) or 0)
    name = decoder_for(syntax, bits, int(dataset.get('SamplesPerPixel', 1)))
    options = as_pixel_options(dataset)
    if offsets[0]:
        options['extended_offsets'] = offsets
    decoder = _decoder(syntax, name)
    return decoder.as_array(dataset, index=index, decoding_plugin=name, **options)[0]
