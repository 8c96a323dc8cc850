import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { AtlasHeader } from "../atlas";
import { channelNoun, notesOf, tileCount, unitAt } from "../atlas";
import { count, kind, shape } from "../format";
import type { Layout } from "../layout";
import { layoutOf, rowsInView } from "../layout";
import { at } from "../series";
import * as store from "../store";
import { ColorBar } from "./ColorBar";
import { openDetails } from "./Details";
import { Problem } from "./Problem";
import { Segmented } from "./Segmented";
import { TileCanvas } from "./TileCanvas";

const PADDING = 16;
/** Narrower units have no room for their number. */
const MIN_NUMBERED = 24;
const ZOOMS = [
  { value: "fit", text: "fit", title: "The largest whole zoom at which all channels are visible (z)" },
  { value: 2, text: "2×", title: "Two screen pixels per value (z)" },
  { value: 4, text: "4×", title: "Four screen pixels per value (z)" },
] as const;

function Title() {
  const layer = store.currentLayer.value;
  if (!layer) return <div class="title" />;
  return (
    <div class="title">
      <h1 title={layer.path}>{layer.path}</h1>
      {kind(layer) && <span class="fact">{kind(layer)}</span>}
      <span class="fact num">{shape(layer.shape)}</span>
      {layer.parameters > 0 && <span class="fact wide">{count(layer.parameters, "parameter")}</span>}
    </div>
  );
}

/** Says when the picture holds only some of the layer's channels (or units), and how the values were made to fit. */
function Notes() {
  const picture = store.picture.value;
  if (!picture) return null;
  const { header } = picture.atlas;
  const noun = channelNoun(header);
  const all = header.view === "color" ? 0 : (header.shape[header.axes.indexOf(noun)] ?? 0);
  const notes = notesOf(header);
  // Inputs are written when they change: theirs is of the step shown whenever it was written.
  const isOlder =
    store.shownLayer.value?.role !== "input" &&
    picture.step === store.wantedPicture.value?.step &&
    picture.step !== store.currentStep.value;
  return (
    <span class="caption notes">
      {isOlder && <span data-testid="picture-step">picture of step {picture.step}</span>}
      {header.channels.length < all && (
        <span data-testid="left-out" title="max_channels of the hook; statistics use everything">
          {header.channels.length} of {count(all, noun)}
        </span>
      )}
      {notes.length > 0 && <span data-testid="notes">{notes.join(" · ")}</span>}
    </span>
  );
}

/** The pixel of a tile that lies under the pointer. */
function pixelUnder(event: PointerEvent | MouseEvent): store.Hover | null {
  const picture = store.picture.value;
  const element = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-tile]") : null;
  const canvas = element?.querySelector("canvas");
  if (!picture || !element || !canvas) return null;
  const box = canvas.getBoundingClientRect();
  const [height, width] = picture.atlas.header.tile;
  const row = Math.floor(((event.clientY - box.top) / box.height) * height);
  const column = Math.floor(((event.clientX - box.left) / box.width) * width);
  if (row < 0 || column < 0 || row >= height || column >= width) return null;
  return { tile: Number(element.dataset.tile), row, column, box };
}

function hoverAt(event: PointerEvent): void {
  const next = pixelUnder(event);
  const now = store.hover.value;
  if (next && now && next.tile === now.tile && next.row === now.row && next.column === now.column) return;
  store.hover.value = next;
}

function selectAt(event: MouseEvent): void {
  const picture = store.picture.value;
  const element = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-tile]") : null;
  if (!picture || !element) return;
  const { header } = picture.atlas;
  const pixel = pixelUnder(event);
  const unit = pixel ? unitAt(header, pixel.row, pixel.column) : undefined;
  const chosen = unit === undefined ? header.channels[Number(element.dataset.tile)] : unit;
  if (chosen !== undefined && chosen !== null) store.channel.value = chosen;
}

/** A frame around the selected unit, where units are pixels or columns of one tile. */
function UnitFrame({ header, layout }: { header: AtlasHeader; layout: Layout }) {
  const index = header.channels.indexOf(store.currentChannel.value ?? -1);
  if (index < 0 || (header.view !== "units" && header.view !== "sequence")) return null;
  const [height, width] = header.tile;
  const whole = header.view === "sequence";
  const { zoom, zoomY } = layout;
  const style = {
    left: `${(whole ? index : index % width) * zoom}px`,
    top: `${whole ? 0 : Math.floor(index / width) * zoomY}px`,
    width: `${zoom}px`,
    height: `${(whole ? height : 1) * zoomY}px`,
  };
  return <span class="unit" style={style} />;
}

