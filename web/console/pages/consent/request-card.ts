/** One request: who asks, for what, how long there is to answer, and the answer. */
import { html, nothing, type TemplateResult } from "lit";
import { property } from "lit/decorators.js";
import { hubNow, link, second } from "../../core/live.js";
import type { RequestView } from "../../core/model.js";
import { act } from "../../core/operator.js";
import { Part } from "../../core/part.js";
import { ago } from "../../core/words.js";
import "../../parts/guarded.js";
import { lifetimes, scopeBoxes, type Lifetime } from "../../parts/lifetimes.js";
import { inWords } from "../../parts/states.js";
import { tell } from "../../parts/toast.js";
import { t } from "./text.js";
import { whoAsks } from "./who.js";

class RequestCard extends Part {
  @property({ attribute: false }) request!: RequestView;

  #off = new Set<string>(); // scopes that the operator does not want to allow
  #lifetime: Lifetime = "once";
  #replace = false;
  #busy = false;
  #problem = "";

  protected override render(): TemplateResult {
    const { code, name, origin, scopes } = this.request;
    const who = whoAsks(this.request);
    const id = `request-${code}`;
    return html`<article class="card request" aria-labelledby=${id}>
      <p class="kind">${who.kind}</p>
      <h2 id=${id}><bdi>${name}</bdi></h2>
      <p>${who.label} <bdi class="address">${origin === "null" ? t("noneAddress") : origin}</bdi></p>
      <p class="soft">${who.hint}</p>
      ${this.#code()} ${this.#known()}
      <div class="choices">
        ${scopeBoxes(t("wants"), scopes, this.#chosen, (scope, on) => {
          if (on) this.#off.delete(scope);
          else this.#off.add(scope);
          this.requestUpdate();
        })}
        ${lifetimes(`lifetime-${code}`, this.#lifetime, (to) => { this.#lifetime = to; })}
      </div>
      ${this.#time()}
      ${this.#problem ? html`<p class="reason" role="alert">${this.#problem}</p>` : nothing}
      ${this.#buttons(id)}
    </article>`;
  }

  get #chosen(): ReadonlySet<string> {
    const all = this.request.scopes.map((one) => one.scope);
    return new Set(all.filter((scope) => !this.#off.has(scope)));
  }

  #code(): TemplateResult {
    const { code, showsCode } = this.request;
    return showsCode
      ? html`<div class="compare"><p>${t("compare")}</p><p class="code">${code}</p></div>`
      : html`<p class="soft">${t("code")} <code>${code}</code></p>`;
  }

  #known(): TemplateResult | typeof nothing {
    const last = this.request.known.at(-1);
    if (!last) return nothing;
    return html`<div class="known"><p><bdi>${t("known", { name: last.name })}</bdi></p>
      <label class="choice"><input type="checkbox" .checked=${this.#replace}
        @change=${(event: Event) => { this.#replace = (event.currentTarget as HTMLInputElement).checked; }}>
        <span>${t("replace")} <small>${t("replaceText")}</small></span></label></div>`;
  }

  #time(): TemplateResult {
    this.watch(second);
    const { created, deadline, waiting } = this.request;
    const left = Math.max(0, Math.floor(deadline - hubNow()));
    const time = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    return html`<div class="row-of soft">
      <p>${waiting ? t("waiting") : t("stopped")} ${t("asked", { when: ago(hubNow() - created) })}</p>
      <p class="left" data-soon=${left < 30}>${left ? t("left", { time }) : t("over")}</p>
    </div>`;
  }

  #buttons(id: string): TemplateResult {
    const able = this.watch(link).state === "live" && !this.#busy;
    return html`<div class="buttons">
      <guarded-button .label=${t("deny")} .describedby=${id} .allowed=${able}
        @press=${() => this.#decide("deny")}></guarded-button>
      <guarded-button kind="primary" .label=${t("approve")} .describedby=${id}
        .allowed=${able && this.#chosen.size > 0} @press=${() => this.#decide("approve")}></guarded-button>
      ${this.#chosen.size === 0 ? html`<p class="soft">${t("none1")}</p>` : nothing}
    </div>`;
  }

  async #decide(what: "approve" | "deny"): Promise<void> {
    const { code, name, scopes, known } = this.request;
    this.#busy = true;
    this.#problem = "";
    this.requestUpdate();
    try {
      if (what === "deny") {
        await act("api/deny", { code });
        tell(t("denied", { name }));
      } else {
        const chosen = [...this.#chosen];
        await act("api/approve", {
          code, lifetime: this.#lifetime,
          ...(chosen.length < scopes.length ? { scopes: chosen } : {}),
          ...(this.#replace ? { replace: known.map((one) => one.id) } : {}),
        });
        tell(t("approved", { name }));
      }
    } catch (error) {
      this.#problem = inWords(error);
    }
    this.#busy = false;
    this.requestUpdate();
  }
}
customElements.define("request-card", RequestCard);
