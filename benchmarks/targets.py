"""Targets: what each measured ratio should be at most, and how far beyond it the guard fails."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Target:
    """margin: the guard fails beyond `target * (1 + margin)`; wide, because machines are noisy. least: the target is
    a lower bound, and the guard fails below `target / (1 + margin)`. bound: the guard's own, where the target is not
    reached yet; what was measured when it was set stands beside it."""

    what: str
    target: float
    unit: str
    margin: float
    least: bool = False
    bound: float | None = None

    def met(self, measured: float, margin: float = 0.0) -> bool:
        if self.least:
            return measured >= self.target / (1 + margin)
        return measured <= self.target * (1 + margin)

    def within_margin(self, measured: float) -> bool:
        return measured <= self.bound if self.bound is not None else self.met(measured, self.margin)


TARGETS = {
    "stall_resnet50_1": Target("stall of a log, ResNet50, batch 1", 1.1, "× a forward pass", 0.4),
    "stall_resnet50_4": Target("stall of a log, ResNet50, batch 4", 1.1, "× a forward pass", 0.4),
    "stall_transformer": Target("stall of a log, transformer", 1.0, "× what is allowed", 0.5),
    "stall_demo_cnn": Target("stall of a log, demo CNN", 1.0, "× what is allowed", 0.5),
    "first_log": Target("first log, ResNet50", 1.5, "× the first call of a bare tf.function", 0.4),
    # Measured 6.2 on 2 cores that other work shared.
    "cpu": Target("CPU of a log, all threads, ResNet50", 4.0, "× a forward pass", 0.4, bound=8.5),
    # Measured 11.2; a run of six logs, so that a sixth of the first log's inputs and manifest is in it.
    "megabytes": Target("written per log, ResNet50", 9.0, "MB", 0.1, bound=12.3),
    "peer_summaries": Target("tf.summary.image + histogram per layer, ResNet50", 50.0, "× our stall", 0.4, least=True),
    "histogram_ms": Target("histogram of 3.2 M float32", 35.0, "ms", 0.5),
    "histogram_memory": Target("extra memory of that histogram", 2.0, "× the input", 0.1),
}