/** Lines between the slices of a tile. */
function SliceLines({ header, zoom }: { header: AtlasHeader; zoom: number }) {
  const [rows, columns] = header.slices ?? [1, 1];
  if (rows * columns === 1) return null;
  const [height, width] = [header.tile[0] * zoom, header.tile[1] * zoom];
  const across = Array.from({ length: columns - 1 }, (_, i) => ((i + 1) * width) / columns);
  const down = Array.from({ length: rows - 1 }, (_, i) => ((i + 1) * height) / rows);
  return (
    <>
      {across.map((left) => (
        <i key={`x${left}`} class="slice" style={{ left: `${left}px`, top: 0, height: `${height}px` }} />
      ))}
      {down.map((top) => (
        <i key={`y${top}`} class="slice" style={{ top: `${top}px`, left: 0, width: `${width}px` }} />
      ))}
    </>
  );
}

/** The unit numbers below a single row of units. */
function UnitNumbers({ header, zoom }: { header: AtlasHeader; zoom: number }) {
  return (
    <>
      {header.channels.map((unit) => (
        <span
          key={unit}
          class={unit === store.currentChannel.value ? "number on" : "number"}
          style={{ width: `${zoom}px` }}
        >
          {unit}
        </span>
      ))}
    </>
  );
}

function Tile({ index, layout }: { index: number; layout: Layout }) {
  const picture = store.picture.value;
  if (!picture) return null;
  const { atlas } = picture;
  const { header } = atlas;
  const id = header.channels[index] ?? index;
  const isMap = header.view === "maps";
  const found = store.shownStatistics.value;
  const dead = isMap && found !== null && at(found.series, found.index, id, "zero_fraction") === 1;
  const selected = isMap && store.currentChannel.value === id;
  const [width, height] = [header.tile[1] * layout.zoom, header.tile[0] * layout.zoomY];
  const isNumbered = header.view === "units" && header.tile[0] === 1 && layout.zoom >= MIN_NUMBERED;
  const name = isMap ? `${channelNoun(header)} ${id}` : (store.shownLayer.value?.path ?? header.view);
  return (
    <div
      class={`tile${selected ? " on" : ""}${dead ? " dead" : ""}`}
      id={`tile-${index}`}
      role="option"
      aria-selected={selected}
      aria-label={dead ? `${name}, dead` : name}
      data-testid="tile"
      data-tile={index}
      data-channel={id}
      style={{
        left: `${(index % layout.columns) * layout.stepX}px`,
        top: `${Math.floor(index / layout.columns) * layout.stepY}px`,
        width: `${Math.max(width, 22)}px`,
      }}
    >
      <TileCanvas
        atlas={atlas}
        tile={index}
        domain={header.view === "color" ? null : store.domain.value}
        colormap={store.colormap.value}
        width={`${width}px`}
        height={`${height}px`}
      />
      <UnitFrame header={header} layout={layout} />
      <SliceLines header={header} zoom={layout.zoom} />
      <span class="label num">
        {isNumbered ? (
          <UnitNumbers header={header} zoom={layout.zoom} />
        ) : (
          <span>{isMap ? id : CAPTIONS[header.view](header)}</span>
        )}
        {dead && <span class="flag warn">dead</span>}
      </span>
    </div>
  );
}

const CAPTIONS: Readonly<Record<AtlasHeader["view"], (header: AtlasHeader) => string>> = {
  maps: () => "",
  sequence: () => "time ↓ · units →",
  units: (header) => count(header.channels.length, "unit"),
  scalar: () => "scalar",
  color: () => "colour",
};

