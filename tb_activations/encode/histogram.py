"""Histogram: a layer's distribution, in the shape of TensorBoard's histogram summaries."""

from __future__ import annotations

import numpy as np


def histogram(values: np.ndarray, bins: int, all_finite: bool = False) -> np.ndarray:
    """`numpy.histogram` of the finite values.

    values: float, any shape; all_finite: the caller already knows there is nothing to leave out. Returns float64
    [bins, 3] of left edge, right edge and count, all zero when no value is finite (TensorBoard's own convention).
    """
    finite = values.reshape(-1) if all_finite else values[np.isfinite(values)]
    if finite.size == 0:
        return np.zeros((bins, 3))
    try:
        # The largest finite floats are further apart than a float can say; NumPy then raises, or warns first.
        with np.errstate(over="raise"):
            counts, edges = np.histogram(finite, bins)
    except (ValueError, FloatingPointError):
        counts, edges = _difficult_histogram(finite, bins)
    return np.stack([edges[:-1], edges[1:], counts], axis=1).astype(np.float64)


def _difficult_histogram(finite: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Ranges that `numpy.histogram` refuses: wider than the type can say, or narrower than `bins` of its steps."""
    low, high = float(finite.min()), float(finite.max())
    scale = max(abs(low), abs(high), 1.0)
    if (high / scale - low / scale) > bins * np.finfo(np.float64).eps:
        counts, edges = np.histogram(finite.astype(np.float64) / scale, bins)
        return counts, edges * scale
    return np.histogram(finite.astype(np.float64), bins, range=(low - 0.5 * scale, high + 0.5 * scale))
