"""What the writer wrote, as a real TensorBoard serves it."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from tb_activations import ActivationWarning, ActivationWriter, read_atlas


def log(directory, steps, value=0.0):
    rng = np.random.default_rng(1)
    with ActivationWriter(directory / "exp1", labels=["a", "b"]) as writer:
        for step in steps:
            writer.write({"block/conv": (rng.normal(size=(2, 4, 5, 3)) + value + step).astype(np.float32)}, step)


def expected(step, steps, value=0.0):
    rng = np.random.default_rng(1)
    for at in steps:
        values = (rng.normal(size=(2, 4, 5, 3)) + value + at).astype(np.float32)
        if at == step:
            return values
    raise KeyError(step)


@pytest.fixture
def board(tmp_path, runs_tensorboard, load_fast):
    log(tmp_path, [0, 10, 20])
    with runs_tensorboard(tmp_path, load_fast) as board:
        board.wait_for(lambda answer: any(run.get("steps") == 3 for run in answer["runs"]))
        yield board


RUN = "exp1/activations"


def test_every_route_gives_back_what_was_written(board, reads_series):
    run = board.get("run", run=RUN).json
    assert run["manifest"]["labels"] == ["a", "b"]
    timeline = run["timelines"][run["layers"]["block/conv"]]
    assert timeline["steps"] == [0, 10, 20]

    values = expected(10, [0, 10, 20])
    query = {"run": RUN, "layer": "block/conv"}
    picture = board.get("image", **query, sample=1, step=10, wall_time=timeline["wall_times"][1])
    atlas = read_atlas(picture.body)
    np.testing.assert_allclose(atlas.values, np.moveaxis(values[1], -1, 0), atol=np.ptp(values) / 255)
    assert Image.open(io.BytesIO(picture.body)).format == "PNG"

    header, statistics = reads_series(board.get("statistics", **query).body)
    assert header["steps"] == [0, 10, 20]
    np.testing.assert_allclose(statistics[1, :, header["columns"].index("max")], values.max(axis=(0, 1, 2)))

    counts, edges = np.histogram(values, 64)
    _, histogram = reads_series(board.get("histogram", **query).body)
    np.testing.assert_allclose(histogram[1], np.stack([edges[:-1], edges[1:], counts], axis=1), rtol=0, atol=2e-6)

    header, health = reads_series(board.get("health", run=RUN).body)
    np.testing.assert_allclose(health[1, 0, header["columns"].index("mean")], values.mean(), rtol=1e-6)


def test_statistics_are_complete_whichever_columns_a_step_wrote(tmp_path, runs_tensorboard, load_fast, reads_series):
    rng = np.random.default_rng(0)
    positive = rng.uniform(1, 2, (1, 4, 5, 3)).astype(np.float32)
    with_zero, with_nan = positive.copy(), positive.copy()
    with_zero[0, 0, 0, 1] = 0
    with_nan[0, 0, 0, 2] = np.nan
    with ActivationWriter(tmp_path / "exp1") as writer:
        for step, values in enumerate((with_nan, positive, -positive, with_zero)):
            writer.write({"conv": values}, step)
    with runs_tensorboard(tmp_path, load_fast) as board:
        board.wait_for(lambda answer: any(run.get("steps") == 4 for run in answer["runs"]))
        header, served = reads_series(board.get("statistics", run=RUN, layer="conv").body)
    assert header["steps"] == [0, 1, 2, 3]
    columns = {name: served[..., i] for i, name in enumerate(header["columns"])}
    np.testing.assert_allclose(
        columns["max"][1:, 0], [positive[..., 0].max(), -positive[..., 0].min(), positive[..., 0].max()]
    )
    np.testing.assert_array_equal(columns["nan_count"], [[0, 0, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(columns["negative_fraction"], [[0] * 3, [0] * 3, [1] * 3, [0] * 3])
    np.testing.assert_allclose(columns["zero_fraction"], [[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0.05, 0]])
    assert not columns["negative_inf_count"].any()


def test_predictions_are_served_and_a_run_without_them_says_so(tmp_path, runs_tensorboard, load_fast, reads_series):
    keras = pytest.importorskip("keras")
    log(tmp_path, [0])
    x = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax", name="out")])
    with ActivationWriter(tmp_path / "classes") as writer:
        for step in (0, 5):
            writer.log(model, x, step)
    with runs_tensorboard(tmp_path, load_fast) as board:
        board.wait_for(lambda answer: {run.get("steps") for run in answer["runs"]} == {1, 2})
        header, values = reads_series(board.get("predictions", run="classes/activations").body)
        assert header["steps"] == [0, 5]
        assert header["columns"] == ["class_1", "score_1", "class_2", "score_2", "class_3", "score_3"]
        truth = model.predict(x, verbose=0)
        np.testing.assert_array_equal(values[1, :, 0], truth.argmax(axis=1))
        np.testing.assert_allclose(values[1, :, 1], truth.max(axis=1), rtol=1e-5)
        refused = board.get("predictions", run=RUN)
        assert refused.status == 404
        assert "no predictions" in refused.json["error"]


def test_a_run_resumed_from_a_lower_step_replaces_what_came_after(tmp_path, runs_tensorboard, load_fast):
    log(tmp_path, [0, 10, 20, 30])
    log(tmp_path, [20], value=100)
    with runs_tensorboard(tmp_path, load_fast) as board:
        board.wait_for(lambda answer: any(run.get("last_step") == 20 for run in answer["runs"]))
        run = board.get("run", run=RUN).json
        timeline = run["timelines"][run["layers"]["block/conv"]]
        assert timeline["steps"] == [0, 10, 20]
        picture = board.get(
            "image", run=RUN, layer="block/conv", sample=0, step=20, wall_time=timeline["wall_times"][2]
        )
        assert read_atlas(picture.body).values.min() > 90


def test_what_logging_cost_and_why_pictures_end_are_served(tmp_path, runs_tensorboard, load_fast, reads_series):
    maps = np.random.default_rng(0).normal(size=(2, 32, 32, 16)).astype(np.float32)
    writer = ActivationWriter(tmp_path / "small", keep=300_000)
    for step in range(9):
        writer.write({"conv": maps + step}, step)
    with pytest.warns(ActivationWarning, match="no pictures are written"):
        writer.flush()
    query = {"run": "small/activations", "layer": "conv"}
    with runs_tensorboard(tmp_path, load_fast, "--reload_interval=1") as board:
        board.wait_for(lambda answer: any(run.get("steps") == 9 for run in answer["runs"]))
        running = board.get("run", run=query["run"]).json
        timeline = running["timelines"][running["layers"]["conv"]]["steps"]
        assert timeline == list(range(len(timeline)))
        assert 0 < len(timeline) < 9
        assert reads_series(board.get("statistics", **query).body)[0]["steps"] == list(range(9))
        assert f"no pictures are written from step {len(timeline)} on" in running["manifest"]["notes"][0]

        writer.close()
        stats = dataclasses.asdict(writer.stats)
        cost_of = lambda: board.get("run", run=query["run"]).json["manifest"]["cost"]  # noqa: E731
        board.wait_for(lambda _: cost_of()["seconds"] == pytest.approx(stats["seconds"], abs=1e-5))
        cost = cost_of()
        assert cost.pop("bytes_written") < stats.pop("bytes_written")
        assert cost == pytest.approx(stats, abs=1e-5)
