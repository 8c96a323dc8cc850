"""Capture: every kind of model, against Keras' own outputs; and no trace of it afterwards."""

import random
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

from tb_activations import capture, list_layers
from tb_activations.capture import make_probe
from tb_activations.capture.tap import open_tap
from tests.models import dense_16, digits_cnn, truth

layers = keras.layers


@pytest.fixture
def x():
    return np.random.default_rng(5).normal(size=(3, 8)).astype(np.float32)


class Block(layers.Layer):
    def __init__(self, units, **options):
        super().__init__(**options)
        self.inner = layers.Dense(units, "relu", name="inner")

    def call(self, x):
        return x + self.inner(x)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.block = Block(8, name="block")
        self.heads = [layers.Dense(2, name="head_a"), layers.Dense(3, name="head_b")]

    def call(self, x, training=False):
        x = self.block(x)
        return [head(x) for head in self.heads]


def test_the_default_selection_is_what_computes_and_the_inputs_come_along():
    model, x = digits_cnn(), np.zeros((2, 28, 28, 1), np.float32)
    maps = capture(model, x)
    assert list(maps) == [layer.name for layer in model.layers if not isinstance(layer, layers.Flatten)]
    [input_info] = maps.input_layers
    assert input_info.role == "input"
    np.testing.assert_array_equal(maps.inputs[input_info.path], x)


def test_every_layer_of_a_functional_model_is_bit_for_bit_keras_own(x):
    inputs = keras.Input((8,))
    a = layers.Dense(6, "relu", name="a")(inputs)
    b = layers.BatchNormalization(name="b")(a)
    joined = layers.Concatenate(name="joined")([a, b])
    model = keras.Model(inputs, layers.Dense(2, name="out")(joined))
    maps = capture(model, x)
    assert list(maps) == ["a", "b", "joined", "out"]
    for path, values in maps.items():
        np.testing.assert_array_equal(values, truth(model, model.get_layer(path), x))


def test_facts_say_class_shape_parameters_activation_parents_and_role(x):
    inputs = keras.Input((8,), name="features")
    a = layers.Dense(6, "relu", name="a")(inputs)
    model = keras.Model(inputs, layers.Add(name="sum")([a, layers.Dense(6, name="b")(a)]))
    by_path = {info.path: info for info in list_layers(model, print_fn=str)}
    assert by_path["a"].class_name == "Dense"
    assert by_path["a"].shape == (None, 6)
    assert by_path["a"].parameters == 54
    assert by_path["a"].activation == "relu"
    assert by_path["b"].activation is None
    assert by_path["a"].parents == ("features",)
    assert set(by_path["sum"].parents) == {"a", "b"}
    assert [info.role for info in by_path.values()] == ["input", "layer", "layer", "output"]
    assert [info.index for info in by_path.values()] == [0, 1, 2, 3]


def test_a_nested_models_layers_have_paths(x):
    backbone = keras.Sequential(
        [keras.Input((8,)), layers.Dense(5, name="d1"), layers.Dense(4, name="d2")], name="backbone"
    )
    model = keras.Sequential([keras.Input((8,)), backbone, layers.Dense(2, name="head")])
    maps = capture(model, x)
    assert list(maps) == ["backbone/d1", "backbone/d2", "head"]
    np.testing.assert_array_equal(maps["backbone/d2"], backbone.predict(x, verbose=0))
    np.testing.assert_array_equal(capture(model, x, layers="backbone")["backbone"], maps["backbone/d2"])


