"""Models and the probe that the benchmarks measure. Weights are random: what a log costs hardly depends on them."""

from __future__ import annotations

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


def resnet50() -> keras.Model:
    return keras.applications.ResNet50(weights=None)


def transformer(blocks: int = 4, width: int = 256, tokens: int = 128) -> keras.Model:
    x = inputs = keras.Input((tokens,), dtype="int32")
    x = layers.Embedding(1000, width)(x)
    for _ in range(blocks):
        y = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.MultiHeadAttention(4, width // 4)(y, y)])
        y = layers.Dense(4 * width, activation="gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(width)(y)])
    return keras.Model(inputs, x)
