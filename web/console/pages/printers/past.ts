/** The prints that ended. */
import { html, nothing } from "lit";
import { href } from "../../core/pages.js";
import { came, hubNow } from "../../core/live.js";
import { Part } from "../../core/part.js";
import { date } from "../../core/words.js";
import { ask } from "../../parts/devices.js";
import { inWords, loading, problem } from "../../parts/states.js";
import { tell } from "../../parts/toast.js";
import { PROFILE, type Follow } from "./follow.js";
import type { Past } from "./model.js";
import { t } from "./text.js";
import { duration, nameOf, stateWord, tone } from "./words-of.js";

const PAGE = 8;
const DAY = 86_400; // seconds

class PrintHistory extends Part {
  declare printer: Follow;
  #found: readonly Past[] | null = null;
  #failure: unknown = null;
  #total = 0;
  #last = "";
  #came = came.value;

  protected override render() {
    const last = this.watch(this.printer.status)?.lastJob?.jobId ?? "";
    if (this.#found === null && this.#failure === null) {
      this.#last = last;
      this.#load(PAGE);
      return loading();
    }
    if (last !== this.#last || this.watch(came) !== this.#came) {
      this.#last = last;
      this.#came = came.value;
      this.#load(Math.max(PAGE, this.#found?.length ?? 0));
    }
    if (this.#failure !== null) return problem(this.#failure, () => this.#load(PAGE));
    const found = this.#found ?? [];
    if (found.length === 0) return html`<p class="soft">${t("historyNone")}</p>`;
    return html`<ul class="past">${found.map((one) => row(one, this.printer))}</ul>
      ${this.#total > found.length && found.length < 100
        ? html`<button type="button" class="quiet" @click=${() => this.#load(found.length + PAGE)}>${t("more")}</button>`
        : nothing}`;
  }

  #load(limit: number): void {
    ask<{ history: Past[]; total: number }>("GET", PROFILE, "history", this.printer.id, {
      limit: Math.min(limit, 100),
    }).then(
      ({ history, total }) => {
        this.#failure = null;
        this.#found = history;
        this.#total = total;
        this.requestUpdate();
      },
      (error: unknown) => {
        this.#failure = error;
        this.requestUpdate();
      },
    );
  }
}
customElements.define("print-history", PrintHistory);

function row(one: Past, printer: Follow) {
  const when = one.endedAt ? date(Date.parse(one.endedAt) / 1000, true) : "";
  return html`<li>
    <span class="name"><bdi>${one.name || (one.source === "card" ? t("cardUnnamed") : one.jobId)}</bdi></span>
    <span class="state" data-tone=${tone(one.result)}>${stateWord(one.result)}</span>
    <small>${t("when", { when, time: duration(one.time) })}</small>
    ${one.reason ? html`<small class="reason"><bdi>${one.reason}</bdi></small>` : nothing}
    ${one.source === "card" ? html`<small class="acts">${t("fromCard")}</small>` : html`<span class="acts row-acts">
      ${kept(one) ? html`<a class="button quiet" aria-label=${t("previewOf", { name: nameOf(one) })}
        href=${href("gcode", `${printer.id}/${one.jobId}`)}>${t("preview")}</a>` : nothing}
      ${one.uri ? html`<button type="button" class="quiet" aria-label=${t("printAgain", { name: nameOf(one) })}
        @click=${() => again(one, printer)}>${t("again")}</button>` : nothing}</span>`}
  </li>`;
}

/** Whether the hub may have the G-code still; it keeps that for a day after the end. */
function kept(one: Past): boolean {
  return one.endedAt !== undefined && hubNow() - Date.parse(one.endedAt) / 1000 < DAY;
}

/** Puts the file into the queue once more; the hub says so where it is not kept any more. */
async function again(one: Past, printer: Follow): Promise<void> {
  const name = nameOf(one);
  try {
    await ask("PUT", PROFILE, "printingcommand", printer.id, { uri: one.uri ?? "", name });
    tell(t("added", { name }));
  } catch (error) {
    tell(inWords(error), "bad");
  }
  printer.refresh();
}
