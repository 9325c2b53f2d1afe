"""Options as users give them: keywords, a dict, or the namespace of a command line."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, TypeAlias

from .errors import UnknownOptionType

__all__ = ['OptionsLike', 'merge_options']

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
