// The reader of G-code, as the worker has it: given bytes, expect moves and layers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { build } from "../../web/node_modules/esbuild/lib/main.js";

const PAGE = new URL("../../web/console/pages/gcode/", import.meta.url).pathname;
const parts = ["reader", "machine", "moves", "features", "plan", "camera"];
const built = await build({
  stdin: { contents: parts.map((one) => `export * from "./${one}.js";`).join("\n"), resolveDir: PAGE },
  bundle: true, format: "esm", target: "es2022", write: false,
});
const lib = await import(`data:text/javascript;base64,${Buffer.from(built.outputFiles[0].contents).toString("base64")}`);
const { BrokenFile, FEATURES, LONGEST_LINE, Moves, Reader, secondsOf } = lib;

const utf8 = new TextEncoder();

/** Reads a text, in pieces of some bytes; returns all that is known of it. */
function read(text, { size = Infinity, most } = {}) {
  const moves = new Moves();
  const faults = [];
  const reader = new Reader({
    piece: (piece) => moves.add(piece), layers: (layers) => moves.layers(layers), fault: (fault) => faults.push(fault),
  }, most);
  const bytes = typeof text === "string" ? utf8.encode(text) : text;
  let broken = null;
  try {
    for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, Math.min(bytes.length, at + size)));
    reader.end();
  } catch (error) {
    if (!(error instanceof BrokenFile)) throw error;
    broken = error;
    reader.flush();
  }
  const all = Array.from({ length: moves.count }, (_, index) => moves.at(index));
  return { moves, all, faults, broken, totals: reader.totals };
}

const places = ({ all }) => all.map(({ x, y, z }) => [x, y, z].map((one) => Math.round(one * 1000) / 1000));
const names = ({ all }) => all.map(({ feature }) => FEATURES[feature]);
const near = (one, other, slack = 1e-3) => assert.ok(Math.abs(one - other) <= slack, `${one} is not ${other}`);

test("moves go where they are told, and only what feeds filament prints", () => {
  const found = read("G90\nM82\nG0 X10 Y5 F6000\nG1 X20 E1.5 F1200\nG1 E0.5\nG1 Z0.4 E0.5\n");
  assert.deepEqual(places(found), [[10, 5, 0], [20, 5, 0], [20, 5, 0.4]]);
  assert.deepEqual(names(found), ["move", "other", "move"]);
  assert.deepEqual(found.all.map(({ speed }) => speed), [100, 20, 20]);
  assert.deepEqual(found.all.map(({ line }) => line), [3, 4, 6]);
  assert.deepEqual(found.totals.filament, [0.5]);
  near(found.totals.printed, 10);
});

test("G91 is from where it is, for the filament too; M82 takes that one back", () => {
  const found = read("G0 X10\nG91\nG1 X5 E1\nG1 X5 E1\nM82\nG1 X1 E2\nG1 X1 E3\nG90\nM83\nG1 X0 E1\n");
  assert.deepEqual(places(found).map(([x]) => x), [10, 15, 20, 21, 22, 0]);
  assert.deepEqual(names(found), ["move", "other", "other", "move", "other", "other"]);
});

test("G92 renames the place and moves nothing", () => {
  const found = read("G1 X10 E5\nG92 X0 E0\nG1 X10 E1\nG92\nG1 X1 E1\n");
  assert.deepEqual(places(found).map(([x]) => x), [10, 20, 21]);
  assert.deepEqual(found.totals.filament, [7]);
});

test("G28 goes home: all axes, or those that are named", () => {
  const found = read("G1 X10 Y10 Z10\nG28 X\nG1 Y11\nG28\nG1 X1\n");
  assert.deepEqual(places(found), [[10, 10, 10], [0, 11, 10], [1, 0, 0]]);
});

test("inches are made millimetres, with the speed", () => {
  const found = read("G20\nG1 X1 Y2 F60\nG21\nG1 X1 F60\n");
  assert.deepEqual(places(found), [[25.4, 50.8, 0], [1, 50.8, 0]]);
  assert.deepEqual(found.all.map(({ speed }) => Math.round(speed * 10) / 10), [25.4, 1]);
});

