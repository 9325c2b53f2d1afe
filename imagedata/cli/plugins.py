"""`imagedata plugins`: what reads, writes and reaches what, and what is missing."""

from __future__ import annotations

import argparse
import warnings
from typing import Any

from ..cmdline import say
from ..errors import PluginWarning
from ..registry import KINDS, PluginState, missing_modules, plugin_instance, plugin_states

__all__ = ['add_arguments', 'run']


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument('kind', nargs='?', choices=KINDS, help='list those of one kind only')


def run(args: argparse.Namespace) -> None:
    """List the plugins."""
    with warnings.catch_warnings():
        # The list itself tells what is skipped.
        warnings.simplefilter('ignore', PluginWarning)
        states = plugin_states()
        for kind in (args.kind,) if args.kind else KINDS:
            say(f'{kind}s')
            for state in states:
                if state.kind == kind or (not state.kind and kind == 'format'):
                    say('\n'.join(_lines(state)))


def _lines(state: PluginState) -> list[str]:
    """Return what to tell of a plugin."""
    plugin = plugin_instance(state)
    if plugin is None:
        return [f'  {state.entry:<14} SKIPPED: {state.problem or "it cannot be made"}', _origin(state)]
    lines = [f'  {plugin.name:<14} {plugin.description}', _origin(state)]
    known = ' '.join(getattr(plugin, 'extensions', ()) or getattr(plugin, 'schemes', ()))
    if known:
        lines.append(f'{"":<17}{known}')
    if hasattr(plugin, 'capabilities'):
        lines.append(f'{"":<17}{_capabilities(plugin.capabilities)}')
    lines += [
        f"{'':<17}missing {module}: pip install '{install}'"
        for module, install in missing_modules(plugin).items()
    ]
    return lines


def _origin(state: PluginState) -> str:
    legacy = ', written for imagedata 3' if state.is_legacy else ''
    return f'{"":<17}{state.package}, {state.value}{legacy}'


def _capabilities(able: Any) -> str:
    parts = ['reads and writes' if able.writes else 'reads']
    if able.dimensions is not None:
        parts.append(f'up to {able.dimensions} dimensions')
    if able.dtypes:
        parts.append(' '.join(able.dtypes))
    if not able.colour:
        parts.append('no colour')
    if not able.geometry:
        parts.append('no geometry')
    return ', '.join(parts)
