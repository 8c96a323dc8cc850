"""Statistics: what a layer's values amount to, per channel and over the whole layer."""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np

from tb_activations.encode.moments import channel_moments
from tb_activations.schema import HEALTH_COLUMNS, STATISTICS_COLUMNS


@dataclasses.dataclass(frozen=True)
class Statistics:
    """channels: float64 [channels, STATISTICS_COLUMNS], a column side by side in memory; count: values per channel."""

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

    @functools.cached_property
    def all_finite(self) -> bool:
        return not (self.column("nan_count").any() or self.column("inf_count").any())

    @functools.cached_property
    def finite_range(self) -> tuple[float, float] | None:
        """The least and the greatest finite value of all channels; None when there is none."""
        low, high = self.column("min"), self.column("max")
        if not self.all_finite:
            some = self.finite_counts > 0
            if not some.any():
                return None
            low, high = low[some], high[some]
        return float(low.min()), float(high.max())


def channel_statistics(values: np.ndarray, channel_axis: int | None) -> Statistics:
    """Statistics per channel over every other axis, the batch's included.

    values: float, not empty; channel_axis: None when all values are one channel.
    """
    found = channel_moments(values, channel_axis)
    channels = len(found.low)
    rows = values.size // channels
    table = np.empty((len(STATISTICS_COLUMNS), channels)).T
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
    none = found.finite == 0
    if none.any():
        for name in ("min", "max", "mean", "std"):
            columns[name][none] = np.nan
    return Statistics(table, rows)


def health_row(statistics: Statistics, previous_means: np.ndarray | None) -> np.ndarray:
    """float64 [HEALTH_COLUMNS]: the layer as a whole.

    previous_means: the channels' means at the previous log, None at the first; with another number of channels than
    now there is nothing to compare, and `change` is NaN.
    """
    channels = len(statistics.channels)
    sums = dict(zip(STATISTICS_COLUMNS, statistics.channels.sum(axis=0).tolist(), strict=True))
    row = dict.fromkeys(HEALTH_COLUMNS, math.nan) | _whole_layer(statistics)
    for name in ("nan_count", "inf_count", "negative_inf_count"):
        row[name] = sums[name]
    for name in ("zero_fraction", "negative_fraction"):
        row[name] = sums[name] / channels
    row["dead_fraction"] = 0.0
    if sums["zero_fraction"] >= 1:
        row["dead_fraction"] = np.count_nonzero(statistics.column("zero_fraction") == 1) / channels
    row["change"] = _relative_change(statistics.column("mean"), previous_means)
    row["count"] = statistics.count * channels
    return np.array([row[name] for name in HEALTH_COLUMNS])


def _whole_layer(statistics: Statistics) -> dict[str, float]:
    """min, max, mean and std of all finite values; nothing when there is none."""
    value_range = statistics.finite_range
    if value_range is None:
        return {}
    means, stds = statistics.column("mean"), statistics.column("std")
    if statistics.all_finite:
        mean = (means / len(means)).sum()
        distances = means - mean
        variance = (stds @ stds + distances @ distances) / len(means)
    else:
        some = statistics.finite_counts > 0
        means, stds, counts = means[some], stds[some], statistics.finite_counts[some]
        weights = counts / counts.sum()
        mean = weights @ means
        variance = weights @ (stds**2 + (means - mean) ** 2)
    return {"min": value_range[0], "max": value_range[1], "mean": float(mean), "std": math.sqrt(variance)}


def _relative_change(means: np.ndarray, previous: np.ndarray | None) -> float:
    if previous is None or previous.shape != means.shape:
        return math.nan
    if not math.isfinite(means.sum() + previous.sum()):
        both = np.isfinite(means) & np.isfinite(previous)
        means, previous = means[both], previous[both]
    difference, reference = _length(means - previous), _length(previous)
    if reference == 0:
        return 0.0 if difference == 0 else math.inf
    return difference / reference


def _length(vector: np.ndarray) -> float:
    """`numpy.linalg.norm` in a third of the time."""
    return math.sqrt(vector @ vector)
