/** Draw a figure, have a model made of it, look at it, print it. */
import { html, nothing } from "lit";
import { came, hubState } from "../../core/live.js";
import type { ServiceView } from "../../core/model.js";
import { href } from "../../core/pages.js";
import { Part } from "../../core/part.js";
import { number, span } from "../../core/words.js";
import type { ModelView } from "../../parts/model-view.js";
import { pluginOff } from "../../parts/plugin-off.js";
import { empty, inWords, loading, problem } from "../../parts/states.js";
import { said } from "../../parts/said.js";
import { tell } from "../../parts/toast.js";
import "./board.js";
import { guidesOf, type Guides } from "./guide.js";
import { BUSY, cancel, fetched, make, making, print, PROFILE, templates, type Making, type Template, type View } from "./making.js";
import "./style.css";
import { t } from "./text.js";

const FIRST = "human-male-child"; // the template that is chosen first: its head is easy to draw
const KINDS = ["human", "elf", "orc"] as const;
const SEXES = ["male", "female"] as const;

class Create extends Part {
  #service = "";
  #templates: readonly Template[] | null = null;
  #failure: unknown = null;
  #template = "";
  #guides: Guides | null = null;
  #guideFailure: unknown = null;
  #came = came.value;
  #guided: Template | undefined; // whose guides these are
  #guide = true;
  #height = 60;
  #style: number | null = null;
  #foot = true;
  #drawn: ReadonlySet<View> = new Set();
  #shown = "";
  #loaded = false;

