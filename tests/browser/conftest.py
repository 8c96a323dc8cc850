"""Real Chromium on a real TensorBoard that serves the demo's own log, on both loading paths."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from playwright.sync_api import expect, sync_playwright

from tests.tab import SECONDS
from tests.tensorboard_server import running

ROOT = Path(__file__).parents[2]
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

expect.set_options(timeout=SECONDS * 1000)


class Demo:
    """logdir: what TensorBoard is pointed at; run: the demo's; model, probe: what it trained and logged."""

    def __init__(self, directory: Path) -> None:
        self.logdir = directory / "runs"
        self.run = "demo/activations"
        command = [sys.executable, str(ROOT / "demo/train.py"), "--log-dir", str(self.logdir / "demo")]
        options = ["--epochs", "2", "--log-freq", "30", "--save", str(directory)]
        trained = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
        assert trained.returncode == 0, trained.stderr
        self.output = trained.stdout
        self.model = keras.models.load_model(directory / "model.keras")
        self.probe = np.load(directory / "probe.npy")

    def truth(self, layer: str, sample: int) -> np.ndarray:
        """What Keras computes at the last step."""
        model = keras.Model(self.model.inputs, self.model.get_layer(layer).output)
        return model.predict(self.probe, verbose=0)[sample]

    def predictions(self) -> np.ndarray:
        """What the model says of the probe at the last step, [samples, classes]."""
        return self.model.predict(self.probe, verbose=0)


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    return Demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="session", params=["--load_fast=false", "--load_fast=true"], ids=["python_loader", "data_server"])
def server(request, demo):
    with running(demo.logdir, request.param) as board:
        board.wait_for(lambda answer: any(run.get("steps") == 11 for run in answer["runs"]))
        yield board


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
        executable = found or playwright.chromium.executable_path
        if not os.path.exists(executable):
            pytest.fail("no Chromium: install the package chromium, so that `chromium` is on the PATH, and run again")
        browser = playwright.chromium.launch(executable_path=executable, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """A page of 1440 x 900; the test fails when the page logs an error."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(SECONDS * 1000)
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    yield page
    context.close()
    # TensorBoard's own page asks hosts that cannot be reached here (fonts, analytics).
    ours = [error for error in errors if "Failed to load resource" not in error and "ERR_" not in error]
    assert ours == []


@pytest.fixture(scope="session")
def screenshots():
    directory = ROOT / "test-results"
    directory.mkdir(exist_ok=True)
    return directory
