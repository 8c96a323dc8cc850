import { useState } from "preact/hooks";
import type { Skipped } from "../tree";
import { NOT_CAPTURED } from "../tree";

/** Room for the longest reasons, so that the box stays on the screen beside the lowest row. */
const BOX_HEIGHT = 96;

/** A layer that could not be captured: there is nothing to select, but the reason, beside the row that is pointed at. */
export function SkippedRow({ row }: { row: Skipped }) {
  const [box, setBox] = useState<DOMRect | null>(null);
  const show = (event: Event) => setBox((event.currentTarget as HTMLElement).getBoundingClientRect());
  const hide = () => setBox(null);
  return (
    <div
      class="row skipped"
      role="treeitem"
      aria-level={row.depth + 1}
      aria-disabled
      aria-label={`${row.path}, ${NOT_CAPTURED}: ${row.reason}`}
      tabIndex={0}
      data-testid="skipped-row"
      data-path={row.path}
      style={{ paddingLeft: `${10 + row.depth * 14}px` }}
      onPointerEnter={show}
      onPointerLeave={hide}
      onFocus={show}
      onBlur={hide}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !box) return;
        // The page's own Escape clears more than this.
        event.stopPropagation();
        hide();
      }}
    >
      <span class="name">{row.name}</span>
      <span class="kind">{NOT_CAPTURED}</span>
      {box && (
        <div
          class="reason"
          role="tooltip"
          data-testid="reason"
          style={{ left: `${box.right + 10}px`, top: `${Math.min(box.top, window.innerHeight - BOX_HEIGHT)}px` }}
        >
          <b>{row.path}</b> was {NOT_CAPTURED}: {row.reason}.
        </div>
      )}
    </div>
  );
}
