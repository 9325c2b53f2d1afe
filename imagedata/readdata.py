"""Reading and writing by functions, as programs written for imagedata 3 call them; `Series` does the same."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from .errors import NoArchiveError, NoTransportError, UnknownOptionType
from .options import OptionsLike, merge_options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .header import Header
    from .series import Series

__all__ = [
    'NoArchiveError',
    'NoTransportError',
    'UnknownOptionType',
    'plugin_supports_format',
    'read',
    'sorted_plugins_dicom_first',
    'write',
]


def read(
    urls: Any, order: str | None = None, opts: OptionsLike = None, input_format: str | None = None
) -> tuple[dict[str, Header], dict[str, NDArray[np.generic]]]:
    """Read every series that is found.

    Parameters
    ----------
    urls : str, path or list of them
    order : str, optional
        What to sort on; the option `input_order` when not given or 'none', else 'auto'.
    opts : dict or argparse.Namespace, optional
    input_format : str, optional
        Name of the only format to try.

    Returns
    -------
    headers, arrays : dicts
        By Series Instance UID; the stacks of one series by '<UID>.<number>'.
    """
    from .reading import read as read_all

    options = merge_options(opts, {'input_format': input_format})
    named = options.pop('input_order', None)
    wanted = named if order in (None, 'none') and named else order or 'auto'
    headers: dict[str, Header] = {}
    arrays: dict[str, NDArray[np.generic]] = {}
    for data in read_all(urls, wanted, options):
        key, number = data.identity.uid, 0
        while key in headers:
            number += 1
            key = f'{data.identity.uid}.{number}'
        headers[key], arrays[key] = data.header, data.array
    return headers, arrays


def write(
    si: Series,
    url: str | PathLike[str],
    opts: OptionsLike = None,
    formats: str | Sequence[str] | None = None,
) -> None:
    """Write a series: `si.write(url, opts, formats)`."""
    si.write(url, opts, formats)


def plugin_supports_format(plugin: Any, formats: str | Sequence[str]) -> bool:
    """Return whether a format plugin has one of the names or extensions."""
    wanted = [formats] if isinstance(formats, str) else list(formats)
    extensions = getattr(plugin, 'extensions', ())
    return any(name == plugin.name or f'.{name.lstrip(".")}' in extensions for name in wanted)


def sorted_plugins_dicom_first(plugins: Sequence[Any], input_format: str | None = None) -> list[Any]:
    """Return entries (entry point, name, class) of `imagedata.plugins['format']`: DICOM, NIfTI, others.

    A format that is known by name is returned alone. The list that is given does not change.
    """
    named = [entry for entry in plugins if entry[2].name == input_format]
    first = {'dicom': 0, 'nifti': 1}
    return named or sorted(plugins, key=lambda entry: first.get(entry[2].name, 2))
