"""Predictions, against NumPy's own order."""

import numpy as np
import pytest

from tb_activations.encode.predictions import top_predictions


def test_the_five_highest_scores_come_first(rng):
    scores = rng.normal(size=(3, 20)).astype(np.float32)
    top = top_predictions(scores).reshape(3, 5, 2)
    for row, found in zip(scores, top, strict=True):
        order = np.argsort(-row)[:5]
        np.testing.assert_array_equal(found[:, 0], order)
        np.testing.assert_array_equal(found[:, 1], row[order])


@pytest.mark.parametrize(
    ("row", "classes"),
    [
        ([0.5, 0.5, 0.1], [0, 1, 2]),
        ([np.nan, -np.inf, 1], [2, 1, 0]),
        ([np.nan, np.nan], [0, 1]),
        ([0.3], [0]),
    ],
)
def test_equal_scores_keep_their_order_and_nan_is_last(row, classes):
    assert list(top_predictions(np.array([row]))[0, ::2]) == classes
