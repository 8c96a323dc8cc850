"""Layers that could not be captured are in the tab, with the reason."""

import keras
import numpy as np
import pytest
from playwright.sync_api import expect

from tb_activations import ActivationWriter
from tests.tensorboard_server import running


@pytest.fixture(scope="module")
def recurrent_server(tmp_path_factory):
    directory = tmp_path_factory.mktemp("recurrent")
    rnn = keras.layers.RNN(keras.layers.GRUCell(3, name="cell"), name="rnn")
    with ActivationWriter(directory) as writer:
        writer.log(keras.Sequential([keras.Input((4, 2)), rnn]), np.ones((1, 4, 2)), 1)
        writer.write({"plain": np.ones((1, 2), np.float32)}, 2)
    with running(directory) as board:
        board.wait_for(lambda answer: bool(answer["runs"]))
        yield board


def test_an_rnns_cell_is_listed_with_the_reason(page, recurrent_server, screenshots):
    page.goto(f"{recurrent_server.url}/#activations&run=activations")
    frame = page.frame_locator("iframe")
    listed = frame.get_by_test_id("skipped")
    expect(listed).to_contain_text("1 layer not captured")
    expect(listed.get_by_text("rnn/cell")).to_be_hidden()
    listed.locator("summary").click()
    expect(listed.get_by_text("rnn/cell")).to_be_visible()
    expect(listed).to_contain_text("it runs inside a loop or a branch")
    page.screenshot(path=screenshots / "skipped.png")
