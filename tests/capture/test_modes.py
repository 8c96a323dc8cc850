"""Ways to run a model: precisions, quantisation, compile options, strategies, training mode."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from tb_activations import capture, list_layers
from tb_activations.capture import make_probe
from tests.capture.models import assert_same, notes, truth_of_layers
from tests.models import dense_16

layers = keras.layers


def test_what_is_no_model_is_refused():
    with pytest.raises(TypeError, match="must be a Keras 3 model"):
        capture("model.keras", np.zeros((1, 10)))


def test_layers_made_in_a_remat_scope_are_captured(x):
    with keras.RematScope(mode="full"):
        model = keras.Sequential([keras.Input((8,)), layers.Dense(4, "relu", name="d"), layers.BatchNormalization()])
    remat = layers.Layer.rematerialized_call
    # Keras' own predict raises for this model: the truth is NumPy's.
    np.testing.assert_allclose(
        capture(model, x)["d"], np.maximum(x @ model.layers[0].kernel.numpy(), 0), rtol=1e-5, atol=1e-6
    )
    assert layers.Layer.rematerialized_call is remat


def test_training_mode_is_on_when_asked_for(x):
    model = keras.Sequential([keras.Input((8,)), layers.Dropout(0.5, seed=1, name="drop")])
    assert np.any(capture(model, x, layers="drop", training=True)["drop"] == 0)
    np.testing.assert_array_equal(capture(model, x, layers="drop")["drop"], x)


def test_another_backend_is_refused(monkeypatch, x):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ImportError, match=r"on the TensorFlow backend\. Received: 'torch'"):
        capture(dense_16(), x)


def small_cnn():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, activation="relu", name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.DepthwiseConv2D(3, name="depthwise"),
            layers.GlobalAveragePooling2D(name="pool"),
            layers.Dense(5, "gelu", name="dense"),
            layers.Dense(2, "softmax", dtype="float32", name="probabilities"),
        ]
    )


@pytest.fixture
def images():
    return np.random.default_rng(6).normal(size=(2, 8, 8, 3)).astype(np.float32)


@pytest.fixture
def policy():
    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)


def assert_all_layers_are_keras_own(model, inputs):
    maps = capture(model, inputs)
    assert list(maps) == [layer.name for layer in model.layers]
    for path, expected in truth_of_layers(model, model.layers, inputs).items():
        assert_same(maps[path], expected)


@pytest.mark.parametrize("name", ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float32", "float64"])
def test_every_precision(images, policy, name):
    policy(name)
    model = small_cnn()
    model.compile("sgd", "mse")
    assert_all_layers_are_keras_own(model, images)
    maps = capture(model, images)
    expected = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}.get(name, name)
    assert maps["conv"].dtype.name == expected
    assert maps["probabilities"].dtype == np.float32
    assert {info.path: info.dtype for info in maps.layers}["dense"] == expected


def test_a_model_compiled_with_xla(images):
    model = small_cnn()
    model.compile("sgd", "mse", jit_compile=True)
    model.fit(images, np.zeros((2, 2)), verbose=0)
    assert_all_layers_are_keras_own(model, images)


def test_a_model_loaded_from_a_file(images, tmp_path):
    model = small_cnn()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_all_layers_are_keras_own(loaded, images)
    for path, values in capture(model, images).items():
        assert_same(capture(loaded, images)[path], values)


@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
def test_a_quantised_model(x, mode):
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(6, "relu", name="a"),
            layers.LayerNormalization(name="n"),
            layers.Dense(2, name="b"),
        ]
    )
    model.quantize(mode, filters=lambda layer: isinstance(layer, layers.Dense))
    assert model.layers[0].quantization_mode == mode
    assert_all_layers_are_keras_own(model, x)
    with notes(*model.layers) as expected:
        model(x)
    for path, values in capture(model, x).items():
        np.testing.assert_allclose(values, expected[path][0], rtol=1e-5, atol=1e-6)


class Eager(keras.Model):
    """Needs values, not symbols."""

    def __init__(self):
        super().__init__()
        self.small, self.large = layers.Dense(3, name="small"), layers.Dense(4, name="large")
        self.noise = keras.random.SeedGenerator(1)
        self.norm = layers.BatchNormalization(name="norm")

    def call(self, x, training=False):
        x = x + keras.random.normal((8,), seed=self.noise) * 0
        branch = self.small if float(np.mean(x.numpy())) < 0 else self.large
        return self.norm(branch(x), training=training)


def test_a_model_run_eagerly_may_look_at_values(x):
    model = Eager()
    model.compile("sgd", "mse", run_eagerly=True)
    probe = make_probe(model)
    for inputs, path in ((x - 10, "small"), (x + 10, "large")):
        fresh = Eager()
        fresh.compile("sgd", "mse", run_eagerly=True)
        maps = make_probe(fresh)(inputs)
        assert list(maps) == [path, "norm"]
        with notes(fresh.small, fresh.large, fresh.norm) as expected:
            fresh(inputs)
        for name, values in maps.items():
            assert_same(values, expected[name][0])
    probe(x)
    assert probe.traces == 0


@pytest.mark.parametrize("training", [False, True])
def test_an_eager_run_leaves_seeds_and_statistics_as_they_were(x, training):
    model = Eager()
    model.compile("sgd", "mse", run_eagerly=True)
    model(x)
    before = [variable.numpy().copy() for variable in model.variables]
    capture(model, x, training=training)
    for old, new in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, new.numpy())


def test_a_listing_of_a_model_run_eagerly(x):
    model = Eager()
    model.compile("sgd", "mse", run_eagerly=True)
    assert [info.path for info in list_layers(model, x - 10, print_fn=str)] == ["input", "small", "norm"]


def test_an_eager_run_and_a_traced_one_agree(images):
    model = small_cnn()
    model.compile("sgd", "mse")
    traced = capture(model, images)
    model.compile("sgd", "mse", run_eagerly=True)
    eager = capture(model, images)
    with notes(*model.layers) as expected:
        model(images)
    assert [(info.path, info.shape, info.index) for info in eager.layers] == [
        (info.path, info.shape, info.index) for info in traced.layers
    ]
    for path, values in eager.items():
        assert_same(values, expected[path][0])
        np.testing.assert_allclose(values, traced[path], rtol=1e-4, atol=1e-5)


def test_preprocessing_and_augmentation_layers(images):
    normalize = layers.Normalization(name="normalize")
    normalize.adapt(images)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Rescaling(2.0, 1, name="rescale"),
            normalize,
            layers.RandomFlip(name="flip"),
            layers.RandomRotation(0.2, name="rotate"),
            layers.RandomContrast(0.5, name="contrast"),
            layers.Resizing(6, 6, name="resize"),
            layers.CenterCrop(4, 4, name="crop"),
        ]
    )
    assert_all_layers_are_keras_own(model, images)
    seeds = [variable.numpy().copy() for variable in model.variables]
    augmented = capture(model, images, training=True)["rotate"]
    assert not np.array_equal(augmented, capture(model, images)["rotate"])
    # The stream was put back, so that the same picture comes again.
    assert_same(capture(model, images, training=True)["rotate"], augmented)
    for before, after in zip(seeds, model.variables, strict=True):
        np.testing.assert_array_equal(before, after.numpy())


MIRRORED = """
import numpy as np, tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
import keras
from tb_activations import ActivationLogger, capture

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
with strategy.scope():
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(4, "relu", name="a"),
            keras.layers.BatchNormalization(name="n"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(1, name="b"),
        ]
    )
    model.compile("sgd", "mse")
x = np.random.default_rng(0).normal(size=(8, 8)).astype(np.float32)
captured = []


class Look(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        captured.append(capture(model, x[:2], training=True))


model.fit(x, np.ones((8, 1)), batch_size=4, epochs=1, verbose=0, callbacks=[Look()])
assert len(captured) == 2
state = [v.numpy() for v in model.variables]
maps = capture(model, x)
for before, after in zip(state, model.variables, strict=True):
    np.testing.assert_array_equal(before, after.numpy())
plain = keras.models.clone_model(model)
plain.set_weights(model.get_weights())
for name in ("a", "n", "b"):
    truth = keras.Model(plain.inputs, plain.get_layer(name).output)(x).numpy()
    np.testing.assert_allclose(maps[name], truth, rtol=1e-5, atol=1e-6)
print("as Keras says")
"""


def test_a_model_mirrored_on_two_devices():
    done = subprocess.run([sys.executable, "-c", MIRRORED], capture_output=True, text=True, timeout=240)
    assert "as Keras says" in done.stdout, done.stderr[-3000:]
