import { useSignalEffect } from "@preact/signals";
import * as store from "../store";
import { Empty } from "./Empty";
import { Grid } from "./Grid";
import { Header } from "./Header";
import { LayerTree } from "./LayerTree";
import { Readout } from "./Readout";
import { Side } from "./Side";
import { StepBar } from "./StepBar";

export function App() {
  // On the document, so that the space around and behind the page is dark as well.
  useSignalEffect(() => {
    document.documentElement.classList.toggle("dark", store.dark.value);
  });
  const theme = store.dark.value ? "app dark" : "app";
  if (!store.runs.value || store.runs.value.runs.length === 0) {
    return (
      <div class={`${theme} alone`}>
        <Empty />
      </div>
    );
  }
  return (
    <div class={theme}>
      <Header />
      <LayerTree />
      <Grid />
      <Side />
      <StepBar />
      <Readout />
    </div>
  );
}
