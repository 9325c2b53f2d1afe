"""Writing to a server of images: each is encoded when it is sent, and none touches the disk."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from ..errors import WriteError
from .address import shown
from .contract import Staging

__all__ = ['SendsImages']


class SendsImages:
    """A transport that images are sent to by its `sender`, and files are not written to."""

    def is_folder(self, url: str, options: Mapping[str, Any]) -> bool:
        """Return True: a server takes any number of images."""
        return True

    def staged(
        self, url: str, folder: bool, options: Mapping[str, Any]
    ) -> AbstractContextManager[Staging]:
        """Raise.

        Raises
        ------
        WriteError
            Always: a server of images takes no files.
        """
        raise WriteError(f'{shown(url)} takes images, not files: write a Series there, as DICOM')
