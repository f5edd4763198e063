/** The settings of one plug-in: what each is, where it comes from, and changing it. */
import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { property } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import { came, link } from "../../core/live.js";
import type { PluginView } from "../../core/model.js";
import { act, read, Refused } from "../../core/operator.js";
import { Part } from "../../core/part.js";
import { confirmed } from "../../parts/confirm.js";
import { inWords, loading, problem } from "../../parts/states.js";
import { tell } from "../../parts/toast.js";
import { changes, type Draft, draftsOf, meant, named, type Setting, type SettingsView, shownText, textOf } from "./settings-model.js";
import { kindWords, limits, purpose, t } from "./settings-text.js";
import { stateWords } from "./states.js";

const LINES = 14; // rows of the longest text area

interface Done {
  readonly state: string;
  readonly reason: string;
  readonly waits: string;
}

class PluginSettings extends Part {
  @property({ attribute: false }) plugin!: PluginView;

  #view: SettingsView | null = null;
  #failure: unknown;
  #busy = false;
  #problem = "";
  #faults = new Map<string, string>();
  #state = "";
  #came = came.value;
  #reading = 0;

  protected override willUpdate(changed: PropertyValues): void {
    // The state of the hub comes several times a minute; only a new start may bring other values.
    if (changed.has("plugin") && this.plugin.state !== this.#state) {
      this.#state = this.plugin.state;
      if (!this.#busy) void this.#load();
    }
  }

  protected override render(): TemplateResult {
    if (this.watch(came) !== this.#came) {
      this.#came = came.value;
      void this.#load();
    }
    const view = this.#view;
    if (view === null) return this.#failure ? problem(this.#failure, () => void this.#load()) : loading();
    const { file, id, known, settings, restarts } = view;
    const drafts = this.#drafts(view);
    const outdated = settings.some((one) => one.outdated) && !view.problem;
    return html`<div class="settings">
      ${view.problem ? html`<p class="reason" role="alert"><bdi>${view.problem}</bdi></p>` : nothing}
      ${view.refusal ? html`<p class="reason"><bdi>${view.refusal}</bdi></p>` : nothing}
      ${known ? nothing : html`<p class="soft">${t("raw")}</p>`}
      ${known && settings.length === 0 ? html`<p>${t("none")}</p>` : nothing}
      ${outdated
        ? html`<div class="outdated"><p>${t("outdatedAll")}</p>
            <button type="button" class="quiet" ?disabled=${!this.#able} @click=${() => void this.#save(view, new Map())}>${t("take")}</button></div>`
        : nothing}
      <div class="fields">${settings.map((one, place) => this.#setting(one, place, drafts))}</div>
      ${known || view.refusal ? nothing : this.#adding(drafts)}
      ${this.#problem ? html`<p class="reason" role="alert"><bdi>${this.#problem}</bdi></p>` : nothing}
      ${settings.length > 0 || !known
        ? html`<p class="soft"><bdi>${t("where", { file, id })}</bdi> ${restarts ? t("restarts") : t("later")}</p>
          <div class="buttons">
            <button type="button" class="primary" ?disabled=${drafts.size === 0 || !this.#able}
              @click=${() => void this.#save(view, drafts)}>${t("save")}</button>
            <button type="button" class="quiet" ?disabled=${drafts.size === 0} @click=${this.#discard}>${t("discard")}</button>
            <span class="soft" role="status">${drafts.size > 0 ? t("pending", { count: drafts.size }) : nothing}</span>
          </div>`
        : nothing}
    </div>`;
  }

  get #able(): boolean {
    return this.watch(link).state === "live" && !this.#busy;
  }

  /** What was typed; what has come to be so in the meantime is forgotten. */
  #drafts(view: SettingsView): Map<string, Draft> {
    const drafts = draftsOf(this.plugin.id);
    for (const [name, draft] of drafts) {
      const setting = view.settings.find((one) => one.name === name);
      const stale = setting ? !changes(setting, draft) || setting.source === "command" : view.known || draft === null;
      if (stale) drafts.delete(name);
    }
    return drafts;
  }

  #setting(setting: Setting, place: number, drafts: ReadonlyMap<string, Draft>): TemplateResult {
    const { name, source, by } = setting;
    const id = `set-${this.plugin.id}-${place}`;
    const draft = drafts.get(name);
    const changed = drafts.has(name);
    const fault = this.#faults.get(name);
    return html`<div class="setting" data-changed=${changed} data-wide=${textOf(setting, setting.value).includes("\n")}>
      <div class="head"><label for=${id}><code>${name}</code></label>
        ${changed
          ? html`<span class="state" data-tone="busy">${t("draft")}</span>`
          : html`<span class="state" data-tone=${source === "file" ? "good" : "off"}>${t(source)}</span>`}</div>
      <p class="soft" id="${id}-help">${this.#help(setting)}</p>
      ${this.#input(setting, id, draft, fault !== undefined)}
      <p class="reason" id="${id}-fault" role="alert">${fault ? html`<bdi>${fault}</bdi>` : nothing}</p>
      ${source === "command" ? html`<p class="soft">${t("given", { by })}</p>` : this.#ways(setting, changed)}
    </div>`;
  }

  #help(setting: Setting): TemplateResult {
    const said = purpose(this.plugin.id, this.plugin.bundled, setting);
    const plain = setting.kind === "int" || setting.kind === "float" || setting.longest !== null;
    return html`${said ? html`<bdi>${said}</bdi> ` : nothing}
      ${plain ? html`(${limits(setting)}) ` : nothing}
      ${setting.kind === "json" && !this.#fixed(setting) ? html`<bdi>${t("json", { should: kindWords(setting.should) || t("anything") })}</bdi> ` : nothing}
      ${setting.kind === "json" && JSON.stringify(setting.value ?? "").includes('"***') ? t("stands") : nothing}
      ${setting.default !== undefined && setting.source !== "default" ? html`<span>${t("isDefault", { value: short(setting) })}</span> ` : nothing}
      ${setting.required ? t("needed") : nothing}
      ${setting.known ? nothing : t("unknown")}
      ${setting.outdated ? html`<em>${t("outdated")}</em>` : nothing}`;
  }

  #ways(setting: Setting, changed: boolean): TemplateResult | typeof nothing {
    const { name } = setting;
    const way = (label: string, press: () => void) => html`<button type="button" class="quiet" aria-label="${name}: ${label}"
      @click=${press}>${label}</button>`;
    if (changed) return way(t("undo"), () => this.#type(name, undefined));
    if (setting.source !== "file" || setting.required || this.#view?.refusal) return nothing;
    const bare = setting.default === undefined && !setting.secret;
    return way(bare ? t("remove") : t("reset"), () => this.#type(name, null));
  }

  #fixed(setting: Setting): boolean {
    return setting.source === "command" || !setting.known || Boolean(this.#view?.refusal);
  }

  #input(setting: Setting, id: string, draft: Draft | undefined, wrong: boolean): TemplateResult {
    const { name, kind, secret } = setting;
    const text = shownText(setting, draft);
    const fixed = this.#fixed(setting);
    const about = `${id}-help ${id}-fault`;
    const typed = (event: Event) => this.#type(name, (event.currentTarget as HTMLInputElement).value);
    if (kind === "bool") {
      const on = text === "true";
      return html`<span class="choice"><input type="checkbox" role="switch" id=${id} aria-describedby=${about} ?disabled=${fixed}
        .checked=${live(on)} @change=${(event: Event) => this.#type(name, String((event.currentTarget as HTMLInputElement).checked))}>
        <span aria-hidden="true">${on ? t("on") : t("off")}</span></span>`;
    }
    if (kind === "choice") {
      return html`<select id=${id} aria-invalid=${wrong} aria-describedby=${about} ?disabled=${fixed} @change=${typed}>
        ${setting.choices.includes(text) ? nothing : html`<option value=${text} disabled .selected=${live(true)}>${text}</option>`}
        ${setting.choices.map((one) => html`<option value=${one} .selected=${live(one === text)}>${one || t("emptyChoice")}</option>`)}
      </select>`;
    }
    if (secret) {
      return html`<input type="password" autocomplete="new-password" id=${id} aria-invalid=${wrong} aria-describedby=${about} ?disabled=${fixed}
        placeholder=${setting.isSet && draft !== null ? t("isSet") : t("notSet")} .value=${live(draft ?? "")} @input=${typed}>`;
    }
    if (kind === "json" || long(setting)) {
      const rows = Math.min(LINES, Math.max(kind === "json" ? 1 : 2, text.split("\n").length));
      return html`<textarea id=${id} rows=${rows} class=${kind === "json" ? "code" : ""} spellcheck="false" dir="auto" aria-invalid=${wrong}
        aria-describedby=${about} ?disabled=${fixed} .value=${live(text)} @input=${typed}></textarea>`;
    }
    const numeric = kind === "int" ? "numeric" : kind === "float" ? "decimal" : "text";
    return html`<input type="text" inputmode=${numeric} id=${id} dir="auto" autocomplete="off" spellcheck="false" aria-invalid=${wrong}
      aria-describedby=${about} ?disabled=${fixed} .value=${live(text)} @input=${typed}>`;
  }

  /** For a plug-in that did not say what can be set. */
  #adding(drafts: ReadonlyMap<string, Draft>): TemplateResult {
    const id = `set-${this.plugin.id}-new`;
    const fresh = [...drafts].filter(([name]) => !this.#view?.settings.some((one) => one.name === name));
    return html`${fresh.map(([name, value]) => html`<p class="head"><span><code>${name}</code> = <bdi>${value}</bdi></span>
        <button type="button" class="quiet" aria-label="${name}: ${t("undo")}" @click=${() => this.#type(name, undefined)}>${t("undo")}</button></p>`)}
      <fieldset class="adding"><legend>${t("add")}</legend>
        <label for="${id}-name">${t("addName")}</label><input type="text" id="${id}-name" autocomplete="off">
        <label for="${id}-value">${t("addValue")}</label><input type="text" id="${id}-value" autocomplete="off" aria-describedby="${id}-help">
        <p class="soft" id="${id}-help">${t("addHelp")}</p>
        <button type="button" class="quiet" @click=${this.#add}>${t("add")}</button>
      </fieldset>`;
  }

  readonly #add = (): void => {
    const [name, value] = this.querySelectorAll<HTMLInputElement>(".adding input");
    if (!name?.value.trim() || !value) {
      name?.focus();
      return;
    }
    this.#type(name.value.trim(), value.value);
    name.value = value.value = "";
    name.focus();
  };

  #type(name: string, draft: Draft | undefined): void {
    const drafts = draftsOf(this.plugin.id);
    if (draft === undefined) drafts.delete(name);
    else drafts.set(name, draft);
    this.#faults.delete(name);
    this.requestUpdate();
  }

  readonly #discard = (): void => {
    draftsOf(this.plugin.id).clear();
    this.#faults.clear();
    this.#problem = "";
    this.requestUpdate();
  };

  async #load(): Promise<void> {
    this.#reading += 1;
    const mine = this.#reading;
    try {
      const view = await read<SettingsView>(`api/plugin-settings?id=${encodeURIComponent(this.plugin.id)}`);
      if (mine === this.#reading) this.#view = view;
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error;
    }
    this.requestUpdate();
  }

  /** Sends what was typed; where something is wrong with it, says so beside it and keeps it. */
  async #save(view: SettingsView, drafts: ReadonlyMap<string, Draft>): Promise<void> {
    const set: Record<string, unknown> = {};
    this.#faults.clear();
    for (const [name, draft] of drafts) {
      if (draft === null) continue;
      const setting = view.settings.find((one) => one.name === name);
      const found = setting ? meant(setting, draft) : { value: guessed(draft) };
      if ("fault" in found) this.#faults.set(name, found.fault);
      else set[name] = found.value;
    }
    if (this.#faults.size > 0) {
      this.#complain(t("fix"));
      return;
    }
    const unset = [...drafts].filter(([, draft]) => draft === null).map(([name]) => name);
    await this.#send({ id: view.id, revision: view.revision, set, unset }, view);
  }

  async #send(body: object, view: SettingsView): Promise<void> {
    this.#busy = true;
    this.#problem = "";
    this.requestUpdate();
    let again = false;
    try {
      const { state, waits } = await act<Done>("api/plugin-set", body);
      draftsOf(view.id).clear();
      tell(waits ? t("savedOnly") : t("saved", { name: this.plugin.name, state: stateWords(state) }));
    } catch (error) {
      again = await this.#refused(error, view);
    }
    this.#busy = false;
    if (again) await this.#send({ ...body, sure: true }, view);
    else await this.#load();
  }

  /** Says why it was refused; returns whether the user wants it all the same. */
  async #refused(error: unknown, view: SettingsView): Promise<boolean> {
    const message = inWords(error);
    if (error instanceof Refused && error.status === 409) {
      const title = t("anyway", { name: this.plugin.name });
      return confirmed({ title, text: message, action: t("restart"), danger: true });
    }
    const name = error instanceof Refused && error.status === 400 ? named(message, view.settings) : null;
    if (name !== null) this.#faults.set(name, message);
    this.#complain(name === null ? message : t("fix"));
    return false;
  }

  #complain(text: string): void {
    this.#problem = text;
    this.requestUpdate();
    void this.updateComplete.then(() => this.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
  }
}
customElements.define("plugin-settings", PluginSettings);

/** By what is saved: an input that turned into another one while somebody types would lose the focus. */
function long(setting: Setting): boolean {
  const text = textOf(setting, setting.value);
  return setting.kind === "text" && (text.length > 60 || text.includes("\n") || (setting.longest ?? 0) > 1000);
}

function short(setting: Setting): string {
  if (setting.kind === "bool") return setting.default ? t("on") : t("off");
  const text = typeof setting.default === "string" ? setting.default : JSON.stringify(setting.default);
  return text === "" ? t("nothing") : text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** What a value means that no setting says the kind of. */
function guessed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
