"""Statistics and histograms, against NumPy on the finite values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tb_activations.encode.histogram import histogram
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


@settings(max_examples=150, deadline=None)
@given(arrays, st.integers(1, 70))
def test_the_histogram_is_numpys_of_the_finite_values(values, bins):
    finite = values[np.isfinite(values)]
    result = histogram(values, bins, (finite.min(), finite.max()) if finite.size else None)
    if finite.size == 0:
        np.testing.assert_array_equal(result, np.zeros((bins, 3)))
        return
    try:
        counts, edges = np.histogram(finite, bins)
    except ValueError:
        # NumPy refuses a range narrower than its bins; ours must still count everything.
        assert result[:, 2].sum() == finite.size
        return
    np.testing.assert_array_equal(result[:, 2], counts)
    np.testing.assert_array_equal(result[:, 0], edges[:-1])
    np.testing.assert_array_equal(result[:, 1], edges[1:])


@pytest.mark.parametrize("ends", [(-3e38, 3e38), (1.0, np.nextafter(np.float32(1), np.float32(2)))])
def test_extreme_ranges_still_count_every_value(ends):
    result = histogram(np.float32(ends), 64, ends)
    assert result[:, 2].sum() == 2
    assert np.isfinite(result).all()
    assert (result[:, 0] <= result[:, 1]).all()
