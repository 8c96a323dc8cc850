"""Writer: what is handed over is on the disk in order, read back by TensorBoard; a fault never stops the caller."""

import dataclasses
import shutil
import threading
import warnings
import weakref

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

from tb_activations import ActivationWarning, ActivationWriter, read_atlas, run_file
from tb_activations.budget import Budget
from tb_activations.cost import WriterStats
from tb_activations.encode import Limits, encode_layer
from tb_activations.schema import Manifest

KEEP_ALL = {"tensors": 0}


def read(directory):
    accumulator = EventAccumulator(str(directory), size_guidance=KEEP_ALL)
    accumulator.Reload()
    return accumulator


def tensors(accumulator, tag):
    return [(event.step, tensor_util.make_ndarray(event.tensor_proto)) for event in accumulator.Tensors(tag)]


def manifests(accumulator):
    """Those that differ in more than the costs so far, which are written again when the writer is closed."""
    found = [Manifest.from_json(value.item()) for _, value in tensors(accumulator, "manifest")]
    texts = dict.fromkeys(dataclasses.replace(one, cost={}).to_json() for one in found)
    return list(map(Manifest.from_json, texts))


def write_and_close(writer, logs):
    """The background thread may warn at any moment in here."""
    for step, arrays in logs.items():
        writer.write(arrays, step)
    writer.close()


def test_a_mapping_of_arrays_is_written_under_every_tag_of_the_contract(tmp_path):
    values = np.random.default_rng(0).normal(size=(2, 5, 5, 3)).astype(np.float32)
    with ActivationWriter(tmp_path, labels=[7, "cat"]) as writer:
        writer.write({"block/conv": values}, 10)
        writer.write({"block/conv": values * 2}, 20)
    log = read(tmp_path / "activations")
    [manifest] = manifests(log)
    assert manifest.labels == ("7", "cat")
    assert [layer.path for layer in manifest.layers] == ["block/conv"]
    assert manifest.layers[0].shape == (None, 5, 5, 3)

    (first, picture), (second, _) = tensors(log, "block/conv/image")
    assert (first, second) == (10, 20)
    assert list(picture[:2]) == [b"15", b"5"]
    assert len(picture) == 4
    np.testing.assert_allclose(read_atlas(picture[3]).values, np.moveaxis(values[1], -1, 0), atol=np.ptp(values) / 255)

    counts, edges = np.histogram(values, 64)
    _, histogram = tensors(log, "block/conv/histogram")[0]
    np.testing.assert_allclose(histogram, np.stack([edges[:-1], edges[1:], counts], axis=1), rtol=0, atol=1e-6)

    _, statistics = tensors(log, "block/conv/statistics")[0]
    np.testing.assert_allclose(statistics[:, 1], values.max(axis=(0, 1, 2)))
    _, health = tensors(log, f"health/{manifest.digest}")[1]
    columns = dict(zip(manifest.health_columns, health[0], strict=True))
    assert columns["max"] == pytest.approx(values.max() * 2)
    assert columns["change"] == pytest.approx(1)


def test_the_records_are_tensorflows_own_to_the_last_checksum(tmp_path):
    tf = pytest.importorskip("tensorflow")
    with ActivationWriter(tmp_path) as writer:
        writer.write({"a": np.ones((1, 3))}, 0)
    [file] = (tmp_path / "activations").iterdir()
    records = list(tf.data.TFRecordDataset(str(file)))
    assert tf.compat.v1.Event.FromString(records[0].numpy()).file_version == "brain.Event:2"
    steps = {tf.compat.v1.Event.FromString(record.numpy()).step for record in records}
    assert steps == {0}


