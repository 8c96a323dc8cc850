"""What the tab says of a run: its details with the cost of logging, and where pictures end before statistics do."""

import json
import re

import keras
import numpy as np
import pytest
from playwright.sync_api import expect
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto import event_pb2

from tb_activations import ActivationWriter
from tb_activations.events import write_record
from tests.tab import eventually, fits, open_tab, wait_for_step
from tests.tensorboard_server import running

STEPS = (0, 5, 10, 15, 20)
PATHS = ["--load_fast=false", "--load_fast=true"]
SIZES = [(1440, 900), (1024, 700)]
COST = {
    **{"logs": 12, "skipped": 2, "left_out": 3, "bytes_written": 11_300_000, "preparation_seconds": 2.1},
    **{"stall_seconds": 0.84, "closing_seconds": 0.06, "background_seconds": 4.2, "seconds": 310.5},
}
NOTE = "keep = 2.0 MB: from step 6 on no pictures are written; statistics go on"
PROBE = np.random.default_rng(0).uniform(size=(3, 12, 12, 1)).astype(np.float32)


def pictures_end(after):
    """Takes the pictures of later steps out of an event."""

    def change(event):
        kept = [v for v in event.summary.value if not v.tag.endswith("/image") or event.step <= after]
        del event.summary.value[:]
        event.summary.value.extend(kept)

    return change


def manifest_says(cost, notes):
    """Gives an event's manifest the two fields, or neither where they are None, as in logs of earlier versions."""

    def change(event):
        for value in event.summary.value:
            if value.tag == "manifest":
                manifest = json.loads(value.tensor.string_val[0])
                for name, content in (("cost", cost), ("notes", notes)):
                    manifest.pop(name, None)
                    if content is not None:
                        manifest[name] = content
                value.tensor.string_val[0] = json.dumps(manifest).encode()

    return change


def write_run(directory, *changes, steps=STEPS, sick_from=100):
    """A run as the writer writes it, but for the changes. Returns its event file and its last event with a manifest.

    sick_from: the step from which on the convolution gives infinities.
    """
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input(PROBE.shape[1:]),
            keras.layers.Conv2D(8, 3, activation="relu", name="conv"),
            keras.layers.Flatten(),
            keras.layers.Dense(4, activation="softmax", name="dense"),
        ],
        name="net",
    )
    with ActivationWriter(directory, strict=True, class_names=["cat", "dog", "owl", "fox"]) as writer:
        for step in steps:
            model.layers[0].bias.assign_add(np.full(8, np.inf if step >= sick_from else 0.05))
            writer.log(model, PROBE, step)
    (path,) = (directory / "activations").iterdir()
    events = [event_pb2.Event.FromString(record) for record in RawEventFileLoader(str(path)).Load()]
    with open(path, "wb") as file:
        for event in events:
            for change in changes:
                change(event)
            write_record(file, event.SerializeToString())
    return path, [event for event in events if any(value.tag == "manifest" for value in event.summary.value)][-1]


@pytest.fixture(scope="module")
def logdir(tmp_path_factory):
    directory = tmp_path_factory.mktemp("details")
    write_run(directory / "real")
    write_run(directory / "full", manifest_says(COST, []))
    write_run(directory / "earlier", manifest_says(None, None))
    write_run(directory / "ended", pictures_end(5), manifest_says(COST, [NOTE]))
    write_run(directory / "sick", pictures_end(5), manifest_says({}, [NOTE]), sick_from=15)
    write_run(directory / "none", pictures_end(-1), manifest_says({}, [NOTE]))
    write_run(directory / "none_single", pictures_end(-1), manifest_says({}, []), steps=STEPS[:1])
    return directory


@pytest.fixture(scope="module", params=PATHS, ids=["python_loader", "data_server"])
def board(request, logdir):
    with running(logdir, request.param) as server:
        server.wait_for(lambda answer: sorted(run.get("steps") or 0 for run in answer["runs"]) == [1, 5, 5, 5, 5, 5, 5])
        yield server


@pytest.fixture(scope="module")
def one_board(logdir):
    with running(logdir) as server:
        server.wait_for(lambda answer: sorted(run.get("steps") or 0 for run in answer["runs"]) == [1, 5, 5, 5, 5, 5, 5])
        yield server


