"""De-identification of series: headers, attributes, axes, and all else that tells who a patient is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .axis import Axis, VariableAxis
from .dicom_elements import parse_tag
from .errors import AxisError, UnknownTag
from .header import ATTRIBUTES, Edit, Header, Identity, Images

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from .formats.dicom.deidentify import Plan, UserRule
    from .inventory import Entry
    from .series import Series

__all__ = ['DeidentificationReport', 'anonymized', 'anonymized_entry', 'deidentification_report', 'plan_of']

_DEFAULTS: Mapping[str, Any] = {
    'PatientName': 'ANONYMOUS',
    'PatientID': 'ANONYMOUS',
    'PatientBirthDate': '19000101',
    'PatientSex': 'O',
}
"""What every header says, unless rules say otherwise."""

_HARMLESS = frozenset((
    'input_format', 'input_sort', 'input_stack', 'input_acquisition', 'input_echo', 'windowCenter',
    'windowWidth', 'colormap', 'colormap_norm', 'colormap_label', 'photometricInterpretation',
))  # fmt: skip
"""Attributes that are no elements of DICOM, and that say nothing of the patient."""

_LIBRARY = 'dicomanonymizer.simpledicomanonymizer'
_LIBRARY_ACTIONS = {
    'keep': 'K', 'delete': 'X', 'empty': 'Z', 'replace': 'D', 'replace_UID': 'U', 'empty_or_replace': 'D',
    'delete_or_empty': 'Z', 'delete_or_replace': 'D', 'delete_or_empty_or_replace': 'D',
    'delete_or_empty_or_replace_UID': 'U',
}  # fmt: skip
"""Functions of dicom-anonymizer to our actions: theirs share one map of UIDs in the whole process."""


@dataclass(frozen=True)
class DeidentificationReport:
    """What was done with the elements of a series' headers.

    Parameters
    ----------
    kept, changed, removed : dict of str to int
        Place of an element in the header to number of images.
    to_look_at : tuple of str
        What no rule can decide: pixels and elements that a person has to look at.
    """

    kept: Mapping[str, int]
    changed: Mapping[str, int]
    removed: Mapping[str, int]
    to_look_at: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values, for JSON."""
        return {
            'kept': dict(sorted(self.kept.items())), 'changed': dict(sorted(self.changed.items())),
            'removed': dict(sorted(self.removed.items())), 'to_look_at': list(self.to_look_at),
        }  # fmt: skip

    def __str__(self) -> str:
        lines = []
        for what in ('removed', 'changed', 'kept'):
            counts: Mapping[str, int] = getattr(self, what)
            lines += [f'{what}:', *(f'  {place} ({n} images)' for place, n in sorted(counts.items()))]
        return '\n'.join([*lines, 'to be looked at:', *(f'  {text}' for text in self.to_look_at)])


def plan_of(
    uid_table: MutableMapping[str, str] | None,
    extra_rules: Mapping[Any, Any] | None,
    given: Mapping[str, Any],
) -> Plan:
    """Return the plan of a call of `anonymize`.

    Parameters
    ----------
    uid_table : dict or None
        Old UID to new one; filled. None: one of this call.
    extra_rules : mapping or None
        (group, element), or a keyword or tag as text, to a function of (dataset, tag), as
        dicom-anonymizer has them.
    given : mapping
        Options of `formats.dicom.deidentify.Options`, and values by name of an attribute.

    Raises
    ------
    UnknownTag
        For a name that is neither an option nor a DICOM element.
    MissingDependencyError
        When dicom-anonymizer is not installed.
    """
    from .formats.dicom.deidentify import Options, Plan

    names = {f.name for f in fields(Options)}
    options = Options(**{k: v for k, v in given.items() if k in names})
    values = dict(_DEFAULTS)
    if options.retain_patient:
        del values['PatientSex']
    values |= {_keyword(k): v for k, v in given.items() if k not in names}
    rules: dict[int, UserRule] = {}
    masked: list[tuple[int, int, UserRule]] = []
    for tag, rule in dict(extra_rules or {}).items():
        if isinstance(tag, tuple) and len(tag) == 4:
            masked.append((tag[0] << 16 | tag[1], tag[2] << 16 | tag[3], _rule(rule)))
            continue
        number = int(parse_tag(tag))
        rules[number] = _rule(rule)
        values = {k: v for k, v in values.items() if k in map(_keyword, given) or int(parse_tag(k)) != number}
    plan = Plan(options, values, rules, tuple(masked), {} if uid_table is None else uid_table)
    _ = plan.actions  # what is missing is told now, not at the first header
    return plan


