import { useState } from "preact/hooks";
import { copyText } from "../clipboard";
import { problems, runs } from "../store";
import { Problem } from "./Problem";

const EXAMPLE = `pip install 'tb_activations[tensorflow]'

from tb_activations import ActivationLogger

model.fit(x, y, callbacks=[ActivationLogger("runs/exp1", probe=x[:4])])

tensorboard --logdir runs`;

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
  const copy = async () => {
    setCopied(await copyText(EXAMPLE));
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
              <pre>{EXAMPLE}</pre>
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
