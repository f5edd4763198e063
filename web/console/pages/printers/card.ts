/** The card in the printer: its files, and a print that the printer makes of one by itself. */
import { HubRefused } from "@gotapi/sdk";
import { html, nothing } from "lit";
import { Part } from "../../core/part.js";
import { bytes } from "../../core/words.js";
import { confirmed } from "../../parts/confirm.js";
import { ask } from "../../parts/devices.js";
import { inWords, loading, problem } from "../../parts/states.js";
import { tell } from "../../parts/toast.js";
import { PROFILE, type Follow } from "./follow.js";
import { BED, type CardFile, type CardPrint, type Status } from "./model.js";
import { t } from "./text.js";
import { stateWord, tone } from "./words-of.js";

const REFUSED = 16; // the printer cannot: no card, busy, not armed

/** What is done when the operator's code was right. */
interface Waiting {
  readonly words: string;
  readonly act: () => Promise<void>;
}

class PrinterCard extends Part {
  declare printer: Follow;
  #files: readonly CardFile[] | null = null;
  #failure: unknown = null;
  #busy = false;
  #waiting: Waiting | null = null;
  #refused = "";

  protected override render() {
    const status = this.watch(this.printer.status);
    if (!status?.online) return html`<p class="soft">${t("cardOffline")}</p>`;
    const idle = status.operatingStatus === "idle";
    if (idle && this.#files === null && this.#failure === null && !this.#busy) void this.#load();
    return html`
      ${this.#waiting ? this.#code(this.#waiting) : nothing}
      ${this.#busy ? loading(t("cardReading")) : this.#list(status)}
      <div class="buttons"><button type="button" class="quiet" aria-disabled=${this.#busy}
        @click=${() => this.#load()}>${this.#files === null ? t("cardRead") : t("cardRefresh")}</button></div>`;
  }

  #list(status: Status) {
    if (this.#failure !== null) return this.#failed(this.#failure);
    if (this.#files === null) return html`<p class="soft">${t("cardBusy")}</p>`;
    if (this.#files.length === 0) return html`<p class="soft">${t("cardEmpty")}</p>`;
    const why = hindrance(status);
    return html`
      <p class="soft">${why || t("cardText")}</p>
      <ul class="files" tabindex="0" aria-label=${t("cardFiles")}>${this.#files.map((file) =>
        this.#row(file, why !== "", status.operatingStatus !== "idle"))}</ul>`;
  }

  #failed(error: unknown) {
    const none = error instanceof HubRefused && error.code === REFUSED;
    return none
      ? html`<div role="status"><p>${t("cardNone")}</p><p class="soft"><bdi>${inWords(error)}</bdi></p></div>`
      : problem(error, () => void this.#load());
  }

  #row(file: CardFile, noPrint: boolean, noDelete: boolean) {
    const name = nameOf(file);
    const button = (word: "print" | "cardDelete", label: "cardPrintIt" | "cardDeleteIt", off: boolean, act: () => void) => html`
      <button type="button" class="quiet" aria-label=${t(label, { name })} aria-disabled=${off}
        @click=${() => (off ? undefined : act())}>${t(word)}</button>`;
    return html`<li>
      <span class="name"><bdi>${name}</bdi>
        <small>${file.size === null || file.size === undefined ? "" : bytes(file.size)}</small></span>
      <span class="row-acts">
        ${button("print", "cardPrintIt", noPrint, () => void this.#print(file))}
        ${button("cardDelete", "cardDeleteIt", noDelete, () => void this.#delete(file))}</span>
    </li>`;
  }

  /** Asks for the code, as nobody has looked at what is on the card. */
  #code(waiting: Waiting) {
    const id = this.printer.id.slice(0, this.printer.id.lastIndexOf("."));
    return html`<form class="banner arm" aria-label=${t("armTitle")} @submit=${(event: Event) => void this.#arm(event, waiting)}>
      <h4>${t("armTitle")}</h4>
      <p>${t("armText")}</p>
      <code>gotapi printers arm ${id}</code>
      <label>${t("armCode")} <input name="code" maxlength="32" autocomplete="off" autocapitalize="characters" spellcheck="false" required></label>
      ${this.#refused ? html`<p role="alert"><bdi>${this.#refused}</bdi></p>` : nothing}
      <div class="buttons">
        <button type="submit" class="primary">${waiting.words}</button>
        <button type="button" @click=${() => this.#ask(null)}>${t("cancel")}</button>
      </div>
    </form>`;
  }

  async #load(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    this.#failure = null;
    this.requestUpdate();
    try {
      this.#files = (await ask<{ files: CardFile[] }>("GET", PROFILE, "card", this.printer.id)).files;
    } catch (error) {
      this.#files = null;
      this.#failure = error;
    }
    this.#busy = false;
    this.requestUpdate();
  }

  async #print(file: CardFile): Promise<void> {
    const name = nameOf(file);
    const asked = { title: t("cardPrintTitle", { name }), text: t("cardPrintText"), action: t("print") };
    if (!(await confirmed(asked))) return;
    await this.#armed(t("print"), async () => {
      await ask("PUT", PROFILE, "cardprint", this.printer.id, { name: file.name });
      tell(t("cardBegun", { name }));
      this.printer.refresh();
    });
  }

  async #delete(file: CardFile): Promise<void> {
    const name = nameOf(file);
    const asked = { title: t("cardDeleteTitle", { name }), text: t("cardDeleteText"), action: t("cardDelete"), danger: true };
    if (!(await confirmed(asked))) return;
    await this.#armed(t("cardDelete"), async () => {
      const left = await ask<{ files: CardFile[] }>("DELETE", PROFILE, "card", this.printer.id, { name: file.name });
      this.#files = left.files;
      tell(t("cardDeleted", { name }));
      this.requestUpdate();
    });
  }

  /** Does it where the operator allows it now, else asks for the code first. */
  async #armed(words: string, act: () => Promise<void>): Promise<void> {
    try {
      const { armed } = await ask<{ armed: boolean }>("GET", PROFILE, "cardprint", this.printer.id);
      if (armed) await act();
      else this.#ask({ words, act });
    } catch (error) {
      tell(inWords(error), "bad");
    }
  }

  async #arm(event: Event, waiting: Waiting): Promise<void> {
    event.preventDefault();
    const code = String(new FormData(event.currentTarget as HTMLFormElement).get("code") ?? "").trim();
    try {
      await ask("PUT", PROFILE, "arm", this.printer.id, { code });
    } catch (error) {
      this.#refused = inWords(error);
      this.requestUpdate();
      return;
    }
    this.#ask(null);
    try {
      await waiting.act();
    } catch (error) {
      tell(inWords(error), "bad");
    }
  }

  #ask(waiting: Waiting | null): void {
    this.#waiting = waiting;
    this.#refused = "";
    this.requestUpdate();
    if (waiting) void this.updateComplete.then(() => this.querySelector<HTMLInputElement>(".arm input")?.focus());
  }
}
customElements.define("printer-card", PrinterCard);

/** Why nothing of the card can be printed or deleted now; empty where it can. */
function hindrance(status: Status): string {
  if (status.operatingStatus !== "idle") return t("cardWait");
  return (status.prompts ?? []).some((one) => one.id === BED) ? t("cardBed") : "";
}

function nameOf(file: CardFile): string {
  return file.longName || file.name;
}

/** What the printer prints from its card, with its buttons. */
export function cardJob(printer: Follow, one: CardPrint) {
  const share = one.size ? Math.min(1, one.position / one.size) : 0;
  const percent = `${Math.floor(share * 100)} %`;
  const name = one.name || t("cardUnnamed");
  const state = one.paused ? "paused" : "printing";
  return html`
    <div class="head"><p class="name"><strong><bdi>${name}</bdi></strong></p>
      <span class="state" data-tone=${tone(state)}>${stateWord(state)}</span></div>
    <progress max="1" .value=${share} aria-label=${name}>${percent}</progress>
    <p class="figures"><strong class="percent">${percent}</strong>
      <span class="soft">${t("cardAt", { done: bytes(one.position), size: bytes(one.size) })}</span></p>
    <p class="soft">${t("cardAlone")}</p>
    <div class="buttons">
      ${one.paused
        ? html`<button type="button" class="primary" @click=${() => order(printer, "PUT", "cardresume")}>${t("resume")}</button>`
        : html`<button type="button" @click=${() => order(printer, "PUT", "cardpause")}>${t("pause")}</button>`}
      <button type="button" @click=${() => stop(printer, name)}>${t("stop")}</button>
    </div>`;
}

async function order(printer: Follow, method: "PUT" | "DELETE", attribute: string): Promise<void> {
  try {
    await ask(method, PROFILE, attribute, printer.id);
  } catch (error) {
    tell(inWords(error), "bad");
  }
  printer.refresh();
}

async function stop(printer: Follow, name: string): Promise<void> {
  const asked = { title: t("stopTitle"), text: t("stopText", { name }), action: t("stop"), danger: true };
  if (await confirmed(asked)) await order(printer, "DELETE", "cardprint");
}
