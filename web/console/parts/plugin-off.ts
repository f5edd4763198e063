/** What a page shows in place of its own when the plug-in that it is for does not run. */
import { html, type TemplateResult } from "lit";
import type { HubState } from "../core/model.js";
import { href } from "../core/pages.js";
import { words } from "../core/words.js";
import { said } from "./said.js";
import { empty, loading } from "./states.js";

const t = words({
  off: ["The plug-in “{name}” does not run", "プラグイン「{name}」は動作していません"],
  starting: ["The plug-in “{name}” is starting…", "プラグイン「{name}」を起動中…"],
  look: ["See Plug-ins", "「プラグイン」を開く"],
});

const COMING = ["found", "starting", "suspended"];

/** Says that a plug-in is off or starts, and why; null where it runs or there is none of that id. */
export function pluginOff(state: HubState | null, id: string): TemplateResult | null {
  const plugin = state?.plugins.find((one) => one.id === id);
  if (plugin === undefined || plugin.state === "ready") return null;
  const name = said(plugin.name);
  if (COMING.includes(plugin.state)) return loading(t("starting", { name }));
  return empty(t("off", { name }), plugin.reason, html`<a href=${href("plugins")}>${t("look")}</a>`);
}
