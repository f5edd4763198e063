/** Plug-ins: how each one is, what it may reach, its log, and the operator's decisions. */
import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { hubState } from "../../core/live.js";
import type { PluginView } from "../../core/model.js";
import { Part } from "../../core/part.js";
import { empty } from "../../parts/states.js";
import "./plugin-card.js";
import "./style.css";
import { t } from "./text.js";

class Plugins extends Part {
  protected override render() {
    const plugins = [...(this.watch(hubState)?.plugins ?? [])].sort((a, b) => waits(b) - waits(a));
    return html`<p class="soft">${t("intro")}</p>
      ${plugins.length === 0 ? empty(t("none"), t("noneText")) : nothing}
      <div class="cards">
        ${repeat(plugins, (one) => one.id, (one) => html`<plugin-card .plugin=${one}></plugin-card>`)}
      </div>`;
  }
}
customElements.define("page-plugins", Plugins);

function waits(plugin: PluginView): number {
  return plugin.state === "pending" && plugin.digest ? 1 : 0;
}