function Tiles() {
  const scroller = useRef<HTMLDivElement>(null);
  const size = useSignal<[width: number, height: number]>([0, 0]);
  const top = useSignal(0);
  const picture = store.picture.value;
  const header = picture?.atlas.header;
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const measure = () => (size.value = [element.clientWidth - 2 * PADDING, element.clientHeight - 2 * PADDING]);
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, [size]);
  const tiles = header ? tileCount(header) : 0;
  const [width, height] = size.value;
  const layout =
    header && width > 0
      ? layoutOf(tiles, header.tile, header.view === "sequence", store.zoom.value, width, height)
      : null;
  const selected = header?.view === "maps" ? header.channels.indexOf(store.currentChannel.value ?? -1) : -1;
  useEffect(() => {
    const element = scroller.current;
    if (!layout || selected < 0 || !element) return;
    const y = Math.floor(selected / layout.columns) * layout.stepY;
    if (y < element.scrollTop) element.scrollTop = y;
    const below = y + layout.stepY + PADDING - element.clientHeight;
    if (below > element.scrollTop) element.scrollTop = below;
  }, [selected, layout?.columns, layout?.stepY]);
  const wanted = store.wantedPicture.value;
  const late = wanted !== null && (picture?.layer !== wanted.layer || picture.run !== wanted.run);
  const sentence = store.problems.value.image ?? store.problems.value.run;
  const [first, end] = layout ? rowsInView(layout, top.value, height + 2 * PADDING) : [0, 0];
  const shown = layout && !sentence && wanted !== null ? Math.min(tiles, end * layout.columns) : 0;
  return (
    <div
      class={late ? "grid late" : "grid"}
      ref={scroller}
      tabIndex={0}
      role="listbox"
      aria-label="Channels"
      aria-busy={late}
      aria-activedescendant={selected >= 0 ? `tile-${selected}` : undefined}
      data-testid="grid"
      data-step={picture?.step}
      data-layer={picture?.layer}
      data-sample={picture?.sample}
      data-zoom={layout?.zoom}
      data-columns={layout?.columns}
      onScroll={(event) => {
        top.value = event.currentTarget.scrollTop;
        store.hover.value = null;
      }}
      onPointerMove={hoverAt}
      onPointerLeave={() => (store.hover.value = null)}
      onClick={selectAt}
    >
      {sentence !== undefined && <Problem sentence={sentence} />}
      {sentence === undefined && wanted === null && <Nothing />}
      {layout && shown > 0 && (
        <div
          class="tiles"
          style={{ width: `${layout.columns * layout.stepX}px`, height: `${layout.rows * layout.stepY}px` }}
        >
          {Array.from({ length: Math.max(0, shown - first * layout.columns) }, (_, i) => {
            const index = first * layout.columns + i;
            return <Tile key={index} index={index} layout={layout} />;
          })}
        </div>
      )}
    </div>
  );
}

/** Why there is no picture. */
function Nothing() {
  const run = store.currentRun.value;
  if (run?.error !== undefined) return <Problem sentence={run.error} />;
  if (!run)
    return <p class="note">TensorBoard does not know the run “{store.run.value}” (yet). Choose another one above.</p>;
  if (!store.info.value) return <p class="note late">Loading…</p>;
  if (store.pictureless.value?.after !== null) return <p class="note">No pictures of this layer are loaded yet.</p>;
  return (
    <div class="nothing" data-testid="no-pictures">
      <p>This run keeps no pictures. Its statistics and distributions are on the right, for the steps below.</p>
      {store.notes.value.map((note) => (
        <p key={note} class="note">
          {note}
        </p>
      ))}
    </div>
  );
}

/** Says, at every step, that pictures end before statistics do: the bar of steps ends with the pictures. */
function PicturesEnd() {
  const end = store.pictureless.value;
  if (end === null || end.after === null) return null;
  return (
    <p class="ended" role="status" data-testid="pictures-end">
      <span>
        Pictures end at step {end.after}; statistics
        {store.follow.value && ", and the health on the left,"} go on to step {end.upTo}.
      </span>
      {store.notes.value.length > 0 && (
        <button class="link" onClick={openDetails}>
          Why?
        </button>
      )}
    </p>
  );
}

export function Grid() {
  return (
    <main>
      <Title />
      <div class="bar">
        <Notes />
        <span class="space" />
        <ColorBar />
        <Segmented
          label="Zoom"
          options={ZOOMS.map((option) => ({ ...option, testid: `zoom-${option.value}` }))}
          value={store.zoom.value}
          onChange={(value) => (store.zoom.value = value)}
        />
      </div>
      <PicturesEnd />
      <Tiles />
    </main>
  );
}
