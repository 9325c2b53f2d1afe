"""UIDs for DICOM objects."""

from __future__ import annotations

from ...header import new_uid

__all__ = ['MEDIO_ROOT_UID', 'generate_uid']

MEDIO_ROOT_UID = '2.25.'
"""What UIDs of this library begin with (PS3.5 B.2): medio's own root is registered to medio."""


def generate_uid() -> str:
    """Return a new UID."""
    return new_uid()
