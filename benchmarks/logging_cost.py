"""What one log costs the training thread, in units of one bare forward pass of the same probe, side by side in one run.

Run it with `make benchmark`. Prints a table of medians; nothing here is a test.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tb_activations import ActivationWriter

REPEATS = 15


def demo_cnn() -> keras.Model:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def medians(ways: dict[str, Callable[[int], None]]) -> dict[str, float]:
    """Seconds per way, the ways interleaved so that a noisy moment hits them all."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(REPEATS + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            way(repeat)
            # The first round traces and warms up.
            if repeat:
                seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in seconds.items()}


def measure(name: str, model: keras.Model, probe: np.ndarray) -> None:
    forward = tf.function(lambda x: model(x, training=False), autograph=False)
    hidden = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    outputs = keras.Model(model.inputs, [layer.output for layer in hidden])
    with tempfile.TemporaryDirectory() as directory, ActivationWriter(directory) as writer:
        summaries = tf.summary.create_file_writer(directory + "/summaries")

        def log(step: int) -> None:
            writer.log(model, probe, step)

        def drain(_: int) -> None:
            # Outside the timed ways: the background work of one log must not slow the next way down.
            writer.flush()

        def per_layer_summaries(step: int) -> None:
            with summaries.as_default():
                for layer, values in zip(hidden, outputs(probe, training=False), strict=True):
                    tf.summary.histogram(layer.name, values, step)
                    if values.shape.rank == 4:
                        maps = tf.transpose(values[:1], (3, 1, 2, 0))
                        tf.summary.image(layer.name, maps, step, max_outputs=64)

        result = medians(
            {
                "forward pass": lambda _: forward(probe).numpy(),
                "ActivationWriter.log": log,
                "(drain)": drain,
                "tf.summary per layer": per_layer_summaries,
            }
        )
        stats = writer.stats
    bare = result["forward pass"]
    print(f"\n{name}, probe {probe.shape}, all layers")
    for way, seconds in result.items():
        if way != "(drain)":
            print(f"  {way:24} {seconds * 1e3:9.2f} ms   {seconds / bare:7.1f} x a forward pass")
    print(f"  {'written per log':24} {stats.bytes_written / stats.logs / 1e6:9.2f} MB")
    print(f"  {'in the background':24} {stats.background_seconds / stats.logs * 1e3:9.2f} ms per log")


def main() -> None:
    rng = np.random.default_rng(0)
    measure("demo CNN", demo_cnn(), rng.random((4, 28, 28, 1), np.float32))
    resnet = keras.applications.ResNet50(weights=None)
    measure("ResNet50", resnet, rng.random((1, 224, 224, 3), np.float32))


if __name__ == "__main__":
    main()
