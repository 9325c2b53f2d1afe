"""What is known of an image beside its voxels."""

from __future__ import annotations

import copy
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...errors import GeometryError
from .affine import Affine
from .convert_nib_itk import convert_nib_itk, inv_axcodes

__all__ = ['CoordSys', 'MetaData', 'check_dcm_ornt', 'flip_last_axcodes', 'is_right_handed_axcodes']

CoordSys = Literal['itk', 'nib']
H = TypeVar('H')


class MetaData(Generic[H]):
    """Affine, orientation and coordinate system of an image.

    Parameters
    ----------
    affine : (d+1, d+1) array
    orig_ornt : str, optional
        Orientation code before it was reoriented.
    coord_sys : {'itk', 'nib'}
        LPS+ or RAS+; the codes follow the same convention.
    header : optional
        Further fields.
    spatial_shape : tuple of int, optional

    Raises
    ------
    ValueError
        For another coordinate system.
    """

    def __init__(
        self,
        affine: Affine | NDArray[Any],
        orig_ornt: str | None = None,
        coord_sys: str = 'itk',
        header: H | None = None,
        spatial_shape: tuple[int, ...] | None = None,
    ) -> None:
        self.affine = affine if isinstance(affine, Affine) else Affine(affine)
        self.coord_sys = self.check_valid_coord_sys(coord_sys)
        self.orig_ornt = orig_ornt
        self.header = header
        self.spatial_shape = spatial_shape

    def __repr__(self) -> str:
        """Return the fields, a line each."""
        shape = f'Spatial shape: {self.spatial_shape}\n' if self.spatial_shape is not None else ''
        return (
            f'Affine:\n{np.asarray(self.affine)}\n'
            f'Spacing: {self.spacing}\n'
            f'Coordinate system: {self.coord_sys}\n'
            f'Orientation: {self.ornt}\n'
            f'Original orientation: {self.orig_ornt}\n'
            f'{shape}'
            f'Header: {self.header}'
        )

    @staticmethod
    def check_valid_coord_sys(coord_sys: str) -> CoordSys:
        """Return the coordinate system.

        Raises
        ------
        ValueError
            When it is neither 'itk' nor 'nib'.
        """
        if coord_sys == 'itk':
            return 'itk'
        if coord_sys == 'nib':
            return 'nib'
        raise GeometryError(f"coord_sys is 'itk' (LPS+) or 'nib' (RAS+), not {coord_sys!r}")

    @property
    def ornt(self) -> str:
        """Orientation code: the sides that the array axes start from ('itk') or go to ('nib').

        An oblique image has the code of the nearest one along the axes of the patient.
        """
        from nibabel.orientations import aff2axcodes

        affine = np.asarray(self.affine, float)
        if affine.shape not in ((3, 3), (4, 4)):
            raise GeometryError(f'an orientation needs an affine of 3x3 or 4x4, not {affine.shape}')
        # Without length there is no direction, nor a code.
        self.affine.direction  # noqa: B018 - raises
        whole = np.eye(4)
        keep = [*range(len(affine) - 1), 3]
        whole[np.ix_(keep, keep)] = affine
        codes = ''.join(aff2axcodes(whole)[: len(affine) - 1])  # type: ignore[no-untyped-call]
        # nibabel takes the matrix as one to RAS. Of one to LPS its R and A mean the side that an
        # index comes from, which is what 'itk' wants, and its S the side that it goes to.
        return codes if self.coord_sys == 'nib' else codes.translate(_TO_ITK)

    def get_ornt(self) -> str:
        """Return the orientation code; the same as `ornt`."""
        return self.ornt

    @property
    def spacing(self) -> NDArray[Any]:
        """Distance of voxels in mm; to set it, set `affine.spacing`."""
        return self.affine.spacing

    def convert(self, dest_coord_sys: str) -> None:
        """Change the coordinate system of all fields, in place."""
        if self.check_valid_coord_sys(dest_coord_sys) == self.coord_sys:
            return
        self.affine, self.orig_ornt = convert_nib_itk(self.affine, self.orig_ornt)
        self.coord_sys = self.check_valid_coord_sys(dest_coord_sys)

    def clone(self) -> MetaData[H]:
        """Return a copy that shares nothing."""
        return copy.deepcopy(self)

    def is_right_handed_ornt(self) -> bool:
        """Return whether the array axes are right-handed in the patient.

        Raises
        ------
        ValueError
            For other than three dimensions.
        """
        if self.affine.dim != 3:
            raise GeometryError(f'only three axes are right-handed or left-handed, not {self.affine.dim}')
        return bool(np.linalg.det(self.affine.direction) > 0)


_TO_ITK = str.maketrans('SI', 'IS')


def is_right_handed_axcodes(axcodes: str) -> bool:
    """Return whether axes of an 'itk' code are right-handed; two axes always are.

    Raises
    ------
    ValueError
        For a code of another length, or one that names a side twice.
    """
    if len(axcodes) == 2:
        return True
    check_ornt(axcodes)
    # 'RAI' has the unit matrix in LPS: a letter of it is a positive unit vector.
    rows = ['RL', 'AP', 'IS']
    matrix = np.zeros((3, 3))
    for column, letter in enumerate(axcodes):
        row = next(i for i, sides in enumerate(rows) if letter in sides)
        matrix[row, column] = 1 if rows[row][0] == letter else -1
    return bool(np.linalg.det(matrix) > 0)


def check_ornt(code: object) -> str:
    """Return an orientation code of three letters.

    Raises
    ------
    ValueError
        When it is none of the 48.
    """
    text = ''.join(code) if isinstance(code, tuple) else code
    if (
        not isinstance(text, str)
        or len(text) != 3
        or any(sum(letter in sides for letter in text) != 1 for sides in ('RL', 'AP', 'IS'))
    ):
        raise GeometryError(
            f'{code!r} is no orientation: give one of R and L, one of A and P, and one of I and S, as in RAI'
        )
    return text


def flip_last_axcodes(axcodes: str) -> str:
    """Return the code with the last letter turned to the opposite side."""
    return f'{axcodes[:-1]}{inv_axcodes(axcodes[-1])}'


def check_dcm_ornt(
    desired_ornt: str | None, metadata: MetaData[Any], allow_dcm_reorient: bool = False
) -> str:
    """Return the code in which an image is written as DICOM: a right-handed one.

    Parameters
    ----------
    desired_ornt : str or None
        None: that of `metadata`.
    metadata : MetaData
        In the coordinate system of 'itk'.
    allow_dcm_reorient : bool
        Turn the last axis of a left-handed one.

    Raises
    ------
    ValueError
        For a left-handed code, unless it may be turned.
    """
    code = desired_ornt if desired_ornt is not None else metadata.ornt
    if is_right_handed_axcodes(code):
        return code
    if allow_dcm_reorient:
        return flip_last_axcodes(code)
    raise GeometryError(
        f'DICOM images are right-handed, and {code} is not: give allow_dcm_reorient=True to turn the last '
        'axis, or another orientation'
    )
