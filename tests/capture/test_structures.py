"""Structures: every way to put a model together, against Keras' own outputs."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tb_activations import capture, list_layers
from tb_activations.capture import make_probe
from tests.models import digits_cnn, truth

layers = keras.layers


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


def test_a_model_without_a_known_input_asks_for_a_sample():
    with pytest.raises(ValueError, match=r"list_layers\(model, x\[:1\]\)"):
        list_layers(Subclassed())


def test_a_listing_with_a_sample_shows_a_subclassed_model(x, capsys):
    table = list_layers(Subclassed(), x[:1])
    assert [info.path for info in table] == ["input", "block/inner", "block", "head_a", "head_b"]
    assert "block/inner" in capsys.readouterr().out
    assert repr(table) == "<LayerTable: 5 layers>"


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


def unbuilt_sequential():
    return keras.Sequential([keras.Sequential([layers.Dense(4, name="d")], name="inner"), layers.Dense(2, name="e")])


class HoldsSequential(keras.Model):
    def __init__(self):
        super().__init__()
        self.part = keras.Sequential([layers.Dense(4, name="d")], name="inner")

    def call(self, x):
        return self.part(x)


@pytest.mark.parametrize("make", [unbuilt_sequential, HoldsSequential])
def test_a_model_that_capture_builds_is_the_one_that_fit_would_have_built(x, make):
    def built(by):
        keras.utils.set_random_seed(2)
        model = make()
        model.compile(keras.optimizers.SGD(0.0), "mse")
        by(model)
        return model

    captured = built(lambda model: capture(model, x))
    # One epoch at rate 0 changes nothing.
    fitted = built(lambda model: model.fit(np.zeros((10, 8)), np.zeros((10, 1)), batch_size=4, verbose=0))
    for one, other in zip(captured.get_weights(), fitted.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    inner = captured.layers[0]
    # No number of probe samples is baked in.
    assert inner.input_shape == (None, 8)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("make", [unbuilt_sequential, HoldsSequential])
def test_an_unbuilt_models_paths_are_the_same_before_and_after(x, make):
    model = make()
    probe = make_probe(model)
    first, second = probe(x), probe(x)
    assert list(first) == list(second)
    assert list(first.inputs) == list(second.inputs)
    assert probe.traces == 1


@pytest.mark.parametrize("first", ["call", "predict", "capture"])
def test_another_number_of_samples_than_the_model_was_built_with(x, first):
    model = keras.Sequential([layers.Dense(4, name="d")])
    {"call": model, "predict": lambda x: model.predict(x, verbose=0), "capture": lambda x: capture(model, x)}[first](x)
    np.testing.assert_array_equal(capture(model, x[:2])["d"], model.predict(x[:2], verbose=0))
