import { useLayoutEffect, useRef } from "preact/hooks";
import type { AtlasHeader } from "../atlas";
import { channelNoun, pixelValues, placeInMap, tileCount, unitAt } from "../atlas";
import { number, percent } from "../format";
import { at } from "../series";
import * as store from "../store";

const GAP = 8;
const LABEL = 17;

function place(header: AtlasHeader, { tile, row, column }: store.Hover): string {
  const unit = unitAt(header, row, column);
  if (header.view === "sequence") return `time ${row * header.downsampling[0]} · unit ${unit}`;
  if (header.view === "units") return `unit ${unit}`;
  if (header.view === "scalar") return "scalar";
  const where = placeInMap(header, row, column);
  return header.view === "color" ? where : `${channelNoun(header)} ${header.channels[tile]} · ${where}`;
}

function Facts({ channel, noun }: { channel: number; noun: string }) {
  const found = store.shownStatistics.value;
  if (!found) return null;
  const get = (column: string) => at(found.series, found.index, channel, column);
  return (
    <table class="facts num">
      <tbody>
        <tr>
          <th>{noun} max</th>
          <td>{number(get("max"))}</td>
        </tr>
        <tr>
          <th>mean ± std</th>
          <td>
            {number(get("mean"))} ± {number(get("std"))}
          </td>
        </tr>
        <tr>
          <th>zero</th>
          <td>{percent(get("zero_fraction"))}</td>
        </tr>
      </tbody>
    </table>
  );
}

/** Puts the box where it hides neither the tile nor its row, or, beside a tile that fills the grid, over the panel. */
function position(element: HTMLElement, tile: DOMRect): void {
  const { offsetWidth: width, offsetHeight: height } = element;
  const grid = document.querySelector("[data-testid=grid]")?.getBoundingClientRect();
  const [right, bottom] = [window.innerWidth - GAP, window.innerHeight - GAP];
  // Below or above the tile it stays within the grid, so that the inspector can be read as well.
  let left = Math.max(GAP, Math.min(tile.left, (grid?.right ?? right) - GAP - width));
  let top = tile.bottom + LABEL + GAP;
  if (top + height > bottom) top = tile.top - GAP - height;
  if (top < GAP) {
    top = Math.max(GAP, Math.min(tile.top, bottom - height));
    left = tile.right + GAP;
    if (left + width > right) left = tile.left - GAP - width >= GAP ? tile.left - GAP - width : right - width;
  }
  element.style.left = `${left}px`;
  element.style.top = `${top}px`;
}

/** The value under the pointer. */
export function Readout() {
  const element = useRef<HTMLDivElement>(null);
  const hover = store.hover.value;
  const picture = store.picture.value;
  useLayoutEffect(() => {
    if (element.current && hover) position(element.current, hover.box);
  }, [hover]);
  if (!hover || !picture) return null;
  const { atlas } = picture;
  const { header } = atlas;
  const unit = unitAt(header, hover.row, hover.column);
  // The picture may have changed under a pointer that rests.
  const gone = hover.tile >= tileCount(header) || hover.row >= header.tile[0] || hover.column >= header.tile[1];
  if (unit === null || gone) return null;
  const values = pixelValues(atlas, hover.tile, hover.row, hover.column);
  const channel = unit ?? header.channels[hover.tile];
  const [down, across] = header.downsampling;
  return (
    <div class="readout" ref={element} data-testid="readout" data-value={String(values[0])} data-channel={channel}>
      <div class="where num">{place(header, hover)}</div>
      <b class="num">{values.map((value) => number(value, 5)).join("  ")}</b>
      {header.note && <div class="where">{header.note}</div>}
      {down * across !== 1 && (
        <div class="where">
          average of {down}×{across} values
        </div>
      )}
      {channel !== undefined && header.view !== "color" && <Facts channel={channel} noun={channelNoun(header)} />}
    </div>
  );
}
