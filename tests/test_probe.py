"""Probe: every form in which inputs are handed over amounts to the same arrays."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tb_activations import ActivationLogger, ActivationWriter
from tb_activations.probe import resolve

X = np.arange(40, dtype=np.float32).reshape(10, 4)
Y = np.arange(10)
PAIRS = tf.data.Dataset.from_tensor_slices((X, Y))


@pytest.mark.parametrize("input_rank", [None, 2])
@pytest.mark.parametrize(
    "dataset",
    [
        tf.data.Dataset.from_tensor_slices(X),
        PAIRS,
        PAIRS.batch(3),
        PAIRS.batch(2).prefetch(1),
        PAIRS.batch(3, drop_remainder=True).map(lambda x, y: (x, y)),
        PAIRS.batch(3).unbatch(),
        PAIRS.batch(8).map(lambda x, y: (x, y, y)),
    ],
)
def test_a_dataset_gives_its_first_samples(dataset, input_rank):
    np.testing.assert_array_equal(resolve(dataset, 4, input_rank), X[:4])


def test_a_dataset_of_dictionaries_gives_dictionaries():
    dataset = tf.data.Dataset.from_tensor_slices(({"a": X, "b": Y}, Y)).batch(3)
    taken = resolve(dataset, 4)
    np.testing.assert_array_equal(taken["a"], X[:4])
    np.testing.assert_array_equal(taken["b"], Y[:4])


def test_the_models_rank_decides_where_a_datasets_history_does_not_tell():
    whole = tf.data.Dataset.from_tensors((X, Y))
    np.testing.assert_array_equal(resolve(whole, 4, 2), X[:4])


def test_fewer_samples_than_asked_for_are_all_there_are():
    assert len(resolve(PAIRS.take(2), 4)) == 2


def test_an_empty_dataset_says_so():
    with pytest.raises(ValueError, match="a dataset that holds samples"):
        resolve(PAIRS.take(0), 4)


def test_a_callable_returns_any_other_form():
    np.testing.assert_array_equal(resolve(lambda: X[:2], 4), X[:2])
    np.testing.assert_array_equal(resolve(lambda: PAIRS.batch(3), 4), X[:4])
    with pytest.raises(ValueError, match="probe must hold the inputs"):
        resolve(lambda: None, 4)


def model():
    keras.utils.set_random_seed(0)
    one = keras.Sequential([keras.Input((4,), name="x"), keras.layers.Dense(2, name="hidden")])
    one.compile("sgd", "mse")
    return one


def logged_inputs(directory):
    from tests.test_callback import logged

    [histogram] = logged(directory, "x/histogram").values()
    return histogram[0, 0], histogram[-1, 1]


@pytest.mark.parametrize("probe", [X[:4], X[0], PAIRS.batch(4), lambda: X[:4], tf.constant(X[:4])], ids=type)
def test_the_writer_takes_every_form(tmp_path, probe):
    with ActivationWriter(tmp_path) as writer:
        writer.log(model(), probe, 0)
    low, high = logged_inputs(tmp_path)
    assert low == 0
    assert high in (3, 15)


def test_a_callable_is_called_once(tmp_path):
    calls = []

    def probe():
        calls.append(1)
        return X[:4]

    trained = model()
    trained.fit(X, X[:, :2], epochs=3, verbose=0, callbacks=[ActivationLogger(tmp_path, probe)])
    assert calls == [1]


def test_a_model_that_only_its_inputs_build_is_ready_before_the_first_epoch(tmp_path):
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(2, name="hidden")

        def call(self, x):
            return self.dense(x)

    net = Net()
    net.compile("sgd", "mse")
    net.fit(X, X[:, :2], epochs=1, verbose=0, callbacks=[ActivationLogger(tmp_path, X[:2], layers="hidden")])
    from tests.test_callback import logged

    assert list(logged(tmp_path, "hidden/image")) == [0, 1]
