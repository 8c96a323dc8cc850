"""Cost: what logging has cost a training so far, and whether the training can afford another log."""

from __future__ import annotations

import dataclasses
import threading
import time


@dataclasses.dataclass(frozen=True)
class WriterStats:
    """logs: handed over for writing. skipped: not written, because the queue was full, something failed or the byte
    budget `keep` was used up. left_out: due, and not taken to stay within `max_overhead`. bytes_written: of the event
    file. preparation_seconds: tracing and building before the first log. stall_seconds: how long logs held the
    calling thread. closing_seconds: how long `close` waited for what was not yet written. background_seconds:
    encoding and writing on another thread. seconds: from the writer's making until now, or until it was closed."""

    logs: int = 0
    skipped: int = 0
    left_out: int = 0
    bytes_written: int = 0
    preparation_seconds: float = 0.0
    stall_seconds: float = 0.0
    closing_seconds: float = 0.0
    background_seconds: float = 0.0
    seconds: float = 0.0

    @property
    def waited_seconds(self) -> float:
        """How long the calling thread waited for logging."""
        return self.preparation_seconds + self.stall_seconds + self.closing_seconds

    @property
    def share(self) -> float:
        """Of the time so far, how much the calling thread waited for logging, 0 to 1."""
        return self.waited_seconds / max(self.seconds, 1e-9)


class Meter:
    """Adds up what one writer costs; for any thread. max_overhead: the share of time that may be waited, or None."""

    def __init__(self, max_overhead: float | None) -> None:
        self._max_overhead = max_overhead
        self._lock = threading.Lock()
        self._stats = WriterStats()
        self._last_stall = 0.0
        self._started = time.perf_counter()
        self._ended: float | None = None

    def end(self) -> None:
        """The time that counts is over."""
        self._ended = time.perf_counter()

    def stats(self, bytes_written: int) -> WriterStats:
        seconds = (self._ended or time.perf_counter()) - self._started
        with self._lock:
            return dataclasses.replace(self._stats, bytes_written=bytes_written, seconds=seconds)

    def add(
        self,
        *,
        logs: int = 0,
        skipped: int = 0,
        left_out: int = 0,
        preparation_seconds: float = 0.0,
        stall_seconds: float = 0.0,
        closing_seconds: float = 0.0,
        background_seconds: float = 0.0,
    ) -> None:
        with self._lock:
            now = self._stats
            self._last_stall = stall_seconds or self._last_stall
            self._stats = WriterStats(
                logs=now.logs + logs,
                skipped=now.skipped + skipped,
                left_out=now.left_out + left_out,
                preparation_seconds=now.preparation_seconds + preparation_seconds,
                stall_seconds=now.stall_seconds + stall_seconds,
                closing_seconds=now.closing_seconds + closing_seconds,
                background_seconds=now.background_seconds + background_seconds,
            )

    def affords_another(self) -> bool:
        """Whether a log as long as the last one stays within `max_overhead`."""
        if self._max_overhead is None:
            return True
        now = self.stats(0)
        return now.waited_seconds + self._last_stall <= self._max_overhead * (now.seconds + self._last_stall)
