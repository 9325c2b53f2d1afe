"""The series of one study: a dict that reads them when they are used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import replace
from datetime import datetime, time
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, ClassVar, cast

from .anonymize import anonymized, anonymized_entry, plan_of
from .contents import Contents
from .described import (
    PATIENT,
    STUDY,
    GeneralEquipment,
    Lookup,
    PatientAttributes,
    described,
    lookup_of,
    warn_of_patients,
)
from .errors import (
    CollectionError,
    GeometryMismatchError,
    ImagedataError,
    ImagedataWarning,
    TemplateMismatchError,
)
from .folders import safe_name, unique_name
from .given import members, told
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

__all__ = ['Study', 'file_errors', 'series_target', 'study_folder']

_NOT_FOR_SERIES = ('input_order', 'strict_values', 'input_stack', 'skip_broken_series', 'plans')
"""Options that are settled when a series is found."""


class Study(PatientAttributes, Contents, IndexedDict[Any, Series]):
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

    def __init__(self, data: Any = None, opts: OptionsLike = None, **kwargs: Any) -> None:
        super().__init__()
        options = merge_options(opts, kwargs)
        self.broken: dict[Any, ImagedataError] = {}
        given = members(data, Series, lambda series: str(series.seriesInstanceUID))
        if given is not None:
            self._begin(given, options)
            warn_of_patients([lookup for _, lookup in self._lookups()], 'the study')
            return
        inventory = take_inventory(data, options)
        self.broken.update(file_errors(inventory))
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
            try:
                series = self.fetch(key)
            except ImagedataError as error:
                if not self._skip:
                    raise
                self._set_aside(key, error)
                continue
            yield key, series

    def fetch(self, key: Any, **options: Any) -> Series:
        """Return a series that is not kept: the one in memory, or one that is read for this call.

        Parameters
        ----------
        key : object
            As for `study[key]`.
        **options
            Further options of reading, such as `headers_only`.

        Raises
        ------
        EntryNotFoundError
        ImagedataError
            When it cannot be read.
        """
        wanted = self._key(key)
        stored: Series | Entry = dict.__getitem__(self, wanted)
        return stored if isinstance(stored, Series) else self._read(wanted, stored, **options)

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
            parts = ['' if number is None else str(number), described_as, *_divisions(key)]
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


def file_errors(inventory: Inventory) -> dict[str, ImagedataError]:
    """Return the files that were set aside, warned of."""
    for name, error in inventory.broken:
        why = str(error).removeprefix(name).lstrip(': ')
        warn_user(f'{name} is set aside: {why}', ImagedataWarning)
    return dict(inventory.broken)


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


def _divisions(key: Any) -> list[str]:
    """Return what tells a part of a series from its others: 'stack1'."""
    if not isinstance(key, SeriesUID):
        return []
    parts = (('acquisition', key.acquisitionNumber), ('echo', key.echoNumber), ('stack', key.stack))
    return [f'{name}{number}' for name, number in parts if number is not None]


def _series_number(key: Any, stored: Any) -> int | None:
    return whole_number(_lookup(stored)('SeriesNumber'))


# --- places to write -----------------------------------------------------------------------------


def study_folder(study: Study) -> str:
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
    from .registry import extension_for, format_for

    folder = f'{fspath(url).rstrip("/")}/{name}'
    given = [formats] if isinstance(formats, str) else list(formats or [])
    plugins: list[Format] = [format_for(str(wanted)) for wanted in given]
    if len(plugins) == 1 and plugins[0].single_file:
        extension = extension_for(plugins[0], str(given[0]))
        if extension not in getattr(plugins[0], 'one_image', ()):
            return f'{folder}/{name}{extension}'
    return f'{folder}/'
