"""Statistics: what a layer's values amount to, per channel and over the whole layer."""

from __future__ import annotations

import dataclasses

import numpy as np

from tb_activations.encode.moments import channel_moments
from tb_activations.schema import HEALTH_COLUMNS, STATISTICS_COLUMNS


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

    @property
    def finite_range(self) -> tuple[float, float] | None:
        """The least and the greatest finite value of all channels; None when there is none."""
        some = self.finite_counts > 0
        if not some.any():
            return None
        return float(self.column("min")[some].min()), float(self.column("max")[some].max())


def channel_statistics(values: np.ndarray, channel_axis: int | None) -> Statistics:
    """Statistics per channel over every other axis, the batch's included.

    values: float, not empty; channel_axis: None when all values are one channel.
    """
    found = channel_moments(values, channel_axis)
    channels = len(found.low)
    rows = values.size // channels
    table = np.empty((channels, len(STATISTICS_COLUMNS)))
    columns = dict(zip(STATISTICS_COLUMNS, table.T, strict=True))
    columns["min"][:] = found.low
    columns["max"][:] = found.high
    columns["mean"][:] = found.mean
    np.sqrt(found.squares / np.maximum(found.finite, 1), out=columns["std"])
    np.divide(found.zeros, rows, out=columns["zero_fraction"])
    np.divide(found.negatives, rows, out=columns["negative_fraction"])
    columns["nan_count"][:] = found.nans
    columns["inf_count"][:] = found.infinities
    columns["negative_inf_count"][:] = found.negative_infinities
    table[found.finite == 0, : STATISTICS_COLUMNS.index("std") + 1] = np.nan
    return Statistics(table, rows)


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
        low, high, means, stds = (statistics.column(name)[some] for name in ("min", "max", "mean", "std"))
        weights = finite[some] / finite[some].sum()
        mean = weights @ means
        row |= {
            "min": low.min(),
            "max": high.max(),
            "mean": mean,
            "std": np.sqrt(weights @ (stds**2 + (means - mean) ** 2)),
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
