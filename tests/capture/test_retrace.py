"""Tracing: once per model, selection and signature; anew, and with a word, when something forces it."""

import keras
import numpy as np
import pytest

from tb_activations import ActivationLogger
from tb_activations.capture import RetraceWarning, make_probe

layers = keras.layers


def test_a_probe_traces_once_per_input_signature(x):
    probe = make_probe(keras.Sequential([keras.Input((8,)), layers.Dense(2)]))
    for _ in range(3):
        probe(x)
    assert probe.traces == 1
    with pytest.warns(RetraceWarning):
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
    alone = probe(x)["dense"]
    with pytest.warns(RetraceWarning, match="structure, shape or type is new"):
        listed = probe([x])["dense"]
    np.testing.assert_allclose(listed, 2 * alone, rtol=1e-5, atol=1e-6)
    assert probe.traces == 2


@pytest.mark.filterwarnings("error")
def test_nothing_is_said_while_nothing_changes(x):
    model = keras.Sequential([keras.Input((8,)), layers.Dense(2, name="d"), layers.BatchNormalization(name="b")])
    model.compile("sgd", "mse")
    probe = make_probe(model)
    probe(x)
    model.fit(x, x[:, :2], verbose=0)
    # Freezing changes nothing at inference, compiling nothing in the model.
    model.layers[0].trainable = False
    model.compile("adam", "mse")
    np.testing.assert_array_equal(probe(x)["b"], model.predict(x, verbose=0))
    assert probe.traces == 1


def test_a_new_shape_is_said_once_with_what_it_is(x):
    probe = make_probe(keras.Sequential([keras.Input((8,), name="features"), layers.Dense(2)]))
    probe(x)
    with pytest.warns(RetraceWarning, match=r"traced again.*features: float32 \(2, 8\).*keep it fixed") as said:
        [probe(few) for few in (x[:2], x[:1])]
    assert len(said) == 1
    assert probe.traces == 3


def test_another_activation_function_is_seen(x):
    model = keras.Sequential([keras.Input((8,)), layers.Dense(2, "softmax", name="d")])
    probe = make_probe(model)
    probe(x)
    model.layers[-1].activation = keras.activations.linear
    with pytest.warns(RetraceWarning, match="its layers, number types, activations or variables are not"):
        maps = probe(x)
    model.predict_function = None
    np.testing.assert_array_equal(maps["d"], model.predict(x, verbose=0))


def test_a_layer_added_to_a_sequential_model_is_seen(x):
    model = keras.Sequential([keras.Input((8,)), layers.Dense(4, name="d")])
    probe = make_probe(model)
    probe(x)
    model.add(layers.Dense(2, name="e"))
    with pytest.warns(RetraceWarning):
        maps = probe(x)
    np.testing.assert_array_equal(maps["e"], model.predict(x, verbose=0))


def test_a_model_quantised_between_two_logs_is_seen(x):
    model = keras.Sequential([keras.Input((8,)), layers.Dense(4, name="d")])
    probe = make_probe(model)
    before = probe(x)["d"]
    model.quantize("int8", filters=lambda layer: not isinstance(layer, layers.InputLayer))
    with pytest.warns(RetraceWarning):
        after = probe(x)["d"]
    np.testing.assert_array_equal(after, model.predict(x, verbose=0))
    assert not np.array_equal(after, before)


def test_freezing_matters_in_training_mode(x):
    model = keras.Sequential([keras.Input((8,)), layers.BatchNormalization(name="b")])
    probe = make_probe(model, training=True)
    assert abs(probe(x)["b"].mean(axis=0)).max() < 1e-5
    model.layers[0].trainable = False
    with pytest.warns(RetraceWarning):
        frozen = probe(x)["b"]
    np.testing.assert_array_equal(frozen, model.predict(x, verbose=0))


@pytest.mark.filterwarnings("error::tb_activations.capture.RetraceWarning")
def test_the_hook_runs_a_models_python_code_for_one_trace_however_many_logs_there_are(x, tmp_path):
    class Counting(keras.Model):
        calls = 0

        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2, name="dense")

        def call(self, x):
            Counting.calls += 1
            return self.dense(x)

    def calls(epochs):
        Counting.calls = 0
        model = Counting()
        model.compile("sgd", "mse")
        hook = ActivationLogger(tmp_path / str(epochs), probe=x[:2], log_freq=1)
        model.fit(x, x[:, :2], batch_size=3, epochs=epochs, verbose=0, callbacks=[hook])
        return Counting.calls

    assert calls(1) == calls(7)
