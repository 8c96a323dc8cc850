import * as store from "../store";

/** Layers that could not be captured, with the reason, so that none is silently missing from the tree. */
export function Skipped() {
  const skipped = Object.entries(store.info.value?.manifest.skipped ?? {});
  if (skipped.length === 0) return null;
  return (
    <details class="skipped" data-testid="skipped">
      <summary>{skipped.length === 1 ? "1 layer not captured" : `${skipped.length} layers not captured`}</summary>
      <dl>
        {skipped.map(([path, reason]) => (
          <div key={path}>
            <dt>{path}</dt>
            <dd>{reason}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
