"""A dictionary that is looked up from either side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

__all__ = ['TwoWayDict']

KT = TypeVar('KT')
VT = TypeVar('VT')


class TwoWayDict(dict[KT | VT, VT | KT], Generic[KT, VT]):
    """A dictionary in which each value is a key as well; its length is the number of pairs.

    Parameters
    ----------
    pairs : mapping, optional
    """

    def __init__(self, pairs: Mapping[KT, VT] | None = None) -> None:
        super().__init__()
        for key, value in (pairs or {}).items():
            self[key] = value

    def __setitem__(self, key: KT | VT, value: VT | KT) -> None:
        """Pair two things, which leave their former partners."""
        for one in (key, value):
            if one in self:
                del self[one]
        super().__setitem__(key, value)
        super().__setitem__(value, key)

    def __delitem__(self, key: KT | VT) -> None:
        """Remove a pair."""
        value = self[key]
        super().__delitem__(key)
        if value != key:
            super().__delitem__(value)

    def __len__(self) -> int:
        """Return the number of pairs."""
        alone = sum(key == value for key, value in self.items())
        return (super().__len__() + alone) // 2
