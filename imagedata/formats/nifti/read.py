"""Reading NIfTI: identify by content, check what the header claims, decode in one pass."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...axis import SPATIAL, Axis, UniformLengthAxis, VariableAxis
from ...conversion import converted, smallest_integer
from ...errors import CorruptFileError, DataTypeError, ImagedataWarning, OrderNotFoundError
from ...geometry import Geometry
from ...header import Header, Identity, Images, SeriesData, default_dims, new_uid
from ...notices import warn_user
from ..contract import ReadRequest, ReadResult, Source
from ..described import RGB, RGBA
from .bids import read_sidecar, restored, volume_times
from .diffusion import directions_from_fsl, images_with_directions, read_numbers
from .head import LONGEST_HEADER, Head, geometry, parse, time_offset, time_step
from .kept import ATTRIBUTE, VECTOR_INTENTS, kept_fields
from .layout import COMMENT, TIME_AXES, axes_from_comment
from .mapped import mapped_values
from .stream import REMEDY, Stream

__all__ = ['read_sources']

_SLAB = 4 << 20
"""Bytes that are read and turned at a time: small enough for the processor's cache."""

_EXTENSION = re.compile(r'\.(nii|nii\.gz|hdr|hdr\.gz)$', re.IGNORECASE)

_VOXELS = re.compile(r'\.(img|img\.gz)$', re.IGNORECASE)

_DIFFUSION = ('b', 'dti', 'rsi', 'bvector')

_CIFTI = range(3000, 3100)
"""Intents of CIFTI-2 (its specification, "CIFTI file types")."""

_SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7'



def read_sources(sources: Sequence[Source], request: ReadRequest) -> ReadResult:
    """Read each NIfTI file; see `NiftiPlugin.read`."""
    series: list[SeriesData] = []
    left: list[tuple[Source, str]] = []
    voxel_files: set[str] = set()
    given = {source.name for source in sources}
    for source in sources:
        header = _header_beside(source)
        if header is not None and header.name in given:
            left.append((source, 'not NIfTI'))  # perhaps the voxels of that header
            continue
        offered, source = source, header or source
        with Stream(source) as stream:
            head = _identified(stream, source)
            if isinstance(head, str):
                left.append((offered, head))
                continue
            if head.version == 2 and int(head.fields['intent_code']) in _CIFTI:
                left.append((offered, 'no image: a CIFTI-2 matrix, whose rows and columns are no voxels'))
                continue
            series.append(_read(stream, head, source, request))
            if head.pair:
                voxel_files.add(_beside(source).name)
    return ReadResult(series, [(s, why) for s, why in left if s.name not in voxel_files])


def _identified(stream: Stream, source: Source) -> Head | str:
    """Return the header, or why it is not NIfTI.

    Raises
    ------
    CorruptFileError
        When the name says NIfTI and the content does not.
    """
    named = source.basename.lower().endswith(('.nii', '.nii.gz'))
    try:
        block = stream.peek(LONGEST_HEADER)
    except CorruptFileError:
        if named:
            raise
        return 'not NIfTI'
    head = parse(block, source.name)
    if head is not None:
        return head
    if named:
        raise CorruptFileError(
            f'{source.name}: the name says NIfTI, and the first {len(block)} bytes are no NIfTI '
            f'header (348 or 540 bytes and a magic word); {REMEDY}'
        )
    return 'not NIfTI'


def _header_beside(source: Source) -> Source | None:
    """Return the header of an `.img` file, None for other files and where there is none."""
    stem = _VOXELS.sub('', source.basename)
    if stem == source.basename:
        return None
    found = (source.beside(stem + suffix) for suffix in _alike(source, ['.hdr', '.hdr.gz', '.HDR']))
    return next(filter(None, found), None)


def _alike(source: Source, suffixes: list[str]) -> list[str]:
    """Return the suffixes, those first that are compressed as a file is: pairs of both may share a stem."""
    packed = source.basename.lower().endswith('.gz')
    return sorted(suffixes, key=lambda suffix: suffix.endswith('.gz') != packed)


def _beside(source: Source) -> Source:
    """Return the file with the voxels of a `.hdr` file.

    Raises
    ------
    CorruptFileError
        When there is none.
    """
    stem = _EXTENSION.sub('', source.basename)
    for suffix in _alike(source, ['.img', '.img.gz', '.IMG']):
        voxels = source.beside(stem + suffix)
        if voxels is not None:
            return voxels
    raise CorruptFileError(f'{source.name}: its voxels should be in {stem}.img, which is not there')


