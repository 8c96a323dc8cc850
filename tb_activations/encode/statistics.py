"""Statistics: what a layer's values amount to, per channel and over the whole layer."""

from __future__ import annotations

import dataclasses

import numpy as np

from tb_activations.schema import HEALTH_COLUMNS, STATISTICS_COLUMNS

# Rows are reduced in blocks so that the float64 temporaries stay in the cache and small beside the activations.
_BLOCK_VALUES = 1 << 18


@dataclasses.dataclass(frozen=True)
class Statistics:
    """channels: float64 [channels, STATISTICS_COLUMNS]; count: values per channel."""

    channels: np.ndarray
    count: int

    def column(self, name: str) -> np.ndarray:
        column: np.ndarray = self.channels[:, STATISTICS_COLUMNS.index(name)]
        return column

    @property
    def finite_counts(self) -> np.ndarray:
        """int per channel."""
        counts: np.ndarray = self.count - self.column("nan_count") - self.column("inf_count")
        return counts

    @property
    def all_finite(self) -> bool:
        return bool((self.finite_counts == self.count).all())


def channel_statistics(values: np.ndarray, channel_axis: int | None) -> Statistics:
    """Statistics per channel over every other axis, the batch's included.

    values: float, not empty; channel_axis: None when all values are one channel. Variance is by shifted two-pass
    sums in float64 (Chan, Golub and LeVeque, 1983, merge the blocks), exact where a one-pass sum of squares cancels.
    """
    if channel_axis is None:
        table = values.reshape(-1, 1)
    else:
        table = np.moveaxis(values, channel_axis, -1).reshape(-1, values.shape[channel_axis])
    rows, channels = table.shape
    block_rows = max(1, _BLOCK_VALUES // channels)
    low = np.full(channels, np.inf)
    high = np.full(channels, -np.inf)
    finite = np.zeros(channels)
    mean = np.zeros(channels)
    squares = np.zeros(channels)
    zeros, nans, infinities, negatives, negative_infinities = (np.zeros(channels) for _ in range(5))
    for start in range(0, rows, block_rows):
        block = table[start : start + block_rows]
        zeros += np.count_nonzero(block == 0, axis=0)
        negatives += np.count_nonzero(block < 0, axis=0)
        mask = np.isfinite(block)
        if mask.all():
            n = np.full(channels, float(len(block)))
            np.minimum(low, block.min(axis=0), out=low)
            np.maximum(high, block.max(axis=0), out=high)
            block_mean = block.mean(axis=0, dtype=np.float64)
            deviation = block - block_mean
        else:
            n = mask.sum(axis=0, dtype=np.float64)
            nans += np.isnan(block).sum(axis=0)
            infinities += np.isinf(block).sum(axis=0)
            negative_infinities += np.isneginf(block).sum(axis=0)
            np.minimum(low, block.min(axis=0, where=mask, initial=np.inf), out=low)
            np.maximum(high, block.max(axis=0, where=mask, initial=-np.inf), out=high)
            clean = np.where(mask, block, 0).astype(np.float64)
            block_mean = clean.sum(axis=0) / np.maximum(n, 1)
            deviation = np.where(mask, clean - block_mean, 0)
        total = np.maximum(finite + n, 1)
        delta = block_mean - mean
        squares += np.einsum("ij,ij->j", deviation, deviation) + delta**2 * finite * n / total
        mean += delta * n / total
        finite += n
    none = finite == 0
    std = np.sqrt(squares / np.maximum(finite, 1))
    for column in (low, high, mean, std):
        column[none] = np.nan
    by_name = {
        "min": low,
        "max": high,
        "mean": mean,
        "std": std,
        "zero_fraction": zeros / rows,
        "nan_count": nans,
        "inf_count": infinities,
        "negative_fraction": (negatives - negative_infinities) / rows,
        "negative_inf_count": negative_infinities,
    }
    return Statistics(np.stack([by_name[name] for name in STATISTICS_COLUMNS], axis=1), rows)


def health_row(statistics: Statistics, previous_means: np.ndarray | None) -> np.ndarray:
    """float64 [HEALTH_COLUMNS]: the layer as a whole.

    previous_means: the channels' means at the previous log, None at the first; with another number of channels than
    now there is nothing to compare, and `change` is NaN.
    """
    channels = len(statistics.channels)
    finite = statistics.finite_counts
    some = finite > 0
    row = dict.fromkeys(HEALTH_COLUMNS, np.nan)
    if some.any():
        weights = finite[some] / finite[some].sum()
        mean = float((weights * statistics.column("mean")[some]).sum())
        spread = statistics.column("std")[some] ** 2 + (statistics.column("mean")[some] - mean) ** 2
        row |= {
            "min": statistics.column("min")[some].min(),
            "max": statistics.column("max")[some].max(),
            "mean": mean,
            "std": np.sqrt((weights * spread).sum()),
        }
    for name in ("nan_count", "inf_count", "negative_inf_count"):
        row[name] = statistics.column(name).sum()
    for name in ("zero_fraction", "negative_fraction"):
        row[name] = statistics.column(name).mean()
    row["dead_fraction"] = np.count_nonzero(statistics.column("zero_fraction") == 1) / channels
    row["change"] = _relative_change(statistics.column("mean"), previous_means)
    row["count"] = statistics.count * channels
    return np.array([row[name] for name in HEALTH_COLUMNS])


def _relative_change(means: np.ndarray, previous: np.ndarray | None) -> float:
    if previous is None or previous.shape != means.shape:
        return float("nan")
    both = np.isfinite(means) & np.isfinite(previous)
    difference = float(np.linalg.norm(means[both] - previous[both]))
    reference = float(np.linalg.norm(previous[both]))
    if reference == 0:
        return 0.0 if difference == 0 else float("inf")
    return difference / reference
