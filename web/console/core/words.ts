/**
 * The texts of the console, in each language it speaks. A text is a tuple [English, Japanese], so
 * one that is missing does not compile; tools/check-words.mjs compares the rest.
 */
import { Store } from "./store.js";

export const LOCALES = ["en", "ja"] as const;
export type Locale = (typeof LOCALES)[number];
export type Text = readonly [en: string, ja: string];
export type Values = Readonly<Record<string, string | number>>;

const KEY = "gotapi-console-locale";

function chosen(): Locale {
  const kept = localStorage.getItem(KEY);
  if (kept === "en" || kept === "ja") return kept;
  return navigator.language.startsWith("ja") ? "ja" : "en";
}

export const locale = new Store<Locale>(chosen());

/** Changes the language, and keeps it for the next visit. */
export function setLocale(to: Locale): void {
  localStorage.setItem(KEY, to);
  document.documentElement.lang = to;
  locale.set(to);
}

const plural = new Intl.PluralRules("en");

/**
 * Returns what says the texts of a table: `t("title")`, `t("found", { count: 3 })`. `{count}` in a
 * text stands for the value, a number in the user's way of writing; "{count} file|{count} files" is for one and for more.
 */
export function words<K extends string>(
  table: Readonly<Record<K, Text>>,
): (key: K, values?: Values) => string {
  return (key, values = {}) => {
    const text = table[key][LOCALES.indexOf(locale.value)] ?? key;
    return fill(choose(text, values), values);
  };
}

function choose(text: string, values: Values): string {
  const [one, many] = text.split("|");
  if (many === undefined || one === undefined) return text;
  return plural.select(Number(values["count"] ?? 0)) === "one" ? one : many;
}

function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    return typeof value === "number" ? number(value) : (value ?? whole);
  });
}

/** A number in the user's way of writing. */
export function number(value: number, options: Intl.NumberFormatOptions = {}): string {
  return new Intl.NumberFormat(locale.value, options).format(value);
}

/** The language as it is written where the user is: days and hours differ between en-GB and en-US. */
function region(): string {
  return navigator.languages.find((one) => one.split("-")[0] === locale.value) ?? locale.value;
}

/** A day, or a day and time; from seconds since 1970. */
export function date(seconds: number, withTime = false): string {
  const style: Intl.DateTimeFormatOptions = { dateStyle: "medium" };
  if (withTime) style.timeStyle = "short";
  return new Intl.DateTimeFormat(region(), style).format(seconds * 1000);
}

const STEPS = [
  [86400, "day"],
  [3600, "hour"],
  [60, "minute"],
  [1, "second"],
] as const;

/** A span of seconds in words, in its largest unit: "3 hours". */
export function span(seconds: number): string {
  const [size, unit] = STEPS.find(([size]) => Math.abs(seconds) / size + 0.05 >= 1) ?? STEPS[3];
  const count = Math.max(0, Math.floor(Math.abs(seconds) / size + 0.05));
  return number(count, { style: "unit", unit, unitDisplay: "long" });
}

/** How long ago something was, or in how long it comes (negative). */
export function ago(seconds: number): string {
  const [size, unit] = STEPS.find(([size]) => Math.abs(seconds) / size + 0.05 >= 1) ?? STEPS[3];
  const format = new Intl.RelativeTimeFormat(locale.value, { numeric: "auto" });
  return format.format(-Math.trunc(seconds / size), unit);
}

const SIZES = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;

/** A number of bytes with its unit. */
export function bytes(count: number): string {
  const power = Math.min(3, count < 1000 ? 0 : Math.floor(Math.log10(count) / 3));
  const unit = SIZES[power] ?? "byte";
  const digits = power === 0 ? 0 : 1;
  return number(count / 1000 ** power, {
    style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits,
  });
}
