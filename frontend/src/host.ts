/**
 * TensorBoard around the page: its URL, its dark mode, whether the tab is on the screen, and its reload button.
 *
 * The page is an iframe of the same origin, but an embedder may put TensorBoard where its parent cannot be reached:
 * every access is guarded, and the page then works as one of its own.
 */
import { batch, effect } from "@preact/signals";
import { decodeLink, encodeLink, readHash, tabOf, writeHash } from "./hash";
import * as store from "./store";

const TAB = "activations";
const DARK_CLASS = "dark-mode";

function host(): Window {
  try {
    void window.parent.location.hash;
    return window.parent;
  } catch {
    return window;
  }
}

export function pageUrl(): string {
  return host().location.href;
}

function readLink(): void {
  const hash = host().location.hash;
  if (tabOf(hash) !== TAB) return;
  const link = decodeLink(readHash(hash));
  batch(() => {
    store.run.value = link.run;
    store.layer.value = link.layer;
    store.channel.value = link.channel;
    store.sample.value = link.sample;
    store.step.value = link.step;
    store.follow.value = link.step === null;
    store.scale.value = link.scale;
    store.colormap.value = link.colormap;
    store.zoom.value = link.zoom;
  });
}

function writeLink(): void {
  const parameters = encodeLink({
    // What the page chose by itself is written out: tomorrow it might choose differently.
    run: store.run.value ?? store.currentRun.value?.run ?? null,
    layer: store.currentLayer.value?.path ?? store.layer.value,
    channel: store.channel.value,
    sample: store.sample.value,
    step: store.follow.value ? null : store.step.value,
    scale: store.scale.value,
    colormap: store.colormap.value,
    zoom: store.zoom.value,
  });
  if (!store.visible.value) return;
  try {
    const { location, history } = host();
    // Another tab's name means that we are hidden, even where no resize event has told us yet.
    if (![TAB, ""].includes(tabOf(location.hash))) return;
    const hash = writeHash(location.hash, TAB, parameters);
    if (hash !== location.hash && (location.hash || Object.keys(parameters).length > 0)) {
      history.replaceState(history.state, "", hash);
    }
  } catch {
    // Browsers limit how often the address may change; the next change of state writes it again.
  }
}

function watchDarkMode(): void {
  const body = host() === window ? null : host().document.body;
  if (!body) {
    store.dark.value = window.matchMedia("(prefers-color-scheme: dark)").matches;
    return;
  }
  const read = () => (store.dark.value = body.classList.contains(DARK_CLASS));
  new MutationObserver(read).observe(body, { attributes: true, attributeFilter: ["class"] });
  read();
}

function watchVisibility(): void {
  // TensorBoard keeps hidden tabs running, with height 0.
  const read = () => (store.visible.value = document.visibilityState === "visible" && window.innerHeight > 0);
  document.addEventListener("visibilitychange", read);
  window.addEventListener("resize", read);
  read();
}

/** Answers TensorBoard's messages; all that matters to us is that its data were loaded again. */
function watchReload(): void {
  if (window.parent === window) return;
  const channel = new MessageChannel();
  channel.port1.onmessage = (event: MessageEvent<string>) => {
    const message = JSON.parse(event.data) as { type: string; id: number; isReply: boolean };
    if (message.isReply) return;
    const reply = { type: message.type, id: message.id, payload: null, error: null, isReply: true };
    channel.port1.postMessage(JSON.stringify(reply));
    if (message.type === "experimental.DataReloaded") store.attempt.value++;
  };
  window.parent.postMessage("experimental.bootstrap", window.location.origin, [channel.port2]);
}

export function connect(): void {
  readLink();
  watchDarkMode();
  watchVisibility();
  watchReload();
  host().addEventListener("hashchange", readLink);
  effect(writeLink);
}
