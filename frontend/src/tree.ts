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

export type Row = Leaf | Group;

function matches(layer: Layer, query: string): boolean {
  const text = `${layer.path} ${layer.class_name} ${layer.activation ?? ""}`.toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** The rows to draw: groups stand where their first layer does; layers of a closed group, or not found, are left out. */
export function rowsOf(layers: readonly Layer[], closed: ReadonlySet<string>, query = ""): Row[] {
  const found = query ? layers.filter((layer) => matches(layer, query)) : layers;
  const sizes = new Map<string, number>();
  const prefixes = (path: string) => {
    const segments = path.split("/");
    return segments.slice(0, -1).map((_, i) => segments.slice(0, i + 1).join("/"));
  };
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
