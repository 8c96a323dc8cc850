/** Layers nested by the segments of their paths. */
import type { Layer } from "./api";

export interface Leaf {
  kind: "leaf";
  layer: Layer;
  /** The last segment. */
  name: string;
  depth: number;
}

export interface Group {
  kind: "group";
  /** The path of the group, e.g. `backbone/block1`. */
  path: string;
  name: string;
  depth: number;
  /** How many layers lie below it. */
  size: number;
}

/** A layer that could not be captured. */
export interface Skipped {
  kind: "skipped";
  path: string;
  /** The path from the row above it, whose part it is. */
  name: string;
  reason: string;
  depth: number;
}

export type Row = Leaf | Group | Skipped;

/** What a search for the layers that could not be captured finds them by. */
export const NOT_CAPTURED = "not captured";

function includes(text: string, query: string): boolean {
  const lower = text.toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => lower.includes(word));
}

const textOf = (layer: Layer) => `${layer.path} ${layer.class_name} ${layer.activation ?? ""}`;

/**
 * The rows to draw: groups stand where their first layer does; layers of a closed group, or not found, are left out.
 *
 * skipped: path → reason of the layers that could not be captured. Each stands after the layers that share the most of
 * its path, or after the layer that it is a part of; else at the end.
 */
export function rowsOf(
  layers: readonly Layer[],
  closed: ReadonlySet<string>,
  query = "",
  skipped: Readonly<Record<string, string>> = {},
): Row[] {
  const rows = rowsOfLayers(query ? layers.filter((layer) => includes(textOf(layer), query)) : layers, closed, query);
  for (const [path, reason] of Object.entries(skipped)) {
    if (query && !includes(`${path} ${NOT_CAPTURED} ${reason}`, query)) continue;
    if (!query && prefixes(path).some((group) => closed.has(group))) continue;
    const paths = rows.map((row) => (row.kind === "leaf" ? row.layer.path : row.path));
    const owner = prefixes(path)
      .reverse()
      .find((prefix) => paths.includes(prefix));
    const inside = paths.filter((other) => owner !== undefined && other.startsWith(`${owner}/`)).at(-1);
    const above = owner === undefined ? -1 : paths.indexOf(owner);
    const depth = (rows[above]?.depth ?? -1) + 1;
    const name = owner === undefined ? path : path.slice(owner.length + 1);
    const before = inside === undefined ? above : paths.lastIndexOf(inside);
    rows.splice(before < 0 ? rows.length : before + 1, 0, { kind: "skipped", path, name, reason, depth });
  }
  return rows;
}

/** The paths of everything around, outermost first: `a` and `a/b` for `a/b/c`. */
function prefixes(path: string): string[] {
  const segments = path.split("/");
  return segments.slice(0, -1).map((_, i) => segments.slice(0, i + 1).join("/"));
}

function rowsOfLayers(found: readonly Layer[], closed: ReadonlySet<string>, query: string): Row[] {
  const sizes = new Map<string, number>();
  for (const layer of found) for (const prefix of prefixes(layer.path)) sizes.set(prefix, (sizes.get(prefix) ?? 0) + 1);
  const rows: Row[] = [];
  let open: string[] = [];
  for (const layer of found) {
    const groups = prefixes(layer.path);
    const hidden = groups.findIndex((group) => closed.has(group) && !query);
    groups.forEach((path, depth) => {
      if (open[depth] === path || (hidden >= 0 && depth > hidden)) return;
      rows.push({ kind: "group", path, name: path.split("/").at(-1) ?? path, depth, size: sizes.get(path) ?? 0 });
    });
    open = groups;
    if (hidden < 0) rows.push({ kind: "leaf", layer, name: layer.path.split("/").at(-1) ?? "", depth: groups.length });
  }
  return rows;
}
