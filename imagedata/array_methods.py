"""The methods of NumPy arrays that move, pick or join voxels, with the header that follows.

NumPy would call only `__array_finalize__` for most of these, which cannot know what was done.
Each computes on the plain array, and attaches once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Self, SupportsIndex

import numpy as np
from numpy.typing import DTypeLike

from .derive import axis_number, degraded, names_of, reduced, repeated, squeezed
from .header import Header, Identity
from .indexing import PendingHeader, even
from .ufuncs import plain_state

if TYPE_CHECKING:
    _Base = np.ndarray[Any, Any]
else:
    _Base = object

__all__ = ['ArrayMethods']

_NDARRAY = np.ndarray
_view = np.ndarray.view

_PARAMETERS = {
    'sum': ('axis', 'dtype', 'out', 'keepdims', 'initial', 'where'),
    'prod': ('axis', 'dtype', 'out', 'keepdims', 'initial', 'where'),
    'mean': ('axis', 'dtype', 'out', 'keepdims'),
    'std': ('axis', 'dtype', 'out', 'ddof', 'keepdims'),
    'var': ('axis', 'dtype', 'out', 'ddof', 'keepdims'),
    'min': ('axis', 'out', 'keepdims', 'initial', 'where'),
    'max': ('axis', 'out', 'keepdims', 'initial', 'where'),
    'any': ('axis', 'out', 'keepdims'),
    'all': ('axis', 'out', 'keepdims'),
    'cumsum': ('axis', 'dtype', 'out'),
    'cumprod': ('axis', 'dtype', 'out'),
    'argmin': ('axis', 'out'),
    'argmax': ('axis', 'out'),
    'argsort': ('axis', 'kind', 'order'),
    'argpartition': ('kth', 'axis', 'kind', 'order'),
}


def plain(value: Any) -> Any:
    """Return a Series as a plain array, and anything else as it is."""
    return _view(value, _NDARRAY) if isinstance(value, ArrayMethods) else value


def _prepared(
    series: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, dict[str, Any], Any]:
    """Call a method on the plain array; return its result, its arguments, and `out`."""
    given = dict(zip(_PARAMETERS[name], args, strict=False))
    if len(args) > len(_PARAMETERS[name]) or given.keys() & kwargs.keys():
        given = {}  # NumPy words the error
    else:
        kwargs, args = {**given, **kwargs}, ()
    if 'axis' in kwargs:
        kwargs['axis'] = axis_number(series.header.dims, kwargs['axis'])
    out = kwargs.get('out')
    method = getattr(_NDARRAY, name)
    result = method(plain(series), *args, **{k: plain(v) for k, v in kwargs.items()})
    if isinstance(out, ArrayMethods):
        out._mark_changed()
    return result, kwargs, out


def _reduction(name: str) -> Any:
    """Return a method that drops the dimensions of its `axis`, given by number or name."""

    def method(self: ArrayMethods, *args: Any, **kwargs: Any) -> Any:
        result, given, out = _prepared(self, name, args, kwargs)
        if out is not None:
            return out
        keepdims = bool(given.get('keepdims', False))
        return self._derived(result, partial(reduced, axis=given.get('axis'), keepdims=keepdims))

    return _named(method, name, 'The axis may be given by name. A tag axis leaves the geometry.')


def _accumulation(name: str) -> Any:
    """Return a method with a result for each voxel."""

    def method(self: ArrayMethods, *args: Any, **kwargs: Any) -> Any:
        result, given, out = _prepared(self, name, args, kwargs)
        if out is not None:
            return out
        if given.get('axis') is None and self.ndim != 1:
            return self._unknown(result)
        return self._derived(result, None)

    return _named(method, name, 'The axis may be given by name.')


def _indices(name: str) -> Any:
    """Return a method whose result are indices: a plain array."""

    def method(self: ArrayMethods, *args: Any, **kwargs: Any) -> Any:
        result, _, out = _prepared(self, name, args, kwargs)
        return result if out is None else out

    return _named(method, name, 'The result is a plain array. The axis may be given by name.')


def _named(method: Callable[..., Any], name: str, note: str) -> Callable[..., Any]:
    method.__name__ = name
    method.__qualname__ = f'Series.{name}'
    method.__doc__ = f'As `numpy.ndarray.{name}`. {note}'
    return method


class ArrayMethods(_Base):
    """Methods of NumPy arrays, with the axes and the geometry of their results."""

    _state: Header | PendingHeader | None
    _identity: Identity | None

    if TYPE_CHECKING:
        header: Header

        def _attached(self, result: Any, state: Any, identity: Identity | None) -> Any: ...
        def _derived(self, result: Any, derive: Callable[[Header], Header] | None) -> Any: ...
        def _keep(self) -> Header | PendingHeader: ...
        def _get_identity(self) -> Identity: ...
        def _mark_changed(self) -> None: ...
        def _new_identity(self) -> Identity: ...

    def _same(self, result: Any, derive: Callable[[Header], Header] | None) -> Any:
        """Return the same values in another arrangement: still the same series."""
        state = self._keep()
        if derive is not None:
            state = PendingHeader(state, derive, self.shape, result.ndim)
        return self._attached(result, state, self._get_identity())

    def _unknown(self, result: Any) -> Any:
        """Return values whose dimensions have no name."""
        if not isinstance(result, _NDARRAY):
            return result
        return self._attached(result, plain_state(self, result.ndim), self._new_identity())  # type: ignore[arg-type]

    # --- values ----------------------------------------------------------------------------

    sum = _reduction('sum')
    prod = _reduction('prod')
    mean = _reduction('mean')
    std = _reduction('std')
    var = _reduction('var')
    min = _reduction('min')
    max = _reduction('max')
    any = _reduction('any')
    all = _reduction('all')
    cumsum = _accumulation('cumsum')
    cumprod = _accumulation('cumprod')
    argmin = _indices('argmin')
    argmax = _indices('argmax')
    argsort = _indices('argsort')
    argpartition = _indices('argpartition')

    def fill(self, value: Any) -> None:
        """Set all values, as `ndarray.fill`."""
        plain(self).fill(plain(value))
        self._mark_changed()

    def put(self, indices: Any, values: Any, mode: Any = 'raise') -> None:
        """Set single values, as `ndarray.put`."""
        plain(self).put(plain(indices), plain(values), mode)
        self._mark_changed()

    def round(self, decimals: SupportsIndex = 0, out: Any = None) -> Any:
        """Return the values rounded, as `ndarray.round`."""
        result = plain(self).round(decimals, plain(out))
        if out is not None:
            if isinstance(out, ArrayMethods):
                out._mark_changed()
            return out
        return self._derived(result, None)

    def byteswap(self, inplace: bool = False) -> Self:
        """Return the values with their bytes in the other order, as `ndarray.byteswap`."""
        result = plain(self).byteswap(inplace)
        if inplace:
            self._mark_changed()
            return self
        swapped: Self = self._derived(result, None)
        return swapped

    @property
    def real(self) -> Any:
        """The real part of the values: a view."""
        return self if self.dtype.kind != 'c' else self._part(plain(self).real)

    @real.setter
    def real(self, value: Any) -> None:
        plain(self).real = plain(value)

    @property
    def imag(self) -> Any:
        """The imaginary part of the values: a view, where they are complex."""
        return self._part(plain(self).imag)

    @imag.setter
    def imag(self, value: Any) -> None:
        plain(self).imag = plain(value)

    def _part(self, result: Any) -> Any:
        return self._attached(result, self._keep(), Identity(values_changed=True))

    # --- order ----------------------------------------------------------------------------

    def transpose(self, *axes: Any) -> Self:
        """Return the array with its dimensions, by number or name, in another order."""
        given = axes
        if len(axes) == 1 and axes[0] is not None and not isinstance(axes[0], (str, int, np.integer)):
            given = tuple(axes[0])
        if given and given[0] is not None:
            given = axis_number(self.header.dims, tuple(given))
            axes = (given,)
        result = plain(self).transpose(*axes)
        ndim = self.ndim
        order = [int(i) % ndim for i in given] if given and given[0] is not None else None
        moved: Self = self._same(
            result, lambda h: h.transposed(range(ndim)[::-1] if order is None else order)
        )
        return moved

    @property
    def T(self) -> Self:
        """The array with its dimensions reversed."""
        return self.transpose()

    @property
    def mT(self) -> Self:
        """The array with its last two dimensions interchanged."""
        if self.ndim < 2:
            raise ValueError('matrix transpose with ndim < 2 is undefined')
        return self.swapaxes(-1, -2)

    def swapaxes(self, axis1: SupportsIndex | str, axis2: SupportsIndex | str) -> Self:
        """Return the array with two dimensions, by number or name, interchanged."""
        a, b = (axis_number(self.header.dims, a) for a in (axis1, axis2))
        result = plain(self).swapaxes(a, b)
        order = list(range(self.ndim))
        order[a], order[b] = order[b], order[a]
        swapped: Self = self._same(result, lambda h: h.transposed(order))
        return swapped

    def sort(self, axis: SupportsIndex | str = -1, *args: Any, **kwargs: Any) -> None:
        """Sort in place, as `ndarray.sort`. The sorted dimension loses its meaning."""
        number = axis_number(self.header.dims, axis)
        plain(self).sort(number, *args, **kwargs)
        self._reordered(number)

    def partition(
        self, kth: Any, axis: SupportsIndex | str = -1, *args: Any, **kwargs: Any
    ) -> None:
        """Partition in place, as `ndarray.partition`. The dimension loses its meaning."""
        number = axis_number(self.header.dims, axis)
        plain(self).partition(kth, number, *args, **kwargs)
        self._reordered(number)

    def _reordered(self, axis: Any) -> None:
        header = self.header
        self._state = degraded(header, names_of(header.dims, axis))
        self._mark_changed()

    # --- shape ----------------------------------------------------------------------------

    def reshape(self, *shape: Any, **kwargs: Any) -> Any:
        """Return the values in another shape; in the same shape, with axes and geometry."""
        return self._reshaped(plain(self).reshape(*shape, **kwargs))

    def ravel(self, order: Any = 'C') -> Any:
        """Return the values in one dimension, a view where that can be."""
        return self._reshaped(plain(self).ravel(order))

    def flatten(self, order: Any = 'C') -> Any:
        """Return a copy of the values in one dimension."""
        return self._reshaped(plain(self).flatten(order))

    def _reshaped(self, result: Any) -> Any:
        if result.shape == self.shape:
            return self._same(result, None)
        return self._unknown(result)

    def squeeze(self, axis: Any = None) -> Self:
        """Return the array without its dimensions of length 1, or those of `axis`."""
        axis = axis_number(self.header.dims, axis)
        result = plain(self).squeeze(axis)
        if axis is None:
            gone = [i for i, n in enumerate(self.shape) if n == 1]
        else:
            gone = [int(i) for i in (axis if isinstance(axis, tuple) else (axis,))]
        squeezed_: Self = self._same(result, lambda h: squeezed(h, gone))
        return squeezed_

    def resize(self, *args: Any, **kwargs: Any) -> None:
        """Resize in place, as `ndarray.resize`; axes and geometry are lost."""
        before = self.shape
        _NDARRAY.resize(self, *args, **kwargs)
        if self.shape != before:
            self._state = plain_state(self, self.ndim)  # type: ignore[arg-type]

    def view(self, *args: Any, **kwargs: Any) -> Any:
        """Return a view, as `ndarray.view`: of another type, or of values read as another dtype."""
        result = _view(self, *args, **kwargs)
        if type(result) is type(self) and self._state is not None:
            if result.shape == self.shape and result.dtype.itemsize == self.dtype.itemsize:
                result._state = self._state
                result._identity = self._get_identity()
            else:
                result._state = plain_state(self, result.ndim)  # type: ignore[arg-type]
        return result

    # --- picking ----------------------------------------------------------------------------

    def take(self, indices: Any, axis: Any = None, out: Any = None, mode: Any = 'raise') -> Any:
        """Return the elements at `indices` along an axis, as `ndarray.take`."""
        axis = axis_number(self.header.dims, axis)
        result = plain(self).take(plain(indices), axis, plain(out), mode)
        if out is not None:
            return _filled(out)
        return self._taken(result, np.asarray(indices), axis, mode)

    def _taken(self, result: Any, indices: Any, axis: Any, mode: str = 'raise') -> Any:
        """Attach to `result` the header of the elements at `indices` along `axis`."""
        if not isinstance(result, _NDARRAY):
            return result
        if axis is None and self.ndim == 1:
            axis = 0
        if axis is None or indices.ndim > 1 or indices.dtype.kind not in 'iub':
            return self._unknown(result)
        axis = int(axis) % self.ndim
        n = self.shape[axis]
        chosen = indices.astype(np.intp).ravel()
        if mode == 'clip':
            chosen = np.clip(chosen, 0, n - 1)
        picked = [int(i) % n for i in chosen]
        scalar = indices.ndim == 0

        def derive(header: Header) -> Header:
            name = header.dims[axis]
            dims = tuple(d for d in header.dims if d != name) if scalar else header.dims
            return header.picked({name: even(picked)}, dims)

        return self._same(result, derive)

    def compress(self, condition: Any, axis: Any = None, out: Any = None) -> Any:
        """Return the elements for which a condition along an axis holds."""
        axis = axis_number(self.header.dims, axis)
        result = plain(self).compress(plain(condition), axis, plain(out))
        if out is not None:
            return _filled(out)
        return self._taken(result, np.flatnonzero(np.asarray(condition)), axis)

    def repeat(self, repeats: Any, axis: Any = None) -> Self:
        """Return the array with each element along an axis repeated.

        Repeated by one number along a spatial axis, voxels become smaller. Repeated by several,
        the places are lost.
        """
        axis = axis_number(self.header.dims, axis)
        result = plain(self).repeat(plain(repeats), axis)
        counts = np.asarray(repeats).ravel()
        if axis is None:
            unknown: Self = self._unknown(result)
            return unknown
        at = int(axis) % self.ndim
        n = self.shape[at]
        if counts.size == 1:
            count = int(counts[0])
            same: Self = self._same(result, lambda h: repeated(h, h.dims[at], n, count))
            return same
        taken: Self = self._taken(result, np.repeat(np.arange(n), counts), at)
        return taken

    def diagonal(self, *args: Any, **kwargs: Any) -> Any:
        """Return a diagonal, as `ndarray.diagonal`, without axes and geometry."""
        return self._unknown(plain(self).diagonal(*args, **kwargs))

    def trace(self, *args: Any, **kwargs: Any) -> Any:
        """Return the sum of a diagonal, as `ndarray.trace`: a plain array or number."""
        return plain(self).trace(*args, **{k: plain(v) for k, v in kwargs.items()})

    def choose(self, *choices: Any, out: Any = None, mode: Any = 'raise') -> Any:
        """Return, for each voxel, the choice of its number, as `ndarray.choose`."""
        given = choices[0] if len(choices) == 1 else choices
        chosen = [plain(c) for c in given] if isinstance(given, (list, tuple)) else plain(given)
        result = plain(self).choose(chosen, out=plain(out), mode=mode)
        if out is not None:
            return _filled(out)
        if isinstance(result, _NDARRAY) and result.shape == self.shape:
            return self._derived(result, None)
        return self._unknown(result)

    # --- plain results, and masked arrays ----------------------------------------------------

    def masked(self, mask: Any) -> np.ma.MaskedArray[Any, Any]:
        """Return a masked array of these values, not copied, without axes and geometry.

        Parameters
        ----------
        mask : array_like of bool
            True where values are invalid.
        """
        return np.ma.MaskedArray(plain(self), mask=plain(mask))

    def nonzero(self) -> Any:
        """Return the indices of values that are not zero, as plain arrays."""
        return plain(self).nonzero()

    def searchsorted(self, v: Any, side: Any = 'left', sorter: Any = None) -> Any:
        """Return where values belong in the sorted array: a plain array."""
        return plain(self).searchsorted(plain(v), side, plain(sorter))

    def dot(self, b: Any, out: Any = None) -> Any:
        """Return the dot product: a plain array."""
        result = plain(self).dot(plain(b), plain(out))
        return result if out is None else _filled(out)

    # --- conversion ----------------------------------------------------------------------------

    def astype(self, dtype: DTypeLike, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        """Return the values converted, as `ndarray.astype`."""
        before = plain(self)
        values = before.astype(dtype, *args, **kwargs)
        if values is before:
            return self
        # order, casting, subok and copy may be given by position.
        if not kwargs.get('subok', args[2] if len(args) > 2 else True):
            return values
        return self._attached(values, self._keep(), self._new_identity())


def _filled(out: Any) -> Any:
    """Return the array that was given as `out`; its values are new."""
    if isinstance(out, ArrayMethods):
        out._mark_changed()
    return out