test("arcs follow their circle, both ways round, and climb", () => {
  for (const [command, side] of [["G2", 1], ["G3", -1]]) {
    const found = read(`G0 X10 Y0\n${command} X-10 Y0 Z1 I-10 J0 E1\n`);
    assert.ok(found.all.length > 10);
    for (const { x, y } of found.all.slice(1)) near(Math.hypot(x, y), 10);
    const half = found.all[Math.floor(found.all.length / 2)];
    assert.equal(Math.sign(half.y), -side);
    near(half.z, 0.5, 0.1);
    assert.deepEqual(places(found).at(-1), [-10, 0, 1]);
    near(found.totals.printed, Math.hypot(Math.PI * 10, 1), 0.1);
  }
});

test("an arc to where it is goes all the way round; a radius says the same as a centre", () => {
  const whole = read("G0 X10\nG3 X10 Y0 I-10 J0 E1\n");
  near(whole.totals.printed, 2 * Math.PI * 10, 0.3);
  const centred = read("G0 X10\nG3 X0 Y10 I-10 J0 E1\n");
  assert.deepEqual(places(read("G0 X10\nG3 X0 Y10 R10 E1\n")), places(centred));
  const far = read("G0 X10\nG3 X0 Y10 R-10 E1\n");
  near(far.totals.printed, 1.5 * Math.PI * 10, 0.2);
});

test("arcs that cannot be are left out, and told", () => {
  const found = read("G0 X10\nG2 X5\nG2 X10 Y0 R5\nG2 X3 I0 J0\nG1 X20\n");
  assert.deepEqual(found.faults.map(({ line, code }) => [line, code]), [[2, "arc"], [3, "arc"], [4, "arc"]]);
  assert.deepEqual(places(found).map(([x]) => x), [10, 20]);
});

test("arcs outside of the plane of x and y are drawn as their chord", () => {
  assert.deepEqual(places(read("G18\nG2 X10 Z5 I5 K0\nG17\nG1 X0\n")), [[10, 0, 5], [0, 0, 5]]);
});

test("layers are those of the comments; what comes before belongs to the first", () => {
  const text = ["G1 X1 Z0.3 E1", ";LAYER_CHANGE", ";Z:0.2", "G0 Z0.2", "G1 X2 E2", ";LAYER_CHANGE", ";Z:0.4",
    "G0 Z1", "G0 Z0.4", "G1 X3 E3", "G1 X4 E4"].join("\n");
  const { moves } = read(text);
  assert.deepEqual(moves.starts, [0, 3]);
  assert.deepEqual(moves.heights.map((one) => Math.round(one * 100) / 100), [0.2, 0.4]);
  assert.deepEqual([moves.range(0), moves.range(1)], [[0, 3], [3, 7]]);
  assert.deepEqual([0, 2, 3, 6].map((move) => moves.layerOf(move)), [0, 0, 1, 1]);
});

test("without layer comments the heights count, without those the moves", () => {
  assert.deepEqual(read(";Z:0.2\nG1 X1 E1\n;Z:0.4\nG1 X2 E2\n;Z:0.2\nG1 X3 E3\n").moves.starts, [0, 1]);
  const byMoves = read("G1 Z0.2\nG1 X1 E1\nG1 Z2\nG1 Z0.4\nG1 X2 E2\nG1 X3 E3\n").moves;
  assert.deepEqual(byMoves.starts, [0, 4]);
  assert.deepEqual(byMoves.heights, [0.2, 0.4]);
});

test("layers that begin while nothing moves are one", () => {
  assert.deepEqual(read(";LAYER_CHANGE\n;LAYER:0\nG1 X1 E1\n;LAYER_CHANGE\n;LAYER:1\nG1 X2 E2\n").moves.starts, [0, 1]);
});

