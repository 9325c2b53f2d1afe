"""One header, de-identified: a new dataset, and an account of what was done with each element."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from .identifiers import Words, words_of
from .moments import moved_value, partner
from .plan import Plan
from .profile import Action
from .quiet import quietly
from .standard import BODY_PARTS, CODES, DUMMY_TEXT, SAFE_PRIVATE
from .unlisted import unlisted

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['Account', 'deidentified']

_TEXTS = frozenset(('LO', 'LT', 'SH', 'ST', 'UC', 'UT', 'PN', 'UR'))
_WORDED = _TEXTS | {'UN'}
_NUMBERS = frozenset(('FD', 'FL', 'SS', 'US', 'SL', 'UL', 'SV', 'UV', 'AT'))
_METHOD = 'imagedata'

_BY_DICTIONARY = frozenset(('DA', 'TM', 'DT', 'UI', 'PN', 'SQ'))
"""Types by which elements are treated: what a file says in their place is not believed."""

_MANUFACTURER = 0x00080070
"""Readers look for the elements of a maker by its name, after which phantoms are called as well."""

_OF_FILES = (0x0000, 0x0002, 0x0004)
"""Groups of messages, of files and of their directories, which name files: no part of an image."""

_LINEAR = (None, '', 'LINEAR', 'REVERSE_LINEAR')

_TYPED_CODES = frozenset((0x00180015, 0x00700080))
"""Body Part Examined and Content Label: codes in which people write what they like."""


@dataclass(slots=True)
class Account:
    """How often elements were kept, changed and removed, by their place in the header.

    Places read 'PatientName', 'RequestAttributesSequence.ScheduledProcedureStepID',
    '(0019,100C) SIEMENS MR HEADER'. Nothing of their values is in it.
    """

    kept: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    removed: Counter[str] = field(default_factory=Counter)

    def add(self, other: Account) -> None:
        """Add the counts of another account."""
        self.kept += other.kept
        self.changed += other.changed
        self.removed += other.removed


def deidentified(dataset: Dataset, plan: Plan, account: Account | None = None) -> Dataset:
    """Return a header without what tells who the patient is.

    Parameters
    ----------
    dataset : Dataset
        It is not changed. Pixels, which headers here do not have, would be kept.
    plan : Plan
    account : Account, optional
        To be told what was done.

    Returns
    -------
    Dataset
        With elements of its own where they differ, and others shared with `dataset`.
    """
    from ..recode import can_say, in_unicode

    with quietly():
        work = _Work(plan, plan.shift(dataset), words_of(dataset, plan.options), Account(), [])
        made = work.level(dataset, '')
        _keep_measured(made, dataset)
    values = {k: v(dataset.get(k)) if callable(v) else v for k, v in plan.values.items()}
    told = ''.join((*work.given, *map(str, values.values())))
    if not can_say(made, ''.join(letter for letter in told if not letter.isascii())):
        made = in_unicode(made)
    _set_values(made, values, work.account)
    _describe(made, dataset, plan)
    made._dict = dict(sorted(made._dict.items()))
    if account is not None:
        account.add(work.account)
    return made


@dataclass(frozen=True, slots=True)
class _Work:
    """What is the same for all levels of one header."""

    plan: Plan
    shift: timedelta | None
    words: Words
    account: Account
    given: list[str]
    """What the user has put in: the character set of the header may lack some of it."""

    def level(self, source: Dataset, path: str) -> Dataset:
        """Return a dataset, or an item of a sequence, de-identified."""
        made = _empty_like(source)
        later: list[tuple[int, Any]] = []
        for tag in sorted(source.keys()):
            number = int(tag)
            if number >> 16 in _OF_FILES or not number & 0xFFFF:
                continue
            place = path + _name(source, number)
            rule = self.plan.rule(number)
            if rule is not None and not isinstance(rule, Action):
                made[tag] = deepcopy(source[tag])
                later.append((number, rule))
                continue
            if number >> 16 & 1:
                self._private(source, made, tag, rule, place)
                continue
            action = rule or self.plan.actions.of(number)
            self._public(source, made, tag, action, place, named=rule is not None)
        for number, rule in later:
            self._by_user(source, made, number, rule, path + _name(source, number))
        return made

    def _by_user(self, source: Dataset, made: Dataset, number: int, rule: Any, place: str) -> None:
        """Let a function of the user change an element."""
        rule(made, (number >> 16, number & 0xFFFF))
        if number not in made:
            self.account.removed[place] += 1
        elif made[number] == source[number]:
            self.account.kept[place] += 1
        else:
            self.account.changed[place] += 1
            self.given.append(str(made[number].value))

    def _private(self, source: Dataset, made: Dataset, tag: Any, rule: Action | None, place: str) -> None:
        number = int(tag)
        if number & 0xFF00 == 0:
            return  # a creator: goes with its elements
        group, block = number >> 16, number >> 8 & 0xFF
        owner = _creator(source, number)
        safe = self.plan.options.retain_safe_private and (group, number & 0xFF) in SAFE_PRIVATE.get(owner, ())
        if not owner or not (rule is Action.KEEP or (safe and self._has_no_name(source, tag))):
            self.account.removed[place] += 1
            return
        made[tag] = source.get_item(tag)
        made[group, block] = source.get_item((group, block))
        self.account.kept[place] += 1

    def _has_no_name(self, source: Dataset, tag: Any) -> bool:
        """Return whether an element that should be a number or a code has no word of an identifier."""
        value = source[tag].value
        text = value.decode('latin-1') if isinstance(value, bytes) else str(value)
        return source[tag].VR != 'SQ' and self.words.described(text) == text

    def _public(
        self, source: Dataset, made: Dataset, tag: Any, action: Action | None, place: str, *, named: bool
    ) -> None:
        vr = _vr(source, tag)
        if action is None:
            action = unlisted(int(tag), vr, self.plan.options)
        if vr == 'SQ':
            self._sequence(source, made, tag, action, place)
            return
        raw = source.get_item(tag)
        if action is Action.KEEP and (named or _has_no_words(raw, vr)):
            made[tag] = raw
            self.account.kept[place] += 1
            return
        goes = action is Action.REMOVE or not (named or _is_of_type(raw, vr))
        element = None if goes else self._element(source, tag, vr, action)
        if element is None:
            self.account.removed[place] += 1
        elif element is source[tag]:
            made[tag] = element
            self.account.kept[place] += 1
        else:
            made[tag] = element
            self.account.changed[place] += 1

    def _element(self, source: Dataset, tag: Any, vr: str, action: Action) -> Any:
        """Return an element in place of another, the same where nothing changes; None where it goes."""
        from pydicom.dataelem import DataElement

        element = source[tag]
        old = element.value
        if old is None or old == '' or old == b'':
            return element
        if element.VR == 'UN' and action not in (Action.DUMMY, Action.EMPTY):
            return None  # too long for pydicom to take it for what the dictionary says
        if action is Action.UID or (action is Action.DUMMY and vr == 'UI'):
            new: Any = self.plan.uid(old) if isinstance(old, str) else [self.plan.uid(v) for v in old]
        elif action is Action.MOVE and (self.shift is not None or vr == 'SH'):
            beside = partner(element.keyword)
            other = source.get(beside) if beside != element.keyword else None
            new = moved_value(vr, old, other, self.shift or timedelta())
        elif action is Action.CLEAN:
            if element.VR not in (*_TEXTS, 'CS'):
                return None  # bytes, which nobody can clean
            new = _each(old, self.words.described)
        elif action is Action.KEEP and (element.VR in _TEXTS or int(tag) in _TYPED_CODES):
            new = old if str(old) in BODY_PARTS else _each(old, self.words.without)
        elif action is Action.DUMMY:
            new = _dummy(vr)
        else:
            new = '' if action is Action.EMPTY else old
        same = new == old or (not isinstance(old, str) and new == _each(old, str))
        return element if same else DataElement(tag, vr, new)

    def _sequence(
        self, source: Dataset, made: Dataset, tag: Any, action: Action | None, place: str
    ) -> None:
        """Put a sequence, with the inside of its items de-identified."""
        from pydicom.dataelem import DataElement
        from pydicom.sequence import Sequence

        if action in (Action.REMOVE, Action.DUMMY):
            # A dummy would be an object without meaning: no reader can use it.
            self.account.removed[place] += 1
            return
        element = source[tag]
        if element.VR != 'SQ' and element.value:
            self.account.removed[place] += 1
            return
        old = [] if action is Action.EMPTY else element.value or []
        items = [self.level(item, f'{place}.') for item in old]
        made[tag] = DataElement(tag, 'SQ', Sequence(items))
        (self.account.changed if action is Action.EMPTY else self.account.kept)[place] += 1


def _vr(source: Dataset, tag: Any) -> str:
    """Return the VR of an element: that of the dictionary where the file tells none, or a wrong one."""
    from pydicom.datadict import dictionary_has_tag, dictionary_VR

    vr = source.get_item(tag).VR
    if dictionary_has_tag(tag):
        told = dictionary_VR(tag)
        if vr in (None, 'UN') or (told in _BY_DICTIONARY and vr != 'SQ'):
            return told
    return 'UN' if vr is None else str(vr)


def _has_no_words(raw: Any, vr: str) -> bool:
    """Return whether the type of an element has no words, so that it can be kept as it is."""
    if int(raw.tag) == _MANUFACTURER:
        return True
    wordless = not {raw.VR or vr, vr} & _WORDED and int(raw.tag) not in _TYPED_CODES
    return wordless and _is_of_type(raw, vr)


def _is_of_type(raw: Any, vr: str) -> bool:
    """Return whether a number in text is one: readers skip what is not, and it could be a name."""
    number = vr in ('DS', 'IS') and isinstance(raw.value, bytes)
    return not (number and raw.value.translate(None, b'0123456789+-.eE\\ \0'))


def _name(source: Dataset, number: int) -> str:
    """Return how an account calls an element."""
    from pydicom.datadict import keyword_for_tag
    from pydicom.tag import Tag

    if not number >> 16 & 1:
        return keyword_for_tag(number) or str(Tag(number))
    creator = _creator(source, number)
    # Anything can stand in the place of a creator's name: only names that are known are told.
    return f'{Tag(number)} {creator if creator in _known_creators() else ""}'.strip()


@cache
def _known_creators() -> frozenset[str]:
    from pydicom._private_dict import private_dictionaries

    return frozenset((*private_dictionaries, *SAFE_PRIVATE))


def _creator(source: Dataset, number: int) -> str:
    """Return who defined a private element, '' where nothing says so."""
    block = (number >> 16, number >> 8 & 0xFF)
    return str(source[block].value).strip() if block in source else ''


def _each(value: Any, change: Any) -> Any:
    """Return a value, or each of several, changed as text."""
    if isinstance(value, str) or hasattr(value, 'components') or not hasattr(value, '__iter__'):
        return change(str(value))
    return [change(str(part)) for part in value]


def _dummy(vr: str) -> Any:
    if vr in _NUMBERS:
        return 0
    if vr in ('DS', 'IS'):
        return '0'
    if vr in ('OB', 'OW', 'UN'):
        return b'\0\0'
    if vr in ('OD', 'OF', 'OL', 'OV'):
        return b'\0' * 8
    return {'AS': '000Y', 'UR': 'http://anonymized.invalid'}.get(vr, DUMMY_TEXT)


def _empty_like(source: Dataset) -> Dataset:
    """Return an empty dataset in the encoding of another, with nothing of its file."""
    from ..checked import CheckedDataset

    made = CheckedDataset('a de-identified header')
    implicit, little = source.original_encoding
    made.set_original_encoding(implicit, little, source.original_character_set)
    made._parent_encoding = source._parent_encoding
    if hasattr(source, 'frame_seconds'):
        made.frame_seconds = source.frame_seconds
    return made


def _keep_measured(made: Dataset, source: Dataset) -> None:
    """Say in standard elements what vendors say in private ones of their own."""
    from ..criteria import b_value, b_vector
    from ..describe import element
    from ..vendor import ge

    values: dict[str, Any] = {}
    b = b_value(source)
    if b is not None:
        values['DiffusionBValue'] = float(b)
        vector = b_vector(source)
        if len(vector) == 3:
            values |= {'DiffusionGradientOrientation': list(vector), 'DiffusionDirectionality': 'DIRECTIONAL'}
    values = {keyword: value for keyword, value in values.items() if keyword not in made}
    if str(source.get('Manufacturer') or '').upper().startswith('GE'):
        # The private protocol decides, against what the standard element of these devices says.
        positive = ge.phase_is_positive(source)
        if positive is not None and source.get('RectilinearPhaseEncodeReordering') in _LINEAR:
            values['RectilinearPhaseEncodeReordering'] = 'LINEAR' if positive else 'REVERSE_LINEAR'
    for keyword, value in values.items():
        new = element(keyword, value)
        made[new.tag] = new


def _set_values(made: Dataset, values: Mapping[str, Any], account: Account) -> None:
    """Set what the plan sets in each header."""
    from ..describe import element

    for keyword, value in values.items():
        had = account.kept.pop(keyword, 0) + account.changed.pop(keyword, 0) + account.removed.pop(keyword, 0)
        if value is None:
            if keyword in made:
                del made[keyword]
            account.removed[keyword] += had
            continue
        new = element(keyword, value)
        made[new.tag] = new
        account.changed[keyword] += 1


def _describe(made: Dataset, source: Dataset, plan: Plan) -> None:
    """Say that the header was de-identified, and how (PS3.3 C.7.1.1, C.7.1.3)."""
    from ..describe import element

    for keyword, value in _statements(made, source, plan):
        new = element(keyword, value)
        made[new.tag] = new


def _statements(made: Dataset, source: Dataset, plan: Plan) -> Iterator[tuple[str, Any]]:
    from pydicom.sequence import Sequence

    if 'PatientIdentityRemoved' not in plan.values:
        yield 'PatientIdentityRemoved', 'YES'
    if 'DeidentificationMethod' not in plan.values:
        # What was done before, by other programs, is part of how it was done.
        steps = [step for step in _several(made.get('DeidentificationMethod')) if step != _METHOD]
        yield 'DeidentificationMethod', [*steps, _METHOD]
    codes = [_code(*CODES[name]) for name in plan.options.names]
    told = {code.CodeValue for code in codes}
    before = [item for item in made.get('DeidentificationMethodCodeSequence') or [] if _other(item, told)]
    yield 'DeidentificationMethodCodeSequence', Sequence([*before, *codes])
    was_modified = str(source.get('LongitudinalTemporalInformationModified') or '') in ('MODIFIED', 'REMOVED')
    modified = 'UNMODIFIED' if plan.options.dates == 'keep' and not was_modified else 'MODIFIED'
    yield 'LongitudinalTemporalInformationModified', modified


def _several(value: Any) -> list[str]:
    if value is None or isinstance(value, str):
        return [value] if value else []
    return [str(part) for part in value]


def _other(item: Dataset, told: set[str]) -> bool:
    """Return whether a code of the source says something else than those that are told now."""
    return bool(item.get('CodeValue')) and item.CodeValue not in told


@cache
def _code(value: str, meaning: str) -> Dataset:
    """Return a coded entry of DICOM's own scheme: one for all sequences, not to be changed."""
    from pydicom.dataset import Dataset

    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, 'DCM', meaning
    return item
