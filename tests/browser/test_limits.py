"""What a picture cannot show as it is, values that are not finite and channels beyond the limit, is said."""

import numpy as np
import pytest
from playwright.sync_api import expect

from tb_activations import ActivationWriter
from tests.tab import fits, open_tab, point_at, tile, wait_for_step
from tests.tensorboard_server import running


@pytest.fixture(scope="module")
def sick_server(tmp_path_factory):
    directory = tmp_path_factory.mktemp("sick")
    maps = np.random.default_rng(0).normal(size=(1, 6, 6, 16)).astype(np.float32)
    maps[0, 1, 2, 3], maps[0, 1, 3, 3], maps[0, 1, 4, 3] = np.nan, np.inf, -np.inf
    with ActivationWriter(directory, max_channels=16) as writer:
        writer.write({"stem": maps, "wide": np.ones((1, 4, 4, 20), np.float32)}, 7)
    with running(directory) as board:
        board.wait_for(lambda answer: any(run.get("steps") == 1 for run in answer["runs"]))
        yield board


def test_nan_and_infinities_are_read_out_and_counted(page, sick_server, screenshots):
    page.set_viewport_size({"width": 1024, "height": 700})
    frame = open_tab(page, sick_server.url, "run=activations&layer=stem&channel=3&scale=channel")
    wait_for_step(frame, 7)
    canvas = tile(frame, 3).locator("canvas")
    for column, value in [(2, "NaN"), (3, "Infinity"), (4, "-Infinity")]:
        readout = point_at(page, frame, canvas, (6, 6), (1, column), f"row 1, column {column}")
        assert readout.get_attribute("data-value") == value
    expect(frame.get_by_text("NaN · Inf").locator("..")).to_contain_text("1 · 2")
    fits(frame, "main")
    page.screenshot(path=screenshots / "nonfinite-1024.png")


def test_channels_that_are_not_drawn_are_counted(page, sick_server):
    frame = open_tab(page, sick_server.url, "run=activations&layer=wide")
    expect(frame.get_by_test_id("tile")).to_have_count(16)
    expect(frame.get_by_test_id("left-out")).to_have_text("16 of 20 channels")
