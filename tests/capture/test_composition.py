"""Structures: operations, branches, nesting, and models as people write them in classes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tb_activations import capture
from tests.capture.models import assert_same, leaves, notes, truth_of_layers

layers = keras.layers


def test_operators_and_keras_ops_are_outputs_of_their_own(x):
    inputs = keras.Input((8,))
    a, b = layers.Dense(4, name="a")(inputs), layers.Dense(4, name="b")(inputs)
    total = a + 2 * b
    softmax = keras.ops.softmax(total)
    model = keras.Model(inputs, layers.Dense(2, name="out")(softmax[:, 1:]))
    maps = capture(model, x)
    operations = [op for op in model.operations if not isinstance(op, layers.Layer)]
    assert {op.name for op in operations} <= set(maps)
    assert len(operations) == 4
    for path, expected in truth_of_layers(model, [op for op in model.operations if op.name in maps], x).items():
        assert_same(maps[path], expected)
    info = next(info for info in maps.layers if info.class_name == "Softmax")
    assert (info.index, info.parameters, info.parents) == (None, 0, (total._keras_history.operation.name,))


def test_lambda_layers(x):
    model = keras.Sequential([keras.Input((8,)), layers.Lambda(lambda v: v[:, ::2] ** 2, name="square")])
    assert_same(capture(model, x)["square"], x[:, ::2] ** 2)


def test_a_residual_network_with_branches(x):
    inputs = keras.Input((8,))
    a = layers.Dense(8, "relu", name="a")(inputs)
    skip = layers.Add(name="skip")([inputs, layers.Dense(8, name="b")(a)])
    left, right = layers.Dense(3, name="left")(skip), layers.LayerNormalization(name="right")(skip)
    model = keras.Model(inputs, [left, layers.Concatenate(name="joined")([right, a])])
    maps = capture(model, x)
    for path, expected in truth_of_layers(model, model.layers[1:], x).items():
        assert_same(maps[path], expected)
    parents = {info.path: set(info.parents) for info in maps.layers}
    assert parents["skip"] == {model.layers[0].name, "b"}
    assert parents["joined"] == {"right", "a"}


def test_models_nested_three_deep(x):
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(5, "tanh", name="dense")], name="inner")
    middle_in = keras.Input((7,))
    middle = keras.Model(middle_in, inner(layers.Dense(6, name="dense")(middle_in)), name="middle")
    outer = keras.Sequential([keras.Input((8,)), layers.Dense(7, name="dense"), middle], name="outer")
    maps = capture(outer, x)
    assert list(maps) == ["dense", "middle/dense", "middle/inner/dense"]
    step = x
    for path, layer in zip(maps, [outer.layers[0], middle.layers[1], inner.layers[0]], strict=True):
        step = keras.Sequential([keras.Input(step.shape[1:]), layer]).predict(step, verbose=0)
        assert_same(maps[path], step)


def test_a_frozen_backbone_in_a_sequential_model():
    backbone = keras.applications.MobileNetV2(
        input_shape=(32, 32, 3), alpha=0.35, include_top=False, pooling="avg", weights=None, name="backbone"
    )
    backbone.trainable = False
    model = keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 255), backbone, layers.Dense(2)])
    images = np.random.default_rng(1).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    maps = capture(model, images)
    scaled = truth_of_layers(model, model.layers[:1], images)[model.layers[0].name]
    inside = [layer for layer in backbone.layers if f"backbone/{layer.name}" in maps]
    assert len(inside) > 100
    for name, expected in truth_of_layers(backbone, inside, scaled).items():
        assert_same(maps[f"backbone/{name}"], expected)
    assert_same(maps[model.layers[-1].name], model.predict(images, verbose=0))


def test_the_same_model_called_twice(x):
    twin = keras.Sequential(
        [keras.Input((8,)), layers.Dense(5, "relu", name="d"), layers.Dense(4, name="e")], name="twin"
    )
    first, second = keras.Input((8,)), keras.Input((8,))
    maps = capture(keras.Model([first, second], layers.Subtract()([twin(first), twin(second)])), [x, -x])
    prefixes = {tuple(path.split("/")) for path in maps if "twin" in path}
    assert prefixes == {("twin", "d"), ("twin", "e"), ("twin#1", "d"), ("twin#1", "e")}
    truths = [truth_of_layers(twin, twin.layers, v) for v in (x, -x)]
    # The graph's own order decides which of two independent calls comes first.
    if not np.array_equal(maps["twin/d"], truths[0]["d"]):
        truths.reverse()
    for prefix, expected in zip(("twin", "twin#1"), truths, strict=True):
        assert_same(maps[f"{prefix}/d"], expected["d"])
        assert_same(maps[f"{prefix}/e"], expected["e"])


def test_layers_kept_as_attributes_in_lists_and_in_dictionaries(x):
    class Kept(keras.Model):
        def __init__(self):
            super().__init__()
            self.stem = layers.Dense(6, name="stem")
            self.blocks = [layers.Dense(6, "relu", name=f"block_{i}") for i in range(2)]
            self.heads = {"a": layers.Dense(2, name="head_a"), "b": layers.Dense(3, name="head_b")}

        def call(self, x):
            x = self.stem(x)
            for block in self.blocks:
                x = x + block(x)
            return {name: head(x) for name, head in self.heads.items()}

    model = Kept()
    model.predict(x, verbose=0)
    maps = capture(model, x)
    with notes(*leaves(model)) as expected:
        model(x)
    assert list(maps) == ["stem", "block_0", "block_1", "head_a", "head_b"]
    for path, values in maps.items():
        assert_same(values, expected[path][0])
    assert [info.path for info in maps.layers if info.role == "output"] == ["head_a", "head_b"]


def test_layers_that_return_tuples_and_dictionaries_and_take_lists(x):
    class Split(layers.Layer):
        def call(self, x):
            return x[:, :3], x[:, 3:]

    class Mix(layers.Layer):
        def call(self, pair):
            return {"sum": pair[0] + pair[1][:, :3], "more": [pair[0] * 2, pair[1] * 3]}

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.split, self.mix = Split(name="split"), Mix(name="mix")

        def call(self, x):
            return self.mix(self.split(x))["sum"]

    maps = capture(Model(), x)
    left, right = x[:, :3], x[:, 3:]
    expected = {"split": left, "split:1": right, "mix:more:0": left * 2, "mix:more:1": right * 3}
    assert set(maps) == {*expected, "mix:sum"}
    assert_same(maps["mix:sum"], left + right[:, :3])
    for path, values in expected.items():
        assert_same(maps[path], values)


def test_a_layer_that_returns_nothing_is_no_output(x):
    class Silent(layers.Layer):
        def call(self, x):
            return None

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.silent, self.dense = Silent(name="silent"), layers.Dense(2, name="dense")

        def call(self, x):
            self.silent(x)
            return self.dense(x)

    assert list(capture(Model(), x)) == ["dense"]


def test_keyword_only_inputs_masks_and_training_arguments(x):
    class Gate(layers.Layer):
        supports_masking = True

        def call(self, x, *, gate, scale=1.0, training=None, x_mask=None):
            x = x * gate * scale
            if x_mask is not None:
                x = x * keras.ops.cast(x_mask, x.dtype)[..., None]
            return x + 1 if training else x

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.embed = layers.Embedding(9, 4, mask_zero=True, name="embed")
            self.gate = Gate(name="gate")

        def call(self, tokens, training=None):
            hidden = self.embed(tokens)
            return self.gate(hidden, gate=keras.ops.sigmoid(hidden), scale=0.5)

    tokens = np.array([[1, 2, 0], [3, 0, 0]], np.int32)
    model = Model()
    model.predict(tokens, verbose=0)
    maps, in_training = capture(model, tokens), capture(model, tokens, training=True)
    with notes(*leaves(model)) as expected:
        model(tokens)
        model(tokens, training=True)
    assert np.all(maps["gate"][tokens == 0] == 0)
    np.testing.assert_allclose(maps["gate"], expected["gate"][0], rtol=1e-6)
    np.testing.assert_allclose(in_training["gate"], expected["gate"][1], rtol=1e-6)


def test_two_layers_of_one_name_in_a_subclassed_model(x):
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.one, self.two = layers.Dense(3, name="d"), layers.Dense(4, name="d")

        def call(self, x):
            return self.two(self.one(x))

    model = Model()
    maps = capture(model, x)
    assert [(info.path, info.index) for info in maps.layers] == [("d", 0), ("d#1", 1)]
    assert_same(maps["d#1"], model.predict(x, verbose=0))
    assert list(capture(model, x, layers=1)) == ["d#1"]


def test_sequential_models_in_one_with_the_same_layer_names(x):
    parts = [keras.Sequential([layers.Dense(4, name="dense"), layers.ReLU(name="relu")], name=n) for n in ("p", "q")]
    model = keras.Sequential(parts)
    maps = capture(model, x)
    assert list(maps) == ["p/dense", "p/relu", "q/dense", "q/relu"]
    middle = parts[0].predict(x, verbose=0)
    assert_same(maps["p/relu"], middle)
    assert_same(maps["q/relu"], parts[1].predict(middle, verbose=0))


def test_an_input_that_nothing_uses(x):
    used, unused = keras.Input((8,), name="used"), keras.Input((2,), name="unused")
    model = keras.Model([used, unused], layers.Dense(2, name="d")(used))
    maps = capture(model, [x, x[:, :2]])
    assert list(maps.inputs) == ["used", "unused"]
    assert_same(maps["d"], model.predict([x, x[:, :2]], verbose=0))


def test_a_layer_that_the_call_leaves_out_is_listed_with_the_reason(x):
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.used, self.spare = layers.Dense(2, name="used"), layers.Dense(2, name="spare")
            self.spare.build((None, 8))

        def call(self, x):
            return self.used(x)

    model = Model()
    maps = capture(model, x)
    assert list(maps.skipped) == ["spare"]
    with pytest.raises(ValueError, match=r'index 1 \("spare"\) cannot be captured: it was not called'):
        capture(model, x, layers=1)


class Compiled(layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.low, self.high = layers.Dense(3, name="low"), layers.Dense(3, name="high")

    def build(self, shape):
        self.low.build(shape)
        self.high.build(shape)

    @tf.function
    def call(self, x, training=None):
        return self.high(x) + self.low(x)


class NeedsAutoGraph(Compiled):
    @tf.function
    def call(self, x, training=None):
        low = self.low(x)
        if tf.reduce_sum(x) > 1e6:
            low = self.high(x)
        return low


def test_layers_inside_a_tf_function_are_seen(x):
    model = keras.Sequential([keras.Input((8,)), Compiled(name="compiled")])
    expected = model.predict(x, verbose=0)
    maps = capture(model, x)
    assert list(maps) == ["compiled/high", "compiled/low", "compiled"]
    assert_same(maps["compiled"], expected)
    alone = keras.Sequential([keras.Input((8,)), model.layers[0].low])
    assert_same(maps["compiled/low"], alone.predict(x, verbose=0))


def test_layers_inside_a_tf_function_that_needs_autograph_are_listed_with_the_reason(x):
    model = keras.Sequential([keras.Input((8,)), NeedsAutoGraph(name="compiled")])
    expected = model.predict(x, verbose=0)
    maps = capture(model, x)
    assert list(maps) == ["compiled"]
    assert_same(maps["compiled"], expected)
    assert set(maps.skipped) == {"compiled/low", "compiled/high"}


def test_a_whole_model_whose_call_is_a_tf_function(x):
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3, name="dense")
            self.part = keras.Sequential([layers.Dense(2, name="head")], name="part")

        @tf.function(reduce_retracing=True)
        def call(self, x):
            return self.part(self.dense(x))

    model = Model()
    expected = model.predict(x, verbose=0)
    maps = capture(model, x)
    assert list(maps) == ["dense", "part/head"]
    assert_same(maps["part/head"], expected)
    assert maps.skipped == {}


def test_a_model_that_can_only_be_trained_names_its_parts(x):
    class Gan(keras.Model):
        def __init__(self):
            super().__init__()
            self.generator = keras.Sequential([layers.Dense(2)], name="generator")
            self.discriminator = keras.Sequential([layers.Dense(1)], name="discriminator")

        def train_step(self, batch):
            return {}

    model = Gan()
    with pytest.raises(ValueError, match=r"Gan 'gan' has no call\(\).*parts: generator, discriminator"):
        capture(model, x)
    assert capture(model.generator, x)[model.generator.layers[0].name].shape == (3, 2)
