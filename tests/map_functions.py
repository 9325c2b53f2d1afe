"""Functions for other processes, which import them from here."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from typing import Any

import numpy as np


def mean(series: Any) -> float:
    return float(np.mean(np.asarray(series)))


def end_on_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return number * number


@dataclass(frozen=True)
class KilledOnce:
    """The mean of a series, but the first process that comes here is killed."""

    path: str

    def __call__(self, series: Any) -> float:
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            time.sleep(0.05)
            return mean(series)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError
