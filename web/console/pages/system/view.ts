/** How the hub is, what helpers want to know of it, and how other machines reach it. */
import { html, nothing, type TemplateResult } from "lit";
import { hubState } from "../../core/live.js";
import { read } from "../../core/operator.js";
import { Part } from "../../core/part.js";
import { bytes, number, span } from "../../core/words.js";
import { inWords, loading, problem } from "../../parts/states.js";
import { tell } from "../../parts/toast.js";
import "./style.css";
import { t } from "./text.js";

interface Report {
  readonly version: string;
  readonly python: string;
  readonly system: string;
  readonly upTime: number;
  readonly memory: number | null;
  readonly storeSize: number;
  readonly fileCount: number;
  readonly diskFree: number;
}

interface Tls {
  readonly enabled: boolean;
  readonly lan: boolean;
  readonly fingerprint: string;
  readonly link: string;
  readonly qr: string;
}

const BAD = ["failed", "quarantined", "suspended"];

class System extends Part {
  #report: Report | null = null;
  #tls: Tls | null = null;
  #failure: unknown;
  #shown = false;

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#load();
  }

  protected override render() {
    return html`<div class="cards">
      ${this.#health()} ${this.#diagnostics()} ${this.#others()} ${more()}
    </div>`;
  }

  #health(): TemplateResult {
    const state = this.watch(hubState);
    const count = state?.plugins.filter((one) => BAD.includes(one.state)).length ?? 0;
    return html`<section class="card">
      <div class="head"><h2>${t("health")}</h2>
        <span class="state" data-tone=${count ? "bad" : "good"}>${count ? t("trouble", { count }) : t("good")}</span></div>
      ${this.#failure !== undefined ? problem(this.#failure, () => void this.#load()) : nothing}
      ${this.#report ? this.#facts(this.#report, state?.hub.url ?? "") : this.#failure === undefined ? loading() : nothing}
      <div class="buttons"><button type="button" class="quiet" @click=${() => this.#load()}>${t("refresh")}</button></div>
    </section>`;
  }

  #facts(report: Report, url: string): TemplateResult {
    const facts: readonly (readonly [string, string])[] = [
      [t("version"), report.version],
      [t("address"), url],
      [t("up"), span(report.upTime)],
      ...(report.memory === null ? [] : [[t("memory"), bytes(report.memory)] as const]),
      [t("store"), bytes(report.storeSize)],
      [t("files"), number(report.fileCount)],
      [t("disk"), bytes(report.diskFree)],
      [t("runs"), `${report.python}, ${report.system}`],
    ];
    return html`<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
  }

  #diagnostics(): TemplateResult {
    return html`<section class="card"><h2>${t("diagnostics")}</h2>
      <p class="soft">${t("diagnosticsText")}</p>
      <div class="buttons">
        <button type="button" class="primary" @click=${() => this.#save()}>${t("save")}</button>
        <button type="button" class="quiet" aria-expanded=${this.#shown} ?disabled=${!this.#report}
          @click=${() => { this.#shown = !this.#shown; this.requestUpdate(); }}>${t("show")}</button>
      </div>
      ${this.#shown ? html`<pre tabindex="0" aria-label=${t("diagnostics")}>${JSON.stringify(this.#report, null, 2)}</pre>` : nothing}
    </section>`;
  }

  #others(): TemplateResult {
    const tls = this.#tls;
    return html`<section class="card"><h2>${t("others")}</h2>
      ${tls === null ? (this.#failure === undefined ? loading() : nothing) : nothing}
      ${tls && !tls.enabled ? html`<p class="soft">${t("noTls")}</p>` : nothing}
      ${tls?.enabled
        ? html`<p class="soft">${tls.lan ? t("lan") : t("here")}</p>
          <p>${t("fingerprint")} <code>${tls.fingerprint}</code></p>
          <img class="qr" src=${tls.qr} width="196" height="196" alt=${t("code", { link: tls.link })}>
          <p><a href="/ca.crt" download>${t("certificate")}</a></p>`
        : nothing}
    </section>`;
  }

  async #load(): Promise<void> {
    this.#failure = undefined;
    try {
      [this.#report, this.#tls] = await Promise.all([read<Report>("api/diagnostics"), read<Tls>("api/tls")]);
    } catch (error) {
      this.#failure = error;
    }
    this.requestUpdate();
  }

  async #save(): Promise<void> {
    try {
      this.#report = await read<Report>("api/diagnostics");
    } catch (error) {
      return tell(inWords(error), "bad");
    }
    const file = new Blob([JSON.stringify(this.#report, null, 2)], { type: "application/json" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = `gotapi-diagnostics-${new Date().toISOString().slice(0, 10)}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000); // the download has begun by then
    tell(t("saved", { name: link.download }));
    this.requestUpdate();
  }
}
customElements.define("page-system", System);

function more(): TemplateResult {
  return html`<section class="card"><h2>${t("more")}</h2>
    <p><a href="/operator" target="_blank" rel="noopener">${t("operatorPage")}</a></p>
    <p><a href="/console/licenses.txt" target="_blank" rel="noopener">${t("licenses")}</a></p>
  </section>`;
}
