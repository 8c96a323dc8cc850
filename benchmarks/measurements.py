"""Measurements: all of them in one run, and how often each is repeated."""

from __future__ import annotations

import dataclasses
import time

from benchmarks import models
from benchmarks.apart import measured_apart
from benchmarks.arrays import array_costs
from benchmarks.curves import Curves, curves
from benchmarks.deflate import Way, deflate_ways, written
from benchmarks.fits import FitCost, fit_costs
from benchmarks.logs import LogCost, first_log, further_costs, targeted_costs
from benchmarks.peers import Peer, keras_peer, summaries_peer, tf_explain_peer


@dataclasses.dataclass(frozen=True)
class Rounds:
    """logs: of a log beside a forward pass; peers: of those that take seconds; fits: with the hook, each between two
    without."""

    logs: int
    peers: int
    arrays: int
    fits: int


FULL = Rounds(logs=15, peers=4, arrays=10, fits=5)
QUICK = Rounds(logs=6, peers=2, arrays=4, fits=0)


@dataclasses.dataclass(frozen=True)
class Measurements:
    """figures: by key of `targets.TARGETS`, and what their explanations name; the rest is for tables and the plot.
    atlases, pixels: how many were compressed in each of `ways`; seconds: that the run took."""

    figures: dict[str, float]
    logs: list[LogCost]
    peers: list[Peer]
    fits: list[FitCost]
    ways: list[Way]
    atlases: int
    pixels: int
    curves: Curves
    seconds: float


def quick_figures() -> dict[str, float]:
    """The important ones, for the guard."""
    resnet = models.resnet50()
    figures = first_log(resnet) | _figures_of_logs(targeted_costs(resnet, QUICK.logs))
    figures["peer_summaries"] = summaries_peer(resnet, QUICK.peers).ratio
    figures |= array_costs(QUICK.arrays)
    return figures | measured_apart("benchmarks.passes") | measured_apart("benchmarks.memory", "one")


def everything() -> Measurements:
    started = time.perf_counter()
    # Apart from all else, and before this process holds anything.
    figures = measured_apart("benchmarks.passes")
    figures |= measured_apart("benchmarks.memory", "one") | measured_apart("benchmarks.memory", "burst")
    resnet = models.resnet50()
    figures |= first_log(resnet)
    logs = targeted_costs(resnet, FULL.logs)
    figures |= _figures_of_logs(logs)
    on_disk = written(resnet)
    figures |= {"file_megabytes": on_disk.file_megabytes, "png_megabytes": on_disk.png_megabytes}
    ways = deflate_ways(on_disk.atlases, repeats=3)
    peers = {
        "peer_summaries": summaries_peer(resnet, FULL.peers),
        "peer_keras": keras_peer(resnet, FULL.peers),
        "peer_tf_explain": tf_explain_peer(FULL.logs),
    }
    for key, peer in peers.items():
        figures |= {key: peer.ratio, f"{key}_ms": peer.seconds * 1e3, f"{key}_ours_ms": peer.ours * 1e3}
    figures |= array_costs(FULL.arrays)
    further = further_costs(FULL.logs)
    grown = curves(FULL.logs)
    fits = fit_costs(FULL.fits)
    for key, fit in fits.items():
        figures |= {key: fit.slow_down.median, f"{key}_noise": fit.noise.median, f"{key}_around": fit.around}
        figures[f"{key}_noise_reach"] = max(abs(fit.noise.low), abs(fit.noise.high))
        figures |= {f"{key}_logging": fit.logging, f"{key}_counting": fit.counting, f"{key}_log_ms": fit.log_ms}
    return Measurements(
        figures=figures,
        logs=[*logs.values(), *further],
        peers=[*peers.values()],
        fits=[*fits.values()],
        ways=ways,
        atlases=len(on_disk.atlases),
        pixels=sum(atlas.size for atlas in on_disk.atlases),
        curves=grown,
        seconds=time.perf_counter() - started,
    )


def _figures_of_logs(logs: dict[str, LogCost]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for key, cost in logs.items():
        figures[f"stall_{key}"] = cost.share_of_allowed if key in ("transformer", "demo_cnn") else cost.stall
        figures |= {f"{key}_forward_ms": cost.forward.wall * 1e3, f"{key}_log_ms": cost.log.wall * 1e3}
    one = logs["resnet50_1"]
    figures |= {"cpu": one.cpu, "cpu_forward_ms": one.forward.cpu * 1e3, "cpu_log_ms": one.log.cpu * 1e3}
    return figures | {"megabytes": one.megabytes}
