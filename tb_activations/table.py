"""Table: a model's layers as a person reads them, in a terminal or a notebook."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import overload

from tb_activations.schema import LayerInfo

_HEADINGS = ("index", "path", "class", "output shape", "parameters")
_SIZE_HEADING = "bytes per log"
# Numbers to the right, words to the left.
_TO_THE_RIGHT = frozenset({"index", "parameters", _SIZE_HEADING})


class LayerTable(Sequence[LayerInfo]):
    """Layers in execution order; `str()` of it is the table that `list_layers` prints, a notebook shows it as one.

    sizes: predicted bytes that one log of each layer writes; None where they are not known. note: a line below.
    """

    def __init__(self, layers: Sequence[LayerInfo], sizes: Sequence[int] | None = None, note: str = "") -> None:
        self._layers = tuple(layers)
        self.sizes = None if sizes is None else tuple(sizes)
        self._note = note

    @overload
    def __getitem__(self, index: int) -> LayerInfo: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[LayerInfo, ...]: ...
    def __getitem__(self, index: int | slice) -> LayerInfo | tuple[LayerInfo, ...]:
        return self._layers[index]

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[LayerInfo]:
        return iter(self._layers)

    def __repr__(self) -> str:
        return f"<LayerTable: {len(self)} layers>"

    def __str__(self) -> str:
        headings, rows = self._cells()
        table = [headings, *rows]
        widths = [max(len(row[column]) for row in table) for column in range(len(headings))]
        table.insert(1, tuple("-" * width for width in widths))
        align = [str.rjust if heading in _TO_THE_RIGHT else str.ljust for heading in headings]
        lines = [
            "  ".join(place(cell, width) for place, cell, width in zip(align, row, widths, strict=True)).rstrip()
            for row in table
        ]
        return "\n".join([*lines, *filter(None, [self._note])])

    def _repr_html_(self) -> str:
        """What Jupyter shows."""
        headings, rows = self._cells()
        style = {heading: "right" if heading in _TO_THE_RIGHT else "left" for heading in headings}

        def line(tag: str, cells: Sequence[str]) -> str:
            filled = (
                f'<{tag} style="text-align: {style[heading]}">{html.escape(cell)}</{tag}>'
                for heading, cell in zip(headings, cells, strict=True)
            )
            return f"<tr>{''.join(filled)}</tr>"

        body = "".join(line("td", row) for row in rows)
        note = f"<p>{html.escape(self._note)}</p>" if self._note else ""
        return f"<table><thead>{line('th', headings)}</thead><tbody>{body}</tbody></table>{note}"

    def _cells(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        rows = [_cells(layer) for layer in self._layers]
        if self.sizes is None:
            return _HEADINGS, rows
        return (*_HEADINGS, _SIZE_HEADING), [
            (*row, f"{size:,}" if size else "-") for row, size in zip(rows, self.sizes, strict=True)
        ]


def _cells(layer: LayerInfo) -> tuple[str, ...]:
    index = "-" if layer.index is None else str(layer.index)
    return (index, layer.path, layer.class_name, str(layer.shape), f"{layer.parameters:,}")
