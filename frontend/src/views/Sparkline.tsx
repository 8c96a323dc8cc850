import { line } from "d3-shape";

const MAX_POINTS = 60;

/** A small curve; values that are not finite leave a gap. marked: index of the value to put a dot on. */
export function Sparkline(props: {
  values: readonly number[];
  width: number;
  height: number;
  marked?: number;
  label: string;
}) {
  const { values, width, height, marked, label } = props;
  const stride = Math.max(1, Math.ceil(values.length / MAX_POINTS));
  const points = values
    .map((value, i) => ({ value, i }))
    .filter(({ i }) => i % stride === 0 || i === values.length - 1);
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return <svg width={width} height={height} aria-hidden="true" />;
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const x = (i: number) => 2 + (values.length > 1 ? i / (values.length - 1) : 0.5) * (width - 4);
  const y = (value: number) => (high > low ? height - 2 - ((value - low) / (high - low)) * (height - 4) : height / 2);
  const path = line<{ value: number; i: number }>()
    .defined((point) => Number.isFinite(point.value))
    .x((point) => x(point.i))
    .y((point) => y(point.value))(points);
  const dot = marked === undefined ? undefined : values[marked];
  return (
    <svg class="spark" width={width} height={height} role="img" aria-label={label}>
      <path d={path ?? ""} fill="none" stroke="currentColor" stroke-width="1.2" />
      {marked !== undefined && dot !== undefined && Number.isFinite(dot) && (
        <circle cx={x(marked)} cy={y(dot)} r="2" class="mark" />
      )}
    </svg>
  );
}
