/** A plug-in's settings, as `gotapi_core/plugin_settings/view.py` has them, and what is typed of them. */
import { limits, t } from "./settings-text.js";

export interface Setting {
  readonly name: string;
  readonly kind: "bool" | "int" | "float" | "text" | "choice" | "json";
  readonly description: string;
  readonly should: string;
  readonly secret: boolean;
  readonly required: boolean;
  readonly default?: unknown;
  readonly choices: readonly string[];
  readonly minimum: number | null;
  readonly maximum: number | null;
  readonly above: number | null;
  readonly below: number | null;
  readonly longest: number | null;
  readonly source: "default" | "file" | "command";
  readonly by: string;
  readonly value?: unknown;
  readonly isSet: boolean;
  readonly known: boolean;
  readonly outdated: boolean;
}

export interface SettingsView {
  readonly id: string;
  readonly file: string;
  readonly revision: string;
  readonly known: boolean;
  readonly settings: readonly Setting[];
  readonly refusal: string;
  readonly problem: string;
  readonly restarts: boolean;
}

/** What the user typed, or null for "back to the default". */
export type Draft = string | null;

const kept = new Map<string, Map<string, Draft>>();

/** What was typed and not saved, by name; it stays while the console is open. */
export function draftsOf(plugin: string): Map<string, Draft> {
  const found = kept.get(plugin) ?? new Map<string, Draft>();
  kept.set(plugin, found);
  return found;
}

/** A value as it stands in its input. */
export function textOf(setting: Setting, value: unknown): string {
  if (value === undefined) return "";
  if (setting.kind === "json") return value === null ? "null" : JSON.stringify(value, null, 2);
  return value === null ? "" : String(value);
}

/** The text that an input shows. */
export function shownText(setting: Setting, draft: Draft | undefined): string {
  if (draft === undefined) return textOf(setting, setting.value);
  return draft ?? textOf(setting, setting.default);
}

/** Tells whether a draft would change anything. */
export function changes(setting: Setting, draft: Draft): boolean {
  if (draft === null) return setting.source !== "default";
  if (setting.secret) return draft !== "";
  return draft !== textOf(setting, setting.value);
}

/** What a text means, or what is wrong with it, in words. */
export function meant(setting: Setting, text: string): { readonly value: unknown } | { readonly fault: string } {
  switch (setting.kind) {
    case "bool":
      return { value: text === "true" };
    case "int":
    case "float":
      return number(setting, text);
    case "json":
      return json(text);
    default: {
      const long = setting.longest !== null && [...text].length > setting.longest;
      return long ? { fault: t("wrong", { should: limits(setting) }) } : { value: text };
    }
  }
}

function number(setting: Setting, text: string): { value: unknown } | { fault: string } {
  const value = Number(text);
  const { minimum, maximum, above, below } = setting;
  const fits = text.trim() !== "" && Number.isFinite(value) && (setting.kind === "float" || Number.isSafeInteger(value))
    && value >= (minimum ?? -Infinity) && value <= (maximum ?? Infinity)
    && (above === null || value > above) && (below === null || value < below);
  return fits ? { value } : { fault: t("wrong", { should: limits(setting) }) };
}

function json(text: string): { value: unknown } | { fault: string } {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    return { fault: t("noJson", { why: error instanceof Error ? error.message : String(error) }) };
  }
}

/** The setting that a refusal of the hub names, if it is one of these. */
export function named(message: string, settings: readonly Setting[]): string | null {
  const name = /^(?:\[plugins\.[^\]]*\]: )?(?:the setting ')?([\w-]+)/.exec(message)?.[1];
  return settings.find((one) => one.name === name)?.name ?? null;
}
