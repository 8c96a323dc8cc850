"""Announcement: the line that tells, when training begins, what will be logged."""

from __future__ import annotations

from pathlib import Path

from tb_activations.capture import Plan
from tb_activations.encode import Limits
from tb_activations.encode.size import predicted_bytes


def announcement(plan: Plan, limits: Limits, bins: int, cadence: str, directory: Path) -> str:
    """cadence: when, in words; directory: of the run, `<log_dir>/activations`."""
    samples = plan.samples
    count = sum(layer.role != "input" for layer in plan.layers)
    size = sum(predicted_bytes(layer, limits, bins, samples) for layer in plan.layers)
    log_dir = directory.parent
    # TensorBoard is best pointed at the directory of all runs: `runs` for `runs/exp1`.
    watched = log_dir if log_dir.parent in (Path(), log_dir) else log_dir.parent
    return (
        f"tb_activations: {count} {'layer' if count == 1 else 'layers'} for {samples} "
        f"{'sample' if samples == 1 else 'samples'}, about {_readable(size)} per log, {cadence}, to {directory}. "
        f"Watch: tensorboard --logdir {watched}"
    )


def _readable(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(1, round(size / 1e3))} kB"
