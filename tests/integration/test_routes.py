"""The routes of a real TensorBoard, on both loading paths, give what was written."""

from __future__ import annotations

import numpy as np
import pytest

RUN = "exp/activations"


def test_runs_lists_what_was_written(tensorboard, logs):
    found = tensorboard.get("runs").json
    run = logs[RUN]
    assert (found["schema_version"], found["total_runs"]) == (1, 3)
    assert found["data_location"] == str(logs["root"])
    broken, exp, long = found["runs"]
    assert exp == {
        "run": RUN,
        "digest": run.manifest["digest"],
        "manifest_wall_time": run.wall_times[0],
        "last_step": 20,
        "last_wall_time": run.wall_times[20],
        "steps": 3,
    }
    assert (long["last_step"], long["steps"]) == (59, 60)
    assert "pip install --upgrade" in broken["error"]


def test_runs_answers_304_while_nothing_changed(tensorboard):
    answer = tensorboard.get("runs")
    again = tensorboard.get("runs", {"If-None-Match": answer.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")


def test_the_manifest_and_the_timelines_are_what_was_written(tensorboard, logs):
    run = logs[RUN]
    found = tensorboard.get("run", run=RUN).json
    assert found["manifest"] == run.manifest
    assert (found["logged"], found["kept"]) == (3, 50)
    assert found["layers"] == {"images": 0, "conv": 1, "block/dense": 1}
    assert found["timelines"] == [
        {"steps": [0], "wall_times": [run.wall_times[0]], "samples": 2},
        {"steps": [0, 10, 20], "wall_times": list(run.wall_times.values()), "samples": 2},
    ]


def test_the_series_are_what_was_written(tensorboard, logs, reads_series):
    run = logs[RUN]
    for layer in ("images", "conv", "block/dense"):
        for route, written in (("statistics", run.statistics), ("histogram", run.histograms)):
            header, values = reads_series(tensorboard.get(route, run=RUN, layer=layer).body)
            assert (header["steps"], header["wall_times"]) == ([0, 10, 20], list(run.wall_times.values()))
            np.testing.assert_array_equal(values, [written[layer, step] for step in (0, 10, 20)])
            assert values.dtype == written[layer, 0].dtype
    header, values = reads_series(tensorboard.get("health", run=RUN).body)
    assert header["columns"] == run.manifest["health_columns"]
    np.testing.assert_array_equal(values, list(run.health.values()))


def test_every_picture_is_the_bytes_that_were_written(tensorboard, logs):
    run = logs[RUN]
    for (layer, step), pictures in run.pictures.items():
        for sample, picture in enumerate(pictures):
            place = {"run": RUN, "layer": layer, "sample": sample, "step": step, "wall_time": run.wall_times[step]}
            answer = tensorboard.get("image", **place)
            assert (answer.status, answer.body) == (200, picture)
            assert "immutable" in answer.headers["Cache-Control"]


def test_an_evicted_and_an_unknown_picture_are_404(tensorboard, logs):
    run = logs["long"]
    found = tensorboard.get("run", run="long").json
    kept = found["timelines"][found["layers"]["conv"]]["steps"]
    evicted = min(set(run.wall_times) - set(kept))
    good = {"run": "long", "layer": "conv", "sample": 0, "step": kept[0], "wall_time": run.wall_times[kept[0]]}
    assert tensorboard.get("image", **good).status == 200
    for other in (
        {"step": evicted, "wall_time": run.wall_times[evicted]},
        {"wall_time": run.wall_times[kept[1]]},
        {"sample": 2},
        {"layer": "absent"},
        {"run": "absent"},
    ):
        answer = tensorboard.get("image", **{**good, **other})
        assert answer.status == 404
        assert answer.json["error"]


@pytest.mark.parametrize("query", [{}, {"run": ""}, {"run": RUN, "layer": "conv", "step": "x"}])
def test_a_malformed_request_is_400(tensorboard, query):
    answer = tensorboard.get("image", **query)
    assert answer.status == 400
    assert answer.json["error"]


def test_a_run_of_a_later_version_is_400(tensorboard):
    assert tensorboard.get("run", run="broken").status == 400


@pytest.mark.parametrize(
    "name", ["../plugin.py", "../../schema.py", "%2e%2e/plugin.py", "..%2f..%2fschema.py", "nope.js"]
)
def test_no_file_but_the_frontends_is_served(tensorboard, name):
    assert tensorboard.get(f"static/{name}").status == 404


def test_fifty_of_sixty_steps_are_kept_the_same_ones_of_everything(tensorboard, reads_series):
    found = tensorboard.get("run", run="long").json
    assert found["logged"] == 60
    pictures = found["timelines"][found["layers"]["conv"]]["steps"]
    assert len(pictures) == 50
    assert pictures[-1] == 59
    assert found["layers"]["conv"] == found["layers"]["block/dense"]
    for layer in ("conv", "block/dense"):
        for route in ("statistics", "histogram"):
            header, _ = reads_series(tensorboard.get(route, run="long", layer=layer).body)
            assert header["steps"] == pictures
    header, values = reads_series(tensorboard.get("health", run="long").body)
    assert header["steps"] == list(range(60))
    assert len(values) == 60


def test_the_tab_is_listed_as_active(tensorboard):
    listed = tensorboard.get("/data/plugins_listing").json["activations"]
    assert (listed["enabled"], listed["tab_name"]) == (True, "Activations")
    assert tensorboard.get("/data/plugin_entry.html", name="activations").status == 200


def test_the_stock_tabs_show_the_same_tags(tensorboard):
    images = tensorboard.get("/data/plugin/images/tags").json[RUN]
    histograms = tensorboard.get("/data/plugin/histograms/tags").json[RUN]
    assert {f"{layer}/image" for layer in ("images", "conv", "block/dense")} == set(images)
    assert {f"{layer}/histogram" for layer in ("images", "conv", "block/dense")} == set(histograms)
