"""What the statuses of DIMSE answers mean (DICOM PS3.7 Annex C, PS3.4 B.2.3 and C.4)."""

from __future__ import annotations

from typing import Any

__all__ = ['PENDING', 'SUCCESS', 'category', 'described', 'is_transient']

SUCCESS = 0x0000
PENDING = (0xFF00, 0xFF01)

_WARNINGS = (0x0001, 0x0107, 0x0116)


def category(status: int) -> str:
    """Return 'success', 'pending', 'warning', 'cancel' or 'failure'.

    What no standard knows is a failure: nothing says that it went well.
    """
    if status == SUCCESS:
        return 'success'
    if status in PENDING:
        return 'pending'
    if status in _WARNINGS or status >> 12 == 0xB:
        return 'warning'
    return 'cancel' if status == 0xFE00 else 'failure'


def is_transient(status: int) -> bool:
    """Return whether it may go well when it is tried again: out of resources, processing failure."""
    return status >> 8 == 0xA7 or status in (0x0110, 0x0213)


def described(answer: Any, service: str) -> str:
    """Return what an answer says.

    Parameters
    ----------
    answer : pydicom.Dataset
        Its status, and what stands beside it. Empty: there was no answer.
    service : str
        'store', 'find', 'get' or 'move': a number may mean something else in each.
    """
    from pynetdicom import status as known

    if 'Status' not in answer:
        return 'no answer'
    table = {
        'store': known.STORAGE_SERVICE_CLASS_STATUS,
        'find': known.QR_FIND_SERVICE_CLASS_STATUS,
        'get': known.QR_GET_SERVICE_CLASS_STATUS,
        'move': known.QR_MOVE_SERVICE_CLASS_STATUS,
    }[service]
    status = int(answer.Status)
    meaning = table.get(status, known.GENERAL_STATUS.get(status, ('', '')))[1] or category(status)
    comment = ' '.join(str(answer.get('ErrorComment', '') or '').split())
    text = f'status {status:04X}, {meaning}'
    return f'{text}: {comment}' if comment else text