def _read(stream: Stream, head: Head, source: Source, request: ReadRequest) -> SeriesData:
    """Read the series of one header."""
    lengths = head.dims[3:]
    extensions = head.extensions(stream)
    comments = [c.rstrip(b'\0').decode('utf-8', 'replace') for code, c in extensions if code == COMMENT]
    sidecar = None
    if request.options.get('sidecar', True):
        sidecar = read_sidecar(source, _EXTENSION.sub('', source.basename))
    fields = {} if sidecar is None else sidecar[1]
    kept, axes, lines = _tag_axes(
        head, lengths, comments, source, request.order, fields,
        whole=bool(request.options.get('keep_dimensions')),
    )  # fmt: skip
    place, form = geometry(head, str(request.options.get('form', '')))
    axes, images = _with_directions(axes, source, place)
    spatial = SPATIAL if len(head.dims) >= 3 else SPATIAL[1:]
    report = [f'{source.name}: NIfTI-{head.version}, place from {form}', *lines]
    array: NDArray[Any] = np.empty((), dtype=object)
    if head.pair:
        beside = _beside(source)
        with Stream(beside) as voxels:
            array = _checked_values(voxels, head, beside, request.options, report, at_start=True)
    else:
        array = _checked_values(stream, head, source, request.options, report)
    if array.ndim:
        counts = [n for n, keep in zip(lengths, kept, strict=True) if keep]
        array = array.reshape(*counts, *head.shape[3 - len(spatial) :])
    own = kept_fields(head, extensions, place)
    header = Header(
        dims=(*(axis.name for axis in axes), *spatial),
        geometry=place,
        tag_axes={axis.name: axis for axis in axes},
        images=images,
        attributes={
            'input_format': 'nifti',
            'studyInstanceUID': new_uid(),
            'SOPClassUID': _SECONDARY_CAPTURE,
            **({} if own is None else {ATTRIBUTE: own}),
        },
        report=tuple(report),
    )
    return SeriesData(array, header if sidecar is None else restored(header, *sidecar), Identity())


def _checked_values(
    stream: Stream, head: Head, source: Source, options: Any, report: list[str], *, at_start: bool = False
) -> NDArray[Any]:
    """Return the values of a file that can hold what the header claims."""
    _check_size(stream, head)
    if options.get('headers_only'):
        return np.empty((), dtype=object)
    if options.get('mmap'):
        return mapped_values(source, head, options, report)
    if at_start:
        stream.skip(head.offset)
    return _values(stream, head, head.dims[3:], options, report)


# --- tag axes ----------------------------------------------------------------------------


def _tag_axes(
    head: Head,
    lengths: tuple[int, ...],
    comments: Sequence[str],
    source: Source,
    order: str,
    sidecar: Mapping[str, Any],
    *,
    whole: bool,
) -> tuple[list[bool], list[Axis], list[str]]:
    """Return which dimensions stay (one of length 1 need not), their axes, and report lines."""
    stored = next(filter(None, (axes_from_comment(text, lengths) for text in comments)), None)
    names = [] if order in ('', 'auto', 'none') else [name.strip() for name in order.split(',')]
    if order in ('', 'auto') and stored is not None:
        named = [name for name, _ in stored]
        axes = [
            VariableAxis(name, values) if values is not None else _made_axis(head, name, 3 + at, n)
            for at, ((name, values), n) in enumerate(zip(stored, lengths, strict=True))
        ]
        return [True] * len(axes), axes, [f'axes {", ".join(named)} as stored by imagedata'] if axes else []
    kept = [True] * len(lengths)
    if len(names) != len(lengths):
        kept = [whole or n > 1 for n in lengths]
    if names and len(names) != sum(kept):
        has = f'{len(lengths)} (of length {" x ".join(map(str, lengths))})' if lengths else 'none'
        raise OrderNotFoundError(
            f'{source.name}: order {order!r} names {len(names)} dimensions beside slice, row and column, '
            f'and the file has {has}: give as many names, or leave the order out'
        )
    if len(set(names)) != len(names) or set(names) & set(SPATIAL):
        raise OrderNotFoundError(f'order {order!r}: names must differ, and not be {", ".join(SPATIAL)}')
    at = [3 + i for i, keep in enumerate(kept) if keep]
    known = dict(stored or ())
    if not names:
        return kept, *_unnamed_axes(head, at, source, order)
    axes = []
    lines = []
    for name, dimension in zip(names, at, strict=True):
        n = head.dims[dimension]
        values = known.get(name)
        if values is None and name in _DIFFUSION:
            values = _b_values(source, n, strict=True)
            lines += ['b values from the .bval file'] if values is not None else []
        if values is None and name == 'time' and time_step(head, dimension) is None:
            values = volume_times(sidecar, n)
            lines += ['times from the JSON file'] if values is not None else []
        if values is not None and len(values) == n:
            axes.append(VariableAxis(name, values))
        else:
            axes.append(_made_axis(head, name, dimension, n, warn=True))
    return kept, axes, lines


