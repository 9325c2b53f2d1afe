"""b values and gradient directions of all vendors: who is asked, and which private elements say them.

A new vendor is a module beside this one with what `Vendor` asks for, and a place in `VENDORS`. What else
must know of its elements takes them from here: sort criteria (`criteria`), images that were computed
over several b values or turned (`attributes`), private elements that may stay when a patient is removed
(`deidentify.standard`), and headers that programs change (`apps.diffusion`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from . import canon, ge, philips, siemens, uih
from .values import Diffusion

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['VENDORS', 'Vendor']


class Vendor(Protocol):
    """What the module of a vendor has.

    Attributes
    ----------
    DIFFUSION : Diffusion
        The private elements that `b_value` and `b_vector` read, and others of diffusion beside them.
    """

    DIFFUSION: Diffusion

    def b_value(self, dataset: Dataset) -> float | None:
        """Return the b value in s/mm2, None when the header has none."""
        ...

    def b_vector(self, dataset: Dataset) -> tuple[float, ...] | None:
        """Return the gradient direction (x, y, z; patient system), None without."""
        ...


VENDORS: tuple[Vendor, ...] = (siemens, ge, philips, uih, canon)
"""In the order in which they are asked: each knows its own headers, by private creator or manufacturer."""
