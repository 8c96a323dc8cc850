"""The tab, as a person uses it."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.tab import eventually, fits, open_tab, pixels, pixels_other_than, point_at, tile, wait_for_step

LAYER = "conv_intermediate"
STEPS = [*range(0, 271, 30), 282]


DEMO = f"run=demo/activations&layer={LAYER}"


def value_at(page, frame, channel, row, column):
    """The value that hovering a pixel of an 11 x 11 tile shows."""
    canvas = tile(frame, channel).locator("canvas")
    place = f"channel {channel} · row {row}, column {column}"
    return float(point_at(page, frame, canvas, (11, 11), (row, column), place).get_attribute("data-value"))


def test_the_tab_is_in_tensorboards_header_and_opens(page, server):
    page.goto(server.url)
    page.get_by_role("tab", name=re.compile("activations", re.I)).click()
    expect(page.frame_locator("iframe").get_by_test_id("grid")).to_be_visible()


def test_the_grid_shows_64_feature_maps(page, server):
    frame = open_tab(page, server.url, DEMO)
    expect(frame.get_by_test_id("tile")).to_have_count(64)
    wait_for_step(frame, STEPS[-1])


@pytest.mark.parametrize("sample", [0, 2])
def test_hovering_a_pixel_shows_the_value_that_keras_computes(page, server, demo, sample):
    frame = open_tab(page, server.url, f"{DEMO}&sample={sample}")
    wait_for_step(frame, STEPS[-1])
    expect(frame.get_by_test_id("grid")).to_have_attribute("data-sample", str(sample))
    maps = demo.truth(LAYER, sample)
    for channel, row, column in [(0, 0, 0), (17, 5, 6), (40, 10, 3), (63, 4, 10)]:
        step = float(np.ptp(maps[..., channel])) / 255
        assert value_at(page, frame, channel, row, column) == pytest.approx(
            float(maps[row, column, channel]), abs=step / 2 + 1e-4
        )


def test_the_step_bar_changes_the_picture(page, server):
    frame = open_tab(page, server.url, DEMO)
    wait_for_step(frame, STEPS[-1])
    last = pixels(frame, 17)
    box = frame.get_by_test_id("step-box")
    box.fill("60")
    box.press("Enter")
    wait_for_step(frame, 60)
    assert pixels(frame, 17) != last
    frame.get_by_test_id("step-slider").press("ArrowRight")
    wait_for_step(frame, 90)


def test_play_moves_through_the_steps(page, server):
    frame = open_tab(page, server.url, f"{DEMO}&step=0")
    wait_for_step(frame, 0)
    # The page itself takes note of every step: looking from outside, a slow machine would miss some.
    frame.get_by_test_id("grid").evaluate(
        """grid => {
            window.stepsShown = [];
            const note = () => window.stepsShown.push(Number(grid.dataset.step));
            new MutationObserver(note).observe(grid, { attributeFilter: ["data-step"] });
        }"""
    )
    frame.get_by_test_id("play").click()
    wait_for_step(frame, STEPS[-1])
    expect(frame.get_by_test_id("play")).to_have_attribute("aria-pressed", "false")
    assert frame.locator("body").evaluate("() => window.stepsShown") == STEPS[1:]


def test_keys_move_channel_layer_step_and_sample(page, server):
    frame = open_tab(page, server.url, DEMO)
    wait_for_step(frame, STEPS[-1])
    frame.get_by_test_id("grid").focus()
    page.keyboard.press("ArrowRight")
    expect(frame.locator("[data-testid=tile][aria-selected=true]")).to_have_attribute("data-channel", "1")
    page.keyboard.press(",")
    wait_for_step(frame, STEPS[-2])
    page.keyboard.press("e")
    expect(frame.get_by_test_id("grid")).to_have_attribute("data-sample", "1")
    page.keyboard.press("[")
    expect(frame.get_by_test_id("grid")).to_have_attribute("data-layer", "pool")


def test_a_sample_is_chosen_by_its_picture(page, server):
    frame = open_tab(page, server.url, DEMO)
    wait_for_step(frame, STEPS[-1])
    first = pixels(frame, 17)
    expect(frame.get_by_test_id("sample")).to_have_count(4)
    expect(frame.get_by_test_id("sample").nth(2)).to_contain_text("6")
    frame.get_by_test_id("sample").nth(2).click()
    expect(frame.get_by_test_id("grid")).to_have_attribute("data-sample", "2")
    assert pixels(frame, 17) != first


def test_each_sample_shows_what_the_model_predicts_at_the_step(page, server, demo):
    frame = open_tab(page, server.url, DEMO)
    wait_for_step(frame, STEPS[-1])
    truth = demo.predictions()
    predicted = frame.get_by_test_id("predicted")
    for sample, label in enumerate([1, 5, 6, 8]):
        best = int(truth[sample].argmax())
        mark = "✓" if best == label else "✗"
        expect(predicted.nth(sample)).to_contain_text(f"{mark} {best}")
        shown = float(predicted.nth(sample).locator(".num").inner_text().rstrip(" %")) / 100
        assert shown == pytest.approx(float(truth[sample].max()), abs=6e-4)


def test_the_scale_is_per_layer_or_per_channel(page, server):
    frame = open_tab(page, server.url, DEMO)
    wait_for_step(frame, STEPS[-1])
    per_layer = pixels(frame, 17)
    frame.get_by_test_id("scale-channel").click()
    per_channel = pixels_other_than(frame, 17, per_layer)
    frame.get_by_test_id("scale-layer").click()
    assert pixels_other_than(frame, 17, per_channel) == per_layer


def test_there_are_three_colormaps(page, server):
    frame = open_tab(page, server.url, DEMO)
    wait_for_step(frame, STEPS[-1])
    picker = frame.get_by_test_id("colormap")
    first, *others = picker.locator("option").all_inner_texts()
    assert len(others) == 2
    expect(picker).to_have_value(first)
    seen = [pixels(frame, 17)]
    for name in others:
        picker.select_option(label=name)
        seen.append(pixels_other_than(frame, 17, *seen))
    picker.select_option(label=first)
    assert pixels_other_than(frame, 17, *seen[1:]) == seen[0]


def test_searching_leaves_the_layers_that_match(page, server):
    frame = open_tab(page, server.url, DEMO)
    expect(frame.get_by_test_id("layer-row")).to_have_count(6)
    frame.get_by_role("searchbox").fill("conv")
    expect(frame.get_by_test_id("layer-row")).to_have_count(2)
    frame.locator("[data-testid=layer-row][data-path=conv]").click()
    expect(frame.get_by_test_id("tile")).to_have_count(32)


@pytest.mark.parametrize("layer", ["digit", "prediction"])
def test_inputs_and_dense_layers_have_a_picture(page, server, layer):
    frame = open_tab(page, server.url, f"run=demo/activations&layer={layer}")
    expect(frame.get_by_test_id("grid")).to_have_attribute("data-layer", layer)
    expect(frame.get_by_test_id("tile")).to_have_count(1)


def test_the_readout_lies_beside_its_tile_and_moves_nothing(page, server):
    frame = open_tab(page, server.url, DEMO)
    wait_for_step(frame, STEPS[-1])
    before = tile(frame, 21).bounding_box()
    value_at(page, frame, 21, 4, 6)
    assert tile(frame, 21).bounding_box() == before
    fits(frame, "html")
    readout = frame.get_by_test_id("readout").bounding_box()
    # Below the tile and its number, or above it; never over it.
    gap = max(readout["y"] - before["y"] - before["height"], before["y"] - readout["y"] - readout["height"])
    assert 0 <= gap < 60
    assert abs(readout["x"] - before["x"]) < 400


def test_a_copied_link_restores_the_view(page, server, chromium):
    frame = open_tab(page, server.url, f"{DEMO}&step=90&sample=1&channel=5")
    wait_for_step(frame, 90)
    per_layer = pixels(frame, 21)
    frame.get_by_test_id("scale-channel").click()
    expected = pixels_other_than(frame, 21, per_layer)
    tile(frame, 21).click()
    expect(tile(frame, 21)).to_have_attribute("aria-selected", "true")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    frame.get_by_test_id("copy-link").click()
    # The browser's clipboard may still hold what an earlier test copied.
    link = page.evaluate("location.href")
    copied = eventually(lambda: page.evaluate("navigator.clipboard.readText()"), lambda text: text == link)

    other = page.context.new_page()
    other.goto(copied)
    restored = other.frame_locator("iframe")
    wait_for_step(restored, 90)
    expect(restored.get_by_test_id("grid")).to_have_attribute("data-sample", "1")
    expect(restored.locator("[data-testid=tile][aria-selected=true]")).to_have_attribute("data-channel", "21")
    expect(restored.get_by_test_id("scale-channel")).to_have_attribute("aria-checked", "true")
    eventually(lambda: pixels(restored, 21), lambda found: found == expected)


def brightness(frame):
    """Of the page's ground, 0 to 255."""
    color = frame.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    return sum(map(int, re.findall(r"\d+", color)[:3])) / 3


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 700)])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_looks_right_in_light_and_dark(page, server, screenshots, width, height, dark):
    page.set_viewport_size({"width": width, "height": height})
    frame = open_tab(page, server.url, DEMO, query=f"?darkMode={str(dark).lower()}")
    wait_for_step(frame, STEPS[-1])
    eventually(lambda: brightness(frame), lambda found: (found < 60) == dark)
    # Nothing sticks out: the page itself never scrolls.
    fits(frame, "html")
    value_at(page, frame, 21, 4, 6)
    expect(frame.locator(".samples canvas")).to_have_count(4)
    expect(frame.get_by_test_id("predicted")).to_have_count(4)
    expect(frame.get_by_test_id("histogram").locator("svg")).to_be_visible()
    expect(frame.get_by_test_id("layer-row").first.locator(".pill")).to_be_visible()
    page.screenshot(path=screenshots / f"tab-{'dark' if dark else 'light'}-{width}.png")


def test_the_stock_tabs_show_the_same_layers(page, server, demo):
    # The inputs and the layers that compute something; Flatten does not.
    layers = ["digit", *(layer.name for layer in demo.model.layers if layer.name != "flatten")]
    for tab, leaf in [("images", "image"), ("histograms", "histogram")]:
        # An address that differs in its hash alone loads nothing.
        page.goto("about:blank")
        page.goto(f"{server.url}/#{tab}")
        for layer in layers:
            expect(page.get_by_role("button", name=re.compile(rf"^{layer}( \d+)?$")).first).to_be_visible()
        expect(page.get_by_text(f"{LAYER}/{leaf}", exact=True).first).to_be_visible()