def test_a_second_call_of_a_shared_layer_has_a_number(x):
    shared, first, second = layers.Dense(4, name="shared"), keras.Input((8,)), keras.Input((8,))
    model = keras.Model([first, second], layers.Add()([shared(first), shared(second)]))
    maps = capture(model, [x, -x], layers=["shared", "shared#1"])
    assert set(maps) == {"shared", "shared#1"}
    kernel = shared.kernel.numpy()
    values = sorted((maps["shared"], maps["shared#1"]), key=lambda v: -float(np.sum(v * (x @ kernel))))
    np.testing.assert_allclose(values[0], x @ kernel, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(values[1], -x @ kernel, rtol=1e-5, atol=1e-6)


def test_a_subclassed_models_inner_layers_and_outputs(x):
    model = Subclassed()
    maps = capture(model, x)
    assert list(maps) == ["block/inner", "block", "head_a", "head_b"]
    expected = model(x)
    np.testing.assert_allclose(maps["head_a"], expected[0], rtol=1e-6)
    np.testing.assert_allclose(maps["block"], x + maps["block/inner"], rtol=1e-6)
    assert [info.role for info in maps.layers[-2:]] == ["output", "output"]
    assert maps.layers[2].parents == ("block",)


def test_an_unbuilt_sequential_is_built_by_its_first_inputs(x):
    model = keras.Sequential([layers.Dense(4, name="one"), layers.Dense(2, name="two")])
    maps = capture(model, x)
    assert {path: values.shape for path, values in maps.items()} == {"one": (3, 4), "two": (3, 2)}
    np.testing.assert_array_equal(maps["two"], model.predict(x, verbose=0))


def test_inputs_by_name_and_outputs_by_key(x):
    image, scale = keras.Input((8,), name="image"), keras.Input((1,), name="scale")
    model = keras.Model({"image": image, "scale": scale}, {"scaled": layers.Multiply(name="scaled")([image, scale])})
    maps = capture(model, {"scale": np.full((3, 1), 2, np.float32), "image": x})
    np.testing.assert_array_equal(maps["scaled"], 2 * x)
    assert set(maps.inputs) == {"image", "scale"}
    np.testing.assert_array_equal(maps.inputs["image"], x)


def test_a_layer_with_several_outputs_has_a_path_for_each(x):
    inputs = keras.Input((4, 2))
    outputs = layers.LSTM(3, return_state=True, name="lstm")(inputs)
    maps = capture(keras.Model(inputs, outputs), x.reshape(3, 4, 2))
    assert {"lstm", "lstm:1", "lstm:2"} <= set(maps)


def test_float64_inputs_are_what_predict_makes_of_them(x):
    model = dense_16()
    wide = np.random.default_rng(0).normal(size=(2, 10))
    np.testing.assert_array_equal(
        capture(model, wide, layers="intermediate")["intermediate"], truth(model, model.get_layer("intermediate"), wide)
    )


def test_images_without_the_channel_axis_get_one():
    assert capture(digits_cnn(), np.zeros((2, 28, 28)), layers="conv_intermediate")["conv_intermediate"].shape[0] == 2


def test_inputs_that_do_not_fit_are_refused_with_both_shapes():
    with pytest.raises(ValueError, match=r"expected shape \(None, 10\).*Received: \(3, 9\)"):
        capture(dense_16(), np.zeros((3, 9)))


def test_the_wrong_number_of_inputs_is_refused():
    with pytest.raises(ValueError, match=r"takes 1 inputs.*Received: 2"):
        capture(dense_16(), [np.zeros((3, 10)), np.zeros((3, 10))])


def test_what_is_no_model_is_refused():
    with pytest.raises(TypeError, match="must be a Keras 3 model"):
        capture("model.keras", np.zeros((1, 10)))


def test_a_model_without_a_known_input_asks_for_a_sample():
    with pytest.raises(ValueError, match=r"list_layers\(model, x\[:1\]\)"):
        list_layers(Subclassed())


def test_a_listing_with_a_sample_shows_a_subclassed_model(x, capsys):
    table = list_layers(Subclassed(), x[:1])
    assert [info.path for info in table] == ["input", "block/inner", "block", "head_a", "head_b"]
    assert "block/inner" in capsys.readouterr().out
    assert repr(table) == "<LayerTable: 5 layers>"


def test_a_probe_traces_once_per_input_signature(x):
    probe = make_probe(keras.Sequential([keras.Input((8,)), layers.Dense(2)]))
    for _ in range(3):
        probe(x)
    assert probe.traces == 1
    probe(x[:1])
    assert probe.traces == 2


def test_later_logs_see_the_weights_as_they_are_then(x):
    model = keras.Sequential([keras.Input((8,)), layers.Dense(2, name="d")])
    probe = make_probe(model)
    probe(x)
    model.set_weights([w + 1 for w in model.get_weights()])
    np.testing.assert_array_equal(probe(x)["d"], model.predict(x, verbose=0))


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


def test_a_model_output_that_no_layer_made_is_captured(x):
    class Softmaxed(keras.Model):
        def __init__(self):
            super().__init__()
            self.logits = layers.Dense(4, name="logits")

        def call(self, x):
            return tf.nn.softmax(self.logits(x))

    model = Softmaxed()
    maps = capture(model, x)
    assert list(maps) == ["logits", "output"]
    np.testing.assert_array_equal(maps["output"], model(x).numpy())
    assert maps.layers[1].role == "output"
    assert maps.layers[1].parents == ("logits",)


def test_parents_are_found_through_operations_that_are_no_layers(x):
    inputs = keras.Input((8,), name="features")
    doubled = keras.ops.relu(layers.Dense(4, name="a")(inputs)) * 2
    maps = capture(keras.Model(inputs, layers.Dense(2, name="b")(doubled)), x)
    assert maps.layers[1].parents == ("a",)


@pytest.mark.parametrize("last", [layers.Dropout(0.5), layers.Identity()])
def test_an_output_that_only_hands_on_its_input_is_not_shown_twice(x, last):
    assert list(capture(keras.Sequential([keras.Input((8,)), layers.Dense(2, name="d"), last]), x)) == ["d"]


def test_a_nested_model_at_the_end_is_not_shown_twice(x):
    nested = keras.Sequential([keras.Input((8,)), layers.Dense(2, name="d")], name="nested")
    assert list(capture(keras.Sequential([keras.Input((8,)), nested]), x)) == ["nested/d"]


def test_a_layer_may_be_called_input(x):
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(4, name="input")

        def call(self, x):
            return self.dense(x)

    model = Model()
    maps = capture(model, x)
    assert list(maps) == ["input#1"]
    np.testing.assert_array_equal(maps["input#1"], model(x).numpy())


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


def test_an_index_whose_output_is_sparse_is_answered_with_the_reason(x):
    class Sparse(layers.Layer):
        def call(self, x):
            return tf.sparse.from_dense(x)

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.sparse, self.dense = Sparse(name="sparse"), layers.Dense(2, name="dense")

        def call(self, x):
            return self.dense(tf.sparse.to_dense(self.sparse(x)))

    model = Model()
    assert list(capture(model, x)) == ["dense"]
    with pytest.raises(ValueError, match=r'index 0 \("sparse"\) cannot be captured: its output is a SparseTensor'):
        capture(model, x, layers=0)


def test_layers_made_in_a_remat_scope_are_captured(x):
    with keras.RematScope(mode="full"):
        model = keras.Sequential([keras.Input((8,)), layers.Dense(4, "relu", name="d"), layers.BatchNormalization()])
    remat = layers.Layer.rematerialized_call
    # Keras' own predict raises for this model: the truth is NumPy's.
    np.testing.assert_allclose(
        capture(model, x)["d"], np.maximum(x @ model.layers[0].kernel.numpy(), 0), rtol=1e-5, atol=1e-6
    )
    assert layers.Layer.rematerialized_call is remat


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


def test_training_mode_is_on_when_asked_for(x):
    model = keras.Sequential([keras.Input((8,)), layers.Dropout(0.5, seed=1, name="drop")])
    assert np.any(capture(model, x, layers="drop", training=True)["drop"] == 0)
    np.testing.assert_array_equal(capture(model, x, layers="drop")["drop"], x)


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


def test_dictionary_keys_other_than_the_input_layers_names(x):
    image, scale = keras.Input((8,), name="image"), keras.Input((1,), name="scale")
    with pytest.warns(UserWarning, match="must match the names"):
        model = keras.Model({"a": image, "b": scale}, layers.Multiply(name="scaled")([image, scale]))
    maps = capture(model, {"b": x[:, :1], "a": x})
    assert [(info.path, info.index) for info in maps.input_layers] == [("image", 0), ("scale", 1)]
    np.testing.assert_array_equal(maps["scaled"], x * x[:, :1])


def test_inputs_may_be_plain_lists_of_numbers(x):
    model = dense_16()
    np.testing.assert_array_equal(
        capture(model, [[0.5] * 10])["intermediate"], capture(model, np.full((1, 10), 0.5))["intermediate"]
    )


def test_one_image_without_batch_and_channel_axes_gets_both():
    assert capture(digits_cnn(), np.zeros((28, 28)), layers="conv_intermediate")["conv_intermediate"].shape[0] == 1


def test_the_same_arrays_in_another_structure_are_traced_anew(x):
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(4, name="dense")

        def call(self, x):
            return self.dense(2 * x[0] if isinstance(x, (list, tuple)) else x)

    probe = make_probe(Model())
    alone, listed = probe(x)["dense"], probe([x])["dense"]
    np.testing.assert_allclose(listed, 2 * alone, rtol=1e-5, atol=1e-6)
    assert probe.traces == 2


def test_the_tap_is_gone_after_a_model_raises(x):
    class Broken(keras.Model):
        def call(self, x):
            raise RuntimeError("broken")

    original = layers.Layer.__call__
    with pytest.raises(RuntimeError, match="broken"):
        capture(Broken(), x)
    assert layers.Layer.__call__ is original


def test_another_backend_is_refused(monkeypatch, x):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ImportError, match=r"on the TensorFlow backend\. Received: 'torch'"):
        capture(dense_16(), x)


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
