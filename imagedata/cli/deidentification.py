"""De-identification in the program `image_data`: its options, and its report."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..series import Series

__all__ = [
    'add_deidentification', 'check_deidentification', 'deidentification_rules', 'series_report',
    'write_report',
]  # fmt: skip

_RETAINED = {
    'uids': 'retain_uids', 'device': 'retain_device', 'institution': 'retain_institution',
    'patient': 'retain_patient', 'private': 'retain_safe_private', 'descriptors': 'clean_descriptors',
}  # fmt: skip


def add_deidentification(parser: argparse.ArgumentParser) -> None:
    """Add the options of de-identification."""
    group = parser.add_argument_group('de-identification (PS3.15 Annex E)')
    group.add_argument(
        '--anonymize', action='store_true', help='write headers by which the patients are not known'
    )
    group.add_argument(
        '--retain', action='append', choices=sorted(_RETAINED), metavar='WHAT',
        help='keep uids, device, institution, patient (sex, age, weight ...), private (safe ones) or '
        'descriptors (cleaned); may be repeated',
    )  # fmt: skip
    group.add_argument(
        '--dates', choices=('remove', 'shift', 'keep'),
        help='remove dates (the default), shift them by one number of days for each patient, or keep them',
    )  # fmt: skip
    group.add_argument(
        '--deid_report', metavar='FILE',
        help='write as JSON what was kept, changed and removed, and what a person has to look at',
    )  # fmt: skip


def check_deidentification(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    """End the program where options are given that mean nothing without --anonymize."""
    for name in ('retain', 'dates', 'deid_report'):
        if getattr(given, name) and not given.anonymize:
            parser.error(f'--{name} goes with --anonymize')


def deidentification_rules(given: argparse.Namespace) -> dict[str, Any]:
    """Return the keywords of `anonymize`."""
    rules: dict[str, Any] = {_RETAINED[name]: True for name in given.retain or []}
    return rules | ({'dates': given.dates} if given.dates else {})


def series_report(series: Series) -> dict[str, Any]:
    """Return what was done with the headers of a series that was de-identified."""
    from ..anonymize import deidentification_report

    images = series.header.images
    told = {} if images is None or images.records is None else deidentification_report(series).to_dict()
    return {'seriesInstanceUID': str(series.seriesInstanceUID), **told}


def write_report(path: str, reports: Sequence[dict[str, Any]]) -> None:
    """Write reports as JSON; the old file stays whole when that fails."""
    beside = f'{path}.{os.getpid()}.new'
    try:
        with open(beside, 'w', encoding='utf-8') as file:
            json.dump(list(reports), file, indent=1)
        os.replace(beside, path)
    finally:
        if os.path.exists(beside):
            os.remove(beside)