def _unnamed_axes(
    head: Head, at: Sequence[int], source: Source, order: str
) -> tuple[list[Axis], list[str]]:
    """Return axes of dimensions of which neither the file nor the user says what they are."""
    if not at:
        return [], []
    if order != 'none' and at == [3]:
        values = _b_values(source, head.dims[at[0]], strict=False)
        if values is not None:
            return [VariableAxis('b', values)], ['b values from the .bval file']
    names = list(default_dims(3 + len(at), 'none')[: len(at)])
    if 4 in at and int(head.fields['intent_code']) in VECTOR_INTENTS:
        names[at.index(4)] = 'vector'
    axes: list[Axis] = [
        UniformLengthAxis(name, 0, head.dims[i], 1) for name, i in zip(names, at, strict=True)
    ]
    step = time_step(head, at[0])
    hint = '' if step is None else f" (input_order='time' would take its step of {step:g} s)"
    if names == ['vector']:
        return axes, [f"the parts of each value are the axis 'vector' (intent {head.fields['intent_code']})"]
    return axes, [f'the file does not say what its axis {names[0]!r} is{hint}']


def _made_axis(head: Head, name: str, dimension: int, n: int, *, warn: bool = False) -> Axis:
    """Return an axis from what the header has: times i * step, else the index."""
    step = time_step(head, dimension) if name in TIME_AXES else None
    axis = UniformLengthAxis(name, time_offset(head) if step else 0, n, step or 1)
    if warn and step is None and axis.unit is not None:
        warn_user(
            f'{head.name}: the file has no values for axis {name!r}: 0 to {n - 1} stand for them; '
            'assign series.axes to give them',
            ImagedataWarning)
    return axis


def _b_values(source: Source, n: int, *, strict: bool) -> list[float] | None:
    """Return the numbers in the `.bval` file beside the image (FSL), None where there is none.

    Raises
    ------
    OrderNotFoundError
        When they do not fit the image, and `strict` is set.
    """
    file = source.beside(_EXTENSION.sub('', source.basename) + '.bval')
    if file is None:
        return None
    values = read_numbers(file)
    flat = [] if values is None else [v for row in values for v in row]
    if len(flat) == n:
        return [int(v) if v.is_integer() else v for v in flat]
    if strict:
        raise OrderNotFoundError(
            f'{file.name} holds {len(flat)} b values, and {source.name} {n} volumes: correct or remove it'
        )
    return None


def _with_directions(
    axes: list[Axis], source: Source, place: Geometry
) -> tuple[list[Axis], Images | None]:
    """Return the axes, and images with the gradient directions of the `.bvec` file beside (FSL).

    The directions stand beside the axis 'b', in the axis 'dti' with the b values, and in the axis
    'bvector' alone.

    Raises
    ------
    OrderNotFoundError
        When they are no directions of the volumes, and asked for; for the axis 'b' they are left.
    """
    names = [axis.name for axis in axes]
    found = [name for name in _DIFFUSION if name in names]
    file = source.beside(_EXTENSION.sub('', source.basename) + '.bvec')
    if not found or file is None:
        return axes, None
    at = names.index(found[0])
    axis = axes[at]
    if any(isinstance(value, tuple) for value in axis.values):
        return axes, None  # stored by this library, with directions
    rows = read_numbers(file)
    directions = None if rows is None else directions_from_fsl(rows, place, len(axis))
    if directions is None or place.assumed:
        line = f'{file.name} does not hold 3 x {len(axis)} numbers, or the place of the image is not known'
        if axis.name != 'b':
            raise OrderNotFoundError(f'{line}: correct it, or read with the order b')
        warn_user(f'{line}: its directions are left out', ImagedataWarning)
        return axes, None
    if axis.name in ('dti', 'rsi'):
        axis = VariableAxis(axis.name, zip(axis.values, directions, strict=True))
    elif axis.name == 'bvector':
        axis = VariableAxis('bvector', directions)
    axes = [*axes[:at], axis, *axes[at + 1 :]]
    return axes, images_with_directions(axes, at, directions, place.shape[0])


# --- voxels ------------------------------------------------------------------------------


def _check_size(stream: Stream, head: Head) -> None:
    """Refuse a file that cannot hold what its header claims, before memory is taken for it."""
    if head.offset + head.nbytes > stream.capacity:
        packed = f' compressed bytes, which cannot be more than {stream.capacity}' if stream.packed else ''
        raise CorruptFileError(
            f'{stream.name}: the header claims {head.describe()}, {head.offset + head.nbytes} bytes '
            f'in all, and the file has {stream.size}{packed}; {REMEDY}'
        )


