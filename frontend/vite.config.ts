import { defineConfig } from "vitest/config";

// TensorBoard imports `index.js` and calls its `render()`; everything else has a hashed name under `static/`, so that
// it can be cached for ever. Names and contents depend on the sources alone, so that the committed build can be
// compared with a fresh one.
export default defineConfig({
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../tb_activations/plugin/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: true,
    rollupOptions: {
      input: "src/main.ts",
      preserveEntrySignatures: "exports-only",
      output: {
        entryFileNames: "index.js",
        chunkFileNames: "static/[name]-[hash].js",
        assetFileNames: "static/[name]-[hash][extname]",
      },
    },
  },
  test: { include: ["src/**/*.test.ts"] },
});
