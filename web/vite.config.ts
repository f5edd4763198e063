import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here("console"),
  base: "/console/", // where the hub serves it; see gotapi_core/server/console.py
  resolve: { alias: { "@gotapi/sdk": here("sdk/index.ts") } },
  esbuild: { legalComments: "none" },
  worker: { format: "es" },
  build: {
    outDir: here("../gotapi_core/server/console"),
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the security policy has no inline fonts and scripts
    modulePreload: { polyfill: false }, // it would be an inline script
    manifest: "manifest.json", // tools/check-size.mjs reads it
    chunkSizeWarningLimit: 1200, // three is large, and loaded only where it is needed
    rollupOptions: {
      output: {
        manualChunks: (id) => (/node_modules\/three\//.test(id) ? "three" : undefined),
      },
    },
  },
});
