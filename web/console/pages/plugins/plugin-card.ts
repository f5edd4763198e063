/** One plug-in. */
import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { property } from "lit/decorators.js";
import { link } from "../../core/live.js";
import type { PluginView } from "../../core/model.js";
import { act, read } from "../../core/operator.js";
import { Part } from "../../core/part.js";
import { date } from "../../core/words.js";
import { confirmed } from "../../parts/confirm.js";
import "../../parts/guarded.js";
import { inWords } from "../../parts/states.js";
import { tell } from "../../parts/toast.js";
import "./plugin-settings.js";
import { stateWords, tone } from "./states.js";
import { said, saidRight } from "../../parts/said.js";
import { t } from "./text.js";

interface Log {
  readonly detail: string;
  readonly lines: readonly { readonly time: number; readonly level: string; readonly text: string }[];
}

class PluginCard extends Part {
  @property({ attribute: false }) plugin!: PluginView;

  #busy = false;
  #problem = "";
  #log: string | null = null;
  #open = false;
  #set = false; // whether the settings were looked at; then they stay, with what is typed

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has("plugin") && this.#open) void this.#readLog(); // it may be at its next fault
  }

  protected override render(): TemplateResult {
    const { id, name, version, state, bundled, reason } = this.plugin;
    const asks = state === "pending" && this.plugin.digest !== "";
    const heading = `plugin-${id}`;
    return html`<article class="card plugin" data-asks=${asks} aria-labelledby=${heading}>
      <div class="head"><h2 id=${heading}><bdi>${said(name)}</bdi></h2>
        <span class="state" data-tone=${tone(state)}>${stateWords(state)}</span></div>
      <p class="soft"><code>${id}</code> <bdi>${version}</bdi> · ${bundled ? t("bundled") : t("others")}</p>
      ${reason && !asks ? html`<p class="reason"><bdi>${reason}</bdi></p>` : nothing}
      ${asks ? this.#question() : this.#rights()}
      ${this.#problem ? html`<p class="reason" role="alert">${this.#problem}</p>` : nothing}
      ${this.#open ? html`<pre tabindex="0" aria-label=${t("details")}>${this.#log || t("noLog")}</pre>` : nothing}
      <details @toggle=${this.#unfold}><summary>${t("settings")}</summary>
        ${this.#set ? html`<plugin-settings .plugin=${this.plugin}></plugin-settings>` : nothing}
        <p class="soft">${t("settingsText", { id })}</p></details>
      ${this.#buttons(asks, heading)}
    </article>`;
  }

  #rights(): TemplateResult | typeof nothing {
    const { rights } = this.plugin;
    if (rights.length === 0) return nothing;
    return html`<details><summary>${t("may")} <small>(${rights.length})</small></summary>${list(rights.map(saidRight))}</details>`;
  }

  #question(): TemplateResult {
    const { rights, changes, runs } = this.plugin;
    return html`<div class="question">
      ${changes.length > 0 ? html`<h3>${t("changed")}</h3>${list(changes.map(saidRight))}` : nothing}
      <h3>${t("wants")}</h3>${list(rights.length > 0 ? rights.map(saidRight) : [t("nothing")])}
      <p>${t("runs")} <code><bdi>${runs}</bdi></code></p>
      <p class="soft">${t("trust")}</p>
    </div>`;
  }

  #buttons(asks: boolean, heading: string): TemplateResult {
    const { id, name, state, bundled, decided, digest } = this.plugin;
    const able = this.watch(link).state === "live" && !this.#busy;
    const runs = ["ready", "starting", "suspended"].includes(state);
    const off = ["stopped", "failed", "quarantined"].includes(state);
    const button = (label: string, press: () => unknown) => html`<button type="button" class="quiet"
      aria-describedby=${heading} ?disabled=${!able} @click=${press}>${label}</button>`;
    return html`<div class="buttons">
      ${button(this.#open ? t("hide") : t("details"), () => this.#toggle())}
      ${runs
        ? button(t("off"), () => this.#sure("off", "plugin-disable"))
        : nothing}
      ${off ? button(t("on"), () => this.#decide("plugin-enable", { id })) : nothing}
      ${!bundled && decided && !asks ? button(t("revoke"), () => this.#sure("revoke", "plugin-revoke")) : nothing}
      ${asks
        ? html`<guarded-button kind="primary" .label=${t("approve")} .describedby=${heading} .allowed=${able}
            aria-label=${name} @press=${() => this.#decide("plugin-approve", { id, digest })}></guarded-button>`
        : nothing}
    </div>`;
  }

  async #sure(what: "off" | "revoke", action: string): Promise<void> {
    const { id, name } = this.plugin;
    const sure = await confirmed({
      title: t(`${what}Title`, { name }), text: t(`${what}Text`), action: t(what), danger: true,
    });
    if (sure) await this.#decide(action, { id });
  }

  async #decide(action: string, body: object): Promise<void> {
    this.#busy = true;
    this.#problem = "";
    this.requestUpdate();
    try {
      const { state } = await act<{ state: string }>(`api/${action}`, body);
      tell(t("now", { name: this.plugin.name, state: stateWords(state) }));
    } catch (error) {
      this.#problem = inWords(error);
    }
    this.#busy = false;
    this.requestUpdate();
  }

  #toggle(): void {
    this.#open = !this.#open;
    this.requestUpdate();
    if (this.#open) void this.#readLog();
  }

  readonly #unfold = (event: Event): void => {
    const { open } = event.currentTarget as HTMLDetailsElement;
    this.toggleAttribute("data-wide", open);
    if (open && !this.#set) {
      this.#set = true;
      this.requestUpdate();
    }
  };

  async #readLog(): Promise<void> {
    try {
      const { detail, lines } = await read<Log>(`api/plugin?id=${encodeURIComponent(this.plugin.id)}`);
      const told = [...lines.map(inOneLine), ...(detail ? [detail] : [])].join("\n");
      this.#log = told || this.#log; // what was read stays while it is started again
    } catch (error) {
      this.#problem = inWords(error);
    }
    this.requestUpdate();
  }
}
customElements.define("plugin-card", PluginCard);

function inOneLine(line: Log["lines"][number]): string {
  return `${date(line.time, true)} ${line.level} ${line.text}`;
}

function list(texts: readonly string[]): TemplateResult {
  return html`<ul class="points">${texts.map((text) => html`<li><bdi>${text}</bdi></li>`)}</ul>`;
}
