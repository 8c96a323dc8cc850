"""Announcement: the lines that tell what will be logged, when training begins, and what it cost, when it ends."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path

from tb_activations.capture import Plan
from tb_activations.cost import WriterStats
from tb_activations.encode import Limits
from tb_activations.encode.size import predicted_bytes
from tb_activations.wording import counted, readable_share, readable_size


def announcement(
    plan: Plan, limits: Limits, bins: int, cadence: str, directory: Path, preparation: float, left: int | None = None
) -> str:
    """cadence: when, in words; directory: of the run, `<log_dir>/activations`; preparation: how many seconds it took;
    left: how many bytes the run may still grow by."""
    samples = plan.samples
    count = sum(layer.role != "input" for layer in plan.layers)
    size = sum(predicted_bytes(layer, limits, bins, samples, plan.channels.get(layer.path)) for layer in plan.layers)
    log_dir = directory.parent
    # TensorBoard is best pointed at the directory of all runs: `runs` for `runs/exp1`; never at one that holds more.
    shared = (Path(), Path(log_dir.anchor), Path.home(), Path(tempfile.gettempdir()))
    watched = log_dir if log_dir.parent in shared else log_dir.parent
    budget = "" if left is None else f", within {readable_size(left)} (about {counted(left // max(size, 1), 'log')})"
    return (
        f"tb_activations: {counted(count, 'layer')} for {counted(samples, 'sample')}, about {readable_size(size)} per "
        f"log, {cadence}{budget}, to {directory}. Tracing the model took {preparation:.1f} s. "
        f"Watch: tensorboard --logdir {shlex.quote(str(watched))}"
    )


def summary(stats: WriterStats) -> str:
    per_log = stats.stall_seconds / max(stats.logs, 1)
    parts = [counted(stats.logs, "log")]
    if stats.skipped:
        parts.append(f"{stats.skipped:,} skipped")
    if stats.left_out:
        parts.append(f"{stats.left_out:,} left out to stay within max_overhead")
    return (
        f"tb_activations: {', '.join(parts)}; {readable_size(stats.bytes_written)} written. Training waited "
        f"{stats.waited_seconds:.2f} s, {readable_share(stats.share)} of its time: "
        f"{stats.preparation_seconds:.2f} s to prepare, {per_log * 1e3:.1f} ms per log, "
        f"{stats.closing_seconds:.2f} s to write what was left. "
        f"{stats.background_seconds:.2f} s were spent in the background."
    )
