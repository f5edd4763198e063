/** Light, dark, or what the system says. */
import { Store } from "./store.js";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "gotapi-console-theme";

function chosen(): Theme {
  return THEMES.find((one) => one === localStorage.getItem(KEY)) ?? "system";
}

export const theme = new Store<Theme>(chosen());

/** Changes the look, and keeps it for the next visit. */
export function setTheme(to: Theme): void {
  localStorage.setItem(KEY, to);
  theme.set(to);
  showTheme();
}

/** Marks the page with the look; called once at the start. */
export function showTheme(): void {
  document.documentElement.dataset["theme"] = theme.value;
}

/** The colour that a variable of the style sheet has now, for canvases: `colour("--accent")`. */
export function colour(name: `--${string}`): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
