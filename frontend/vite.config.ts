import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** The entry is served at the root and everything else under `static/`, while on disk they lie side by side. */
function servedUnderStatic(): Plugin {
  return {
    name: "served-under-static",
    generateBundle(_, bundle) {
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== "chunk" || !chunk.isEntry) continue;
        for (const file of [...chunk.imports, ...chunk.dynamicImports]) {
          if (!chunk.code.includes(`./${file}`)) this.error(`${chunk.fileName} does not import ./${file}`);
          chunk.code = chunk.code.replaceAll(`./${file}`, `./static/${file}`);
        }
      }
    },
  };
}

// TensorBoard imports `index.js` and calls its `render()`; everything else has a hashed name, so that it can be cached
// for ever. Names and contents depend on the sources alone, so that the committed build can be compared with a fresh one.
export default defineConfig({
  base: "./",
  plugins: [servedUnderStatic()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../tb_activations/plugin/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: false,
    rollupOptions: {
      input: "src/main.ts",
      preserveEntrySignatures: "exports-only",
      output: {
        entryFileNames: "index.js",
        chunkFileNames: "[name]-[hash].js",
        assetFileNames: "[name]-[hash][extname]",
      },
    },
  },
  test: { include: ["src/**/*.test.ts"] },
});