def _values(
    stream: Stream, head: Head, lengths: tuple[int, ...], options: Any, report: list[str]
) -> NDArray[Any]:
    """Return the scaled values: (tags..., slice, row, column)."""
    wanted = None if options.get('dtype') is None else np.dtype(options['dtype'])
    if options.get('scaling') == 'stored':
        head = replace(head, scaling=None)
    array, whole = _allocated(stream, head, lengths, wanted, alpha=bool(options.get('alpha')))
    _decode(stream, head, lengths, array, None if whole else head.scaling)
    extra = stream.skip()
    if extra:
        line = f'{head.name}: {extra} bytes follow the voxels that the header describes'
        warn_user(f'{line}, and are not read', ImagedataWarning)
        report.append(line)
    if head.scaling is not None:
        slope, inter = head.scaling
        if whole:
            array = _scaled_integers(array, int(slope), int(inter))
        stored = head.dtype.newbyteorder('=')
        report.append(f'{stored} scaled: slope {slope:g}, intercept {inter:g}, to {array.dtype}')
    if wanted is not None:
        array = converted(array, wanted, DataTypeError)
    return array


def _allocated(
    stream: Stream, head: Head, lengths: tuple[int, ...], wanted: np.dtype[Any] | None, *, alpha: bool
) -> tuple[NDArray[Any], bool]:
    """Return the array to read into, and whether integers are to be scaled to integers in it."""
    stored = head.dtype.newbyteorder('=')
    whole = (
        head.scaling is not None
        and stored.kind in 'iu'
        and all(v.is_integer() and abs(v) < 2**63 for v in head.scaling)
    )
    dtype = stored
    if stored.names:
        dtype = RGBA if alpha and 'A' in stored.names else RGB
    elif head.scaling is not None and not whole:
        dtype = np.dtype(np.complex128 if stored.kind == 'c' else np.float64)
    if wanted is not None and not whole and not stored.names and np.can_cast(dtype, wanted, 'safe'):
        dtype = wanted
    try:
        # Pages that are never written cost nothing, should the compressed data end early.
        return np.empty((*lengths, *head.shape), dtype), whole
    except (MemoryError, ValueError):
        passed = stream.skip()
        if passed < head.nbytes:
            raise _too_short(stream, head, passed) from None
        raise


def _too_short(stream: Stream, head: Head, found: int) -> CorruptFileError:
    return CorruptFileError(
        f'{stream.name}: the header claims {head.describe()}, {head.nbytes} bytes, and the file has '
        f'{found} there; {REMEDY}'
    )


def _decode(
    stream: Stream,
    head: Head,
    lengths: tuple[int, ...],
    array: NDArray[Any],
    scaling: tuple[float, float] | None,
) -> None:
    """Fill the array: rows turned, bytes in our order, scaled."""
    slices, rows, columns = head.shape
    step = min(slices, max(1, _SLAB // max(1, rows * columns * head.dtype.itemsize)))
    buffer = np.empty((step, rows, columns), head.dtype)
    data = buffer.reshape(-1).view(np.uint8).data
    per_slice = rows * columns * head.dtype.itemsize
    opaque = True
    done = 0
    # The first tag varies fastest in the file, the last one in an array.
    for reverse in np.ndindex(*lengths[::-1]):
        volume = array[reverse[::-1]]
        for start in range(0, slices, step):
            count = min(step, slices - start)
            read = stream.fill(data[: count * per_slice])
            done += read
            if read < count * per_slice:
                raise _too_short(stream, head, done)
            slab = buffer[:count, ::-1]
            target = volume[start : start + count]
            if head.dtype.names:
                for name in array.dtype.names or ():
                    target[name] = slab[name]
                if array.dtype != RGBA and 'A' in head.dtype.names:
                    opaque = opaque and bool((slab['A'] == buffer['A'].flat[0]).all())
            elif scaling is not None:
                np.multiply(slab, scaling[0], out=target, dtype=target.dtype)
                target += scaling[1]
            else:
                target[...] = slab
    if not opaque:
        warn_user(
            f'{head.name}: the transparency (alpha) of its RGBA values is left out',
            ImagedataWarning)


def _scaled_integers(array: NDArray[Any], slope: int, inter: int) -> NDArray[Any]:
    """Return `array * slope + inter` exactly, in place where the type can hold it."""
    ends = [int(array.min()) * slope + inter, int(array.max()) * slope + inter]
    dtype = smallest_integer(min(ends), max(ends), array.dtype)
    if dtype is None:
        return array * float(slope) + float(inter)
    array = array.astype(dtype, copy=False)
    # Modulo 2**bits, intermediate results may overflow: the final ones fit, and are right.
    bits = 8 * dtype.itemsize
    plain = array.view(f'u{dtype.itemsize}')
    if slope != 1:
        plain *= plain.dtype.type(slope % 2**bits)
    plain += plain.dtype.type(inter % 2**bits)
    return array
