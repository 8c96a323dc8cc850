"""Atlas: pictures that turn back into numbers."""

import io
import math
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from tb_activations import LayerInfo, read_atlas
from tb_activations.encode import Limits, encode_layer
from tb_activations.schema import SchemaError

ALL = Limits(channels=None, size=None)


def atlases(array, limits=ALL, **facts):
    return encode_layer(LayerInfo("layer", "layer", **facts), np.asarray(array), limits, 8).images


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)))


def test_64_maps_make_the_4_by_16_grid_that_matplotlib_users_know(rng):
    maps = rng.normal(size=(1, 11, 11, 64)).astype(np.float32)
    grid = pixels(atlases(maps)[0])
    assert grid.shape == (4 * 11, 16 * 11)
    for channel in range(64):
        one = maps[0, :, :, channel]
        expected = np.rint((one - one.min()) / (one.max() - one.min()) * np.float32(255)).astype(np.uint8)
        row, column = divmod(channel, 16)
        tile = grid[row * 11 : (row + 1) * 11, column * 11 : (column + 1) * 11]
        np.testing.assert_array_equal(tile, expected)


@settings(max_examples=150, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64]),
        hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=6),
        elements=st.floats(width=32, allow_nan=True, allow_infinity=True),
    )
)
def test_every_value_comes_back_within_half_a_quantisation_step(maps):
    atlas = read_atlas(atlases(maps[None])[0])
    truth = np.moveaxis(maps, -1, 0)
    assert atlas.values.shape == truth.shape
    for values, expected, levels in zip(atlas.values, truth, atlas.header.levels, strict=True):
        finite = np.isfinite(expected)
        np.testing.assert_array_equal(values[~finite], expected[~finite])
        if finite.any():
            ends = expected[finite].astype(np.float64)
            step = ends.max() / (levels - 1) - ends.min() / (levels - 1)
            # Beside the half step, the rounding of the type that holds the values.
            slack = 4 * np.finfo(np.float32).eps * max(abs(ends.max()), abs(ends.min())) + 1e-44
            assert (np.abs(values[finite].astype(np.float64) - ends) <= step / 2 + slack).all()


def test_one_nan_does_not_change_a_neighbours_range(rng):
    maps = rng.normal(size=(1, 5, 5, 3)).astype(np.float32)
    clean = pixels(atlases(maps)[0])
    maps[0, 2, 2, 1] = np.nan
    spoiled = pixels(atlases(maps)[0])
    np.testing.assert_array_equal(clean[:, :5], spoiled[:, :5])
    np.testing.assert_array_equal(clean[:, 10:], spoiled[:, 10:])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_map_without_a_finite_value_reads_back(value):
    atlas = read_atlas(atlases(np.full((1, 2, 2, 1), value, np.float32))[0])
    np.testing.assert_array_equal(atlas.values, np.full((1, 2, 2), value))
    assert np.isnan(atlas.header.ranges).all()


@pytest.mark.parametrize("constant", [0.0, -3.5, 1e30])
def test_a_constant_map_is_exact(constant):
    atlas = read_atlas(atlases(np.full((1, 3, 3, 2), constant, np.float32))[0])
    np.testing.assert_array_equal(atlas.values, np.full((2, 3, 3), np.float32(constant)))


def test_larger_maps_are_averaged_down_and_the_header_says_by_how_much(rng):
    maps = rng.normal(size=(1, 130, 70, 1)).astype(np.float32)
    atlas = read_atlas(atlases(maps, Limits())[0])
    assert atlas.header.downsampling == (3, 2)
    assert atlas.values.shape == (1, 44, 35)
    low, high = atlas.header.ranges[0].tolist()
    assert atlas.values[0, 0, 0] == pytest.approx(maps[0, :3, :2, 0].mean(), abs=(high - low) / 255)
    assert atlas.values[0, 43, 0] == pytest.approx(maps[0, 129:, :2, 0].mean(), abs=(high - low) / 255)


def test_a_nan_survives_averaging():
    maps = np.ones((1, 128, 128, 1), np.float32)
    maps[0, 5, 5, 0] = np.nan
    assert np.isnan(read_atlas(atlases(maps, Limits())[0]).values).sum() == 1