def test_pictures_and_histograms_have_the_metadata_that_tf_summary_writes(tmp_path):
    tf = pytest.importorskip("tensorflow")
    with tf.summary.create_file_writer(str(tmp_path / "reference")).as_default():
        tf.summary.image("x", np.zeros((1, 2, 2, 1), np.float32), step=0)
        tf.summary.histogram("y", np.zeros(3), step=0)
    with ActivationWriter(tmp_path) as writer:
        writer.write({"x": np.zeros((1, 2, 2, 1))}, 0)
    reference, ours = read(tmp_path / "reference"), read(tmp_path / "activations")
    assert ours.SummaryMetadata("x/image") == reference.SummaryMetadata("x")
    assert ours.SummaryMetadata("x/histogram") == reference.SummaryMetadata("y")


def test_flush_returns_when_the_data_are_on_the_disk(tmp_path):
    writer = ActivationWriter(tmp_path)
    writer.write({"a": np.ones((1, 3))}, 0)
    writer.flush()
    assert tensors(read(tmp_path / "activations"), "a/statistics")
    writer.close()


def test_layers_of_later_logs_join_the_manifest(tmp_path):
    with ActivationWriter(tmp_path) as writer:
        writer.write({"a": np.ones((1, 3))}, 0)
        writer.write({"b": np.ones((1, 3))}, 1)
    newest = manifests(read(tmp_path / "activations"))[-1]
    assert [layer.path for layer in newest.layers] == ["a", "b"]


def test_one_unusable_layer_warns_with_its_name_and_leaves_the_others(tmp_path):
    arrays = {"names": np.array([["a"]]), "good": np.ones((1, 2))}
    with pytest.warns(ActivationWarning, match=r"'names' at step 3.*not numbers"):
        write_and_close(ActivationWriter(tmp_path), {3: arrays, 4: arrays})
    log = read(tmp_path / "activations")
    assert [step for step, _ in tensors(log, "good/statistics")] == [3, 4]


