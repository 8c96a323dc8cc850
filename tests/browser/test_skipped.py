"""Layers that could not be captured are in the tree, in their place, with the reason."""

import keras
import numpy as np
import pytest
from playwright.sync_api import expect

from tb_activations import ActivationWriter
from tests.tab import fits, open_tab, wait_for_step
from tests.tensorboard_server import running

REASON = "it runs inside a loop or a branch"


@pytest.fixture(scope="module")
def recurrent_server(tmp_path_factory):
    directory = tmp_path_factory.mktemp("recurrent")
    rnn = keras.layers.RNN(keras.layers.GRUCell(3, name="cell"), name="rnn")
    with ActivationWriter(directory, strict=True) as writer:
        writer.log(keras.Sequential([keras.Input((4, 2), name="series"), rnn]), np.ones((1, 4, 2)), 1)
        # Arrays alone do not make the run forget what could not be captured of the model.
        writer.write({"plain": np.ones((1, 2), np.float32)}, 2)
    with running(directory) as board:
        board.wait_for(lambda answer: any(run.get("steps") == 2 for run in answer["runs"]))
        yield board


def rows(frame):
    """The tree's paths, top to bottom."""
    return frame.locator("nav [data-path]")


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 700)])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_an_rnns_cell_stands_below_it_and_says_why(page, recurrent_server, screenshots, width, height, dark):
    page.set_viewport_size({"width": width, "height": height})
    frame = open_tab(page, recurrent_server.url, "run=activations&layer=rnn", f"?darkMode={str(dark).lower()}")
    expect(rows(frame)).to_have_count(4)
    order = rows(frame).evaluate_all("rows => rows.map(row => row.dataset.path)")
    assert order == ["series", "rnn", "rnn/cell", "plain"]
    cell = frame.get_by_test_id("skipped-row")
    expect(cell).to_contain_text("not captured")
    expect(cell).to_have_attribute("aria-disabled", "true")
    expect(cell).to_have_accessible_name(f"rnn/cell, not captured: {REASON}, whose tensors cannot leave it")
    expect(frame.get_by_test_id("reason")).to_have_count(0)
    cell.hover()
    expect(frame.get_by_test_id("reason")).to_be_visible()
    expect(frame.get_by_test_id("reason")).to_contain_text(REASON)
    row, reason = cell.bounding_box(), frame.get_by_test_id("reason").bounding_box()
    assert abs(reason["y"] - row["y"]) < 80
    fits(frame, "html")
    page.screenshot(path=screenshots / f"skipped-{width}-{'dark' if dark else 'light'}.png")


def test_the_keyboard_reaches_the_reason_and_a_click_selects_nothing(page, recurrent_server):
    frame = open_tab(page, recurrent_server.url, "run=activations&layer=rnn")
    wait_for_step(frame, 1)
    cell = frame.get_by_test_id("skipped-row")
    frame.locator("[data-testid=layer-row][data-path=rnn]").focus()
    page.keyboard.press("Tab")
    expect(cell).to_be_focused()
    expect(frame.get_by_test_id("reason")).to_contain_text(REASON)
    page.keyboard.press("Escape")
    expect(frame.get_by_test_id("reason")).to_have_count(0)
    cell.click(force=True)
    page.keyboard.press("ArrowDown")
    # Not the cell, which is next in the tree, but the next layer.
    expect(frame.get_by_test_id("grid")).to_have_attribute("data-layer", "plain")
    expect(cell).not_to_have_attribute("aria-selected", "true")


def test_searching_finds_them_and_their_number_shows_them_alone(page, recurrent_server):
    frame = open_tab(page, recurrent_server.url, "run=activations&layer=rnn")
    expect(rows(frame)).to_have_count(4)
    frame.get_by_role("searchbox").fill("cell")
    expect(rows(frame)).to_have_count(1)
    expect(frame.get_by_test_id("skipped-row")).to_contain_text("rnn/cell")
    frame.get_by_role("searchbox").fill("plain")
    expect(frame.get_by_test_id("skipped-row")).to_have_count(0)
    number = frame.get_by_test_id("skipped-count")
    expect(number).to_have_text("1 layer not captured")
    number.click()
    expect(frame.get_by_test_id("skipped-row")).to_have_count(1)
    expect(rows(frame)).to_have_count(1)
    number.click()
    expect(rows(frame)).to_have_count(4)
