"""Decoding in processes of their own, as many as there are cores.

Most decoders keep Python to themselves while they compute, so that threads gain nothing. A worker
is a plain Python program that is told on its standard input what to decode. (The processes of the
standard library would run the user's own script once more.) It is started when there is so
much to decode that the time of starting it is small.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from contextlib import ExitStack, suppress
from typing import IO, TYPE_CHECKING, Any

from ...errors import PixelDecodeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ['Worker', 'of_this_thread', 'use_in_this_thread']

_local = threading.local()

_READY = b'ready'
"""What a worker says when it has begun."""


class Worker:
    """A process that decodes; a context manager, which ends it.

    Raises
    ------
    OSError
        When it cannot be started.
    """

    def __init__(self) -> None:
        code = 'from imagedata.formats.dicom.workers import serve; serve()'
        places = os.pathsep.join(path for path in sys.path if path)
        self._process = subprocess.Popen(
            [sys.executable, '-c', code], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, 'PYTHONPATH': places},
        )  # fmt: skip
        self._file: Any = None

    def is_ready(self) -> bool:
        """Return whether it has begun; wait until it has, or has failed to."""
        assert self._process.stdout is not None
        return self._process.stdout.read(len(_READY)) == _READY

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *error: object) -> None:
        with ExitStack() as stack:
            stack.callback(self._process.wait)
            stack.callback(self._process.kill)
            for stream in (self._process.stdin, self._process.stdout):
                assert stream is not None
                stack.callback(_closed, stream)

    def decoded(self, name: str, key: int, dataset: Any, syntax: str, index: int | None) -> NDArray[Any]:
        """Return one frame.

        Parameters
        ----------
        name : str
            The file, for messages.
        key : int
            Names the dataset: it is sent once as long as the next ones are of the same.
        dataset : Dataset
            With pixels, as decoders take it.
        syntax : str
            Its transfer syntax.
        index : int or None
            Number of the frame; None for the only one.

        Raises
        ------
        PixelDecodeError
            When the process ends: a decoder did not survive these pixels.
        Exception
            What the decoder raises.
        """
        sent = None if self._file == key else dataset
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            pickle.dump((sent, syntax, index), stdin, pickle.HIGHEST_PROTOCOL)
            stdin.flush()
            found = pickle.load(stdout)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise PixelDecodeError(
                f'{name}: its decoder ended ({type(error).__name__}): the pixels are damaged; replace the '
                'file, or leave it out with skip_broken_series=True'
            ) from error
        self._file = key
        if isinstance(found, BaseException):
            raise found
        values: NDArray[Any] = found
        return values


def _closed(stream: IO[bytes]) -> None:
    with suppress(OSError):  # what was not read any more
        stream.close()


def use_in_this_thread(worker: Worker | None) -> None:
    """Have what this thread decodes done by a worker."""
    _local.worker = worker


def of_this_thread() -> Worker | None:
    """Return the worker of this thread, None where it decodes itself."""
    worker: Worker | None = getattr(_local, 'worker', None)
    return worker


def serve() -> None:
    """Decode what standard input asks for, until it ends: the program of a worker."""
    from pydicom.pixels.utils import pixel_array

    from .decoders import decoder_for

    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    # What decoders print must not stand among the answers.
    sys.stdout = sys.stderr
    stdout.write(_READY)
    stdout.flush()
    dataset: Any = None
    while True:
        try:
            sent, syntax, index = pickle.load(stdin)
        except EOFError:
            return
        dataset = sent if sent is not None else dataset
        try:
            answer: Any = pixel_array(dataset, index=index, decoding_plugin=decoder_for(syntax))
        except BaseException as error:  # noqa: BLE001 - told to the one who asked, who knows what to do
            answer = _portable(error)
        pickle.dump(answer, stdout, pickle.HIGHEST_PROTOCOL)
        stdout.flush()


def _portable(error: BaseException) -> BaseException:
    """Return an error that another process can have: a built-in one with the same words."""
    kinds = (ImportError, NotImplementedError, RuntimeError, LookupError, TypeError, AttributeError,
             MemoryError, OSError)  # fmt: skip
    kind = next((k for k in kinds if isinstance(error, k)), ValueError)
    return kind(str(error) or type(error).__name__)
