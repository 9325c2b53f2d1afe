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
    from .collection import Cohort, Patient, Study

    __version__: str
    plugins: dict[str, list[tuple[str, str, type]]]

__all__ = [
    'Cohort',
    'ImagedataError',
    'Patient',
    'Series',
    'Study',
    '__author__',
    '__version__',
    'errors',
    'plugins',
    'set_options',
    'strict',
]

__author__ = 'the imagedata developers'


def __getattr__(name: str) -> Any:
    """Work out the version and the plugin table, and import the collections, when they are asked for."""
    if name == '__version__':
        from .version import library_version

        return library_version()
    if name in ('Study', 'Patient', 'Cohort'):
        from . import collection

        return getattr(collection, name)
    if name == 'plugins':
        from .registry import plugin_table

        return plugin_table()
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
