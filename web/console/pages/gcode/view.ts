/** G-code: a file layer by layer, before it is printed and while it is. */
import { html, nothing, type PropertyValues } from "lit";
import { Part } from "../../core/part.js";
import { number } from "../../core/words.js";
import { inWords, loading, problem } from "../../parts/states.js";
import { tell } from "../../parts/toast.js";
import { FEATURE_COLOURS, type Mode, MODES, RAMP, TOOL_COLOURS } from "./colours.js";
import { figures, featureName, faultWords, brokenWords, say } from "./figures.js";
import type { Found } from "./gcode.worker.js";
import { findJob, followJob, gcodeOf, hubTime, letBegin } from "./job.js";
import { Moves, type Totals } from "./moves.js";
import type { Broken, Fault } from "./reader.js";
import "./screen.js";
import { NotHere, readSource, type Source } from "./source.js";
import "./style.css";
import { t } from "./text.js";

const SUFFIXES = ".gcode,.gco,.g,.nc,.gc,.ngc,text/plain";

class Gcode extends Part {
  rest = "";
  #opened = "";
  #name = "";
  #state: "none" | "looking" | "reading" | "ready" | "stopped" = "none";
  #failure: unknown = null;
  #broken: { readonly code: Broken; readonly line: number } | null = null;
  #full = false;
  #read = 0;
  #size = 0;
  #moves = new Moves();
  #totals: Totals | null = null;
  #faults: Fault[] = [];
  #hubSeconds: number | null = null;
  #layer = -1; // -1: the last one there is
  #move = -1; // moves of that layer that are shown; -1: all
  #only = false;
  #mode: Mode = "feature";
  #shown = 0xffff & ~(1 << 13);
  #job: { readonly service: string; readonly id: string; readonly held: boolean } | null = null;
  #making = ""; // how far the G-code of a job is that is still made
  #abort = new AbortController(); // of the look for a job
  #follow = false;
  #line = 0;
  #stop: () => void = () => undefined;
  #unfollow: () => void = () => undefined;

