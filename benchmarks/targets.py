"""Targets: what each measured figure should be at most, and how far beyond it the guard fails."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Target:
    """margin: the guard fails beyond `target * (1 + margin)`; wide, because machines are noisy. least: the target is
    a lower bound, and the guard fails below `target / (1 + margin)`. bound: the guard's own, where the target is not
    reached yet; what was measured when it was set stands beside it. why: where the figure comes from, shown when the
    target is missed; a format of the other measured figures."""

    what: str
    target: float
    unit: str
    margin: float
    least: bool = False
    bound: float | None = None
    why: str = ""

    @property
    def text(self) -> str:
        return f"{'≥' if self.least else '≤'} {self.target:g} {self.unit}".strip()

    @property
    def short_unit(self) -> str:
        """As it stands after what was measured."""
        return self.unit if self.unit in ("MB", "ms") else "%" if self.unit.startswith("%") else "×" * bool(self.unit)

    def met(self, measured: float, margin: float = 0.0) -> bool:
        if self.least:
            return measured >= self.target / (1 + margin)
        return measured <= self.target * (1 + margin)

    def within_margin(self, measured: float) -> bool:
        return measured <= self.bound if self.bound is not None else self.met(measured, self.margin)


_STALL = "× a forward pass"
_ALLOWED = "× what is allowed (1.2 forward passes, or 2 ms where that is larger)"
_OURS = "× our stall"
_FIT = "% more wall time than without"
_FIT_WHY = (
    "Of its time, the hook held training {{{key}_around:.2f}} % around the steps, "
    "{{{key}_logging:.2f}} % in logs of {{{key}_log_ms:.1f}} ms, and {{{key}_counting:.2f}} % after steps without a "
    "log. The quartiles of the bare fits reach {{{key}_noise_reach:.2f}} % from their neighbours."
)
_STALL_WHY = "A log holds the thread {{{key}_log_ms:.1f}} ms, a forward pass {{{key}_forward_ms:.1f}} ms."
_SMALL_WHY = "A log holds the thread {{{key}_log_ms:.2f}} ms, a forward pass {{{key}_forward_ms:.2f}} ms."
_PEER_WHY = "It holds the thread {{{key}_ms:.0f}} ms, ours {{{key}_ours_ms:.0f}} ms."

TARGETS = {
    "stall_resnet50_1": Target(
        "stall of a log, ResNet50, batch 1", 1.1, _STALL, 0.4, why=_STALL_WHY.format(key="resnet50_1")
    ),
    "stall_resnet50_4": Target(
        "stall of a log, ResNet50, batch 4", 1.1, _STALL, 0.4, why=_STALL_WHY.format(key="resnet50_4")
    ),
    "stall_transformer": Target(
        "stall of a log, transformer", 1.0, _ALLOWED, 0.5, why=_SMALL_WHY.format(key="transformer")
    ),
    "stall_demo_cnn": Target("stall of a log, demo CNN", 1.0, _ALLOWED, 0.5, why=_SMALL_WHY.format(key="demo_cnn")),
    "first_log": Target(
        "first log, ResNet50, tracing included",
        1.5,
        "× the first call of a bare `tf.function`",
        0.4,
        why="The first log took {first_log_s:.1f} s, the first call {first_call_s:.1f} s.",
    ),
    # Measured 5.2 on 2 cores.
    "cpu": Target(
        "CPU of a log, all threads, ResNet50, batch 1",
        4.0,
        "× a forward pass",
        0.4,
        bound=7.3,
        why="A forward pass takes {cpu_forward_ms:.0f} ms of CPU, the log {cpu_log_ms:.0f} ms.",
    ),
    # Measured 10.0; a run of six logs, so that a sixth of the first log's inputs and manifest is in it.
    "megabytes": Target(
        "written per log, ResNet50, batch 1",
        9.0,
        "MB",
        0.1,
        bound=11.0,
        why="Of a first log's {file_megabytes:.1f} MB, the PNG pictures are {png_megabytes:.1f} MB.",
    ),
    "fit_demo_cnn": Target("`fit`, demo CNN, batch 32", 1.0, _FIT, 1.0, why=_FIT_WHY.format(key="fit_demo_cnn")),
    "fit_demo_cnn_128": Target(
        "`fit`, demo CNN, batch 128", 1.0, _FIT, 1.0, why=_FIT_WHY.format(key="fit_demo_cnn_128")
    ),
    "fit_resnet": Target("`fit`, small ResNet on 32²", 1.0, _FIT, 1.0, why=_FIT_WHY.format(key="fit_resnet")),
    "peer_summaries": Target(
        "`tf.summary.image` + `histogram` per layer, ResNet50",
        50.0,
        _OURS,
        0.4,
        least=True,
        why=_PEER_WHY.format(key="peer_summaries"),
    ),
    "peer_keras": Target(
        "Keras `TensorBoard(histogram_freq=1, write_images=True)`, ResNet50",
        50.0,
        _OURS,
        0.4,
        least=True,
        why=_PEER_WHY.format(key="peer_keras"),
    ),
    "peer_tf_explain": Target(
        "tf-explain's activation callback, one layer",
        1.0,
        _OURS,
        0.0,
        least=True,
        why=_PEER_WHY.format(key="peer_tf_explain"),
    ),
    "histogram_ms": Target("histogram of 3.2 M float32", 35.0, "ms", 0.5),
    "histogram_memory": Target("extra memory of that histogram", 2.0, "× the input", 0.1),
    "statistics_passes": Target("statistics of as many, passes over memory", 2.0, "", 0.1),
    "peak_memory": Target("peak extra memory of a log, ResNet50, batch 4", 1.5, "× the activations", 0.1),
    "queue_memory": Target(
        "the same when logs come faster than they are written",
        1.0,
        "× the queue's limit and two logs",
        0.1,
    ),
}
