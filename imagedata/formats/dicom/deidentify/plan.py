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
        Old UID to new one; filled as UIDs are met. Given twice, UIDs and dates are the same twice.
    """

    options: Options = field(default_factory=Options)
    values: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[int, UserRule] = field(default_factory=dict)
    masked: tuple[tuple[int, int, UserRule], ...] = ()
    table: MutableMapping[str, str] = field(default_factory=dict)
    _shifts: dict[str, timedelta] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.table.setdefault(_SECRET, secrets.token_hex(16))

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
        """Return the UID in place of another; those of the standard itself stay."""
        old = str(old).strip('\0 ')
        if not old or old.startswith(_WELL_KNOWN) or self.options.retain_uids:
            return old
        new = self.table.get(old)
        if new is None:
            new = f'2.25.{uuid.UUID(bytes=self._digest("uid", old)[:16], version=4).int}'
            self.table[old] = new
        return new

    def pseudonym(self, patient: str) -> str:
        """Return a name that tells one patient from others, and not who it is."""
        return f'ANONYMOUS-{self._digest("patient", patient)[:4].hex().upper()}'

    def of_patient(self, patient: str) -> Plan:
        """Return the plan for one of several patients, who is called by a pseudonym of his own."""
        name = self.pseudonym(patient)
        own = {k: name for k in ('PatientName', 'PatientID') if self.values.get(k) == 'ANONYMOUS'}
        return replace(self, values={**self.values, **own})

    def shift(self, dataset: Dataset) -> timedelta | None:
        """Return by how much the dates of an image are moved, None where they stay."""
        if self.options.dates == 'keep':
            return None
        study = str(dataset.get('StudyInstanceUID') or '')
        if study in self._shifts:
            return self._shifts[study]
        start = study_start(dataset) if self.options.dates == 'remove' else None
        if start is None:
            patient = f'{dataset.get("PatientID") or ""}/{dataset.get("IssuerOfPatientID") or ""}'
            days = int.from_bytes(self._digest('dates', patient)[:4], 'big') % 3285 + 365
            return timedelta(days=-days)
        if study:
            # The first header that tells decides, for all of the study: also where Study Date is missing.
            return self._shifts.setdefault(study, START - start)
        return START - start

    def _digest(self, what: str, text: str) -> bytes:
        return hmac.digest(self.table[_SECRET].encode(), f'{what}/{text}'.encode(), 'sha256')
