"""Cadence: after which batches and epochs a log is due."""

from __future__ import annotations

import datetime
import time
from typing import Any

import numpy as np


class Cadence:
    """log_freq: "epoch", a positive integer number of training batches, or a positive `datetime.timedelta`.

    Raises ValueError for anything else.
    """

    def __init__(self, log_freq: Any) -> None:
        self._batches: int | None = None
        self._seconds: float | None = None
        if isinstance(log_freq, (int, np.integer)) and not isinstance(log_freq, bool) and log_freq >= 1:
            self._batches = int(log_freq)
        elif isinstance(log_freq, datetime.timedelta) and log_freq > datetime.timedelta():
            self._seconds = log_freq.total_seconds()
        elif not (isinstance(log_freq, str) and log_freq == "epoch"):
            raise ValueError(
                'log_freq must be "epoch", a positive integer number of training batches, or a positive '
                f"datetime.timedelta. Received: log_freq={log_freq!r}"
            )
        self.start()

    def start(self) -> None:
        """Count from here."""
        self._counted = 0
        self._last_time = time.monotonic()

    def after_batches(self, count: int) -> bool:
        """Whether a log is due now that `count` more batches are done (several, with `steps_per_execution`)."""
        if self._seconds is not None:
            due = time.monotonic() - self._last_time >= self._seconds
            if due:
                self._last_time = time.monotonic()
            return due
        self._counted += count
        due = self._batches is not None and self._counted >= self._batches
        if self._batches is not None:
            self._counted %= self._batches
        return due

    def after_epoch(self) -> bool:
        return self._batches is None and self._seconds is None

    def __str__(self) -> str:
        if self._batches is not None:
            return "every batch" if self._batches == 1 else f"every {self._batches} batches"
        return "every epoch" if self._seconds is None else f"every {self._seconds:g} s"
