"""The methods of Series about axes by name, space, and exchange with other libraries.

They delegate; the modules that do the work are imported when they are first needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import ArrayLike, NDArray

from .errors import GeometryError

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image
    from SimpleITK import Image

    from .medio.metadata.metadata import MetaData

__all__ = ['VolumeMethods']


class VolumeMethods:
    """Methods of Series that concern what its axes and voxels stand for."""

    # --- axes by name ----------------------------------------------------------------------------

    def isel(self, indexers: Mapping[str, Any] | None = None, **indexers_kwargs: Any) -> Any:
        """Return a part, by indices along named axes.

        Parameters
        ----------
        indexers : mapping of str to index, optional
            For each axis an integer, a slice, or a list or boolean array along it.
        **indexers_kwargs
            The same as keywords: `s.isel(slice=3, row=slice(10, 50))`.

        Raises
        ------
        AxisError
            When there is no axis of a name.
        """
        from .selection import isel

        return isel(self, {**(indexers or {}), **indexers_kwargs})  # type: ignore[arg-type]

    def sel(
        self,
        indexers: Mapping[str, Any] | None = None,
        method: str | None = None,
        tolerance: float | None = None,
        **indexers_kwargs: Any,
    ) -> Any:
        """Return a part, by values along named axes.

        Parameters
        ----------
        indexers : mapping of str to value, optional
            For each axis a value, a list of values, or a slice from the least to the greatest
            value, both included. In the unit of the axis.
        method : {'nearest'}, optional
            Take the nearest value, where the very value is not there.
        tolerance : float, optional
            Largest distance to it.
        **indexers_kwargs
            The same as keywords: `s.sel(time=12.5, method='nearest')`, `s.sel(b=800)`.

        Raises
        ------
        AxisError
            When there is no axis of a name.
        KeyError
            When there is no such value; the message tells the nearest.
        """
        from .selection import sel

        wanted = {**(indexers or {}), **indexers_kwargs}
        return sel(self, wanted, method, tolerance)  # type: ignore[arg-type]

    # --- voxel by voxel ----------------------------------------------------------------------------

    def reorient(self, code: str) -> Self:
        """Return the volume with its axes permuted and flipped to an orientation.

        Parameters
        ----------
        code : str
            Three letters: the directions in which column, row and slice index grow, as in ITK
            and NIfTI. L or R is to the patient's left or right, P or A to the back or front, S or
            I to the head or feet: 'LPS', 'RAS', 'PIR' and 45 others. For an oblique volume, the
            nearest.

        Returns
        -------
        Series
            A view, of dimensions (tags..., slice, row, column).

        Raises
        ------
        GeometryError
            For an unknown code; where there is no geometry; where slices that are not evenly
            spaced would become rows or columns.
        """
        from .spatial import reorient

        turned: Self = reorient(self, code)  # type: ignore[arg-type]
        return turned

    @property
    def orientation_code(self) -> str:
        """Three letters: the directions in which column, row and slice index grow ('LPS')."""
        from .spatial import grid_of, orientation_code

        return orientation_code(grid_of(self))  # type: ignore[arg-type]

    @property
    def voxel_volume(self) -> float:
        """Volume of a voxel in mm³, also of a sheared stack, whose spacing multiplies to more.

        Raises
        ------
        GeometryError
            When the array has no geometry, when it is only assumed, or when slices are unevenly spaced.
        """
        from .spatial import grid_of

        grid = grid_of(self)  # type: ignore[arg-type]
        if grid.assumed:
            raise GeometryError(
                'the size of these voxels is not known: the file, or the array, tells no geometry; '
                'assign spacing, or give geometry='
            )
        return grid.voxel_volume

    def crop(self, **bounds: Any) -> Self:
        """Return a box of the volume.

        Parameters
        ----------
        **bounds : pair of int, or slice
            For each axis by name, the first index and the one past the last:
            `s.crop(row=(10, 50), column=(20, 80))`.

        Raises
        ------
        AxisError
            When there is no axis of a name.
        GeometryError
            When the box is empty, or reaches beyond the volume.
        """
        from .spatial import crop

        box: Self = crop(self, **bounds)  # type: ignore[arg-type]
        return box

    def pad(self, mode: str = 'constant', fill_value: Any = 0, **widths: Any) -> Self:
        """Return the volume with voxels added at its ends.

        Parameters
        ----------
        mode : str
            How they are filled, as in `numpy.pad`.
        fill_value : number
            Value for the mode 'constant'.
        **widths : int or pair of int
            For each axis by name, the number of voxels before and after: `s.pad(slice=(1, 2))`.

        Raises
        ------
        AxisError
            When there is no axis of a name.
        GeometryError
            When a number is below 0.
        """
        from .spatial import pad

        padded: Self = pad(self, mode, fill_value, **widths)  # type: ignore[arg-type]
        return padded

    def match_geometry(self, reference: Any, fill_value: Any = 0, tolerance: float = 1e-3) -> Self:
        """Return the volume on the grid of a reference, voxels unchanged.

        Axes are permuted and flipped, and the volume is cropped and padded; nothing is
        interpolated.

        Parameters
        ----------
        reference : Series
        fill_value : number
            Where the reference reaches beyond the volume.
        tolerance : float
            Largest distance, in mm, of two voxels that are called the same.

        Raises
        ------
        GeometryMismatchError
            When this cannot be done; the message tells what differs.
        """
        from .spatial import match_geometry

        fitted: Self = match_geometry(self, reference, fill_value, tolerance)  # type: ignore[arg-type]
        return fitted

    def same_geometry(self, other: Any, tolerance: float = 1e-3) -> bool:
        """Return whether the voxels of another Series lie in the same places.

        Parameters
        ----------
        other : Series
        tolerance : float
            Largest distance, in mm.
        """
        from .spatial import same_geometry

        return same_geometry(self, other, tolerance)  # type: ignore[arg-type]

    def equals(self, other: Any, tolerance: float = 1e-3) -> bool:
        """Return whether another Series has the same values, axes and geometry; NaN equals NaN.

        Parameters
        ----------
        other : object
        tolerance : float
            Largest distance of corresponding voxels, in mm.
        """
        from .spatial import equals

        return equals(self, other, tolerance)  # type: ignore[arg-type]

    # --- by interpolation ----------------------------------------------------------------------------

    def align(
        self,
        reference: Any,
        interpolation: str = 'linear',
        force: bool = False,
        fill_value: Any = 0,
        labels: bool | None = None,
    ) -> Self:
        """Return the volume resampled on the grid of a reference.

        Parameters
        ----------
        reference : Series
        interpolation : {'nearest', 'linear', 'cubic'}
        force : bool
            Go on where the frames of reference differ.
        fill_value : number
            Where the reference reaches beyond the volume, which ends half a voxel past the
            centres of its last voxels.
        labels : bool, optional
            Whether values are labels, which are never mixed: the nearest is taken. When not
            given, booleans and integers of at most 32 different values are labels.

        Returns
        -------
        Series
            Of this Series' tags and type (integers are rounded), at the reference's places.

        Raises
        ------
        GeometryMismatchError
            When the frames of reference differ.
        """
        from .resampling import align

        aligned: Self = align(self, reference, interpolation, force, fill_value, labels)  # type: ignore[arg-type]
        return aligned

    def resample(
        self,
        spacing: ArrayLike,
        interpolation: str = 'linear',
        fill_value: Any = 0,
        labels: bool | None = None,
    ) -> Self:
        """Return the volume with other voxel sizes.

        Parameters
        ----------
        spacing : float or (3,) array_like
            Distance of slices, rows and columns in mm; one number for all.
        interpolation, fill_value, labels
            As in `align`.

        Returns
        -------
        Series
            About the same centre, of the nearest whole number of voxels. Slices are evenly spaced.

        Raises
        ------
        GeometryError
            When a spacing is not above 0.
        """
        from .resampling import resample

        resampled: Self = resample(self, spacing, interpolation, fill_value, labels)  # type: ignore[arg-type]
        return resampled

    def deskew(
        self, interpolation: str = 'linear', fill_value: Any = 0, labels: bool | None = None
    ) -> Self:
        """Return a stack whose slices are shifted against each other (gantry tilt) on an upright grid.

        Slices keep their planes. `spacing[0]` becomes the distance of these planes, which is less than
        the length of the slanting step that it was. Rows and columns are added so that nothing is cut
        off. A stack that is upright already is returned itself.

        Parameters
        ----------
        interpolation, fill_value, labels
            As in `align`.
        """
        from .resampling import deskew

        upright: Self = deskew(self, interpolation, fill_value, labels)  # type: ignore[arg-type]
        return upright

    # --- other libraries ----------------------------------------------------------------------------

    def to_sitk(self) -> Image:
        """Return a SimpleITK image with this Series' geometry.

        One tag axis becomes the fourth dimension. Colour becomes three components, booleans
        bytes.

        Raises
        ------
        WriteNotImplemented
            When there are several tag axes, or values of a type that ITK does not have.

        Warns
        -----
        LossWarning
            When slices, or the values of the tag axis, are not evenly spaced.
        """
        from .exchange import to_sitk

        image: Image = to_sitk(self)  # type: ignore[arg-type]
        return image

    @classmethod
    def from_sitk(cls, image: Image, input_order: str = 'none') -> Self:
        """Return a SimpleITK image as a Series with its geometry.

        Parameters
        ----------
        image : SimpleITK.Image
            Of two, three or four dimensions; three bytes a pixel are colour, other components
            become the first axis.
        input_order : str
            Names of the axes before slice, row and column.
        """
        from .exchange import from_sitk

        made: Self = from_sitk(image, input_order)  # type: ignore[assignment]
        return made

    def to_medio(
        self, channels_axis: int | None = -1, coord_sys: str = 'itk'
    ) -> tuple[NDArray[Any], MetaData[Any]]:
        """Return the values as medio indexes them, and its metadata.

        Parameters
        ----------
        channels_axis : int or None
            Where colours go.
        coord_sys : {'itk', 'nib'}
            LPS+ or RAS+.

        Returns
        -------
        array : (x, y, z) or (x, y, z, tags...) array
            A view where it can be one.
        metadata : imagedata.medio.MetaData

        Warns
        -----
        LossWarning
            When slices are not evenly spaced.
        """
        from .exchange import to_medio

        return to_medio(self, channels_axis, coord_sys)  # type: ignore[arg-type]

    @classmethod
    def from_medio(
        cls, array: NDArray[Any], metadata: MetaData[Any], channels_axis: int | None = None
    ) -> Self:
        """Return an image of medio as a Series with its geometry.

        Parameters
        ----------
        array : (x, y), (x, y, z) or (x, y, z, tags...) array
        metadata : imagedata.medio.MetaData
            In either coordinate system; it is not changed.
        channels_axis : int, optional
            Where three channels of bytes are.
        """
        from .exchange import from_medio

        made: Self = from_medio(array, metadata, channels_axis)  # type: ignore[assignment]
        return made

    def to_nibabel(self) -> Nifti1Image:
        """Return a NIfTI image of nibabel with this Series' geometry, in RAS.

        Voxels are counted (column, row, slice, tags...), without copying.

        Raises
        ------
        WriteNotImplemented
            When there are more than four tag axes, or values of a type that NIfTI does not have.

        Warns
        -----
        LossWarning
            When slices, or the values of the first tag axis, are not evenly spaced.
        """
        from .exchange import to_nibabel

        image: Nifti1Image = to_nibabel(self)  # type: ignore[arg-type]
        return image

    @classmethod
    def from_nibabel(cls, image: Any, input_order: str = 'none') -> Self:
        """Return an image of nibabel as a Series with its geometry.

        Parameters
        ----------
        image : nibabel spatial image
        input_order : str
            Names of the axes after the third of the image ('time').
        """
        from .exchange import from_nibabel

        made: Self = from_nibabel(image, input_order)  # type: ignore[assignment]
        return made

    def to_xarray(self) -> Any:
        """Return an `xarray.DataArray` of these values, not copied.

        Its dimensions and coordinates are the axes; spatial coordinates are the distance from
        the first voxel in mm. The attribute `affine` takes (slice, row, column, 1) to LPS.

        Raises
        ------
        MissingDependencyError
            When xarray is not installed.
        """
        from .exchange import to_xarray

        return to_xarray(self)  # type: ignore[arg-type]