def open_run(page, board, run, link="layer=conv", dark=False):
    return open_tab(page, board.url, f"run={run}/activations&{link}", f"?darkMode={str(dark).lower()}")


def facts(frame):
    """The details' rows, name → text."""
    rows = frame.get_by_test_id("details").locator("dl > div")
    return dict(rows.evaluate_all("rows => rows.map(row => [...row.children].map(cell => cell.textContent))"))


def test_the_details_say_what_the_manifest_says(page, one_board, logdir):
    frame = open_run(page, one_board, "full")
    button = frame.get_by_role("button", name="Run details")
    expect(button).to_contain_text("2 layers · 3 samples · step 20")
    details = frame.get_by_role("dialog", name="Run details")
    expect(details).to_be_hidden()
    button.click()
    expect(details).to_be_visible()
    said = facts(frame)
    assert said["Run"] == "full/activations"
    assert said["Data"] == str(logdir)
    # 8 * (3 * 3 + 1) + 4 * (10 * 10 * 8 + 1)
    assert said["Model"] == "net · Sequential · 3,284 parameters"
    assert (said["Layers"], said["Samples"]) == ("2", "3")
    assert said["Steps"] == "5 logged, all shown"
    assert f"keras {keras.__version__}" in said["Versions"]
    assert "max_channels=64" in said["Options"]
    assert "training=False" in said["Options"]
    assert said["Logs"] == "12"
    assert said["Left out"] == "3, to stay within max_overhead"
    assert said["Skipped"] == "2 (queue full, fault or bytes used up)"
    assert said["Written"] == "11.3 MB · 942 kB per log"
    # 0.84 + 2.1 + 0.06 of 310.5 seconds; 0.84 / 12 per log
    assert said["Training waited"] == "3.00 s · 1.0 % of 5 min 11 s"
    assert said["at the end"] == "60 ms"
    assert said["per log"] == "70 ms"
    assert said["to prepare"] == "2.10 s"
    assert said["In the background"] == "4.20 s"
    expect(frame.get_by_test_id("as-of")).to_have_text(re.compile(r"^as of (just now|\d+ \w+ ago)$"))
    expect(frame.get_by_test_id("run-notes")).to_have_count(0)


def test_the_figures_of_a_real_run_are_those_that_its_writer_counted(page, one_board):
    """Nothing is changed in this run's file."""
    frame = open_run(page, one_board, "real")
    frame.get_by_test_id("details-button").click()
    expect(frame.get_by_test_id("cost")).to_contain_text("Training waited")
    said = facts(frame)
    assert said["Logs"] == "5"
    assert "kB per log" in said["Written"]
    assert re.search(r" % of ", said["Training waited"])
    assert not {"Skipped", "Left out"} & said.keys()
    assert "max_overhead=None" in said["Options"]


def test_a_log_of_an_earlier_version_has_details_without_a_cost(page, one_board):
    frame = open_run(page, one_board, "earlier")
    frame.get_by_test_id("details-button").click()
    expect(frame.get_by_test_id("details")).to_contain_text("earlier/activations")
    expect(frame.get_by_test_id("cost")).to_contain_text("Nothing is said of it yet")
    expect(frame.get_by_test_id("as-of")).to_have_count(0)


