"""What the reader answers with: frozen values that know neither the data provider nor HTTP."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from tb_activations import schema


class NotFoundError(LookupError):
    """What was asked for is not there, or not there any more."""


class UnavailableError(RuntimeError):
    """TensorBoard's data provider did not answer."""


@dataclasses.dataclass(frozen=True)
class Scope:
    """Whose data a request means: TensorBoard's request context and the experiment's id (empty for a local one)."""

    context: Any
    experiment: str = ""


@dataclasses.dataclass(frozen=True)
class RunSummary:
    """One run with a manifest of ours; `error` says why the manifest cannot be read, and then the rest is None."""

    run: str
    digest: str | None = None
    manifest_wall_time: float | None = None
    last_step: int | None = None
    last_wall_time: float | None = None
    steps: int | None = None
    error: str | None = None


@dataclasses.dataclass(frozen=True)
class Runs:
    data_location: str
    total_runs: int
    runs: tuple[RunSummary, ...]


@dataclasses.dataclass(frozen=True)
class RunManifest:
    """A run's newest manifest: as the contract reads it, and as it was written (with fields we do not know)."""

    manifest: schema.Manifest
    written: Mapping[str, Any]
    digest: str
    wall_time: float


@dataclasses.dataclass(frozen=True)
class Timeline:
    """Steps at which pictures of `samples` probe samples exist, ascending."""

    steps: tuple[int, ...]
    wall_times: tuple[float, ...]
    samples: int


@dataclasses.dataclass(frozen=True)
class Timelines:
    """The distinct timelines of a run, and which of them each layer path has."""

    timelines: tuple[Timeline, ...]
    layers: Mapping[str, int]


@dataclasses.dataclass(frozen=True)
class Series:
    """One tensor per step. values: float `[steps, …, columns]`; steps ascend and are distinct."""

    steps: tuple[int, ...]
    wall_times: tuple[float, ...]
    values: np.ndarray
    columns: tuple[str, ...]
