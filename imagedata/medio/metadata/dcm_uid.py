"""UIDs for DICOM objects."""

from __future__ import annotations

from ...header import new_uid

__all__ = ['MEDIO_ROOT_UID', 'generate_uid']

MEDIO_ROOT_UID = '2.25.'
"""What UIDs of this library begin with (PS3.5 B.2): medio's own root is registered to medio."""


def generate_uid(*, prefix: str | None = MEDIO_ROOT_UID, entropy_srcs: list[str] | None = None) -> str:
    """Return a new UID.

    Parameters
    ----------
    prefix : str, optional
        What it begins with, ending with a dot.
    entropy_srcs : list of str, optional
        Texts from which it follows: the same UID for the same texts.
    """
    if prefix == MEDIO_ROOT_UID and entropy_srcs is None:
        return new_uid()
    from pydicom.uid import generate_uid as made

    return str(made(prefix=prefix, entropy_srcs=entropy_srcs))
