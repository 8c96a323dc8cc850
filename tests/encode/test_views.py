"""Views: every rank, and the channels picked, with NumPy as truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tb_activations import LayerInfo, read_atlas
from tb_activations.encode import Limits, encode_layer

ALL = Limits(channels=None, size=None)


def read(array, channels=None, limits=ALL, path="layer", **facts):
    return read_atlas(encode_layer(LayerInfo(path, "layer", **facts), array, limits, 8, channels).images[0])


def close(values, truth):
    assert values.shape == truth.shape
    np.testing.assert_allclose(values, truth, atol=0.51 * np.ptp(truth) / 255)


@pytest.mark.parametrize("shape", [(6, 4, 5, 3), (7, 4, 5, 3), (2, 3, 4, 5, 3)])
def test_slices_come_back_in_order(rng, shape):
    array = rng.normal(size=(1, *shape))
    close(read(array).values, np.moveaxis(array[0], -1, 0).reshape(3, -1, 5))


def test_no_pixel_averages_two_slices():
    depth = np.arange(4.0)[None, :, None, None, None] * np.ones((1, 4, 3, 3, 1))
    atlas = read(depth, limits=Limits(size=2))
    assert atlas.header.slices == (2, 2)
    np.testing.assert_allclose(atlas.values[0, :, 0], [0, 0, 1, 1, 2, 2, 3, 3], atol=0.01)


@pytest.mark.parametrize("facts", [{"class_name": "MultiHeadAttention"}, {"path": "mha:scores"}])
def test_attention_scores_are_a_map_per_head(rng, facts):
    scores = rng.random((1, 2, 5, 5))
    atlas = read(scores, **facts)
    assert atlas.header.axes == ("head", "query", "key")
    close(atlas.values, scores[0])


def test_channels_first_of_one_and_three_dimensions(rng):
    line, volume = rng.random((1, 3, 8)), rng.random((1, 2, 4, 5, 6))
    close(read(line, data_format="channels_first").values, line[0][:, None])
    close(read(volume, data_format="channels_first").values, volume[0].reshape(2, 20, 6))


@pytest.mark.parametrize("shape", [(1, 6), (1, 4, 6), (1, 4, 5, 6)])
def test_picked_channels_keep_their_order(rng, shape):
    array = rng.random(shape)
    atlas = read(array, [4, 1])
    assert atlas.header.channels == (4, 1)
    np.testing.assert_allclose(atlas.values, read(array).values[[4, 1]], atol=0.01)


@pytest.mark.parametrize("channels", [[6], [-7], [], slice(9, 12)])
def test_a_wrong_pick_says_what_is_right(channels):
    with pytest.raises(ValueError, match="channels must be from -6 to 5"):
        read(np.ones((1, 6)), channels)


def test_complex_values_are_drawn_as_noted_magnitudes():
    atlas = read(np.array([[3 + 4j, 0]]))
    assert atlas.header.note == "magnitude of complex values"
    np.testing.assert_array_equal(atlas.values.ravel(), [5, 0])


def test_many_units_fold_into_a_near_square_block_that_the_header_names(rng):
    units = rng.random((1, 32768)).astype(np.float32)
    atlas = read(units, limits=Limits(channels=None))
    assert atlas.header.note == "folded 182 x 181"
    close(atlas.values, units[0][:, None, None])


@settings(max_examples=150, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.float16, np.float32, np.float64, np.int8, np.int32, np.uint8, np.bool_]),
        hnp.array_shapes(min_dims=0, max_dims=6, min_side=1, max_side=4),
        elements=st.integers(0, 1),
    ),
    st.sampled_from(["channels_first", "channels_last"]),
)
def test_every_rank_and_type_comes_back(sample, data_format):
    atlas = read(sample[None], data_format=data_format)
    axes = atlas.header.axes
    assert len(axes) == sample.ndim
    names = [name for name in axes if name in ("channel", "unit")]
    truth = sample if not names else np.moveaxis(sample, axes.index(names[0]), 0)
    np.testing.assert_allclose(atlas.values.ravel(), truth.ravel().astype(float), atol=1e-6)
