"""Models and inputs that the benchmarks measure. Weights are random: what a log costs hardly depends on them."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_sample_image

layers = keras.layers


def photo(batch: int, size: int, channels: int = 3) -> np.ndarray:
    """A natural image, float32 [batch, size, size, channels] in 0 … 1: how well its activations compress is what a
    user will see; noise would not compress at all. Samples differ by a shift."""
    image = tf.image.resize(load_sample_image("china.jpg") / 255.0, (size, size)).numpy().astype(np.float32)
    return np.stack([np.roll(image, 7 * i, axis=1)[..., :channels] for i in range(batch)])


def photo_crops(count: int, size: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Random crops of two photographs, float32 [count, size, size, 3] in 0 … 1, and which of the two each is from."""
    photos = [load_sample_image(name).astype(np.float32) / 255 for name in ("china.jpg", "flower.jpg")]
    random = np.random.default_rng(0)
    labels = random.integers(0, len(photos), count)
    crops = []
    for label in labels:
        height, width = photos[label].shape[:2]
        top, left = random.integers(0, height - size), random.integers(0, width - size)
        crops.append(photos[label][top : top + size, left : left + size])
    return np.stack(crops), labels


def tokens(length: int = 128) -> np.ndarray:
    """int32 [1, length] of the transformer's vocabulary."""
    return np.random.default_rng(0).integers(0, 1000, (1, length), np.int32)


def bare_forward(model: keras.Model, jit_compile: bool = False) -> Any:
    """The traced model alone: what a log is compared with."""
    return tf.function(lambda x: model(x, training=False), autograph=False, jit_compile=jit_compile)


def resnet50(size: int = 224) -> keras.Model:
    # How well activations compress differs by 3 % between random weights.
    keras.utils.set_random_seed(0)
    return keras.applications.ResNet50(weights=None, input_shape=(size, size, 3))


def small_resnet(widths: tuple[int, ...] = (16, 32, 64)) -> keras.Model:
    """A residual network for 32 x 32 pictures in 10 classes (He et al. 2015, section 4.2), one block per width."""
    inputs = keras.Input((32, 32, 3))
    x = layers.ReLU()(_convolution(inputs, widths[0], 3))
    for index, width in enumerate(widths):
        stride = 2 if index else 1
        y = layers.ReLU()(_convolution(x, width, 3, stride))
        y = _convolution(y, width, 3)
        shortcut = _convolution(x, width, 1, stride) if stride > 1 else x
        x = layers.ReLU()(layers.Add()([shortcut, y]))
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(x)))


def _convolution(x: Any, width: int, kernel: int, stride: int = 1) -> Any:
    x = layers.Conv2D(width, kernel, stride, padding="same", use_bias=False)(x)
    return layers.BatchNormalization()(x)


def transformer(blocks: int = 4, width: int = 256, length: int = 128) -> keras.Model:
    x = inputs = keras.Input((length,), dtype="int32")
    x = layers.Embedding(1000, width)(x)
    for _ in range(blocks):
        y = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.MultiHeadAttention(4, width // 4)(y, y)])
        y = layers.Dense(4 * width, activation="gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(width)(y)])
    return keras.Model(inputs, x)


def chain(depth: int, size: int) -> keras.Model:
    """Equal layers, so that a curve over their number shows nothing else."""
    # The same weights at every length, so that a curve over bytes shows nothing else either.
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((size, size, 3))
    for index in range(depth):
        x = layers.Conv2D(8, 3, padding="same", activation="relu", name=f"conv{index}")(x)
    return keras.Model(inputs, x)
