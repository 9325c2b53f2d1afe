"""What each image of a series becomes as DICOM: a dataset, from that of its own source image.

Every image inherits the whole header of its source (`attributes` takes away what would be
false), and gets its own pixels (`encode`, `compress`), place (`place`), identity, dates and tag
values (`describe`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from ...errors import LossWarning, WriteError
from ...header import ATTRIBUTES, Header, SeriesData, image_uid
from ...notices import warn_user
from . import objects
from .attributes import When, clone, inherited
from .classic import classic_values
from .compress import Frames, transfer_syntax
from .criteria import CRITERIA
from .describe import Dates, direction, element, equipment, has_element, history, image_type, tag_values
from .display import photometric, pixel_module, rescale, window
from .elements import apply_edits, copy_from, elements_of, merge
from .encode import Encoding, StoredAs, encode
from .place import Fit, Placement, is_turned, no_place
from .recode import can_say, in_little_endian, in_unicode, new_text
from .uids import NewUIDs

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.tag import BaseTag

__all__ = ['Composer']

_WINDOW = ('WindowCenter', 'WindowWidth', 'WindowCenterWidthExplanation', 'VOILUTFunction')
_SET_APART = ('imageType', 'SOPClassUID', 'photometricInterpretation')
"""Attributes that are not simply copied: they depend on the image or on the pixels."""

@dataclass(frozen=True, slots=True)
class _Seen:
    """What is needed of every source image before the first one is written."""

    stored: StoredAs | None
    fit: Fit
    same_size: bool


class Composer:
    """What all images of one series share, and how each of them is made.

    Parameters
    ----------
    data : SeriesData
        Of dimensions (tags..., slice, row, column).
    options : mapping
        As `write` has them, checked.
    """

    def __init__(self, data: SeriesData, options: Mapping[str, Any]) -> None:
        self.header: Header = data.header
        self.identity = data.identity
        self.options = options
        array = data.array
        if 0 in array.shape:
            raise WriteError(f'an array of shape {array.shape} has no image to write')
        self.counts = array.shape[:-2]
        self.rows, self.columns = array.shape[-2:]
        self.indices = list(product(*(range(n) for n in self.counts)))
        self.keep_uid = bool(options.get('keep_uid', False))
        images = array.reshape(-1, self.rows, self.columns)
        first = self.source(0)
        self.placement = self._placement()
        self.sop_class, self.other_class, defaults = self._object(first)
        seen = [self._look(number) for number in range(len(self.indices))]
        self.encoding = self._encoding(images, seen)
        color = self.encoding.is_color
        was_color = first is not None and not objects.is_enhanced(first) and first.get('SamplesPerPixel') == 3
        limit = objects.limit(self.sop_class, self.encoding.bits, color=color, was_color=was_color)
        if limit is not None:
            self._lost(f'{_class_name(self.sop_class)} {limit}: Secondary Capture is written')
            self.sop_class, self.other_class, defaults = self._replaced(first)
            self.encoding = self._encoding(images, seen)
        if self.sop_class in objects.CAPTURES:
            self.sop_class = objects.capture(self.encoding.bits, color=color)
        self.frames = Frames(transfer_syntax(options.get('transfer_syntax')), self.encoding.bits)
        self.defaults = elements_of(defaults)
        self.fits = [s.fit for s in seen]
        self.on_slices = all(fit.slice for fit in self.fits)
        self.new_text = new_text(self.header)
        self.dates = Dates.at(first.get('TimezoneOffsetFromUTC') if first is not None else None)
        self.first_day = '' if first is None else _acquisition_day(first)
        self.changed = self._values_changed()
        self.new_image = not (self.keep_uid and not self.changed)
        self.circumstances = self._circumstances(seen)
        self.new_uids = NewUIDs(options.get('uid_seed'), images, self._about(first))
        self.uids = self._uids()
        self.tags = {name: self._tag_column(name) for name in self.header.tag_dims}
        self.description = self._description()
        self.common = self._common(first)
        self._warn()

    @property
    def in_one_file(self) -> bool:
        """Whether the images are frames of one object."""
        return self.sop_class in objects.IN_ONE_FILE

    # --- sources --------------------------------------------------------------------------

    def position(self, number: int) -> tuple[int, ...]:
        """Return the index of an image into `header.images`."""
        images = self.header.images
        assert images is not None
        at = dict(zip((*self.header.tag_dims, 'slice'), self.indices[number], strict=True))
        return tuple(at.get(name, 0) for name in images.dims)

    def source(self, number: int) -> Dataset | None:
        """Return the header of the source of an image; of a neighbour where it has none."""
        images = self.header.images
        if images is None:
            return None
        found = images.dataset(*self.position(number))
        if found is None:
            found = images.first()
        return found

    def called(self, number: int) -> str:
        """Return what messages call an image."""
        dims = (*self.header.tag_dims, 'slice')
        return ', '.join(f'{n} {i}' for n, i in zip(dims, self.indices[number], strict=True))

    def _look(self, number: int) -> _Seen:
        source = self.source(number)
        if source is None:
            return _Seen(None, Fit(), False)
        fit = Fit()
        if self.placement is not None:
            fit = self.placement.fit(source, self.indices[number][-1])
        size = (source.get('Rows'), source.get('Columns')) == (self.rows, self.columns)
        return _Seen(StoredAs.of(source), fit, size)

    # --- what it becomes --------------------------------------------------------------------

    def _object(self, first: Dataset | None) -> tuple[str, bool, dict[str, Any]]:
        """Return the SOP class, whether the source is of another, and what a blank one needs."""
        given = self.header.attributes.get('SOPClassUID')
        theirs = None if first is None else self._kind_of(first)
        uid = objects.class_uid(given) if given else (theirs or objects.SC)
        if uid in objects.PLACED and self.placement is None:
            self._lost(
                'the array has no place in the patient, which '
                f'{_class_name(uid)} needs: it is written as Secondary Capture. '
                'Give geometry= or assign transformationMatrix to place it'
            )
            uid = objects.SC
        elif uid in objects.IN_ONE_FILE - objects.CAPTURES and theirs not in (uid, None):
            self._lost(f'{_class_name(uid)} does not hold axes or places like these: another kind is written')
            uid = theirs or objects.SC
        elif theirs == objects.SC and not given and first is not None and first.get('SOPClassUID') != uid:
            self._lost(
                f'{_class_name(first.get("SOPClassUID"))} is a multi-frame object: '
                'it is written as Secondary Capture, without the attributes of its own kind'
            )
        if first is None:
            return self._blank(uid)
        source_class = str(first.get('SOPClassUID') or '')
        if uid == source_class or (uid == theirs and uid != objects.SC):
            return uid, False, {} if uid == source_class else objects.classic_blanks(uid)
        placed = self.placement is not None
        return uid, True, objects.other_class_values(uid, placed=placed)

    def _kind_of(self, first: Dataset) -> str:
        """Return the class of the object that holds what the images of a source show."""
        straight = self.placement is not None and self.placement.is_straight
        return objects.written_class(first, self.header.tag_dims, straight=straight)

    def _blank(self, uid: str) -> tuple[str, bool, dict[str, Any]]:
        """Return a class that is made without a source, and what it must hold."""
        placed = self.placement is not None
        blank = objects.blank_values(uid, placed=placed)
        if blank is None:
            self._lost(
                f'{_class_name(uid)} cannot be made without a template: '
                'it is written as Secondary Capture; give template= to keep its kind'
            )
            uid = objects.SC
            blank = objects.blank_values(uid, placed=placed)
        return uid, False, blank or {}

    def _replaced(self, first: Dataset | None) -> tuple[str, bool, dict[str, Any]]:
        """Return Secondary Capture, in place of a class that does not hold the values."""
        if first is None:
            return self._blank(objects.SC)
        values = objects.other_class_values(objects.SC, placed=self.placement is not None)
        return objects.SC, True, values

    def _placement(self) -> Placement | None:
        geometry = self.header.geometry
        if geometry is None or geometry.assumed:
            return None
        return Placement(geometry)

    def _encoding(self, images: NDArray[Any], seen: Sequence[_Seen]) -> Encoding:
        return encode(
            images,
            [s.stored for s in seen],
            objects.allowed(self.sop_class, self.options.get('bits')),
            per_image=self.options.get('scaling') == 'image' and not self.in_one_file,
        )

    def _values_changed(self) -> bool:
        images = self.header.images
        return self.identity.values_changed or images is None or not images.own

    def _circumstances(self, seen: Sequence[_Seen]) -> When:
        found = When.NEW_IMAGE if self.new_image else When(0)
        if self.changed:
            found |= When.VALUES
        if not (self.encoding.from_source and self.encoding.same_bits):
            found |= When.STORED
        if self.encoding.is_color:
            found |= When.COLOR
        if self.placement is None:
            found |= When.NO_PLACE
        elif not all(fit.plane for fit in self.fits):
            found |= When.NEW_PLANE
        on_grid = all(s.same_size and (s.fit.plane or self.placement is None) for s in seen)
        if not on_grid or is_turned(self.header.geometry):
            found |= When.NEW_PIXELS
        if self._reduced & {'b', 'bvector', 'dti', 'rsi'}:
            found |= When.NO_DIFFUSION
        if self.other_class:
            found |= When.OTHER_CLASS
        return found

    def _uids(self) -> list[str]:
        """Return the SOP Instance UID of each image, all different."""
        images = self.header.images
        if not self.keep_uid:
            return [self.new_uids.uid(f'image {number}') for number in range(len(self.indices))]
        if images is None:
            return [self.identity.image_uid(number) for number in range(len(self.indices))]
        uids = [image_uid(self.identity, images, self.position(i)) for i in range(len(self.indices))]
        if len(set(uids)) < len(uids):  # one source image stands for several
            uids = [self.identity.image_uid(number) for number in range(len(self.indices))]
        return uids

    def _about(self, first: Dataset | None) -> list[Any]:
        """Return what tells this series from others of the same values, for UIDs with a seed."""
        header = self.header
        geometry = header.geometry
        sources = [] if first is None else [first.get('SOPInstanceUID'), first.get('StudyInstanceUID')]
        place = None if geometry is None else geometry.affine.tolist()
        texts = sorted((k, str(v)) for k, v in header.attributes.items() if k != 'studyInstanceUID')
        axes = [(name, [repr(v) for v in axis.values]) for name, axis in header.tag_axes.items()]
        return [self.sop_class, sources, place, texts, axes]

    def _tag_column(self, name: str) -> list[Any]:
        """Return the value of each image along a tag axis.

        Values of single images come first where they are those of the axis, or the images are
        the array's own.
        """
        header = self.header
        at = header.tag_dims.index(name)
        axis = header.axis(name, self.counts[at]).values
        shared = [axis[index[at]] for index in self.indices]
        images = header.images
        if images is None or name not in images.tags or name not in images.dims:
            return shared
        own = [images.tags[name][self.position(i)] for i in range(len(self.indices))]
        lowest = [own[i] for i, index in enumerate(self.indices) if index[-1] == 0]
        wanted = [shared[i] for i, index in enumerate(self.indices) if index[-1] == 0]
        same = all(np.array_equal(a, b) for a, b in zip(lowest, wanted, strict=True))
        return own if images.own or same else shared

    def _description(self) -> str:
        text = 'written by imagedata'
        if self.changed:
            text = 'computed with imagedata'
        encoding = self.encoding
        if encoding.error:
            text += f'; values scaled to {encoding.bits[0]} bits, greatest error {encoding.error:.6g}'
        if encoding.gaps:
            text += f'; {encoding.gaps} values that are not finite are padding'
        return text

    def _warn(self) -> None:
        encoding = self.encoding
        if encoding.error:
            low, high = encoding.extremes
            self._lost(
                f'values from {low:.6g} to {high:.6g} do not fit {encoding.bits[0]} bits exactly: they are '
                f'scaled, with a greatest error of {encoding.error:.6g}. Convert to integers with dtype=, '
                "or give scaling='image' for a slope of its own for each image"
            )
        if encoding.gaps:
            self._lost(
                f'{encoding.gaps} values are NaN or infinite: they are written as padding '
                f'(PixelPaddingValue {encoding.padding}). Replace them with numpy.nan_to_num first '
                'to write values'
            )
        for name, count in zip(self.header.tag_dims, self.counts, strict=False):
            if count == 1:
                self._lost(f'axis {name!r} has length 1: its value is written, and readers show no such axis')
            if self._is_kept(name):
                continue
            self._lost(
                f'axis {name!r} has no DICOM element: the order of its images is kept by '
                'InstanceNumber, its values are not. Rename it to a DICOM keyword to keep them'
            )

    def _element_of(self, name: str) -> str:
        """Return what an axis is written as: the element that an option of its name gives, or its name."""
        given = self.options.get(name)
        return given if isinstance(given, str) and has_element(given) else name

    def _is_kept(self, name: str) -> bool:
        """Return whether the values along an axis can be read back."""
        if name == 'none' or name.startswith('unknown') or self._sources_say(name):
            return True
        if name == 'bvector' and 'b' not in self.header.tag_dims:
            return False  # a direction is read where there is a b value
        return self.in_one_file or has_element(self._element_of(name))

    def _sources_say(self, name: str) -> bool:
        """Return whether the source images themselves have the values along an axis."""
        if name not in CRITERIA or self.in_one_file:
            return False
        for number, value in enumerate(self.tags[name]):
            source = self.source(number)
            if source is None or not np.array_equal(CRITERIA[name](source), value):
                return False
        return True

    @staticmethod
    def _lost(message: str) -> None:
        warn_user(message, LossWarning)

    # --- elements of all images ----------------------------------------------------------------

    def _common(self, first: Dataset | None) -> dict[BaseTag, Any]:
        """Return the elements that all images share."""
        values: dict[str, Any] = {}
        if first is None:
            values['StudyInstanceUID'] = self.new_uids.uid('study')
        modality = objects.modality_of(self.sop_class)
        values['SOPClassUID'] = self.sop_class
        if modality is not None:
            values['Modality'] = modality
        values['SeriesInstanceUID'] = self.identity.uid if self.keep_uid else self.new_uids.uid('series')
        values |= self.dates.values(self.sop_class, new_series=not self.keep_uid)
        if not self.new_image:
            # Written as it was, under its own UID: its content is as old as it was.
            values = {k: v for k, v in values.items() if not k.startswith('Content')}
        if self.new_image:
            values['DerivationDescription'] = self.description
            values['ContributingEquipmentSequence'] = [self.equipment]
        values |= self._given()
        if self.placement is not None:
            values |= self.placement.common(self.fits, self._frame_of_reference(first))
            distance = self.placement.spacing_between_slices(first)
            if distance is not None and (first is None or self._writes_distance(first)):
                values['SpacingBetweenSlices'] = distance
        else:
            values |= no_place(self.header.geometry, first, self.rows, self.columns)
        values |= pixel_module(self.encoding, self.rows, self.columns)
        original = self.options.get('window') == 'original' or not self.changed
        values |= window(self.encoding, self.header.attributes, inherited=original and first is not None)
        return elements_of(values)

    def _writes_distance(self, first: Dataset) -> bool:
        """CT and PET images have no such attribute: theirs is corrected, none is added."""
        return self.sop_class in (objects.MR, objects.SC) or 'SpacingBetweenSlices' in first

    def _given(self) -> dict[str, Any]:
        """Return the attributes that the user set, or a format without DICOM headers found."""
        values = {}
        for name, value in self.header.attributes.items():
            if name in ATTRIBUTES and name not in _SET_APART:
                values[ATTRIBUTES[name].keyword] = value
        if self.sop_class != objects.SC:
            given = values.pop('Modality', None)
            if given is not None and given != objects.modality_of(self.sop_class):
                self._lost(
                    f'modality {given!r} is not that of {_class_name(self.sop_class)}, and is not written: '
                    'set SOPClassUID to write another kind of object'
                )
        return values

    def _frame_of_reference(self, first: Dataset | None) -> str | None:
        """Return the frame of reference: a new one only where there is no source to follow."""
        geometry = self.header.geometry
        known = geometry.frame_of_reference if geometry is not None else None
        if known is None and first is not None:
            known = first.get('FrameOfReferenceUID') or None
            return None if known is None else str(known)
        return str(known or self.new_uids.uid('frame of reference'))

    # --- one image -----------------------------------------------------------------------------

    def image(self, number: int) -> Dataset:
        """Return the dataset of one image, without pixels."""
        source = self.prepared(number)
        elements = self.base(source)
        merge(elements, elements_of(self.own(number, source, elements)))
        apply_edits(elements, self.header.edits, self.image_number(number))
        if source is None:
            source = Dataset()
            source.set_original_encoding(False, True, 'utf8')
        return clone(source, elements)

    def prepared(self, number: int) -> Dataset | None:
        """Return the source of an image, in an encoding that the image can have as well."""
        source = self.source(number)
        if source is None:
            return None
        if source.original_encoding[1] is False:
            source = in_little_endian(source)
        if not can_say(source, self.new_text):
            source = in_unicode(source)
        return source

    def base(self, source: Dataset | None) -> dict[BaseTag, Any]:
        """Return the elements that images have of a source, and of the series.

        Which elements these are follows from which the source has, and from its private creators;
        not from other values.
        """
        elements = dict(self.defaults)
        if source is not None:
            elements |= inherited(source, self.circumstances)
            if self.options.get('window') == 'original':
                copy_from(elements, source, _WINDOW)
        merge(elements, self.common)
        return elements

    def image_number(self, number: int) -> int | None:
        """Return the number of an image that edits of single images go by."""
        images = self.header.images
        return None if images is None else int(images.ids[self.position(number)])

    def pixels(self, numbers: Sequence[int]) -> DataElement:
        """Return the Pixel Data of some images, as frames of one object."""
        made = element('PixelData', bytes(self.pixel_value(numbers)), self.pixel_vr)
        made.is_undefined_length = self.frames.is_compressed
        return made

    @property
    def pixel_vr(self) -> str:
        """Value representation of Pixel Data (PS3.5 8.2, A.2, A.4)."""
        return 'OW' if self.encoding.bits[0] > 8 and not self.frames.is_compressed else 'OB'

    def pixel_value(self, numbers: Sequence[int]) -> bytes | memoryview:
        """Return the value of the Pixel Data of some images; of one, its own memory where possible."""
        return self.frames.value([self.encoding.stored(number) for number in numbers])

    def own(
        self, number: int, source: Dataset | None, elements: Mapping[BaseTag, Any]
    ) -> dict[str, Any]:
        """Return the values that one image does not share with the others: keyword to value.

        None takes an element away. Of `elements`, what `base` gives, only the tags are looked at.
        """
        index = self.indices[number]
        values: dict[str, Any] = {
            'SOPInstanceUID': self.uids[number],
            'InstanceNumber': str(number + 1),
        }
        if source is not None and not self.other_class:
            values |= classic_values(source, self.sop_class)
        if self.placement is not None:
            values |= self.placement.of_image(index[-1], self.fits[number], on_slices=self.on_slices)
        elif self.counts[-1] > 1 and not self.in_one_file:
            # Which slice it is, without a claim of where that lies.
            values |= {'StackID': '1', 'InStackPositionNumber': index[-1] + 1}
        keeps = When.NO_DIFFUSION not in self.circumstances and not self.other_class
        if source is not None and When.NEW_PLANE in self.circumstances and keeps:
            values |= direction(source)
        if not self.in_one_file:
            values |= self._temporal(index, source)
            for name, column in self.tags.items():
                values |= tag_values(self._element_of(name), column[number], source, self.first_day)
        values |= rescale(self.encoding, number, self.sop_class, source, elements)
        given = self.header.attributes.get('imageType')
        if given:
            values['ImageType'] = given
        elif self.new_image and source is not None:
            values['ImageType'] = image_type(source.get('ImageType'), self.sop_class)
        if not self.encoding.is_color:
            given = self.header.attributes.get('photometricInterpretation')
            values |= photometric(source, given)
        if self.new_image and source is not None:
            own = self._has_source(number) and source.get('SOPInstanceUID') != self.uids[number]
            values |= history(source, self.equipment, self._study, refer=own)
        return values

    def _has_source(self, number: int) -> bool:
        """Return whether the image has a source of its own, not only a neighbour's."""
        images = self.header.images
        return images is not None and images.dataset(*self.position(number)) is not None

    @cached_property
    def equipment(self) -> Dataset:
        """What made the images, as an item of Contributing Equipment Sequence."""
        return equipment(self.dates.now, self.description)

    @cached_property
    def _study(self) -> str | None:
        """The study that the user gave the series; None: that of its sources."""
        return self.header.attributes.get('studyInstanceUID')

    def _temporal(self, index: tuple[int, ...], source: Dataset | None) -> dict[str, Any]:
        """Return number and count of time points, where the source had them.

        Without a time axis they describe the acquisition of the source, and stay if the image
        is that one.
        """
        if source is None or self.other_class:
            return {}
        names = [n for n in ('time', 'triggertime') if n in self.header.tag_dims]
        images = self.header.images
        if not names:
            if images is not None and images.own:
                return {}
            return {'TemporalPositionIdentifier': None, 'TemporalPositionIndex': None,
                    'NumberOfTemporalPositions': None}  # fmt: skip
        at = self.header.tag_dims.index(names[0])
        values: dict[str, Any] = {}
        if 'NumberOfTemporalPositions' in source:
            values['NumberOfTemporalPositions'] = str(self.counts[at])
        if 'TemporalPositionIdentifier' in source:
            values['TemporalPositionIdentifier'] = str(index[at] + 1)
        if 'TemporalPositionIndex' in source:
            values['TemporalPositionIndex'] = index[at] + 1
        return values

    @property
    def _reduced(self) -> set[str]:
        """Names of tag axes that the source images had, and the array was computed over."""
        images = self.header.images
        if images is None or images.own:
            return set()
        return set(images.dims) - set(self.header.tag_dims)


def _acquisition_day(source: Dataset) -> str:
    """Return the date of the acquisition, '' where it is not told."""
    return str(source.get('AcquisitionDate') or source.get('AcquisitionDateTime') or '')


def _class_name(uid: Any) -> str:
    from pydicom.uid import UID

    return UID(str(uid)).name
