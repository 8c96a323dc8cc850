import { useRef } from "preact/hooks";
import { keptSentence } from "../steps";
import * as store from "../store";

function Track() {
  const element = useRef<HTMLDivElement>(null);
  const steps = store.steps.value;
  const current = store.currentStep.value;
  const [first, last] = [steps[0] ?? 0, steps.at(-1) ?? 0];
  const share = (step: number) => (last > first ? ((step - first) / (last - first)) * 100 : 50);
  const goToPointer = (event: PointerEvent) => {
    const box = element.current?.getBoundingClientRect();
    if (box && box.width > 0) store.goTo(first + ((event.clientX - box.left) / box.width) * (last - first));
  };
  const move = (event: KeyboardEvent) => {
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (event.key === "Home") store.goTo(first);
    else if (event.key === "End") store.goTo(last);
    else if (by !== undefined) store.moveStep(by);
    else return;
    event.preventDefault();
  };
  return (
    <div
      class="track"
      ref={element}
      role="slider"
      tabIndex={0}
      data-arrows
      aria-label="Step"
      aria-valuemin={first}
      aria-valuemax={last}
      aria-valuenow={current ?? first}
      data-testid="step-slider"
      onKeyDown={move}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        store.playing.value = false;
        store.scrubbing.value = true;
        goToPointer(event);
      }}
      onPointerMove={(event) => store.scrubbing.value && goToPointer(event)}
      onLostPointerCapture={() => (store.scrubbing.value = false)}
    >
      <span class="rail" />
      {current !== null && <span class="past" style={{ width: `${share(current)}%` }} />}
      {steps.map((step) => (
        <u key={step} style={{ left: `${share(step)}%` }} />
      ))}
      {current !== null && <span class="handle" style={{ left: `${share(current)}%` }} />}
    </div>
  );
}

function StepBox() {
  const current = store.currentStep.value;
  const commit = (input: HTMLInputElement) => {
    const asked = Number(input.value);
    if (input.value.trim() !== "" && Number.isFinite(asked) && asked !== current) store.goTo(asked);
    // The step with data that is nearest is what one gets to see.
    input.value = String(store.currentStep.value ?? "");
  };
  return (
    <input
      class="stepbox num"
      inputMode="numeric"
      aria-label="Step"
      title="Type a step and press Enter: the nearest one with data is shown"
      data-testid="step-box"
      value={current ?? ""}
      onChange={(event) => commit(event.currentTarget)}
      onKeyDown={(event) => {
        if (event.key === "Escape") event.currentTarget.value = String(current ?? "");
        if (event.key === "Enter" || event.key === "Escape") event.currentTarget.blur();
      }}
    />
  );
}

export function StepBar() {
  const info = store.info.value;
  const playing = store.playing.value;
  const shown = store.steps.value.length;
  // Steps that never had a picture are none that TensorBoard could have kept one of.
  const pictured = store.picturedCount.value || (info?.logged ?? 0);
  const noun = pictured < (info?.logged ?? 0) ? "steps with pictures" : "logged steps";
  const kept = info ? keptSentence(shown, pictured, noun) : "";
  return (
    <footer>
      <div class="steps">
        <button
          class="play"
          aria-label={playing ? "Pause" : "Play"}
          title={`${playing ? "Pause" : "Play"} (space)`}
          aria-pressed={playing}
          disabled={store.steps.value.length < 2}
          data-testid="play"
          onClick={store.togglePlay}
        >
          <svg width="12" height="12" viewBox="0 0 12 12" fill="currentColor" aria-hidden="true">
            <path d={playing ? "M2 1h3v10H2zM7 1h3v10H7z" : "M3 1l8 5-8 5z"} />
          </svg>
        </button>
        <StepBox />
        <Track />
        <label class="follow" title="Go to each new step as it is logged">
          <input
            type="checkbox"
            checked={store.follow.value}
            data-testid="follow"
            onChange={(event) => store.setFollow(event.currentTarget.checked)}
          />
          follow
        </label>
        <span class="kept" title={kept}>
          {kept}
        </span>
        {info && (
          <span class="kept short num" title={kept}>
            {shown} / {Math.max(pictured, shown)}
          </span>
        )}
      </div>
    </footer>
  );
}