def test_the_same_fault_is_said_once(tmp_path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with ActivationWriter(tmp_path) as writer:
            for step in range(5):
                writer.write({"empty": np.ones((1, 0))}, step)
    assert len([w for w in caught if w.category is ActivationWarning]) == 1


def test_where_warnings_are_errors_the_thread_lives_on_and_the_next_call_raises(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        writer = ActivationWriter(tmp_path)
        writer.write({"empty": np.ones((1, 0))}, 0)
        with pytest.raises(ActivationWarning, match="'empty' at step 0"):
            writer.flush()
        writer.write({"a": np.ones((1, 3))}, 1)
        writer.close()
    assert tensors(read(tmp_path / "activations"), "a/statistics")


def test_strict_raises_the_background_fault_at_the_next_call(tmp_path):
    writer = ActivationWriter(tmp_path, strict=True)
    writer.write({"names": np.array([["a"]])}, 0)
    with pytest.raises(ValueError, match="not numbers"):
        writer.close()


def test_a_step_that_does_not_increase_is_left_out_with_a_warning(tmp_path):
    with ActivationWriter(tmp_path) as writer:
        writer.write({"a": np.ones((1, 3))}, 5)
        with pytest.warns(ActivationWarning, match="step 5 follows step 5"):
            writer.write({"a": np.ones((1, 3))}, 5)
    assert len(tensors(read(tmp_path / "activations"), "a/statistics")) == 1
    assert (writer.stats.logs, writer.stats.skipped) == (1, 1)


def test_a_full_queue_skips_and_counts_when_asked_to(tmp_path, monkeypatch):
    import tb_activations.run_file as module

    go = threading.Event()
    encode = module.encode_layer
    monkeypatch.setattr(module, "encode_layer", lambda *args: go.wait(30) and encode(*args))
    writer = ActivationWriter(tmp_path, on_full="skip", queue_bytes=100)
    for step in range(3):
        writer.write({"a": np.ones((1, 100), np.float32)}, step)
    go.set()
    writer.close()
    assert (writer.stats.logs, writer.stats.skipped) == (1, 2)


def test_a_full_queue_loses_nothing_by_default(tmp_path):
    with ActivationWriter(tmp_path, queue_bytes=100) as writer:
        for step in range(20):
            writer.write({"a": np.ones((1, 100), np.float32)}, step)
    assert len(tensors(read(tmp_path / "activations"), "a/statistics")) == 20
    assert writer.stats.bytes_written == sum(file.stat().st_size for file in (tmp_path / "activations").iterdir())


def test_a_writer_that_wrote_nothing_leaves_no_run_behind(tmp_path):
    ActivationWriter(tmp_path / "runs").close()
    assert not (tmp_path / "runs").exists()


def test_a_directory_that_cannot_be_written_to_warns_and_training_goes_on(tmp_path):
    writer = ActivationWriter(tmp_path)
    (tmp_path / "activations").write_text("in the way")
    with pytest.warns(ActivationWarning, match="writing the log at step 0"):
        write_and_close(writer, {0: {"a": np.ones((1, 3))}})
    assert (writer.stats.logs, writer.stats.skipped) == (0, 1)


def test_a_run_deleted_while_it_is_written_begins_anew(tmp_path):
    writer = ActivationWriter(tmp_path)
    writer.write({"a": np.ones((1, 3))}, 0)
    writer.flush()
    shutil.rmtree(tmp_path / "activations")
    with pytest.warns(ActivationWarning, match="was deleted while it was written, and begins anew"):
        write_and_close(writer, {1: {"a": np.ones((1, 3))}, 2: {"a": np.ones((1, 3))}})
    run = read(tmp_path / "activations")
    assert [step for step, _ in tensors(run, "a/image")] == [1, 2]
    assert [layer.path for layer in manifests(run)[0].layers] == ["a"]


@pytest.mark.parametrize("option", ["strict", "training"])
def test_a_switch_is_true_or_false(tmp_path, option):
    with pytest.raises(TypeError, match=f"{option} must be True or False. Received: {option}='no'"):
        ActivationWriter(tmp_path, **{option: "no"})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_channels": 0}, "max_channels must be a positive integer or None.*Received: max_channels=0"),
        ({"max_size": "64"}, "max_size must be a positive integer or None.*Received: max_size='64'"),
        ({"histogram_bins": None}, "histogram_bins must be a positive integer. Received"),
        ({"on_full": "drop"}, 'on_full must be "wait" or "skip". Received: on_full=\'drop\''),
        ({"name": "a/b"}, "name must be a single directory name"),
        ({"log_dir": "s3://bucket/runs"}, "directory of this machine"),
        ({"log_dir": ""}, "non-empty text path"),
        ({"queue_bytes": -1}, "queue_bytes must be a positive integer"),
        ({"max_overhead": 1.5}, "max_overhead must be a share of training time.*Received: max_overhead=1.5"),
        ({"max_overhead": 0}, "max_overhead must be a share of training time"),
        ({"max_overhead": float("nan")}, "max_overhead must be a share"),
        ({"max_overhead": "1%"}, "max_overhead must be a share.*Received: max_overhead='1%'"),
        ({"keep": 0}, 'keep must be a positive whole number of bytes, such as 2e9 or "2 GB"'),
        ({"keep": 1.5}, "keep must be a positive whole number"),
        ({"keep": float("inf")}, "keep must be a positive whole number"),
        ({"keep": "0 GB"}, "keep must be a positive whole number"),
        ({"keep": "2 GiB"}, "keep must be a positive whole number.*Received: keep='2 GiB'"),
    ],
)
def test_a_wrong_option_is_refused_at_once(tmp_path, options, words):
    with pytest.raises(ValueError, match=words):
        ActivationWriter(**{"log_dir": tmp_path, **options})


def test_labels_are_not_one_text(tmp_path):
    with pytest.raises(TypeError, match="one label per probe sample"):
        ActivationWriter(tmp_path, labels="cat")


