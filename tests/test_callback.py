"""The Keras hook: when it logs, under which steps, and what it leaves alone."""

import datetime
import re
import warnings

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.util import tensor_util

from tb_activations import ActivationLogger, ActivationWarning, ActivationWriter, read_atlas
from tb_activations.schema import Manifest


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


def test_inputs_that_change_in_place_are_encoded_and_drawn_anew(tmp_path, data):
    probe, model = data[0][:3].copy(), small_model()
    first, second = probe.copy(), probe + 5
    with ActivationWriter(tmp_path, strict=True) as writer:
        for step, inputs in enumerate([first, first, second, first]):
            probe[:] = inputs
            writer.log(model, probe, step)
            writer.flush()
    assert list(logged(tmp_path, "pixels/image")) == [0, 2, 3]
    means = [statistics[:, 2] for statistics in logged(tmp_path, "pixels/statistics").values()]
    expected = [inputs.mean(axis=0) for inputs in (first, first, second, first)]
    np.testing.assert_allclose(means, expected, rtol=1e-5)
    assert [histogram[:, 2].sum() for histogram in logged(tmp_path, "pixels/histogram").values()] == [12] * 4


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


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"probe": np.ones((3, 9, 9))}, ValueError, r"expected shape \(None, 4\).*Received: \(3, 9, 9\)"),
        ({"layers": "hiden"}, ValueError, r'no layer matches "hiden"\. Did you mean "hidden"'),
        ({"layers": 7}, IndexError, "index 7 is out of range: model.layers has 2 layers, so expected -2 to 1"),
        ({"labels": ["a", "b"]}, ValueError, "expected one label per sample, labels has 2 entries for 3 samples"),
        ({"channels": {"hidden": 9}}, ValueError, "layer 'hidden' has 8 channels, so channels must be from -8 to 7"),
        ({"channels": {"hiden": 0}}, ValueError, 'Did you mean "hidden"'),
    ],
)
def test_what_does_not_fit_the_model_is_refused_before_the_first_epoch(tmp_path, data, options, error, words):
    x, y = data
    model, epochs = small_model(), []
    watch = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: epochs.append(epoch))
    logger = ActivationLogger(tmp_path, **{"probe": x[:3], **options})
    with pytest.raises(error, match=words):
        model.fit(x, y, epochs=1, verbose=0, callbacks=[logger, watch])
    assert epochs == []


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"probe": None}, ValueError, "probe must hold the inputs .* Received: None"),
        ({"probe": "batches"}, ValueError, "probe must be arrays.*\"batch\".*Received: probe='batches'"),
        ({"max_channels": -1}, ValueError, "max_channels must be a positive integer or None"),
        ({"samples": 0}, ValueError, "samples must be a positive integer. Received: samples=0"),
        ({"channels": "0"}, TypeError, "channels must be an index, a list of indices, a slice, or a mapping"),
        ({"channels": {"a": 1.5}}, TypeError, "channels must be .* Received: 1.5"),
        ({"channels": []}, ValueError, "channels must name at least one channel"),
        ({"input_image": 3}, TypeError, "input_image must be a function .* Received: input_image=3"),
        (
            {"probe": "batch", "labels": ["a"]},
            ValueError,
            'labels belong to fixed samples, and probe="batch" shows others',
        ),
        ({"labels": "cat"}, TypeError, "labels must hold one label per probe sample"),
        ({"class_names": "cat"}, TypeError, "class_names must be a sequence of names, or a mapping"),
        ({"class_names": {"cat": 1}}, ValueError, "class_names must have class ids, 0 and up, as its keys"),
    ],
)
def test_a_wrong_option_is_refused_by_the_constructor(tmp_path, options, error, words):
    with pytest.raises(error, match=words):
        ActivationLogger(tmp_path, **{"probe": np.ones((1, 4)), **options})


@pytest.mark.parametrize(
    ("class_names", "words"),
    [
        (
            ["cat", "dog", "owl"],
            "class_names has 3 for a model that scores 2 classes. To name only some, give a mapping",
        ),
        ({2: "owl"}, "class_names has a name for class 2, and the model scores classes 0 to 1"),
    ],
)
def test_class_names_that_do_not_fit_the_model_are_refused_before_training(tmp_path, data, class_names, words):
    x, y = data
    logger = ActivationLogger(tmp_path, probe=x[:3], class_names=class_names)
    with pytest.raises(ValueError, match=words):
        small_model().fit(x, y, epochs=1, verbose=0, callbacks=[logger])


