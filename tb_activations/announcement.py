"""Announcement: the lines that tell what will be logged, when training begins, and what it cost, when it ends."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from tb_activations.capture import Plan
from tb_activations.encode import Limits
from tb_activations.encode.size import predicted_bytes

if TYPE_CHECKING:
    from tb_activations.writer import WriterStats


def announcement(plan: Plan, limits: Limits, bins: int, cadence: str, directory: Path) -> str:
    """cadence: when, in words; directory: of the run, `<log_dir>/activations`."""
    samples = plan.samples
    count = sum(layer.role != "input" for layer in plan.layers)
    size = sum(predicted_bytes(layer, limits, bins, samples, plan.channels.get(layer.path)) for layer in plan.layers)
    log_dir = directory.parent
    # TensorBoard is best pointed at the directory of all runs: `runs` for `runs/exp1`; never at the whole disk.
    watched = log_dir if log_dir.parent in (Path(), Path(log_dir.anchor)) else log_dir.parent
    return (
        f"tb_activations: {count} {'layer' if count == 1 else 'layers'} for {samples} "
        f"{'sample' if samples == 1 else 'samples'}, about {_readable(size)} per log, {cadence}, to {directory}. "
        f"Watch: tensorboard --logdir {shlex.quote(str(watched))}"
    )


def summary(stats: WriterStats, seconds: float) -> str:
    """seconds: that training took, logging included."""
    waited = stats.stall_seconds + stats.preparation_seconds
    logs = f"{stats.logs} {'log' if stats.logs == 1 else 'logs'}" + (f", {stats.skipped} skipped" * bool(stats.skipped))
    share, per_log = waited / max(seconds, 1e-9), stats.stall_seconds / max(stats.logs, 1)
    return (
        f"tb_activations: {logs}, {_readable(stats.bytes_written)}. Training waited {waited:.2f} s ({share:.1%} of its "
        f"time: {stats.preparation_seconds:.2f} s to prepare, then {per_log * 1e3:.1f} ms per log); "
        f"{stats.background_seconds:.2f} s were spent in the background."
    )


def _readable(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(1, round(size / 1e3))} kB"
