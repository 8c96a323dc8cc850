import { useState } from "preact/hooks";
import { copyText } from "../clipboard";
import { problems, runs } from "../store";
import { Problem } from "./Problem";

/** location: what TensorBoard watches; not always a directory that a training could write to. */
function example(location: string): string {
  const directory = location === "" || location.includes("://") ? "runs" : location.replace(/\/+$/, "");
  return `from tb_activations import ActivationLogger

logger = ActivationLogger(
    "${directory}/exp1",
    probe=x[:4],
)
model.fit(x, y, callbacks=[logger])`;
}

function reason(): string {
  const known = runs.value;
  if (!known) return "Asking TensorBoard for its runs…";
  if (known.total_runs === 0) {
    return `TensorBoard knows no runs under ${known.data_location} yet. It may still be loading them: this page looks again every two seconds.`;
  }
  const many = known.total_runs === 1 ? "1 run" : `${known.total_runs} runs`;
  return `TensorBoard knows ${many} under ${known.data_location}, but none with activations. They show up here as soon as they are logged:`;
}

export function Empty() {
  const [copied, setCopied] = useState(false);
  const sentence = problems.value.runs;
  const text = example(runs.value?.data_location ?? "");
  const copy = async () => {
    setCopied(await copyText(text));
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <div class="empty" data-testid="empty">
      {sentence !== undefined ? (
        <Problem sentence={sentence} />
      ) : (
        <>
          <h1>{runs.value ? "No activations here" : "Activations"}</h1>
          <p>{reason()}</p>
          {runs.value && (
            <div class="example">
              <pre>{text}</pre>
              <button class="plain" onClick={() => void copy()}>
                {copied ? "Copied" : "Copy"}
              </button>
            </div>
          )}
        </>
      )}
    </div>
  );
}
