"""Views: every rank, and the channels picked, with NumPy as truth."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tb_activations import LayerInfo, read_atlas
from tb_activations.encode import Limits, encode_layer
from tb_activations.encode.views import tiles_of, view_of

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


def test_a_long_vector_folds_also_without_a_limit_of_size(rng):
    units = rng.random((1, 5000)).astype(np.float32)
    atlas = read(units, limits=ALL)
    assert atlas.header.tile == (71, 71)
    assert atlas.header.note == "folded 71 x 71"
    close(atlas.values, units[0][:, None, None])


def test_an_attention_gates_cube_of_feature_maps_is_not_taken_for_scores(rng):
    maps = rng.random((1, 8, 8, 8))
    atlas = read(maps, class_name="AttentionGate")
    assert atlas.header.axes == ("height", "width", "channel")
    assert read(maps, path="mha:scores").header.axes == ("head", "query", "key")


def test_channels_are_picked_by_an_array_too(rng):
    assert read(rng.random((1, 4, 5, 6)), np.array([4, -5])).header.channels == (4, 1)


def test_long_doubles_are_drawn_as_float64():
    values = np.array([[0, 1e100, 2e100]])
    np.testing.assert_allclose(read(values.astype(np.longdouble)).values.ravel(), values[0], rtol=0.01)
    np.testing.assert_allclose(read(values.astype(np.clongdouble)).values.ravel(), values[0], rtol=0.01)


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


anything = st.one_of(st.just(0.0), st.floats(-1e6, 1e6, width=32), st.sampled_from([np.nan, np.inf, -np.inf]))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_rank_reads_back_whatever_the_values_and_the_picks(data):
    sample = data.draw(hnp.arrays(np.float32, hnp.array_shapes(min_dims=1, max_dims=6, max_side=4), elements=anything))
    count = sample.shape[-1]
    picks = data.draw(st.none() | st.lists(st.integers(-count, count - 1), min_size=1, unique_by=lambda i: i % count))
    atlas = read(sample[None], picks)
    ids = list(range(count)) if picks is None else [i % count for i in picks]
    assert list(atlas.header.channels) == ids
    # Slices come back stacked as rows; units and sequences as channels of one row.
    truth = np.moveaxis(sample, -1, 0)[ids]
    truth = truth.reshape(len(ids), -1, truth.shape[-1]) if sample.ndim > 2 else truth.reshape(len(ids), 1, -1)
    assert atlas.values.shape == truth.shape
    finite = np.isfinite(truth)
    np.testing.assert_array_equal(atlas.values[~finite], truth[~finite])
    for channel, (values, expected, known) in enumerate(zip(atlas.values, truth, finite, strict=True)):
        tile = channel if len(atlas.header.ranges) > 1 else 0
        low, high = np.nan_to_num(atlas.header.ranges[tile])
        step = (high - low) / (atlas.header.levels[tile] - 1)
        np.testing.assert_allclose(
            values[known], expected[known], atol=step / 2 + 1e-6 * max(abs(low), abs(high)) + 1e-30
        )


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 3))
def test_a_larger_map_is_drawn_as_the_means_of_its_blocks(height, width, channels):
    maps = np.random.default_rng(height * 41 + width).normal(size=(height, width, channels))
    atlas = read(maps[None], limits=Limits(size=8))
    down, across = atlas.header.downsampling
    for channel in range(channels):
        truth = [
            [maps[r : r + down, c : c + across, channel].mean() for c in range(0, width, across)]
            for r in range(0, height, down)
        ]
        np.testing.assert_allclose(atlas.values[channel], truth, atol=np.ptp(truth) / 255 / 2 + 1e-9)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float8_e4m3fn"])
def test_small_floats_are_drawn_as_their_values(rng, dtype):
    values = rng.normal(size=(1, 4, 4, 2)).astype(getattr(ml_dtypes, dtype, dtype))
    close(read(values).values, np.moveaxis(values[0].astype(np.float32), -1, 0))


@pytest.mark.parametrize(("height", "width", "size"), [(112, 112, 64), (130, 70, 64), (7, 500, 20), (65, 64, 64)])
@pytest.mark.parametrize("scale", [1.0, 3e38])
def test_a_pixel_of_a_larger_map_is_the_mean_of_its_block(rng, height, width, size, scale):
    sample = (rng.uniform(-1, 1, (height, width, 3)) * scale).astype(np.float32)
    sample[:2, :2] = np.float32(scale)
    tiles = tiles_of(view_of(LayerInfo("a", "a"), sample.shape), sample[None], Limits(size=size))
    rows, columns = tiles.downsampling
    assert tiles.values.shape == (3, -(-height // rows), -(-width // columns))
    for y, x in [(0, 0), (tiles.values.shape[1] - 1, tiles.values.shape[2] - 1), (1, 2)]:
        block = sample[y * rows : (y + 1) * rows, x * columns : (x + 1) * columns].astype(np.float64)
        np.testing.assert_allclose(tiles.values[:, y, x], block.mean(axis=(0, 1)), rtol=1e-4, atol=1e-6 * scale)
