"""Options as users give them: keywords, a dict, or the namespace of a command line."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from .errors import ImagedataWarning, UnknownOptionType
from .notices import warn_user

__all__ = ['OptionsLike', 'merge_options', 'warn_of_misspelt']

_GENERAL = (
    'archive_max_bytes', 'archive_max_ratio', 'calling_aet', 'dtype', 'frame', 'geometry', 'headers_only',
    'imagetype', 'in_dirs', 'input_format', 'input_options', 'input_order', 'input_shape', 'input_sort',
    'loglevel', 'move_aet', 'move_port', 'out_name', 'output_format', 'overwrite', 'password', 'psopt',
    'retries', 'retrieve', 'serdes', 'sernum', 'SOPClassUID', 'skip_broken_series', 'storage_options',
    'template', 'timeout', 'tls', 'tls_ca', 'tls_cert', 'tls_key', 'tls_name', 'token', 'username',
)  # fmt: skip
"""Options that belong to no format alone: both of reading and writing, as they may stand in one namespace."""

OptionsLike: TypeAlias = 'Mapping[str, Any] | argparse.Namespace | None'


def merge_options(opts: OptionsLike, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Return one new dict of options; what was given is not changed.

    Keywords come before `opts`; the dict under 'input_options' comes before both. Options
    that are None count as not given.
    """
    if opts is None:
        given: Mapping[str, Any] = {}
    elif isinstance(opts, Mapping):
        given = opts
    elif isinstance(opts, argparse.Namespace):
        given = vars(opts)
    else:
        raise UnknownOptionType(f'options are a dict or a Namespace, got {type(opts).__name__}')
    merged = {k: v for k, v in {**given, **keywords}.items() if v is not None}
    extra = merged.get('input_options')
    if extra is not None:
        if not isinstance(extra, Mapping):
            raise UnknownOptionType(f'input_options is a dict, got {type(extra).__name__}')
        merged.update(extra)
        # Also by itself: plugins of imagedata 3 look for their options there.
        merged['input_options'] = dict(extra)
    return merged


def warn_of_misspelt(options: Mapping[str, Any], order: str, certain: Iterable[str] = ()) -> None:
    """Warn of options that are none, and look like one.

    Parameters
    ----------
    options : mapping
    order : str
        Its criteria may be defined by an option of their name.
    certain : iterable of str
        Options that can only be meant for this library: of these, all that are unknown.
    """
    unknown = [name for name in options if name not in _GENERAL and name not in order.split(',')]
    if not unknown:
        return
    from .registry import formats

    theirs = [plugin.options for plugin in formats()]
    known = {*_GENERAL, *(name for names in theirs for name in names or ())}
    any_goes = None in theirs
    for name in unknown:
        if name in known:
            continue
        import difflib

        near = difflib.get_close_matches(name, sorted(known), 1, 0.8)
        if near:
            warn_user(f'option {name!r} is not known: is {near[0]!r} meant?', ImagedataWarning)
        elif name in certain and not any_goes:
            warn_user(f'option {name!r} is not known, and has no effect', ImagedataWarning)
