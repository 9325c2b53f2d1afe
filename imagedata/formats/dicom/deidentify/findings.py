"""What no rule can decide: places in pixels and elements that a person has to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .standard import CLEANED_DESCRIPTORS, DUMMY_TEXT, PATIENT_TEXTS

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['findings']

_FREE = frozenset(('LT', 'ST', 'UT'))
_WORDED = _FREE | {'LO', 'SH', 'UC'}

_WRITTEN_ON = frozenset(('US', 'SC', 'OT', 'XA', 'RF', 'ES', 'DX', 'CR', 'MG', 'IVUS', 'XC', 'GM', 'DOC'))
"""Modalities whose devices, or users, often write on the images."""

_HEAD = ('HEAD', 'BRAIN', 'SKULL', 'FACE', 'NECK', 'CRANI', 'ORBIT', 'SINUS', 'NEURO', 'CEREBR')
_TOMOGRAPHIC = frozenset(('CT', 'MR', 'PT'))
_SECONDARY = '1.2.840.10008.5.1.4.1.1.7'


def findings(source: Dataset, made: Dataset) -> list[str]:
    """Return what a person has to look at before a de-identified image is passed on.

    Parameters
    ----------
    source : Dataset
        The header before; nothing of its values is told.
    made : Dataset
        The header after.
    """
    modality = str(source.get('Modality') or '')
    burned = str(source.get('BurnedInAnnotation') or '').upper()
    sop_class = str(source.get('SOPClassUID') or '')
    kinds = {str(part).upper() for part in _parts(source.get('ImageType'))}
    found = []
    if burned == 'YES':
        found.append('pixels: the header says that text is burned in (BurnedInAnnotation)')
    elif sop_class.startswith(_SECONDARY) or kinds & {'SCREEN SAVE', 'SECONDARY CAPTURE'}:
        found.append('pixels: a secondary capture may show names and numbers')
    elif burned != 'NO' and modality in _WRITTEN_ON:
        found.append(f'pixels: images of modality {modality} often have text burned in')
    if modality in _TOMOGRAPHIC and _may_show_face(source):
        found.append('pixels: a face can be reconstructed from images of the head')
    if any(0x6000 <= int(tag) >> 16 <= 0x60FF for tag, _ in source.items()):
        found.append('overlays are removed, also those in unused bits of pixels: what they marked is lost')
    if 'EncapsulatedDocument' in source:
        found.append('an encapsulated document is replaced by nothing')
    found += _kept(made)
    return found


def _kept(made: Dataset) -> list[str]:
    """Return the private elements and free texts that stayed, at every depth."""
    private: set[str] = set()
    texts: set[str] = set()
    _look(made, private, texts)
    return [
        *([f'private elements that were kept: {", ".join(sorted(private))}'] if private else []),
        *([f'texts that were kept: {", ".join(sorted(texts))}'] if texts else []),
    ]


def _look(made: Dataset, private: set[str], texts: set[str]) -> None:
    for tag, raw in made.items():
        if tag.is_private:
            private.update([] if tag.is_private_creator else [str(tag)])
        elif raw.VR == 'SQ':
            for item in made[tag].value or []:
                _look(item, private, texts)
        elif raw.VR in _WORDED and raw.value and raw.value != DUMMY_TEXT:
            keyword = made[tag].keyword
            if raw.VR in _FREE or keyword in CLEANED_DESCRIPTORS or keyword in PATIENT_TEXTS:
                texts.add(keyword)


def _may_show_face(source: Dataset) -> bool:
    if str(source.get('RecognizableVisualFeatures') or '').upper() == 'NO':
        return False
    keywords = ('BodyPartExamined', 'StudyDescription', 'SeriesDescription', 'ProtocolName')
    told = ' '.join(str(source.get(keyword) or '') for keyword in keywords).upper()
    # Many headers do not tell: a head cannot be ruled out then.
    return any(word in told for word in _HEAD) or not str(source.get('BodyPartExamined') or '')


def _parts(value: object) -> list[object]:
    if value is None:
        return []
    return [value] if isinstance(value, str) or not hasattr(value, '__iter__') else list(value)
