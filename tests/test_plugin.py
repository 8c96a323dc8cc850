"""Loader and routes, without a server: TensorBoard's WSGI application around our plugin."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from tensorboard.backend import application
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.plugins import base_plugin
from werkzeug import test, wrappers

from tb_activations.plugin import assets, plugin
from tb_activations.plugin.loader import ActivationsLoader

ROOT = "/data/plugin/activations"
KEPT = {"images": 50, "histograms": 50, "activations": 50, "activations_health": 1000}


def flags_for(*arguments: str, **fields) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    loader = ActivationsLoader()
    loader.define_flags(parser)
    flags = parser.parse_args(arguments)
    flags.samples_per_plugin = {}
    vars(flags).update(fields)
    loader.fix_flags(flags)
    return flags


def test_the_same_number_of_steps_is_kept_of_all_that_is_shown():
    assert flags_for().samples_per_plugin == KEPT


def test_activations_steps_sets_how_many_steps_are_kept():
    kept = flags_for("--activations_steps=7").samples_per_plugin
    assert kept == {**KEPT, "images": 7, "histograms": 7, "activations": 7}
    assert flags_for("--activations_steps", "2000").samples_per_plugin["activations_health"] == 2000


def test_the_users_own_samples_per_plugin_wins():
    assert flags_for(samples_per_plugin={"images": 5, "scalars": 9}).samples_per_plugin == {
        **KEPT,
        "images": 5,
        "scalars": 9,
    }


@pytest.mark.parametrize("steps", [0, -1, None, "many"])
def test_images_are_never_kept_at_zero(steps):
    assert flags_for(activations_steps=steps).samples_per_plugin == KEPT


@pytest.mark.parametrize("flags", [SimpleNamespace(), SimpleNamespace(samples_per_plugin="images=5"), None])
def test_fixing_flags_never_raises(flags):
    ActivationsLoader().fix_flags(flags)


def test_defining_flags_never_raises_and_the_default_then_counts():
    parser = argparse.ArgumentParser()
    parser.add_argument("--activations_steps", default="someone else's")
    ActivationsLoader().define_flags(parser)
    ActivationsLoader().define_flags(None)
    flags = parser.parse_args([])
    flags.samples_per_plugin = {}
    ActivationsLoader().fix_flags(flags)
    assert flags.samples_per_plugin == KEPT


def test_the_help_text_can_be_formatted():
    parser = argparse.ArgumentParser()
    ActivationsLoader().define_flags(parser)
    assert "--activations_steps N" in parser.format_help()


def test_the_loader_imports_next_to_nothing():
    script = (
        "import sys, tensorboard.plugins.base_plugin; before = set(sys.modules);"
        "import tb_activations.plugin.loader;"
        "print(*(set(sys.modules) - before))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    new = set(result.stdout.split())
    assert not {name.split(".")[0] for name in new} & {"tensorflow", "keras", "grpc", "werkzeug", "google_crc32c"}
    assert "tb_activations.plugin.reader" not in new


class Server:
    """TensorBoard's application with our plugin alone."""

    def __init__(self, root) -> None:
        multiplexer = plugin_event_multiplexer.EventMultiplexer(tensor_size_guidance=KEPT)
        multiplexer.AddRunsFromDirectory(str(root))
        multiplexer.Reload()
        self.provider = data_provider.MultiplexerDataProvider(multiplexer, str(root))
        flags = SimpleNamespace(
            logdir=str(root), path_prefix="", samples_per_plugin=KEPT, window_title="", grpc_data_provider=""
        )
        app = application.TensorBoardWSGIApp(flags, [ActivationsLoader()], data_provider=self.provider)
        self.client = test.Client(app, wrappers.Response)

    def get(self, route, headers=None, **query):
        return self.client.get(f"{ROOT}/{route}", query_string=query, headers=headers or {})


@pytest.fixture
def run(tmp_path, writes_run):
    return writes_run(tmp_path / "logs" / "exp")


@pytest.fixture
def server(run):
    return Server(run.directory.parent)


@pytest.fixture
def built(tmp_path, monkeypatch):
    """A built frontend of four files."""
    directory = tmp_path / "static"
    directory.mkdir()
    (directory / "index.js").write_text("export const render = () => {};")
    (directory / "view-1a2b.js").write_text("'view';")
    (directory / "view-1a2b.css").write_text("body {}")
    (directory / ".hidden").write_text("secret")
    (tmp_path / "secret.js").write_text("secret")
    monkeypatch.setattr(assets.load_assets, "__defaults__", (directory,))
    return directory


def test_runs_is_as_documented(server, run):
    response = server.get("runs")
    assert response.status_code == 200
    assert response.content_type == "application/json"
    assert response.json == {
        "schema_version": 1,
        "data_location": str(run.directory.parent),
        "total_runs": 1,
        "runs": [
            {
                "run": "exp",
                "digest": run.manifest["digest"],
                "manifest_wall_time": run.wall_times[0],
                "last_step": 20,
                "last_wall_time": run.wall_times[20],
                "steps": 3,
            }
        ],
    }


