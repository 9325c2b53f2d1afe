"""Reading private elements, whether or not the reader knew their type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom.dataset import Dataset

    from ....geometry import FloatArray

__all__ = ['Diffusion', 'PrivateElements', 'numbers', 'private_block', 'private_value']


class PrivateElements(NamedTuple):
    """Private elements of one creator: low bytes of their numbers, in whatever block it reserved."""

    group: int
    creator: str
    elements: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Diffusion:
    """Which private elements of a vendor say something of diffusion.

    Parameters
    ----------
    b_value : PrivateElements, optional
        One element; of several values, the first one is the b value.
    direction : PrivateElements, optional
        One element of three numbers, or three of one.
    others : tuple of PrivateElements
        Further numbers and codes that hold for one b value and direction only, such as the b matrix.
    axes : function, optional
        Where the direction is not written in the patient system: takes a header, and returns the
        axes that it is written in, columns of a (3, 3) array, LPS; None where they are not known.
    """

    b_value: PrivateElements | None = None
    direction: PrivateElements | None = None
    others: tuple[PrivateElements, ...] = ()
    axes: Callable[[Dataset], FloatArray | None] | None = None

    @property
    def elements(self) -> tuple[PrivateElements, ...]:
        """All of them."""
        return tuple(e for e in (self.b_value, self.direction, *self.others) if e is not None)


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
        Beginning of the manufacturer's name, in capitals. Some anonymisers remove the private creators and
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


def private_block(dataset: Dataset, group: int, creator: str) -> int | None:
    """Return the number of the block that a private creator reserved, None without.

    That of pydicom remembers the dataset that it was first asked of: in a deep copy of that, what is
    set by it is set in the original.
    """
    for block in range(0x10, 0x21):
        if (group, block) in dataset and _creator(dataset[group, block].value) == creator:
            return block
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
        What bytes hold: 4 for single (FL), 8 for double precision (FD), 0 for text (DS, IS). Private
        elements are bytes in files of implicit VR, where pydicom's dictionary does not have their creator.
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