  protected override render() {
    const state = this.watch(hubState);
    const services = (state?.services ?? []).filter((one) => one.scopes.includes(PROFILE));
    const online = services.filter((one) => one.online);
    const now = this.watch(making);
    if (online.length === 0 && now.state === "idle" && this.#templates === null) {
      return pluginOff(state, "creation") ?? empty(t("none"), t("noneText"));
    }
    this.#choose(online);
    if (this.watch(came) !== this.#came && this.#guideFailure !== null) this.#guided = undefined;
    this.#came = came.value;
    this.#guideIt();
    return html`<p class="soft">${t("intro")}</p>
      <div class="studio">
        <section class="card" aria-label=${t("views")}>
          <drawing-board .guide=${{ guides: this.#guides, words: this.#aboutGuides(), shown: this.#guide }}
            .changed=${() => void this.#look()}></drawing-board>
        </section>
        <div class="stack-wide">
          <section class="card">${this.#options(online)}</section>
          <section class="card result" aria-labelledby="model-title" aria-busy=${BUSY.includes(now.state)}>
            <h2 id="model-title">${t("model")}</h2>
            ${this.#progress(now)}
            <div class="stage" ?hidden=${now.model === ""}></div>
            ${now.model === "" && now.state === "idle" ? html`<p class="soft">${t("modelNone")}</p>` : nothing}
            ${now.state === "done" ? this.#result(now) : nothing}
          </section>
        </div>
      </div>`;
  }

  protected override updated(): void {
    void this.#show(making.value);
  }

  #choose(online: readonly ServiceView[]): void {
    if (online.some((one) => one.id === this.#service)) return;
    const service = (online.find((one) => one.id.startsWith("embedded.")) ?? online[0])?.id ?? "";
    if (service === "" || (service === this.#service && this.#failure !== null)) return;
    this.#service = service;
    this.#load();
  }

  #load(): void {
    this.#failure = this.#guideFailure = null;
    this.#templates = null;
    const service = this.#service;
    templates(service).then(
      (found) => {
        if (service !== this.#service) return;
        this.#templates = found;
        this.#template = String((this.#current() ?? found.find((one) => one.name === FIRST) ?? found[0])?.templateId ?? "");
      },
      (error: unknown) => { this.#failure = error; },
    ).finally(() => this.requestUpdate());
  }

  #current(): Template | undefined {
    return this.#templates?.find((one) => String(one.templateId) === this.#template);
  }

  /** Fetches the guides of the template that is chosen, once. */
  #guideIt(): void {
    const template = this.#current();
    if (template === undefined || template === this.#guided) return;
    this.#guided = template;
    this.#guides = this.#guideFailure = null;
    const mine = (then: () => void) => () => {
      if (template !== this.#guided) return;
      then();
      this.requestUpdate();
    };
    guidesOf(template).then(
      (found) => mine(() => { this.#guides = found; })(),
      (error: unknown) => mine(() => { this.#guideFailure = error; })(),
    );
  }

  #aboutGuides() {
    if (this.#guided === undefined) return nothing;
    if (this.#guideFailure !== null) {
      return html`<p class="soft" role="status">${t("guideFailed")} <bdi>${inWords(this.#guideFailure)}</bdi>
        <button type="button" class="quiet" @click=${() => this.#load()}>${t("guideAgain")}</button></p>`;
    }
    return html`<p class="soft" role="status">${this.#guides === null ? t("guideComing") : t("guideNone")}</p>`;
  }

  #options(online: readonly ServiceView[]) {
    if (this.#failure !== null) return problem(this.#failure, () => { this.#load(); this.requestUpdate(); });
    if (this.#templates === null) return loading();
    const template = this.#current();
    const busy = BUSY.includes(making.value.state);
    return html`<form class="options" @submit=${this.#make}>
      ${online.length > 1
        ? html`<label>${t("service")}<select @change=${(event: Event) => { this.#service = value(event); this.#load(); this.requestUpdate(); }}>
            ${online.map((one) => html`<option value=${one.id} ?selected=${one.id === this.#service}>${one.name}</option>`)}</select></label>`
        : nothing}
      <label>${t("template")}<select @change=${(event: Event) => { this.#template = value(event); this.#style = null; this.requestUpdate(); }}>
        ${this.#templates.map((one) => html`<option value=${one.templateId}
          ?selected=${String(one.templateId) === this.#template}>${nameOf(one)}</option>`)}</select></label>
      <label>${t("height")}<input type="number" min="10" max="500" .value=${String(this.#height)}
        @change=${(event: Event) => { this.#height = Number(value(event)) || this.#height; }}></label>
      <label><span>${t("head")} <span class="soft">${number(this.#style ?? template?.style ?? 0.15, { maximumFractionDigits: 2 })}</span></span>
        <input type="range" min="0.08" max="0.5" step="0.01" .value=${String(this.#style ?? template?.style ?? 0.15)}
          @input=${(event: Event) => { this.#style = Number(value(event)); this.requestUpdate(); }}></label>
      <label class="choice"><input type="checkbox" .checked=${this.#foot}
        @change=${(event: Event) => { this.#foot = (event.currentTarget as HTMLInputElement).checked; }}>${t("foot")}</label>
      <label class="choice"><input type="checkbox" .checked=${this.#guide}
        @change=${(event: Event) => { this.#guide = (event.currentTarget as HTMLInputElement).checked; this.requestUpdate(); }}>${t("showGuide")}</label>
      <div class="buttons">
        <button type="submit" class="primary" aria-disabled=${busy || this.#missing() !== ""}>
          ${making.value.state === "done" ? t("again") : t("make")}</button>
        ${busy ? html`<button type="button" @click=${giveUp}>${t("cancel")}</button>` : nothing}
      </div>
      ${this.#missing() === "" ? nothing : html`<p class="soft">${this.#missing()}</p>`}
    </form>`;
  }

  #missing(): string {
    if (!this.#drawn.has("front")) return t("needFront");
    return this.#drawn.has("back") && !this.#drawn.has("right") ? t("needRight") : "";
  }

  async #look(): Promise<void> {
    const drawings = await this.querySelector("drawing-board")?.drawings();
    this.#drawn = new Set(drawings?.keys());
    this.requestUpdate();
  }

  readonly #make = async (event: Event): Promise<void> => {
    event.preventDefault();
    const board = this.querySelector("drawing-board");
    if (board === null || this.#missing() !== "" || BUSY.includes(making.value.state)) return;
    await make(this.#service, await board.drawings(), {
      templateId: Number(this.#template), height: this.#height, foot: this.#foot, style: this.#style,
    });
  };

  #progress(now: Making) {
    if (now.state === "idle") return nothing;
    if (now.state === "failed") return problem(now.error);
    if (now.state === "cancelled") return html`<p class="soft">${t("cancelled")}</p>`;
    const left = now.estimate !== null && now.estimate >= 1 && now.state === "running"
      ? html`<small>${t("left", { time: span(now.estimate) })}</small>` : nothing;
    return html`<p role="status"><strong>${t(now.state)}</strong> ${left}</p>
      ${now.state === "done" ? nothing : html`<progress max="1" .value=${now.progress} aria-label=${t("running")}></progress>
        <p class="soft"><bdi>${said(now.stage)}</bdi></p>`}`;
  }

  /** Shows the preview as soon as there is one, then the model, from the same side. */
  async #show(now: Making): Promise<void> {
    if (now.model === this.#shown) return;
    this.#shown = now.model;
    const stage = this.querySelector(".stage");
    if (now.model === "" || stage === null) return;
    try {
      await import("../../parts/model-view.js");
      const view = (stage.querySelector("model-view") ?? document.createElement("model-view")) as ModelView;
      if (!view.isConnected) stage.append(view);
      const glb = await fetched(now.model);
      if (view.works && now.model === this.#shown) {
        await view.show(glb, this.#loaded);
        this.#loaded = true;
        view.dataset["shown"] = now.state;
      }
    } catch (error) {
      tell(inWords(error), "bad");
    }
  }

  #result(now: Making) {
    const printers = (hubState.value?.services ?? []).filter((one) => one.scopes.includes("3dp") && one.online);
    return html`
      ${printers.length === 0 ? html`<p class="soft">${t("noPrinter")}</p>` : html`
        <form class="buttons" @submit=${(event: Event) => this.#print(event, printers)}>
          ${printers.length > 1 ? html`<label>${t("printer")} <select name="printer">${printers.map((one) =>
            html`<option value=${one.id}>${one.name}</option>`)}</select></label>` : nothing}
          <button type="submit" class="primary">${t("print")}</button>
          <a class="button" href=${href("printers", printers[0]?.id)}>${t("toPrinter")}</a>
        </form>`}
      <div class="buttons">
        ${hubState.value?.services.some((one) => one.scopes.includes("3dps"))
          ? html`<a class="button" href=${href("scenes", now.layer)}>${t("look")}</a>` : nothing}
        ${now.files.map((one) => html`<a class="button" href=${one.url}
        download="figure.${one.format}">${t("save", { format: one.format.toUpperCase() })}</a>`)}</div>`;
  }

  async #print(event: Event, printers: readonly ServiceView[]): Promise<void> {
    event.preventDefault();
    const chosen = new FormData(event.currentTarget as HTMLFormElement).get("printer");
    const printer = printers.find((one) => one.id === chosen) ?? printers[0];
    if (printer === undefined) return;
    try {
      const template = this.#current();
      const name = template && t("printName", { template: nameOf(template), height: this.#height });
      await print(printer.id, name);
      tell(t("printed", { printer: printer.name }));
    } catch (error) {
      tell(inWords(error), "bad");
    }
  }
}
customElements.define("page-create", Create);

function value(event: Event): string {
  return (event.currentTarget as HTMLInputElement | HTMLSelectElement).value;
}

/** A template in the user's words, where it is of a kind that these know. */
function nameOf({ name, species, gender, age }: Template): string {
  const kind = KINDS.find((one) => one === species.toLowerCase());
  const sex = SEXES.find((one) => one === gender.toLowerCase());
  const own = name === undefined || name.startsWith(`${species}-${gender}-`.toLowerCase());
  if (!own) return name;
  if (kind === undefined || sex === undefined) return name ?? `${species} ${gender} ${age}`;
  return t("templateName", { kind: t(kind), sex: t(sex), age: t("years", { count: age }) });
}

function giveUp(): void {
  cancel().catch((error: unknown) => tell(inWords(error), "bad"));
}
