/** Printers: what they do, and what they are told. */
import { html, nothing } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { hubNow, hubState } from "../../core/live.js";
import type { ServiceView } from "../../core/model.js";
import { href, navigate } from "../../core/pages.js";
import { Part } from "../../core/part.js";
import { ask } from "../../parts/devices.js";
import { confirmed } from "../../parts/confirm.js";
import { pluginOff } from "../../parts/plugin-off.js";
import { empty, inWords, loading, problem } from "../../parts/states.js";
import { tell } from "../../parts/toast.js";
import { HUES } from "./chart.js";
import { cardJob } from "./card.js";
import "./gcode-console.js";
import "./past.js";
import "./print-file.js";
import "./queue.js";
import "./style.css";
import { follow, PROFILE, type Follow } from "./follow.js";
import { BED, current, type Job, type Prompt, type Status } from "./model.js";
import { t } from "./text.js";
import { degrees, duration, nameOf, readingWords, sensorWord, sourceWords, stateWord, tone } from "./words-of.js";

const SPANS = [[300, "minutes5"], [3600, "hour"], [86_400, "day"]] as const;

class Printers extends Part {
  rest = "";
  #seconds: number = SPANS[0][0];
  #last: ServiceView | undefined;

  protected override render() {
    const state = this.watch(hubState);
    const printers = (state?.services ?? []).filter((one) => one.scopes.includes(PROFILE));
    const chosen = this.#choice(printers);
    if (chosen === undefined) return pluginOff(state, "printer") ?? empty(t("none"), t("noneText"));
    return html`
      ${printers.length > 1 ? this.#chooser(printers, chosen) : nothing}
      ${keyed(chosen.id, this.#printer(chosen, follow(chosen.id)))}`;
  }

  /** The printer of the address, else the first; one that is shown stays when its plug-in restarts. */
  #choice(printers: readonly ServiceView[]): ServiceView | undefined {
    const last = this.rest === "" || this.rest === this.#last?.id ? this.#last : undefined;
    const found = printers.find((one) => one.id === (this.rest || last?.id));
    const gone = last && { ...last, online: false, reason: "" };
    return (this.#last = found ?? gone ?? printers[0]);
  }

  #chooser(printers: readonly ServiceView[], chosen: ServiceView) {
    const go = (event: Event) => {
      this.rest = (event.currentTarget as HTMLSelectElement).value;
      navigate(href("printers", this.rest));
    };
    return html`<label class="row-of">${t("choose")}
      <select @change=${go}>${printers.map((one) =>
        html`<option value=${one.id} ?selected=${one.id === chosen.id}>${one.name}</option>`)}</select></label>`;
  }

  #printer(service: ServiceView, printer: Follow) {
    const status = this.watch(printer.status);
    const failure = this.watch(printer.failure);
    const state = service.online ? (status?.operatingStatus ?? "connecting") : "offline";
    return html`<div class="printer" @dragover=${allowDrop} @drop=${(event: DragEvent) => this.#dropped(event)}>
      <header class="head">
        <h2 title=${service.name}><bdi>${service.name}</bdi></h2>
        <span class="state" data-tone=${tone(state)}>${stateWord(state)}</span>
        <button type="button" class="danger emergency" @click=${() => emergency(printer)}>
          ${t("emergency")}</button>
      </header>
      ${service.online ? nothing : html`<div class="banner" role="alert"><h3>${t("offline")}</h3>
        <p><bdi>${service.reason || t("offlineText")}</bdi></p></div>`}
      ${failure && service.online ? problem(failure, () => printer.start()) : nothing}
      ${status?.message && status.operatingStatus === "error"
        ? html`<p class="reason"><bdi>${status.message}</bdi></p>` : nothing}
      ${(status?.prompts ?? []).map((one) => question(printer, one))}
      ${status ? this.#body(printer, status) : failure || !service.online ? nothing : loading()}
    </div>`;
  }

  #body(printer: Follow, status: Status) {
    const card = (name: string, title: string, body: unknown) => html`
      <section class="card" aria-labelledby="${name}-title"><h3 id="${name}-title">${title}</h3>${body}</section>`;
    return html`<div class="boards">
      <div class="board">
        ${card("now", t("now"), job(printer, status))}
        ${card("queue", t("queue"), html`<print-queue .printer=${printer}></print-queue>`)}
        ${card("file", t("file"), html`<print-file .printer=${printer}></print-file>`)}
        ${this.watch(printer.hasCard)
          ? card("card", t("card"), html`<printer-card .printer=${printer}></printer-card>`) : nothing}
        ${card("past", t("history"), html`<print-history .printer=${printer}></print-history>`)}
      </div>
      <div class="board">
        <section class="card" aria-labelledby="heat-title">${this.#heat(printer, status)}</section>
        ${card("console", t("console"), html`<gcode-console .printer=${printer}></gcode-console>`)}
      </div>
    </div>`;
  }

  #heat(printer: Follow, status: Status) {
    const readings = status.temperatures ?? [];
    this.watch(printer.recalled);
    const names = printer.samples.names;
    void this.updateComplete.then(() => this.querySelector("temperature-chart")?.draw());
    return html`<div class="head"><h3 id="heat-title">${t("temperatures")}</h3>
        <label class="spoken" for="heat-span">${t("shown")}</label>
        <select id="heat-span" @change=${(event: Event) => this.#span(event)}>${SPANS.map(([seconds, name]) =>
          html`<option value=${seconds} ?selected=${seconds === this.#seconds}>${t(name)}</option>`)}</select></div>
      ${readings.length === 0 ? html`<p class="soft">${t("noTemperature")}</p>` : nothing}
      <ul class="readings">${readings.map((one) => html`<li>
        <span class="hue" data-hue=${(names.indexOf(one.sensor) % HUES.length) + 1} aria-hidden="true"></span>
        ${sensorWord(one.sensor)} <strong>${degrees(one.temperature)}</strong>
        <small>${one.target ? t("target", { target: degrees(one.target) }) : t("off")}</small></li>`)}</ul>
      <temperature-chart role="img" aria-label=${t("chartSays", { now: readings.map(readingWords).join(", ") })}
        .samples=${printer.samples} .seconds=${this.#seconds} .now=${hubNow}></temperature-chart>`;
  }

  #span(event: Event): void {
    this.#seconds = Number((event.currentTarget as HTMLSelectElement).value);
    this.requestUpdate();
  }

  #dropped(event: DragEvent): void {
    const file = event.dataTransfer?.files[0];
    if (file === undefined) return;
    event.preventDefault();
    void this.querySelector("print-file")?.take(file);
  }
}
customElements.define("page-printers", Printers);

