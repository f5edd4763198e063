/** The shell: navigation, the state of the connection, and the page of the address. */
import { html, nothing, type TemplateResult } from "lit";
import { dropToken } from "./core/hub.js";
import { hubState, link, follow } from "./core/live.js";
import { act, dropKey } from "./core/operator.js";
import { PAGES, href, place, type Page } from "./core/pages.js";
import { Part } from "./core/part.js";
import { setTheme, theme, THEMES, type Theme } from "./core/theme.js";
import { locale, setLocale, words, type Locale } from "./core/words.js";
import { inWords, loading, problem } from "./parts/states.js";
import { tell } from "./parts/toast.js";
import { signInView } from "./sign-in.js";

const IN_BAR = 4; // pages in the bar of phones, beside "More"

const t = words({
  skip: ["Skip to the page", "本文へ移動"],
  pages: ["Pages", "ページ"],
  more: ["More", "その他"],
  language: ["Language", "言語"],
  look: ["Appearance", "外観"],
  system: ["System", "システム"],
  light: ["Light", "ライト"],
  dark: ["Dark", "ダーク"],
  signOut: ["Sign out", "サインアウト"],
  waits: ["{count} waiting", "{count} 件待機中"],
  nowhere: ["There is no such page", "ページが見つかりません"],
  nowhereText: ["Choose one in the navigation.", "メニューから選んでください。"],
  waiting: ["Connecting", "接続中"],
  live: ["Connected", "接続済み"],
  pause: ["Reconnecting", "再接続中"],
  missing: ["Hub not found", "ハブが見つかりません"],
  signedOut: ["Signed out", "サインアウト済み"],
  stopped: ["Stopped", "停止"],
  missingText: [
    "The hub does not answer. Perhaps it was stopped: start it with “gotapi run”. This page looks for it every few seconds, and shows until then what was last known.",
    "ハブが応答しません。停止している場合は「gotapi run」で起動してください。数秒ごとに再接続を試みます。それまでは最後の状態を表示します。",
  ],
  goneText: [
    "The hub does not answer, and this page has stopped looking for it. Start it with “gotapi run”, then try again.",
    "ハブが応答しないため、再接続を中止しました。「gotapi run」で起動してから再試行してください。",
  ],
  unloaded: [
    "This page could not be loaded. Look whether the hub runs, and try again. If the hub was updated, load the console again.",
    "ページを読み込めませんでした。ハブが動作しているか確認して再試行してください。ハブを更新した場合は、コンソールを再読み込みしてください。",
  ],
  again: ["Try again", "再試行"],
  safe: ["The hub is in safe mode", "セーフモードで動作中"],
  safeText: ["Only its own plug-ins run, because {why}.", "付属プラグインのみ動作しています（理由: {why}）。"],
});

class App extends Part {
  #loaded = new Map<string, HTMLElement | Error>();
  #menu = false;

  protected override render(): TemplateResult {
    const at = this.watch(place);
    const page = PAGES.find((one) => one.path === at.path);
    const state = this.watch(hubState);
    const waiting = PAGES.reduce((sum, one) => sum + (state ? (one.badge?.(state) ?? 0) : 0), 0);
    const name = page?.title() ?? t("nowhere");
    document.title = `${waiting ? `(${waiting}) ` : ""}${name} - gotapi-hub`;
    return html`
      <a class="skip" href="#page" @click=${this.#skip}>${t("skip")}</a>
      <aside class="side">
        <p class="brand"><img src="/console/icon.svg" alt="" width="28" height="28"> gotapi-hub</p>
        ${this.#nav(PAGES, at.path, t("pages"))}
        ${this.#link()} ${this.#tools()}
      </aside>
      <main id="page" tabindex="-1">
        ${this.#banner()} ${this.#safeMode()}
        <h1>${name}</h1>
        ${this.#body(page, at.rest)}
      </main>
      ${this.#bar(at.path)}
      <console-toasts></console-toasts>
    `;
  }