def _keyword(name: str) -> str:
    """Return the DICOM keyword of a property of Series, or of a keyword."""
    from pydicom.datadict import keyword_for_tag

    if name in ATTRIBUTES:
        return ATTRIBUTES[name].keyword
    try:
        return keyword_for_tag(parse_tag(name))
    except UnknownTag as error:
        raise UnknownTag(
            f'anonymize() knows no option {name!r}, and DICOM no element of that name'
        ) from error


def _rule(rule: Any) -> UserRule:
    from .formats.dicom.deidentify.profile import Action

    if getattr(rule, '__module__', '') == _LIBRARY and getattr(rule, '__name__', '') in _LIBRARY_ACTIONS:
        return Action(_LIBRARY_ACTIONS[rule.__name__])
    if isinstance(rule, str):
        if rule not in {action.value for action in Action}:
            known = ', '.join(action.value for action in Action)
            raise ValueError(f'a rule is one of the codes {known} of PS3.15, or a function, got {rule!r}')
        return Action(rule)
    if not callable(rule):
        raise TypeError(f'a rule is a function of a dataset and a tag, got {type(rule).__name__}')
    found: Callable[[Dataset, tuple[int, int]], Any] = rule
    return found


# --- series ------------------------------------------------------------------------------------


def anonymized(series: Series, plan: Plan) -> Series:
    """Return a Series of the same values and places, by which its patient is not known.

    The pixels are shared with `series`; headers are de-identified when they are asked for.
    """
    from .formats.dicom.deidentify import quietly

    result: Series = series.view()
    with quietly():
        header = _header(series.header, plan)
        result.header = replace(header, report=_report_lines(series.header, plan))
    identity = series._get_identity()
    result._identity = Identity(plan.uid(identity.uid), values_changed=identity.values_changed)
    return result


def anonymized_entry(entry: Entry, plan: Plan) -> Entry:
    """Return a series that is not read yet under a key, and with a header, that do not tell the patient."""
    from pydicom.dataset import Dataset

    from .formats.dicom.deidentify import deidentified

    header = Dataset()
    header.update(entry.header)
    # Dates are moved study by study; the header of an entry does not say of which it is.
    header.StudyInstanceUID = entry.key.studyInstanceUID
    made = deidentified(header, plan)
    key = entry.key._replace(
        patientID=str(made.get('PatientID') or ''),
        studyInstanceUID=plan.uid(entry.key.studyInstanceUID),
        seriesInstanceUID=plan.uid(entry.key.seriesInstanceUID),
    )
    return replace(entry, key=key, header=made)


def deidentification_report(series: Series) -> DeidentificationReport:
    """Return what was done with the headers of all images of a de-identified series.

    Raises
    ------
    ValueError
        When it was not de-identified in this process, or has no headers.
    """
    from .formats.dicom.deidentify import DeidentifiedRecords

    images = series.header.images
    if images is None or not isinstance(images.records, DeidentifiedRecords):
        raise ValueError('this Series has no headers that anonymize() de-identified: call it first')
    account, found = images.records.account()
    found += _lost_axes(series.header, *images.records.pair(0))
    return DeidentificationReport(account.kept, account.changed, account.removed, tuple(found))


def _header(header: Header, plan: Plan) -> Header:
    from .formats.dicom.deidentify import DeidentifiedRecords, deidentified

    first = None if header.images is None else header.images.first()
    context = _context(header, first)
    images = header.images
    offsets = _offsets(images, first, plan)
    if images is not None:
        records = None if images.records is None else DeidentifiedRecords(images.records, plan)
        tags = {name: _values(name, values, context, plan, offsets) for name, values in images.tags.items()}
        images = replace(images, records=records, tags=tags)
    geometry = header.geometry
    if geometry is not None and geometry.frame_of_reference is not None:
        geometry = replace(geometry, frame_of_reference=plan.uid(geometry.frame_of_reference))
    return replace(
        header,
        images=images,
        geometry=geometry,
        tag_axes={name: _axis(axis, context, plan, offsets) for name, axis in header.tag_axes.items()},
        attributes=_attributes(header, context, plan, described=first is not None),
        edits=tuple(edit for edit in (_edit(e, context, plan) for e in header.edits) if edit is not None),
        datasets=tuple(deidentified(dataset, plan) for dataset in header.datasets),
    )


