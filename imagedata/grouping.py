"""From an inventory to patients and studies: who is one person, and in which order series stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .errors import ImagedataWarning, NoDataReadError
from .inventory import Entry, Inventory
from .notices import warn_user

__all__ = ['grouped', 'whole_number']


def grouped(inventory: Inventory) -> list[tuple[str, list[list[Entry]]]]:
    """Return patients, each with a key and studies, each a list of entries in order.

    Raises
    ------
    NoDataReadError
        When there is no series.
    """
    if not inventory.entries:
        shown = '; '.join(
            [f'{source.name}: {why}' for source, why in inventory.left[:3]]
            + [f'{name}: {error}' for name, error in inventory.broken[:3]]
        )
        raise NoDataReadError(f'there is no series to read: {shown}')
    patients: list[tuple[str, list[Entry]]] = []
    for patient_id, persons in _persons(inventory.entries).items():
        patients += [(patient_id, members) for _, members in persons]
    result: list[tuple[str, list[list[Entry]]]] = []
    place = {id(entry): number for number, entry in enumerate(inventory.entries)}
    for patient_id, members in sorted(patients, key=lambda p: (p[0], min(place[id(e)] for e in p[1]))):
        studies: dict[str, list[Entry]] = {}
        for entry in sorted(members, key=_series_rank):
            studies.setdefault(entry.key.studyInstanceUID, []).append(entry)
        result.append((_person_key(patient_id, members, result), list(studies.values())))
    return result


def _person_key(patient_id: str, members: Sequence[Entry], before: Sequence[tuple[str, Any]]) -> str:
    """Return the key of a patient: the ID, with a number where another person has it."""
    taken = {key for key, _ in before}
    key, number = patient_id, 1
    while key in taken:
        number += 1
        key = f'{patient_id} ({number})'
    if number > 1:
        uid = members[0].key.studyInstanceUID
        warn_user(
            f'two persons, whose names or dates of birth differ, have one Patient ID: that of study {uid} '
            f'is kept apart from the first, as number {number}',
            ImagedataWarning,
        )
    return key


def _persons(entries: Sequence[Entry]) -> dict[str, list[tuple[list[str], list[Entry]]]]:
    """Return series by Patient ID, those of each person with name and date of birth, as far as they are told.

    Series that tell most come first: one without a name must not make two persons one.
    """
    found: dict[str, list[tuple[list[str], list[Entry]]]] = {}
    told = [[_letters(entry.header.get(k)) for k in ('PatientName', 'PatientBirthDate')] for entry in entries]
    for number in sorted(range(len(entries)), key=lambda n: sum(text == '' for text in told[n])):
        entry, mine = entries[number], told[number]
        persons = found.setdefault(entry.key.patientID, [])
        for theirs, members in persons:
            if all(not a or not b or a == b for a, b in zip(mine, theirs, strict=True)):
                theirs[:] = [a or b for a, b in zip(theirs, mine, strict=True)]
                members.append(entry)
                break
        else:
            persons.append((list(mine), [entry]))
    return found


def _letters(value: Any) -> str:
    """Return a name in small letters, without what separates its parts."""
    return ''.join(c for c in str(value or '').casefold() if c.isalnum())


def _series_rank(entry: Entry) -> tuple[Any, ...]:
    """Return what series are ordered by: study, number, stack."""
    header = entry.header
    number = whole_number(header.get('SeriesNumber'))
    return (
        str(header.get('StudyDate') or ''), str(header.get('StudyTime') or ''), entry.key.studyInstanceUID,
        number is None, number or 0, entry.key.seriesInstanceUID, entry.key.acquisitionNumber or 0,
        entry.key.echoNumber or 0, entry.key.stack or 0,
    )  # fmt: skip


def whole_number(value: Any) -> int | None:
    """Return a whole number of a header, None where it is none."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