function allowDrop(event: DragEvent): void {
  if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
}

/** One press, no question: what is asked first may come too late. */
async function emergency(printer: Follow): Promise<void> {
  try {
    await ask("PUT", PROFILE, "emergencystop", printer.id);
    tell(t("emergencyDone"), "bad");
  } catch (error) {
    tell(inWords(error), "bad");
  }
  printer.refresh();
}

async function order(printer: Follow, attribute: "pause" | "resume"): Promise<void> {
  try {
    await ask("PUT", PROFILE, attribute, printer.id);
  } catch (error) {
    tell(inWords(error), "bad");
  }
  printer.refresh();
}

async function stop(printer: Follow, one: Job): Promise<void> {
  const name = nameOf(one);
  if (!(await confirmed({ title: t("stopTitle"), text: t("stopText", { name }), action: t("stop"), danger: true }))) return;
  try {
    await ask("DELETE", PROFILE, "printingcommand", printer.id, { jobId: one.jobId });
  } catch (error) {
    tell(inWords(error), "bad");
  }
  printer.refresh();
}

function job(printer: Follow, status: Status) {
  const one = current(status);
  if (one === undefined && status.cardPrint) return cardJob(printer, status.cardPrint);
  if (one === undefined) return html`<p>${t("nothing")}</p><p class="soft">${t("nothingText")}</p>
    ${status.lastJob ? ended(status.lastJob) : nothing}`;
  const share = Math.min(1, Math.max(0, one.progress ?? 0));
  const percent = `${Math.floor(share * 100)} %`;
  return html`
    <div class="head"><p class="name"><strong><bdi>${nameOf(one)}</bdi></strong></p>
      <span class="state" data-tone=${tone(one.state)}>${stateWord(one.state)}</span></div>
    <progress max="1" .value=${share} aria-label=${nameOf(one)}>${percent}</progress>
    <p class="figures"><strong class="percent">${percent}</strong>
      ${one.layers ? html`<span>${t("layer", { layer: one.layer ?? 0, layers: one.layers })}</span>` : nothing}
      ${one.lines ? html`<span class="soft">${t("line", { line: one.line ?? 0, lines: one.lines })}</span>` : nothing}
      ${(one.copies ?? 1) > 1 ? html`<span>${t("copy", { copy: one.copy ?? 1, copies: one.copies ?? 1 })}</span>` : nothing}</p>
    ${one.timeLeft === undefined ? nothing : html`<p>${t("left", { time: duration(one.timeLeft) })}
      ${one.timeLeftSource ? html`<small>${t("leftFrom", { source: sourceWords(one.timeLeftSource) })}</small>` : nothing}</p>`}
    <div class="buttons">
      ${one.state === "paused"
        ? html`<button type="button" class="primary" @click=${() => order(printer, "resume")}>${t("resume")}</button>`
        : html`<button type="button" @click=${() => order(printer, "pause")}>${t("pause")}</button>`}
      <button type="button" @click=${() => stop(printer, one)}>${t("stop")}</button>
      <a class="button" href=${href("gcode", `${printer.id}/${one.jobId}`)}>${t("preview")}</a>
    </div>`;
}

function ended(one: Job) {
  return html`<p class="ended">${t("last")}: <bdi>${nameOf(one)}</bdi>
    <span class="state" data-tone=${tone(one.state)}>${stateWord(one.state)}</span></p>
    ${one.reason ? html`<p class="reason"><bdi>${one.reason}</bdi></p>` : nothing}`;
}

function question(printer: Follow, one: Prompt) {
  const bed = one.id === BED;
  const choices = bed ? [t("bedYes")] : one.choices.length > 0 ? one.choices : [t("ok")];
  return html`<section class="banner prompt" role="alert">
    <h3>${bed ? t("bedAsks") : t("asks")}</h3>
    <p><bdi>${bed ? t("bedText") : one.text}</bdi></p>
    <div class="buttons">${choices.map((choice, index) => html`
      <button type="button" @click=${() => answer(printer, one, index)}><bdi>${choice}</bdi></button>`)}</div>
  </section>`;
}

async function answer(printer: Follow, one: Prompt, choice: number): Promise<void> {
  try {
    await ask("POST", PROFILE, "prompt", printer.id, { id: one.id, choice });
  } catch (error) {
    tell(inWords(error), "bad");
  }
  printer.refresh();
}
