"""The connection below an association: without delay, and in bounded time, whatever the peer does.

pynetdicom waits for the rest of a message as long as the peer keeps the connection open, and takes
any length that it announces. A peer that stops within one, sends a byte now and then, or never comes
to an end would hold us forever.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

__all__ = ['Guard', 'keep_answers']

_LONGEST_UNIT = 1 << 20
"""Bytes of one protocol data unit. We ask for 16 kB of data in each; negotiations take some more."""

_LONGEST_MESSAGE = 4 << 30
"""Bytes of one message: an image and more."""

_SLOWEST = 1e4
"""Bytes a second that a network carries at least; a message that comes slower is given up."""

_UNRECOGNISED = 'Evt19'
"""Event of an association that is to be aborted (DICOM PS3.8 9.2.2)."""

_NONSENSE = (
    ValueError, TypeError, AttributeError, LookupError, NotImplementedError, EOFError, OverflowError,
    RecursionError,
)  # fmt: skip
"""What pynetdicom and pydicom raise for a message that is none. No file is read there."""


class Guard:
    """Watches what goes over one connection after another, each of one association.

    Parameters
    ----------
    timeout : float
        Seconds in which something must move.
    """

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        # By association; forgotten with it.
        self._moved: WeakKeyDictionary[Any, float] = WeakKeyDictionary()
        self._total: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        self._message: WeakKeyDictionary[Any, int] = WeakKeyDictionary()

    def handlers(self) -> list[Any]:
        """Return handlers of the events of associations."""
        from pynetdicom import evt

        return [
            (evt.EVT_CONN_OPEN, self._opened), (evt.EVT_DATA_SENT, self._sent),
            (evt.EVT_DATA_RECV, self._received), (evt.EVT_DIMSE_RECV, self._ended),
        ]  # fmt: skip

    def _opened(self, event: Any) -> None:
        connection = event.assoc.dul.socket
        self._moved[event.assoc] = time.monotonic()
        connection.socket.settimeout(self.timeout)
        _set_tcp(event, socket.TCP_NODELAY)
        connection.recv = lambda count: _received(connection.socket, count, self.timeout)
        _end_at_nonsense(event.assoc)

    def _sent(self, event: Any) -> None:
        self._count(event)
        _acknowledge(event)

    def _count(self, event: Any) -> None:
        self._moved[event.assoc] = time.monotonic()
        self._total[event.assoc] = self._total.get(event.assoc, 0) + len(event.data)

    def _received(self, event: Any) -> None:
        assoc = event.assoc
        self._count(event)
        self._message[assoc] = self._message.get(assoc, 0) + len(event.data)
        if self._message[assoc] > _LONGEST_MESSAGE:
            # What comes here is told by its absence: the association is over.
            assoc.dul.event_queue.put(_UNRECOGNISED)
        _acknowledge(event)

    def _ended(self, event: Any) -> None:
        self._message[event.assoc] = 0

    def message(self, assoc: Any) -> Any:
        """Return the next message of an association, (None, None) where none comes in time.

        A long one, or a long request before it, may take as long as it moves.
        """
        begun, before = time.monotonic(), self._total.get(assoc, 0)
        while True:
            since = max(begun, self._moved.get(assoc, begun))
            slowest = begun + self.timeout + (self._total.get(assoc, 0) - before) / _SLOWEST
            left = min(since + self.timeout, slowest) - time.monotonic()
            try:
                return assoc.dimse.msg_queue.get(block=left > 0, timeout=max(left, 0.001))
            except queue.Empty:
                if left <= 0:
                    return None, None


def _end_at_nonsense(assoc: Any) -> None:
    """Have an association end at a message that is none.

    pynetdicom's thread would end instead, with a traceback, and leave the connection open.
    """
    from pynetdicom.fsm import InvalidEventError

    act = assoc.dul.state_machine.do_action

    def do_action(event: str) -> None:
        try:
            act(event)
        except InvalidEventError:
            # We end what has not begun: a connection over which nothing was asked for.
            assoc.dul.kill_dul()
            assoc.dul.socket.close()
        except _NONSENSE:
            if event == _UNRECOGNISED:
                raise
            assoc.dul.event_queue.put(_UNRECOGNISED)

    assoc.dul.state_machine.do_action = do_action


def keep_answers(assoc: Any, guard: Guard) -> None:
    """Leave every message to the thread that asked.

    The thread of an association looks for requests of the peer between two of ours, and may take
    the first answer to a request that is sent in that moment: an image less is found, and nothing
    tells. We ask only; requests that belong to an answer (C-STORE for C-GET) go to who asked.
    """

    def get_msg(block: bool = False) -> Any:
        return (None, None) if threading.current_thread() is assoc else guard.message(assoc)

    assoc.dimse.get_msg = get_msg


def _received(connection: socket.socket, count: int, timeout: float) -> bytearray:
    """Return so many bytes of a connection; fewer where it is closed before.

    Raises
    ------
    OSError
        When they do not come in time, or are too many. pynetdicom takes it for a connection that is lost.
    """
    if count > _LONGEST_UNIT:
        raise OSError(f'a protocol data unit of {count} bytes')
    data = bytearray(count)
    view, got = memoryview(data), 0
    end = time.monotonic() + timeout
    while got < count:
        if time.monotonic() > end:
            raise TimeoutError('a protocol data unit does not come to its end')
        read = connection.recv_into(view[got:])
        if not read:
            break
        got += read
    view.release()
    del data[got:]
    return data


def _acknowledge(event: Any) -> None:
    # Linux alone has it, and forgets it now and then.
    if hasattr(socket, 'TCP_QUICKACK'):
        _set_tcp(event, socket.TCP_QUICKACK)


def _set_tcp(event: Any, option: int) -> None:
    """Have short messages sent, and acknowledged, without delay.

    Each request waits for its answer. Where either side waits for more to send (Nagle's algorithm),
    and the other one with its acknowledgement, an image takes 40 or 80 ms longer.
    """
    connection = event.assoc.dul.socket
    if connection is not None and connection.socket is not None:
        with suppress(OSError):  # closed by now
            connection.socket.setsockopt(socket.IPPROTO_TCP, option, 1)
