"""Tensors: every kind that a layer may return."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tb_activations import capture

layers = keras.layers


def test_a_layer_that_returns_none_besides_its_output_skips_nothing(x):
    class Pair(layers.Layer):
        def call(self, x):
            return x * 2, None

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.pair = Pair(name="pair")

        def call(self, x):
            return self.pair(x)[0]

    maps = capture(Model(), x)
    assert list(maps) == ["pair"]
    assert maps.skipped == {}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_values_come_in_the_layers_own_type(x, dtype):
    model = keras.Sequential([keras.Input((8,)), layers.Dense(3, dtype=dtype, name="d")])
    values = capture(model, x)["d"]
    assert values.dtype.name == dtype
    np.testing.assert_array_equal(values, model(x).numpy())


def test_activations_stay_what_they_were_while_training_goes_on(x):
    model = keras.Sequential([keras.Input((8,)), layers.Dense(3, name="d")])
    model.compile("sgd", "mse")
    maps = capture(model, x)
    before = maps["d"].copy()
    model.fit(x, np.ones((3, 3)), epochs=3, verbose=0)
    np.testing.assert_array_equal(maps["d"], before)
    assert not np.array_equal(capture(model, x)["d"], before)


def test_a_layer_that_returns_its_variable_is_not_changed_by_an_assignment(x):
    class Table(layers.Layer):
        def build(self, shape):
            self.table = self.add_weight(shape=(3, 8), initializer="ones")

        def call(self, x):
            return tf.convert_to_tensor(self.table.value)

    model = keras.Sequential([keras.Input((8,), batch_size=3), Table(name="table")])
    maps = capture(model, x)
    model.layers[0].table.assign_add(np.ones((3, 8)))
    np.testing.assert_array_equal(maps["table"], np.ones((3, 8)))