  #again: () => void = () => undefined; // opens once more what is open
  #cut = false; // whether the page was left while it read

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.#cut) this.#again();
    this.#cut = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#cut = this.#state === "reading" || this.#state === "looking";
    this.#abort.abort();
    this.#stop();
    this.#unfollow();
  }

  protected override render() {
    if (this.rest !== this.#opened) {
      this.#opened = this.rest;
      if (this.rest) void this.#openAddress(this.rest);
    }
    return html`<div class="gcode" @dragover=${allowDrop} @drop=${(event: DragEvent) => this.#dropped(event)}>
      ${this.#head()}
      ${this.#state === "looking" ? loading(this.#making || t("looking")) : nothing}
      ${this.#held()}
      ${this.#failure !== null ? problem(this.#failure, this.#again) : nothing}
      ${this.#says()}
      ${this.#totals && this.#moves.count > 0 ? this.#body(this.#totals) : nothing}
    </div>`;
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    for (const swatch of this.querySelectorAll<HTMLElement>("[data-colour]")) {
      swatch.style.background = swatch.dataset["colour"] ?? "";
    }
    const screen = this.querySelector("gcode-screen");
    if (screen === null || this.#moves.count === 0) return;
    const { layer, first, from, upTo } = this.#view();
    screen.look({
      first, last: layer, end: from + upTo, mode: this.#mode, shown: this.#shown, span: this.#span(),
    });
    screen.describe(this.#layerWords());
  }

  #head() {
    const chooser = (text: string, kind: string) => html`<label class="button ${kind}">${text}
      <input class="spoken" type="file" accept=${SUFFIXES} @change=${(event: Event) => this.#chosen(event)}></label>`;
    if (this.#state === "none" && this.#failure === null) {
      return html`<p class="soft">${t("intro")}</p>
        <div class="empty">${chooser(t("choose"), "primary")}<p class="soft">${t("drop")}</p></div>`;
    }
    return html`<div class="head"><h2><bdi>${this.#name}</bdi></h2>${chooser(t("another"), "")}</div>
      ${this.#state === "reading"
        ? html`<div class="row-of"><label class="progress">${t("reading", { name: this.#name })}
            ${this.#size ? html`<progress max="1" .value=${Math.min(1, this.#read / this.#size)}></progress>`
              : html`<progress></progress>`}</label>
            <button type="button" @click=${() => this.#halt()}>${t("stop")}</button></div>`
        : nothing}`;
  }

  /** A job that waits for somebody to look at it begins here. */
  #held() {
    if (!this.#job?.held || this.#state === "looking" || this.#failure !== null) return nothing;
    return html`<div class="banner" role="status"><p>${t("held")}</p>
      <button type="button" class="primary" @click=${() => this.#begin()}>${t("begin")}</button></div>`;
  }

  async #begin(): Promise<void> {
    const job = this.#job;
    if (job === null) return;
    try {
      await letBegin(job.service, job.id);
      if (this.#job !== job) return;
      this.#job = { ...job, held: false };
      tell(t("begun", { name: this.#name }));
      this.#followed(true);
    } catch (error) {
      tell(inWords(error), "bad");
    }
    this.requestUpdate();
  }

  #says() {
    const broken = this.#broken;
    const moves = this.#moves.count;
    return html`
      ${broken ? html`<div class="problem" role="alert"><h2>${t("broken")}</h2><p>${brokenWords(broken.code, broken.line)}</p>
        ${moves > 0 ? html`<p>${t("brokenFrom", { line: broken.line })}</p>` : nothing}</div>` : nothing}
      ${this.#full ? html`<p class="banner" role="status">${t("full", { layer: this.#moves.starts.length })}</p>` : nothing}
      ${this.#state === "stopped" ? html`<p class="banner" role="status">${t("stopped")}</p>` : nothing}`;
  }

  #body(totals: Totals) {
    return html`<div class="boards">
      <section class="card view">
        <gcode-screen></gcode-screen>
        <div class="buttons">
          <button type="button" @click=${() => this.querySelector("gcode-screen")?.fit()}>${t("whole")}</button>
          <button type="button" @click=${() => this.querySelector("gcode-screen")?.fit(true)}>${t("above")}</button>
          ${this.#check(t("only"), this.#only, (on) => { this.#only = on; })}
          ${this.#job ? this.#check(t("follow"), this.#follow, (on) => this.#followed(on)) : nothing}
        </div>
        ${this.#sliders()}
      </section>
      <div class="board">
        <section class="card">${this.#legend(totals)}</section>
        <section class="card" aria-labelledby="gcode-figures"><h3 id="gcode-figures">${t("figures")}</h3>
          ${figures(totals, this.#moves.starts.length, this.#hubSeconds)}</section>
        ${totals.faults > 0 ? this.#faultList(totals) : nothing}
      </div>
    </div>`;
  }

  #check(text: string, on: boolean, set: (on: boolean) => void) {
    return html`<label class="check"><input type="checkbox" .checked=${on} @change=${(event: Event) => {
      set((event.currentTarget as HTMLInputElement).checked);
      this.requestUpdate();
    }}>${text}</label>`;
  }

  #sliders() {
    const { layer, moves, upTo, from } = this.#view();
    const move = this.#moves.at(from + upTo - 1);
    const slide = (set: (value: number) => void) => (event: Event) => {
      set(Number((event.currentTarget as HTMLInputElement).value));
      this.#follow = false;
      this.requestUpdate();
    };
    const layers = this.#moves.starts.length;
    return html`
      <label class="slider">${t("layer")} <output>${this.#layerWords()}</output>
        <input type="range" class="layer" min="1" max=${Math.max(1, layers)} step="1" .value=${String(layer + 1)}
          aria-valuetext=${this.#layerWords()} @input=${slide((value) => {
            this.#layer = value >= layers ? -1 : value - 1;
            this.#move = -1;
          })}></label>
      <label class="slider">${t("move")} <output>${t("moveAt", { move: number(upTo), moves: number(moves) })}</output>
        <input type="range" class="move" min="0" max=${moves} step="1" .value=${String(upTo)}
          aria-valuetext=${t("moveAt", { move: number(upTo), moves: number(moves) })}
          @input=${slide((value) => { this.#move = value >= moves ? -1 : value; })}></label>
      <p class="soft place">${move ? t("moveSays", {
        line: number(move.line), x: say(move.x, 2), y: say(move.y, 2), z: say(move.z, 2),
        feature: featureName(move.feature), speed: say(move.speed, 1),
      }) : nothing}</p>`;
  }

  #legend(totals: Totals) {
    return html`<label class="row-of">${t("colours")}
        <select @change=${(event: Event) => {
          this.#mode = (event.currentTarget as HTMLSelectElement).value as Mode;
          this.requestUpdate();
        }}>${MODES.map((mode) => html`<option value=${mode} ?selected=${mode === this.#mode}>${t(mode)}</option>`)}</select></label>
      ${this.#scale(totals)}
      <fieldset class="features"><legend>${t("shown")}</legend>${totals.features.map((count, feature) => count > 0
        ? html`<label class="check"><input type="checkbox" .checked=${(this.#shown & (1 << feature)) !== 0}
            @change=${() => { this.#shown ^= 1 << feature; this.requestUpdate(); }}>
            ${this.#mode === "feature" || feature === 13
              ? html`<span class="swatch" data-colour=${FEATURE_COLOURS[feature] ?? ""} aria-hidden="true"></span>` : nothing}
            ${featureName(feature)}</label>`
        : nothing)}</fieldset>`;
  }

  #scale(totals: Totals) {
    if (this.#mode === "feature") return nothing;
    if (this.#mode === "tool") {
      return html`<ul class="tools-of">${totals.filament.map((used, tool) => used > 0 ? html`<li>
        <span class="swatch" data-colour=${TOOL_COLOURS[tool % TOOL_COLOURS.length] ?? ""} aria-hidden="true"></span>
        ${t("toolNumber", { tool })}</li>` : nothing)}</ul>`;
    }
    const [low, high] = this.#span();
    return html`<div class="ramp" data-colour="linear-gradient(to right, ${RAMP.join(", ")})" aria-hidden="true"></div>
      <p class="soft">${t(this.#mode === "speed" ? "from" : "fromHeight", { low: say(low, 1), high: say(high, 1) })}</p>`;
  }

  #faultList(totals: Totals) {
    return html`<section class="card" aria-labelledby="gcode-faults"><h3 id="gcode-faults">${t("problems")}</h3>
      <p>${t("faults", { count: totals.faults })}
        ${totals.faults > this.#faults.length ? t("faultsMore", { count: this.#faults.length }) : nothing}</p>
      <ul class="faults">${this.#faults.map((fault) => html`<li>${faultWords(fault)}
        <code><bdi>${fault.text}</bdi></code></li>`)}</ul></section>`;
  }

  /** What the sliders say: the layer from 0, its moves, and how many of them are shown. */
  #view() {
    const last = Math.max(0, this.#moves.starts.length - 1);
    const layer = this.#layer < 0 ? last : Math.min(last, this.#layer);
    const [from, to] = this.#moves.range(layer);
    const moves = to - from;
    const upTo = this.#move < 0 ? moves : Math.min(moves, this.#move);
    return { layer, first: this.#only ? layer : 0, from, moves, upTo };
  }

  #layerWords(): string {
    const { layer } = this.#view();
    return t("layerAt", {
      layer: number(layer + 1), layers: number(this.#moves.starts.length), height: say(this.#moves.heights[layer] ?? 0, 2),
    });
  }

  #span(): readonly [number, number] {
    if (this.#mode === "height") return [this.#totals?.low[2] ?? 0, this.#totals?.high[2] ?? 1];
    return this.#totals?.speeds ?? [0, 1];
  }

  #chosen(event: Event): void {
    const input = event.currentTarget as HTMLInputElement;
    const file = input.files?.[0];
    if (file) this.#openFile(file);
    input.value = ""; // the same file again is a change too
  }

  #dropped(event: DragEvent): void {
    const file = event.dataTransfer?.files[0];
    if (file === undefined) return;
    event.preventDefault();
    this.#openFile(file);
  }

  #openFile(file: File): void {
    this.#again = () => this.#openFile(file);
    this.#clear(file.name);
    this.#job = null;
    this.#size = file.size;
    this.#start({ file });
  }

  /** Opens what the address says: `<printer>/<job>`, or `file/<name>/<id>` for a file that the console sent. */
  async #openAddress(rest: string): Promise<void> {
    this.#again = () => void this.#openAddress(rest);
    const cut = rest.lastIndexOf("/");
    const [service, id] = [rest.slice(0, Math.max(0, cut)), rest.slice(cut + 1)];
    this.#clear(id);
    const { signal } = this.#abort;
    this.#state = "looking";
    try {
      if (service === "file" || service === "" || service.startsWith("file/")) {
        this.#name = service.slice("file/".length) || id;
        this.#start({ uri: `/blobs/${encodeURIComponent(id)}`, name: this.#name });
        return;
      }
      const job = await findJob(service, id);
      if (signal.aborted) return;
      this.#name = job.name || id;
      this.requestUpdate();
      const uri = await gcodeOf(service, id, ({ progress }) => {
        this.#making = progress ? t("makingAt", { percent: Math.floor(progress * 100) }) : t("making");
        this.requestUpdate();
      }, signal);
      if (signal.aborted) return;
      this.#job = { service, id, held: job.held === true };
      this.#followed(job.state === "printing" || job.state === "paused");
      this.#start({ uri, name: this.#name });
      const seconds = await hubTime(service, uri);
      if (!signal.aborted) this.#hubSeconds = seconds;
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
    this.requestUpdate();
  }

  #followed(on: boolean): void {
    this.#unfollow();
    this.#unfollow = () => undefined;
    this.#follow = on;
    if (!on || this.#job === null) return;
    this.#unfollow = followJob(this.#job.service, this.#job.id, (line) => {
      this.#line = line;
      this.#goToLine();
    });
  }

  #goToLine(): void {
    if (!this.#follow || this.#line === 0 || this.#moves.count === 0) return;
    const done = Math.max(1, this.#moves.upTo(this.#line));
    this.#layer = this.#moves.layerOf(done - 1);
    this.#move = done - this.#moves.range(this.#layer)[0];
    this.requestUpdate();
  }

  #clear(name: string): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#making = "";
    this.#job = null;
    this.#stop();
    this.#unfollow();
    this.#follow = false;
    this.#name = name;
    this.#failure = null;
    this.#broken = null;
    this.#full = false;
    this.#read = this.#size = this.#line = 0;
    this.#moves = new Moves();
    this.#totals = null;
    this.#faults = [];
    this.#hubSeconds = null;
    this.#layer = this.#move = -1;
    this.requestUpdate();
  }

  #start(source: Source): void {
    this.#state = "reading";
    const moves = this.#moves;
    this.#stop = readSource(source, (found) => this.#heard(found), (error) => this.#fail(error));
    this.requestUpdate();
    void this.updateComplete.then(() => this.#moves === moves && this.querySelector("gcode-screen")?.show(moves));
  }

  #heard(found: Found): void {
    if ("piece" in found) this.#moves.add(found.piece);
    else if ("layers" in found) this.#moves.layers(found.layers);
    else if ("fault" in found) this.#faults.push(found.fault);
    else if ("lost" in found) this.#fail(new Error(t("lost")));
    else {
      this.#totals = "done" in found ? found.done : found.totals;
      if ("full" in found) this.#full = found.full;
      if ("broken" in found) this.#broken = { code: found.broken, line: found.line };
      if ("taken" in found) this.#read += found.taken;
      else this.#state = "ready";
      this.requestUpdate();
      void this.updateComplete.then(() => this.#drawn());
    }
  }

  #drawn(): void {
    const screen = this.querySelector("gcode-screen");
    if (screen === null || this.#totals === null) return;
    screen.show(this.#moves);
    screen.grown(this.#totals.low, this.#totals.high);
    this.#goToLine();
  }

  #halt(): void {
    this.#stop();
    this.#state = "stopped";
    this.requestUpdate();
  }

  #fail(error: unknown): void {
    this.#stop();
    this.#state = "ready";
    this.#failure = error instanceof NotHere ? new Error(t("notHere")) : error;
    this.requestUpdate();
  }
}
customElements.define("page-gcode", Gcode);

function allowDrop(event: DragEvent): void {
  if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
}
