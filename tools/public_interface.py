"""Write docs/public_interface.txt: every public name of the package, with its signature.

    python tools/public_interface.py [--check]

A change of the interface is a change of that file, and so is seen. Public is what the modules below
list in `__all__`, and the members of those classes whose names have no underscore. Modules that are
not below are the inside of the package. Exit status 1 with `--check` where the file is out of date.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
LISTING = REPOSITORY / 'docs' / 'public_interface.txt'

MODULES = (
    'imagedata',
    'imagedata.axis',
    'imagedata.cmdline',
    'imagedata.collection',
    'imagedata.colour',
    'imagedata.errors',
    'imagedata.formats',
    'imagedata.formats.contract',
    'imagedata.archives.contract',
    'imagedata.transports.contract',
    'imagedata.geometry',
    'imagedata.header',
    'imagedata.image_data',
    'imagedata.inventory',
    'imagedata.medio',
    'imagedata.medio.backends.itk_io',
    'imagedata.medio.backends.nib_io',
    'imagedata.medio.backends.pdcm_io',
    'imagedata.medio.backends.pdcm_unpack_ds',
    'imagedata.medio.medimg',
    'imagedata.medio.metadata.affine',
    'imagedata.medio.metadata.convert_nib_itk',
    'imagedata.medio.metadata.dcm_uid',
    'imagedata.medio.metadata.itk_orientation',
    'imagedata.medio.metadata.metadata',
    'imagedata.medio.metadata.pdcm_ds',
    'imagedata.medio.read_save',
    'imagedata.medio.utils.dcm_series',
    'imagedata.medio.utils.explicit_slicing',
    'imagedata.medio.utils.files',
    'imagedata.medio.utils.two_way_dict',
    'imagedata.roi',
    'imagedata.samples',
    'imagedata.series',
    'imagedata.viewer',
)


def listing() -> list[str]:
    """Return the lines of the file."""
    return [line for name in MODULES for line in _module(name)]


def _module(name: str) -> Iterator[str]:
    module = importlib.import_module(name)
    yield f'{name}'
    for public in sorted(module.__all__):
        value = getattr(module, public)
        if inspect.ismodule(value):
            yield f'  module {public}'
        elif inspect.isclass(value):
            yield from _class(public, value)
        elif callable(value):
            yield f'  {public}{_signature(value)}'
        elif public.startswith('__'):
            yield f'  {public}'
        else:
            yield f'  {public}: {type(value).__name__}'
    yield ''


def _class(public: str, cls: type) -> Iterator[str]:
    bases = ', '.join(b.__name__ for b in cls.__bases__ if b is not object and not b.__name__.startswith('_'))
    if cls.__module__.split('.')[0] != 'imagedata':
        yield f'  {public} is {cls.__module__}.{cls.__qualname__}'
        return
    constructor = '' if issubclass(cls, BaseException) else _signature(cls)
    yield f'  class {public}{constructor}{f": {bases}" if bases else ""}'
    for member in sorted(dir(cls)):
        owner = next((base for base in cls.__mro__ if member in vars(base)), None)
        if member.startswith('_') or owner is None or owner.__module__.split('.')[0] != 'imagedata':
            continue
        yield f'    {_member(member, vars(owner)[member])}'


def _member(name: str, value: Any) -> str:
    if isinstance(value, property) or inspect.isdatadescriptor(value):
        return f'{name}{"" if getattr(value, "fset", None) is None else " (settable)"}'
    if isinstance(value, (staticmethod, classmethod)):
        return f'{name}{_signature(value.__func__)}'
    if callable(value):
        return f'{name}{_signature(value)}'
    return name


def _signature(value: Any) -> str:
    try:
        return str(inspect.signature(value)).replace("'", '')
    except (ValueError, TypeError):
        return '(...)'


def main(arguments: list[str]) -> int:
    """Write the file, or compare it."""
    text = '\n'.join(listing())
    if '--check' not in arguments:
        LISTING.write_text(text)
        return 0
    old = LISTING.read_text()
    sys.stdout.writelines(
        difflib.unified_diff(old.splitlines(True), text.splitlines(True), 'the file', 'the package')
    )
    return int(old != text)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
