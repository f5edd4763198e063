/** How the hub is, what helpers want to know of it, and how other machines reach it. */
import { html, nothing, type TemplateResult } from "lit";
import { came, hubState, link } from "../../core/live.js";
import { operatorFetch, read, Refused } from "../../core/operator.js";
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
  #making = false;
  #noBackup: unknown;
  #came = came.value;

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#load();
  }

  protected override render() {
    if (this.watch(came) !== this.#came) {
      this.#came = came.value;
      void this.#load();
    }
    return html`<div class="cards">
      ${this.#health()} ${this.#diagnostics()} ${this.#backup()} ${this.#others()} ${more()}
    </div>`;
  }

  #health(): TemplateResult {
    const state = this.watch(hubState);
    const count = state?.plugins.filter((one) => BAD.includes(one.state)).length ?? 0;
    return html`<section class="card">
      <div class="head"><h2>${t("health")}</h2>
        ${this.watch(link).state === "live"
          ? html`<span class="state" data-tone=${count ? "bad" : "good"}>${count ? t("trouble", { count }) : t("good")}</span>`
          : html`<span class="state" data-tone="off">${t("unknown")}</span>`}</div>
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

  #backup(): TemplateResult {
    return html`<section class="card" data-card="backup"><h2>${t("backup")}</h2>
      <p class="soft">${t("backupText")}</p>
      <div class="buttons">
        <button type="button" class="primary" ?disabled=${this.#making} @click=${() => this.#makeBackup()}>${t("makeBackup")}</button>
      </div>
      <p role="status">${this.#making ? t("making") : nothing}</p>
      ${this.#noBackup !== undefined ? problem(this.#noBackup, () => void this.#makeBackup(), true) : nothing}
      <p class="soft">${t("restoring")}</p>
      <p><code>gotapi restore ${nameOfDay("gotapi", "zip")}</code></p>
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
    keep(file, nameOfDay("gotapi-diagnostics", "json"));
    this.requestUpdate();
  }

  /** Makes a backup; it takes as long as it takes, so no time limit is set. */
  async #makeBackup(): Promise<void> {
    this.#making = true;
    this.#noBackup = undefined;
    this.requestUpdate();
    try {
      const answer = await operatorFetch("backup", { method: "POST" });
      if (!answer.ok) {
        const members = (await answer.json().catch(() => ({}))) as { readonly error?: string };
        throw new Refused(answer.status, members.error ?? `HTTP ${answer.status}`);
      }
      keep(await answer.blob(), nameOfDay("gotapi", "zip"));
    } catch (error) {
      this.#noBackup = error;
    }
    this.#making = false;
    this.requestUpdate();
  }
}
customElements.define("page-system", System);

function nameOfDay(name: string, end: string): string {
  return `${name}-${new Date().toISOString().slice(0, 10)}.${end}`;
}

function keep(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the download has begun by then
  tell(t("saved", { name }));
}

function more(): TemplateResult {
  return html`<section class="card"><h2>${t("more")}</h2>
    <p><a href="/operator" target="_blank" rel="noopener">${t("operatorPage")}</a></p>
    <p><a href="/console/licenses.txt" target="_blank" rel="noopener">${t("licenses")}</a></p>
  </section>`;
}
