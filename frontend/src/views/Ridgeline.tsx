import { scaleLinear } from "d3-scale";
import { area, line } from "d3-shape";
import { number } from "../format";
import type { Series } from "../series";
import { indexAtOrBefore } from "../steps";
import * as store from "../store";
import { ProblemOf } from "./Problem";

const WIDTH = 260;
const HEIGHT = 218;
const LEFT = 4;
const RIGHT = 222;
const TOP = 52;
const BOTTOM = 186;
const PEAK = 34;
const MAX_RIDGES = 24;

/** The steps to draw: evenly chosen, the current and the last one always among them. */
function chosen(total: number, current: number): number[] {
  const stride = Math.max(1, (total - 1) / (MAX_RIDGES - 1));
  const indices = new Set([current, total - 1]);
  for (let i = 0; i < total - 1; i += stride) indices.add(Math.round(i));
  return [...indices].filter((i) => i >= 0).sort((a, b) => a - b);
}

/** One step's bins as [centre, count], closed by its outer edges. */
function binsOf(series: Series, index: number): [x: number, count: number][] {
  const bins = series.shape[1] ?? 0;
  const points: [number, number][] = [];
  for (let i = 0; i < bins; i++) {
    const from = (index * bins + i) * 3;
    const [left = 0, right = 0, count = 0] = series.values.subarray(from, from + 3);
    if (i === 0) points.push([left, 0]);
    points.push([(left + right) / 2, count]);
    if (i === bins - 1) points.push([right, 0]);
  }
  return points.some(([, count]) => count > 0) ? points : [];
}

export function Ridgeline() {
  const found = store.histogram.value;
  const layer = store.currentLayer.value?.path;
  const series = found && found.layer === layer && found.run === store.currentRun.value?.run ? found.series : null;
  return (
    <section data-testid="histogram">
      <h2>Distribution over steps</h2>
      <ProblemOf source="histogram" />
      {series && <Ridges series={series} />}
    </section>
  );
}

function Ridges({ series }: { series: Series }) {
  const current = indexAtOrBefore(series.steps, store.currentStep.value ?? 0);
  const ridges = chosen(series.steps.length, current).map((index) => ({ index, points: binsOf(series, index) }));
  const xs = ridges.flatMap(({ points }) => points.map(([x]) => x));
  if (xs.length === 0) return <p class="note">There is no finite value to count.</p>;
  const [low, high] = [Math.min(...xs), Math.max(...xs)];
  const most = Math.max(...ridges.flatMap(({ points }) => points.map(([, n]) => n)));
  const x = scaleLinear([low, high > low ? high : low + 1], [LEFT, RIGHT]);
  const y = scaleLinear([0, Math.log1p(most)], [0, PEAK]);
  const base = (k: number) => (ridges.length > 1 ? TOP + (k / (ridges.length - 1)) * (BOTTOM - TOP) : BOTTOM);
  const every = Math.ceil(ridges.length / 5);
  const highlighted = ridges.findIndex(({ index }) => index === current);
  const isLabelled = (k: number) =>
    k === highlighted || (k % every === 0 && Math.abs(k - highlighted) * 146 > 9 * ridges.length);
  return (
    <svg
      class="ridges"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={`Values from ${number(low)} to ${number(high)}, counted per step`}
    >
      {ridges.map(({ index, points }, k) => {
        const now = k === highlighted;
        const path = line<[number, number]>(
          (point) => x(point[0]),
          (point) => base(k) - y(Math.log1p(point[1])),
        )(points);
        const fill = area<[number, number]>(
          (point) => x(point[0]),
          base(k),
          (point) => base(k) - y(Math.log1p(point[1])),
        )(points);
        return (
          <g key={index} class={now ? "now" : ""}>
            <path class="fill" d={fill ?? ""} />
            <path class="line" d={path ?? ""} />
            {isLabelled(k) && (
              <text x={RIGHT + 5} y={base(k) + 3}>
                {series.steps[index]}
              </text>
            )}
          </g>
        );
      })}
      <g class="axis">
        {x.ticks(4).map((tick) => (
          <g key={tick}>
            <path d={`M${x(tick)},${BOTTOM + 3}v4`} />
            <text x={x(tick)} y={BOTTOM + 16} text-anchor={x(tick) < LEFT + 10 ? "start" : "middle"}>
              {number(tick, 3).replace(/\.?0+$/, "") || "0"}
            </text>
          </g>
        ))}
        <text x={LEFT} y={HEIGHT - 2}>
          value
        </text>
        <text x={LEFT} y={10}>
          ↑ log count, up to {most.toLocaleString("en")}
        </text>
        <text x={WIDTH} y={10} text-anchor="end">
          step
        </text>
      </g>
    </svg>
  );
}
