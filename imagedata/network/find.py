"""Asking a PACS what it has (C-FIND, DICOM PS3.4 C.4.1)."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import ImagedataWarning, NetworkError, NoDataReadError
from ..notices import warn_user
from .address import LEVELS, Peer, Wanted, matches
from .arrived import is_uid
from .association import associated, lost, with_retries
from .settings import Settings
from .status import category, described

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pynetdicom.association import Association

__all__ = ['FoundImage', 'FoundSeries', 'find_images', 'find_series', 'text_of']

_STUDY_ROOT = '1.2.840.10008.5.1.4.1.2.2.1'

_UNIQUE = {'STUDY': 'StudyInstanceUID', 'SERIES': 'SeriesInstanceUID', 'IMAGE': 'SOPInstanceUID'}

_ASKED = {
    'STUDY': LEVELS['STUDY'],
    'SERIES': (*LEVELS['SERIES'], 'NumberOfSeriesRelatedInstances'),
    'IMAGE': (*LEVELS['IMAGE'], 'AvailableTransferSyntaxUID'),
}
_VALUE_ERRORS = (
    ValueError, TypeError, AttributeError, LookupError, NotImplementedError, OverflowError, EOFError,
)  # fmt: skip
"""What pydicom raises for a value that is not what it should be."""

_MOST = 1_000_000
_MOST_IN_VAIN = 10_000
"""Answers to one question: all of them; those that repeat others, or do not fit."""


@dataclass(frozen=True, slots=True)
class FoundSeries:
    """A series that a server has.

    Parameters
    ----------
    values : mapping of str to str
        Keywords of study and series, and what the server says of them; '' where it says nothing.
    """

    values: Mapping[str, str]

    @property
    def study(self) -> str:
        """Study Instance UID."""
        return self.values['StudyInstanceUID']

    @property
    def uid(self) -> str:
        """Series Instance UID."""
        return self.values['SeriesInstanceUID']


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image that a server has.

    Parameters
    ----------
    study, series, uid : str
    sop_class : str
        '' where the server does not say.
    syntax : str
        Transfer syntax that it is stored in; '' where the server does not say.
    """

    study: str
    series: str
    uid: str
    sop_class: str = ''
    syntax: str = ''


def find_series(peer: Peer, wanted: Wanted, settings: Settings) -> list[FoundSeries]:
    """Return the series that fit, by study, number and UID.

    Raises
    ------
    NetworkError, NetworkTimeoutError
    """

    def ask() -> list[FoundSeries]:
        with _asking(peer, settings) as association:
            return list(_series(association, peer, wanted, settings))

    found: list[FoundSeries] = with_retries(settings, ask)
    return sorted(found, key=lambda s: (s.study, s.values['SeriesNumber'].zfill(12), s.uid))


def find_images(peer: Peer, wanted: Wanted, settings: Settings) -> list[FoundImage]:
    """Return the images that fit, in the order of their series.

    Raises
    ------
    NoDataReadError
        When `wanted` names neither patient nor study: all that the server has would be searched.
    """
    if not wanted.at('STUDY'):
        raise NoDataReadError(
            f'a whole server would be searched: name a patient or study ({peer}/patient/study/series), or '
            'something to find them by (?AccessionNumber=...); image_list shows what is there'
        )

    def ask() -> list[FoundImage]:
        with _asking(peer, settings) as association:
            found: list[FoundImage] = []
            for series in _series(association, peer, wanted, settings):
                above = {'StudyInstanceUID': series.study, 'SeriesInstanceUID': series.uid}
                answers = _find(association, peer, 'IMAGE', above, wanted.at('IMAGE'), settings)
                found += [
                    FoundImage(
                        series.study, series.uid, v['SOPInstanceUID'], v['SOPClassUID'],
                        v['AvailableTransferSyntaxUID'].partition('\\')[0],
                    )
                    for v in answers
                ]  # fmt: skip
            return found

    images: list[FoundImage] = with_retries(settings, ask)
    return images


