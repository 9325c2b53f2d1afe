"""Medical images as NumPy arrays that know their axes, their place in the patient, and their patient.

`Series` reads and writes; everything else is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import errors
from .errors import ImagedataError
from .series import Series
from .settings import set_options, strict

if TYPE_CHECKING:
    __version__: str
    plugins: dict[str, list[tuple[str, str, type]]]

__all__ = [
    'ImagedataError',
    'Series',
    '__author__',
    '__version__',
    'errors',
    'plugins',
    'set_options',
    'strict',
]

__author__ = 'the imagedata developers'


def __getattr__(name: str) -> Any:
    """Work out the version and the plugin table when they are asked for."""
    if name == '__version__':
        from .version import library_version

        return library_version()
    if name == 'plugins':
        from .registry import plugin_table

        return plugin_table()
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
