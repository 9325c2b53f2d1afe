"""An image and its metadata, as one object."""

from .medimg import MedImg

__all__ = ['MedImg']
