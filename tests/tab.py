"""The Activations tab in a browser: opening it, and reading it once it shows what is to be read.

However slow the machine, a test waits for what it looks at and never for a time: TensorBoard loads, fetches and draws
when it can. `SECONDS` only ends a wait for what does not come.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TypeVar

from playwright.sync_api import FrameLocator, Locator, Page, expect

SECONDS = 60

_T = TypeVar("_T")


def eventually(read: Callable[[], _T], is_so: Callable[[_T], bool]) -> _T:
    """What `read` gives, as soon as it is so."""
    end = time.monotonic() + SECONDS
    while not is_so(found := read()):
        assert time.monotonic() < end, f"after {SECONDS} s it still is {found!r:.200}"
        time.sleep(0.05)
    return found


def open_tab(page: Page, board_url: str, link: str, query: str = "") -> FrameLocator:
    """A fresh load of the page, whatever it showed before: an address that differs in its hash alone loads nothing."""
    if page.url.startswith(board_url):
        page.goto("about:blank")
    page.goto(f"{board_url}/{query}#activations&{link}")
    return page.frame_locator("iframe")


def wait_for_step(frame: FrameLocator, step: int) -> None:
    """The attribute and the pixels are of one drawing."""
    expect(frame.get_by_test_id("grid")).to_have_attribute("data-step", str(step))


def tile(frame: FrameLocator, channel: int) -> Locator:
    return frame.locator(f"[data-testid=tile][data-channel='{channel}']")


def pixels(frame: FrameLocator, channel: int) -> str:
    """The colours of a tile's canvas, as one text."""
    return tile(frame, channel).locator("canvas").evaluate("canvas => canvas.toDataURL()")


def pixels_other_than(frame: FrameLocator, channel: int, *known: str) -> str:
    """The colours of a tile's canvas, once they are none of the known ones."""
    return eventually(lambda: pixels(frame, channel), lambda found: found not in known)


def point_at(
    page: Page, frame: FrameLocator, canvas: Locator, shape: tuple[int, int], pixel: tuple[int, int], place: str
) -> Locator:
    """The readout, once the pointer rests on the pixel (row, column) of a canvas of that shape.

    place: a part of the words by which the readout names the pixel; whole words, so that 1 is not found in 10.
    """
    readout = frame.get_by_test_id("readout")
    words = re.compile(rf"(?<!\w){re.escape(place)}(?!\w)")

    def said() -> str:
        # Measured anew each time: until the page has settled, tiles move.
        box = canvas.bounding_box()
        assert box is not None
        page.mouse.move(
            box["x"] + (pixel[1] + 0.5) * box["width"] / shape[1],
            box["y"] + (pixel[0] + 0.5) * box["height"] / shape[0],
        )
        return " ".join(readout.locator(".where").all_inner_texts())

    eventually(said, lambda text: words.search(text) is not None)
    return readout


def fits(frame: FrameLocator, selector: str) -> None:
    """Waits until nothing sticks out of the element."""
    inside = "e => e.scrollWidth <= e.clientWidth && e.scrollHeight <= e.clientHeight"
    eventually(lambda: frame.locator(selector).evaluate(inside), bool)
