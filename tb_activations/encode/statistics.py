"""Statistics: what a layer's values amount to, per channel and over the whole layer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from tb_activations.schema import HEALTH_COLUMNS, STATISTICS_COLUMNS

# A block and its float64 copy stay in the cache: the values cross memory once, however often a block is looked at.
_BLOCK_VALUES = 1 << 16
# NumPy reduces rows of this length at full speed; 64 channels a row take twice as long per value.
_ROW_VALUES = 1024
# Zeros are counted in uint8 within a block.
_MAX_BLOCK_ROWS = 255


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

    values: float, not empty; channel_axis: None when all values are one channel. Variance is by two passes over each
    block in float64, exact where a one-pass sum of squares cancels; blocks are merged as Chan, Golub and LeVeque
    (1983) say.
    """
    channels = 1 if channel_axis is None else values.shape[channel_axis]
    total = _Moments(channels)
    rows = 0
    for table in _tables(values, channel_axis, channels):
        rows += len(table)
        # Several rows of few channels are reduced as one long row, whose columns are merged at the end.
        fold = max(1, min(_ROW_VALUES // channels, len(table)))
        whole = len(table) - len(table) % fold
        folded = _Moments(fold * channels)
        folded.add_table(table[:whole].reshape(-1, fold * channels))
        total.add(folded.unfolded(channels))
        total.add_table(table[whole:])
    none = total.finite == 0
    columns = {
        "min": np.where(none, np.nan, total.low),
        "max": np.where(none, np.nan, total.high),
        "mean": np.where(none, np.nan, total.mean),
        "std": np.where(none, np.nan, np.sqrt(total.squares / np.maximum(total.finite, 1))),
        "zero_fraction": total.zeros / rows,
        "nan_count": total.nans,
        "inf_count": total.infinities,
        "negative_fraction": total.negatives / rows,
        "negative_inf_count": total.negative_infinities,
    }
    return Statistics(np.stack([columns[name] for name in STATISTICS_COLUMNS], axis=1), rows)


def _tables(values: np.ndarray, channel_axis: int | None, channels: int) -> Iterator[np.ndarray]:
    """The values as tables [rows, channels]; sample by sample where that takes a copy, so that it stays small."""
    if channel_axis is None or channel_axis == values.ndim - 1:
        yield values.reshape(-1, channels)
    elif channel_axis == 0:
        yield values.reshape(channels, -1).T
    else:
        for sample in values:
            yield np.moveaxis(sample, channel_axis - 1, -1).reshape(-1, channels)


class _Moments:
    """Counts and moments of the values seen so far, float64 [columns] each. finite: how many are finite; mean, and
    squares, the sum of squared distances from it, are of these."""

    def __init__(self, columns: int) -> None:
        self.low = np.full(columns, np.inf)
        self.high = np.full(columns, -np.inf)
        self.finite, self.mean, self.squares = np.zeros((3, columns))
        self.counts = np.zeros((5, columns))
        self.zeros, self.negatives, self.nans, self.infinities, self.negative_infinities = self.counts

    def add(self, other: _Moments) -> None:
        self.counts += other.counts
        self._add_finite(other.low, other.high, other.finite, other.mean, other.squares)

    def _add_finite(self, low: Any, high: Any, finite: Any, mean: np.ndarray, squares: np.ndarray) -> None:
        np.minimum(self.low, low, out=self.low)
        np.maximum(self.high, high, out=self.high)
        delta = mean - self.mean
        both = self.finite + finite
        share = finite / np.maximum(both, 1)
        self.mean += delta * share
        delta *= delta
        delta *= self.finite
        delta *= share
        self.squares += squares
        self.squares += delta
        self.finite = both

    def unfolded(self, channels: int) -> _Moments:
        """Of columns that are k rows of `channels` side by side: those of the channels."""
        rows = len(self.low) // channels
        merged = _Moments(channels)
        merged.counts += self.counts.reshape(5, rows, channels).sum(axis=1)
        merged.low = self.low.reshape(rows, channels).min(axis=0)
        merged.high = self.high.reshape(rows, channels).max(axis=0)
        finite, mean, squares = (a.reshape(rows, channels) for a in (self.finite, self.mean, self.squares))
        merged.finite = finite.sum(axis=0)
        merged.mean = (mean * finite).sum(axis=0) / np.maximum(merged.finite, 1)
        merged.squares = (squares + finite * (mean - merged.mean) ** 2).sum(axis=0)
        return merged

    def add_table(self, table: np.ndarray) -> None:
        """table: [rows, columns], no rows allowed."""
        columns = table.shape[1]
        rows = max(1, min(_BLOCK_VALUES // columns, _MAX_BLOCK_ROWS, len(table)))
        wide = np.empty((rows, columns))
        mask = np.empty((rows, columns), bool)
        for start in range(0, len(table), rows):
            block = table[start : start + rows]
            self._add_block(block, wide[: len(block)], mask[: len(block)])

    def _add_block(self, block: np.ndarray, wide: np.ndarray, mask: np.ndarray) -> None:
        """wide: float64, mask: bool, both of the block's shape and overwritten."""
        np.copyto(wide, block)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = wide.sum(axis=0)
        mean /= len(block)
        # The cheapest way to ask; a finite column whose sum overflows merely takes the slower path.
        if not np.isfinite(mean).all():
            self._add_nonfinite_block(block, wide)
            return
        low, high = block.min(axis=0), block.max(axis=0)
        lowest = low.min()
        if lowest <= 0 <= high.max():
            self.zeros += _true_counts(np.equal(block, 0, out=mask))
        if lowest < 0:
            self.negatives += _true_counts(np.less(block, 0, out=mask))
        wide -= mean
        self._add_finite(low, high, len(block), mean, np.einsum("ij,ij->j", wide, wide))

    def _add_nonfinite_block(self, block: np.ndarray, wide: np.ndarray) -> None:
        mask = np.isfinite(block)
        finite = mask.sum(axis=0, dtype=np.float64)
        clean = np.where(mask, wide, 0)
        with np.errstate(over="ignore", invalid="ignore"):
            # Dividing first: the sum of the largest float64 values is no float64.
            mean = (clean / np.maximum(finite, 1)).sum(axis=0)
            deviation = np.where(mask, clean - mean, 0)
            squares = np.einsum("ij,ij->j", deviation, deviation)
        self.zeros += (block == 0).sum(axis=0)
        self.negatives += (mask & (block < 0)).sum(axis=0)
        self.nans += np.isnan(block).sum(axis=0)
        self.infinities += np.isinf(block).sum(axis=0)
        self.negative_infinities += np.isneginf(block).sum(axis=0)
        low = block.min(axis=0, where=mask, initial=np.inf)
        high = block.max(axis=0, where=mask, initial=-np.inf)
        self._add_finite(low, high, finite, mean, squares)


def _true_counts(mask: np.ndarray) -> np.ndarray:
    """How many of each column's at most 255 values are true; as uint8, three times as fast as `numpy.count_nonzero`."""
    counts: np.ndarray = np.add.reduce(mask.view(np.uint8), axis=0, dtype=np.uint8)
    return counts


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
