"""What servers have, listed without fetching images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from ..errors import NoDataReadError
from ..registry import transport_for
from ..transports.address import scheme_of, shown

__all__ = ['lists', 'server_records', 'server_text']

_NAMES = {
    'PatientID': 'patientID', 'PatientName': 'patientName', 'StudyInstanceUID': 'studyInstanceUID',
    'StudyDate': 'studyDate', 'StudyTime': 'studyTime', 'StudyDescription': 'studyDescription',
    'AccessionNumber': 'accessionNumber', 'SeriesInstanceUID': 'seriesInstanceUID',
    'SeriesNumber': 'seriesNumber', 'Modality': 'modality', 'SeriesDescription': 'seriesDescription',
    'NumberOfSeriesRelatedInstances': 'images',
}  # fmt: skip


def lists(url: str) -> bool:
    """Return whether a URL is of a server that lists what it has."""
    scheme = scheme_of(url)
    return scheme != 'file' and hasattr(transport_for(scheme), 'listing')


def server_records(url: str, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a record for each series that a URL names, as `image_list --json` prints them.

    Raises
    ------
    NoDataReadError
        When there is none.
    """
    listing: Any = transport_for(scheme_of(url))
    found = listing.listing(url, options)
    if not found:
        raise NoDataReadError(f'{shown(url).partition("?")[0]} has no series of that kind')
    records = [_record(values) for values in found]
    return sorted(records, key=lambda r: (r['patientID'], r['studyDate'], r['studyInstanceUID']))


def _record(values: Mapping[str, str]) -> dict[str, Any]:
    record: dict[str, Any] = {ours: values.get(name, '') for name, ours in _NAMES.items()}
    for name in ('seriesNumber', 'images'):
        record[name] = int(record[name]) if record[name].strip().isdecimal() else None
    date, time = record['studyDate'], record['studyTime'].replace(':', '')
    if len(date) == 8:
        record['studyDate'] = f'{date[:4]}-{date[4:6]}-{date[6:]}'
    if len(time) >= 6:
        record['studyTime'] = f'{time[:2]}:{time[2:4]}:{time[4:6]}'
    return record


def server_text(records: Sequence[Mapping[str, Any]]) -> str:
    """Return records as lines, by patient and study."""
    lines = []
    for patient, theirs in groupby(records, lambda r: r['patientID']):
        lines.append(f'Patient {patient}')
        for _, series in groupby(theirs, lambda r: r['studyInstanceUID']):
            members = list(series)
            first = members[0]
            lines.append(
                f'  Study {first["studyDate"]} {first["studyTime"]} {first["studyDescription"]} '
                f'{first["studyInstanceUID"]}'
            )
            for s in members:
                count = '' if s['images'] is None else f': {s["images"]} images'
                number, text = s['seriesNumber'], s['seriesDescription']
                lines.append(f'    [{number}] {s["modality"]} {text} {s["seriesInstanceUID"]}{count}')
    return '\n'.join(lines)