def test_class_names_of_a_model_with_several_scores_may_be_of_any_of_them(tmp_path):
    inputs = keras.Input((4,))
    embedding = keras.layers.Dense(5)(inputs)
    model = keras.Model(inputs, [embedding, keras.layers.Dense(2)(embedding)])
    with ActivationWriter(tmp_path, strict=True, class_names=["cat", "dog"]) as writer:
        assert writer.prepare(model, np.ones((1, 4), np.float32))


@pytest.mark.parametrize("layers", [None, "hidden"])
def test_the_models_predictions_are_logged_whatever_is_selected(tmp_path, data, layers):
    x, y = data
    model = small_model()
    logger = ActivationLogger(tmp_path, probe=x[:3], layers=layers, class_names={1: "dog"})
    model.fit(x, y, epochs=1, verbose=0, callbacks=[logger])
    *_, (step, last) = logged(tmp_path, "predictions").items()
    assert step == 2
    truth = model.predict(x[:3], verbose=0)
    np.testing.assert_array_equal(last[:, 0], truth.argmax(axis=1))
    np.testing.assert_allclose(last[:, 1], truth.max(axis=1), rtol=1e-5)
    manifest = Manifest.from_json(logged(tmp_path, "manifest")[0].item())
    assert manifest.class_names == ("", "dog")
    assert manifest.prediction == {"path": "dense", "classes": 2, "activation": "softmax"} | {
        "path": model.layers[-1].name
    }


@pytest.mark.parametrize("last", [keras.layers.Softmax(), keras.layers.Activation("softmax")])
def test_a_last_layer_that_is_the_activation_makes_the_scores_shares(tmp_path, last):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), last])
    with ActivationWriter(tmp_path) as writer:
        writer.log(model, np.zeros((1, 4), np.float32), 0)
    prediction = Manifest.from_json(logged(tmp_path, "manifest")[0].item()).prediction
    assert prediction == {"path": last.name, "classes": 3, "activation": "softmax"}


def test_a_model_that_scores_no_classes_logs_no_predictions(tmp_path):
    model = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Conv2D(2, 3, name="conv")])
    with ActivationWriter(tmp_path) as writer:
        writer.log(model, np.zeros((1, 6, 6, 1), np.float32), 0)
    assert Manifest.from_json(logged(tmp_path, "manifest")[0].item()).prediction == {}


def test_training_begins_and_ends_with_one_line(tmp_path, data, capsys):
    x, y = data
    logger = ActivationLogger(tmp_path / "runs" / "exp1", probe=x[:3], log_freq=2)
    small_model().fit(x, y, epochs=1, verbose=0, callbacks=[logger])
    line, last = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        r"tb_activations: 2 layers for 3 samples, about \d+ kB per log, every 2 batches, to .*exp1.activations\. "
        r"Tracing the model took \d+\.\d s\. Watch: tensorboard --logdir .*runs",
        line,
    )
    assert re.fullmatch(
        r"tb_activations: 2 logs; \d+ kB written\. Training waited \d+\.\d\d s, [\d.]+% of its time: "
        r"\d+\.\d\d s to prepare, \d+\.\d ms per log, \d+\.\d\d s to write what was left\. "
        r"\d+\.\d\d s were spent in the background\.",
        last,
    )
    silent = ActivationLogger(tmp_path, probe=x[:3], verbose=False)
    small_model().fit(x, y, epochs=1, verbose=0, callbacks=[silent])
    assert capsys.readouterr().out == ""


def test_a_directory_that_cannot_be_made_is_said_before_the_first_epoch(tmp_path, data):
    x, y = data
    logger = ActivationLogger(tmp_path / "runs", probe=x[:3])
    (tmp_path / "runs").write_text("in the way")
    model = small_model()
    with pytest.raises(NotADirectoryError, match="log_dir must be a directory"):
        model.fit(x, y, epochs=1, verbose=0, callbacks=[logger])
    assert model.optimizer.iterations.numpy() == 0


