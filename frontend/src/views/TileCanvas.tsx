import { useLayoutEffect, useRef } from "preact/hooks";
import type { Atlas, Range } from "../atlas";
import { paintTile } from "../atlas";
import type { Colormap } from "../colors";
import { colorTable } from "../colors";

interface Props {
  atlas: Atlas;
  tile: number;
  domain: Range | null;
  colormap: Colormap;
  /** On the screen, as CSS lengths. */
  width: string;
  height: string;
}

/** One tile's pixels. The canvas holds the tile's own size; the style enlarges it without smoothing. */
export function TileCanvas({ atlas, tile, domain, colormap, width, height }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [low, high] = domain ?? [undefined, undefined];
  useLayoutEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!canvas.current || !context) return;
    const range = low === undefined || high === undefined ? null : ([low, high] as const);
    const painting = paintTile(atlas, tile, range, colorTable(colormap));
    if (canvas.current.width !== painting.width) canvas.current.width = painting.width;
    if (canvas.current.height !== painting.height) canvas.current.height = painting.height;
    const bytes = new Uint8ClampedArray(painting.pixels.buffer);
    context.putImageData(new ImageData(bytes, painting.width, painting.height), 0, 0);
  }, [atlas, tile, low, high, colormap]);
  return <canvas ref={canvas} style={{ width, height }} />;
}
