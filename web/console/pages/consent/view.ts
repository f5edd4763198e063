/** Who asks for access, and the operator's answer. */
import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { hubState } from "../../core/live.js";
import { Part } from "../../core/part.js";
import { empty } from "../../parts/states.js";
import { askToNotify, permission } from "../../parts/notify.js";
import "./request-card.js";
import "./style.css";
import { t } from "./text.js";

class Consent extends Part {
  protected override render() {
    const requests = this.watch(hubState)?.requests ?? [];
    const may = this.watch(permission);
    return html`
      ${may === "default"
        ? html`<p><button type="button" class="quiet" @click=${askToNotify}>${t("notify")}</button></p>`
        : nothing}
      ${may === "granted" ? html`<p class="soft">${t("notified")}</p>` : nothing}
      ${requests.length === 0 ? empty(t("none"), t("noneText")) : nothing}
      <div class="requests">
        ${repeat(requests, (one) => one.code, (one) => html`<request-card .request=${one}></request-card>`)}
      </div>`;
  }
}
customElements.define("page-consent", Consent);
