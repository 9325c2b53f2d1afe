"""The same function on many items: here, in processes of this machine, or on a Dask cluster.

What one item does cannot harm the others: an error is an outcome, and a process that ends without one is
replaced.
"""

from __future__ import annotations

import os
import signal
import warnings
from _thread import interrupt_main
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import uuid4

from .errors import ImagedataError, ImagedataWarning, MissingDependencyError, SchedulerError
from .progress import reporting, tracked

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

__all__ = ['Outcome', 'Scheduler', 'error_text', 'outcomes']

Scheduler: TypeAlias = Any
"""Address of a Dask scheduler ('tcp://host:8786'), or a `distributed.Client`."""

_LONE_ATTEMPTS = 2
"""How often an item may end the process that it has to itself."""


_GRACE = 10
"""How long a process may take to give up its work, s."""

_PATIENCE = 10
"""How long to wait for a scheduler, s."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item.

    Parameters
    ----------
    value : object
        What the function returned; None after an error.
    error : str or None
        Why it failed.
    heard : tuple of str
        Warnings of this library.
    attempts : int
        How often the function was called.
    """

    value: Any = None
    error: str | None = None
    heard: tuple[str, ...] = ()
    attempts: int = 1


def error_text(error: Exception) -> str:
    """Return what to tell of an error."""
    return str(error) if isinstance(error, ImagedataError) else f'{type(error).__name__}: {error}'


def outcomes(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    *,
    jobs: int = 1,
    scheduler: Scheduler | None = None,
    retries: int = 0,
    describe: Callable[[Exception], str] = error_text,
    what: str = 'Working',
) -> Iterator[tuple[int, Outcome]]:
    """Call a function with each item, and yield the number of the item with its outcome when it is there.

    Parameters
    ----------
    function : callable
        For several processes, one that can be imported there: defined in a module, not in a program's main
        file or another function. A cluster takes any.
    items : sequence
    jobs : int
        Number of processes.
    scheduler : str or distributed.Client, optional
        Where the work is done instead.
    retries : int
        How often an item whose function raised an error is tried again.
    describe : callable
        From an exception to what is told of it.
    what : str
        The job in one word, for progress.

    Raises
    ------
    MissingDependencyError
        When a scheduler is given and Dask is not installed.
    SchedulerError
        When it cannot be reached.
    """
    call = _Call(function, retries, describe)
    if scheduler is not None:
        found = _on_cluster(call, items, scheduler)
    elif jobs > 1 and len(items) > 1:
        found = _in_processes(call, items, jobs)
    else:
        found = ((number, call(item)) for number, item in enumerate(items))
    for _ in tracked(range(len(items)), what):
        yield next(found)


@dataclass(frozen=True, slots=True)
class _Call:
    """A function that gives outcomes."""

    function: Callable[[Any], Any]
    retries: int
    describe: Callable[[Exception], str]

    def __call__(self, item: Any) -> Outcome:
        """Return the outcome for one item, after as many attempts as it needs and may have."""
        for attempt in range(1, self.retries + 2):
            outcome = self._once(item, attempt)
            if outcome.error is None:
                break
        return outcome

    def _once(self, item: Any, attempt: int) -> Outcome:
        with warnings.catch_warnings(record=True) as heard, reporting(None):
            warnings.simplefilter('ignore')
            warnings.simplefilter('always', ImagedataWarning)
            value, error = None, None
            try:
                value = self.function(item)
            except Exception as failure:  # noqa: BLE001 - one item must not keep the others from being done
                error = self.describe(failure)
        return Outcome(value, error, tuple(str(w.message) for w in heard), attempt)


# --- processes -----------------------------------------------------------------------------------


def _in_processes(call: _Call, items: Sequence[Any], jobs: int) -> Iterator[tuple[int, Outcome]]:
    """Work in processes of their own; those that were at work when one ended are tried again, alone."""
    from concurrent.futures.process import BrokenProcessPool

    waiting = list(range(len(items)))[::-1]
    suspects: list[int] = []
    while waiting:
        running: dict[Any, int] = {}
        try:
            yield from _through_pool(call, items, min(jobs, len(waiting)), waiting, running)
        except BrokenProcessPool:
            suspects += sorted(running.values())
    for number in suspects:
        yield number, _alone(call, items, number)


