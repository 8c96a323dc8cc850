"""Growth plot: the curves as docs/performance.svg."""

from __future__ import annotations

import inspect

from benchmarks.curves import CHANNELS, DEPTHS, SIZES, Curves, Point
from benchmarks.plot import Line, Panel, drawn
from tb_activations import ActivationWriter

MAX_SIZE = inspect.signature(ActivationWriter).parameters["max_size"].default


def growth_plot(grown: Curves) -> str:
    layer_ticks = tuple((float(depth), str(depth)) for depth in DEPTHS if depth != 3)
    pixel_ticks = tuple((size**2 / 1e3, f"{size}²") for size in SIZES)
    by_layers = ((grown.by_layers, "all layers logged", "a"), (grown.by_unselected, "one layer logged", "b"))
    by_pixels = ((grown.by_pixels, "all layers logged", "a"),)
    panels = []
    for name, height in (("Stall of the training thread, ms", _stall), ("Written, kB", _kilobytes)):
        for x_name, series, x, ticks in (
            ("layers in the model", by_layers, _depth, layer_ticks),
            ("pixels of the input and of each map", by_pixels, _kilopixels, pixel_ticks),
        ):
            lines = [
                Line(what, kind, tuple((x(point), height(point)) for point in points)) for points, what, kind in series
            ]
            if height is _stall:
                bare = tuple((x(point), point.cost.forward.wall * 1e3) for point in series[0][0])
                lines.append(Line("bare forward pass", "c", bare))
            panels.append(Panel(name, x_name, tuple(lines), ticks))
    notes = (
        f"Chains of equal convolutions of {CHANNELS} channels, batch 1; left on {SIZES[0]}² pixels, right with "
        f"{grown.by_pixels[0].depth} layers.",
        f"Written maps are averaged down to at most {MAX_SIZE}² pixels. All axes are linear and begin at 0.",
    )
    return drawn("What one log costs", notes, panels)


def _stall(point: Point) -> float:
    return point.cost.log.wall * 1e3


def _kilobytes(point: Point) -> float:
    return point.cost.megabytes * 1e3


def _depth(point: Point) -> float:
    return float(point.depth)


def _kilopixels(point: Point) -> float:
    return point.size**2 / 1e3
