"""Tensors: every kind that a layer may return."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tb_activations import capture
from tests.capture.models import assert_same

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


def model_returning(function):
    """A subclassed model of one layer, "odd", that returns `function` of its input; the model returns its input."""

    class Odd(layers.Layer):
        def call(self, x):
            return function(x)

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.odd, self.dense = Odd(name="odd"), layers.Dense(2, name="dense")

        def call(self, x):
            self.odd(x)
            return self.dense(x)

    return Model()


KINDS = {
    "scalar": tf.reduce_sum,
    "rank 1": lambda x: tf.reduce_sum(x, axis=1),
    "rank 6": lambda x: tf.reshape(x, (-1, 2, 1, 2, 1, 2)),
    "without a batch axis": lambda x: tf.reduce_sum(x, axis=0)[:5],
    "empty": lambda x: x[:, :0],
    "bool": lambda x: x > 0,
    "int8": lambda x: tf.cast(x * 10, tf.int8),
    "uint16": lambda x: tf.cast(abs(x) * 10, tf.uint16),
    "int64": lambda x: tf.cast(x * 10, tf.int64),
    "complex": lambda x: tf.complex(x, -x),
    "not finite": lambda x: tf.math.log(x - 10) / 0.0,
    "constant": lambda x: tf.constant([1.0, 2.0]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_dense_outputs_are_captured_as_they_are(x, kind):
    assert_same(capture(model_returning(KINDS[kind]), x)["odd"], KINDS[kind](tf.constant(x)).numpy())


def test_a_shape_without_the_batch_axis_has_no_unknown_axis(x):
    maps = capture(model_returning(KINDS["without a batch axis"]), x)
    assert {info.path: info.shape for info in maps.layers} == {"odd": (5,), "dense": (None, 2)}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_ragged_floats_are_padded_with_nan(x, dtype):
    lengths = [2, 0, 5]
    odd = model_returning(lambda x: tf.RaggedTensor.from_tensor(tf.cast(x, dtype), lengths=lengths))
    values = capture(odd, x)["odd"]
    assert values.shape == (3, 5)
    assert values.dtype.name == dtype
    for row, length, original in zip(values, lengths, tf.cast(x, dtype).numpy(), strict=True):
        assert_same(row[:length], original[:length])
        assert np.isnan(row[length:].astype(np.float32)).all()


def test_ragged_whole_numbers_are_padded_with_zeros(x):
    odd = model_returning(lambda x: tf.RaggedTensor.from_tensor(tf.cast(x * 10, tf.int32), lengths=[1, 8, 3]))
    expected = (x * 10).astype(np.int32)
    expected[0, 1:] = expected[2, 3:] = 0
    assert_same(capture(odd, x)["odd"], expected)


def test_ragged_rows_of_vectors(x):
    odd = model_returning(lambda x: tf.RaggedTensor.from_tensor(tf.reshape(x, (3, 4, 2)), lengths=[4, 1, 2]))
    values = capture(odd, x)["odd"]
    assert_same(values[2, :2], x.reshape(3, 4, 2)[2, :2])
    assert np.isnan(values[2, 2:]).all()


def test_sparse_outputs_are_filled_with_zeros(x):
    maps = capture(model_returning(lambda x: tf.sparse.from_dense(tf.nn.relu(x))), x)
    assert_same(maps["odd"], np.maximum(x, 0))
    assert maps.layers[0].parents == ("input",)


def test_sparse_outputs_whose_indices_are_in_no_order(x):
    odd = model_returning(lambda x: tf.SparseTensor([[1, 2], [0, 1]], tf.stack([x[0, 0], x[1, 1]]), (3, 4)))
    expected = np.zeros((3, 4), np.float32)
    expected[1, 2], expected[0, 1] = x[0, 0], x[1, 1]
    assert_same(capture(odd, x)["odd"], expected)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: tf.strings.as_string(x), "its output holds string, not numbers"),
        (lambda x: tf.sparse.from_dense(tf.strings.as_string(x)), "its output holds string, not numbers"),
        (lambda x: 3, "its output is a int, not a tensor"),
        (lambda x: tf.data.Dataset, "its output is a .*, not a tensor"),
    ],
)
def test_what_is_not_numbers_is_skipped_with_the_reason(x, function, reason):
    model = model_returning(function)
    maps = capture(model, x)
    assert list(maps) == ["dense"]
    with pytest.raises(ValueError, match=rf'layer "odd" cannot be captured: {reason}'):
        capture(model, x, layers="odd")


def test_a_layer_that_returns_its_weight(x):
    class Weight(layers.Layer):
        def build(self, shape):
            self.table = self.add_weight(shape=(4, 2), initializer="normal")

        def call(self, x):
            return self.table

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.weight, self.dense = Weight(name="weight"), layers.Dense(4, name="dense")

        def call(self, x):
            return keras.ops.matmul(self.dense(x), self.weight(x))

    model = Model()
    maps = capture(model, x)
    assert_same(maps["weight"], model.weight.table.numpy())
