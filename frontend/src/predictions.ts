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
  const names = manifest.class_names ?? [];
  const isProbability = PROBABILITIES.includes(activation ?? "");
  let places = Array.from({ length: series.columns.length / 2 }, (_, place) => ({
    id: at(series, index, sample, `class_${place + 1}`),
    score: at(series, index, sample, `score_${place + 1}`),
  }));
  // One sigmoid and two names: the output is the share of class 1, as Keras' binary losses and metrics take it.
  const isBinary = classes === 1 && activation === "sigmoid" && names.length === 2;
  if (isBinary) {
    const share = places[0]?.score ?? NaN;
    const both = [
      { id: 0, score: 1 - share },
      { id: 1, score: share },
    ];
    places = share > 0.5 ? both.reverse() : both;
  }
  // Otherwise a single output scores no class against another: its value is all there is to say.
  const isValue = classes === 1 && !isBinary;
  const said = places.map(({ id, score }) => ({
    id,
    name: isValue ? (names[0] ?? "") : names[id] || String(id),
    score: isProbability && !Number.isNaN(score) ? percent(score) : number(score),
  }));
  const [best] = said;
  if (!best || Number.isNaN(best.id)) return null;
  const top = said.map(({ name, score }) => `${name} ${score}`.trim());
  const label = manifest.labels[sample] ?? "";
  const isCompared = label !== "" && !isValue;
  // NaN sorts last, so that here every score is NaN and no class was chosen.
  if (Number.isNaN(places[0]?.score)) return { name: "", score: best.score, isRight: isCompared ? false : null, top };
  const isRight = isCompared ? label === best.name || label === String(best.id) : null;
  return { name: best.name, score: best.score, isRight, top };
}
