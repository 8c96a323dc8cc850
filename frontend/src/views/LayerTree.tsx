import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { count, kind, shape } from "../format";
import { overSteps } from "../series";
import { indexAtOrBefore } from "../steps";
import * as store from "../store";
import type { Leaf } from "../tree";
import { NOT_CAPTURED, rowsOf } from "../tree";
import { HealthPill, isDying, isSick, sharesOf } from "./HealthPill";
import { SkippedRow } from "./SkippedRow";
import { ProblemOf } from "./Problem";
import { Sparkline } from "./Sparkline";

function LayerRow({ leaf, selected }: { leaf: Leaf; selected: boolean }) {
  const { layer, depth } = leaf;
  const element = useRef<HTMLDivElement>(null);
  const health = store.health.value?.run === store.currentRun.value?.run ? store.health.value?.series : undefined;
  const row = store.layers.value.indexOf(layer);
  const index = health ? indexAtOrBefore(health.steps, store.healthStep.value ?? 0) : -1;
  const shares = health ? sharesOf(health, index, row) : null;
  useEffect(() => {
    if (selected) element.current?.scrollIntoView({ block: "nearest" });
  }, [selected]);
  const facts = [kind(layer), shape(layer.shape)].filter(Boolean).join(" · ");
  return (
    <div
      ref={element}
      class={selected ? "row on" : "row"}
      role="treeitem"
      aria-level={depth + 1}
      aria-selected={selected}
      tabIndex={selected ? 0 : -1}
      title={`${layer.path}\n${facts}${layer.index === null ? "" : `\nmodel.layers[${layer.index}]`}`}
      data-testid="layer-row"
      data-path={layer.path}
      style={{ paddingLeft: `${10 + depth * 14}px` }}
      onClick={() => store.select(layer.path)}
    >
      <span class="name">{leaf.name}</span>
      <span class="kind">
        <span class="class">{kind(layer)}</span>
        {kind(layer) && layer.shape && " · "}
        <span class="num">{shape(layer.shape)}</span>
      </span>
      {health && health.steps.length > 1 && (
        <span class="trend">
          <Sparkline values={overSteps(health, row, "mean")} width={52} height={16} label="mean over steps" />
        </span>
      )}
      {shares && (
        <span class="state">
          {isSick(shares) && <b class="flag bad">{shares.nan > 0 ? "NaN" : "Inf"}</b>}
          {!isSick(shares) && isDying(shares) && <b class="flag warn">{Math.round(shares.dead * 100)} % dead</b>}
          <HealthPill shares={shares} />
        </span>
      )}
    </div>
  );
}

export function LayerTree() {
  const closed = useSignal<ReadonlySet<string>>(new Set());
  const list = useRef<HTMLDivElement>(null);
  const skipped = store.info.value?.manifest.skipped ?? {};
  const skippedCount = Object.keys(skipped).length;
  const rows = rowsOf(store.layers.value, closed.value, store.search.value.trim(), skipped);
  const current = store.currentLayer.value?.path;
  const toggle = (path: string) => {
    const next = new Set(closed.value);
    if (!next.delete(path)) next.add(path);
    closed.value = next;
  };
  const move = (event: KeyboardEvent) => {
    const leaves = rows.filter((row) => row.kind === "leaf");
    const index = leaves.findIndex((row) => row.layer.path === current);
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const next = event.key === "Home" ? leaves[0] : event.key === "End" ? leaves.at(-1) : leaves[index + (by ?? NaN)];
    if (!next) return;
    event.preventDefault();
    store.select(next.layer.path);
    // The row that takes the selection is the one that Tab would reach.
    requestAnimationFrame(() => list.current?.querySelector<HTMLElement>(".row.on")?.focus());
  };
  return (
    <nav aria-label="Layers">
      <div class="find">
        <input
          type="search"
          placeholder="Search layers  /"
          aria-label="Search layers"
          data-role="search"
          value={store.search.value}
          onInput={(event) => (store.search.value = event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape") {
              store.search.value = "";
              event.currentTarget.blur();
            } else if (event.key === "ArrowDown" || event.key === "ArrowUp") move(event);
          }}
        />
      </div>
      <div class="rows" role="tree" aria-label="Layers" data-arrows ref={list} onKeyDown={move}>
        <ProblemOf source="health" />
        {rows.map((row) =>
          row.kind === "leaf" ? (
            <LayerRow key={row.layer.path} leaf={row} selected={row.layer.path === current} />
          ) : row.kind === "skipped" ? (
            <SkippedRow key={`${row.path} ${NOT_CAPTURED}`} row={row} />
          ) : (
            <button
              key={`${row.path}/`}
              class="group"
              role="treeitem"
              aria-level={row.depth + 1}
              aria-expanded={!closed.value.has(row.path)}
              title={row.path}
              style={{ paddingLeft: `${6 + row.depth * 14}px` }}
              onClick={() => toggle(row.path)}
            >
              <span class="fold">{closed.value.has(row.path) ? "▸" : "▾"}</span>
              <span class="name">{row.name}</span>
              <span class="num">{row.size}</span>
            </button>
          ),
        )}
        {rows.length === 0 && store.search.value && <p class="note">No layer matches “{store.search.value}”.</p>}
      </div>
      {skippedCount > 0 && (
        <button
          class="skipped-count"
          aria-pressed={store.search.value === NOT_CAPTURED}
          title="Show only these, or everything again"
          data-testid="skipped-count"
          onClick={() => (store.search.value = store.search.value === NOT_CAPTURED ? "" : NOT_CAPTURED)}
        >
          {count(skippedCount, "layer")} {NOT_CAPTURED}
        </button>
      )}
    </nav>
  );
}
