/** Short news, for those who see the page and for those who hear it. */
import { html } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { Part } from "../core/part.js";
import { Store } from "../core/store.js";

const SHOWN = 6000; // ms

interface News {
  readonly id: number;
  readonly text: string;
  readonly tone: "good" | "bad";
}

const news = new Store<readonly News[]>([]);
let last = 0;

/** Says a short text. */
export function tell(text: string, tone: News["tone"] = "good"): void {
  last += 1;
  const id = last;
  news.set([...news.value.slice(-2), { id, text, tone }]);
  setTimeout(() => news.set(news.value.filter((one) => one.id !== id)), SHOWN);
}

class Toasts extends Part {
  protected override render() {
    return html`<div class="toasts" role="status" aria-live="polite">
      ${repeat(
        this.watch(news),
        (one) => one.id,
        (one) => html`<p class="toast" data-tone=${one.tone}>${one.text}</p>`,
      )}
    </div>`;
  }
}
customElements.define("console-toasts", Toasts);
