"""Statistics, against NumPy on the finite values."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tb_activations.encode.statistics import channel_statistics, health_row
from tb_activations.schema import HEALTH_COLUMNS, STATISTICS_COLUMNS

arrays = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=4, max_side=6),
    elements=st.one_of(st.just(0.0), st.floats(-1e6, 1e6, width=32), st.sampled_from([np.nan, np.inf, -np.inf])),
)


@settings(max_examples=150, deadline=None)
@given(arrays)
def test_every_column_is_what_numpy_says_of_the_channel(values):
    result = channel_statistics(values, values.ndim - 1)
    for channel in range(values.shape[-1]):
        one = values[..., channel].astype(np.float64)
        finite = one[np.isfinite(one)]
        expected = {
            "min": finite.min() if finite.size else np.nan,
            "max": finite.max() if finite.size else np.nan,
            "mean": finite.mean() if finite.size else np.nan,
            "std": finite.std() if finite.size else np.nan,
            "zero_fraction": (one == 0).mean(),
            "nan_count": np.isnan(one).sum(),
            "inf_count": np.isinf(one).sum(),
            "negative_fraction": (np.isfinite(one) & (one < 0)).mean(),
            "negative_inf_count": np.isneginf(one).sum(),
        }
        for name in STATISTICS_COLUMNS:
            np.testing.assert_allclose(result.column(name)[channel], expected[name], rtol=1e-6, atol=1e-6, err_msg=name)


def test_blocks_merge_exactly_and_std_does_not_cancel(rng):
    values = (rng.normal(size=(200_000, 4)) * 1e-3 + 1000).astype(np.float32)
    result = channel_statistics(values, 1)
    np.testing.assert_allclose(result.column("std"), values.astype(np.float64).std(axis=0), rtol=1e-9)
    np.testing.assert_allclose(result.column("mean"), values.astype(np.float64).mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize("shape", [(1, 37, 41, 3), (2, 128, 96, 5), (1, 7, 7, 512), (300, 2000), (1, 1, 1, 1)])
@pytest.mark.parametrize(("scale", "offset"), [(1, 0), (1, 30), (1e-30, 0), (1e30, 0), (1e-3, -1e4)])
def test_any_shape_and_scale_keeps_float32s_digits(rng, shape, scale, offset):
    values = (rng.normal(size=shape) * scale + offset).astype(np.float32)
    values[..., 0] = np.maximum(values[..., 0], 0)
    table = values.reshape(-1, shape[-1]).astype(np.float64)
    result = channel_statistics(values, len(shape) - 1)
    np.testing.assert_array_equal(result.column("min"), table.min(axis=0))
    np.testing.assert_array_equal(result.column("max"), table.max(axis=0))
    np.testing.assert_allclose(result.column("mean"), table.mean(axis=0), rtol=1e-9, atol=1e-12 * scale)
    np.testing.assert_allclose(result.column("std"), table.std(axis=0), rtol=1e-9)
    np.testing.assert_array_equal(result.column("zero_fraction"), (table == 0).mean(axis=0))
    np.testing.assert_array_equal(result.column("negative_fraction"), (table < 0).mean(axis=0))


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_the_channels_may_be_any_axis(rng, axis):
    values = rng.normal(size=(2, 30, 40, 50)).astype(np.float32)
    moved = channel_statistics(values, axis).channels
    last = channel_statistics(np.ascontiguousarray(np.moveaxis(values, axis, -1)), 3).channels
    np.testing.assert_allclose(moved, last, rtol=1e-12)


def test_a_constant_channel_far_from_zero_has_no_deviation():
    result = channel_statistics(np.full((7, 100, 3), np.float32(0.1)), 2)
    np.testing.assert_array_equal(result.column("std"), 0)
    np.testing.assert_array_equal(result.column("mean"), np.float32(0.1))


def test_one_nan_in_a_large_layer_is_left_out_of_its_channel_alone(rng):
    values = rng.normal(size=(1, 200, 200, 8)).astype(np.float32)
    clean = channel_statistics(values, 3).channels
    values[0, 150, 3, 2] = np.nan
    result = channel_statistics(values, 3)
    np.testing.assert_allclose(np.delete(result.channels, 2, 0), np.delete(clean, 2, 0), rtol=1e-12)
    assert result.column("nan_count").tolist() == [0, 0, 1, 0, 0, 0, 0, 0]
    assert result.column("mean")[2] == pytest.approx(np.nanmean(values[..., 2].astype(np.float64)), rel=1e-9)


def test_the_health_row_is_the_whole_layers_statistics(rng):
    values = np.maximum(rng.normal(size=(3, 5, 5, 4)), 0).astype(np.float32)
    values[..., 2] = 0
    row = dict(zip(HEALTH_COLUMNS, health_row(channel_statistics(values, 3), None), strict=True))
    assert row["std"] == pytest.approx(values.std())
    assert row["mean"] == pytest.approx(values.mean())
    assert row["zero_fraction"] == pytest.approx((values == 0).mean())
    assert row["dead_fraction"] == 0.25
    assert row["count"] == values.size
    assert np.isnan(row["change"])


def test_change_is_the_relative_distance_of_the_channels_means():
    statistics = channel_statistics(np.array([[3.0, 4.0]]), 1)
    row = health_row(statistics, np.array([3.0, 0.0]))
    assert row[HEALTH_COLUMNS.index("change")] == pytest.approx(4 / 3)


def test_a_layer_of_nothing_but_nan_is_counted():
    row = dict(zip(HEALTH_COLUMNS, health_row(channel_statistics(np.full((2, 3), np.nan), 1), None), strict=True))
    assert row["nan_count"] == 6
    assert np.isnan(row["mean"])


@pytest.mark.parametrize("shape", [(1, 256, 16_000), (4, 112, 112, 64), (1, 14, 14, 4096)])
def test_statistics_take_less_memory_than_the_values(rng, shape):
    values = rng.standard_normal(shape, np.float32)
    channel_statistics(values[:, :2], values.ndim - 1)
    tracemalloc.start()
    channel_statistics(values, values.ndim - 1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.6 * values.nbytes
