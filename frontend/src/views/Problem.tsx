import type { Source } from "../store";
import { problems, retry } from "../store";

/** An error where the data would be. */
export function Problem({ sentence }: { sentence: string }) {
  return (
    <div class="problem" role="alert">
      <p>{sentence}</p>
      <button class="plain" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

export function ProblemOf({ source }: { source: Source }) {
  const sentence = problems.value[source];
  return sentence === undefined ? null : <Problem sentence={sentence} />;
}
