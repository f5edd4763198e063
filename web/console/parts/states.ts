/** What a page shows while it waits, when there is nothing, and when something went wrong. */
import { html, nothing, type TemplateResult } from "lit";
import { Refused } from "../core/operator.js";
import { HubError } from "@gotapi/sdk";
import { words } from "../core/words.js";

const t = words({
  loading: ["Loading…", "読み込み中…"],
  again: ["Try again", "再試行"],
  wrong: ["That did not work", "うまくいきませんでした"],
  silent: [
    "The hub did not answer. Look whether it runs, then try again.",
    "ハブが応答しません。動作しているか確認して、もう一度お試しください。",
  ],
});

/** Says that something is on its way. */
export function loading(text = t("loading")): TemplateResult {
  return html`<p class="loading" role="status"><span class="spinner"></span>${text}</p>`;
}

/** Says that there is nothing, and what to do to have something. */
export function empty(title: string, text = "", action: unknown = nothing): TemplateResult {
  return html`<div class="empty"><h2>${title}</h2>${text ? html`<p>${text}</p>` : nothing}${action}</div>`;
}

/** Says what went wrong, with a button to try again where that can help. */
export function problem(error: unknown, retry?: () => void): TemplateResult {
  return html`<div class="problem" role="alert">
    <h2>${t("wrong")}</h2>
    <p>${inWords(error)}</p>
    ${retry ? html`<button type="button" @click=${retry}>${t("again")}</button>` : nothing}
  </div>`;
}

/** A failure in words for the user. */
export function inWords(error: unknown): string {
  if (error instanceof Refused || error instanceof HubError) return error.message;
  if (error instanceof TypeError || (error as Error | null)?.name === "TimeoutError") {
    return t("silent");
  }
  return error instanceof Error ? error.message : String(error);
}
