"""Tracing: once per model, selection and signature; anew, and with a word, when something forces it."""

import keras
import numpy as np

from tb_activations.capture import make_probe

layers = keras.layers


def test_a_probe_traces_once_per_input_signature(x):
    probe = make_probe(keras.Sequential([keras.Input((8,)), layers.Dense(2)]))
    for _ in range(3):
        probe(x)
    assert probe.traces == 1
    probe(x[:1])
    assert probe.traces == 2


def test_later_logs_see_the_weights_as_they_are_then(x):
    model = keras.Sequential([keras.Input((8,)), layers.Dense(2, name="d")])
    probe = make_probe(model)
    probe(x)
    model.set_weights([w + 1 for w in model.get_weights()])
    np.testing.assert_array_equal(probe(x)["d"], model.predict(x, verbose=0))


def test_the_same_arrays_in_another_structure_are_traced_anew(x):
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(4, name="dense")

        def call(self, x):
            return self.dense(2 * x[0] if isinstance(x, (list, tuple)) else x)

    probe = make_probe(Model())
    alone, listed = probe(x)["dense"], probe([x])["dense"]
    np.testing.assert_allclose(listed, 2 * alone, rtol=1e-5, atol=1e-6)
    assert probe.traces == 2
