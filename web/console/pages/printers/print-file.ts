/** A file that is uploaded, looked through, and printed. */
import { HubRefused } from "@gotapi/sdk";
import { html, nothing } from "lit";
import { href, navigate } from "../../core/pages.js";
import { Part } from "../../core/part.js";
import { number } from "../../core/words.js";
import { ask, upload } from "../../parts/devices.js";
import { inWords, loading, problem } from "../../parts/states.js";
import { tell } from "../../parts/toast.js";
import { PROFILE, type Follow } from "./follow.js";
import type { Check } from "./model.js";
import { t } from "./text.js";
import { duration } from "./words-of.js";

const BAD = 10; // GotAPI: INVALID_PARAMETER

type Step =
  | { readonly at: "choose" }
  | { readonly at: "upload"; readonly name: string; readonly share: number; readonly abort: AbortController }
  | { readonly at: "check"; readonly name: string; readonly uri: string }
  | { readonly at: "ready"; readonly name: string; readonly uri: string; readonly check: Check }
  | { readonly at: "failed"; readonly error: unknown; readonly again: () => void };

/** Files that were looked through, by the printer: whoever looks at one on another page finds it here after. */
const looked = new Map<string, Step & { readonly at: "ready" }>();

class PrintFile extends Part {
  declare printer: Follow;
  #step: Step = { at: "choose" };

  override connectedCallback(): void {
    super.connectedCallback();
    this.#step = looked.get(this.printer.id) ?? this.#step;
  }

  protected override render() {
    const step = this.#step;
    switch (step.at) {
      case "choose":
        return html`<p class="soft">${t("fileText")}</p>
          <label class="button primary">${t("chooseFile")}
            <input class="spoken" type="file" accept=".gcode,.gco,.g,.nc,.stl,.3mf,.obj,.glb"
              @change=${(event: Event) => this.#chosen(event)}></label>`;
      case "upload":
        return html`<label class="progress">${t("uploading", { name: step.name })}
          <progress max="1" .value=${step.share}></progress></label>
          <button type="button" @click=${() => step.abort.abort()}>${t("cancel")}</button>`;
      case "check":
        return loading(t("checking", { name: step.name }));
      case "failed":
        return html`${problem(step.error, futile(step.error) ? undefined : step.again)}${this.#again()}`;
      case "ready":
        return this.#ready(step.name, step.uri, step.check);
    }
  }

  /** Takes a file: chosen here, or dropped on the page. */
  async take(file: File): Promise<void> {
    const abort = new AbortController();
    const { name } = file;
    if (file.size === 0) {
      this.#to({ at: "failed", error: new HubRefused(BAD, t("fileEmpty", { name })), again: () => undefined });
      return;
    }
    this.#to({ at: "upload", name, share: 0, abort });
    try {
      const stored = await upload(file, name, (sent, size) => {
        this.#to({ at: "upload", name, share: size ? sent / size : 1, abort });
      }, abort.signal);
      await this.#check(name, stored.uri);
    } catch (error) {
      this.#to(abort.signal.aborted ? { at: "choose" } : { at: "failed", error, again: () => void this.take(file) });
    }
  }

  async #check(name: string, uri: string): Promise<void> {
    this.#to({ at: "check", name, uri });
    try {
      const check = await ask<Check>("GET", PROFILE, "check", this.printer.id, { uri });
      this.#to({ at: "ready", name, uri, check });
    } catch (error) {
      this.#to({ at: "failed", error, again: () => void this.#check(name, uri) });
    }
  }

  #to(step: Step): void {
    this.#step = step;
    if (step.at === "ready") looked.set(this.printer.id, step);
    else looked.delete(this.printer.id);
    this.requestUpdate();
  }

  #chosen(event: Event): void {
    const file = (event.currentTarget as HTMLInputElement).files?.[0];
    if (file) void this.take(file);
  }

  #again() {
    return html`<button type="button" @click=${() => this.#to({ at: "choose" })}>${t("another")}</button>`;
  }

  #ready(name: string, uri: string, check: Check) {
    return html`
      <p><strong><bdi>${check.printable ? t("fits", { name }) : t("fitsNot", { name })}</bdi></strong></p>
      ${facts(check)}
      <ul class="findings">${check.findings.map((one) =>
        html`<li data-severity=${one.severity}><bdi>${one.message}</bdi></li>`)}</ul>
      <form class="print-options" @submit=${(event: SubmitEvent) => this.#print(event, name, uri)}>
        ${check.model
          ? html`<label>${t("layerHeight")}
              <input name="layerHeight" type="number" min="0.05" max="1" step="0.05" value="0.2"></label>
            <label>${t("infill")}<input name="infill" type="number" min="0" max="100" step="5" value="20"></label>`
          : nothing}
        <label>${t("copies")}<input name="copies" type="number" min="1" max="100" value="1"></label>
        <div class="buttons">
          ${check.printable ? html`<button type="submit" class="primary">${t("print")}</button>` : nothing}
          ${check.gcode ? html`<a class="button" href=${href("gcode", address(name, uri))}>${t("preview")}</a>` : nothing}
          ${check.printable && check.model
            ? html`<button type="submit" name="start" value="later">${t("lookFirst")}</button>` : nothing}
          ${this.#again()}
        </div>
      </form>`;
  }

  async #print(event: SubmitEvent, name: string, uri: string): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement, event.submitter);
    const fields = Object.fromEntries(form) as Record<string, string>;
    const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ""));
    try {
      const { jobId } = await ask<{ jobId: string }>("PUT", PROFILE, "printingcommand", this.printer.id, { uri, name, ...given });
      tell(t("added", { name }));
      this.#to({ at: "choose" });
      this.printer.refresh();
      if (given["start"]) navigate(href("gcode", `${this.printer.id}/${jobId}`));
    } catch (error) {
      tell(inWords(error), "bad");
    }
  }
}
customElements.define("print-file", PrintFile);

/** Where the page of G-code shows a file that the console sent. */
function address(name: string, uri: string): string {
  return `file/${name.replaceAll("/", "_")}/${new URL(uri, location.href).pathname.split("/")[2] ?? ""}`;
}

/** Tells whether the hub looked at the file and will say the same of it again. */
function futile(error: unknown): boolean {
  return error instanceof HubRefused && error.code === BAD;
}

function facts(check: Check) {
  const { model, gcode } = check;
  const said: string[] = [];
  if (model) said.push(dimensions(model.size));
  if (gcode?.low && gcode.high) {
    said.push(dimensions(gcode.high.map((high, axis) => high - (gcode.low?.[axis] ?? 0))));
  }
  if (gcode?.layers) said.push(t("layers", { count: gcode.layers }));
  if (gcode?.time) said.push(t("takes", { time: duration(gcode.time) }));
  const used = (gcode?.filament ?? []).reduce((sum, one) => sum + one, 0);
  if (used > 0) said.push(t("filament", { metres: number(used / 1000, { maximumFractionDigits: 2 }) }));
  return html`<p class="soft">${said.join(" · ")}</p>`;
}

function dimensions(size: readonly number[]): string {
  const [x, y, z] = size.map((one) => number(one, { maximumFractionDigits: 1 }));
  return t("size", { x: x ?? "?", y: y ?? "?", z: z ?? "?" });
}

declare global {
  interface HTMLElementTagNameMap {
    "print-file": PrintFile;
  }
}
