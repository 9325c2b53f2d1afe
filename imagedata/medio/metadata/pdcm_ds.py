"""A dataset of pydicom whose frames are the slices of one volume, asked as if it were one slice."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset, FileDataset

__all__ = ['MultiFrameFileDataset', 'convert_ds']


class MultiFrameFileDataset(FileDataset):
    """A dataset with functional groups (PS3.3 C.7.6.16).

    What is asked is looked for in the groups that frames share, then in those of the first frame,
    then at the top level. It is an AttributeError where it is in none.
    """

    def _in_groups(self, sequence: str, keyword: str) -> Any:
        for groups in (self.get('SharedFunctionalGroupsSequence'), self._frames()):
            if groups and sequence in groups[0] and keyword in groups[0][sequence].value[0]:
                return groups[0][sequence].value[0][keyword].value
        if keyword in self:
            return self[keyword].value
        raise AttributeError(
            f'no functional group of the file has {keyword}: give allow_default_affine=True where it is not '
            'known where the image lies'
        )

    def _frames(self) -> Any:
        return self.get('PerFrameFunctionalGroupsSequence')

    @property
    def ImageOrientationPatient(self) -> Any:
        """Directions of rows and columns."""
        return self._in_groups('PlaneOrientationSequence', 'ImageOrientationPatient')

    @property
    def ImagePositionPatient(self) -> Any:
        """Place of the first voxel of the first frame, in mm."""
        return self._in_groups('PlanePositionSequence', 'ImagePositionPatient')

    @property
    def PixelSpacing(self) -> Any:
        """Distance of rows and of columns in mm."""
        return self._in_groups('PixelMeasuresSequence', 'PixelSpacing')

    @property
    def SpacingBetweenSlices(self) -> Any:
        """Distance of slices in mm, as the header says it."""
        return self._in_groups('PixelMeasuresSequence', 'SpacingBetweenSlices')

    @property
    def SliceThickness(self) -> Any:
        """Thickness of slices in mm."""
        return self._in_groups('PixelMeasuresSequence', 'SliceThickness')

    @property
    def RescaleSlope(self) -> Any:
        """Value of one stored step."""
        return self._in_groups('PixelValueTransformationSequence', 'RescaleSlope')

    @property
    def RescaleIntercept(self) -> Any:
        """Value of stored 0."""
        return self._in_groups('PixelValueTransformationSequence', 'RescaleIntercept')

    def slice_position(self, index: int) -> list[Any]:
        """Return the place of the first voxel of a frame, in mm."""
        frames = self._frames()
        if not frames:
            raise AttributeError('the file has no functional groups, and so no places of its frames')
        return list(frames[index].PlanePositionSequence[0].ImagePositionPatient)

    def slice_positions(self) -> list[list[Any]]:
        """Return the places of all frames."""
        return [self.slice_position(index) for index in range(int(self.NumberOfFrames))]

    def del_intensity_trans(self) -> None:
        """Take away slope and intercept, wherever they are."""
        remove_rescale(self)


def remove_rescale(dataset: Dataset) -> None:
    """Take slope and intercept out of a dataset, at the top level and in functional groups."""
    for sequence in ('SharedFunctionalGroupsSequence', 'PerFrameFunctionalGroupsSequence'):
        for item in dataset.get(sequence) or []:
            if 'PixelValueTransformationSequence' in item:
                del item['PixelValueTransformationSequence']
    for keyword in ('RescaleSlope', 'RescaleIntercept', 'RescaleType'):
        if keyword in dataset:
            del dataset[keyword]


def convert_ds(dataset: FileDataset) -> FileDataset:
    """Return a dataset as a `MultiFrameFileDataset` where it has several frames: the same object."""
    if is_multi_frame(dataset):
        dataset.__class__ = MultiFrameFileDataset
    return dataset


def is_multi_frame(dataset: Dataset) -> bool:
    """Return whether a dataset announces more than one frame."""
    count = dataset.get('NumberOfFrames')
    return count not in (None, '') and int(count) > 1