def test_runs_answers_304_while_nothing_changed(server):
    tag = server.get("runs").headers["ETag"]
    again = server.get("runs", {"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    # TensorBoard warns of each response without one, in the user's terminal.
    assert again.headers["Content-Type"] == "application/json"
    assert server.get("runs", {"If-None-Match": 'W/"other"'}).status_code == 200


def test_a_run_that_cannot_be_read_is_told_in_runs_and_is_400_in_run(tmp_path, writes_run):
    writes_run(tmp_path / "new", text='{"schema_version": 2}')
    server = Server(tmp_path)
    (listed,) = server.get("runs").json["runs"]
    assert "pip install --upgrade" in listed["error"]
    assert listed["digest"] is None
    response = server.get("run", run="new")
    assert (response.status_code, response.json["error"]) == (400, listed["error"])


def test_run_is_as_documented(server, run):
    found = server.get("run", run="exp").json
    assert found["manifest"] == run.manifest
    assert (found["run"], found["logged"], found["kept"]) == ("exp", 3, 50)
    assert found["layers"] == {"images": 0, "conv": 1, "block/dense": 1}
    assert found["timelines"][1] == {
        "steps": [0, 10, 20],
        "wall_times": list(run.wall_times.values()),
        "samples": 2,
    }


def test_a_manifest_with_nan_is_still_json_for_browsers(tmp_path, writes_run, makes_manifest):
    writes_run(tmp_path / "exp", text=makes_manifest(options={"x": float("nan")}))
    text = Server(tmp_path).get("run", run="exp").text
    assert json.loads(text, parse_constant=pytest.fail)["manifest"]["options"] == {"x": None}


def test_a_picture_is_untouched_and_immutable(server, run):
    place = {"run": "exp", "layer": "conv", "sample": 1, "step": 10, "wall_time": run.wall_times[10]}
    response = server.get("image", **place)
    assert response.data == run.pictures["conv", 10][1]
    assert response.content_type == "image/png"
    assert response.headers.get_all("Cache-Control") == ["private, max-age=31536000, immutable"]


def test_series_are_octets_with_a_header(server, run, reads_series):
    for route, query in (("health", {}), ("statistics", {"layer": "conv"}), ("histogram", {"layer": "conv"})):
        response = server.get(route, run="exp", **query)
        assert response.content_type == "application/octet-stream"
        header, values = reads_series(response.data)
        assert header["steps"] == [0, 10, 20]
        assert values.shape[-1] == len(header["columns"])


GOOD = {"run": "exp", "layer": "conv", "sample": "0", "step": "0", "wall_time": "1"}


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_missing_parameter_is_malformed_and_named(server, name):
    response = server.get("image", **{key: value for key, value in GOOD.items() if key != name})
    assert response.status_code == 400
    assert name in response.json["error"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("step", "1.5"),
        ("step", "1_0"),
        ("step", "٣"),
        ("step", "9" * 30),
        ("sample", "-1"),
        ("wall_time", "nan"),
        ("wall_time", "soon"),
    ],
)
def test_a_malformed_parameter_is_400_and_named(server, name, value):
    response = server.get("image", **{**GOOD, name: value})
    assert response.status_code == 400
    assert name in response.json["error"]


@pytest.mark.parametrize(
    ("route", "query"),
    [
        ("run", {"run": "absent"}),
        ("health", {"run": "absent"}),
        ("statistics", {"run": "exp", "layer": "absent"}),
        ("histogram", {"run": "exp", "layer": "absent"}),
        ("image", GOOD),
    ],
)
def test_what_is_not_there_is_404_with_a_sentence(server, route, query):
    response = server.get(route, **query)
    assert response.status_code == 404
    assert response.json["error"]


def test_a_provider_that_does_not_answer_is_503(server, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("dictionary changed size during iteration")

    monkeypatch.setattr(server.provider, "list_tensors", fails)
    assert server.get("runs").status_code == 503


def test_a_fault_of_ours_is_500_with_a_sentence(server, monkeypatch):
    monkeypatch.setattr(plugin, "_json", lambda data, dumps=plugin._json: dumps(data) if "error" in data else 1 / 0)
    response = server.get("runs")
    assert response.status_code == 500
    assert "ZeroDivisionError" in response.json["error"]


@pytest.mark.parametrize("route", ["runs", "run", "image", "index.js", "static/x.js"])
def test_only_get_is_answered(server, route):
    response = server.client.post(f"{ROOT}/{route}")
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"
    assert "error" in response.json


def test_the_entry_is_not_cached_and_the_rest_is_immutable(built, server):
    entry, script, style = (server.get(name) for name in ("index.js", "static/view-1a2b.js", "static/view-1a2b.css"))
    assert entry.data == (built / "index.js").read_bytes()
    assert "no-cache" in entry.headers["Cache-Control"]
    assert entry.content_type.startswith("text/javascript")
    assert script.content_type.startswith("text/javascript")
    assert style.content_type.startswith("text/css")
    assert "immutable" in script.headers["Cache-Control"]
    assert script.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "name", ["../secret.js", "%2e%2e/secret.js", "..%2fsecret.js", ".hidden", "", "absent.js", "/etc/passwd"]
)
def test_no_other_file_is_served(built, server, name):
    response = server.get(f"static/{name}")
    assert response.status_code == 404
    assert response.data != b"secret"


def test_a_missing_build_is_404_with_a_sentence(built, run):
    (built / "index.js").unlink()
    response = Server(run.directory.parent).get("index.js")
    assert response.status_code == 404
    assert "frontend" in response.json["error"]


def listing(server):
    return server.client.get("/data/plugins_listing").json["activations"]


def test_the_tab_is_active_when_there_are_activations(server):
    found = listing(server)
    assert (found["enabled"], found["tab_name"]) == (True, "Activations")
    assert found["loading_mechanism"] == {"type": "IFRAME", "module_path": f"{ROOT}/index.js"}


def test_the_tab_is_inactive_without_any(tmp_path):
    assert listing(Server(tmp_path))["enabled"] is False


def test_a_tensorboard_without_a_data_provider_goes_without_the_tab():
    assert ActivationsLoader().load(base_plugin.TBContext()) is None


def test_kept_is_unknown_when_an_outside_data_server_decides(tmp_path):
    flags = SimpleNamespace(grpc_data_provider="localhost:1")
    assert plugin._kept_steps(base_plugin.TBContext(flags=flags, sampling_hints=KEPT)) is None
