"""Many series: `Study`, `Patient` and `Cohort`, dicts whose series are read when they are used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import replace
from datetime import datetime, time
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from .anonymize import anonymized, anonymized_entry, plan_of
from .contents import Contents
from .described import (
    PATIENT,
    STUDY,
    ClinicalTrialSubject,
    GeneralEquipment,
    Lookup,
    described,
    lookup_of,
)
from .errors import (
    CollectionError,
    GeometryMismatchError,
    ImagedataError,
    ImagedataWarning,
    TemplateMismatchError,
    UnknownOptionType,
)
from .folders import safe_name, unique_name
from .formats.contract import is_location
from .given import checked, items, told, without_doubles
from .grouping import grouped, whole_number
from .header import Identity, new_uid
from .indexed import IndexedDict
from .inventory import Entry, Inventory, SeriesUID, take_inventory
from .notices import warn_user
from .options import OptionsLike, merge_options
from .series import Series

if TYPE_CHECKING:
    from .formats.contract import Format
    from .formats.dicom.deidentify import Plan

__all__ = ['Cohort', 'IndexedDict', 'Patient', 'SeriesUID', 'Study', 'UnknownOptionType']

_NOT_FOR_SERIES = ('input_order', 'strict_values', 'input_stack', 'skip_broken_series', 'plans')
"""Options that are settled when a series is found."""


class Study(Contents, IndexedDict[Any, Series]):
    """The series of one study.

    Series are found by their headers, and read when they are used. `study[key]` takes the key
    (a `SeriesUID`), a position, a Series Instance UID or a Series Description.

    Parameters
    ----------
    data : str, path, list of them, dict of Series, or list of Series
    opts : dict or argparse.Namespace, optional
        Options, as an alternative to keywords. It is not changed.
    **kwargs
        Options of reading, and:

        input_order : str or mapping
            What series are sorted on; or that of each: of key, UID, number or description of a
            series to its order, 'auto' for others.
        strict_values : bool
            Whether it is an error that series differ in attributes of patient or study.
        skip_broken_series : bool
            Files that cannot be read and series that cannot be sorted are set aside in `broken`,
            with a warning, instead of raising an error.

    Attributes
    ----------
    broken : dict of (SeriesUID or str) to ImagedataError
        Series and files that were set aside, with the reasons.
    studyDate : datetime or None
    studyTime : time or None
    generalEquipment : GeneralEquipment

    Raises
    ------
    CollectionError
        When the series are of several studies.
    ImagedataError
        For a file that cannot be read, unless `skip_broken_series`; for a series, when it is used.
    """

    what: ClassVar[str] = 'series'

    studyInstanceUID: str
    studyDate: datetime | None
    studyTime: time | None
    studyDescription: str | None
    studyID: str | None
    accessionNumber: str | None
    referringPhysiciansName: str | None
    patientName: str | None
    patientID: str | None
    patientBirthDate: str | None
    patientSex: str | None
    patientAge: str | None
    patientSize: float | None
    patientWeight: float | None
    qualityControlSubject: str | None
    patientIdentityRemoved: str | None
    deidentificationMethod: str | None

    def __init__(self, data: Any = None, opts: OptionsLike = None, **kwargs: Any) -> None:
        super().__init__()
        options = merge_options(opts, kwargs)
        self.broken: dict[Any, ImagedataError] = {}
        if data is None:
            self._begin({}, options)
            return
        if isinstance(data, Mapping):
            self._begin(dict(checked(data, Series)), options)
            return
        if not is_location(data):
            given = [(str(s.seriesInstanceUID), s) for s in items(data, Series)]
            self._begin(without_doubles(given), options)
            return
        inventory = take_inventory(data, options)
        self.broken.update(_file_errors(inventory))
        studies = [study for _, patient in grouped(inventory) for study in patient]
        if len(studies) != 1:
            raise CollectionError(
                f'{told(data)} holds {len(studies)} studies where one is wanted: '
                'read it as a Patient or a Cohort'
            )
        self._begin({entry.key: entry for entry in studies[0]}, options)

    def _begin(self, stored: Mapping[Any, Series | Entry], options: Mapping[str, Any]) -> None:
        """Take series, and say what they have in common."""
        self._options = {k: v for k, v in options.items() if k not in _NOT_FOR_SERIES}
        self._order = options.get('input_order') or 'auto'
        self._strict = bool(options.get('strict_values'))
        self._skip = bool(options.get('skip_broken_series'))
        self._plans: tuple[Plan, ...] = tuple(options.get('plans', ()))
        dict.update(self, cast(Any, stored))
        lookups = [lookup for _, lookup in self._lookups()]
        vars(self).update(described(lookups, {**STUDY, **PATIENT}, strict=self._strict))
        uids = {_study_of(key, value) for key, value in self._stored().items()}
        if len(uids) > 1 and self._strict:
            raise CollectionError(f'the series are of {len(uids)} studies: {", ".join(sorted(uids))}')
        self.studyInstanceUID = next(iter(uids), '') or new_uid()
        self.generalEquipment = GeneralEquipment.of(lookups[0]) if lookups else GeneralEquipment()
        if self._skip:
            self._set_broken_aside()

    @classmethod
    def _of(cls, entries: Sequence[Entry], options: Mapping[str, Any]) -> Study:
        """Return the study of entries of an inventory."""
        study = cls()
        study._begin({entry.key: entry for entry in entries}, options)
        return study

    # --- series -------------------------------------------------------------------------------

    def by_number(self, number: int) -> Series:
        """Return the series of a Series Number.

        Raises
        ------
        EntryNotFoundError
            When there is none, or several.
        """
        key = self._only(lambda k, stored: _series_number(k, stored) == number, f'number {number}')
        return cast(Series, self[key])

    def stream(self) -> Iterator[tuple[Any, Series]]:
        """Yield each series with its key, and keep none of them that is not in memory already.

        This is how to walk through more than fits into memory. What is changed in such a series is not
        changed in the study.
        """
        for key in self:
            stored = self._stored()[key]
            try:
                series = stored if isinstance(stored, Series) else self._read(key, stored)
            except ImagedataError as error:
                if not self._skip:
                    raise
                self._set_aside(key, error)
                continue
            yield key, series

    def order_of(self, key: Any) -> str:
        """Return what a series is, or will be, sorted on."""
        wanted = self._key(key)
        if isinstance(self._order, str):
            return self._order
        stored = dict.__getitem__(self, wanted)
        for name in (wanted, *self._names(wanted, stored), _series_number(wanted, stored)):
            if name in self._order:
                return str(self._order[name])
        return 'auto'

    def _loaded(self, key: Any, stored: Any) -> Series:
        if isinstance(stored, Series):
            return stored
        series = self._read(key, stored)
        dict.__setitem__(self, key, series)
        return series

    def _walk(self) -> Iterator[tuple[Any, Series]]:
        for key in self:
            try:
                series = self[key]
            except ImagedataError as error:
                if not self._skip:
                    raise
                self._set_aside(key, error)
                continue
            yield key, series

    def _read(self, key: Any, entry: Entry, **options: Any) -> Series:
        """Read a series; a segmentation on the grid of the series that it refers to."""
        merged = {**self._options, **entry.options, **options}
        try:
            series = Series(list(entry.sources), self.order_of(key), merged)
        except ImagedataError as error:
            error.add_note(f'in series {entry.key.seriesInstanceUID}')
            raise
        for plan in self._plans:
            series = anonymized(series, plan)
        if entry.format != 'dicom':
            # Made up when its header was looked at, and made up anew now.
            series._identity = Identity(entry.key.seriesInstanceUID)
        if 'SegmentationType' in entry.header and not merged.get('headers_only'):
            return self._on_referenced_grid(series, entry)
        return series

    def _on_referenced_grid(self, series: Series, entry: Entry) -> Series:
        """Return a segmentation on the grid of the series that it refers to, where that fits."""
        reference = self._referenced(entry)
        if reference is None:
            return series
        try:
            if series.header.geometry is not None and series.header.geometry.assumed:
                fitted = Series(series, geometry=reference)
            else:
                fitted = series.match_geometry(reference)
        except (GeometryMismatchError, TemplateMismatchError) as error:
            note = f'the geometry is its own, not that of the series referred to: {error}'
            series.header = replace(series.header, report=(*series.header.report, note))
            return series
        note = f'on the grid of the series referred to, {reference.seriesInstanceUID}'
        fitted.header = replace(fitted.header, report=(*series.header.report, note))
        fitted._identity = series._identity
        return fitted

    def _referenced(self, entry: Entry) -> Series | None:
        """Return the series of this study that a segmentation refers to, without pixels."""
        referred = _referred(entry)
        for key, stored in self._stored().items():
            if isinstance(stored, Entry) and stored.key.seriesInstanceUID in referred:
                return self._read(key, stored, headers_only=True)
            if isinstance(stored, Series) and str(stored.seriesInstanceUID) in referred:
                return stored
        return None

    def _excerpt(self, key: Any) -> Study:
        """Return the study with one series, and those that it refers to: what reading it elsewhere takes."""
        stored = self._stored()
        referred = _referred(stored[key]) if isinstance(stored[key], Entry) else []
        others = [other for other in stored if referred and self._names(other, stored[other])[0] in referred]
        part = cast(Study, self._with_only({key, *others}))
        part.broken = {}
        return part

    def _set_broken_aside(self) -> None:
        """Set aside series that cannot be sorted."""
        for key, stored in list(self._stored().items()):
            if isinstance(stored, Entry):
                try:
                    self._read(key, stored, headers_only=True)
                except ImagedataError as error:
                    self._set_aside(key, error)

    def _set_aside(self, key: Any, error: ImagedataError) -> None:
        """Take a series out of the study, and tell why."""
        uid = key.seriesInstanceUID if isinstance(key, SeriesUID) else key
        dict.pop(self, key, None)
        self.broken[key] = error
        warn_user(f'series {uid} is set aside: {error}', ImagedataWarning)

    def _names(self, key: Any, stored: Any) -> tuple[Any, ...]:
        lookup = _lookup(stored)
        uid = stored.key.seriesInstanceUID if isinstance(stored, Entry) else str(stored.seriesInstanceUID)
        return uid, str(lookup('SeriesDescription') or '')

    def _lookups(self) -> Iterator[tuple[Any, Lookup]]:
        for key, stored in self._stored().items():
            yield key, _lookup(stored)

    # --- writing --------------------------------------------------------------------------------

    def folder_names(self) -> dict[Any, str]:
        """Return the name of the folder that `write` gives each series: number and description."""
        taken: set[str] = set()
        names: dict[Any, str] = {}
        for key, stored in self._stored().items():
            lookup = _lookup(stored)
            uid = ' '.join(map(str, self._names(key, stored)[:1])) + str(key)
            described_as = safe_name(lookup('SeriesDescription'), '')
            number = _series_number(key, stored)
            parts = ['' if number is None else str(number), described_as]
            name = safe_name('-'.join(part for part in parts if part), 'series')
            names[key] = unique_name(name, taken, uid)
        return names

    def write(
        self,
        url: str | PathLike[str],
        opts: OptionsLike = None,
        formats: str | Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        """Write each series into a folder of its own, `<url>/<number>-<description>`.

        Parameters
        ----------
        url : str or path
            A folder.
        opts : dict or argparse.Namespace, optional
        formats : str or list of str, optional
            As for `Series.write`.
        **kwargs
            Options of writing.

        Raises
        ------
        WriteError
            When a series cannot be written; those before it are.
        """
        options = merge_options(opts, kwargs)
        names = self.folder_names()
        for key, series in self.stream():
            target = series_target(url, names[key], formats or options.get('output_format'))
            series.write(target, options, formats)

    def anonymize(
        self,
        uid_table: MutableMapping[str, str] | None = None,
        actions: Mapping[Any, Any] | None = None,
        **rules: Any,
    ) -> Study:
        """Return a study by which its patient is not known; see `Series.anonymize`.

        Series are read, and de-identified, when they are used. Their UIDs and dates still belong
        together. What was set aside in `broken` is not in it.
        """
        return self._anonymized(plan_of(uid_table, actions, rules))

    def _anonymized(self, plan: Plan) -> Study:
        stored: dict[Any, Series | Entry] = {}
        orders: dict[Any, str] = {}
        for key, value in self._stored().items():
            if isinstance(value, Entry):
                entry = anonymized_entry(value, plan)
                stored[entry.key], orders[entry.key] = entry, self.order_of(key)
            else:
                series = anonymized(value, plan)
                stored[str(series.seriesInstanceUID)] = series
        study = Study()
        options = {**self._options, 'input_order': orders, 'plans': (*self._plans, plan)}
        study._begin(stored, options)
        study._skip = self._skip  # known to be whole, as far as this one's series are
        return study

    def _studies(self) -> Iterator[tuple[None, Study]]:
        yield None, self

    def new_uid(self) -> str:
        """Return a new UID."""
        return new_uid()


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


class Patient(_Whole[Study]):
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

    patientName: str | None
    patientID: str | None
    patientBirthDate: str | None
    patientSex: str | None
    patientAge: str | None
    patientSize: float | None
    patientWeight: float | None
    qualityControlSubject: str | None
    patientIdentityRemoved: str | None
    deidentificationMethod: str | None

    def __init__(self, data: Any = None, opts: OptionsLike = None, **kwargs: Any) -> None:
        super().__init__()
        options = merge_options(opts, kwargs)
        self.broken: dict[Any, ImagedataError] = {}
        studies: Mapping[Any, Study]
        if data is None:
            studies = {}
        elif isinstance(data, Mapping):
            studies = checked(data, Study)
        elif not is_location(data):
            studies = without_doubles([(study.studyInstanceUID, study) for study in items(data, Study)])
        else:
            inventory = take_inventory(data, options)
            self.broken.update(_file_errors(inventory))
            patients = grouped(inventory)
            if len(patients) != 1:
                raise CollectionError(
                    f'{told(data)} holds {len(patients)} patients where one is wanted: read it as a Cohort'
                )
            studies = _studies(patients[0][1], options)
        self._begin(studies, options)

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
            key: unique_name(safe_name(_study_folder(study), 'study'), taken, study.studyInstanceUID)
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
        patients: Mapping[Any, Patient]
        if data is None:
            patients = {}
        elif isinstance(data, Mapping):
            patients = checked(data, Patient)
        elif not is_location(data):
            patients = without_doubles([(p.patientID or '', p) for p in items(data, Patient)])
        else:
            inventory = take_inventory(data, options)
            self.broken.update(_file_errors(inventory))
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


def _file_errors(inventory: Inventory) -> dict[str, ImagedataError]:
    """Return the files that were set aside, warned of."""
    for name, error in inventory.broken:
        warn_user(f'{name} is set aside: {error}', ImagedataWarning)
    return dict(inventory.broken)


def _studies(found: Sequence[Sequence[Entry]], options: Mapping[str, Any]) -> dict[str, Study]:
    return {entries[0].key.studyInstanceUID: Study._of(entries, options) for entries in found}


def _patients(inventory: Inventory, options: Mapping[str, Any]) -> dict[str, Patient]:
    found = {}
    for key, studies in grouped(inventory):
        found[key] = Patient()
        found[key]._begin(_studies(studies, options), options)
    return found


# --- what is known of a series that may not be read yet ------------------------------------------


def _lookup(stored: Any) -> Lookup:
    return stored.header.get if isinstance(stored, Entry) else lookup_of(stored.header)


def _study_of(key: Any, stored: Any) -> str:
    if isinstance(stored, Entry):
        return stored.key.studyInstanceUID
    return str(stored.header.attribute('studyInstanceUID') or '')


def _referred(entry: Entry) -> list[str]:
    """Return the UIDs of the series that a segmentation refers to."""
    references = entry.header.get('ReferencedSeriesSequence') or []
    return [str(item.get('SeriesInstanceUID', '')) for item in references]


def _series_number(key: Any, stored: Any) -> int | None:
    return whole_number(_lookup(stored)('SeriesNumber'))


# --- places to write -----------------------------------------------------------------------------


def _study_folder(study: Study) -> str:
    """Return date and time of a study, else its description."""
    if study.studyDate is None:
        return study.studyDescription or study.studyID or 'study'
    clock = study.studyTime or time()
    return datetime.combine(study.studyDate.date(), clock).strftime('%Y%m%d-%H%M%S')


def series_target(url: str | PathLike[str], name: str, formats: Any) -> str:
    """Return where a series goes: a folder; a file in it, for a format of one file a series.

    Parameters
    ----------
    url : str or path
    name : str
        Of the folder, and of the file.
    formats : str or list of str or None
        Names of formats; None: that which `Series.write` chooses.
    """
    from .registry import format_for

    folder = f'{fspath(url).rstrip("/")}/{name}'
    given = [formats] if isinstance(formats, str) else list(formats or [])
    plugins: list[Format] = [format_for(str(wanted)) for wanted in given]
    if len(plugins) == 1 and plugins[0].single_file:
        return f'{folder}/{name}{plugins[0].extensions[0]}'
    return f'{folder}/'
