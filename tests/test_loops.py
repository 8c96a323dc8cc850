"""Loops of every kind: a GradientTape, train_on_batch, a train_step of one's own, several inputs, plain inference."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tb_activations import ActivationLogger, ActivationWriter, read_atlas
from tests.test_callback import logged, small_model

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, 2, 60)


def last_units(directory, tag):
    *_, pictures = logged(directory, tag).values()
    return np.stack([read_atlas(png).values[:, 0, 0] for png in pictures[2:]])


def assert_is_what_keras_says(directory, model, layer, x):
    truth = keras.Model(model.inputs, model.get_layer(layer).output).predict(x, verbose=0)
    np.testing.assert_allclose(last_units(directory, f"{layer}/image"), truth, atol=np.ptp(truth) / 255 + 1e-6)


def test_a_gradient_tape_loop(tmp_path):
    model, optimizer = small_model(), keras.optimizers.SGD(0.1)
    loss = keras.losses.SparseCategoricalCrossentropy()
    with ActivationWriter(tmp_path) as writer:
        for step in range(4):
            with tf.GradientTape() as tape:
                value = loss(Y, model(X, training=True))
            gradients = tape.gradient(value, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            if step % 2 == 1:
                writer.log(model, X[:3], step)
    assert list(logged(tmp_path, "hidden/image")) == [1, 3]
    assert_is_what_keras_says(tmp_path, model, "hidden", X[:3])


def test_train_on_batch(tmp_path):
    model = small_model()
    with ActivationWriter(tmp_path) as writer:
        for start in (0, 20, 40):
            model.train_on_batch(X[start : start + 20], Y[start : start + 20])
            writer.log(model, X[:3], int(model.optimizer.iterations.numpy()))
    assert list(logged(tmp_path, "hidden/image")) == [1, 2, 3]
    assert_is_what_keras_says(tmp_path, model, "hidden", X[:3])


def test_a_train_step_of_ones_own(tmp_path):
    class Own(keras.Model):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = self.compute_loss(y=y, y_pred=self(x, training=True))
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            return {"loss": loss}

    inputs = keras.Input((4,), name="pixels")
    hidden = keras.layers.Dense(8, "relu", name="hidden")(inputs)
    model = Own(inputs, keras.layers.Dense(2, "softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X, Y, batch_size=20, epochs=2, verbose=0, callbacks=[ActivationLogger(tmp_path, X[:3])])
    assert list(logged(tmp_path, "hidden/image")) == [0, 3, 6]
    assert_is_what_keras_says(tmp_path, model, "hidden", X[:3])


def test_plain_inference(tmp_path):
    model = small_model()
    with ActivationWriter(tmp_path, labels=["a", "b"]) as writer:
        for number, batch in enumerate((X[:2], X[2:4])):
            writer.log(model, batch, number)
    assert list(logged(tmp_path, "hidden/image")) == [0, 1]
    assert_is_what_keras_says(tmp_path, model, "hidden", X[2:4])


@pytest.mark.parametrize("kind", [list, dict, "dataset"])
def test_a_probe_of_several_inputs(tmp_path, kind):
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    both = keras.layers.Concatenate(name="both")([left, right])
    outputs = keras.layers.Dense(2, "softmax")(keras.layers.Dense(8, name="hidden")(both))
    model = keras.Model({"left": left, "right": right} if kind is not list else [left, right], outputs)
    model.compile("adam", "sparse_categorical_crossentropy")
    data = {"left": X, "right": -X}
    x = list(data.values()) if kind is list else data
    probe = [X[:3], -X[:3]] if kind is list else {"left": X[:3], "right": -X[:3]}
    if kind == "dataset":
        probe = tf.data.Dataset.from_tensor_slices((data, Y)).batch(3)
    logger = ActivationLogger(tmp_path, probe, samples=3)
    model.fit(x, Y, batch_size=20, epochs=1, verbose=0, callbacks=[logger])
    np.testing.assert_allclose(last_units(tmp_path, "both/image")[:, :4], X[:3], atol=np.ptp(X) / 255)
    assert list(logged(tmp_path, "left/image")) == [0]
    assert list(logged(tmp_path, "right/image")) == [0]


def test_an_interrupted_training_leaves_a_log_that_reads_back(tmp_path):
    def interrupt(batch, logs):
        if batch == 1:
            raise KeyboardInterrupt

    model, logger = small_model(), ActivationLogger(tmp_path, X[:3], log_freq=1)
    with pytest.raises(KeyboardInterrupt):
        model.fit(
            X,
            Y,
            batch_size=20,
            verbose=0,
            callbacks=[logger, keras.callbacks.LambdaCallback(on_train_batch_end=interrupt)],
        )
    # What a person does who stops training in a notebook, and goes on.
    model.fit(X, Y, batch_size=20, verbose=0, callbacks=[logger])
    assert list(logged(tmp_path, "hidden/image")) == [0, 1, 2, 3, 4, 5]
