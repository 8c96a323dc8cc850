/** Numbers, shapes and times as text. */
export function number(value: number, digits = 4): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "−Inf";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1e5 || size < 1e-3 ? value.toExponential(digits - 2) : value.toPrecision(digits);
  return text.replaceAll("-", "−").replace("e+", "e");
}

export function percent(share: number): string {
  if (Number.isNaN(share)) return "–";
  const value = share * 100;
  return `${value > 0 && value < 0.1 ? "<0.1" : value.toFixed(value === 0 || value === 100 ? 0 : 1)} %`;
}

/** `[null, 11, 11, 64]` → `11×11×64`; the batch axis is left out, an unknown one is a question mark. */
export function shape(axes: readonly (number | null)[] | null): string {
  if (!axes) return "";
  const own = axes.slice(1);
  return own.length === 0 ? "scalar" : own.map((size) => size ?? "?").join("×");
}

export function kind(layer: { class_name: string; activation: string | null }): string {
  return [layer.class_name, layer.activation].filter(Boolean).join(" · ");
}

export function count(n: number, noun: string): string {
  return `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
}

export function ago(seconds: number): string {
  if (seconds < 2) return "just now";
  for (const [unit, name] of [
    [86400, "d"],
    [3600, "h"],
    [60, "min"],
  ] as const) {
    if (seconds >= unit) return `${Math.floor(seconds / unit)} ${name} ago`;
  }
  return `${Math.floor(seconds)} s ago`;
}

/** `exp1/activations` → `exp1`, where no other run has that name. */
export function runName(run: string, all: readonly string[]): string {
  const short = run.replace(/\/activations$/, "");
  return all.filter((other) => other === short || other === `${short}/activations`).length > 1 ? run : short;
}

/** Decimal units, as the writer's own lines have them: `11.3 MB`. */
export function bytes(size: number): string {
  for (const [unit, name] of [
    [1e9, "GB"],
    [1e6, "MB"],
    [1e3, "kB"],
  ] as const) {
    // What would be rounded to 1,000 of a unit is one of the next.
    if (size >= unit * 0.9995) return `${(size / unit).toPrecision(3)} ${name}`;
  }
  return `${Math.round(size)} B`;
}

/** `70.2 ms`, `2.94 s`, `5 min 10 s`, `3 h 12 min` */
export function duration(seconds: number): string {
  if (seconds < 0.9995) return seconds < 5e-7 ? "0 s" : `${Number((seconds * 1e3).toPrecision(3))} ms`;
  if (seconds < 119.5) return `${seconds.toPrecision(3)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${whole % 60} s`;
}

/** A value as it would stand in the training script: `None`, `True`, `"batch"`, `[3, 17]`. */
export function python(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value === "object") {
    const items = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${python(item)}`);
    return `{${items.join(", ")}}`;
  }
  return JSON.stringify(value);
}
