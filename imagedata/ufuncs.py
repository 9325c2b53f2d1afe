"""What NumPy's universal functions do to the header of a Series."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .axis import SPATIAL
from .derive import axis_number, broadcast, degraded, names_of, reduced
from .header import Header, Identity
from .indexing import PendingHeader, plain_dims
from .settings import geometry_mismatch

if TYPE_CHECKING:
    from .series import Series

__all__ = ['attach', 'call', 'compare_grids', 'for_new_values', 'is_series', 'plain_state']

_NDARRAY = np.ndarray
_view = np.ndarray.view
_WINDOW = ('windowCenter', 'windowWidth')
_NATIVE = frozenset({
    np.ndarray, int, float, complex, bool, list, tuple, str, bytes, type(None),
    np.float64, np.float32, np.int64, np.int32, np.int16, np.uint16, np.uint8, np.bool_,
})  # fmt: skip
"""Types that have no NumPy protocol of their own, looked up quickly."""

_FOREIGN: dict[type, bool] = {}


def is_series(value: Any) -> bool:
    """Return whether a value is a Series."""
    return isinstance(value, _NDARRAY) and hasattr(value, '_state')


def is_foreign(operand: Any) -> bool:
    """Return whether an operand has a NumPy protocol of its own, which then decides."""
    kind = type(operand)
    foreign = _FOREIGN.get(kind)
    if foreign is None:
        override = getattr(kind, '__array_ufunc__', None)
        ours = (_NDARRAY.__array_ufunc__, getattr(np.generic, '__array_ufunc__', None), None)
        foreign = override not in ours and not hasattr(kind, '_state')
        _FOREIGN[kind] = foreign
    return foreign


def call(series: Series, ufunc: np.ufunc, method: str, inputs: Any, kwargs: dict[str, Any]) -> Any:
    """Call a universal function on plain arrays, and attach the header that its result has.

    Parameters
    ----------
    series : Series
        The operand, or `out`, that was asked.
    ufunc : ufunc
    method : str
        '__call__', 'reduce', 'accumulate', 'reduceat', 'outer' or 'at'.
    inputs, kwargs
        As NumPy hands them over.
    """
    kind = type(series)
    plain = []
    for x in inputs:
        if type(x) is kind or is_series(x):
            plain.append(_view(x, _NDARRAY))
        elif type(x) in _NATIVE or not is_foreign(x):
            plain.append(x)
        else:
            return NotImplemented
    if method == '__call__' and not kwargs:
        result = _evaluate(ufunc, plain)
        if ufunc.signature is not None:
            return result  # matmul and its kind: the axes of the result are none of the operands'
        if type(result) is tuple:
            return tuple(attach(r, inputs) for r in result)
        return attach(result, inputs)
    return _call_with(series, ufunc, method, inputs, plain, kwargs)


def _call_with(
    series: Series, ufunc: np.ufunc, method: str, inputs: Any, plain: list[Any], kwargs: dict[str, Any]
) -> Any:
    """Call any method of a universal function, with options."""
    source = inputs[0]
    ours = is_series(source)
    if ours and 'axis' in kwargs:
        kwargs['axis'] = axis_number(source.header.dims, kwargs['axis'])
    out = kwargs.get('out')
    if out is not None:
        met = [x for x in (*inputs, *out, kwargs.get('where')) if is_series(x)]
        if len(met) > 1:
            _compare_all(met, None)  # in strict mode, before values change
        kwargs['out'] = tuple(_view(x, _NDARRAY) if is_series(x) else x for x in out)
    if is_series(kwargs.get('where')):
        kwargs['where'] = _view(kwargs['where'], _NDARRAY)
    result = getattr(ufunc, method)(*plain, **kwargs)
    if method == 'at':
        source._mark_changed()
        return result
    if out is not None:
        return _given_out(out, result)
    if not kwargs.get('subok', True):
        return result
    if ufunc.signature is not None or method == 'outer' or (not ours and method != '__call__'):
        return result
    if method == '__call__':
        if type(result) is tuple:
            return tuple(attach(r, inputs) for r in result)
        return attach(result, inputs)
    if type(result) is not _NDARRAY:
        return result
    axis = kwargs.get('axis', 0)
    if method == 'reduce':
        keepdims = bool(kwargs.get('keepdims', False))
        return source._derived(result, partial(reduced, axis=axis, keepdims=keepdims))
    if method == 'reduceat':
        return source._derived(result, lambda h: degraded(h, names_of(h.dims, axis)))
    return source._derived(result, None)


def _evaluate(ufunc: np.ufunc, operands: Sequence[Any]) -> Any:
    """Call a universal function; on colour, channel by channel where NumPy itself cannot."""
    try:
        return ufunc(*operands)
    except TypeError:
        names = {o.dtype.names for o in operands if isinstance(o, _NDARRAY) and o.dtype.names}
        if len(names) != 1 or ufunc.nout != 1 or ufunc.signature is not None:
            raise
        channels = {}
        for name in next(iter(names)):
            parts = [
                o[name] if isinstance(o, _NDARRAY) and o.dtype.names else o for o in operands
            ]
            channels[name] = np.asarray(ufunc(*parts))
        shape = np.broadcast_shapes(*(c.shape for c in channels.values()))
        result = np.empty(shape, dtype=[(name, c.dtype) for name, c in channels.items()])
        for name, channel in channels.items():
            result[name] = channel
        return result


def _given_out(out: tuple[Any, ...], result: Any) -> Any:
    """Return the very arrays that were given as `out`; their values are new."""
    for array in out:
        if is_series(array):
            array._mark_changed()
            if array._state is not None:
                array._state = for_new_values(array._state)
    if type(result) is tuple:
        return tuple(o if o is not None else r for o, r in zip(out, result, strict=True))
    return out[0]


def attach(result: Any, operands: Sequence[Any]) -> Any:
    """Attach to a result the header of the first Series that has its shape.

    The Series among the operands are compared with it, and with each other: they should lie
    in the same place.
    """
    if type(result) is not _NDARRAY:
        return result
    shape = result.shape
    source = None
    others = 0
    for operand in operands:
        if is_series(operand):
            if source is None and operand.shape == shape:
                source = operand
            else:
                others += 1
    if others:
        _compare_all([o for o in operands if is_series(o)], source)
    if source is None:
        return _broadcast_header(result, [o for o in operands if is_series(o)])
    series = _view(result, type(source))
    state = source._state
    if state is not None:
        series._state = for_new_values(state)
    series._identity = Identity(values_changed=True)
    return series


def _compare_all(operands: Sequence[Series], source: Series | None) -> None:
    first = operands[0] if source is None else source
    for other in operands:
        if other is not first and other._state is not first._state:
            compare_grids(first, other)


def for_new_values(state: Header | PendingHeader) -> Header | PendingHeader:
    """Return a header for new values: a display window that was set no longer applies."""
    root: Header | PendingHeader | None = state
    while type(root) is PendingHeader:
        root = root._header or root.parent
    if type(root) is Header and not root.attributes.keys().isdisjoint(_WINDOW):
        from .indexing import resolve

        return resolve(state).with_attributes(windowCenter=None, windowWidth=None)
    return state


def _broadcast_header(result: Any, operands: Sequence[Series]) -> Any:
    """Attach a header to a result that is larger than every Series that made it."""
    # The Series that fits most dimensions tells most of the result; the first of several.
    new = result.shape
    first = max(
        operands,
        key=lambda o: sum(n == m for n, m in zip(o.shape[::-1], new[::-1], strict=False)),
    )
    old = first.shape
    header = for_new_values(first._keep())
    state = PendingHeader(header, partial(broadcast, old=old, new=new), old, result.ndim)
    return first._attached(result, state, Identity(values_changed=True))


def plain_state(series: Series, ndim: int) -> PendingHeader:
    """Return the header of an array of which only the patient and the study are known."""
    dims = plain_dims(ndim)
    return PendingHeader(series._keep(), lambda header: header.plain(dims), series.shape, ndim)


def compare_grids(first: Series, second: Series) -> None:
    """Warn, or raise, when two Series of one operation do not lie in the same place."""
    a, b = first.header, second.header
    if a.geometry is None or b.geometry is None or a.geometry.assumed or b.geometry.assumed:
        return
    pairs = list(zip(a.dims[::-1], b.dims[::-1], first.shape[::-1], second.shape[::-1], strict=False))
    for name, other, n, m in pairs:
        if name != other and name in SPATIAL and other in SPATIAL and n == m > 1:
            geometry_mismatch(f'axis {name} of the one meets axis {other} of the other')
            return
    if a.geometry is b.geometry or a.geometry.shape != b.geometry.shape:
        return  # a plane broadcast over a volume claims no place of its own
    if {d for d in a.dims if d in SPATIAL} != {d for d in b.dims if d in SPATIAL}:
        return
    difference = a.geometry.difference(b.geometry)
    if difference:
        geometry_mismatch(difference)
