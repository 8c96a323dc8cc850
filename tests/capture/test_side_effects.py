"""Side effects: none. Capturing leaves weights, statistics, seeds, streams and Keras' classes as they were."""

import random
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

from tb_activations import capture
from tb_activations.capture.tap import open_tap

layers = keras.layers


def random_streams():
    from keras.src.random.seed_generator import global_seed_generator

    # Keras makes its global generator when it is first asked for, and draws its seed from Python's.
    keras_state = global_seed_generator().state.numpy()
    tensorflow_state = tf.random.get_global_generator().state.numpy()
    return [*random.getstate()[1], *np.random.get_state()[1], *tensorflow_state, *keras_state]


def test_capturing_changes_no_weight_no_statistic_and_no_random_stream(x):
    model = keras.Sequential([keras.Input((8,)), layers.Dense(4), layers.BatchNormalization(), layers.Dropout(0.5)])
    before = [variable.numpy().copy() for variable in model.variables]
    random_streams()  # The first reading creates Keras' global seed generator, which draws from Python's random.
    streams = random_streams()
    capture(model, x)
    assert random_streams() == streams
    for old, new in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, new.numpy())


def test_the_tap_is_gone_after_an_exception():
    original = layers.Layer.__call__
    during = []

    def fail():
        with open_tap():
            during.append(layers.Layer.__call__)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert during[0] is not original
    assert layers.Layer.__call__ is original


def test_another_thread_is_not_tapped(x):
    model = keras.Sequential([keras.Input((8,)), layers.Dense(2)])
    with open_tap() as tap:
        other = threading.Thread(target=lambda: model(x))
        other.start()
        other.join()
    assert tap.calls == []


@pytest.mark.parametrize("training", [False, True])
def test_a_layer_that_draws_leaves_its_seed_and_statistics_as_they_were(x, training):
    class Noisy(layers.Layer):
        def __init__(self):
            super().__init__()
            self.seed = keras.random.SeedGenerator(3)

        def call(self, x):
            shape = keras.ops.shape(x)
            return x + keras.random.normal(shape, seed=self.seed) + keras.random.normal(shape)

    model = keras.Sequential([keras.Input((8,)), Noisy(), layers.BatchNormalization(), layers.Dropout(0.5)])
    keras.utils.set_random_seed(1)
    expected = keras.random.normal((2,)).numpy()
    keras.utils.set_random_seed(1)
    before = [v.numpy().copy() for v in model.variables]
    capture(model, x, training=training)
    np.testing.assert_array_equal(keras.random.normal((2,)).numpy(), expected)
    for old, new in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, new.numpy())


def test_the_tap_is_gone_after_a_model_raises(x):
    class Broken(keras.Model):
        def call(self, x):
            raise RuntimeError("broken")

    original = layers.Layer.__call__
    with pytest.raises(RuntimeError, match="broken"):
        capture(Broken(), x)
    assert layers.Layer.__call__ is original
