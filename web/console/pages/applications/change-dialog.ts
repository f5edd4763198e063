/** Changing what an application may, and when that ends. */
import { html, nothing } from "lit";
import { property } from "lit/decorators.js";
import { hubState } from "../../core/live.js";
import type { ApplicationView } from "../../core/model.js";
import { act } from "../../core/operator.js";
import { Part } from "../../core/part.js";
import { date } from "../../core/words.js";
import "../../parts/guarded.js";
import { scopeBoxes } from "../../parts/lifetimes.js";
import { inWords } from "../../parts/states.js";
import { tell } from "../../parts/toast.js";
import { t } from "./text.js";

type End = "keep" | "once" | "day" | "always" | "date";

class ChangeDialog extends Part {
  @property({ attribute: false }) application!: ApplicationView;

  #scopes = new Set<string>();
  #end: End = "keep";
  #day = "";
  #problem = "";

  protected override firstUpdated(): void {
    this.#scopes = new Set(this.application.scopes);
    this.requestUpdate();
    this.querySelector("dialog")?.showModal();
  }

  protected override render() {
    const { name, asked } = this.application;
    const said = hubState.value?.words ?? {};
    const scopes = asked.map((scope) => ({ scope, words: said[scope] ?? "" }));
    return html`<dialog class="dialog" aria-labelledby="change-title" @close=${this.#closed}>
      <h2 id="change-title"><bdi>${t("changeTitle", { name })}</bdi></h2>
      <div class="scroll">
        ${scopeBoxes(t("may"), scopes, this.#scopes, (scope, on) => {
          if (on) this.#scopes.add(scope);
          else this.#scopes.delete(scope);
        })}
        ${this.#ends()}
      </div>
      ${this.#problem ? html`<p class="reason" role="alert">${this.#problem}</p>` : nothing}
      <div class="buttons">
        <button type="button" autofocus @click=${this.#close}>${t("cancel")}</button>
        <guarded-button kind="primary" .label=${t("save")} describedby="change-title"
          @press=${this.#save}></guarded-button>
      </div>
    </dialog>`;
  }

  #ends() {
    const choices: readonly (readonly [End, string])[] = [
      ["keep", t("keep", { when: date(this.application.expires, true) })],
      ["once", t("once")], ["day", t("day")], ["always", t("always")], ["date", t("onDay")],
    ];
    return html`<fieldset><legend>${t("end")}</legend>
      ${choices.map(([value, label]) => html`<label class="choice">
        <input type="radio" name="change-end" value=${value} .checked=${value === this.#end}
          @change=${() => this.#choose(value)}> <span>${label}</span></label>`)}
      <input type="date" aria-label=${t("onDay")} .value=${this.#day} min=${day(0)} max=${day(179)}
        @input=${(event: Event) => {
          this.#day = (event.currentTarget as HTMLInputElement).value;
          this.#choose("date");
        }}>
    </fieldset>`;
  }

  #choose(end: End): void {
    this.#end = end;
    this.requestUpdate();
  }

  async #save(): Promise<void> {
    const { id, name } = this.application;
    const until = new Date(`${this.#day}T23:59:59`).getTime() / 1000; // by this computer's clock
    if (this.#scopes.size === 0) return this.#say(t("one"));
    if (this.#end === "date" && Number.isNaN(until)) return this.#say(t("chooseDay"));
    const end = this.#end === "keep" ? {} : this.#end === "date" ? { until } : { lifetime: this.#end };
    try {
      await act("api/change", { id, scopes: [...this.#scopes], ...end });
      tell(t("changed", { name }));
      this.#close();
    } catch (error) {
      this.#say(inWords(error));
    }
  }

  #say(text: string): void {
    this.#problem = text;
    this.requestUpdate();
  }

  #close(): void {
    this.querySelector("dialog")?.close();
  }

  #closed(): void {
    this.dispatchEvent(new CustomEvent("closed"));
  }
}
customElements.define("change-dialog", ChangeDialog);

/** A day from today on, as the input wants it. */
function day(ahead: number): string {
  return new Date(Date.now() + ahead * 86_400_000).toLocaleDateString("sv-SE");
}
