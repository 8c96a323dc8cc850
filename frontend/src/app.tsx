/** Puts the page into TensorBoard's bare document and starts its parts. */
import { render } from "preact";
import { connect } from "./host";
import { listen } from "./keys";
import styleUrl from "./style.css?url";
import { synchronise } from "./sync";
import { App } from "./views/App";

function loadStyle(): Promise<void> {
  return new Promise((resolve) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = styleUrl;
    // Without its style the page is still readable: better than nothing at all.
    link.onload = link.onerror = () => resolve();
    document.head.append(link);
  });
}

export async function mount(): Promise<void> {
  document.documentElement.lang = "en";
  await loadStyle();
  const root = document.createElement("div");
  root.id = "activations";
  document.body.append(root);
  connect();
  synchronise();
  listen();
  render(<App />, root);
}
