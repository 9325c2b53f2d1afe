"""Headers kept as what varies, over a layout that is shared: each looks like a pydicom dataset.

What is asked for is parsed then, by pydicom: what is constant once for all images, what varies for
each image. Whoever wants all elements, or changes one, gets a dictionary of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydicom import config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.tag import BaseTag, Tag
from pydicom.values import convert_value

from .checked import CheckedDataset
from .lengths import PER_FRAME
from .records import shallow_copy

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from .layouts import Shared

__all__ = ['PackedHeader', 'empty_copy', 'remembered']

T = TypeVar('T')

_QUICK = frozenset(('AE', 'AS', 'CS', 'DA', 'DS', 'FD', 'FL', 'IS', 'SL', 'SS', 'TM', 'UI', 'UL', 'US'))
"""Value representations whose values depend on nothing but their bytes."""

_BINARY = frozenset(('FD', 'FL', 'SL', 'SS', 'UL', 'US'))
"""Those of them that are no text: texts are in ASCII, and what is not is the character set's affair."""

_NUMBERS = frozenset(('DS', 'IS'))

_tags: dict[Any, int | None] = {}


class _Constant:
    """An element that does not vary, with its value."""

    __slots__ = ('element', 'value')

    def __init__(self, element: DataElement) -> None:
        self.element = element
        self.value = element.value


class _Marker:
    __slots__ = ()


_ABSENT = _Marker()
"""Stands for an element that no file of a layout has."""

_UNKNOWN = _Marker()
"""Stands for a name that is no element."""


def _tag(key: Any) -> int | None:
    """Return the number of a tag, by keyword, number or pair; None for what is no element."""
    try:
        return _tags[key]
    except KeyError:
        found = tag_for_keyword(key) if isinstance(key, str) else int(Tag(key))
        _tags[key] = found
        return found


