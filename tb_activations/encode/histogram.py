"""Histogram: a layer's distribution, in the shape of TensorBoard's histogram summaries."""

from __future__ import annotations

import numpy as np

# Sorted in pieces that stay in the cache.
_BLOCK_VALUES = 1 << 16


def histogram(values: np.ndarray, bins: int, finite_range: tuple[float, float] | None) -> np.ndarray:
    """`numpy.histogram` of the finite values.

    values: float, any shape; finite_range: the least and the greatest finite value, None when there is none. Returns
    float64 [bins, 3] of left edge, right edge and count, all zero when no value is finite (TensorBoard's own
    convention).
    """
    if finite_range is None:
        return np.zeros((bins, 3))
    low, high = map(values.dtype.type, finite_range)
    try:
        # The largest finite floats are further apart than a float can say; NumPy then raises, or warns first.
        with np.errstate(over="raise"):
            edges = np.histogram_bin_edges(values.reshape(-1)[:0], bins, (low, high))
        counts = _counts(values, edges)
    except (ValueError, FloatingPointError):
        counts, edges = _difficult_histogram(values[np.isfinite(values)], bins)
    return np.stack([edges[:-1], edges[1:], counts], axis=1).astype(np.float64)


def _counts(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How many values lie in `[edges[i], edges[i + 1])`, in the last bin the right edge included.

    Sorting small blocks and searching the edges in them is exact by construction, and two to three times as fast as
    `numpy.histogram`, which computes an index for each value and then corrects it against the edges.
    """
    flat = values.reshape(-1)
    # below[i]: how many values are less than edges[i].
    below = np.zeros(len(edges), np.int64)
    block = np.empty(min(_BLOCK_VALUES, flat.size), flat.dtype)
    for start in range(0, flat.size, _BLOCK_VALUES):
        piece = flat[start : start + _BLOCK_VALUES]
        ordered = block[: len(piece)]
        ordered[:] = piece
        # NaN sorts to the end, where +Inf is too: after every edge.
        ordered.sort()
        below[:-1] += ordered.searchsorted(edges[:-1])
        below[-1] += ordered.searchsorted(edges[-1], "right")
    return np.diff(below)


def _difficult_histogram(finite: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Ranges that `numpy.histogram` refuses: wider than the type can say, or narrower than `bins` of its steps."""
    low, high = float(finite.min()), float(finite.max())
    scale = max(abs(low), abs(high), 1.0)
    if (high / scale - low / scale) > bins * np.finfo(np.float64).eps:
        counts, edges = np.histogram(finite.astype(np.float64) / scale, bins)
        return counts, edges * scale
    return np.histogram(finite.astype(np.float64), bins, range=(low - 0.5 * scale, high + 0.5 * scale))
