"""Calling NumPy's functions on plain arrays, and attaching what follows for the header."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ufuncs
from ..derive import axis_number, reduced
from . import joining, moving
from .median import median
from .sets import (
    BROADCASTING,
    DELEGATED,
    IN_PLACE,
    LIKE,
    METHODS,
    QUANTILES,
    REDUCTIONS,
    SAME_SHAPE,
)

if TYPE_CHECKING:
    from ..series import Series

__all__ = ['dispatch']

_NDARRAY = np.ndarray
_view = np.ndarray.view
_AXES = ('axis', 'axes', 'source', 'destination', 'axis1', 'axis2', 'start', 'pad_width')

HANDLERS: Mapping[Callable[..., Any], Callable[..., Any]] = {**moving.HANDLERS, **joining.HANDLERS}
"""For each function of `HANDLED`: from its plain result and its arguments to its result."""

FASTER: Mapping[Callable[..., Any], Callable[..., Any]] = {np.median: median}
"""What is called on plain arrays in the place of NumPy's function: the same values, sooner."""


def dispatch(asked: Series, func: Callable[..., Any], args: Any, kwargs: Mapping[str, Any]) -> Any:
    """Call a NumPy function on plain arrays, and attach the header that its result has.

    Parameters
    ----------
    asked : Series
        The argument, or `like`, that NumPy asked.
    func : callable
    args, kwargs
        As the user gave them.
    """
    if func in DELEGATED:
        args, kwargs = _numbered(func, args, kwargs)
        return func._implementation(*args, **kwargs)  # type: ignore[attr-defined]
    if func in LIKE:
        return _like(asked, _called(func, args, kwargs)[0])
    args, kwargs = _numbered(func, args, kwargs)
    if func in METHODS:
        method = _METHODS[func.__name__]
        source = _primary(func, args, kwargs)
        if source is not None:
            return method(func, args, kwargs, source)
    result, found = _called(func, args, kwargs)
    if func in IN_PLACE:
        target = _primary(func, args, kwargs)
        if target is not None:
            target._mark_changed()
        return result
    out = _given(func, 'out', args, kwargs)
    if out is not None:
        return ufuncs._given_out(out if isinstance(out, tuple) else (out,), result)
    return _attached(func, args, kwargs, result, found)


def _attached(
    func: Callable[..., Any], args: Any, kwargs: Mapping[str, Any], result: Any, found: list[Series]
) -> Any:
    """Attach to the plain result of a function what its set says."""
    if func in BROADCASTING:
        return ufuncs.attach(result, found) if found else result
    source = _primary(func, args, kwargs)
    if func in HANDLERS:
        bound = _signature(func).bind(*args, **kwargs)
        bound.apply_defaults()
        return HANDLERS[func](result, source, bound.arguments)
    if source is None:
        return result
    if func in REDUCTIONS or func in QUANTILES:
        given = _signature(func).bind(*args, **kwargs)
        given.apply_defaults()
        return _reduced(func, source, given.arguments, result)
    same = func in SAME_SHAPE and type(result) is _NDARRAY and result.shape == source.shape
    return source._derived(result, None) if same and kwargs.get('subok', True) else result


def _reduced(func: Any, source: Series, given: Mapping[str, Any], result: Any) -> Any:
    """Attach the header of an array reduced along `axis`."""
    if isinstance(result, tuple):
        return tuple(_reduced(func, source, given, r) for r in result)
    keepdims = given.get('keepdims', False)
    keepdims = keepdims is not np._NoValue and bool(keepdims)
    lead = np.ndim(given['q']) if func in QUANTILES else 0
    axis = given.get('axis')
    return source._derived(result, partial(reduced, axis=axis, keepdims=keepdims, lead=lead))


def _like(asked: Series, result: Any) -> Any:
    if type(result) is _NDARRAY and result.shape == asked.shape:
        return asked._derived(result, None)
    return result


def _called(
    func: Callable[..., Any], args: Any, kwargs: Mapping[str, Any]
) -> tuple[Any, list[Series]]:
    """Call a function, or its stand-in, on plain arrays; return its result and the Series found."""
    found: list[Series] = []
    plain = [_stripped(a, found) for a in args]
    plain_kwargs = {k: _stripped(v, found) for k, v in kwargs.items()}
    return FASTER.get(func, func)(*plain, **plain_kwargs), found


def _stripped(value: Any, found: list[Series]) -> Any:
    """Return `value` with each Series in it as a plain array, and note the Series found."""
    if ufuncs.is_series(value):
        found.append(value)
        return _view(value, _NDARRAY)
    if type(value) in (list, tuple) and any(isinstance(v, (_NDARRAY, list, tuple)) for v in value):
        return type(value)(_stripped(v, found) for v in value)
    return value


def _primary(func: Callable[..., Any], args: Any, kwargs: Mapping[str, Any]) -> Series | None:
    """Return the first argument of a function, where it is a Series."""
    first = args[0] if args else kwargs.get(next(iter(_signature(func).parameters)))
    if func is np.compress:
        first = args[1] if len(args) > 1 else kwargs.get('a')
    return first if ufuncs.is_series(first) else None


