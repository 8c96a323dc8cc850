"""Every rank and kind of tensor in the tab: what is drawn, and what hovering says."""

import numpy as np
import pytest
from playwright.sync_api import expect

from tb_activations import ActivationWriter
from tests.tab import fits, open_tab
from tests.tensorboard_server import running

RNG = np.random.default_rng(0)


def relu(*shape):
    return np.maximum(RNG.normal(size=shape), 0).astype(np.float32)


def softmax(scores):
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    return (shares / shares.sum(-1, keepdims=True)).astype(np.float32)


ARRAYS = {
    "scalar": RNG.normal(size=(2,)).astype(np.float32),
    "units_few": relu(2, 10),
    "units_many": relu(2, 32_768),
    "sequence": relu(2, 40, 24),
    "sequence_long": relu(2, 4096, 16),
    "sequence_wide": relu(2, 20, 512),
    "maps": relu(2, 14, 14, 32),
    "maps_1x1": relu(2, 1, 1, 512),
    "maps_1xn": relu(2, 1, 60, 16),
    "maps_huge": relu(1, 512, 2048, 2),
    "volume": relu(2, 6, 10, 12, 8),
    "attention/mha:scores": softmax(3 * RNG.normal(size=(2, 4, 24, 24))),
    "rank6": relu(1, 2, 3, 4, 5, 4),
    "complex": (RNG.normal(size=(2, 8, 8, 3)) + 1j * RNG.normal(size=(2, 8, 8, 3))).astype(np.complex64),
    "boolean": RNG.random((2, 8, 8, 3)) < 0.5,
    "integers": RNG.integers(0, 50, (2, 12)),
    "half": relu(2, 6, 6, 4).astype(np.float16),
}


@pytest.fixture(scope="module", params=["--load_fast=false", "--load_fast=true"], ids=["python_loader", "data_server"])
def board(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("ranks")
    with ActivationWriter(directory / "ranks", strict=True) as writer:
        for step in (0, 1):
            writer.write(ARRAYS, step)
    with running(directory, request.param) as server:
        server.wait_for(lambda answer: any(run.get("steps") == 2 for run in answer["runs"]))
        yield server


def open_layer(page, board, layer):
    frame = open_tab(page, board.url, f"run=ranks/activations&layer={layer}")
    expect(frame.get_by_test_id("grid")).to_have_attribute("data-layer", layer)
    expect(frame.get_by_test_id("grid")).to_have_attribute("aria-busy", "false")
    return frame


def hover(page, frame, tile, rows, columns, row, column):
    """The readout over one pixel of a tile of so many rows and columns."""
    canvas = frame.get_by_test_id("tile").nth(tile).locator("canvas")
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + (column + 0.5) * box["width"] / columns, box["y"] + (row + 0.5) * box["height"] / rows)
    readout = frame.get_by_test_id("readout")
    expect(readout).to_be_visible()
    return readout


def value(readout):
    return float(readout.get_attribute("data-value"))


def test_every_kind_of_tensor_has_a_picture_that_fits(page, board, screenshots):
    frame = open_layer(page, board, next(iter(ARRAYS)))
    for layer in ARRAYS:
        frame.locator(f"[data-testid=layer-row][data-path='{layer}']").click()
        expect(frame.get_by_test_id("grid")).to_have_attribute("data-layer", layer)
        expect(frame.get_by_test_id("tile").first).to_be_visible()
        for width, height in [(1024, 700), (1440, 900)]:
            page.set_viewport_size({"width": width, "height": height})
            fits(frame, "html")
            page.screenshot(path=screenshots / f"view-{layer.replace('/', '-').replace(':', '-')}-{width}.png")


def test_hovering_attention_names_head_query_and_key(page, board):
    frame = open_layer(page, board, "attention/mha:scores")
    expect(frame.get_by_test_id("tile")).to_have_count(4)
    readout = hover(page, frame, 2, 24, 24, 5, 17)
    expect(readout).to_contain_text("head 2")
    expect(readout).to_contain_text("query 5")
    expect(readout).to_contain_text("key 17")
    scores = ARRAYS["attention/mha:scores"][0, 2]
    assert value(readout) == pytest.approx(scores[5, 17], abs=float(np.ptp(scores)) / 255)


def test_hovering_a_slice_names_it(page, board):
    frame = open_layer(page, board, "volume")
    # Six slices of 10 x 12 are laid out in three rows and two columns.
    readout = hover(page, frame, 3, 30, 24, 12, 15)
    expect(readout).to_contain_text("slice 3")
    volume = ARRAYS["volume"][0]
    assert value(readout) == pytest.approx(volume[3, 2, 3, 3], abs=float(np.ptp(volume[..., 3])) / 255)


def test_hovering_a_folded_vector_names_the_unit(page, board):
    frame = open_layer(page, board, "units_many")
    readout = hover(page, frame, 0, 181, 182, 100, 41)
    unit = 100 * 182 + 41
    expect(readout).to_contain_text(f"unit {unit}")
    expect(readout).to_contain_text("folded 182 x 181")
    vector = ARRAYS["units_many"][0]
    assert value(readout) == pytest.approx(vector[unit], abs=float(np.ptp(vector)) / 255)


def test_hovering_a_long_sequence_names_the_first_time_of_the_average(page, board):
    frame = open_layer(page, board, "sequence_long")
    # 4,096 times are drawn in 64 rows.
    readout = hover(page, frame, 0, 64, 16, 5, 3)
    expect(readout).to_contain_text("time 320 · unit 3")
    sequence = ARRAYS["sequence_long"][0]
    drawn = sequence.reshape(64, 64, 16).mean(axis=1)
    assert value(readout) == pytest.approx(drawn[5, 3], abs=float(np.ptp(drawn)) / 255)


def test_complex_values_say_that_they_are_magnitudes(page, board):
    frame = open_layer(page, board, "complex")
    expect(hover(page, frame, 1, 8, 8, 2, 3)).to_contain_text("magnitude of complex values")
