"""Quantise, against the formula of docs/format.md, tile by tile."""

import numpy as np
import pytest

from tb_activations.encode.quantise import quantise

SHAPES = [(64, 64, 64), (64, 7, 7), (3, 230, 230), (1, 1, 1), (1, 45, 46), (5, 300, 301), (2000, 7, 7)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["channels innermost", "channels innermost, of many", "channels outermost"])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_code_is_the_rounded_share_of_its_tiles_range(rng, shape, order, dtype):
    tiles = rng.normal(size=shape).astype(dtype)
    tiles[0] = tiles[0, 0, 0]
    low, high = (ends[:, None, None] for ends in (tiles.min((1, 2)), tiles.max((1, 2))))
    expected = np.rint((tiles - low) / np.where(high > low, high - low, 1) * dtype(255)).astype(np.uint8)
    if order != "channels outermost":
        surplus = 10 if "many" in order else 0
        whole = np.zeros((*shape[1:], shape[0] + surplus), dtype)
        whole[..., : shape[0]] = tiles.transpose(1, 2, 0)
        tiles = whole[..., : shape[0]].transpose(2, 0, 1)
    result = quantise(tiles)
    np.testing.assert_array_equal(result.codes, expected)
    np.testing.assert_array_equal(result.ranges, np.stack([low.ravel(), high.ravel()], axis=1))
    assert set(result.levels) == {256}


@pytest.mark.parametrize("ends", [(-3e38, 3e38), (0, 1e-44), (1, 1 + 1e-7), (-np.inf, 1), (np.nan, 1)])
def test_an_extreme_tile_does_not_disturb_its_neighbours(rng, ends):
    tiles = rng.normal(size=(4, 64, 64)).astype(np.float32)
    clean = quantise(tiles).codes
    tiles[2, 3, :2] = ends
    result = quantise(np.ascontiguousarray(tiles.transpose(1, 2, 0)).transpose(2, 0, 1))
    np.testing.assert_array_equal(np.delete(result.codes, 2, 0), np.delete(clean, 2, 0))
