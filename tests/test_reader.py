"""The reader against TensorBoard's own Python data provider; tests/integration has both providers behind a server."""

from __future__ import annotations

import pathlib
import shutil
import warnings
from types import SimpleNamespace

import grpc
import numpy as np
import pytest
from tensorboard import context, errors
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer

from tb_activations import schema
from tb_activations.plugin.reader import Reader
from tb_activations.plugin.results import NotFoundError, Scope, UnavailableError

SCOPE = Scope(context.RequestContext())
KEPT = {"images": 50, "histograms": 50, "activations": 50, "activations_health": 1000}


class Logs:
    """A log directory and a reader of it."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.multiplexer = plugin_event_multiplexer.EventMultiplexer(tensor_size_guidance=KEPT)
        self.provider = data_provider.MultiplexerDataProvider(self.multiplexer, str(root))
        self.reader = Reader(self.provider, listing_seconds=0)

    def load(self) -> Reader:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.multiplexer.AddRunsFromDirectory(str(self.root))
            self.multiplexer.Reload()
        return self.reader


@pytest.fixture
def logs(tmp_path):
    return Logs(tmp_path)


def image(reader, run, layer="conv", sample=0, step=0, name="a"):
    return reader.image(SCOPE, name, layer, sample, step, run.wall_times[step])


def test_runs_lists_every_run_with_a_manifest_and_counts_the_others(logs, writes_run):
    a = writes_run(logs.root / "a")
    writes_run(logs.root / "b/activations", steps=(5,))
    (logs.root / "empty").mkdir()
    (logs.root / "empty" / "events.out.tfevents.1.test").touch()
    found = logs.load().runs(SCOPE)
    assert (found.data_location, found.total_runs) == (str(logs.root), 3)
    assert [run.run for run in found.runs] == ["a", "b/activations"]
    summary = found.runs[0]
    assert (summary.digest, summary.manifest_wall_time) == (a.manifest["digest"], a.wall_times[0])
    assert (summary.last_step, summary.last_wall_time, summary.steps) == (20, a.wall_times[20], 3)
    assert summary.error is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"schema_version": 1, "layers": [5]}', "not what the format says"),
        ('{"schema_version": 1, "layers": [{"path": "a", "parents": 3}]}', "not what the format says"),
        ('{"schema_version": 99, "layers": []}', "pip install --upgrade"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_told_and_leaves_the_other_runs_alone(logs, writes_run, text, sentence):
    writes_run(logs.root / "good")
    writes_run(logs.root / "bad", text=text)
    reader = logs.load()
    bad, good = reader.runs(SCOPE).runs
    assert good.error is None
    assert good.steps == 3
    assert sentence in bad.error
    assert (bad.digest, bad.last_step, bad.steps) == (None, None, None)
    with pytest.raises(schema.SchemaError, match=sentence):
        reader.manifest(SCOPE, "bad")


def test_a_tensor_that_cannot_be_decoded_leaves_the_other_runs_alone(logs, writes_run, monkeypatch):
    writes_run(logs.root / "good")
    writes_run(logs.root / "bad")
    read = logs.provider.read_tensors

    def fails_for_bad(ctx, **arguments):
        if "bad" in arguments["run_tag_filter"].runs:
            raise ValueError("cannot reshape array")
        return read(ctx, **arguments)

    monkeypatch.setattr(logs.provider, "read_tensors", fails_for_bad)
    summaries = {run.run: run for run in logs.load().runs(SCOPE).runs}
    assert "cannot be decoded" in summaries["bad"].error
    assert summaries["good"].error is None


def test_fields_a_later_writer_added_to_the_manifest_are_passed_on(logs, writes_run, makes_manifest):
    writes_run(logs.root / "a", text=makes_manifest(novelty={"x": 1}))
    assert logs.load().manifest(SCOPE, "a").written["novelty"] == {"x": 1}


def test_the_newest_of_several_manifests_counts(logs, writes_run, makes_manifest):
    writes_run(logs.root / "a", text=makes_manifest(labels=["old"]))
    late = writes_run(logs.root / "a", steps=(30,), start=1.9e9, seed=1, text=makes_manifest(labels=["new"]))
    found = logs.load().manifest(SCOPE, "a")
    assert found.manifest.labels == ("new",)
    assert found.wall_time == late.wall_times[30]


def test_an_unknown_run_is_not_found_and_the_nearest_is_named(logs, writes_run):
    writes_run(logs.root / "exp1/activations")
    with pytest.raises(NotFoundError, match="Did you mean 'exp1/activations'"):
        logs.load().manifest(SCOPE, "exp1/activation")


def test_an_unknown_layer_is_not_found_and_the_nearest_is_named(logs, writes_run):
    writes_run(logs.root / "a")
    with pytest.raises(NotFoundError, match="Did you mean 'conv'"):
        logs.load().statistics(SCOPE, "a", "comv")


def test_timelines_are_the_distinct_series_of_steps(logs, writes_run):
    a = writes_run(logs.root / "a")
    found = logs.load().timelines(SCOPE, "a", ["images", "conv", "block/dense", "absent"])
    assert found.layers == {"images": 0, "conv": 1, "block/dense": 1}
    inputs, others = found.timelines
    assert (inputs.steps, inputs.samples) == ((0,), 2)
    assert (others.steps, others.wall_times) == ((0, 10, 20), tuple(a.wall_times.values()))


def test_series_are_what_was_written_with_their_columns(logs, writes_run):
    a = writes_run(logs.root / "a")
    reader = logs.load()
    health = reader.health(SCOPE, "a")
    assert health.columns == tuple(a.manifest["health_columns"])
    assert (health.steps, health.wall_times) == ((0, 10, 20), tuple(a.wall_times.values()))
    np.testing.assert_array_equal(health.values, list(a.health.values()))
    for name, written in (("statistics", a.statistics), ("histogram", a.histograms)):
        series = getattr(reader, name)(SCOPE, "a", "block/dense")
        np.testing.assert_array_equal(series.values, [written["block/dense", step] for step in (0, 10, 20)])
    assert health.values.dtype == np.float32
    assert series.values.dtype == np.float64


class OneSeries:
    """A provider that answers read_tensors with given data."""

    def __init__(self, provider, *data):
        self._provider = provider
        self.data = [SimpleNamespace(step=step, wall_time=wall, numpy=np.asarray(value)) for step, wall, value in data]

    def __getattr__(self, name):
        return getattr(self._provider, name)

    def read_tensors(self, ctx, *, run_tag_filter, **arguments):
        if schema.MANIFEST_TAG in run_tag_filter.tags:
            return self._provider.read_tensors(ctx, run_tag_filter=run_tag_filter, **arguments)
        return {run: dict.fromkeys(run_tag_filter.tags, self.data) for run in run_tag_filter.runs}


def test_a_series_is_sorted_and_the_last_value_of_a_step_counts(logs, writes_run):
    writes_run(logs.root / "a")
    logs.load()
    provider = OneSeries(logs.provider, (10, 1.0, [[1.0]]), (0, 2.0, [[2.0]]), (10, 3.0, [[3.0]]))
    series = Reader(provider).statistics(SCOPE, "a", "conv")
    assert (series.steps, series.wall_times) == ((0, 10), (2.0, 3.0))
    np.testing.assert_array_equal(series.values[:, 0, 0], [2.0, 3.0])


def test_a_tensor_shaped_unlike_the_newest_is_left_out(logs, writes_run):
    writes_run(logs.root / "a")
    logs.load()
    provider = OneSeries(logs.provider, (0, 1.0, [[1.0], [2.0]]), (10, 2.0, [[3.0]]), (20, 3.0, [[4.0]]))
    assert Reader(provider).statistics(SCOPE, "a", "conv").steps == (10, 20)


def test_statistics_columns_that_were_not_written_are_zero(logs, writes_run):
    a = writes_run(logs.root / "a")
    logs.load()
    provider = OneSeries(logs.provider, (0, 1.0, [[1.0, 2.0]]), (10, 2.0, [[3.0, 4.0, 5.0]]), (20, 3.0, [[6.0]]))
    series = Reader(provider).statistics(SCOPE, "a", "conv")
    assert series.steps == (0, 10, 20)
    assert series.values.shape == (3, 1, len(a.manifest["statistics_columns"]))
    np.testing.assert_array_equal(series.values[:, 0, :4], [[1, 2, 0, 0], [3, 4, 5, 0], [6, 0, 0, 0]])
    assert not series.values[..., 4:].any()


def test_a_picture_is_the_bytes_that_were_written(logs, writes_run):
    a = writes_run(logs.root / "a")
    reader = logs.load()
    for sample in (0, 1):
        assert image(reader, a, sample=sample, step=10) == a.pictures["conv", 10][sample]


@pytest.mark.parametrize(
    "place", [{"sample": 2}, {"step": 5}, {"layer": "absent"}, {"name": "absent"}, {"layer": "conv/image"}]
)
def test_a_picture_that_is_not_there_is_not_found(logs, writes_run, place):
    a = writes_run(logs.root / "a")
    a.wall_times[5] = 0.0
    reader = logs.load()
    reader.timelines(SCOPE, "a", ["conv"])
    with pytest.raises(NotFoundError):
        image(reader, a, **place)


def test_an_address_never_shows_the_picture_of_a_run_logged_anew(logs, writes_run):
    old = writes_run(logs.root / "a")
    reader = logs.load()
    assert image(reader, old, step=10) == old.pictures["conv", 10][0]
    shutil.rmtree(logs.root / "a")
    logs.load()
    new = writes_run(logs.root / "a", start=1.9e9, seed=1)
    logs.load()
    with pytest.raises(NotFoundError):
        image(reader, old, step=10)
    assert image(reader, new, step=10) == new.pictures["conv", 10][0]


def test_a_picture_logged_later_is_found_without_a_new_reader(logs, writes_run):
    early = writes_run(logs.root / "a", steps=(0,))
    reader = logs.load()
    image(reader, early)
    late = writes_run(logs.root / "a", steps=(10,), start=1.9e9, seed=1)
    assert image(logs.load(), late, step=10) == late.pictures["conv", 10][0]
    assert reader.runs(SCOPE).runs[0].steps == 2
    assert reader.timelines(SCOPE, "a", ["conv"]).timelines[0].steps == (0, 10)


def test_an_unchanged_run_is_read_once(logs, writes_run, monkeypatch):
    writes_run(logs.root / "a")
    reader = logs.load()
    reader.runs(SCOPE), reader.timelines(SCOPE, "a", ["conv"])
    for method in ("read_tensors", "read_blob_sequences"):
        monkeypatch.setattr(logs.provider, method, None)
    assert reader.runs(SCOPE).runs[0].steps == 3
    assert len(reader.timelines(SCOPE, "a", ["conv"]).timelines) == 1


class Refused(grpc.RpcError, grpc.Call):
    def code(self):
        return grpc.StatusCode.UNAVAILABLE

    def details(self):
        return "connection refused"

    def _nothing(self, *_):
        pass

    add_callback = cancel = initial_metadata = trailing_metadata = is_active = time_remaining = _nothing


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Refused(), UnavailableError),
        (errors.PermissionDeniedError("no"), UnavailableError),
        (errors.NotFoundError("gone"), NotFoundError),
        (KeyError("a"), UnavailableError),
    ],
)
def test_a_providers_faults_become_ours(logs, monkeypatch, fault, expected):
    def fails(*_, **__):
        raise fault

    monkeypatch.setattr(logs.provider, "list_tensors", fails)
    with pytest.raises(expected):
        logs.load().runs(SCOPE)


@pytest.mark.parametrize("fault", [KeyError("a"), IndexError(), errors.InvalidArgumentError("key")])
def test_a_blob_key_the_provider_does_not_know_is_not_found(logs, writes_run, monkeypatch, fault):
    a = writes_run(logs.root / "a")

    def fails(*_, **__):
        raise fault

    monkeypatch.setattr(logs.provider, "read_blob", fails)
    with pytest.raises(NotFoundError):
        image(logs.load(), a)
