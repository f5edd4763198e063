/** The prints that ended. */
import { html, nothing } from "lit";
import { Part } from "../../core/part.js";
import { date } from "../../core/words.js";
import { ask } from "../../parts/devices.js";
import { loading, problem } from "../../parts/states.js";
import { PROFILE, type Follow } from "./follow.js";
import type { Past } from "./model.js";
import { t } from "./text.js";
import { duration, nameOf, stateWord, tone } from "./words-of.js";

const PAGE = 8;

class PrintHistory extends Part {
  declare printer: Follow;
  #found: readonly Past[] | null = null;
  #failure: unknown = null;
  #total = 0;
  #last = "";

  protected override render() {
    const last = this.watch(this.printer.status)?.lastJob?.jobId ?? "";
    if (this.#found === null && this.#failure === null) {
      this.#last = last;
      this.#load(PAGE);
      return loading();
    }
    if (last !== this.#last) {
      this.#last = last;
      this.#load(Math.max(PAGE, this.#found?.length ?? 0));
    }
    if (this.#failure !== null) return problem(this.#failure, () => this.#load(PAGE));
    const found = this.#found ?? [];
    if (found.length === 0) return html`<p class="soft">${t("historyNone")}</p>`;
    return html`<ul class="past">${found.map(row)}</ul>
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

function row(one: Past) {
  const when = one.endedAt ? date(Date.parse(one.endedAt) / 1000, true) : "";
  return html`<li>
    <span class="name"><bdi>${nameOf(one)}</bdi></span>
    <span class="state" data-tone=${tone(one.result)}>${stateWord(one.result)}</span>
    <small>${t("when", { when, time: duration(one.time) })}</small>
    ${one.reason ? html`<small class="reason"><bdi>${one.reason}</bdi></small>` : nothing}
  </li>`;
}
