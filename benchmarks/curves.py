"""Curves: what a log costs as layers, unselected layers or pixels grow; each should follow the captured values."""

from __future__ import annotations

import tempfile

import keras

from benchmarks import models
from benchmarks.measures import bare_forward
from benchmarks.timing import costs
from tb_activations import ActivationWriter


def curve_rows(repeats: int) -> list[str]:
    """Markdown table rows: what, forward pass, stall and CPU in ms, MB per log."""
    rows = [_row(f"{depth} layers, all logged, 64²", _chain(depth, 64), 64, None, repeats) for depth in (1, 10, 100)]
    rows += [_row(f"{depth} layers, 1 logged, 64²", _chain(depth, 64), 64, "conv0", repeats) for depth in (1, 10, 100)]
    return rows + [_row(f"10 layers, all logged, {s}²", _chain(10, s), s, None, repeats) for s in (64, 128, 224)]


def _chain(depth: int, size: int) -> keras.Model:
    """Equal layers, so that a curve over their number shows nothing else."""
    x = inputs = keras.Input((size, size, 3))
    for index in range(depth):
        x = keras.layers.Conv2D(8, 3, padding="same", activation="relu", name=f"conv{index}")(x)
    return keras.Model(inputs, x)


def _row(what: str, model: keras.Model, size: int, selected: str | None, repeats: int) -> str:
    probe = models.photo(1, size)
    forward = bare_forward(model)
    with tempfile.TemporaryDirectory() as directory, ActivationWriter(directory, layers=selected) as writer:
        result = costs(
            {"forward": lambda _: forward(probe).numpy(), "log": lambda step: writer.log(model, probe, step)},
            repeats,
            writer.flush,
        )
        stats = writer.stats
    bare, log = result["forward"], result["log"]
    megabytes = stats.bytes_written / stats.logs / 1e6
    return f"| {what} | {bare.wall * 1e3:.2f} | {log.wall * 1e3:.2f} | {log.cpu * 1e3:.1f} | {megabytes:.3f} |"
