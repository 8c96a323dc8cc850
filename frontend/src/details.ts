/** What the run's details say, as rows of a name and a text. */
import type { Cost, Manifest } from "./api";
import { bytes, count, duration, percent } from "./format";

export type Fact = readonly [name: string, text: string];

/** "demo · Sequential · 34,826 parameters"; empty for arrays that came from no model. */
export function modelText(model: Manifest["model"] = {}): string {
  const { name, class_name, parameters } = model;
  return [name, class_name, parameters !== undefined && count(parameters, "parameter")].filter(Boolean).join(" · ");
}

/** Of the steps logged: how many have pictures, and how many of those are on the screen. */
export function stepsText(logged: number, pictured: number, shown: number, kept: number | null): string {
  const parts = [`${logged.toLocaleString("en")} logged`];
  if (pictured < logged) parts.push(`${pictured || "none"} with pictures`);
  if (shown >= (pictured || logged)) return `${parts.join(", ")}, all shown`;
  return `${parts.join(", ")}, ${shown} shown${kept ? `: TensorBoard keeps ${kept}` : ""}`;
}

/** Only what was measured: a log of an earlier version, or one that has just begun, holds none of it. */
export function costFacts(cost: Cost = {}): Fact[] {
  const of = (field: keyof Cost) => (Number.isFinite(cost[field]) ? (cost[field] ?? null) : null);
  const [logs, skipped, leftOut] = [of("logs"), of("skipped"), of("left_out")];
  const [size, stall, preparation] = [of("bytes_written"), of("stall_seconds"), of("preparation_seconds")];
  const [closing, background, seconds] = [of("closing_seconds"), of("background_seconds"), of("seconds")];
  const facts: Fact[] = [];
  const add = (name: string, ...parts: (string | false | null)[]) =>
    facts.push([name, parts.filter((part) => typeof part === "string").join(" · ")]);
  if (logs !== null) add("Logs", logs.toLocaleString("en"));
  if (leftOut) add("Left out", `${leftOut.toLocaleString("en")}, to stay within max_overhead`);
  if (skipped) add("Skipped", `${skipped.toLocaleString("en")} (queue full, fault or bytes used up)`);
  if (size !== null) add("Written", bytes(size), !!logs && `${bytes(size / logs)} per log`);
  if (stall !== null) {
    const waited = stall + (preparation ?? 0) + (closing ?? 0);
    add("Training waited", duration(waited), !!seconds && `${percent(waited / seconds)} of ${duration(seconds)}`);
    if (preparation) add("to prepare", duration(preparation));
    if (logs) add("per log", duration(stall / logs));
    if (closing) add("at the end", duration(closing));
  }
  if (background !== null) add("In the background", duration(background));
  return facts;
}
