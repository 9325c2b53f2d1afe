"""Classic headers of the frames of enhanced objects, kept as what varies from frame to frame.

One frame of each kind goes the whole way: pydicom parses its functional groups, and their elements
are lifted to the top level and get their classic names. The headers of the others are like it but for
the values that vary in their items, which are parsed when they are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

from pydicom import config
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.tag import BaseTag

from .items import CHARACTER_SET, WHOLE, FrameItem, ItemLayout
from .layouts import Shared
from .lengths import FIXED_SIZE, TooShort, Unusual, items_of
from .packed import PackedHeader, empty_copy
from .records import shallow_copy

if TYPE_CHECKING:
    from .checked import CheckedDataset

__all__ = ['FrameHeader', 'frame_headers']

_NUMBER = 0x00200013
"""Instance Number: each frame gets its own."""

_MOMENT = 0x0008002A
"""Acquisition DateTime."""

_ACQUISITION_DATE, _ACQUISITION_TIME = 0x00080022, 0x00080032

_INVERSION_TIME = 0x00180082

_DIRECTIONS, _DIRECTION = 0x00189076, 0x00189089
"""Diffusion Gradient Direction Sequence; Diffusion Gradient Orientation."""

_PLAIN_MOMENT = re.compile(rb'\d{14}(\.\d{1,6})?([+-]\d{4})? ?')
"""Date and time, with or without the offset of a time zone."""

_DECIMALS = re.compile(rb'( *[+-]?\d+(\.\d*)?([eE][+-]?\d+)? *(\\|\Z))*\Z')
_INTEGERS = re.compile(rb'( *[+-]?\d{1,9} *(\\|\Z))*\Z')

_SOUND = frozenset((
    'AE', 'AS', 'CS', 'DA', 'DT', 'LO', 'LT', 'OB', 'OW', 'PN', 'SH', 'ST', 'TM', 'UC', 'UI', 'UR', 'UT',
))  # fmt: skip
"""Value representations of which any bytes are a value."""

_SIZES = {'AT': 4, 'FL': 4, 'FD': 8, 'SL': 4, 'SS': 2, 'UL': 4, 'US': 2}
"""Bytes of a number."""

Classic = Callable[['CheckedDataset'], None]
"""Gives a header classic names beside those of enhanced objects."""


Creators = tuple[tuple[int, str, bytes], ...]
"""Tag, value representation and value of private creators."""


@dataclass(slots=True, eq=False)
class FrameLayout(Shared):
    """What the headers of frames of one kind share.

    Parameters
    ----------
    sources : dict of int to int
        Index of a value that is an element under its classic name, to the index of that element.
    creators : list of tuple
        Of each value that is in the item: private creators beside it.
    classic : function
    """

    sources: dict[int, int]
    creators: list[Creators]
    classic: Classic


class FrameHeader(PackedHeader):
    """The classic header of one frame of an enhanced object."""

    layout: FrameLayout

    def _own(self, index: int) -> DataElement:
        layout = self.layout
        kind, source = layout.kinds[index], layout.sources.get(index)
        if source is None:
            return _parsed(layout.constant, kind, self.varied[index], layout.creators[index])
        original = self._own(source)
        scratch = empty_copy(layout.constant, self.source_name)
        scratch._dict = {original.tag: original}
        layout.classic(scratch)
        return cast(DataElement, scratch._dict[BaseTag(kind[0])])

    def _raw(self, index: int) -> Any:
        # What depends on the private creators of its group is parsed there.
        if index in self.layout.sources or self.layout.kinds[index][1] in ('SQ', 'UN'):
            return self._own(index)
        return super()._raw(index)

    def _value(self, index: int) -> Any:
        if index not in self.layout.sources:
            return super()._value(index)
        tag, value = self.layout.kinds[index][0], self.varied[index]
        if tag in (_ACQUISITION_DATE, _ACQUISITION_TIME) and not config.datetime_conversion:
            text = value.decode('ascii').rstrip()
            return text[:8] if tag == _ACQUISITION_DATE else text[8:].split('+')[0].split('-')[0]
        return self._own(index).value

    def floats(self, keyword: str) -> list[float] | None:
        """Return the numbers of a decimal or integer string, None where that needs another way."""
        entry = self.layout.access.get(keyword)
        return None if entry in self.layout.sources else super().floats(keyword)


def _parsed(
    context: CheckedDataset, kind: tuple[int, str, bool], value: bytes, creators: Creators
) -> DataElement:
    """Return an element of an item, as pydicom parses it beside the private creators that it has there."""
    tag, vr, undefined = kind
    scratch = empty_copy(context, context.source_name)
    for number, form, content in (*creators, (tag, vr, value)):
        scratch._dict[BaseTag(number)] = RawDataElement(
            BaseTag(number), form, len(content), content, 0, is_implicit_VR=False, is_little_endian=True
        )
    found = cast(DataElement, scratch[BaseTag(tag)])
    if undefined:
        found.is_undefined_length = True
    return found


def frame_headers(
    base: CheckedDataset,
    items: Sequence[FrameItem],
    first: int,
    whole: Callable[[bytes], CheckedDataset],
    classic: Classic,
) -> list[FrameHeader]:
    """Return the headers of the frames of an enhanced object.

    Parameters
    ----------
    base : CheckedDataset
        What all frames have.
    items : sequence of FrameItem
        Functional groups of each frame.
    first : int
        Instance Number of the first frame.
    whole : function
        Returns the header of the frame that an item describes, made the whole way.
    classic : function
        Gives a header classic names.

    Raises
    ------
    Unusual
        Where headers have to be made the whole way.
    CorruptFileError
        When an element of a frame cannot be parsed.
    """
    if config.datetime_conversion or config.data_element_callback is not None:
        raise Unusual('settings of pydicom')
    name = base.source_name
    layouts: dict[int, tuple[FrameLayout, Callable[[Any], tuple[bytes, ...]]]] = {}
    for kind in {id(item.layout): item.layout for item in items}.values():
        columns = list(zip(*(item.values for item in items if item.layout is kind), strict=True))
        example = whole(kind.example)
        _check(example, kind, columns)
        layout, order = _layout(base, example, kind, classic)
        _check_derived(layout, [columns[i] for i in order if i < len(columns)])
        pick: Any = itemgetter(*order) if len(order) > 1 else lambda values: (values[0],)
        layouts[id(kind)] = layout, pick
    headers = []
    for number, item in enumerate(items, first):
        layout, pick = layouts[id(item.layout)]
        headers.append(FrameHeader(name, layout, pick([*item.values, b'%d' % number])))
    return headers


def _layout(
    base: CheckedDataset, example: CheckedDataset, items: ItemLayout, classic: Classic
) -> tuple[FrameLayout, list[int]]:
    """Return the layout of frames of one kind, and which values of an item each header has, in order."""
    winners = _winners(base, items)
    own = {
        items.fields[i].element.tag: at
        for at, i in enumerate(items.varying)
        if winners.get(items.fields[i].element.tag) == i
    }
    derived, overruled = _derived(base, example, items, own, classic)
    while overruled:
        own = {tag: at for tag, at in own.items() if tag not in overruled}
        derived, overruled = _derived(base, example, items, own, classic)
    fields = [items.fields[items.varying[at]] for at in own.values()]
    kinds = [(f.element.tag, f.element.vr, f.element.undefined) for f in fields]
    kinds.append((_NUMBER, 'IS', False))
    order = [*own.values(), len(items.varying)]
    varying = {tag: i for i, (tag, _, _) in enumerate(kinds)}
    sources = {}
    for tag, source in derived.items():
        varying[tag] = len(kinds)
        sources[len(kinds)] = varying[source]
        order.append(order[varying[source]])
        kinds.append((tag, str(example._dict[BaseTag(tag)].VR), False))
    constant: Any = shallow_copy(example)
    for tag in varying:
        del constant._dict[BaseTag(tag)]
    tags = tuple(sorted(int(tag) for tag in example._dict))
    creators = [*(f.creators for f in fields), ()]
    layout = FrameLayout(
        constant, dict(constant._dict), varying, kinds, tags, False, sources, creators, classic
    )
    return layout, order


def _winners(base: CheckedDataset, items: ItemLayout) -> dict[int, int]:
    """Return which field of an item an element at the top level is: tag to number (see `multiframe`)."""
    found: dict[int, int] = {}
    for i, (e, group, _) in enumerate(items.fields):
        overrules = not group & 0x10000 if group else e.tag in WHOLE
        if overrules or (e.tag not in found and BaseTag(e.tag) not in base._dict):
            found[e.tag] = i
    found.pop(_NUMBER, None)  # frames are numbered anew
    return found


def _derived(
    base: CheckedDataset,
    example: CheckedDataset,
    items: ItemLayout,
    varying: Collection[int],
    classic: Classic,
) -> tuple[dict[int, int], set[int]]:
    """Return elements that follow from one that varies, and those that others overrule.

    Returns
    -------
    derived : dict of int to int
        Tag to that of the other one.
    overruled : set of int
        Tags that vary where they stand, and become the classic name of something else.
    """
    found: dict[int, int] = {}
    overruled: set[int] = set()
    several = False
    for source in varying:
        element = example._dict[BaseTag(source)]
        single = empty_copy(example, example.source_name)
        single._dict = {element.tag: element}
        classic(single)
        named = {int(tag) for tag in single._dict} - {source}
        overruled |= named & set(varying)
        several |= not named.isdisjoint(found)
        found |= dict.fromkeys(named, source)
    rest: Any = shallow_copy(example)
    for tag in (*varying, *found):
        rest._dict.pop(BaseTag(tag), None)
    classic(rest)
    overruled |= {tag for tag in varying if BaseTag(tag) in rest._dict}
    if overruled:
        return found, overruled
    known = {f.element.tag for f in items.fields} | set(map(int, base._dict))
    if several or any(BaseTag(tag) in rest._dict for tag in found):
        raise Unusual('elements of one classic name')
    if _INVERSION_TIME in found and _INVERSION_TIME in known:
        raise Unusual('inversion times beside one')
    return found, overruled


# --- what the whole way would find out ----------------------------------------------------------------


def _check(example: CheckedDataset, items: ItemLayout, columns: Sequence[Sequence[bytes]]) -> None:
    """Raise for values that cannot be parsed: one of each kind was, and others may be no numbers."""
    for i, column in zip(items.varying, columns, strict=True):
        e, _, creators = items.fields[i]
        values = set(column)
        if e.vr in FIXED_SIZE or _are_sound(e.vr, values):
            continue
        for value in values:
            _parsed(example, (e.tag, e.vr, e.undefined), value, creators)


def _are_sound(vr: str, values: set[bytes]) -> bool:
    """Return whether values are known to be some of a value representation without numbers of fixed size."""
    if vr in ('DS', 'IS'):
        return (_DECIMALS if vr == 'DS' else _INTEGERS).match(b'\\'.join(values)) is not None
    return vr in _SOUND or (vr == 'SQ' and all(map(_is_sound, values)))


def _is_sound(sequence: bytes) -> bool:
    """Return whether all elements of a sequence are known to have values."""
    try:
        items = items_of(sequence)
    except (Unusual, TooShort):
        return False
    return all(
        (e.stop - e.start) % _SIZES[e.vr] == 0
        if e.vr in _SIZES
        else e.tag != CHARACTER_SET and _are_sound(e.vr, {sequence[e.start : e.stop]})
        for item in items
        for e in item
    )


def _check_derived(layout: FrameLayout, columns: Sequence[Sequence[bytes]]) -> None:
    """Raise `Unusual` where frames differ in whether an element has a classic name."""
    found = {layout.kinds[i][0]: layout.sources.get(i) for i in range(len(layout.kinds))}
    if _MOMENT in found:
        source = found.get(_ACQUISITION_TIME)
        if source is None or not all(map(_PLAIN_MOMENT.fullmatch, set(columns[source]))):
            raise Unusual('times')
    if _DIRECTIONS in found:
        source = found.get(_DIRECTION)
        if source is None or not all(columns[source]):
            raise Unusual('directions')
