/** What a page shows while it waits, when there is nothing, and when something went wrong. */
import { HubUnreachable, TokenRejected } from "@gotapi/sdk";
import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { property } from "lit/decorators.js";
import { came } from "../core/live.js";
import { Refused } from "../core/operator.js";
import { Part } from "../core/part.js";
import { locale, words } from "../core/words.js";
import { inJapanese } from "./refusals.js";

const t = words({
  loading: ["Loading…", "読み込み中…"],
  again: ["Try again", "再試行"],
  wrong: ["That did not work", "うまくいきませんでした"],
  silent: [
    "The hub did not answer. Look whether it runs, then try again.",
    "ハブが応答しません。動作しているか確認して、もう一度お試しください。",
  ],
  revoked: [
    "The access of this console was revoked, or has ended. Try again: as you are signed in, it gets a new one.",
    "このコンソールの許可が取り消されたか、期限が切れました。再試行すると、サインイン中なので新しい許可を取得します。",
  ],
  signedOut: [
    "You are not signed in any more. Run “gotapi operator” and open the link that it prints.",
    "サインインが終了しています。「gotapi operator」を実行し、表示されたリンクを開いてください。",
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

/**
 * Says what went wrong, with a button to try again where that can help. What failed because the hub was
 * away is tried again by itself when it is found again; unless `asked`, for what the user has to want.
 */
export function problem(error: unknown, retry?: () => void, asked = false): TemplateResult {
  return html`<problem-note .error=${error} .retry=${retry} .asked=${asked}></problem-note>`;
}

const since = new WeakMap<object, number>(); // how often the hub had been found again when it failed

class ProblemNote extends Part {
  @property({ attribute: false }) error: unknown;
  @property({ attribute: false }) retry: (() => void) | undefined;
  @property({ attribute: false }) asked = false;

  protected override willUpdate(changed: PropertyValues): void {
    // By the error, not by this note: signing in again shows the page, and so the note, anew.
    if (changed.has("error") && !since.has(Object(this.error))) since.set(Object(this.error), came.value);
  }

  protected override render(): TemplateResult {
    return html`<div class="problem" role="alert">
      <h2>${t("wrong")}</h2>
      <p><bdi>${inWords(this.error)}</bdi></p>
      ${this.retry ? html`<button type="button" @click=${this.retry}>${t("again")}</button>` : nothing}
    </div>`;
  }

  protected override updated(): void {
    if (this.watch(came) === (since.get(Object(this.error)) ?? came.value)) return;
    since.set(Object(this.error), came.value);
    if (!this.asked && away(this.error)) this.retry?.();
  }
}
customElements.define("problem-note", ProblemNote);

/** Tells whether a failure is only that nobody answered, which the words of it may hide. */
export function away(error: unknown): boolean {
  return silent(error instanceof Error && error.cause !== undefined ? error.cause : error);
}

function silent(error: unknown): boolean {
  return error instanceof HubUnreachable || error instanceof TypeError || (error as Error | null)?.name === "TimeoutError";
}

/** A failure in words for the user. */
export function inWords(error: unknown): string {
  if (silent(error)) return t("silent");
  if (error instanceof TokenRejected) return t("revoked");
  if (error instanceof Refused && error.status === 401) return t("signedOut");
  const text = error instanceof Error ? error.message.replace(/^\[[A-Z_]+\] /, "") : String(error); // the code is for programs
  return locale.value === "ja" ? inJapanese(error, text) : text;
}
