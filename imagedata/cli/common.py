"""What the programs share: their inputs, as collections or as one series."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..cmdline import READING, complain, given_options, reason
from ..errors import ImagedataError

if TYPE_CHECKING:
    from ..collection import Cohort, Study
    from ..series import Series

__all__ = ['cohort_of', 'each_series', 'read_headers', 'told']


def cohort_of(given: argparse.Namespace) -> Cohort:
    """Return the series of the inputs; files that were set aside are complained of."""
    from ..collection import Cohort

    return Cohort(given.in_dirs, given_options(given, READING), input_order=given.input_order)


def each_series(cohort: Cohort) -> Iterator[tuple[Study, Any, Series]]:
    """Yield the series of a cohort, one after the other; those that cannot be read are complained of."""
    for _, study in cohort._studies():
        for key in study:
            try:
                stored = study._stored()[key]
                series = stored if not hasattr(stored, 'sources') else study._read(key, stored)
            except ImagedataError as error:
                complain(f'{told(key)}: {reason(error)}')
                continue
            yield study, key, series


def read_headers(study: Study, key: Any) -> Series:
    """Return a series without its pixels, sorted."""
    return study._read(key, study._stored()[key], headers_only=True)


def told(key: Any) -> str:
    """Return in words which series a key is of."""
    stack = '' if key.stack is None else f' stack {key.stack}'
    return f'series {key.seriesInstanceUID}{stack}'
