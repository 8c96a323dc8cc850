"""Histogram: a layer's distribution, in the shape of TensorBoard's histogram summaries."""

from __future__ import annotations

import numpy as np
from PIL import Image

# Codes are computed in pieces that stay in the cache, and counted in larger ones: a call of Pillow's costs 25 µs.
_BLOCK_VALUES = 1 << 16
_COUNTED_VALUES = 1 << 18
_FEW_VALUES = 1 << 14
_CODES = 256
# A range narrower than this share of its ends is left to NumPy: float64 would not hold the edges exactly.
_NARROWEST = 2.0**-18
_SMALLEST = 1e-30


def histogram(
    values: np.ndarray, bins: int, finite_range: tuple[float, float] | None, all_finite: bool = False
) -> np.ndarray:
    """How many finite values lie in each of `bins` bins of equal width.

    values: float, any shape; finite_range: the least and the greatest finite value, None when there is none;
    all_finite: whether that is known of all values. Returns float64 [bins, 3] of left edge, right edge and count, all
    zero when no value is finite (TensorBoard's own convention). The counts are exact for these edges, each of which
    belongs to the bin at its right. The edges of float32 values lie up to a few float32 roundings of the range beside
    those of `numpy.histogram`.
    """
    if finite_range is None:
        return np.zeros((bins, 3))
    flat = values.reshape(-1)
    if not all_finite:
        flat = flat[np.isfinite(flat)]
    low, high = map(values.dtype.type, finite_range)
    scale = _scale(low, high, bins)
    if scale is not None:
        counts, edges = _counts(flat, low, scale, bins), _edges(low, high, scale, bins)
    elif low == high:
        counts, edges = _numpys(flat[:1], bins)
        counts *= flat.size
    else:
        counts, edges = _numpys(flat, bins)
    return np.stack([edges[:-1], edges[1:], counts], axis=1)


def _scale(low: np.floating, high: np.floating, bins: int) -> np.float32 | None:
    """What makes a value's distance from the lowest one its bin; None where that would not be exact."""
    if low.dtype != np.float32 or bins >= _CODES:
        return None
    with np.errstate(over="ignore"):
        spread = high - low
    if not max(_SMALLEST, _NARROWEST * max(abs(low), abs(high))) <= spread < np.inf:
        return None
    scale: np.float32 = np.float32(bins) / spread
    return scale


def _counts(flat: np.ndarray, low: np.floating, scale: np.float32, bins: int) -> np.ndarray:
    """By the bin's number for each value, computed in float32; three times as fast as `numpy.histogram`."""
    counts = np.zeros(_CODES, np.int64)
    scaled = np.empty(min(_BLOCK_VALUES, flat.size), np.float32)
    codes = np.empty(min(_COUNTED_VALUES, flat.size), np.uint8)
    for first in range(0, flat.size, _COUNTED_VALUES):
        some = flat[first : first + _COUNTED_VALUES]
        for start in range(0, some.size, _BLOCK_VALUES):
            piece = some[start : start + _BLOCK_VALUES]
            numbers = np.subtract(piece, low, out=scaled[: piece.size])
            np.multiply(numbers, scale, out=numbers)
            np.copyto(codes[start : start + piece.size], numbers, casting="unsafe")
        counts += _occurrences(codes[: some.size])
    # The last bin includes its right edge.
    counts[bins - 1] += counts[bins]
    return counts[:bins]


def _occurrences(codes: np.ndarray) -> np.ndarray:
    """How often each code occurs. As a picture of four samples per pixel, that Pillow counts apart: a value that occurs
    again and again, as zeros after a ReLU do, then waits for its own counter a quarter as often."""
    if codes.size < _FEW_VALUES:
        return np.bincount(codes, minlength=_CODES)
    whole = codes.size - codes.size % 4
    picture = Image.frombuffer("RGBA", (whole // 4, 1), codes[:whole], "raw", "RGBA", 0, 1)
    counts: np.ndarray = np.array(picture.histogram()).reshape(4, _CODES).sum(axis=0)
    return counts + np.bincount(codes[whole:], minlength=_CODES)


def _edges(low: np.floating, high: np.floating, scale: np.float32, bins: int) -> np.ndarray:
    """float64 [bins + 1]: the least numbers that `_counts` puts into each bin, and the greatest value.

    Subtracting, multiplying and cutting off are monotonic, each with its rounding, so there is one such number.
    """
    number = np.arange(1, bins, dtype=np.float32)
    # Of the distances near k / scale, the least whose product is not below k.
    near = (number / scale).view(np.int32) + np.arange(-3, 3, dtype=np.int32)[:, None]
    distances = near.view(np.float32)
    least = (distances * scale >= number).argmax(axis=0)
    distance = distances[least, np.arange(bins - 1)]
    # What is halfway from the distance before it or beyond is rounded to it; halfway itself, to the even one of both.
    halfway = (np.nextafter(distance, np.float32(0)) + distance.astype(np.float64)) / 2
    edges = np.float64(low) + halfway
    value = edges.astype(np.float32)
    is_left_out = (value == edges) & (value - low < distance)
    return np.concatenate([[low], np.where(is_left_out, np.nextafter(edges, np.inf), edges), [high]])


def _numpys(finite: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """By `numpy.histogram`; also for ranges that it refuses: wider than float64 can say, or narrower than `bins` of its
    steps."""
    finite = finite.astype(np.float64, copy=False)
    try:
        # NumPy raises, or warns first.
        with np.errstate(over="raise"):
            return np.histogram(finite, bins)
    except (ValueError, FloatingPointError):
        pass
    low, high = float(finite.min()), float(finite.max())
    scale = max(abs(low), abs(high), 1.0)
    if (high / scale - low / scale) > bins * np.finfo(np.float64).eps:
        counts, edges = np.histogram(finite / scale, bins)
        return counts, edges * scale
    return np.histogram(finite, bins, range=(low - 0.5 * scale, high + 0.5 * scale))
