"""Real TensorBoard processes, on both of its loading paths."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.tensorboard_server import TensorBoard, running


@pytest.fixture(scope="session")
def runs_tensorboard() -> Callable[..., contextlib.AbstractContextManager[TensorBoard]]:
    return running


@pytest.fixture(scope="session", params=["false", "true"], ids=["python_loader", "data_server"])
def load_fast(request: pytest.FixtureRequest) -> str:
    return f"--load_fast={request.param}"


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory, writes_run: Callable[..., Any]) -> dict[str, Any]:
    """exp: three steps. long: 60 steps. broken: a manifest of a later version."""
    root = tmp_path_factory.mktemp("logs")
    return {
        "root": root,
        "exp/activations": writes_run(root / "exp" / "activations"),
        "long": writes_run(root / "long", steps=range(60), seed=1),
        "broken": writes_run(root / "broken", text='{"schema_version": 2}'),
    }


@pytest.fixture(scope="session")
def tensorboard(logs: dict[str, Any], load_fast: str) -> Iterator[TensorBoard]:
    with running(logs["root"], load_fast) as server:
        server.wait_for(lambda runs: {run["last_step"] for run in runs["runs"]} == {20, 59, None})
        yield server
