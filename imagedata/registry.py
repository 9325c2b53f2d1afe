"""Plugins: found by the entry-point group `imagedata_plugins`, loaded when their kind is first needed.

The names of entry points end with their kind by custom ('niftiformat'); one that does not is
loaded with any kind. A plugin that cannot be used is skipped with a warning that names it,
whatever is wrong with it: it is not ours, and must not keep the others from working.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Any, Literal, TypeAlias, cast

from .archives.contract import Archive
from .errors import (
    ArchivePluginNotFound,
    FormatPluginNotFound,
    ImagedataError,
    NoTransportError,
    PluginWarning,
)
from .formats.contract import Format
from .notices import warn_user
from .transports.contract import Transport

__all__ = [
    'Kind',
    'PluginState',
    'archive',
    'archives',
    'format_for',
    'formats',
    'missing_modules',
    'plugin_instance',
    'plugin_list',
    'plugin_states',
    'plugin_table',
    'transport_for',
]

GROUP = 'imagedata_plugins'

Kind: TypeAlias = Literal['format', 'archive', 'transport']
KINDS: tuple[Kind, ...] = ('format', 'archive', 'transport')

_MEMBERS: dict[Kind, tuple[str, ...]] = {
    'format': ('name', 'extensions', 'single_file', 'capabilities', 'requires', 'identifies', 'read',
               'companions', 'wrote', 'write'),
    'archive': ('name',),
    'transport': ('name', 'schemes'),
}  # fmt: skip
"""What a plugin class must have. Archives and transports are checked for what finds them."""

_LEGACY_MEMBERS: dict[Kind, tuple[str, ...]] = {
    'format': ('_read_image', '_set_tags', 'write_3d_numpy', 'write_4d_numpy'),
    'archive': ('getmembers', 'getnames', 'open'),
    'transport': ('walk', 'isfile', 'open'),
}
"""What tells a plugin class of imagedata 3."""

_ORDER = {'dicom': -3, 'nifti': -2, 'nibabel': -1, 'itk': 1}
"""Formats that are asked before the others, and after them: SimpleITK knows too many."""


@dataclass(frozen=True, slots=True)
class PluginState:
    """What became of one entry point.

    Parameters
    ----------
    kind : str
        'format', 'archive' or 'transport'; '' where it could not be loaded and its name does
        not tell.
    entry : str
        Name of the entry point.
    value : str
        Where it points: 'package.module:Class'.
    package : str
        Distribution and version that brought it.
    plugin : type or None
        The class; None when it was skipped.
    problem : str
        Why it was skipped; '' when it was not.
    """

    kind: str
    entry: str
    value: str
    package: str
    plugin: type | None = None
    problem: str = ''

    @property
    def is_legacy(self) -> bool:
        """Whether it is a plugin of imagedata 3, which is used through an adapter."""
        return self.plugin is not None and _is_legacy(self.plugin, cast(Kind, self.kind))


@cache
def _entries() -> tuple[EntryPoint, ...]:
    """Return the entry points, once a process: those of this package first, then by package and name."""

    def key(entry: EntryPoint) -> tuple[bool, str, str]:
        package = _package_name(entry)
        return package != 'imagedata', package, entry.name

    found = tuple(sorted(entry_points(group=GROUP), key=key))
    if not found:
        raise ImagedataError(
            'no plugin is registered: imagedata is not installed (its entry points are missing); '
            'run pip install in its source folder'
        )
    return found


def _package_name(entry: EntryPoint) -> str:
    return entry.dist.name.lower().replace('_', '-') if entry.dist is not None else ''


def _kind_named(entry: EntryPoint) -> str:
    """Return the kind that the name of an entry point ends with, '' where it tells none."""
    return next((kind for kind in KINDS if entry.name.endswith(kind)), '')


@cache
def _states(kind: Kind) -> tuple[PluginState, ...]:
    """Load the plugins of a kind, and warn of those that are skipped."""
    states: list[PluginState] = []
    taken: dict[str, PluginState] = {}
    for entry in _entries():
        if _kind_named(entry) not in (kind, ''):
            continue
        state = _load(entry, kind)
        if state is None:
            continue
        name = getattr(state.plugin, 'name', '')
        if state.plugin is not None and name in taken:
            other = taken[name]
            state = _skipped(entry, kind, f'the name {name!r} is taken by {other.value} of {other.package}')
        if state.plugin is not None:
            taken[name] = state
        states.append(state)
    return tuple(states)


@cache
def _loaded(entry: EntryPoint) -> type | str:
    """Return the class of an entry point, or what is wrong with it."""
    try:
        return cast(type, entry.load())
    except Exception as error:  # noqa: BLE001 - it may do anything, and is not ours
        return f'{type(error).__name__}: {error}'


def _load(entry: EntryPoint, kind: Kind) -> PluginState | None:
    """Return what became of an entry point, None where it is of another kind."""
    plugin = _loaded(entry)
    if isinstance(plugin, str):
        return _skipped(entry, _kind_named(entry), plugin)
    own = getattr(plugin, 'plugin_type', None)
    if own != kind:
        if own in KINDS and not _kind_named(entry):
            return None
        return _skipped(entry, kind, f'its plugin_type is {own!r}, and its name says {kind}')
    lacking = _lacking(plugin, kind)
    if lacking:
        return _skipped(entry, kind, f'it lacks {", ".join(lacking)}')
    return PluginState(kind, entry.name, entry.value, _package(entry), plugin)


def _lacking(plugin: type, kind: Kind) -> list[str]:
    """Return what a class lacks to be a plugin of its kind, of this version or of imagedata 3."""
    if _is_legacy(plugin, kind):
        return [] if isinstance(getattr(plugin, 'name', None), str) else ['name']
    return [name for name in _MEMBERS[kind] if not hasattr(plugin, name)]


def _is_legacy(plugin: type, kind: Kind) -> bool:
    return all(hasattr(plugin, name) for name in _LEGACY_MEMBERS[kind])


def _package(entry: EntryPoint) -> str:
    return f'{entry.dist.name} {entry.dist.version}' if entry.dist is not None else 'an unknown package'


@cache
def _warn(text: str) -> None:
    """Warn once of each plugin, also where several kinds meet it."""
    warn_user(text, PluginWarning)


def _skipped(entry: EntryPoint, kind: str, problem: str) -> PluginState:
    text = ' '.join(problem.split())
    _warn(f'plugin {entry.name} ({entry.value}, of {_package(entry)}) is skipped: {text}')
    return PluginState(kind, entry.name, entry.value, _package(entry), None, text)


def plugin_states() -> list[PluginState]:
    """Return what became of every entry point, by kind."""
    states = [state for kind in KINDS for state in _states(kind)]
    return list(dict.fromkeys(states))


@cache
def plugin_list(kind: Kind) -> list[tuple[str, str, type]]:
    """Return the plugins of a kind: (entry point name, plugin name, class).

    The same list each time: what a program appends to it is used as if it were installed.
    """
    return [
        (state.entry, str(getattr(state.plugin, 'name', '')), state.plugin)
        for state in _states(kind)
        if state.plugin is not None
    ]


@cache
def plugin_table() -> dict[str, list[tuple[str, str, type]]]:
    """Return the lists of plugins by kind."""
    return {kind: plugin_list(kind) for kind in KINDS}


def _classes(kind: Kind) -> list[type]:
    """Return the plugin classes of a kind, each name once."""
    found: dict[str, type] = {}
    for entry, name, plugin in plugin_list(kind):
        if found.setdefault(name, plugin) is not plugin and found[name].__name__ != plugin.__name__:
            _warn(f'plugin {entry} ({plugin.__module__}) is skipped: the name {name!r} is taken')
    return list(found.values())


@cache
def _instance(plugin: type, kind: Kind) -> Any:
    """Return the plugin, made once, or the adapter for one of imagedata 3.

    None when it cannot be made: it is skipped, with a warning.
    """
    try:
        if _is_legacy(plugin, kind):
            from .legacy import adapted

            return adapted(plugin, kind)
        return plugin()
    except Exception as error:  # noqa: BLE001 - it may do anything, and is not ours
        name = getattr(plugin, 'name', plugin.__name__)
        _warn(f'plugin {name} ({plugin.__module__}) is skipped: {type(error).__name__}: {error}')
        return None


def plugin_instance(state: PluginState) -> Any:
    """Return the plugin, or the adapter, of an entry point; None where it is skipped."""
    return None if state.plugin is None else _instance(state.plugin, cast(Kind, state.kind))


def _instances(kind: Kind) -> list[Any]:
    made = [_instance(plugin, kind) for plugin in _classes(kind)]
    return [plugin for plugin in made if plugin is not None]


def formats() -> tuple[Format, ...]:
    """Return the format plugins, in the order in which they are asked: DICOM first, ITK last."""
    return tuple(sorted(_instances('format'), key=lambda f: _ORDER.get(f.name, 0)))


def archives() -> tuple[Archive, ...]:
    """Return the archive plugins."""
    return tuple(_instances('archive'))


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
    skipped = [state for state in _states('format') if state.problem and wanted.lower() in state.entry]
    why = f' ({skipped[0].entry} is skipped: {skipped[0].problem})' if skipped else ''
    names = ', '.join(f'{p.name} ({" ".join(p.extensions)})' for p in known)
    raise FormatPluginNotFound(f'there is no format {wanted!r}{why}: the formats are {names}')


def extension_for(plugin: Format, wanted: str | None) -> str:
    """Return the extension of files of a format: the one that its user named it by, else its usual one."""
    extension = '.' + (wanted or '').lower().lstrip('.')
    return extension if extension in plugin.extensions else plugin.extensions[0]


def missing_modules(plugin: Any) -> dict[str, str]:
    """Return the modules of `plugin.requires` that are not installed, with what pip is to install."""
    requires = getattr(plugin, 'requires', {})
    return {module: install for module, install in requires.items() if find_spec(module) is None}


def transport_for(scheme: str) -> Any:
    """Return the transport plugin for a URL scheme.

    Who installs a package for a scheme wants it used: it comes before a transport of this one.

    Raises
    ------
    NoTransportError
    """
    known: list[Transport] = _instances('transport')
    found = [transport for transport in known if scheme in transport.schemes]
    if found:
        return min(found, key=_is_ours)
    schemes = ', '.join(sorted({s for transport in known for s in transport.schemes}))
    raise NoTransportError(f'no transport knows {scheme}:// URLs: the schemes are {schemes}')


def _is_ours(plugin: Any) -> bool:
    module = type(plugin).__module__
    return module.startswith('imagedata.') and not module.startswith('imagedata.legacy')


def archive(name: str) -> Any:
    """Return the archive plugin of a name.

    Raises
    ------
    ArchivePluginNotFound
    """
    for plugin in archives():
        if plugin.name == name:
            return plugin
    raise ArchivePluginNotFound(f'there is no archive plugin {name!r}')