def test_an_empty_probe_is_refused_before_the_first_epoch(tmp_path, data):
    x, y = data
    with pytest.raises(ValueError, match=r"the inputs hold no sample: .* has shape \(0, 4\)"):
        small_model().fit(x, y, verbose=0, callbacks=[ActivationLogger(tmp_path, probe=x[:0])])


def test_what_logging_cost_is_known_during_training_and_after_it(tmp_path, data):
    x, y = data
    logger = ActivationLogger(tmp_path, probe=x[:3], verbose=False)
    assert logger.stats.logs == 0
    during = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(logger.stats.logs))
    seen = []
    small_model().fit(x, y, epochs=2, verbose=0, callbacks=[logger, during])
    assert seen == [2, 3]
    assert logger.stats.logs == 3


def test_the_first_and_the_last_state_can_be_left_out(tmp_path, data):
    x, y = data
    logger = ActivationLogger(tmp_path, probe=x[:3], log_freq=2, log_ends=False)
    small_model().fit(x, y, batch_size=12, epochs=1, verbose=0, callbacks=[logger])
    assert list(logged(tmp_path, "hidden/image")) == [2, 4]


def test_a_timedelta_logs_by_the_clock(tmp_path, data):
    x, y = data
    hours, instant = datetime.timedelta(hours=1), datetime.timedelta(microseconds=1)
    for name, log_freq in [("rare", hours), ("often", instant)]:
        logger = ActivationLogger(tmp_path / name, probe=x[:3], log_freq=log_freq)
        small_model().fit(x, y, batch_size=20, epochs=1, verbose=0, callbacks=[logger])
    assert list(logged(tmp_path / "rare", "hidden/image")) == [0, 3]
    assert list(logged(tmp_path / "often", "hidden/image")) == [0, 1, 2, 3]


def test_early_stopping_ends_with_the_last_state(tmp_path, data):
    x, y = data
    stop = keras.callbacks.EarlyStopping("loss", min_delta=10.0, patience=1)
    model = small_model()
    logger = ActivationLogger(tmp_path, probe=x[:3], log_freq=100)
    model.fit(x, y, batch_size=20, epochs=9, verbose=0, callbacks=[logger, stop])
    assert list(logged(tmp_path, "hidden/image")) == [0, int(model.optimizer.iterations.numpy())]
    assert model.optimizer.iterations.numpy() < 27


def test_an_initial_epoch_and_validation_change_no_step(tmp_path, data):
    x, y = data
    logger = ActivationLogger(tmp_path, probe=x[:3])
    small_model().fit(
        x, y, batch_size=20, epochs=5, initial_epoch=3, validation_data=(x, y), verbose=0, callbacks=[logger]
    )
    assert list(logged(tmp_path, "hidden/image")) == [0, 3, 6]


@pytest.mark.parametrize(
    ("options", "starts"),
    [
        # Step → where in the data its batch of 20 begins.
        ({}, {2: 20, 4: 0, 6: 40}),
        ({"jit_compile": True}, {2: 20, 4: 0, 6: 40}),
        ({"steps_per_execution": 2}, {2: 20, 5: 20, 6: 40}),
        ({"run_eagerly": True}, {2: 20, 4: 0, 6: 40}),
    ],
)
def test_the_training_batch_as_a_probe_leaves_training_bit_identical(tmp_path, data, options, starts):
    x, y = data
    results = []
    for hooked in (False, True):
        model = small_model()
        model.compile("adam", "sparse_categorical_crossentropy", **options)
        logger = ActivationLogger(tmp_path, probe="batch", samples=3, log_freq=2)
        history = model.fit(
            x, y, batch_size=20, epochs=2, shuffle=False, verbose=0, callbacks=[logger] if hooked else []
        )
        results.append((history.history["loss"], model.get_weights()))
    assert results[0][0] == results[1][0]
    for one, other in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_array_equal(one, other)
    pictures = logged(tmp_path, "pixels/image")
    assert list(logged(tmp_path, "hidden/image")) == list(starts)
    for step, start in starts.items():
        # An input like the one before is not written again.
        if step not in pictures:
            assert step == 5
            continue
        # The last of the batch's first three samples.
        values = read_atlas(pictures[step][4]).values[:, 0, 0]
        np.testing.assert_allclose(values, x[start + 2], atol=np.ptp(x[start + 2]) / 255 / 2 + 1e-6)
    assert "train_step" not in vars(model)


