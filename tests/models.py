"""The models of the founding questions, and Keras' own answer to what a layer does."""

import keras
import numpy as np


def dense_16() -> keras.Model:
    """10 → 32 → 16 (`intermediate`) → 2."""
    return keras.Sequential(
        [
            keras.Input((10,)),
            keras.layers.Dense(32, "relu"),
            keras.layers.Dense(16, "relu", name="intermediate"),
            keras.layers.Dense(2, "softmax"),
        ]
    )


def dense_16_8() -> keras.Model:
    """10 → 32 → 16 → 8 → 2, functional, so that its input layer is layer 0."""
    inputs = x = keras.Input((10,))
    for units in (32, 16, 8, 2):
        x = keras.layers.Dense(units, "relu")(x)
    return keras.Model(inputs, x)


def digits_cnn() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(64, 3, activation="relu", name="conv_intermediate"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def truth(model: keras.Model, layer: keras.layers.Layer, x: np.ndarray) -> np.ndarray:
    """What `keras.Model(model.input, layer.output).predict` says."""
    return keras.Model(model.inputs, layer.output).predict(x, verbose=0)
