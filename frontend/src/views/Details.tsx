import { useRef } from "preact/hooks";
import type { Fact } from "../details";
import { costFacts, modelText, stepsText } from "../details";
import { ago, count, python } from "../format";
import * as store from "../store";

const ID = "run-details";
const GAP = 8;

/** Opens the details from elsewhere on the page: they belong to the button in the header all the same. */
export function openDetails(): void {
  document.getElementById(ID)?.showPopover();
}

function Summary() {
  const run = store.currentRun.value;
  if (!run) return null;
  return (
    <>
      {count(store.layerCount.value, "layer")} · {count(store.sampleCount.value, "sample")}
      {run.last_step !== null && (
        <>
          {" · "}
          <span class="num">step {run.last_step}</span>
        </>
      )}
      {run.last_wall_time !== null && ` · ${ago(store.now.value - run.last_wall_time)}`}
    </>
  );
}

function Facts({ facts }: { facts: readonly Fact[] }) {
  return (
    <dl>
      {facts.map(([name, text]) => (
        <div key={name} class={/^[a-z]/.test(name) ? "part" : ""}>
          <dt>{name}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

function runFacts(): Fact[] {
  const info = store.info.value;
  if (!info) return [];
  const { manifest } = info;
  const model = modelText(manifest.model);
  const skipped = Object.keys(manifest.skipped).length;
  const facts: Fact[] = [
    ["Run", info.run],
    ["Data", store.runs.value?.data_location ?? ""],
    ["Model", model],
    ["Layers", `${store.layerCount.value}${skipped > 0 ? ` · ${skipped} not captured` : ""}`],
    ["Samples", String(store.sampleCount.value)],
    ["Steps", stepsText(info.logged, store.picturedCount.value, store.steps.value.length, info.kept)],
  ];
  return facts.filter(([, text]) => text !== "");
}

function writerFacts(): Fact[] {
  const { writer = {}, options = {} } = store.info.value?.manifest ?? {};
  const versions = Object.entries(writer).map((entry) => entry.join(" "));
  const chosen = Object.entries(options).map(([name, value]) => `${name}=${python(value)}`);
  const facts: Fact[] = [
    ["Versions", versions.join(" · ")],
    ["Options", chosen.join(", ")],
  ];
  return facts.filter(([, text]) => text !== "");
}

function CostSection() {
  const facts = costFacts(store.info.value?.manifest.cost ?? {});
  const written = store.currentRun.value?.manifest_wall_time ?? null;
  return (
    <>
      <h3>
        Cost of logging
        {facts.length > 0 && written !== null && (
          <span class="caption" data-testid="as-of">
            as of {ago(store.now.value - written)}
          </span>
        )}
      </h3>
      {facts.length > 0 ? (
        <div data-testid="cost">
          <Facts facts={facts} />
        </div>
      ) : (
        <p class="note" data-testid="cost">
          Nothing is said of it yet: the figures are written about once a minute while training runs, and when it ends.
          Earlier versions wrote none.
        </p>
      )}
    </>
  );
}

/** The run in one line, and, behind it, all that is known of the run. */
export function Details() {
  const opener = useRef<HTMLButtonElement>(null);
  const box = useRef<HTMLDivElement>(null);
  if (!store.currentRun.value || !store.info.value) return null;
  const notes = store.notes.value;
  const place = () => {
    if (!opener.current || !box.current) return;
    const { left, bottom } = opener.current.getBoundingClientRect();
    const width = parseFloat(getComputedStyle(box.current).width);
    box.current.style.left = `${Math.max(GAP, Math.min(left, window.innerWidth - GAP - width))}px`;
    box.current.style.top = `${bottom + GAP}px`;
  };
  const moveFocus = (isOpen: boolean) => {
    if (isOpen) box.current?.focus();
    // A click may have given the focus to something else that it hit.
    else if (document.activeElement === document.body) opener.current?.focus();
  };
  return (
    <>
      <button
        class="summary"
        ref={opener}
        popovertarget={ID}
        aria-haspopup="dialog"
        title="Run details"
        data-testid="details-button"
      >
        <span class={notes.length > 0 ? "glyph noted" : "glyph"} aria-hidden="true">
          <svg width="15" height="15" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5">
            <circle cx="8" cy="8" r="6.5" />
            <path d="M8 7.2v4M8 4.6v.2" stroke-linecap="round" />
          </svg>
        </span>
        <span class="hidden">Run details{notes.length > 0 && `, ${count(notes.length, "note")}`}: </span>
        <span class="text">
          <Summary />
        </span>
      </button>
      <div
        id={ID}
        class="details"
        ref={box}
        popover="auto"
        role="dialog"
        aria-labelledby={`${ID}-title`}
        tabIndex={-1}
        data-testid="details"
        onBeforeToggle={(event) => event.newState === "open" && place()}
        onToggle={(event) => moveFocus(event.newState === "open")}
      >
        <h2 id={`${ID}-title`}>
          Run details
          <button class="icon" popovertarget={ID} popovertargetaction="hide" aria-label="Close" title="Close (Esc)">
            <svg width="12" height="12" viewBox="0 0 12 12" stroke="currentColor" stroke-width="1.6" aria-hidden="true">
              <path d="M2 2l8 8M10 2l-8 8" />
            </svg>
          </button>
        </h2>
        {notes.length > 0 && (
          <ul class="said-of-run" data-testid="run-notes">
            {notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        )}
        <Facts facts={runFacts()} />
        <CostSection />
        <h3>Written with</h3>
        <Facts facts={writerFacts()} />
      </div>
    </>
  );
}
