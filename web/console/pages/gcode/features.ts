/** PURE: what slicers say in comments: which part of the print comes, where a layer begins, the time. */

/** The parts of a print, by their number in `Moves`; `move` is drawn while nothing comes out. */
export const FEATURES = [
  "other", "outer", "inner", "infill", "solid", "top", "bridge", "overhang", "support", "skirt", "tower", "gap",
  "ironing", "move",
] as const;
export type Feature = (typeof FEATURES)[number];

export const TRAVEL = FEATURES.indexOf("move");

// The first that fits counts: "Top solid infill" is a top, "Bridge infill" a bridge.
const SAID: readonly (readonly [RegExp, Feature])[] = [
  [/overhang/, "overhang"],
  [/support|raft/, "support"],
  [/skirt|brim/, "skirt"],
  [/wipe|prime|tower|ooze/, "tower"],
  [/ironing/, "ironing"],
  [/bridge/, "bridge"],
  [/gap|thin/, "gap"],
  [/top|skin/, "top"],
  [/(external|outer).*(perimeter|wall)|wall-outer|outer/, "outer"],
  [/perimeter|wall|inner/, "inner"],
  [/solid|bottom/, "solid"],
  [/fill/, "infill"],
];

/** What a comment tells of the moves after it; `text` is without its semicolon. */
export type Note =
  | { readonly is: "feature"; readonly feature: number }
  | { readonly is: "layer" }
  | { readonly is: "height"; readonly z: number }
  | { readonly is: "time"; readonly seconds: number }
  | { readonly is: "slicer"; readonly name: string };

const LAYER = /^(?:LAYER_CHANGE|LAYER:\s*-?\d+|layer \d+, Z = .*)$/;
const HEIGHT = /^Z:\s*(-?\d+(?:\.\d*)?)$/;
const TYPE = /^(?:TYPE|FEATURE)\s*:\s*(.+)$/i;
const SIMPLIFY = /^feature (.+)$/;
const TIME = /^(?:estimated printing time(?: \(normal mode\))?\s*[=:]|(?:.*;\s*)?total estimated time\s*[=:]|Print time\s*[=:]|TIME\s*:|PRINT\.TIME\s*:)\s*(.*)$/i;
const SLICER = /^(?:generated (?:by|with)|FLAVOR_BY|Sliced by)\s+(.+)$/i;
const UNITS: Readonly<Record<string, number>> = { d: 86_400, h: 3600, m: 60, s: 1 };

/** The note in a comment, null where it is for people only. */
export function note(text: string): Note | null {
  if (LAYER.test(text)) return { is: "layer" };
  const height = HEIGHT.exec(text)?.[1];
  if (height !== undefined) return { is: "height", z: Number(height) };
  const type = (TYPE.exec(text) ?? SIMPLIFY.exec(text))?.[1];
  if (type !== undefined) return { is: "feature", feature: featureOf(type) };
  const time = TIME.exec(text)?.[1];
  if (time !== undefined) {
    const seconds = secondsOf(time);
    return seconds === null ? null : { is: "time", seconds };
  }
  const slicer = SLICER.exec(text)?.[1];
  return slicer === undefined ? null : { is: "slicer", name: slicer.slice(0, 100) };
}

/** The number of the part that a slicer's word stands for; 0 for words that are not known. */
export function featureOf(word: string): number {
  const low = word.toLowerCase();
  const found = SAID.find(([rule]) => rule.test(low));
  return found ? FEATURES.indexOf(found[1]) : 0;
}

/** "1h 2m 3s", "01:02:03" or "3723" in seconds; null for anything else. */
export function secondsOf(text: string): number | null {
  const clock = /^(\d{1,5}):(\d{2}):(\d{2})$/.exec(text.trim());
  if (clock) return Number(clock[1]) * 3600 + Number(clock[2]) * 60 + Number(clock[3]);
  if (/^\d{1,9}(\.\d*)?$/.test(text.trim())) return Number(text);
  let sum = 0;
  let found = false;
  for (const [, count, unit] of text.matchAll(/(\d{1,7}(?:\.\d*)?)\s*([dhms])/gi)) {
    sum += Number(count) * (UNITS[(unit ?? "s").toLowerCase()] ?? 1);
    found = true;
  }
  return found ? sum : null;
}
