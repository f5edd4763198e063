/** One command at a time to the printer, and what it said. */
import { html } from "lit";
import { Part } from "../../core/part.js";
import { ask } from "../../parts/devices.js";
import { inWords } from "../../parts/states.js";
import { PROFILE, type Follow } from "./follow.js";
import { t } from "./text.js";

const KEPT = 200; // lines of the log

class GcodeConsole extends Part {
  declare printer: Follow;
  #log: { readonly kind: "sent" | "heard" | "refused"; readonly text: string }[] = [];
  #sent: string[] = [];
  #at = 0;
  #busy = false;

  protected override render() {
    return html`
      <p class="soft">${t("consoleText")}</p>
      <form class="command" @submit=${this.#send}>
        <label class="spoken" for="command-${this.printer.id}">${t("command")}</label>
        <input id="command-${this.printer.id}" type="text" maxlength="96" autocomplete="off"
          autocapitalize="characters" spellcheck="false" placeholder="M105"
          @keydown=${this.#key}>
        <button type="submit" aria-disabled=${this.#busy}>${t("send")}</button>
      </form>
      <div class="said" role="log" aria-label=${t("log")} tabindex="0">
        ${this.#log.map((one) => html`<p data-kind=${one.kind}><bdi>${one.text}</bdi></p>`)}
      </div>`;
  }

  #field(): HTMLInputElement {
    return this.querySelector("input") as HTMLInputElement;
  }

  async #send(event: Event): Promise<void> {
    event.preventDefault();
    const command = this.#field().value.trim();
    if (command === "" || this.#busy) return;
    this.#busy = true;
    this.#field().value = "";
    this.#sent = [...this.#sent.filter((one) => one !== command), command].slice(-50);
    this.#at = this.#sent.length;
    this.#say("sent", command);
    try {
      const answer = await ask<{ lines?: string[] }>("POST", PROFILE, "command", this.printer.id, { command });
      for (const line of answer.lines ?? []) this.#say("heard", line);
    } catch (error) {
      this.#say("refused", t("refused", { why: inWords(error) }));
    }
    this.#busy = false;
    this.requestUpdate();
  }

  #say(kind: "sent" | "heard" | "refused", text: string): void {
    this.#log = [...this.#log, { kind, text }].slice(-KEPT);
    this.requestUpdate();
    void this.updateComplete.then(() => {
      const said = this.querySelector(".said");
      if (said) said.scrollTop = said.scrollHeight;
    });
  }

  /** Up and down bring back what was sent before. */
  #key(event: KeyboardEvent): void {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step === undefined || this.#sent.length === 0) return;
    event.preventDefault();
    this.#at = Math.min(this.#sent.length, Math.max(0, this.#at + step));
    this.#field().value = this.#sent[this.#at] ?? "";
  }
}
customElements.define("gcode-console", GcodeConsole);
