/** The link: a codec between the state and the parameters of TensorBoard's URL hash. Defaults are left out. */
import { COLORMAPS } from "./colors";
import type { Scale, Zoom } from "./store";

export const KEYS = {
  run: "run",
  layer: "layer",
  channel: "channel",
  sample: "sample",
  step: "step",
  scale: "scale",
  colormap: "colormap",
  zoom: "zoom",
} as const;

const NO_CHANNEL = "none";

export interface Link {
  run: string | null;
  layer: string | null;
  channel: number | null;
  sample: number;
  /** null: follow the latest. */
  step: number | null;
  scale: Scale;
  colormap: (typeof COLORMAPS)[number];
  zoom: Zoom;
}

export const DEFAULTS: Link = {
  run: null,
  layer: null,
  channel: 0,
  sample: 0,
  step: null,
  scale: "layer",
  colormap: "magma",
  zoom: "fit",
};

export function encodeLink(link: Link): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const key of Object.keys(KEYS) as (keyof Link)[]) {
    if (link[key] !== DEFAULTS[key]) parameters[KEYS[key]] = String(link[key] ?? NO_CHANNEL);
  }
  return parameters;
}

/** Values that make no sense fall back to the defaults: a link is typed and cut by people. */
export function decodeLink(parameters: Readonly<Record<string, string>>): Link {
  const text = (key: keyof Link) => parameters[KEYS[key]];
  const whole = (key: keyof Link) => {
    const value = text(key);
    return value !== undefined && /^-?\d+$/.test(value) ? Number(value) : null;
  };
  const oneOf = <T extends string | number>(key: keyof Link, allowed: readonly T[], otherwise: T) =>
    allowed.find((value) => String(value) === text(key)) ?? otherwise;
  return {
    run: text("run") ?? DEFAULTS.run,
    layer: text("layer") ?? DEFAULTS.layer,
    channel: text("channel") === NO_CHANNEL ? null : Math.max(0, whole("channel") ?? 0),
    sample: Math.max(0, whole("sample") ?? DEFAULTS.sample),
    step: whole("step"),
    scale: oneOf<Scale>("scale", ["channel", "layer"], DEFAULTS.scale),
    colormap: oneOf("colormap", COLORMAPS, DEFAULTS.colormap),
    zoom: oneOf<Zoom>("zoom", ["fit", 2, 4], DEFAULTS.zoom),
  };
}

function split(part: string): [key: string, value: string] {
  const at = part.indexOf("=");
  try {
    return [decodeURIComponent(part.slice(0, at)), decodeURIComponent(part.slice(at + 1))];
  } catch {
    return ["", ""];
  }
}

/** The parameters of a hash such as `#activations&run=a`. */
export function readHash(hash: string): Record<string, string> {
  const parts = hash.replace(/^#/, "").split("&");
  return Object.fromEntries(parts.filter((part) => part.includes("=")).map(split));
}

/** The tab that a hash names, "" when it names none. */
export function tabOf(hash: string): string {
  return (
    hash
      .replace(/^#/, "")
      .split("&")
      .find((part) => !part.includes("=")) ?? ""
  );
}

/** `hash` with our parameters replaced, and every other part (the tab's name, other tabs' state) as it was. */
export function writeHash(hash: string, tab: string, parameters: Readonly<Record<string, string>>): string {
  const ours = new Set<string>(Object.values(KEYS));
  const others = hash
    .replace(/^#/, "")
    .split("&")
    .filter((part) => part.includes("=") && !ours.has(split(part)[0]));
  const mine = Object.entries(parameters).map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
  return `#${[tab, ...others, ...mine].join("&")}`;
}