def _context(header: Header, first: Dataset | None) -> Dataset:
    """Return what tells identifiers and dates of a series: its first header, with what was set."""
    from pydicom.dataset import Dataset

    from .formats.dicom.describe import element

    context = Dataset()
    if first is not None:
        for tag, _ in first.items():
            if not tag.is_private and tag.group in (0x0008, 0x0010, 0x0020, 0x0018):
                context[tag] = first[tag]
    for name, value in header.attributes.items():
        if name in ATTRIBUTES and value is not None:
            made = element(ATTRIBUTES[name].keyword, value)
            context[made.tag] = made
    return context


def _single(tag: Any, value: Any, context: Dataset, plan: Plan) -> Any:
    """Return the value of one element of a header of the series, de-identified; None without."""
    from pydicom.dataset import Dataset

    from .formats.dicom.deidentify import deidentified
    from .formats.dicom.describe import element

    lone = Dataset()
    lone.update(context)
    made = element(tag, value)
    lone[made.tag] = made
    found = deidentified(lone, plan)
    return found[made.tag].value if made.tag in found else None


def _attributes(header: Header, context: Dataset, plan: Plan, *, described: bool) -> dict[str, Any]:
    """Return the attributes that were set, de-identified; what formats say in others is left out."""
    kept = {k: v for k, v in header.attributes.items() if k in _HARMLESS}
    for name, value in header.attributes.items():
        if name in ATTRIBUTES and name not in kept:
            kept[name] = _single(ATTRIBUTES[name].keyword, value, context, plan)
    if not described:
        # Without source images nothing else says so.
        for name in ('patientName', 'patientID', 'patientBirthDate'):
            kept[name] = plan.values.get(ATTRIBUTES[name].keyword)
    return {k: v for k, v in kept.items() if v is not None}


def _edit(edit: Edit, context: Dataset, plan: Plan) -> Edit | None:
    """Return what the user set before, de-identified; private elements and what goes are None."""
    tag = parse_tag(edit.keyword)
    if edit.value is None:
        return edit
    if tag.is_private:
        return None
    value = _single(tag, edit.value, context, plan)
    return None if value is None else replace(edit, value=value)


# --- axes --------------------------------------------------------------------------------------

_CLOCKS = ('time', 'contenttime')
_TIMES = ('AcquisitionTime', 'ContentTime', 'SeriesTime', 'StudyTime', 'InstanceCreationTime')
_DAY = 86400.0


def _axis(axis: Axis, context: Dataset, plan: Plan, offsets: Mapping[str, float]) -> Axis:
    old = np.empty(len(axis), dtype=object)
    for i, value in enumerate(axis.values):
        old[i] = value
    new = _values(axis.name, old, context, plan, offsets)
    return axis if new is old else VariableAxis(axis.name, list(new))


def _values(
    name: str, values: NDArray[Any], context: Dataset, plan: Plan, offsets: Mapping[str, float]
) -> NDArray[Any]:
    """Return values along an axis by which the patient is not known: the very array where all stay."""
    from pydicom.datadict import tag_for_keyword

    if name in offsets:
        moved = np.empty(values.shape, dtype=object)
        for index in np.ndindex(values.shape):
            value: Any = values[index]
            moved[index] = None if value is None else round(float(value) + offsets[name], 6)
        return moved
    keyword = name if tag_for_keyword(name) else name[:1].upper() + name[1:]
    if any(isinstance(value, str) for value in values.flat):
        return _other_texts(keyword if tag_for_keyword(keyword) else None, values, context, plan)
    if tag_for_keyword(keyword):
        _check_numbers(name, keyword, values, context, plan)
    return values


def _check_numbers(
    name: str, keyword: str, values: NDArray[Any], context: Dataset, plan: Plan
) -> None:
    """Raise where numbers along an axis are of an element that does not stay: others would be false."""
    from pydicom.datadict import dictionary_VR

    known = [value for value in values.flat if isinstance(value, (int, float, np.number))]
    if not known or dictionary_VR(keyword) in ('TM', 'DA', 'DT'):
        return
    found = _single(keyword, known[0], context, plan)
    if found in (None, '') or float(found) != float(known[0]):
        raise AxisError(
            f'the images are sorted by {name}, which de-identification takes away: sort them by something '
            f'else, or keep it (retain_patient=True, or extra_anonymization_rules)'
        )


