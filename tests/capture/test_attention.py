"""Attention layers, and their scores, bit for bit what Keras returns when asked for them."""

import keras
import numpy as np
import pytest

from tb_activations import capture
from tests.capture.models import assert_same

layers = keras.layers


@pytest.fixture
def tokens():
    return np.random.default_rng(4).normal(size=(2, 5, 8)).astype(np.float32)


def attention_model(layer, **call):
    """(the model, and Keras' own of the same weights that also returns the scores)."""

    def model_of(layer, **asking):
        inputs = keras.Input((5, 8))
        arguments = ([inputs, inputs],) if isinstance(layer, layers.Attention) else (inputs, inputs)
        return keras.Model(inputs, layer(*arguments, **call, **asking))

    # A layer of its own: Keras cannot tell two calls apart that return one and two tensors.
    twin = type(layer).from_config(layer.get_config())
    model, asked = model_of(layer), model_of(twin, return_attention_scores=True)
    twin.set_weights(layer.get_weights())
    return model, asked


LAYERS = {
    "MultiHeadAttention": lambda: layers.MultiHeadAttention(2, 4, name="attention"),
    "with dropout": lambda: layers.MultiHeadAttention(2, 4, dropout=0.3, name="attention"),
    "gated": lambda: layers.MultiHeadAttention(2, 4, use_gate=True, name="attention"),
    "GroupQueryAttention": lambda: layers.GroupQueryAttention(4, 4, 2, name="attention"),
    "Attention": lambda: layers.Attention(name="attention"),
    "AdditiveAttention": lambda: layers.AdditiveAttention(name="attention"),
}


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kind", LAYERS)
def test_scores_are_had_although_the_layer_does_not_return_them(tokens, kind, causal):
    model, asked = attention_model(LAYERS[kind](), use_causal_mask=causal)
    maps = capture(model, tokens)
    # What the layer returns is not changed by the asking.
    assert_same(maps["attention"], model.predict(tokens, verbose=0))
    _, scores = asked.predict(tokens, verbose=0)
    assert_same(maps["attention:scores"], scores)
    np.testing.assert_allclose(scores.sum(axis=-1), 1, rtol=1e-5)
    if causal:
        assert not np.triu(scores, 1).any()


def test_scores_have_heads_as_channels(tokens):
    model, _ = attention_model(layers.MultiHeadAttention(3, 4, name="attention"))
    [info] = [info for info in capture(model, tokens).layers if info.path == "attention:scores"]
    assert (info.shape, info.data_format, info.class_name) == (
        (None, 3, 5, 5),
        "channels_first",
        "MultiHeadAttention",
    )


@pytest.mark.parametrize("kind", LAYERS)
def test_scores_that_are_returned_have_the_same_path(tokens, kind):
    _, asked = attention_model(LAYERS[kind]())
    maps = capture(asked, tokens)
    output, scores = asked.predict(tokens, verbose=0)
    assert_same(maps["attention"], output)
    assert_same(maps["attention:scores"], scores)
    assert "attention:1" not in maps


def test_cross_attention_with_a_padding_mask(tokens):
    words = np.array([[1, 2, 3, 0, 0, 0], [4, 5, 0, 0, 0, 0]], np.int32)
    query, memory = keras.Input((5, 8), name="query"), keras.Input((6,), name="memory")
    embedded = layers.Embedding(9, 8, mask_zero=True, name="embed")(memory)
    model = keras.Model([query, memory], layers.MultiHeadAttention(2, 4, name="cross")(query, embedded))
    cross = layers.MultiHeadAttention(2, 4, name="cross")
    asked = keras.Model([query, memory], cross(query, embedded, return_attention_scores=True))
    cross.set_weights(model.get_layer("cross").get_weights())
    maps = capture(model, [tokens, words])
    output, scores = asked.predict([tokens, words], verbose=0)
    assert_same(maps["cross:scores"], scores)
    np.testing.assert_allclose(maps["cross"], output, rtol=1e-5, atol=1e-6)
    assert not scores[0, :, :, 3:].any()


def test_in_training_mode_scores_are_those_before_dropout_and_no_seed_moves(tokens):
    layer = layers.MultiHeadAttention(2, 4, dropout=0.5, name="attention")
    model, asked = attention_model(layer)
    _, undropped = asked.predict(tokens, verbose=0)
    seeds = [variable.numpy().copy() for variable in model.variables]
    np.testing.assert_allclose(
        capture(model, tokens, training=True)["attention:scores"], undropped, rtol=1e-5, atol=1e-6
    )
    for before, after in zip(seeds, model.variables, strict=True):
        np.testing.assert_array_equal(before, after.numpy())


def test_scores_of_a_layer_of_ones_own_that_computes_them_otherwise(tokens):
    class Squared(layers.MultiHeadAttention):
        def _compute_attention(self, query, key, value, *args, **kwargs):
            output, _ = super()._compute_attention(query, key, value, *args, **kwargs)
            return output * 2, None

    inputs = keras.Input((5, 8))
    model = keras.Model(inputs, Squared(2, 4, name="squared")(inputs, inputs))
    maps = capture(model, tokens)
    assert_same(maps["squared"], model.predict(tokens, verbose=0))
    assert maps["squared:scores"].shape == (2, 2, 5, 5)