  #nav(pages: readonly Page[], path: string, label: string): TemplateResult {
    return html`<nav aria-label=${label}>
      <ul>${pages.map((page) => html`<li>${this.#item(page, path)}</li>`)}</ul>
    </nav>`;
  }

  #item(page: Page, path: string): TemplateResult {
    const state = hubState.value;
    const count = state ? (page.badge?.(state) ?? 0) : 0;
    return html`<a href=${href(page.path)} aria-current=${page.path === path ? "page" : nothing}
      @click=${() => this.#open(false)}>
      <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${page.icon}</svg>
      <span>${page.title()}</span>
      ${count ? html`<b class="badge" aria-label=${t("waits", { count })}>${count}</b>` : nothing}
    </a>`;
  }

  #bar(path: string): TemplateResult {
    const first = PAGES.slice(0, IN_BAR);
    const rest = PAGES.slice(IN_BAR);
    const here = rest.some((one) => one.path === path);
    return html`<div class="bar">
      <div class="sheet" ?hidden=${!this.#menu}>
        ${this.#nav(rest, path, t("more"))} ${this.#link()} ${this.#tools()}
      </div>
      <div class="tabs">
        ${this.#nav(first, path, t("pages"))}
        <button type="button" aria-expanded=${this.#menu} data-here=${here}
          @click=${() => this.#open(!this.#menu)}>
          <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
            <path d="M5 12h.01M12 12h.01M19 12h.01" stroke-width="3"></path>
          </svg>
          <span>${t("more")}</span>
        </button>
      </div>
    </div>`;
  }

  #open(menu: boolean): void {
    this.#menu = menu;
    this.requestUpdate();
  }

  #link(): TemplateResult {
    const { state } = this.watch(link);
    const say = {
      waiting: t("waiting"), live: t("live"), pause: t("pause"), missing: t("missing"),
      gone: t("missing"), "signed-out": t("signedOut"), refused: t("stopped"),
    }[state];
    return html`<p class="link" data-state=${state}>${say}
      ${hubState.value ? html`<small>${hubState.value.hub.version}</small>` : nothing}</p>`;
  }

  #tools(): TemplateResult {
    const look = { system: t("system"), light: t("light"), dark: t("dark") };
    return html`<div class="tools">
      <label>${t("language")}
        <select .value=${this.watch(locale)} @change=${(event: Event) => setLocale(picked(event) as Locale)}>
          <option value="en" lang="en" ?selected=${locale.value === "en"}>English</option>
          <option value="ja" lang="ja" ?selected=${locale.value === "ja"}>日本語</option>
        </select></label>
      <label>${t("look")}
        <select .value=${this.watch(theme)} @change=${(event: Event) => setTheme(picked(event) as Theme)}>
          ${THEMES.map((one) => html`<option value=${one} ?selected=${one === theme.value}>${look[one]}</option>`)}
        </select></label>
      ${hubState.value
        ? html`<button type="button" class="quiet" @click=${signOut}>${t("signOut")}</button>`
        : nothing}
    </div>`;
  }

  #banner(): TemplateResult | typeof nothing {
    const { state, message } = this.watch(link);
    if (state === "missing") return html`<div class="banner away" role="alert"><p>${t("missingText")}</p></div>`;
    if (state !== "gone" && state !== "refused") return nothing;
    return html`<div class="banner away" role="alert">
      <p>${state === "gone" ? t("goneText") : message}</p>
      <button type="button" @click=${follow}>${t("again")}</button>
    </div>`;
  }

  #safeMode(): TemplateResult | typeof nothing {
    const why = hubState.value?.hub.safeMode;
    if (!why) return nothing;
    return html`<div class="banner"><h2>${t("safe")}</h2><p>${t("safeText", { why })}</p></div>`;
  }

  #body(page: Page | undefined, rest: string): unknown {
    const { state } = this.watch(link);
    if (state === "signed-out") return signInView();
    if (hubState.value === null) return state === "waiting" ? loading() : nothing;
    if (page === undefined) return html`<p>${t("nowhereText")}</p>`;
    const known = this.#loaded.get(page.path);
    if (known instanceof Error) return problem(known, () => this.#load(page));
    if (known === undefined) {
      this.#load(page);
      return loading();
    }
    (known as HTMLElement & { rest: string }).rest = rest;
    return known;
  }

  #load(page: Page): void {
    page.load().then(
      () => {
        const made = document.createElement(`page-${page.path}`);
        made.className = "page";
        this.#loaded.set(page.path, made);
      },
      (error: unknown) => { this.#loaded.set(page.path, new Error(t("unloaded"), { cause: new TypeError(String(error)) })); },
    ).finally(() => this.requestUpdate());
  }

  #skip(event: Event): void {
    event.preventDefault();
    document.getElementById("page")?.focus();
  }
}
customElements.define("console-app", App);

function picked(event: Event): string {
  return (event.currentTarget as HTMLSelectElement).value;
}

async function signOut(): Promise<void> {
  try {
    await dropToken();
    await act("logout", {});
  } catch (error) {
    tell(inWords(error), "bad");
    return;
  }
  dropKey();
  location.assign("/");
}