def _through_pool(
    call: _Call, items: Sequence[Any], jobs: int, waiting: list[int], running: dict[Any, int]
) -> Iterator[tuple[int, Outcome]]:
    """Yield outcomes; no more items than processes are under way, so that few are suspect when one ends."""
    from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
    from multiprocessing import get_context

    # Spawned: what the parent has open, and its threads, are none of their business.
    context = get_context('spawn')
    heard, said = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(jobs, context, _begin, (heard, _GRACE))
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running[pool.submit(_at_work, call, items[waiting[-1]])] = waiting[-1]
                waiting.pop()
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                outcome = future.result()
                yield running.pop(future), outcome
    except BaseException:
        # Nobody waits for what is under way, which may take long.
        said.send_bytes(b'end')
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        heard.close()
        said.close()


_working = False
"""Whether this process, one of a pool, is at work on an item."""


def _begin(heard: Connection, grace: float) -> None:
    """Begin as a process of a pool: give up the work when told to, and end when the parent has ended."""
    from multiprocessing import connection, parent_process
    from threading import Thread

    parent = parent_process()
    assert parent is not None
    ended = parent.sentinel

    def listen() -> None:
        if ended not in connection.wait([ended, heard]):
            interrupt_main()
            connection.wait([ended], grace)
        # The work cannot be interrupted; or the parent was killed, and another one may do the same work anew,
        # to the same places.
        os._exit(1)

    signal.signal(signal.SIGINT, _give_up)
    Thread(target=listen, daemon=True).start()


def _give_up(number: int, frame: Any) -> None:
    """Interrupt the work on an item; between two, a signal from the keyboard is the parent's affair."""
    if _working:
        raise KeyboardInterrupt


def _at_work(call: _Call, item: Any) -> Outcome:
    """Return the outcome for one item, in a process of a pool."""
    global _working
    _working = True
    try:
        return call(item)
    except KeyboardInterrupt:
        return Outcome(error='interrupted')
    finally:
        _working = False


def _alone(call: _Call, items: Sequence[Any], number: int) -> Outcome:
    """Return the outcome of an item in a process that it has to itself."""
    from concurrent.futures.process import BrokenProcessPool

    for _ in range(_LONE_ATTEMPTS):
        try:
            return next(_through_pool(call, items, 1, [number], {}))[1]
        except BrokenProcessPool:
            continue
    return Outcome(error='its process ended without a word: there may not be enough memory for it')


# --- cluster -------------------------------------------------------------------------------------


def _on_cluster(call: _Call, items: Sequence[Any], scheduler: Scheduler) -> Iterator[tuple[int, Outcome]]:
    """Work on a Dask cluster, which gives the items of a worker that ended to others."""
    try:
        from distributed import Client, KilledWorker, as_completed
    except ImportError as error:
        raise MissingDependencyError(
            "a scheduler needs Dask: pip install 'imagedata[distributed]'"
        ) from error
    client = scheduler
    if isinstance(scheduler, str):
        try:
            client = Client(scheduler, timeout=_PATIENCE, set_as_default=False)  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            raise SchedulerError(
                f'there is no Dask scheduler at {scheduler}: {error}; start one with `dask scheduler`'
            ) from error
    futures: dict[Any, int] = {}
    try:
        for number, item in enumerate(items):
            # Without the name of a function or a file in it: schedulers log keys.
            futures[client.submit(call, item, key=f'imagedata-{uuid4()}')] = number
        for future in as_completed(list(futures), loop=client.loop):  # type: ignore[no-untyped-call]
            number = futures.pop(future)
            try:
                outcome = future.result()
            except KilledWorker:
                outcome = Outcome(error='the workers that tried it ended: there may not be enough memory')
            # The cluster forgets what is not held.
            future.release()
            yield number, outcome
    finally:
        client.cancel(list(futures))
        if client is not scheduler:
            client.close()
