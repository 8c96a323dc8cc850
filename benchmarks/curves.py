"""Curves: what a log costs as layers, unselected layers or pixels grow; each should follow the captured values."""

from __future__ import annotations

import dataclasses

from benchmarks import models
from benchmarks.logs import LogCost, log_cost

DEPTHS = (1, 3, 10, 30, 100)
SIZES = (64, 128, 224)
CHANNELS = 8


@dataclasses.dataclass(frozen=True)
class Point:
    """A chain of `depth` layers on size x size pixels; values: captured, in millions."""

    depth: int
    logged: int
    size: int
    cost: LogCost

    @property
    def values(self) -> float:
        return (self.logged * CHANNELS + 3) * self.size**2 / 1e6


@dataclasses.dataclass(frozen=True)
class Curves:
    """by_layers: all logged; by_unselected: one logged of as many; by_pixels: ten layers, all logged."""

    by_layers: tuple[Point, ...]
    by_unselected: tuple[Point, ...]
    by_pixels: tuple[Point, ...]


def curves(repeats: int) -> Curves:
    return Curves(
        tuple(_point(depth, 64, repeats) for depth in DEPTHS),
        tuple(_point(depth, 64, repeats, "conv0") for depth in DEPTHS),
        tuple(_point(10, size, repeats) for size in SIZES),
    )


def _point(depth: int, size: int, repeats: int, layers: str | None = None) -> Point:
    logged = depth if layers is None else 1
    what = f"{depth} layer{'s' * (depth > 1)}, {'all' if layers is None else logged} logged, {size}²"
    cost = log_cost(what, models.chain(depth, size), models.photo(1, size), repeats, layers)
    return Point(depth, logged, size, cost)