def _offsets(images: Images | None, first: Dataset | None, plan: Plan) -> dict[str, float]:
    """Return how many seconds the values of axes are moved that are times of day of their images.

    Times that count from something else, such as the first image, stay.
    """
    shift = None if first is None else plan.shift(first)
    if images is None or first is None or shift is None:
        return {}
    offsets = {}
    for name, values in images.tags.items():
        known = [float(v) for v in values.flat if isinstance(v, (int, float, np.number))]
        present = values[images.ids >= 0]
        if not known or not present.size or not isinstance(present[0], (int, float, np.number)):
            continue
        if any(abs((float(present[0]) - clock + _DAY / 2) % _DAY - _DAY / 2) < 1e-3
               for clock in _clocks(name, first)):  # fmt: skip
            seconds = shift.total_seconds() % _DAY
            # The first of them is on the first day again.
            offsets[name] = seconds - (min(known) + seconds) // _DAY * _DAY
    return {name: offset for name, offset in offsets.items() if offset}


def _clocks(name: str, first: Dataset) -> list[float]:
    """Return the times of day, in s, that the values of an axis can have been taken from.

    An axis of a name that is the user's own can be of any: the function that gave its values is not known.
    """
    from pydicom.datadict import dictionary_VR, tag_for_keyword

    from .formats.dicom.criteria import CRITERIA, criterion

    tag = tag_for_keyword(name)
    if tag is not None and dictionary_VR(tag) != 'TM':
        return []
    if tag is None and name in CRITERIA and name not in _CLOCKS:
        return []
    asked = [name] if tag is not None else [*_CLOCKS, *_TIMES]
    found = (criterion(each, {})(first) for each in asked)
    clocks = (value[1] if isinstance(value, tuple) else value for value in found)
    return [float(clock) for clock in clocks if isinstance(clock, (int, float, np.number))]


def _other_texts(keyword: str | None, values: NDArray[Any], context: Dataset, plan: Plan) -> NDArray[Any]:
    """Return texts along an axis, de-identified; their numbers where they would not be told apart."""
    from .formats.dicom.deidentify.identifiers import words_of

    words = words_of(context, plan.options)
    texts = sorted({str(v) for v in values.flat if v is not None})
    if keyword is None:
        new = {text: words.without(text) for text in texts}
    else:
        new = {text: str(_single(keyword, text, context, plan) or '') for text in texts}
    if len(set(new.values())) < len(texts):
        new = {text: str(i) for i, text in enumerate(texts)}
    if all(new[text] == text for text in texts):
        return values
    changed = np.empty(values.shape, dtype=object)
    for index in np.ndindex(values.shape):
        value: Any = values[index]
        changed[index] = None if value is None else new[str(value)]
    return changed


# --- report --------------------------------------------------------------------------------------


def _report_lines(header: Header, plan: Plan) -> tuple[str, ...]:
    """Return what `explain` tells: nothing of where the series came from."""
    from .formats.dicom.deidentify import Account, deidentified, findings
    from .formats.dicom.deidentify.standard import CODES

    codes = ', '.join(f'{CODES[name][1]} ({CODES[name][0]})' for name in plan.options.names)
    lines = [f'de-identified after PS3.15 Annex E: {codes}']
    images = header.images
    source = None if images is None else images.first()
    if source is not None:
        account = Account()
        made = deidentified(source, plan, account)
        found = [*findings(source, made), *_lost_axes(header, source, made)]
        counts = f'{len(account.removed)} elements removed, {len(account.changed)} changed'
        lines.append(f'the first header: {counts}, {len(account.kept)} kept')
        lines += [f'to be looked at: {text}' for text in found]
    return (*lines, 'how the files were read is not told: their names may name the patient')


def _lost_axes(header: Header, source: Dataset, made: Dataset) -> list[str]:
    """Return the axes by which the images cannot be sorted again: their elements go."""
    from .formats.dicom.criteria import CRITERIA, criterion

    names = [name for name in header.tag_dims if name in CRITERIA or name.startswith('(')]
    lost = [name for name in names
            if criterion(name, {})(source) is not None and criterion(name, {})(made) is None]  # fmt: skip
    return [
        f'axis {name!r}: files that are written cannot be sorted by it, because it is of a private element. '
        'retain_safe_private=True keeps those that are known'
        for name in lost
    ]