def _given(func: Callable[..., Any], name: str, args: Any, kwargs: Mapping[str, Any]) -> Any:
    """Return an argument, given by name or by its place, None where it was not given."""
    place = _place(func, name) if len(args) > 1 else None
    return kwargs.get(name) if place is None or place >= len(args) else args[place]


@lru_cache(maxsize=512)
def _place(func: Callable[..., Any], name: str) -> int | None:
    """Return the number of a parameter that may be given by its place, None where there is none."""
    parameters = _signature(func).parameters.values()
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return names.index(name) if name in names else None


@lru_cache(maxsize=512)
def _signature(func: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(func)
    except ValueError:
        # Before NumPy 2.3, functions written in C do not tell.
        return inspect.signature(_concatenate if func is np.concatenate else _anything)


def _concatenate(arrays: Any, /, axis: Any = 0, out: Any = None, **options: Any) -> Any: ...


def _anything(*args: Any, **kwargs: Any) -> Any: ...


def _is_named(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return any(isinstance(v, str) for v in value)
    return isinstance(value, str) or (
        isinstance(value, dict) and any(isinstance(k, str) for k in value)
    )


def _numbered(
    func: Callable[..., Any], args: Any, kwargs: Mapping[str, Any]
) -> tuple[Any, Mapping[str, Any]]:
    """Return the arguments with axes by number, where they are given by name."""
    if not any(_is_named(v) for v in (*args[1:], *kwargs.values())):
        return args, kwargs
    bound = _signature(func).bind(*args, **kwargs)
    found: list[Series] = []
    _stripped((*args, *kwargs.values()), found)
    for name in _AXES:
        value = bound.arguments.get(name)
        if found and _is_named(value):
            dims = found[0].header.dims
            if isinstance(value, dict):
                pairs: list[Any] = [(0, 0)] * len(dims)
                for key, width in value.items():
                    pairs[axis_number(dims, key)] = width if np.ndim(width) else (width, width)
                value = pairs
            else:
                value = axis_number(dims, value)
            bound.arguments[name] = value
    return bound.args, bound.kwargs


# --- methods ------------------------------------------------------------------------------------


def _by_method(func: Any, args: Any, kwargs: Mapping[str, Any], source: Series) -> Any:
    """Call the method of the function's name, with the same arguments but the first."""
    if not args:
        first = next(iter(_signature(func).parameters))
        kwargs = {k: v for k, v in kwargs.items() if k != first}
    name = {'around': 'round'}.get(func.__name__, func.__name__)
    return getattr(source, name)(*args[1:], **kwargs)


def _compress(func: Any, args: Any, kwargs: Mapping[str, Any], source: Series) -> Any:
    given = _signature(func).bind(*args, **kwargs).arguments
    return source.compress(given['condition'], given.get('axis'), given.get('out'))


def _choose(func: Any, args: Any, kwargs: Mapping[str, Any], source: Series) -> Any:
    given = _signature(func).bind(*args, **kwargs).arguments
    choices = given['choices']
    if not isinstance(choices, (list, tuple)):
        choices = list(choices)
    return source.choose(choices, out=given.get('out'), mode=given.get('mode', 'raise'))


def _copy(func: Any, args: Any, kwargs: Mapping[str, Any], source: Series) -> Any:
    given = _signature(func).bind(*args, **kwargs).arguments
    if not given.get('subok', True):
        return np.array(_view(source, _NDARRAY), order=given.get('order', 'K'))
    return source.copy(given.get('order', 'K'))


def _transpose(func: Any, args: Any, kwargs: Mapping[str, Any], source: Series) -> Any:
    axes = _signature(func).bind(*args, **kwargs).arguments.get('axes')
    return source.transpose() if axes is None else source.transpose(axes)


def _reshape(func: Any, args: Any, kwargs: Mapping[str, Any], source: Series) -> Any:
    found: list[Series] = []
    plain = [_stripped(a, found) for a in args]
    return source._reshaped(func(*plain, **{k: _stripped(v, found) for k, v in kwargs.items()}))


def _part(func: Any, args: Any, kwargs: Mapping[str, Any], source: Series) -> Any:
    return getattr(source, func.__name__)


def _matrix_transpose(func: Any, args: Any, kwargs: Mapping[str, Any], source: Series) -> Any:
    return source.mT


_METHODS: Mapping[str, Callable[..., Any]] = {
    **dict.fromkeys(
        ('swapaxes', 'squeeze', 'ravel', 'take', 'repeat', 'diagonal', 'cumsum', 'cumprod',
         'round', 'around', 'astype'),
        _by_method,
    ),
    'transpose': _transpose,
    'reshape': _reshape,
    'choose': _choose,
    'compress': _compress,
    'copy': _copy,
    'real': _part,
    'imag': _part,
    'matrix_transpose': _matrix_transpose,
}
