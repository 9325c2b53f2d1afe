"""What a collection is made of: where to read, or members, which are checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any

from .errors import CollectionError
from .formats.contract import is_location
from .inventory import Entry

__all__ = ['members', 'told', 'without_doubles']


def members(data: Any, kind: type[Any], name_of: Callable[[Any], str]) -> dict[Any, Any] | None:
    """Return the members that were given, as a dict; None for something that says where to read.

    Parameters
    ----------
    data : object
        None, a dict, a list, or what to read.
    kind : type
        Of the members.
    name_of : callable
        Gives the key of a member of a list.

    Raises
    ------
    CollectionError
        When a member is of another kind, or stands twice.
    """
    if data is None:
        return {}
    if isinstance(data, Mapping):
        return _checked(data, kind)
    if is_location(data):
        return None
    return without_doubles([(name_of(item), item) for item in _items(data, kind)])


def _items(data: Any, kind: type[Any]) -> list[Any]:
    """Return the members of a list, checked."""
    if isinstance(data, kind) or not isinstance(data, (list, tuple)):
        raise CollectionError(
            f'a URL, or a list or dict of {kind.__name__} is wanted, got {type(data).__name__}'
        )
    for item in data:
        if not isinstance(item, kind):
            raise CollectionError(f'a list of {kind.__name__} is wanted, with a {type(item).__name__} in it')
    return list(data)


def _checked(data: Mapping[Any, Any], kind: type[Any]) -> dict[Any, Any]:
    """Return the members of a dict, each of which is of a kind or an entry still to be read."""
    stored = dict.items(data) if isinstance(data, dict) else data.items()
    for key, item in stored:
        if not isinstance(item, (kind, Entry)):
            raise CollectionError(f'{key!r} is a {type(item).__name__}, and no {kind.__name__}')
    return dict(stored)


def without_doubles(given: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return members by their keys, of which none may stand twice."""
    found: dict[str, Any] = {}
    for key, item in given:
        if key in found:
            raise CollectionError(
                f'two members are called {key}: give a dict with keys of your own, or leave one out'
            )
        found[key] = item
    return found


def told(data: Any) -> str:
    """Return an input's name for a message: the first few names where there are many."""
    names = [data] if isinstance(data, (str, PathLike)) else list(data)
    shown = ', '.join(str(getattr(name, 'name', name)) for name in names[:3])
    return shown + (f' and {len(names) - 3} more' if len(names) > 3 else '')
