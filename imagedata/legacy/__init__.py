"""Plugins of imagedata 3 behind the contracts of this version: one adapter for each kind.

This room stands beside `registry`, above the formats: what such a plugin writes is a Series.
"""

from __future__ import annotations

from typing import Any

__all__ = ['adapted']


def adapted(plugin: type, kind: str) -> Any:
    """Return a plugin class of imagedata 3 as a plugin of this version.

    Parameters
    ----------
    plugin : type
        Subclass of `AbstractPlugin`, `AbstractArchive` or `AbstractTransport`, or like one.
    kind : str
        'format', 'archive' or 'transport'.
    """
    if kind == 'format':
        from .formats import LegacyFormat

        return LegacyFormat(plugin)
    if kind == 'archive':
        from .archives import LegacyArchive

        return LegacyArchive(plugin)
    from .transports import LegacyTransport

    return LegacyTransport(plugin)
