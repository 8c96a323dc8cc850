"""Inputs: every form that a model takes, and what is said about those that do not fit."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tb_activations import capture
from tests.capture.models import assert_same
from tests.models import dense_16, digits_cnn, truth

layers = keras.layers


def test_inputs_by_name_and_outputs_by_key(x):
    image, scale = keras.Input((8,), name="image"), keras.Input((1,), name="scale")
    model = keras.Model({"image": image, "scale": scale}, {"scaled": layers.Multiply(name="scaled")([image, scale])})
    maps = capture(model, {"scale": np.full((3, 1), 2, np.float32), "image": x})
    np.testing.assert_array_equal(maps["scaled"], 2 * x)
    assert set(maps.inputs) == {"image", "scale"}
    np.testing.assert_array_equal(maps.inputs["image"], x)


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


def text_model(**options):
    vectors = layers.TextVectorization(max_tokens=9, output_sequence_length=4, name="vectors", **options)
    vectors.adapt(["one two three", "two three"])
    return keras.Sequential([keras.Input((), dtype="string"), vectors, layers.Embedding(9, 3, name="embed")])


@pytest.mark.parametrize(
    "texts",
    [["two one", "three"], ("two one", "three"), np.array(["two one", "three"]), tf.constant(["two one", "three"])],
    ids=["list", "tuple", "array", "tensor"],
)
def test_texts_are_inputs_too(texts):
    model = text_model()
    words = model.layers[0](tf.constant(["two one", "three"])).numpy()
    maps = capture(model, texts)
    assert_same(maps["vectors"], words)
    assert_same(maps["embed"], model.layers[1](words).numpy())
    # A text is no picture: it stays among the inputs, and is said to be skipped.
    assert maps.input_layers == ()
    [(path, reason)] = maps.skipped.items()
    assert "string, not numbers" in reason
    assert list(maps.inputs) == [path]


def test_a_sparse_input(x):
    model = keras.Sequential([keras.Input((8,), sparse=True, name="s"), layers.Dense(3, name="d")])
    dense = np.maximum(x, 0)
    maps = capture(model, tf.sparse.from_dense(dense))
    np.testing.assert_allclose(maps["d"], model.layers[0](dense).numpy(), rtol=1e-5, atol=1e-6)
    assert_same(next(iter(maps.inputs.values())), dense)


def test_a_ragged_input():
    inputs = keras.Input((None,), ragged=True, dtype="int32", name="words")
    model = keras.Model(inputs, layers.Embedding(9, 3, name="embed")(inputs))
    maps = capture(model, tf.ragged.constant([[1, 2], [3]], tf.int32))
    table = model.layers[1].embeddings.numpy()
    assert_same(maps["embed"][0], table[[1, 2]])
    assert_same(maps["embed"][1, :1], table[[3]])
    assert np.isnan(maps["embed"][1, 1:]).all()
    assert_same(maps.inputs["words"], np.array([[1, 2], [3, 0]], np.int32))


class Add(layers.Layer):
    def call(self, a, b=None):
        return a if b is None else a + b

    def compute_output_shape(self, a_shape, b_shape=None):
        return a_shape


def test_an_optional_input_may_be_none(x):
    a, b = keras.Input((8,), name="a"), keras.Input((8,), optional=True, name="b")
    model = keras.Model({"a": a, "b": b}, Add(name="sum")(a, b))
    assert_same(capture(model, {"a": x, "b": None})["sum"], x)
    assert_same(capture(model, {"a": x, "b": x})["sum"], x + x)


def test_none_for_an_input_that_is_not_optional_is_refused(x):
    a, b = keras.Input((8,), name="a"), keras.Input((8,), name="b")
    model = keras.Model([a, b], layers.Add()([a, b]))
    with pytest.raises(TypeError, match=r"input 'b' is not optional\. Received: None"):
        capture(model, [x, None])


def test_a_subclassed_models_dictionary_of_inputs_with_none(x):
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2, name="dense")

        def call(self, inputs, training=False):
            mask = inputs["mask"]
            return self.dense(inputs["x"] if mask is None else inputs["x"] * mask)

    model = Model()
    maps = capture(model, {"x": x, "mask": None})
    assert list(maps.inputs) == ["input:x"]
    assert_same(maps["dense"], model.dense(x).numpy())
    doubled = capture(model, {"x": x, "mask": np.full((3, 1), 2, np.float32)})
    assert_same(doubled["dense"], model.dense(2 * x).numpy())


def test_bytes_of_images_are_rescaled_as_in_predict():
    model = keras.Sequential(
        [keras.Input((4, 4, 3)), layers.Rescaling(1 / 255, name="scale"), layers.Conv2D(2, 3, name="conv")]
    )
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype(np.uint8)
    maps = capture(model, images)
    assert_same(maps["scale"], truth(model, model.layers[0], images))
    assert_same(maps["conv"], truth(model, model.layers[1], images))
    assert next(iter(maps.inputs.values())).dtype == np.uint8


def test_what_is_no_array_is_refused():
    with pytest.raises(TypeError, match=r"inputs must be arrays of numbers or text\. Received: None"):
        capture(keras.Sequential([layers.Dense(2)]), None)


def test_each_of_several_inputs_may_be_a_plain_list(x):
    a, b = keras.Input((8,), name="a"), keras.Input((8,), name="b")
    model = keras.Model([a, b], layers.Subtract(name="difference")([a, b]))
    for first, second in ((x.tolist(), x[::-1].tolist()), (x, x[::-1].tolist()), (tf.constant(x), x[::-1])):
        assert_same(capture(model, [first, second])["difference"], x - x[::-1])


def test_a_subclassed_model_gets_the_tuple_it_is_called_with(x):
    class Model(keras.Model):
        def call(self, inputs):
            assert isinstance(inputs, tuple)
            return inputs[0] - inputs[1]

    assert_same(capture(Model(), (x, x[::-1]))["output"], x - x[::-1])