def test_the_training_batch_as_a_probe_is_announced_and_checked_before_the_first_epoch(tmp_path, data, capsys):
    x, y = data
    small_model().fit(x, y, epochs=1, verbose=0, callbacks=[ActivationLogger(tmp_path, "batch", samples=3)])
    assert capsys.readouterr().out.startswith("tb_activations: 2 layers for 3 samples, about ")
    model = small_model()
    with pytest.raises(ValueError, match='Did you mean "hidden"'):
        model.fit(x, y, epochs=1, verbose=0, callbacks=[ActivationLogger(tmp_path, "batch", layers="hiden")])
    assert model.optimizer.iterations.numpy() == 0


def test_a_preprocessed_input_is_drawn_as_the_picture_it_was(tmp_path):
    rng = np.random.default_rng(0)
    photos = rng.integers(0, 256, (2, 6, 5, 3))
    model = keras.Sequential([keras.Input((6, 5, 3), name="photo"), keras.layers.Conv2D(2, 3, name="conv")])
    with ActivationWriter(tmp_path, input_image=lambda x: (x + 1) * 127.5) as writer:
        writer.log(model, (photos / 127.5 - 1).astype(np.float32), 0)
    [picture] = logged(tmp_path, "photo/image").values()
    np.testing.assert_allclose(read_atlas(picture[3]).values, np.moveaxis(photos[1], -1, 0), atol=0.51)
    [histogram] = logged(tmp_path, "photo/histogram").values()
    assert histogram[0, 0] >= -1
    assert histogram[-1, 1] <= 1


@pytest.mark.parametrize("paint", [lambda x: x[:1, :, :, :2], lambda x: 1 / 0])
def test_a_picture_that_cannot_be_drawn_is_said_and_the_input_is_drawn_itself(tmp_path, paint):
    model = keras.Sequential([keras.Input((6, 5, 3), name="photo"), keras.layers.Conv2D(2, 3, name="conv")])
    words = "drawing the inputs with input_image at step 0"
    with pytest.warns(ActivationWarning, match=words), ActivationWriter(tmp_path, input_image=paint) as writer:
        writer.log(model, np.zeros((2, 6, 5, 3), np.float32), 0)
    assert list(logged(tmp_path, "photo/image")) == [0]


def test_another_model_begins_at_its_own_first_step(tmp_path, data):
    x, y = data
    logger = ActivationLogger(tmp_path, probe=x[:3])
    small_model().fit(x, y, batch_size=20, epochs=2, verbose=0, callbacks=[logger])
    small_model().fit(x, y, batch_size=20, epochs=1, verbose=0, callbacks=[logger])
    steps = []
    for file in sorted((tmp_path / "activations").iterdir()):
        steps.append(sorted({event.step for event in EventFileLoader(str(file)).Load()}))
    # TensorBoard shows the second file's in place of the first's.
    assert steps == [[0, 3, 6], [0, 3]]


@pytest.mark.parametrize("kind", ["accumulated gradients", "an overflowing loss scale"])
def test_a_batch_that_is_no_iteration_is_no_step(tmp_path, data, kind, request):
    x, y = data
    if kind == "accumulated gradients":
        model, optimizer = small_model(), keras.optimizers.Adam(gradient_accumulation_steps=4)
    else:
        keras.config.set_dtype_policy("mixed_float16")
        request.addfinalizer(lambda: keras.config.set_dtype_policy("float32"))
        # Too large for float16 until it has been halved a few times.
        model, optimizer = small_model(), keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(), 2.0**22)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    logger = ActivationLogger(tmp_path, probe=x[:3], log_freq=1, strict=True)
    model.fit(x, y, batch_size=5, epochs=2, verbose=0, callbacks=[logger])
    iterations = int(model.optimizer.iterations.numpy())
    assert 0 < iterations < 24
    assert list(logged(tmp_path, "hidden/image")) == list(range(iterations + 1))


