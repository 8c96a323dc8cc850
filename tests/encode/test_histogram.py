"""Histograms, against NumPy on the finite values, and against their own edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tb_activations.encode.histogram import histogram

anything = st.one_of(st.just(0.0), st.floats(-1e6, 1e6, width=32), st.sampled_from([np.nan, np.inf, -np.inf]))
EPS = np.finfo(np.float32).eps


def of(values, bins):
    finite = values[np.isfinite(values)]
    ends = (float(finite.min()), float(finite.max())) if finite.size else None
    return histogram(values, bins, ends, all_finite=finite.size == values.size)


def check(values, bins, name=""):
    """Every finite value is counted once, where the edges say; the edges are NumPy's but for rounding."""
    finite = values[np.isfinite(values)].astype(np.float64)
    result = of(values, bins)
    edges = np.append(result[:, 0], result[-1, 1])
    np.testing.assert_array_equal(result[1:, 0], result[:-1, 1])
    below = np.append(np.searchsorted(np.sort(finite), edges[:-1]), finite.size)
    np.testing.assert_array_equal(result[:, 2], np.diff(below), err_msg=name)
    try:
        expected = np.histogram_bin_edges(finite, bins)
    except ValueError:
        # NumPy refuses a single value so large that it and 0.5 more are one float.
        assert finite.min() == finite.max()
        return
    ends = max(abs(expected[0]), abs(expected[-1]), expected[-1] - expected[0])
    np.testing.assert_allclose(edges, expected, rtol=0, atol=4 * EPS * ends, err_msg=name)


@settings(max_examples=300, deadline=None)
@given(hnp.arrays(np.float32, hnp.array_shapes(max_dims=4, max_side=6), elements=anything), st.integers(1, 70))
def test_every_finite_value_is_counted_where_the_edges_say(values, bins):
    if np.isfinite(values).any():
        check(values, bins)
    else:
        np.testing.assert_array_equal(of(values, bins), np.zeros((bins, 3)))


@settings(max_examples=300, deadline=None)
@given(
    hnp.arrays(np.float32, st.integers(2, 50), elements=st.floats(-8, 8, width=32)),
    st.sampled_from([0.0, 1.0, -1e3, 1e5]),
    st.integers(-60, 60),
    st.sampled_from([2, 3, 30, 64, 100, 255, 256]),
)
def test_values_beside_an_edge_are_on_their_side_of_it(values, shift, exponent, bins):
    values = (values + np.float32(shift)) * np.float32(2) ** exponent
    edges = of(values, bins)[1:, 0].astype(np.float32)
    steps = [np.nextafter(edges, np.float32(end)) for end in (-np.inf, np.inf)]
    beside = np.clip(np.concatenate([edges, *steps]), values.min(), values.max())
    check(np.concatenate([values, beside]), bins)


def distributions(rng, size):
    normal = rng.normal(size=size)
    yield "normal", normal
    yield "relu", np.maximum(normal, 0)
    yield "relu6", np.clip(4 * normal, 0, 6)
    yield "whole numbers", np.rint(20 * normal)
    yield "on the edges", rng.integers(0, 65, size) / 64
    yield "beside the edges", np.nextafter(np.float32(rng.integers(0, 65, size) / 64), np.float32(rng.choice([-9, 9])))
    yield "bfloat16", (np.float32(normal).view(np.uint32) & 0xFFFF0000).view(np.float32)
    yield "far from zero", normal * 1e-3 + 1000
    yield "close to zero", normal * 1e-36
    yield "huge", normal * 1e37
    yield "one outlier", np.append(normal[1:] * 1e-6, 1)
    yield "two values", np.where(normal > 0, 3, -1)
    yield "one value", np.full(size, -7)


@pytest.mark.parametrize("bins", [1, 2, 30, 64, 65, 255, 256])
@pytest.mark.parametrize("size", [1000, 16_384, 300_001])
def test_the_histogram_of_many_values_is_numpys(rng, bins, size):
    for name, values in distributions(rng, size):
        check(values.astype(np.float32), bins, name)


def test_values_on_exact_edges_lie_at_their_right_as_numpy_has_them(rng):
    values = np.float32(rng.integers(0, 65, 1000) / 64)
    values[:2] = 0, 1
    counts, edges = np.histogram(values, 64)
    result = of(values, 64)
    np.testing.assert_array_equal(result[:, 2], counts)
    np.testing.assert_allclose(result[:, 0], edges[:-1], rtol=0, atol=1e-7)


def test_float64_is_numpys_to_the_last_digit(rng):
    values = rng.normal(size=5000)
    counts, edges = np.histogram(values, 64)
    np.testing.assert_array_equal(of(values, 64), np.stack([edges[:-1], edges[1:], counts], axis=1))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("share", [1.0, 1e-3])
def test_extreme_ranges_still_count_every_value(kind, share):
    greatest = np.finfo(kind).max * kind(share)
    for ends in ((-greatest, greatest), (kind(1), np.nextafter(kind(1), kind(2))), (kind(0), np.finfo(kind).tiny)):
        result = of(np.array(ends), 64)
        assert result[:, 2].sum() == 2
        assert np.isfinite(result).all()
        assert (result[:, 0] <= result[:, 1]).all()


def test_values_that_are_not_finite_are_left_out(rng):
    values = rng.normal(size=(50, 1000)).astype(np.float32)
    clean = of(values, 64)
    spoiled = np.concatenate([values, np.full((1, 1000), np.nan, np.float32), np.full((1, 1000), np.inf, np.float32)])
    np.testing.assert_array_equal(of(spoiled, 64), clean)
