/** The jobs that wait: dragged, or moved by the keyboard. */
import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { href } from "../../core/pages.js";
import { Part } from "../../core/part.js";
import { ask } from "../../parts/devices.js";
import { inWords } from "../../parts/states.js";
import { tell } from "../../parts/toast.js";
import { PROFILE, type Follow } from "./follow.js";
import { waiting, type Job } from "./model.js";
import { t } from "./text.js";
import { nameOf, stateWord, tone } from "./words-of.js";

class PrintQueue extends Part {
  declare printer: Follow;
  #dragged: string | null = null;
  #over: string | null = null;

  protected override render() {
    const jobs = waiting(this.watch(this.printer.status) ?? { operatingStatus: "" });
    if (jobs.length === 0) return html`<p class="soft">${t("queueNone")}</p>`;
    return html`
      ${jobs.length > 1 ? html`<p class="soft">${t("queueHow")}</p>` : nothing}
      <ol class="queue">${repeat(jobs, (job) => job.jobId, (job, index) => this.#row(job, index, jobs))}</ol>`;
  }

  #row(job: Job, index: number, jobs: readonly Job[]) {
    const name = nameOf(job);
    return html`<li draggable="true" data-over=${this.#over === job.jobId}
      @dragstart=${(event: DragEvent) => this.#drag(event, job)}
      @dragover=${(event: DragEvent) => this.#hover(event, job)}
      @dragend=${() => this.#let()}
      @drop=${(event: DragEvent) => this.#drop(event, index, jobs)}>
      <span class="grip" aria-hidden="true"></span>
      <span class="name">${job.state === "queued"
        ? html`<a draggable="false" href=${href("gcode", `${this.printer.id}/${job.jobId}`)}
            title=${t("previewOf", { name })}><bdi>${name}</bdi></a>`
        : html`<bdi>${name}</bdi>`}
        ${(job.copies ?? 1) > 1 ? html`<small>× ${job.copies}</small>` : nothing}</span>
      <span class="state" data-tone=${tone(job.state)}>${job.held && job.state === "queued" ? t("stateHeld") : stateWord(job.state)}</span>
      <span class="moves">
        ${job.held && job.state === "queued" ? html`<button type="button" class="quiet"
          aria-label=${t("beginIt", { name })} @click=${() => this.#begin(job)}>${t("print")}</button>` : nothing}
        ${this.#button("↑", t("earlier", { name }), index === 0, () => this.#move(job, index - 1))}
        ${this.#button("↓", t("later", { name }), index === jobs.length - 1, () => this.#move(job, index + 1))}
        ${this.#button("✕", t("remove", { name }), false, () => this.#remove(job))}
      </span>
    </li>`;
  }

  #button(sign: string, label: string, off: boolean, act: () => void) {
    return html`<button type="button" class="quiet" aria-label=${label} title=${label}
      aria-disabled=${off} @click=${() => (off ? undefined : act())}>${sign}</button>`;
  }

  async #move(job: Job, order: number): Promise<void> {
    try {
      await ask("PUT", PROFILE, "queue", this.printer.id, { jobId: job.jobId, order });
      tell(t("moved", { name: nameOf(job), place: order + 1 }));
    } catch (error) {
      tell(inWords(error), "bad");
    }
    this.printer.refresh();
  }

  async #begin(job: Job): Promise<void> {
    try {
      await ask("PUT", PROFILE, "job/start", this.printer.id, { jobId: job.jobId });
    } catch (error) {
      tell(inWords(error), "bad");
    }
    this.printer.refresh();
  }

  async #remove(job: Job): Promise<void> {
    try {
      await ask("DELETE", PROFILE, "queue", this.printer.id, { jobId: job.jobId });
    } catch (error) {
      tell(inWords(error), "bad");
    }
    this.printer.refresh();
  }

  #drag(event: DragEvent, job: Job): void {
    this.#dragged = job.jobId;
    event.dataTransfer?.setData("text/plain", nameOf(job));
  }

  #hover(event: DragEvent, job: Job): void {
    if (this.#dragged === null) return; // a file: that is for the page
    event.preventDefault();
    if (this.#over !== job.jobId) {
      this.#over = job.jobId;
      this.requestUpdate();
    }
  }

  #drop(event: DragEvent, index: number, jobs: readonly Job[]): void {
    const job = jobs.find((one) => one.jobId === this.#dragged);
    if (job === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.#let();
    void this.#move(job, index);
  }

  #let(): void {
    this.#dragged = null;
    this.#over = null;
    this.requestUpdate();
  }
}
customElements.define("print-queue", PrintQueue);
