/** Applications with access: what they may, what they did, and taking it back. */
import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { isConsole } from "../../core/hub.js";
import { hubNow, hubState, link, second } from "../../core/live.js";
import type { ApplicationView } from "../../core/model.js";
import { act } from "../../core/operator.js";
import { Part } from "../../core/part.js";
import { ago, span } from "../../core/words.js";
import { confirmed } from "../../parts/confirm.js";
import { scopeWords } from "../../parts/lifetimes.js";
import { empty, inWords } from "../../parts/states.js";
import { tell } from "../../parts/toast.js";
import "./change-dialog.js";
import "./files.js";
import { showHistory } from "./history.js";
import { t } from "./text.js";

class Applications extends Part {
  #changing: ApplicationView | null = null;

  protected override render() {
    this.watch(second);
    const applications = [...(this.watch(hubState)?.applications ?? [])].reverse(); // the newest on top
    return html`
      <p class="soft">${t("intro")}</p>
      ${applications.length === 0 ? empty(t("none"), t("noneText")) : nothing}
      <ul class="cards">
        ${repeat(applications, (one) => one.id, (one) => this.#card(one))}
      </ul>
      <application-files></application-files>
      ${this.#changing
        ? html`<change-dialog .application=${this.#changing} @closed=${() => this.#change(null)}></change-dialog>`
        : nothing}`;
  }

  #card(one: ApplicationView): TemplateResult {
    const able = this.watch(link).state === "live";
    const said = hubState.value?.words ?? {};
    const now = hubNow();
    const used = one.lastUsed === null ? t("unused") : t("used", { when: ago(Math.max(0, now - one.lastUsed)) });
    return html`<li class="card application">
      <div class="head"><h2 id=${`app-${one.id}`}><bdi>${one.name}</bdi></h2>
        ${isConsole(one.id) ? html`<span class="state" data-tone="good">${t("self")}</span>` : nothing}</div>
      <p><code><bdi>${one.origin === "null" ? t("noAddress") : one.origin}</bdi></code></p>
      <details><summary>${t("may")} <small>(${one.scopes.length})</small></summary>
        <ul class="scopes">${one.scopes.map((scope) => html`<li><bdi>${scopeWords(scope, said[scope])}</bdi>
          <code>${scope}</code></li>`)}</ul></details>
      <p class="soft">${t("approved", { when: ago(Math.max(0, now - one.created)) })} ·
        ${t("ends", { time: span(one.expires - now) })} · ${used}</p>
      <div class="buttons">
        <button type="button" class="quiet" aria-describedby=${`app-${one.id}`} ?disabled=${!able}
          @click=${() => showHistory(one)}>${t("history")}</button>
        <button type="button" class="quiet" aria-describedby=${`app-${one.id}`} ?disabled=${!able}
          @click=${() => this.#change(one)}>${t("change")}</button>
        <button type="button" class="quiet" aria-describedby=${`app-${one.id}`} ?disabled=${!able}
          @click=${() => revoke(one)}>${t("revoke")}</button>
      </div>
    </li>`;
  }

  #change(one: ApplicationView | null): void {
    this.#changing = one;
    this.requestUpdate();
  }
}
customElements.define("page-applications", Applications);

async function revoke({ id, name }: ApplicationView): Promise<void> {
  const sure = await confirmed({
    title: t("revokeTitle", { name }), text: t("revokeText"), action: t("revoke"), danger: true,
  });
  if (!sure) return;
  try {
    await act("api/revoke", { id });
    tell(t("revoked", { name }));
  } catch (error) {
    tell(inWords(error), "bad");
  }
}
