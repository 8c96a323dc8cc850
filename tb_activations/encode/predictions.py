"""Predictions: a classifier's output to the few classes that a person looks at."""

from __future__ import annotations

import numpy as np

from tb_activations.schema import MAX_PREDICTIONS


def top_predictions(scores: np.ndarray) -> np.ndarray:
    """The classes of the highest scores, per sample.

    scores: float [samples, classes]. Returns float32 [samples, 2 k], k = min(5, classes): class id and score by turns,
    descending, equal scores in the order of their ids. NaN comes last, below -Inf.
    """
    scores = np.asarray(scores, np.float32)
    k = min(MAX_PREDICTIONS, scores.shape[1])
    missing = np.isnan(scores)
    # Two keys, because NaN has to sort below -Inf.
    order = np.lexsort((-np.where(missing, -np.inf, scores), missing), axis=1)[:, :k]
    return np.stack([order.astype(np.float32), np.take_along_axis(scores, order, 1)], axis=2).reshape(len(scores), -1)
