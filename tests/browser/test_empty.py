"""The page where there is nothing to show: it says why, and what to do."""

import pytest
from playwright.sync_api import expect
from tensorboard.compat.proto import event_pb2, summary_pb2

from tb_activations.events import write_record
from tests.tensorboard_server import running

PATHS = pytest.mark.parametrize("path", ["--load_fast=false", "--load_fast=true"])


@PATHS
def test_without_any_run_it_says_so_and_shows_the_lines_to_copy(page, tmp_path, path, screenshots):
    with running(tmp_path, path) as board:
        page.goto(f"{board.url}/#activations")
        empty = page.frame_locator("iframe").get_by_test_id("empty")
        expect(empty).to_contain_text("knows no runs")
        expect(empty).to_contain_text(str(tmp_path))
        expect(empty).to_contain_text(f'"{tmp_path}/exp1"')
        expect(empty).to_contain_text("callbacks=[logger]")
        page.screenshot(path=screenshots / "empty-1440.png")


@PATHS
def test_with_runs_of_other_plugins_it_says_that_none_has_activations(page, tmp_path, path):
    with open(tmp_path / "events.out.tfevents.1764000000.scalars", "wb") as file:
        metadata = summary_pb2.SummaryMetadata(data_class=summary_pb2.DATA_CLASS_SCALAR)
        metadata.plugin_data.plugin_name = "scalars"
        loss = summary_pb2.Summary.Value(tag="loss", simple_value=1.0, metadata=metadata)
        for event in (event_pb2.Event(file_version="brain.Event:2"), event_pb2.Event(step=1)):
            if event.step:
                event.summary.value.append(loss)
            write_record(file, event.SerializeToString())
    with running(tmp_path, path) as board:
        page.goto(f"{board.url}/#activations")
        empty = page.frame_locator("iframe").get_by_test_id("empty")
        expect(empty).to_contain_text("knows 1 run under")
        expect(empty).to_contain_text("none with activations")
