"""Recurrent layers and loops: outputs bit for bit Keras' own, and what a loop hides is said."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tb_activations import capture

layers = keras.layers


def test_a_layer_with_several_outputs_has_a_path_for_each(x):
    inputs = keras.Input((4, 2))
    outputs = layers.LSTM(3, return_state=True, name="lstm")(inputs)
    maps = capture(keras.Model(inputs, outputs), x.reshape(3, 4, 2))
    assert {"lstm", "lstm:1", "lstm:2"} <= set(maps)


def test_what_runs_inside_a_loop_is_listed_as_skipped(x):
    class Loop(keras.Model):
        def __init__(self):
            super().__init__()
            self.cell = layers.Dense(8, name="cell")
            self.cell.build((None, 8))
            self.out = layers.Dense(2, name="out")

        def call(self, x):
            _, x = tf.while_loop(lambda i, _: i < 3, lambda i, x: (i + 1, self.cell(x)), (tf.constant(0), x))
            return self.out(x)

    maps = capture(Loop(), x)
    assert list(maps) == ["out"]
    assert "inside a loop or a branch" in maps.skipped["cell"]


def test_an_rnns_cell_is_skipped_although_keras_calls_it_once_outside_its_loop(x):
    model = keras.Sequential([keras.Input((4, 2)), layers.RNN(layers.GRUCell(3, name="cell"), name="rnn")])
    maps = capture(model, x.reshape(3, 4, 2))
    assert list(maps) == ["rnn"]
    assert list(maps.skipped) == ["rnn/cell"]
    with pytest.raises(ValueError, match=r'layer "cell" cannot be captured: it runs inside a loop'):
        capture(model, x.reshape(3, 4, 2), layers="cell")


def test_an_unrolled_rnns_cell_has_a_path_per_time_step(x):
    rnn = layers.RNN(layers.SimpleRNNCell(3, name="cell"), unroll=True, return_sequences=True, name="rnn")
    maps = capture(keras.Sequential([keras.Input((2, 4)), rnn]), x.reshape(3, 2, 4))
    np.testing.assert_array_equal(maps["rnn/cell#1"], maps["rnn"][:, 1])