def _asking(peer: Peer, settings: Settings) -> Any:
    from pynetdicom import build_context

    return associated(peer, settings, [build_context(_STUDY_ROOT)])


def _series(
    association: Association, peer: Peer, wanted: Wanted, settings: Settings
) -> Iterator[FoundSeries]:
    for study in _find(association, peer, 'STUDY', {}, wanted.at('STUDY'), settings):
        above = {'StudyInstanceUID': study['StudyInstanceUID']}
        for series in _find(association, peer, 'SERIES', above, wanted.at('SERIES'), settings):
            yield FoundSeries({**study, **series})


def _find(
    association: Association,
    peer: Peer,
    level: str,
    above: Mapping[str, str],
    keys: Mapping[str, str],
    settings: Settings,
) -> list[dict[str, str]]:
    """Return the values of what is found at one level.

    Servers leave out keys that they do not know, and answer with too much: it is looked at here.
    """
    begun = time.monotonic()
    found: dict[str, dict[str, str]] = {}
    nameless = count = 0
    for answer, identifier in association.send_c_find(_identifier(level, above, keys), _STUDY_ROOT):
        if 'Status' not in answer:
            raise lost(peer, f'looking for {level.lower()}s', begun, settings)
        kind = category(int(answer.Status))
        if kind not in ('pending', 'success', 'warning'):
            raise NetworkError(f'{peer} cannot look for {level.lower()}s: {described(answer, "find")}')
        begun = time.monotonic()
        if kind != 'pending':
            break
        if identifier is None:
            raise NetworkError(f'{peer} answers with what is no DICOM, being asked for {level.lower()}s')
        count += 1
        if count > _MOST or count > 2 * len(found) + _MOST_IN_VAIN:
            raise NetworkError(f'{peer} comes to no end, being asked for {level.lower()}s: {count} answers')
        values = _values(identifier, (*_ASKED[level], *above))
        if any(values[name] not in ('', value) for name, value in above.items()):
            continue
        if not all(matches(name, values[name], key) for name, key in keys.items()):
            continue
        uid = values[_UNIQUE[level]]
        if is_uid(uid):
            found[uid] = values | dict(above)
        else:
            nameless += 1
    _check_names(peer, level, nameless)
    return list(found.values())


def _check_names(peer: Peer, level: str, nameless: int) -> None:
    """Tell of answers that cannot be asked for: a series without one of its images is none."""
    text = f'{peer} has {nameless} {level.lower()}s that fit, and gives no valid UID for them'
    if nameless and level == 'IMAGE':
        raise NetworkError(text)
    if nameless:
        warn_user(f'{text}: they are left out', ImagedataWarning)


def _values(identifier: Dataset, names: Iterable[str]) -> dict[str, str]:
    with warnings.catch_warnings():
        # What pydicom finds odd is left empty, or as it is.
        warnings.filterwarnings('ignore', module='pydicom')
        return {name: text_of(identifier, name) for name in names}


def _identifier(level: str, above: Mapping[str, str], keys: Mapping[str, str]) -> Dataset:
    from pydicom.dataset import Dataset

    identifier = Dataset()
    for name in _ASKED[level]:
        setattr(identifier, name, None)
    for name, value in {**above, **keys}.items():
        setattr(identifier, name, value)
    if not all(value.isascii() for value in keys.values()):
        identifier.SpecificCharacterSet = 'ISO_IR 192'
    identifier.QueryRetrieveLevel = level
    return identifier


def text_of(dataset: Dataset, name: str) -> str:
    """Return the value of an element as text, several with backslashes between; '' where there is none."""
    try:
        value: Any = dataset.get(name)
    except _VALUE_ERRORS:
        return ''
    if value is None:
        return ''
    is_list = not isinstance(value, str) and hasattr(value, '__iter__') and not hasattr(value, 'components')
    return '\\'.join(map(str, value)) if is_list else str(value).strip()
