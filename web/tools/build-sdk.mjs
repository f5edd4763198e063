// Bundles the SDK into one file, which the hub serves and anybody may copy, and writes its types.
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const out = here("../../gotapi_core/server/console/sdk/");

mkdirSync(out, { recursive: true });
await build({
  entryPoints: [here("../sdk/index.ts")],
  outfile: `${out}gotapi.js`,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  banner: { js: "/* gotapi-hub JavaScript SDK, Apache-2.0 */" },
});
writeFileSync(`${out}gotapi.d.ts`, 'export * from "./types/index.js";\n');