test("slicers' words for the parts of a print are known", () => {
  const said = {
    "TYPE:External perimeter": "outer", "TYPE:Outer wall": "outer", "TYPE:WALL-OUTER": "outer", "TYPE:Perimeter": "inner",
    "TYPE:Inner wall": "inner", "TYPE:WALL-INNER": "inner", "TYPE:FILL": "infill", "TYPE:Internal infill": "infill",
    "TYPE:Sparse infill": "infill", "TYPE:Solid infill": "solid", "TYPE:Internal solid infill": "solid",
    "TYPE:Top solid infill": "top", "TYPE:Top surface": "top", "TYPE:SKIN": "top", "TYPE:Bottom surface": "solid",
    "TYPE:Bridge infill": "bridge", "TYPE:Overhang perimeter": "overhang", "TYPE:Support material interface": "support",
    "TYPE:SUPPORT": "support", "TYPE:SKIRT": "skirt", "TYPE:Skirt/Brim": "skirt", "TYPE:Wipe tower": "tower",
    "TYPE:Prime tower": "tower", "TYPE:Gap fill": "gap", "TYPE:Ironing": "ironing", "TYPE:Custom": "other",
    " feature outer perimeter": "outer", "TYPE:constructor": "other",
  };
  for (const [word, name] of Object.entries(said)) assert.deepEqual(names(read(`;${word}\nG1 X1 E1\n`)), [name], word);
});

test("time, slicer, tools and figures of the whole are told", () => {
  const text = "; generated by PrusaSlicer 2.8\nG1 X10 E1\nT1\nG92 E0\nG1 X20 E2\n; estimated printing time (normal mode) = 1d 2h 3m 4s\n";
  const { totals, all } = read(text);
  assert.equal(totals.seconds, 93_784);
  assert.equal(totals.slicer, "PrusaSlicer 2.8");
  assert.deepEqual(totals.filament, [1, 2]);
  assert.deepEqual(all.map(({ tool }) => tool), [0, 1]);
  assert.deepEqual([totals.low, totals.high], [[0, 0, 0], [20, 0, 0]]);
  assert.equal(totals.lines, 6);
  assert.deepEqual(["3723", "01:02:03", "1h2m3s", "soon", ""].map(secondsOf), [3723, 3723, 3723, null, null]);
});

test("line numbers, checksums, remarks, lower case and words of firmwares do no harm", () => {
  const text = "N1 G1 X1*57\ng1 x2 (X9) y3\r\n  G1X3Y4;X9\nM117 X9 G1 X9\nEXCLUDE_OBJECT_START NAME=X9\nSET_FAN X=9\nG1 X 5\nG1 X.5\nG1 X-1.\nG1 X+7";
  assert.deepEqual(places(read(text)).map(([x]) => x), [1, 2, 3, 5, 0.5, -1, 7]);
});

test("a coordinate without a number is left out with its line, and the others are read", () => {
  const found = read("G1 X1 E1\nG1 XNaN Y5\nG1 X Y5\nG1 X99999999\nG1 X1 Z123456789012345678\nG1 X2 E2\n");
  assert.deepEqual(found.faults.map(({ line, code }) => [line, code]), [[2, "number"], [3, "number"], [4, "far"], [5, "far"]]);
  assert.equal(found.faults[0].text, "G1 XNaN Y5");
  assert.deepEqual(places(found), [[1, 0, 0], [2, 0, 0]]);
  assert.equal(read("G1 XNaN\n".repeat(1000) + "G1 X1\n").faults.length, 20);
  assert.equal(read("G1 XNaN\n".repeat(1000) + "G1 X1\n").totals.faults, 1000);
});

test("files that are none say what they are", () => {
  const code = (text, size) => read(text, { size }).broken?.code ?? null;
  assert.equal(code(""), "empty");
  assert.equal(code("\n\n\n"), "empty");
  assert.equal(code("Dear diary\n; no\n"), "moveless");
  assert.equal(code("GCDE\x01\x00\x00\x00abc"), "bgcode");
  assert.equal(code("PK\x03\x04rest\nmore"), "zip");
  assert.equal(code("solid cube\nfacet normal 0 0 1\n"), "stl");
  assert.equal(code("G1 X1\nab\x00c\n"), "binary");
  assert.equal(code("\x00".repeat(100)), "binary");
  assert.equal(code("G1 X1\n" + "X".repeat(LONGEST_LINE + 1), 4096), "endless");
  assert.equal(code("G1 X1\n;" + "X".repeat(LONGEST_LINE + 1) + "\n"), "endless");
  assert.equal(code("G1 X1\n"), null);
});

test("what came before the place where a file is broken is kept, and the place told", () => {
  const found = read("G1 X1 E1\nG1 X2 E2\n\x00\n");
  assert.deepEqual([found.broken.code, found.broken.line], ["binary", 3]);
  assert.deepEqual(places(found).map(([x]) => x), [1, 2]);
});

