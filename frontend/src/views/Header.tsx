import { useState } from "preact/hooks";
import type { Colormap } from "../colors";
import { COLORMAPS, gradient } from "../colors";
import { copyText } from "../clipboard";
import { runName } from "../format";
import { pageUrl } from "../host";
import * as store from "../store";
import { Details } from "./Details";
import { Segmented } from "./Segmented";

const SCALES = [
  { value: "channel", text: "channel", title: "Each channel over its own range, as matplotlib shows it (n)" },
  { value: "layer", text: "layer", title: "All channels of the layer over one range, so that they compare (n)" },
] as const;

/** TensorBoard's own palette is in its parent page; a run's colour here only has to stay the same. */
const RUN_COLORS = ["#e8710a", "#1a73e8", "#1e8e3e", "#d01884", "#9334e6", "#12858d", "#b06000", "#5f6368"];

function RunPicker() {
  const known = store.runs.value?.runs ?? [];
  const names = known.map((entry) => entry.run);
  const current = store.currentRun.value?.run ?? store.run.value ?? "";
  const listed = names.includes(current) ? names : [current, ...names];
  const color = RUN_COLORS[Math.max(0, names.indexOf(current)) % RUN_COLORS.length];
  return (
    <label class="picker run" title={current}>
      <span class="dot" style={{ background: color }} />
      <select
        aria-label="Run"
        data-testid="run-picker"
        value={current}
        onChange={(event) => {
          store.run.value = event.currentTarget.value;
          store.playing.value = false;
        }}
      >
        {listed.map((name) => (
          <option key={name} value={name}>
            {runName(name, names)}
          </option>
        ))}
      </select>
    </label>
  );
}

/** What is wrong with the list of runs; what is shown stays. */
function RunsProblem() {
  const sentence = store.problems.value.runs;
  if (sentence === undefined) return null;
  return (
    <span class="problem-line flag bad" role="status" title={sentence}>
      {sentence}
    </span>
  );
}

function ColormapPicker() {
  return (
    <label class="picker swatch" title="Colormap">
      <i style={{ background: gradient(store.colormap.value) }} />
      <select
        aria-label="Colormap"
        data-testid="colormap"
        value={store.colormap.value}
        onChange={(event) => (store.colormap.value = event.currentTarget.value as Colormap)}
      >
        {COLORMAPS.map((map) => (
          <option key={map} value={map}>
            {map}
          </option>
        ))}
      </select>
    </label>
  );
}

function CopyLink() {
  const [said, setSaid] = useState("");
  const copy = async () => {
    setSaid((await copyText(pageUrl())) ? "Link copied" : "Could not copy: take it from the address bar");
    setTimeout(() => setSaid(""), 2000);
  };
  return (
    <span class="copy">
      <button
        class="icon"
        title="Copy a link to this view"
        aria-label="Copy link"
        data-testid="copy-link"
        onClick={() => void copy()}
      >
        <svg
          width="15"
          height="15"
          viewBox="0 0 16 16"
          fill="none"
          stroke="currentColor"
          stroke-width="1.6"
          aria-hidden="true"
        >
          <path d="M7 9a3 3 0 0 0 4.2 0l2-2A3 3 0 0 0 9 2.8l-.8.8M9 7a3 3 0 0 0-4.2 0l-2 2A3 3 0 0 0 7 13.2l.8-.8" />
        </svg>
      </button>
      <span class={said ? "said" : "said none"} role="status">
        {said}
      </span>
    </span>
  );
}

export function Header() {
  return (
    <header>
      <RunPicker />
      <Details />
      <RunsProblem />
      <span class="space" />
      <span class="caption wide" aria-hidden="true">
        Scale
      </span>
      <Segmented
        label="Scale"
        options={SCALES.map((option) => ({ ...option, testid: `scale-${option.value}` }))}
        value={store.scale.value}
        onChange={(value) => (store.scale.value = value)}
      />
      <ColormapPicker />
      <CopyLink />
    </header>
  );
}