class PackedHeader(CheckedDataset):
    """The header of an image, without pixels.

    Parameters
    ----------
    source_name : str
        Its file, for messages.
    layout : Shared
    values : tuple of bytes
        Values of the elements that vary in the layout.
    """

    def __new__(cls, source_name: str, layout: Shared, values: tuple[bytes, ...]) -> PackedHeader:
        """Make a header: what all of a layout share is set once."""
        made = object.__new__(cls)
        state = layout.memo.get('state')
        if state is None:
            state = {k: v for k, v in vars(layout.constant).items() if k not in ('_dict', 'file_meta')}
            layout.memo['state'] = state
        own = made.__dict__
        own.update(state)
        own['_private_blocks'] = {}
        own['source_name'] = source_name
        own['layout'] = layout
        own['varied'] = values
        own['whole'] = None
        own['trace'] = None
        return made

    def __init__(self, source_name: str, layout: Shared, values: tuple[bytes, ...]) -> None:
        # All is done when it is made: the initializer of a dataset would set what is shared.
        pass

    layout: Shared
    varied: tuple[bytes, ...]
    trace: list[int] | None
    whole: MutableMapping[BaseTag, Any] | None

    def fresh(self) -> PackedHeader:
        """Return the header as it was read, nothing parsed; itself, when it was changed since."""
        own = self.__dict__
        return self if own['whole'] is not None else type(self)(self.source_name, self.layout, self.varied)

    # --- as a dictionary of its own -----------------------------------------------------------

    @property
    def _dict(self) -> MutableMapping[BaseTag, Any]:
        whole = self.__dict__['whole']
        if whole is None:
            whole = self.__dict__['whole'] = self._elements()
            self.__dict__['trace'] = None
        return cast(MutableMapping[BaseTag, Any], whole)

    @_dict.setter
    def _dict(self, elements: MutableMapping[BaseTag, Any]) -> None:
        self.__dict__['whole'] = elements

    def _elements(self) -> dict[BaseTag, Any]:
        """Return all elements, unparsed: what is made of them is this header's own."""
        layout = self.layout
        constant = layout.unparsed
        elements: dict[BaseTag, Any] = {}
        for tag in layout.tags:
            shared = constant.get(cast(BaseTag, tag))
            if shared is not None:
                elements[shared.tag] = shared
            else:
                own = self._raw(layout.varying[tag])
                elements[own.tag] = own
        return elements

    def _raw(self, index: int) -> Any:
        """Return an element that varies, unparsed where pydicom would leave it so."""
        tag, vr, undefined = self.layout.kinds[index]
        value = self.varied[index]
        implicit = self.layout.implicit and tag >> 16 != 2
        if undefined and (tag != PER_FRAME or implicit):
            return self._sequence(tag, value)
        return RawDataElement(
            BaseTag(tag), vr or None, len(value), value or _empty(vr), 0, implicit, is_little_endian=True
        )

    def _sequence(self, tag: int, value: bytes) -> DataElement:
        """Return a sequence of undefined length."""
        from io import BytesIO

        from pydicom.filereader import read_sequence

        delimiter = b'\xfe\xff\xdd\xe0\0\0\0\0'
        charset = self.original_character_set
        items = read_sequence(
            BytesIO(value + delimiter), self.layout.implicit, True, 0xFFFFFFFF, cast(Any, charset)
        )
        return DataElement(BaseTag(tag), 'SQ', items, 0, is_undefined_length=True)

    @property
    def file_meta(self) -> FileMetaDataset:
        """File meta information."""
        own = self.__dict__.get('meta')
        if own is None:
            constant = self.layout.constant.file_meta
            own = FileMetaDataset()
            elements = dict(constant._dict)
            for tag, index in self.layout.varying.items():
                if tag >> 16 == 2:
                    elements[BaseTag(tag)] = self._raw(index)
            own._dict = dict(sorted(elements.items()))
            self.__dict__['meta'] = own
        return cast(FileMetaDataset, own)

    @file_meta.setter
    def file_meta(self, meta: FileMetaDataset) -> None:
        self.__dict__['meta'] = meta

    # --- single elements ----------------------------------------------------------------------

    def _entry(self, key: Any) -> Any:
        """Return what a key stands for in this layout: an index, `_ABSENT`, or a `_Constant`."""
        layout = self.layout
        tag = _tag(key)
        if tag is None:
            entry: Any = _UNKNOWN
        elif tag >> 16 == 2:
            entry = _ABSENT
        elif tag in layout.varying:
            entry = layout.varying[tag]
        elif tag in layout.constant._dict:
            entry = _Constant(layout.constant[tag])
        else:
            entry = _ABSENT
        layout.access[key] = entry
        return entry

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the value of a keyword, or the element of a tag; `default` where there is none."""
        own = self.__dict__
        if own['whole'] is not None:
            return super().get(key, default)
        entry = own['layout'].access.get(key)
        if entry is None:
            entry = self._entry(key)
        kind = type(entry)
        if kind is _Constant:
            return entry.value if type(key) is str else entry.element
        if entry is _ABSENT:
            return default
        if kind is int:
            if own['trace'] is not None:
                own['trace'].append(entry)
            return self._value(entry) if type(key) is str else self._own(entry)
        return super().get(key, default)

    def _value(self, index: int) -> Any:
        """Return the value of an element that varies."""
        tag, vr, _ = self.layout.kinds[index]
        value = self.varied[index]
        vr = vr or _implied(tag)
        quick = vr in _QUICK and (value.isascii() or vr in _BINARY)
        if quick and value and config.data_element_callback is None:
            try:
                raw = RawDataElement(
                    cast(BaseTag, tag), vr, len(value), value, 0, is_implicit_VR=False, is_little_endian=True
                )
                return convert_value(vr, raw)
            except (ValueError, TypeError, OverflowError, NotImplementedError):
                pass  # told as all elements that cannot be parsed
        return self._own(index).value

    def _own(self, index: int) -> DataElement:
        """Return an element that varies, parsed."""
        scratch = empty_copy(self.layout.constant, self.source_name)
        scratch._dict = dict(self.layout.constant._dict)
        raw = self._raw(index)
        scratch._dict[raw.tag] = raw
        return cast(DataElement, scratch[raw.tag])

    def floats(self, keyword: str) -> list[float] | None:
        """Return the numbers of a decimal or integer string, None where that needs another way."""
        own = self.__dict__
        if own['whole'] is not None:
            return None
        layout = own['layout']
        entry = layout.access.get(keyword)
        if entry is None:
            entry = self._entry(keyword)
        if type(entry) is not int:
            return None
        tag, vr, _ = layout.kinds[entry]
        if (vr or _implied(tag)) not in _NUMBERS:
            return None
        if own['trace'] is not None:
            own['trace'].append(entry)
        try:
            return [float(part) for part in own['varied'][entry].split(b'\\')]
        except ValueError:
            return None

    def __contains__(self, name: Any) -> bool:
        own = self.__dict__
        if own['whole'] is not None:
            return super().__contains__(name)
        layout = own['layout']
        known = layout.there.get(name)
        if known is None:
            try:
                tag = _tag(name)
            except (ValueError, TypeError, OverflowError):
                return super().__contains__(name)
            known = layout.there[name] = tag is not None and tag in layout.tags
        return cast(bool, known)

    def __getitem__(self, key: Any) -> Any:
        own = self.__dict__
        if own['whole'] is not None or isinstance(key, slice):
            return super().__getitem__(key)
        entry = own['layout'].access.get(key)
        if entry is None:
            entry = self._entry(key)
        if type(entry) is _Constant:
            return entry.element
        if type(entry) is not int:
            raise KeyError(key)
        if own['trace'] is not None:
            own['trace'].append(entry)
        return self._own(entry)

    def get_item(self, key: Any, *, keep_deferred: bool = False) -> Any:
        """Return an element, unparsed where it is so still."""
        if self.__dict__['whole'] is not None or isinstance(key, slice):
            return super().get_item(key, keep_deferred=keep_deferred)
        tag = cast(int, _tag(key))
        index = self.layout.varying.get(tag)
        if index is None or tag >> 16 == 2:
            return self.layout.constant.get_item(tag)
        if self.__dict__['trace'] is not None:
            self.__dict__['trace'].append(index)
        return self._raw(index)

    def __getattr__(self, name: str) -> Any:
        if self.__dict__['whole'] is None and _tag(name) is not None:
            found = self.get(name, _ABSENT)
            if found is _ABSENT:
                raise AttributeError(f'{self.source_name} has no {name}')
            return found
        return super().__getattr__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if _tag(name) is not None and self.__dict__['whole'] is None:
            self.__dict__['whole'] = self._elements()  # the elements of the layout are not this header's
        super().__setattr__(name, value)

    # --- copies -------------------------------------------------------------------------------

    def __copy__(self) -> Any:
        return shallow_copy(self)

    def __deepcopy__(self, memo: Any) -> Any:
        return deepcopy(shallow_copy(self), memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _itself, (shallow_copy(self),)


# --- what was found out about headers that are alike ----------------------------------------------


class _Answer:
    __slots__ = ('value',)

    def __init__(self, value: Any) -> None:
        self.value = value


def remembered(function: Callable[..., T], dataset: Dataset, *names: str) -> T:
    """Return what a function finds in a header, without asking anew where it found it before.

    It is noted which of the elements that vary the function looks at: a header that has the same
    values of these gets the same answer. So the answer is shared, and must not be changed.

    Parameters
    ----------
    function : callable
        Of a header, and of `names`; its result follows from the elements of the header alone.
    dataset : Dataset
    names : str
        What messages need.
    """
    if not isinstance(dataset, PackedHeader):
        return function(dataset, *names)
    own = dataset.__dict__
    if own['whole'] is not None:
        return function(dataset, *names)
    trace, values = own['trace'], own['varied']
    memo = own['layout'].memo
    node = memo.get(function)
    while node is not None:
        if type(node) is _Answer:
            return cast(T, node.value)
        index, following = node
        if trace is not None:
            trace.append(index)
        node = following.get(values[index])
    mine: list[int] = []
    own['trace'] = mine
    try:
        result = function(dataset, *names)
    finally:
        own['trace'] = trace
    if trace is not None:
        trace.extend(mine)
    if own['whole'] is None:
        _remember(memo, function, dict.fromkeys(mine), values, _Answer(result))
    return result


def _remember(
    memo: dict[Any, Any], key: Any, asked: Iterable[int], values: tuple[bytes, ...], answer: _Answer
) -> None:
    """Put an answer at the end of the way that the values of the elements asked for show."""
    place = memo
    for index in asked:
        node = place.get(key)
        if node is None:
            node = place[key] = (index, {})
        if type(node) is _Answer or node[0] != index:
            return
        place, key = node[1], values[index]
    place.setdefault(key, answer)


def _itself(dataset: Dataset) -> Dataset:
    """Return what a packed header becomes when it is pickled."""
    return dataset


def empty_copy(dataset: CheckedDataset, name: str) -> CheckedDataset:
    """Return a dataset of the same encoding, without elements."""
    made = object.__new__(CheckedDataset)
    made.__dict__.update(vars(dataset))
    made.__dict__.update(_dict={}, _private_blocks={}, source_name=name)
    return made


def _implied(tag: int) -> str:
    """Return the value representation of an element where files do not write it; '' of private ones."""
    if tag not in _implied_of:
        try:
            _implied_of[tag] = dictionary_VR(tag)
        except KeyError:
            _implied_of[tag] = ''
    return _implied_of[tag]


_implied_of: dict[int, str] = {}


def _empty(vr: str) -> Any:
    """Return what pydicom has for the bytes of an element without any."""
    from pydicom.dataelem import empty_value_for_VR

    return empty_value_for_VR(vr or None, raw=True)
