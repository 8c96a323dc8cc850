import { percent } from "../format";
import type { Series } from "../series";
import { at } from "../series";

export interface Shares {
  nan: number;
  negativeInf: number;
  negative: number;
  zero: number;
  positive: number;
  positiveInf: number;
  /** Share of channels that are zero everywhere. */
  dead: number;
}

/** The six shares of a layer's values at a step, from its row of health; null when that log does not hold the layer. */
export function sharesOf(health: Series, stepIndex: number, row: number): Shares | null {
  const get = (column: string) => at(health, stepIndex, row, column);
  const count = get("count");
  if (!(count > 0)) return null;
  const nan = get("nan_count") / count;
  const negativeInf = get("negative_inf_count") / count;
  const positiveInf = (get("inf_count") - get("negative_inf_count")) / count;
  const [negative, zero] = [get("negative_fraction"), get("zero_fraction")];
  const positive = Math.max(0, 1 - nan - negativeInf - positiveInf - negative - zero);
  return { nan, negativeInf, negative, zero, positive, positiveInf, dead: get("dead_fraction") };
}

const PARTS = [
  ["nan", "NaN"],
  ["negativeInf", "−Inf"],
  ["negative", "negative"],
  ["zero", "zero"],
  ["positive", "positive"],
  ["positiveInf", "+Inf"],
] as const;

export const isSick = (shares: Shares) => shares.nan + shares.negativeInf + shares.positiveInf > 0;
export const isDying = (shares: Shares) => shares.dead > 0.2;

export function HealthPill({ shares }: { shares: Shares }) {
  const words = PARTS.map(([key, name]) => `${name} ${percent(shares[key])}`);
  if (shares.dead > 0) words.push(`dead units ${percent(shares.dead)}`);
  const state = isSick(shares) ? "pill bad" : isDying(shares) ? "pill warn" : "pill";
  return (
    <span class={state} role="img" title={words.join(" · ")} aria-label={words.join(", ")}>
      {PARTS.map(([key]) => shares[key] > 0 && <i key={key} class={key} style={{ flexGrow: shares[key] }} />)}
    </span>
  );
}
