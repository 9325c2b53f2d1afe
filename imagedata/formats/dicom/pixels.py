"""From Pixel Data to one array: each image decoded, rescaled, and put in its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import CorruptFileError, MissingDependencyError, PixelDecodeError
from .blocks import add_in_place, decoded, ends, joined, put_rescaled, side_by_side
from .decoders import decoded_frame
from .frames import Frame, Pixels
from .palette import colours_of
from .scan import PARSE_ERRORS
from .vendor.values import numbers

__all__ = ['RGB', 'assemble', 'decode']

RGB = np.dtype([('R', np.uint8), ('G', np.uint8), ('B', np.uint8)])
"""Type of a colour voxel."""

_NATIVE = {
    '1.2.840.10008.1.2': '<',  # Implicit VR Little Endian
    '1.2.840.10008.1.2.1': '<',  # Explicit VR Little Endian
    '1.2.840.10008.1.2.2': '>',  # Explicit VR Big Endian
    '1.2.840.10008.1.2.1.99': '<',  # Deflated Explicit VR Little Endian: inflated when parsed
}


def decode(pixels: Pixels, index: int) -> NDArray[Any]:
    """Return the stored values of a frame.

    Returns
    -------
    (rows, columns) ndarray
        Integers as stored, or `RGB`.

    Raises
    ------
    CorruptFileError
        When there are fewer bytes than the matrix needs.
    PixelDecodeError
        When compressed pixels cannot be decoded.
    """
    header = pixels.header
    if pixels.data is None:
        raise CorruptFileError(f'{pixels.name} has no pixels')
    syntax = _syntax(pixels)
    bits = int(header.BitsAllocated)
    plain = int(header.get('SamplesPerPixel', 1)) == 1 and bits in (8, 16, 32)
    if pixels.tag != 0x7FE00010:
        kind = f'{_NATIVE.get(syntax, "<")}f{4 if pixels.tag == 0x7FE00008 else 8}'
        return _native(pixels, index, np.dtype(kind))
    if syntax in _NATIVE and plain and not (_NATIVE[syntax] == '>' and bits == 8):
        sign = 'i' if int(header.get('PixelRepresentation', 0)) else 'u'
        stored = _native(pixels, index, np.dtype(f'{_NATIVE[syntax]}{sign}{bits // 8}'))
        if _is_palette(header):
            stored = _coloured(pixels, stored)
    elif bits == 1 and _NATIVE.get(syntax) == '<':
        return _bits(pixels, index)
    else:
        stored = _by_pydicom(pixels, index)
    if stored.dtype.names is None and stored.dtype.kind in 'iu' and bits > 1:
        stored = _used_bits(pixels, stored)
    return stored


def _syntax(pixels: Pixels) -> str:
    """Return the transfer syntax; a file without meta information is implicit little endian."""
    meta = getattr(pixels.header, 'file_meta', None)
    return str(meta.get('TransferSyntaxUID', '1.2.840.10008.1.2')) if meta else '1.2.840.10008.1.2'


def _is_palette(header: Any) -> bool:
    """Return whether pixels are colours of a palette; those of a label map stay numbers."""
    palette = 'PALETTE' in str(header.get('PhotometricInterpretation', '')).upper()
    return palette and 'SegmentSequence' not in header


def _bits(pixels: Pixels, index: int) -> NDArray[np.uint8]:
    """Return a frame of one bit a pixel: frames follow each other without gaps (PS3.5 8.1.1)."""
    rows, columns = int(pixels.header.Rows), int(pixels.header.Columns)
    size, data = rows * columns, pixels.data or b''
    if len(data) * 8 < size * pixels.count:
        raise CorruptFileError(
            f'{pixels.name} is cut off: {pixels.count} x {rows} x {columns} pixels of 1 bit need '
            f'{-(-size * pixels.count // 8)} bytes, there are {len(data)}; copy it anew, or leave it out '
            'with skip_broken_series=True'
        )
    first, last = index * size // 8, -(-(index + 1) * size // 8)
    packed = np.frombuffer(data, np.uint8, last - first, first)
    skip = index * size - first * 8
    return np.unpackbits(packed, bitorder='little')[skip : skip + size].reshape(rows, columns)


def _native(pixels: Pixels, index: int, kind: np.dtype[Any]) -> NDArray[Any]:
    """Return an uncompressed frame, as a view of the bytes."""
    rows, columns = int(pixels.header.Rows), int(pixels.header.Columns)
    size = rows * columns * kind.itemsize
    assert pixels.data is not None
    if len(pixels.data) < size * pixels.count:
        raise CorruptFileError(
            f'{pixels.name} is cut off: {pixels.count} x {rows} x {columns} pixels of {kind.itemsize * 8} '
            f'bits need {size * pixels.count} bytes, there are {len(pixels.data)}; copy it anew, or leave '
            'it out with skip_broken_series=True'
        )
    values = np.frombuffer(pixels.data, kind, rows * columns, offset=index * size)
    return values.reshape(rows, columns)


def _by_pydicom(pixels: Pixels, index: int) -> NDArray[Any]:
    """Return pixels decoded by pydicom and its decoders: compressed, colour, odd widths."""
    dataset = _with_pixels(pixels)
    values = _decoded(pixels, dataset, index)
    size = (int(pixels.header.Rows), int(pixels.header.Columns))
    if values.shape[:2] != size:
        raise CorruptFileError(f'{pixels.name}: {size} pixels are announced, {values.shape[:2]} decoded')
    if _is_palette(pixels.header):
        return _coloured(pixels, values)
    if values.ndim == 3:
        if values.shape[2] != 3 or values.dtype != np.uint8:
            raise PixelDecodeError(
                f'{pixels.name}: colour of {values.shape[2]} samples of {values.dtype} is not supported'
            )
        return np.ascontiguousarray(values).view(RGB)[..., 0]
    return values


def _decoded(pixels: Pixels, dataset: Any, index: int) -> NDArray[Any]:
    """Return one frame as pydicom decodes it; colour as RGB."""
    try:
        if pixels.count == 1:
            return decoded_frame(dataset, None)
        return decoded_frame(dataset, index, pixels.offsets())
    except (RuntimeError, ImportError) as error:
        syntax = dataset.file_meta.TransferSyntaxUID.name
        if 'missing' in str(error):
            raise MissingDependencyError(
                f'{pixels.name}: no decoder for {syntax} is installed: '
                'pip install imagecodecs pyjpegls pylibjpeg pylibjpeg-openjpeg pylibjpeg-rle'
            ) from error
        reason = ' '.join(str(error).split('\n')[-1].split())  # pydicom's own words, and then the plugin's
        raise PixelDecodeError(f'{pixels.name}: pixels in {syntax} cannot be decoded ({reason})') from error
    except PARSE_ERRORS as error:
        raise PixelDecodeError(f'{pixels.name}: pixels cannot be decoded ({error})') from error
    except BaseException as error:
        # A decoder in Rust (pylibjpeg-rle) that meets bad bytes: its panic is no Exception.
        if type(error).__name__ != 'PanicException':
            raise
        raise PixelDecodeError(f'{pixels.name}: pixels cannot be decoded ({error})') from error


def _coloured(pixels: Pixels, values: NDArray[Any]) -> NDArray[Any]:
    """Return palette colour as RGB."""
    big_endian = _NATIVE.get(_syntax(pixels)) == '>'
    colours = colours_of(pixels.name, pixels.header, values, big_endian=big_endian)
    return np.ascontiguousarray(colours).view(RGB)[..., 0]


_PIXEL_ELEMENTS = (
    'SOPClassUID', 'Rows', 'Columns', 'BitsAllocated', 'BitsStored', 'HighBit', 'PixelRepresentation',
    'SamplesPerPixel', 'PhotometricInterpretation', 'PlanarConfiguration', 'NumberOfFrames',
    'ExtendedOffsetTable', 'ExtendedOffsetTableLengths',
)  # fmt: skip
"""What a decoder needs to know."""


def _with_pixels(pixels: Pixels) -> Any:
    """Return a dataset with pixels, for a decoder; the header itself stays as it is."""
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset
    from pydicom.uid import UID

    dataset = Dataset()
    for keyword in _PIXEL_ELEMENTS:
        if keyword in pixels.header:
            dataset[keyword] = pixels.header[keyword]
    dataset.file_meta = pixels.header.file_meta
    syntax = UID(_syntax(pixels))
    kind = 'OB' if syntax.is_encapsulated else pixels.vr
    element = DataElement(0x7FE00010, kind, bytes(pixels.data or b''))
    element.is_undefined_length = syntax.is_encapsulated
    dataset[0x7FE00010] = element
    return dataset


def _used_bits(pixels: Pixels, stored: NDArray[Any]) -> NDArray[Any]:
    """Return the values of the bits that are pixels, where others hold overlays (PS3.5 8.1.1).

    Without overlays, values that use more bits than announced are kept whole: the header is
    wrong then, not the pixels.
    """
    bits = stored.dtype.itemsize * 8
    used = int(pixels.header.get('BitsStored', bits))
    high = int(pixels.header.get('HighBit', used - 1))
    if not 0 < used <= bits or not used - 1 <= high < bits:
        raise CorruptFileError(
            f'{pixels.name}: {used} bits stored with high bit {high} do not fit {bits} bits allocated'
        )
    if used == bits or not (high != used - 1 or _has_overlay(pixels) or _needs_sign(stored, used)):
        return stored
    up, down = bits - 1 - high, bits - used
    return np.asarray(np.right_shift(np.left_shift(stored, up), down))


def _has_overlay(pixels: Pixels) -> bool:
    """Return whether unused bits of the pixels hold overlays (retired; PS3.3 C.9.2, PS3.5 8.1.2)."""
    for group in range(0x6000, 0x6020, 2):
        if (group, 0x0102) in pixels.header and (group, 0x3000) not in pixels.header:
            return True
    return False


def _needs_sign(stored: NDArray[Any], used: int) -> bool:
    """Return whether negative values stand without their sign in the unused bits."""
    if stored.dtype.kind != 'i' or not stored.size:
        return False
    # Some files have both: -1 as FFFF and as 0FFF.
    half: int = 2 ** (used - 1)
    return int(stored.min()) >= -half and half <= int(stored.max()) < 2 * half


def assemble(
    grid: Sequence[Frame | None], shape: tuple[int, ...], dtype: Any = None, fill: float | None = None
) -> NDArray[Any]:
    """Return the pixels of frames as one array.

    Integers stay integers where all slopes and intercepts are whole numbers, in the first of
    the stored type, int16, uint16, int32, uint32 and int64 that holds every value. Otherwise
    values are float64 (or `dtype`, where that is a float).

    Parameters
    ----------
    grid : sequence of Frame or None
        In the order of the result's leading dimensions; None leaves a hole.
    shape : tuple of int
        Of the result: (tags..., slices, rows, columns).
    dtype : data type, optional
        Wanted type of the result, honoured here for floats.
    fill : float, optional
        Value of holes. Without, it is NaN in floats, and in integers the padding value of the
        images, else 0.
    """
    frames = [f for f in grid if f is not None]
    whole = all(f.scale.is_whole for f in frames)
    plain = all(f.scale.is_identity for f in frames)
    tables = any(f.scale.table is not None for f in frames)
    block = joined(frames) if frames and len(frames) == len(grid) and not tables else None
    if block is not None and (plain or (whole and _same_scale(frames))):
        return (block if plain else _whole(block, frames[0])).reshape(shape)
    present = list(block) if block is not None else decoded(frames, _looked_up)
    following = iter(present)
    images = [None if f is None else next(following) for f in grid]
    stored = np.result_type(*{image.dtype.newbyteorder('=') for image in present})
    plain = plain or stored.names is not None
    if plain or (whole and stored.kind == 'f'):
        kind = stored
    elif whole:
        kind = _integer_type(stored, [(i, f) for i, f in zip(images, grid, strict=True) if f is not None])
    else:
        kind = np.dtype(dtype) if dtype is not None and np.dtype(dtype).kind == 'f' else np.dtype(float)
    result = np.zeros(shape, kind)
    if len(present) < len(images):
        result[...] = _fill_value(kind, frames, fill)
    flat = result.reshape(-1, *shape[-2:])
    there = [i for i, frame in enumerate(grid) if frame is not None]

    def put(which: tuple[int, NDArray[Any], Frame]) -> None:
        place, image, frame = which
        _put(flat[place], image, frame, plain=plain)

    side_by_side(put, list(zip(there, present, frames, strict=True)), result.nbytes)
    return result


def _same_scale(frames: Sequence[Frame]) -> bool:
    return len({(f.scale.slope, f.scale.intercept) for f in frames}) == 1


def _whole(block: NDArray[Any], frame: Frame) -> NDArray[Any]:
    """Return stored values rescaled by whole numbers, in their own memory where they fit."""
    slope, intercept = int(frame.scale.slope), int(frame.scale.intercept)
    low, high = (value * slope + intercept for value in ends(block))
    kind = _first_that_holds(block.dtype, min(0, low, high), max(0, low, high))
    if kind.itemsize == block.itemsize:
        return add_in_place(block, slope, intercept, kind)
    result = np.empty(block.shape, kind)
    for target, image in zip(result, block, strict=True):
        put_rescaled(target, image, slope, intercept)
    return result


def _looked_up(frame: Frame) -> NDArray[Any]:
    """Return the stored values of a frame, or what its lookup table has for them."""
    stored, table = frame.stored(), frame.scale.table
    if table is None or stored.dtype.kind not in 'iu':
        return stored
    values = table.of(stored)
    if frame.scale.valid is not None:
        low, high = frame.scale.valid
        values = np.where((stored < low) | (stored > high), np.nan, values)
    return values


def _put(target: NDArray[Any], image: NDArray[Any], frame: Frame, *, plain: bool) -> None:
    """Write the values of one image."""
    scale = frame.scale
    if plain or scale.table is not None:
        target[...] = image
    elif target.dtype.kind == 'f':
        np.multiply(image, scale.slope, out=target, casting='unsafe')
        target += scale.intercept
        if scale.valid is not None:
            target[(image < scale.valid[0]) | (image > scale.valid[1])] = np.nan
    else:
        put_rescaled(target, image, int(scale.slope), int(scale.intercept))


def _fill_value(kind: np.dtype[Any], frames: Sequence[Frame], fill: float | None) -> Any:
    """Return what stands where there is no image."""
    if kind.names:
        return np.zeros((), kind)
    if fill is not None or kind.kind == 'f':
        return np.nan if fill is None else fill
    padding = numbers(frames[0].dataset.get('PixelPaddingValue'))
    if not padding or frames[0].scale.table is not None:
        return 0
    value = int(padding[0]) * int(frames[0].scale.slope) + int(frames[0].scale.intercept)
    info = np.iinfo(kind)
    return value if info.min <= value <= info.max else 0


def _integer_type(stored: np.dtype[Any], images: Sequence[tuple[Any, Frame]]) -> np.dtype[Any]:
    """Return the first integer type that holds every rescaled value."""
    low, high = 0, 0
    for image, frame in images:
        slope, intercept = int(frame.scale.slope), int(frame.scale.intercept)
        ends = [int(image.min()) * slope, int(image.max()) * slope]
        low = min(low, min(ends) + intercept)
        high = max(high, max(ends) + intercept)
    return _first_that_holds(stored, low, high)


def _first_that_holds(stored: np.dtype[Any], low: int, high: int) -> np.dtype[Any]:
    """Return the first of the integer types that holds values from `low` to `high`."""
    for kind in (stored, np.int16, np.uint16, np.int32, np.uint32):
        info = np.iinfo(kind)
        if info.min <= low and high <= info.max:
            return np.dtype(kind)
    return np.dtype(np.int64)
