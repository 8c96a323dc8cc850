"""Plot: small multiples of lines as SVG, readable in light and dark, drawn without a plotting library."""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Sequence

WIDTH, HEIGHT = 860, 704
_PANEL_WIDTH, _PANEL_HEIGHT = 320, 180
_LEFT, _TOP = 76, 112
_STEP_X, _STEP_Y = 414, 304
_STYLE = """
  .card { fill: #ffffff; }
  text { fill: #1f2328; font: 13px system-ui, -apple-system, 'Segoe UI', Helvetica, sans-serif; }
  .name { font-weight: 600; } .title { font-size: 16px; font-weight: 600; } .quiet { fill: #59636e; font-size: 12px; }
  .grid { stroke: #d8dee4; } .axis { stroke: #818b98; }
  .line { fill: none; stroke-width: 2.25; stroke-linejoin: round; stroke-linecap: round; }
  .a { stroke: #0b62c4; fill: #0b62c4; } .b { stroke: #b25000; fill: #b25000; } .c { stroke: #6e7781; fill: #6e7781; }
  path.line { fill: none; } .c.line { stroke-dasharray: 5 5; } text.a, text.b, text.c { stroke: none; font-size: 12px; }
  @media (prefers-color-scheme: dark) {
    .card { fill: #0d1117; } text { fill: #e6edf3; } .quiet { fill: #9198a1; }
    .grid { stroke: #2a313a; } .axis { stroke: #656c76; }
    .a { stroke: #6cb6ff; fill: #6cb6ff; } .b { stroke: #f0a050; fill: #f0a050; } .c { stroke: #a0a8b0; fill: #a0a8b0; }
    path.line { fill: none; }
  }
"""


@dataclasses.dataclass(frozen=True)
class Line:
    """kind: "a" and "b" are data, "c" (dashed) a reference; points: (x, y)."""

    name: str
    kind: str
    points: tuple[tuple[float, float], ...]


@dataclasses.dataclass(frozen=True)
class Panel:
    """Both axes are linear and begin at 0, so that what grows linearly is straight. ticks: of the x axis, and their
    labels."""

    title: str
    x_name: str
    lines: tuple[Line, ...]
    ticks: tuple[tuple[float, str], ...]


def drawn(title: str, notes: Sequence[str], panels: Sequence[Panel]) -> str:
    """SVG text, two panels in a row."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" aria-label="{html.escape(title)}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="card" width="{WIDTH}" height="{HEIGHT}" rx="10"/>',
        f'<text class="title" x="24" y="32">{html.escape(title)}</text>',
    ]
    for index, note in enumerate(reversed(notes)):
        parts.append(f'<text class="quiet" x="24" y="{HEIGHT - 18 - 18 * index}">{html.escape(note)}</text>')
    for index, panel in enumerate(panels):
        x, y = _LEFT + index % 2 * _STEP_X, _TOP + index // 2 * _STEP_Y
        parts += [f'<g transform="translate({x} {y})">', *_panel(panel), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _panel(panel: Panel) -> list[str]:
    widest = max(x for line in panel.lines for x, _ in line.points)
    step, highest = _scale(max(y for line in panel.lines for _, y in line.points))
    across, up = _PANEL_WIDTH / widest, _PANEL_HEIGHT / highest
    parts = [f'<text class="name" x="-52" y="-38">{html.escape(panel.title)}</text>']
    for tick in range(round(highest / step) + 1):
        y = _PANEL_HEIGHT - tick * step * up
        kind = "grid" if tick else "axis"
        parts.append(f'<line class="{kind}" x1="0" x2="{_PANEL_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="quiet" x="-8" y="{y + 4:.1f}" text-anchor="end">{tick * step:g}</text>')
    for value, label in panel.ticks:
        x = value * across
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{_PANEL_HEIGHT}" y2="{_PANEL_HEIGHT + 4}"/>')
        text = f'x="{x:.1f}" y="{_PANEL_HEIGHT + 19}" text-anchor="middle"'
        parts.append(f'<text class="quiet" {text}>{html.escape(label)}</text>')
    text = f'x="{_PANEL_WIDTH / 2}" y="{_PANEL_HEIGHT + 38}" text-anchor="middle"'
    parts.append(f'<text class="quiet" {text}>{html.escape(panel.x_name)}</text>')
    for line in panel.lines:
        places = [(x * across, _PANEL_HEIGHT - y * up) for x, y in line.points]
        path = " L ".join(f"{x:.1f} {y:.1f}" for x, y in places)
        parts.append(f'<path class="{line.kind} line" d="M {path}"/>')
        if line.kind != "c":
            parts += [f'<circle class="{line.kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in places]
    return parts + _legend(panel.lines)


def _legend(lines: Sequence[Line]) -> list[str]:
    """One row above the panel, where no line can cross it."""
    parts = []
    for index, line in enumerate(lines):
        x = -52 + 132 * index
        parts.append(f'<path class="{line.kind} line" d="M {x} -18 h 18"/>')
        parts.append(f'<text class="{line.kind}" x="{x + 24}" y="-14">{html.escape(line.name)}</text>')
    return parts


def _scale(greatest: float) -> tuple[float, float]:
    """A round step, and the end of an axis that leaves a little room."""
    rough = greatest / 4
    magnitude = 10 ** math.floor(math.log10(rough))
    step = next(factor * magnitude for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= rough)
    return step, step * math.ceil(greatest * 1.02 / step)
