"""Timing: ways of doing something, measured in turn so that a noisy moment hits them all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple


class Cost(NamedTuple):
    """wall: median seconds on the calling thread; cpu: median seconds of CPU, all threads of the process."""

    wall: float
    cpu: float


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
    return {name: Cost(statistics.median(wall[name]), statistics.median(cpu[name])) for name in ways}
