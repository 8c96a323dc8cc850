"""The sample picker: input, label and prediction together, whatever the number of samples and the length of names."""

import keras
import numpy as np
import pytest
from playwright.sync_api import expect

from tb_activations import ActivationWriter
from tests.tab import open_tab
from tests.tensorboard_server import running

NAMES = ["cat", "bernese mountain dog, very fluffy", "antidisestablishmentarianism", "great white shark, man-eater"]
RNG = np.random.default_rng(0)
PICTURES = RNG.uniform(size=(16, 12, 12, 3)).astype(np.float32)
VECTORS = RNG.normal(size=(16, 12)).astype(np.float32)


def classifier(shape, *, classes=4, activation="softmax"):
    keras.utils.set_random_seed(3)
    last = keras.layers.Dense(classes, activation=activation)
    return keras.Sequential([keras.Input(shape), keras.layers.Flatten(), last])


class Runs:
    """One run per model; its truth, [samples, classes], is Keras' own."""

    def __init__(self, directory):
        self.directory = directory
        self.truth = {}
        names = [NAMES[sample % 4] for sample in range(16)]
        self._log("pictures_16", classifier((12, 12, 3)), PICTURES, labels=names, class_names=NAMES)
        self._log("picture", classifier((12, 12, 3)), PICTURES[:1], labels=names[:1], class_names=NAMES)
        self._log("vectors_16", classifier((12,)), VECTORS, labels=names, class_names=NAMES)
        binary = classifier((12, 12, 3), classes=1, activation="sigmoid")
        self._log("binary", binary, PICTURES[:4], labels=["cat", "dog"] * 2, class_names=["cat", "dog"])
        broken = classifier((12, 12, 3))
        broken.layers[-1].bias.assign(np.full(4, np.nan))
        self._log("nan", broken, PICTURES[:2], labels=[0, 1])

    def _log(self, run, model, probe, **options):
        with ActivationWriter(self.directory / run, strict=True, **options) as writer:
            writer.log(model, probe, 0)
        self.truth[run] = model.predict(probe, verbose=0)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return Runs(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="module")
def board(runs):
    with running(runs.directory) as server:
        server.wait_for(lambda answer: [run.get("steps") for run in answer["runs"]] == [1] * len(runs.truth))
        yield server


def open_run(page, board, run, query=""):
    frame = open_tab(page, board.url, f"run={run}/activations", query)
    expect(frame.get_by_test_id("grid")).to_have_attribute("aria-busy", "false")
    expect(frame.get_by_test_id("predicted").first).to_be_visible()
    return frame


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 700)])
@pytest.mark.parametrize("run", ["picture", "pictures_16", "vectors_16"])
def test_long_names_are_cut_and_scores_are_not(page, board, runs, screenshots, run, width, height, dark):
    page.set_viewport_size({"width": width, "height": height})
    frame = open_run(page, board, run, query=f"?darkMode={str(dark).lower()}")
    expect(frame.get_by_test_id("sample")).to_have_count(len(runs.truth[run]))
    expect(frame.locator(".chip" if run == "vectors_16" else ".samples canvas")).to_have_count(len(runs.truth[run]))
    expect(frame.get_by_test_id("histogram").locator("svg")).to_be_visible()
    frame.locator("aside").screenshot(path=screenshots / f"samples-{run}-{width}-{'dark' if dark else 'light'}.png")
    for box in (".samples", "aside"):
        assert frame.locator(box).evaluate("box => box.scrollWidth <= box.clientWidth"), box
    if run == "vectors_16":
        # "cat" is short: it is not cut for the sake of what is predicted.
        assert frame.locator(".chip .label").first.evaluate("text => text.scrollWidth <= text.clientWidth")
    right = frame.locator(".samples").evaluate("box => box.getBoundingClientRect().right")
    for score in frame.locator("[data-testid=predicted] .num").all():
        assert score.evaluate("text => text.getBoundingClientRect().right") <= right
        assert score.evaluate("text => text.scrollWidth <= Math.max(text.clientWidth, text.parentElement.clientWidth)")


def test_the_chosen_samples_names_stand_in_full(page, board, runs):
    frame = open_run(page, board, "pictures_16")
    frame.get_by_test_id("sample").nth(1).click()
    best = int(runs.truth["pictures_16"][1].argmax())
    score = f"{100 * runs.truth['pictures_16'][1].max():.1f} %"
    expect(frame.get_by_test_id("chosen-sample")).to_have_text(
        f"{NAMES[1]} {'✓' if best == 1 else '✗'} {NAMES[best]} {score}"
    )


def test_a_single_sigmoid_names_the_likelier_of_two_classes(page, board, runs):
    frame = open_run(page, board, "binary")
    predicted = frame.get_by_test_id("predicted")
    for sample, share in enumerate(runs.truth["binary"][:, 0]):
        best = int(share > 0.5)
        mark = "✓" if best == sample % 2 else "✗"
        expect(predicted.nth(sample)).to_contain_text(f"{mark} {['cat', 'dog'][best]}")
        expect(predicted.nth(sample)).to_contain_text(f"{100 * max(share, 1 - share):.1f} %")


def test_a_model_that_says_nan_is_right_about_nothing(page, board):
    frame = open_run(page, board, "nan")
    for sample in range(2):
        expect(frame.get_by_test_id("predicted").nth(sample)).to_have_text("✗ NaN")
