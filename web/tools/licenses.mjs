// Writes the licences of what is bundled beside it, as those ask for.
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";

const MODULES = new URL("../node_modules/", import.meta.url);
const OUT = new URL("../../gotapi_core/server/console/licenses.txt", import.meta.url);
const NOT_IN_BROWSERS = "@lit-labs/ssr-dom-shim"; // stands in for the DOM where there is none

const lock = JSON.parse(readFileSync(new URL("../package-lock.json", import.meta.url), "utf8"));
const bundled = Object.entries(lock.packages)
  .filter(([place, one]) => place.startsWith("node_modules/") && !one.dev && !one.devOptional)
  .map(([place, one]) => [place.replace("node_modules/", ""), one])
  .filter(([name]) => !name.startsWith("@types/") && name !== NOT_IN_BROWSERS);

const texts = bundled.map(([name, { version, license }]) => {
  const folder = new URL(`${name}/`, MODULES);
  const file = existsSync(folder) && readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
  if (!file) throw new Error(`${name} has no licence file`);
  return `${name} ${version} (${license})\n\n${readFileSync(new URL(file, folder), "utf8").trim()}\n`;
});
writeFileSync(OUT, `The web console contains these packages.\n\n${texts.join(`\n${"-".repeat(72)}\n\n`)}`);
console.log(`${texts.length} licences`);
