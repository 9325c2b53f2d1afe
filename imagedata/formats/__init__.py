"""Image formats: constants, errors and helpers that format plugins and programs share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import (
    BadShapeGiven,
    CannotSort,
    EmptyImageError,
    FormatPluginNotFound,
    NotImageError,
    NotTimeOrder,
    SOPInstanceUIDNotFound,
    UnknownInputError,
    UnknownTag,
    WriteNotImplemented,
)

__all__ = [
    'INPUT_ORDER_AUTO',
    'INPUT_ORDER_B',
    'INPUT_ORDER_BVECTOR',
    'INPUT_ORDER_DTI',
    'INPUT_ORDER_FA',
    'INPUT_ORDER_FAULTY',
    'INPUT_ORDER_NONE',
    'INPUT_ORDER_RSI',
    'INPUT_ORDER_TE',
    'INPUT_ORDER_TIME',
    'INPUT_ORDER_TRIGGERTIME',
    'SORT_ON_SLICE',
    'SORT_ON_TAG',
    'BadShapeGiven',
    'CannotSort',
    'EmptyImageError',
    'FormatPluginNotFound',
    'NotImageError',
    'NotTimeOrder',
    'SOPInstanceUIDNotFound',
    'UnknownInputError',
    'UnknownTag',
    'WriteNotImplemented',
    'find_plugin',
    'get_plugins_list',
    'get_size',
    'get_uid',
    'input_order_set',
    'shape_to_str',
    'sort_on_set',
    'sort_on_to_str',
    'str_to_dtype',
    'str_to_sort_on',
]

SORT_ON_SLICE = 0
SORT_ON_TAG = 1
sort_on_set = {SORT_ON_SLICE, SORT_ON_TAG}

INPUT_ORDER_AUTO = 'auto'
INPUT_ORDER_NONE = 'none'
INPUT_ORDER_TIME = 'time'
INPUT_ORDER_TRIGGERTIME = 'triggertime'
INPUT_ORDER_B = 'b'
INPUT_ORDER_BVECTOR = 'bvector'
INPUT_ORDER_DTI = 'dti'
INPUT_ORDER_RSI = 'rsi'
INPUT_ORDER_FA = 'fa'
INPUT_ORDER_TE = 'te'
INPUT_ORDER_FAULTY = 'faulty'
input_order_set = {
    INPUT_ORDER_NONE, INPUT_ORDER_TIME, INPUT_ORDER_TRIGGERTIME, INPUT_ORDER_B, INPUT_ORDER_BVECTOR,
    INPUT_ORDER_DTI, INPUT_ORDER_RSI, INPUT_ORDER_FA, INPUT_ORDER_TE, INPUT_ORDER_FAULTY,
}  # fmt: skip

_DTYPES: dict[str, Any] = {
    'none': None, 'uint8': np.uint8, 'uint16': np.uint16, 'int16': np.int16, 'int': np.int16,
    'float': np.float64, 'float32': np.float32, 'float64': np.float64, 'double': np.float64,
}  # fmt: skip


def sort_on_to_str(sort_on: int) -> str:
    """Return the name of a sort order: 'SORT_ON_SLICE' or 'SORT_ON_TAG'."""
    names = {SORT_ON_SLICE: 'SORT_ON_SLICE', SORT_ON_TAG: 'SORT_ON_TAG'}
    if sort_on not in names:
        raise UnknownTag(f'sort order {sort_on!r} is neither SORT_ON_SLICE (0) nor SORT_ON_TAG (1)')
    return names[sort_on]


def str_to_sort_on(text: str) -> int:
    """Return the sort order of a text: 'slice' or 'tag'."""
    values = {'slice': SORT_ON_SLICE, 'tag': SORT_ON_TAG}
    if text not in values:
        raise UnknownTag(f'sort order {text!r} is neither slice nor tag')
    return values[text]


def str_to_dtype(text: str) -> Any:
    """Return the NumPy type of a name, None for 'none'. 'int' is int16, 'float' float64."""
    if text not in _DTYPES:
        raise ValueError(f'data type {text!r} is not one of {", ".join(_DTYPES)}')
    return _DTYPES[text]


def shape_to_str(shape: Sequence[int]) -> str:
    """Return a shape as text.

    Examples
    --------
    >>> shape_to_str((2, 4, 8, 6))
    '2tx4x8x6'
    >>> shape_to_str((4, 8, 6))
    '4x8x6'
    """
    if not 1 <= len(shape) <= 5:
        raise ValueError(f'a shape of 1 to 5 dimensions is expected, got {tuple(shape)}')
    if len(shape) == 5:
        return '{}x{}tx{}x{}x{}'.format(*shape)
    if len(shape) == 4:
        return '{}tx{}x{}x{}'.format(*shape)
    return 'x'.join(str(n) for n in shape)


def get_size(obj: Any, seen: set[int] | None = None) -> int:
    """Return the size of an object and what it holds, in bytes, each counted once."""
    import sys

    seen = set() if seen is None else seen
    if id(obj) in seen:
        return 0
    seen.add(id(obj))
    size = sys.getsizeof(obj)
    if isinstance(obj, dict):
        size += sum(get_size(k, seen) + get_size(v, seen) for k, v in obj.items())
    elif isinstance(obj, (list, tuple, set, frozenset)):
        size += sum(get_size(item, seen) for item in obj)
    return size


def get_uid() -> Any:
    """Yield new UIDs without end."""
    from ..header import new_uid

    while True:
        yield new_uid()


def get_plugins_list() -> list[tuple[str, str, type]]:
    """Return the format plugins: (entry point name, plugin name, class)."""
    from ..registry import plugin_list

    return plugin_list('format')


def find_plugin(name: str) -> Any:
    """Return an instance of the format plugin of a name.

    Raises
    ------
    FormatPluginNotFound
    """
    from ..registry import formats

    for plugin in formats():
        if plugin.name == name:
            # That of imagedata 3 itself, not its adapter.
            return plugin.plugin() if hasattr(plugin, 'plugin') else plugin
    raise FormatPluginNotFound(f'there is no format plugin {name!r}')
