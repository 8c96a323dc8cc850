"""Cost: what is counted is what was spent, and `max_overhead` is kept."""

import re

import keras
import numpy as np
import pytest

from tb_activations import ActivationLogger, ActivationWarning, ActivationWriter, cost
from tests.test_callback import logged


class Clock:
    def __init__(self):
        self.now = 100.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(cost, "time", clock)
    return clock


def test_the_figures_add_up(clock):
    meter = cost.Meter(None)
    meter.add(preparation_seconds=2)
    meter.add(logs=1, stall_seconds=0.5)
    meter.add(logs=1, stall_seconds=0.25, skipped=1)
    meter.add(background_seconds=3, closing_seconds=0.5)
    clock.now += 11
    stats = meter.stats(1234)
    assert stats == cost.WriterStats(2, 1, 0, 1234, 2, 0.75, 0.5, 3, 11)
    assert stats.share == 3.25 / 11
    meter.end()
    clock.now += 100
    assert meter.stats(0).seconds == 11


@pytest.mark.parametrize("limit", [0.01, 0.1])
def test_logs_are_taken_as_often_as_the_share_allows_and_no_oftener(clock, limit):
    meter = cost.Meter(limit)
    for _ in range(20_000):
        clock.now += 0.1
        if meter.affords_another():
            clock.now += 0.05
            meter.add(logs=1, stall_seconds=0.05)
    stats = meter.stats(0)
    assert 0.95 * limit < stats.share <= limit


def test_a_log_that_became_dearer_is_made_up_for(clock):
    meter = cost.Meter(0.1)
    clock.now += 100
    meter.add(logs=1, stall_seconds=20)
    assert not meter.affords_another()
    clock.now += 250
    assert not meter.affords_another()
    clock.now += 50
    assert meter.affords_another()


def test_without_a_limit_every_log_is_afforded(clock):
    meter = cost.Meter(None)
    meter.add(stall_seconds=1e9)
    assert meter.affords_another()


@pytest.fixture
def model():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax", name="hidden")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


X = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
Y = np.arange(64) % 3


def test_fit_leaves_out_logs_says_so_once_and_keeps_both_ends(tmp_path, model, capsys):
    # Tracing alone takes longer than this share of a training of a second.
    logger = ActivationLogger(tmp_path, probe=X[:2], log_freq=1, max_overhead=1e-6)
    with pytest.warns(ActivationWarning, match=r"less often than asked for.*0\.0001%.*max_overhead") as caught:
        model.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=[logger])
    assert len(caught) == 1
    assert list(logged(tmp_path, "hidden/image")) == [0, 16]
    # The log of the last batch is left out as well, and then taken as that of the end.
    assert re.search(r"2 logs, 16 left out to stay within max_overhead;", capsys.readouterr().out)


def test_a_share_that_is_enough_leaves_nothing_out(tmp_path, model):
    logger = ActivationLogger(tmp_path, probe=X[:2], log_freq=1, max_overhead=1)
    model.fit(X, Y, batch_size=8, epochs=1, verbose=0, callbacks=[logger])
    assert list(logged(tmp_path, "hidden/image")) == list(range(9))


def test_a_loop_of_ones_own_can_say_which_log_it_needs(tmp_path, model):
    with ActivationWriter(tmp_path, max_overhead=1e-6) as writer:
        taken = [writer.log(model, X[:2], 0, required=True)]
        with pytest.warns(ActivationWarning, match="max_overhead"):
            taken += [writer.log(model, X[:2], step) for step in (1, 2)]
        taken += [writer.write({"other": X}, 3), writer.write({"other": X}, 4, required=True)]
    assert taken == [True, False, False, False, True]
    assert (writer.stats.logs, writer.stats.left_out, writer.stats.skipped) == (2, 3, 0)


def test_the_first_log_of_a_loop_counts_tracing_apart(tmp_path, model):
    with ActivationWriter(tmp_path) as writer:
        writer.log(model, X[:2], 0)
        first = writer.stats
        writer.log(model, X[:2], 1)
        second = writer.stats
    assert first.preparation_seconds > 0
    assert second.preparation_seconds == first.preparation_seconds
    assert second.stall_seconds > first.stall_seconds
