"""Peers: how long other ways of looking into a model hold the training thread, beside ours in the same rounds."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import math
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks import models
from benchmarks.apart import ROOT
from benchmarks.timing import costs
from demo.train import build_model
from tb_activations import ActivationWriter

INSTALLED = ROOT / ".stamps" / "peers"
"""Where `make benchmark` puts the packages of requirements.txt."""

LAYER = "conv_intermediate"
"""tf-explain draws layers of one shape and one size: one layer of the demo's CNN is what it can do."""


@dataclasses.dataclass(frozen=True)
class Peer:
    """seconds: a log holds the training thread, ours beside it; NaN where `failure` says why there is no number."""

    name: str
    what: str
    ours: float
    seconds: float
    failure: str = ""

    @property
    def ratio(self) -> float:
        return self.seconds / self.ours


def summaries_peer(model: keras.Model, repeats: int) -> Peer:
    what = "ResNet50 224², batch 1, every layer: at most 64 pictures and a histogram each"
    name = "`tf.summary.image` + `tf.summary.histogram` per layer"
    return _resnet50_peer(name, what, model, lambda directory: _summaries(model, directory), repeats)


def keras_peer(model: keras.Model, repeats: int) -> Peer:
    what = "ResNet50 224²: the weights of every layer (it knows no activations)"
    name = "Keras `TensorBoard(histogram_freq=1, write_images=True)`"
    return _resnet50_peer(name, what, model, lambda directory: _keras_tensorboard(model, directory), repeats)


def _resnet50_peer(
    name: str, what: str, model: keras.Model, theirs: Callable[[str], Callable[[int], object]], repeats: int
) -> Peer:
    probe = models.photo(1, 224)
    with tempfile.TemporaryDirectory() as directory, ActivationWriter(directory) as writer:
        ways = {"ours": lambda step: writer.log(model, probe, step), "theirs": theirs(directory + "/theirs")}
        result = costs(ways, repeats, writer.flush)
    return Peer(name, what, result["ours"].wall, result["theirs"].wall)


def tf_explain_peer(repeats: int) -> Peer:
    """Its callback for activations, one layer of the demo's CNN for the same four pictures."""
    model, probe = build_model(), models.photo(4, 28, 1)
    name, what = "tf-explain `ActivationsVisualizationCallback`", f"demo CNN, batch 4, layer `{LAYER}` alone"
    with tempfile.TemporaryDirectory() as directory, ActivationWriter(directory, layers=LAYER) as writer:
        ways: dict[str, Callable[[int], object]] = {"ours": lambda step: writer.log(model, probe, step)}
        try:
            ways["theirs"] = _tf_explain(model, probe, directory + "/tf_explain")
            ways["theirs"](0)
        except Exception as error:
            failure = f"{type(error).__name__}: {error}"
            ours = costs({"ours": ways["ours"]}, repeats, writer.flush)["ours"].wall
            return Peer(name, what, ours, math.nan, failure)
        result = costs(ways, repeats, writer.flush)
    return Peer(name, what, result["ours"].wall, result["theirs"].wall)


def _summaries(model: keras.Model, directory: str) -> Callable[[int], None]:
    """A log by `tf.summary`, per layer, at our caps."""
    hidden = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    probe = models.photo(1, 224)
    outputs = keras.Model(model.inputs, [layer.output for layer in hidden])
    file = tf.summary.create_file_writer(directory)

    def write(step: int) -> None:
        with file.as_default():
            for layer, values in zip(hidden, outputs([probe], training=False), strict=True):
                tf.summary.histogram(layer.name, values, step)
                if values.shape.rank == 4:
                    tf.summary.image(layer.name, tf.transpose(values[:1], (3, 1, 2, 0)), step, max_outputs=64)

    return write


def _keras_tensorboard(model: keras.Model, directory: str) -> Callable[[int], None]:
    """What the callback does at the end of an epoch, when it logs."""
    callback = keras.callbacks.TensorBoard(directory, histogram_freq=1, write_images=True, write_graph=False)
    callback.set_model(model)
    callback.on_train_begin()
    return lambda step: callback.on_epoch_end(step, {})


def _tf_explain(model: keras.Model, probe: np.ndarray, directory: str) -> Callable[[int], None]:
    # Last, so that none of our own packages is hidden by what lies beside it.
    sys.path.append(str(INSTALLED))
    try:
        from tf_explain.callbacks.activations_visualization import ActivationsVisualizationCallback
    finally:
        sys.path.remove(str(INSTALLED))
    callback: Any = ActivationsVisualizationCallback((probe, None), [LAYER], Path(directory))
    callback.set_model(model)

    def write(step: int) -> None:
        # It prints a progress bar.
        with contextlib.redirect_stdout(io.StringIO()):
            callback.on_epoch_end(step)

    return write
