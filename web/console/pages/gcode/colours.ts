/** PURE: what is drawn in which colour: by part of the print, speed, height or tool. */
import { FEATURES, type Feature } from "./features.js";

export const MODES = ["feature", "speed", "height", "tool"] as const;
export type Mode = (typeof MODES)[number];

const OF: Readonly<Record<Feature, string>> = {
  other: "#3d9a8f", outer: "#e8590c", inner: "#f0a830", infill: "#b0413e", solid: "#9c5bd6", top: "#e0457b",
  bridge: "#3b8fd9", overhang: "#2344c4", support: "#2f9e62", skirt: "#7468d8", tower: "#6fae2a", gap: "#c9c03a",
  ironing: "#e58ac0", move: "#5c86a8",
};
export const FEATURE_COLOURS: readonly string[] = FEATURES.map((one) => OF[one]);
export const HEAD = 14; // palette places that no feature has
export const BED = 15;

export const TOOL_COLOURS: readonly string[] = [
  "#e8590c", "#3b8fd9", "#2f9e62", "#c9c03a", "#9c5bd6", "#e0457b", "#10857b", "#8a8f98",
];

/** From slow or low to fast or high. */
export const RAMP: readonly string[] = ["#4353c4", "#2b8fb8", "#2fa36b", "#d9a520", "#d6401f"];

/** Red, green and blue, 0 to 1, of a colour like "#e8590c"; grey for anything else. */
export function rgb(text: string): readonly [number, number, number] {
  const found = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text.trim());
  const part = (index: number): number => (found ? parseInt(found[index] ?? "80", 16) / 255 : 0.5);
  return [part(1), part(2), part(3)];
}
