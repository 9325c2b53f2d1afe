"""Reading private elements, whether or not the reader knew their type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['numbers', 'private_value']


def private_value(dataset: Dataset, group: int, creator: str, element: int, maker: str = '') -> Any:
    """Return the value of a private element, None when it, or its creator, is not there.

    Parameters
    ----------
    group : int
    creator : str
        Text of the private creator that reserves the block.
    element : int
        Low byte of the element number.
    maker : str
        Beginning of the manufacturer's name. Some anonymisers remove the private creators and
        leave the elements; the first block of a group is then taken to be this vendor's own.
    """
    reserved = False
    for block in range(0x10, 0x21):
        item = dataset.get_item((group, block)) if (group, block) in dataset else None
        if item is None:
            continue
        reserved = True
        if _creator(item.value) == creator:
            return _value(dataset, group, block, element)
    if maker and not reserved and str(dataset.get('Manufacturer') or '').upper().startswith(maker):
        return _value(dataset, group, 0x10, element)
    return None


def _value(dataset: Dataset, group: int, block: int, element: int) -> Any:
    tag = (group, (block << 8) | element)
    return dataset[tag].value if tag in dataset else None


def _creator(value: Any) -> str:
    text = value.decode('ascii', 'ignore') if isinstance(value, bytes) else str(value)
    return text.strip(' \0')


def numbers(value: Any, width: int = 0) -> list[float]:
    """Return the numbers in a value, also where its bytes were not understood.

    Parameters
    ----------
    value : object
        A number, a text of numbers separated by backslashes, several of them, or bytes.
    width : int
        What bytes hold: 4 for single, 8 for double precision, 0 for text.
    """
    if value is None:
        return []
    if isinstance(value, bytes):
        if width:
            whole = value[: len(value) // width * width]
            return [float(v) for v in np.frombuffer(whole, f'<f{width}')]
        value = value.decode('ascii', 'ignore').strip(' \0')
    if isinstance(value, str):
        value = value.split('\\')
    values = value if isinstance(value, (list, tuple)) or hasattr(value, '__iter__') else [value]
    found = []
    for part in values:
        try:
            found.append(float(part))
        except (TypeError, ValueError):
            return []
    return found
