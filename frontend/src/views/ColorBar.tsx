import { hasNonFinite, layerRange, tileCount, tileRange } from "../atlas";
import { NONFINITE, gradient, toCss } from "../colors";
import { number } from "../format";
import * as store from "../store";

function NonFiniteKey() {
  return (
    <span class="key" title="How values that are not finite are drawn">
      {NONFINITE.map(({ name, colors }) => (
        <span key={name}>
          <i style={{ background: `repeating-conic-gradient(${toCss(colors[0])} 0 25%, ${toCss(colors[1])} 0 50%)` }} />
          {name}
        </span>
      ))}
    </span>
  );
}

/** What the colours mean, in real numbers. */
export function ColorBar() {
  const picture = store.picture.value;
  if (!picture) return null;
  const { atlas } = picture;
  const { header } = atlas;
  if (header.view === "color") return <span class="caption">in its own colours</span>;
  const perChannel = store.scale.value === "channel" && header.view === "maps";
  const tile = store.hover.value?.tile ?? header.channels.indexOf(store.currentChannel.value ?? -1);
  const range = perChannel ? tileRange(atlas, tile) : layerRange(atlas);
  const sick = Array.from({ length: tileCount(header) }, (_, i) => hasNonFinite(atlas, i)).some(Boolean);
  return (
    <>
      {sick && <NonFiniteKey />}
      {perChannel && (
        <span class="caption" title="Each channel is drawn over its own range: colours do not compare between channels">
          <span class="wide">each channel’s own min–max{tile >= 0 && " · "}</span>
          {tile >= 0 && `channel ${header.channels[tile]}`}
        </span>
      )}
      <span class="colorbar" data-testid="colorbar">
        <span class="num low">{range ? number(range[0]) : "min"}</span>
        <i style={{ background: gradient(store.colormap.value) }} />
        <span class="num high">{range ? number(range[1]) : "max"}</span>
      </span>
    </>
  );
}
