"""Faults of the machine while training runs: it goes on, and what was written before reads back."""

import subprocess
import sys
import textwrap

from tests.test_callback import logged

SCRIPT = """
import resource, sys, warnings
import keras, numpy as np
from tb_activations import ActivationLogger

keras.utils.set_random_seed(1)
x, y = np.random.default_rng(0).normal(size=(200, 4)).astype("float32"), np.arange(200) % 2
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, name="hidden"), keras.layers.Dense(2, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
# No file may grow beyond this: to the program, the disk is full.
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, resource.RLIM_INFINITY))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    hook = [] if sys.argv[2] == "plain" else [ActivationLogger(sys.argv[1], x[:3], log_freq=1, verbose=False)]
    history = model.fit(x, y, batch_size=10, epochs=2, verbose=0, callbacks=hook)
for warning in caught:
    if "tb_activations" in str(warning.message):
        print("WARNED", warning.message)
print("LOSS", history.history["loss"], model.optimizer.iterations.numpy())
"""


def train(directory, kind):
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(directory), kind]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    [loss] = [line for line in lines if line.startswith("LOSS")]
    return loss, [line for line in lines if line.startswith("WARNED")]


def test_a_full_disk_is_said_and_changes_nothing_of_the_training(tmp_path):
    loss, warned = train(tmp_path, "hooked")
    assert loss == train(tmp_path, "plain")[0]
    assert any("File too large" in line and "Training goes on" in line for line in warned)
    # Once per kind of place, not for each of forty logs.
    assert len(warned) <= 4
    steps = list(logged(tmp_path, "hidden/statistics"))
    assert steps == list(range(len(steps)))
    assert 1 < len(steps) < 41