def test_accumulated_gradients_count_every_batch(tmp_path, data):
    x, y = data
    model = small_model()
    adam = keras.optimizers.Adam(gradient_accumulation_steps=2)
    model.compile(adam, "sparse_categorical_crossentropy", steps_per_execution=4)
    logger = ActivationLogger(tmp_path, probe=x[:3], log_freq=8)
    model.fit(x, y, batch_size=5, epochs=2, verbose=0, callbacks=[logger])
    assert list(logged(tmp_path, "hidden/image")) == [0, 4, 8, 12]


def test_a_step_that_goes_back_is_said_once_whatever_its_number(tmp_path):
    with warnings.catch_warnings(record=True) as caught, ActivationWriter(tmp_path) as writer:
        warnings.simplefilter("always")
        for step in (9, 1, 2, 3):
            writer.write({"a": np.ones((1, 2))}, step)
    [said] = [str(warning.message) for warning in caught if warning.category is ActivationWarning]
    assert "step 1 follows step 9" in said


def sequence_model():
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [keras.Input((None, 4), name="words"), keras.layers.LSTM(5, name="hidden"), keras.layers.Dense(2, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@pytest.mark.filterwarnings("ignore::tb_activations.capture.RetraceWarning")
@pytest.mark.parametrize("known", [True, False])
def test_training_batches_of_several_lengths_are_shown_and_training_stays_bit_identical(tmp_path, known):
    rng = np.random.default_rng(0)
    batches = [rng.normal(size=(4, length, 4)).astype(np.float32) for length in (3, 5, 4)]

    def data():
        for batch in batches:
            yield batch, np.array([0, 1, 0, 1])

    def dataset():
        import tensorflow as tf

        spec = (tf.TensorSpec((4, None, 4)), tf.TensorSpec((4,), tf.int64))
        return data() if known else tf.data.Dataset.from_generator(data, output_signature=spec)

    plain, hooked = sequence_model(), sequence_model()
    logger = ActivationLogger(tmp_path, probe="batch", samples=3, log_freq=1, verbose=False, strict=True)
    without = plain.fit(dataset(), verbose=0)
    assert hooked.fit(dataset(), verbose=0, callbacks=[logger]).history["loss"] == without.history["loss"]
    pictures = logged(tmp_path, "words/image")
    assert [int(picture[1]) for picture in pictures.values()] == [3, 5, 4]
    for one, other in zip(plain.get_weights(), hooked.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_training_batch_that_cannot_be_noted_is_said_and_training_goes_on(tmp_path):
    import tensorflow as tf

    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,), sparse=True), keras.layers.Dense(2, name="hidden")])
    model.compile("sgd", "mse")
    sparse = tf.sparse.from_dense(np.eye(4, dtype=np.float32))
    dataset = tf.data.Dataset.from_tensors((sparse, np.zeros((4, 2), np.float32)))
    logger = ActivationLogger(tmp_path, probe="batch")
    with pytest.warns(
        ActivationWarning, match=r'at step 1 .*probe="batch" needs dense inputs\. Received: SparseTensor'
    ):
        model.fit(dataset, verbose=0, callbacks=[logger])
    assert int(model.optimizer.iterations.numpy()) == 1


def test_a_train_step_put_on_the_model_is_still_there_afterwards(tmp_path, data):
    x, y = data
    model = small_model()
    original = model.train_step
    mine = lambda batch: original(batch)  # noqa: E731
    model.train_step = mine
    model.fit(x, y, batch_size=20, verbose=0, callbacks=[ActivationLogger(tmp_path, probe="batch")])
    assert model.train_step is mine


def test_an_interrupted_fit_is_ended_with_its_own_model(tmp_path, data):
    def interrupt(batch, logs):
        if batch == 1:
            raise KeyboardInterrupt

    x, y = data
    logger = ActivationLogger(tmp_path, probe=x[:3], log_freq=100)
    first, second = small_model(), small_model()
    stop = keras.callbacks.LambdaCallback(on_train_batch_end=interrupt)
    with pytest.raises(KeyboardInterrupt):
        first.fit(x, y, batch_size=20, verbose=0, callbacks=[logger, stop])
    truth = first.predict(x[:3], verbose=0).max(axis=1)
    second.fit(x, y, batch_size=60, verbose=0, callbacks=[logger])
    at_two = logged(tmp_path, "predictions")[2]
    np.testing.assert_allclose(at_two[:, 1], truth, rtol=1e-5)
