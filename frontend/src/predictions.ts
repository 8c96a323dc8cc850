/** What the model says of a sample, in words. */
import type { Manifest } from "./api";
import { number, percent } from "./format";
import type { Series } from "./series";
import { at } from "./series";

export interface Predicted {
  /** Of the class with the highest score. */
  name: string;
  score: string;
  /** null where the sample has no label to compare with. */
  isRight: boolean | null;
  /** The best few, "name score" each. */
  top: string[];
}

const PROBABILITIES = ["softmax", "sigmoid"];

export function predictionOf(
  shown: { series: Series; index: number } | null,
  manifest: Manifest | undefined,
  sample: number,
): Predicted | null {
  if (!shown || !manifest?.prediction) return null;
  const { series, index } = shown;
  const { classes = 0, activation } = manifest.prediction;
  const isProbability = PROBABILITIES.includes(activation ?? "");
  const places = Array.from({ length: series.columns.length / 2 }, (_, place) => {
    const id = at(series, index, sample, `class_${place + 1}`);
    const score = at(series, index, sample, `score_${place + 1}`);
    // A single output scores no class against another: its value is all there is to say.
    const name = classes === 1 ? (manifest.class_names?.[0] ?? "") : manifest.class_names?.[id] || String(id);
    return { id, name, score: isProbability ? percent(score) : number(score) };
  });
  const [best] = places;
  if (!best || Number.isNaN(best.id)) return null;
  const label = manifest.labels[sample] ?? "";
  const isRight = label === "" || classes === 1 ? null : label === best.name || label === String(best.id);
  return { name: best.name, score: best.score, isRight, top: places.map(({ name, score }) => `${name} ${score}`) };
}
