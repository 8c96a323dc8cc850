"""In one log directory with Keras' own TensorBoard callback: both are there, neither is disturbed."""

import numpy as np
import pytest

from tb_activations import ActivationLogger

keras = pytest.importorskip("keras")


def test_keras_scalars_and_our_activations_are_both_served(tmp_path, runs_tensorboard, load_fast):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 4)).astype(np.float32), rng.integers(0, 2, 60)
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(8, name="hidden"), keras.layers.Dense(2, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    hooks = [
        keras.callbacks.TensorBoard(tmp_path / "exp1", update_freq=1),
        ActivationLogger(tmp_path / "exp1", probe=x[:2], log_freq=1),
    ]
    model.fit(x, y, batch_size=20, epochs=2, validation_data=(x, y), verbose=0, callbacks=hooks)
    with runs_tensorboard(tmp_path, load_fast) as board:
        board.wait_for(lambda answer: any(run.get("steps") == 7 for run in answer["runs"]))
        runs = {"exp1/train", "exp1/validation"}
        scalars = board.wait_for(lambda answer: runs <= set(answer), path="/data/plugin/scalars/tags")
        assert "exp1/activations" not in scalars
        batches = board.get("/data/plugin/scalars/scalars", run="exp1/train", tag="batch_loss").json
        run = board.get("run", run="exp1/activations").json
        [timeline] = [run["timelines"][run["layers"]["hidden"]]]
        assert timeline["steps"] == [0, 1, 2, 3, 4, 5, 6]
        # The same steps, but for the state before training.
        assert [int(step) for _, step, _ in batches] == timeline["steps"][1:]
