"""Budget: a run with `keep` never grows beyond it, first gives up its pictures, and says both once."""

import warnings

import keras
import numpy as np
import pytest

from tb_activations import ActivationLogger, ActivationWarning, ActivationWriter
from tb_activations.schema import Manifest
from tests.test_writer import manifests, read, tensors

RNG = np.random.default_rng(0)


def arrays():
    # Noise, which hardly compresses: pictures are most of a log, as with real activations.
    return {"conv": RNG.normal(size=(2, 32, 32, 16)).astype(np.float32), "dense": RNG.normal(size=(2, 10))}


def size(directory):
    return sum(file.stat().st_size for file in directory.iterdir())


def logged(directory, keep, logs, flushes=True):
    """Write as many logs; what was warned of, and the writer."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with ActivationWriter(directory, keep=keep) as writer:
            for step in range(logs):
                writer.write(arrays(), step)
                # So that the background thread's decisions come in between, or after all logs are in the queue.
                if flushes:
                    writer.flush()
    return [str(one.message) for one in caught if issubclass(one.category, ActivationWarning)], writer


@pytest.mark.parametrize(("keep", "flushes"), [(200_000, True), (500_000, False)])
def test_pictures_stop_then_everything_and_the_file_never_exceeds_the_budget(tmp_path, keep, flushes):
    said, writer = logged(tmp_path, keep, 200, flushes)
    directory = tmp_path / "activations"
    assert 0.7 * keep < size(directory) <= keep
    assert writer.stats.bytes_written == size(directory)

    run = read(directory)
    pictures = [step for step, _ in tensors(run, "conv/image")]
    statistics = [step for step, _ in tensors(run, "conv/statistics")]
    assert pictures == list(range(len(pictures)))
    assert statistics == list(range(len(statistics)))
    assert 0 < len(pictures) < len(statistics) < 200
    # No log is half there: every layer, the histogram and health have the same steps.
    digest = manifests(run)[-1].digest
    for tag in ("dense/statistics", "conv/histogram", "dense/histogram", f"health/{digest}"):
        assert [step for step, _ in tensors(run, tag)] == statistics
    assert [step for step, _ in tensors(run, "dense/image")] == pictures

    assert len(said) == 2
    assert f"no pictures are written from step {len(pictures)} on; statistics and histograms go on" in said[0]
    assert f"is used up: nothing is written from step {len(statistics)} on" in said[1]
    newest = manifests(run)[-1]
    assert [note in f"{line}" for note, line in zip(newest.notes, said, strict=True)] == [True, True]
    assert (writer.stats.logs, writer.stats.skipped) == (len(statistics), 200 - len(statistics))


def test_the_last_log_has_its_pictures_where_it_is_required(tmp_path):
    keep = 300_000
    said = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with ActivationWriter(tmp_path, keep=keep) as writer:
            for step in range(100):
                writer.write(arrays(), step)
                writer.flush()
            assert not writer.write(arrays(), 100)
            for step in range(101, 151):
                assert writer.write(arrays(), step, required=True)
        said = [str(one.message) for one in caught]
    run = read(tmp_path / "activations")
    pictures = [step for step, _ in tensors(run, "conv/image")]
    assert pictures[-1] == 101
    assert pictures[:-1] == list(range(len(pictures) - 1))
    # Those that were required and did not fit any more.
    assert writer.stats.skipped > 40
    assert size(tmp_path / "activations") <= keep
    assert [line.endswith("There is room for the state after training.") for line in said] == [True, True]


def test_each_writer_says_it_and_names_the_users_line(tmp_path):
    with warnings.catch_warnings(record=True) as caught:
        # Python's own choice, which shows the same text of the same line but once.
        warnings.simplefilter("default")
        for fit in (1, 2):
            with ActivationWriter(tmp_path / str(fit), keep=1000) as writer:
                writer.write(arrays(), 0)
    assert len(caught) == 4
    assert {warning.filename for warning in caught} == {__file__}


def test_the_costs_are_in_the_manifest_to_the_end_even_of_a_used_up_budget(tmp_path):
    _, writer = logged(tmp_path, 200_000, 100)
    newest = tensors(read(tmp_path / "activations"), "manifest")[-1][1].item()
    cost = Manifest.from_json(newest).cost
    assert (cost["logs"], cost["skipped"]) == (writer.stats.logs, writer.stats.skipped)
    assert cost["seconds"] == pytest.approx(writer.stats.seconds, abs=1e-6)
    assert cost["background_seconds"] > 0


def test_a_budget_for_no_picture_at_all_still_keeps_statistics(tmp_path):
    said, writer = logged(tmp_path, 30_000, 3)
    run = read(tmp_path / "activations")
    assert "conv/image" not in run.Tags()["tensors"]
    assert [step for step, _ in tensors(run, "conv/statistics")] == [0, 1, 2]
    assert "no pictures are written from step 0 on" in said[0]
    assert writer.stats.skipped == 0


def test_a_budget_for_nothing_writes_nothing_and_says_so(tmp_path):
    said, writer = logged(tmp_path, 1000, 3)
    assert not (tmp_path / "activations").exists()
    assert "nothing is written from step 0 on" in said[-1]
    assert (writer.stats.logs, writer.stats.skipped) == (0, 3)


def test_what_earlier_fits_wrote_counts(tmp_path):
    x = RNG.normal(size=(32, 8)).astype(np.float32)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(2, "softmax", name="out")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    keep = 60_000

    def fits():
        for _ in range(12):
            logger = ActivationLogger(tmp_path, probe=x[:2], log_freq=1, keep=keep, verbose=False)
            model.fit(x, np.arange(32) % 2, batch_size=8, verbose=0, callbacks=[logger])

    with pytest.warns(ActivationWarning, match="used up"):
        fits()
    assert 0.5 * keep < size(tmp_path / "activations") <= keep


def test_without_a_budget_nothing_is_left_out(tmp_path):
    said, _ = logged(tmp_path, None, 5)
    assert said == []
    assert len(tensors(read(tmp_path / "activations"), "conv/image")) == 5
    assert manifests(read(tmp_path / "activations"))[-1].notes == ()
