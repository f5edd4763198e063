/** The figures of a file, and its faults, in words. */
import { html, nothing } from "lit";
import { number } from "../../core/words.js";
import type { Totals } from "./moves.js";
import type { Broken, Fault } from "./reader.js";
import { t } from "./text.js";

const NAMES = [
  "isOther", "isOuter", "isInner", "isInfill", "isSolid", "isTop", "isBridge", "isOverhang", "isSupport", "isSkirt",
  "isTower", "isGap", "isIroning", "isMove",
] as const; // in the order of FEATURES

export const featureName = (feature: number): string => t(NAMES[feature] ?? "isOther");

/** A number with at most so many places behind the point. */
export const say = (value: number, places: number): string => number(value, { maximumFractionDigits: places });

export function figures(totals: Totals, layers: number, hubSeconds: number | null) {
  const { low, high, seconds } = totals;
  const [x, y, z] = [0, 1, 2].map((axis) => say((high[axis] ?? 0) - (axis === 2 ? 0 : (low[axis] ?? 0)), 2));
  const metres = (length: number): string => t("metres", { metres: say(length / 1000, 2) });
  const used = totals.filament.filter((one) => one > 0);
  const time = hubSeconds !== null ? t("timeHub", { time: duration(hubSeconds) })
    : seconds !== null ? t("timeSlicer", { time: duration(seconds) }) : "";
  const row = (name: string, value: string, own = false) => value
    ? html`<dt>${name}</dt><dd>${own ? html`<bdi>${value}</bdi>` : value}</dd>` : nothing;
  return html`<dl class="figures-of">
    ${row(t("layers"), number(layers))}
    ${row(t("time"), time)}
    ${row(t("size"), t("sizeIs", { x: x ?? "", y: y ?? "", z: z ?? "" }))}
    ${row(t("filament"), used.map(metres).join(" + "))}
    ${row(t("printed"), metres(totals.printed))}
    ${row(t("travelled"), metres(totals.travelled))}
    ${row(t("moves"), number(totals.moves))}
    ${row(t("lines"), number(totals.lines))}
    ${row(t("slicer"), totals.slicer, true)}
  </dl>`;
}

export function faultWords({ code, line }: Fault): string {
  const key = { number: "faultNumber", far: "faultFar", arc: "faultArc" } as const;
  return t(key[code], { line: number(line) });
}

export function brokenWords(code: Broken, line: number): string {
  const key = {
    empty: "isEmpty", moveless: "isMoveless", binary: "isBinary", bgcode: "isBgcode", zip: "isZip", stl: "isStl",
    endless: "isEndless",
  } as const;
  return t(key[code], { line: number(line) });
}

function duration(seconds: number): string {
  const minutes = Math.max(1, Math.round(seconds / 60));
  const part = (count: number, unit: "hour" | "minute"): string =>
    number(count, { style: "unit", unit, unitDisplay: "short" });
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? part(minutes, "minute") : `${part(hours, "hour")} ${part(minutes % 60, "minute")}`;
}
