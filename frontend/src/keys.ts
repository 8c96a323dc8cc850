/** The keyboard. */
import { batch } from "@preact/signals";
import * as store from "./store";

const ZOOMS: readonly store.Zoom[] = ["fit", 2, 4];

function clear(): void {
  batch(() => {
    store.search.value = "";
    store.hover.value = null;
    store.channel.value = null;
    store.playing.value = false;
  });
}

function rowOfTiles(): number {
  const view = store.picture.value?.atlas.header.view;
  const drawn = Number(document.querySelector("[data-testid=grid]")?.getAttribute("data-columns"));
  return view === "maps" ? drawn || 1 : (store.picture.value?.atlas.header.tile[1] ?? 1);
}

const ACTIONS: Readonly<Record<string, () => void>> = {
  ArrowLeft: () => store.moveChannel(-1),
  ArrowRight: () => store.moveChannel(1),
  ArrowUp: () => store.moveChannel(-rowOfTiles()),
  ArrowDown: () => store.moveChannel(rowOfTiles()),
  "[": () => store.moveLayer(-1),
  "]": () => store.moveLayer(1),
  ",": () => store.moveStep(-1),
  ".": () => store.moveStep(1),
  w: () => store.moveSample(-1),
  e: () => store.moveSample(1),
  " ": store.togglePlay,
  n: () => (store.scale.value = store.scale.value === "layer" ? "channel" : "layer"),
  z: () => (store.zoom.value = ZOOMS[(ZOOMS.indexOf(store.zoom.value) + 1) % ZOOMS.length] ?? "fit"),
  "/": () => document.querySelector<HTMLInputElement>("[data-role=search]")?.focus(),
  Escape: clear,
};

/** Keys that a focused control uses itself. */
function isTaken(target: EventTarget | null, key: string): boolean {
  // What is open over the page closes by itself, and what has the focus in it moves and scrolls.
  if (key === "Escape" && document.querySelector(":popover-open")) return true;
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest("[popover]")) return true;
  if (target.matches("input:not([type=checkbox]), textarea, select")) return true;
  if (key === " " && target.matches("button, input, [role=radio]")) return true;
  return key.startsWith("Arrow") && target.closest("[data-arrows]") !== null;
}

export function listen(): void {
  window.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTaken(event.target, event.key)) return;
    const action = ACTIONS[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
