/** All services, live. */
import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { hubState } from "../../core/live.js";
import type { ServiceView } from "../../core/model.js";
import { Part } from "../../core/part.js";
import { number } from "../../core/words.js";
import { empty } from "../../parts/states.js";
import { said } from "../../parts/said.js";
import { t } from "./text.js";

const MOST = 200; // rows at once; with thousands of services one searches

class Services extends Part {
  #text = "";

  protected override render() {
    const services = this.watch(hubState)?.services ?? [];
    if (services.length === 0) return empty(t("none"), t("noneText"));
    const matching = services.filter((one) => matches(one, this.#text.trim().toLowerCase()));
    const online = services.filter((one) => one.online).length;
    return html`
      <p class="soft">${t("intro")}</p>
      <div class="row-of">
        <p>${t("count", { count: services.length, online: number(online) })}</p>
        <input type="search" aria-label=${t("filter")} placeholder=${t("filter")}
          .value=${this.#text} @input=${this.#onInput}>
      </div>
      ${matching.length === 0 ? empty(t("noMatch", { text: this.#text })) : nothing}
      <ul class="cards">
        ${repeat(matching.slice(0, MOST), (one) => one.id, card)}
      </ul>
      ${matching.length > MOST ? html`<p class="soft">${t("shown", { count: MOST })}</p>` : nothing}
    `;
  }

  #onInput(event: Event): void {
    this.#text = (event.currentTarget as HTMLInputElement).value;
    this.requestUpdate();
  }
}
customElements.define("page-services", Services);

function matches(one: ServiceView, text: string): boolean {
  return [one.name, said(one.name), one.id, one.type, one.plugin, ...one.scopes].some((part) =>
    part.toLowerCase().includes(text));
}

function card(one: ServiceView) {
  return html`<li class="card service" data-online=${one.online}>
    <div class="head">
      <h2><bdi>${said(one.name)}</bdi></h2>
      <span class="state" data-tone=${one.online ? "good" : "off"}>
        ${one.online ? t("online") : t("offline")}</span>
    </div>
    <p class="soft">${one.type ? html`<bdi>${one.type}</bdi> · ` : nothing}<bdi>${t("by", { plugin: said(one.plugin) })}</bdi></p>
    ${!one.online && one.reason ? html`<p class="reason"><bdi>${one.reason}</bdi></p>` : nothing}
    <p class="chips">${one.scopes.map((scope) => html`<code>${scope}</code>`)}</p>
    <p class="soft"><code><bdi>${one.id}</bdi></code></p>
  </li>`;
}
