"""A dict that can be asked by position, and reads its values when they are used."""

from __future__ import annotations

from collections.abc import Callable, Collection, ItemsView, Iterator, Mapping, ValuesView
from typing import Any, ClassVar, SupportsIndex, TypeVar, cast

from .errors import EntryNotFoundError

__all__ = ['IndexedDict']

K = TypeVar('K')
V = TypeVar('V')


class IndexedDict(dict[K, V]):
    """Dict whose values are also found by position, or by another name of theirs.

    A value may be stored as something that stands for it; `_loaded` makes it when it is used.
    `what` says in messages what the values are.
    """

    what: ClassVar[str] = 'entry'

    def _loaded(self, key: K, stored: Any) -> V:
        """Return the value of a key, from what is stored."""
        return cast(V, stored)

    def _names(self, key: K, stored: Any) -> tuple[Any, ...]:
        """Return other names of an entry."""
        return ()

    def _stored(self) -> dict[Any, Any]:
        """Return what is stored, as it is."""
        return dict(zip(dict.keys(self), dict.values(self), strict=True))

    def _with_only(self, keys: Collection[Any]) -> Any:
        """Return the collection with some of its entries, read or not."""
        kept = {key: stored for key, stored in self._stored().items() if key in keys}
        return _rebuilt(type(self), kept, vars(self))

    # --- looking up -------------------------------------------------------------------------

    def _key(self, item: Any) -> K:
        """Return the key that is meant by a key, a position or a name.

        Raises
        ------
        EntryNotFoundError
            When there is none, or several.
        """
        if _is_position(item):
            keys = list(dict.keys(self))
            if not -len(keys) <= item < len(keys):
                raise EntryNotFoundError(f'there is no {self.what} at position {item}: there are {len(self)}')
            return cast(K, keys[item])
        if dict.__contains__(self, item):
            return cast(K, item)
        return self._only(lambda key, stored: item in self._names(key, stored), repr(item))

    def _only(self, wanted: Callable[[K, Any], bool], told: str) -> K:
        """Return the one key that a function accepts."""
        found = [key for key, stored in dict.items(self) if wanted(key, stored)]
        if len(found) == 1:
            return found[0]
        if found:
            raise EntryNotFoundError(
                f'{len(found)} of {self.what} are {told}: ask by key, or by position '
                f'{", ".join(str(list(dict.keys(self)).index(key)) for key in found)}'
            )
        raise EntryNotFoundError(f'there is no {self.what} {told}, among {len(self)}: print the collection')

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, slice):
            return [self[key] for key in list(dict.keys(self))[item]]
        key = self._key(item)
        return self._loaded(key, dict.__getitem__(self, key))

    def __contains__(self, item: object) -> bool:
        if _is_position(item):
            return dict.__contains__(self, item)
        if isinstance(item, slice):
            return False
        try:
            self._key(item)
        except (EntryNotFoundError, TypeError):
            return False
        return True

    def get(self, item: Any, default: Any = None) -> Any:
        """Return the value of a key, position or name; the default without."""
        try:
            key = self._key(item)
        except EntryNotFoundError:
            return default
        return self[key]

    # --- walking ----------------------------------------------------------------------------

    def __iter__(self) -> Iterator[K]:
        # Also tells `dict(collection)` not to take what is stored for the values.
        return iter(list(dict.keys(self)))

    def _walk(self) -> Iterator[tuple[K, V]]:
        """Yield keys and values."""
        for key in self:
            yield key, self[key]

    def values(self) -> Any:
        """Return a view of the values: each is read when the loop comes to it."""
        return _Values(self)

    def items(self) -> Any:
        """Return a view of keys and values: each is read when the loop comes to it."""
        return _Items(self)

    def pop(self, item: Any, *default: Any) -> Any:
        """Remove a value, and return it."""
        try:
            key = self._key(item)
        except EntryNotFoundError:
            if default:
                return default[0]
            raise
        value = self[key]
        dict.__delitem__(self, key)
        return value

    def popitem(self) -> Any:
        """Remove the last value, and return it with its key."""
        key = self._key(-1)
        return key, self.pop(key)

    def __delitem__(self, item: Any) -> None:
        dict.__delitem__(self, self._key(item))

    def __reduce__(self) -> Any:
        # What is stored, so that nothing is read for a copy in another process.
        return _rebuilt, (type(self), dict(dict.items(self)), vars(self))


def _is_position(item: Any) -> bool:
    """Return whether something counts entries: a whole number, NumPy's among them."""
    return isinstance(item, SupportsIndex) and not isinstance(item, bool)


class _Values(ValuesView[Any]):
    _mapping: Any

    def __iter__(self) -> Iterator[Any]:
        return (value for _, value in self._mapping._walk())


class _Items(ItemsView[Any, Any]):
    _mapping: Any

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return iter(self._mapping._walk())


def _rebuilt(cls: Any, stored: Mapping[Any, Any], attributes: dict[str, Any]) -> Any:
    made = cls.__new__(cls)
    dict.update(made, stored)
    made.__dict__.update(attributes)
    return made
