"""Ways to run a model: precisions, quantisation, compile options, strategies, training mode."""

import keras
import numpy as np
import pytest

from tb_activations import capture
from tests.models import dense_16

layers = keras.layers


def test_what_is_no_model_is_refused():
    with pytest.raises(TypeError, match="must be a Keras 3 model"):
        capture("model.keras", np.zeros((1, 10)))


def test_layers_made_in_a_remat_scope_are_captured(x):
    with keras.RematScope(mode="full"):
        model = keras.Sequential([keras.Input((8,)), layers.Dense(4, "relu", name="d"), layers.BatchNormalization()])
    remat = layers.Layer.rematerialized_call
    # Keras' own predict raises for this model: the truth is NumPy's.
    np.testing.assert_allclose(
        capture(model, x)["d"], np.maximum(x @ model.layers[0].kernel.numpy(), 0), rtol=1e-5, atol=1e-6
    )
    assert layers.Layer.rematerialized_call is remat


def test_training_mode_is_on_when_asked_for(x):
    model = keras.Sequential([keras.Input((8,)), layers.Dropout(0.5, seed=1, name="drop")])
    assert np.any(capture(model, x, layers="drop", training=True)["drop"] == 0)
    np.testing.assert_array_equal(capture(model, x, layers="drop")["drop"], x)


def test_another_backend_is_refused(monkeypatch, x):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ImportError, match=r"on the TensorFlow backend\. Received: 'torch'"):
        capture(dense_16(), x)
