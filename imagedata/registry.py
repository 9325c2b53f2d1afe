"""Plugins, found by the entry-point group `imagedata_plugins` and loaded when first needed."""

from __future__ import annotations

import warnings
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from .archives.contract import Archive
from .errors import (
    ArchivePluginNotFound,
    FormatPluginNotFound,
    ImagedataError,
    NoTransportError,
    PluginWarning,
)
from .formats.contract import Format

__all__ = ['archive', 'archives', 'format_for', 'formats', 'plugin_table', 'transport_for']

GROUP = 'imagedata_plugins'
_KINDS = ('format', 'archive', 'transport')


@lru_cache(maxsize=1)
def _loaded() -> dict[str, list[tuple[str, type]]]:
    """Return the plugin classes by kind, with the names of their entry points.

    A plugin that cannot be loaded is skipped with a warning that names it, whatever is wrong
    with it: it is not ours, and must not keep the others from working.
    """
    found: dict[str, list[tuple[str, type]]] = {kind: [] for kind in _KINDS}
    for entry in sorted(entry_points(group=GROUP), key=lambda e: e.name):
        plugin = _load(entry)
        if plugin is None:
            continue
        kind = getattr(plugin, 'plugin_type', None)
        if kind not in found:
            _skip(entry, f'its plugin_type is {kind!r}, not one of {", ".join(_KINDS)}')
        elif entry.name in [name for name, _ in found[kind]]:
            _skip(entry, 'another plugin has that name')
        else:
            found[kind].append((entry.name, plugin))
    if not any(found.values()):
        raise ImagedataError(
            'no plugin is registered: imagedata is not installed (its entry points are missing); '
            'run pip install in its source folder'
        )
    return found


def _load(entry: EntryPoint) -> type | None:
    try:
        return cast(type, entry.load())
    except Exception as error:  # noqa: BLE001 - see _loaded
        _skip(entry, f'{type(error).__name__}: {error}')
        return None


def _skip(entry: EntryPoint, reason: str) -> None:
    warnings.warn(f'plugin {entry.name} ({entry.value}) is skipped: {reason}', PluginWarning, stacklevel=2)


def plugin_table() -> dict[str, list[tuple[str, str, type]]]:
    """Return the plugins by kind: (entry point name, class name, class)."""
    return {
        kind: [(name, plugin.__name__, plugin) for name, plugin in plugins]
        for kind, plugins in _loaded().items()
    }


@lru_cache(maxsize=1)
def formats() -> tuple[Format, ...]:
    """Return an instance of each format plugin, DICOM first, then NIfTI."""
    first = {'dicom': 0, 'nifti': 1}
    found: list[Format] = [cast(Format, plugin()) for _, plugin in _loaded()['format']]
    return tuple(sorted(found, key=lambda f: first.get(f.name, 2)))


def format_for(wanted: str) -> Format:
    """Return the format of a name ('nifti') or an extension ('.nii', 'nii').

    Raises
    ------
    FormatPluginNotFound
    """
    known = formats()
    for plugin in known:
        if plugin.name == wanted.lower():
            return plugin
    extension = '.' + wanted.lower().lstrip('.')
    for plugin in known:
        if extension in plugin.extensions:
            return plugin
    names = ', '.join(f'{p.name} ({" ".join(p.extensions)})' for p in known)
    raise FormatPluginNotFound(f'there is no format {wanted!r}: the formats are {names}')


def transport_for(scheme: str) -> Any:
    """Return an instance of the transport plugin for a URL scheme.

    Raises
    ------
    NoTransportError
    """
    schemes: list[str] = []
    for _, plugin in _loaded()['transport']:
        own = list(getattr(plugin, 'schemes', ()))
        schemes += own
        if scheme in own:
            return plugin()
    raise NoTransportError(f'no transport knows {scheme}:// URLs: the schemes are {", ".join(schemes)}')


def archive(name: str) -> Any:
    """Return an instance of the archive plugin of a name.

    Raises
    ------
    ArchivePluginNotFound
    """
    for _, plugin in _loaded()['archive']:
        if getattr(plugin, 'name', None) == name:
            return plugin()
    raise ArchivePluginNotFound(f'there is no archive plugin {name!r}')


@lru_cache(maxsize=1)
def archives() -> tuple[Archive, ...]:
    """Return an instance of each archive plugin."""
    return tuple(cast(Archive, plugin()) for _, plugin in _loaded()['archive'])
