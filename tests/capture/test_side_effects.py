"""Side effects: none. Capturing leaves weights, statistics, seeds, streams and Keras' classes as they were."""

import random
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

from tb_activations import ActivationLogger, capture
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


class Watch(keras.callbacks.Callback):
    """Notes everything that training could be disturbed in, batch by batch."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append((dict(logs), random_streams()))


def convolutional():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.RandomFlip(),
            layers.Conv2D(4, 3, activity_regularizer="l2"),
            layers.BatchNormalization(),
            layers.SpectralNormalization(layers.Conv2D(3, 3)),
            layers.GaussianNoise(0.1),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(2),
        ]
    )


def unbuilt():
    return keras.Sequential([layers.Flatten(), layers.Dense(6, "relu"), layers.Dropout(0.3), layers.Dense(2)])


class InClass(keras.Model):
    """Draws from NumPy and from TensorFlow, and adds a loss of its own."""

    def __init__(self):
        super().__init__()
        self.flatten, self.dense, self.out = layers.Flatten(), layers.Dense(5, "relu"), layers.Dense(2)
        self.drop = layers.Dropout(0.4)
        self.scale = float(np.random.uniform())

    def call(self, x, training=False):
        hidden = self.drop(self.dense(self.flatten(x)), training=training)
        if not tf.executing_eagerly():
            hidden += 0.01 * tf.random.normal(tf.shape(hidden))
        self.add_loss(0.01 * keras.ops.mean(hidden))
        return self.out(hidden) * self.scale


def trained(make, log_dir=None, eager=False, **options):
    keras.utils.set_random_seed(11)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 8, 8, 1)).astype(np.float32), rng.integers(0, 2, 40)
    model, watch = make(), Watch()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"], run_eagerly=eager)
    hook = [] if log_dir is None else [ActivationLogger(log_dir, probe=x[:3], log_freq=2, strict=True, **options)]
    history = model.fit(
        x, y, batch_size=10, epochs=1 if eager else 2, validation_split=0.25, verbose=0, callbacks=[watch, *hook]
    )
    state = [variable.numpy() for variable in (*model.variables, *model.optimizer.variables, *model.metrics_variables)]
    return history.history, watch.seen, state, random_streams()


@pytest.mark.parametrize("make", [convolutional, unbuilt, InClass])
@pytest.mark.parametrize("options", [{}, {"training": True}, {"eager": True}], ids=str)
def test_a_whole_training_is_bit_identical_with_and_without_the_hook(tmp_path, make, options):
    """Losses and metrics of every batch and epoch, all variables (weights, optimizer, statistics, seeds, metrics), and
    Python's, NumPy's, TensorFlow's and Keras' random streams after every batch."""
    plain = trained(make, eager=options.get("eager", False))
    hooked = trained(make, tmp_path, **options)
    assert hooked[0] == plain[0]
    assert hooked[1] == plain[1]
    for one, other in zip(plain[2], hooked[2], strict=True):
        np.testing.assert_array_equal(one, other)
    assert hooked[3] == plain[3]


def test_the_losses_that_layers_collected_are_still_there(x):
    model = keras.Sequential([keras.Input((8,)), layers.Dense(3, activity_regularizer="l2")])
    model(x)
    [before] = model.losses
    capture(model, x)
    [after] = model.losses
    assert after is before


def class_methods():
    attention = [layers.MultiHeadAttention, layers.GroupQueryAttention, layers.Attention]
    owners = [layers.Layer, keras.Operation, type(tf.function(lambda: None)), *attention]
    return {(owner, name): method for owner in owners for name, method in vars(owner).items() if callable(method)}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_no_method_of_a_keras_class_stays_replaced_after(x, error):
    class Broken(keras.Model):
        def __init__(self):
            super().__init__()
            self.attention = layers.MultiHeadAttention(1, 2)

        def call(self, x):
            self.attention(x[:, None], x[:, None])
            during.append(class_methods())
            if during[-1] != before:
                raise error("broken")
            return x

    during, before = [], class_methods()
    with pytest.raises(error, match="broken"):
        capture(Broken(), x)
    assert len([key for key, method in during[-1].items() if method is not before[key]]) == 7
    assert class_methods() == before


def test_another_threads_training_is_not_noticed_and_notices_nothing(x):
    """Two threads, one that trains and one that captures another model, again and again."""
    keras.utils.set_random_seed(3)
    trained_model = keras.Sequential([keras.Input((8,)), layers.Dense(4, "relu"), layers.Dense(1)])
    weights = trained_model.get_weights()

    def train(model):
        model.compile("sgd", "mse", run_eagerly=True)
        return model.fit(x, np.ones((3, 1)), epochs=30, verbose=0, shuffle=False).history["loss"]

    expected = train(trained_model)
    trained_model.set_weights(weights)
    looked_at = keras.Sequential([keras.Input((8,)), layers.Dense(2, name="d")])
    truth = looked_at.predict(x, verbose=0)
    original, found = layers.Layer.__call__, []
    thread = threading.Thread(target=lambda: found.append(train(trained_model)))
    thread.start()
    captures = 0
    while thread.is_alive() or not captures:
        maps = capture(looked_at, x)
        captures += 1
        assert list(maps) == ["d"]
        np.testing.assert_array_equal(maps["d"], truth)
    thread.join()
    assert found == [expected]
    assert layers.Layer.__call__ is original


def test_a_tap_in_each_of_two_threads_records_its_own_calls(x):
    models = [keras.Sequential([keras.Input((8,)), layers.Dense(2, name=name)]) for name in ("a", "b")]
    recorded, both_open = {}, threading.Barrier(2)

    def record(model):
        with open_tap() as tap:
            both_open.wait()
            model(x)
            both_open.wait()
            recorded[model.name] = [call.path for call in tap.calls]

    original = layers.Layer.__call__
    threads = [threading.Thread(target=record, args=(model,)) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorded == {models[0].name: ["a"], models[1].name: ["b"]}
    assert layers.Layer.__call__ is original
