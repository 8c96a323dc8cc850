"""Recurrent layers and loops: outputs bit for bit Keras' own, and what a loop hides is said."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tb_activations import capture
from tests.capture.models import assert_same, truth_of_layers

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


@pytest.fixture
def sequences():
    return np.random.default_rng(3).normal(size=(3, 6, 4)).astype(np.float32)


class Leaky(layers.Layer):
    """A cell as people write them."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = self.state_size = units
        self.dense = layers.Dense(units, name="dense")

    def build(self, shape):
        self.dense.build(shape)

    def call(self, x, states):
        state = 0.9 * states[0] + 0.1 * self.dense(x)
        return keras.ops.tanh(state), [state]


RECURRENT = {
    "SimpleRNN": lambda: layers.SimpleRNN(5, return_sequences=True),
    "LSTM": lambda: layers.LSTM(5, return_sequences=True),
    "GRU": lambda: layers.GRU(5, go_backwards=True),
    "RNN of a custom cell": lambda: layers.RNN(Leaky(5), return_sequences=True),
    "RNN of stacked cells": lambda: layers.RNN([layers.LSTMCell(5), layers.GRUCell(4)]),
    "Bidirectional": lambda: layers.Bidirectional(layers.LSTM(5, return_sequences=True)),
    "TimeDistributed": lambda: layers.TimeDistributed(layers.Dense(5, "relu")),
    "unrolled": lambda: layers.GRU(5, unroll=True),
    "Masking": lambda: layers.Masking(),
    "Conv1D": lambda: layers.Conv1D(5, 3, padding="causal"),
}


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_recurrent_layer_is_bit_for_bit_keras_own(sequences, kind):
    layer = RECURRENT[kind]()
    model = keras.Sequential([keras.Input((6, 4)), layer, layers.Flatten(), layers.Dense(2)])
    maps = capture(model, sequences)
    for path, expected in truth_of_layers(model, [layer, model.layers[-1]], sequences).items():
        assert_same(maps[path], expected)


def test_a_convolutional_lstm_is_bit_for_bit_keras_own():
    layer = layers.ConvLSTM2D(3, 3, return_sequences=True, name="convlstm")
    model = keras.Sequential([keras.Input((4, 8, 8, 1)), layer])
    films = np.random.default_rng(2).normal(size=(2, 4, 8, 8, 1)).astype(np.float32)
    maps = capture(model, films)
    assert_same(maps["convlstm"], model.predict(films, verbose=0))
    assert list(maps.skipped) == ["convlstm/conv_lstm_cell"]


def test_both_directions_of_a_bidirectional_layer(sequences):
    layer = layers.Bidirectional(layers.GRU(3, name="gru"), name="both")
    maps = capture(keras.Sequential([keras.Input((6, 4)), layer]), sequences)
    assert set(maps.skipped) == {"both/forward_gru/gru_cell", "both/backward_gru/gru_cell"}
    for name, direction in (("forward_gru", layer.forward_layer), ("backward_gru", layer.backward_layer)):
        expected = keras.Sequential([keras.Input((6, 4)), direction]).predict(sequences, verbose=0)
        assert_same(maps[f"both/{name}"], expected)
    assert_same(maps["both"], np.concatenate([maps["both/forward_gru"], maps["both/backward_gru"]], axis=-1))


def test_every_output_of_an_lstm_that_returns_its_state(sequences):
    inputs = keras.Input((6, 4))
    outputs = layers.LSTM(3, return_sequences=True, return_state=True, name="lstm")(inputs)
    model = keras.Model(inputs, outputs)
    maps = capture(model, sequences)
    for path, expected in zip(("lstm", "lstm:1", "lstm:2"), model.predict(sequences, verbose=0), strict=True):
        assert_same(maps[path], expected)


def test_masked_steps_count_as_keras_counts_them():
    tokens = np.array([[1, 2, 0, 0], [3, 4, 5, 0]], np.int32)
    model = keras.Sequential(
        [keras.Input((4,)), layers.Embedding(9, 4, mask_zero=True, name="embed"), layers.LSTM(3, name="lstm")]
    )
    maps = capture(model, tokens)
    for path, expected in truth_of_layers(model, model.layers, tokens).items():
        assert_same(maps[path], expected)


def test_a_model_under_time_distributed_shows_its_layers_step_by_step():
    frame = keras.Sequential([keras.Input((4, 4, 1)), layers.Conv2D(2, 3, name="conv"), layers.Flatten()], name="frame")
    model = keras.Sequential([keras.Input((3, 4, 4, 1)), layers.TimeDistributed(frame, name="each")])
    films = np.random.default_rng(2).normal(size=(2, 3, 4, 4, 1)).astype(np.float32)
    maps = capture(model, films)
    for step, path in enumerate(("each/conv", "each/conv#1", "each/conv#2")):
        assert_same(maps[path], truth_of_layers(frame, frame.layers[:1], films[:, step])["conv"])
    assert_same(maps["each"], model.predict(films, verbose=0))


def test_what_time_distributed_runs_without_calling_it_is_said(sequences):
    model = keras.Sequential([keras.Input((6, 4)), layers.TimeDistributed(layers.Dense(2, name="dense"), name="each")])
    assert "output of 'each'" in capture(model, sequences).skipped["each/dense"]


def test_a_stateful_rnns_state_stays_where_it_was(sequences):
    model = keras.Sequential([keras.Input((6, 4), batch_size=3), layers.LSTM(3, stateful=True, name="lstm")])
    first = model.predict(sequences, verbose=0)
    model.layers[0].reset_state()
    assert_same(capture(model, sequences)["lstm"], first)
    assert_same(capture(model, sequences)["lstm"], first)


def test_branches_of_a_cond_are_skipped_and_its_result_is_not(x):
    class Branching(keras.Model):
        def __init__(self):
            super().__init__()
            self.left, self.right = layers.Dense(3, name="left"), layers.Dense(3, name="right")

        def build(self, shape):
            self.left.build(shape)
            self.right.build(shape)

        def call(self, x):
            return keras.ops.cond(keras.ops.sum(x) > 0, lambda: self.left(x), lambda: self.right(x))

    model = Branching()
    maps = capture(model, x)
    assert_same(maps["output"], model.predict(x, verbose=0))
    assert set(maps.skipped) == {"left", "right"}
    assert all("inside a loop or a branch" in reason for reason in maps.skipped.values())
