// The temperatures that the page of the printers keeps: given readings, expect curves.
import assert from "node:assert/strict";
import { test } from "node:test";
import { build } from "../../web/node_modules/esbuild/lib/main.js";

const PAGE = new URL("../../web/console/pages/printers/", import.meta.url).pathname;
const built = await build({
  stdin: { contents: `export * from "./samples.js";`, resolveDir: PAGE },
  bundle: true, format: "esm", target: "es2022", write: false,
});
const lib = await import(`data:text/javascript;base64,${Buffer.from(built.outputFiles[0].contents).toString("base64")}`);

const nozzle = (temperature, target = null) => ({ sensor: "T", temperature, target });
const series = (sensor, temperature) => ({ sensor, temperature, target: temperature.map(() => null) });

test("what the hub read before stands before the first reading of the console", () => {
  const samples = new lib.Samples();
  samples.add(1000, [nozzle(50, 200)]);
  samples.before({ times: [900, 950, 1000, 1001], temperatures: [series("T", [20, 30, 40, 41])] });
  samples.add(1010, [nozzle(60, 200)]);
  const told = { names: ["T"], data: [[900, 950, 1000, 1010], [20, 30, 50, 60], [null, null, 200, 200]] };
  assert.deepEqual(samples.last(900, 1010), told);
  assert.deepEqual(samples.last(lib.DAY, 1010), told);
});

test("a past without a present is shown by itself", () => {
  const samples = new lib.Samples();
  samples.before({ times: [10, 20], temperatures: [series("T", [20, 30])] });
  assert.deepEqual(samples.last(300, 100).data, [[10, 20], [20, 30], [null, null]]);
});

test("a time at which the printer was away is a gap", () => {
  const samples = new lib.Samples();
  samples.before({ times: [10, 20, 30], temperatures: [series("T", [20, null, 30])] });
  assert.deepEqual(samples.last(300, 100).data[1], [20, null, 30]);
});

test("sensors that only the past or only the present has are empty elsewhere", () => {
  const samples = new lib.Samples();
  samples.add(100, [{ sensor: "B", temperature: 60 }]);
  samples.before({ times: [50], temperatures: [series("C", [30])] });
  const { names, data } = samples.last(300, 100);
  assert.deepEqual(names, ["C", "B"]);
  assert.deepEqual(data, [[50, 100], [30, null], [null, null], [null, 60], [null, null]]);
});

test("a whole day of the hub is there in the long curve, and its end in the short one", () => {
  const samples = new lib.Samples();
  const times = Array.from({ length: 2880 }, (_, index) => 30 * index);
  samples.before({ times, temperatures: [series("T", times.map((time) => time / 1000))] });
  assert.equal(samples.last(lib.DAY, 86_400).data[0].length, 2880);
  const [short, values] = samples.last(300, 86_400).data;
  assert.deepEqual(short, times.slice(-10));
  assert.equal(values.length, short.length);
});

test("nothing of the hub changes nothing", () => {
  const samples = new lib.Samples();
  samples.add(100, [nozzle(50)]);
  samples.before({ times: [], temperatures: [] });
  assert.deepEqual(samples.last(300, 100).data, [[100], [50], [null]]);
});