@pytest.mark.parametrize(
    "labels",
    [[3, 1], np.array([[3], [1]]), np.array([3.0, 1.0]), np.array([3, 1], np.uint8), [b"3", "1"]],
    ids=["integers", "a_column_as_in_cifar10", "floats", "bytes_of_numbers", "bytes_and_text"],
)
def test_labels_of_every_form_are_the_texts_that_class_ids_have(tmp_path, labels):
    write_and_close(ActivationWriter(tmp_path, labels=labels), {0: {"a": np.ones((2, 3))}})
    [manifest] = manifests(read(tmp_path / "activations"))
    assert manifest.labels == ("3", "1")


def test_one_hot_labels_are_refused_with_what_would_be_right(tmp_path):
    with pytest.raises(ValueError, match=r"one-hot rows: labels.argmax\(axis=1\)\)\. Received a label of shape \(4,\)"):
        ActivationWriter(tmp_path, labels=np.eye(4))


def test_labels_that_do_not_fit_the_samples_are_said_and_lose_nothing(tmp_path):
    with pytest.warns(ActivationWarning, match="labels has 1 entries for 2 samples"):
        write_and_close(ActivationWriter(tmp_path, labels=["cat"]), {0: {"a": np.ones((2, 3))}})
    assert tensors(read(tmp_path / "activations"), "a/statistics")


def test_a_step_may_be_any_integer_scalar(tmp_path):
    tf, keras = pytest.importorskip("tensorflow"), pytest.importorskip("keras")
    kinds = [np.int64(0), np.array(1), tf.constant(2), tf.Variable(3), keras.Variable(4, dtype="int64")]
    with ActivationWriter(tmp_path) as writer:
        for step in kinds:
            writer.write({"a": np.ones((1, 3))}, step)
    assert [step for step, _ in tensors(read(tmp_path / "activations"), "a/image")] == [0, 1, 2, 3, 4]


def test_plain_arrays_at_another_step_do_not_forget_the_model(tmp_path):
    keras = pytest.importorskip("keras")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax", name="out")], name="net")
    with ActivationWriter(tmp_path) as writer:
        writer.log(model, np.ones((1, 4), np.float32), 0)
        writer.write({"other": np.ones((1, 3))}, 1)
    newest = manifests(read(tmp_path / "activations"))[-1]
    assert newest.model["name"] == "net"
    assert "keras" in newest.writer
    assert newest.prediction["path"] == "out"


@pytest.mark.parametrize(("step", "error"), [(1.5, TypeError), (True, TypeError), (-1, ValueError)])
def test_a_step_is_a_non_negative_integer(tmp_path, step, error):
    with pytest.raises(error, match="step must be"):
        ActivationWriter(tmp_path).write({"a": np.ones((1, 3))}, step)


def test_a_closed_writer_says_so(tmp_path):
    writer = ActivationWriter(tmp_path)
    writer.close()
    with pytest.raises(ValueError, match="closed"):
        writer.write({"a": np.ones((1, 3))}, 0)


def test_what_is_not_a_mapping_is_refused(tmp_path):
    with pytest.raises(TypeError, match="mapping of name to array"):
        ActivationWriter(tmp_path).write(np.ones((1, 3)), 0)


def test_each_activation_is_freed_as_soon_as_it_is_encoded(tmp_path, monkeypatch):
    alive_at_each_layer = []
    arrays = {f"layer{i}": np.zeros((1, 8, 8, 3), np.float32) for i in range(4)}
    references = [weakref.ref(array) for array in arrays.values()]

    def encode(*args):
        alive_at_each_layer.append(sum(reference() is not None for reference in references))
        return encode_layer(*args)

    monkeypatch.setattr(run_file, "encode_layer", encode)
    log = run_file.as_log(arrays, 0, {})
    del arrays
    sizes = []
    fail = lambda what, error, where="": pytest.fail(str(error))  # noqa: E731
    budget = Budget(None, tmp_path, fail)
    run = run_file.RunFile(tmp_path, Limits(8, 8), 8, (), (), {}, budget, WriterStats, fail)
    run.write(log, sizes.append)
    run.close()
    assert alive_at_each_layer == [4, 3, 2, 1]
    assert sizes == [8 * 8 * 3 * 4] * 4