test("more moves than are kept are counted no more, and said", () => {
  const { moves, broken } = read("G1 X1 E1\nG1 X2 E2\nG1 X3 E3\n", { most: 2 });
  assert.equal(moves.count, 2);
  assert.equal(broken, null);
});

test("pieces join: a move is found by its number, its line, and in any layer", () => {
  const lines = [];
  for (let index = 0; index < 150_000; index += 1) {
    if (index % 1000 === 0) lines.push(";LAYER_CHANGE");
    lines.push(`G1 X${(index % 200) + 1} Y${index % 7} E${index}`);
  }
  const { moves } = read(lines.join("\n"), { size: 65_536 });
  assert.equal(moves.count, 150_000);
  assert.deepEqual(moves.pieces.map(({ count }) => count), [65_537, 65_537, 18_929]);
  assert.equal(moves.starts.length, 150);
  for (const move of [0, 65_535, 65_536, 149_999]) {
    const { x, line } = moves.at(move);
    assert.equal(x, (move % 200) + 1);
    assert.equal(line, move + 1 + Math.floor(move / 1000) + 1);
    assert.equal(moves.upTo(line), move + 1);
    assert.equal(moves.layerOf(move), Math.floor(move / 1000));
  }
  const [last, first] = [moves.pieces[0].places.slice(-3), moves.pieces[1].places.slice(0, 3)];
  assert.deepEqual(last, first);
  assert.equal(moves.at(150_000), null);
});

test("it does not matter where pieces of the file are cut, and no bytes break the reader", () => {
  let seed = 7;
  const random = (below) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
  const bits = ["G1 X", "G2 I1 J", "\n", "\r\n", ";TYPE:", ";LAYER:1\n", "E", "NaN", "-", ".", "9", "1e9", "G92", "G91\n",
    "T3", "(", ")", "*", "M83\n", " ", "Z0.2 E1", "é", "G28\n", "R5", "F"];
  for (let round = 0; round < 300; round += 1) {
    const text = Array.from({ length: random(60) }, () => bits[random(bits.length)]).join("");
    const bytes = utf8.encode(text);
    if (round % 3 === 0) for (let at = 0; at < bytes.length; at += 1 + random(9)) bytes[at] = random(256);
    const [whole, cut] = [read(bytes), read(bytes, { size: 1 + random(5) })];
    assert.deepEqual(cut.all, whole.all);
    assert.deepEqual([cut.faults, cut.broken?.code, cut.totals], [whole.faults, whole.broken?.code, whole.totals]);
    for (const { x, y, z } of whole.all) assert.ok([x, y, z].every(Number.isFinite), text);
  }
});

test("the layer that is looked at is drawn first, every one once, and none above", () => {
  const range = (layer) => [layer * 10, layer * 10 + 10];
  for (const [first, last, end] of [[0, 0, 4], [0, 200, 2005], [150, 200, 2010], [3, 3, 40]]) {
    const found = [...lib.plan(range, first, last, end)];
    assert.deepEqual(found[0], { from: last * 10, to: Math.min(end, last * 10 + 10), top: true });
    const drawn = found.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, index) => from + index));
    const expected = Array.from({ length: end - first * 10 }, (_, index) => first * 10 + index).slice(0, end - first * 10);
    assert.deepEqual(drawn.sort((one, other) => one - other), expected.filter((one) => one < last * 10 + 10));
  }
  assert.deepEqual([...lib.plan(() => [0, 100_000], 0, 0, 100_000)].length, 4); // one layer, in parts
});

test("the view sees all of the box that it is fitted to, from the side and from above", () => {
  const [low, high] = [[10, 20, 0], [110, 60, 30]];
  for (const [aspect, rise] of [[1.5, 0.6], [0.5, 0.6], [1, lib.ABOVE]]) {
    const view = lib.matrix(lib.fitted(low, high, aspect, -0.5, rise), aspect);
    for (const corner of [0, 1, 2, 3, 4, 5, 6, 7]) {
      const place = [0, 1, 2].map((axis) => ((corner >> axis) & 1 ? high : low)[axis]);
      const at = (row) => place.reduce((sum, one, axis) => sum + one * view[axis * 4 + row], view[12 + row]);
      for (const row of [0, 1, 2]) assert.ok(Math.abs(at(row) / at(3)) <= 1, `corner ${corner} is out of sight`);
    }
  }
});
