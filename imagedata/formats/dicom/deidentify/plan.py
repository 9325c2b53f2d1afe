"""A plan of de-identification: what is done, and the maps that headers of one patient share."""

from __future__ import annotations

import hmac
import secrets
import uuid
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from .moments import START, study_start
from .profile import Action, Actions, Options, actions_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['Plan', 'UserRule']

UserRule: TypeAlias = 'Action | Callable[[Dataset, tuple[int, int]], Any]'
"""What is done with one element: an action, or a function that changes a dataset in place."""

_SECRET = 'secret'
"""Key of the table of UIDs under which the secret of its date shifts stands."""

_SHIFT = 'shift'
"""Beginning of the keys of the table under which the seconds stand by which studies were moved."""

_PERSON = 'person'
"""Beginning of the keys of the table under which stands who has a Patient ID, as digests."""

_WELL_KNOWN = '1.2.840.10008.'
"""Root of the UIDs that the standard itself defines: the same for everybody."""


@dataclass(frozen=True)
class Plan:
    """What is done with headers of one or more patients, the same for all of them.

    New UIDs and date shifts follow from a secret by HMAC, so that processes that share a plan give the
    same ones without talking to each other, and nobody without the secret can tell which was which.

    Parameters
    ----------
    options : Options
    values : mapping of str to object
        Keyword to value of elements that are set in each header; None removes, a function is called with
        the old value.
    rules : mapping of int to UserRule
        Tag to what is done with that element, in place of the profile.
    masked : tuple of (int, int, UserRule)
        Tag, mask, and what is done with the elements that they match.
    table : mapping of str to str
        Old UID to new one; filled as UIDs are met. Given twice, UIDs and dates are the same twice, and
        what was de-identified with it before stays as it is.
    """

    options: Options = field(default_factory=Options)
    values: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[int, UserRule] = field(default_factory=dict)
    masked: tuple[tuple[int, int, UserRule], ...] = ()
    table: MutableMapping[str, str] = field(default_factory=dict)
    _new: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.table.setdefault(_SECRET, secrets.token_hex(16))
        self._new.update(new for old, new in self.table.items() if old[:1].isdigit())

    @property
    def actions(self) -> Actions:
        """What the profile does, with its options."""
        return actions_of(self.options)

    def rule(self, tag: int) -> UserRule | None:
        """Return what the user wants done with an element, None without."""
        found = self.rules.get(tag)
        if found is None and self.masked:
            found = next((rule for wanted, mask, rule in self.masked if tag & mask == wanted & mask), None)
        return found

    def uid(self, old: str) -> str:
        """Return the UID in place of another; those of the standard itself stay, and new ones."""
        old = str(old).strip('\0 ')
        if not old or old.startswith(_WELL_KNOWN) or self.options.retain_uids or old in self._new:
            return old
        new = self.table.get(old)
        if new is None:
            new = f'2.25.{uuid.UUID(bytes=self._digest("uid", old)[:16], version=4).int}'
            self.table[old] = new
            self._new.add(new)
        return new

    def pseudonym(self, patient: str) -> str:
        """Return a name that tells one patient from others, and not who it is."""
        # 64 bits: two of a million patients share one with a probability of 1 : 30 million.
        return f'ANONYMOUS-{self._digest("patient", patient)[:8].hex().upper()}'

    def of_patient(self, patient: str, name: str = '', birth: str = '') -> Plan:
        """Return the plan for one of several patients, who is called by a pseudonym of his own.

        Two persons with one Patient ID, whose names or dates of birth differ, have two. The table
        remembers who had the ID first: which of them is met first, another time, does not matter.
        """
        parts = (_letters(name), _letters(birth))
        mine = [self._digest('person', part)[:8].hex() if part else '' for part in parts]
        first = self.table.get(f'{_PERSON} {patient}', ' ').split(' ')
        if any(a and b and a != b for a, b in zip(mine, first, strict=True)):
            patient = '/'.join((patient, *mine))
        else:
            self.table[f'{_PERSON} {patient}'] = ' '.join(b or a for a, b in zip(mine, first, strict=True))
        called = self.pseudonym(patient)
        own = {k: called for k in ('PatientName', 'PatientID') if self.values.get(k) == 'ANONYMOUS'}
        return replace(self, values={**self.values, **own})

    def shift(self, dataset: Dataset) -> timedelta | None:
        """Return by how much the dates of an image are moved, None where they stay."""
        if self.options.dates == 'keep':
            return None
        study = str(dataset.get('StudyInstanceUID') or '').strip('\0 ')
        if study in self._new:
            return timedelta()  # was moved before
        key = f'{_SHIFT} {self.options.dates} {study}'
        known = self.table.get(key) if study else None
        if known is not None:
            return timedelta(seconds=int(known))
        found, certain = self._shift(dataset)
        if study and certain:
            # The first header that tells decides, for all of the study: also where Study Date is missing.
            self.table[key] = str(round(found.total_seconds()))
        return found

    def _shift(self, dataset: Dataset) -> tuple[timedelta, bool]:
        """Return by how much the dates of a study are moved, and whether that holds for all of it."""
        start = study_start(dataset) if self.options.dates == 'remove' else None
        if start is not None:
            return START - start, True
        # Who issued an ID is told by some devices only: two series of a patient would be moved apart.
        patient = str(dataset.get('PatientID') or '').strip()
        days = int.from_bytes(self._digest('dates', patient)[:4], 'big') % 3285 + 365
        return timedelta(days=-days), self.options.dates == 'shift'

    def _digest(self, what: str, text: str) -> bytes:
        return hmac.digest(self.table[_SECRET].encode(), f'{what}/{text}'.encode(), 'sha256')


def _letters(text: str) -> str:
    """Return a name or a date without what is written one way here, and another there."""
    return ''.join(letter for letter in str(text).casefold() if letter.isalnum())
