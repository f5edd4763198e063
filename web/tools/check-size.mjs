// Measures what the build made, and fails when it is over its limits.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const OUT = new URL("../../gotapi_core/server/console/", import.meta.url);
const FIRST_LOAD = 200_000; // bytes gzip: what a browser fetches before the first page is shown
const SDK = 15_360; // bytes gzip

const read = (name) => readFileSync(new URL(name, OUT));
const packed = (name) => gzipSync(read(name), { level: 9 }).length;
const manifest = JSON.parse(read("manifest.json"));

/** The files of an entry and of all that it imports before it runs. */
function files(key, seen = new Set()) {
  if (seen.has(key)) return [];
  seen.add(key);
  const { file, css = [], imports = [] } = manifest[key];
  return [file, ...css, ...imports.flatMap((one) => files(one, seen))];
}

/** The first load: the shell, and the largest of the pages without 3D as the one that is opened. */
function firstLoad() {
  const entry = Object.keys(manifest).find((key) => manifest[key].isEntry);
  const shell = new Set(["index.html", "icon.svg", ...files(entry)]);
  const sum = (names) => [...names].reduce((total, name) => total + packed(name), 0);
  const pages = Object.keys(manifest).filter((key) => /pages\/[^/]+\/view\.ts$/.test(key));
  const extra = pages
    .map((key) => files(key).filter((name) => !shell.has(name)))
    .filter((names) => !names.some((name) => name.includes("three")))
    .map(sum);
  return { shell: sum(shell), page: Math.max(0, ...extra) };
}

let failed = false;
function judge(what, size, limit) {
  const over = size > limit;
  console.log(`${what}: ${size} bytes gzip of ${limit}${over ? " - TOO LARGE" : ""}`);
  failed ||= over;
}

const { shell, page } = firstLoad();
console.log(`console shell: ${shell} bytes gzip, its largest page without 3D: ${page}`);
judge("console, first load", shell + page, FIRST_LOAD);
judge("JavaScript SDK", packed("sdk/gotapi.js"), SDK);
process.exit(failed ? 1 : 0);
