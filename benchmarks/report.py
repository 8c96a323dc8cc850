"""Report: `make benchmark` writes docs/performance.md and .svg; `--guard` measures less, and fails beyond margins."""

from __future__ import annotations

import argparse
import sys

import tensorflow as tf

from benchmarks.apart import ROOT
from benchmarks.growth_plot import growth_plot
from benchmarks.measurements import everything, quick_figures
from benchmarks.page import page, shown
from benchmarks.targets import TARGETS

PAGE = ROOT / "docs" / "performance.md"
PLOT = PAGE.with_suffix(".svg")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--guard", action="store_true", help="the important figures; no page; exit 1 beyond a margin")
    guarding = parser.parse_args().guard
    if not sys.platform.startswith("linux"):
        raise SystemExit(f"the benchmarks read /proc, which only Linux has. Received: {sys.platform}")
    if guarding:
        guard()
        return
    tf.get_logger().setLevel("ERROR")
    found = everything()
    PAGE.write_text(page(found))
    PLOT.write_text(growth_plot(found.curves))
    _print(found.figures)
    print(f"{found.seconds:.0f} s; written: {PAGE.relative_to(ROOT)}, {PLOT.relative_to(ROOT)}")


def guard() -> None:
    figures = quick_figures()
    _print(figures)
    failed = [t.what for key, t in TARGETS.items() if key in figures and not t.within_margin(figures[key])]
    if failed:
        raise SystemExit("beyond the margin: " + "; ".join(failed))


def _print(figures: dict[str, float]) -> None:
    for key, target in TARGETS.items():
        if key in figures:
            print(f"{target.what}: {shown(target, figures[key])}; target {target.text}")


if __name__ == "__main__":
    main()