def test_units_are_pixels_in_reading_order(rng):
    units = rng.normal(size=(2, 100)).astype(np.float32)
    png = atlases(units, Limits())[1]
    assert pixels(png).shape == (10, 10)
    atlas = read_atlas(png)
    assert atlas.header.view == "units"
    assert np.abs(atlas.values[:, 0, 0] - units[1]).max() <= np.ptp(units[1]) / 255


def test_few_units_are_a_strip(rng):
    assert pixels(atlases(rng.normal(size=(1, 10)), Limits())[0]).shape == (1, 10)


def test_a_last_row_of_units_that_ends_early_reads_back_without_its_padding(rng):
    units = np.arange(1, 68, dtype=np.float32)[None]
    atlas = read_atlas(atlases(units, Limits())[0])
    np.testing.assert_allclose(atlas.values[:, 0, 0], units[0], atol=66 / 255 / 2 + 1e-5)


def test_a_sequence_has_time_in_rows_and_units_in_columns(rng):
    sequence = rng.normal(size=(1, 7, 5)).astype(np.float32)
    png = atlases(sequence)[0]
    assert pixels(png).shape == (7, 5)
    atlas = read_atlas(png)
    assert atlas.values.shape == (5, 1, 7)
    assert np.abs(atlas.values[:, 0, :].T - sequence[0]).max() <= np.ptp(sequence) / 255


def test_a_scalar_per_sample_is_one_exact_cell():
    assert [read_atlas(png).values.item() for png in atlases(np.float32([1.5, -2.0]))] == [1.5, -2.0]


def test_an_rgb_input_stays_a_colour_picture():
    picture = np.random.default_rng(0).integers(0, 256, (1, 8, 9, 3)).astype(np.uint8)
    png = atlases(picture, role="input")[0]
    np.testing.assert_array_equal(pixels(png), picture[0])
    np.testing.assert_array_equal(read_atlas(png).values, np.moveaxis(picture[0], -1, 0))


def test_a_grey_input_is_a_grey_picture(rng):
    png = atlases(rng.random((1, 28, 28, 1)), role="input")[0]
    assert pixels(png).shape == (28, 28)


def test_channels_first_is_honoured(rng):
    maps = rng.normal(size=(1, 3, 5, 7)).astype(np.float32)
    assert read_atlas(atlases(maps, data_format="channels_first")[0]).values.shape == (3, 5, 7)


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int16, np.int32, np.int64, np.float16, np.float64])
def test_any_numeric_type_has_a_picture(dtype):
    maps = np.arange(12).reshape(1, 2, 3, 2).astype(dtype)
    atlas = read_atlas(atlases(maps)[0])
    np.testing.assert_allclose(atlas.values, np.moveaxis(maps[0], -1, 0), atol=11 / 255)
    assert atlas.header.dtype == np.dtype(dtype).name


def test_the_picture_is_cut_to_the_first_channels(rng):
    atlas = read_atlas(atlases(rng.normal(size=(1, 2, 2, 9)), Limits(channels=4))[0])
    assert atlas.header.channels == (0, 1, 2, 3)
    assert atlas.header.shape == (2, 2, 9)


def test_an_empty_tensor_is_refused_with_its_shape():
    with pytest.raises(ValueError, match=r"empty: shape \(1, 0, 3\)"):
        atlases(np.zeros((1, 0, 3)))


def test_text_is_refused():
    with pytest.raises(ValueError, match="are not numbers"):
        atlases(np.array([["a", "b"]]))


def test_the_text_chunk_stands_before_the_pixels_and_is_compressed(rng):
    png = atlases(rng.normal(size=(1, 2, 2, 1)))[0]
    chunk = png.index(b"zTXt")
    assert chunk < png.index(b"IDAT")
    keyword, _, compressed = png[chunk + 4 :].partition(b"\0\0")
    assert keyword == b"tb_activations"
    assert zlib.decompressobj().decompress(compressed).startswith(b'{"schema_version":1,')


def test_a_picture_of_someone_elses_is_refused_with_the_reason(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "other.png")
    with pytest.raises(SchemaError, match="written by tb_activations"):
        read_atlas(tmp_path / "other.png")


def test_an_atlas_is_read_from_a_path(tmp_path, rng):
    (tmp_path / "saved.png").write_bytes(atlases(rng.normal(size=(1, 4, 4, 2)))[0])
    assert read_atlas(str(tmp_path / "saved.png")).values.shape == (2, 4, 4)