def test_the_keyboard_opens_and_closes_the_details_and_changes_nothing_else(page, one_board):
    frame = open_run(page, one_board, "full", "layer=conv&channel=3")
    wait_for_step(frame, 20)
    button, details = frame.get_by_test_id("details-button"), frame.get_by_test_id("details")
    frame.get_by_test_id("run-picker").focus()
    page.keyboard.press("Tab")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(details).to_be_focused()
    for key in ("ArrowRight", "]", ",", "n"):
        page.keyboard.press(key)
    page.keyboard.press("Tab")
    expect(frame.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Escape")
    expect(details).to_be_hidden()
    expect(button).to_be_focused()
    # None of the page's own keys, Escape included, has done its work.
    expect(frame.locator("[data-testid=tile][data-channel='3']")).to_have_attribute("aria-selected", "true")
    expect(frame.get_by_test_id("grid")).to_have_attribute("data-layer", "conv")
    expect(frame.get_by_test_id("step-box")).to_have_value("20")
    expect(frame.get_by_test_id("scale-layer")).to_have_attribute("aria-checked", "true")


def test_a_click_beside_the_details_closes_them_and_the_focus_returns(page, one_board):
    frame = open_run(page, one_board, "full")
    button, details = frame.get_by_test_id("details-button"), frame.get_by_test_id("details")
    button.click()
    expect(details).to_be_focused()
    frame.locator("main .title").click(position={"x": 700, "y": 10})
    expect(details).to_be_hidden()
    expect(button).to_be_focused()
    # A second click on the button closes them as well.
    button.click()
    expect(details).to_be_visible()
    button.click()
    expect(details).to_be_hidden()


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_details_leave_the_step_bar_free_and_cut_nothing(page, one_board, screenshots, width, height, dark):
    page.set_viewport_size({"width": width, "height": height})
    frame = open_run(page, one_board, "ended", dark=dark)
    wait_for_step(frame, 5)
    fits(frame, "html")
    frame.get_by_test_id("details-button").click()
    details = frame.get_by_test_id("details")
    expect(frame.get_by_test_id("run-notes")).to_have_text(NOTE)
    page.screenshot(path=screenshots / f"details-{width}-{'dark' if dark else 'light'}.png")
    assert details.evaluate("e => e.scrollWidth <= e.clientWidth")
    inside, bar = details.bounding_box(), frame.locator("footer").bounding_box()
    assert inside["y"] + inside["height"] <= bar["y"]
    assert inside["x"] + inside["width"] <= width
    # What does not fit is reached by scrolling, and the way out stays in sight.
    details.evaluate("e => e.scrollTo(0, e.scrollHeight)")
    close = frame.get_by_role("button", name="Close").bounding_box()
    assert close["y"] >= inside["y"]


def test_figures_that_change_move_nothing(page, tmp_path):
    path, last = write_run(tmp_path / "live", manifest_says(COST, []))
    with running(tmp_path) as board:
        board.wait_for(lambda answer: [run.get("steps") for run in answer["runs"]] == [5])
        frame = open_run(page, board, "live")
        frame.get_by_test_id("details-button").click()
        assert facts(frame)["Logs"] == "12"
        places = "e => [...e.querySelectorAll('dt, dd, h3')].map(f => Math.round(f.getBoundingClientRect().left))"
        details = frame.get_by_test_id("details")
        before, box = details.evaluate(places), details.bounding_box()
        later = {**COST, "logs": 1300, "bytes_written": 123_456_789, "stall_seconds": 12.3456, "seconds": 7260.0}
        last.wall_time += 60
        manifest_says(later, [])(last)
        with open(path, "ab") as file:
            write_record(file, last.SerializeToString())
        eventually(lambda: facts(frame)["Logs"], lambda text: text == "1,300")
        assert facts(frame)["Written"] == "123 MB · 95.0 kB per log"
        assert facts(frame)["Training waited"] == "14.5 s · 0.2 % of 2 h 1 min"
        assert details.evaluate(places) == before
        assert details.bounding_box() == box


def test_where_pictures_end_before_statistics_the_grid_says_so(page, board, screenshots):
    frame = open_run(page, board, "ended")
    wait_for_step(frame, 5)
    end = frame.get_by_test_id("pictures-end")
    expect(end).to_contain_text("Pictures end at step 5; statistics, and the health on the left, go on to step 20.")
    # The steps are those with pictures; the distribution goes on.
    expect(frame.get_by_test_id("step-slider")).to_have_attribute("aria-valuemax", "5")
    expect(frame.get_by_test_id("histogram").locator("g > .line")).to_have_count(5)
    expect(frame.locator(".kept:visible")).to_have_text("2 of 2 steps with pictures")
    page.screenshot(path=screenshots / "pictures-end-1440.png")
    end.get_by_role("button", name="Why?").click()
    expect(frame.get_by_test_id("run-notes")).to_have_text(NOTE)
    expect(frame.get_by_role("button", name="Run details, 1 note")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press(",")
    wait_for_step(frame, 0)
    expect(end).to_be_visible()


def test_what_goes_wrong_after_the_pictures_end_is_seen_while_the_tab_follows(page, board):
    frame = open_run(page, board, "sick")
    wait_for_step(frame, 5)
    conv = frame.locator("[data-testid=layer-row][data-path=conv]")
    expect(conv.locator(".flag.bad")).to_have_text("Inf")
    frame.get_by_test_id("follow").uncheck()
    expect(conv.locator(".flag.bad")).to_have_count(0)
    expect(frame.get_by_test_id("pictures-end")).to_contain_text("statistics go on to step 20.")


def test_a_run_whose_pictures_go_to_the_end_says_nothing_of_an_end(page, board):
    frame = open_run(page, board, "full")
    wait_for_step(frame, 20)
    expect(frame.get_by_test_id("details-button")).to_be_visible()
    expect(frame.get_by_test_id("pictures-end")).to_have_count(0)
    expect(frame.locator(".noted")).to_have_count(0)


@pytest.mark.parametrize("run", ["none", pytest.param("none_single", marks=pytest.mark.slow)])
def test_a_run_without_pictures_shows_all_the_rest(page, board, screenshots, run):
    frame = open_run(page, board, run, "layer=conv&channel=0")
    expect(frame.get_by_test_id("no-pictures")).to_contain_text("This run keeps no pictures.")
    last = 20 if run == "none" else 0
    expect(frame.get_by_test_id("step-box")).to_have_value(str(last))
    steps = len(STEPS) if run == "none" else 1
    expect(frame.get_by_test_id("histogram").locator("g > .line")).to_have_count(steps)
    expect(frame.locator("nav .pill")).to_have_count(3)
    inspector = frame.locator("aside section").nth(1)
    expect(inspector.locator("h2")).to_have_text("Channel 0")
    expect(inspector.locator(".facts td")).to_have_count(7)
    expect(frame.get_by_role("alert")).to_have_count(0)
    page.screenshot(path=screenshots / f"no-pictures-{run}-1440.png")
    if run == "none":
        expect(frame.get_by_test_id("no-pictures")).to_contain_text(NOTE)
        before = inspector.locator(".facts").inner_text()
        # Channels and steps can be gone through as ever.
        frame.get_by_test_id("grid").focus()
        page.keyboard.press("ArrowRight")
        expect(inspector.locator("h2")).to_have_text("Channel 1")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press(",")
        expect(frame.get_by_test_id("step-box")).to_have_value("15")
        eventually(lambda: inspector.locator(".facts").inner_text(), lambda text: text != before)
        expect(frame.get_by_test_id("histogram").locator(".now text")).to_have_text("15")
        frame.locator("[data-testid=layer-row][data-path=dense]").click()
        expect(inspector.locator("h2")).to_have_text("Unit 0")
        expect(frame.get_by_test_id("predicted")).to_have_count(3)


def test_a_layer_or_a_prediction_that_a_log_does_not_hold_is_named_with_its_own_step(page, tmp_path):
    model = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(4, name="dense")])
    with ActivationWriter(tmp_path, strict=True) as writer:
        writer.log(model, np.ones((1, 6, 6, 1), np.float32), 2)
        writer.write({"plain": np.ones((1, 2), np.float32)}, 3)
    with running(tmp_path) as board:
        board.wait_for(lambda answer: [run.get("steps") for run in answer["runs"]] == [2])
        frame = open_tab(page, board.url, "run=activations&layer=dense")
        wait_for_step(frame, 2)
        expect(frame.get_by_test_id("step-box")).to_have_value("3")
        expect(frame.get_by_test_id("picture-step")).to_have_text("picture of step 2")
        # That there never was one of step 3 is as likely as that it was not kept.
        expect(frame.locator("aside")).to_contain_text("Predictions of step 2: there are none of step 3.")
        frame.locator("[data-testid=layer-row][data-path=plain]").click()
        wait_for_step(frame, 3)
        expect(frame.get_by_test_id("picture-step")).to_have_count(0)
