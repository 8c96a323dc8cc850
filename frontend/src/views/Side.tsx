import { channelNoun, layerRange, tileCount } from "../atlas";
import { number, percent } from "../format";
import { at, overSteps } from "../series";
import type { Predicted } from "../predictions";
import { predictionOf } from "../predictions";
import * as store from "../store";
import { ProblemOf } from "./Problem";
import { Ridgeline } from "./Ridgeline";
import { Sparkline } from "./Sparkline";
import { TileCanvas } from "./TileCanvas";

function Samples() {
  const total = store.sampleCount.value;
  const manifest = store.info.value?.manifest;
  const labels = manifest?.labels ?? [];
  const current = store.currentSample.value;
  const now = store.shownPredictions.value;
  const chosen = manifest?.class_names?.length ? predictionOf(now, manifest, current) : null;
  const predictedStep = now?.series.steps[now.index];
  return (
    <section>
      <h2>
        Samples{" "}
        <span class="num">
          {total === 0 ? 0 : current + 1} / {total}
        </span>
      </h2>
      <div class="samples" role="radiogroup" aria-label="Sample">
        {Array.from({ length: total }, (_, index) => {
          const atlas = store.thumbnails.value.get(index);
          const isPicture = atlas && ["maps", "color"].includes(atlas.header.view);
          const text = labels[index] ?? "";
          // A bare number beside a picture says nothing; a word does.
          const label = /^-?\d/.test(text) ? `label ${text}` : text;
          const predicted = predictionOf(now, manifest, index);
          const words = [`sample ${index}`, label, predicted && `predicted ${said(predicted)}`].filter(Boolean);
          return (
            <button
              key={index}
              class={`${isPicture ? "thumbnail" : "chip num"}${index === current ? " on" : ""}`}
              role="radio"
              aria-checked={index === current}
              aria-label={`${words.join(", ")}${predicted?.isRight === false ? ", wrong" : ""}`}
              title={[`${words.slice(0, 2).join(" · ")} (w e)`, ...(predicted?.top ?? [])].join("\n")}
              data-testid="sample"
              data-index={index}
              onClick={() => (store.sample.value = index)}
            >
              {isPicture ? (
                <TileCanvas atlas={atlas} tile={0} domain={null} colormap="grey" {...boxOf(atlas.header.tile)} />
              ) : (
                index
              )}
              {label && <span class="label">{label}</span>}
              {predicted && (
                <span class={`predicted${predicted.isRight === false ? " wrong" : ""}`} data-testid="predicted">
                  <span class="who">
                    {markOf(predicted.isRight)} {predicted.name}
                  </span>
                  <span class="num">{predicted.score}</span>
                </span>
              )}
            </button>
          );
        })}
      </div>
      {/* Names are cut under a small picture: those of the chosen sample stand here in full. */}
      {chosen && (
        <p class="note chosen" data-testid="chosen-sample">
          {labels[current] && `${labels[current]} `}
          {markOf(chosen.isRight)} {said(chosen)}
        </p>
      )}
      {predictedStep !== undefined && predictedStep !== store.currentStep.value && (
        <p class="note">
          Predictions of step {predictedStep}: there are none of step {store.currentStep.value}.
        </p>
      )}
    </section>
  );
}

function said({ name, score }: Predicted): string {
  return `${name} ${score}`.trim();
}

/** A mark, because red alone says nothing to many. */
function markOf(isRight: boolean | null): string {
  return isRight === null ? "→" : isRight ? "✓" : "✗";
}

/** A tile's size on the screen: it fills a square of the style's `--side` without changing its proportions. */
function boxOf([height, width]: readonly [number, number]): { width: string; height: string } {
  const longest = Math.max(height, width);
  return {
    width: `max(1px, calc(var(--side) * ${width / longest}))`,
    height: `max(1px, calc(var(--side) * ${height / longest}))`,
  };
}

/** Where no picture tells. */
function nounOfLayer(): "channel" | "unit" {
  return (store.currentLayer.value?.shape?.length ?? 0) > 3 ? "channel" : "unit";
}

function Inspector() {
  const shown = store.shown.value;
  const channel = store.currentChannel.value;
  if (!shown) return null;
  const atlas = store.picture.value?.atlas;
  const header = atlas?.header;
  const noun = { channel: "Channel", head: "Head", unit: "Unit" }[header ? channelNoun(header) : nounOfLayer()];
  if (channel === null) {
    return (
      <section>
        <h2>{noun}</h2>
        <p class="note">
          {header && "Click a tile, or "}
          {header ? "press" : "Press"} an arrow key, to inspect it.
        </p>
      </section>
    );
  }
  const found = store.shownStatistics.value;
  const get = (column: string) => (found ? at(found.series, found.index, channel, column) : NaN);
  const sick = get("nan_count") + get("inf_count") > 0;
  const rows: [name: string, value: string, bad?: boolean][] = [
    ["min", number(get("min"))],
    ["max", number(get("max"))],
    ["mean", number(get("mean"))],
    ["std", number(get("std"))],
    ["zero", percent(get("zero_fraction"))],
    ["negative", percent(get("negative_fraction"))],
    ["NaN · Inf", `${get("nan_count")} · ${get("inf_count")}`, sick],
  ];
  const tile = header?.view === "maps" ? header.channels.indexOf(channel) : 0;
  const statisticsStep = found?.series.steps[found.index];
  return (
    <section>
      <h2>
        {noun} {channel}
      </h2>
      <div class="inspector">
        {atlas && header && tile >= 0 && tile < tileCount(header) && ["maps", "color"].includes(header.view) && (
          <TileCanvas
            atlas={atlas}
            tile={tile}
            domain={store.scale.value === "layer" && header.view === "maps" ? layerRange(atlas) : null}
            colormap={store.colormap.value}
            {...boxOf(header.tile)}
          />
        )}
        {found && (
          <table class="facts num">
            <tbody>
              {rows.map(([name, value, bad]) => (
                <tr key={name} class={bad ? "bad" : ""}>
                  <th>{name}</th>
                  <td>{value}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
      <ProblemOf source="statistics" />
      {found && found.series.steps.length > 1 && (
        <div class="trend">
          <span class="caption">mean over steps</span>
          <Sparkline
            values={overSteps(found.series, channel, "mean")}
            width={150}
            height={28}
            marked={found.index}
            label="mean over steps"
          />
        </div>
      )}
      {statisticsStep !== undefined && statisticsStep !== shown.step && (
        <p class="note">
          Statistics of step {statisticsStep}: there are none of step {shown.step}.
        </p>
      )}
    </section>
  );
}

export function Side() {
  return (
    <aside>
      <Samples />
      <Inspector />
      <Ridgeline />
    </aside>
  );
}
