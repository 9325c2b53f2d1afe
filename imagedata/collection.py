"""Many series: `Study`, `Patient` and `Cohort`, dicts whose series are read when they are used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from .anonymize import plan_of
from .contents import Contents
from .described import (
    PATIENT,
    ClinicalTrialSubject,
    Lookup,
    PatientAttributes,
    described,
    warn_of_patients,
)
from .errors import CollectionError, ImagedataError, UnknownOptionType
from .folders import safe_name, unique_name
from .formats.contract import is_location
from .given import members, told, without_doubles
from .grouping import grouped
from .indexed import IndexedDict
from .inventory import Entry, Inventory, SeriesUID, take_inventory
from .options import OptionsLike, merge_options
from .study import Study, file_errors, study_folder

if TYPE_CHECKING:
    from .formats.dicom.deidentify import Plan
    from .series import Series

__all__ = ['Cohort', 'IndexedDict', 'Patient', 'SeriesUID', 'Study', 'UnknownOptionType']


Part = TypeVar('Part', 'Study', 'Patient')


class _Whole(Contents, IndexedDict[str, Part]):
    """What has series by way of its parts: a patient has studies, a cohort patients."""

    def _lookups(self) -> Iterator[tuple[Any, Lookup]]:
        for part in self._stored().values():
            yield from part._lookups()

    def stream(self) -> Iterator[tuple[Any, Series]]:
        """Yield each series of all parts, as `Study.stream` does."""
        for part in self._stored().values():
            yield from part.stream()

    def folder_names(self) -> dict[Any, str]:
        """Return the name of the folder that `write` gives each part."""
        raise NotImplementedError

    def write(
        self,
        url: str | PathLike[str],
        opts: OptionsLike = None,
        formats: str | Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        """Write each part into a folder of its own, named by `folder_names`; see `Study.write`."""
        for key, name in self.folder_names().items():
            dict.__getitem__(self, key).write(f'{fspath(url)}/{name}', opts, formats, **kwargs)


class Patient(PatientAttributes, _Whole[Study]):
    """The studies of one patient, by Study Instance UID.

    `patient[key]` takes a UID, a position, a Study ID or a Study Description.

    Parameters
    ----------
    data : str, path, list of them, dict of Study, or list of Study
    opts : dict or argparse.Namespace, optional
    **kwargs
        As for `Study`.

    Attributes
    ----------
    broken : dict of (SeriesUID or str) to ImagedataError
    clinicalTrialSubject : ClinicalTrialSubject

    Raises
    ------
    CollectionError
        When the studies are of several patients.
    """

    what: ClassVar[str] = 'study'

    def __init__(self, data: Any = None, opts: OptionsLike = None, **kwargs: Any) -> None:
        super().__init__()
        options = merge_options(opts, kwargs)
        self.broken: dict[Any, ImagedataError] = {}
        studies = members(data, Study, lambda study: study.studyInstanceUID)
        if studies is None:
            inventory = take_inventory(data, options)
            self.broken.update(file_errors(inventory))
            patients = grouped(inventory)
            if len(patients) != 1:
                raise CollectionError(
                    f'{told(data)} holds {len(patients)} patients where one is wanted: read it as a Cohort'
                )
            studies = _studies(patients[0][1], options)
        self._begin(studies, options)
        warn_of_patients([lookup for _, lookup in self._lookups()], 'the patient')

    def _begin(self, studies: Mapping[Any, Study], options: Mapping[str, Any]) -> None:
        dict.update(self, studies)
        lookups = [lookup for _, lookup in self._lookups()]
        vars(self).update(described(lookups, PATIENT, strict=bool(options.get('strict_values'))))
        self.clinicalTrialSubject = ClinicalTrialSubject.of(lookups[0]) if lookups else ClinicalTrialSubject()
        for study in self._stored().values():
            self.broken.update(study.broken)

    def _names(self, key: Any, stored: Any) -> tuple[Any, ...]:
        names = (stored.studyInstanceUID, stored.studyID, stored.studyDescription)
        return tuple(name for name in names if name)

    def folder_names(self) -> dict[Any, str]:
        """Return the name of the folder that `write` gives each study: date and time."""
        taken: set[str] = set()
        return {
            key: unique_name(safe_name(study_folder(study), 'study'), taken, study.studyInstanceUID)
            for key, study in self._stored().items()
        }

    def anonymize(
        self,
        uid_table: MutableMapping[str, str] | None = None,
        actions: Mapping[Any, Any] | None = None,
        **rules: Any,
    ) -> Patient:
        """Return the patient de-identified; see `Study.anonymize`."""
        return self._anonymized(plan_of(uid_table, actions, rules))

    def _anonymized(self, plan: Plan) -> Patient:
        studies = [study._anonymized(plan) for study in self._stored().values()]
        return Patient({study.studyInstanceUID: study for study in studies})

    def _studies(self) -> Iterator[tuple[None, Study]]:
        for study in self._stored().values():
            yield None, study


class Cohort(_Whole[Patient]):
    """Patients, by Patient ID.

    Two persons with one ID, whose names or dates of birth differ, are kept apart, with a warning:
    the second has the key '<ID> (2)'.

    Parameters
    ----------
    data : str, path, list of them, dict of Patient, or list of Patient
    opts : dict or argparse.Namespace, optional
    **kwargs
        As for `Study`.

    Attributes
    ----------
    data : object
        What it was read from.
    broken : dict of (SeriesUID or str) to ImagedataError
    """

    what: ClassVar[str] = 'patient'

    def __init__(self, data: Any = None, opts: OptionsLike = None, **kwargs: Any) -> None:
        super().__init__()
        options = merge_options(opts, kwargs)
        self.data = data if is_location(data) else None
        self.broken: dict[Any, ImagedataError] = {}
        patients = members(data, Patient, lambda patient: patient.patientID or '')
        if patients is None:
            inventory = take_inventory(data, options)
            self.broken.update(file_errors(inventory))
            patients = _patients(inventory, options)
        self._begin(patients)

    def _begin(self, patients: Mapping[Any, Patient]) -> None:
        dict.update(self, patients)
        for patient in self._stored().values():
            self.broken.update(patient.broken)

    @classmethod
    def of_inventory(cls, inventory: Inventory, opts: OptionsLike = None, **kwargs: Any) -> Cohort:
        """Return the patients of an inventory that was taken before."""
        cohort = cls()
        cohort._begin(_patients(inventory, merge_options(opts, kwargs)))
        return cohort

    def folder_names(self) -> dict[Any, str]:
        """Return the name of the folder that `write` gives each patient: the ID."""
        taken: set[str] = set()
        return {key: unique_name(safe_name(key, 'patient'), taken, str(key)) for key in self}

    def anonymize(
        self,
        uid_table: MutableMapping[str, str] | None = None,
        actions: Mapping[Any, Any] | None = None,
        **rules: Any,
    ) -> Cohort:
        """Return the patients de-identified, each under a pseudonym; see `Study.anonymize`.

        Raises
        ------
        CollectionError
            When rules give two patients one ID.
        """
        plan = plan_of(uid_table, actions, rules)
        patients = [p._anonymized(plan.of_patient(*_person(key, p))) for key, p in self._stored().items()]
        return Cohort(without_doubles([(patient.patientID or '', patient) for patient in patients]))

    def _studies(self) -> Iterator[tuple[str, Study]]:
        for key, patient in self._stored().items():
            for _, study in patient._studies():
                yield key, study


def _person(key: Any, patient: Patient) -> tuple[str, str, str]:
    """Return ID, name and date of birth; for the ID the key, where the user gave one of his own."""
    known = str(patient.patientID or '')
    own = str(key) != known and not str(key).startswith(f'{known} (')
    name, birth = patient.patientName, patient.patientBirthDate
    return str(key) if own else known, str(name or ''), str(birth or '')


def _studies(found: Sequence[Sequence[Entry]], options: Mapping[str, Any]) -> dict[str, Study]:
    return {entries[0].key.studyInstanceUID: Study._of(entries, options) for entries in found}


def _patients(inventory: Inventory, options: Mapping[str, Any]) -> dict[str, Patient]:
    found = {}
    for key, studies in grouped(inventory):
        found[key] = Patient()
        found[key]._begin(_studies(studies, options), options)
    return found
