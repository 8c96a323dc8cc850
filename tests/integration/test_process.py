"""What the plugin does to a TensorBoard process: retention, faults, restarts, and life without TensorFlow."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

WITHOUT_FRAMEWORKS = """
import sys

class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Forbidden())
"""

RAISING_LOAD = """
from tb_activations.plugin import loader

def load(self, context):
    raise RuntimeError("this plugin is broken")

loader.ActivationsLoader.load = load
"""


def all_loaded(steps):
    return lambda runs: [run["steps"] for run in runs["runs"]] == steps


def kept_of(server, reads_series, run):
    found = server.get("run", run=run).json
    statistics, _ = reads_series(server.get("statistics", run=run, layer="conv").body)
    return len(found["timelines"][found["layers"]["conv"]]["steps"]), len(statistics["steps"]), found["kept"]


def test_the_users_samples_per_plugin_wins(runs_tensorboard, load_fast, tmp_path, writes_run, reads_series):
    writes_run(tmp_path / "long", steps=range(60))
    with runs_tensorboard(tmp_path, load_fast, "--samples_per_plugin=images=5") as server:
        server.wait_for(all_loaded([60]))
        assert kept_of(server, reads_series, "long") == (5, 50, 5)


def test_activations_steps_sets_what_is_kept(runs_tensorboard, load_fast, tmp_path, writes_run, reads_series):
    writes_run(tmp_path / "long", steps=range(60))
    with runs_tensorboard(tmp_path, load_fast, "--activations_steps=8") as server:
        server.wait_for(all_loaded([60]))
        assert kept_of(server, reads_series, "long") == (8, 8, 8)


def test_a_plugin_that_does_not_load_leaves_the_other_tabs_alone(runs_tensorboard, logs):
    with runs_tensorboard(logs["root"], prelude=RAISING_LOAD) as server:
        listing = server.get("/data/plugins_listing")
        assert listing.status == 200
        assert "activations" not in listing.json
        assert "images" in listing.json
        assert server.get("/data/runs").status == 200
        assert server.get("runs").status == 404


@pytest.mark.parametrize("module", ["", ".plugin.loader", ".plugin.plugin", ".plugin.reader"])
def test_the_viewers_half_imports_without_tensorflow(module):
    script = WITHOUT_FRAMEWORKS + f"\nimport tb_activations{module}"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_tensorboard_without_tensorflow_serves_activations(runs_tensorboard, load_fast, logs):
    with runs_tensorboard(logs["root"], load_fast, prelude=WITHOUT_FRAMEWORKS) as server:
        server.wait_for(lambda runs: {run["last_step"] for run in runs["runs"]} == {20, 59, None})
        run = logs["exp/activations"]
        place = {"run": "exp/activations", "layer": "conv", "sample": 0, "step": 10, "wall_time": run.wall_times[10]}
        assert server.get("image", **place).body == run.pictures["conv", 10][0]


def test_a_run_that_grows_is_followed(runs_tensorboard, load_fast, tmp_path, writes_run):
    writes_run(tmp_path / "a", steps=(0, 1))
    with runs_tensorboard(tmp_path, load_fast) as server:
        server.wait_for(all_loaded([2]))
        tag = server.get("runs").headers["ETag"]
        writes_run(tmp_path / "a", steps=(2, 3), start=1.9e9, seed=1)
        server.wait_for(all_loaded([4]))
        assert server.get("runs", {"If-None-Match": tag}).status == 200
        found = server.get("run", run="a").json
        assert found["timelines"][found["layers"]["conv"]]["steps"] == [0, 1, 2, 3]


def test_an_address_never_shows_the_picture_of_a_run_logged_anew(runs_tensorboard, load_fast, tmp_path, writes_run):
    old = writes_run(tmp_path / "a", steps=(0,))
    place = {"run": "a", "layer": "conv", "sample": 0, "step": 0, "wall_time": old.wall_times[0]}
    with runs_tensorboard(tmp_path, load_fast) as server:
        server.wait_for(all_loaded([1]))
        assert server.get("image", **place).body == old.pictures["conv", 0][0]
        shutil.rmtree(tmp_path / "a")
        server.wait_for(all_loaded([]))
        new = writes_run(tmp_path / "a", steps=(0,), start=1.9e9, seed=1)
        server.wait_for(all_loaded([1]))
        assert server.get("image", **place).status == 404
        place["wall_time"] = new.wall_times[0]
        assert server.get("image", **place).body == new.pictures["conv", 0][0]


def test_a_log_directory_without_activations_has_an_inactive_tab_and_no_runs(runs_tensorboard, load_fast, tmp_path):
    with runs_tensorboard(tmp_path, load_fast) as server:
        assert server.get("/data/plugins_listing").json["activations"]["enabled"] is False
        assert server.get("runs").json["runs"] == []


def test_a_resumed_run_drops_what_came_after_its_first_step(runs_tensorboard, load_fast, tmp_path, writes_run):
    # TensorBoard's Python loader does so only for files that begin with SessionLog.START; its data server always.
    writes_run(tmp_path / "a", steps=(0, 10, 20, 30, 40), session=True)
    resumed = writes_run(tmp_path / "a", steps=(20, 30), start=1.9e9, seed=1, session=True)
    with runs_tensorboard(tmp_path, load_fast) as server:
        server.wait_for(all_loaded([4]))
        found = server.get("run", run="a").json
        assert found["timelines"][found["layers"]["conv"]]["steps"] == [0, 10, 20, 30]
        place = {"run": "a", "layer": "conv", "sample": 0, "step": 20, "wall_time": resumed.wall_times[20]}
        assert server.get("image", **place).body == resumed.pictures["conv", 20][0]
