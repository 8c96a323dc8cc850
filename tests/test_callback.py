"""The Keras hook: when it logs, under which steps, and what it leaves alone."""

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

from tb_activations import ActivationLogger, ActivationWarning, read_atlas


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 4)).astype(np.float32), rng.integers(0, 2, 60)


def small_model():
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((4,), name="pixels"),
            keras.layers.Dense(8, "relu", name="hidden"),
            keras.layers.Dense(2, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def logged(directory, tag):
    accumulator = EventAccumulator(str(directory / "activations"), size_guidance={"tensors": 0})
    accumulator.Reload()
    return {event.step: tensor_util.make_ndarray(event.tensor_proto) for event in accumulator.Tensors(tag)}


def test_an_epoch_ends_with_a_log_and_training_begins_with_one(tmp_path, data):
    x, y = data
    small_model().fit(x, y, batch_size=20, epochs=2, verbose=0, callbacks=[ActivationLogger(tmp_path, probe=x[:3])])
    assert list(logged(tmp_path, "hidden/image")) == [0, 3, 6]


def test_an_integer_logs_every_so_many_batches_across_epochs(tmp_path, data):
    x, y = data
    logger = ActivationLogger(tmp_path, probe=x[:3], log_freq=4)
    small_model().fit(x, y, batch_size=10, epochs=2, verbose=0, callbacks=[logger])
    assert list(logged(tmp_path, "hidden/image")) == [0, 4, 8, 12]


def test_the_logged_values_are_the_trained_models(tmp_path, data):
    x, y = data
    model = small_model()
    model.fit(x, y, epochs=1, verbose=0, callbacks=[ActivationLogger(tmp_path, probe=x[:3])])
    truth = keras.Model(model.inputs, model.get_layer("hidden").output).predict(x[:3], verbose=0)
    *_, pictures = logged(tmp_path, "hidden/image").values()
    for png, expected in zip(pictures[2:], truth, strict=True):
        np.testing.assert_allclose(read_atlas(png).values[:, 0, 0], expected, atol=np.ptp(expected) / 255 / 2 + 1e-6)


def test_the_unchanging_inputs_are_written_once(tmp_path, data):
    x, y = data
    model = small_model()
    model.fit(x, y, epochs=3, verbose=0, callbacks=[ActivationLogger(tmp_path, probe=x[:3])])
    assert list(logged(tmp_path, "pixels/image")) == [0]


def test_training_is_bit_identical_with_and_without_the_hook(tmp_path, data):
    x, y = data
    plain, hooked = small_model(), small_model()
    without = plain.fit(x, y, epochs=2, verbose=0)
    keras.utils.set_random_seed(1)
    hooked = small_model()
    with_hook = hooked.fit(x, y, epochs=2, verbose=0, callbacks=[ActivationLogger(tmp_path, probe=x[:3])])
    keras.utils.set_random_seed(1)
    assert without.history["loss"] == small_model().fit(x, y, epochs=2, verbose=0).history["loss"]
    assert with_hook.history["loss"] == without.history["loss"]
    for one, other in zip(plain.get_weights(), hooked.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_steps_per_execution_counts_every_batch(tmp_path, data):
    x, y = data
    model = small_model()
    model.compile("adam", "sparse_categorical_crossentropy", steps_per_execution=2)
    logger = ActivationLogger(tmp_path, probe=x[:3], log_freq=2)
    model.fit(x, y, batch_size=10, epochs=1, verbose=0, callbacks=[logger])
    assert list(logged(tmp_path, "hidden/image")) == [0, 2, 4, 6]


def test_a_train_step_with_an_optimizer_of_its_own_is_counted_in_batches(tmp_path, data):
    class Own(keras.Sequential):
        def train_step(self, batch):
            return {"loss": keras.ops.sum(batch[0])}

    x, y = data
    model = Own([keras.Input((4,)), keras.layers.Dense(8, name="hidden")])
    model.compile()
    model.fit(x, y, batch_size=20, epochs=2, verbose=0, callbacks=[ActivationLogger(tmp_path, probe=x[:3])])
    assert list(logged(tmp_path, "hidden/image")) == [0, 3, 6]


def test_a_second_fit_goes_on_in_the_same_run(tmp_path, data):
    x, y = data
    model, logger = small_model(), ActivationLogger(tmp_path, probe=x[:3])
    for _ in range(2):
        model.fit(x, y, batch_size=20, epochs=1, verbose=0, callbacks=[logger])
    assert list(logged(tmp_path, "hidden/image")) == [0, 3, 6]


def test_a_probe_of_the_wrong_shape_warns_and_training_goes_on(tmp_path, data):
    x, y = data
    with pytest.warns(ActivationWarning, match="capturing activations"):
        history = small_model().fit(
            x, y, epochs=1, verbose=0, callbacks=[ActivationLogger(tmp_path, probe=np.ones((3, 9, 9)))]
        )
    assert len(history.history["loss"]) == 1


def test_strict_raises_instead(tmp_path, data):
    x, y = data
    logger = ActivationLogger(tmp_path, probe=x[:3], layers="hiden", strict=True)
    with pytest.raises(ValueError, match='Did you mean "hidden"'):
        small_model().fit(x, y, epochs=1, verbose=0, callbacks=[logger])


@pytest.mark.parametrize("log_freq", [0, -1, "batch", 1.5, True, None])
def test_a_wrong_log_freq_is_refused_by_the_constructor(tmp_path, log_freq):
    with pytest.raises(ValueError, match="log_freq must be"):
        ActivationLogger(tmp_path, probe=np.ones((1, 4)), log_freq=log_freq)


def test_a_missing_probe_is_refused_by_the_constructor(tmp_path):
    with pytest.raises(ValueError, match="probe must hold the inputs"):
        ActivationLogger(tmp_path, probe=None)


def test_writer_options_are_checked_by_the_constructor(tmp_path):
    with pytest.raises(ValueError, match="max_channels"):
        ActivationLogger(tmp_path, probe=np.ones((1, 4)), max_channels=-1)
