"""Announcement: the line at the start of training can be believed and its command copied."""

import shlex
import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest

from tb_activations import ActivationWriter
from tb_activations.announcement import announcement
from tb_activations.capture import Plan
from tb_activations.encode import Limits
from tb_activations.encode.size import predicted_bytes
from tb_activations.schema import LayerInfo


@pytest.mark.parametrize(
    ("directory", "watched"),
    [
        ("runs/exp1/activations", "runs"),
        ("runs/activations", "runs"),
        ("activations", "."),
        ("../logs/exp1/activations", "../logs"),
        ("/logs/activations", "/logs"),
        ("/logs/exp1/activations", "/logs"),
        ("my runs/exp 1/activations", "'my runs'"),
        (f"{Path.home()}/exp/activations", shlex.quote(f"{Path.home()}/exp")),
        (f"{tempfile.gettempdir()}/exp/activations", shlex.quote(f"{tempfile.gettempdir()}/exp")),
    ],
)
def test_the_command_watches_all_runs_and_can_be_pasted_into_a_shell(directory, watched):
    line = announcement(Plan((), 1), Limits(), 64, "every epoch", Path(directory), 1.25)
    assert line.endswith(f"to {directory}. Tracing the model took 1.2 s. Watch: tensorboard --logdir {watched}")


def test_a_byte_budget_is_told_in_logs():
    layer = LayerInfo("a", "a", shape=(None, 8, 8, 4))
    size = predicted_bytes(layer, Limits(), 64, 2)
    line = announcement(Plan((layer,), 2), Limits(), 64, "every epoch", Path("runs/a"), 1.0, left=100 * size + 1)
    assert ", every epoch, within " in line
    assert " (about 100 logs), to runs/a." in line


@pytest.mark.parametrize("channels", [[0], slice(0, 40, 2), {"a": 1}])
def test_the_size_counts_only_the_channels_that_are_drawn(tmp_path, channels):
    model = keras.Sequential([keras.Input((40, 40, 3)), keras.layers.Conv2D(48, 3, activation="relu", name="a")])
    x = np.random.default_rng(0).random((2, 40, 40, 3)).astype(np.float32)
    with ActivationWriter(tmp_path, channels=channels) as writer:
        plan = writer.prepare(model, x)
        sizes = []
        for step in (0, 1):
            writer.log(model, x, step)
            writer.flush()
            sizes.append(writer.stats.bytes_written)
    predicted = sum(
        predicted_bytes(info, Limits(), 64, plan.samples, plan.channels.get(info.path)) for info in plan.layers
    )
    assert 0.5 < predicted / (sizes[1] - sizes[0]) < 2
