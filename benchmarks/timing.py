"""Timing: ways of doing something, measured in turn so that a noisy moment hits them all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Spread(NamedTuple):
    """Median and quartiles of what was measured several times."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        low, median, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else 3 * [*values]
        return cls(median, low, high)


class Cost(NamedTuple):
    """Seconds per round: walls on the calling thread, cpus of all threads of the process."""

    walls: tuple[float, ...]
    cpus: tuple[float, ...]

    @property
    def wall(self) -> float:
        return statistics.median(self.walls)

    @property
    def cpu(self) -> float:
        return statistics.median(self.cpus)


def costs(ways: dict[str, Callable[[int], object]], repeats: int, between: Callable[[], object]) -> dict[str, Cost]:
    """Cost per way, each called with the number of the round; the first round traces and is not counted.

    `between` runs after each way: the background work it waits for counts as the way's CPU, not as its wall time.
    """
    wall: dict[str, list[float]] = {name: [] for name in ways}
    cpu: dict[str, list[float]] = {name: [] for name in ways}
    for round_number in range(repeats + 1):
        for name, way in ways.items():
            cpu_started, started = time.process_time(), time.perf_counter()
            way(round_number)
            held = time.perf_counter() - started
            between()
            if round_number:
                wall[name].append(held)
                cpu[name].append(time.process_time() - cpu_started)
    return {name: Cost(tuple(wall[name]), tuple(cpu[name])) for name in ways}
