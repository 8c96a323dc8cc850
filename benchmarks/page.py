"""Page: docs/performance.md, from measurements alone; every figure in it comes from them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from benchmarks.arrays import BINS, SHAPE
from benchmarks.curves import CHANNELS, Curves
from benchmarks.fits import LOG_FREQ
from benchmarks.machine import machine
from benchmarks.measurements import FULL, Measurements
from benchmarks.memory import BURST, LOGS
from benchmarks.passes import SHAPE as PASSES_SHAPE
from benchmarks.passes import WINDOW_BYTES
from benchmarks.targets import TARGETS, Target
from benchmarks.timing import Spread

TEMPLATE = Path(__file__).with_name("template.md")


def page(found: Measurements) -> str:
    figures = found.figures
    points = [*found.curves.by_layers, *found.curves.by_unselected, *found.curves.by_pixels]
    facts: dict[str, object] = {
        **figures,
        **machine(),
        "minutes": found.seconds / 60,
        "targets": _lines(
            (target.what, target.text, shown(target, figures[key]), _met(key, figures))
            for key, target in TARGETS.items()
        ),
        "missed": _missed(figures, found),
        "log_rows": _lines(
            (
                cost.what,
                f"{cost.forward.wall * 1e3:.2f}",
                f"{cost.log.wall * 1e3:.2f}",
                f"{cost.stall:.2f}",
                _quartiles(cost.spread, ".2f"),
                f"{cost.cpu:.1f}",
                f"{cost.megabytes:.2f}",
            )
            for cost in found.logs
        ),
        "fit_rows": _lines(
            (
                fit.what,
                f"{fit.steps:,}",
                f"{fit.seconds:.1f}",
                *(
                    f"{spread.median:+.2f} % ({_quartiles(spread, '+.2f')})"
                    for spread in (fit.slow_down, fit.steady, fit.noise)
                ),
                f"{fit.log_ms:.1f}",
                f"{fit.around:.2f} %",
                f"{fit.logging:.2f} %",
                f"{fit.counting:.2f} %",
            )
            for fit in found.fits
        ),
        "peer_rows": _lines(
            (
                peer.name,
                peer.what,
                peer.failure or f"{peer.seconds * 1e3:.1f}",
                f"{peer.ours * 1e3:.1f}",
                _number(peer.ratio, ".1f"),
            )
            for peer in found.peers
        ),
        "array_rows": _lines(
            (
                what,
                _number(figures[f"{key}_ms"], ".1f"),
                _number(figures[f"{key}_ms"] / figures["histogram_ms"], ".1f"),
                _number(figures.get(f"{key}_memory", math.nan), ".2f"),
            )
            for what, key in (
                ("our histogram", "histogram"),
                ("`numpy.histogram`", "numpy"),
                ("`tf.summary.histogram`", "tensorflow"),
                ("our statistics, per channel", "statistics"),
            )
        ),
        "growth": _growth(found.curves),
        "curve_rows": _lines(
            (
                point.cost.what,
                f"{point.values:.2f}",
                f"{point.cost.forward.wall * 1e3:.2f}",
                f"{point.cost.log.wall * 1e3:.2f}",
                f"{point.cost.log.cpu * 1e3:.1f}",
                f"{point.cost.megabytes:.3f}",
            )
            for point in points
        ),
        "deflate_rows": _lines(
            (way.deflate, way.filter, f"{way.ms:.0f}", f"{way.megabytes:.2f}") for way in found.ways
        ),
        "logs": FULL.logs,
        "small_logs": 4 * FULL.logs,
        "peers": FULL.peers,
        "arrays": FULL.arrays,
        "fits": FULL.fits,
        "bare_fits": FULL.fits + 1,
        "log_freq": LOG_FREQ,
        "values": math.prod(SHAPE) / 1e6,
        "shape": list(SHAPE),
        "bins": BINS,
        "pass_mb": math.prod(PASSES_SHAPE) * 4 / 1e6,
        "window_mb": WINDOW_BYTES / 1e6,
        "single_logs": LOGS,
        "burst": BURST,
        "channels": CHANNELS,
        "atlases": found.atlases,
        "pixels": found.pixels / 1e6,
    }
    return TEMPLATE.read_text().format_map(facts)


def shown(target: Target, measured: float) -> str:
    return f"{_number(measured, '.2f')} {target.short_unit}".strip()


def _met(key: str, figures: dict[str, float]) -> str:
    target, measured = TARGETS[key], figures[key]
    if math.isnan(measured):
        return "-"
    # A difference that the machine makes by itself says nothing about the hook, either way.
    if figures.get(f"{key}_noise_reach", 0) > target.target:
        return "undecided: noise"
    return "yes" if target.met(measured) else "no"


def _missed(figures: dict[str, float], found: Measurements) -> str:
    lines = []
    for key, target in TARGETS.items():
        measured = figures[key]
        if math.isnan(measured):
            failures = [peer.failure for peer in found.peers if math.isnan(peer.ratio)] if "peer" in key else []
            lines.append(f"- **{target.what}** could not be measured here. {' '.join(failures)}".rstrip())
        elif _met(key, figures) != "yes":
            why = target.why.format_map(figures)
            lines.append(f"- **{target.what}**: {shown(target, measured)} instead of {target.text}. {why}".rstrip())
    return "Not met or undecided, and what was measured:\n\n" + "\n".join(lines) if lines else "All are met."


def _growth(grown: Curves) -> str:
    few, many = grown.by_layers[-2], grown.by_layers[-1]
    alone, among = grown.by_unselected[0], grown.by_unselected[-1]
    small, large = grown.by_pixels[0], grown.by_pixels[-1]
    return (
        f"From {few.depth} to {many.depth} logged layers, the captured values grow "
        f"{many.values / few.values:.1f} times, the stall {many.cost.log.wall / few.cost.log.wall:.1f} times and the "
        f"CPU {many.cost.log.cpu / few.cost.log.cpu:.1f} times; from {small.size}² to {large.size}² pixels, "
        f"{large.values / small.values:.1f}, {large.cost.log.wall / small.cost.log.wall:.1f} and "
        f"{large.cost.log.cpu / small.cost.log.cpu:.1f} times. One logged layer stalls {alone.cost.log.wall * 1e3:.2f} "
        f"ms alone and {among.cost.log.wall * 1e3:.2f} ms among {among.depth}."
    )


def _quartiles(spread: Spread, form: str) -> str:
    return f"{spread.low:{form}} to {spread.high:{form}}"


def _number(value: float, form: str) -> str:
    return "-" if math.isnan(value) else f"{value:{form}}"


def _lines(rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
