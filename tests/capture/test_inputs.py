"""Inputs: every form that a model takes, and what is said about those that do not fit."""

import keras
import numpy as np
import pytest

from tb_activations import capture
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
